//! A folder of pages: `tweets-00000001.jsonl.gz` and so on, each a page as a line, `state.json`, and at the
//! end of a run `source.json` and `missing.txt`. One process works on it at a time.
#![deny(clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use glossa_base::atomic::{self, WholeFile};
use glossa_base::{Failure, hash};

use super::page::{Note, Page};
use super::record::{self, Record, RecordFile};
use super::request::Job;
use super::state::State;
use super::{Ended, Error};

const MISSING: &str = "missing.txt";
/// Hidden, and no name of a file on its way: those of a killed process are removed.
const LOCK: &str = ".fetch.lock";
const PREFIX: &str = "tweets-";
const SUFFIX: &str = ".jsonl.gz";
/// A page never unpacks to more.
const LIMIT: u64 = 64 << 20;

/// The name of a page's file, from 1.
fn page_name(number: u64) -> String {
    format!("{PREFIX}{number:08}{SUFFIX}")
}

/// Is it the name of a page's file?
pub(crate) fn is_page(name: &str) -> bool {
    let number = name.strip_prefix(PREFIX).and_then(|name| name.strip_suffix(SUFFIX));
    number.is_some_and(|number| number.len() >= 8 && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The folder that this process writes.
pub(super) struct Folder {
    path: PathBuf,
    lock: PathBuf,
    /// Held as long as this is; without one where the file system has none.
    _held: Option<File>,
}

impl Folder {
    /// Takes a folder, new or of the same subject.
    pub(super) fn open(path: &Path, job: &Job, now: SystemTime) -> Result<Self, Error> {
        // Before anything is written.
        let state = Folder::look(path, job)?;
        fs::create_dir_all(path).map_err(|cause| Error::Write(Failure::io("create the folder", path, cause)))?;
        let lock = path.join(LOCK);
        let file = File::create(&lock).map_err(|cause| Error::Write(Failure::io("write", &lock, cause)))?;
        let held = match file.try_lock() {
            Ok(()) => {
                atomic::remove_leftovers(path).map_err(Error::Write)?;
                Some(file)
            }
            Err(TryLockError::WouldBlock) => return Err(Error::Busy { path: path.to_path_buf() }),
            Err(TryLockError::Error(_)) => None,
        };
        let folder = Folder { path: path.to_path_buf(), lock, _held: held };
        if State::read(path)?.is_none() {
            Record::new(job, &state, now).write(path)?;
            folder.keep(&state)?;
        }
        Ok(folder)
    }

    /// How far a folder has come, pages that its state does not know yet included; nothing is written.
    pub(super) fn look(path: &Path, job: &Job) -> Result<State, Error> {
        let occupied = |found: String| Error::Occupied { path: path.to_path_buf(), found };
        let Some(mut state) = State::read(path)? else {
            let foreign = path.join(record::FILE_NAME).exists() && !record::holds_pages(path);
            if foreign || path.join(page_name(1)).exists() {
                return Err(occupied("something else, without a state.json of tweets,".to_owned()));
            }
            return Ok(State::new(job));
        };
        if state.subject != *job.subject() {
            return Err(occupied(state.subject.to_string()));
        }
        while path.join(page_name(state.pages + 1)).exists() {
            let (note, page) = read_page(path, state.pages + 1, job)?;
            if !state.expects(job, &note) {
                let reason = "it is not the page that state.json expects".to_owned();
                return Err(Error::BadFile { path: path.join(page_name(state.pages + 1)), reason });
            }
            state.advance(job, &note, &page);
        }
        Ok(state)
    }

    /// The same, and the state is brought up to it.
    pub(super) fn state(&self, job: &Job) -> Result<State, Error> {
        let state = Folder::look(&self.path, job)?;
        if State::read(&self.path)?.as_ref() != Some(&state) {
            self.keep(&state)?;
        }
        Ok(state)
    }

    pub(super) fn keep(&self, state: &State) -> Result<(), Error> {
        state.write(&self.path)
    }

    /// Writes a page, whole or not at all.
    pub(super) fn write_page(&self, number: u64, note: &Note, page: &Page) -> Result<(), Error> {
        let path = self.path.join(page_name(number));
        let bad = |reason: String| Error::BadFile { path: path.clone(), reason };
        let line = page.line(note).map_err(|cause| bad(cause.to_string()))?;
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        let packed = encoder.write_all(line.as_bytes()).and_then(|()| encoder.finish());
        atomic::write_file(&path, &packed.map_err(|cause| bad(cause.to_string()))?).map_err(Error::Write)
    }

    /// Says what the folder holds: the record with every file's hash, and the ids without a tweet.
    pub(super) fn finish(&self, state: &State, job: &Job, ended: Ended, now: SystemTime) -> Result<Record, Error> {
        let mut record = Record::new(job, state, now);
        record.complete = ended == Ended::Complete;
        record.files = (1..=state.pages).map(|number| self.file(number)).collect::<Result<_, _>>()?;
        if !job.is_search() {
            record.missing = self.list_missing(state, job)?;
        }
        record.write(&self.path)?;
        Ok(record)
    }

    fn file(&self, number: u64) -> Result<RecordFile, Error> {
        let name = page_name(number);
        let path = self.path.join(&name);
        let bytes = fs::metadata(&path).map_err(|cause| Error::Write(Failure::io("read", &path, cause)))?.len();
        Ok(RecordFile { name, bytes, sha256: hash::sha256_file(&path).map_err(Error::Write)? })
    }

    /// Writes the ids without a tweet, one a line with the reason and X's words; gives how many have which.
    fn list_missing(&self, state: &State, job: &Job) -> Result<BTreeMap<String, u64>, Error> {
        let path = self.path.join(MISSING);
        let mut file = WholeFile::create(&path).map_err(Error::Write)?;
        let mut counts = BTreeMap::new();
        for number in 1..=state.pages {
            let (note, page) = read_page(&self.path, number, job)?;
            for (id, reason, detail) in page.missing(&note.ids) {
                let written = writeln!(file, "{id}\t{reason}\t{detail}");
                written.map_err(|cause| Error::Write(Failure::io("write", &path, cause)))?;
                *counts.entry(reason.to_owned()).or_default() += 1;
            }
        }
        file.commit().map_err(Error::Write)?;
        Ok(counts)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.lock);
    }
}

/// A page from its file.
fn read_page(folder: &Path, number: u64, job: &Job) -> Result<(Note, Page), Error> {
    let path = folder.join(page_name(number));
    let bad = |reason: String| Error::BadFile { path: path.clone(), reason };
    let mut line = Vec::new();
    let file = File::open(&path).map_err(|cause| bad(cause.to_string()))?;
    GzDecoder::new(file).take(LIMIT + 1).read_to_end(&mut line).map_err(|cause| bad(cause.to_string()))?;
    if line.len() as u64 > LIMIT {
        return Err(bad(format!("more than {LIMIT} bytes")));
    }
    Page::of_line(&line, job.is_search()).map_err(bad)
}

#[cfg(test)]
mod tests {
    use super::super::state;
    use super::*;

    #[test]
    fn pages_have_names_of_their_own() {
        assert!(is_page(&page_name(1)) && is_page(&page_name(123_456_789)));
        for other in [MISSING, state::FILE_NAME, record::FILE_NAME, "tweets-1.jsonl.gz", "tweets-2020-0101.jsonl.gz"] {
            assert!(!is_page(other), "{other}");
        }
    }
}
