//! First pass: comments, HTML tags, and extension tags with their content.
#![deny(clippy::indexing_slicing, clippy::string_slice)]

use std::sync::LazyLock;

use memchr::memmem::{self, Finder};

use super::hide;

/// Elements that are left out with their content.
#[rustfmt::skip]
const DROPPED: &[&str] = &[
    "ref", "math", "chem", "ce", "gallery", "syntaxhighlight", "source", "timeline", "score", "imagemap", "hiero",
    "templatestyles", "references", "graph", "mapframe", "maplink", "categorytree", "inputbox", "includeonly",
    "table", "pre", "templatedata", "phonos", "style", "script", "rt", "rp",
];

/// Tags that end a line.
#[rustfmt::skip]
const BLOCKS: &[&str] = &[
    "br", "p", "div", "center", "blockquote", "ul", "ol", "li", "dl", "dt", "dd", "hr", "h1", "h2", "h3", "h4", "h5",
    "h6", "poem", "tr", "caption", "thead", "tbody", "section",
];

/// Tags that format what is between them.
#[rustfmt::skip]
const INLINE: &[&str] = &[
    "b", "i", "u", "s", "em", "strong", "sub", "sup", "small", "big", "span", "font", "code", "tt", "var", "del",
    "ins", "strike", "cite", "abbr", "bdi", "bdo", "kbd", "samp", "ruby", "rb", "wbr", "q", "td", "th", "noinclude",
    "onlyinclude", "dfn", "mark", "time", "data", "nowiki", "a", "img", "label", "indicator", "languages",
    "translate", "tvar", "col", "colgroup",
];

/// The longest tag, attributes included.
const LONGEST: usize = 4096;

struct Tag<'a> {
    name: &'a str,
    closing: bool,
    self_closing: bool,
    /// Length from `<` to `>`, both included.
    length: usize,
}

/// Leaves out comments, tags, and the elements that hold no prose.
pub(super) fn strip(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut closers = Closers::default();
    let mut rest = text;
    while let Some(start) = memchr::memchr(b'<', rest.as_bytes()) {
        let (before, tail) = rest.split_at(start);
        out.push_str(before);
        rest = match element(tail, &mut closers, &mut out) {
            Some(length) => tail.get(length..).unwrap_or(""),
            None => {
                out.push('<');
                tail.get(1..).unwrap_or("")
            }
        };
    }
    out.push_str(rest);
    out
}

/// Handles what begins with `<`; gives how much of it is done with, `None` for a mere `<`.
fn element(tail: &str, closers: &mut Closers, out: &mut String) -> Option<usize> {
    if tail.starts_with("<!--") {
        return Some(memmem::find(tail.as_bytes(), b"-->").map_or(tail.len(), |end| end + 3));
    }
    let tag = parse(tail)?;
    let name = tag.name.to_ascii_lowercase();
    let opens = !tag.closing && !tag.self_closing;
    if opens && name == "nowiki" {
        let inside = tail.get(tag.length..).unwrap_or("");
        let Some((content, close)) = closers.find(inside, "nowiki") else { return Some(tag.length) };
        out.extend(inside.get(..content).unwrap_or("").chars().map(hide));
        return Some(tag.length + close);
    }
    if DROPPED.contains(&name.as_str()) {
        let inside = tail.get(tag.length..).unwrap_or("");
        let content = if opens { closers.find(inside, &name) } else { None };
        return Some(tag.length + content.map_or(0, |(_, close)| close));
    }
    if BLOCKS.contains(&name.as_str()) {
        out.push('\n');
        return Some(tag.length);
    }
    INLINE.contains(&name.as_str()).then_some(tag.length)
}

/// The tag at the beginning of `tail`.
fn parse(tail: &str) -> Option<Tag<'_>> {
    let body = tail.strip_prefix('<')?;
    let (closing, body) = match body.strip_prefix('/') {
        Some(body) => (true, body),
        None => (false, body),
    };
    let length = body.bytes().take(20).take_while(u8::is_ascii_alphanumeric).count();
    let name = body.get(..length).filter(|name| name.starts_with(|first: char| first.is_ascii_alphabetic()))?;
    let end = tail.bytes().take(LONGEST).position(|byte| byte == b'>')?;
    let self_closing = tail.get(..end)?.ends_with('/');
    Some(Tag { name, closing, self_closing, length: end + 1 })
}

static FIND_CLOSER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("</"));

/// Finds closing tags; remembers which names have none further on, so that many open tags cost no more
/// than one search to the end.
#[derive(Default)]
struct Closers {
    missing: Vec<String>,
}

impl Closers {
    /// Where the closing tag of `name` begins and ends in `text`.
    fn find(&mut self, text: &str, name: &str) -> Option<(usize, usize)> {
        if self.missing.iter().any(|missing| missing == name) {
            return None;
        }
        let mut from = 0;
        while let Some(found) = text.get(from..).and_then(|rest| FIND_CLOSER.find(rest.as_bytes())) {
            let start = from + found;
            from = start + 2;
            let tail = text.get(from..).unwrap_or("");
            let matches = tail.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name));
            let after = tail.get(name.len()..).unwrap_or("");
            let blank = after.bytes().take_while(u8::is_ascii_whitespace).take(LONGEST).count();
            if matches && after.get(blank..).unwrap_or("").starts_with('>') {
                return Some((start, from + name.len() + blank + 1));
            }
        }
        self.missing.push(name.to_owned());
        None
    }
}
