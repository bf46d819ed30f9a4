//! Why an index is refused.

use std::io;
use std::path::PathBuf;

use glossa_base::{Failure, Kind, download};
use thiserror::Error as ThisError;

/// An index that cannot be read or is not to be trusted.
#[derive(Debug, ThisError)]
pub enum Error {
    /// The file could not be read.
    #[error("cannot read {path}", path = path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// It could not be fetched.
    #[error(transparent)]
    Fetch(#[from] download::Error),
    /// More bytes than an index has.
    #[error("{place} has more than {limit} bytes, which no index has")]
    TooLarge {
        /// Which.
        place: String,
        /// The limit.
        limit: u64,
    },
    /// Bytes that are no text.
    #[error("{place} is no UTF-8 text")]
    NotText {
        /// Which.
        place: String,
    },
    /// A signature that is missing, damaged or not ours.
    #[error("{place}: the signature does not hold: {reason}")]
    Signature {
        /// Which index.
        place: String,
        /// Why.
        reason: String,
    },
    /// An older or newer format.
    #[error("{place} has format {found}, this glossa knows {known}", known = super::FORMAT)]
    Format {
        /// Which index.
        place: String,
        /// Its format.
        found: u32,
    },
    /// A key or value that is wrong.
    #[error("{place}: {problem}")]
    Wrong {
        /// The file with line and column.
        place: String,
        /// What is wrong.
        problem: String,
        /// What was probably meant.
        hint: Option<String>,
    },
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (kind, hint) = match &error {
            Error::Read { .. } | Error::Fetch(_) => (Kind::Data, None),
            Error::Signature { .. } => {
                (Kind::Network, Some("do not use it; an index of your own needs no signature when it is a file"))
            }
            Error::Format { .. } => (Kind::Data, Some("use a newer glossa")),
            Error::TooLarge { .. } | Error::NotText { .. } => (Kind::Data, Some("check that it is the right file")),
            Error::Wrong { hint, .. } => (Kind::Data, hint.as_deref().or(Some("docs/zoo.md describes the index"))),
        };
        let hint = hint.map(str::to_owned);
        let failure = match error {
            Error::Read { path, cause } => return Failure::io("read", &path, cause),
            Error::Fetch(error) => return error.into(),
            other => Failure::new(kind, other.to_string()),
        };
        hint.into_iter().fold(failure, Failure::hint)
    }
}
