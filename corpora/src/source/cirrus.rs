//! CirrusSearch dumps: two lines a page, an action of the search engine that names the id, and the page
//! with its text, templates expanded. Also what WikiExtractor has written as JSON, one line a page.
//! A line that is wrong is named and left out, as in a dump of XML.
#![deny(clippy::indexing_slicing)]

use serde::Deserialize;
use serde_json::Value;

use super::input::{Input, Lines, Place};
use super::{Entry, SourceKind, line_id};
use crate::options::DumpOptions;
use crate::wikitext::is_disambiguation_name;
use crate::{Document, Error};

/// The pages of a file.
pub(crate) struct Reader {
    lines: Lines,
    options: DumpOptions,
    /// The id that the last action named.
    id: Option<String>,
    done: bool,
}

/// What a line may say; all else is passed over.
#[derive(Deserialize)]
struct Line {
    index: Option<Action>,
    id: Option<Value>,
    page_id: Option<Value>,
    title: Option<String>,
    text: Option<String>,
    namespace: Option<i64>,
    content_model: Option<String>,
    #[serde(default)]
    template: Vec<String>,
}

#[derive(Deserialize)]
struct Action {
    #[serde(rename = "_id")]
    id: Option<Value>,
}

impl Reader {
    pub(crate) fn new(input: Input, place: &Place, options: &DumpOptions) -> Self {
        Reader { lines: Lines::new(input, place), options: *options, id: None, done: false }
    }

    fn read(&mut self) -> Result<Option<Entry>, Error> {
        loop {
            let Some((number, line)) = self.lines.next()? else { return Ok(None) };
            if line.trim().is_empty() {
                continue;
            }
            let line: Line = match serde_json::from_str(line) {
                Ok(line) => line,
                Err(cause) => {
                    self.id = None;
                    return Ok(Some(Entry::BadPage(format!("{}: not such a page: {cause}", self.lines.place()))));
                }
            };
            if let Some(action) = line.index {
                self.id = action.id.as_ref().and_then(scalar);
                continue;
            }
            let own = [&line.id, &line.page_id].into_iter().find_map(|id| id.as_ref().and_then(scalar));
            let id = self.id.take().or(own).unwrap_or_else(|| line_id(self.lines.file(), number));
            return Ok(Some(line.into_entry(id, &self.options)));
        }
    }
}

impl Line {
    fn into_entry(self, id: String, options: &DumpOptions) -> Entry {
        // The names come as `Template:Name`, in the wiki's own language.
        let marks = |name: &String| is_disambiguation_name(name.split_once(':').map_or(name, |(_, name)| name));
        if self.namespace.is_some_and(|namespace| namespace != 0) {
            Entry::OtherNamespace
        } else if self.content_model.is_some_and(|model| model != "wikitext") {
            Entry::OtherContent
        } else if !options.disambiguations && self.template.iter().any(marks) {
            Entry::Disambiguation
        } else {
            Entry::Document(Document { id, title: self.title, text: self.text.unwrap_or_default() })
        }
    }
}

/// An id is a string or a number.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Which of the two forms the first line of a file has, if any.
pub(crate) fn kind_of(line: &str) -> Option<SourceKind> {
    let line: Line = serde_json::from_str(line).ok()?;
    match line {
        Line { index: Some(_), .. } => Some(SourceKind::Cirrus),
        Line { id: Some(_), title: Some(_), text: Some(_), .. } => Some(SourceKind::WikiExtractor),
        _ => None,
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
        entry
    }
}
