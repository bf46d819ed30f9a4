//! `state.json`: how far a folder has come. It is written after each page; what it says is enough to go on.

use std::path::Path;

use glossa_base::{TOOL_VERSION, atomic};
use serde::{Deserialize, Serialize};

use super::Error;
use super::page::{Note, Page};
use super::request::Job;

/// Its name in the folder.
pub(super) const FILE_NAME: &str = "state.json";
/// The version of its format.
const FORMAT: u32 = 1;
/// A longer file is none of ours.
const LIMIT: u64 = 1 << 20;

/// What a folder's tweets are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Subject {
    /// What a search finds.
    Search {
        /// In X's language of queries.
        query: String,
        /// Of all tweets, instead of the last seven days'.
        archive: bool,
        /// None before.
        since: Option<String>,
        /// None from then on.
        until: Option<String>,
    },
    /// The tweets of these ids.
    Ids {
        /// How many, each counted once.
        count: u64,
        /// SHA-256 of the ids, one a line.
        sha256: String,
    },
}

impl std::fmt::Display for Subject {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Subject::Search { query, archive, since, until } => {
                let place = if *archive { " in the archive" } else { "" };
                write!(formatter, "the query `{query}`{place}")?;
                since.iter().try_for_each(|since| write!(formatter, " since {since}"))?;
                until.iter().try_for_each(|until| write!(formatter, " until {until}"))
            }
            Subject::Ids { count, .. } => write!(formatter, "the tweets of {count} ids"),
        }
    }
}

/// How far a folder has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    format: u32,
    tool_version: String,
    pub(super) subject: Subject,
    /// Files of pages.
    pub(super) pages: u64,
    /// Tweets in them.
    pub(super) tweets: u64,
    /// Tweets that X gave, those of refused pages too: what the budget counts.
    pub(super) spent: u64,
    /// Of a search: only what is newer is asked for.
    pub(super) since_id: Option<u64>,
    /// Of a search: the newest tweet so far.
    pub(super) newest_id: Option<u64>,
    /// Of a search: where the next page is.
    pub(super) next_token: Option<String>,
    /// Of ids: how many were asked for.
    pub(super) position: u64,
    /// Whether there is no next page.
    pub(super) done: bool,
}

impl State {
    pub(super) fn new(job: &Job) -> Self {
        State {
            format: FORMAT,
            tool_version: TOOL_VERSION.to_owned(),
            subject: job.subject().clone(),
            pages: 0,
            tweets: 0,
            spent: 0,
            since_id: None,
            newest_id: None,
            next_token: None,
            position: 0,
            done: false,
        }
    }

    /// The state of a folder, if it has one.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, Error> {
        let path = folder.join(FILE_NAME);
        let bad = |reason: String| Error::BadFile { path: path.clone(), reason };
        match std::fs::metadata(&path) {
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Ok(metadata) if metadata.len() > LIMIT => return Err(bad(format!("more than {LIMIT} bytes"))),
            Ok(_) | Err(_) => {}
        }
        let bytes = std::fs::read(&path).map_err(|cause| bad(cause.to_string()))?;
        let state: State = serde_json::from_slice(&bytes).map_err(|cause| bad(cause.to_string()))?;
        if state.format != FORMAT {
            return Err(bad(format!("format {}, this glossa knows {FORMAT}", state.format)));
        }
        Ok(Some(state))
    }

    pub(super) fn write(&self, folder: &Path) -> Result<(), Error> {
        let path = folder.join(FILE_NAME);
        let bytes = serde_json::to_vec_pretty(self)
            .map_err(|cause| Error::BadFile { path: path.clone(), reason: cause.to_string() })?;
        atomic::write_file(&path, &bytes).map_err(Error::Write)
    }

    /// Where all is read and more may have come since, begins to look for that. Says whether it does.
    pub(super) fn begin_round(&mut self, job: &Job) -> bool {
        let begins = self.done && job.can_grow();
        if begins {
            self.since_id = self.newest_id;
            self.done = false;
        }
        begins
    }

    /// Whether a page is the one that comes next.
    pub(super) fn expects(&self, job: &Job, note: &Note) -> bool {
        let rest = job.ids().get(self.position as usize..).unwrap_or_default();
        let right = if job.is_search() {
            note.ids.is_empty() && note.after == self.next_token && note.since_id == self.since_id
        } else {
            !note.ids.is_empty() && rest.starts_with(&note.ids)
        };
        right && !self.done
    }

    /// After a page.
    pub(super) fn advance(&mut self, job: &Job, note: &Note, page: &Page) {
        self.tool_version = TOOL_VERSION.to_owned();
        self.pages += u64::from(job.keeps(page));
        self.tweets += page.tweets();
        self.spent += page.tweets();
        self.newest_id = self.newest_id.max(page.ids.iter().copied().max());
        self.next_token.clone_from(&page.next_token);
        self.position += note.ids.len() as u64;
        self.done = if job.is_search() { self.next_token.is_none() } else { self.position >= job.ids().len() as u64 };
    }
}
