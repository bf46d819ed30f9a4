//! A file on its way: its bytes so far, where they came from, and who works on them. Everything stands
//! beside the target, under hidden names:
//!
//! - `.glossa-live-NAME-RANDOM/part/`: a process works on it; it holds `bytes` and `from.json`.
//! - `.glossa-left-NAME/`: such a part, left by a process that ended in order.
//!
//! A part changes hands by renaming its folder, so one process gets it. What was left in order is gone on
//! with as it is. The part of a process that was killed looks like the part of a living one: it is taken
//! where it does not grow, and copied, so that not even a living owner writes into the new file. All that
//! an owner who is robbed loses is its own work, once: it starts again where nobody takes anything.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::Error;
use super::block::Block;
use super::checksum::{Digests, Running};
use super::retry::{Clock, wait};
use crate::atomic::{TEMPORARY, parent, sync_folder};
use crate::{Interrupt, atomic};

/// A part that does not grow for so long has lost its process.
const PATIENCE: Duration = Duration::from_secs(5);
const BYTES: &str = "bytes";
const ORIGIN: &str = "from.json";

/// What the server said of the bytes; they are of use while it says the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    pub(super) url: String,
    pub(super) etag: Option<String>,
    pub(super) modified: Option<String>,
}

impl Origin {
    /// What to send as `If-Range`: a strong tag, or the date.
    pub(super) fn validator(&self) -> Option<String> {
        self.etag.clone().filter(|tag| tag.starts_with('"')).or_else(|| self.modified.clone())
    }
}

/// What came of putting a part into its place.
pub(super) enum Finished {
    /// It is the target.
    Done,
    /// Another process took it.
    Robbed,
}

/// The names of one target's parts.
pub(super) struct Names {
    target: PathBuf,
    name: String,
}

impl Names {
    pub(super) fn of(target: &Path) -> Self {
        let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Names { target: target.to_path_buf(), name }
    }

    fn folder(&self) -> &Path {
        parent(&self.target)
    }

    fn left(&self) -> PathBuf {
        self.folder().join(format!("{TEMPORARY}left-{}", self.name))
    }

    /// The lock of this target.
    pub(super) fn lock(&self) -> PathBuf {
        self.folder().join(format!("{TEMPORARY}lock-{}", self.name))
    }

    /// A fresh folder for a part; the parts of a `private` one are nobody else's business.
    fn fresh(&self, private: bool) -> Result<PathBuf, Error> {
        let folder = self.folder();
        let kind = if private { "mine" } else { "live" };
        let made = tempfile::Builder::new().prefix(&format!("{TEMPORARY}{kind}-{}-", self.name)).tempdir_in(folder);
        made.map(tempfile::TempDir::keep).map_err(|cause| Error::Write { path: folder.to_path_buf(), cause })
    }

    /// Parts that processes work on, or worked on when they were killed: folder, size, time of the last byte.
    pub(super) fn live(&self) -> Vec<(PathBuf, u64, Option<SystemTime>)> {
        let prefix = format!("{TEMPORARY}live-{}-", self.name);
        let entries = fs::read_dir(self.folder()).into_iter().flatten().filter_map(Result::ok);
        // The random ending has no hyphen: `a` does not take the parts of `a-b`.
        let ours = entries.filter(|entry| {
            let name = entry.file_name();
            name.to_str().and_then(|name| name.strip_prefix(&prefix)).is_some_and(|rest| !rest.contains(['-', '.']))
        });
        let mut found: Vec<_> = ours
            .map(|entry| {
                let metadata = fs::metadata(entry.path().join("part").join(BYTES));
                let (length, time) = metadata.map_or((0, None), |found| (found.len(), found.modified().ok()));
                (entry.path(), length, time)
            })
            .collect();
        found.sort();
        found
    }
}

/// The part that this process works on.
pub(super) struct Part {
    names: Names,
    /// The folder that holds `part`.
    room: PathBuf,
    file: File,
    length: u64,
    origin: Option<Origin>,
    /// Digests of all its bytes so far, where they came through this process from the first one on.
    running: Option<Running>,
    /// Whether bytes of more than one answer are in it.
    pub(super) continued: bool,
}

impl Part {
    /// Takes over what another process left, or starts with nothing.
    pub(super) fn begin(target: &Path, private: bool, clock: &dyn Clock, interrupt: &Interrupt) -> Result<Self, Error> {
        let names = Names::of(target);
        let orphan = if private { None } else { orphan(&names, clock, interrupt)? };
        let room = names.fresh(private)?;
        let part = room.join("part");
        if fs::rename(names.left(), &part).is_err() {
            fs::create_dir(&part).map_err(|cause| Error::Write { path: part.clone(), cause })?;
            orphan.iter().for_each(|orphan| adopt(orphan, &room));
        }
        Part::open(names, room).map_err(|(path, cause)| Error::Write { path, cause })
    }

    fn open(names: Names, room: PathBuf) -> Result<Self, (PathBuf, io::Error)> {
        let path = room.join("part").join(BYTES);
        let failed = |cause| (path.clone(), cause);
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = opened.map_err(failed)?;
        let length = file.seek(SeekFrom::End(0)).map_err(failed)?;
        let origin = fs::read(room.join("part").join(ORIGIN)).ok();
        let origin = origin.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Ok(Part { names, room, file, length, origin, running: None, continued: length > 0 })
    }

    /// Bytes so far.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// What the server said of them, if it was asked for this URL.
    pub(super) fn origin(&self, url: &str) -> Option<&Origin> {
        self.origin.as_ref().filter(|origin| origin.url == url)
    }

    /// Forgets the bytes; others will follow from that origin.
    pub(super) fn restart(&mut self, origin: Option<Origin>) -> Result<(), Error> {
        let emptied = self.file.set_len(0).and_then(|()| self.file.rewind());
        emptied.map_err(|cause| self.failed(cause))?;
        (self.length, self.continued) = (0, false);
        self.running = None;
        if origin != self.origin {
            let bytes = origin.as_ref().and_then(|origin| serde_json::to_vec(origin).ok());
            // Only the use of these bytes by a later run depends on it.
            let path = self.room.join("part").join(ORIGIN);
            let _ = bytes.map_or_else(|| fs::remove_file(&path), |bytes| fs::write(&path, bytes));
            self.origin = origin;
        }
        Ok(())
    }

    /// Adds bytes at the end.
    pub(super) fn append(&mut self, block: Block) -> Result<(), Error> {
        self.file.write_all(&block).map_err(|cause| self.failed(cause))?;
        self.length += block.len() as u64;
        if let Some(running) = &mut self.running {
            running.update(block);
        }
        Ok(())
    }

    /// Digests the bytes as they come, from now on: for a part that holds none.
    pub(super) fn digest(&mut self, running: Option<Running>) {
        self.running = running.filter(|_| self.length == 0);
    }

    /// The digests of all its bytes, where they are known without reading them.
    pub(super) fn digests(&mut self) -> Option<Digests> {
        self.running.take().and_then(Running::finish).filter(|digests| digests.bytes == self.length)
    }

    /// The bytes, to be read from the beginning.
    pub(super) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    fn failed(&self, cause: io::Error) -> Error {
        Error::Write { path: self.names.target.clone(), cause }
    }

    /// Puts the file into its place.
    pub(super) fn finish(self) -> Result<Finished, Error> {
        self.file.sync_all().map_err(|cause| self.failed(cause))?;
        let renamed = fs::rename(self.room.join("part").join(BYTES), &self.names.target);
        let robbed = renamed.is_err() && !self.room.exists();
        if let (Err(cause), false) = (renamed, robbed) {
            let error = self.failed(cause);
            self.leave();
            return Err(error);
        }
        sync_folder(self.names.folder());
        self.discard();
        Ok(if robbed { Finished::Robbed } else { Finished::Done })
    }

    /// Keeps the bytes for a later run; of two such parts the longer stays.
    pub(super) fn leave(self) {
        let left = self.names.left();
        if self.length == 0 || self.file.sync_all().is_err() {
            return self.discard();
        }
        let other = fs::metadata(left.join(BYTES)).map_or(0, |metadata| metadata.len());
        if other < self.length {
            let _ = fs::remove_dir_all(&left);
            let _ = fs::rename(self.room.join("part"), &left);
        }
        self.discard();
    }

    /// Removes what is left of it; a folder that stays for some reason harms nobody.
    pub(super) fn discard(self) {
        let _ = fs::remove_dir_all(&self.room);
    }
}

/// The longest part that has lost its process. Looks twice where there is one that is live.
fn orphan(names: &Names, clock: &dyn Clock, interrupt: &Interrupt) -> Result<Option<PathBuf>, Error> {
    let before = names.live();
    if names.left().exists() || before.is_empty() {
        return Ok(None);
    }
    wait(clock, interrupt, &names.name, PATIENCE)?;
    let after = names.live();
    let still = after.into_iter().filter(|part| before.contains(part));
    Ok(still.max_by_key(|(_, length, _)| *length).map(|(path, _, _)| path))
}

/// Takes an orphan and copies what it holds. Where that fails, it begins with nothing.
fn adopt(orphan: &Path, room: &Path) {
    let taken = room.join("orphan");
    if fs::rename(orphan, &taken).is_err() {
        return;
    }
    for name in [ORIGIN, BYTES] {
        if fs::copy(taken.join("part").join(name), room.join("part").join(name)).is_err() {
            break;
        }
    }
    let _ = atomic::remove_folder(&taken);
}
