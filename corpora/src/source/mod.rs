//! Where documents come from: one module a format, each with limits, each streaming.

mod archive;
mod cirrus;
mod dump;
mod input;
mod jsonl;
#[cfg(feature = "parquet")]
mod parquet;
mod plain;
mod table;
pub(crate) mod tweets;
mod utf16;

use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use glossa_base::unpack::{is_archive, without_packing};
use serde::{Deserialize, Serialize};

use self::input::{Input, Place};
use crate::{Document, Error, Options, twitter, wikipedia};

/// The longest line, block, row or page.
const LIMIT: usize = 64 << 20;

/// The kinds that the hints name.
pub(crate) const KNOWN: &str = ".txt, .jsonl, .ndjson, .csv, .tsv, .xml, CirrusSearch .json, WikiExtractor's wiki_00, each also as .bz2, .gz, .zst or \
     .xz, and inside .zip, .tar, .tar.gz and the like; .parquet; any other .bz2 is a MediaWiki dump; tweets with --kind";

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
    /// Columns, as data sets are published.
    Parquet,
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
    /// A page that is a list and little else.
    ListPage,
    OtherNamespace,
    OtherContent,
    OtherLanguage,
    Retweet,
    /// A page that cannot be read: the file, its title and why.
    BadPage(String),
    /// A packed part of a file that cannot be read: the file, the place in it and why. It is no document.
    BadStream(String),
    /// A line of tweets that cannot be read: the place and why.
    BadLine(String),
    /// An entry of an archive that is not read: the archive and the entry. It is no document.
    PassedOver(String),
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

/// One file with its form settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourceFile {
    pub(crate) path: PathBuf,
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Documents.
    Plain(SourceKind),
    /// Files; of the given kind, or each of the kind that its name tells.
    Archive(Option<SourceKind>),
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
            Some("parquet") => Some(SourceKind::Parquet),
            Some("json") if inner.contains("cirrussearch") => Some(SourceKind::Cirrus),
            _ if is_extractor_name(inner) => Some(SourceKind::WikiExtractor),
            _ if name.ends_with(".bz2") && !inner.ends_with(".json") => Some(SourceKind::Dump),
            _ => None,
        }
    }

    /// The kind that a file's name tells, or else its first line.
    fn detect(path: &Path) -> Option<SourceKind> {
        match SourceKind::of(path) {
            known @ (Some(SourceKind::Jsonl) | None) => SourceKind::refined(known, first_line(path).as_deref()),
            known => known,
        }
    }

    /// The kind by a name, and by the first line where the name leaves that open.
    fn refined(by_name: Option<SourceKind>, line: Option<&str>) -> Option<SourceKind> {
        let by_line = line.and_then(|line| match line.trim_start_matches('\u{feff}') {
            line if line.starts_with("<mediawiki") => Some(SourceKind::Dump),
            line => cirrus::kind_of(line).or_else(|| tweets::kind_of(line)),
        });
        match by_name {
            Some(SourceKind::Jsonl) => {
                by_line.filter(|kind| matches!(kind, SourceKind::Cirrus | SourceKind::Tweets)).or(by_name)
            }
            None => by_line,
            known => known,
        }
    }
}

/// `wiki_00`, as WikiExtractor names its files.
fn is_extractor_name(name: &str) -> bool {
    let number = name.strip_prefix("wiki_").unwrap_or_default();
    number.len() >= 2 && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// A first line that tells a kind is no longer.
const LONGEST_FIRST_LINE: u64 = 4 << 20;

/// The first line of a file, if it is short enough to be looked at.
fn first_line(path: &Path) -> Option<String> {
    let mut line = Vec::new();
    let mut input = input::open(path, &Arc::default()).ok()?.take(LONGEST_FIRST_LINE);
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
            let form = if is_archive(&file_name(&source.path)) {
                Some(Form::Archive(source.kind))
            } else {
                source.kind.or_else(|| SourceKind::detect(&source.path)).map(Form::Plain)
            };
            let form = form.ok_or_else(|| Error::UnknownKind { path: source.path.clone() })?;
            files.push(SourceFile { path: source.path.clone(), form });
        }
    }
    Ok(files)
}

/// Folders nested deeper than this are left out.
const DEEPEST: usize = 32;

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// In a folder, a name that says nothing is no reason to look into a file, save `.json`.
/// Among fetched pages of tweets, only they count.
fn form_in_folder(path: &Path, given: Option<SourceKind>, fetched: bool) -> Option<Form> {
    if fetched {
        return twitter::is_page(&file_name(path)).then_some(Form::Plain(SourceKind::Tweets));
    }
    if is_archive(&file_name(path)) {
        return Some(Form::Archive(given));
    }
    if !may_be_read(path) {
        return None;
    }
    given.or_else(|| SourceKind::detect(path)).map(Form::Plain)
}

/// Whether a name tells a kind, or that its first line may.
fn may_be_read(path: &Path) -> bool {
    let name = file_name(path).to_lowercase();
    SourceKind::of(path).is_some() || without_packing(&name).ends_with(".json")
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
            && let Some(form) = form_in_folder(&path, kind, fetched)
        {
            files.push(SourceFile { path, form });
        }
    }
    Ok(())
}

/// Opens a file; `bytes` counts what was read of it, for the progress.
pub(crate) fn open(file: &SourceFile, options: &Options, bytes: &Arc<AtomicU64>) -> Result<Entries, Error> {
    let place = Place::file(&file.path);
    match file.form {
        Form::Archive(kind) => Ok(Box::new(archive::Reader::new(&file.path, kind, options, bytes)?)),
        Form::Plain(SourceKind::Dump) => Ok(Box::new(dump::Reader::new(&file.path, &options.dump, bytes)?)),
        Form::Plain(SourceKind::Parquet) => open_parquet(&file.path, options, bytes),
        Form::Plain(kind) => read(kind, input::open(&file.path, bytes)?, place, options),
    }
}

/// Reads a file from its beginning to its end.
fn read(kind: SourceKind, input: Input, place: Place, options: &Options) -> Result<Entries, Error> {
    Ok(match kind {
        SourceKind::Cirrus | SourceKind::WikiExtractor => Box::new(cirrus::Reader::new(input, &place, &options.dump)),
        SourceKind::Text => Box::new(plain::Reader::new(input, &place, options.unit)),
        SourceKind::Jsonl => Box::new(jsonl::Reader::new(input, &place, &options.text_field)),
        SourceKind::Csv => Box::new(table::Reader::new(input, &place, b',', &options.text_field)?),
        SourceKind::Tsv => Box::new(table::Reader::new(input, &place, b'\t', &options.text_field)?),
        SourceKind::Dump => Box::new(dump::Reader::of_stream(input, place, &options.dump)?),
        SourceKind::Tweets => Box::new(tweets::Reader::new(input, &place, &options.tweets)),
        SourceKind::Parquet => {
            let reason = "its end is read first, so it must be a file of its own";
            return Err(Error::NoParquet { place: place.to_string(), reason });
        }
    })
}

#[cfg(feature = "parquet")]
fn open_parquet(path: &Path, options: &Options, bytes: &Arc<AtomicU64>) -> Result<Entries, Error> {
    if without_packing(&file_name(path)) != file_name(path) {
        return read(SourceKind::Parquet, input::open(path, bytes)?, Place::file(path), options);
    }
    Ok(Box::new(parquet::Reader::new(path, &options.text_field, bytes)?))
}

#[cfg(not(feature = "parquet"))]
fn open_parquet(path: &Path, _options: &Options, _bytes: &Arc<AtomicU64>) -> Result<Entries, Error> {
    let reason = "this glossa was built without the feature `parquet`";
    Err(Error::NoParquet { place: path.display().to_string(), reason })
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

/// `stem:line`, the id of a document that has none of its own. In an archive it is what it would be in the
/// unpacked folder.
fn line_id(place: &Place, line: u64) -> String {
    let name = place.name();
    let stem = without_packing(&name);
    let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem);
    format!("{stem}:{line}")
}
