//! What every other crate stands on: failures with hints, whole-file writes, hashes, manifests,
//! seeds, progress, downloads, unpacking. It knows nothing about text or models.

pub mod atomic;
pub mod download;
pub mod failure;
pub mod fault;
pub mod hash;
pub mod interrupt;
pub mod language_code;
pub mod manifest;
pub mod nearest;
pub mod progress;
pub mod seed;
pub mod space;
pub mod unpack;

pub use failure::{Failure, Kind};
pub use interrupt::Interrupt;
pub use language_code::LanguageCode;
pub use progress::{Progress, Silent};

/// Result of a call whose failure goes straight to the person at the keyboard.
pub type Outcome<T> = Result<T, Failure>;

/// Version of the tool, written into manifests and model folders.
pub const TOOL_VERSION: &str = env!("CARGO_PKG_VERSION");
