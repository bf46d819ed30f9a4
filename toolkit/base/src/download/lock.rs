//! One process fetches, the others wait for it: saves bandwidth. Nothing rests on it: where a file
//! system's locks do nothing, each process fetches for itself and all end with the right file.

use std::fs::{self, File, TryLockError};
use std::path::PathBuf;
use std::time::Duration;

use super::Error;
use super::part::Names;
use super::retry::{Clock, LONGEST_WAIT, wait};
use crate::Interrupt;

/// Between two tries.
const SLICE: Duration = Duration::from_millis(50);

/// The lock of a target, held until dropped; the system takes it from a process that dies.
pub(super) struct Lock {
    held: Option<(File, PathBuf)>,
}

impl Lock {
    /// Waits for the lock; goes on without it where there is none to be had, and where its owner brings
    /// no byte for longer than any wait of ours.
    pub(super) fn take(names: &Names, clock: &dyn Clock, interrupt: &Interrupt) -> Result<Self, Error> {
        let path = names.lock();
        let Ok(file) = File::create(&path) else { return Ok(Lock::none()) };
        let (mut idle, mut seen) = (Duration::ZERO, Vec::new());
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Lock { held: Some((file, path)) }),
                Err(TryLockError::Error(_)) => return Ok(Lock::none()),
                Err(TryLockError::WouldBlock) => {}
            }
            wait(clock, interrupt, &path.to_string_lossy(), SLICE)?;
            let parts = names.live();
            idle = if parts == seen { idle + SLICE } else { Duration::ZERO };
            seen = parts;
            if idle > 2 * LONGEST_WAIT {
                return Ok(Lock::none());
            }
        }
    }

    /// No lock.
    pub(super) fn none() -> Self {
        Lock { held: None }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some((_file, path)) = &self.held {
            // Whoever opened it meanwhile gets a lock of its own, and finds the file fetched.
            let _ = fs::remove_file(path);
        }
    }
}
