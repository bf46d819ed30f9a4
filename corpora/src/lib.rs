//! From local files, Wikipedia dumps and tweets to a corpus: documents, cleaned, without duplicates, split
//! into train, valid and test, in shards with a manifest.
//!
//! Everything streams: of a document that was read, memory keeps two hundred bytes for near duplicates.
//! Dumps are fetched by `wikipedia`, tweets by `twitter`, and nothing else is; tokenizers and models are not known.

mod build;
mod clean;
mod document;
mod duplicates;
mod error;
mod near;
mod options;
mod provenance;
mod shards;
mod size;
pub mod source;
mod spill;
mod statistics;
mod summary;
pub mod twitter;
pub mod wikipedia;
pub mod wikitext;

pub use build::build;
pub use clean::{Foreign, clean, foreign};
pub use document::Document;
pub use error::Error;
pub use options::{DumpOptions, Options};
pub use provenance::{Provenance, ProvenanceFile, SourceRecord};
pub use shards::{Documents, Split, read_split};
pub use size::{HELD_OUT_SHARE, HELD_OUT_WORDS};
pub use source::tweets::TweetOptions;
pub use source::{DocumentUnit, Source, SourceKind};
pub use statistics::{LengthBin, ScriptShare, Statistics, WordCount, options_of, statistics};
pub use summary::{Changed, Dropped, Example, SplitCounts, Summary};

/// The stage that a corpus folder's manifest names.
pub const STAGE: &str = "corpus";
