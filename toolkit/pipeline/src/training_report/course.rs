//! The part of a training's report that tells how it went: curves over steps and epochs, the epochs in
//! numbers, roll-backs, and where the time went.

use std::collections::BTreeSet;
use std::time::Duration;

use glossa_learn::{Clock, EpochRecord, StepPoint};
use glossa_recipes::Course;

use crate::report::{LineChart, Page, Scale, Series};

/// Fewer points than this need no smoothing.
const SMOOTHED_FROM: usize = 60;
/// A loss that spans more than this factor is drawn on a logarithmic axis.
const WIDE_SPAN: f64 = 1000.0;

/// Curves and epochs; nothing where no step was taken.
pub(super) fn course(page: &mut Page, course: &Course) {
    let points = &course.history.points;
    if points.is_empty() && course.records.is_empty() {
        return;
    }
    page.section("How it went");
    page.lines(&loss_chart(points, &course.records));
    let rate = step_chart("Learning rate of the last group of layers", points, |point| point.rate);
    let momentum = step_chart("Momentum (Adam's first beta)", points, |point| point.momentum);
    page.charts(&[rate, momentum]);
    let charts: Vec<LineChart> =
        metric_names(&course.records).iter().map(|name| metric_chart(name, &course.records)).collect();
    page.charts(&charts);
    epochs(page, &course.records);
}

/// What each time was not finite, and what was done about it.
pub(super) fn trouble(page: &mut Page, attempts: &[String], stopped: bool) {
    if attempts.is_empty() {
        return;
    }
    page.section("Where it left the finite numbers");
    for (index, attempt) in attempts.iter().enumerate() {
        page.paragraph(&format!("{}. {attempt}", index + 1));
    }
    let which = if stopped { "After each of these but the last" } else { "After each of these" };
    page.note(&format!(
        "{which} it went back to a checkpoint and on with half the rate. The curves show the last attempt."
    ));
}

/// The last validation on one line.
pub(super) fn last_metrics(record: &EpochRecord) -> Option<String> {
    let metrics: Vec<String> = record.validation.iter().map(|(name, value)| format!("{name} {value:.4}")).collect();
    (!metrics.is_empty()).then(|| metrics.join(", "))
}

fn loss_chart(points: &[StepPoint], records: &[EpochRecord]) -> LineChart {
    let losses: Vec<(f64, f64)> = points.iter().map(|point| (point.step as f64, f64::from(point.loss))).collect();
    let mut series = vec![Series::new("training", losses.clone())];
    if losses.len() >= SMOOTHED_FROM {
        series = vec![
            Series { pale: true, ..Series::new("training", losses.clone()) },
            Series::new("smoothed", smoothed(&losses)),
        ];
    }
    let judged: Vec<(f64, f64)> = records
        .iter()
        .filter_map(|record| record.validation.get("loss").map(|loss| (record.step as f64, *loss)))
        .collect();
    if !judged.is_empty() {
        series.push(Series::new("validation", judged));
    }
    LineChart {
        caption:
            "Loss by step. In training it is what is minimised, with dropout, regularisation and label smoothing; \
                  in validation it is the negative log-likelihood in nats alone."
                .to_owned(),
        across: "step".to_owned(),
        up_scale: scale_of(&losses),
        series,
        ..LineChart::default()
    }
}

/// Logarithmic where the lowest values would lie on the ground otherwise.
fn scale_of(points: &[(f64, f64)]) -> Scale {
    let values = || points.iter().map(|point| point.1);
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
    if low > 0.0 && high / low > WIDE_SPAN { Scale::Logarithmic } else { Scale::Linear }
}

/// The mean over a fortieth of the course around each point, so that nothing lags.
fn smoothed(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let half = points.len() / 80;
    let smooth = |(index, point): (usize, &(f64, f64))| {
        let window = points.get(index.saturating_sub(half)..=(index + half).min(points.len() - 1)).unwrap_or_default();
        (point.0, window.iter().map(|point| point.1).sum::<f64>() / window.len().max(1) as f64)
    };
    points.iter().enumerate().map(smooth).collect()
}

fn step_chart(caption: &str, points: &[StepPoint], value: impl Fn(&StepPoint) -> f32) -> LineChart {
    let points = points.iter().map(|point| (point.step as f64, f64::from(value(point)))).collect();
    LineChart {
        caption: caption.to_owned(),
        across: "step".to_owned(),
        series: vec![Series::new("", points)],
        ..LineChart::default()
    }
}

/// What validation measured, and the loss in any case.
fn metric_names(records: &[EpochRecord]) -> BTreeSet<&str> {
    let measured = records.iter().flat_map(|record| record.validation.keys().map(String::as_str));
    measured.chain((!records.is_empty()).then_some("loss")).collect()
}

fn metric_chart(name: &str, records: &[EpochRecord]) -> LineChart {
    let points = |value: &dyn Fn(&EpochRecord) -> Option<f64>| -> Vec<(f64, f64)> {
        records.iter().filter_map(|record| Some((record.epoch as f64, value(record)?))).collect()
    };
    let judged = points(&|record| record.validation.get(name).copied());
    let mut series = vec![Series::new("validation", judged)];
    if name == "loss" {
        series.insert(0, Series::new("training", points(&|record| Some(record.train_likelihood))));
    }
    series.retain(|series| !series.points.is_empty());
    let caption = match name {
        "loss" => "Negative log-likelihood by epoch, in nats; lower is better",
        "perplexity" => "Perplexity by piece; lower is better",
        "accuracy" => "Share of right answers",
        other => other,
    };
    LineChart { caption: caption.to_owned(), across: "epoch".to_owned(), series, ..LineChart::default() }
}

fn epochs(page: &mut Page, records: &[EpochRecord]) {
    let names: BTreeSet<&str> =
        records.iter().flat_map(|record| record.validation.keys().map(String::as_str)).collect();
    let titles: Vec<String> = names.iter().map(|name| format!("validation {name}")).collect();
    let mut head = vec!["epoch", "phase", "steps", "minimised", "training loss"];
    head.extend(titles.iter().map(String::as_str));
    let row = |record: &EpochRecord| {
        let mut row = vec![record.epoch.to_string(), record.phase.clone(), record.step.to_string()];
        row.extend([record.train_loss, record.train_likelihood].map(|value| format!("{value:.4}")));
        let value = |name: &&str| record.validation.get(*name).map_or_else(String::new, |value| format!("{value:.4}"));
        row.extend(names.iter().map(value));
        row
    };
    let rows: Vec<Vec<String>> = records.iter().map(row).collect();
    if !rows.is_empty() {
        page.table(&head, &rows);
        page.note(
            "Losses are negative log-likelihoods in nats; what is minimised has regularisation and smoothing besides.",
        );
    }
}

/// Where the time went; nothing where none was taken.
pub(super) fn times(page: &mut Page, clock: &Clock) {
    if clock.whole == Duration::ZERO {
        return;
    }
    let parts = [
        ("batches", clock.batches),
        ("predictions and losses", clock.forward),
        ("gradients", clock.backward),
        ("optimizer", clock.update),
        ("validation", clock.validation),
        ("callbacks", clock.callbacks),
        ("checkpoints", clock.checkpoints),
        ("the loop itself", clock.own()),
        ("all of it", clock.whole),
    ];
    let whole = clock.whole.as_secs_f64();
    let row = |(name, time): (&str, Duration)| {
        let seconds = time.as_secs_f64();
        vec![name.to_owned(), format!("{seconds:.2}"), format!("{:.1} %", 100.0 * seconds / whole)]
    };
    page.section("Where the time went").table(&["what", "seconds", "share"], &parts.map(row));
    page.note("Time of training alone, counted since the last interruption.");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_keeps_the_slope_and_drops_the_noise() {
        let noise = |step: u32| if step.is_multiple_of(2) { 5.0 } else { -5.0 };
        let points: Vec<(f64, f64)> = (0..900).map(|step| (f64::from(step), f64::from(step) + noise(step))).collect();
        let smooth = smoothed(&points);
        assert_eq!(smooth.len(), 900);
        assert!(smooth[20..880].iter().all(|point| (point.0 - point.1).abs() < 1.0));
        assert!(smoothed(&[]).is_empty());
    }

    #[test]
    fn wide_losses_are_drawn_in_decades() {
        assert_eq!(scale_of(&[(1.0, 5.0), (2.0, 1e9)]), Scale::Logarithmic);
        assert_eq!(scale_of(&[(1.0, 5.0), (2.0, 0.0)]), Scale::Linear);
        assert_eq!(scale_of(&[(1.0, 5.0), (2.0, 3.0)]), Scale::Linear);
    }

    #[test]
    fn a_training_without_a_step_has_no_curves() {
        let mut page = Page::new("a", "b");
        course(&mut page, &Course::default());
        times(&mut page, &Clock::default());
        trouble(&mut page, &[], true);
        assert!(!page.finish().contains("<section>"));
    }
}
