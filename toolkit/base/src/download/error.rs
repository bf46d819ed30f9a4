//! What can go wrong on the way from a URL to a file. Every message names the URL, without the
//! credentials that it may carry.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::{Failure, Kind};

/// A file that was not fetched, and why.
#[derive(Debug, Error)]
pub enum Error {
    /// A text that is no URL of http or https.
    #[error("`{url}` is no URL to fetch: {reason}")]
    BadUrl {
        /// The text, cut where it is long.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A checksum that is no hexadecimal number of the right length.
    #[error("`{text}` is no {kind} checksum")]
    BadChecksum {
        /// Such as `sha1`.
        kind: &'static str,
        /// The text, cut where it is long.
        text: String,
    },
    /// A text that is no token; it is not shown.
    #[error("the token cannot be sent: {reason}")]
    BadToken {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A proxy of the settings that cannot be used.
    #[error("cannot use the {scheme} proxy: {reason}")]
    BadProxy {
        /// `http` or `https`.
        scheme: &'static str,
        /// Why.
        reason: String,
    },
    /// The client could not be made: no certificates, for example.
    #[error("cannot set up connections: {reason}")]
    Setup {
        /// Why.
        reason: String,
    },
    /// Connections are switched off, and the file is not there.
    #[error("offline: {url} is needed and {path} is not there", path = path.display())]
    Offline {
        /// What would be fetched.
        url: String,
        /// Where it would be kept.
        path: PathBuf,
    },
    /// Too many redirects, or a circle of them.
    #[error("{url} redirects more than {limit} times")]
    TooManyRedirects {
        /// Where it began.
        url: String,
        /// How many are followed.
        limit: usize,
    },
    /// A redirect that leads nowhere.
    #[error("{url} redirects to nowhere: {reason}")]
    BadRedirect {
        /// Where it stands.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A redirect from https to http, which anybody on the way could change.
    #[error("{url} redirects from https to http, to {to}")]
    Downgrade {
        /// Where it stands.
        url: String,
        /// Where it leads.
        to: String,
    },
    /// The server does not have it.
    #[error("{url} is not there (status {status})")]
    NotFound {
        /// What was asked for.
        url: String,
        /// 404 or 410.
        status: u16,
    },
    /// The server wants to know who asks, or refuses this one.
    #[error("{url} is refused to us (status {status})")]
    Refused {
        /// What was asked for.
        url: String,
        /// 401, 403 or 407.
        status: u16,
    },
    /// Another status that a second attempt would not change.
    #[error("{url} answers with status {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// Which.
        status: u16,
    },
    /// The server was busy or broken at every attempt.
    #[error("{url} answers with status {status} after {attempts} attempts")]
    Busy {
        /// What was asked for.
        url: String,
        /// Of the last attempt.
        status: u16,
        /// How many.
        attempts: u32,
    },
    /// The connection failed, stalled or was cut at every attempt.
    #[error("{url} cannot be fetched after {attempts} attempts: {reason}")]
    Broken {
        /// What was asked for.
        url: String,
        /// How many.
        attempts: u32,
        /// Of the last attempt.
        reason: String,
    },
    /// The server packs the bytes although it was asked not to.
    #[error("{url} comes in the encoding `{encoding}`, which was not asked for")]
    Encoded {
        /// What was asked for.
        url: String,
        /// Such as `gzip`.
        encoding: String,
    },
    /// The server gives another number of bytes than the published one.
    #[error("{url} has {found} bytes, {expected} are expected")]
    Length {
        /// What was asked for.
        url: String,
        /// Published.
        expected: u64,
        /// Announced or received.
        found: u64,
    },
    /// More bytes than the caller allows.
    #[error("{url} has more than {limit} bytes")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// The limit.
        limit: u64,
    },
    /// No bytes at all where some are expected.
    #[error("{url} is empty")]
    Empty {
        /// What was asked for.
        url: String,
    },
    /// The server answers what was not asked.
    #[error("{url} answers against the rules of HTTP: {reason}")]
    Protocol {
        /// What was asked for.
        url: String,
        /// How.
        reason: String,
    },
    /// The whole file does not have the published checksum.
    #[error("{url} has {kind} {found}, {expected} is expected")]
    Checksum {
        /// What was fetched.
        url: String,
        /// Such as `sha1`.
        kind: &'static str,
        /// Published.
        expected: String,
        /// Computed.
        found: String,
    },
    /// A file beside the target could not be written or read.
    #[error("cannot write {path}", path = path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// A file that is to be sent could not be read.
    #[error("cannot read {path}", path = path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// A signal asked to stop.
    #[error("stopped by a signal while fetching {url}")]
    Stopped {
        /// What was being fetched.
        url: String,
    },
}

impl Error {
    /// Whether the bytes fetched so far are of use to a later run.
    pub(super) fn keeps_bytes(&self) -> bool {
        matches!(
            self,
            Error::Busy { .. }
                | Error::Broken { .. }
                | Error::Write { .. }
                | Error::Stopped { .. }
                | Error::NotFound { .. }
                | Error::Refused { .. }
                | Error::Status { .. }
        )
    }

    /// The hint that goes with the message.
    fn hint(&self) -> &'static str {
        match self {
            Error::BadUrl { .. } => "write it as https://host/path",
            Error::BadChecksum { .. } => "the list of checksums is damaged; fetch it again",
            Error::BadToken { .. } => "copy the token again, whole and without quotes",
            Error::BadProxy { .. } => "correct the proxy variables of the environment, such as https_proxy",
            Error::Setup { .. } => "install the system's certificates (the package is usually ca-certificates)",
            Error::Offline { .. } => "run it once without --offline, or copy the file to that path",
            Error::TooManyRedirects { .. } | Error::BadRedirect { .. } | Error::Protocol { .. } => {
                "the server is at fault; try later, or another mirror"
            }
            Error::Downgrade { .. } => "use a mirror that stays on https",
            Error::NotFound { .. } => "check the address; the file may have been moved or removed",
            Error::Refused { .. } => "check the token or the rights that the server wants",
            Error::Status { .. } => "check the address, or try later",
            Error::Busy { .. } => "the server is busy; run the same command later, it goes on where it stopped",
            Error::Broken { .. } => "check the connection and run the same command again, it goes on where it stopped",
            Error::Encoded { .. } | Error::Empty { .. } => "a proxy or the server changes the file; try another mirror",
            Error::Length { .. } | Error::Checksum { .. } => {
                "nothing of it was kept; try again, and if it stays so, another mirror or date"
            }
            Error::TooLarge { .. } => "nothing of it was kept; check that the address is the right one",
            Error::Write { .. } => "check the permissions of the folder and the free space of its disk",
            Error::Read { .. } => "check the path and its permissions",
            Error::Stopped { .. } => "run the same command again, it goes on where it stopped",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Error::BadUrl { .. } | Error::BadToken { .. } | Error::BadProxy { .. } => Kind::Data,
            Error::Stopped { .. } => Kind::Stopped,
            _ => Kind::Network,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let hint = error.hint();
        match error {
            Error::Write { path, cause } => Failure::io("write", &path, cause).hint(hint),
            Error::Read { path, cause } => Failure::io("read", &path, cause).hint(hint),
            other => Failure::new(other.kind(), other.to_string()).hint(hint),
        }
    }
}
