//! From local files and Wikipedia dumps to a corpus: documents, cleaned, without duplicates, split
//! into train, valid and test, in shards with a manifest.
//!
//! Everything streams: memory does not grow with the corpus. This crate neither downloads anything
//! nor knows tokenizers and models.

mod build;
mod document;
mod duplicates;
mod error;
mod options;
mod shards;
pub mod source;
pub mod wikitext;

pub use build::build;
pub use document::{Document, clean};
pub use error::Error;
pub use options::{Dropped, Options, SplitCounts, Summary};
pub use shards::{Documents, Split, read_split};
pub use source::{DocumentUnit, Source, SourceKind};

/// The stage that a corpus folder's manifest names.
pub const STAGE: &str = "corpus";
