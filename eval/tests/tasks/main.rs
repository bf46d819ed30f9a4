//! Every task from its official files to a checked file of answers, on small data of our own; wrong input by line; the
//! official rules by hand; the real SIB-200 and NusaX where they lie beside the checkout.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking and says what it skips, in its helpers too"
)]

mod fixture;
mod form;
mod rules;
mod submissions;

use std::fs;
use std::path::{Path, PathBuf};

use glossa_base::seed::{Purpose, Stream};
use glossa_eval::task::{Answer, Example, FileState, Sizes, all, find};
use glossa_eval::{Prediction, ReportOptions};

pub(crate) fn quick() -> ReportOptions {
    ReportOptions { resamples: 50, ..ReportOptions::default() }
}

/// The right answer to every item but those for which `wrong` says so.
pub(crate) fn answers(examples: &[Example], other: &str, wrong: impl Fn(usize) -> bool) -> Vec<Prediction> {
    let row = |(item, example): (usize, &Example)| Prediction {
        id: Some(example.id.clone()),
        label: if wrong(item) { other.to_owned() } else { example.gold.clone().unwrap_or_default() },
        ..Prediction::default()
    };
    examples.iter().enumerate().map(row).collect()
}

#[test]
fn every_task_runs_on_its_official_format() {
    for task in all().unwrap() {
        let chosen = fixture::chosen(&task.name);
        let folder = tempfile::tempdir().unwrap();
        for split in &chosen.task.split {
            fixture::write(folder.path(), &chosen, split, 28);
            let examples = chosen.read(folder.path(), &split.name, Sizes::Any).unwrap_or_else(|failure| {
                panic!("{}/{}: {}", task.name, split.name, failure.chain());
            });
            assert_eq!(examples.len(), 28, "{}", task.name);
            assert_eq!(examples.iter().all(|one| one.gold.is_none()), split.unlabelled, "{}", task.name);
            assert_eq!(chosen.data_hash(folder.path(), &split.name).unwrap().len(), 64);
        }
        if task.answer == Answer::LanguageModel {
            continue;
        }
        let examples = chosen.read(folder.path(), "test", Sizes::Any).unwrap();
        let item = examples.iter().position(|one| one.id == "12" || one.id == "tweet12").unwrap_or(11);
        if !["trec-6", "imdb", "cls-processed"].contains(&task.name.as_str()) {
            assert!(examples[item].text.contains(&fixture::text(item)), "{}: {}", task.name, examples[item].text);
            assert_eq!(
                examples[item].gold.as_deref(),
                Some(fixture::label(&chosen, item).as_str()).filter(|_| examples[item].counted)
            );
        }
        let other = if task.answer == Answer::Number { "2.5" } else { task.labels[0].as_str() };
        let report = chosen
            .score(&examples, &answers(&examples, other, |item| item % 4 == 1 || !examples[item].counted), &quick())
            .unwrap();
        assert_eq!(report.scores.len(), task.metrics.len(), "{}", task.name);
        assert!(report.scores[0].value > 0.0 && report.scores[0].signature.contains(&task.name), "{report:?}");
        assert_eq!(report.scores[0].interval.is_some(), task.metrics[0].comparable().is_some());
        assert!(report.to_text().contains(&report.scores[0].metric));
    }
}

fn data(name: &str) -> Option<PathBuf> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/labelled")).join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no {} beside the checkout", folder.display());
    None
}

#[test]
fn the_real_files_are_the_official_ones() {
    let check = |task: &str, folder: &str, splits: usize| {
        let Some(folder) = data(folder) else { return };
        let report = find(task).unwrap().check_data(&folder);
        assert!(report.complete && report.files.len() == splits, "{}", report.to_text());
        assert!(report.files.iter().all(|file| matches!(file.state, FileState::Known { .. })), "{}", report.to_text());
    };
    check("sib200/eng_Latn", "sib200", 3);
    check("sib200/eus_Latn", "sib200", 3);
    check("nusax/javanese", "nusax-senti", 3);
    let Some(folder) = data("sib200") else { return };
    let examples = find("sib200/eng_Latn").unwrap().read(&folder, "test", Sizes::Official).unwrap();
    assert!(examples.iter().all(|one| !one.text.contains("\"\"")), "quotation marks of the format are no text");
}

#[test]
fn what_is_missing_or_changed_is_told() {
    let chosen = fixture::chosen("trec-6");
    let folder = tempfile::tempdir().unwrap();
    fixture::write(folder.path(), &chosen, chosen.split("train").unwrap(), 5452);
    fs::write(folder.path().join("TREC_10.label"), "\u{feff}NUM:date When ?\r\nWHO:x y\r\n").unwrap();
    let report = chosen.check_data(folder.path());
    assert!(!report.complete && report.obtain.is_some());
    assert_eq!(report.files[0].state, FileState::Changed { items: 5452 });
    // In Latin-1 the three bytes of a byte order mark are letters: the label is unknown.
    assert!(
        matches!(&report.files[1].state, FileState::Wrong { reason } if reason.contains("TREC_10.label:1")),
        "{report:?}"
    );
    assert_eq!(report.files[1].notes.len(), 2);
    fs::remove_file(folder.path().join("TREC_10.label")).unwrap();
    assert_eq!(chosen.check_data(folder.path()).files[1].state, FileState::Missing);
    assert!(chosen.check_data(folder.path()).to_text().contains("missing"));
}

/// Reads one file as a split of a task; gives the message.
fn refused(task: &str, split: &str, content: &[u8], sizes: Sizes) -> String {
    let chosen = fixture::chosen(task);
    let folder = tempfile::tempdir().unwrap();
    let split = chosen.split(split).unwrap();
    let path = chosen.file(folder.path(), split);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    if let Some(tags) = chosen.tags(folder.path(), split) {
        fs::write(tags, "0\n1\n2\n").unwrap();
    }
    match chosen.read(folder.path(), &split.name, sizes) {
        Ok(examples) => panic!("{task} was read: {examples:?}"),
        Err(failure) => failure.message.replace(&path.display().to_string(), "F"),
    }
}

#[test]
fn wrong_rows_are_named_by_line() {
    let sib = |rows: &str| format!("index_id\tcategory\ttext\n{rows}");
    let cases: [(&str, &str, Vec<u8>, &str); 20] = [
        ("sib200", "test", sib("1\ttravel\ta\n1\ttravel\tb\n").into(), "F:3: the id `1` was there before, in line 2"),
        (
            "sib200",
            "test",
            sib("1\ttravle\ta\n").into(),
            "F:2: `travle` is none of the labels science/technology, travel, politics, sports, health, entertainment, geography; did you mean `travel`?",
        ),
        ("sib200", "test", sib("1\ttravel\n").into(), "F:2: 2 columns, the first row has 3"),
        ("sib200", "test", b"index_id\tcategoy\ttext\n".into(), "F:1: no column `category`, but `categoy`"),
        ("sib200", "test", sib("1\ttravel\t\u{e9}\n").chars().map(|c| c as u8).collect(), "F:2: not UTF-8"),
        ("sib200", "test", sib("\ttravel\ta\n").into(), "F:2: the id is empty"),
        ("mldoc", "dev", b"CCAT b'x'\n".into(), "F:1: no tab"),
        ("mldoc", "dev", b"CCAT\tb'x'\nCCAT\tb'\\xff'\n".into(), "F:2: the byte string is not UTF-8"),
        ("mldoc", "dev", b"XCAT\tb'x'\n".into(), "F:1: `XCAT` is none of the labels"),
        (
            "cls",
            "test",
            b"<items>\n<item><rating>3.0</rating>\n<text>x</text></item></items>".into(),
            "F:3: the rating `3.0` is neither",
        ),
        (
            "cls",
            "test",
            b"<items>\n<item><rating>4.0</rating><text>&lol;</text></item></items>".into(),
            "F:2: the entity `&lol;`",
        ),
        ("cls", "test", b"<!DOCTYPE x>\n<items></items>".into(), "F:1: a DOCTYPE"),
        ("cls", "test", b"<items>\n<item>\n".into(), "F:3: the file ends early"),
        ("cls", "test", b"<items>\n</item>\n".into(), "F:2: no XML"),
        ("cls-processed", "test", b"a:1 #label#:positive\nb #label#:positive\n".into(), "F:2: `b` has no count"),
        ("poleval-2019-6-1", "test", b"a\nb\n".into(), "F:3: 2 texts, but 3 lines in"),
        ("poleval-2019-6-1", "test", b"a\nb\nc\n".into(), "F:3: `2` is none of the labels 0, 1"),
        (
            "haha-2019-funniness",
            "test",
            b"id,text,is_humor,funniness_average\na,x,0,\nb,y,1,6\n".into(),
            "F:3: 6 is not within 0 and 5",
        ),
        (
            "haha-2019-funniness",
            "test",
            b"id,text,is_humor,funniness_average\nb,y,1,\n".into(),
            "F:2: `` is no finite number",
        ),
        ("trec-6", "test", b"NUM When ?\n".into(), "F:1: no `LABEL:detail`"),
    ];
    for (task, split, content, expected) in cases {
        let message = refused(task, split, &content, Sizes::Any);
        assert!(message.starts_with(expected), "{message} does not start with {expected}");
    }
}

#[test]
fn a_wrong_split_is_told_by_its_size() {
    let rows: String = (0..99).map(|item| format!("{item}\ttravel\tx\n")).collect();
    let content = format!("index_id\tcategory\ttext\n{rows}");
    let message = refused("sib200", "test", content.as_bytes(), Sizes::Official);
    assert_eq!(message, "F: 99 items, but `test` has 204; `dev` has as many");
}

/// Changes, drops and doubles bytes at random places.
fn damaged(bytes: &[u8], seed: u64) -> Vec<u8> {
    let stream = Stream::new(seed, Purpose::Sample, 0, 0);
    let mut bytes = bytes.to_vec();
    for change in 0..=stream.bits(0) % 4 {
        let at = stream.below(3 * change + 1, bytes.len().max(1));
        let byte = b"\t\n\r\"',:<>&;\\x\x00\xff\xc3b0".get(stream.below(3 * change + 2, 18)).copied().unwrap_or(b'z');
        match stream.bits(3 * change + 3) % 4 {
            0 if at < bytes.len() => bytes[at] = byte,
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 => bytes.truncate(at),
            _ => bytes.insert(at.min(bytes.len()), byte),
        }
    }
    bytes
}

#[test]
fn damaged_files_are_read_or_refused_but_nothing_breaks() {
    for task in all().unwrap().into_iter().filter(|task| task.name != "imdb") {
        let chosen = fixture::chosen(&task.name);
        let folder = tempfile::tempdir().unwrap();
        let split = chosen.split("test").unwrap();
        fixture::write(folder.path(), &chosen, split, 6);
        let path = chosen.file(folder.path(), split);
        let good = fs::read(&path).unwrap();
        let examples = chosen.read(folder.path(), "test", Sizes::Any).unwrap();
        let mut refused = 0;
        for seed in 0..300 {
            fs::write(&path, damaged(&good, seed)).unwrap();
            refused += usize::from(chosen.read(folder.path(), "test", Sizes::Any).is_err());
            fs::write(folder.path().join("answers"), damaged(b"id\tlabel\n1\ttravel\n0\n", seed)).unwrap();
            let _ = glossa_eval::submission::check(&folder.path().join("answers"), &chosen, &examples);
        }
        assert!(refused > 0, "{}", task.name);
        chosen.check_data(folder.path());
    }
}
