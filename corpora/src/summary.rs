//! What a build tells when it is done: counts by step, with a few examples each, and the size of each split.
//! It goes into the corpus folder's manifest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clean::Change;
use crate::provenance::SourceRecord;

/// An example's text is cut after so many characters.
const EXAMPLE_LENGTH: usize = 200;

/// A step that changes documents or drops them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Mojibake,
    HiddenCharacters,
    Nfc,
    Empty,
    TooShort,
    TooLong,
    RepeatedLines,
    Symbols,
    Digits,
    Script,
    Language,
    Duplicates,
    NearDuplicates,
    BeyondSize,
}

/// Documents, characters and words of a split.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitCounts {
    /// Documents.
    pub documents: u64,
    /// Unicode scalar values, white space included.
    pub characters: u64,
    /// Runs between white space; letters and digits where a language writes no spaces.
    pub words: u64,
}

/// Documents that were left out, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dropped {
    /// Pages that only point to another page.
    pub redirects: u64,
    /// Pages that tell the meanings of a word apart.
    pub disambiguations: u64,
    /// Pages that are lists and little else.
    #[serde(default)]
    pub list_pages: u64,
    /// Pages of a dump that could not be read.
    pub bad_pages: u64,
    /// Lines of tweets that could not be read.
    pub bad_lines: u64,
    /// Pages outside the article namespace.
    pub other_namespaces: u64,
    /// Pages whose content is not wikitext.
    pub other_content: u64,
    /// Tweets that only repeat another one.
    pub retweets: u64,
    /// Nothing left after cleaning.
    pub empty: u64,
    /// Fewer characters or words than asked for.
    pub too_short: u64,
    /// More characters than asked for.
    pub too_long: u64,
    /// Too much in lines that stood before.
    pub repeated_lines: u64,
    /// Too many characters that are neither letters nor digits.
    pub symbols: u64,
    /// Too many digits.
    pub digits: u64,
    /// Too few letters of the language's script.
    pub script: u64,
    /// In another language.
    pub language: u64,
    /// The text of an earlier document.
    pub duplicates: u64,
    /// Nearly the text of an earlier document.
    pub near_duplicates: u64,
    /// More than the size that was asked for.
    pub beyond_size: u64,
}

impl Dropped {
    /// Each reason in words with its count, in the order of the steps.
    pub fn reasons(&self) -> [(&'static str, u64); 19] {
        [
            ("redirects", self.redirects),
            ("disambiguations", self.disambiguations),
            ("list pages", self.list_pages),
            ("bad pages", self.bad_pages),
            ("bad lines", self.bad_lines),
            ("other namespaces", self.other_namespaces),
            ("other content", self.other_content),
            ("retweets", self.retweets),
            ("empty", self.empty),
            ("too short", self.too_short),
            ("too long", self.too_long),
            ("repeated lines", self.repeated_lines),
            ("symbols", self.symbols),
            ("digits", self.digits),
            ("script", self.script),
            ("language", self.language),
            ("duplicates", self.duplicates),
            ("near duplicates", self.near_duplicates),
            ("beyond size", self.beyond_size),
        ]
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.reasons().iter().map(|(_, count)| count).sum()
    }
}

/// Documents that a fix changed, by fix.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Changed {
    /// A broken encoding repaired.
    pub mojibake: u64,
    /// Control characters and the like removed.
    pub hidden_characters: u64,
    /// Characters composed.
    pub nfc: u64,
}

impl Changed {
    /// Each fix in words with its count, in their order.
    pub fn fixes(&self) -> [(&'static str, u64); 3] {
        [("mojibake", self.mojibake), ("hidden characters", self.hidden_characters), ("nfc", self.nfc)]
    }
}

/// One document that a step dropped or changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// The document's id.
    pub id: String,
    /// Its text, cut short; what a fix changed lies within.
    pub text: String,
    /// What the filter measured, the text after the fix, or the text it is nearly equal to.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// What a build read, dropped, changed and wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Documents read, those dropped included.
    pub read: u64,
    /// Documents dropped.
    pub dropped: Dropped,
    /// Packed parts of dumps, and packed files of tweets in archives, that could not be read to their ends;
    /// nobody knows how many documents they held.
    #[serde(default)]
    pub bad_streams: u64,
    /// Entries of archives that were passed over: of no known kind, or hidden.
    #[serde(default)]
    pub passed_over: u64,
    /// Documents changed.
    #[serde(default)]
    pub changed: Changed,
    /// Near duplicates that were kept; each has the split of the first of its kind.
    #[serde(default)]
    pub near_duplicates_kept: u64,
    /// Documents that each step dropped or changed, the first few, by the step's name in words.
    #[serde(default)]
    pub examples: BTreeMap<String, Vec<Example>>,
    /// So many examples are wanted of each step.
    #[serde(skip)]
    pub(crate) examples_wanted: usize,
    /// Filters that could not be used, and why.
    #[serde(default)]
    pub remarks: Vec<String>,
    /// Where the inputs come from, for those that say so.
    #[serde(default)]
    pub sources: Vec<SourceRecord>,
    /// The training split.
    pub train: SplitCounts,
    /// The validation split.
    pub valid: SplitCounts,
    /// The test split.
    pub test: SplitCounts,
}

impl Summary {
    /// Counts a document that a filter drops.
    pub(crate) fn dropped(&mut self, step: Step, id: &str, text: &str, why: &str) {
        *self.counter(step) += 1;
        self.add_example(step, || Example { id: id.to_owned(), text: shortened(text), why: why.to_owned() });
    }

    /// Counts a document that a fix changes.
    pub(crate) fn changed(&mut self, step: Step, id: &str, change: &Change) {
        *self.counter(step) += 1;
        self.add_example(step, || {
            let (text, why) = around_first_difference(&change.before, &change.after);
            Example { id: id.to_owned(), text, why }
        });
    }

    /// Whether a step has room for another example.
    pub(crate) fn wants_example(&self, step: Step) -> bool {
        self.examples.get(step.name()).map_or(0, Vec::len) < self.examples_wanted
    }

    fn add_example(&mut self, step: Step, example: impl FnOnce() -> Example) {
        if self.wants_example(step) {
            self.examples.entry(step.name().to_owned()).or_default().push(example());
        }
    }

    fn counter(&mut self, step: Step) -> &mut u64 {
        let (dropped, changed) = (&mut self.dropped, &mut self.changed);
        match step {
            Step::Mojibake => &mut changed.mojibake,
            Step::HiddenCharacters => &mut changed.hidden_characters,
            Step::Nfc => &mut changed.nfc,
            Step::Empty => &mut dropped.empty,
            Step::TooShort => &mut dropped.too_short,
            Step::TooLong => &mut dropped.too_long,
            Step::RepeatedLines => &mut dropped.repeated_lines,
            Step::Symbols => &mut dropped.symbols,
            Step::Digits => &mut dropped.digits,
            Step::Script => &mut dropped.script,
            Step::Language => &mut dropped.language,
            Step::Duplicates => &mut dropped.duplicates,
            Step::NearDuplicates => &mut dropped.near_duplicates,
            Step::BeyondSize => &mut dropped.beyond_size,
        }
    }
}

impl Step {
    /// The step in words, as in [`Dropped::reasons`] and [`Changed::fixes`].
    pub(crate) fn name(self) -> &'static str {
        match self {
            Step::Mojibake => "mojibake",
            Step::HiddenCharacters => "hidden characters",
            Step::Nfc => "nfc",
            Step::Empty => "empty",
            Step::TooShort => "too short",
            Step::TooLong => "too long",
            Step::RepeatedLines => "repeated lines",
            Step::Symbols => "symbols",
            Step::Digits => "digits",
            Step::Script => "script",
            Step::Language => "language",
            Step::Duplicates => "duplicates",
            Step::NearDuplicates => "near duplicates",
            Step::BeyondSize => "beyond size",
        }
    }
}

/// A text cut to the length of an example.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(EXAMPLE_LENGTH) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

/// Both texts from shortly before the place where they begin to differ.
fn around_first_difference(before: &str, after: &str) -> (String, String) {
    let same = before.chars().zip(after.chars()).take_while(|(left, right)| left == right).count();
    let start = same.saturating_sub(EXAMPLE_LENGTH / 4);
    let part = |text: &str| {
        let rest: String = text.chars().skip(start).take(EXAMPLE_LENGTH + 1).collect();
        format!("{}{}", if start > 0 { "…" } else { "" }, shortened(&rest))
    };
    (part(before), part(after))
}
