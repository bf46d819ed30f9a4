//! Two systems on the same items: the difference of their scores with an interval, two tests, and a verdict in
//! words; how far they agree and where they differ. Several seeds of each system and several tasks are averaged.
//! It ranks no more than two systems, and corrects for no multiple comparisons.
//!
//! What is drawn again is the item. Tasks whose items have the same ids (the same sentences in other languages,
//! as in SIB-200) are drawn jointly: a sentence that is hard in one language tends to be hard in the others, and
//! drawing them apart would make the interval too narrow.

mod agreement;
mod items;
mod metric;
mod resample;
mod seeds;
mod words;

pub use agreement::{Agreement, agreement, agreement_of};
pub use metric::Metric;
pub use seeds::SeedTest;

use serde::Serialize;

use crate::{Error, Interval, Prediction};
use items::{Group, TaskTable};
pub(crate) use items::{check_rows, in_order};

/// The version of the comparison's format.
pub const FORMAT: u32 = 1;

/// The usual number of resamples of each test.
pub const RESAMPLES: usize = 10_000;

/// Below this a p-value counts as shown.
pub const LEVEL: f64 = 0.05;

/// What one trained model answered on one task.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Name of the task; the same for all runs where there is one task.
    pub task: String,
    /// Seed of the training, where it is known.
    pub seed: Option<u64>,
    /// The answers, with gold labels. With ids on all rows they may stand in any order.
    pub predictions: Vec<Prediction>,
}

/// A system: one run or several seeds on each of one or several tasks.
#[derive(Debug, Clone, PartialEq)]
pub struct System {
    /// Its name in the verdict.
    pub name: String,
    /// Its runs. All tasks have the same number of seeds.
    pub runs: Vec<Run>,
}

impl System {
    /// A system with one run on one task without a name.
    pub fn of(name: &str, predictions: Vec<Prediction>) -> Self {
        System { name: name.to_owned(), runs: vec![Run { task: String::new(), seed: None, predictions }] }
    }
}

/// What to compare by, and how often to draw.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The score that is compared.
    pub metric: Metric,
    /// Resamples of the bootstrap, and shuffles of the randomisation.
    pub resamples: usize,
    /// Seed of both.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { metric: Metric::Accuracy, resamples: RESAMPLES, seed: 0 }
    }
}

/// The scores of one system.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Side {
    /// Name of the system.
    pub name: String,
    /// Mean over tasks and seeds.
    pub score: f64,
    /// Mean over tasks, one for each seed, in order of the seeds.
    pub seeds: Vec<f64>,
    /// Standard deviation over the seeds (with n - 1); nothing with one.
    pub spread: Option<f64>,
}

/// Both systems on one task, means over seeds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskDifference {
    /// Name of the task.
    pub task: String,
    /// Number of items.
    pub items: usize,
    /// Score of the left system.
    pub left: f64,
    /// Score of the right system.
    pub right: f64,
    /// Left less right.
    pub difference: f64,
}

/// What the tests say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The left system is better: the interval excludes 0, and so does the randomisation test.
    LeftBetter,
    /// The right system is better, likewise.
    RightBetter,
    /// Neither test shows a difference. This does not show that there is none.
    NotShown,
    /// One of the two tests shows a difference, the other does not.
    Borderline,
}

/// The difference between two systems.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Version of this format.
    pub format: u32,
    /// Name of the metric.
    pub metric: String,
    /// The left system.
    pub left: Side,
    /// The right system.
    pub right: Side,
    /// Task by task.
    pub tasks: Vec<TaskDifference>,
    /// What was drawn: items, or sentences that stand for the same item of several tasks.
    pub units: usize,
    /// Are there tasks whose items were drawn jointly?
    pub joint: bool,
    /// Score of the left system less that of the right.
    pub difference: f64,
    /// The 95 % interval of the difference by the paired bootstrap: items are drawn again, and seeds where a
    /// system has several.
    pub interval: Interval,
    /// Two-sided p-value of the paired bootstrap: how often the resampled difference is at least as far from the
    /// observed one as that is from 0.
    pub bootstrap_p: f64,
    /// Two-sided p-value of approximate randomisation (Noreen 1989): how often the difference is at least as large
    /// when the answers to each item are swapped at random. Nothing where the numbers of seeds differ.
    pub randomisation_p: Option<f64>,
    /// The seeds against each other, where both systems have several.
    pub seeds: Option<SeedTest>,
    /// What the tests say together.
    pub verdict: Verdict,
    /// The verdict as sentences.
    pub words: String,
    /// What decides the figures.
    pub signature: String,
}

/// Compares two systems, item by item.
///
/// # Errors
/// [`Error::NotComparable`] where tasks, items, gold labels or numbers of seeds do not fit; [`Error::NoGold`],
/// [`Error::Empty`], [`Error::TooManyLabels`].
pub fn compare(left: &System, right: &System, options: &Options) -> Result<Comparison, Error> {
    let groups = items::groups(left, right, &options.metric)?;
    let observed = resample::observed(&groups, &options.metric);
    let difference = observed.left - observed.right;
    let bootstrap = resample::bootstrap(&groups, options, difference);
    let randomisation_p = resample::randomisation(&groups, options, difference);
    let (left, right) = (side(left, &groups, options, true), side(right, &groups, options, false));
    let mut comparison = Comparison {
        format: FORMAT,
        metric: options.metric.to_string(),
        tasks: tasks(&groups, options),
        units: groups.iter().map(|group| group.unit_row.len()).sum(),
        joint: groups.iter().any(|group| group.tasks.len() > 1),
        difference,
        interval: bootstrap.interval,
        bootstrap_p: bootstrap.p,
        randomisation_p,
        seeds: seeds::test(&left.seeds, &right.seeds, options.seed),
        verdict: Verdict::NotShown,
        words: String::new(),
        signature: String::new(),
        left,
        right,
    };
    comparison.verdict = verdict(&comparison, options.metric.lower_is_better());
    comparison.words = words::verdict(&comparison);
    comparison.signature = words::signature(&comparison, options);
    Ok(comparison)
}

/// The score of predictions that carry gold labels.
///
/// # Errors
/// As [`compare`] for the rows.
pub fn score_of(predictions: &[Prediction], metric: &Metric) -> Result<f64, Error> {
    let system = System::of("it", predictions.to_vec());
    Ok(resample::observed(&items::groups(&system, &system, metric)?, metric).left)
}

/// The 95 % interval of one score: items are drawn again.
///
/// # Errors
/// As [`compare`] for the rows.
pub fn interval_of(predictions: &[Prediction], options: &Options) -> Result<Interval, Error> {
    interval_of_system(&System::of("it", predictions.to_vec()), options)
}

/// The 95 % interval of a system's mean score over its tasks and seeds: items are drawn again, and its runs too where
/// it has several seeds.
///
/// # Errors
/// As [`compare`] for the rows.
pub fn interval_of_system(system: &System, options: &Options) -> Result<Interval, Error> {
    Ok(resample::single(&items::groups(system, system, &options.metric)?, options))
}

fn side(system: &System, groups: &[Group], options: &Options, left: bool) -> Side {
    let tables: Vec<&TaskTable> = groups.iter().flat_map(|group| &group.tasks).collect();
    let runs = tables.first().map_or(0, |table| table.runs(left).len());
    let of_seed = |seed: usize| {
        let scores = groups.iter().flat_map(|group| {
            let weights = group.weights();
            let score = move |table: &TaskTable| table.score(&options.metric, left, seed, &weights);
            group.tasks.iter().map(score).collect::<Vec<f64>>()
        });
        mean(&scores.collect::<Vec<f64>>())
    };
    let seeds: Vec<f64> = (0..runs).map(of_seed).collect();
    Side { name: system.name.clone(), score: mean(&seeds), spread: spread(&seeds), seeds }
}

fn tasks(groups: &[Group], options: &Options) -> Vec<TaskDifference> {
    let mut tasks = Vec::new();
    for group in groups {
        let weights = group.weights();
        for table in &group.tasks {
            let score = |left: bool| table.mean_score(&options.metric, left, &weights);
            let (left, right) = (score(true), score(false));
            let (task, items) = (table.name.clone(), group.unit_row.len());
            tasks.push(TaskDifference { task, items, left, right, difference: left - right });
        }
    }
    tasks
}

fn verdict(comparison: &Comparison, lower_is_better: bool) -> Verdict {
    let Interval { low, high, .. } = comparison.interval;
    let by_bootstrap = low > 0.0 || high < 0.0;
    let by_randomisation = comparison.randomisation_p.map_or(by_bootstrap, |p| p < LEVEL);
    match (by_bootstrap, by_randomisation) {
        (true, true) if (comparison.difference > 0.0) != lower_is_better => Verdict::LeftBetter,
        (true, true) => Verdict::RightBetter,
        (false, false) => Verdict::NotShown,
        _ => Verdict::Borderline,
    }
}

/// Mean, and standard deviation with n - 1; no deviation for fewer than two values.
pub fn mean_and_spread(values: &[f64]) -> (f64, Option<f64>) {
    (mean(values), spread(values))
}

pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Standard deviation with n - 1; nothing for fewer than two values.
pub(crate) fn spread(values: &[f64]) -> Option<f64> {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (values.len() - 1) as f64).sqrt())
}
