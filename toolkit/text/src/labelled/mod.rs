//! Tables of labelled texts: `.csv`, `.tsv` and `.jsonl`, with columns chosen by name; and of
//! texts without labels, for prediction.
//!
//! The table is held whole: labelled sets are small beside corpora.
#![deny(clippy::indexing_slicing)]

mod soft;
mod table;

use std::path::Path;

use glossa_base::nearest::nearest;

use crate::Error;
use table::{Row, Table};

pub use soft::{SoftExample, read_soft, write_soft};

/// The names tried for the column of texts.
pub const TEXT_NAMES: [&str; 4] = ["text", "sentence", "review", "tweet"];

/// The names tried for the column of labels.
pub const LABEL_NAMES: [&str; 4] = ["label", "category", "class", "sentiment"];

/// A text with its label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The text, as the table has it.
    pub text: String,
    /// The label, without white space around it.
    pub label: String,
}

/// Which columns to read; where none is named, [`TEXT_NAMES`] and [`LABEL_NAMES`] are tried in
/// order, whatever their case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns {
    /// The column of texts (`--text-column`).
    pub text: Option<String>,
    /// The column of labels (`--label-column`).
    pub label: Option<String>,
    /// The column of second texts, where texts come in pairs (`--pair-column`).
    pub pair: Option<String>,
    /// Whether a label may be empty: a text with none of several labels.
    pub empty_labels: bool,
}

/// The columns that make a row's text.
struct TextColumns {
    first: usize,
    second: Option<usize>,
}

impl TextColumns {
    fn find(table: &Table, path: &Path, columns: &Columns) -> Result<Self, Error> {
        let first = find(table, path, columns.text.as_deref(), &TEXT_NAMES, "--text-column")?;
        let second = columns.pair.as_deref().map(|name| find(table, path, Some(name), &[], "--pair-column"));
        Ok(TextColumns { first, second: second.transpose()? })
    }

    /// The text, or both with the marks of fields before them (fastai's `mark_fields`).
    fn read(&self, table: &Table, path: &Path, row: &Row) -> Result<String, Error> {
        let field = |column| row.field(column).ok_or_else(|| missing(path, row.line, &table.columns, column));
        let first = field(self.first)?;
        match self.second {
            Some(second) => Ok(format!("xxfld 1 {first} xxfld 2 {}", field(second)?)),
            None => Ok(first),
        }
    }
}

/// Reads a labelled table; every row needs a label.
pub fn read(path: &Path, columns: &Columns) -> Result<Vec<Example>, Error> {
    let table = Table::read(path)?;
    let texts = TextColumns::find(&table, path, columns)?;
    let label = find(&table, path, columns.label.as_deref(), &LABEL_NAMES, "--label-column")?;
    let example = |row: &Row| {
        let line = row.line;
        let field = |column: usize| row.field(column).ok_or_else(|| missing(path, line, &table.columns, column));
        let (text, label) = (texts.read(&table, path, row)?, field(label)?.trim().to_owned());
        if label.is_empty() && !columns.empty_labels {
            return Err(Error::row(path, line, "the label is empty"));
        }
        Ok(Example { text, label })
    };
    table.rows.iter().map(example).collect()
}

/// Reads the texts of a table, labelled or not, or of a `.txt` file with one text a line (an empty
/// line is an empty text, so that predictions keep the numbers of the lines).
pub fn read_texts(path: &Path, column: Option<&str>) -> Result<Vec<String>, Error> {
    read_texts_of(path, &Columns { text: column.map(str::to_owned), ..Columns::default() })
}

/// As [`read_texts`], of the columns that make a text.
pub fn read_texts_of(path: &Path, columns: &Columns) -> Result<Vec<String>, Error> {
    if table::extension(path) == "txt" {
        return table::read_lines(path);
    }
    let table = Table::read(path)?;
    let texts = TextColumns::find(&table, path, columns)?;
    table.rows.iter().map(|row| texts.read(&table, path, row)).collect()
}

/// Only JSON objects can lack a field: rows of the other kinds are checked when they are read.
fn missing(path: &Path, line: u64, columns: &[String], column: usize) -> Error {
    let name = columns.get(column).map_or("", String::as_str);
    Error::row(path, line, format!("the object has no text, number or truth value under `{name}`"))
}

/// The index of the wanted column, or of the first of `names`.
fn find(table: &Table, path: &Path, wanted: Option<&str>, names: &[&str], flag: &'static str) -> Result<usize, Error> {
    let tried = wanted.map_or_else(|| names.to_vec(), |name| vec![name]);
    let same = |column: &str, name: &str| column == name || (wanted.is_none() && column.eq_ignore_ascii_case(name));
    let position = |name: &&str| table.columns.iter().position(|column| same(column, name));
    tried.iter().find_map(position).ok_or_else(|| {
        let present = table.columns.clone();
        let near = |name: &&str| nearest(name, present.iter().map(String::as_str)).map(str::to_owned);
        let nearest = tried.iter().find_map(near);
        let wanted = tried.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ");
        Error::UnknownColumn { path: path.to_path_buf(), wanted, nearest, present, flag }
    })
}
