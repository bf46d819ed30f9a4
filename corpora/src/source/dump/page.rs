//! One page of a dump, from `<page>` to `</page>`. Entities beyond XML's own five are refused: nothing
//! can be expanded. A page that is no XML is named and left out; it never stops the reading.
#![deny(clippy::indexing_slicing)]

use quick_xml::events::{BytesStart, Event};

use super::cutter::{Cut, LONGEST_PAGE, older_revisions};
use super::xml::{self, unescaped};
use crate::Document;
use crate::options::DumpOptions;
use crate::source::Entry;
use crate::source::input::Place;
use crate::wikitext::{self, Cleaner};

/// What all pages of a dump are read with.
pub(super) struct Context {
    pub(super) place: Place,
    pub(super) cleaner: Cleaner,
    pub(super) options: DumpOptions,
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
}

/// What a page comes to.
pub(super) fn entry(cut: &Cut<'_>, context: &Context) -> Entry {
    let (bytes, read) = match cut {
        Cut::Page(bytes) => (*bytes, read(bytes, context)),
        Cut::Unclosed(bytes) => (*bytes, Err("it is never closed".to_owned())),
        Cut::TooLong(bytes) => (*bytes, Err(format!("longer than {} MiB", LONGEST_PAGE >> 20))),
    };
    read.unwrap_or_else(|reason| Entry::BadPage(format!("{}: {reason}", place(bytes, context))))
}

/// The file, and the title of a page as far as it is known.
pub(super) fn place(page: &[u8], context: &Context) -> String {
    const OPEN: &[u8] = b"<title>";
    let title = memchr::memmem::find(page, OPEN).and_then(|start| page.get(start + OPEN.len()..));
    let title = title.and_then(|title| title.split(|&byte| byte == b'<').next());
    let path = &context.place;
    match title {
        Some(title) if !title.is_empty() && title.len() < 1024 => {
            let title = String::from_utf8_lossy(title);
            format!("{path}: page `{}`", unescaped(&title).unwrap_or_else(|_| title.clone().into_owned()))
        }
        _ if page.is_empty() => path.to_string(),
        _ => format!("{path}: a page without a title"),
    }
}

fn read(bytes: &[u8], context: &Context) -> Result<Entry, String> {
    let page = std::str::from_utf8(bytes).map_err(|_| "invalid UTF-8".to_owned())?;
    // Half of a dump's pages lie in other namespaces.
    if between(page, "<ns>", "</ns>").is_some_and(|namespace| namespace.trim() != "0") {
        return Ok(Entry::OtherNamespace);
    }
    let older = older_revisions(bytes);
    let (before, after) = (page.get(..older.start).unwrap_or(page), page.get(older.end..).unwrap_or(""));
    if before.len() + after.len() > LONGEST_PAGE {
        return Err(format!("longer than {} MiB", LONGEST_PAGE >> 20));
    }
    let (page, raw) = match split(after) {
        Some((head, raw, tail)) => (parse(&[before, head, tail].concat())?, Some(raw)),
        None => (parse(&[before, after].concat())?, None),
    };
    page.into_entry(raw, context)
}

/// The text of the first `open` element of a page, as it is written.
fn between<'a>(page: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let start = page.find(open)? + open.len();
    let rest = page.get(start..)?;
    rest.get(..rest.find(close)?)
}

/// Cuts out the wikitext, which is nearly all of a page, so that the parser need not look at it. `None`
/// where it holds CDATA, a comment or a mistake, and the parser must.
fn split(page: &str) -> Option<(&str, &str, &str)> {
    let open = page.find("<text")?;
    let start = open + page.get(open..)?.find('>')? + 1;
    let rest = page.get(start..)?;
    let end = memchr::memchr(b'<', rest.as_bytes())?;
    let (raw, tail) = rest.split_at_checked(end)?;
    let (head, empty) = (page.get(..start)?, page.get(..start)?.ends_with("/>"));
    let whole = !empty && tail.starts_with("</text>") && !tail.contains("<text");
    whole.then_some((head, raw, tail))
}

/// Reads a page's XML strictly.
fn parse(page: &str) -> Result<Page, String> {
    let mut reader = quick_xml::Reader::from_str(page);
    let mut state = State::default();
    loop {
        match reader.read_event() {
            Ok(Event::Eof) if state.depth == 0 => return Ok(state.page),
            Ok(Event::Eof) => return Err("not well-formed XML: an element is never closed".to_owned()),
            Ok(event) => state.take(&event)?,
            Err(cause) => return Err(format!("not well-formed XML: {cause}")),
        }
    }
}

#[derive(Default)]
struct State {
    depth: usize,
    page: Page,
    /// The field that text now belongs to.
    field: Option<Field>,
}

impl State {
    fn take(&mut self, event: &Event<'_>) -> Result<(), String> {
        match event {
            Event::Start(start) => return self.open(start),
            Event::End(_) => {
                self.field = None;
                self.depth = self.depth.saturating_sub(1);
            }
            Event::Empty(start) => self.page.redirect |= self.depth == 1 && start.name().as_ref() == "redirect",
            Event::Text(text) => self.push(&text.clone().into_inner()),
            Event::CData(text) => self.push(&text.clone().into_inner()),
            Event::GeneralRef(reference) => self.push(&xml::resolve(reference)?),
            Event::DocType(_) => return Err(xml::DOCTYPE.to_owned()),
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), String> {
        xml::deeper(&mut self.depth)?;
        match (self.depth, start.name().as_ref()) {
            (2, "title") => self.field = Some(Field::Title),
            (2, "ns") => self.field = Some(Field::Namespace),
            (2, "id") => self.field = Some(Field::Id),
            (2, "redirect") => self.page.redirect = true,
            (2, "revision") => self.page.text.clear(),
            (3, "model") => self.field = Some(Field::Model),
            (3, "text") => self.field = Some(Field::Text),
            _ => {}
        }
        Ok(())
    }

    fn push(&mut self, text: &str) {
        let page = &mut self.page;
        match self.field {
            None => {}
            Some(Field::Id) => page.id.push_str(text),
            Some(Field::Title) => page.title.push_str(text),
            Some(Field::Namespace) => page.namespace.push_str(text),
            Some(Field::Model) => page.model.push_str(text),
            Some(Field::Text) => page.text.push_str(text),
        }
    }
}

impl Page {
    /// `raw` is the wikitext as XML writes it, where it is not in the page.
    fn into_entry(mut self, raw: Option<&str>, context: &Context) -> Result<Entry, String> {
        if !matches!(self.namespace.trim(), "" | "0") {
            return Ok(Entry::OtherNamespace);
        }
        if self.redirect {
            return Ok(Entry::Redirect);
        }
        if !matches!(self.model.trim(), "" | "wikitext") {
            return Ok(Entry::OtherContent);
        }
        if let Some(raw) = raw {
            self.text = unescaped(raw)?;
        }
        if wikitext::is_redirect(&self.text) {
            return Ok(Entry::Redirect);
        }
        if !context.options.disambiguations && wikitext::is_disambiguation(&self.text) {
            return Ok(Entry::Disambiguation);
        }
        let title = Some(self.title.trim().to_owned()).filter(|title| !title.is_empty());
        let id = match self.id.trim() {
            "" => title.clone().unwrap_or_default(),
            id => id.to_owned(),
        };
        let (text, is_list) = context.cleaner.read(&self.text);
        if is_list && !context.options.list_pages {
            return Ok(Entry::ListPage);
        }
        Ok(Entry::Document(Document { id, title, text }))
    }
}
