//! Third pass: links within the wiki and out of it. Files, categories and links to the same page in
//! other languages go; of the rest the visible text stays.
#![deny(clippy::indexing_slicing, clippy::string_slice)]

use super::Cleaner;

#[derive(Clone, Copy)]
enum Open {
    /// `[[`, its place in the output, and that of its first bar.
    Page { start: usize, bar: Option<usize> },
    /// `[` before an address, its place in the output.
    Address { start: usize },
}

/// Links nested deeper than this are no links: the bound keeps it linear.
const DEEPEST: usize = 16;

const SCHEMES: &[&str] = &["http://", "https://", "//", "ftp://", "mailto:", "news:", "irc://"];

/// What file names end in.
const MEDIA: &[&str] = &[
    ".jpg", ".jpeg", ".png", ".svg", ".gif", ".tif", ".tiff", ".webp", ".ogg", ".oga", ".ogv", ".webm", ".mid",
    ".flac", ".wav", ".mp3", ".pdf", ".djvu", ".xcf", ".stl",
];

/// Replaces links by their visible text.
pub(super) fn strip(text: &str, cleaner: &Cleaner) -> String {
    let mut pass = Pass { out: String::with_capacity(text.len()), stack: Vec::new(), cleaner };
    let mut rest = text;
    while let Some(start) = pass.next_mark(rest.as_bytes()) {
        let (before, tail) = rest.split_at(start);
        pass.out.push_str(before);
        rest = pass.take(tail);
    }
    pass.out.push_str(rest);
    pass.end_paragraph();
    pass.out
}

struct Pass<'a> {
    out: String,
    stack: Vec<Open>,
    cleaner: &'a Cleaner,
}

impl Pass<'_> {
    /// Where the next character stands that means something. While no link is open, only one that opens
    /// a link does, and most of a page is skipped at once.
    fn next_mark(&self, rest: &[u8]) -> Option<usize> {
        if self.stack.is_empty() {
            return memchr::memchr(b'[', rest);
        }
        rest.iter().position(|byte| matches!(byte, b'[' | b']' | b'|' | b'\n'))
    }

    /// Takes in the special character that `tail` begins with; gives what comes after.
    fn take<'t>(&mut self, tail: &'t str) -> &'t str {
        let mut symbols = tail.chars();
        let first = symbols.next();
        match first {
            Some(bracket @ ('[' | ']')) => {
                let after = tail.trim_start_matches(bracket);
                let run = tail.len() - after.len();
                if bracket == '[' {
                    self.open(run, after)
                } else {
                    self.close(run, after)
                }
                return after;
            }
            Some('|') => {
                if let Some(Open::Page { bar: bar @ None, .. }) = self.stack.last_mut() {
                    *bar = Some(self.out.len());
                }
                self.out.push('|');
            }
            Some('\n') => {
                while matches!(self.stack.last(), Some(Open::Address { .. })) {
                    self.stack.pop();
                }
                if symbols.as_str().starts_with('\n') {
                    self.end_paragraph();
                }
                self.out.push('\n');
            }
            _ => {}
        }
        symbols.as_str()
    }

    fn open(&mut self, run: usize, after: &str) {
        let is_address = SCHEMES
            .iter()
            .any(|scheme| after.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme)));
        // `[[http://...]]`, a common mistake, shows brackets in MediaWiki too.
        let width = if is_address { run.min(1) } else { run.min(2) };
        self.out.extend(std::iter::repeat_n('[', run - width));
        let start = self.out.len();
        if self.stack.len() < DEEPEST {
            match width {
                1 if is_address => self.stack.push(Open::Address { start }),
                2 => self.stack.push(Open::Page { start, bar: None }),
                _ => {}
            }
        }
        self.out.extend(std::iter::repeat_n('[', width));
    }

    fn close(&mut self, mut run: usize, after: &str) {
        while run > 0 {
            match self.stack.last().copied() {
                Some(Open::Address { start }) => {
                    self.stack.pop();
                    self.close_address(start);
                    run -= 1;
                }
                Some(Open::Page { start, bar }) if run >= 2 => {
                    self.stack.pop();
                    let next = after.trim_start_matches([' ', '\t']).chars().next();
                    let ends_line = run == 2 && matches!(next, None | Some('\n' | '['));
                    self.close_page(start, bar, ends_line);
                    run -= 2;
                }
                _ => {
                    self.out.push(']');
                    run -= 1;
                }
            }
        }
    }

    /// `[address label]` becomes its label.
    fn close_address(&mut self, start: usize) {
        let inner = self.out.get(start + 1..).unwrap_or("");
        let address = inner.find([' ', '\t', '\u{a0}']).unwrap_or(inner.len());
        let label = inner.get(address..).unwrap_or("");
        let shown_from = self.out.len() - label.trim_start().len();
        self.out.replace_range(start..shown_from, "");
    }

    /// `[[target|label]]` becomes its label or target, or nothing.
    fn close_page(&mut self, start: usize, bar: Option<usize>, ends_line: bool) {
        let target = self.out.get(start + 2..bar.unwrap_or(self.out.len())).unwrap_or("");
        let begins_line = self.out.get(..start).is_none_or(|before| before.is_empty() || before.ends_with('\n'));
        if self.is_hidden(target, bar.is_some(), begins_line && ends_line) {
            self.out.truncate(start);
            return;
        }
        let label = bar.and_then(|bar| self.out.get(bar + 1..)).filter(|label| !label.trim().is_empty());
        let shown_from = match label {
            Some(label) => self.out.len() - label.len(),
            None => {
                let end = bar.unwrap_or(self.out.len());
                self.out.truncate(end);
                start + 2 + usize::from(self.out.get(start + 2..).is_some_and(|target| target.starts_with(':')))
            }
        };
        self.out.replace_range(start..shown_from, "");
    }

    /// Whether a reader of the page sees no text at the place of this link.
    fn is_hidden(&self, target: &str, labelled: bool, alone: bool) -> bool {
        let Some((prefix, name)) = target.split_once(':') else { return false };
        let prefix = prefix.trim();
        if prefix.is_empty() || prefix.len() > 80 {
            return false;
        }
        if self.is_file(target) {
            return true;
        }
        let lowered = prefix.to_lowercase().replace('_', " ");
        let language = !labelled && is_language(prefix);
        // A line that is nothing but `[[Word:Name]]` is a category in a wiki whose words we do not know.
        let category_like = alone && !name.starts_with(' ') && prefix.chars().all(char::is_alphabetic);
        self.cleaner.categories.contains(&lowered) || language || category_like
    }

    fn is_file(&self, target: &str) -> bool {
        let Some((prefix, name)) = target.split_once(':') else { return false };
        if prefix.trim().is_empty() || prefix.len() > 80 {
            return false;
        }
        let name = name.trim_end();
        let is_media = MEDIA.iter().any(|end| {
            let tail = name.len().checked_sub(end.len()).and_then(|from| name.get(from..));
            tail.is_some_and(|tail| tail.eq_ignore_ascii_case(end))
        });
        is_media || self.cleaner.files.contains(&prefix.trim().to_lowercase().replace('_', " "))
    }

    /// No link goes on in the next paragraph: one that is still open is text, save the caption of a file.
    fn end_paragraph(&mut self) {
        while let Some(open) = self.stack.pop() {
            if let Open::Page { start, bar: Some(bar) } = open
                && self.out.get(start + 2..bar).is_some_and(|target| self.is_file(target))
            {
                self.out.truncate(start);
            }
        }
    }
}

/// Whether a prefix names a Wikipedia in another language, not a sister project.
fn is_language(prefix: &str) -> bool {
    const LONG: &[&str] = &[
        "simple",
        "zh-yue",
        "zh-min-nan",
        "zh-classical",
        "be-tarask",
        "be-x-old",
        "bat-smg",
        "map-bms",
        "roa-rup",
        "roa-tara",
        "fiu-vro",
        "nds-nl",
        "cbk-zam",
        "eml",
        "tokipona",
    ];
    let short = matches!(prefix.len(), 2 | 3) && prefix.bytes().all(|byte| byte.is_ascii_lowercase());
    short || LONG.contains(&prefix)
}
