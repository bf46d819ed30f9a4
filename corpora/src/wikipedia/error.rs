//! What can go wrong on the way to a Wikipedia dump; what goes wrong on the wire is the download's.

use std::path::PathBuf;

use glossa_base::{Failure, Kind, LanguageCode, download};
use thiserror::Error;

/// A dump that was not fetched, and why.
#[derive(Debug, Error)]
pub enum Error {
    /// A list or a file could not be fetched.
    #[error(transparent)]
    Download(#[from] download::Error),
    /// The record beside the files could not be written.
    #[error("{0}")]
    Write(Failure),
    /// A text that is no date of a dump.
    #[error("`{text}` is no date of a dump")]
    BadDate {
        /// The text.
        text: String,
    },
    /// The server has no Wikipedia of this language.
    #[error("no Wikipedia of the language `{language}`: {url} is not there")]
    NoWiki {
        /// The language.
        language: LanguageCode,
        /// Where it would be.
        url: String,
    },
    /// The server lists no dump at all.
    #[error("{url} lists no dumps")]
    NoDumps {
        /// Where.
        url: String,
    },
    /// There is no dump of this date.
    #[error("{wiki} has no dump of {date}")]
    NoDump {
        /// Such as `euwiki`.
        wiki: String,
        /// The date.
        date: String,
    },
    /// The dump is still being made, or failed.
    #[error("{url}: the articles are not complete (`{status}`)")]
    NotComplete {
        /// The status file.
        url: String,
        /// What it says of them.
        status: String,
    },
    /// The dump says that it is done, but a file of it is not listed.
    #[error("{url}: the dump has a part without its file {name}")]
    MissingPart {
        /// The status file.
        url: String,
        /// What is missing.
        name: String,
    },
    /// A list that cannot be understood.
    #[error("{url} is no status of a dump: {reason}")]
    BadStatus {
        /// The status file.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// A file name that is not of this dump, or leaves the folder.
    #[error("{place} names a file `{name}`, which is no file of the dump")]
    BadName {
        /// The list.
        place: String,
        /// The name, cut where it is long.
        name: String,
    },
    /// The folder holds another dump.
    #[error("{path} holds {found} already", path = path.display())]
    Occupied {
        /// The folder.
        path: PathBuf,
        /// Which dump it holds.
        found: String,
    },
    /// The record in the folder is damaged or newer than this program.
    #[error("{path} cannot be read: {reason}", path = path.display())]
    BadRecord {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl Error {
    /// Whether an older dump may do, where no date was asked for.
    pub(super) fn means_look_further(&self) -> bool {
        matches!(self, Error::NoDump { .. } | Error::NotComplete { .. } | Error::MissingPart { .. })
    }

    fn hint(&self) -> &'static str {
        match self {
            Error::Download(_) | Error::Write(_) => "run the same command again, it goes on where it stopped",
            Error::BadDate { .. } => "write it as YYYYMMDD, such as 20240101",
            Error::NoWiki { .. } => "take the code from the address of the Wikipedia, such as eu of eu.wikipedia",
            Error::NoDumps { .. } => "check --base-url: it is the folder that holds euwiki/, enwiki/ and so on",
            Error::NoDump { .. } => "leave --date out for the newest, or give another; old dumps are removed",
            Error::NotComplete { .. } => "leave --date out for the newest complete dump, or give an earlier date",
            Error::MissingPart { .. } => "give an earlier --date",
            Error::BadStatus { .. } | Error::BadName { .. } => "nothing was written; try later, or another mirror",
            Error::Occupied { .. } => "choose another --out",
            Error::BadRecord { .. } => "fetch into another folder, or remove this one",
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Occupied { .. } | Error::BadRecord { .. } | Error::BadDate { .. } => Kind::Data,
            _ => Kind::Network,
        };
        let hint = error.hint();
        match error {
            Error::Download(error) => error.into(),
            Error::Write(failure) => failure,
            other => Failure::new(kind, other.to_string()).hint(hint),
        }
    }
}
