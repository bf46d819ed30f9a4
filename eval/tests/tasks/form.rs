//! Task files: the built-in ones hold together, wrong ones are named by file, line, column and nearest key.

use std::collections::BTreeSet;

use glossa_eval::published::{Figure, Origin};
use glossa_eval::task::{Chosen, Ours, Task, against_published, all, find, listing};

#[test]
fn the_built_in_tasks_hold_together() {
    let tasks = all().unwrap();
    let names: BTreeSet<&str> = tasks.iter().map(|task| task.name.as_str()).collect();
    assert_eq!(names.len(), tasks.len());
    for task in &tasks {
        let first: Vec<&str> = task.dimension.iter().map(|dimension| dimension.values[0].as_str()).collect();
        let chosen = Chosen::new(task.clone(), &first).unwrap();
        assert!(chosen.split("test").is_ok(), "{}", task.name);
        for fetch in chosen.fetches() {
            assert!(!format!("{}{}", fetch.url, fetch.file).contains(['{', '}']), "{}: {}", task.name, fetch.url);
        }
        for split in &task.split {
            assert!(!chosen.filled(&split.file).contains(['{', '}']), "{}: {}", task.name, split.file);
        }
        for published in &task.published {
            for choice in published.values.keys() {
                let values: Vec<&str> = if choice == "all" { Vec::new() } else { choice.split('/').collect() };
                assert!(Chosen::new(task.clone(), &values).is_ok(), "{}: {choice}", task.name);
            }
        }
        let digests = task.checksum.values().chain(task.fetch.iter().filter_map(|fetch| fetch.sha256.as_ref()));
        assert!(digests.into_iter().all(|digest| digest.len() == 64), "{}", task.name);
    }
}

#[test]
fn a_task_is_chosen_by_its_name() {
    assert_eq!(find("cls/de/books").unwrap().name(), "cls/de/books");
    assert_eq!(find("sib200/yor_Latn").unwrap().language(), Some("yor_Latn"));
    assert_eq!(find("imdb").unwrap().language(), Some("en"));
    assert_eq!(find("cls/jp/music").unwrap().items(find("cls/jp/music").unwrap().split("test").unwrap()), Some(1999));
    let cases = [
        ("sib20/x", "no task `sib20`: did you mean `sib200`?"),
        ("cls/de", "the task cls needs a domain: known here: books, dvd, music"),
        ("cls/de/book", "cls has no domain `book`: did you mean `books`?"),
        ("imdb/x", "`x` is one choice too many for the task imdb: leave it out"),
        ("sib200/../x", "sib200 has no language `..`: known here"),
    ];
    for (name, expected) in cases {
        let message = find(name).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message} does not start with {expected}");
    }
    let message = find("imdb").unwrap().split("tset").unwrap_err().to_string();
    assert_eq!(message, "imdb has no split `tset`: did you mean `test`?");
}

const GOOD: &str = r#"format = 1
name = "x"
title = "X"
answer = "label"
labels = ["a", "b"]
metrics = ["accuracy"]
licence = "ours"
home = "here"
obtain = "take it"
submission = "tags"

[reader]
layout = "fasttext"

[[split]]
name = "test"
file = "test.txt"
"#;

#[test]
fn a_wrong_key_is_named_by_line_and_column() {
    assert!(Task::parse(GOOD, "x.toml").is_ok());
    let cases = [
        ("title =", "titel =", "x.toml:3:1", Some("did you mean `title`?")),
        ("layout =", "layuot =", "x.toml:13:1", Some("did you mean `layout`?")),
        ("\"fasttext\"", "\"fastext\"", "x.toml:13:10", Some("did you mean `fasttext`?")),
        ("[\"accuracy\"]", "[\"acuracy\"]", "x.toml:6:11: no metric `acuracy`: did you mean `accuracy`?", None),
        ("[\"accuracy\"]", "[\"f1:c\"]", "x.toml:6:1: a metric is of a label that is none", None),
        ("[\"accuracy\"]", "[]", "x.toml:6:1: `metrics` is empty", None),
        ("[\"a\", \"b\"]", "[\"a\"]", "x.toml:5:1: fewer than two labels", None),
        ("\"tags\"", "\"tag\"", "x.toml:10:14", Some("did you mean `tags`?")),
        ("\"fasttext\"", "\"csv\"", "x.toml:13:1: a table needs the columns", None),
        ("format = 1", "format = 2", "x.toml: task files of format 2, this glossa knows 1", Some("use a newer glossa")),
        ("name = \"x\"\n", "", "x.toml:", None),
        ("home = \"here\"", "home = 7", "x.toml:8:8", None),
    ];
    for (from, to, expected, meant) in cases {
        let error = Task::parse(&GOOD.replacen(from, to, 1), "x.toml").unwrap_err();
        let message = error.to_string();
        assert!(message.starts_with(expected), "{message} does not start with {expected}");
        let hint = glossa_base::Failure::from(error).hint.unwrap();
        assert!(meant.is_none_or(|meant| hint == meant), "{message}: {hint}");
    }
}

#[test]
fn ours_stands_beside_what_was_published() {
    let ours = |choice: &str, value: f64| Ours {
        system: "glossa".to_owned(),
        choice: choice.to_owned(),
        figure: Figure::of(value),
        signature: format!("accuracy|task:mldoc/{choice}"),
    };
    let mldoc = find("mldoc/german").unwrap().task;
    let table = against_published(&mldoc, &mldoc.metrics[0], &[ours("german", 0.9612), ours("english", 0.95)]);
    // In the order of the task's languages, and in the unit of what was published.
    assert_eq!(table.columns, ["english", "german"]);
    assert_eq!(table.rows.len(), 1 + mldoc.published.len());
    assert!((table.rows[0].figures[1].unwrap().value - 96.12).abs() < 1e-9);
    let text = table.to_text();
    assert!(
        text.contains("*96.12") && text.contains("MultiFiT, mean over runs (trained on 1,000 documents)"),
        "{text}"
    );
    assert!(matches!(&table.rows[1].origin, Origin::Cited { source } if source.contains("README")));
    // No language, and a metric of which less is better.
    let trec = find("trec-6").unwrap().task;
    let table = against_published(&trec, &trec.metrics[0], &[ours("all", 0.03)]);
    assert!(table.lower_is_better && table.to_text().contains("USE_T+CNN"), "{}", table.to_text());
    // Nothing published: ours alone, as it is.
    let sib = find("sib200/eus_Latn").unwrap().task;
    let table = against_published(&sib, &sib.metrics[0], &[ours("eus_Latn", 0.81)]);
    assert!(table.rows.len() == 1 && table.to_text().contains("0.8100"), "{}", table.to_text());
}

#[test]
fn tasks_are_listed() {
    let text = listing(&all().unwrap());
    assert_eq!(text.lines().count(), 1 + all().unwrap().len());
    let line = text.lines().find(|line| line.starts_with("cls ")).unwrap();
    let cells: Vec<&str> = line.split("  ").filter(|cell| !cell.is_empty()).map(str::trim).collect();
    assert_eq!(cells[1..5], ["4 languages x 3 domains", "2 labels", "accuracy", "obtain"]);
    let text = find("sib200/eus_Latn").unwrap().task.to_text();
    for part in
        ["labels: science/technology, travel", "test", "204", "note: The sentences are the same", "how to obtain"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
}
