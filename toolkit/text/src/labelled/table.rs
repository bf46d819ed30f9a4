//! Reads `.csv`, `.tsv` and `.jsonl` into rows, with the line of each.
//!
//! CSV: fields may be quoted, quotes are doubled inside, quoted fields may hold line ends. TSV: tabs
//! split, quotes are characters like any other. JSON lines: one object a line; its texts, numbers
//! and truth values can be columns. A byte order mark is dropped; lines end in LF or CR LF; blank
//! lines are no rows.

use std::path::Path;

use serde_json::{Map, Value};

use crate::Error;

/// A table with the names of its columns.
pub(super) struct Table {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Row>,
}

/// A row and the line where it begins.
pub(super) struct Row {
    pub(super) line: u64,
    fields: Vec<Option<String>>,
}

impl Row {
    /// The field of a column, if the row has it.
    pub(super) fn field(&self, column: usize) -> Option<String> {
        self.fields.get(column).cloned().flatten()
    }
}

impl Table {
    /// Reads a table by the extension of its name; one without rows is an error.
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let read: fn(&Path, &[u8]) -> Result<Table, Error> = match extension(path).as_str() {
            "csv" => read_csv,
            "tsv" => read_tsv,
            "jsonl" => read_json_lines,
            _ => return Err(Error::UnknownTable(path.to_path_buf())),
        };
        let bytes = read_bytes(path)?;
        let table = read(path, bytes.strip_prefix(MARK).unwrap_or(&bytes))?;
        if table.rows.is_empty() { Err(Error::EmptyTable(path.to_path_buf())) } else { Ok(table) }
    }
}

/// The byte order mark.
pub(super) const MARK: &[u8] = b"\xef\xbb\xbf";

/// The extension in small letters.
pub(super) fn extension(path: &Path) -> String {
    path.extension().map(|extension| extension.to_string_lossy().to_lowercase()).unwrap_or_default()
}

pub(super) fn read_bytes(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|cause| Error::read(path, cause))
}

/// One text a line; the last line needs no end.
pub(super) fn read_lines(path: &Path) -> Result<Vec<String>, Error> {
    let bytes = read_bytes(path)?;
    let bytes = bytes.strip_prefix(MARK).unwrap_or(&bytes);
    if bytes.is_empty() {
        return Err(Error::EmptyTable(path.to_path_buf()));
    }
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    lines(path, bytes).map(|line| line.map(|(_, text)| text.to_owned())).collect()
}

/// The lines as text, with their numbers from 1.
pub(super) fn lines<'a>(path: &'a Path, bytes: &'a [u8]) -> impl Iterator<Item = Result<(u64, &'a str), Error>> {
    (1..).zip(bytes.split(|byte| *byte == b'\n')).map(move |(number, line)| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let text = std::str::from_utf8(line).map_err(|_| not_utf8(path, number))?;
        Ok((number, text))
    })
}

fn not_utf8(path: &Path, line: u64) -> Error {
    Error::row(path, line, "the text is not UTF-8; convert the file, with iconv for instance")
}

fn read_tsv(path: &Path, bytes: &[u8]) -> Result<Table, Error> {
    let mut table = Table { columns: Vec::new(), rows: Vec::new() };
    for line in lines(path, bytes) {
        let (line, text) = line?;
        if !text.is_empty() {
            table.push(path, line, text.split('\t').map(str::to_owned).collect())?;
        }
    }
    Ok(table)
}

fn read_csv(path: &Path, bytes: &[u8]) -> Result<Table, Error> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let mut table = Table { columns: Vec::new(), rows: Vec::new() };
    let mut record = csv::ByteRecord::new();
    loop {
        let line = line_of_row(bytes, reader.position());
        let more = reader.read_byte_record(&mut record).map_err(|cause| Error::row(path, line, cause.to_string()))?;
        if !more {
            return Ok(table);
        }
        let fields = record.iter().map(|field| std::str::from_utf8(field).map(str::to_owned));
        let fields = fields.collect::<Result<Vec<_>, _>>().map_err(|_| not_utf8(path, line))?;
        table.push(path, line, fields)?;
    }
}

/// Where the next row begins: behind the line ends that the reader is about to skip.
fn line_of_row(bytes: &[u8], position: &csv::Position) -> u64 {
    let start = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let blank = bytes.get(start..).unwrap_or_default().iter().take_while(|byte| matches!(byte, b'\n' | b'\r'));
    position.line() + blank.filter(|byte| **byte == b'\n').count() as u64
}

impl Table {
    /// Takes the first row as the names of the columns, and checks the width of the others.
    fn push(&mut self, path: &Path, line: u64, fields: Vec<String>) -> Result<(), Error> {
        if self.columns.is_empty() {
            self.columns = fields.iter().map(|name| name.trim().to_owned()).collect();
            return Ok(());
        }
        if fields.len() != self.columns.len() {
            let why = format!("{} columns, the header has {}", fields.len(), self.columns.len());
            return Err(Error::row(path, line, why));
        }
        self.rows.push(Row { line, fields: fields.into_iter().map(Some).collect() });
        Ok(())
    }
}

/// The columns are the keys of all objects, in the order in which they come.
fn read_json_lines(path: &Path, bytes: &[u8]) -> Result<Table, Error> {
    let mut objects = Vec::new();
    let mut columns: Vec<String> = Vec::new();
    for line in lines(path, bytes) {
        let (line, text) = line?;
        if text.trim().is_empty() {
            continue;
        }
        let object: Map<String, Value> = serde_json::from_str(text)
            .map_err(|cause| Error::row(path, line, format!("not a JSON object: {cause}")))?;
        for key in object.keys() {
            if !columns.contains(key) {
                columns.push(key.clone());
            }
        }
        objects.push((line, object));
    }
    let row = |(line, object): (u64, Map<String, Value>)| {
        let fields = columns.iter().map(|column| object.get(column).and_then(plain)).collect();
        Row { line, fields }
    };
    let rows = objects.into_iter().map(row).collect();
    Ok(Table { columns, rows })
}

/// A text as it is, a number or truth value as it is written.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}
