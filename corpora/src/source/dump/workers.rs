//! Threads that unpack the pieces of a dump and read their pages. Each piece has a channel of its own,
//! and the channels are read in the order of the file: so the output does not depend on the threads.
//! All channels are short, so that memory does not grow with the dump, whatever a piece unpacks to.
#![deny(clippy::indexing_slicing)]

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle};

use bzip2::bufread::BzDecoder;

use super::cutter::{self, Cut, Cutter};
use super::page::{self, Context};
use super::streams::{MARK, NO_STREAM, Piece, Stream};
use crate::Error;
use crate::source::Entry;

/// What comes of a piece.
pub(super) enum Part {
    /// Entries in the order of the file.
    Entries(Vec<Entry>),
    /// Bytes of pages that began before or end after the piece.
    Loose(Vec<u8>),
    /// A stream that could not be unpacked.
    Damaged { offset: u64, reason: String },
    /// The file ends within a stream.
    Truncated,
    /// Nothing more can be read.
    Failed(Error),
    /// The piece is done with.
    Done,
}

/// The parts of all pieces, in the order of the file.
pub(super) struct Parts {
    order: Option<Receiver<Receiver<Part>>>,
    current: Option<Receiver<Part>>,
    threads: Vec<JoinHandle<()>>,
}

/// Parts that may wait for their turn, for each piece.
const WAITING_PARTS: usize = 8;
/// Text that is sent at once.
const ENOUGH_TEXT: usize = 256 << 10;
/// The most that is unpacked before pages are read from it; whole streams are usually shorter.
const WINDOW: usize = 16 << 20;

struct Job {
    piece: Piece,
    parts: SyncSender<Part>,
}

pub(super) type Give<'a> = &'a mut dyn FnMut(Piece) -> bool;

/// Starts `count` workers and a thread that gives them the pieces of `produce`.
pub(super) fn start<P>(count: usize, context: &Arc<Context>, produce: P) -> io::Result<Parts>
where
    P: FnOnce(Give<'_>) -> Result<(), Error> + Send + 'static,
{
    let (order_in, order) = sync_channel(3 * count);
    let (jobs_in, jobs) = sync_channel::<Job>(count);
    let jobs = Arc::new(Mutex::new(jobs));
    let mut threads = Vec::new();
    threads.push(Builder::new().name("dump".to_owned()).spawn(move || feed(produce, &order_in, &jobs_in))?);
    for number in 0..count {
        let (jobs, context) = (Arc::clone(&jobs), Arc::clone(context));
        threads.push(Builder::new().name(format!("dump-{number}")).spawn(move || work(&jobs, &context))?);
    }
    Ok(Parts { order: Some(order), current: None, threads })
}

impl Parts {
    /// The next part; `None` at the end of the file.
    pub(super) fn next(&mut self) -> Option<Part> {
        loop {
            if self.current.is_none() {
                self.current = Some(self.order.as_ref()?.recv().ok()?);
            }
            match self.current.as_ref()?.recv() {
                Ok(Part::Done) => self.current = None,
                Ok(part) => return Some(part),
                Err(_) => {
                    let reason = "a thread stopped; this is a mistake of ours".to_owned();
                    return Some(Part::Failed(Error::Malformed { place: "reading a dump".to_owned(), reason }));
                }
            }
        }
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        // Without receivers every thread finds that nobody wants its results.
        self.order = None;
        self.current = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn feed<P>(produce: P, order: &SyncSender<Receiver<Part>>, jobs: &SyncSender<Job>)
where
    P: FnOnce(Give<'_>) -> Result<(), Error>,
{
    let channel = || {
        let (parts, receiver) = sync_channel(WAITING_PARTS);
        order.send(receiver).ok().map(|()| parts)
    };
    let mut give = |piece| channel().is_some_and(|parts| jobs.send(Job { piece, parts }).is_ok());
    if let Err(error) = produce(&mut give)
        && let Some(parts) = channel()
    {
        // A receiver that is gone wants no error either.
        let _ = parts.send(Part::Failed(error)).and_then(|()| parts.send(Part::Done));
    }
}

fn work(jobs: &Mutex<Receiver<Job>>, context: &Context) {
    let mut window = Vec::new();
    loop {
        let job = match jobs.lock() {
            Ok(jobs) => jobs.recv(),
            Err(_) => return,
        };
        let Ok(Job { piece, parts }) = job else { return };
        let mut output = Output { parts, entries: Vec::new(), size: 0, wanted: true };
        let mut cutter = None;
        match piece {
            Piece::Plain(bytes) => read(&bytes, &mut cutter, context, &mut output),
            Piece::Packed(streams) => {
                for stream in streams {
                    unpack(&stream, &mut window, &mut cutter, context, &mut output);
                }
            }
            Piece::Damaged { offset, reason } => output.send(Part::Damaged { offset, reason }),
            Piece::Truncated => output.send(Part::Truncated),
        }
        output.finish(cutter);
    }
}

/// What a worker has found in a piece.
struct Output {
    parts: SyncSender<Part>,
    entries: Vec<Entry>,
    size: usize,
    /// Whether somebody still listens.
    wanted: bool,
}

impl Output {
    fn take(&mut self, cut: &Cut<'_>, context: &Context) {
        let entry = page::entry(cut, context);
        self.size += entry.size();
        self.entries.push(entry);
        if self.size >= ENOUGH_TEXT {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.size = 0;
        if !self.entries.is_empty() {
            let entries = std::mem::take(&mut self.entries);
            self.wanted &= self.parts.send(Part::Entries(entries)).is_ok();
        }
    }

    fn send(&mut self, part: Part) {
        self.flush();
        self.wanted &= self.parts.send(part).is_ok();
    }

    fn loose(&mut self, bytes: Vec<u8>) {
        if !bytes.is_empty() {
            self.send(Part::Loose(bytes));
        }
    }

    /// Ends a stream before its time: what comes after it begins anywhere.
    fn end(&mut self, cutter: &mut Option<Cutter>, part: Part) {
        let rest = cutter.take().map(|mut cutter| cutter.rest());
        self.loose(rest.unwrap_or_default());
        self.send(part);
    }

    fn finish(mut self, cutter: Option<Cutter>) {
        if let Some(mut cutter) = cutter {
            if cutter.root_closed {
                self.loose(b"</mediawiki>".to_vec());
            }
            let rest = cutter.rest();
            self.loose(rest);
        }
        self.send(Part::Done);
    }
}

/// Unpacks a stream and reads its pages. What the damaged end of a stream unpacks to is left out.
fn unpack(stream: &Stream, window: &mut Vec<u8>, cutter: &mut Option<Cutter>, context: &Context, output: &mut Output) {
    let mut decoder = BzDecoder::new(stream.bytes.as_slice());
    if window.is_empty() {
        // Pages of memory that no stream reaches are never touched.
        *window = vec![0; WINDOW];
    }
    while output.wanted {
        let (filled, result) = fill(&mut decoder, window);
        let unpacked = window.get(..filled).unwrap_or_default();
        match result {
            Ok(()) if filled == 0 => break,
            Ok(()) => self::read(unpacked, cutter, context, output),
            Err(cause) if cause.kind() == io::ErrorKind::UnexpectedEof && stream.last => {
                self::read(unpacked, cutter, context, output);
                return output.end(cutter, Part::Truncated);
            }
            Err(cause) => {
                let (offset, reason) = (stream.offset, cause.to_string());
                return output.end(cutter, Part::Damaged { offset, reason });
            }
        }
        if filled < WINDOW {
            break;
        }
    }
    let left = decoder.into_inner().len();
    if stream.last && (1..MARK).contains(&left) {
        output.end(cutter, Part::Truncated);
    } else if left > 0 && output.wanted {
        let offset = stream.offset + (stream.bytes.len() - left) as u64;
        output.end(cutter, Part::Damaged { offset, reason: NO_STREAM.to_owned() });
    }
}

/// Reads until the window is full or the input ends. Not `read_to_end`: it asks for little at first, and
/// each call of the decoder saves and restores its state, which took 4 % of all time.
fn fill(decoder: &mut impl Read, window: &mut [u8]) -> (usize, io::Result<()>) {
    let mut filled = 0;
    while let Some(free) = window.get_mut(filled..).filter(|free| !free.is_empty()) {
        match decoder.read(free) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) => return (filled, Err(cause)),
        }
    }
    (filled, Ok(()))
}

/// Reads the pages of some bytes. Until a cutter is there, nobody knows whether a page is open.
fn read(bytes: &[u8], cutter: &mut Option<Cutter>, context: &Context, output: &mut Output) {
    let mut bytes = bytes;
    if cutter.is_none() {
        let Some((before, after)) = cutter::head(bytes).and_then(|head| bytes.split_at_checked(head)) else {
            return output.loose(bytes.to_vec());
        };
        if !(before.is_empty() || before.trim_ascii().is_empty()) {
            output.loose(before.to_vec());
        }
        bytes = after;
    }
    let cutter = cutter.get_or_insert_with(Cutter::default);
    cutter.push(bytes, &mut |cut| output.take(&cut, context));
}
