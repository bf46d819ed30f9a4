//! What happens to the text of a document between its source and the corpus: fixes, which change it, then
//! filters, which drop the whole document. Each has a name, a count and a threshold that a language file
//! sets. Duplicates, which need to know other documents, are found elsewhere.

mod fixes;
mod identify;
mod measures;
mod mojibake;
mod scripts;

use glossa_languages::{Cleaning, Limit, Writing};

use crate::summary::{Step, Summary};
use crate::{Document, Error, Options};

pub use fixes::clean;
pub(crate) use fixes::{Change, Fixes};
pub(crate) use identify::Identifier;
pub use identify::{Foreign, foreign};
pub(crate) use scripts::script_of;

/// The fixes and filters of one build.
pub(crate) struct Cleaner {
    settings: Cleaning,
    /// The scripts of the language; empty where none is given.
    scripts: Vec<unicode_script::Script>,
    spaced: bool,
    identifier: Option<Identifier>,
}

impl Cleaner {
    /// The fixes and filters that the options ask for.
    pub(crate) fn new(options: &Options) -> Result<Self, Error> {
        let language = options.language.as_ref();
        let identifier = match (language, options.cleaning.language) {
            (Some(language), Limit::At(_)) => Identifier::new(language, &options.cleaning.among)?,
            _ => None,
        };
        Ok(Cleaner {
            settings: options.cleaning.clone(),
            scripts: language.map(scripts::of_language).unwrap_or_default(),
            spaced: language.is_none_or(|language| language.spaced),
            identifier,
        })
    }

    /// Filters that were asked for and cannot be used, each with the reason.
    pub(crate) fn remarks(&self, language: Option<&Writing>) -> Vec<String> {
        let Some(language) = language else { return Vec::new() };
        let mut remarks = Vec::new();
        if self.identifier.is_none() && self.settings.language != Limit::Off {
            remarks.push(format!("the filter `language` is off: whatlang does not know {}", language.code));
        }
        if self.scripts.is_empty() && self.settings.script != Limit::Off {
            remarks.push(format!("the filter `script` is off: `{}` is a script without letters", language.script()));
        }
        remarks
    }

    /// Cleans a document; `None` where a filter drops it. The summary gets counts and examples.
    pub(crate) fn sift(&self, mut document: Document, summary: &mut Summary) -> Option<Document> {
        let fixes = Fixes::of(&self.settings);
        let (text, changes) = fixes.apply(&document.text);
        for change in changes {
            summary.changed(change.step, &document.id, &change);
        }
        document.title = document.title.map(|title| fixes.apply(&title).0).filter(|title| !title.is_empty());
        let source = std::mem::replace(&mut document.text, text);
        match self.judge(&document.text) {
            None => Some(document),
            Some((step, why)) => {
                let text = if document.text.is_empty() { &source } else { &document.text };
                summary.dropped(step, &document.id, text, &why);
                None
            }
        }
    }

    /// The filter that drops a text, and what it measured.
    fn judge(&self, text: &str) -> Option<(Step, String)> {
        if text.is_empty() {
            return Some((Step::Empty, String::new()));
        }
        self.length(text).or_else(|| self.shares(text)).or_else(|| self.foreign(text))
    }

    fn length(&self, text: &str) -> Option<(Step, String)> {
        let settings = &self.settings;
        let characters = text.chars().count() as f64;
        if below(characters, settings.minimum_characters) {
            return Some((Step::TooShort, format!("{characters} characters")));
        }
        if above(characters, settings.maximum_characters) {
            return Some((Step::TooLong, format!("{characters} characters")));
        }
        let words = count_words(text, self.spaced) as f64;
        below(words, settings.minimum_words).then(|| (Step::TooShort, format!("{words} words")))
    }

    fn shares(&self, text: &str) -> Option<(Step, String)> {
        let settings = &self.settings;
        let tell = |step, share: f64| Some((step, format!("share {share:.2}")));
        let repeated = measures::repeated_lines(text);
        if above(repeated, settings.repeated_lines) {
            return tell(Step::RepeatedLines, repeated);
        }
        let shares = measures::Shares::of(text, &self.scripts);
        if above(shares.symbols, settings.symbols) {
            return tell(Step::Symbols, shares.symbols);
        }
        if above(shares.digits, settings.digits) {
            return tell(Step::Digits, shares.digits);
        }
        let script = shares.script.filter(|share| below(*share, settings.script));
        script.and_then(|share| tell(Step::Script, share))
    }

    fn foreign(&self, text: &str) -> Option<(Step, String)> {
        let (identifier, limit) = (self.identifier.as_ref()?, self.settings.language.value()?);
        let (name, confidence) = identifier.other(text)?;
        (confidence >= limit).then(|| (Step::Language, format!("{name}, confidence {confidence:.2}")))
    }
}

fn below(value: f64, limit: Limit) -> bool {
    limit.value().is_some_and(|limit| value < limit)
}

fn above(value: f64, limit: Limit) -> bool {
    limit.value().is_some_and(|limit| value > limit)
}

/// The words of a text: runs between white space; where a language writes no spaces, each letter or digit
/// counts as a word.
pub(crate) fn count_words(text: &str, spaced: bool) -> usize {
    if spaced {
        text.split_whitespace().count()
    } else {
        text.chars().filter(|character| character.is_alphanumeric()).count()
    }
}
