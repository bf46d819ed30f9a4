//! A TOML text and where in it things stand, so that every mistake can be named with line and column.

use std::ops::Range;

use glossa_base::nearest::nearest;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::Error;

/// A TOML text under reading.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// The text.
    pub text: &'a str,
    /// Its name in messages.
    pub file: &'a str,
}

impl Document<'_> {
    /// The values of the text, strictly: an unknown key is an error.
    ///
    /// # Errors
    /// The first mistake, with line and column; for an unknown key or word also the nearest right one.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        toml::from_str(self.text).map_err(|cause| self.explain(&cause))
    }

    /// The text as a table.
    ///
    /// # Errors
    /// Not TOML.
    pub fn table(&self) -> Result<toml::Table, Error> {
        self.read()
    }

    /// An error about the value of a key, such as `cleaning.digits` or `task.0.train`, or about the whole
    /// text where there is no such key.
    pub fn invalid(&self, key: &str, reason: impl Into<String>) -> Error {
        let span = self.span(key).unwrap_or(0..0);
        self.invalid_at(span, reason.into())
    }

    /// An error about a key that does not exist.
    pub fn unknown<'a>(&self, key: &str, known: impl IntoIterator<Item = &'a str>) -> Error {
        let (line, column) = self.position(self.key_span(key).map_or(0, |span| span.start));
        let last = key.rsplit('.').next().unwrap_or(key);
        let nearest = nearest(last, known).map(str::to_owned);
        Error::UnknownKey { file: self.file.to_owned(), line, column, key: last.to_owned(), nearest }
    }

    /// Line and column of a key, both from 1.
    pub fn place(&self, key: &str) -> Option<(usize, usize)> {
        self.key_span(key).map(|span| self.position(span.start))
    }

    /// Turns the TOML reader's words into ours.
    fn explain(&self, cause: &toml::de::Error) -> Error {
        let span = cause.span().unwrap_or(0..0);
        let message = cause.message();
        if let Some((key, known)) = listed(message, "unknown field `") {
            let (line, column) = self.position(span.start);
            let nearest = nearest(key, known).map(str::to_owned);
            return Error::UnknownKey { file: self.file.to_owned(), line, column, key: key.to_owned(), nearest };
        }
        let meant = listed(message, "unknown variant `").and_then(|(word, known)| nearest(word, known));
        let meant = meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
        self.invalid_at(span, message.replace('\n', ", ") + &meant)
    }

    fn invalid_at(&self, span: Range<usize>, reason: String) -> Error {
        let (line, column) = self.position(span.start);
        Error::Invalid { file: self.file.to_owned(), line, column, reason }
    }

    /// Line and column, both from 1, of a byte offset.
    fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        (line, column)
    }

    fn span(&self, key: &str) -> Option<Range<usize>> {
        self.spans(key).map(|(_, value)| value)
    }

    fn key_span(&self, key: &str) -> Option<Range<usize>> {
        self.spans(key).map(|(key, _)| key)
    }

    /// Where a key stands, and its value.
    fn spans(&self, key: &str) -> Option<(Range<usize>, Range<usize>)> {
        let document = DeTable::parse(self.text).ok()?;
        let mut parts = key.split('.');
        let mut found = entry(document.get_ref(), parts.next()?)?;
        for part in parts {
            found = match found.1.get_ref() {
                DeValue::Table(table) => entry(table, part)?,
                DeValue::Array(array) => {
                    let value = array.get(part.parse::<usize>().ok()?)?;
                    (value.span(), value)
                }
                _ => return None,
            };
        }
        Some((found.0, found.1.span()))
    }
}

type Entry<'a, 'i> = (Range<usize>, &'a Spanned<DeValue<'i>>);

fn entry<'a, 'i>(table: &'a DeTable<'i>, name: &str) -> Option<Entry<'a, 'i>> {
    table.iter().find(|(key, _)| key.get_ref() == name).map(|(key, value)| (key.span(), value))
}

/// The word and the right ones of serde's message "unknown field `x`, expected one of `a`, `b`".
fn listed<'a>(message: &'a str, start: &str) -> Option<(&'a str, Vec<&'a str>)> {
    let (key, rest) = message.strip_prefix(start)?.split_once('`')?;
    Some((key, rest.split('`').skip(1).step_by(2).collect()))
}
