//! What is wrong with a cache.

use std::io;
use std::path::{Path, PathBuf};

use glossa_base::Failure;
use thiserror::Error as ThisError;

/// A cache that cannot be read or written.
#[derive(Debug, ThisError)]
pub enum Error {
    /// A file or folder could not be read.
    #[error("cannot read {path}", path = path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// A file or folder could not be written.
    #[error("cannot write {path}", path = path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// A file of ours that is damaged.
    #[error("{path}: {reason}", path = path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The model or revision is not in the cache.
    #[error("{id} is not in the cache {cache}{}", near.as_ref().map(|near| format!("; there is {near}")).unwrap_or_default(), cache = cache.display())]
    NotThere {
        /// What was asked for.
        id: String,
        /// The cache.
        cache: PathBuf,
        /// The name that was probably meant.
        near: Option<String>,
    },
}

impl Error {
    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |cause| Error::Read { path, cause }
    }

    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |cause| Error::Write { path, cause }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Read { path, cause } => Failure::io("read", &path, cause),
            Error::Write { path, cause } => Failure::io("write", &path, cause),
            Error::Damaged { .. } => Failure::data(error.to_string()).hint("remove that file and run it again"),
            Error::NotThere { .. } => Failure::data(error.to_string()).hint("glossa zoo cache lists what is there"),
        }
    }
}
