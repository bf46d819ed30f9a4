//! Wikitext to plain text, in linear time, for any input: it never fails. What is drawn from other
//! pages (templates) or is no prose (tables, references, formulas, galleries, code) is left out, and
//! what the reader of the page sees as prose stays. It is no renderer: templates are not expanded,
//! save a few that only format their argument.
#![deny(clippy::indexing_slicing, clippy::string_slice)]

mod braces;
mod disambiguation;
mod entities;
mod holes;
mod lines;
mod links;
mod tags;
mod templates;

use std::collections::BTreeSet;

pub use disambiguation::{is_disambiguation, is_disambiguation_name};

/// Cleans with the settings of one wiki.
#[derive(Debug, Clone)]
pub struct Cleaner {
    /// Names of the file namespace, lower case.
    files: BTreeSet<String>,
    /// Names of the category namespace, lower case.
    categories: BTreeSet<String>,
    /// Whether headings stay, as lines of their own.
    pub headings: bool,
    /// Whether items of lists stay, as lines of their own.
    pub lists: bool,
}

impl Default for Cleaner {
    /// English names, which every wiki understands; headings are dropped, lists kept.
    fn default() -> Self {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let (files, categories) = (names(&["file", "image", "media"]), names(&["category"]));
        Cleaner { files, categories, headings: false, lists: true }
    }
}

impl Cleaner {
    /// Adds the wiki's own name of the file namespace, as its dump states it.
    pub fn add_file_namespace(&mut self, name: &str) {
        self.files.insert(name.trim().to_lowercase());
    }

    /// Adds the wiki's own name of the category namespace, as its dump states it.
    pub fn add_category_namespace(&mut self, name: &str) {
        self.categories.insert(name.trim().to_lowercase());
    }

    /// The prose of a page, one paragraph or list item a line.
    pub fn to_text(&self, wikitext: &str) -> String {
        self.read(wikitext).0
    }

    /// The prose of a page, and whether the page is a list and little else: twenty items or more, with five
    /// times the bytes of its prose. That is the same in every language, as titles are not.
    pub fn read(&self, wikitext: &str) -> (String, bool) {
        let text = tags::strip(wikitext);
        let text = braces::strip(&text);
        let text = links::strip(&text, self);
        let (text, share) = lines::tidy(&text, self);
        (text, share.is_list())
    }
}

/// The prose of a page of a wiki with English namespaces, headings dropped.
pub fn to_text(wikitext: &str) -> String {
    Cleaner::default().to_text(wikitext)
}

/// Whether a page only points to another: `#REDIRECT [[...]]` in whatever language its word is.
pub fn is_redirect(wikitext: &str) -> bool {
    let Some(rest) = wikitext.trim_start().strip_prefix('#') else { return false };
    let word: usize = rest.chars().take(40).take_while(|symbol| symbol.is_alphabetic()).map(char::len_utf8).sum();
    let rest = rest.get(word..).unwrap_or("").trim_start().trim_start_matches(':').trim_start();
    word > 0 && rest.starts_with("[[")
}

/// Hides a character of markup, so that no later pass sees it as such; the last pass shows it again.
fn hide(symbol: char) -> char {
    match u32::from(symbol) {
        code @ 0x21..=0x7e if !symbol.is_alphanumeric() => char::from_u32(HIDDEN + code).unwrap_or(symbol),
        _ => symbol,
    }
}

/// The character that [`hide`] hid.
fn show(symbol: char) -> char {
    match u32::from(symbol).checked_sub(HIDDEN) {
        Some(code @ 0x21..=0x7e) => char::from_u32(code).unwrap_or(symbol),
        _ => symbol,
    }
}

/// Start of a private plane, which no page uses for text.
const HIDDEN: u32 = 0xf_0000;

#[cfg(test)]
mod tests;
