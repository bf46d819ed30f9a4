//! What belongs to a snapshot: written when it was fetched whole.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Error;
use super::repository::write_whole;
use crate::id::is_commit;
use crate::index::FileEntry;
use crate::names;

/// The version of the record's format.
const FORMAT: u32 = 1;
/// Longer files are no record.
const LONGEST: u64 = 64 << 20;

/// The files of one snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    format: u32,
    /// The id under which it was fetched.
    pub id: String,
    /// Where it is from: a hub, or a URL without its query.
    pub from: String,
    /// The commit.
    pub commit: String,
    /// Its files.
    pub files: Vec<FileState>,
}

/// A file of a snapshot as it was fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileState {
    /// Its name in the snapshot.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// The name of its blob: its SHA-256, or git's hash of it.
    pub blob: String,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

impl Record {
    /// A record of a commit's files.
    pub(crate) fn new(id: &str, from: &str, commit: &str, files: Vec<FileState>) -> Self {
        let (id, from, commit) = (id.to_owned(), from.to_owned(), commit.to_owned());
        Record { format: FORMAT, id, from, commit, files }
    }

    /// Whether it has all that an index states of a model's files.
    pub(crate) fn has(&self, known: &[FileEntry]) -> bool {
        let is_it = |file: &FileState, known: &FileEntry| {
            file.name == known.name.as_str()
                && known.bytes.is_none_or(|bytes| bytes == file.bytes)
                && known.sha256.as_ref().is_none_or(|hash| hash.as_str() == file.sha256)
        };
        known.iter().all(|known| self.files.iter().any(|file| is_it(file, known)))
    }

    /// Bytes of all files together.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).fold(0, u64::saturating_add)
    }

    pub(super) fn read(path: &Path) -> Result<Option<Self>, Error> {
        let damaged = |reason: String| Error::Damaged { path: path.to_path_buf(), reason };
        match fs::metadata(path) {
            Ok(found) if found.len() > LONGEST => return Err(damaged("is too large for a record".to_owned())),
            Ok(_) => {}
            Err(cause) if matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            Err(cause) => return Err(Error::Read { path: path.to_path_buf(), cause }),
        }
        let bytes = fs::read(path).map_err(Error::read(path))?;
        let record: Record = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        record.check().map_err(damaged)?;
        Ok(Some(record))
    }

    /// A record lies in a folder that others write to as well.
    fn check(&self) -> Result<(), String> {
        if self.format != FORMAT {
            return Err(format!("has format {}, this glossa knows {FORMAT}", self.format));
        }
        if !is_commit(&self.commit) {
            return Err("names no commit".to_owned());
        }
        for file in &self.files {
            names::file(&file.name)
                .map_err(|reason| format!("the file `{}` {reason}", crate::dtype::shown(&file.name)))?;
            if !is_blob(&file.blob) {
                return Err(format!("the file `{}` has no hash for a blob", file.name));
            }
        }
        Ok(())
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), Error> {
        let damaged = |error: serde_json::Error| Error::Damaged { path: path.to_path_buf(), reason: error.to_string() };
        write_whole(path, &serde_json::to_vec_pretty(self).map_err(damaged)?)
    }
}

/// Whether a text is a hash as blobs are named by: SHA-256 or SHA-1.
pub(crate) fn is_blob(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
