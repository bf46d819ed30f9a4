//! zip: a directory at the end says where each entry stands. The crate `zip` reads it and checks that it
//! agrees with the headers before each entry; entries are unpacked here, with their sizes and checksums.

use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use ::zip::ZipArchive;
use ::zip::result::ZipError;
use flate2::Crc;

use super::Error;
use super::archive::{Checks, Found};
use super::limits::Meter;
use super::names::shown;
use super::packing::{BLOCK, Guarded};
use super::section::{Section, Shared, Source};

/// A zip archive whose directory is read.
pub(super) struct Zip {
    archive: String,
    source: Shared<Box<dyn Source>>,
    slots: std::vec::IntoIter<Slot>,
    meter: Meter,
}

/// What the directory says of a plain file.
struct Slot {
    name: String,
    at: u64,
    packed: u64,
    size: u64,
    checksum: u32,
    method: Method,
}

#[derive(Clone, Copy)]
enum Method {
    Stored,
    Deflate,
    Bzip2,
    Zstd,
    Xz,
}

impl Zip {
    pub(super) fn read(input: Box<dyn Source>, checks: &mut Checks, meter: &Meter) -> Result<Self, Error> {
        let allowance = allowance(checks);
        let bounded = Bounded { input, left: Arc::clone(&allowance) };
        let mut archive = ZipArchive::new(BufReader::new(bounded)).map_err(|cause| explain(cause, checks))?;
        // From here on everything is in proportion to the directory.
        allowance.store(u64::MAX, Ordering::Relaxed);
        if archive.len() as u64 > checks.limits.entries {
            return Err(Error::TooMany { archive: checks.archive.clone(), limit: checks.limits.entries });
        }
        archive.validate_header_consistency().map_err(|cause| explain(cause, checks))?;
        let mut slots = Vec::new();
        for index in 0..archive.len() {
            slots.extend(slot(&mut archive, index, checks)?);
        }
        slots.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(Zip {
            archive: checks.archive.clone(),
            source: Arc::new(Mutex::new(archive.into_inner().into_inner().input)),
            slots: slots.into_iter(),
            meter: meter.clone(),
        })
    }

    pub(super) fn next(&mut self) -> Option<Found> {
        let slot = self.slots.next()?;
        let section = Section { source: Arc::clone(&self.source), at: slot.at, left: slot.packed };
        let place = format!("{}: {}", self.archive, slot.name);
        let decoder = slot.method.decoder(BufReader::with_capacity(BLOCK, section));
        let contents = Contents {
            input: Guarded::new(decoder, self.meter.clone(), &place),
            archive: self.archive.clone(),
            entry: slot.name.clone(),
            left: slot.size,
            size: slot.size,
            checksum: slot.checksum,
            read: Crc::new(),
        };
        Some(Found { name: slot.name, size: slot.size, contents: Box::new(contents) })
    }
}

/// What an entry of the directory is; `None` for a folder.
fn slot<R: Read + Seek>(archive: &mut ZipArchive<R>, index: usize, checks: &mut Checks) -> Result<Option<Slot>, Error> {
    let entry = archive.by_index_raw(index).map_err(|cause| explain(cause, checks))?;
    let raw = entry.name().map_err(|cause| explain(cause, checks))?.into_owned();
    // The kind of file, in the upper bits of what Unix calls its mode.
    let kind = entry.unix_mode().unwrap_or_default() & 0o170_000;
    if entry.is_dir() {
        return checks.folder(raw.as_bytes()).map(|()| None);
    }
    let (place, shown) = (checks.archive.clone(), shown(raw.as_bytes()));
    if kind != 0 && kind != 0o100_000 {
        let kind = if kind == 0o120_000 { "a symbolic link" } else { "neither a file nor a folder" };
        return Err(Error::NotAFile { archive: place, entry: shown, kind });
    }
    let unsupported = |reason: String| Error::Unsupported { archive: place, entry: shown, reason };
    if entry.encrypted() {
        return Err(unsupported("it is encrypted".to_owned()));
    }
    #[expect(deprecated, reason = "which named methods there are depends on the features that others enable")]
    let number = entry.compression().to_u16();
    let Some(method) = Method::of(number) else {
        return Err(unsupported(format!("packed by method {number}, which is not known here")));
    };
    let at = entry.data_start().ok_or_else(|| checks.malformed("an entry without a place"))?;
    let (packed, size, checksum) = (entry.compressed_size(), entry.size(), entry.crc32());
    drop(entry);
    let name = checks.file(raw.as_bytes(), size)?;
    Ok(Some(Slot { name, at, packed, size, checksum, method }))
}

impl Method {
    fn of(number: u16) -> Option<Self> {
        Some(match number {
            0 => Method::Stored,
            8 => Method::Deflate,
            12 => Method::Bzip2,
            93 => Method::Zstd,
            95 => Method::Xz,
            _ => return None,
        })
    }

    fn decoder(self, input: BufReader<Section>) -> Box<dyn Read + Send> {
        use super::Packing;
        let packing = match self {
            Method::Stored => return Box::new(input),
            Method::Deflate => return Box::new(flate2::bufread::DeflateDecoder::new(input)),
            Method::Bzip2 => Packing::Bzip2,
            Method::Zstd => Packing::Zstd,
            Method::Xz => Packing::Xz,
        };
        packing.made(input)
    }
}

/// So much may be read to find the directory and to hold it: what it takes in memory is a few times that.
fn allowance(checks: &Checks) -> Arc<AtomicU64> {
    const SEARCHED: u64 = 1 << 20;
    Arc::new(AtomicU64::new(checks.limits.entries.saturating_mul(100).saturating_add(SEARCHED)))
}

/// A file of which only so much may be read.
struct Bounded {
    input: Box<dyn Source>,
    left: Arc<AtomicU64>,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.load(Ordering::Relaxed);
        if left == 0 {
            return Err(io::Error::other("its directory is longer than so many entries need"));
        }
        let read = (&mut self.input).take(left).read(buffer)?;
        self.left.store(left - read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl Seek for Bounded {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.input.seek(to)
    }
}

fn explain(cause: ZipError, checks: &Checks) -> Error {
    match cause {
        ZipError::Io(cause) if cause.raw_os_error().is_some() => Error::Read { archive: checks.archive.clone(), cause },
        ZipError::Io(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => {
            Error::Truncated { place: checks.archive.clone() }
        }
        cause => checks.malformed(format!("no readable zip archive: {cause}").replace('\n', " ")),
    }
}

/// The bytes of one entry: as many as stated, with the stated checksum, or an error.
struct Contents {
    input: Guarded<Box<dyn Read + Send>>,
    archive: String,
    entry: String,
    left: u64,
    size: u64,
    checksum: u32,
    read: Crc,
}

impl Contents {
    fn damaged(&self, reason: String) -> io::Error {
        Error::Damaged { archive: self.archive.clone(), entry: self.entry.clone(), reason }.into()
    }

    /// What a failed read means: an entry is never cut off alone.
    fn explain(&self, cause: io::Error) -> io::Error {
        let below = cause.raw_os_error().is_some() || cause.get_ref().is_some_and(|inner| inner.is::<Error>());
        if below || cause.kind() == io::ErrorKind::Interrupted {
            return cause;
        }
        self.damaged(format!("unreadable data: {cause}"))
    }
}

impl Read for Contents {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            let more = self.input.read(&mut [0]).map_err(|cause| self.explain(cause))?;
            return match (more, self.read.sum() == self.checksum) {
                (0, true) => Ok(0),
                (0, false) => Err(self.damaged("its checksum is wrong".to_owned())),
                _ => Err(self.damaged(format!("more than the {} bytes that the archive states", self.size))),
            };
        }
        let left = self.left;
        let read = (&mut self.input).take(left).read(buffer).map_err(|cause| self.explain(cause))?;
        if read == 0 {
            return Err(self.damaged(format!("fewer than the {} bytes that the archive states", self.size)));
        }
        self.read.update(buffer.get(..read).unwrap_or_default());
        self.left -= read as u64;
        Ok(read)
    }
}
