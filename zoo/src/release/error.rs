//! Why a run does not become releases.

use std::io;
use std::path::PathBuf;

use glossa_base::{Failure, Kind};
use thiserror::Error as ThisError;

use crate::push;

/// A run, or what is said of it, that cannot be published.
#[derive(Debug, ThisError)]
pub enum Error {
    /// A file could not be read.
    #[error("cannot read {path}", path = path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// A file that is not what it should be.
    #[error("{path}: {reason}", path = path.display())]
    Wrong {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A manifest that cannot be read.
    #[error("{0}")]
    Manifest(Failure),
    /// A folder without any model that is done.
    #[error("{run} has no model that is done", run = run.display())]
    NoModels {
        /// The folder.
        run: PathBuf,
    },
    /// A model was made from another state of a folder than the one that is there.
    #[error("{folder} was made from another {input} than the one that is there now", folder = folder.display())]
    Stale {
        /// The model.
        folder: PathBuf,
        /// What it was made from.
        input: String,
    },
    /// A text of which nobody says the licence.
    #[error("the description does not say under which licence {file} is")]
    NoLicence {
        /// The file, below the folder of data.
        file: String,
    },
    /// The markers of the index's part that is written are not a pair.
    #[error("the index has one marker of the part that is written, and not the other")]
    Markers,
    /// A model could not be packed.
    #[error(transparent)]
    Push(#[from] push::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let hint = match &error {
            Error::NoModels { .. } => "give the folder of `glossa pipeline run`, when it is done",
            Error::Stale { .. } => "run the pipeline again: it makes what is not up to date",
            Error::NoLicence { .. } => "add a [[text]] with its folder, licence and words",
            Error::Markers => "put both markers back, or remove both",
            _ => "scripts/zoo.toml and docs/zoo.md show what is expected",
        };
        match error {
            Error::Read { path, cause } => Failure::io("read", &path, cause),
            Error::Manifest(failure) => failure,
            Error::Push(error) => error.into(),
            other => Failure::new(Kind::Data, other.to_string()).hint(hint),
        }
    }
}
