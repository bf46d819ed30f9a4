//! Archives, from the web or this machine: fetched, checked, unpacked into blobs. The archive itself is not kept.

use std::fs;
use std::path::Path;

use glossa_base::atomic::{TEMPORARY, WholeFolder};
use glossa_base::download::Watch;
use glossa_base::hash::sha256_file;
use glossa_base::manifest::FileRecord;
use glossa_base::unpack::{Limits, extract};
use tempfile::TempDir;

use super::error::of_write;
use super::fetch::{Fetched, Fetching, Planned, Trust};
use super::folder::without_query;
use super::{Error, Pulled, Zoo};
use crate::cache::{self, FileState, Pin, Record, Repository};
use crate::id::ModelId;
use crate::index::FileEntry;
use crate::names;

/// What a model's archive may hold where nobody states its sizes.
const LIMITS: Limits = Limits { entries: 10_000, entry_bytes: 64 << 30, total_bytes: 64 << 30, ratio: 200 };

/// What is known of an archive.
#[derive(Debug, Default)]
pub(super) struct Known<'a> {
    pub(super) bytes: Option<u64>,
    pub(super) sha256: Option<String>,
    /// All files in it, or none where they are not known.
    pub(super) files: &'a [FileEntry],
}

impl Known<'_> {
    /// Limits by the sizes that are stated.
    fn limits(&self) -> Limits {
        let sizes: Option<Vec<u64>> = self.files.iter().map(|file| file.bytes).collect();
        match sizes {
            Some(sizes) if !sizes.is_empty() => Limits {
                // Folders count as entries.
                entries: 4 * sizes.len() as u64 + 16,
                entry_bytes: sizes.iter().copied().max().unwrap_or(0),
                total_bytes: sizes.iter().copied().fold(0, u64::saturating_add),
                ..LIMITS
            },
            _ => LIMITS,
        }
    }

    /// An error of a full disk, with the bytes that all files have where that is known.
    fn needing(&self, error: Error) -> Error {
        let sizes: Option<Vec<u64>> = self.files.iter().map(|file| file.bytes).collect();
        match sizes.filter(|sizes| !sizes.is_empty()) {
            Some(sizes) => error.needing(sizes.into_iter().fold(0, u64::saturating_add)),
            None => error,
        }
    }

    /// Every file that is known must be there as it is known, and no other.
    fn check(&self, id: &str, files: &[FileState]) -> Result<(), Error> {
        let wrong = |file: &str, reason: String| Error::Wrong { id: id.to_owned(), file: file.to_owned(), reason };
        for known in self.files {
            let name = known.name.as_str();
            let Some(found) = files.iter().find(|file| file.name == name) else {
                return Err(wrong(name, "is in the index and not in the archive".to_owned()));
            };
            if let Some(bytes) = known.bytes.filter(|bytes| *bytes != found.bytes) {
                return Err(wrong(name, format!("has {} bytes, {bytes} are expected", found.bytes)));
            }
            if let Some(expected) = known.sha256.as_ref().filter(|hash| hash.as_str() != found.sha256) {
                let (id, file, expected) = (id.to_owned(), name.to_owned(), expected.as_str().to_owned());
                return Err(Error::Mismatch { id, file, expected, found: found.sha256.clone(), by: "the index" });
            }
        }
        let is_known = |file: &&FileState| self.files.iter().any(|known| known.name.as_str() == file.name);
        match files.iter().find(|file| !self.files.is_empty() && !is_known(file)) {
            Some(other) => Err(wrong(&other.name, "is in the archive and not in the index".to_owned())),
            None => Ok(()),
        }
    }
}

impl Zoo {
    /// An archive on the web.
    pub(super) fn pull_archive(
        &self,
        id: &str,
        repository: &Repository,
        url: &str,
        known: &Known<'_>,
        watch: Watch<'_>,
    ) -> Result<Pulled, Error> {
        let from = without_query(url);
        let fetching = Fetching { zoo: self, id, repository, watch, trust: Trust::First, from: from.clone() };
        let is_right = |record: &Record| {
            record.has(known.files) && known.sha256.as_ref().is_none_or(|hash| hash.starts_with(&record.commit))
        };
        self.once(&fetching, &is_right, || {
            let name = ModelId::Url(url.to_owned()).to_string();
            let name = name.rsplit('/').next().unwrap_or_default().to_owned();
            let pin = from;
            let planned = Planned {
                name,
                url: url.to_owned(),
                blob: None,
                bytes: known.bytes,
                sha256: known.sha256.clone(),
                pin: pin.clone(),
                token: None,
            };
            fetching.check_room(std::slice::from_ref(&planned))?;
            let pinned = self.cache.pins().all()?;
            let room = private(repository)?;
            let place = room.path().join(safe(&planned.name));
            let right = planned.known(&pinned);
            let (fetched, archive) = fetching.aside(&planned, right.as_ref(), |_| place.clone())?;
            let unpacked = unpack(&fetching, &archive, known).map_err(|error| known.needing(error))?;
            let is_new = known.sha256.is_none() && !pinned.contains_key(&pin);
            let pin = (pin, Pin { hash: fetched.sha256.clone(), bytes: Some(fetched.bytes) });
            let pins = if is_new { vec![pin] } else { Vec::new() };
            let transferred = fetched.transferred;
            let commit: String = fetched.sha256.chars().take(40).collect();
            fetching.finish(&commit, Fetched { files: unpacked, transferred, pins })
        })
    }

    /// An archive on this machine; it is found again by its content.
    pub(super) fn unpack_local(&self, path: &Path, watch: Watch<'_>) -> Result<Pulled, Error> {
        let (id, repository) = (path.display().to_string(), self.of_url(&path.to_string_lossy()));
        self.unpack_known(&id, &repository, path, &Known::default(), watch)
    }

    /// An archive on this machine of which something may be known.
    pub(super) fn unpack_known(
        &self,
        id: &str,
        repository: &Repository,
        path: &Path,
        known: &Known<'_>,
        watch: Watch<'_>,
    ) -> Result<Pulled, Error> {
        let found = sha256_file(path).map_err(Error::Archive)?;
        if let Some(expected) = known.sha256.clone().filter(|expected| *expected != found) {
            let (id, file) = (id.to_owned(), path.display().to_string());
            return Err(Error::Mismatch { id, file, expected, found, by: "the index" });
        }
        let commit: String = found.chars().take(40).collect();
        if let Some(pulled) = self.there(id, repository, &commit, false, &|record| record.has(known.files))? {
            return Ok(pulled);
        }
        let from = path.display().to_string();
        let fetching = Fetching { zoo: self, id, repository, watch, trust: Trust::First, from };
        let _lock = fetching.lock("glossa-whole", repository.folder());
        let files = unpack(&fetching, path, known).map_err(|error| known.needing(error))?;
        let pulled = fetching.finish(&commit, Fetched { files, transferred: 0, pins: Vec::new() })?;
        repository.set_ref(super::MAIN, &commit)?;
        Ok(pulled)
    }
}

/// A folder that no other process knows; it goes when it is dropped.
fn private(repository: &Repository) -> Result<TempDir, Error> {
    let notes = repository.notes();
    let made = fs::create_dir_all(&notes);
    let made = made.and_then(|()| tempfile::Builder::new().prefix(TEMPORARY).tempdir_in(&notes));
    made.map_err(|cause| of_write(notes, cause))
}

/// The name of an archive, which tells how it is packed where its first bytes do not.
fn safe(name: &str) -> &str {
    if names::part(name).is_ok() { name } else { "archive.tar" }
}

/// Unpacks beside the blobs, then makes blobs of the files.
fn unpack(fetching: &Fetching<'_>, archive: &Path, known: &Known<'_>) -> Result<Vec<FileState>, Error> {
    let (repository, id) = (fetching.repository, fetching.id);
    let name = archive.file_name().unwrap_or_default().to_string_lossy();
    fetching.watch.progress.start(&format!("unpacking {name}"), None, "files");
    let room = WholeFolder::create(&repository.notes().join("unpacked")).map_err(failed)?;
    let records = extract(archive, &room, &known.limits()).map_err(failed)?;
    let top = top_folder(&records);
    let mut files = Vec::new();
    for record in &records {
        let name = record.path.get(top.len()..).unwrap_or(&record.path).to_owned();
        names::file(&name).map_err(|reason| Error::Hostile {
            id: id.to_owned(),
            name: crate::dtype::shown(&name),
            reason,
        })?;
        files.push(FileState { name, bytes: record.bytes, blob: record.sha256.clone(), sha256: record.sha256.clone() });
    }
    known.check(id, &files)?;
    if files.is_empty() {
        return Err(Error::NoFiles { id: id.to_owned() });
    }
    let blobs = repository.blobs();
    fs::create_dir_all(&blobs).map_err(|cause| of_write(blobs.clone(), cause))?;
    for record in &records {
        let place = blobs.join(&record.sha256);
        fs::rename(room.path().join(&record.path), &place).map_err(|cause| of_write(place, cause))?;
    }
    Ok(files)
}

/// What a failure to unpack means: the disk is full, or the archive is refused.
fn failed(mut failure: glossa_base::Failure) -> Error {
    let path = failure.message.trim_start_matches("cannot write ").to_owned();
    match failure.source.take().map(|cause| cause.downcast::<std::io::Error>()) {
        Some(Ok(cause)) => match of_write(path.into(), *cause) {
            Error::Cache(cache::Error::Write { cause, .. }) => Error::Archive(failure.because(cause)),
            other => other,
        },
        Some(Err(cause)) => Error::Archive(failure.because(cause)),
        None => Error::Archive(failure),
    }
}

/// The folder that holds all entries, with its slash: it is left out of their names. Empty where there is none.
fn top_folder(records: &[FileRecord]) -> String {
    let Some((first, _)) = records.first().and_then(|record| record.path.split_once('/')) else { return String::new() };
    let prefix = format!("{first}/");
    if records.iter().all(|record| record.path.starts_with(&prefix)) { prefix } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_folder_around_everything_is_left_out() {
        let records = |names: &[&str]| -> Vec<FileRecord> {
            names.iter().map(|name| FileRecord { path: (*name).to_owned(), bytes: 0, sha256: String::new() }).collect()
        };
        for (names, expected) in
            [(&["a/b", "a/c/d"][..], "a/"), (&["a/b", "c"], ""), (&["a"], ""), (&[], ""), (&["a/b", "ab/c"], "")]
        {
            assert_eq!(top_folder(&records(names)), expected, "{names:?}");
        }
    }
}
