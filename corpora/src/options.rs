//! What a build may be told.

use std::str::FromStr;

use glossa_base::LanguageCode;
use glossa_base::nearest::nearest;
use glossa_languages::{Cleaning, Language, Writing};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::source::DocumentUnit;
use crate::source::tweets::TweetOptions;

/// Settings of a build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// What is one document in a plain text file.
    pub unit: DocumentUnit,
    /// Column of a table, or field of JSONL, that holds the text.
    pub text_field: String,
    /// What of tweets is read, and how.
    pub tweets: TweetOptions,
    /// How the language is written; without it nothing is known of script, language and spaces.
    pub language: Option<Writing>,
    /// Fixes and filters.
    pub cleaning: Cleaning,
    /// Whether a document with the text of an earlier one is dropped. Where it is not, near duplicates
    /// are not dropped either.
    pub remove_duplicates: bool,
    /// Whether near duplicates stay, in the split of the first of their kind.
    pub keep_near_duplicates: bool,
    /// Words to learn from at most; then valid and test have at most [`crate::HELD_OUT_WORDS`] each.
    pub size: Option<u64>,
    /// Share of the documents for validation, in [0, 1).
    pub valid_share: f64,
    /// Share of the documents for testing, in [0, 1).
    pub test_share: f64,
    /// So many examples of what each filter drops and each fix changes are kept.
    pub examples: usize,
    /// A shard is closed once it has this many bytes.
    pub shard_bytes: u64,
    /// Another seed gives another split.
    pub seed: u64,
    /// What stays of a MediaWiki dump.
    pub dump: DumpOptions,
}

/// What stays of a MediaWiki dump, beside the prose of its articles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DumpOptions {
    /// Headings, as lines of their own.
    pub headings: bool,
    /// Items of lists, each as a line.
    pub lists: bool,
    /// Pages that tell the meanings of a word apart.
    pub disambiguations: bool,
    /// Pages that are lists and little else.
    pub list_pages: bool,
}

impl Default for DumpOptions {
    fn default() -> Self {
        DumpOptions { headings: false, lists: true, disambiguations: false, list_pages: false }
    }
}

impl Default for Options {
    fn default() -> Self {
        Options {
            unit: DocumentUnit::Line,
            text_field: "text".to_owned(),
            tweets: TweetOptions::default(),
            language: None,
            cleaning: Cleaning::default(),
            remove_duplicates: true,
            keep_near_duplicates: false,
            size: None,
            valid_share: 0.01,
            test_share: 0.01,
            examples: 3,
            shard_bytes: 64 << 20,
            seed: 0,
            dump: DumpOptions::default(),
        }
    }
}

impl Options {
    /// The defaults with a language's own fixes and filters.
    ///
    /// # Errors
    /// No language file has the code.
    pub fn for_language(code: &str) -> Result<Self, Error> {
        let found = LanguageCode::from_str(code).ok().and_then(|code| glossa_languages::find(&code));
        let unknown = || Error::UnknownLanguage {
            code: code.to_owned(),
            nearest: nearest(code, glossa_languages::codes()).map(str::to_owned),
        };
        found.map(|language| Options::of(&language)).ok_or_else(unknown)
    }

    /// The defaults with a language's own fixes and filters.
    pub fn of(language: &Language) -> Self {
        Options { language: Some(language.writing()), cleaning: language.cleaning.clone(), ..Options::default() }
    }

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
        if self.size == Some(0) {
            return bad("size is at least one word");
        }
        self.cleaning.check().map_err(|reason| Error::BadOption { reason })?;
        crate::clean::Cleaner::new(self).map(drop)
    }
}
