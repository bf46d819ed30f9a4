//! The paired bootstrap (Efron 1979; Koehn 2004) and approximate randomisation (Noreen 1989). Each resample is a
//! pure function of the seed and its number, so that threads cannot matter.

use glossa_base::seed::{Purpose, Stream};

use super::items::{Group, TaskTable};
use super::{Metric, Options, mean};
use crate::bootstrap::{Interval, interval};

/// Which draws a stream is for; the intervals of single scores have 0.
const ITEMS: u64 = 1;
const SWAPS: u64 = 2;
const RUNS: u64 = 3;

/// Mean scores over tasks and seeds.
pub(super) struct Scores {
    pub(super) left: f64,
    pub(super) right: f64,
}

/// What the bootstrap finds.
pub(super) struct Bootstrap {
    pub(super) interval: Interval,
    pub(super) p: f64,
}

/// The scores on all items, once each.
pub(super) fn observed(groups: &[Group], metric: &Metric) -> Scores {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for group in groups {
        let weights = group.weights();
        left.extend(group.tasks.iter().map(|table| table.mean_score(metric, true, &weights)));
        right.extend(group.tasks.iter().map(|table| table.mean_score(metric, false, &weights)));
    }
    Scores { left: mean(&left), right: mean(&right) }
}

/// Draws items again, and runs where there are several, and looks how the difference moves.
pub(super) fn bootstrap(groups: &[Group], options: &Options, difference: f64) -> Bootstrap {
    let drawn = for_each(options.resamples, |resample| {
        let mut differences = Vec::new();
        for (place, group) in groups.iter().enumerate() {
            let weights = draw(group, stream(options, ITEMS, resample, place));
            let runs = stream(options, RUNS, resample, 0);
            let side = |table: &TaskTable, left: bool| drawn_score(table, left, &options.metric, &weights, runs);
            differences.extend(group.tasks.iter().map(|table| side(table, true) - side(table, false)));
        }
        mean(&differences)
    });
    let reaches = |value: &&f64| (**value - difference).abs() >= difference.abs() - 1e-12;
    let p = share(drawn.iter().filter(reaches).count(), drawn.len());
    if drawn.is_empty() {
        return Bootstrap { interval: Interval { low: f64::NEG_INFINITY, high: f64::INFINITY, resamples: 0 }, p };
    }
    Bootstrap { interval: interval(drawn), p }
}

/// Draws items again, and runs where there are several, and looks how the left side's score moves.
pub(super) fn single(groups: &[Group], options: &Options) -> Interval {
    let drawn = for_each(options.resamples.max(1), |resample| {
        let mut scores = Vec::new();
        for (place, group) in groups.iter().enumerate() {
            let weights = draw(group, stream(options, ITEMS, resample, place));
            let runs = stream(options, RUNS, resample, 0);
            let score = |table: &TaskTable| drawn_score(table, true, &options.metric, &weights, runs);
            scores.extend(group.tasks.iter().map(score));
        }
        mean(&scores)
    });
    interval(drawn)
}

/// Swaps the answers of the two systems item by item, and looks how often the difference is as large. Nothing
/// where the systems have different numbers of runs, which cannot be swapped.
pub(super) fn randomisation(groups: &[Group], options: &Options, difference: f64) -> Option<f64> {
    let pairs = |table: &TaskTable| table.runs(true).len() == table.runs(false).len();
    if !groups.iter().flat_map(|group| &group.tasks).all(pairs) {
        return None;
    }
    let all: Vec<Vec<u32>> = groups.iter().map(Group::weights).collect();
    let drawn = for_each(options.resamples, |resample| {
        let mut differences = Vec::new();
        for (place, (group, all)) in groups.iter().zip(&all).enumerate() {
            let swapped = swap(group, stream(options, SWAPS, resample, place));
            let kept: Vec<u32> = all.iter().zip(&swapped).map(|(all, swapped)| all - swapped).collect();
            let tables = group.tasks.iter();
            differences.extend(tables.map(|table| swapped_difference(table, &options.metric, &kept, &swapped)));
        }
        mean(&differences)
    });
    // Sums in another order differ in the last bits: equal differences must count as equal.
    let reaches = |value: &&f64| value.abs() >= difference.abs() - 1e-12;
    Some(share(drawn.iter().filter(reaches).count(), drawn.len()))
}

fn stream(options: &Options, draws: u64, resample: usize, group: usize) -> Stream {
    Stream::new(options.seed, Purpose::Bootstrap, draws, resample as u64).part(group as u64)
}

/// The observed order is one of the shuffles, and so no p-value is 0.
fn share(count: usize, all: usize) -> f64 {
    (count + 1) as f64 / (all + 1) as f64
}

/// How many of the drawn items fall on each row.
fn draw(group: &Group, stream: Stream) -> Vec<u32> {
    let mut weights = vec![0; group.rows()];
    let items = group.unit_row.len();
    for index in 0..items {
        let item = stream.below(index as u64, items);
        weights[group.unit_row[item] as usize] += 1;
    }
    weights
}

/// How many items of each row are swapped: one random bit an item.
fn swap(group: &Group, stream: Stream) -> Vec<u32> {
    let mut swapped = vec![0; group.rows()];
    for (word, rows) in group.unit_row.chunks(64).enumerate() {
        let bits = stream.bits(word as u64);
        for (place, &row) in rows.iter().enumerate() {
            swapped[row as usize] += (bits >> place & 1) as u32;
        }
    }
    swapped
}

/// The mean score over runs that are drawn again, the same ones for every task.
fn drawn_score(table: &TaskTable, left: bool, metric: &Metric, weights: &[u32], stream: Stream) -> f64 {
    let runs = table.runs(left).len();
    let stream = stream.part(1 + u64::from(left));
    let score = |run: usize| table.score(metric, left, run, weights);
    if runs == 1 {
        return score(0);
    }
    let scores: Vec<f64> = (0..runs).map(score).collect();
    let drawn = (0..runs as u64).map(|run| scores.get(stream.below(run, runs)).copied().unwrap_or(0.0));
    drawn.sum::<f64>() / runs as f64
}

fn swapped_difference(table: &TaskTable, metric: &Metric, kept: &[u32], swapped: &[u32]) -> f64 {
    let pairs = table.runs(true).iter().zip(table.runs(false));
    let differences = pairs.map(|(left, right)| {
        table.of_parts(metric, &[(left, kept), (right, swapped)])
            - table.of_parts(metric, &[(right, kept), (left, swapped)])
    });
    mean(&differences.collect::<Vec<f64>>())
}

/// One value for each resample, in their order, computed on all cores.
fn for_each(resamples: usize, value: impl Fn(usize) -> f64 + Sync) -> Vec<f64> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(resamples.max(1));
    let mut values = vec![0.0; resamples];
    let share = resamples.div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        for (chunk, values) in values.chunks_mut(share).enumerate() {
            let value = &value;
            scope.spawn(move || {
                for (place, slot) in values.iter_mut().enumerate() {
                    *slot = value(chunk * share + place);
                }
            });
        }
    });
    values
}
