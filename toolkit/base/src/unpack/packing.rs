//! gzip, bzip2, zstd and xz, one stream or several after each other, told by their first bytes or by the
//! file's name. Memory is limited whatever a file asks for.

use std::io::{self, BufRead, BufReader, Read};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use zstd::stream::read::Decoder as ZstdDecoder;

use super::limits::Meter;
use super::{Error, Limits};

/// A way to pack one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// `.gz`
    Gzip,
    /// `.bz2`
    Bzip2,
    /// `.zst`
    Zstd,
    /// `.xz`
    Xz,
}

/// The bytes of a file, unpacked if it was packed. An error of the limits is an [`Error`] inside the
/// [`io::Error`] ([`Error::from_io`]); damage has kind `InvalidData`, a file that is cut off `UnexpectedEof`.
pub type Unpacked = BufReader<Box<dyn Read + Send>>;

const SUFFIXES: [(&str, Packing); 5] = [
    (".gz", Packing::Gzip),
    (".bz2", Packing::Bzip2),
    (".zst", Packing::Zstd),
    (".zstd", Packing::Zstd),
    (".xz", Packing::Xz),
];

pub(super) const BLOCK: usize = 1 << 16;
/// The most that a zstd file may ask to look back, as a power of two: what its own command allows.
const ZSTD_WINDOW: u32 = 27;
/// The memory that an xz file may ask for, in KiB: twice what `xz -9` needs.
const XZ_MEMORY: u32 = 130 << 10;

impl Packing {
    /// The packing that a file's name tells.
    pub fn of_name(name: &str) -> Option<Self> {
        SUFFIXES.iter().find(|(suffix, _)| stem(name, suffix).is_some()).map(|(_, packing)| *packing)
    }

    /// The packing that a file's first ten bytes tell.
    pub fn of_start(start: &[u8]) -> Option<Self> {
        // The beginning of a block, and that of the end of a stream without one.
        const BLOCKS: [&[u8]; 2] = [b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90"];
        match start {
            [0x1f, 0x8b, 8, ..] => Some(Packing::Gzip),
            [b'B', b'Z', b'h', b'1'..=b'9', block @ ..] if BLOCKS.iter().any(|known| block.starts_with(known)) => {
                Some(Packing::Bzip2)
            }
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Packing::Zstd),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Packing::Xz),
            _ => None,
        }
    }

    /// A decoder; one that cannot be made fails when it is read.
    pub(super) fn made(self, input: impl BufRead + Send + 'static) -> Box<dyn Read + Send> {
        self.decoder(input).unwrap_or_else(|cause| Box::new(Failing(Some(cause))))
    }

    fn decoder(self, input: impl BufRead + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Packing::Gzip => Box::new(MultiGzDecoder::new(input)),
            Packing::Bzip2 => Box::new(MultiBzDecoder::new(input)),
            Packing::Zstd => {
                let mut decoder = ZstdDecoder::with_buffer(input)?;
                decoder.window_log_max(ZSTD_WINDOW)?;
                Box::new(decoder)
            }
            Packing::Xz => Box::new(XzReader::new_mem_limit(input, true, XZ_MEMORY)),
        })
    }
}

/// A name without the end that tells its packing.
pub fn without_packing(name: &str) -> &str {
    SUFFIXES.iter().find_map(|(suffix, _)| stem(name, suffix)).unwrap_or(name)
}

/// What is before an end of a name; case does not count.
pub(super) fn stem<'a>(name: &'a str, suffix: &str) -> Option<&'a str> {
    let (stem, end) = name.split_at_checked(name.len().checked_sub(suffix.len())?)?;
    end.eq_ignore_ascii_case(suffix).then_some(stem)
}

/// Unpacks a file whose first bytes or whose name say that it is packed, and gives any other as it is.
/// `name` is also what errors call it. More than [`Limits::ratio`] bytes for each packed one are an error.
pub fn unpacked(name: &str, input: impl Read + Send + 'static) -> Unpacked {
    layer(name, input, &Meter::new(Limits::default().ratio), true)
}

/// The same with a meter, which counts `input` too where `counts` says so.
pub(super) fn layer(name: &str, input: impl Read + Send + 'static, meter: &Meter, counts: bool) -> Unpacked {
    let input: Box<dyn Read + Send> = if counts { Box::new(meter.counted(input)) } else { Box::new(input) };
    let mut input = BufReader::with_capacity(BLOCK, input);
    // An error here comes again with the first read.
    let start = input.fill_buf().unwrap_or_default();
    let Some(packing) = Packing::of_start(start).or_else(|| Packing::of_name(name)) else { return input };
    BufReader::with_capacity(BLOCK, Box::new(Guarded::new(packing.made(input), meter.clone(), name)))
}

/// A decoder that could not be made.
struct Failing(Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        Err(self.0.take().unwrap_or_else(|| io::ErrorKind::InvalidData.into()))
    }
}

/// A decoder that is counted, whose errors have the kinds that [`Unpacked`] promises, and that is never asked
/// again after one: the bzip2 library aborts the program when it is (libbz2-rs-sys 0.2.6, after some damaged
/// blocks).
pub(super) struct Guarded<R> {
    decoder: R,
    meter: Meter,
    place: String,
    failed: Option<io::ErrorKind>,
}

impl<R> Guarded<R> {
    pub(super) fn new(decoder: R, meter: Meter, place: &str) -> Self {
        Guarded { decoder, meter, place: place.to_owned(), failed: None }
    }
}

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(kind) = self.failed {
            return Err(kind.into());
        }
        let read = self.decoder.read(buffer).map_err(sorted);
        let read = read.and_then(|count| self.meter.unpacked(count, &self.place).map(|()| count).map_err(Into::into));
        self.failed = read.as_ref().err().map(io::Error::kind).filter(|kind| *kind != io::ErrorKind::Interrupted);
        read
    }
}

/// An error of a decoder is damage, unless it comes from below it.
fn sorted(cause: io::Error) -> io::Error {
    let below = cause.raw_os_error().is_some() || cause.get_ref().is_some_and(|inner| inner.is::<Error>());
    match cause.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::Interrupted => cause,
        _ if below => cause,
        _ => io::Error::new(io::ErrorKind::InvalidData, cause.to_string()),
    }
}
