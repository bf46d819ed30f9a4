//! Why a pickle or a file of `torch.save` is refused. Every message names the file, and the byte or the tensor
//! to blame; text of the file is shown escaped and cut.

use std::io;
use std::path::Path;

use glossa_base::{Failure, unpack};
use thiserror::Error as ThisError;

/// A pickle or a weight file that cannot be read, or is not to be trusted.
#[derive(Debug, ThisError)]
pub enum Error {
    /// The file could not be opened or read.
    #[error("cannot read {file}")]
    Read {
        /// The file.
        file: String,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// The zip archive around the pickle is damaged or hostile.
    #[error(transparent)]
    Archive(#[from] unpack::Error),
    /// Bytes that are no pickle, or one of values that are not wanted.
    #[error("{file}: byte {offset}: {reason}")]
    Malformed {
        /// The file, and its part.
        file: String,
        /// Where, from the beginning of that file or part.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// A pickle that imports, calls or builds something that is not allowed; nothing of it was executed.
    #[error("{file}: byte {offset}: {reason}; nothing of it was executed")]
    Forbidden {
        /// The file, and its part.
        file: String,
        /// Where, from the beginning of that file or part.
        offset: u64,
        /// What it wanted.
        reason: String,
    },
    /// More values, bytes or levels than any such file needs.
    #[error("{file}: byte {offset}: {reason}")]
    TooMuch {
        /// The file, and its part.
        file: String,
        /// Where, from the beginning of that file or part.
        offset: u64,
        /// Which limit is passed.
        reason: String,
    },
    /// A file that `torch.save` did not write, or not in a way that is known.
    #[error("{file}: {reason}")]
    NotTorch {
        /// The file.
        file: String,
        /// What is missing or odd.
        reason: String,
    },
    /// A tensor that its file cannot hold, or that cannot be read.
    #[error("{file}: the tensor `{name}` {reason}")]
    Tensor {
        /// The file.
        file: String,
        /// The tensor.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A tensor that is not in the file.
    #[error("{file}: no tensor is called `{name}`")]
    Missing {
        /// The file.
        file: String,
        /// The name.
        name: String,
        /// The nearest of those that are there.
        nearest: Option<String>,
    },
}

impl Error {
    pub(super) fn reading(path: &Path, cause: io::Error) -> Self {
        Error::Read { file: path.display().to_string(), cause }
    }

    pub(super) fn not_torch(path: &Path, reason: impl Into<String>) -> Self {
        Error::NotTorch { file: path.display().to_string(), reason: reason.into() }
    }

    pub(super) fn tensor(file: &str, name: &str, reason: impl Into<String>) -> Self {
        Error::Tensor { file: file.to_owned(), name: crate::dtype::shown(name), reason: reason.into() }
    }

    fn hint(&self) -> String {
        match self {
            Error::Read { .. } | Error::Archive(_) => String::new(),
            Error::Forbidden { .. } => {
                "do not load this file with Python; ask its author for safetensors or a plain state_dict".to_owned()
            }
            Error::TooMuch { .. } | Error::Malformed { .. } => {
                "fetch the file again; if it stays so, do not trust it".to_owned()
            }
            Error::NotTorch { .. } | Error::Tensor { .. } => {
                "save the state_dict of the model again with torch.save, or as safetensors".to_owned()
            }
            Error::Missing { nearest: Some(nearest), .. } => format!("did you mean `{nearest}`?"),
            Error::Missing { .. } => "list the tensors of the file".to_owned(),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Read { file, cause } => Failure::io("read", file.as_ref(), cause),
            Error::Archive(error) => error.into(),
            other => Failure::data(other.to_string()).hint(other.hint()),
        }
    }
}

/// What stopped the machine, before the file has a name.
#[derive(Debug)]
pub(super) struct Fault {
    at: usize,
    kind: Kind,
    reason: String,
}

#[derive(Debug)]
enum Kind {
    Malformed,
    Forbidden,
    TooMuch,
}

impl Fault {
    pub(super) fn malformed(at: usize, reason: impl Into<String>) -> Self {
        Fault { at, kind: Kind::Malformed, reason: reason.into() }
    }

    pub(super) fn forbidden(at: usize, reason: impl Into<String>) -> Self {
        Fault { at, kind: Kind::Forbidden, reason: reason.into() }
    }

    pub(super) fn too_much(at: usize, reason: impl Into<String>) -> Self {
        Fault { at, kind: Kind::TooMuch, reason: reason.into() }
    }

    /// The error for a file, or for a part of it.
    pub(super) fn of(self, file: &str) -> Error {
        let (file, offset, reason) = (file.to_owned(), self.at as u64, self.reason);
        match self.kind {
            Kind::Malformed => Error::Malformed { file, offset, reason },
            Kind::Forbidden => Error::Forbidden { file, offset, reason },
            Kind::TooMuch => Error::TooMuch { file, offset, reason },
        }
    }
}
