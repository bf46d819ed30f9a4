//! Draws the schedules of a recipe: how rate and momentum are to move through the phases of pretraining,
//! fine-tuning and classification. How they did move is told by the report of each training.

use std::path::Path;

use glossa_base::Outcome;
use glossa_base::atomic::write_file;
use glossa_learn::Phase;
use glossa_learn::schedule::Setting;
use glossa_recipes::{Recipe, classification, language_modelling};

use crate::report::{LineChart, Page, Series};
use crate::stage::json;

/// Points of a phase's curve.
const POINTS: usize = 300;

/// Writes a page with the schedules of a recipe.
///
/// # Errors
/// What the disk says.
pub fn draw(recipe: &Recipe, out: &Path) -> Outcome<()> {
    // An encoder's layers, with the embedding or decoder as one more group, and the head as another.
    let layers = recipe.encoder.layer_count;
    let stages = [
        ("Pretraining", language_modelling::pretraining_phases(layers + 1, &recipe.pretrain)),
        ("Fine-tuning", language_modelling::finetuning_phases(layers + 1, &recipe.finetune)),
        ("Classification", classification::phases(layers + 2, &recipe.classify)),
    ];
    let lead = "How rate and momentum move through the phases of a recipe, one after the other.";
    let mut page = Page::new(&format!("Schedules of {}", recipe.name), lead);
    for (title, phases) in &stages {
        page.section(title);
        stage(&mut page, phases)?;
    }
    page.section("Every setting").folded("The recipe", &recipe.to_toml());
    write_file(out, page.finish().as_bytes())
}

fn stage(page: &mut Page, phases: &[Phase]) -> Outcome<()> {
    let phases: Vec<&Phase> = phases.iter().filter(|phase| phase.epochs > 0).collect();
    if phases.is_empty() {
        page.paragraph("No epochs.");
        return Ok(());
    }
    let last = |phase: &Phase, setting: &Setting| phase.rates.last().map(|rate| rate * setting.factor);
    let mut series = vec![Series::new("last group", curve(&phases, last))];
    if phases.iter().any(|phase| first_rate(phase) != phase.rates.last().copied()) {
        let first = |phase: &Phase, setting: &Setting| first_rate(phase).map(|rate| rate * setting.factor);
        series.push(Series::new("first group that learns", curve(&phases, first)));
    }
    let rate = chart("Learning rate", series);
    let momentum = curve(&phases, |_, setting| Some(setting.momentum));
    page.charts(&[rate, chart("Momentum (Adam's first beta)", vec![Series::new("", momentum)])]);
    let rows = phases.iter().map(|phase| row(phase)).collect::<Outcome<Vec<_>>>()?;
    page.table(&["phase", "epochs", "schedule", "groups that learn", "highest rates"], &rows);
    Ok(())
}

fn first_rate(phase: &Phase) -> Option<f64> {
    phase.rates.get(phase.freezing.first_group).copied()
}

/// A value over the epochs of all phases.
fn curve(phases: &[&Phase], value: impl Fn(&Phase, &Setting) -> Option<f64>) -> Vec<(f64, f64)> {
    let (mut points, mut begin) = (Vec::new(), 0.0);
    for phase in phases {
        let epochs = phase.epochs as f64;
        for (index, setting) in phase.schedule.curve(POINTS).iter().enumerate() {
            let share = index as f64 / (POINTS - 1) as f64;
            points.extend(value(phase, setting).map(|value| (begin + share * epochs, value)));
        }
        begin += epochs;
    }
    points
}

fn chart(caption: &str, series: Vec<Series>) -> LineChart {
    LineChart { caption: caption.to_owned(), across: "epoch".to_owned(), series, ..LineChart::default() }
}

fn row(phase: &Phase) -> Outcome<Vec<String>> {
    let kind = json(&phase.schedule)?.get("kind").and_then(|kind| kind.as_str()).unwrap_or_default().to_owned();
    let (first, count) = (phase.freezing.first_group, phase.rates.len());
    let groups = if first == 0 {
        format!("all {count}")
    } else {
        format!("the last {} of {count}", count.saturating_sub(first))
    };
    let mut rates: Vec<String> = [first_rate(phase), phase.rates.last().copied()]
        .into_iter()
        .flatten()
        .map(|rate| format!("{rate:.2e}"))
        .collect();
    rates.dedup();
    Ok(vec![phase.name.clone(), phase.epochs.to_string(), kind, groups, rates.join(" to ")])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_can_be_drawn() {
        let folder = tempfile::tempdir().unwrap();
        for name in glossa_recipes::recipe::preset_names() {
            let out = folder.path().join(format!("{name}.html"));
            draw(&Recipe::preset(name).unwrap(), &out).unwrap();
            let page = std::fs::read_to_string(&out).unwrap();
            assert_eq!(page.matches("<figure>").count(), 6, "{name}");
        }
    }

    #[test]
    fn phases_follow_each_other() {
        let recipe = Recipe::preset("tiny").unwrap();
        let phases = language_modelling::finetuning_phases(3, &recipe.finetune);
        let phases: Vec<&Phase> = phases.iter().collect();
        let points = curve(&phases, |_, setting| Some(setting.factor));
        assert_eq!(points.len(), 2 * POINTS);
        assert!(points.is_sorted_by(|one, other| one.0 <= other.0) && points[2 * POINTS - 1].0 == 2.0);
    }
}
