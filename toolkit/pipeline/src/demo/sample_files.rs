//! The sample as files, in the shape that a user would bring: a text file of one document a line, and
//! labelled tables.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use glossa_base::atomic::{WholeFolder, write_file};
use glossa_base::manifest::Manifest;
use glossa_base::seed::{Purpose, Stream};
use glossa_base::{Failure, Outcome};

use super::outcome::SampleCounts;
use crate::sample::{SampleLanguage, labelled, labels, unlabelled};

const DOCUMENTS: usize = 3600;
const TRAIN: usize = 400;
const VALID: usize = 100;
const TEST: usize = 500;
/// Sentences to show predictions of.
const SHOWN: usize = 4;

type Labelled = (String, String);

/// Where the sample lies, and what of it is shown.
pub(super) struct SampleFiles {
    pub(super) text: PathBuf,
    pub(super) train: PathBuf,
    pub(super) valid: PathBuf,
    pub(super) test: PathBuf,
    /// A sentence to show the tokenizer on.
    pub(super) example: String,
    /// Sentences with labels that are in none of the files.
    pub(super) unseen: Vec<Labelled>,
    first_document: String,
    first_example: Labelled,
    counts: SampleCounts,
}

/// The code of a language.
pub(super) fn code(language: SampleLanguage) -> &'static str {
    match language {
        SampleLanguage::English => "en",
        SampleLanguage::Basque => "eu",
    }
}

/// The English name of a language.
pub(super) fn name(language: SampleLanguage) -> &'static str {
    match language {
        SampleLanguage::English => "English",
        SampleLanguage::Basque => "Basque",
    }
}

/// How generated text begins.
pub(super) fn prompt(language: SampleLanguage) -> &'static str {
    match language {
        SampleLanguage::English => "Yesterday",
        SampleLanguage::Basque => "Atzo",
    }
}

impl SampleFiles {
    /// Makes the sample and writes its folder.
    pub(super) fn write(out: &Path, language: SampleLanguage, seed: u64) -> Outcome<Self> {
        let stream = |part| Stream::new(seed, Purpose::Sample, 0, part);
        let documents = unlabelled(language, DOCUMENTS, stream(0));
        let mut seen: BTreeSet<String> = BTreeSet::new();
        let mut fresh = |part, count| fresh(language, count, stream(part), &mut seen);
        let (train, valid, test) = (fresh(1, TRAIN), fresh(2, VALID), fresh(3, TEST));
        let unseen = one_a_label(language, fresh(4, 100));
        let folder = WholeFolder::create(out)?;
        write_file(&folder.path().join("text.txt"), (documents.join("\n") + "\n").as_bytes())?;
        for (name, rows) in [("train", &train), ("valid", &valid), ("test", &test)] {
            write_file(&folder.path().join(format!("{name}.csv")), table(rows).as_bytes())?;
        }
        Manifest::new("sample", seed, serde_json::json!({"language": code(language)})).write(folder.path())?;
        folder.commit()?;
        let missing = || Failure::data("the sample is empty");
        let words = documents.iter().map(|document| glossa_text::words::count(document)).sum();
        Ok(SampleFiles {
            text: out.join("text.txt"),
            train: out.join("train.csv"),
            valid: out.join("valid.csv"),
            test: out.join("test.csv"),
            example: test.first().ok_or_else(missing)?.0.clone(),
            unseen,
            first_document: documents.into_iter().next().ok_or_else(missing)?,
            first_example: train.first().ok_or_else(missing)?.clone(),
            counts: SampleCounts {
                documents: DOCUMENTS,
                words,
                labels: labels(language).iter().map(|label| (*label).to_owned()).collect(),
                train: train.len(),
                valid: valid.len(),
                test: test.len(),
            },
        })
    }

    pub(super) fn counts(&self) -> SampleCounts {
        self.counts.clone()
    }

    /// What to say about the sample.
    pub(super) fn results(&self) -> Vec<String> {
        let SampleCounts { documents, words, labels, train, valid, test } = &self.counts;
        vec![
            format!("{}: {documents} documents without labels, {words} words, such as", self.text.display()),
            format!("  \"{}\"", self.first_document),
            format!(
                "{}: {train} sentences, each with one of {} labels ({}), such as",
                self.train.display(),
                labels.len(),
                labels.join(", ")
            ),
            format!("  {}: \"{}\"", self.first_example.1, self.first_example.0),
            format!("valid.csv and test.csv beside it: {valid} and {test} more, to judge by"),
        ]
    }
}

/// Labelled sentences that were not drawn before.
fn fresh(language: SampleLanguage, count: usize, stream: Stream, seen: &mut BTreeSet<String>) -> Vec<Labelled> {
    labelled(language, count, stream).into_iter().filter(|(text, _)| seen.insert(text.clone())).collect()
}

/// The first sentence of each of the first labels.
fn one_a_label(language: SampleLanguage, examples: Vec<Labelled>) -> Vec<Labelled> {
    let first = |label: &&str| examples.iter().find(|(_, found)| found == label).cloned();
    labels(language).iter().filter_map(first).take(SHOWN).collect()
}

/// Rows as CSV with a head.
fn table(rows: &[Labelled]) -> String {
    let mut text = "text,label\n".to_owned();
    for (sentence, label) in rows {
        let _ = writeln!(text, "\"{}\",{label}", sentence.replace('"', "\"\""));
    }
    text
}
