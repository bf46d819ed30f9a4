//! What can go wrong between a file and a corpus; every message names the place.

use std::io;
use std::path::PathBuf;

use glossa_base::{Failure, unpack};
use thiserror::Error;

/// A source that cannot be read, or a corpus that cannot be made of it.
#[derive(Debug, Error)]
pub enum Error {
    /// A file or folder could not be opened or read.
    #[error("cannot read {path}", path = path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// The spill file of a build could not be written or read back.
    #[error("cannot use temporary files in {path}", path = path.display())]
    Spill {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// The extension says nothing about the file's kind.
    #[error("cannot tell what kind of file {path} is", path = path.display())]
    UnknownKind {
        /// The file.
        path: PathBuf,
    },
    /// A folder without a readable file.
    #[error("{path} holds no file of a known kind", path = path.display())]
    EmptyFolder {
        /// The folder.
        path: PathBuf,
    },
    /// A folder whose dump is not fetched to its end.
    #[error("the dump in {path} is not complete", path = path.display())]
    Incomplete {
        /// The folder.
        path: PathBuf,
    },
    /// Bytes that are not UTF-8.
    #[error("{place}: invalid UTF-8")]
    InvalidUtf8 {
        /// File and line, or file and page.
        place: String,
    },
    /// One document (a line, block, row or page) is too large to be one.
    #[error("{place}: longer than {megabytes} MiB")]
    TooLong {
        /// File and line, or file and page.
        place: String,
        /// The limit.
        megabytes: usize,
    },
    /// A line, row or page that does not follow the file's format.
    #[error("{place}: {reason}")]
    Malformed {
        /// File and line, or file and page.
        place: String,
        /// What is wrong, on one line.
        reason: String,
    },
    /// A table without the column of the text.
    #[error("{place}: no column `{column}`, the columns are {found}")]
    NoColumn {
        /// The file and the line of the header.
        place: String,
        /// The column that was asked for.
        column: String,
        /// The columns that are there.
        found: String,
        /// The column that is most like it.
        nearest: Option<String>,
    },
    /// A compressed or structured file that stops before its end.
    #[error("{place}: the file ends too early")]
    Truncated {
        /// File and the last page or line that was begun.
        place: String,
    },
    /// A packed file or an archive that is damaged, or refused as a danger.
    #[error(transparent)]
    Archive(#[from] unpack::Error),
    /// An archive within an archive.
    #[error("{place}: an archive within an archive")]
    Nested {
        /// The archive and the entry.
        place: String,
    },
    /// A Parquet file where it cannot be read: packed, in an archive, or by a build without the feature.
    #[error("{place}: Parquet cannot be read here: {reason}")]
    NoParquet {
        /// The file, or the archive and the entry.
        place: String,
        /// Why not.
        reason: &'static str,
    },
    /// Nothing was left for the training split.
    #[error("the corpus is empty: {read} documents read from {sources}, none left to train on ({reasons})")]
    Empty {
        /// The files read.
        sources: String,
        /// Documents read.
        read: u64,
        /// Why they were dropped.
        reasons: String,
    },
    /// An option out of its range.
    #[error("{reason}")]
    BadOption {
        /// Which, and its range.
        reason: String,
    },
    /// A code that no language file has.
    #[error("glossa has no language file for `{code}`")]
    UnknownLanguage {
        /// The code as given.
        code: String,
        /// The code that is most like it.
        nearest: Option<String>,
    },
    /// A folder that is no corpus, or a damaged one.
    #[error("{path} is no corpus: {reason}", path = path.display())]
    NotACorpus {
        /// The folder or shard.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}

impl Error {
    /// The hint that goes with the message.
    fn hint(&self) -> String {
        match self {
            Error::Read { .. } => "check the path and its permissions; nothing was written".to_owned(),
            Error::Spill { .. } => "free some space on the disk of the output folder".to_owned(),
            Error::UnknownKind { .. } | Error::EmptyFolder { .. } => format!("known are {}", crate::source::KNOWN),
            Error::Incomplete { .. } => "run `glossa corpus fetch` again, it goes on where it stopped".to_owned(),
            Error::InvalidUtf8 { .. } => "convert the file to UTF-8, with iconv for example".to_owned(),
            Error::TooLong { .. } => {
                "split it; a missing line end or an unclosed quote also looks like this".to_owned()
            }
            Error::Malformed { .. } => "correct it, or remove it from the file".to_owned(),
            Error::Archive(error) => format!("{}; nothing was written", error.hint()),
            Error::Nested { .. } => "unpack the outer archive, and give the folder".to_owned(),
            Error::NoParquet { .. } => {
                "give the .parquet file itself to a glossa with the feature `parquet`, which is on by default"
                    .to_owned()
            }
            Error::NoColumn { nearest: Some(nearest), .. } => format!("did you mean `{nearest}`?"),
            Error::NoColumn { .. } => "name the column that holds the text".to_owned(),
            Error::Truncated { .. } => "fetch the file again; the download was probably cut off".to_owned(),
            Error::Empty { read: 0, .. } => "the sources hold no text; check that they are the right files".to_owned(),
            Error::Empty { .. } => "relax the filters, or give valid and test smaller shares".to_owned(),
            Error::BadOption { .. } => "correct the option".to_owned(),
            Error::UnknownLanguage { nearest: Some(nearest), .. } => {
                format!("did you mean `{nearest}`? Without a language, all filters but script and language work")
            }
            Error::UnknownLanguage { .. } => {
                "leave the language out: all filters but script and language work without".to_owned()
            }
            Error::NotACorpus { .. } => "build it with `glossa corpus build`".to_owned(),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let hint = error.hint();
        match error {
            Error::Read { path, cause } => Failure::io("read", &path, cause).hint(hint),
            Error::Spill { path, cause } => Failure::io("use temporary files in", &path, cause).hint(hint),
            Error::Archive(unpack::Error::Read { archive, cause }) => {
                Failure::io("read", archive.as_ref(), cause).hint(hint)
            }
            other => Failure::data(other.to_string()).hint(hint),
        }
    }
}
