//! What glossa knows about each language: its name, script, corpora, tasks and the few settings that
//! differ from language to language. One TOML file a language, embedded; users may add files of their own,
//! which are laid over what is built in.
//!
//! It reads and checks the files; it neither fetches corpora nor trains anything.

mod builtin;
mod check;
mod cleaning;
mod document;
mod error;
mod language;
mod resolve;
mod schema;
mod template;

pub use builtin::{builtin, character_coverage, codes, find, scripts};
pub use check::KINDS;
pub use cleaning::{Cleaning, Limit};
pub use document::Document;
pub use error::Error;
pub use language::{Language, Writing};
pub use resolve::{Layer, Origin, Resolved, Setting, resolve_builtin, resolve_file};
pub use schema::{Corpus, CorpusSource, Direction, File, Segmenter, Splitting, Task, Unit, json_schema, parse_file};
pub use template::{New, write_new};

/// The version of the language files' format.
pub const FORMAT: u32 = 1;

/// Share of the characters of the training text that a tokenizer must be able to write, where a
/// language's file says nothing (MultiFiT's value for languages outside its list of 24).
pub const DEFAULT_CHARACTER_COVERAGE: f64 = 0.9998;

/// The language of a person's file. `file_name` is used in messages only.
///
/// # Errors
/// The first mistake, with line and column; for an unknown key also the nearest right one.
pub fn parse(text: &str, file_name: &str) -> Result<Language, Error> {
    resolve_file(Document { text, file: file_name }, &[]).map(|resolved| resolved.language)
}
