//! Documents that passed the filters, on the disk until it is known which of them are duplicates, and in
//! which splits they belong. Each has a header with what the second pass must know.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use glossa_base::hash::fingerprint;
use glossa_base::seed::{Purpose, Stream};

use crate::clean::count_words;
use crate::duplicates::{Bits, Collector, read_whole};
use crate::near::Sketches;
use crate::shards::Split;
use crate::size::{Cuts, Weighed};
use crate::{Document, Options};

/// Split, then length of the line, characters, words and order of the hash.
const HEADER: usize = 1 + 4 * 8;

/// Kept documents under way to the disk.
pub(crate) struct Spill {
    /// Where they lie.
    pub(crate) path: PathBuf,
    writer: BufWriter<File>,
    fingerprints: Collector,
    sketches: Option<Sketches>,
    line: Vec<u8>,
    spaced: bool,
    /// How many there are.
    pub(crate) documents: u64,
}

/// A header that was read back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub(crate) ordinal: u64,
    pub(crate) length: u64,
    pub(crate) characters: u64,
    pub(crate) weighed: Weighed,
}

/// What is to happen to the documents.
pub(crate) struct Fate {
    /// Those whose text an earlier one has.
    pub(crate) repeated: Bits,
    /// The first document that each near duplicate is like.
    pub(crate) like: BTreeMap<u64, u64>,
    /// Where a size was asked for, what is beyond it.
    pub(crate) cuts: Cuts,
}

impl Spill {
    pub(crate) fn create(folder: &Path, sketches: Option<Sketches>, spaced: bool) -> io::Result<Self> {
        let path = folder.join("documents");
        Ok(Spill {
            writer: BufWriter::with_capacity(1 << 16, File::create(&path)?),
            path,
            fingerprints: Collector::new(folder)?,
            sketches,
            line: Vec::new(),
            spaced,
            documents: 0,
        })
    }

    pub(crate) fn add(&mut self, document: &Document, options: &Options) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, document)?;
        self.line.push(b'\n');
        let (split, order) = draw(&document.id, options);
        let characters = document.text.chars().count() as u64;
        let words = count_words(&document.text, self.spaced) as u64;
        self.writer.write_all(&[split as u8])?;
        for number in [self.line.len() as u64, characters, words, order] {
            self.writer.write_all(&number.to_le_bytes())?;
        }
        self.writer.write_all(&self.line)?;
        if let Some(sketches) = &mut self.sketches {
            sketches.add(self.documents, &document.text)?;
        }
        self.documents += 1;
        self.fingerprints.add(fingerprint(document.text.as_bytes()))
    }

    /// Ends the writing and decides what happens to each document.
    pub(crate) fn finish(mut self, options: &Options) -> io::Result<(PathBuf, Fate)> {
        self.writer.flush()?;
        let repeated = if options.remove_duplicates { self.fingerprints.resolve()? } else { Bits::new(0) };
        let like = match self.sketches {
            Some(sketches) => sketches.resolve(&repeated)?.later(),
            None => BTreeMap::new(),
        };
        let mut fate = Fate { repeated, like, cuts: Cuts::NONE };
        if let Some(size) = options.size {
            fate.cuts = Cuts::find(size, || weighed(&self.path, &fate, options))?;
        }
        Ok((self.path, fate))
    }
}

/// The split that an id belongs to, and its place in the order of hashes: the same for this id in every
/// corpus of the same seed and shares.
fn draw(id: &str, options: &Options) -> (Split, u64) {
    let stream = Stream::new(options.seed, Purpose::Split, 0, 0);
    let place = fingerprint(id.as_bytes());
    let share = f64::from(stream.uniform(place));
    let split = if share < options.valid_share {
        Split::Valid
    } else if share < options.valid_share + options.test_share {
        Split::Test
    } else {
        Split::Train
    };
    (split, stream.part(1).bits(place))
}

/// The documents that are no duplicates, without reading their texts.
fn weighed<'a>(
    path: &Path,
    fate: &'a Fate,
    options: &'a Options,
) -> io::Result<impl Iterator<Item = io::Result<Weighed>> + 'a> {
    let mut reader = Reader::open(path, fate)?;
    Ok(std::iter::from_fn(move || {
        loop {
            match reader.header().and_then(|header| header.map(|header| reader.skip(header)).transpose()) {
                Ok(Some(header)) if reader.fate.drops_duplicate(header.ordinal, options).is_none() => {
                    return Some(Ok(header.weighed));
                }
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(cause) => return Some(Err(cause)),
            }
        }
    }))
}

/// Why a document is a duplicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Duplicate {
    Exact,
    /// Nearly that of the document with this ordinal.
    Near(u64),
}

impl Fate {
    /// Whether a document is dropped as a duplicate.
    pub(crate) fn drops_duplicate(&self, ordinal: u64, options: &Options) -> Option<Duplicate> {
        if self.repeated.is_set(ordinal) {
            return Some(Duplicate::Exact);
        }
        let drops = options.remove_duplicates && !options.keep_near_duplicates;
        self.like.get(&ordinal).filter(|_| drops).map(|first| Duplicate::Near(*first))
    }
}

/// Reads the spilled documents back in their order. A near duplicate gets split and place of the first of
/// its kind, so that a size takes both or none.
pub(crate) struct Reader<'a> {
    reader: BufReader<File>,
    fate: &'a Fate,
    /// What the first documents of their kinds have, as far as they are wanted.
    firsts: BTreeMap<u64, (Split, u64)>,
    wanted: std::collections::BTreeSet<u64>,
    ordinal: u64,
}

impl<'a> Reader<'a> {
    pub(crate) fn open(path: &Path, fate: &'a Fate) -> io::Result<Self> {
        Ok(Reader {
            reader: BufReader::with_capacity(1 << 16, File::open(path)?),
            fate,
            firsts: BTreeMap::new(),
            wanted: fate.like.values().copied().collect(),
            ordinal: 0,
        })
    }

    /// The next header, or `None` at the end; then comes [`Reader::line`] or [`Reader::skip`].
    pub(crate) fn header(&mut self) -> io::Result<Option<Header>> {
        let mut bytes = [0; HEADER];
        if !read_whole(&mut self.reader, &mut bytes)? {
            return Ok(None);
        }
        let (split, numbers) = (bytes[0], &bytes[1..]);
        let mut numbers = numbers.chunks_exact(8).map(little_endian);
        let mut number = || numbers.next().unwrap_or_default();
        let (length, characters, words, mut order) = (number(), number(), number(), number());
        let mut split = Split::ALL.into_iter().find(|known| *known as u8 == split).unwrap_or(Split::Train);
        let ordinal = self.ordinal;
        self.ordinal += 1;
        if let Some(first) = self.fate.like.get(&ordinal).and_then(|first| self.firsts.get(first)) {
            (split, order) = *first;
        }
        if self.wanted.remove(&ordinal) {
            self.firsts.insert(ordinal, (split, order));
        }
        Ok(Some(Header { ordinal, length, characters, weighed: Weighed { split, order, words } }))
    }

    /// The document's line, its end included.
    pub(crate) fn line(&mut self, header: Header, line: &mut Vec<u8>) -> io::Result<()> {
        line.clear();
        (&mut self.reader).take(header.length).read_to_end(line).map(drop)
    }

    fn skip(&mut self, header: Header) -> io::Result<Header> {
        self.reader.seek_relative(header.length as i64)?;
        Ok(header)
    }
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
}
