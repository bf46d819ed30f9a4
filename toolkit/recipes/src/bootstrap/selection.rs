//! Which pseudo-labels a student learns from.

use crate::best_class;

/// What a pseudo-label must be to be learned from.
#[derive(Debug, Clone, Copy)]
pub struct Threshold {
    /// Of the texts of each predicted class, this share with the highest confidence.
    pub share: f64,
    /// The least confidence.
    pub confidence: f64,
}

/// The texts that are kept, in their order. Each class keeps its own share, so that a class about which a
/// teacher is never sure does not vanish.
pub fn select(predicted: &[Vec<f64>], threshold: Threshold) -> Vec<usize> {
    let classes = predicted.first().map_or(0, Vec::len);
    let mut kept: Vec<usize> = (0..classes).flat_map(|class| of_class(predicted, class, threshold)).collect();
    kept.sort_unstable();
    kept
}

fn of_class(predicted: &[Vec<f64>], class: usize, threshold: Threshold) -> Vec<usize> {
    let sure = predicted.iter().enumerate().filter(|(_, row)| best_class(row) == class);
    let mut texts: Vec<(f64, usize)> = sure.map(|(text, row)| (row.get(class).copied().unwrap_or(0.0), text)).collect();
    // The earlier one of equals.
    texts.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
    texts.truncate((texts.len() as f64 * threshold.share).ceil() as usize);
    texts.into_iter().filter(|(confidence, _)| *confidence >= threshold.confidence).map(|(_, text)| text).collect()
}

/// The mean of several teachers' shares, text by text.
pub fn average(teachers: &[Vec<Vec<f64>>]) -> Vec<Vec<f64>> {
    let texts = teachers.iter().map(Vec::len).min().unwrap_or(0);
    let mean = |text: usize| {
        let rows: Vec<Vec<f64>> = teachers.iter().map(|teacher| teacher[text].clone()).collect();
        super::prior::mean_shares(&rows)
    };
    (0..texts).map(mean).collect()
}

/// Whether all teachers say the same class, text by text.
pub fn agreed(teachers: &[Vec<Vec<f64>>]) -> Vec<bool> {
    let texts = teachers.iter().map(Vec::len).min().unwrap_or(0);
    let same = |text: usize| {
        let mut classes = teachers.iter().map(|teacher| best_class(&teacher[text]));
        let first = classes.next();
        classes.all(|class| Some(class) == first)
    };
    (0..texts).map(same).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(confidences: &[(usize, f64)]) -> Vec<Vec<f64>> {
        let row = |&(class, sure): &(usize, f64)| {
            (0..3).map(|at| if at == class { sure } else { (1.0 - sure) / 2.0 }).collect()
        };
        confidences.iter().map(row).collect()
    }

    #[test]
    fn every_class_keeps_its_share() {
        let rows = rows(&[(0, 0.9), (0, 0.99), (0, 0.95), (0, 0.8), (1, 0.5), (1, 0.4), (2, 0.41)]);
        assert_eq!(select(&rows, Threshold { share: 0.5, confidence: 0.0 }), [1, 2, 4, 6]);
        assert_eq!(select(&rows, Threshold { share: 1.0, confidence: 0.45 }), [0, 1, 2, 3, 4]);
        assert!(select(&rows, Threshold { share: 1.0, confidence: 0.995 }).is_empty());
        assert!(select(&[], Threshold { share: 1.0, confidence: 0.0 }).is_empty());
    }

    #[test]
    fn teachers_are_averaged_and_compared() {
        let teachers = [rows(&[(0, 0.8), (1, 0.6)]), rows(&[(0, 0.6), (2, 0.6)])];
        assert_eq!(agreed(&teachers), [true, false]);
        assert!((average(&teachers)[0][0] - 0.7).abs() < 1e-12);
    }
}
