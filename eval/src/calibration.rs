//! Are probabilities what they say? Expected calibration error and Brier score of predictions that carry
//! probabilities. It repairs nothing: temperature and smoothing belong to whoever trains.

use serde::Serialize;

use crate::{Error, Prediction};

/// The usual number of bins (Guo et al. 2017).
pub const BINS: usize = 15;

/// How far probabilities may be from a sum of 1: as far as six decimals a label may round.
const SUM_TOLERANCE: f64 = 1e-3;

/// Predictions whose confidence lies in one bin, `low < confidence <= high` (the first bin holds 0 too).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bin {
    /// Where the bin begins.
    pub low: f64,
    /// Where the bin ends.
    pub high: f64,
    /// Number of predictions.
    pub count: u64,
    /// Mean confidence; 0 without predictions.
    pub confidence: f64,
    /// Share of right predictions; 0 without predictions.
    pub accuracy: f64,
}

/// How well confidences fit the shares of right answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// Expected calibration error: the mean over predictions of |accuracy - confidence| of their bin, with bins of
    /// equal width over [0, 1]. The confidence is the probability of the predicted label.
    pub expected_error: f64,
    /// The largest |accuracy - confidence| of a bin that holds predictions.
    pub largest_error: f64,
    /// Brier score: the mean over predictions of the squared distances between probabilities and truth, summed over
    /// all labels, in [0, 2] (Brier 1950; twice what is often given for two labels).
    pub brier: f64,
    /// The bins, empty ones too.
    pub bins: Vec<Bin>,
}

/// Calibration over `bins` bins of equal width; [`BINS`] is usual. A label that has no probability has 0.
///
/// # Errors
/// [`Error::Empty`], [`Error::NoGold`], and [`Error::NoProbabilities`] for a row without probabilities, with one
/// outside [0, 1] or whose sum is not 1 (to within 0.001).
pub fn score(predictions: &[Prediction], bins: usize) -> Result<Calibration, Error> {
    if predictions.is_empty() {
        return Err(Error::Empty);
    }
    let mut sums = vec![(0u64, 0.0, 0u64); bins.max(1)];
    let mut brier = 0.0;
    for (index, prediction) in predictions.iter().enumerate() {
        let row = index + 1;
        let gold = prediction.gold.as_deref().ok_or(Error::NoGold { row })?;
        let confidence = confidence(prediction).ok_or(Error::NoProbabilities { row })?;
        brier += distance(prediction, gold);
        if let Some(sum) = sums.get_mut(bin_of(confidence, bins.max(1))) {
            *sum = (sum.0 + 1, sum.1 + confidence, sum.2 + u64::from(prediction.label == gold));
        }
    }
    let bins: Vec<Bin> = sums.iter().enumerate().map(|(place, sum)| bin(place, sums.len(), *sum)).collect();
    let count = predictions.len() as f64;
    let gaps = || bins.iter().map(|bin| ((bin.accuracy - bin.confidence).abs(), bin.count as f64 / count));
    Ok(Calibration {
        expected_error: gaps().map(|(gap, share)| gap * share).sum(),
        largest_error: gaps().map(|(gap, _)| gap).fold(0.0, f64::max),
        brier: brier / count,
        bins,
    })
}

/// The probability of the predicted label, where the row is a distribution.
fn confidence(prediction: &Prediction) -> Option<f64> {
    let values = || prediction.probabilities.values();
    let sum: f64 = values().sum();
    let whole = (sum - 1.0).abs() <= SUM_TOLERANCE && values().all(|value| (0.0..=1.000_001).contains(value));
    whole.then(|| prediction.probabilities.get(&prediction.label).copied().unwrap_or(0.0).min(1.0))
}

fn distance(prediction: &Prediction, gold: &str) -> f64 {
    let unknown = if prediction.probabilities.contains_key(gold) { 0.0 } else { 1.0 };
    let truth = |label: &str| if label == gold { 1.0 } else { 0.0 };
    unknown + prediction.probabilities.iter().map(|(label, value)| (value - truth(label)).powi(2)).sum::<f64>()
}

/// The place of the bin `place / bins < confidence <= (place + 1) / bins`, decided by the very edges that are shown.
fn bin_of(confidence: f64, bins: usize) -> usize {
    let near = (confidence * bins as f64) as usize;
    let inside = |place: usize| confidence > edge(place, bins) && confidence <= edge(place + 1, bins);
    let around = near.saturating_sub(1)..=(near + 1).min(bins - 1);
    around.into_iter().find(|&place| inside(place)).unwrap_or(0)
}

fn edge(place: usize, bins: usize) -> f64 {
    place as f64 / bins as f64
}

fn bin(place: usize, bins: usize, (count, confidence, right): (u64, f64, u64)) -> Bin {
    let mean = |sum: f64| if count == 0 { 0.0 } else { sum / count as f64 };
    let (low, high) = (edge(place, bins), edge(place + 1, bins));
    Bin { low, high, count, confidence: mean(confidence), accuracy: mean(right as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(gold: &str, probabilities: &[(&str, f64)]) -> Prediction {
        let labels: Vec<String> = probabilities.iter().map(|(label, _)| (*label).to_owned()).collect();
        let values: Vec<f64> = probabilities.iter().map(|(_, value)| *value).collect();
        let prediction = Prediction::from_probabilities(&labels, &values).unwrap();
        Prediction { gold: Some(gold.to_owned()), ..prediction }
    }

    #[test]
    fn by_hand() {
        let rows = [
            row("a", &[("a", 0.9), ("b", 0.1)]),
            row("b", &[("a", 0.8), ("b", 0.2)]),
            row("b", &[("a", 0.3), ("b", 0.7)]),
        ];
        // Two bins; all confidences in the upper one: accuracy 2/3, mean confidence 0.8.
        let found = score(&rows, 2).unwrap();
        assert!((found.expected_error - (0.8 - 2.0 / 3.0)).abs() < 1e-12, "{found:?}");
        assert_eq!((found.bins[0].count, found.bins[1].count), (0, 3));
        assert!((found.brier - (0.02 + 1.28 + 0.18) / 3.0).abs() < 1e-12);
        // Ten bins: 0.9 -> (0.8, 0.9], 0.8 -> (0.7, 0.8], 0.7 -> (0.6, 0.7].
        let found = score(&rows, 10).unwrap();
        assert!((found.expected_error - (0.1 + 0.8 + 0.3) / 3.0).abs() < 1e-12, "{found:?}");
        assert!((found.largest_error - 0.8).abs() < 1e-12);
    }

    #[test]
    fn edges_belong_to_the_bin_below() {
        for bins in [1, 2, 3, 7, 10, 15] {
            for place in 1..=bins {
                assert_eq!(bin_of(edge(place, bins), bins), place - 1, "{place} of {bins}");
            }
            assert_eq!(bin_of(0.0, bins), 0);
        }
    }

    #[test]
    fn a_gold_label_without_a_probability_has_none() {
        assert!((score(&[row("c", &[("a", 1.0)])], 5).unwrap().brier - 2.0).abs() < 1e-12);
    }

    #[test]
    fn what_cannot_be_scored() {
        let bare = Prediction { gold: Some("a".to_owned()), label: "a".to_owned(), ..Default::default() };
        assert_eq!(score(&[], 5), Err(Error::Empty));
        assert_eq!(score(&[row("a", &[("a", 1.0)]), bare], 5), Err(Error::NoProbabilities { row: 2 }));
        assert_eq!(score(&[row("a", &[("a", 0.5)])], 5), Err(Error::NoProbabilities { row: 1 }));
        assert_eq!(score(&[Prediction { gold: None, ..row("a", &[("a", 1.0)]) }], 5), Err(Error::NoGold { row: 1 }));
    }
}
