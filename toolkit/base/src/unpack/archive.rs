//! An archive as a row of entries, each a plain file with a checked name.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::limits::Meter;
use super::names::Names;
use super::packing::{layer, stem};
use super::tar::Tar;
use super::zip::Zip;
use super::{Error, Limits, Unpacked};

/// An archive that is being read. Its entries come in order: those of a zip archive by their names, those of a
/// tar archive, which can be read only from one end to the other, as they stand in it. Folders are passed
/// over. After an error there are no more.
pub struct Archive {
    format: Format,
    checks: Checks,
    /// What comes out of entries that are packed themselves.
    inner: Meter,
    done: bool,
}

enum Format {
    Tar(Tar),
    Zip(Zip),
}

/// A plain file of an archive; it is read as a [`Read`]. In a tar archive it must be read before the next
/// entry is asked for; what is left unread is passed over.
pub struct Entry {
    /// Its checked name, with slashes; unique in the archive, also where case does not count.
    pub name: String,
    /// Its bytes, as the archive states them: neither more nor fewer can be read of it.
    pub size: u64,
    archive: String,
    contents: Box<dyn Read + Send>,
    inner: Meter,
}

impl Entry {
    /// Its bytes, unpacked if they are packed themselves. All that is unpacked so from an archive may be no
    /// more than [`Limits::ratio`] times what was read of the archive.
    pub fn unpacked(self) -> Unpacked {
        layer(&format!("{}: {}", self.archive, self.name), self.contents, &self.inner, false)
    }
}

impl Read for Entry {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.contents.read(buffer)
    }
}

/// Whether a name is that of an archive: `.zip`, `.tar`, `.tar.gz`, `.tgz` and the like.
pub fn is_archive(name: &str) -> bool {
    const SHORT: [&str; 7] = [".zip", ".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".tzst"];
    let inner = super::without_packing(name);
    SHORT.iter().any(|suffix| stem(name, suffix).is_some()) || (inner != name && stem(inner, ".tar").is_some())
}

impl Archive {
    /// Opens an archive.
    ///
    /// # Errors
    /// A file that cannot be read; a zip archive whose directory is damaged, names files that are refused, or
    /// states more than the limits allow. A tar archive tells the same entry by entry.
    pub fn open(path: &Path, limits: &Limits) -> Result<Self, Error> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|cause| Error::Read { archive: name.clone(), cause })?;
        Archive::new(&name, file, limits)
    }

    /// The same for a file that is open; `name` is what errors call it, and tells its packing.
    ///
    /// # Errors
    /// As of [`Archive::open`].
    pub fn new(name: &str, input: impl Read + Seek + Send + 'static, limits: &Limits) -> Result<Self, Error> {
        let meter = Meter::new(limits.ratio);
        let inner = meter.another_layer();
        let mut input = meter.counted(input);
        let is_zip = begins_zip(&mut input).map_err(|cause| Error::reading(name, cause))?;
        let mut checks = Checks::new(name, limits);
        let format = if is_zip || stem(name, ".zip").is_some() {
            Format::Zip(Zip::read(Box::new(input), &mut checks, &meter)?)
        } else {
            // The meter counts already.
            Format::Tar(Tar::new(layer(name, input, &meter, false)))
        };
        Ok(Archive { format, checks, inner, done: false })
    }
}

fn begins_zip(input: &mut (impl Read + Seek)) -> io::Result<bool> {
    let mut start = Vec::new();
    input.take(4).read_to_end(&mut start)?;
    input.seek(SeekFrom::Start(0))?;
    Ok(start == b"PK\x03\x04" || start == b"PK\x05\x06")
}

impl Iterator for Archive {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let found = match &mut self.format {
            Format::Tar(tar) => tar.next(&mut self.checks).transpose(),
            Format::Zip(zip) => zip.next().map(Ok),
        };
        self.done = !matches!(found, Some(Ok(_)));
        let entry = |Found { name, size, contents }| Entry {
            name,
            size,
            archive: self.checks.archive.clone(),
            contents,
            inner: self.inner.clone(),
        };
        found.map(|found| found.map(entry))
    }
}

/// An entry as a format finds it.
pub(super) struct Found {
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) contents: Box<dyn Read + Send>,
}

/// What is checked of every entry, in every format.
pub(super) struct Checks {
    pub(super) archive: String,
    pub(super) limits: Limits,
    names: Names,
    entries: u64,
    total: u64,
}

impl Checks {
    fn new(archive: &str, limits: &Limits) -> Self {
        let names = Names::new(archive, limits.entries);
        Checks { archive: archive.to_owned(), limits: *limits, names, entries: 0, total: 0 }
    }

    /// Counts something that takes up room in the archive.
    pub(super) fn count(&mut self) -> Result<(), Error> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(Error::TooMany { archive: self.archive.clone(), limit: self.limits.entries });
        }
        Ok(())
    }

    pub(super) fn folder(&mut self, name: &[u8]) -> Result<(), Error> {
        self.names.admit(name, false).map(drop)
    }

    /// Checks a plain file; gives its name.
    pub(super) fn file(&mut self, name: &[u8], bytes: u64) -> Result<String, Error> {
        let entry = self.names.admit(name, true)?;
        let (archive, Limits { entry_bytes, total_bytes, .. }) = (self.archive.clone(), self.limits);
        if bytes > entry_bytes {
            return Err(Error::TooLarge { archive, entry, bytes, limit: entry_bytes });
        }
        self.total = self.total.saturating_add(bytes);
        if self.total > total_bytes {
            return Err(Error::TooMuch { archive, entry, limit: total_bytes });
        }
        Ok(entry)
    }

    pub(super) fn malformed(&self, reason: impl Into<String>) -> Error {
        Error::Malformed { archive: self.archive.clone(), reason: reason.into() }
    }
}
