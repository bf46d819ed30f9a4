//! A corpus from sources to shards and back.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use glossa_base::manifest::Manifest;
use glossa_base::seed::{Purpose, Stream};
use glossa_base::{Outcome, Silent};
use glossa_corpora::{Document, Error, Options, Source, Split, Summary, build, clean, read_split};
use glossa_languages::Cleaning;

fn check_clean(text: &str, expected: &str) {
    assert_eq!(clean(text), expected, "from {text:?}");
}

#[test]
fn texts_are_cleaned() {
    check_clean(" a \t b\r\n\n\u{a0}\nc\u{2029}d\u{0}e\u{85}f", "a b\nc\nde\nf");
    check_clean("e\u{301} so\u{ad}ft\u{feff}", "é soft");
    check_clean("می\u{200c}خواهم", "می\u{200c}خواهم");
    check_clean("a \u{1} b\n\u{ad}\n", "a b");
    check_clean("", "");
}

/// The default filters with some changed: `name=value`, spaces between them.
fn cleaning(changes: &str) -> Cleaning {
    let mut cleaning = Cleaning::default();
    for (name, value) in changes.split_whitespace().map(|change| change.split_once('=').unwrap()) {
        cleaning.set(name, value).unwrap();
    }
    cleaning
}

fn no_held_out() -> Options {
    Options { valid_share: 0.0, test_share: 0.0, ..Options::default() }
}

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Place { folder: tempfile::tempdir().unwrap() }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("corpus")
    }

    fn build(&self, name: &str, options: &Options) -> Outcome<Summary> {
        build(&[Source::new(self.folder.path().join(name))], options, &self.out(), &Silent)
    }
}

fn documents(corpus: &Path, split: Split) -> Vec<Document> {
    read_split(corpus, split).unwrap().collect::<Result<_, _>>().unwrap()
}

/// Sentences of made-up words, all different.
fn sentences(count: u64) -> String {
    let stream = Stream::new(3, Purpose::Sample, 0, 0);
    (0..count).map(|line| format!("word{} number {line}\n", stream.below(line, 1000))).collect()
}

#[test]
fn splits_are_disjoint_stable_and_about_as_large_as_asked() {
    let place = Place::new();
    place.write("a.txt", &sentences(5000));
    let options = Options { valid_share: 0.1, test_share: 0.05, shard_bytes: 20_000, ..Options::default() };
    let summary = place.build("a.txt", &options).unwrap();
    assert_eq!((summary.read, summary.dropped.total()), (5000, 0));
    assert!((400..600).contains(&summary.valid.documents), "{summary:?}");
    assert!((180..320).contains(&summary.test.documents), "{summary:?}");
    let mut ids = BTreeMap::new();
    for split in Split::ALL {
        for document in documents(&place.out(), split) {
            assert!(ids.insert(document.id, split).is_none());
        }
    }
    assert_eq!(ids.len(), 5000);

    // More text leaves every document where it was.
    place.write("a.txt", &sentences(6000));
    place.build("a.txt", &options).unwrap();
    for split in Split::ALL {
        for document in documents(&place.out(), split) {
            assert!(ids.get(&document.id).is_none_or(|former| *former == split), "{} moved", document.id);
        }
    }
    let other = Options { seed: 1, ..options };
    place.build("a.txt", &other).unwrap();
    assert!(documents(&place.out(), Split::Test).iter().any(|document| ids.get(&document.id) == Some(&Split::Train)));
}

#[test]
fn order_and_shards_are_kept_and_two_builds_are_equal() {
    let place = Place::new();
    place.write("a.txt", &sentences(3000));
    let options = Options { shard_bytes: 10_000, ..Options::default() };
    place.build("a.txt", &options).unwrap();
    let manifest = Manifest::read(&place.out()).unwrap();
    manifest.verify(&place.out()).unwrap();
    let shards = manifest.outputs.iter().filter(|record| record.path.starts_with("train-")).count();
    assert!(shards > 5, "{shards} shards");
    assert!(manifest.outputs.iter().all(|record| record.bytes < 11_000));
    assert_eq!(manifest.inputs.len(), 1);
    let lines: Vec<u64> = documents(&place.out(), Split::Train)
        .iter()
        .map(|document| document.id.strip_prefix("a:").unwrap().parse().unwrap())
        .collect();
    assert!(lines.is_sorted());
    place.build("a.txt", &options).unwrap();
    assert_eq!(Manifest::read(&place.out()).unwrap(), manifest);
    assert_eq!(std::fs::read_dir(place.folder.path()).unwrap().count(), 2, "something was left behind");
}

#[test]
fn counts_say_why_documents_went() {
    let place = Place::new();
    place.write(
        "a.jsonl",
        concat!(
            "{\"id\":\"1\",\"text\":\"one two three\",\"title\":\" T \"}\n",
            "{\"id\":\"2\",\"text\":\"one  two three \"}\n",
            "{\"id\":\"3\",\"text\":\"\\u0000 \"}\n",
            "{\"id\":\"4\",\"text\":\"short\"}\n",
            "{\"id\":\"5\",\"text\":\"four five\\nsix e\\u0301\"}\n",
        ),
    );
    let options = Options { cleaning: cleaning("minimum-words=2 minimum-characters=6"), ..no_held_out() };
    let summary = place.build("a.jsonl", &options).unwrap();
    let dropped = &summary.dropped;
    assert_eq!((summary.read, dropped.duplicates, dropped.empty, dropped.too_short), (5, 1, 1, 1));
    assert_eq!((summary.train.documents, summary.train.words, summary.train.characters), (2, 7, 28));
    let train = documents(&place.out(), Split::Train);
    assert_eq!(train[0].title.as_deref(), Some("T"));
    assert_eq!(train[1].text, "four five\nsix é");
    assert!(documents(&place.out(), Split::Valid).is_empty());
    let kept = place.build("a.jsonl", &Options { remove_duplicates: false, ..options }).unwrap();
    assert_eq!((kept.train.documents, kept.dropped.duplicates), (3, 0));
}

#[test]
fn a_failed_build_leaves_the_former_corpus() {
    let place = Place::new();
    place.write("a.txt", "one\ntwo\nthree\n");
    let options = Options { valid_share: 0.0, test_share: 0.0, ..Options::default() };
    place.build("a.txt", &options).unwrap();
    std::fs::write(place.folder.path().join("a.txt"), b"one\nt\xffo\n").unwrap();
    let failure = place.build("a.txt", &options).unwrap_err();
    assert!(failure.message.ends_with("a.txt:2: invalid UTF-8"), "{}", failure.message);
    assert_eq!(documents(&place.out(), Split::Train).len(), 3);
    assert_eq!(std::fs::read_dir(place.folder.path()).unwrap().count(), 2, "something was left behind");
}

fn check_refused(text: &str, options: &Options, expected: &str) {
    let place = Place::new();
    place.write("a.txt", text);
    let failure = place.build("a.txt", options).unwrap_err();
    assert!(failure.message.contains(expected), "{} does not contain {expected}", failure.message);
    assert!(failure.hint.is_some());
    assert_eq!(failure.kind.exit_code(), 3);
    assert!(!place.out().exists());
}

#[test]
fn empty_corpora_and_senseless_options_are_refused() {
    let options = Options::default();
    check_refused("", &options, "the corpus is empty: 0 documents read");
    check_refused(" \n\n", &options, "the corpus is empty: 0 documents read");
    check_refused(
        "a\nb\n",
        &Options { cleaning: cleaning("minimum-words=2"), ..options.clone() },
        "none left to train on (too short 2)",
    );
    check_refused("a", &Options { valid_share: 1.0, ..options.clone() }, "valid_share");
    check_refused("a", &Options { valid_share: f64::NAN, ..options.clone() }, "valid_share");
    check_refused("a", &Options { valid_share: 0.5, test_share: 0.5, ..options.clone() }, "sum below 1");
    check_refused("a", &Options { shard_bytes: 0, ..options }, "shard_bytes");
}

#[test]
fn what_is_no_corpus_is_refused() {
    let place = Place::new();
    let refused = |expected: &str| {
        let error = read_split(&place.out(), Split::Train).unwrap_err().to_string();
        assert!(error.contains(expected), "{error} does not contain {expected}");
    };
    refused("no corpus");
    std::fs::create_dir(place.out()).unwrap();
    Manifest::new("language-model", 0, serde_json::json!({"format": 1})).write(&place.out()).unwrap();
    refused("language-model");
    Manifest::new("corpus", 0, serde_json::json!({"format": 2})).write(&place.out()).unwrap();
    refused("its format is 2");
    std::fs::write(place.out().join("train-00000.jsonl"), "{\"id\":\"1\",\"text\":\"a\"}\n{\"id\"").unwrap();
    Manifest::new("corpus", 0, serde_json::json!({"format": 1})).write(&place.out()).unwrap();
    let read: Vec<_> = read_split(&place.out(), Split::Train).unwrap().collect();
    assert_eq!(read.len(), 2);
    assert!(matches!(&read[1], Err(Error::NotACorpus { reason, .. }) if reason.contains("line 2")));
    std::fs::write(place.out().join("train-00000.jsonl"), "").unwrap();
    refused("has 0 bytes");
}
