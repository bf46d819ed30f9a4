//! Planted near duplicates: how many are found, and how much else is.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use glossa_base::Silent;
use glossa_base::seed::{Purpose, Stream};
use glossa_corpora::{Options, Source, Split, build, read_split};

const KINDS: u64 = 300;

/// Makes documents of invented words.
struct Writer {
    spaced: bool,
}

impl Writer {
    fn stream(part: u64) -> Stream {
        Stream::new(11, Purpose::Sample, 0, 0).part(part)
    }

    /// Word `number` of a vocabulary: syllables, or a few characters where words have no spaces.
    fn word(&self, number: u64) -> String {
        let letters = Self::stream(number);
        if self.spaced {
            (0..2 + number % 3).map(|place| ["ka", "ro", "mi", "ten", "lu", "sa"][letters.below(place, 6)]).collect()
        } else {
            let character = |place| char::from_u32(0x4e00 + letters.below(place, 1500) as u32).unwrap();
            (0..1 + number % 3).map(character).collect()
        }
    }

    /// Words as a language has them: few are frequent, most are rare.
    fn words(&self, part: u64, count: u64) -> Vec<String> {
        let draws = Self::stream(part ^ 0xd0c);
        (0..count).map(|place| self.word((4000.0 * f64::from(draws.uniform(place)).powi(3)) as u64)).collect()
    }

    /// The same words with a share of them replaced, left out or doubled by another.
    fn changed(&self, words: &[String], share: f64, part: u64) -> Vec<String> {
        let (draws, mut changed) = (Self::stream(part ^ 0xc4a9e), Vec::new());
        for (place, word) in words.iter().enumerate() {
            let place = place as u64;
            let other = || self.word(4000 + draws.bits(3 * place) % 4000);
            if f64::from(draws.uniform(3 * place + 1)) >= share {
                changed.push(word.clone());
                continue;
            }
            match draws.below(3 * place + 2, 4) {
                0 => {}
                1 => changed.extend([word.clone(), other()]),
                _ => changed.push(other()),
            }
        }
        changed
    }

    fn text(&self, words: &[String]) -> String {
        words.join(if self.spaced { " " } else { "" })
    }
}

/// Documents by id: `kind-original`, `kind-copy` with 5 to 20 % of the words changed, and four that only
/// look alike: half of the words changed, the same words in another order, half of it from another
/// document, and a common beginning.
fn planted(writer: &Writer) -> BTreeMap<String, String> {
    let mut documents = BTreeMap::new();
    let beginning = writer.words(1 << 40, 40);
    for kind in 0..KINDS {
        let draws = Writer::stream(kind ^ 0x51ce);
        let words = writer.words(kind, 80 + draws.below(0, 300) as u64);
        let share = 0.05 + 0.15 * f64::from(draws.uniform(1));
        let order = Writer::stream(kind ^ 0x0bde).permutation(words.len());
        let shuffled: Vec<String> = order.iter().map(|place| words[*place].clone()).collect();
        let other = writer.words(kind + KINDS, words.len() as u64 / 2);
        let grafted = [&words[..words.len() / 2], &other[..]].concat();
        let begun = [&beginning[..], &writer.words(kind + 2 * KINDS, 80)[..]].concat();
        for (name, words) in [
            ("original", words.clone()),
            ("copy", writer.changed(&words, share, kind)),
            ("far", writer.changed(&words, 0.5, kind)),
            ("shuffled", shuffled),
            ("grafted", grafted),
            ("begun", begun),
        ] {
            documents.insert(format!("{kind}-{name}"), writer.text(&words));
        }
    }
    documents
}

fn write(path: &Path, documents: &BTreeMap<String, String>) {
    // Originals come first, as the first of a kind stays.
    let mut lines: Vec<_> = documents.iter().collect();
    lines.sort_by_key(|(id, _)| !id.ends_with("original"));
    let line = |(id, text): &(&String, &String)| format!("{}\n", serde_json::json!({"id": id, "text": text}));
    std::fs::write(path, lines.iter().map(line).collect::<String>()).unwrap();
}

fn kept(corpus: &Path) -> BTreeMap<String, Split> {
    let of = |split| read_split(corpus, split).unwrap().map(move |document| (document.unwrap().id, split));
    Split::ALL.into_iter().flat_map(of).collect()
}

/// Precision and recall of a build over the planted documents.
fn judge(language: &str, spaced: bool) -> (f64, f64) {
    let (folder, documents) = (tempfile::tempdir().unwrap(), planted(&Writer { spaced }));
    let (text, out) = (folder.path().join("a.jsonl"), folder.path().join("corpus"));
    write(&text, &documents);
    let options = Options::for_language(language).unwrap();
    let summary = build(&[Source::new(&text)], &options, &out, &Silent).unwrap();
    assert_eq!(summary.dropped.total(), summary.dropped.near_duplicates, "{:?}", summary.dropped);
    assert_eq!(summary.examples["near duplicates"].len(), 3);
    let kept = kept(&out);
    let dropped: BTreeSet<&String> = documents.keys().filter(|id| !kept.contains_key(*id)).collect();
    let right = dropped.iter().filter(|id| id.ends_with("copy")).count() as f64;
    (right / dropped.len() as f64, right / KINDS as f64)
}

#[test]
fn planted_copies_are_found_and_little_else() {
    for (language, spaced) in [("eu", true), ("zh", false)] {
        let (precision, recall) = judge(language, spaced);
        assert!(precision > 0.98 && recall > 0.95, "{language}: precision {precision:.3}, recall {recall:.3}");
    }
}

#[test]
fn those_that_are_kept_share_a_split() {
    let (folder, documents) = (tempfile::tempdir().unwrap(), planted(&Writer { spaced: true }));
    let (text, out) = (folder.path().join("a.jsonl"), folder.path().join("corpus"));
    write(&text, &documents);
    let base = Options { valid_share: 0.3, test_share: 0.3, ..Options::default() };
    let options = Options { keep_near_duplicates: true, ..base.clone() };
    let summary = build(&[Source::new(&text)], &options, &out, &Silent).unwrap();
    assert_eq!(summary.dropped.total(), 0);
    assert!(summary.near_duplicates_kept > KINDS * 95 / 100);
    let together = kept(&out);
    let options = Options {
        cleaning: {
            let mut off = base.cleaning.clone();
            off.set("near-duplicates", "off").unwrap();
            off
        },
        ..base
    };
    build(&[Source::new(&text)], &options, &out, &Silent).unwrap();
    let apart = kept(&out);
    let straddling = |splits: &BTreeMap<String, Split>| {
        (0..KINDS).filter(|kind| splits[&format!("{kind}-original")] != splits[&format!("{kind}-copy")]).count()
    };
    assert!(straddling(&apart) > 150, "{}", straddling(&apart));
    assert!(straddling(&together) < KINDS as usize * 5 / 100, "{}", straddling(&together));
    let moved = |id: &&String| together[*id] != apart[*id] && id.ends_with("original");
    assert_eq!(apart.keys().filter(moved).count(), 0, "the first of a kind keeps its split");
}
