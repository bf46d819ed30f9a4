//! The scores that systems are compared by, computed from items with weights.

use std::fmt;
use std::str::FromStr;

use glossa_base::nearest::nearest;

use crate::Error;
use crate::metrics::Margins;

/// A score to compare by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Metric {
    /// Right predictions / all.
    Accuracy,
    /// Mean F1 of the classes that occur.
    MacroF1,
    /// Mean F1 of the classes, weighted by gold labels.
    WeightedF1,
    /// Matthews' correlation.
    Matthews,
    /// F1 of one label against the rest.
    F1 {
        /// The label that counts as found.
        positive: String,
    },
    /// Root mean square error of labels that are numbers; lower is better.
    Rmse,
    /// Mean absolute error of labels that are numbers; lower is better.
    Mae,
    /// Pearson's correlation of labels that are numbers.
    Pearson,
}

const NAMES: [&str; 8] = ["accuracy", "macro_f1", "weighted_f1", "matthews", "f1:LABEL", "rmse", "mae", "pearson"];

impl Metric {
    /// Are the labels numbers?
    pub fn of_numbers(&self) -> bool {
        matches!(self, Metric::Rmse | Metric::Mae | Metric::Pearson)
    }

    /// Is a lower value a better one?
    pub fn lower_is_better(&self) -> bool {
        matches!(self, Metric::Rmse | Metric::Mae)
    }

    /// The score of counted labels; `positive` is the place of the label that F1 is of.
    pub(super) fn of_margins(&self, margins: &Margins, positive: Option<usize>) -> f64 {
        match self {
            Metric::MacroF1 => margins.macro_f1(),
            Metric::WeightedF1 => margins.weighted_f1(),
            Metric::Matthews => margins.matthews(),
            Metric::F1 { .. } => positive.map_or(0.0, |at| margins.f1(at)),
            _ => margins.accuracy(),
        }
    }

    /// The score of summed numbers.
    pub(super) fn of_sums(&self, sums: &Sums) -> f64 {
        match self {
            Metric::Mae => sums.absolute / sums.count,
            Metric::Pearson => sums.pearson(),
            _ => (sums.squares / sums.count).sqrt(),
        }
    }
}

/// `accuracy`, `macro_f1`, `weighted_f1`, `matthews`, `f1:LABEL`, `rmse`, `mae`, `pearson`.
impl FromStr for Metric {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Ok(match text {
            "accuracy" => Metric::Accuracy,
            "macro_f1" => Metric::MacroF1,
            "weighted_f1" => Metric::WeightedF1,
            "matthews" => Metric::Matthews,
            "rmse" => Metric::Rmse,
            "mae" => Metric::Mae,
            "pearson" => Metric::Pearson,
            _ => match text.strip_prefix("f1:") {
                Some(label) if !label.is_empty() => Metric::F1 { positive: label.to_owned() },
                _ => return Err(unknown(text)),
            },
        })
    }
}

fn unknown(text: &str) -> Error {
    let meant = nearest(text, NAMES).map_or_else(|| NAMES.join(", "), |name| format!("did you mean `{name}`?"));
    Error::UnknownMetric { name: text.to_owned(), meant }
}

impl fmt::Display for Metric {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Metric::Accuracy => "accuracy",
            Metric::MacroF1 => "macro_f1",
            Metric::WeightedF1 => "weighted_f1",
            Metric::Matthews => "matthews",
            Metric::F1 { positive } => return write!(formatter, "f1:{positive}"),
            Metric::Rmse => "rmse",
            Metric::Mae => "mae",
            Metric::Pearson => "pearson",
        })
    }
}

/// Weighted sums over pairs of numbers. Both sides come less one and the same
/// constant, which changes no score and keeps sums of squares exact.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    count: f64,
    squares: f64,
    absolute: f64,
    gold: [f64; 2],
    predicted: [f64; 2],
    both: f64,
}

impl Sums {
    pub(super) fn add(&mut self, gold: f64, predicted: f64, weight: f64) {
        let error = predicted - gold;
        self.count += weight;
        self.squares += weight * error * error;
        self.absolute += weight * error.abs();
        self.gold[0] += weight * gold;
        self.gold[1] += weight * gold * gold;
        self.predicted[0] += weight * predicted;
        self.predicted[1] += weight * predicted * predicted;
        self.both += weight * gold * predicted;
    }

    /// 0 where one side does not vary, as a resample of a few equal items may not.
    fn pearson(&self) -> f64 {
        let spread = |[sum, squares]: [f64; 2]| (squares - sum * sum / self.count).max(0.0);
        let product = (spread(self.gold) * spread(self.predicted)).sqrt();
        let both = self.both - self.gold[0] * self.predicted[0] / self.count;
        if product > 0.0 { (both / product).clamp(-1.0, 1.0) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for name in ["accuracy", "macro_f1", "weighted_f1", "matthews", "f1:1", "rmse", "mae", "pearson"] {
            assert_eq!(name.parse::<Metric>().unwrap().to_string(), name);
        }
        let message = "acuracy".parse::<Metric>().unwrap_err().to_string();
        assert!(message.contains("did you mean `accuracy`?"), "{message}");
        assert!("f1:".parse::<Metric>().is_err());
    }
}
