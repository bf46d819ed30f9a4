//! Where documents come from: one module a format, each with limits, each streaming.

mod cirrus;
mod dump;
mod input;
mod jsonl;
mod plain;
mod table;
pub(crate) mod tweets;
mod utf16;

use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use serde::{Deserialize, Serialize};

use crate::{Document, Error, Options, twitter, wikipedia};

/// The longest line, block, row or page.
const LIMIT: usize = 64 << 20;

/// The kinds that the hints name.
pub(crate) const KNOWN: &str = ".txt, .jsonl, .ndjson, .csv, .tsv, .xml, each also as .bz2 or .gz; CirrusSearch .json, WikiExtractor's wiki_00; \
     any other .bz2 is a MediaWiki dump";

/// A file or a folder of files to read documents from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file or folder.
    pub path: PathBuf,
    /// The files' kind; told by the extension where it is `None`.
    pub kind: Option<SourceKind>,
}

impl Source {
    /// A source whose kind its extension tells.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Source { path: path.into(), kind: None }
    }
}

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// Plain text, one document a [`DocumentUnit`].
    Text,
    /// One JSON object a line.
    Jsonl,
    /// Comma-separated, with a header.
    Csv,
    /// Tab-separated, with a header.
    Tsv,
    /// A MediaWiki XML export.
    Dump,
    /// A CirrusSearch dump: lines of an action and of a page in turn.
    Cirrus,
    /// What WikiExtractor writes as JSON: a page a line.
    WikiExtractor,
    /// Tweets, one object or one page a line.
    Tweets,
}

/// What is one document in a plain text file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DocumentUnit {
    /// Each line.
    #[default]
    Line,
    /// Lines up to an empty one.
    Block,
}

/// What a reader finds: a document, or one that its format says to leave out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    Document(Document),
    Redirect,
    Disambiguation,
    OtherNamespace,
    OtherContent,
    OtherLanguage,
    Retweet,
    /// A page that cannot be read: the file, its title and why.
    BadPage(String),
    /// A packed part of a file that cannot be read: the file, the place in it and why. It is no document.
    BadStream(String),
}

impl Entry {
    /// The bytes of its text.
    fn size(&self) -> usize {
        match self {
            Entry::Document(document) => document.text.len(),
            _ => 0,
        }
    }
}

/// A stream of entries; it ends after the first error.
pub(crate) type Entries = Box<dyn Iterator<Item = Result<Entry, Error>>>;

/// One file with its kind settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourceFile {
    pub(crate) path: PathBuf,
    pub(crate) kind: SourceKind,
}

impl SourceKind {
    /// The kind that a file's name tells; `None` when it tells nothing, or that it is the index of a dump.
    pub fn of(path: &Path) -> Option<SourceKind> {
        let name = path.file_name()?.to_str()?.to_lowercase();
        if wikipedia::is_index(&name) {
            return None;
        }
        let inner = without_packing(&name);
        match inner.rsplit_once('.').map(|(_, extension)| extension) {
            Some("txt" | "text") => Some(SourceKind::Text),
            Some("jsonl" | "ndjson") => Some(SourceKind::Jsonl),
            Some("csv") => Some(SourceKind::Csv),
            Some("tsv") => Some(SourceKind::Tsv),
            Some("xml") => Some(SourceKind::Dump),
            Some("json") if inner.contains("cirrussearch") => Some(SourceKind::Cirrus),
            _ if is_extractor_name(inner) => Some(SourceKind::WikiExtractor),
            _ if name.ends_with(".bz2") && !inner.ends_with(".json") => Some(SourceKind::Dump),
            _ => None,
        }
    }

    /// The kind that a file's name tells, or else its first line.
    fn detect(path: &Path) -> Option<SourceKind> {
        match SourceKind::of(path) {
            Some(SourceKind::Jsonl) => first_line(path)
                .and_then(|line| cirrus::kind_of(&line).or_else(|| tweets::kind_of(&line)))
                .filter(|kind| matches!(kind, SourceKind::Cirrus | SourceKind::Tweets))
                .or(Some(SourceKind::Jsonl)),
            None => first_line(path).and_then(|line| match line.trim_start_matches('\u{feff}') {
                line if line.starts_with("<mediawiki") => Some(SourceKind::Dump),
                line => cirrus::kind_of(line).or_else(|| tweets::kind_of(line)),
            }),
            known => known,
        }
    }
}

/// A name without `.bz2` or `.gz`.
fn without_packing(name: &str) -> &str {
    name.strip_suffix(".bz2").or_else(|| name.strip_suffix(".gz")).unwrap_or(name)
}

/// `wiki_00`, as WikiExtractor names its files.
fn is_extractor_name(name: &str) -> bool {
    let number = name.strip_prefix("wiki_").unwrap_or_default();
    number.len() >= 2 && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// The first line of a file, if it is short enough to be looked at.
fn first_line(path: &Path) -> Option<String> {
    const LONGEST: u64 = 4 << 20;
    let mut line = Vec::new();
    let mut input = input::open(path, &Arc::default()).ok()?.take(LONGEST);
    input.read_until(b'\n', &mut line).ok()?;
    Some(String::from_utf8_lossy(&line).into_owned())
}

/// The files of the sources: a folder's in the order of their names, those in folders inside it too;
/// hidden files and files of no known kind are left out of a folder, links to folders not followed.
pub(crate) fn files(sources: &[Source]) -> Result<Vec<SourceFile>, Error> {
    let mut files = Vec::new();
    for source in sources {
        let read = |cause| Error::Read { path: source.path.clone(), cause };
        if std::fs::metadata(&source.path).map_err(read)?.is_dir() {
            let before = files.len();
            walk(&source.path, source.kind, 0, &mut files)?;
            if files.len() == before {
                return Err(Error::EmptyFolder { path: source.path.clone() });
            }
        } else {
            let kind = source.kind.or_else(|| SourceKind::detect(&source.path));
            let kind = kind.ok_or_else(|| Error::UnknownKind { path: source.path.clone() })?;
            files.push(SourceFile { path: source.path.clone(), kind });
        }
    }
    Ok(files)
}

/// Folders nested deeper than this are left out.
const DEEPEST: usize = 32;

/// In a folder, a name that says nothing is no reason to look into a file, save `.json`. Among fetched pages
/// of tweets, only they count.
fn kind_in_folder(path: &Path, fetched: bool) -> Option<SourceKind> {
    let name = path.file_name()?.to_str()?.to_lowercase();
    if fetched {
        return twitter::is_page(&name).then_some(SourceKind::Tweets);
    }
    let known = SourceKind::of(path).is_some() || without_packing(&name).ends_with(".json");
    if known { SourceKind::detect(path) } else { None }
}

fn walk(folder: &Path, kind: Option<SourceKind>, depth: usize, files: &mut Vec<SourceFile>) -> Result<(), Error> {
    let read = |cause| Error::Read { path: folder.to_path_buf(), cause };
    if matches!(wikipedia::Record::read(folder), Ok(Some(record)) if !record.complete) {
        return Err(Error::Incomplete { path: folder.to_path_buf() });
    }
    let fetched = twitter::holds_pages(folder);
    let entries: Result<Vec<_>, _> = std::fs::read_dir(folder).map_err(read)?.collect();
    let mut entries = entries.map_err(read)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if entry.file_type().map_err(read)?.is_dir() {
            if !hidden && depth < DEEPEST {
                walk(&path, kind, depth + 1, files)?;
            }
        } else if !hidden
            && path.is_file()
            && !crate::provenance::is_provenance(&path)
            && let Some(found) = kind_in_folder(&path, fetched)
        {
            files.push(SourceFile { path, kind: kind.unwrap_or(found) });
        }
    }
    Ok(())
}

/// Opens a file; `bytes` counts what was read of it, for the progress.
pub(crate) fn open(file: &SourceFile, options: &Options, bytes: &Arc<AtomicU64>) -> Result<Entries, Error> {
    let input = || input::open(&file.path, bytes);
    Ok(match file.kind {
        SourceKind::Cirrus | SourceKind::WikiExtractor => {
            Box::new(cirrus::Reader::new(input()?, &file.path, &options.dump))
        }
        SourceKind::Text => Box::new(plain::Reader::new(input()?, &file.path, options.unit)),
        SourceKind::Jsonl => Box::new(jsonl::Reader::new(input()?, &file.path, &options.text_field)),
        SourceKind::Csv => Box::new(table::Reader::new(input()?, &file.path, b',', &options.text_field)?),
        SourceKind::Tsv => Box::new(table::Reader::new(input()?, &file.path, b'\t', &options.text_field)?),
        SourceKind::Dump => Box::new(dump::Reader::new(&file.path, &options.dump, bytes)?),
        SourceKind::Tweets => Box::new(tweets::Reader::new(input()?, &file.path, &options.tweets)),
    })
}

/// The documents of sources as they stand in them, neither cleaned nor filtered: to look at a source
/// before building from it. Of `options`, `unit` and `text_field` are used.
///
/// # Errors
/// A path that is missing or of no known kind; the iterator then gives each file's errors.
pub fn documents(
    sources: &[Source],
    options: &Options,
) -> Result<impl Iterator<Item = Result<Document, Error>> + use<>, Error> {
    let options = options.clone();
    let files = files(sources)?;
    let entries = files.into_iter().flat_map(move |file| match open(&file, &options, &Arc::default()) {
        Ok(entries) => entries,
        Err(error) => Box::new(std::iter::once(Err(error))) as Entries,
    });
    Ok(entries.filter_map(|entry| match entry {
        Ok(Entry::Document(document)) => Some(Ok(document)),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    }))
}

/// `stem:line`, the id of a document that has none of its own.
fn line_id(path: &Path, line: u64) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = without_packing(&name);
    let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem);
    format!("{stem}:{line}")
}
