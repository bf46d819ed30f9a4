//! Why a model was not pulled.

use std::io;
use std::path::PathBuf;

use glossa_base::{Failure, Kind, download, manifest, space};
use thiserror::Error as ThisError;

use crate::{cache, environment, id, index};

/// A model that is not there to be used, and why.
#[derive(Debug, ThisError)]
pub enum Error {
    /// The text is no id.
    #[error(transparent)]
    Id(#[from] id::Error),
    /// The index is wrong.
    #[error(transparent)]
    Index(#[from] index::Error),
    /// The settings are wrong.
    #[error(transparent)]
    Environment(#[from] environment::Error),
    /// The cache cannot be used.
    #[error(transparent)]
    Cache(cache::Error),
    /// A connection failed, or a file is not what was published.
    #[error(transparent)]
    Download(download::Error),
    /// An archive is refused, or cannot be unpacked.
    #[error("{0}")]
    Archive(Failure),
    /// Nobody has such a model.
    #[error("{endpoint} has no model {id}, or does not show it to us{}", meant(near))]
    Unknown {
        /// The id.
        id: String,
        /// The hub, or the index.
        endpoint: String,
        /// What was probably meant.
        near: Option<String>,
    },
    /// The model has no such branch, tag or commit.
    #[error("{id} has no revision {revision}{}", meant(near))]
    Revision {
        /// The id.
        id: String,
        /// The revision.
        revision: String,
        /// What was probably meant.
        near: Option<String>,
    },
    /// The hub gives the model to others only.
    #[error("{id} is refused to us (status {status})")]
    Refused {
        /// The id.
        id: String,
        /// The answer's status.
        status: u16,
        /// Whether its terms must be accepted first.
        gated: bool,
        /// Whether a token was sent.
        token: bool,
    },
    /// The hub answers with another status.
    #[error("{endpoint} answers the question for {id} with status {status}")]
    Status {
        /// The id.
        id: String,
        /// The hub.
        endpoint: String,
        /// The status.
        status: u16,
    },
    /// An answer that is not of the form that hubs have.
    #[error("{url}: the answer is not understood: {reason}")]
    Answer {
        /// What was asked.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// A name that would leave the model's folder, or means different files on different systems.
    #[error("{id}: the file name `{name}` {reason}")]
    Hostile {
        /// The model.
        id: String,
        /// The name, escaped.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Another hash than the index states or an earlier pull found. Nothing of the file was kept.
    #[error("{id}: {file} has sha256 {found}, {expected} is expected ({by})")]
    Mismatch {
        /// The model.
        id: String,
        /// The file.
        file: String,
        /// The right hash.
        expected: String,
        /// The hash that was found.
        found: String,
        /// Who says so.
        by: &'static str,
    },
    /// A file that the index or a manifest lists is missing, or has another size.
    #[error("{id}: {file} {reason}")]
    Wrong {
        /// The model.
        id: String,
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// The disk is too full, or the system allows no larger file.
    #[error("no room at {path}: {} needed, {}", counted(*needed), free.map_or_else(String::new, |free| format!("{free} bytes are free")), path = path.display())]
    NoSpace {
        /// Where.
        path: PathBuf,
        /// Bytes still to be written, where that is known.
        needed: Option<u64>,
        /// Bytes that the system (statvfs) says are free for us.
        free: Option<u64>,
        /// What the system said, where it was asked to write.
        #[source]
        cause: Option<io::Error>,
    },
    /// The cache may not be written by us.
    #[error("no permission to write {path}", path = path.display())]
    Permission {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// Connections are switched off, and not all of the model is in the cache.
    #[error("offline: {id} is not whole in the cache {cache}: {missing}", cache = cache.display())]
    Offline {
        /// The model.
        id: String,
        /// The cache.
        cache: PathBuf,
        /// What is missing.
        missing: String,
    },
    /// A release file that no host has, and that was not built here.
    #[error("{id}: its release file {file} {}", looked(folder))]
    NoRelease {
        /// The model.
        id: String,
        /// The file.
        file: String,
        /// The person's own folder of releases, where one is named.
        folder: Option<PathBuf>,
    },
    /// A path at which nothing is.
    #[error("{path} is neither a model folder nor an archive", path = path.display())]
    NoPath {
        /// The path.
        path: PathBuf,
    },
    /// A repository without anything that we could use.
    #[error("{id} has no files of a model (config.json, weights, tokenizer)")]
    NoFiles {
        /// The model.
        id: String,
    },
}

fn counted(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "more bytes are".to_owned(), |bytes| format!("{bytes} bytes are"))
}

fn looked(folder: &Option<PathBuf>) -> String {
    match folder {
        Some(folder) => format!("is not in {}, and no host has it", folder.display()),
        None => "is on no host".to_owned(),
    }
}

fn meant(near: &Option<String>) -> String {
    near.as_ref().map(|near| format!("; did you mean {near}?")).unwrap_or_default()
}

fn is_full(cause: &io::Error) -> bool {
    matches!(cause.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}

/// What a failed write means.
pub(super) fn of_write(path: PathBuf, cause: io::Error) -> Error {
    if is_full(&cause) {
        let free = space::free_bytes(&path);
        return Error::NoSpace { path, needed: None, free, cause: Some(cause) };
    }
    match cause.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Error::Permission { path, cause },
        _ => Error::Cache(cache::Error::Write { path, cause }),
    }
}

impl From<download::Error> for Error {
    fn from(error: download::Error) -> Self {
        match error {
            download::Error::Write { path, cause } => of_write(path, cause),
            other => Error::Download(other),
        }
    }
}

impl From<cache::Error> for Error {
    fn from(error: cache::Error) -> Self {
        match error {
            cache::Error::Write { path, cause } => of_write(path, cause),
            other => Error::Cache(other),
        }
    }
}

impl Error {
    /// The same, where so many bytes were still to be written.
    pub(super) fn needing(self, bytes: u64) -> Self {
        match self {
            Error::NoSpace { path, free, cause, .. } => Error::NoSpace { path, needed: Some(bytes), free, cause },
            other => other,
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Error::NoSpace { .. } | Error::Permission { .. } | Error::NoPath { .. } => Kind::Data,
            _ => Kind::Network,
        }
    }

    fn hint(&self) -> String {
        match self {
            Error::Unknown { .. } => {
                "check the name (glossa zoo list has those of the index); a private model needs HF_TOKEN".to_owned()
            }
            Error::Revision { .. } => "name a branch, a tag or a commit of 40 digits behind @".to_owned(),
            Error::Refused { gated: true, id, .. } => {
                format!("accept the terms of {id} on the hub's page, and set HF_TOKEN to a token of that account")
            }
            Error::Refused { token: false, .. } => "set HF_TOKEN to a token that may read it".to_owned(),
            Error::Refused { .. } => "check that the account of HF_TOKEN may read it".to_owned(),
            Error::Status { .. } | Error::Answer { .. } => "try later, and check HF_ENDPOINT".to_owned(),
            Error::Hostile { .. } => "do not use this model; it was not made in good faith".to_owned(),
            Error::Mismatch { by, .. } => {
                format!("nothing of it was kept; ask the publisher whether it was changed ({by} has the other hash)")
            }
            Error::Wrong { .. } => "nothing of it was kept; ask the publisher".to_owned(),
            Error::NoSpace { .. } => {
                "make room (glossa zoo cache --clean, glossa zoo remove), or set HF_HUB_CACHE".to_owned()
            }
            Error::Permission { .. } => {
                "set HF_HUB_CACHE to a folder that you may write, or change its owner".to_owned()
            }
            Error::Offline { .. } => "run glossa zoo pull once without --offline and HF_HUB_OFFLINE".to_owned(),
            Error::NoRelease { .. } => {
                "`make zoo` in a checkout of glossa builds it and brings it into the cache; where somebody gave you the \
                 file, set GLOSSA_ZOO_RELEASES to its folder"
                    .to_owned()
            }
            Error::NoPath { .. } => {
                "check the path; archives are .tar, .tar.gz, .tgz, .tar.zst, .zip and the like".to_owned()
            }
            Error::NoFiles { .. } => format!("a model has config.json; ours also {}", manifest::FILE_NAME),
            _ => String::new(),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (kind, hint) = (error.kind(), error.hint());
        match error {
            Error::Id(error) => error.into(),
            Error::Index(error) => error.into(),
            Error::Environment(error) => error.into(),
            Error::Cache(error) => error.into(),
            Error::Download(error) => error.into(),
            Error::Archive(failure) => failure,
            Error::Permission { path, cause } => {
                let message = format!("no permission to write {}", path.display());
                Failure::new(kind, message).because(cause).hint(hint)
            }
            error @ Error::NoSpace { .. } => {
                let failure = Failure::new(kind, error.to_string()).hint(hint);
                let Error::NoSpace { cause: Some(cause), .. } = error else { return failure };
                failure.because(cause)
            }
            other => Failure::new(kind, other.to_string()).hint(hint),
        }
    }
}
