//! tar: header, contents, header, contents, and at the end a block of zeros. The crate `tar` reads headers; its
//! own iterator holds long names of any length and takes a file that is cut off between two entries for
//! a whole one, so the walk is ours.

use std::io::{self, Read};
use std::sync::{Arc, Mutex};

use ::tar::{EntryType, Header, PaxExtensions};

use super::archive::{Checks, Found};
use super::names::shown;
use super::section::{Shared, held};
use super::{Error, Unpacked};

/// A header's bytes; contents are filled up to a multiple of it.
const BLOCK: usize = 512;
/// The longest extension of a header: a long name, or what POSIX adds.
const LONGEST_EXTENSION: u64 = 64 << 10;

/// A tar archive that is being read.
pub(super) struct Tar {
    stream: Shared<Stream>,
}

/// The archive's bytes, up to the end of the current entry.
struct Stream {
    input: Unpacked,
    /// Which entry it is, so that readers of earlier ones find nothing.
    current: u64,
    left: u64,
    padding: u64,
}

/// What stands before a header and is said of its entry.
#[derive(Default)]
struct Extension {
    name: Option<Vec<u8>>,
    size: Option<u64>,
    sparse: bool,
}

impl Tar {
    pub(super) fn new(input: Unpacked) -> Self {
        Tar { stream: Arc::new(Mutex::new(Stream { input, current: 0, left: 0, padding: 0 })) }
    }

    /// The next plain file; `None` after the mark of the end.
    pub(super) fn next(&mut self, checks: &mut Checks) -> Result<Option<Found>, Error> {
        let mut extension = Extension::default();
        loop {
            let mut stream = held(&self.stream);
            let header = stream.header(checks)?;
            let Some(header) = header else { return Ok(None) };
            checks.count()?;
            let kind = header.entry_type();
            if stream.extends(&header, &mut extension, checks)? {
                continue;
            }
            let Extension { name, size, sparse } = std::mem::take(&mut extension);
            let name = name.unwrap_or_else(|| header.path_bytes().into_owned());
            let size = size.map_or_else(|| stated_size(&header, checks), Ok)?;
            if kind.is_dir() || (is_plain(kind) && name.ends_with(b"/")) {
                checks.folder(&name)?;
                // Some programs state a size here; nothing follows all the same.
                continue;
            }
            if sparse || !is_plain(kind) {
                let kind = if sparse { "a sparse file" } else { in_words(kind) };
                return Err(Error::NotAFile { archive: checks.archive.clone(), entry: shown(&name), kind });
            }
            let name = checks.file(&name, size)?;
            stream.begin(size);
            let contents = Contents {
                stream: Arc::clone(&self.stream),
                number: stream.current,
                place: format!("{}: {name}", checks.archive),
            };
            return Ok(Some(Found { name, size, contents: Box::new(contents) }));
        }
    }
}

fn is_plain(kind: EntryType) -> bool {
    kind.is_file() || kind.is_contiguous()
}

fn in_words(kind: EntryType) -> &'static str {
    match kind {
        EntryType::Symlink => "a symbolic link",
        EntryType::Link => "a hard link",
        EntryType::Char | EntryType::Block => "a device",
        EntryType::Fifo => "a pipe",
        EntryType::GNUSparse => "a sparse file",
        _ => "an entry of an unknown kind",
    }
}

fn stated_size(header: &Header, checks: &Checks) -> Result<u64, Error> {
    header.entry_size().map_err(|_| checks.malformed("a header without a size"))
}

impl Stream {
    /// Begins contents of so many bytes.
    fn begin(&mut self, size: u64) {
        self.current += 1;
        self.left = size;
        self.padding = (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64;
    }

    /// Passes over what is left of the current entry and reads the next header; `None` at the end.
    fn header(&mut self, checks: &Checks) -> Result<Option<Header>, Error> {
        let failed = |cause| Error::reading(&checks.archive, cause);
        let rest = self.left.saturating_add(self.padding);
        let passed = io::copy(&mut (&mut self.input).take(rest), &mut io::sink()).map_err(failed)?;
        self.begin(0);
        let mut header = Header::new_old();
        if passed < rest {
            return Err(Error::Truncated { place: checks.archive.clone() });
        }
        self.input.read_exact(header.as_mut_bytes()).map_err(failed)?;
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            return self.end(checks).map(|()| None);
        }
        // The checksum counts its own eight bytes as spaces.
        let counted = header.as_bytes().iter().enumerate().map(|(at, byte)| match at {
            148..156 => u32::from(b' '),
            _ => u32::from(*byte),
        });
        if header.cksum().ok() != Some(counted.sum()) {
            return Err(checks.malformed("a header whose checksum is wrong; it is no tar archive, or a damaged one"));
        }
        Ok(Some(header))
    }

    /// Reads to the end of the file, so that the checksum of its packing is looked at.
    fn end(&mut self, checks: &Checks) -> Result<(), Error> {
        let mut block = vec![0; 1 << 14];
        loop {
            let read = self.input.read(&mut block).map_err(|cause| Error::reading(&checks.archive, cause))?;
            if read == 0 {
                return Ok(());
            }
            if block.iter().take(read).any(|byte| *byte != 0) {
                return Err(checks.malformed("something follows the mark of its end"));
            }
        }
    }

    /// Reads what a header says of the next one, if it is such a header.
    fn extends(&mut self, header: &Header, extension: &mut Extension, checks: &Checks) -> Result<bool, Error> {
        let kind = header.entry_type();
        let (long_name, posix) = (kind.is_gnu_longname(), kind.is_pax_local_extensions());
        if !long_name && !posix && !kind.is_gnu_longlink() && !kind.is_pax_global_extensions() {
            return Ok(false);
        }
        let size = stated_size(header, checks)?;
        if size > LONGEST_EXTENSION {
            return Err(checks.malformed(format!("an extension of a header with {size} bytes")));
        }
        self.begin(size);
        let mut bytes = Vec::new();
        let read = (&mut self.input).take(size).read_to_end(&mut bytes);
        read.map_err(|cause| Error::reading(&checks.archive, cause))?;
        self.left -= bytes.len() as u64;
        if long_name {
            let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            bytes.truncate(end);
            extension.name = Some(bytes);
        } else if posix {
            extension.add(&bytes).ok_or_else(|| checks.malformed("an extension of a header that is damaged"))?;
        }
        Ok(true)
    }
}

impl Extension {
    /// Adds what POSIX knows, `key=value` by line.
    fn add(&mut self, bytes: &[u8]) -> Option<()> {
        for record in PaxExtensions::new(bytes) {
            let record = record.ok()?;
            match record.key_bytes() {
                b"path" => self.name = Some(record.value_bytes().to_vec()),
                b"size" => self.size = Some(record.value().ok()?.parse().ok()?),
                key => self.sparse |= key.starts_with(b"GNU.sparse."),
            }
        }
        Some(())
    }
}

/// The bytes of one entry.
struct Contents {
    stream: Shared<Stream>,
    number: u64,
    place: String,
}

impl Read for Contents {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut stream = held(&self.stream);
        if stream.current != self.number {
            return Err(io::Error::other("the archive has moved on to another entry"));
        }
        let left = stream.left;
        let read = match (&mut stream.input).take(left).read(buffer) {
            Ok(read) => read,
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => return Err(cause),
            Err(cause) => return Err(Error::reading(&self.place, cause).into()),
        };
        if read == 0 && left > 0 && !buffer.is_empty() {
            return Err(Error::Truncated { place: self.place.clone() }.into());
        }
        stream.left -= read as u64;
        Ok(read)
    }
}
