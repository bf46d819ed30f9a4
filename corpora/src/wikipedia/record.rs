//! `source.json`, beside the files of a dump: what they are, where they come from, under which licence,
//! and whether all of them are there.

use std::path::Path;

use glossa_base::download::{Algorithm, Checksum};
use glossa_base::{LanguageCode, TOOL_VERSION, atomic};
use serde::{Deserialize, Serialize};

use super::{Choice, Error, names, status};

/// The record's name in its folder.
pub(super) const FILE_NAME: &str = "source.json";
/// The version of its format.
const FORMAT: u32 = 1;
/// A record with more bytes is none of ours.
const LIMIT: u64 = 16 << 20;

/// Under what Wikipedia's text may be used.
pub const LICENCE: &str = "CC BY-SA 4.0 / GFDL";

/// Where the files of a folder come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Version of this format.
    pub format: u32,
    /// Always `wikipedia`.
    pub source: String,
    /// The language, by the code of its Wikipedia.
    pub language: LanguageCode,
    /// The wiki's name among the dumps.
    pub wiki: String,
    /// The date of the dump, `YYYYMMDD`.
    pub date: String,
    /// Whether the dump is the one in a single stream.
    pub single_stream: bool,
    /// Under what the text may be used.
    pub licence: String,
    /// Version of the tool that fetched it.
    pub tool_version: String,
    /// Whether every file is there.
    pub complete: bool,
    /// The files, by name.
    pub files: Vec<RecordFile>,
}

/// One file of a dump.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordFile {
    /// Its name in the folder.
    pub name: String,
    /// Where it comes from.
    pub url: String,
    /// Its size.
    pub bytes: u64,
    /// As Wikimedia publishes it.
    pub sha1: String,
    /// As computed; absent until the file is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

impl Record {
    pub(super) fn new(choice: &Choice, wiki: &str, date: &str, files: Vec<RecordFile>) -> Self {
        Record {
            format: FORMAT,
            source: "wikipedia".to_owned(),
            language: choice.language.clone(),
            wiki: wiki.to_owned(),
            date: date.to_owned(),
            single_stream: choice.single_stream,
            licence: LICENCE.to_owned(),
            tool_version: TOOL_VERSION.to_owned(),
            complete: false,
            files,
        }
    }

    /// Bytes of all files together.
    pub fn bytes(&self) -> u64 {
        self.files.iter().fold(0, |total, file| total.saturating_add(file.bytes))
    }

    /// The record of a folder, if it has one.
    ///
    /// # Errors
    /// [`Error::BadRecord`] and [`Error::BadName`]: it is damaged, or newer than this program.
    pub fn read(folder: &Path) -> Result<Option<Self>, Error> {
        let path = folder.join(FILE_NAME);
        let bad = |reason: String| Error::BadRecord { path: path.clone(), reason };
        let bytes = match std::fs::metadata(&path) {
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Ok(metadata) if metadata.len() > LIMIT => return Err(bad(format!("more than {LIMIT} bytes"))),
            Ok(_) | Err(_) => std::fs::read(&path).map_err(|cause| bad(cause.to_string()))?,
        };
        let record: Record = serde_json::from_slice(&bytes).map_err(|cause| bad(cause.to_string()))?;
        if record.format > FORMAT || record.source != "wikipedia" {
            return Err(bad(format!("format {}, this glossa knows {FORMAT}", record.format)));
        }
        let prefix = format!("{}-{}-", record.wiki, record.date);
        for file in &record.files {
            if !names::is_safe(&file.name, &prefix) {
                return Err(status::bad_name(&path.to_string_lossy(), &file.name));
            }
            Checksum::new(Algorithm::Sha1, &file.sha1)?;
        }
        Ok(Some(record))
    }

    /// Itself, if it is the dump that is asked for; one without a date is any of its language.
    pub(super) fn for_choice(self, choice: &Choice, folder: &Path) -> Result<Self, Error> {
        let date = choice.date.as_ref().is_none_or(|date| *date == self.date);
        if date && self.language == choice.language && self.single_stream == choice.single_stream {
            return Ok(self);
        }
        let stream = if self.single_stream { " in a single stream" } else { "" };
        let found = format!("the dump of {} of {}{stream}", self.wiki, self.date);
        Err(Error::Occupied { path: folder.to_path_buf(), found })
    }

    pub(super) fn write(&self, folder: &Path) -> Result<(), Error> {
        let path = folder.join(FILE_NAME);
        let bytes = serde_json::to_vec_pretty(self)
            .map_err(|cause| Error::BadRecord { path: path.clone(), reason: cause.to_string() })?;
        atomic::write_file(&path, &bytes).map_err(Error::Write)
    }
}
