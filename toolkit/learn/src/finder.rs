//! The rate finder (Smith 2017; fastai's `lr_find`): a short training whose rate rises from step to step,
//! and what the course of its loss suggests.

use glossa_base::Outcome;

use crate::event::{Event, Flow, Scope};
use crate::history::History;
use crate::learner::{Learner, first};
use crate::objective::Objective;
use crate::training::{Phase, Training};
use crate::{Callback, Schedule};

/// Decay of the smoothed loss, and how many times its best value ends the sweep.
const SMOOTHING: f64 = 0.98;
const TOO_HIGH: f64 = 4.0;

/// Which rates to try.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sweep {
    /// The first rate.
    pub lowest: f64,
    /// The last one, if the loss lets it come so far.
    pub highest: f64,
    /// Steps from one to the other.
    pub steps: usize,
}

impl Default for Sweep {
    fn default() -> Self {
        Sweep { lowest: 1e-7, highest: 10.0, steps: 100 }
    }
}

impl Sweep {
    /// The rate of a step, from 0.
    fn rate(&self, step: usize) -> f64 {
        self.lowest * (self.highest / self.lowest).powf(step as f64 / self.steps as f64)
    }
}

/// The smoothed loss at each rate that was tried.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RateCourse {
    /// The last group's rates, rising.
    pub rates: Vec<f64>,
    /// The smoothed losses.
    pub losses: Vec<f64>,
}

/// Rates that a course suggests (fastai's four ways).
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Suggestions {
    /// Two thirds into the longest fall: a good rate as it is.
    pub valley: f64,
    /// Where, from the end, the slopes become alike again.
    pub slide: f64,
    /// A tenth of the rate with the lowest loss.
    pub minimum: f64,
    /// Where the loss falls fastest.
    pub steep: f64,
}

/// Runs a sweep with a phase's groups and optimizer. The learner has then changed its model: it is good for
/// nothing else.
///
/// # Errors
/// As [`Learner::fit`].
pub fn find_rate<O: Objective>(learner: Learner<'_, O>, phase: &Phase, sweep: Sweep) -> Outcome<RateCourse> {
    let phase = Phase {
        name: "find the rate".to_owned(),
        epochs: sweep.steps,
        schedule: Schedule::Constant { momentum: phase.schedule.at(0.0).momentum },
        ..phase.clone()
    };
    let mut learner = learner.with(RateFinder { sweep, loss: SmoothedLoss::default(), best: f64::INFINITY });
    learner = learner.with_roll_backs(0).reading_every(1);
    match learner.fit(&[phase]) {
        // Leaving the numbers ends the sweep as a high loss does.
        Err(failure) if !learner.has_diverged() => Err(failure),
        _ => Ok(RateCourse::of(&learner.training.history)),
    }
}

#[derive(Debug, Default)]
struct SmoothedLoss {
    sum: f64,
    weight: f64,
}

impl SmoothedLoss {
    fn add(&mut self, loss: f64) -> f64 {
        self.sum = SMOOTHING * self.sum + (1.0 - SMOOTHING) * loss;
        self.weight = SMOOTHING * self.weight + 1.0 - SMOOTHING;
        self.sum / self.weight
    }
}

struct RateFinder {
    sweep: Sweep,
    loss: SmoothedLoss,
    best: f64,
}

impl<O: Objective> Callback<O> for RateFinder {
    fn on(&mut self, event: Event, training: &mut Training<'_, O>) -> Outcome<Flow> {
        match (event, &training.loss) {
            (Event::BeforeBatch, _) => {
                let rate = self.sweep.rate(training.position.total_steps);
                let last = training.rate();
                training.hypers.iter_mut().for_each(|hyper| hyper.rate *= rate / last);
            }
            (Event::AfterLoss, Some(loss)) if !first(&loss.total)?.is_finite() => return Ok(Flow::Cancel(Scope::Fit)),
            (Event::AfterRead, _) => {
                let Some(reading) = training.reading else { return Ok(Flow::Continue) };
                let smoothed = self.loss.add(reading.loss);
                self.best = self.best.min(smoothed);
                if smoothed > TOO_HIGH * self.best || reading.position.total_steps + 1 >= self.sweep.steps {
                    return Ok(Flow::Cancel(Scope::Fit));
                }
            }
            (Event::BeforeValidate, _) => return Ok(Flow::Cancel(Scope::Validate)),
            _ => {}
        }
        Ok(Flow::Continue)
    }

    /// After the recorder has seen the step.
    fn order(&self) -> i32 {
        80
    }
}

impl RateCourse {
    fn of(history: &History) -> Self {
        let mut loss = SmoothedLoss::default();
        let losses = history.points.iter().map(|point| loss.add(f64::from(point.loss))).collect();
        RateCourse { rates: history.points.iter().map(|point| f64::from(point.rate)).collect(), losses }
    }

    /// What the course suggests; its first tenth and its last five points are left out. Nothing where too
    /// few points remain.
    pub fn suggestions(&self) -> Option<Suggestions> {
        let used = self.rates.len() / 10..self.rates.len().saturating_sub(5);
        let (rates, losses) = (self.rates.get(used.clone())?, self.losses.get(used)?);
        (rates.len() >= 3).then(|| Suggestions {
            valley: valley(rates, losses),
            slide: slide(rates, losses),
            minimum: rates[lowest(losses)] / 10.0,
            steep: steep(rates, losses),
        })
    }
}

/// The place of the smallest number, the first of equals.
fn lowest(values: &[f64]) -> usize {
    values.iter().enumerate().min_by(|one, other| one.1.total_cmp(other.1)).map_or(0, |(index, _)| index)
}

/// Two thirds into the longest falling subsequence, as fastai counts it: its start may be -1.
fn valley(rates: &[f64], losses: &[f64]) -> f64 {
    let mut lengths = vec![1_usize; losses.len()];
    let (mut start, mut end) = (0, 0);
    for i in 1..losses.len() {
        for j in 0..i {
            if losses[i] < losses[j] && lengths[i] < lengths[j] + 1 {
                lengths[i] = lengths[j] + 1;
            }
            if lengths[end] < lengths[i] {
                (end, start) = (i, i as isize - lengths[i] as isize);
            }
        }
    }
    let section = (end as isize - start) as f64 / 3.0;
    let at = start + section as isize + (section / 2.0) as isize;
    rates[(at.max(0) as usize).min(rates.len() - 1)]
}

/// Central differences, one-sided at the ends.
fn slopes(values: &[f64]) -> Vec<f64> {
    let last = values.len() - 1;
    let slope = |index: usize| match index {
        0 => values[1] - values[0],
        index if index == last => values[last] - values[last - 1],
        index => (values[index + 1] - values[index - 1]) / 2.0,
    };
    (0..=last).map(slope).collect()
}

/// Slides an interval of fifteen points from the end until the slopes at its ends are alike.
fn slide(rates: &[f64], losses: &[f64]) -> f64 {
    const WIDTH: usize = 15;
    const ALIKE: f64 = 0.005;
    let slopes = slopes(losses);
    let last = slopes.len() - 1;
    let mut right = last;
    let mut found = rates[last.saturating_sub(WIDTH)];
    while right >= WIDTH && (slopes[right] - slopes[right - WIDTH]).abs() > ALIKE {
        found = rates[right - WIDTH];
        right -= 1;
    }
    found
}

fn steep(rates: &[f64], losses: &[f64]) -> f64 {
    let slope = |index: usize| (losses[index + 1] - losses[index]) / (rates[index + 1].ln() - rates[index].ln());
    rates[lowest(&(0..losses.len() - 1).map(slope).collect::<Vec<_>>())]
}
