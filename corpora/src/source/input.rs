//! Bytes of a file or of an archive's entry: counted for the progress, unpacked, cut into lines with a limit.
#![deny(clippy::indexing_slicing)]

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use glossa_base::unpack::{self, Unpacked, unpacked};

use super::LIMIT;
use crate::Error;

/// The bytes of an opened file, unpacked.
pub(crate) type Input = Unpacked;

/// Opens a file and unpacks it; `bytes` counts what was read of it.
pub(crate) fn open(path: &Path, bytes: &Arc<AtomicU64>) -> Result<Input, Error> {
    Ok(unpacked(&path.display().to_string(), Counted::open(path, bytes)?))
}

/// A file, or an entry of an archive: what errors call it, and what ids are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The file on the disk.
    pub(crate) path: PathBuf,
    /// The entry's name.
    pub(crate) entry: Option<String>,
}

impl Place {
    pub(crate) fn file(path: &Path) -> Self {
        Place { path: path.to_path_buf(), entry: None }
    }

    /// The place with a line: `file:3`, or `archive: entry, line 3`.
    pub(crate) fn line(&self, number: u64) -> String {
        match self.entry {
            None => format!("{self}:{number}"),
            Some(_) => format!("{self}, line {number}"),
        }
    }

    /// The name without folders, also those within an archive.
    pub(crate) fn name(&self) -> Cow<'_, str> {
        match &self.entry {
            Some(entry) => entry.rsplit('/').next().unwrap_or_default().into(),
            None => self.path.file_name().unwrap_or_default().to_string_lossy(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.path.display())?;
        self.entry.iter().try_for_each(|entry| write!(formatter, ": {entry}"))
    }
}

/// A file that counts what is read of it.
pub(crate) struct Counted {
    file: File,
    bytes: Arc<AtomicU64>,
}

impl Counted {
    pub(crate) fn open(path: &Path, bytes: &Arc<AtomicU64>) -> Result<Self, Error> {
        let file = File::open(path).map_err(|cause| Error::Read { path: path.to_path_buf(), cause })?;
        Ok(Counted { file, bytes: Arc::clone(bytes) })
    }
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl Seek for Counted {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// What a failed read at a line or page means: packed data that are cut off, damaged or refused, or a file that
/// cannot be read.
pub(crate) fn read_error(place: &Place, at: String, cause: io::Error) -> Error {
    let cause = match unpack::Error::from_io(cause) {
        Ok(error) => return Error::Archive(error),
        Err(cause) => cause,
    };
    match cause.kind() {
        io::ErrorKind::UnexpectedEof => Error::Truncated { place: at },
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            Error::Malformed { place: at, reason: format!("{UNREADABLE}: {cause}") }
        }
        _ => Error::Read { path: place.path.clone(), cause },
    }
}

/// Why bytes that do not unpack are refused.
pub(crate) const UNREADABLE: &str = "unreadable data";

/// The lines of a file, numbered, checked to be UTF-8.
pub(crate) struct Lines {
    input: Input,
    place: Place,
    number: u64,
    buffer: Vec<u8>,
}

impl Lines {
    pub(crate) fn new(input: Input, place: &Place) -> Self {
        Lines { input, place: place.clone(), number: 0, buffer: Vec::new() }
    }

    /// The file.
    pub(crate) fn file(&self) -> &Place {
        &self.place
    }

    /// The place of the line last read.
    pub(crate) fn place(&self) -> String {
        self.place.line(self.number)
    }

    /// The next line and its number from 1, without its end; a byte order mark is taken off the first. After an
    /// error of a line itself (UTF-8, length) the next one may be asked for.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, &str)>, Error> {
        self.number += 1;
        self.buffer.clear();
        let limit = LIMIT as u64 + 2;
        let read = (&mut self.input).take(limit).read_until(b'\n', &mut self.buffer);
        let read = read.map_err(|cause| read_error(&self.place, self.place(), cause))?;
        if read == 0 {
            return Ok(None);
        }
        if self.buffer.len() as u64 >= limit {
            self.pass_over().map_err(|cause| read_error(&self.place, self.place(), cause))?;
            return Err(Error::TooLong { place: self.place(), megabytes: LIMIT >> 20 });
        }
        let Ok(line) = std::str::from_utf8(&self.buffer) else {
            return Err(Error::InvalidUtf8 { place: self.place() });
        };
        let line = line.strip_suffix('\n').unwrap_or(line);
        let line = line.strip_suffix('\r').unwrap_or(line);
        let line = if self.number == 1 { line.strip_prefix('\u{feff}').unwrap_or(line) } else { line };
        Ok(Some((self.number, line)))
    }

    /// Reads up to the end of a line that is too long.
    fn pass_over(&mut self) -> io::Result<()> {
        if self.buffer.ends_with(b"\n") { Ok(()) } else { self.input.skip_until(b'\n').map(drop) }
    }
}

/// How much may still be read before the parser above must have finished a row or an event. Parsers
/// that collect a whole row or event before they give it back are thus limited from below.
#[derive(Clone, Default)]
pub(crate) struct Budget(Rc<Cell<usize>>);

impl Budget {
    /// A full budget again.
    pub(crate) fn refill(&self) {
        self.0.set(LIMIT);
    }

    /// Whether it was used up.
    pub(crate) fn is_spent(&self) -> bool {
        self.0.get() == 0
    }
}

/// A reader that fails once its budget is spent.
pub(crate) struct Limited<R> {
    pub(crate) input: R,
    pub(crate) budget: Budget,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.budget.0.get();
        if left == 0 {
            return Err(io::Error::other("longer than the limit"));
        }
        let allowed = left.min(buffer.len());
        let read = self.input.read(buffer.get_mut(..allowed).unwrap_or_default())?;
        self.budget.0.set(left - read);
        Ok(read)
    }
}
