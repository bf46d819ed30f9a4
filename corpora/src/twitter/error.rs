//! What can go wrong between X and a folder of its pages; what goes wrong on the wire is the download's.
//! No message holds the token.

use std::path::PathBuf;

use glossa_base::{Failure, Kind, download};
use thiserror::Error;

/// Tweets that were not fetched, and why.
#[derive(Debug, Error)]
pub enum Error {
    /// No answer came.
    #[error(transparent)]
    Download(#[from] download::Error),
    /// A file in the folder could not be written.
    #[error("{0}")]
    Write(Failure),
    /// A base URL with more than scheme, host and path.
    #[error("the base URL {reason}")]
    BadBase {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A query that cannot be sent.
    #[error("the query is {reason}")]
    BadQuery {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A text that is no time.
    #[error("`{text}` is no time")]
    BadTime {
        /// The text, cut where it is long.
        text: String,
    },
    /// A budget that buys no page.
    #[error("a budget of {budget} tweets buys no page: X gives {least} at least")]
    BadBudget {
        /// The budget.
        budget: u64,
        /// The smallest page.
        least: u64,
    },
    /// The file of ids cannot be read.
    #[error("cannot read the ids in {path}: {reason}", path = path.display())]
    BadIds {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the line where one is.
        reason: String,
    },
    /// X does not know the token.
    #[error("{url} does not accept the token (status 401): {message}")]
    Unauthorized {
        /// What was asked.
        url: String,
        /// What X says.
        message: String,
    },
    /// X knows the token, but it may not do this.
    #[error("{url} is not allowed with this token (status 403): {message}")]
    Forbidden {
        /// What was asked.
        url: String,
        /// What X says.
        message: String,
    },
    /// X does not understand the question, mostly the query.
    #[error("{url} does not understand the request (status 400): {message}")]
    BadRequest {
        /// What was asked.
        url: String,
        /// What X says.
        message: String,
    },
    /// The plan's tweets or credits are used up.
    #[error("{url}: what the plan allows is used up (status {status}): {message}")]
    Capped {
        /// What was asked.
        url: String,
        /// 402 or 429.
        status: u16,
        /// What X says.
        message: String,
    },
    /// The rate limit lasts longer than anybody waits at a screen.
    #[error("{url} has a rate limit until {until}")]
    RateLimit {
        /// What was asked.
        url: String,
        /// When it ends, as far as is known.
        until: String,
    },
    /// Another status.
    #[error("{url} answers with status {status}: {message}")]
    Status {
        /// What was asked.
        url: String,
        /// Which.
        status: u16,
        /// What the server says.
        message: String,
    },
    /// An answer that is no page of tweets.
    #[error("{url} answers with no page of tweets: {reason}")]
    BadAnswer {
        /// What was asked.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The pages lead back to one that was read.
    #[error("{url}: the pages go in a circle")]
    Circle {
        /// What was asked.
        url: String,
    },
    /// The folder holds something else.
    #[error("{path} holds {found} already", path = path.display())]
    Occupied {
        /// The folder.
        path: PathBuf,
        /// What it holds.
        found: String,
    },
    /// Another process fetches into the folder.
    #[error("another process fetches into {path}", path = path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// A file in the folder is damaged or newer than this program.
    #[error("{path} cannot be read: {reason}", path = path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl Error {
    fn hint(&self) -> &'static str {
        match self {
            Error::Download(_) | Error::Write(_) => "run the same command again, it goes on where it stopped",
            Error::BadBase { .. } => "write it as https://host, without user, query or fragment",
            Error::BadQuery { .. } => "write it as X's search does, such as 'kaixo lang:eu -is:retweet'",
            Error::BadTime { .. } => "write it as 2024-01-31 or 2024-01-31T12:00:00Z, in UTC",
            Error::BadBudget { .. } => "give a larger --budget; nothing was read",
            Error::BadIds { .. } => "the file holds one id a line, digits only",
            Error::Unauthorized { .. } => "check the token; X shows it, or a new one, in its developer console",
            Error::Forbidden { .. } => {
                "the plan of the app may lack this (--archive needs one with full-archive search), or the app \
                 belongs to no project"
            }
            Error::BadRequest { .. } => "correct the query or the times; nothing of this request was kept",
            Error::Capped { .. } => {
                "raise the limit in X's developer console or wait for the next period, and run again"
            }
            Error::RateLimit { .. } => "run the same command then, it goes on where it stopped",
            Error::Status { .. } => "check --base-url, or try later; the same command goes on where it stopped",
            Error::BadAnswer { .. } => {
                "a proxy may stand between, or --base-url leads elsewhere; what was read before is kept"
            }
            Error::Circle { .. } => "the server is at fault; try later, what was read before is kept",
            Error::Occupied { .. } => "choose another --out: a folder holds one query or one file of ids",
            Error::Busy { .. } => "wait until it is done, or choose another --out",
            Error::BadFile { .. } => "fetch into another folder, or put the file back from a copy",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Error::BadBase { .. }
            | Error::BadQuery { .. }
            | Error::BadTime { .. }
            | Error::BadBudget { .. }
            | Error::BadIds { .. }
            | Error::BadRequest { .. }
            | Error::Occupied { .. }
            | Error::Busy { .. }
            | Error::BadFile { .. } => Kind::Data,
            _ => Kind::Network,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (kind, hint) = (error.kind(), error.hint());
        match error {
            Error::Download(error) => error.into(),
            Error::Write(failure) => failure,
            other => Failure::new(kind, other.to_string()).hint(hint),
        }
    }
}
