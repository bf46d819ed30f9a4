//! The pieces that a dump is read in. A multistream dump is many bzip2 streams after each other, each
//! of them readable alone: they are found by the mark that each begins with, and packed bytes go on as
//! they are. A dump of any other form is unpacked here and goes on in blocks.
#![deny(clippy::indexing_slicing)]

use std::io::{self, BufRead, Read};

use bzip2::bufread::BzDecoder;
use memchr::memmem;

/// A stream with more packed bytes than this is unpacked as it is read. Streams of 100 pages have about
/// a tenth of it.
const LONGEST_STREAM: usize = 4 << 20;
/// Streams go on together until they have so many bytes.
const ENOUGH: usize = 64 << 10;
/// Unpacked bytes go on in blocks of this size.
const BLOCK: usize = 1 << 20;
/// How much is read at once.
const STEP: usize = 256 << 10;

/// A whole bzip2 stream.
pub(super) struct Stream {
    /// Its first byte in the file.
    pub(super) offset: u64,
    pub(super) bytes: Vec<u8>,
    /// Whether the file ends with it.
    pub(super) last: bool,
}

/// Some of a dump, in the order of the file.
pub(super) enum Piece {
    /// Streams that follow each other.
    Packed(Vec<Stream>),
    /// Unpacked bytes.
    Plain(Vec<u8>),
    /// Bytes that could not be unpacked and were left out.
    Damaged {
        /// The first byte of the stream in the file.
        offset: u64,
        /// Why.
        reason: String,
    },
    /// The file ends within a stream's first bytes.
    Truncated,
}

/// Finds streams in a file.
pub(super) struct Scanner<R> {
    input: R,
    buffer: Vec<u8>,
    /// So much of the buffer is done with.
    start: usize,
    /// Place of `buffer[start]` in the file.
    offset: u64,
    ended: bool,
}

/// What begins at the scanner's place.
enum Found {
    Stream(Stream),
    Long,
    Garbage,
    End,
}

impl<R: Read> Scanner<R> {
    pub(super) fn new(input: R) -> Self {
        Scanner { input, buffer: Vec::new(), start: 0, offset: 0, ended: false }
    }

    /// Gives all pieces to `give` until it wants no more.
    pub(super) fn run(mut self, give: &mut dyn FnMut(Piece) -> bool) -> io::Result<()> {
        let mut waiting = Vec::new();
        let mut size = 0;
        loop {
            let found = self.find()?;
            if let Found::Stream(stream) = found {
                size += stream.bytes.len();
                waiting.push(stream);
                if size < ENOUGH {
                    continue;
                }
                size = 0;
                if !give(Piece::Packed(std::mem::take(&mut waiting))) {
                    return Ok(());
                }
                continue;
            }
            size = 0;
            if !waiting.is_empty() && !give(Piece::Packed(std::mem::take(&mut waiting))) {
                return Ok(());
            }
            let more = match found {
                Found::End => false,
                Found::Long => self.unpack(give)?,
                _ => self.skip(give)?,
            };
            if !more {
                return Ok(());
            }
        }
    }

    /// Reads ahead to the next stream's mark or the end of the file.
    fn find(&mut self) -> io::Result<Found> {
        if self.rest().len() < MARK {
            self.read_more()?;
        }
        if self.rest().is_empty() {
            return Ok(Found::End);
        }
        if mark(self.rest()) != Some(0) {
            return Ok(Found::Garbage);
        }
        let mut searched = 1;
        loop {
            let unread = self.rest().get(searched..).unwrap_or_default();
            if let Some(next) = mark(unread) {
                return Ok(Found::Stream(self.split(searched + next, false)));
            }
            searched = self.rest().len().saturating_sub(MARK - 1).max(1);
            if searched > LONGEST_STREAM {
                return Ok(Found::Long);
            }
            if self.read_more()? == 0 {
                return Ok(Found::Stream(self.split(self.rest().len(), true)));
            }
        }
    }

    /// Takes the first `length` bytes as a stream.
    fn split(&mut self, length: usize, last: bool) -> Stream {
        let bytes = self.rest().get(..length).unwrap_or_default().to_vec();
        let stream = Stream { offset: self.offset, bytes, last };
        self.consume(length);
        stream
    }

    /// Unpacks a long stream block by block; gives whether more is wanted.
    fn unpack(&mut self, give: &mut dyn FnMut(Piece) -> bool) -> io::Result<bool> {
        let offset = self.offset;
        let mut decoder = BzDecoder::new(self);
        loop {
            let mut block = Vec::with_capacity(BLOCK);
            let read = (&mut decoder).take(BLOCK as u64).read_to_end(&mut block);
            let ended = block.len() < BLOCK;
            if !block.is_empty() && !give(Piece::Plain(block)) {
                return Ok(false);
            }
            match read {
                Ok(_) if ended => return Ok(true),
                Ok(_) => {}
                Err(cause) if cause.kind() == io::ErrorKind::InvalidInput => {
                    return Ok(give(Piece::Damaged { offset, reason: cause.to_string() }));
                }
                Err(cause) => return Err(cause),
            }
        }
    }

    /// Leaves out what is no stream, up to the next mark.
    fn skip(&mut self, give: &mut dyn FnMut(Piece) -> bool) -> io::Result<bool> {
        let offset = self.offset;
        loop {
            if let Some(next) = mark(self.rest()) {
                self.consume(next);
                break;
            }
            self.consume(self.rest().len().saturating_sub(MARK - 1));
            if self.read_more()? == 0 {
                self.consume(self.rest().len());
                break;
            }
        }
        if self.ended && self.offset - offset < MARK as u64 {
            return Ok(give(Piece::Truncated));
        }
        Ok(give(Piece::Damaged { offset, reason: NO_STREAM.to_owned() }))
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    fn read_more(&mut self) -> io::Result<usize> {
        if self.ended {
            return Ok(0);
        }
        self.buffer.drain(..self.start);
        self.start = 0;
        let read = (&mut self.input).take(STEP as u64).read_to_end(&mut self.buffer)?;
        self.ended = read == 0;
        Ok(read)
    }
}

impl<R: Read> Read for Scanner<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: Read> BufRead for Scanner<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.rest().is_empty() {
            self.read_more()?;
        }
        Ok(self.rest())
    }

    fn consume(&mut self, count: usize) {
        let count = count.min(self.rest().len());
        self.start += count;
        self.offset += count as u64;
    }
}

/// Why bytes between streams are left out.
pub(super) const NO_STREAM: &str = "no bzip2 stream begins here";
/// Length of what every stream begins with.
pub(super) const MARK: usize = 10;
/// The beginning of a block, and that of the end of a stream without one.
const BLOCKS: [&[u8]; 2] = [&[0x31, 0x41, 0x59, 0x26, 0x53, 0x59], &[0x17, 0x72, 0x45, 0x38, 0x50, 0x90]];

/// Where the first stream begins: `BZh`, a digit, and the mark of a block. Ten bytes that packed data
/// hold by chance once in 2^75; even so the checksums of both halves would not agree.
pub(super) fn mark(bytes: &[u8]) -> Option<usize> {
    memmem::find_iter(bytes, b"BZh").find(|&start| {
        let level = bytes.get(start + 3).is_some_and(|level| (b'1'..=b'9').contains(level));
        level && bytes.get(start + 4..start + MARK).is_some_and(|block| BLOCKS.contains(&block))
    })
}

/// Gives a file that needs no unpacking here in blocks.
pub(super) fn blocks(mut input: impl Read, give: &mut dyn FnMut(Piece) -> bool) -> io::Result<()> {
    loop {
        let mut block = Vec::with_capacity(BLOCK);
        let read = (&mut input).take(BLOCK as u64).read_to_end(&mut block);
        let ended = block.len() < BLOCK;
        if !block.is_empty() && !give(Piece::Plain(block)) {
            return Ok(());
        }
        if read? == 0 || ended {
            return Ok(());
        }
    }
}
