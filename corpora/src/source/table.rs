//! CSV and TSV with a header: one column holds the text; columns `id` and `title` are used if there.
#![deny(clippy::indexing_slicing)]

use glossa_base::nearest::nearest;

use super::input::{Budget, Input, Limited, Place, read_error};
use super::{Entry, LIMIT, line_id};
use crate::{Document, Error};

/// The documents of a table; every row must have as many fields as the header.
pub(crate) struct Reader {
    rows: csv::Reader<Limited<Input>>,
    budget: Budget,
    place: Place,
    text: usize,
    id: Option<usize>,
    title: Option<usize>,
    row: csv::StringRecord,
    done: bool,
}

impl Reader {
    pub(crate) fn new(input: Input, place: &Place, delimiter: u8, text_column: &str) -> Result<Self, Error> {
        let budget = Budget::default();
        budget.refill();
        let limited = Limited { input, budget: budget.clone() };
        let mut rows = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(limited);
        let header = rows.headers().map_err(|cause| explain(place, &budget, cause))?.clone();
        let find = |name: &str| header.iter().position(|column| column.trim_start_matches('\u{feff}') == name);
        let Some(text) = find(text_column) else {
            return Err(Error::NoColumn {
                place: place.line(1),
                column: text_column.to_owned(),
                found: header.iter().map(|column| format!("`{column}`")).collect::<Vec<_>>().join(", "),
                nearest: nearest(text_column, &header).map(str::to_owned),
            });
        };
        let (id, title) = (find("id"), find("title"));
        Ok(Reader { rows, budget, place: place.clone(), text, id, title, row: csv::StringRecord::new(), done: false })
    }

    fn read(&mut self) -> Result<Option<Document>, Error> {
        self.budget.refill();
        let more = self.rows.read_record(&mut self.row);
        if !more.map_err(|cause| explain(&self.place, &self.budget, cause))? {
            return Ok(None);
        }
        let line = self.row.position().map_or(0, csv::Position::line);
        let field = |index: Option<usize>| {
            index.and_then(|index| self.row.get(index)).filter(|field| !field.is_empty()).map(str::to_owned)
        };
        Ok(Some(Document {
            id: field(self.id).unwrap_or_else(|| line_id(&self.place, line)),
            title: field(self.title),
            text: field(Some(self.text)).unwrap_or_default(),
        }))
    }
}

fn explain(place: &Place, budget: &Budget, cause: csv::Error) -> Error {
    let line = cause.position().map_or(1, csv::Position::line);
    let at = place.line(line);
    if budget.is_spent() {
        return Error::TooLong { place: at, megabytes: LIMIT >> 20 };
    }
    match cause.into_kind() {
        csv::ErrorKind::Io(cause) => read_error(place, at, cause),
        csv::ErrorKind::Utf8 { .. } => Error::InvalidUtf8 { place: at },
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            Error::Malformed { place: at, reason: format!("{len} fields, the header has {expected_len}") }
        }
        other => Error::Malformed { place: at, reason: format!("not readable as a table: {other:?}") },
    }
}

impl Iterator for Reader {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let entry = self.read().transpose();
        self.done = !matches!(entry, Some(Ok(_)));
        entry.map(|document| document.map(Entry::Document))
    }
}
