//! The report of one set of predictions: scores with intervals and signatures, classes, confusion
//! matrix; as JSON through serde and as a table. It does not print and compares no two systems.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::bootstrap::{self, Interval};
use crate::metrics::{Average, Confusion, Metrics};
use crate::{Error, Prediction, predictions};

/// The version of the report's format.
pub const FORMAT: u32 = 1;

/// All that decides a score, in one line, version last (after sacreBLEU, Post 2018):
/// `accuracy|task:sib200/eus_Latn|split:test|data:9f0c21ab|n:204|seed:0|version:0.1.0`. Hashes are shortened to
/// their first eight digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Name of the metric.
    pub metric: String,
    /// Name of the task, left out of the line where there is none.
    pub task: Option<String>,
    /// Part of the task's data.
    pub split: Option<String>,
    /// Number of items.
    pub count: u64,
    /// What the answers were made from and by.
    pub provenance: Provenance,
    /// Seed of the run and of the interval.
    pub seed: u64,
    /// Version of glossa.
    pub version: String,
}

/// What answers were made from and by; all of it optional, since a predictions file of another system tells none.
/// Hashes are SHA-256 in hexadecimal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Of the task's data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// Of the resolved recipe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<String>,
    /// Of the weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Of the tokenizer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<String>,
    /// Seeds of the training runs that were averaged; empty where there was one, whose seed is given elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seeds: Vec<u64>,
}

impl fmt::Display for Signature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", field(&self.metric))?;
        for (name, value) in [("task", &self.task), ("split", &self.split)] {
            if let Some(value) = value {
                write!(formatter, "|{name}:{}", field(value))?;
            }
        }
        let Provenance { data, recipe, model, tokenizer, seeds } = &self.provenance;
        for (name, value) in [("data", data), ("recipe", recipe), ("model", model), ("tokenizer", tokenizer)] {
            if let Some(value) = value {
                let short: String = value.chars().take(8).collect();
                write!(formatter, "|{name}:{}", field(&short))?;
            }
        }
        if !seeds.is_empty() {
            let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
            write!(formatter, "|seeds:{}", seeds.join("+"))?;
        }
        write!(formatter, "|n:{}|seed:{}|version:{}", self.count, self.seed, field(&self.version))
    }
}

/// Keeps a value from being read as two fields or lines.
pub(crate) fn field(value: &str) -> String {
    value.chars().map(|letter| if letter == '|' || letter.is_whitespace() { '_' } else { letter }).collect()
}

/// What to say about the predictions, and how many resamples to draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportOptions {
    /// Name of the task.
    pub task: Option<String>,
    /// Part of the task's data.
    pub split: Option<String>,
    /// What the answers were made from and by.
    pub provenance: Provenance,
    /// Seed of the run and of the interval.
    pub seed: u64,
    /// Resamples of the interval; without any there is no interval.
    pub resamples: usize,
}

impl Default for ReportOptions {
    fn default() -> Self {
        ReportOptions {
            task: None,
            split: None,
            provenance: Provenance::default(),
            seed: 0,
            resamples: bootstrap::RESAMPLES,
        }
    }
}

/// One figure to publish.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// Name of the metric.
    pub metric: String,
    /// Its value.
    pub value: f64,
    /// Its 95 % bootstrap interval, for accuracy and macro F1.
    pub interval: Option<Interval>,
    /// What decides it.
    pub signature: String,
}

/// All that is known about one set of predictions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Version of this format.
    pub format: u32,
    /// The figures to publish: `accuracy`, `macro_f1`, `weighted_f1`, `matthews`.
    pub scores: Vec<Score>,
    /// All metrics.
    pub metrics: Metrics,
    /// What the metrics are computed from.
    pub confusion: Confusion,
}

impl Report {
    /// Scores predicted labels against gold labels, item by item.
    ///
    /// # Errors
    /// [`Error::CountsDiffer`], [`Error::Empty`] and [`Error::TooManyLabels`].
    pub fn new(gold: &[String], predicted: &[String], options: &ReportOptions) -> Result<Self, Error> {
        let confusion = Confusion::new(gold, predicted)?;
        let metrics = confusion.metrics();
        let intervals = bootstrap::intervals(&confusion, options.resamples, options.seed);
        let score = |metric: &str, value: f64, interval: Option<Interval>| Score {
            metric: metric.to_owned(),
            value,
            interval,
            signature: signature(metric, metrics.count, options).to_string(),
        };
        let scores = vec![
            score("accuracy", metrics.accuracy, intervals.map(|both| both.accuracy)),
            score("macro_f1", metrics.macro_average.f1, intervals.map(|both| both.macro_f1)),
            score("weighted_f1", metrics.weighted_average.f1, None),
            score("matthews", metrics.matthews, None),
        ];
        Ok(Report { format: FORMAT, scores, metrics, confusion })
    }

    /// Scores predictions that carry their gold labels.
    ///
    /// # Errors
    /// As [`Report::new`], and [`Error::NoGold`].
    pub fn of(predictions: &[Prediction], options: &ReportOptions) -> Result<Self, Error> {
        let (gold, predicted) = predictions::labels(predictions)?;
        Self::new(&gold, &predicted, options)
    }

    /// The report as aligned text: scores, classes, confusion matrix. Columns are aligned by
    /// characters, whatever their width on the screen.
    pub fn to_text(&self) -> String {
        let mut text = table(&self.score_rows());
        text.push('\n');
        text.push_str(&table(&self.class_rows()));
        text.push_str("\nconfusion (rows: gold, columns: predicted)\n");
        text.push_str(&table(&self.confusion_rows()));
        if !self.metrics.never_gold.is_empty() {
            text.push_str(&format!("\npredicted but never gold: {}\n", self.metrics.never_gold.join(", ")));
        }
        if let Some(score) = self.scores.first() {
            text.push_str(&format!("\nsignature: {}\n", score.signature));
        }
        text
    }

    fn score_rows(&self) -> Vec<Vec<String>> {
        let mut rows = vec![vec!["score".to_owned(), "value".to_owned(), "95 % interval".to_owned()]];
        for score in &self.scores {
            let interval = score.interval.map(|both| format!("{:.4} - {:.4}", both.low, both.high));
            rows.push(vec![score.metric.clone(), number(score.value), interval.unwrap_or_default()]);
        }
        rows
    }

    fn class_rows(&self) -> Vec<Vec<String>> {
        let mut rows = vec![["class", "precision", "recall", "f1", "support", "predicted"].map(str::to_owned).to_vec()];
        for class in &self.metrics.classes {
            let rates = [class.precision, class.recall, class.f1].map(number);
            let counts = [class.support, class.predicted].map(|count| count.to_string());
            rows.push([vec![short(&class.label)], rates.to_vec(), counts.to_vec()].concat());
        }
        rows.push(self.average_row("macro", &self.metrics.macro_average));
        rows.push(self.average_row("weighted", &self.metrics.weighted_average));
        rows
    }

    fn average_row(&self, name: &str, average: &Average) -> Vec<String> {
        let rates = [average.precision, average.recall, average.f1].map(number);
        let count = self.metrics.count.to_string();
        [vec![format!("({name})")], rates.to_vec(), vec![count.clone(), count]].concat()
    }

    fn confusion_rows(&self) -> Vec<Vec<String>> {
        let labels: Vec<String> = self.confusion.labels.iter().map(|label| short(label)).collect();
        let mut rows = vec![[vec![String::new()], labels.clone()].concat()];
        for (label, counts) in labels.into_iter().zip(&self.confusion.counts) {
            rows.push([vec![label], counts.iter().map(u64::to_string).collect()].concat());
        }
        rows
    }
}

pub(crate) fn signature(metric: &str, count: u64, options: &ReportOptions) -> Signature {
    Signature {
        metric: metric.to_owned(),
        task: options.task.clone(),
        split: options.split.clone(),
        count,
        provenance: options.provenance.clone(),
        seed: options.seed,
        version: glossa_base::TOOL_VERSION.to_owned(),
    }
}

fn number(value: f64) -> String {
    format!("{value:.4}")
}

/// A label on one line and of bearable length.
fn short(label: &str) -> String {
    let clean: String = label.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if clean.chars().count() <= 24 { clean } else { clean.chars().take(23).chain(['…']).collect() }
}

/// The first column to the left, the others to the right.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    aligned(rows, |column| column == 0)
}

/// All columns to the left.
pub(crate) fn table_left(rows: &[Vec<String>]) -> String {
    aligned(rows, |_| true)
}

fn aligned(rows: &[Vec<String>], left: impl Fn(usize) -> bool) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| match left(column) {
            true => format!("{cell:<width$}"),
            false => format!("{cell:>width$}"),
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_text_is_a_table() {
        let options =
            ReportOptions { task: Some("demo".to_owned()), split: Some("test".to_owned()), ..Default::default() };
        let report = Report::new(&labels("x x y y"), &labels("x x y z"), &options).unwrap();
        let text = report.to_text();
        let expected = [
            "confusion (rows: gold, columns: predicted)",
            "   x  y  z",
            "x  2  0  0",
            "y  0  1  1",
            "z  0  0  0",
            "",
            "predicted but never gold: z",
        ];
        assert!(text.contains(&expected.join("\n")), "{text}");
        assert!(text.contains("y              1.0000  0.5000  0.6667        2          1\n"), "{text}");
        let version = glossa_base::TOOL_VERSION;
        assert!(text.ends_with(&format!("signature: accuracy|task:demo|split:test|n:4|seed:0|version:{version}\n")));
    }

    #[test]
    fn a_report_is_json_and_the_same_each_time() {
        let make = || Report::new(&labels("a b a"), &labels("a a a"), &ReportOptions::default()).unwrap();
        let json = serde_json::to_value(make()).unwrap();
        assert_eq!(json, serde_json::to_value(make()).unwrap());
        assert_eq!(json["format"], 1);
        assert_eq!(json["scores"][1]["metric"], "macro_f1");
        assert_eq!(json["scores"][0]["interval"]["resamples"], 1000);
        assert_eq!(json["confusion"]["counts"], serde_json::json!([[2, 0], [1, 0]]));
    }

    #[test]
    fn a_signature_is_one_line_of_fields() {
        let options = ReportOptions { task: Some("a|b\nc".to_owned()), seed: 3, ..Default::default() };
        let version = glossa_base::TOOL_VERSION;
        assert_eq!(
            signature("macro_f1", 7, &options).to_string(),
            format!("macro_f1|task:a_b_c|n:7|seed:3|version:{version}")
        );
    }

    #[test]
    fn a_signature_names_what_is_known_of_the_run() {
        let provenance = Provenance {
            data: Some("0123456789abcdef".to_owned()),
            model: Some("fedcba9876543210".to_owned()),
            seeds: vec![1, 2, 3],
            ..Provenance::default()
        };
        let options = ReportOptions { task: Some("t".to_owned()), provenance, ..Default::default() };
        let version = glossa_base::TOOL_VERSION;
        let expected = format!("f|task:t|data:01234567|model:fedcba98|seeds:1+2+3|n:7|seed:0|version:{version}");
        assert_eq!(signature("f", 7, &options).to_string(), expected);
    }

    #[test]
    fn without_resamples_there_is_no_interval() {
        let options = ReportOptions { resamples: 0, ..Default::default() };
        let rows = [Prediction { gold: Some("a".to_owned()), label: "a".to_owned(), ..Default::default() }];
        assert_eq!(Report::of(&rows, &options).unwrap().scores[0].interval, None);
    }
}
