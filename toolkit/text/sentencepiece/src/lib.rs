//! SentencePiece from Rust: training from an iterator, and encoding, sampling and decoding by id.
//!
//! The C++ library (0.2.1, built by `sentencepiece-sys`) is reached through `cpp/shim.cc`; this is
//! the only crate of glossa that calls C++. It knows SentencePiece's own terms and nothing about
//! text rules, folders or languages: those are in `glossa-text`.

mod error;
mod foreign;
mod model;
mod processor;
mod train;

// Links the C++ library.
use sentencepiece_sys as _;

pub use error::Error;
pub use model::PieceKind;
pub use processor::Processor;
pub use train::{Algorithm, TrainArguments, train};
