//! Labelled tables in all forms, whole and broken.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::path::PathBuf;

use glossa_base::{Failure, Kind};
use glossa_text::labelled::{Columns, Example, read, read_texts};

fn file(folder: &tempfile::TempDir, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    path
}

fn examples(pairs: &[(&str, &str)]) -> Vec<Example> {
    pairs.iter().map(|(text, label)| Example { text: (*text).to_owned(), label: (*label).to_owned() }).collect()
}

#[test]
fn tables_that_read() {
    let folder = tempfile::tempdir().unwrap();
    let check = |name: &str, content: &str, expected: &[(&str, &str)]| {
        let path = file(&folder, name, content);
        assert_eq!(read(&path, &Columns::default()).unwrap(), examples(expected), "{content:?}");
    };
    check("a.csv", "id,text,label\n1,one,x\n2,two,y\n", &[("one", "x"), ("two", "y")]);
    check("a.csv", "\u{feff}label,text\r\nx,\"a \"\"b\"\",\nc\"\r\ny,d", &[("a \"b\",\nc", "x"), ("d", "y")]);
    check("a.CSV", "Text,Category\none, x \n\ntwo,y\n", &[("one", "x"), ("two", "y")]);
    check("a.tsv", "text\tclass\n\"one\tx\n\ntwo\"\ty\r\n", &[("\"one", "x"), ("two\"", "y")]);
    check("a.tsv", "\u{feff}text\tlabel\nein Wort\tß\n", &[("ein Wort", "ß")]);
    check(
        "a.jsonl",
        "{\"text\":\"a\\nb\",\"label\":1}\n\n{\"label\":true,\"text\":\"\"}",
        &[("a\nb", "1"), ("", "true")],
    );
}

#[test]
fn columns_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "a.csv", "text,body,label,topic\na,b,c,d\n");
    let columns = Columns { text: Some("body".to_owned()), label: Some("topic".to_owned()), ..Columns::default() };
    assert_eq!(read(&path, &columns).unwrap(), examples(&[("b", "d")]));
    assert_eq!(read_texts(&path, None).unwrap(), ["a"]);
    assert_eq!(read_texts(&path, Some("topic")).unwrap(), ["d"]);
}

#[test]
fn tables_that_do_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let check = |name: &str, content: &[u8], parts: &[&str]| {
        let path = file(&folder, name, content);
        let failure = Failure::from(read(&path, &Columns::default()).unwrap_err());
        let whole = format!("{} | {}", failure.chain(), failure.hint.as_deref().unwrap_or(""));
        assert_eq!(failure.kind, Kind::Data);
        assert!(failure.hint.is_some(), "{whole}");
        parts.iter().for_each(|part| assert!(whole.contains(part), "{whole} lacks {part}"));
    };
    check("a.csv", b"", &["no rows"]);
    check("a.csv", b"text,label\n", &["no rows"]);
    check("a.csv", b"text,label\na,x\n\nb\n", &["a.csv:4:", "1 columns, the header has 2"]);
    check("a.csv", b"text,label\n\"a\nb\",x\nc,y,z\n", &["a.csv:4:", "3 columns"]);
    check("a.csv", b"text,label\na,x\n\xff\xfe,y\n", &["a.csv:3:", "UTF-8"]);
    check("a.csv", b"text,label\na, \n", &["a.csv:2:", "label is empty"]);
    check("a.csv", b"texts,label\na,x\n", &["`text`", "texts, label", "did you mean --text-column texts"]);
    check("a.csv", b"text,zzz\na,x\n", &["`label` or `category`", "--label-column"]);
    check("a.csv", b"text,label\n\"a,x\nb,y\n", &["a.csv:2:", "1 columns"]);
    check("a.tsv", b"text\tlabel\na\tx\tb\n", &["a.tsv:2:", "3 columns, the header has 2"]);
    check("a.tsv", b"text\tlabel\na\t\xc3\n", &["a.tsv:2:", "UTF-8"]);
    check("a.jsonl", b"{\"text\":\"a\",\"label\":\"x\"}\n[1]\n", &["a.jsonl:2:", "JSON object"]);
    check("a.jsonl", b"{\"text\":\"a\",\"label\":\"x\"}\n{\"text\":\"a\"}\n", &["a.jsonl:2:", "`label`"]);
    check("a.jsonl", b"{\"text\":\"a\",\"label\":null}\n", &["a.jsonl:1:", "`label`"]);
    check("a.xlsx", b"x", &[".csv, .tsv or .jsonl"]);
    let missing = Failure::from(read(&folder.path().join("none.csv"), &Columns::default()).unwrap_err());
    assert!(missing.chain().contains("none.csv"), "{}", missing.chain());
}

#[test]
fn a_mistyped_column_names_the_nearest() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "a.tsv", "text\tlabel\na\tx\n");
    let columns = Columns { label: Some("labell".to_owned()), ..Columns::default() };
    let failure = Failure::from(read(&path, &columns).unwrap_err());
    assert!(failure.message.contains("no column `labell`; its columns are text, label"), "{}", failure.message);
    assert_eq!(failure.hint.as_deref(), Some("did you mean --label-column label?"));
}

#[test]
fn texts_one_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "a.txt", "\u{feff}one\r\n\ntwo\n");
    assert_eq!(read_texts(&path, None).unwrap(), ["one", "", "two"]);
    assert!(read_texts(&file(&folder, "b.txt", ""), None).is_err());
    assert!(read_texts(&file(&folder, "c.txt", b"a\n\xff\n"), None).unwrap_err().to_string().contains("c.txt:2:"));
}

/// The sets beside the checkout, where they are.
#[test]
fn published_sets_read_whole() {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/labelled"));
    let sets = [("nusax-senti/english/train.csv", 500, 3), ("sib200/eus_Latn/train.tsv", 701, 7)];
    for (name, rows, labels) in sets {
        let path = root.join(name);
        if !path.is_file() {
            eprintln!("skipped: {} is not there", path.display());
            continue;
        }
        let examples = read(&path, &Columns::default()).unwrap();
        let mut found: Vec<_> = examples.iter().map(|example| &example.label).collect();
        found.sort();
        found.dedup();
        assert_eq!((examples.len(), found.len()), (rows, labels), "{name}");
    }
}

#[test]
fn pairs_are_marked_and_labels_may_be_empty() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pairs.csv");
    std::fs::write(&path, "a,b,label\nOne,Two,x\nThree,,\n").unwrap();
    let columns =
        Columns { text: Some("a".to_owned()), pair: Some("b".to_owned()), empty_labels: true, ..Columns::default() };
    let examples = read(&path, &columns).unwrap();
    assert_eq!(examples[0].text, "xxfld 1 One xxfld 2 Two");
    assert_eq!((examples[1].text.as_str(), examples[1].label.as_str()), ("xxfld 1 Three xxfld 2 ", ""));
    let wrong = Columns { pair: Some("bb".to_owned()), ..columns };
    let refused = glossa_base::Failure::from(read(&path, &wrong).unwrap_err());
    assert!(refused.message.contains("`bb`"), "{}", refused.message);
}
