//! Parts of one file that several readers share: the entries of an archive. Each reader knows its place.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A file that can be read anywhere.
pub(super) trait Source: Read + Seek + Send {}

impl<R: Read + Seek + Send> Source for R {}

/// What several readers share.
pub(super) type Shared<T> = Arc<Mutex<T>>;

/// Takes hold of it; a thread that panicked meanwhile has left nothing half done.
pub(super) fn held<T: ?Sized>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The bytes of a file from a place on.
pub(super) struct Section {
    pub(super) source: Shared<Box<dyn Source>>,
    pub(super) at: u64,
    pub(super) left: u64,
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut source = held(&self.source);
        source.seek(SeekFrom::Start(self.at))?;
        let read = source.as_mut().take(self.left).read(buffer)?;
        self.at += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}
