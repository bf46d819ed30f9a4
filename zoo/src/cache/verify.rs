//! Whether what is in the cache is what was fetched: each file is read and hashed again.

use std::fs;
use std::path::PathBuf;

use glossa_base::download::{Algorithm, Checksum, Watch};
use serde::Serialize;

use super::list::files_below;
use super::record::is_blob;
use super::{Error, Repository};

/// What was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifiedModel {
    /// The id.
    pub id: String,
    /// The commit.
    pub commit: String,
    /// How many files were read.
    pub files: usize,
    /// Their size.
    pub bytes: u64,
    /// Files that are not what they should be.
    pub damaged: Vec<Damage>,
    /// Files without a hash to compare with: copies of other tools.
    pub unknown: Vec<String>,
}

/// A file that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// Where it is.
    pub path: PathBuf,
    /// The hash that it should have.
    pub expected: String,
    /// The hash that it has, or why it has none.
    pub found: String,
    /// The size that it should have, where that is known.
    pub expected_bytes: Option<u64>,
    /// The size that it has.
    pub found_bytes: u64,
}

impl Repository {
    /// Reads and hashes every file of a snapshot. What is damaged is told, not removed:
    /// [`Repository::drop_damaged`] does that, and the next pull fetches it again.
    ///
    /// # Errors
    /// A snapshot that cannot be read at all; being stopped.
    pub fn verify(&self, commit: &str, watch: Watch<'_>) -> Result<VerifiedModel, Error> {
        let record = self.record(commit)?;
        let folder = self.snapshot(commit);
        let mut verified = VerifiedModel {
            id: self.shown(),
            commit: commit.to_owned(),
            files: 0,
            bytes: 0,
            damaged: Vec::new(),
            unknown: Vec::new(),
        };
        let mut names = files_below(&folder, 8)?;
        let recorded = record.iter().flat_map(|record| &record.files);
        names.extend(recorded.map(|file| file.name.clone()));
        names.sort();
        names.dedup();
        watch.progress.start(&format!("checking {}", self.shown()), Some(names.len() as u64), "files");
        for name in names {
            if watch.interrupt.requested() {
                let cause = std::io::Error::other("stopped by a signal");
                return Err(Error::Read { path: folder, cause });
            }
            let known = record.as_ref().and_then(|record| record.files.iter().find(|file| file.name == name));
            let path = folder.join(&name);
            let expected = match known {
                Some(file) => Some((file.sha256.clone(), Some(file.bytes))),
                None => self.blob_of(&path).map(|blob| (blob, None)),
            };
            match expected {
                Some((hash, bytes)) => verified.check(path, hash, bytes),
                None => verified.unknown.push(name),
            }
            watch.progress.advance(1);
        }
        Ok(verified)
    }

    /// The hash by which the blob of a link is named.
    fn blob_of(&self, path: &std::path::Path) -> Option<String> {
        let target = fs::read_link(path).ok()?;
        target.file_name()?.to_str().filter(|name| is_blob(name)).map(str::to_owned)
    }

    /// Removes damaged files and the blobs that they are, so that the next pull fetches them again.
    ///
    /// # Errors
    /// A file that cannot be removed.
    pub fn drop_damaged(&self, damaged: &[Damage]) -> Result<(), Error> {
        for damage in damaged {
            let target = fs::read_link(&damage.path).ok();
            let blob = target.as_ref().and_then(|target| target.file_name()).map(|name| self.blobs().join(name));
            for path in blob.iter().chain([&damage.path]) {
                match fs::remove_file(path) {
                    Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
                        return Err(Error::Write { path: path.clone(), cause });
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

impl VerifiedModel {
    fn check(&mut self, path: PathBuf, expected: String, expected_bytes: Option<u64>) {
        let algorithm = if expected.len() == 64 { Algorithm::Sha256 } else { Algorithm::GitBlob };
        let found_bytes = fs::metadata(&path).map_or(0, |found| found.len());
        let found = match Checksum::new(algorithm, &expected).map(|checksum| checksum.of_file(&path)) {
            Ok(Ok(found)) => found,
            Ok(Err(cause)) => cause.to_string(),
            Err(error) => error.to_string(),
        };
        self.files += 1;
        self.bytes += found_bytes;
        if found != expected || expected_bytes.is_some_and(|bytes| bytes != found_bytes) {
            self.damaged.push(Damage { path, expected, found, expected_bytes, found_bytes });
        }
    }
}
