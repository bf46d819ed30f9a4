//! The build: read, clean, filter, find duplicates, split, write. Kept documents are spilled once; when the
//! duplicates are known they are copied into the shards of their splits.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use glossa_base::atomic::WholeFolder;
use glossa_base::manifest::{FileRecord, Manifest};
use glossa_base::{Outcome, Progress};
use glossa_languages::{Limit, Writing};

use crate::clean::Cleaner;
use crate::near::{Likeness, Sketches, Unit};
use crate::shards::{FORMAT, ShardWriter, Split};
use crate::source::{self, Entry, SourceFile};
use crate::spill::{Duplicate, Fate, Reader, Spill};
use crate::summary::{Step, shortened};
use crate::{Document, Error, Options, STAGE, Source, Summary, provenance};

/// Builds a corpus folder at `out` from the sources, in their order. The folder appears whole or not
/// at all.
///
/// # Errors
/// The first unreadable place of a source, an option out of its range, or a corpus without training
/// documents.
pub fn build(sources: &[Source], options: &Options, out: &Path, progress: &dyn Progress) -> Outcome<Summary> {
    options.check()?;
    let files = source::files(sources)?;
    let language = options.language.as_ref();
    let cleaner = Cleaner::new(options)?;
    let paths: Vec<&Path> = files.iter().map(|file| file.path.as_path()).collect();
    let mut summary = Summary {
        examples_wanted: options.examples,
        remarks: cleaner.remarks(language),
        sources: provenance::beside(&paths)?,
        ..Summary::default()
    };
    summary.remarks.iter().for_each(|remark| progress.line(remark));
    let folder = WholeFolder::create(out)?;
    let spill_folder = folder.path().join("spill");
    let spilled = |cause| Error::Spill { path: folder.path().to_path_buf(), cause };
    std::fs::create_dir(&spill_folder).map_err(spilled)?;

    let mut spill = open_spill(&spill_folder, language, options).map_err(spilled)?;
    read_all(&files, options, &cleaner, &mut spill, &mut summary, progress)?;
    progress.start("finding duplicates", None, "documents");
    let (path, fate) = spill.finish(options).map_err(spilled)?;
    progress.finish(&format!("{} near duplicates found", fate.like.len()));
    write_shards(&path, folder.path(), &fate, options, &mut summary).map_err(spilled)?;
    std::fs::remove_dir_all(&spill_folder).map_err(spilled)?;
    if summary.train.documents == 0 {
        return Err(empty(&files, &summary).into());
    }
    warn_of_splits(options, &summary, progress);
    let manifest = manifest(&files, options, &summary)?;
    warn_of_other_files(&manifest, &summary, progress);
    manifest.write(folder.path())?;
    folder.commit()?;
    Ok(summary)
}

fn open_spill(folder: &Path, language: Option<&Writing>, options: &Options) -> io::Result<Spill> {
    let spaced = language.is_none_or(|language| language.spaced);
    let sketches = match options.cleaning.near_duplicates {
        Limit::Off => None,
        Limit::At(share) => {
            let unit = match language {
                Some(language) if !spaced => Unit::Characters(characters_of_shingle(language.script())),
                _ => Unit::Words,
            };
            let shortest = options.cleaning.near_duplicate_words.value().unwrap_or_default() as usize;
            // Two letters stand for a word, in the mean of Chinese, Japanese and Thai.
            let shortest = if spaced { shortest } else { 2 * shortest };
            let chains = options.keep_near_duplicates || !options.remove_duplicates;
            Some(Sketches::new(folder, Likeness { unit, share, shortest, chains })?)
        }
    };
    Spill::create(folder, sketches, spaced)
}

/// Characters that touch about two words where none are marked: of Chinese characters few are a word, of
/// the letters of Thai, Lao, Khmer or Burmese more.
fn characters_of_shingle(script: &str) -> usize {
    if script.starts_with("Han") || script == "Jpan" { 3 } else { 6 }
}

/// First pass: every document that passes the filters goes to the spill.
fn read_all(
    files: &[SourceFile],
    options: &Options,
    cleaner: &Cleaner,
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
            let entry = entry?;
            report_bad(&entry, summary, progress);
            if let Some(kept) = sift(entry, cleaner, summary) {
                let added = spill.add(&kept, options);
                added.map_err(|cause| Error::Spill { path: spill.path.clone(), cause })?;
            }
            let read = bytes.load(Ordering::Relaxed);
            if read > reported {
                progress.advance(read - reported);
                reported = read;
            }
        }
    }
    progress.finish(&format!("{} documents read, {} kept before duplicates", summary.read, spill.documents));
    if summary.passed_over > 0 {
        let remark = format!("{} entries of archives are of no known kind and were passed over", summary.passed_over);
        progress.line(&remark);
        summary.remarks.push(remark);
    }
    Ok(())
}

/// So much that is bad, and so much that is passed over, is named one by one; the rest is counted.
const NAMED: u64 = 20;

/// Names what could not be read, or was not.
fn report_bad(entry: &Entry, summary: &Summary, progress: &dyn Progress) {
    let bad = summary.dropped.bad_pages + summary.dropped.bad_lines + summary.bad_streams;
    match entry {
        Entry::BadPage(place) | Entry::BadLine(place) | Entry::BadStream(place) if bad < NAMED => {
            progress.line(&format!("left out: {place}"));
        }
        Entry::PassedOver(place) if summary.passed_over < NAMED => {
            progress.line(&format!("passed over: {place}"));
        }
        _ => {}
    }
}

/// Counts an entry; gives the cleaned document if it is to be kept.
fn sift(entry: Entry, cleaner: &Cleaner, summary: &mut Summary) -> Option<Document> {
    let parts = match entry {
        Entry::BadStream(_) => Some(&mut summary.bad_streams),
        Entry::PassedOver(_) => Some(&mut summary.passed_over),
        _ => None,
    };
    if let Some(parts) = parts {
        *parts += 1;
        return None;
    }
    summary.read += 1;
    match entry {
        Entry::Redirect => summary.dropped.redirects += 1,
        Entry::Disambiguation => summary.dropped.disambiguations += 1,
        Entry::ListPage => summary.dropped.list_pages += 1,
        Entry::BadPage(_) | Entry::BadStream(_) | Entry::PassedOver(_) => summary.dropped.bad_pages += 1,
        Entry::BadLine(_) => summary.dropped.bad_lines += 1,
        Entry::OtherNamespace => summary.dropped.other_namespaces += 1,
        Entry::OtherContent => summary.dropped.other_content += 1,
        Entry::OtherLanguage => summary.dropped.language += 1,
        Entry::Retweet => summary.dropped.retweets += 1,
        Entry::Document(document) => return cleaner.sift(document, summary),
    }
    None
}

/// Second pass: the spilled lines, duplicates and what is beyond the size left out, go to the shards.
fn write_shards(path: &Path, folder: &Path, fate: &Fate, options: &Options, summary: &mut Summary) -> io::Result<()> {
    let mut reader = Reader::open(path, fate)?;
    let mut writers = Split::ALL.map(|split| ShardWriter::new(folder, split, options.shard_bytes));
    let mut witnesses = Witnesses::of(fate, options.examples);
    let mut line = Vec::new();
    while let Some(header) = reader.header()? {
        reader.line(header, &mut line)?;
        let weighed = header.weighed;
        witnesses.see(header.ordinal, &line)?;
        if let Some(duplicate) = fate.drops_duplicate(header.ordinal, options) {
            witnesses.report(duplicate, &line, summary)?;
            continue;
        }
        if fate.cuts.exclude(weighed.split, weighed.order) {
            drop_line(Step::BeyondSize, &line, "", summary)?;
            continue;
        }
        summary.near_duplicates_kept += u64::from(fate.like.contains_key(&header.ordinal));
        writers[weighed.split as usize].write(&line)?;
        let counts = match weighed.split {
            Split::Train => &mut summary.train,
            Split::Valid => &mut summary.valid,
            Split::Test => &mut summary.test,
        };
        counts.documents += 1;
        counts.characters += header.characters;
        counts.words += weighed.words;
    }
    writers.into_iter().try_for_each(ShardWriter::finish)
}

/// The texts that the examples of near duplicates are like.
struct Witnesses(BTreeMap<u64, String>);

impl Witnesses {
    /// Those of the first few near duplicates.
    fn of(fate: &Fate, examples: usize) -> Self {
        Witnesses(fate.like.values().take(examples).map(|first| (*first, String::new())).collect())
    }

    fn see(&mut self, ordinal: u64, line: &[u8]) -> io::Result<()> {
        if let Some(text) = self.0.get_mut(&ordinal) {
            let document: Document = serde_json::from_slice(line)?;
            *text = format!("like {}: {}", document.id, shortened(&document.text));
        }
        Ok(())
    }

    fn report(&self, duplicate: Duplicate, line: &[u8], summary: &mut Summary) -> io::Result<()> {
        match duplicate {
            Duplicate::Exact => drop_line(Step::Duplicates, line, "", summary),
            Duplicate::Near(first) => {
                let like = self.0.get(&first).map_or("", String::as_str);
                drop_line(Step::NearDuplicates, line, like, summary)
            }
        }
    }
}

/// Counts a spilled document that is left out; its text is looked at only where examples are still wanted.
fn drop_line(step: Step, line: &[u8], why: &str, summary: &mut Summary) -> io::Result<()> {
    if !summary.wants_example(step) {
        summary.dropped(step, "", "", "");
        return Ok(());
    }
    let document: Document = serde_json::from_slice(line)?;
    summary.dropped(step, &document.id, &document.text, why);
    Ok(())
}

fn empty(files: &[SourceFile], summary: &Summary) -> Error {
    let held_out = ("in valid and test", summary.valid.documents + summary.test.documents);
    let reasons = summary.dropped.reasons().into_iter().chain([held_out]);
    let reasons: Vec<String> =
        reasons.filter(|(_, count)| *count > 0).map(|(name, count)| format!("{name} {count}")).collect();
    let reasons = if reasons.is_empty() { "no documents at all".to_owned() } else { reasons.join(", ") };
    let first = files.first().map_or_else(String::new, |file| file.path.display().to_string());
    let others = files.len().saturating_sub(1);
    let sources = if others == 0 { first } else { format!("{first} and {others} more") };
    Error::Empty { sources, read: summary.read, reasons }
}

fn warn_of_splits(options: &Options, summary: &Summary, progress: &dyn Progress) {
    for (name, share, counts) in
        [("valid", options.valid_share, summary.valid), ("test", options.test_share, summary.test)]
    {
        if share > 0.0 && counts.documents == 0 {
            progress.line(&format!("no document fell into {name}; give {name}_share more than {share}"));
        }
    }
    if let Some(size) = options.size.filter(|size| summary.train.words < *size) {
        progress.line(&format!("only {} words to learn from were found, {size} were asked for", summary.train.words));
    }
}

/// Says which inputs are not the files that were fetched; they may have been unpacked or changed since.
fn warn_of_other_files(manifest: &Manifest, summary: &Summary, progress: &dyn Progress) {
    for input in &manifest.inputs {
        let stated = summary.sources.iter().find_map(|record| record.stated_hash(&input.path));
        if stated.is_some_and(|stated| !stated.eq_ignore_ascii_case(&input.sha256)) {
            progress.line(&format!("{} is not the file that its source record names: its SHA-256 differs", input.path));
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
