//! Bytes of a file: counted for the progress, unpacked from bzip2 or gzip, cut into lines with a limit.
#![deny(clippy::indexing_slicing)]

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;

use super::LIMIT;
use crate::Error;

/// The bytes of an opened file, unpacked.
pub(crate) type Input = BufReader<Box<dyn Read + Send>>;

const BLOCK: usize = 1 << 16;

/// Opens a file and unpacks it; `bytes` counts what was read of it.
pub(crate) fn open(path: &Path, bytes: &Arc<AtomicU64>) -> Result<Input, Error> {
    Ok(unpacked(path, Counted::open(path, bytes)?))
}

/// Unpacks a file whose name ends in `.bz2` or `.gz`, or that begins as such a file does.
pub(crate) fn unpacked(path: &Path, file: impl Read + Send + 'static) -> Input {
    let named = |name: &str| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(name));
    let mut file = BufReader::with_capacity(BLOCK, file);
    // An error here comes again with the first read.
    let start = file.fill_buf().unwrap_or_default();
    let (bzip2, gzip) = (super::dump::begins_stream(start), start.starts_with(GZIP));
    let unpacked: Box<dyn Read + Send> = if bzip2 || named("bz2") {
        Box::new(Fused::new(MultiBzDecoder::new(file)))
    } else if gzip || named("gz") {
        Box::new(Fused::new(MultiGzDecoder::new(file)))
    } else {
        Box::new(file)
    };
    BufReader::with_capacity(BLOCK, unpacked)
}

/// A reader that is never asked again after an error: the bzip2 library aborts the program when it is
/// (libbz2-rs-sys 0.2.6, after some damaged blocks).
struct Fused<R> {
    input: R,
    error: Option<io::ErrorKind>,
}

impl<R> Fused<R> {
    fn new(input: R) -> Self {
        Fused { input, error: None }
    }
}

impl<R: Read> Read for Fused<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(kind) = self.error {
            return Err(kind.into());
        }
        let read = self.input.read(buffer);
        self.error = read.as_ref().err().map(io::Error::kind).filter(|kind| *kind != io::ErrorKind::Interrupted);
        read
    }
}

/// What gzip files begin with; no text does.
const GZIP: &[u8] = &[0x1f, 0x8b, 0x08];

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

/// What a failed read means: bzip2 data that is cut off or damaged, or a file that cannot be read.
pub(crate) fn read_error(path: &Path, place: String, cause: io::Error) -> Error {
    match cause.kind() {
        io::ErrorKind::UnexpectedEof => Error::Truncated { place },
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            Error::Malformed { place, reason: format!("unreadable data: {cause}") }
        }
        _ => Error::Read { path: path.to_path_buf(), cause },
    }
}

/// The lines of a file, numbered, checked to be UTF-8.
pub(crate) struct Lines {
    input: Input,
    path: PathBuf,
    number: u64,
    buffer: Vec<u8>,
}

impl Lines {
    pub(crate) fn new(input: Input, path: &Path) -> Self {
        Lines { input, path: path.to_path_buf(), number: 0, buffer: Vec::new() }
    }

    /// The file's path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// `file:line` of the line last read.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}", self.path.display(), self.number)
    }

    /// The next line and its number from 1, without its end; a byte order mark is taken off the first.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, &str)>, Error> {
        self.number += 1;
        self.buffer.clear();
        let limit = LIMIT as u64 + 2;
        let read = (&mut self.input).take(limit).read_until(b'\n', &mut self.buffer);
        let read = read.map_err(|cause| read_error(&self.path, self.place(), cause))?;
        if read == 0 {
            return Ok(None);
        }
        if self.buffer.len() as u64 >= limit {
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
