//! The languages that come with glossa, and what they inherit from. To add one for everybody, add its
//! facts to `scripts/languages.py`; to add one for oneself, write a file and give it to the commands.

mod table;

use std::str::FromStr;

use glossa_base::LanguageCode;

use crate::resolve::resolve_builtin;
use crate::{DEFAULT_CHARACTER_COVERAGE, Document, Error, Language};

/// What holds for all languages.
pub(crate) const DEFAULTS: Document<'_> =
    Document { text: include_str!("../defaults.toml"), file: "languages/defaults.toml" };

macro_rules! scripts {
    ($($code:literal),* $(,)?) => {
        &[$(($code, include_str!(concat!("../scripts/", $code, ".toml")))),*]
    };
}

/// Code and text of what the languages of a script have in common.
const SCRIPTS: &[(&str, &str)] = scripts![
    "Arab", "Hani", "Hans", "Hant", "Hebr", "Jpan", "Khmr", "Kore", "Laoo", "Mymr", "Nkoo", "Syrc", "Tale", "Thaa",
    "Thai", "Tibt",
];

/// The codes of the built-in languages, sorted.
pub fn codes() -> impl Iterator<Item = &'static str> {
    table::FILES.iter().map(|(code, _)| *code)
}

/// The codes of the scripts that have a file, sorted.
pub fn scripts() -> impl Iterator<Item = &'static str> {
    SCRIPTS.iter().map(|(code, _)| *code)
}

/// Every built-in language, by code.
///
/// # Errors
/// Only when a built-in file is wrong, which a test of this crate excludes.
pub fn builtin() -> Result<Vec<Language>, Error> {
    let code = |code: &str| LanguageCode::from_str(code).map_err(|bad| DEFAULTS.invalid("", bad.to_string()));
    codes().map(|name| Ok(resolve_builtin(&code(name)?, &[])?.language)).collect()
}

/// The built-in language of a code.
pub fn find(code: &LanguageCode) -> Option<Language> {
    resolve_builtin(code, &[]).ok().map(|resolved| resolved.language)
}

/// The tokenizer's character coverage for a code: the language's own where it is known, else
/// [`DEFAULT_CHARACTER_COVERAGE`]. Text that is no language code at all gets the default too.
pub fn character_coverage(code: &str) -> f64 {
    let known = LanguageCode::from_str(code).ok().and_then(|code| find(&code));
    known.map_or(DEFAULT_CHARACTER_COVERAGE, |language| language.character_coverage)
}

/// Code and text of a built-in file.
pub(crate) fn file(code: &LanguageCode) -> Option<(&'static str, &'static str)> {
    let place = table::FILES.binary_search_by(|(known, _)| (*known).cmp(code.as_str())).ok()?;
    table::FILES.get(place).copied()
}

/// The text of a script's file.
pub(crate) fn script_file(code: &str) -> Option<&'static str> {
    SCRIPTS.iter().find(|(known, _)| *known == code).map(|(_, text)| *text)
}
