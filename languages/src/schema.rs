//! The schema of a language file and its strict reader: an unknown key, a missing one or a value out
//! of its range is an error with its place.

use std::ops::Range;

use glossa_base::{LanguageCode, nearest::nearest};
use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::{Cleaning, DEFAULT_CHARACTER_COVERAGE, Error, FORMAT};

/// A language with every setting resolved.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Language {
    /// The code as Wikipedia writes it.
    pub code: LanguageCode,
    /// English name.
    pub name: String,
    /// The language's own name for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native_name: Option<String>,
    /// Script as in ISO 15924, such as `Latn`.
    pub script: String,
    /// Share of the characters of the training text that the tokenizer must write, in (0, 1].
    pub character_coverage: f64,
    /// Whether words are written with spaces between them.
    pub spaced: bool,
    /// What a corpus of the language keeps of its documents.
    pub cleaning: Cleaning,
    /// Where its text comes from, in order of preference.
    pub corpora: Vec<Corpus>,
}

/// One source of text of a language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Corpus {
    /// Which source.
    pub source: CorpusSource,
}

/// The sources that a language file may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CorpusSource {
    /// The Wikipedia of the language's code.
    Wikipedia,
}

/// The file as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: Spanned<u32>,
    code: LanguageCode,
    name: Spanned<String>,
    native_name: Option<Spanned<String>>,
    script: Spanned<String>,
    character_coverage: Option<Spanned<f64>>,
    spaced: Option<bool>,
    cleaning: Option<Spanned<Cleaning>>,
    #[serde(default)]
    corpus: Vec<Corpus>,
}

/// Reads a language file. `file_name` is used in messages only.
///
/// # Errors
/// The first mistake, with line and column; for an unknown key also the nearest right one.
pub fn parse(text: &str, file_name: &str) -> Result<Language, Error> {
    let place = Place { text, file: file_name };
    let file: File = toml::from_str(text).map_err(|cause| place.explain(&cause))?;
    place.check(&file)?;
    Ok(Language {
        code: file.code,
        name: file.name.into_inner(),
        native_name: file.native_name.map(Spanned::into_inner),
        script: file.script.into_inner(),
        character_coverage: file.character_coverage.map_or(DEFAULT_CHARACTER_COVERAGE, Spanned::into_inner),
        spaced: file.spaced.unwrap_or(true),
        cleaning: file.cleaning.map(Spanned::into_inner).unwrap_or_default(),
        corpora: file.corpus,
    })
}

/// A file under reading, to say where a mistake is.
struct Place<'a> {
    text: &'a str,
    file: &'a str,
}

impl Place<'_> {
    fn check(&self, file: &File) -> Result<(), Error> {
        let format = *file.format.get_ref();
        if format > FORMAT {
            return Err(Error::NewerFormat { file: self.file.to_owned(), found: format });
        }
        if format != FORMAT {
            return Err(self.invalid(file.format.span(), format!("format {format} does not exist, write {FORMAT}")));
        }
        for name in [Some(&file.name), file.native_name.as_ref()].into_iter().flatten() {
            if name.get_ref().trim().is_empty() {
                return Err(self.invalid(name.span(), "a name is empty".to_owned()));
            }
        }
        if !is_script(file.script.get_ref()) {
            let reason = format!("`{}` is not a script of ISO 15924, such as Latn", file.script.get_ref());
            return Err(self.invalid(file.script.span(), reason));
        }
        if let Some(cleaning) = &file.cleaning {
            cleaning.get_ref().check().map_err(|reason| self.invalid(cleaning.span(), reason))?;
        }
        match &file.character_coverage {
            Some(share) if !(*share.get_ref() > 0.0 && *share.get_ref() <= 1.0) => {
                Err(self.invalid(share.span(), "character_coverage lies above 0 and not above 1".to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// Turns the TOML reader's words into ours.
    fn explain(&self, cause: &toml::de::Error) -> Error {
        let span = cause.span().unwrap_or(0..0);
        let message = cause.message();
        let Some((key, known)) = unknown_field(message) else {
            return self.invalid(span, message.replace('\n', ", "));
        };
        let (line, column) = position(self.text, span.start);
        let nearest = nearest(key, known.iter().copied()).map(str::to_owned);
        Error::UnknownKey { file: self.file.to_owned(), line, column, key: key.to_owned(), nearest }
    }

    fn invalid(&self, span: Range<usize>, reason: String) -> Error {
        let (line, column) = position(self.text, span.start);
        Error::Invalid { file: self.file.to_owned(), line, column, reason }
    }
}

/// Key and right keys of serde's message "unknown field `x`, expected one of `a`, `b`".
fn unknown_field(message: &str) -> Option<(&str, Vec<&str>)> {
    let (key, rest) = message.strip_prefix("unknown field `")?.split_once('`')?;
    Some((key, rest.split('`').skip(1).step_by(2).collect()))
}

fn is_script(text: &str) -> bool {
    text.len() == 4
        && text.bytes().enumerate().all(|(index, byte)| match index {
            0 => byte.is_ascii_uppercase(),
            _ => byte.is_ascii_lowercase(),
        })
}

/// Line and column, both from 1, of a byte offset.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}
