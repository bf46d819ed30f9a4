//! Scores of numbers against numbers: errors and correlations, defined as scikit-learn and scipy define them. It
//! does not choose which items count; a task that leaves some out does so before.

use crate::Error;

/// All scores of one set of predicted numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Numbers {
    /// Root mean square error.
    pub rmse: f64,
    /// Mean absolute error.
    pub mae: f64,
    /// Pearson's correlation; not a number where one side does not vary.
    pub pearson: f64,
    /// Spearman's correlation: Pearson's of the ranks, equals sharing their mean rank.
    pub spearman: f64,
}

/// Scores predicted numbers against gold numbers, item by item.
///
/// # Errors
/// [`Error::CountsDiffer`], [`Error::Empty`] and [`Error::NotFinite`].
pub fn score(gold: &[f64], predicted: &[f64]) -> Result<Numbers, Error> {
    check(gold, predicted)?;
    let count = gold.len() as f64;
    let errors = || gold.iter().zip(predicted).map(|(gold, predicted)| predicted - gold);
    Ok(Numbers {
        rmse: root_mean_square(errors()),
        mae: errors().map(|error| error.abs() / count).sum(),
        pearson: pearson(gold, predicted),
        spearman: pearson(&ranks(gold), &ranks(predicted)),
    })
}

fn check(gold: &[f64], predicted: &[f64]) -> Result<(), Error> {
    match (gold.len(), predicted.len()) {
        (0, 0) => return Err(Error::Empty),
        (gold, predicted) if gold != predicted => return Err(Error::CountsDiffer { gold, predicted }),
        _ => {}
    }
    let finite = |(gold, predicted): (&f64, &f64)| gold.is_finite() && predicted.is_finite();
    match gold.iter().zip(predicted).position(|pair| !finite(pair)) {
        Some(place) => Err(Error::NotFinite { row: place + 1 }),
        None => Ok(()),
    }
}

/// The root of the mean square, of values whose squares may be too large or too small for a number.
fn root_mean_square(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = values.clone().fold(0.0, |largest: f64, value| largest.max(value.abs()));
    if largest == 0.0 {
        return 0.0;
    }
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + (value / largest).powi(2), count + 1.0));
    largest * (sum / count).sqrt()
}

/// Pearson's correlation of two rows of the same length, within -1 and 1; not a number where one side is all the
/// same.
pub fn pearson(left: &[f64], right: &[f64]) -> f64 {
    match (centred(left), centred(right)) {
        (Some(left), Some(right)) => {
            left.iter().zip(&right).map(|(left, right)| left * right).sum::<f64>().clamp(-1.0, 1.0)
        }
        _ => f64::NAN,
    }
}

/// Values less their mean, made a vector of length 1; nothing where all are the same.
fn centred(values: &[f64]) -> Option<Vec<f64>> {
    let first = *values.first()?;
    if values.iter().all(|value| *value == first) {
        return None;
    }
    let count = values.len() as f64;
    let mean = values.iter().map(|value| value / count).sum::<f64>();
    let centred: Vec<f64> = values.iter().map(|value| value - mean).collect();
    let length = root_mean_square(centred.iter().copied()) * count.sqrt();
    (length > 0.0).then(|| centred.into_iter().map(|value| value / length).collect())
}

/// Ranks from 1; equal values share the mean of their ranks.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    let value = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    order.sort_by(|&left, &right| value(left).total_cmp(&value(right)));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    // Comparing rather than total_cmp: 0 and -0 are the same value.
    for equal in order.chunk_by(|&left, &right| value(left) == value(right)) {
        let rank = before as f64 + (equal.len() as f64 + 1.0) / 2.0;
        for &index in equal {
            ranks[index] = rank;
        }
        before += equal.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(gold: &[f64], predicted: &[f64], expected: [f64; 4]) {
        let found = score(gold, predicted).unwrap();
        for (found, expected) in [found.rmse, found.mae, found.pearson, found.spearman].into_iter().zip(expected) {
            let same = (found - expected).abs() < 1e-12 || (found.is_nan() && expected.is_nan());
            assert!(same, "{gold:?} {predicted:?}: {found} is not {expected}");
        }
    }

    #[test]
    fn by_hand() {
        let pearson = 3.0 / (2.0_f64 * 6.0).sqrt();
        // Ranks 1 2 3 and 1.5 1.5 3: covariance 1.5, spreads 2 and 1.5.
        check(&[1.0, 2.0, 3.0], &[2.0, 2.0, 5.0], [(5.0_f64 / 3.0).sqrt(), 1.0, pearson, 1.5 / 3.0_f64.sqrt()]);
        check(&[1.0, 2.0], &[4.0, 3.0], [5.0_f64.sqrt(), 2.0, -1.0, -1.0]);
        check(&[1.0, 1.0], &[1.0, 2.0], [0.5_f64.sqrt(), 0.5, f64::NAN, f64::NAN]);
        check(&[3.0], &[3.0], [0.0, 0.0, f64::NAN, f64::NAN]);
        check(&[1e200, -1e200], &[-1e200, 1e200], [2e200, 2e200, -1.0, -1.0]);
    }

    #[test]
    fn equals_share_their_rank() {
        assert_eq!(ranks(&[5.0, 1.0, 5.0, 0.0, -0.0]), [4.5, 3.0, 4.5, 1.5, 1.5]);
        assert!(ranks(&[]).is_empty());
    }

    #[test]
    fn what_cannot_be_scored() {
        assert_eq!(score(&[], &[]), Err(Error::Empty));
        assert_eq!(score(&[1.0], &[]), Err(Error::CountsDiffer { gold: 1, predicted: 0 }));
        assert_eq!(score(&[1.0, 2.0], &[1.0, f64::NAN]), Err(Error::NotFinite { row: 2 }));
    }
}
