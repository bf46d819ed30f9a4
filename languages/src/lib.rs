//! What glossa knows about each language: its name, script, corpora and the few settings that differ
//! from language to language. One TOML file a language, embedded; users may add files of their own.
//!
//! It reads and checks the files; it neither fetches corpora nor trains anything.

mod builtin;
mod cleaning;
mod error;
mod schema;

pub use builtin::{builtin, character_coverage, codes, find};
pub use cleaning::{Cleaning, Limit};
pub use error::Error;
pub use schema::{Corpus, CorpusSource, Language, parse};

/// The version of the language files' format.
pub const FORMAT: u32 = 1;

/// Share of the characters of the training text that a tokenizer must be able to write, where a
/// language's file says nothing (MultiFiT's value for languages outside its list of 24).
pub const DEFAULT_CHARACTER_COVERAGE: f64 = 0.9998;
