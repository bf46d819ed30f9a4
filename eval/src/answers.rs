//! Scores of answers that are no single label: sets of labels, and numbers.

use std::collections::BTreeSet;

use crate::report::{ReportOptions, Score, signature};
use crate::{Error, numbers};

fn scores(pairs: &[(&str, f64)], count: usize, options: &ReportOptions) -> Vec<Score> {
    let score = |&(metric, value): &(&str, f64)| Score {
        metric: metric.to_owned(),
        value,
        interval: None,
        signature: signature(metric, count as u64, options).to_string(),
    };
    pairs.iter().map(score).collect()
}

fn check(gold: usize, predicted: usize) -> Result<(), Error> {
    match (gold, predicted) {
        (0, _) => Err(Error::Empty),
        (gold, predicted) if gold != predicted => Err(Error::CountsDiffer { gold, predicted }),
        _ => Ok(()),
    }
}

/// Scores sets of labels: micro F1 over all labels, and the share of texts whose set is right as a whole.
///
/// # Errors
/// [`Error::CountsDiffer`] and [`Error::Empty`].
pub fn of_label_sets(
    gold: &[BTreeSet<String>],
    predicted: &[BTreeSet<String>],
    options: &ReportOptions,
) -> Result<Vec<Score>, Error> {
    check(gold.len(), predicted.len())?;
    let pairs = || gold.iter().zip(predicted);
    let both: usize = pairs().map(|(gold, predicted)| gold.intersection(predicted).count()).sum();
    let either: usize = pairs().map(|(gold, predicted)| gold.len() + predicted.len()).sum();
    let f1 = if either == 0 { 1.0 } else { 2.0 * both as f64 / either as f64 };
    let exact = pairs().filter(|(gold, predicted)| gold == predicted).count() as f64 / gold.len() as f64;
    Ok(scores(&[("micro_f1", f1), ("exact_match", exact)], gold.len(), options))
}

/// Scores numbers: root mean square error, mean absolute error, Pearson's and Spearman's correlation (not numbers
/// where one side does not vary).
///
/// # Errors
/// [`Error::CountsDiffer`], [`Error::Empty`] and [`Error::NotFinite`].
pub fn of_numbers(gold: &[f64], predicted: &[f64], options: &ReportOptions) -> Result<Vec<Score>, Error> {
    let found = numbers::score(gold, predicted)?;
    let pairs = [("rmse", found.rmse), ("mae", found.mae), ("pearson", found.pearson), ("spearman", found.spearman)];
    Ok(scores(&pairs, gold.len(), options))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(scores: Vec<Score>) -> Vec<f64> {
        scores.into_iter().map(|score| score.value).collect()
    }

    #[test]
    fn sets_are_compared_label_by_label() {
        let set = |text: &str| text.split_whitespace().map(str::to_owned).collect::<BTreeSet<_>>();
        let (gold, predicted) = ([set("a b"), set("c"), set("")], [set("a"), set("c d"), set("")]);
        let found = values(of_label_sets(&gold, &predicted, &ReportOptions::default()).unwrap());
        assert!((found[0] - 4.0 / 6.0).abs() < 1e-12 && (found[1] - 1.0 / 3.0).abs() < 1e-12, "{found:?}");
        assert!(of_label_sets(&gold, &predicted[..2], &ReportOptions::default()).is_err());
    }

    #[test]
    fn numbers_have_errors_and_a_correlation() {
        let found = values(of_numbers(&[1.0, 2.0, 3.0], &[2.0, 2.0, 5.0], &ReportOptions::default()).unwrap());
        let expected = [(5.0_f64 / 3.0).sqrt(), 1.0, 3.0 / (2.0_f64 * 6.0).sqrt(), 1.5 / 3.0_f64.sqrt()];
        assert!(found.iter().zip(expected).all(|(one, other)| (one - other).abs() < 1e-12), "{found:?}");
        assert!(of_numbers(&[], &[], &ReportOptions::default()).is_err());
    }
}
