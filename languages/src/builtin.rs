//! The languages that come with glossa. To add one, write `CODE.toml` beside this crate's
//! `Cargo.toml` and add its code to the table.

use std::str::FromStr;

use glossa_base::LanguageCode;

use crate::{DEFAULT_CHARACTER_COVERAGE, Error, Language, parse};

macro_rules! embedded {
    ($($code:literal),* $(,)?) => {
        &[$(($code, include_str!(concat!("../", $code, ".toml")))),*]
    };
}

/// Code and text of each built-in file, by code.
const FILES: &[(&str, &str)] = embedded![
    "bg", "cs", "cy", "da", "de", "el", "en", "es", "et", "eu", "fi", "fr", "ga", "hi", "hr", "hu", "id", "it", "ja",
    "jv", "lg", "lt", "lv", "min", "mt", "nl", "pl", "pt", "ro", "ru", "rw", "sk", "sl", "su", "sv", "sw", "th", "tr",
    "tt", "zh",
];

/// The codes of the built-in languages, sorted.
pub fn codes() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(code, _)| *code)
}

/// Every built-in language, by code.
///
/// # Errors
/// Only when a built-in file is wrong, which a test of this crate excludes.
pub fn builtin() -> Result<Vec<Language>, Error> {
    FILES.iter().map(|(code, text)| parse(text, &format!("{code}.toml"))).collect()
}

/// The built-in language of a code.
pub fn find(code: &LanguageCode) -> Option<Language> {
    let (name, text) = FILES.iter().find(|(known, _)| *known == code.as_str())?;
    parse(text, &format!("{name}.toml")).ok()
}

/// The tokenizer's character coverage for a code: the language's own where it is known, else
/// [`DEFAULT_CHARACTER_COVERAGE`]. Text that is no language code at all gets the default too.
pub fn character_coverage(code: &str) -> f64 {
    let known = LanguageCode::from_str(code).ok().and_then(|code| find(&code));
    known.map_or(DEFAULT_CHARACTER_COVERAGE, |language| language.character_coverage)
}
