//! `source.json`, beside the pages: what they are, from where, and under which terms; and `missing.txt`,
//! the ids without a tweet.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use glossa_base::{TOOL_VERSION, atomic};
use serde::{Deserialize, Serialize};

use super::request::Job;
use super::state::{State, Subject};
use super::{Error, time};

/// The record's name in its folder.
pub(super) const FILE_NAME: &str = "source.json";
/// The version of its format.
const FORMAT: u32 = 1;
/// A record with more bytes is none of ours.
const LIMIT: u64 = 64 << 20;
const SOURCE: &str = "twitter";

/// Under what tweets may be used.
pub const LICENCE: &str = "X Developer Agreement and Policy: texts may not be passed on, ids of tweets may; \
                           deleted tweets are to be deleted";

/// Where the pages of a folder come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Version of this format.
    pub format: u32,
    /// Always `twitter`.
    pub source: String,
    /// Where X was asked, without query and token.
    pub url: String,
    /// The day of the last run.
    pub date: String,
    /// What was asked for.
    pub subject: Subject,
    /// Under what the tweets may be used.
    pub licence: String,
    /// When the last run ended.
    pub fetched: String,
    /// Version of the tool that fetched them.
    pub tool_version: String,
    /// Whether all is read that there was then.
    pub complete: bool,
    /// How many tweets the pages hold.
    pub tweets: u64,
    /// Of ids: how many have no tweet, by reason; `missing.txt` lists them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub missing: BTreeMap<String, u64>,
    /// The pages, in the order in which they came.
    pub files: Vec<RecordFile>,
}

/// The file of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordFile {
    /// Its name in the folder.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

impl Record {
    pub(super) fn new(job: &Job, state: &State, now: SystemTime) -> Self {
        let fetched = time::shown(now);
        Record {
            format: FORMAT,
            source: SOURCE.to_owned(),
            url: job.url(),
            date: fetched.chars().take(10).collect(),
            subject: state.subject.clone(),
            licence: LICENCE.to_owned(),
            fetched,
            tool_version: TOOL_VERSION.to_owned(),
            complete: false,
            tweets: state.tweets,
            missing: BTreeMap::new(),
            files: Vec::new(),
        }
    }

    /// The record of a folder, if it has one of tweets.
    ///
    /// # Errors
    /// [`Error::BadFile`]: it is damaged, or newer than this program.
    pub fn read(folder: &Path) -> Result<Option<Self>, Error> {
        let path = folder.join(FILE_NAME);
        let bad = |reason: String| Error::BadFile { path: path.clone(), reason };
        if !holds_pages(folder) {
            return Ok(None);
        }
        let bytes = std::fs::read(&path).map_err(|cause| bad(cause.to_string()))?;
        let record: Record = serde_json::from_slice(&bytes).map_err(|cause| bad(cause.to_string()))?;
        if record.format != FORMAT {
            return Err(bad(format!("format {}, this glossa knows {FORMAT}", record.format)));
        }
        Ok(Some(record))
    }

    pub(super) fn write(&self, folder: &Path) -> Result<(), Error> {
        let path = folder.join(FILE_NAME);
        let bytes = serde_json::to_vec_pretty(self)
            .map_err(|cause| Error::BadFile { path: path.clone(), reason: cause.to_string() })?;
        atomic::write_file(&path, &bytes).map_err(Error::Write)
    }
}

/// Whether a folder's record says that it holds pages of tweets.
pub(crate) fn holds_pages(folder: &Path) -> bool {
    #[derive(Deserialize)]
    struct Head {
        source: Option<String>,
    }
    let path = folder.join(FILE_NAME);
    let small = std::fs::metadata(&path).is_ok_and(|metadata| metadata.is_file() && metadata.len() <= LIMIT);
    let bytes = if small { std::fs::read(&path).unwrap_or_default() } else { Vec::new() };
    serde_json::from_slice::<Head>(&bytes).is_ok_and(|head| head.source.as_deref() == Some(SOURCE))
}
