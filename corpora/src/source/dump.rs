//! MediaWiki XML exports: the articles of a dump, one page after another. Entities beyond XML's own
//! five are refused, a DOCTYPE too: nothing can be expanded.
#![deny(clippy::indexing_slicing)]

use std::io::BufReader;
use std::path::{Path, PathBuf};

use quick_xml::events::{BytesRef, BytesStart, Event};

use super::input::{Budget, Input, Limited, read_error};
use super::utf16::Transcoded;
use super::{Entry, LIMIT};
use crate::wikitext::Cleaner;
use crate::{Document, Error};

/// Elements nested deeper than this belong to no dump.
const DEEPEST: usize = 32;

/// The pages of a dump.
pub(crate) struct Reader {
    xml: quick_xml::Reader<BufReader<Limited<Transcoded<Input>>>>,
    budget: Budget,
    path: PathBuf,
    buffer: Vec<u8>,
    cleaner: Cleaner,
    state: State,
    done: bool,
}

/// Where in the dump the reader is.
#[derive(Default)]
struct State {
    depth: usize,
    /// Depth of the open `<page>`.
    page_depth: Option<usize>,
    page: Page,
    /// The field that text now belongs to.
    field: Option<Field>,
    /// The local name of the file or category namespace, while it is read.
    namespace: String,
}

/// The parts of a page that matter.
#[derive(Default)]
struct Page {
    id: String,
    title: String,
    namespace: String,
    model: String,
    redirect: bool,
    text: String,
}

#[derive(Clone, Copy)]
enum Field {
    Id,
    Title,
    Namespace,
    Model,
    Text,
    FileNamespace,
    CategoryNamespace,
}

impl Reader {
    pub(crate) fn new(input: Input, path: &Path) -> Result<Self, Error> {
        let budget = Budget::default();
        let limited = Limited { input: Transcoded::new(input), budget: budget.clone() };
        let xml = quick_xml::Reader::from_reader(BufReader::with_capacity(1 << 15, limited));
        Ok(Reader {
            xml,
            budget,
            path: path.to_path_buf(),
            buffer: Vec::new(),
            cleaner: Cleaner::default(),
            state: State::default(),
            done: false,
        })
    }

    fn read(&mut self) -> Result<Option<Entry>, Error> {
        loop {
            self.buffer.clear();
            self.budget.refill();
            let event = match self.xml.read_event_into(&mut self.buffer) {
                Ok(event) => event,
                Err(cause) => return Err(explain(&self.path, &self.state, &self.budget, cause)),
            };
            let ended = match event {
                Event::Eof if self.state.depth > 0 => {
                    return Err(Error::Truncated { place: self.state.place(&self.path) });
                }
                Event::Eof => return Ok(None),
                Event::End(_) => self.state.close(&mut self.cleaner),
                other => self.state.take(other).map(|()| None),
            };
            let ended = ended.map_err(|reason| Error::Malformed { place: self.state.place(&self.path), reason })?;
            if self.state.page.text.len() > LIMIT {
                return Err(Error::TooLong { place: self.state.place(&self.path), megabytes: LIMIT >> 20 });
            }
            if let Some(page) = ended {
                return Ok(Some(page.into_entry(&self.cleaner)));
            }
        }
    }
}

impl State {
    /// Takes in any event but an end.
    fn take(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::Start(start) => self.open(&start),
            Event::Empty(start) => {
                if self.page_depth.is_some() && start.name().as_ref() == "redirect" {
                    self.page.redirect = true;
                }
                Ok(())
            }
            Event::Text(text) => {
                self.push(&text.into_inner());
                Ok(())
            }
            Event::CData(text) => {
                self.push(&text.into_inner());
                Ok(())
            }
            Event::GeneralRef(reference) => {
                self.push(&resolve(&reference)?);
                Ok(())
            }
            Event::DocType(_) => Err("a DOCTYPE; a dump has none".to_owned()),
            _ => Ok(()),
        }
    }

    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(format!("elements nested deeper than {DEEPEST}"));
        }
        let name = start.name();
        let inside = self.page_depth.map(|page| self.depth - page);
        match (inside, name.as_ref()) {
            (None, "page") => {
                self.page_depth = Some(self.depth);
                self.page = Page::default();
            }
            (None, "namespace") => self.field = namespace_field(start),
            (Some(1), "title") => self.field = Some(Field::Title),
            (Some(1), "ns") => self.field = Some(Field::Namespace),
            (Some(1), "id") => self.field = Some(Field::Id),
            (Some(1), "redirect") => self.page.redirect = true,
            // A dump with history: the last revision counts.
            (Some(1), "revision") => self.page.text.clear(),
            (Some(2), "model") => self.field = Some(Field::Model),
            (Some(2), "text") => self.field = Some(Field::Text),
            _ => {}
        }
        Ok(())
    }

    /// Closes an element; gives the page that it ends.
    fn close(&mut self, cleaner: &mut Cleaner) -> Result<Option<Page>, String> {
        match self.field.take() {
            Some(Field::FileNamespace) => cleaner.add_file_namespace(&std::mem::take(&mut self.namespace)),
            Some(Field::CategoryNamespace) => cleaner.add_category_namespace(&std::mem::take(&mut self.namespace)),
            _ => {}
        }
        let ends_page = self.page_depth == Some(self.depth);
        self.depth = self.depth.saturating_sub(1);
        if !ends_page {
            return Ok(None);
        }
        self.page_depth = None;
        Ok(Some(std::mem::take(&mut self.page)))
    }

    fn push(&mut self, text: &str) {
        let page = &mut self.page;
        let field = match self.field {
            None => return,
            Some(Field::Id) => &mut page.id,
            Some(Field::Title) => &mut page.title,
            Some(Field::Namespace) => &mut page.namespace,
            Some(Field::Model) => &mut page.model,
            Some(Field::Text) => &mut page.text,
            Some(Field::FileNamespace | Field::CategoryNamespace) => &mut self.namespace,
        };
        field.push_str(text);
    }

    /// The file, and the page that is being read.
    fn place(&self, path: &Path) -> String {
        match (self.page_depth, self.page.title.as_str()) {
            (Some(_), title) if !title.is_empty() => format!("{}: page `{title}`", path.display()),
            _ => path.display().to_string(),
        }
    }
}

impl Page {
    fn into_entry(self, cleaner: &Cleaner) -> Entry {
        if !matches!(self.namespace.trim(), "" | "0") {
            return Entry::OtherNamespace;
        }
        if self.redirect || crate::wikitext::is_redirect(&self.text) {
            return Entry::Redirect;
        }
        if !matches!(self.model.trim(), "" | "wikitext") {
            return Entry::OtherContent;
        }
        let title = Some(self.title.trim().to_owned()).filter(|title| !title.is_empty());
        let id = match self.id.trim() {
            "" => title.clone().unwrap_or_default(),
            id => id.to_owned(),
        };
        Entry::Document(Document { id, title, text: cleaner.to_text(&self.text) })
    }
}

/// Keys 6 and 14 are files and categories in every wiki.
fn namespace_field(start: &BytesStart<'_>) -> Option<Field> {
    let key = start.try_get_attribute("key").ok()??;
    match key.value.as_ref() {
        "6" => Some(Field::FileNamespace),
        "14" => Some(Field::CategoryNamespace),
        _ => None,
    }
}

fn resolve(reference: &BytesRef<'_>) -> Result<String, String> {
    if let Ok(Some(symbol)) = reference.resolve_char_ref() {
        return Ok(symbol.to_string());
    }
    let name = reference.borrow().into_inner();
    match quick_xml::escape::resolve_xml_entity(&name) {
        Some(text) => Ok(text.to_owned()),
        None => Err(format!("unknown entity `&{};`", name.chars().take(40).collect::<String>())),
    }
}

fn explain(path: &Path, state: &State, budget: &Budget, cause: quick_xml::Error) -> Error {
    let place = state.place(path);
    if budget.is_spent() {
        return Error::TooLong { place, megabytes: LIMIT >> 20 };
    }
    match cause {
        quick_xml::Error::Io(cause) => read_error(path, place, std::io::Error::new(cause.kind(), cause.to_string())),
        quick_xml::Error::Encoding(_) => Error::InvalidUtf8 { place },
        // Every syntax error of this reader is something that the file's end left open.
        quick_xml::Error::Syntax(_) => Error::Truncated { place },
        other => Error::Malformed { place, reason: format!("not well-formed XML: {other}") },
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
