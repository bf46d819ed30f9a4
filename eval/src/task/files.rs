//! A checker for what a user downloaded: which official files are there, whole, and the ones that are known.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use glossa_base::{Failure, Outcome, hash};
use serde::Serialize;

use super::read::{FILE_LIMIT, LINE_LIMIT};
use super::{Chosen, Sizes, Split};

/// What the checker found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DataReport {
    /// The task with its choices.
    pub task: String,
    /// Its splits.
    pub files: Vec<FileReport>,
    /// Are all splits there and whole?
    pub complete: bool,
    /// How to obtain what is missing, where something is.
    pub obtain: Option<String>,
}

/// One split.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FileReport {
    /// Name of the split.
    pub split: String,
    /// Its file.
    pub path: PathBuf,
    /// Its state.
    pub state: FileState,
    /// SHA-256 of the file, where it is one file and there.
    pub sha256: Option<String>,
    /// What is odd but does not matter: a byte order mark, Windows line ends.
    pub notes: Vec<String>,
}

/// The state of an official file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum FileState {
    /// It is the known file, by its checksum.
    Known {
        /// Number of items.
        items: u64,
    },
    /// It can be read and has the official number of items, where that is known; no checksum is known.
    Readable {
        /// Number of items.
        items: u64,
    },
    /// It can be read, but is not the file whose checksum is known.
    Changed {
        /// Number of items.
        items: u64,
    },
    /// It is not there.
    Missing,
    /// It cannot be read as what it should be.
    Wrong {
        /// Why, with file and line.
        reason: String,
    },
}

impl Chosen {
    /// Looks at every split in the folder that holds the task's official files.
    pub fn check_data(&self, folder: &Path) -> DataReport {
        let files: Vec<FileReport> = self.task.split.iter().map(|split| self.check_split(folder, split)).collect();
        let whole = |file: &FileReport| matches!(file.state, FileState::Known { .. } | FileState::Readable { .. });
        let complete = files.iter().all(whole);
        let obtain = (!complete).then(|| self.task.obtain.trim().to_owned());
        DataReport { task: self.name(), files, complete, obtain }
    }

    fn check_split(&self, folder: &Path, split: &Split) -> FileReport {
        let path = self.file(folder, split);
        let report =
            |state, sha256, notes| FileReport { split: split.name.clone(), path: path.clone(), state, sha256, notes };
        if !path.exists() {
            return report(FileState::Missing, None, Vec::new());
        }
        let sha256 = if path.is_file() { hash::sha256_file(&path).ok() } else { None };
        let notes = if path.is_file() { notes(&path).unwrap_or_default() } else { Vec::new() };
        let items = match self.read(folder, &split.name, Sizes::Official) {
            Ok(examples) => examples.len() as u64,
            Err(failure) => return report(FileState::Wrong { reason: failure.chain() }, sha256, notes),
        };
        let state = match (self.task.checksum.get(&self.filled(&split.file)), &sha256) {
            (None, _) | (_, None) => FileState::Readable { items },
            (Some(known), Some(found)) if known == found => FileState::Known { items },
            _ => FileState::Changed { items },
        };
        report(state, sha256, notes)
    }
}

/// What is odd about a file's bytes.
fn notes(path: &Path) -> Outcome<Vec<String>> {
    let failed = |cause| Failure::io("read", path, cause);
    let mut reader = BufReader::new(File::open(path).map_err(failed)?.take(FILE_LIMIT));
    let mut notes = Vec::new();
    let mut bytes = Vec::new();
    for number in 1u64.. {
        bytes.clear();
        if reader.by_ref().take(LINE_LIMIT).read_until(b'\n', &mut bytes).map_err(failed)? == 0 {
            break;
        }
        if number == 1 && bytes.starts_with(b"\xef\xbb\xbf") {
            notes.push("line 1 begins with a byte order mark".to_owned());
        }
        if bytes.ends_with(b"\r\n") {
            notes.push(format!("line {number} ends as on Windows (CR LF)"));
            break;
        }
    }
    Ok(notes)
}

impl DataReport {
    /// The report as text, with how to obtain what is missing.
    pub fn to_text(&self) -> String {
        let mut rows = vec![["split", "items", "state", "file"].map(str::to_owned).to_vec()];
        let mut more = String::new();
        for file in &self.files {
            let (items, state) = match &file.state {
                FileState::Known { items } => (items.to_string(), "the official file"),
                FileState::Readable { items } => (items.to_string(), "readable, no checksum known"),
                FileState::Changed { items } => (items.to_string(), "readable, but not the official file"),
                FileState::Missing => (String::new(), "missing"),
                FileState::Wrong { reason } => {
                    more.push_str(&format!("{}: {reason}\n", file.split));
                    (String::new(), "wrong")
                }
            };
            file.notes.iter().for_each(|note| more.push_str(&format!("{}: {note}\n", file.split)));
            rows.push(vec![file.split.clone(), items, state.to_owned(), file.path.display().to_string()]);
        }
        let obtain = self.obtain.as_ref().map(|how| format!("\nhow to obtain it:\n{how}\n")).unwrap_or_default();
        format!("{}{more}{obtain}", crate::report::table(&rows))
    }
}
