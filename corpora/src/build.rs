//! The build: read, clean, filter, find duplicates, split, write. Kept documents are spilled once;
//! when the duplicates are known they are copied into the shards of their splits.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use glossa_base::atomic::WholeFolder;
use glossa_base::hash::fingerprint;
use glossa_base::manifest::{FileRecord, Manifest};
use glossa_base::seed::{Purpose, Stream};
use glossa_base::{Outcome, Progress};

use crate::duplicates::{Bits, Collector, read_whole};
use crate::shards::{FORMAT, ShardWriter, Split};
use crate::source::{self, Entry, SourceFile};
use crate::{Document, Error, Options, STAGE, Source, SplitCounts, Summary, clean};

/// Builds a corpus folder at `out` from the sources, in their order. The folder appears whole or not
/// at all.
///
/// # Errors
/// The first unreadable place of a source, an option out of its range, or a corpus without training
/// documents.
pub fn build(sources: &[Source], options: &Options, out: &Path, progress: &dyn Progress) -> Outcome<Summary> {
    options.check()?;
    let files = source::files(sources)?;
    let folder = WholeFolder::create(out)?;
    let spill_folder = folder.path().join("spill");
    let spilled = |cause| Error::Spill { path: folder.path().to_path_buf(), cause };
    std::fs::create_dir(&spill_folder).map_err(spilled)?;

    let mut summary = Summary::default();
    let mut spill = Spill::create(&spill_folder).map_err(spilled)?;
    read_all(&files, options, &mut spill, &mut summary, progress)?;
    let repeated = spill.finish(options.remove_duplicates).map_err(spilled)?;
    write_shards(&spill_folder, folder.path(), &repeated, options, &mut summary).map_err(spilled)?;
    std::fs::remove_dir_all(&spill_folder).map_err(spilled)?;
    if summary.train.documents == 0 {
        return Err(empty(&files, &summary).into());
    }
    warn_of_empty_splits(options, &summary, progress);
    manifest(&files, options, &summary)?.write(folder.path())?;
    folder.commit()?;
    Ok(summary)
}

/// First pass: every document that passes the filters goes to the spill.
fn read_all(
    files: &[SourceFile],
    options: &Options,
    spill: &mut Spill,
    summary: &mut Summary,
    progress: &dyn Progress,
) -> Outcome<()> {
    let total = files.iter().map(|file| std::fs::metadata(&file.path).map_or(0, |metadata| metadata.len())).sum();
    progress.start("reading documents", Some(total), "bytes");
    let bytes = Arc::new(AtomicU64::new(0));
    let mut reported = 0;
    for file in files {
        for entry in source::open(file, options, &bytes)? {
            if let Some(kept) = sift(entry?, options, summary) {
                let added = spill.add(&kept, split_of(&kept.id, options));
                added.map_err(|cause| Error::Spill { path: spill.folder.clone(), cause })?;
            }
            let read = bytes.load(Ordering::Relaxed);
            if read > reported {
                progress.advance(read - reported);
                reported = read;
            }
        }
    }
    progress.finish(&format!("{} documents read, {} kept before duplicates", summary.read, spill.documents));
    Ok(())
}

/// Counts an entry; gives the cleaned document if it is to be kept.
fn sift(entry: Entry, options: &Options, summary: &mut Summary) -> Option<Document> {
    summary.read += 1;
    let dropped = &mut summary.dropped;
    let reason = match entry {
        Entry::Redirect => &mut dropped.redirects,
        Entry::OtherNamespace => &mut dropped.other_namespaces,
        Entry::OtherContent => &mut dropped.other_content,
        Entry::Document(mut document) => {
            document.text = clean(&document.text);
            document.title = document.title.map(|title| clean(&title)).filter(|title| !title.is_empty());
            if document.text.is_empty() {
                &mut dropped.empty
            } else if is_short(&document.text, options) {
                &mut dropped.too_short
            } else {
                return Some(document);
            }
        }
    };
    *reason += 1;
    None
}

fn is_short(text: &str, options: &Options) -> bool {
    text.chars().take(options.minimum_characters).count() < options.minimum_characters
        || text.split_whitespace().take(options.minimum_words).count() < options.minimum_words
}

/// The split that an id belongs to: the same for this id in every corpus of the same seed and shares.
fn split_of(id: &str, options: &Options) -> Split {
    let draw = f64::from(Stream::new(options.seed, Purpose::Split, 0, 0).uniform(fingerprint(id.as_bytes())));
    if draw < options.valid_share {
        Split::Valid
    } else if draw < options.valid_share + options.test_share {
        Split::Test
    } else {
        Split::Train
    }
}

/// Kept documents on the disk, with their splits, sizes and fingerprints.
struct Spill {
    folder: std::path::PathBuf,
    writer: BufWriter<File>,
    fingerprints: Collector,
    line: Vec<u8>,
    documents: u64,
}

/// Split, length of the line, characters, words.
const HEADER: usize = 1 + 3 * 8;

impl Spill {
    fn create(folder: &Path) -> io::Result<Self> {
        Ok(Spill {
            folder: folder.to_path_buf(),
            writer: BufWriter::with_capacity(1 << 16, File::create(folder.join("documents"))?),
            fingerprints: Collector::new(folder)?,
            line: Vec::new(),
            documents: 0,
        })
    }

    fn add(&mut self, document: &Document, split: Split) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, document)?;
        self.line.push(b'\n');
        let characters = document.text.chars().count();
        let words = document.text.split_whitespace().count();
        self.writer.write_all(&[split as u8])?;
        for number in [self.line.len(), characters, words] {
            self.writer.write_all(&(number as u64).to_le_bytes())?;
        }
        self.writer.write_all(&self.line)?;
        self.documents += 1;
        self.fingerprints.add(fingerprint(document.text.as_bytes()))
    }

    /// Ends the writing; marks the documents to leave out.
    fn finish(mut self, remove_duplicates: bool) -> io::Result<Bits> {
        self.writer.flush()?;
        if remove_duplicates { self.fingerprints.resolve() } else { Ok(Bits::new(0)) }
    }
}

/// Second pass: the spilled lines, duplicates left out, go to the shards.
fn write_shards(
    spill_folder: &Path,
    folder: &Path,
    repeated: &Bits,
    options: &Options,
    summary: &mut Summary,
) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(1 << 16, File::open(spill_folder.join("documents"))?);
    let mut writers = Split::ALL.map(|split| ShardWriter::new(folder, split, options.shard_bytes));
    let (mut header, mut line) = ([0; HEADER], Vec::new());
    let mut ordinal = 0;
    while read_whole(&mut reader, &mut header)? {
        let (split, numbers) = (header[0], &header[1..]);
        let mut numbers = numbers.chunks_exact(8).map(little_endian);
        let mut number = || numbers.next().unwrap_or_default();
        let (length, characters, words) = (number(), number(), number());
        line.clear();
        (&mut reader).take(length).read_to_end(&mut line)?;
        ordinal += 1;
        if repeated.is_set(ordinal - 1) {
            summary.dropped.duplicates += 1;
            continue;
        }
        let (writer, counts): (&mut ShardWriter<'_>, &mut SplitCounts) = match (split, &mut writers) {
            (0, [train, _, _]) => (train, &mut summary.train),
            (1, [_, valid, _]) => (valid, &mut summary.valid),
            (_, [_, _, test]) => (test, &mut summary.test),
        };
        writer.write(&line)?;
        counts.documents += 1;
        counts.characters += characters;
        counts.words += words;
    }
    writers.into_iter().try_for_each(ShardWriter::finish)
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

fn empty(files: &[SourceFile], summary: &Summary) -> Error {
    let dropped = &summary.dropped;
    let reasons = [
        ("redirects", dropped.redirects),
        ("other namespaces", dropped.other_namespaces),
        ("other content", dropped.other_content),
        ("empty", dropped.empty),
        ("too short", dropped.too_short),
        ("duplicates", dropped.duplicates),
        ("in valid and test", summary.valid.documents + summary.test.documents),
    ];
    let reasons: Vec<String> =
        reasons.iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!("{name} {count}")).collect();
    let reasons = if reasons.is_empty() { "no documents at all".to_owned() } else { reasons.join(", ") };
    let first = files.first().map_or_else(String::new, |file| file.path.display().to_string());
    let others = files.len().saturating_sub(1);
    let sources = if others == 0 { first } else { format!("{first} and {others} more") };
    Error::Empty { sources, read: summary.read, reasons }
}

fn warn_of_empty_splits(options: &Options, summary: &Summary, progress: &dyn Progress) {
    for (name, share, counts) in
        [("valid", options.valid_share, summary.valid), ("test", options.test_share, summary.test)]
    {
        if share > 0.0 && counts.documents == 0 {
            progress.line(&format!("no document fell into {name}; give {name}_share more than {share}"));
        }
    }
}

fn manifest(files: &[SourceFile], options: &Options, summary: &Summary) -> Outcome<Manifest> {
    let failed = |cause| glossa_base::Failure::data("cannot write a manifest").because(cause);
    let mut config = serde_json::to_value(options).map_err(failed)?;
    if let Some(fields) = config.as_object_mut() {
        fields.insert("format".to_owned(), FORMAT.into());
    }
    let mut manifest = Manifest::new(STAGE, options.seed, config);
    manifest.summary = serde_json::to_value(summary).map_err(failed)?;
    for file in files {
        manifest.inputs.push(FileRecord::of(&file.path, &file.path.display().to_string())?);
    }
    Ok(manifest)
}
