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
    /// A task file is wrong.
    #[error("{place}: {problem}")]
    Task {
        /// File, line and column.
        place: String,
        /// What is wrong.
        problem: String,
        /// What may be meant.
        meant: Option<String>,
    },
    /// There is no such task, choice or split.
    #[error("{problem}: {meant}")]
    UnknownTask {
        /// What was asked for.
        problem: String,
        /// What may be meant.
        meant: String,
    },
    /// A split has another number of items than the official one.
    #[error("{}: {found} items, but `{split}` has {official}{}", path.display(), likely(other))]
    Size {
        /// The file.
        path: PathBuf,
        /// The split.
        split: String,
        /// Number of items in the file.
        found: u64,
        /// The official number.
        official: u64,
        /// Another split with as many.
        other: Option<String>,
    },
    /// A prediction cannot be scored.
    #[error("prediction {row}: {reason}")]
    Row {
        /// Its number, from 1.
        row: usize,
        /// Why.
        reason: String,
    },
    /// The task asks for no answers.
    #[error("the task {task} asks for the likelihood of its text, not for answers")]
    NoAnswers {
        /// The task.
        task: String,
    },
    /// The task's data may not be downloaded.
    #[error("the data of {task} cannot be downloaded")]
    NothingToFetch {
        /// The task.
        task: String,
        /// How to obtain it.
        obtain: String,
    },
    /// Something that must be handed in is not there.
    #[error("{problem}")]
    Submission {
        /// What is wrong.
        problem: String,
    },
    /// The members of an ensemble do not fit together.
    #[error("{place}: {problem}")]
    Ensemble {
        /// The member and row.
        place: String,
        /// What is wrong.
        problem: String,
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

fn likely(other: &Option<String>) -> String {
    other.as_ref().map(|name| format!("; `{name}` has as many")).unwrap_or_default()
}

fn found(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|name| format!(", but `{name}`")).unwrap_or_default()
}

impl Error {
    fn hint(&self) -> &str {
        match self {
            Error::Task { meant, .. } => meant.as_deref().unwrap_or("docs/eval.md describes task files"),
            Error::UnknownTask { .. } => "`glossa eval list` shows the tasks with their choices and splits",
            Error::Size { .. } => "check that it is the official file of this split, whole and unchanged",
            Error::Row { .. } => "one prediction for each item of the split, in order or with the official ids",
            Error::NoAnswers { .. } => "measure the perplexity by word of the test text with `glossa lm perplexity`",
            Error::NothingToFetch { obtain, .. } => obtain,
            Error::Submission { .. } => "docs/eval.md describes the official files",
            Error::Ensemble { .. } => "give every member probabilities for the same items and labels",
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
        let hint = error.hint().to_owned();
        Failure::data(error.to_string()).hint(hint)
    }
}
