//! Packed files and archives as sources: they give what the unpacked folder gives.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

#[path = "../../toolkit/base/tests/support/packers.rs"]
mod packers;

use std::path::Path;

use glossa_base::{Failure, Silent};
use glossa_corpora::{Document, Error, Options, Source, SourceKind, Summary, build, source};
use packers::{PACKINGS, Zipped, packed, tar, text, zip};

fn read(source: Source) -> Result<Vec<Document>, Error> {
    source::documents(&[source], &Options::default())?.collect()
}

/// The documents of a file with this name and these bytes.
fn read_file(name: &str, bytes: &[u8], kind: Option<SourceKind>) -> Result<Vec<Document>, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    read(Source { path, kind })
}

fn summary_of(name: &str, bytes: &[u8], kind: Option<SourceKind>) -> Result<Summary, Failure> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let options = Options { valid_share: 0.0, test_share: 0.0, ..Options::default() };
    build(&[Source { path, kind }], &options, &folder.path().join("corpus"), &Silent)
}

const XML: &str = "<mediawiki><siteinfo/><page><title>A</title><ns>0</ns><id>7</id><revision><text>'''An''' article</text>\
                   </revision></page></mediawiki>";
const CIRRUS: &str = "{\"index\":{\"_id\":\"12\"}}\n{\"namespace\":0,\"title\":\"C\",\"text\":\"of a search\"}\n";

/// Files of every kind, in the order of their names.
fn files() -> Vec<(String, Vec<u8>)> {
    let mut files = vec![
        ("a.txt".to_owned(), b"one\n\ntwo\n".to_vec()),
        ("b/AA/wiki_00".to_owned(), b"{\"id\":\"3\",\"title\":\"T\",\"text\":\"extracted\"}\n".to_vec()),
        ("b/b.csv".to_owned(), b"id,text\n5,row\n".to_vec()),
        ("b/c.tsv".to_owned(), b"text\ttitle\nrow\ttitled\n".to_vec()),
        ("c.jsonl".to_owned(), b"{\"text\":\"line\",\"id\":\"\"}\n{\"text\":\"other\",\"id\":4}\n".to_vec()),
        ("d.xml".to_owned(), XML.as_bytes().to_vec()),
        ("e-cirrussearch.json".to_owned(), CIRRUS.as_bytes().to_vec()),
        ("f.json".to_owned(), b"{\"id\":\"8\",\"title\":\"T\",\"text\":\"by its first line\"}\n".to_vec()),
        ("g.jsonl".to_owned(), CIRRUS.as_bytes().to_vec()),
    ];
    for extension in PACKINGS {
        files.push((format!("h.txt.{extension}"), packed(extension, b"packed\nlines\n")));
        files.push((format!("i.xml.{extension}"), packed(extension, XML.as_bytes())));
    }
    files.push(("j.bz2".to_owned(), packed("bz2", XML.as_bytes())));
    files.sort();
    files
}

fn borrowed(files: &[(String, Vec<u8>)]) -> Vec<(&str, &[u8])> {
    files.iter().map(|(name, contents)| (name.as_str(), contents.as_slice())).collect()
}

fn zipped(files: &[(&str, &[u8])], method: u16) -> Vec<u8> {
    zip(&files.iter().rev().map(|(name, contents)| Zipped::packed(name, contents, method)).collect::<Vec<_>>())
}

#[test]
fn an_archive_gives_what_its_folder_gives() {
    let files = files();
    let folder = tempfile::tempdir().unwrap();
    for (name, contents) in &files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, contents).unwrap();
    }
    let expected = read(Source::new(folder.path())).unwrap();
    assert_eq!(expected.len(), 2 + 1 + 1 + 1 + 2 + 1 + 1 + 1 + 1 + 4 * (2 + 1) + 1);
    let as_tar = tar(&borrowed(&files));
    let mut archives = vec![("x.tar".to_owned(), as_tar.clone()), ("x.tgz".to_owned(), packed("gz", &as_tar))];
    archives.extend(PACKINGS.map(|extension| (format!("x.tar.{extension}"), packed(extension, &as_tar))));
    archives.extend([0, 8].map(|method| ("x.zip".to_owned(), zipped(&borrowed(&files), method))));
    for (name, bytes) in archives {
        assert!(read_file(&name, &bytes, None).unwrap() == expected, "{name}");
    }
    assert!(expected.iter().any(|document| document.id == "c:1"), "an empty id is none");
    // Within a folder, too.
    let outer = tempfile::tempdir().unwrap();
    std::fs::write(outer.path().join("m.tar"), &as_tar).unwrap();
    std::fs::write(outer.path().join("z.txt"), "last").unwrap();
    let all = read(Source::new(outer.path())).unwrap();
    assert!(all[..all.len() - 1] == expected && all[all.len() - 1].text == "last");
}

#[test]
fn tar_keeps_its_order() {
    let archive = tar(&[("b.txt", b"first"), ("a.txt", b"second")]);
    let found = read_file("x.tar", &archive, None).unwrap();
    assert_eq!(found.iter().map(|document| document.id.as_str()).collect::<Vec<_>>(), ["b:1", "a:1"]);
}

#[test]
fn what_is_not_known_is_passed_over_and_counted() {
    let files: [(&str, &[u8]); 7] = [
        ("README.md", b"no text of a corpus"),
        ("a.txt", b"text"),
        ("image.png", b"\x89PNG"),
        (".hidden.txt", b"hidden"),
        ("__MACOSX/._a.txt", b"\0\x05"),
        ("source.json", b"{\"format\":1}"),
        ("other.json", b"{\"of\":\"no known kind\"}"),
    ];
    for (name, bytes) in [("x.tar", tar(&files)), ("x.zip", zipped(&files, 8))] {
        let summary = summary_of(name, &bytes, None).unwrap();
        assert_eq!((summary.passed_over, summary.read, summary.train.documents), (6, 1, 1));
        assert!(summary.remarks.iter().any(|remark| remark.starts_with("6 entries of archives")));
    }
}

fn check_refused(name: &str, bytes: &[u8], expected: &str) {
    let failure = Failure::from(read_file(name, bytes, None).unwrap_err());
    assert!(failure.chain().contains(expected), "{}", failure.chain());
    assert!(failure.hint.is_some());
}

#[test]
fn errors_name_archive_entry_and_line() {
    let files: [(&str, &[u8]); 2] = [("a/good.txt", b"good"), ("b/bad.jsonl", b"{\"text\":\"a\"}\n{\"text\":\n")];
    for (name, bytes) in [("x.tar", tar(&files)), ("x.zip", zipped(&files, 8))] {
        check_refused(name, &bytes, &format!("{name}: b/bad.jsonl, line 2: not a JSON object"));
    }
    check_refused("x.tar", &tar(&[("a.txt", b"a\n\xff")]), "x.tar: a.txt, line 2: invalid UTF-8");
    check_refused("x.tar", &tar(&[("a.csv", b"txt\n")]), "x.tar: a.csv, line 1: no column `text`");
    let cut = packed("gz", &text(1, 9000));
    check_refused("x.tar", &tar(&[("a.txt.gz", &cut[..4000])]), "x.tar: a.txt.gz, line ");
    check_refused("x.tar", &tar(&[("a.xml.gz", &cut[..4000])]), "x.tar: a.xml.gz");
    check_refused("x.tar", &tar(&[("../a.txt", b"evil")]), "x.tar: ../a.txt: a path that leads out");
    check_refused("x.tar", &tar(&[("a.txt", b"1"), ("A.TXT", b"2")]), "stands in the archive twice");
    check_refused("x.tar.gz", &packed("gz", &tar(&[("a.txt", &text(1, 90_000))]))[..4000], "ends too early");
    check_refused("x.zip", b"no archive", "no readable zip archive");
    for inner in ["b.zip", "b.tar", "b.tar.gz", "b.tgz"] {
        let nested = tar(&[("a.txt", b"text"), (inner, b"whatever")]);
        check_refused("x.tar", &nested, &format!("x.tar: {inner}: an archive within an archive"));
    }
}

#[test]
fn bombs_are_refused_with_their_place() {
    let zeros = vec![b' '; 100 << 20];
    for extension in PACKINGS {
        let bomb = packed(extension, &zeros);
        let name = format!("x.txt.{extension}");
        check_refused(&name, &bomb, &format!("{name}: unpacks to more than 200 times"));
        check_refused("x.tar", &tar(&[(&name, &bomb)]), &format!("x.tar: {name}: unpacks to more than 200 times"));
    }
    check_refused("x.zip", &zipped(&[("a.txt", &zeros)], 8), "x.zip: a.txt: unpacks to more than 200 times");
}

fn tweets(from: usize, count: usize) -> String {
    let line = |id| format!("{{\"id_str\":\"{id}\",\"text\":\"tweet number {id}\",\"lang\":\"eu\"}}\n");
    (from..from + count).map(line).collect()
}

/// As the Internet Archive keeps them: an archive of an hour's or a day's minutes, each packed.
#[test]
fn tweets_of_an_archive() {
    let minutes: Vec<(String, Vec<u8>)> = (0..6)
        .map(|minute| {
            let extension = ["bz2", "gz"][minute % 2];
            let name = format!("2020/02/29/23/{minute:02}.json.{extension}");
            (name, packed(extension, tweets(minute * 100, 100).as_bytes()))
        })
        .collect();
    let as_tar = tar(&borrowed(&minutes));
    let as_zip = zipped(&borrowed(&minutes), 0);
    for (name, bytes) in [("x.tar", as_tar.clone()), ("x.tar.gz", packed("gz", &as_tar)), ("x.zip", as_zip)] {
        let found = read_file(name, &bytes, Some(SourceKind::Tweets)).unwrap();
        assert_eq!(found.len(), 600, "{name}");
        assert!(found.iter().enumerate().all(|(at, document)| document.id == at.to_string()), "{name}");
        // Without the kind they are not guessed at.
        assert_eq!(read_file(name, &bytes, None).unwrap().len(), 0, "{name}");
    }
    // One minute cut off, one with a broken block: the others are read.
    let mut damaged = minutes;
    let half = damaged[2].1.len() / 2;
    damaged[2].1.truncate(half);
    damaged[4].1[40] ^= 0xff;
    let summary = summary_of("x.tar", &tar(&borrowed(&damaged)), Some(SourceKind::Tweets)).unwrap();
    assert_eq!(summary.bad_streams, 2);
    assert!((400..600).contains(&summary.read), "{}", summary.read);
    // The archive itself cut off is another matter.
    let cut = &as_tar[..as_tar.len() - 2000];
    assert!(summary_of("x.tar", cut, Some(SourceKind::Tweets)).unwrap_err().message.contains("ends too early"));
}

/// In a folder, `--kind tweets` takes files named `.json`, which tell no kind by their names.
#[test]
fn tweets_of_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.json"), tweets(0, 2)).unwrap();
    std::fs::write(folder.path().join("b.json.zst"), packed("zst", tweets(2, 2).as_bytes())).unwrap();
    std::fs::write(folder.path().join("c.png"), "no tweets").unwrap();
    let path = folder.path().to_path_buf();
    assert_eq!(read(Source { path, kind: Some(SourceKind::Tweets) }).unwrap().len(), 4);
}

#[test]
fn a_bad_line_among_a_million() {
    const BAD: usize = 654_321;
    let check = |bad: &str| {
        let mut lines = tweets(0, BAD - 1).into_bytes();
        lines.extend(bad.as_bytes().iter().chain(b"\n"));
        lines.extend(tweets(BAD, 1_000_000 - BAD).into_bytes());
        lines
    };
    let lines = check("{\"id_str\":\"9\",\"text\":\"cut o");
    let summary = summary_of("x.jsonl", &lines, Some(SourceKind::Tweets)).unwrap();
    assert_eq!((summary.read, summary.dropped.bad_lines), (1_000_000, 1));
    assert_eq!(summary.train.documents, 999_999);
    let refused = summary_of("x.jsonl", &lines, None).unwrap_err();
    assert!(refused.message.contains(&format!("x.jsonl:{BAD}: not a JSON object")), "{}", refused.message);
}

#[test]
fn bad_lines_of_tweets_are_named() {
    let long = [b"{\"id_str\":\"5\",\"text\":\"".as_slice(), &vec![b'a'; 65 << 20], b"\"}\n"].concat();
    let parts: [&[u8]; 6] =
        [tweets(0, 1).leak().as_bytes(), b"\xff\xfe\n", b"[1]\n", &long, b"null\n", b"{\"id\":1,\"text\":\"a\"}"];
    let summary = summary_of("x.json", &parts.concat(), Some(SourceKind::Tweets)).unwrap();
    assert_eq!((summary.read, summary.dropped.bad_lines, summary.train.documents), (6, 4, 2));
}

#[test]
fn archives_are_inputs_of_the_manifest_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tar");
    std::fs::write(&path, tar(&[("a.txt", b"one"), ("b.txt", b"two")])).unwrap();
    let out = folder.path().join("corpus");
    let options = Options { valid_share: 0.0, test_share: 0.0, ..Options::default() };
    build(&[Source::new(&path)], &options, &out, &Silent).unwrap();
    let manifest = glossa_base::manifest::Manifest::read(&out).unwrap();
    assert_eq!(manifest.inputs.len(), 1);
    assert!(Path::new(&manifest.inputs[0].path).ends_with("x.tar"));
}
