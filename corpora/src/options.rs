//! What a build may be told, and what it tells when it is done.

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::source::DocumentUnit;

/// Settings of a build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// What is one document in a plain text file.
    pub unit: DocumentUnit,
    /// Column of a table, or field of JSONL, that holds the text.
    pub text_field: String,
    /// Documents with fewer characters (Unicode scalar values, white space included) are dropped.
    pub minimum_characters: usize,
    /// Documents with fewer words (runs between white space) are dropped. Leave it at 1 for a language
    /// that writes no spaces.
    pub minimum_words: usize,
    /// Whether a document with the text of an earlier one is dropped.
    pub remove_duplicates: bool,
    /// Share of the documents for validation, in [0, 1).
    pub valid_share: f64,
    /// Share of the documents for testing, in [0, 1).
    pub test_share: f64,
    /// A shard is closed once it has this many bytes.
    pub shard_bytes: u64,
    /// Another seed gives another split.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            unit: DocumentUnit::Line,
            text_field: "text".to_owned(),
            minimum_characters: 1,
            minimum_words: 1,
            remove_duplicates: true,
            valid_share: 0.01,
            test_share: 0.01,
            shard_bytes: 64 << 20,
            seed: 0,
        }
    }
}

impl Options {
    /// Refuses what makes no sense.
    ///
    /// # Errors
    /// [`Error::BadOption`] names the option and its range.
    pub fn check(&self) -> Result<(), Error> {
        let bad = |reason: &str| Err(Error::BadOption { reason: reason.to_owned() });
        let share = |value: f64| (0.0..1.0).contains(&value);
        if !share(self.valid_share) || !share(self.test_share) || self.valid_share + self.test_share >= 1.0 {
            return bad("valid_share and test_share lie in [0, 1), and their sum below 1");
        }
        if self.shard_bytes < 1024 {
            return bad("shard_bytes is at least 1024");
        }
        if self.text_field.is_empty() {
            return bad("text_field is empty");
        }
        Ok(())
    }
}

/// Documents, characters and words of a split.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitCounts {
    /// Documents.
    pub documents: u64,
    /// Unicode scalar values, white space included.
    pub characters: u64,
    /// Runs between white space.
    pub words: u64,
}

/// Documents that were left out, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Pages that only point to another page.
    pub redirects: u64,
    /// Pages outside the article namespace.
    pub other_namespaces: u64,
    /// Pages whose content is not wikitext.
    pub other_content: u64,
    /// Nothing left after cleaning.
    pub empty: u64,
    /// Fewer characters or words than asked for.
    pub too_short: u64,
    /// The text of an earlier document.
    pub duplicates: u64,
}

impl Dropped {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.redirects + self.other_namespaces + self.other_content + self.empty + self.too_short + self.duplicates
    }
}

/// What a build read, dropped and wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Documents read, those dropped included.
    pub read: u64,
    /// Documents dropped.
    pub dropped: Dropped,
    /// The training split.
    pub train: SplitCounts,
    /// The validation split.
    pub valid: SplitCounts,
    /// The test split.
    pub test: SplitCounts,
}
