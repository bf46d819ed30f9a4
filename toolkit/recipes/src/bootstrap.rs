//! Bootstrapping without labels, as arithmetic on guesses: how sure a teacher should be, which classes the target
//! has, which texts a student learns from, and when further rounds gain nothing. Teachers, students and texts are
//! the pipeline's.

pub mod calibration;
pub mod prior;
pub mod selection;

pub use calibration::{soften, temperature};
pub use selection::{Threshold, select};

use crate::best_class;
use crate::recipe::PriorKind;

/// The likeliest class alone.
pub fn harden(shares: &[f64]) -> Vec<f64> {
    let best = best_class(shares);
    (0..shares.len()).map(|class| if class == best { 1.0 } else { 0.0 }).collect()
}

/// Guesses corrected for the shares that classes have; `source` are those of the texts that a teacher learned from.
pub fn with_prior(guesses: Vec<Vec<f64>>, kind: PriorKind, source: &[f64]) -> Vec<Vec<f64>> {
    let uniform = vec![1.0 / source.len().max(1) as f64; source.len()];
    match kind {
        PriorKind::Keep => guesses,
        PriorKind::Estimate => {
            let target = prior::estimate(&guesses, source);
            prior::correct(&guesses, source, &target)
        }
        PriorKind::Uniform => prior::correct(&guesses, &prior::mean_shares(&guesses), &uniform),
        PriorKind::Source => prior::correct(&guesses, &prior::mean_shares(&guesses), source),
    }
}

/// The share of texts of which the likeliest class has changed between two rounds.
pub fn changed(before: &[Vec<f64>], after: &[Vec<f64>]) -> f64 {
    let differ = before.iter().zip(after).filter(|(before, after)| best_class(before) != best_class(after)).count();
    differ as f64 / before.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_harden_and_change() {
        assert_eq!(harden(&[0.2, 0.5, 0.3]), [0.0, 1.0, 0.0]);
        let rounds = [vec![vec![0.9, 0.1], vec![0.4, 0.6]], vec![vec![0.6, 0.4], vec![0.5, 0.5]]];
        assert!((changed(&rounds[0], &rounds[1]) - 0.5).abs() < 1e-12);
        assert!(changed(&[], &[]).abs() < 1e-12);
    }

    #[test]
    fn priors_pull_guesses_their_way() {
        let guesses = vec![vec![0.7, 0.3], vec![0.6, 0.4], vec![0.55, 0.45]];
        assert_eq!(with_prior(guesses.clone(), PriorKind::Keep, &[0.5, 0.5]), guesses);
        let uniform = with_prior(guesses.clone(), PriorKind::Uniform, &[0.9, 0.1]);
        assert!(uniform[2][1] > 0.5 && uniform[0][0] > 0.5, "{uniform:?}");
        let estimated = with_prior(guesses.clone(), PriorKind::Estimate, &[0.5, 0.5]);
        assert!(estimated[2][0] > 0.9, "{estimated:?}");
    }
}
