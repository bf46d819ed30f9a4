//! Archives: each entry is read as a file of a folder would be, its kind told by its own name. An entry may be
//! packed itself; an archive within an archive is refused. What is of no known kind is named and passed over.
#![deny(clippy::indexing_slicing)]

use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use glossa_base::unpack::{self, Archive, Limits, is_archive};

use super::input::{Counted, Input, Place, read_error};
use super::{Entries, Entry, LONGEST_FIRST_LINE, SourceKind, may_be_read, read};
use crate::{Error, Options, provenance};

/// The documents of an archive's entries, one entry after another.
pub(crate) struct Reader {
    archive: Archive,
    path: PathBuf,
    given: Option<SourceKind>,
    options: Options,
    current: Option<Current>,
    done: bool,
}

/// The entry that is being read.
struct Current {
    entries: Entries,
    /// Whether damage ends it alone, and not the build.
    patient: bool,
}

impl Reader {
    pub(crate) fn new(
        path: &Path,
        given: Option<SourceKind>,
        options: &Options,
        bytes: &Arc<AtomicU64>,
    ) -> Result<Self, Error> {
        let file = Counted::open(path, bytes)?;
        let archive = Archive::new(&path.display().to_string(), file, &Limits::default())?;
        let (path, options) = (path.to_path_buf(), options.clone());
        Ok(Reader { archive, path, given, options, current: None, done: false })
    }

    fn advance(&mut self) -> Result<Option<Entry>, Error> {
        loop {
            if let Some(current) = &mut self.current {
                match current.entries.next() {
                    Some(Ok(entry)) => return Ok(Some(entry)),
                    Some(Err(error)) => {
                        let patient = current.patient && is_damage(&error);
                        self.current = None;
                        return if patient { Ok(Some(Entry::BadStream(error.to_string()))) } else { Err(error) };
                    }
                    None => self.current = None,
                }
            }
            let Some(entry) = self.archive.next() else { return Ok(None) };
            if let Some(passed_over) = self.begin(entry?)? {
                return Ok(Some(passed_over));
            }
        }
    }

    /// Begins to read an entry, or says that it is passed over.
    fn begin(&mut self, entry: unpack::Entry) -> Result<Option<Entry>, Error> {
        let place = Place { path: self.path.clone(), entry: Some(entry.name.clone()) };
        if is_archive(&entry.name) {
            return Err(Error::Nested { place: place.to_string() });
        }
        let path = Path::new(&entry.name);
        let hidden = entry.name.split('/').any(|part| part.starts_with('.'));
        if hidden || provenance::is_provenance(path) || !may_be_read(path) {
            return Ok(Some(Entry::PassedOver(place.to_string())));
        }
        let (by_name, mut input) = (SourceKind::of(path), entry.unpacked());
        let kind = match (self.given, by_name) {
            (Some(given), _) => Some(given),
            (None, Some(SourceKind::Jsonl) | None) => {
                let (line, whole) = peeked(input, &place)?;
                input = whole;
                SourceKind::refined(by_name, line.as_deref())
            }
            (None, known) => known,
        };
        let Some(kind) = kind else { return Ok(Some(Entry::PassedOver(place.to_string()))) };
        let entries = read(kind, input, place, &self.options)?;
        self.current = Some(Current { entries, patient: kind == SourceKind::Tweets });
        Ok(None)
    }
}

/// Whether what was packed cannot be unpacked; what the archive itself is to blame for is another error.
fn is_damage(error: &Error) -> bool {
    matches!(error, Error::Truncated { .. } | Error::Malformed { .. })
}

/// The first line of an input, and the input with it.
fn peeked(mut input: Input, place: &Place) -> Result<(Option<String>, Input), Error> {
    let mut start = Vec::new();
    let read = (&mut input).take(LONGEST_FIRST_LINE).read_until(b'\n', &mut start);
    read.map_err(|cause| read_error(place, place.line(1), cause))?;
    let line = std::str::from_utf8(&start).ok().map(str::to_owned);
    Ok((line, BufReader::new(Box::new(Cursor::new(start).chain(input)))))
}

impl Iterator for Reader {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let entry = self.advance().transpose();
        self.done = !matches!(entry, Some(Ok(_)));
        entry
    }
}
