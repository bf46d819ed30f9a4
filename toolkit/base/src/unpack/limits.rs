//! How much may come out of a packed file, and the counting of it.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Error;

/// What an archive may hold at most. A manifest that states sizes sets them lower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Entries, folders included.
    pub entries: u64,
    /// Bytes of one entry.
    pub entry_bytes: u64,
    /// Bytes of all entries together.
    pub total_bytes: u64,
    /// Unpacked bytes for each packed one, once 64 MiB have come out. Text packs to a tenth or a fiftieth;
    /// a bomb to a thousandth and less.
    pub ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { entries: 200_000, entry_bytes: 1 << 38, total_bytes: 1 << 40, ratio: 200 }
    }
}

/// Below so many bytes nothing is a bomb: a short text may well be one word a thousand times over.
const HARMLESS: u64 = 64 << 20;

/// The bytes that went into a file's packing and those that came out of it.
#[derive(Clone)]
pub(super) struct Meter {
    packed: Arc<AtomicU64>,
    unpacked: Arc<AtomicU64>,
    ratio: u64,
}

impl Meter {
    pub(super) fn new(ratio: u64) -> Self {
        Meter { packed: Arc::default(), unpacked: Arc::default(), ratio }
    }

    /// Counts the same packed bytes, and unpacked ones of another layer.
    pub(super) fn another_layer(&self) -> Self {
        Meter { packed: Arc::clone(&self.packed), unpacked: Arc::default(), ratio: self.ratio }
    }

    /// A reader of packed bytes that counts them.
    pub(super) fn counted<R>(&self, input: R) -> Counted<R> {
        Counted { input, packed: Arc::clone(&self.packed) }
    }

    /// Counts what came out; too much of it is an error that names the place.
    pub(super) fn unpacked(&self, count: usize, place: &str) -> Result<(), Error> {
        let unpacked = self.unpacked.fetch_add(count as u64, Ordering::Relaxed).saturating_add(count as u64);
        let packed = self.packed.load(Ordering::Relaxed);
        if unpacked > HARMLESS && unpacked > packed.saturating_mul(self.ratio) {
            return Err(Error::Bomb { place: place.to_owned(), ratio: self.ratio });
        }
        Ok(())
    }
}

/// Counts what is read.
pub(super) struct Counted<R> {
    input: R,
    packed: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.packed.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl<R: Seek> Seek for Counted<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.input.seek(to)
    }
}
