//! How often each class comes in the target's texts, and predictions corrected for it.

/// Steps of expectation and maximisation at most.
const STEPS: usize = 1000;

/// A class that nobody predicts keeps this share, so that it can come back.
const LEAST_SHARE: f64 = 1e-6;

/// Mean shares.
pub fn mean_shares(predicted: &[Vec<f64>]) -> Vec<f64> {
    let mut mean = vec![0.0; predicted.first().map_or(0, Vec::len)];
    for row in predicted {
        mean.iter_mut().zip(row).for_each(|(sum, share)| *sum += share / predicted.len() as f64);
    }
    mean
}

/// The shares of classes under which predictions made with the prior `from` are likeliest (Saerens et al. 2002).
/// It takes the predictions for calibrated.
pub fn estimate(predicted: &[Vec<f64>], from: &[f64]) -> Vec<f64> {
    let mut prior = from.to_vec();
    for _ in 0..STEPS {
        let next = mean_shares(&correct(predicted, from, &prior));
        let moved = next.iter().zip(&prior).map(|(next, prior)| (next - prior).abs()).fold(0.0, f64::max);
        prior = next.into_iter().map(|share| share.max(LEAST_SHARE)).collect();
        if moved < 1e-9 {
            break;
        }
    }
    let sum: f64 = prior.iter().sum();
    prior.into_iter().map(|share| share / sum).collect()
}

/// Predictions made with the prior `from`, as they are with the prior `to` (Bayes).
pub fn correct(predicted: &[Vec<f64>], from: &[f64], to: &[f64]) -> Vec<Vec<f64>> {
    let one = |row: &Vec<f64>| {
        let priors = from.iter().zip(to);
        let moved: Vec<f64> =
            row.iter().zip(priors).map(|(share, (from, to))| share * to / from.max(LEAST_SHARE)).collect();
        let sum: f64 = moved.iter().sum();
        if sum > 0.0 { moved.into_iter().map(|share| share / sum).collect() } else { row.clone() }
    };
    predicted.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two classes, seen through a reading of 0 or 1 that is right four times of five, where the first class has
    /// the share `prior`; predictions are made as if it had a half.
    fn readings(prior: f64) -> Vec<Vec<f64>> {
        let first = prior * 0.8 + (1.0 - prior) * 0.2;
        (0..1000).map(|at| if (at as f64) < first * 1000.0 { vec![0.8, 0.2] } else { vec![0.2, 0.8] }).collect()
    }

    #[test]
    fn the_prior_is_found() {
        for prior in [0.1, 0.5, 0.9] {
            let found = estimate(&readings(prior), &[0.5, 0.5]);
            assert!((found[0] - prior).abs() < 2e-3, "{prior}: {found:?}");
        }
    }

    #[test]
    fn correction_is_bayes_rule() {
        let found = correct(&[vec![0.5, 0.5]], &[0.5, 0.5], &[0.9, 0.1]);
        assert!((found[0][0] - 0.9).abs() < 1e-12);
        let same = correct(&[vec![0.3, 0.7]], &[0.2, 0.8], &[0.2, 0.8]);
        assert!((same[0][0] - 0.3).abs() < 1e-12, "{same:?}");
    }
}
