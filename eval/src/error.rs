//! What can be wrong with predictions and gold labels.

use std::path::PathBuf;

use glossa_base::Failure;
use thiserror::Error;

/// A failure of scoring or of reading predictions.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum Error {
    /// There are not as many predictions as gold labels.
    #[error("{gold} gold labels but {predicted} predictions")]
    CountsDiffer {
        /// Number of gold labels.
        gold: usize,
        /// Number of predictions.
        predicted: usize,
    },
    /// There is nothing to score.
    #[error("there are no predictions to score")]
    Empty,
    /// The labels look like something else, such as numbers of rows.
    #[error("{count} different labels, at most {} are scored", crate::metrics::LABEL_LIMIT)]
    TooManyLabels {
        /// Number of different labels.
        count: usize,
    },
    /// A prediction without a gold label was to be scored.
    #[error("prediction {row} has no gold label")]
    NoGold {
        /// Its number, counted from 1.
        row: usize,
    },
    /// A number to be scored is infinite or not a number.
    #[error("row {row}: not a finite number")]
    NotFinite {
        /// Its number, counted from 1.
        row: usize,
    },
    /// A prediction has no probabilities that are some: within 0 and 1, with a sum of 1.
    #[error("prediction {row} has no probabilities that sum to 1")]
    NoProbabilities {
        /// Its number, counted from 1.
        row: usize,
    },
    /// Two systems were to be compared that did not answer the same questions.
    #[error("{place}: {problem}")]
    NotComparable {
        /// The system, task and row.
        place: String,
        /// What differs.
        problem: String,
    },
    /// There is no such metric.
    #[error("no metric `{name}`: {meant}")]
    UnknownMetric {
        /// What was asked for.
        name: String,
        /// What may be meant.
        meant: String,
    },
    /// The ending of the file's name names no known format.
    #[error("{} is neither .jsonl nor .csv nor .tsv", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// The file's header names a newer format.
    #[error("{}: predictions of version {version}, this glossa knows {}", path.display(), crate::predictions::VERSION)]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u64,
    },
    /// A table lacks a column.
    #[error("{}:1: no column `{column}`{}", path.display(), found(nearest))]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The column that must be there.
        column: String,
        /// A column of the table that may be meant.
        nearest: Option<String>,
    },
    /// A row cannot be read.
    #[error("{}:{line}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
}

fn found(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|name| format!(", but `{name}`")).unwrap_or_default()
}

impl Error {
    fn hint(&self) -> &'static str {
        match self {
            Error::CountsDiffer { .. } => "give one prediction for each gold label, in the same order",
            Error::Empty => "check that the file of predictions has rows",
            Error::TooManyLabels { .. } => "check which column holds the labels",
            Error::NoGold { .. } => "add `gold` to every row, or give the gold labels in a file of their own",
            Error::UnknownMetric { .. } => "docs/eval.md lists the metrics",
            Error::NotFinite { .. } => "check the column of numbers",
            Error::NoProbabilities { .. } => "add `probabilities` with every label to each row",
            Error::NotComparable { .. } => "compare two systems on the same items with the same gold labels",
            Error::UnknownFormat { .. } => "name the file .jsonl, .csv or .tsv after what it holds",
            Error::NewerFormat { .. } => "use a newer glossa",
            Error::NoColumn { .. } => "the first row names the columns: label, and where known gold and id",
            Error::Malformed { .. } => "docs/eval.md describes the format of predictions",
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let hint = error.hint();
        Failure::data(error.to_string()).hint(hint)
    }
}
