//! Why weight files are refused.

use std::io;
use std::path::Path;

use glossa_base::Failure;
use thiserror::Error as ThisError;

/// Weight files that are missing, damaged or contradict each other.
#[derive(Debug, ThisError)]
pub enum Error {
    /// A file could not be opened or read.
    #[error("cannot read {file}")]
    Read {
        /// The file.
        file: String,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// No weights under any known name.
    #[error("{folder}: no weights; looked for {looked_for}")]
    NoWeights {
        /// The folder.
        folder: String,
        /// The names.
        looked_for: String,
    },
    /// A safetensors file whose header does not fit.
    #[error("{file}: {reason}")]
    Header {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// A tensor of a safetensors file whose entry does not fit.
    #[error("{file}: the tensor `{tensor}` {reason}")]
    Tensor {
        /// The file.
        file: String,
        /// The tensor.
        tensor: String,
        /// What is wrong.
        reason: String,
    },
    /// An index that is none, or does not fit its files.
    #[error("{file}: {reason}")]
    Index {
        /// The index.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// Tensors that the index has in a file that lacks them, or the other way round.
    #[error("{index}: {shard} {reason}: {tensors}")]
    Names {
        /// The index.
        index: String,
        /// The file.
        shard: String,
        /// Which way round.
        reason: &'static str,
        /// The names, the first of them if they are many.
        tensors: String,
    },
    /// A file of `torch.save` that is refused.
    #[error(transparent)]
    Torch(#[from] crate::pickle::Error),
}

impl Error {
    pub(super) fn reading(path: &Path, cause: io::Error) -> Self {
        Error::Read { file: path.display().to_string(), cause }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let hint = match error {
            Error::Read { file, cause } => return Failure::io("read", file.as_ref(), cause),
            Error::Torch(error) => return error.into(),
            Error::NoWeights { .. } => "check that the folder is that of a model and fetched as a whole",
            Error::Index { .. } | Error::Names { .. } => "fetch the index and its files again, all of one revision",
            _ => "fetch the file again; if it stays so, do not trust it",
        };
        Failure::data(error.to_string()).hint(hint)
    }
}
