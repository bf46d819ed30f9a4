//! Opens token files: memory-mapped, and checked before the first token is given.
#![deny(clippy::indexing_slicing)]

use std::fs::File;
use std::ops::Range;
use std::path::Path;

use memmap2::Mmap;

use super::{END, FOOTER, HEADER, MAGIC, NARROW, VERSION, checksum};
use crate::Error;

/// An open token file.
#[derive(Debug)]
pub struct TokenFile {
    map: Mmap,
    tokens: Range<usize>,
    offsets: Range<usize>,
    narrow: bool,
    vocabulary_size: usize,
    digest: String,
    counts: [u64; 3],
}

/// Some tokens of a file, as they lie there.
#[derive(Debug, Clone, Copy)]
pub enum Tokens<'a> {
    /// Two bytes each.
    Narrow(&'a [[u8; 2]]),
    /// Four bytes each.
    Wide(&'a [[u8; 4]]),
}

impl<'a> Tokens<'a> {
    /// How many they are.
    pub fn len(&self) -> usize {
        match self {
            Tokens::Narrow(tokens) => tokens.len(),
            Tokens::Wide(tokens) => tokens.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The token at a place.
    pub fn get(&self, index: usize) -> Option<u32> {
        match self {
            Tokens::Narrow(tokens) => tokens.get(index).map(|bytes| u32::from(u16::from_le_bytes(*bytes))),
            Tokens::Wide(tokens) => tokens.get(index).map(|bytes| u32::from_le_bytes(*bytes)),
        }
    }

    /// A part of them; none where it reaches beyond.
    pub fn part(&self, range: Range<usize>) -> Option<Tokens<'a>> {
        match self {
            Tokens::Narrow(tokens) => tokens.get(range).map(Tokens::Narrow),
            Tokens::Wide(tokens) => tokens.get(range).map(Tokens::Wide),
        }
    }

    /// The tokens in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + use<'a> {
        let (narrow, wide): (&'a [[u8; 2]], &'a [[u8; 4]]) = match *self {
            Tokens::Narrow(tokens) => (tokens, &[]),
            Tokens::Wide(tokens) => (&[], tokens),
        };
        let narrow = narrow.iter().map(|bytes| u32::from(u16::from_le_bytes(*bytes)));
        narrow.chain(wide.iter().map(|bytes| u32::from_le_bytes(*bytes)))
    }

    /// Appends them to a vector.
    pub fn copy_into(&self, target: &mut Vec<u32>) {
        match self {
            Tokens::Narrow(tokens) => target.extend(tokens.iter().map(|bytes| u32::from(u16::from_le_bytes(*bytes)))),
            Tokens::Wide(tokens) => target.extend(tokens.iter().map(|bytes| u32::from_le_bytes(*bytes))),
        }
    }
}

impl TokenFile {
    /// Opens a file and checks all of it: sizes, counts, offsets, and that every token is in the
    /// vocabulary. The file must not be changed while it is open; glossa replaces such files whole,
    /// which leaves an open one as it was.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let damaged = |why: String| Error::TokenFile { path: path.to_path_buf(), why };
        let file = File::open(path).map_err(|cause| Error::read(path, cause))?;
        #[expect(unsafe_code, reason = "a memory map is the only way to read a corpus without holding it")]
        // SAFETY: the map is read-only and private to this value. Its bytes stay what they are as
        // long as nobody writes into the file, which no part of this tool does: files are replaced
        // whole, by renaming, and an open map keeps the former one.
        let map = unsafe { Mmap::map(&file) }.map_err(|cause| Error::read(path, cause))?;
        let found = version(&map).ok_or_else(|| damaged("it does not begin like one".to_owned()))?;
        if found > VERSION {
            let (found, known) = (u64::from(found), u64::from(VERSION));
            return Err(Error::NewerFormat { path: path.to_path_buf(), found, known });
        }
        let opened = layout(map).map_err(damaged)?;
        opened.check().map_err(|why| Error::TokenFile { path: path.to_path_buf(), why })?;
        Ok(opened)
    }

    /// The number of tokens of all documents.
    pub fn token_count(&self) -> u64 {
        self.counts[0]
    }

    /// The number of documents.
    pub fn document_count(&self) -> usize {
        (self.offsets.len() / 8).saturating_sub(1)
    }

    /// The number of words of all documents, before any rule.
    pub fn word_count(&self) -> u64 {
        self.counts[2]
    }

    /// The size of the vocabulary that the tokens are from.
    pub fn vocabulary_size(&self) -> usize {
        self.vocabulary_size
    }

    /// SHA-256 of the tokenizer's model, in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// All tokens, one document after another.
    pub fn tokens(&self) -> Tokens<'_> {
        let bytes = self.map.get(self.tokens.clone()).unwrap_or_default();
        if self.narrow { Tokens::Narrow(bytes.as_chunks().0) } else { Tokens::Wide(bytes.as_chunks().0) }
    }

    /// Where a document lies among all tokens.
    pub fn document_range(&self, document: usize) -> Option<Range<usize>> {
        let (numbers, _) = self.offset_bytes().as_chunks::<8>();
        let number =
            |index: usize| numbers.get(index).and_then(|bytes| usize::try_from(u64::from_le_bytes(*bytes)).ok());
        Some(number(document)?..number(document.checked_add(1)?)?)
    }

    /// The tokens of a document.
    pub fn document(&self, document: usize) -> Option<Tokens<'_>> {
        self.tokens().part(self.document_range(document)?)
    }

    /// Replaces the content of `target` by the tokens of a document; false where there is none.
    pub fn copy_document(&self, document: usize, target: &mut Vec<u32>) -> bool {
        target.clear();
        let found = self.document(document);
        if let Some(tokens) = found {
            tokens.copy_into(target);
        }
        found.is_some()
    }

    fn offset_bytes(&self) -> &[u8] {
        self.map.get(self.offsets.clone()).unwrap_or_default()
    }

    /// Offsets rise from 0 to the number of tokens; tokens are in the vocabulary.
    fn check(&self) -> Result<(), String> {
        let (numbers, _) = self.offset_bytes().as_chunks::<8>();
        let numbers = || numbers.iter().map(|bytes| u64::from_le_bytes(*bytes));
        if numbers().next() != Some(0) || numbers().next_back() != Some(self.counts[0]) || !numbers().is_sorted() {
            return Err("its document offsets are damaged".to_owned());
        }
        match self.tokens().iter().max() {
            Some(largest) if largest as usize >= self.vocabulary_size => {
                Err(format!("it holds token {largest}, its vocabulary has {}", self.vocabulary_size))
            }
            _ => Ok(()),
        }
    }
}

fn version(bytes: &[u8]) -> Option<u32> {
    let (magic, rest) = bytes.split_first_chunk::<16>()?;
    let (version, _) = rest.split_first_chunk::<4>()?;
    (magic == MAGIC).then_some(u32::from_le_bytes(*version))
}

/// Reads header and footer and finds the parts, which must fill the file exactly.
fn layout(map: Mmap) -> Result<TokenFile, String> {
    let cut = || "it is cut off".to_owned();
    let footer_at = map.len().checked_sub(FOOTER).filter(|at| *at >= HEADER).ok_or_else(cut)?;
    let header = map.get(..HEADER).ok_or_else(cut)?;
    let footer = map.get(footer_at..).ok_or_else(cut)?;
    if !footer.ends_with(END) {
        return Err(cut());
    }
    let number =
        |bytes: &[u8], at: usize| -> Option<u64> { Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk::<8>()?)) };
    let field = |at: usize| number(footer, at).ok_or_else(cut);
    let counts = [field(0)?, field(8)?, field(16)?];
    if field(24)? != checksum(header, counts) {
        return Err("its counts are damaged".to_owned());
    }
    let width = header.get(20..).and_then(|rest| rest.first_chunk::<4>()).map_or(0, |bytes| u32::from_le_bytes(*bytes));
    let vocabulary = number(header, 24).ok_or_else(cut)?;
    let vocabulary_size = usize::try_from(vocabulary).map_err(|_| "its vocabulary is too large".to_owned())?;
    let narrow = vocabulary_size <= NARROW;
    if width != if narrow { 2 } else { 4 } {
        return Err(format!("{width} bytes a token do not suit a vocabulary of {vocabulary_size}"));
    }
    let digest = header.get(32..).unwrap_or_default().iter().map(|byte| format!("{byte:02x}")).collect();
    let (tokens, offsets) =
        parts(counts, width as usize, footer_at).ok_or_else(|| "its size does not suit its counts".to_owned())?;
    Ok(TokenFile { map, tokens, offsets, narrow, vocabulary_size, digest, counts })
}

fn parts(counts: [u64; 3], width: usize, footer_at: usize) -> Option<(Range<usize>, Range<usize>)> {
    let [tokens, documents, _] = counts;
    let tokens_end = usize::try_from(tokens).ok()?.checked_mul(width)?.checked_add(HEADER)?;
    let offsets_at = tokens_end.checked_next_multiple_of(8)?;
    let offsets = usize::try_from(documents).ok()?.checked_add(1)?.checked_mul(8)?;
    (offsets_at.checked_add(offsets)? == footer_at).then_some((HEADER..tokens_end, offsets_at..footer_at))
}
