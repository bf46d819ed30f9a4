//! JSON Lines: one object a line, with the text in one field and, if it likes, `id` and `title`.
#![deny(clippy::indexing_slicing)]

use serde_json::{Map, Value};

use super::input::{Input, Lines, Place};
use super::{Entry, line_id};
use crate::{Document, Error};

/// The documents of a JSONL file; blank lines are skipped.
pub(crate) struct Reader {
    lines: Lines,
    field: String,
    done: bool,
}

impl Reader {
    pub(crate) fn new(input: Input, place: &Place, field: &str) -> Self {
        Reader { lines: Lines::new(input, place), field: field.to_owned(), done: false }
    }

    fn read(&mut self) -> Result<Option<Document>, Error> {
        loop {
            let Some((number, line)) = self.lines.next()? else { return Ok(None) };
            if line.trim().is_empty() {
                continue;
            }
            let parsed = parse(line, &self.field);
            let (id, title, text) = parsed.map_err(|reason| Error::Malformed { place: self.lines.place(), reason })?;
            let id = id.filter(|id| !id.is_empty()).unwrap_or_else(|| line_id(self.lines.file(), number));
            return Ok(Some(Document { id, title, text }));
        }
    }
}

type Parts = (Option<String>, Option<String>, String);

/// Id, title and text of a line.
fn parse(line: &str, field: &str) -> Result<Parts, String> {
    let mut object: Map<String, Value> = serde_json::from_str(line).map_err(|cause| {
        let text = cause.to_string();
        let reason = text.split(" at line ").next().unwrap_or_default();
        format!("not a JSON object: {reason} (column {})", cause.column())
    })?;
    let text = match object.remove(field) {
        Some(Value::String(text)) => text,
        Some(_) => return Err(format!("`{field}` is not a string")),
        None => return Err(format!("no field `{field}`")),
    };
    Ok((scalar(&mut object, "id")?, scalar(&mut object, "title")?, text))
}

/// An optional field that is a string or a number.
fn scalar(object: &mut Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match object.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err(format!("`{name}` is neither a string nor a number")),
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
