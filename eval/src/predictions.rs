//! Predictions and their files, the boundary to every other system: JSONL, read and written, and
//! CSV or TSV, read. `docs/eval.md` describes the format. Nothing here knows what a score is.
#![deny(clippy::indexing_slicing)]

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;

use glossa_base::atomic::WholeFile;
use glossa_base::nearest::nearest;
use glossa_base::{Failure, Outcome};
use serde::{Deserialize, Serialize};

use crate::Error;

/// The name of the format, in the header of a file.
pub const FORMAT: &str = "glossa-predictions";

/// The version of the format.
pub const VERSION: u64 = 1;

/// The longest line that is read, in bytes.
const LINE_LIMIT: u64 = 1 << 24;

/// What a system says about one text. As a row of JSONL: `{"label":"b","gold":"a"}`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prediction {
    /// The name of the text; no two predictions of a file share one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The right label, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gold: Option<String>,
    /// The predicted label.
    pub label: String,
    /// The probability of each label, in [0, 1]; empty where the system gives none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub probabilities: BTreeMap<String, f64>,
}

impl Prediction {
    /// The likeliest of `labels`, the first one where several are; `None` when there are no labels.
    pub fn from_probabilities(labels: &[String], probabilities: &[f64]) -> Option<Self> {
        let pairs = || labels.iter().zip(probabilities);
        let best = pairs().rev().max_by(|left, right| left.1.total_cmp(right.1))?;
        Some(Prediction {
            label: best.0.clone(),
            probabilities: pairs().map(|(label, value)| (label.clone(), *value)).collect(),
            ..Prediction::default()
        })
    }
}

/// The header of a file that glossa writes; other systems may leave it out.
#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    version: u64,
}

/// Writes predictions as JSONL with a header, whole or not at all.
///
/// # Errors
/// [`Error::UnknownFormat`] unless the name ends in `.jsonl`; what the disk says.
pub fn write(path: &Path, predictions: &[Prediction]) -> Outcome<()> {
    if format_of(path)? != Format::Jsonl {
        return Err(
            Failure::from(Error::UnknownFormat { path: path.to_owned() }).hint("predictions are written as .jsonl")
        );
    }
    let mut file = WholeFile::create(path)?;
    write_line(&mut file, path, &Header { format: FORMAT.to_owned(), version: VERSION })?;
    for prediction in predictions {
        write_line(&mut file, path, prediction)?;
    }
    file.commit()
}

fn write_line(file: &mut WholeFile, path: &Path, row: &impl Serialize) -> Outcome<()> {
    serde_json::to_writer(&mut *file, row)
        .map_err(std::io::Error::from)
        .and_then(|()| file.write_all(b"\n"))
        .map_err(|cause| Failure::io("write", path, cause))
}

/// Reads predictions from `.jsonl`, `.csv` or `.tsv`, all or none.
///
/// # Errors
/// [`Error::Malformed`] with file and line for the first bad row; [`Error::UnknownFormat`],
/// [`Error::NewerFormat`], [`Error::NoColumn`]; what the disk says.
pub fn read(path: &Path) -> Outcome<Vec<Prediction>> {
    let format = format_of(path)?;
    let file = File::open(path).map_err(|cause| Failure::io("read", path, cause))?;
    let mut rows = Rows { path, rows: Vec::new(), ids: HashSet::new() };
    match format {
        Format::Jsonl => read_jsonl(BufReader::new(file), &mut rows)?,
        Format::Csv => read_table(file, b',', &mut rows)?,
        Format::Tsv => read_table(file, b'\t', &mut rows)?,
    }
    Ok(rows.rows)
}

/// Gold and predicted labels of predictions that all carry gold labels, ready to be scored.
///
/// # Errors
/// [`Error::NoGold`] names the first row without one.
pub fn labels(predictions: &[Prediction]) -> Result<(Vec<String>, Vec<String>), Error> {
    let mut gold = Vec::with_capacity(predictions.len());
    for (index, prediction) in predictions.iter().enumerate() {
        gold.push(prediction.gold.clone().ok_or(Error::NoGold { row: index + 1 })?);
    }
    Ok((gold, predictions.iter().map(|prediction| prediction.label.clone()).collect()))
}

#[derive(PartialEq, Eq)]
enum Format {
    Jsonl,
    Csv,
    Tsv,
}

fn format_of(path: &Path) -> Result<Format, Error> {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    match ending.as_deref() {
        Some("jsonl") => Ok(Format::Jsonl),
        Some("csv") => Ok(Format::Csv),
        Some("tsv") => Ok(Format::Tsv),
        _ => Err(Error::UnknownFormat { path: path.to_owned() }),
    }
}

/// Rows as they are read, with what must hold between them.
struct Rows<'a> {
    path: &'a Path,
    rows: Vec<Prediction>,
    ids: HashSet<String>,
}

impl Rows<'_> {
    fn malformed(&self, line: u64, reason: impl Into<String>) -> Error {
        Error::Malformed { path: self.path.to_owned(), line, reason: reason.into() }
    }

    fn push(&mut self, line: u64, row: Prediction) -> Result<(), Error> {
        if row.label.is_empty() {
            return Err(self.malformed(line, "the label is empty"));
        }
        if row.gold.as_deref() == Some("") {
            return Err(self.malformed(line, "the gold label is empty"));
        }
        if let Some((label, value)) = row.probabilities.iter().find(|(_, value)| !(0.0..=1.000_001).contains(*value)) {
            return Err(self.malformed(line, format!("the probability of `{label}` is {value}, not within 0 and 1")));
        }
        if let Some(id) = &row.id
            && !self.ids.insert(id.clone())
        {
            return Err(self.malformed(line, format!("the id `{id}` was there before")));
        }
        self.rows.push(row);
        Ok(())
    }
}

fn read_jsonl(mut reader: impl BufRead, rows: &mut Rows<'_>) -> Outcome<()> {
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        let read = reader.by_ref().take(LINE_LIMIT).read_until(b'\n', &mut bytes);
        let read = read.map_err(|cause| Failure::io("read", rows.path, cause))?;
        if read == 0 {
            break;
        }
        if read as u64 == LINE_LIMIT && bytes.last() != Some(&b'\n') {
            return Err(rows.malformed(number, format!("the line is longer than {LINE_LIMIT} bytes")).into());
        }
        read_line(number, &bytes, rows)?;
    }
    Ok(())
}

fn read_line(number: u64, bytes: &[u8], rows: &mut Rows<'_>) -> Result<(), Error> {
    let text = std::str::from_utf8(bytes).map_err(|cause| rows.malformed(number, format!("not UTF-8: {cause}")))?;
    let text = text.strip_prefix('\u{feff}').filter(|_| number == 1).unwrap_or(text).trim();
    if text.is_empty() {
        return Ok(());
    }
    if number == 1
        && let Ok(header) = serde_json::from_str::<Header>(text)
        && header.format == FORMAT
    {
        let newer = Error::NewerFormat { path: rows.path.to_owned(), version: header.version };
        return if header.version > VERSION { Err(newer) } else { Ok(()) };
    }
    let row = serde_json::from_str(text).map_err(|cause| rows.malformed(number, said_by_json(&cause)))?;
    rows.push(number, row)
}

/// What the parser says, with its column; its line is always 1 and would mislead.
fn said_by_json(cause: &serde_json::Error) -> String {
    let text = cause.to_string();
    let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
    format!("column {}: {reason}", cause.column())
}

/// A table with a header row. Columns other than `id`, `gold` and `label` are passed over. In TSV a
/// quotation mark is a character like any other.
fn read_table(file: File, delimiter: u8, rows: &mut Rows<'_>) -> Outcome<()> {
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).quoting(delimiter == b',').from_reader(file);
    let header = reader.headers().map_err(|cause| said_by_csv(cause, rows))?.clone();
    let place = |name: &str| header.iter().position(|column| column.trim_start_matches('\u{feff}').trim() == name);
    let (id, gold) = (place("id"), place("gold"));
    let label = place("label").ok_or_else(|| Error::NoColumn {
        path: rows.path.to_owned(),
        column: "label".to_owned(),
        nearest: nearest("label", header.iter()).map(str::to_owned),
    })?;
    for record in reader.records() {
        let record = record.map_err(|cause| said_by_csv(cause, rows))?;
        let cell = |place: usize| record.get(place).unwrap_or_default().to_owned();
        let row =
            Prediction { id: id.map(cell), gold: gold.map(cell), label: cell(label), probabilities: BTreeMap::new() };
        rows.push(record.position().map_or(0, csv::Position::line), row)?;
    }
    Ok(())
}

fn said_by_csv(cause: csv::Error, rows: &Rows<'_>) -> Failure {
    let line = cause.position().map_or(1, csv::Position::line);
    match cause.into_kind() {
        csv::ErrorKind::Io(cause) => Failure::io("read", rows.path, cause),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            rows.malformed(line, format!("{len} columns, the header has {expected_len}")).into()
        }
        csv::ErrorKind::Utf8 { err, .. } => rows.malformed(line, format!("not UTF-8: {err}")).into(),
        other => rows.malformed(line, format!("{other:?}")).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(name: &str, text: &[u8]) -> Result<Vec<Prediction>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        read(&path).map_err(|failure| failure.message.replace(&format!("{}", path.display()), name))
    }

    fn row(gold: Option<&str>, label: &str) -> Prediction {
        Prediction { gold: gold.map(str::to_owned), label: label.to_owned(), ..Prediction::default() }
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.jsonl");
        let labels = ["á\n\"".to_owned(), "b".to_owned()];
        let mut first = Prediction::from_probabilities(&labels, &[0.1, 0.9]).unwrap();
        first.id = Some("7".to_owned());
        let rows = vec![first, row(Some("á\n\""), "b")];
        write(&path, &rows).unwrap();
        assert_eq!(read(&path).unwrap(), rows);
        assert_eq!(rows.first().unwrap().label, "b");
        assert!(write(&folder.path().join("p.csv"), &rows).unwrap_err().hint.unwrap().contains("jsonl"));
    }

    #[test]
    fn a_tie_goes_to_the_first_label() {
        let labels = ["a".to_owned(), "b".to_owned()];
        assert_eq!(Prediction::from_probabilities(&labels, &[0.5, 0.5]).unwrap().label, "a");
        assert_eq!(Prediction::from_probabilities(&[], &[]), None);
    }

    #[test]
    fn what_other_systems_write() {
        let two = vec![row(Some("x"), "y"), row(Some("y"), "y")];
        let cases: [(&str, &str); 5] = [
            ("a.jsonl", "{\"gold\":\"x\",\"label\":\"y\"}\n\n{\"label\":\"y\",\"gold\":\"y\"}"),
            ("a.jsonl", "\u{feff}{\"gold\":\"x\",\"label\":\"y\"}\r\n{\"label\":\"y\",\"gold\":\"y\"}\r\n"),
            ("a.csv", "\u{feff}gold,text,label\nx,\"a,\n\"\"b\",y\ny,c,y\n"),
            ("a.tsv", "label\tgold\ttext\ny\tx\t\"open\ny\ty\tc\r\n"),
            ("a.CSV", "gold,label\r\nx,y\r\ny,y\r\n"),
        ];
        for (name, text) in cases {
            assert_eq!(read_text(name, text.as_bytes()), Ok(two.clone()), "{text}");
        }
    }

    #[test]
    fn a_bad_row_is_named_by_file_and_line() {
        let cases: [(&str, &[u8], &str); 14] = [
            ("a.jsonl", b"{\"label\":\"y\"}\n{\"lable\":\"y\"}", "a.jsonl:2: column 8: unknown field `lable`"),
            ("a.jsonl", b"{\"gold\":\"y\"}", "a.jsonl:1: column 12: missing field `label`"),
            ("a.jsonl", b"{\"label\":\"y\"", "a.jsonl:1: column 12: EOF"),
            ("a.jsonl", b"{\"label\":\"y\"}\n\xff\n", "a.jsonl:2: not UTF-8"),
            ("a.jsonl", b"{\"label\":\"\"}", "a.jsonl:1: the label is empty"),
            ("a.jsonl", b"{\"label\":\"y\",\"probabilities\":{\"y\":1.5}}", "a.jsonl:1: the probability of `y` is 1.5"),
            (
                "a.jsonl",
                b"{\"id\":\"1\",\"label\":\"y\"}\n\n{\"id\":\"1\",\"label\":\"y\"}",
                "a.jsonl:3: the id `1` was",
            ),
            ("a.jsonl", b"{\"format\":\"glossa-predictions\",\"version\":2}", "a.jsonl: predictions of version 2"),
            ("a.csv", b"gold,label\nx,y\nx\n", "a.csv:3: 1 columns, the header has 2"),
            ("a.csv", b"gold,labels\nx,y\n", "a.csv:1: no column `label`, but `labels`"),
            ("a.csv", b"gold,label\nx,y\n,y\n", "a.csv:3: the gold label is empty"),
            ("a.tsv", b"gold\tlabel\nx\t\xff\n", "a.tsv:2: not UTF-8"),
            ("a.csv", b"", "a.csv:1: no column `label`"),
            ("a.txt", b"", "a.txt is neither .jsonl"),
        ];
        for (name, text, expected) in cases {
            let message = read_text(name, text).unwrap_err();
            assert!(message.starts_with(expected), "{message} does not start with {expected}");
        }
        assert!(read(Path::new("/nowhere/a.csv")).unwrap_err().hint.is_some());
    }

    #[test]
    fn gold_labels_must_all_be_there() {
        assert_eq!(labels(&[row(Some("a"), "b"), row(None, "b")]), Err(Error::NoGold { row: 2 }));
        assert_eq!(labels(&[row(Some("a"), "b")]), Ok((vec!["a".to_owned()], vec!["b".to_owned()])));
    }
}
