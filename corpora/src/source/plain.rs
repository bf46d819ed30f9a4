//! Plain text: a document a line, or a document a block of lines.
#![deny(clippy::indexing_slicing)]

use super::input::{Input, Lines, Place};
use super::{DocumentUnit, Entry, LIMIT, line_id};
use crate::{Document, Error};

/// The documents of a text file; blank lines are no documents.
pub(crate) struct Reader {
    lines: Lines,
    unit: DocumentUnit,
    done: bool,
}

impl Reader {
    pub(crate) fn new(input: Input, place: &Place, unit: DocumentUnit) -> Self {
        Reader { lines: Lines::new(input, place), unit, done: false }
    }

    fn read(&mut self) -> Result<Option<Document>, Error> {
        let mut text = String::new();
        let mut first = 0;
        while let Some((number, line)) = self.lines.next()? {
            if line.trim().is_empty() {
                if text.is_empty() {
                    continue;
                }
                break;
            }
            if text.is_empty() {
                first = number;
            } else {
                text.push('\n');
            }
            text.push_str(line);
            if self.unit == DocumentUnit::Line {
                break;
            }
            if text.len() > LIMIT {
                return Err(Error::TooLong { place: self.lines.place(), megabytes: LIMIT >> 20 });
            }
        }
        if text.is_empty() {
            return Ok(None);
        }
        Ok(Some(Document { id: line_id(self.lines.file(), first), title: None, text }))
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
