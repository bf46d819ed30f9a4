//! Training seeds against training seeds: would the same two systems, trained again, come out in this order? An
//! exact permutation test over the runs' scores.

use glossa_base::seed::{Purpose, Stream};
use serde::Serialize;

use super::mean;

/// Up to so many ways of dealing out the runs are all looked at; of more, so many are drawn.
const WAYS: u64 = 20_000;

/// The draws of this test among those of comparisons.
const DRAWS: u64 = 4;

/// A permutation test over seeds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SeedTest {
    /// Two-sided p-value: how often the difference is at least as large when the runs are dealt out anew.
    pub p: f64,
    /// The smallest p-value that so few runs can give.
    pub smallest: f64,
    /// Were all ways looked at, not a sample?
    pub exact: bool,
}

/// Tests scores of runs; nothing unless both systems have several.
pub(super) fn test(left: &[f64], right: &[f64], seed: u64) -> Option<SeedTest> {
    if left.len() < 2 || right.len() < 2 {
        return None;
    }
    let all: Vec<f64> = left.iter().chain(right).copied().collect();
    let observed = (mean(left) - mean(right)).abs();
    let reaches = |chosen: &[usize]| difference(&all, chosen).abs() >= observed - 1e-12;
    let ways = binomial(all.len() as u64, left.len() as u64);
    // With equal numbers, every way has a mirror image with the same distance.
    let mirrored = if left.len() == right.len() { 2.0 } else { 1.0 };
    if ways <= WAYS {
        let mut chosen: Vec<usize> = (0..left.len()).collect();
        let mut count = 0u64;
        loop {
            count += u64::from(reaches(&chosen));
            if !advance(&mut chosen, all.len()) {
                break;
            }
        }
        return Some(SeedTest { p: count as f64 / ways as f64, smallest: mirrored / ways as f64, exact: true });
    }
    let draw = |way: u64| Stream::new(seed, Purpose::Bootstrap, DRAWS, way).permutation(all.len());
    let count = (0..WAYS).filter(|&way| reaches(draw(way).get(..left.len()).unwrap_or_default())).count();
    let all_ways = (WAYS + 1) as f64;
    Some(SeedTest { p: (count + 1) as f64 / all_ways, smallest: 1.0 / all_ways, exact: false })
}

/// Mean of the chosen less mean of the others.
fn difference(all: &[f64], chosen: &[usize]) -> f64 {
    let total: f64 = all.iter().sum();
    let sum: f64 = chosen.iter().filter_map(|&place| all.get(place)).sum();
    sum / chosen.len() as f64 - (total - sum) / (all.len() - chosen.len()) as f64
}

/// The next set of places in the order of the dictionary; false after the last.
fn advance(chosen: &mut [usize], all: usize) -> bool {
    let count = chosen.len();
    let Some(at) = (0..count).rev().find(|&at| chosen[at] + count < all + at) else { return false };
    chosen[at] += 1;
    for later in at + 1..count {
        chosen[later] = chosen[later - 1] + 1;
    }
    true
}

fn binomial(all: u64, chosen: u64) -> u64 {
    (0..chosen.min(all - chosen))
        .try_fold(1u64, |ways, at| Some(ways.checked_mul(all - at)? / (at + 1)))
        .unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_against_three_can_show_nothing_below_a_tenth() {
        let test = test(&[0.9, 0.91, 0.92], &[0.8, 0.81, 0.82], 0).unwrap();
        assert!((test.p - 0.1).abs() < 1e-12 && (test.smallest - 0.1).abs() < 1e-12 && test.exact, "{test:?}");
    }

    #[test]
    fn equal_runs_have_p_of_one() {
        assert_eq!(test(&[0.5, 0.5], &[0.5, 0.5, 0.5], 0).unwrap().p, 1.0);
        assert_eq!(test(&[0.5], &[0.6, 0.7], 0), None);
    }

    #[test]
    fn many_runs_are_sampled() {
        let runs = |base: f64| (0..12).map(|run| base + f64::from(run) / 100.0).collect::<Vec<f64>>();
        let test = test(&runs(0.5), &runs(0.7), 1).unwrap();
        assert!(!test.exact && test.p < 0.001, "{test:?}");
    }

    #[test]
    fn all_ways_are_visited() {
        let mut chosen = vec![0, 1, 2];
        let mut count = 1;
        while advance(&mut chosen, 7) {
            count += 1;
        }
        assert_eq!((count, binomial(7, 3)), (35, 35));
        assert_eq!(binomial(200, 100), u64::MAX);
    }
}
