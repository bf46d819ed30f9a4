//! Last pass, line by line: headings, list markers, quotes, magic words, entities, and the holes that
//! the passes before have left.
#![deny(clippy::indexing_slicing, clippy::string_slice)]

use std::borrow::Cow;

use super::braces::VARIANT_END;
use super::{Cleaner, entities, holes, show};

/// How much of a page is lists.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    items: usize,
    item_bytes: usize,
    prose_bytes: usize,
}

/// Fewer items make no list page.
const FEWEST_ITEMS: usize = 20;
/// So many times more bytes must be in items than in prose.
const OUTWEIGHS: usize = 5;

impl Share {
    fn add(&mut self, line: &str) {
        if line.starts_with(['*', '#']) {
            self.items += 1;
            self.item_bytes += line.len();
        } else if !line.starts_with(['=', '|', '!', ':', ';']) {
            self.prose_bytes += line.len();
        }
    }

    /// Whether the page is a list and little else.
    pub(super) fn is_list(self) -> bool {
        self.items >= FEWEST_ITEMS && self.item_bytes >= OUTWEIGHS * self.prose_bytes
    }
}

/// Gives the lines that still hold a letter or a digit, tidied, and how much of them is lists.
pub(super) fn tidy(text: &str, cleaner: &Cleaner) -> (String, Share) {
    let mut out = String::with_capacity(text.len());
    let mut share = Share::default();
    for line in text.lines() {
        share.add(line.trim());
        let Some(line) = content(line.trim(), cleaner) else { continue };
        let line = plain(line);
        let start = out.len();
        holes::close(&line, &mut out);
        let tidied = out.get(start..).unwrap_or("");
        let length = if tidied.contains(char::is_alphanumeric) { tidied.trim_end().len() } else { 0 };
        out.truncate(start + length);
        if length > 0 {
            out.push('\n');
        }
    }
    out.truncate(out.trim_end().len());
    (out, share)
}

/// The line without markup. Most lines need few of the steps, and a look at the bytes tells which.
fn plain(line: &str) -> Cow<'_, str> {
    let bytes = line.as_bytes();
    let mut line = Cow::Borrowed(line);
    if memchr::memchr2(b'\'', b'_', bytes).is_some() {
        line = Cow::Owned(without_quotes(&line));
        if memchr::memmem::find(line.as_bytes(), b"__").is_some() {
            line = Cow::Owned(without_magic_words(&line));
        }
    }
    let is_hidden = memchr::memchr(HIDDEN_LEAD, bytes).is_some();
    if is_hidden || memchr::memchr3(b'[', b']', b'{', bytes).is_some() || memchr::memchr(b'}', bytes).is_some() {
        line = Cow::Owned(without_strays(&line));
    }
    if memchr::memchr(b'&', bytes).is_some() {
        line = Cow::Owned(entities::decode(&line));
    }
    if is_hidden {
        line = Cow::Owned(line.chars().map(show).collect());
    }
    line
}

/// First byte of every hidden character.
const HIDDEN_LEAD: u8 = 0xf3;

/// The line without the markup at its start; `None` for a heading that is not wanted, and for the rows
/// of a table that was never closed.
fn content<'a>(line: &'a str, cleaner: &Cleaner) -> Option<&'a str> {
    let is_cell = line.starts_with('|') || (line.starts_with('!') && line.contains("!!"));
    if is_cell || line.starts_with("{|") {
        return None;
    }
    if line.len() > 2 && line.starts_with('=') && line.ends_with('=') {
        return cleaner.headings.then(|| line.trim_matches('=').trim());
    }
    if !cleaner.lists && line.starts_with(['*', '#', ';']) {
        return None;
    }
    let line = if line.starts_with("----") { line.trim_start_matches('-') } else { line };
    Some(line.trim_start_matches(['*', '#', ':', ';', ' ', '\t', '\u{a0}']))
}

/// Takes off the apostrophes of bold and italic: of a run of 2, 3 or 5 none stays, of 4 one, of more
/// than 5 all but five, as in MediaWiki.
fn without_quotes(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = memchr::memchr(b'\'', rest.as_bytes()) {
        let (before, tail) = rest.split_at(start);
        out.push_str(before);
        rest = tail.trim_start_matches('\'');
        let kept = match tail.len() - rest.len() {
            1 | 4 => 1,
            2 | 3 | 5 => 0,
            run => run - 5,
        };
        out.extend(std::iter::repeat_n('\'', kept));
    }
    out.push_str(rest);
    out
}

/// Takes off `__NOTOC__` and its like.
fn without_magic_words(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find("__") {
        let (before, tail) = rest.split_at(start);
        out.push_str(before);
        let word = tail.get(2..).unwrap_or("");
        let length: usize = word.chars().take(40).take_while(|symbol| is_magic(*symbol)).map(char::len_utf8).sum();
        match word.get(length..).and_then(|after| after.strip_prefix("__")) {
            Some(after) if length > 0 => rest = after,
            _ => {
                out.push_str("__");
                rest = word;
            }
        }
    }
    out.push_str(rest);
    out
}

fn is_magic(symbol: char) -> bool {
    symbol.is_alphabetic() && !symbol.is_lowercase()
}

/// Takes off double brackets and braces that found no partner, and the closing dash of a variant.
fn without_strays(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut symbols = line.chars().peekable();
    while let Some(symbol) = symbols.next() {
        match symbol {
            '[' | ']' | '{' | '}' if symbols.peek() == Some(&symbol) => while symbols.next_if_eq(&symbol).is_some() {},
            VARIANT_END => {
                symbols.next_if_eq(&'-');
            }
            _ => out.push(symbol),
        }
    }
    out
}
