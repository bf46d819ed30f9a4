//! MediaWiki XML exports: the articles of a dump, one page after another, in the order of the file.
//! Threads unpack and read; whatever their number, the output is the same. A page or a stream that is
//! damaged is named and left out, and the rest goes on; a file that is cut off is an error at its end.
#![deny(clippy::indexing_slicing)]

mod cutter;
mod page;
mod prologue;
mod streams;
#[cfg(test)]
mod tests;
mod workers;
mod xml;

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use glossa_base::unpack::{Packing, unpacked};

use self::cutter::Cutter;
use self::page::Context;
use self::prologue::Prologue;
use self::streams::{Scanner, blocks};
use self::workers::{Part, Parts};
use super::Entry;
use super::input::{Counted, Input, Place, read_error};
use super::utf16::{Transcoded, is_utf16};
use crate::Error;
use crate::options::DumpOptions;
use crate::wikitext::Cleaner;

/// The pages of a dump.
pub(crate) struct Reader {
    parts: Parts,
    context: Arc<Context>,
    /// What lies between the parts: pages that were cut.
    cutter: Cutter,
    ready: VecDeque<Entry>,
    /// Whether the end must say `</mediawiki>`.
    has_root: bool,
    /// Whether the last thing read was damaged: then its end is no news.
    damaged: bool,
    done: bool,
}

impl Reader {
    pub(crate) fn new(path: &Path, options: &DumpOptions, bytes: &Arc<AtomicU64>) -> Result<Self, Error> {
        Reader::with_threads(path, options, bytes, threads())
    }

    fn with_threads(path: &Path, options: &DumpOptions, bytes: &Arc<AtomicU64>, threads: usize) -> Result<Self, Error> {
        let head = head(path)?;
        let place = Place::file(path);
        let file = Counted::open(path, bytes)?;
        if head.packed && !head.utf16 {
            return Reader::start(place.clone(), &head, options, threads, move |give| {
                Scanner::new(file).run(give).map_err(|cause| read_error(&place, place.to_string(), cause))
            });
        }
        let input = Transcoded::new(unpacked(&place.to_string(), file));
        Reader::of_blocks(place, &head, input, options, threads)
    }

    /// The pages of a dump that can be read once only, as that in an archive, and is unpacked already.
    pub(crate) fn of_stream(input: Input, place: Place, options: &DumpOptions) -> Result<Self, Error> {
        let mut input = BufReader::new(Transcoded::new(input));
        let mut bytes = Vec::new();
        let read = prologue::read_head(&mut input, &mut bytes);
        read.map_err(|cause| read_error(&place, place.to_string(), cause))?;
        let head = Head { packed: false, utf16: false, damaged: false, bytes };
        let input = io::Cursor::new(head.bytes.clone()).chain(input);
        Reader::of_blocks(place, &head, input, options, threads())
    }

    /// Reads pages of text that needs no unpacking.
    fn of_blocks(
        place: Place,
        head: &Head,
        input: impl Read + Send + 'static,
        options: &DumpOptions,
        threads: usize,
    ) -> Result<Self, Error> {
        Reader::start(place.clone(), head, options, threads, move |give| {
            blocks(input, give).map_err(|cause| read_error(&place, place.to_string(), cause))
        })
    }

    fn start<P>(place: Place, head: &Head, options: &DumpOptions, threads: usize, produce: P) -> Result<Self, Error>
    where
        P: FnOnce(workers::Give<'_>) -> Result<(), Error> + Send + 'static,
    {
        let mut cleaner = Cleaner::default();
        (cleaner.headings, cleaner.lists) = (options.headings, options.lists);
        let prologue = match prologue::parse(&head.bytes, &mut cleaner) {
            Err(_) if head.damaged => Prologue::default(),
            parsed => parsed.map_err(|reason| Error::Malformed { place: place.to_string(), reason })?,
        };
        let path = place.path.clone();
        let context = Arc::new(Context { place, cleaner, options: *options });
        let parts = workers::start(threads, &context, produce).map_err(|cause| Error::Read { path, cause })?;
        Ok(Reader {
            parts,
            context,
            cutter: Cutter::default(),
            ready: VecDeque::new(),
            has_root: prologue.has_root,
            damaged: false,
            done: false,
        })
    }

    /// Takes in what comes next; an error ends the dump.
    fn advance(&mut self) -> Result<(), Error> {
        let Some(part) = self.parts.next() else { return self.finish() };
        self.damaged = false;
        match part {
            Part::Loose(bytes) => self.glue(&bytes),
            Part::Entries(entries) => {
                self.drop_open_page();
                self.ready.extend(entries);
            }
            Part::Damaged { offset, reason } => {
                self.drop_open_page();
                let path = &self.context.place;
                let place = format!("{path}: the bzip2 stream at byte {offset}: {reason}");
                self.ready.push_back(Entry::BadStream(place));
                self.damaged = true;
            }
            Part::Truncated => return Err(self.truncated()),
            Part::Failed(Error::Truncated { .. }) => return Err(self.truncated()),
            Part::Failed(error) => return Err(error),
            Part::Done => {}
        }
        Ok(())
    }

    fn glue(&mut self, bytes: &[u8]) {
        let (ready, context) = (&mut self.ready, &self.context);
        self.cutter.push(bytes, &mut |cut| ready.push_back(page::entry(&cut, context)));
    }

    /// A page whose end will not come.
    fn drop_open_page(&mut self) {
        let rest = self.cutter.rest();
        if rest.starts_with(b"<page>") {
            self.ready.push_back(page::entry(&cutter::Cut::Unclosed(&rest), &self.context));
        }
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.done = true;
        let open = !self.cutter.open_page().is_empty();
        let closed = !self.has_root || self.cutter.root_closed || self.damaged;
        if open || !closed { Err(self.truncated()) } else { Ok(()) }
    }

    fn truncated(&self) -> Error {
        Error::Truncated { place: page::place(self.cutter.open_page(), &self.context) }
    }
}

impl Iterator for Reader {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.ready.pop_front() {
                return Some(Ok(entry));
            }
            if self.done {
                return None;
            }
            if let Err(error) = self.advance() {
                self.done = true;
                return Some(Err(error));
            }
        }
    }
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The beginning of a dump, and what it says about the rest.
struct Head {
    packed: bool,
    utf16: bool,
    /// Whether it ends where it could not be unpacked; it may then be garbage.
    damaged: bool,
    bytes: Vec<u8>,
}

/// A damaged first stream is skipped if another one begins within so many bytes.
const AHEAD: u64 = 1 << 20;

/// Looks at the beginning of a file, before it is read in earnest.
fn head(path: &Path) -> Result<Head, Error> {
    let read = |cause| Error::Read { path: path.to_path_buf(), cause };
    let mut start = Vec::new();
    File::open(path).map_err(read)?.take(AHEAD).read_to_end(&mut start).map_err(read)?;
    let named = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("bz2"));
    let packed = Packing::of_start(&start) == Some(Packing::Bzip2) || (named && streams::mark(&start).is_some());
    let place = Place::file(path);
    let mut input = unpacked(&place.to_string(), File::open(path).map_err(read)?);
    let utf16 = is_utf16(&mut input);
    let mut bytes = Vec::new();
    let end = prologue::read_head(BufReader::new(Transcoded::new(input)), &mut bytes);
    match (utf16, end) {
        (Ok(utf16), Ok(())) => Ok(Head { packed, utf16, damaged: false, bytes }),
        // The damage is met again, and counted, when the streams are read.
        (utf16, Err(_)) if packed => Ok(Head { packed, utf16: utf16.unwrap_or(false), damaged: true, bytes }),
        (_, Err(cause)) | (Err(cause), _) => Err(read_error(&place, place.to_string(), cause)),
    }
}
