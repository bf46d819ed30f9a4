//! What each format gives, and what is said when it is wrong.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::io::Write;
use std::path::{Path, PathBuf};

use glossa_base::Failure;
use glossa_corpora::{Document, DocumentUnit, Error, Options, Source, SourceKind, source};

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn read_with(name: &str, bytes: &[u8], options: &Options) -> Result<Vec<Document>, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), name, bytes);
    source::documents(&[Source::new(path)], options)?.collect()
}

fn read(name: &str, bytes: &[u8]) -> Result<Vec<Document>, Error> {
    read_with(name, bytes, &Options::default())
}

fn texts(documents: &[Document]) -> Vec<&str> {
    documents.iter().map(|document| document.text.as_str()).collect()
}

/// The message ends as expected, is one line, and comes with a hint and exit code 3.
fn check_refused(name: &str, bytes: &[u8], expected: &str) {
    let error = read(name, bytes).map(|documents| documents.len()).unwrap_err();
    let message = error.to_string();
    assert!(message.contains(expected), "{message:?} does not contain {expected:?}");
    let failure = Failure::from(error);
    assert!(!failure.chain().contains('\n') && failure.hint.is_some(), "{}", failure.chain());
    assert_eq!(failure.kind.exit_code(), 3);
}

#[test]
fn plain_text_by_line_and_by_block() {
    let bytes = "\u{feff}one\r\n\n  \ntwo\nthree\n\nfour".as_bytes();
    let lines = read("a.b.txt", bytes).unwrap();
    assert_eq!(texts(&lines), ["one", "two", "three", "four"]);
    assert_eq!(lines.iter().map(|line| line.id.as_str()).collect::<Vec<_>>(), ["a.b:1", "a.b:4", "a.b:5", "a.b:7"]);
    let blocks = read_with("a.txt", bytes, &Options { unit: DocumentUnit::Block, ..Options::default() }).unwrap();
    assert_eq!(texts(&blocks), ["one", "two\nthree", "four"]);
    assert_eq!(blocks.last().unwrap().id, "a:7");
}

#[test]
fn jsonl_with_and_without_ids() {
    let bytes = b"{\"text\":\"a\",\"id\":7,\"title\":\"T\",\"more\":[1]}\n\n{\"text\":\"b\"}\n";
    let documents = read("x.jsonl", bytes).unwrap();
    assert_eq!(texts(&documents), ["a", "b"]);
    assert_eq!((documents[0].id.as_str(), documents[0].title.as_deref()), ("7", Some("T")));
    assert_eq!((documents[1].id.as_str(), documents[1].title.as_deref()), ("x:3", None));
}

#[test]
fn tables_by_column() {
    let documents = read("x.csv", b"id,text\n9,\"a, b\nc\"\n,d\n").unwrap();
    assert_eq!(texts(&documents), ["a, b\nc", "d"]);
    assert_eq!((documents[0].id.as_str(), documents[1].id.as_str()), ("9", "x:4"));
    let options = Options { text_field: "body".to_owned(), ..Options::default() };
    assert_eq!(texts(&read_with("x.tsv", b"body\tlabel\na\tb\n", &options).unwrap()), ["a"]);
}

#[test]
fn compressed_streams_may_follow_each_other() {
    let mut bytes = compressed(b"one\ntw");
    bytes.extend(compressed(b"o\nthree\n"));
    assert_eq!(texts(&read("x.txt.bz2", &bytes).unwrap()), ["one", "two", "three"]);
}

#[test]
fn a_folder_is_read_in_order_without_strangers() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "b.txt", b"three\n");
    write(folder.path(), "a.jsonl", b"{\"text\":\"one\"}\n");
    write(folder.path(), "README", b"nothing\n");
    write(folder.path(), ".hidden.txt", b"nothing\n");
    std::fs::create_dir(folder.path().join("a.part")).unwrap();
    write(&folder.path().join("a.part"), "x.txt", b"two\n");
    let sources = [Source::new(folder.path())];
    let documents: Result<Vec<_>, _> = source::documents(&sources, &Options::default()).unwrap().collect();
    assert_eq!(texts(&documents.unwrap()), ["one", "two", "three"]);
}

#[test]
fn kinds_by_name() {
    let kinds = [
        ("a.txt", Some(SourceKind::Text)),
        ("a.TXT.BZ2", Some(SourceKind::Text)),
        ("a.ndjson", Some(SourceKind::Jsonl)),
        ("a.tsv", Some(SourceKind::Tsv)),
        ("euwiki-latest-pages-articles.xml.bz2", Some(SourceKind::Dump)),
        ("enwiki1.xml-p10p30302.bz2", Some(SourceKind::Dump)),
        ("a", None),
        ("wiki_00", Some(SourceKind::WikiExtractor)),
        ("wiki_x", None),
        ("eu-cirrussearch-content.json.gz", Some(SourceKind::Cirrus)),
        ("a.json.bz2", None),
        ("a.pdf", None),
    ];
    for (name, kind) in kinds {
        assert_eq!(SourceKind::of(Path::new(name)), kind, "{name}");
    }
}

fn dump(pages: &str) -> String {
    let spaces = "<namespace key=\"0\"/><namespace key=\"6\">Fitxategi</namespace>";
    format!("<mediawiki><siteinfo><namespaces>{spaces}</namespaces></siteinfo>{pages}</mediawiki>")
}

fn page(id: u32, title: &str, text: &str) -> String {
    format!(
        "<page><title>{title}</title><ns>0</ns><id>{id}</id><revision><id>99</id><text>{text}</text></revision></page>"
    )
}

#[test]
fn a_dump_gives_its_articles() {
    let talk = page(2, "Talk:A", "talk").replace("<ns>0", "<ns>1");
    let redirect = page(3, "B", "text").replace("<revision>", "<redirect title=\"A\" /><revision>");
    let marked = page(4, "C", "#BIRZUZENDU [[A]]");
    let data = page(5, "D", "{}").replace("<text>", "<model>json</model><text>");
    let article = page(1, "A &amp; B", "'''A'''&lt;ref&gt;x&lt;/ref&gt; [[Fitxategi:x|y]] &#233;<![CDATA[<i>c</i>]]>");
    let xml = dump(&[talk, redirect, marked, data, article].concat());
    let expected = [Document { id: "1".to_owned(), title: Some("A & B".to_owned()), text: "A éc".to_owned() }];
    assert_eq!(read("x.xml", xml.as_bytes()).unwrap(), expected);
    assert_eq!(read("x.bz2", &compressed(xml.as_bytes())).unwrap(), expected);
    let utf16 = |convert: fn(u16) -> [u8; 2], mark: u16| -> Vec<u8> {
        std::iter::once(mark).chain(xml.encode_utf16()).flat_map(convert).collect()
    };
    assert_eq!(read("x.xml", &utf16(u16::to_le_bytes, 0xfeff)).unwrap(), expected);
    assert_eq!(read("x.xml", &utf16(u16::to_be_bytes, 0xfeff)).unwrap(), expected);
}

#[test]
fn the_last_revision_counts() {
    let two = page(1, "A", "old").replace("</revision>", "</revision><revision><text>new</text></revision>");
    assert_eq!(texts(&read("x.xml", dump(&two).as_bytes()).unwrap()), ["new"]);
}

#[test]
fn wrong_text_is_refused() {
    check_refused("x.txt", b"good\nb\xffd\n", "x.txt:2: invalid UTF-8");
    check_refused("x.jsonl", b"{\"text\":\"a\"}\n{\"text\":\"b\"\n", "x.jsonl:2: not a JSON object");
    check_refused("x.jsonl", b"[1]\n", "x.jsonl:1: not a JSON object");
    check_refused("x.jsonl", b"{\"txt\":\"a\"}\n", "x.jsonl:1: no field `text`");
    check_refused("x.jsonl", b"{\"text\":1}\n", "x.jsonl:1: `text` is not a string");
    check_refused("x.csv", b"text,b\na,b\na,b,c\n", "x.csv:3: 3 fields, the header has 2");
    check_refused("x.csv", b"text\n\"\xff\"\n", "x.csv:2: invalid UTF-8");
    check_refused("x.csv", b"txt,label\na,b\n", "x.csv:1: no column `text`, the columns are `txt`, `label`");
    check_refused("x.csv", b"", "no column `text`");
    check_refused("x.pdf", b"", "cannot tell what kind of file");
    assert!(Failure::from(read("x.csv", b"txt\n").unwrap_err()).hint.unwrap().contains("`txt`"));
}

#[test]
fn a_deep_json_value_is_refused() {
    check_refused("x.jsonl", format!("{{\"text\":{}", "[".repeat(100_000)).as_bytes(), "not a JSON object");
}

#[test]
fn what_is_too_long_is_refused() {
    // Rows are measured by what was read for them, in blocks.
    let long = vec![b'a'; (64 << 20) + (1 << 17)];
    check_refused("x.txt", &long, "x.txt:1: longer than 64 MiB");
    check_refused("x.csv", &[b"text\n\"".as_slice(), &long].concat(), "longer than 64 MiB");
}

#[test]
fn wrong_dumps_are_refused() {
    let whole = dump(&[page(1, "A", "one"), page(2, "B", "two")].concat());
    let cut = &whole.as_bytes()[..whole.find("wo<").unwrap()];
    check_refused("x.xml", cut, "page `B`: the file ends too early");
    check_refused("x.xml", &whole.as_bytes()[..whole.len() - 3], "the file ends too early");
    let packed = compressed(whole.repeat(50).as_bytes());
    check_refused("x.bz2", &packed[..packed.len() / 2], "the file ends too early");
    check_refused("x.bz2", b"not bzip2 at all", "unreadable data");
    let bomb = format!("<!DOCTYPE x [<!ENTITY a \"b\"><!ENTITY c \"&a;&a;&a;\">]>{whole}");
    check_refused("x.xml", bomb.as_bytes(), "a DOCTYPE");
    check_refused("x.xml", whole.replace("</siteinfo>", "</site>").as_bytes(), "not well-formed XML");
    check_refused("x.xml", "<a>".repeat(1000).as_bytes(), "nested deeper");
    check_refused("x.xml", b"\xff\xfe<\x00m", "ends too early");
    check_refused("x.xml", b"\xff\xfe<\x00\x00\xd8a\x00", "unreadable data");
}

#[test]
fn missing_and_empty_places_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let missing = source::documents(&[Source::new(folder.path().join("no.txt"))], &Options::default());
    let failure = Failure::from(missing.err().unwrap());
    assert!(failure.message.contains("no.txt"), "{}", failure.message);
    let empty = source::documents(&[Source::new(folder.path())], &Options::default());
    assert!(matches!(empty.err().unwrap(), Error::EmptyFolder { .. }));
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

const CIRRUS: &str = concat!(
    "{\"index\":{\"_type\":\"page\",\"_id\":\"12\"}}\n",
    "{\"namespace\":0,\"title\":\"A\",\"text\":\"one two\",\"redirect\":[{\"title\":\"B\"}],\"template\":[\"Template:Cite\"]}\n",
    "{\"index\":{\"_id\":13}}\n",
    "{\"namespace\":1,\"title\":\"Talk:A\",\"text\":\"talk\"}\n",
    "{\"index\":{\"_id\":\"14\"}}\n",
    "{\"namespace\":0,\"title\":\"C\",\"text\":\"C may be\",\"template\":[\"Vorlage:Begriffsklärung\"]}\n",
    "{\"index\":{\"_id\":\"15\"}}\n",
    "{\"namespace\":0,\"title\":broken}\n",
    "{\"index\":{\"_id\":\"16\"}}\n",
    "{\"namespace\":0,\"title\":\"D\",\"text\":\"three\",\"page_id\":99}\n",
);

#[test]
fn cirrus_search_dumps() {
    let two_members = [gzipped(&CIRRUS.as_bytes()[..200]), gzipped(&CIRRUS.as_bytes()[200..])].concat();
    for (name, bytes) in [
        ("x-cirrussearch-content.json", CIRRUS.as_bytes().to_vec()),
        ("x-cirrussearch-content.json.gz", two_members),
        ("x.jsonl", CIRRUS.as_bytes().to_vec()),
        ("without-a-name", gzipped(CIRRUS.as_bytes())),
    ] {
        let documents = read(name, &bytes).unwrap();
        let ids: Vec<&str> = documents.iter().map(|document| document.id.as_str()).collect();
        assert_eq!((texts(&documents), ids), (vec!["one two", "three"], vec!["12", "16"]), "{name}");
        assert_eq!(documents[0].title.as_deref(), Some("A"));
    }
    let cut = gzipped(CIRRUS.as_bytes());
    check_refused("x-cirrussearch.json.gz", &cut[..cut.len() / 2], "ends too early");
}

#[test]
fn what_wikiextractor_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let line =
        |id: u32| format!("{{\"id\": \"{id}\", \"url\": \"u\", \"title\": \"T{id}\", \"text\": \"text {id}\"}}\n");
    for (name, lines) in [("AB/wiki_00", line(3)), ("AA/wiki_01", line(2)), ("AA/wiki_00", line(1))] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, lines).unwrap();
    }
    let sources = [Source::new(folder.path())];
    let documents: Result<Vec<_>, _> = source::documents(&sources, &Options::default()).unwrap().collect();
    let documents = documents.unwrap();
    assert_eq!(texts(&documents), ["text 1", "text 2", "text 3"]);
    assert_eq!((documents[2].id.as_str(), documents[2].title.as_deref()), ("3", Some("T3")));
    assert_eq!(texts(&read("unnamed", line(7).as_bytes()).unwrap()), ["text 7"]);
}

#[test]
fn every_kind_may_be_gzipped() {
    assert_eq!(texts(&read("x.txt.gz", &gzipped(b"one\ntwo\n")).unwrap()), ["one", "two"]);
    let xml = dump(&page(1, "A", "text"));
    assert_eq!(texts(&read("x.xml.gz", &gzipped(xml.as_bytes())).unwrap()), ["text"]);
    assert_eq!(texts(&read("x.xml", xml.as_bytes()).unwrap()), ["text"]);
    assert_eq!(texts(&read("no-extension", xml.as_bytes()).unwrap()), ["text"]);
}

/// A block in which no byte is in use. The bzip2 library aborts when it is asked again after it.
#[test]
fn a_block_of_nothing_is_refused_once() {
    let bytes = [b"BZh91AY&SY".as_slice(), &[0; 64]].concat();
    check_refused("x.txt.bz2", &bytes, "unreadable data");
    assert!(read("x.xml.bz2", &bytes).unwrap().is_empty());
}
