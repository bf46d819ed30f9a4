//! Official files that are tables: CSV and TSV, with or without a header.
#![deny(clippy::indexing_slicing)]

use std::fs::File;
use std::io::Read;
use std::path::Path;

use csv::StringRecord;
use glossa_base::nearest::nearest;
use glossa_base::{Failure, Outcome};

use super::Column;
use super::read::{FILE_LIMIT, Rows};
use crate::Error;

/// Reads a table.
pub(super) fn read(path: &Path, delimiter: u8, rows: &mut Rows<'_>) -> Outcome<()> {
    let form = rows.task.task.reader.clone();
    let file = File::open(path).map_err(|cause| Failure::io("read", path, cause))?;
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .quoting(form.quoted)
        .has_headers(form.header)
        .from_reader(file.take(FILE_LIMIT));
    let header =
        if form.header { reader.headers().map_err(|cause| explain(cause, rows))?.clone() } else { StringRecord::new() };
    let place = |column: &Column| place(column, &header, path);
    let text = form.text.iter().map(place).collect::<Result<Vec<_>, _>>()?;
    // A test set may have been published without the column of labels.
    let label = form.label.as_ref().filter(|_| !rows.split.unlabelled).map(place).transpose()?;
    let id = form.id.as_ref().map(place).transpose()?;
    let counted = form.counted.as_ref().filter(|_| !rows.split.unlabelled);
    let counted = counted.map(|counted| Ok::<_, Error>((place(&counted.column)?, &counted.value))).transpose()?;
    for record in reader.records() {
        let record = record.map_err(|cause| explain(cause, rows))?;
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |at: usize| record.get(at).map(str::to_owned);
        let missing = |at: usize| rows.malformed(line, format!("no column {}", at + 1));
        let cells = text.iter().map(|&at| cell(at).ok_or_else(|| missing(at))).collect::<Result<Vec<_>, _>>()?;
        let text = cells.join(" ").trim_start_matches('\u{feff}').to_owned();
        let gold = label.map(|at| cell(at).ok_or_else(|| missing(at))).transpose()?;
        let id = id.map(|at| cell(at).ok_or_else(|| missing(at))).transpose()?;
        let counts = counted.is_none_or(|(at, value)| record.get(at) == Some(value.as_str()));
        rows.push(line, id, text, gold.map(|gold| gold.trim().trim_start_matches('\u{feff}').to_owned()), counts)?;
    }
    Ok(())
}

fn place(column: &Column, header: &StringRecord, path: &Path) -> Result<usize, Error> {
    match column {
        Column::Number(number) => Ok(number.saturating_sub(1)),
        Column::Name(name) => {
            let clean = |cell: &str| cell.trim_start_matches('\u{feff}').trim().to_owned();
            let missing = || Error::NoColumn {
                path: path.to_owned(),
                column: name.clone(),
                nearest: nearest(name, header.iter()).map(str::to_owned),
            };
            header.iter().position(|cell| clean(cell) == *name).ok_or_else(missing)
        }
    }
}

fn explain(cause: csv::Error, rows: &Rows<'_>) -> Failure {
    let line = cause.position().map_or(1, csv::Position::line);
    match cause.into_kind() {
        csv::ErrorKind::Io(cause) => Failure::io("read", &rows.path, cause),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            rows.malformed(line, format!("{len} columns, the first row has {expected_len}")).into()
        }
        csv::ErrorKind::Utf8 { err, .. } => rows.malformed(line, format!("not UTF-8: {err}")).into(),
        other => rows.malformed(line, format!("{other:?}")).into(),
    }
}
