//! UTF-16 to UTF-8 on the fly: some dumps were saved so. A byte order mark decides; without one the
//! bytes pass as they are.
#![deny(clippy::indexing_slicing)]

use std::io::{self, BufRead, Read};

/// A reader whose output is UTF-8 (checked by whoever reads it) without a byte order mark.
pub(crate) struct Transcoded<R> {
    input: R,
    encoding: Option<Encoding>,
    /// A high surrogate that waits for its low one.
    high: Option<u16>,
    ready: Vec<u8>,
    given: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Little,
    Big,
}

/// Whether text begins with a byte order mark of UTF-16; nothing is taken of it.
pub(crate) fn is_utf16(input: &mut impl BufRead) -> io::Result<bool> {
    Ok(matches!(input.fill_buf()?, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]))
}

impl<R: BufRead> Transcoded<R> {
    pub(crate) fn new(input: R) -> Self {
        Transcoded { input, encoding: None, high: None, ready: Vec::new(), given: 0 }
    }

    fn detect(&mut self) -> io::Result<Encoding> {
        let start = self.input.fill_buf()?;
        let (encoding, mark) = match start {
            [0xff, 0xfe, ..] => (Encoding::Little, 2),
            [0xfe, 0xff, ..] => (Encoding::Big, 2),
            [0xef, 0xbb, 0xbf, ..] => (Encoding::Utf8, 3),
            _ => (Encoding::Utf8, 0),
        };
        self.input.consume(mark);
        self.encoding = Some(encoding);
        Ok(encoding)
    }

    /// Turns the next block into UTF-8.
    fn fill(&mut self, encoding: Encoding) -> io::Result<()> {
        self.ready.clear();
        self.given = 0;
        let mut block = Vec::with_capacity(1 << 13);
        (&mut self.input).take(1 << 13).read_to_end(&mut block)?;
        if block.len() % 2 == 1 || (block.is_empty() && self.high.is_some()) {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        let units =
            block.chunks_exact(2).filter_map(|pair| <[u8; 2]>::try_from(pair).ok()).map(|pair| match encoding {
                Encoding::Big => u16::from_be_bytes(pair),
                _ => u16::from_le_bytes(pair),
            });
        let mut units: Vec<u16> = self.high.take().into_iter().chain(units).collect();
        if units.last().is_some_and(|unit| (0xd800..0xdc00).contains(unit)) {
            self.high = units.pop();
        }
        let text = String::from_utf16(&units).map_err(|cause| io::Error::new(io::ErrorKind::InvalidData, cause))?;
        self.ready = text.into_bytes();
        // A lone waiting surrogate is not the end of the file.
        if self.ready.is_empty() && self.high.is_some() { self.fill(encoding) } else { Ok(()) }
    }
}

impl<R: BufRead> Read for Transcoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let encoding = match self.encoding {
            Some(encoding) => encoding,
            None => self.detect()?,
        };
        if encoding == Encoding::Utf8 {
            return self.input.read(buffer);
        }
        if self.given >= self.ready.len() {
            self.fill(encoding)?;
        }
        let waiting = self.ready.get(self.given..).unwrap_or_default();
        let count = waiting.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(waiting) {
            *to = *from;
        }
        self.given += count;
        Ok(count)
    }
}
