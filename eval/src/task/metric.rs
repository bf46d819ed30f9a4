//! The official metrics of tasks by name, and how each is computed.

use std::fmt;
use std::str::FromStr;

use glossa_base::nearest::nearest;
use serde::{Deserialize, Serialize};

use crate::compare::Metric;
use crate::{Confusion, Error, numbers};

/// An official metric of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum TaskMetric {
    /// Right answers / all.
    Accuracy,
    /// Wrong answers / all.
    ErrorRate,
    /// Mean F1 of the labels that are gold or predicted.
    MacroF1,
    /// F1 over all decisions for all labels; with one label an item it is the accuracy (PolEval 2019's microF).
    MicroF1,
    /// Mean F1, weighted by gold labels.
    WeightedF1,
    /// Matthews' correlation.
    Matthews,
    /// Harmonic mean of mean precision and mean recall over all labels of the task (GermEval 2018's average, PolEval
    /// 2019's macroF).
    F1OfAverages,
    /// Precision of a label.
    Precision(String),
    /// Recall of a label.
    Recall(String),
    /// F1 of a label.
    F1(String),
    /// Root mean square error over the items that count.
    Rmse,
    /// Mean absolute error over the items that count.
    Mae,
    /// Pearson's correlation over the items that count.
    Pearson,
    /// Spearman's correlation over the items that count.
    Spearman,
    /// Perplexity by word, ends of sentences counted.
    PerplexityByWord,
}

const PLAIN: [(&str, TaskMetric); 12] = [
    ("accuracy", TaskMetric::Accuracy),
    ("error_rate", TaskMetric::ErrorRate),
    ("macro_f1", TaskMetric::MacroF1),
    ("micro_f1", TaskMetric::MicroF1),
    ("weighted_f1", TaskMetric::WeightedF1),
    ("matthews", TaskMetric::Matthews),
    ("f1_of_averages", TaskMetric::F1OfAverages),
    ("rmse", TaskMetric::Rmse),
    ("mae", TaskMetric::Mae),
    ("pearson", TaskMetric::Pearson),
    ("spearman", TaskMetric::Spearman),
    ("perplexity_by_word", TaskMetric::PerplexityByWord),
];

const OF_LABEL: [&str; 3] = ["precision:LABEL", "recall:LABEL", "f1:LABEL"];

impl FromStr for TaskMetric {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if let Some((_, metric)) = PLAIN.iter().find(|(name, _)| *name == text) {
            return Ok(metric.clone());
        }
        match text.split_once(':').filter(|(_, label)| !label.is_empty()) {
            Some(("precision", label)) => Ok(TaskMetric::Precision(label.to_owned())),
            Some(("recall", label)) => Ok(TaskMetric::Recall(label.to_owned())),
            Some(("f1", label)) => Ok(TaskMetric::F1(label.to_owned())),
            _ => {
                let names = || PLAIN.iter().map(|(name, _)| *name).chain(OF_LABEL);
                let all = || names().collect::<Vec<_>>().join(", ");
                let meant = nearest(text, names()).map_or_else(all, |name| format!("did you mean `{name}`?"));
                Err(Error::UnknownMetric { name: text.to_owned(), meant })
            }
        }
    }
}

impl TryFrom<String> for TaskMetric {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<TaskMetric> for String {
    fn from(metric: TaskMetric) -> String {
        metric.to_string()
    }
}

impl fmt::Display for TaskMetric {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TaskMetric::Precision(label) => write!(formatter, "precision:{label}"),
            TaskMetric::Recall(label) => write!(formatter, "recall:{label}"),
            TaskMetric::F1(label) => write!(formatter, "f1:{label}"),
            plain => {
                let name = PLAIN.iter().find(|(_, metric)| metric == plain).map_or("", |(name, _)| *name);
                formatter.write_str(name)
            }
        }
    }
}

impl TaskMetric {
    /// The label that it is of.
    pub(super) fn label(&self) -> Option<&str> {
        match self {
            TaskMetric::Precision(label) | TaskMetric::Recall(label) | TaskMetric::F1(label) => Some(label),
            _ => None,
        }
    }

    /// Is a lower value a better one?
    pub fn lower_is_better(&self) -> bool {
        use TaskMetric::{ErrorRate, Mae, PerplexityByWord, Rmse};
        matches!(self, ErrorRate | Rmse | Mae | PerplexityByWord)
    }

    /// The same metric for comparisons and intervals, where there is one.
    pub fn comparable(&self) -> Option<Metric> {
        Some(match self {
            TaskMetric::Accuracy | TaskMetric::MicroF1 => Metric::Accuracy,
            TaskMetric::MacroF1 => Metric::MacroF1,
            TaskMetric::WeightedF1 => Metric::WeightedF1,
            TaskMetric::Matthews => Metric::Matthews,
            TaskMetric::F1(label) => Metric::F1 { positive: label.clone() },
            TaskMetric::Rmse => Metric::Rmse,
            TaskMetric::Mae => Metric::Mae,
            TaskMetric::Pearson => Metric::Pearson,
            _ => return None,
        })
    }

    /// Its value for labels; nothing for a metric of numbers or of language models. `labels` are those of the task.
    pub fn of_labels(&self, confusion: &Confusion, labels: &[String]) -> Option<f64> {
        let metrics = || confusion.metrics();
        Some(match self {
            TaskMetric::Accuracy | TaskMetric::MicroF1 => metrics().accuracy,
            TaskMetric::ErrorRate => 1.0 - metrics().accuracy,
            TaskMetric::MacroF1 => metrics().macro_average.f1,
            TaskMetric::WeightedF1 => metrics().weighted_average.f1,
            TaskMetric::Matthews => metrics().matthews,
            TaskMetric::F1OfAverages => f1_of_averages(confusion, labels),
            TaskMetric::Precision(label) => confusion.of_label(label).precision,
            TaskMetric::Recall(label) => confusion.of_label(label).recall,
            TaskMetric::F1(label) => confusion.of_label(label).f1,
            _ => return None,
        })
    }

    /// Its value for numbers; nothing for a metric of labels.
    pub fn of_numbers(&self, scores: &numbers::Numbers) -> Option<f64> {
        Some(match self {
            TaskMetric::Rmse => scores.rmse,
            TaskMetric::Mae => scores.mae,
            TaskMetric::Pearson => scores.pearson,
            TaskMetric::Spearman => scores.spearman,
            _ => return None,
        })
    }
}

/// Means of precision and recall over all labels of a task, those that never occur too, and their harmonic mean.
fn f1_of_averages(confusion: &Confusion, labels: &[String]) -> f64 {
    let scores: Vec<_> = labels.iter().map(|label| confusion.of_label(label)).collect();
    let count = scores.len().max(1) as f64;
    let precision = scores.iter().map(|one| one.precision).sum::<f64>() / count;
    let recall = scores.iter().map(|one| one.recall).sum::<f64>() / count;
    let sum = precision + recall;
    if sum == 0.0 { 0.0 } else { 2.0 * precision * recall / sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        let names = PLAIN.iter().map(|(name, _)| *name).chain(["f1:1", "precision:a:b", "recall:x"]);
        for name in names {
            assert_eq!(name.parse::<TaskMetric>().unwrap().to_string(), name);
        }
        let message = "macro-f1".parse::<TaskMetric>().unwrap_err().to_string();
        assert!(message.contains("did you mean `macro_f1`?"), "{message}");
    }

    #[test]
    fn germeval_averages_before_it_takes_the_harmonic_mean() {
        let labels = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<String>>();
        // O: precision 2/3, recall 1; A: 1, 1/2; I, which never occurs: 0, 0.
        let confusion = Confusion::new(&labels("O O A A"), &labels("O O A O")).unwrap();
        let (precision, recall) = ((2.0 / 3.0 + 1.0) / 3.0, 1.5 / 3.0);
        let found = TaskMetric::F1OfAverages.of_labels(&confusion, &labels("O A I")).unwrap();
        assert!((found - 2.0 * precision * recall / (precision + recall)).abs() < 1e-12, "{found}");
    }
}
