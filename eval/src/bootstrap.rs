//! Bootstrap intervals (Efron 1979, percentile method): how much a score would move had other
//! items of the same kind been drawn. They say nothing about the training seed.

use glossa_base::seed::{Purpose, Stream};
use serde::{Deserialize, Serialize};

use crate::metrics::{Confusion, Margins};

/// The usual number of resamples.
pub const RESAMPLES: usize = 1000;

/// The share of resampled scores inside an interval.
pub const LEVEL: f64 = 0.95;

/// Where the middle 95 % of the resampled scores lie.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The 2.5th percentile.
    pub low: f64,
    /// The 97.5th percentile.
    pub high: f64,
    /// Number of resamples.
    pub resamples: usize,
}

/// The intervals of the two headline scores.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Intervals {
    /// Of the accuracy.
    pub accuracy: Interval,
    /// Of the macro F1. Each resample is scored by the definition of the whole set: over the
    /// classes that occur in it.
    pub macro_f1: Interval,
}

/// Resamples the items `resamples` times, with replacement. Nothing for an empty matrix or without
/// resamples. The same seed gives the same numbers on every machine.
pub fn intervals(confusion: &Confusion, resamples: usize, seed: u64) -> Option<Intervals> {
    let cells = cells(confusion);
    if cells.is_empty() || resamples == 0 {
        return None;
    }
    let classes = confusion.labels.len();
    let mut accuracies = Vec::with_capacity(resamples);
    let mut macro_f1s = Vec::with_capacity(resamples);
    let mut counts = vec![0u64; classes * classes];
    for resample in 0..resamples {
        draw(Stream::new(seed, Purpose::Bootstrap, 0, resample as u64), &cells, &mut counts);
        let margins = Margins::of(counts.chunks_exact(classes));
        accuracies.push(margins.accuracy());
        macro_f1s.push(margins.macro_f1());
    }
    Some(Intervals { accuracy: interval(accuracies), macro_f1: interval(macro_f1s) })
}

/// For each item the cell of the confusion matrix in which it fell: an item is no more than that.
fn cells(confusion: &Confusion) -> Vec<u32> {
    let counts = confusion.counts.iter().flatten().enumerate();
    counts.flat_map(|(cell, &count)| std::iter::repeat_n(cell as u32, count as usize)).collect()
}

fn draw(stream: Stream, cells: &[u32], counts: &mut [u64]) {
    counts.fill(0);
    for index in 0..cells.len() {
        let item = stream.below(index as u64, cells.len());
        counts[cells[item] as usize] += 1;
    }
}

pub(crate) fn interval(mut values: Vec<f64>) -> Interval {
    values.sort_by(f64::total_cmp);
    let tail = (1.0 - LEVEL) / 2.0;
    Interval { low: quantile(&values, tail), high: quantile(&values, 1.0 - tail), resamples: values.len() }
}

/// Linear between the two nearest values, as numpy has it.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let below = sorted[place.floor() as usize];
    let above = sorted[place.ceil() as usize];
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn confusion(counts: &[&[u64]]) -> Confusion {
        Confusion {
            labels: (0..counts.len()).map(|index| format!("c{index}")).collect(),
            counts: counts.iter().map(|row| row.to_vec()).collect(),
        }
    }

    #[test]
    fn near_the_normal_approximation() {
        let all = intervals(&confusion(&[&[300, 100], &[100, 300]]), 4000, 1).unwrap();
        let half = 1.96 * (0.75f64 * 0.25 / 800.0).sqrt();
        assert!((all.accuracy.low - (0.75 - half)).abs() < 0.004, "{all:?}");
        assert!((all.accuracy.high - (0.75 + half)).abs() < 0.004, "{all:?}");
        assert!(all.macro_f1.low < 0.75 && 0.75 < all.macro_f1.high);
    }

    #[test]
    fn the_seed_decides() {
        let matrix = confusion(&[&[5, 2, 0], &[1, 9, 1], &[0, 3, 4]]);
        assert_eq!(intervals(&matrix, 200, 3), intervals(&matrix, 200, 3));
        assert_ne!(intervals(&matrix, 200, 3), intervals(&matrix, 200, 4));
    }

    #[test]
    fn without_errors_there_is_no_width() {
        let all = intervals(&confusion(&[&[7, 0], &[0, 1]]), 100, 0).unwrap();
        assert_eq!((all.accuracy.low, all.macro_f1.low), (1.0, 1.0));
        assert_eq!(intervals(&confusion(&[]), 100, 0), None);
    }

    #[test]
    fn ten_thousand_resamples_of_four_thousand_items_are_fast() {
        let matrix = confusion(&[&[1000, 200, 100], &[300, 900, 100], &[100, 100, 1200]]);
        let start = std::time::Instant::now();
        intervals(&matrix, 10_000, 0).unwrap();
        let seconds = start.elapsed().as_secs_f64();
        // Typically 0.2 s; the bound leaves room for a busy machine.
        assert!(seconds < 3.0, "{seconds} s");
        eprintln!("10,000 resamples of 4,000 items: {seconds:.2} s");
    }
}
