//! Temperature: how sure a teacher should be (Guo et al. 2017).

/// Natural logarithms of the lowest and the highest temperature that are tried.
const RANGE: [f64; 2] = [-3.0, 3.0];

/// Shares at a temperature: above 1 they are closer to each other, below 1 further apart.
pub fn soften(shares: &[f64], temperature: f64) -> Vec<f64> {
    let scores: Vec<f64> = shares.iter().map(|share| share.max(1e-300).ln() / temperature).collect();
    crate::teacher::softmax(&scores)
}

/// The temperature at which predicted shares say most about the right classes; 1 where there are none.
pub fn temperature(predicted: &[Vec<f64>], right: &[usize]) -> f64 {
    if predicted.is_empty() {
        return 1.0;
    }
    let loss = |log: f64| {
        let each =
            |(row, class): (&Vec<f64>, &usize)| -soften(row, log.exp()).get(*class).map_or(0.0, |p| p.max(1e-300).ln());
        predicted.iter().zip(right).map(each).sum::<f64>()
    };
    // The loss has one valley in the logarithm: golden section.
    let golden = (5.0_f64.sqrt() - 1.0) / 2.0;
    let [mut low, mut high] = RANGE;
    for _ in 0..60 {
        let (left, right) = (high - golden * (high - low), low + golden * (high - low));
        if loss(left) <= loss(right) { high = right } else { low = left }
    }
    ((low + high) / 2.0).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Predictions that are right in three of four cases, however sure they say they are.
    fn overconfident(share: f64) -> (Vec<Vec<f64>>, Vec<usize>) {
        let rows = vec![vec![share, 1.0 - share]; 400];
        (rows, (0..400).map(|at| usize::from(at % 4 == 0)).collect())
    }

    #[test]
    fn the_best_temperature_says_what_is_right() {
        for share in [0.6, 0.75, 0.99] {
            let (rows, right) = overconfident(share);
            let found = temperature(&rows, &right);
            assert!((soften(&rows[0], found)[0] - 0.75).abs() < 1e-3, "{share}: {found}");
        }
        assert!((temperature(&[], &[]) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn temperatures_keep_the_order() {
        let shares = [0.1, 0.6, 0.3];
        for temperature in [0.2, 1.0, 5.0] {
            let found = soften(&shares, temperature);
            assert!(found[1] > found[2] && found[2] > found[0] && (found.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
        assert!(soften(&[1.0, 0.0], 2.0).iter().all(|share| share.is_finite()));
    }
}
