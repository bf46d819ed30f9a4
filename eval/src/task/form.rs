//! What a task file holds, as read from TOML.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::describe::describe;
use super::{FORMAT, TaskMetric};
use crate::Error;
use crate::submission::Form;

/// A benchmark or shared task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// Version of the file's format, 1.
    pub format: u32,
    /// Name in commands and signatures, such as `sib200`.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// What is asked for.
    pub answer: Answer,
    /// The labels, in the task's own order; empty for numbers and for language models.
    #[serde(default)]
    pub labels: Vec<String>,
    /// The smallest and largest number that may be answered.
    #[serde(default)]
    pub range: Option<[f64; 2]>,
    /// The official metrics, the one that decides first.
    pub metrics: Vec<TaskMetric>,
    /// The language's code, where the task is of one language only.
    #[serde(default)]
    pub language: Option<String>,
    /// Are the items of all languages the same sentences? Then they are resampled jointly.
    #[serde(default)]
    pub parallel: bool,
    /// Licence of the data, as its owners state it.
    pub licence: String,
    /// Where the task is described.
    pub home: String,
    /// How to obtain the data, for whoever may.
    pub obtain: String,
    /// What a user should know of the official files.
    #[serde(default)]
    pub notes: Vec<String>,
    /// The preset of the paper whose system this house rebuilds, where there is one.
    #[serde(default)]
    pub preset: Option<String>,
    /// The official file of answers.
    pub submission: Form,
    /// What must be chosen, such as the language; in the order in which it is written after the name.
    #[serde(default)]
    pub dimension: Vec<Dimension>,
    /// How the files are read.
    pub reader: Reader,
    /// The parts of the data.
    pub split: Vec<Split>,
    /// What may be downloaded without an agreement.
    #[serde(default)]
    pub fetch: Vec<Fetch>,
    /// SHA-256 of official files that are known: path below the task's folder to digest.
    #[serde(default)]
    pub checksum: BTreeMap<String, String>,
    /// Published results.
    #[serde(default)]
    pub published: Vec<Published>,
}

/// What a task asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// One of the labels.
    Label,
    /// A number.
    Number,
    /// The likelihood of the text.
    LanguageModel,
}

/// Something that must be chosen, with its known values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dimension {
    /// Its name, as it stands in braces in paths.
    pub name: String,
    /// Its values.
    pub values: Vec<String>,
}

/// How the files are read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reader {
    /// The layout of the files.
    pub layout: Layout,
    /// The column or columns of the text, joined by a space; by name, or by number from 1 without a header.
    #[serde(default)]
    pub text: Vec<Column>,
    /// The column of the label or number.
    #[serde(default)]
    pub label: Option<Column>,
    /// The column of the id; without one, items are numbered from 1.
    #[serde(default)]
    pub id: Option<Column>,
    /// Does the first row name the columns?
    #[serde(default)]
    pub header: bool,
    /// May cells stand in double quotes, as CSV has it?
    #[serde(default)]
    pub quoted: bool,
    /// Official label to the name it has here.
    #[serde(default)]
    pub rename: BTreeMap<String, String>,
    /// Which items count in the score; without it all do.
    #[serde(default)]
    pub counted: Option<Counted>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Column {
    /// Its number, from 1.
    Number(usize),
    /// Its name.
    Name(String),
}

/// Items count only where a column has a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counted {
    /// The column.
    pub column: Column,
    /// Its value.
    pub value: String,
}

/// The layouts of official files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// Commas between columns.
    Csv,
    /// Tabs between columns.
    Tsv,
    /// `LABEL<TAB>b'...'`, as MLDoc's own script writes it: the text is a byte string of Python.
    Mldoc,
    /// Webis CLS-10, unprocessed: `<items><item>` with `rating` and `text`.
    ClsXml,
    /// Webis CLS-10, processed: `word:count ... #label#:positive`.
    ClsProcessed,
    /// One text a line, and one label a line in a file of its own.
    TextAndTags,
    /// One sentence a line.
    Lines,
    /// A folder for each label with a file for each text.
    Folders,
    /// `LABEL:detail text`, in Latin-1.
    Trec,
    /// `__label__LABEL text`.
    Fasttext,
}

/// A part of the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// Its name, such as `test`.
    pub name: String,
    /// Its file below the task's folder, with dimensions in braces.
    pub file: String,
    /// Its file of labels, where they stand apart.
    #[serde(default)]
    pub tags: Option<String>,
    /// The official number of items.
    #[serde(default)]
    pub items: Option<u64>,
    /// Other numbers for some choices, such as `jp/music`.
    #[serde(default)]
    pub items_of: BTreeMap<String, u64>,
    /// Has it no gold labels?
    #[serde(default)]
    pub unlabelled: bool,
}

/// A file that anyone may download.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fetch {
    /// From where, with dimensions in braces.
    pub url: String,
    /// To where below the task's folder, with dimensions in braces; for an archive that is unpacked, the folder.
    pub file: String,
    /// SHA-256 of what is downloaded, where it is known.
    #[serde(default)]
    pub sha256: Option<String>,
    /// Is it an archive to unpack?
    #[serde(default)]
    pub unpack: bool,
}

/// A published result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// The system.
    pub system: String,
    /// What it is a score of.
    pub metric: TaskMetric,
    /// The unit of the values.
    pub unit: Unit,
    /// Training data and whatever else must be the same for a comparison.
    pub setting: String,
    /// Where it was read.
    pub source: String,
    /// Choice of the dimensions (`de/books`; `all` where there are none) to value.
    pub values: BTreeMap<String, f64>,
}

/// The unit of published values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Of 100.
    Percent,
    /// As the metric gives it.
    Plain,
}

impl Task {
    /// Reads a task file; `place` is what errors call it.
    ///
    /// # Errors
    /// [`Error::Task`] with file, line, column and the nearest right key.
    pub fn parse(text: &str, place: &str) -> Result<Self, Error> {
        let version = toml::from_str::<toml::Table>(text)
            .ok()
            .and_then(|table| table.get("format").and_then(toml::Value::as_integer));
        if let Some(version) = version.filter(|version| *version > i64::from(FORMAT)) {
            let problem = format!("task files of format {version}, this glossa knows {FORMAT}");
            return Err(Error::Task { place: place.to_owned(), problem, meant: Some("use a newer glossa".to_owned()) });
        }
        let task: Task = toml::from_str(text).map_err(|error| describe(&error, text, place))?;
        task.check().map_err(|(key, problem)| {
            let line = text.lines().position(|line| line.trim_start().starts_with(key)).map(|line| line + 1);
            let place = line.map_or_else(|| place.to_owned(), |line| format!("{place}:{line}:1"));
            Error::Task { place, problem, meant: None }
        })?;
        Ok(task)
    }

    /// What must hold beyond the types: the key to blame and what is wrong.
    fn check(&self) -> Result<(), (&'static str, String)> {
        let tables = matches!(self.reader.layout, Layout::Csv | Layout::Tsv);
        let untagged = |split: &Split| split.tags.is_none() && !split.unlabelled;
        let labels = self.metrics.iter().filter_map(TaskMetric::label);
        let strange = labels.into_iter().find(|label| !self.labels.iter().any(|one| one == label));
        let checks = [
            (self.format != FORMAT, "format", "`format` must be 1"),
            (self.metrics.is_empty(), "metrics", "`metrics` is empty"),
            (self.split.is_empty(), "split", "there is no split"),
            (self.answer == Answer::Label && self.labels.len() < 2, "labels", "fewer than two labels"),
            (
                tables && (self.reader.text.is_empty() || self.reader.label.is_none()),
                "layout",
                "a table needs the columns `text` and `label`",
            ),
            (
                self.reader.layout == Layout::TextAndTags && self.split.iter().any(untagged),
                "[[split]]",
                "a split has no file of `tags`",
            ),
            (strange.is_some(), "metrics", "a metric is of a label that is none of the labels"),
        ];
        match checks.into_iter().find(|(broken, ..)| *broken) {
            Some((_, key, problem)) => Err((key, problem.to_owned())),
            None => Ok(()),
        }
    }
}
