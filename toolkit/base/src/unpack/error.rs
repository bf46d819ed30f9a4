//! What is refused of packed files and archives; every message names the archive, and the entry where one
//! is to blame. Entries are shown with control characters escaped.

use std::io;

use thiserror::Error as ThisError;

use crate::Failure;

/// A packed file or an archive that cannot be read, or is not to be trusted.
#[derive(Debug, ThisError)]
pub enum Error {
    /// The file could not be opened or read.
    #[error("cannot read {archive}")]
    Read {
        /// The archive.
        archive: String,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// It ends within an entry, or before the mark of its end.
    #[error("{place}: ends too early")]
    Truncated {
        /// The archive, and the entry if it is known.
        place: String,
    },
    /// Bytes that do not follow the format, or do not unpack.
    #[error("{archive}: {reason}")]
    Malformed {
        /// The archive.
        archive: String,
        /// What is wrong, on one line.
        reason: String,
    },
    /// An entry whose bytes are not what the archive says of them.
    #[error("{archive}: {entry}: {reason}")]
    Damaged {
        /// The archive.
        archive: String,
        /// The entry.
        entry: String,
        /// What differs.
        reason: String,
    },
    /// A name that would lead out of a folder, or means different files on different systems.
    #[error("{archive}: {entry}: {reason}")]
    BadName {
        /// The archive.
        archive: String,
        /// The name, escaped.
        entry: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A name that stood before; case does not tell names apart.
    #[error("{archive}: {entry}: the name stands in the archive twice (case does not count)")]
    Duplicate {
        /// The archive.
        archive: String,
        /// The name.
        entry: String,
    },
    /// An entry that is neither a plain file nor a folder.
    #[error("{archive}: {entry}: {kind}; only plain files are taken from archives")]
    NotAFile {
        /// The archive.
        archive: String,
        /// The entry.
        entry: String,
        /// What it is.
        kind: &'static str,
    },
    /// An entry that is encrypted or packed in a way that is not known.
    #[error("{archive}: {entry}: {reason}")]
    Unsupported {
        /// The archive.
        archive: String,
        /// The entry.
        entry: String,
        /// What is not supported.
        reason: String,
    },
    /// More entries than allowed.
    #[error("{archive}: more than {limit} entries")]
    TooMany {
        /// The archive.
        archive: String,
        /// The limit.
        limit: u64,
    },
    /// An entry with more bytes than allowed.
    #[error("{archive}: {entry}: {bytes} bytes, more than {limit}")]
    TooLarge {
        /// The archive.
        archive: String,
        /// The entry.
        entry: String,
        /// Its bytes, as the archive states them.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// Entries that together have more bytes than allowed.
    #[error("{archive}: {entry}: with it the entries have more than {limit} bytes together")]
    TooMuch {
        /// The archive.
        archive: String,
        /// The entry with which the limit is passed.
        entry: String,
        /// The limit.
        limit: u64,
    },
    /// Far more comes out than went in.
    #[error("{place}: unpacks to more than {ratio} times its size, as a decompression bomb does")]
    Bomb {
        /// The file, and the entry if it is known.
        place: String,
        /// The limit.
        ratio: u64,
    },
}

impl Error {
    /// The error that a reader of this module gave as an [`io::Error`], or that one back.
    ///
    /// # Errors
    /// It is of another origin.
    pub fn from_io(cause: io::Error) -> Result<Self, io::Error> {
        cause.downcast::<Error>()
    }

    /// What the failed read of an archive means.
    pub(super) fn reading(archive: &str, cause: io::Error) -> Self {
        match Error::from_io(cause) {
            Ok(error) => error,
            Err(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => {
                Error::Truncated { place: archive.to_owned() }
            }
            Err(cause) if cause.kind() == io::ErrorKind::InvalidData => {
                Error::Malformed { archive: archive.to_owned(), reason: format!("unreadable data: {cause}") }
            }
            Err(cause) => Error::Read { archive: archive.to_owned(), cause },
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Error::Read { .. } => "check the path and its permissions",
            Error::Truncated { .. } | Error::Malformed { .. } | Error::Damaged { .. } => {
                "fetch it again, or test it with the program that packed it"
            }
            Error::TooMany { .. } | Error::TooLarge { .. } | Error::TooMuch { .. } | Error::Bomb { .. } => {
                "unpack it yourself if you trust it, and give the folder"
            }
            _ => "pack the files anew, without links and with plain relative names, or give the unpacked folder",
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Truncated { .. } => io::ErrorKind::UnexpectedEof,
            Error::Read { cause, .. } => cause.kind(),
            _ => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let hint = error.hint();
        match error {
            Error::Read { archive, cause } => Failure::io("read", archive.as_ref(), cause).hint(hint),
            other => Failure::data(other.to_string()).hint(hint),
        }
    }
}
