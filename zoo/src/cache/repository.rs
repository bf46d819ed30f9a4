//! The folder of one model in the cache.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use glossa_base::atomic::TEMPORARY;

use super::record::{FileState, Record};
use super::{Error, links};
use crate::id::is_commit;
use crate::names;

/// The longest text of a ref; a commit has 40 digits.
const LONGEST_REF: u64 = 256;

/// One model of a cache. Owner and name are those of an id that was checked.
#[derive(Debug, Clone)]
pub struct Repository {
    root: PathBuf,
    /// `models--OWNER--NAME`
    folder_name: String,
    id: String,
}

impl Repository {
    pub(super) fn new(root: &Path, owner: &str, name: &str) -> Self {
        let folder_name = format!("models--{owner}--{name}");
        Repository { root: root.to_path_buf(), folder_name, id: format!("{owner}/{name}") }
    }

    /// `OWNER/NAME`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The folder of the model.
    pub fn folder(&self) -> PathBuf {
        self.root.join(&self.folder_name)
    }

    /// Where a commit's files are, or would be.
    pub fn snapshot(&self, commit: &str) -> PathBuf {
        self.folder().join("snapshots").join(commit)
    }

    pub(crate) fn blobs(&self) -> PathBuf {
        self.folder().join("blobs")
    }

    /// Our own notes, and files on their way that have no hash yet.
    pub(crate) fn notes(&self) -> PathBuf {
        self.folder().join(".glossa")
    }

    pub(crate) fn refs(&self) -> PathBuf {
        self.folder().join("refs")
    }

    pub(crate) fn lock_file(&self, name: &str) -> PathBuf {
        self.root.join(".locks").join(&self.folder_name).join(format!("{name}.lock"))
    }

    /// The commit of a revision, as far as the cache knows: a commit is itself.
    ///
    /// # Errors
    /// A ref that cannot be read or holds no commit.
    pub fn resolve(&self, revision: &str) -> Result<Option<String>, Error> {
        if is_commit(revision) {
            return Ok(Some(revision.to_owned()));
        }
        let path = self.refs().join(revision);
        let length = match fs::metadata(&path) {
            Ok(found) if found.is_file() => found.len(),
            Ok(_) => return Ok(None),
            Err(cause) if matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            Err(cause) => return Err(Error::Read { path, cause }),
        };
        let text =
            if length > LONGEST_REF { String::new() } else { fs::read_to_string(&path).map_err(Error::read(&path))? };
        let commit = text.trim();
        if is_commit(commit) {
            return Ok(Some(commit.to_owned()));
        }
        Err(Error::Damaged { path, reason: "is no commit of 40 digits".to_owned() })
    }

    /// Notes the commit of a branch or tag.
    pub(crate) fn set_ref(&self, revision: &str, commit: &str) -> Result<(), Error> {
        let (path, notes) = (self.refs().join(revision), self.notes());
        let folder = path.parent().unwrap_or(&path);
        fs::create_dir_all(folder).and_then(|()| fs::create_dir_all(&notes)).map_err(Error::write(folder))?;
        // Made elsewhere: whatever lies among the refs is one to other tools.
        let made = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(&notes).map_err(Error::write(&notes))?;
        let written = fs::write(made.path(), commit).and_then(|()| made.as_file().sync_all());
        written.map_err(Error::write(&path))?;
        made.persist(&path).map(drop).map_err(|error| Error::Write { path, cause: error.error })
    }

    /// What belongs to a snapshot, if we fetched it.
    ///
    /// # Errors
    /// A record that is damaged.
    pub fn record(&self, commit: &str) -> Result<Option<Record>, Error> {
        Record::read(&self.notes().join(format!("{commit}.json")))
    }

    pub(crate) fn set_record(&self, record: &Record) -> Result<(), Error> {
        record.write(&self.notes().join(format!("{}.json", record.commit)))
    }

    /// Whether every file of a snapshot is there with its size. Hashes are not computed. `None` where nobody knows
    /// what belongs to it, because another tool fetched it.
    ///
    /// # Errors
    /// A record that is damaged.
    pub fn is_complete(&self, commit: &str) -> Result<Option<bool>, Error> {
        let Some(record) = self.record(commit)? else { return Ok(None) };
        let folder = self.snapshot(commit);
        let there = |file: &FileState| {
            fs::metadata(folder.join(&file.name)).is_ok_and(|found| found.is_file() && found.len() == file.bytes)
        };
        Ok(Some(!record.files.is_empty() && record.files.iter().all(there)))
    }

    /// Puts a blob into a snapshot under a file's name.
    pub(crate) fn link(&self, commit: &str, name: &str, blob: &str) -> Result<(), Error> {
        debug_assert!(names::file(name).is_ok(), "names are checked where they come from");
        links::link(
            &self.blobs().join(blob),
            &self.snapshot(commit).join(name),
            name.matches('/').count(),
            &self.notes(),
        )
    }
}

/// Writes a small file, whole or not at all.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    glossa_base::atomic::write_file(path, bytes).map_err(|failure| {
        let chain = failure.chain();
        let cause = failure.source.and_then(|cause| cause.downcast::<std::io::Error>().ok());
        Error::Write {
            path: path.to_path_buf(),
            cause: cause.map_or_else(|| std::io::Error::other(chain), |cause| *cause),
        }
    })
}
