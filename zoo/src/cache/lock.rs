//! Who fetches something holds its lock, Python's tools too: it saves bandwidth, and nothing else rests on it.

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use glossa_base::Interrupt;

/// Between two tries.
const SLICE: Duration = Duration::from_millis(50);
/// Where no byte has come for so long, the owner is not waited for.
const IDLE: Duration = Duration::from_secs(600);

/// A lock that is held until it is dropped; the system takes it from a process that dies.
pub(crate) struct Lock {
    _held: Option<File>,
}

impl Lock {
    /// Takes the lock of a path; waits while its owner brings bytes into a folder. Goes on without it where there
    /// is none to be had, or to stop was asked for.
    pub(crate) fn take(path: &Path, watched: &Path, interrupt: &Interrupt) -> Self {
        let none = Lock { _held: None };
        if path.parent().is_none_or(|folder| fs::create_dir_all(folder).is_err()) {
            return none;
        }
        // The file stays: to remove it would let two hold the lock of one name.
        let Ok(file) = File::options().write(true).create(true).truncate(false).open(path) else { return none };
        let (mut since, mut seen) = (Instant::now(), 0);
        loop {
            match file.try_lock() {
                Ok(()) => return Lock { _held: Some(file) },
                Err(TryLockError::Error(_)) => return none,
                Err(TryLockError::WouldBlock) => {}
            }
            let bytes = size_of(watched, 3);
            if bytes != seen {
                (since, seen) = (Instant::now(), bytes);
            }
            if interrupt.requested() || since.elapsed() > IDLE {
                return none;
            }
            std::thread::sleep(SLICE);
        }
    }

    /// No lock.
    pub(crate) fn none() -> Self {
        Lock { _held: None }
    }
}

/// Bytes below a folder, parts of files included; links are not followed.
fn size_of(folder: &Path, depth: usize) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() && depth > 0 => size_of(&entry.path(), depth - 1),
            Ok(found) => found.len(),
            Err(_) => 0,
        })
        .fold(0, u64::saturating_add)
}
