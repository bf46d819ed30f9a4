//! What a corpus consists of: how long its documents are, which scripts they are in, which words are most
//! frequent, and what its build dropped and changed. It counts; how that is drawn is its caller's business.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use glossa_base::manifest::Manifest;
use glossa_base::{Outcome, Progress};
use glossa_languages::Segmenter;
use serde::Serialize;

use crate::clean::script_of;
use crate::{Error, Options, Split, Summary, read_split};

/// So many of the most frequent words are told.
const FREQUENT: usize = 50;
/// Different words that are counted at once; the rare ones give way beyond that.
const COUNTED: usize = 1 << 20;

/// Documents whose length lies from a number of words up to the double of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LengthBin {
    /// The least number of words.
    pub from: u64,
    /// Documents of at least so many words, and less than twice as many.
    pub documents: u64,
}

/// Letters of one script.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScriptShare {
    /// The script's name, such as `Latin`.
    pub script: String,
    /// Its letters.
    pub letters: u64,
    /// Their share of all letters.
    pub share: f64,
}

/// A word and how often it stands in the corpus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WordCount {
    /// The word, without its case.
    pub word: String,
    /// How often.
    pub count: u64,
}

/// Everything that is told of a corpus.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Statistics {
    /// The options that it was built with.
    pub options: Options,
    /// What its build counted.
    pub summary: Summary,
    /// Lengths, from the shortest.
    pub lengths: Vec<LengthBin>,
    /// Scripts, the most frequent first.
    pub scripts: Vec<ScriptShare>,
    /// Words, the most frequent first.
    pub words: Vec<WordCount>,
    /// Whether there were so many different words that the counts are slightly too low.
    pub words_are_approximate: bool,
}

/// Reads a corpus and counts. `segment` gives the words of a text.
///
/// # Errors
/// The folder is no corpus, or damaged.
pub fn statistics(
    folder: &Path,
    segment: &dyn Fn(&str, Segmenter) -> Vec<String>,
    progress: &dyn Progress,
) -> Outcome<Statistics> {
    let (options, summary) = described(folder)?;
    let segmenter = options.language.as_ref().map(|language| language.segmenter).unwrap_or_default();
    let documents = summary.train.documents + summary.valid.documents + summary.test.documents;
    progress.start("counting words", Some(documents), "documents");
    let (mut lengths, mut scripts, mut words) = (BTreeMap::new(), BTreeMap::new(), Counter::default());
    for split in Split::ALL {
        for document in read_split(folder, split)? {
            let text = document?.text;
            let found = segment(&text, segmenter);
            *lengths.entry(found.len().max(1).ilog2()).or_insert(0_u64) += 1;
            found.into_iter().for_each(|word| words.add(word));
            for script in text.chars().filter_map(script_of) {
                *scripts.entry(script.full_name()).or_insert(0_u64) += 1;
            }
            progress.advance(1);
        }
    }
    progress.finish(&format!("{documents} documents read"));
    let lengths = lengths.into_iter().map(|(power, documents)| LengthBin { from: 1 << power, documents }).collect();
    let words_are_approximate = words.forgotten > 0;
    Ok(Statistics {
        options,
        summary,
        lengths,
        scripts: shares(scripts),
        words: words.frequent(),
        words_are_approximate,
    })
}

/// How a corpus was built, as its manifest says.
///
/// # Errors
/// The folder is no corpus, or damaged.
pub fn options_of(folder: &Path) -> Outcome<Options> {
    described(folder).map(|(options, _)| options)
}

/// What the manifest says of the build.
fn described(folder: &Path) -> Outcome<(Options, Summary)> {
    // Whether it is a corpus at all.
    read_split(folder, Split::Train)?;
    let mut manifest = Manifest::read(folder)?;
    if let Some(fields) = manifest.config.as_object_mut() {
        fields.remove("format");
    }
    let refuse = |cause: serde_json::Error| Error::NotACorpus { path: folder.to_path_buf(), reason: cause.to_string() };
    let options = serde_json::from_value(manifest.config).map_err(refuse)?;
    Ok((options, serde_json::from_value(manifest.summary).map_err(refuse)?))
}

fn shares(scripts: BTreeMap<&str, u64>) -> Vec<ScriptShare> {
    let all = scripts.values().sum::<u64>().max(1);
    let share = |(script, letters): (&str, u64)| ScriptShare {
        script: script.to_owned(),
        letters,
        share: letters as f64 / all as f64,
    };
    let mut shares: Vec<ScriptShare> = scripts.into_iter().map(share).collect();
    shares.sort_by(|left, right| right.letters.cmp(&left.letters).then_with(|| left.script.cmp(&right.script)));
    shares
}

/// Counts words in bounded memory: when there are too many different ones, those that were seen least go
/// (lossy counting, Manku and Motwani 2002).
#[derive(Default)]
struct Counter {
    counts: HashMap<String, u64>,
    /// Words with at most this count were forgotten.
    forgotten: u64,
}

impl Counter {
    fn add(&mut self, word: String) {
        *self.counts.entry(word).or_insert(0) += 1;
        if self.counts.len() > COUNTED {
            self.forgotten += 1;
            let least = self.forgotten;
            self.counts.retain(|_, count| *count > least);
        }
    }

    fn frequent(self) -> Vec<WordCount> {
        let mut words: Vec<WordCount> =
            self.counts.into_iter().map(|(word, count)| WordCount { word, count }).collect();
        words.sort_unstable_by(|left, right| right.count.cmp(&left.count).then_with(|| left.word.cmp(&right.word)));
        words.truncate(FREQUENT);
        words
    }
}
