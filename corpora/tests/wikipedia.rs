//! Fetching dumps from a server that plays Wikimedia.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

#[path = "../../toolkit/base/tests/support/server.rs"]
mod server;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use glossa_base::download::{self, Clock, Downloader, Settings, Watch};
use glossa_base::{Failure, Interrupt, Silent};
use glossa_corpora::wikipedia::{self, Choice, Error, Record, Summary};
use glossa_corpora::{Options, Source, build};
use serde_json::{Value, json};
use server::{Reply, Server};
use sha1::{Digest, Sha1};

/// Waiting takes no time.
struct NoWait;

impl Clock for NoWait {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    fn sleep(&self, _duration: Duration) {}
}

const PAGES: &str = "euwiki-20240101-pages-articles-multistream.xml.bz2";
const INDEX: &str = "euwiki-20240101-pages-articles-multistream-index.txt.bz2";

fn packed(text: &str) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn dump(first: usize, count: usize) -> Vec<u8> {
    let page = |id: usize| {
        format!(
            "<page><title>T{id}</title><ns>0</ns><id>{id}</id><revision><id>1</id><model>wikitext</model>\
             <text>Article number {id} of this dump, with its own words.</text></revision></page>"
        )
    };
    let pages: String = (first..first + count).map(page).collect();
    packed(&format!("<mediawiki>{pages}</mediawiki>"))
}

fn sha1(bytes: &[u8]) -> String {
    Sha1::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A job of a status file.
fn job(status: &str, files: &[(&str, &[u8])]) -> Value {
    let entry = |(name, bytes): &(&str, &[u8])| {
        let value = json!({"size": bytes.len(), "url": format!("/elsewhere/{name}"), "sha1": sha1(bytes), "md5": "x"});
        ((*name).to_owned(), value)
    };
    json!({"status": status, "updated": "2024-01-02 03:04:05", "files": files.iter().map(entry).collect::<serde_json::Map<_, _>>()})
}

fn status(jobs: Value) -> Vec<u8> {
    json!({"version": "0.8", "jobs": jobs}).to_string().into_bytes()
}

/// A Wikimedia with these files, by path.
fn wikimedia(files: Vec<(String, Vec<u8>)>) -> Server {
    let files = Arc::new(files);
    Server::new(move |request, _| match files.iter().find(|(path, _)| *path == request.path) {
        Some((_, bytes)) => Reply::ranged(request, bytes, "\"tag\""),
        None => Reply::new(404, "nothing here"),
    })
}

/// Three dumps, of which the newest is unfinished, the next has lost its status, and the third is whole.
fn usual() -> Vec<(String, Vec<u8>)> {
    let (pages, index) = (dump(1, 300), packed("616:1:T1\n"));
    let done = status(json!({
        "articlesmultistreamdump": job("done", &[(PAGES, &pages), (INDEX, &index)]),
        "articlesdump": job("done", &[("euwiki-20240101-pages-articles.xml.bz2", &pages)]),
        "metahistory7zdump": {"status": "waiting"},
    }));
    let list =
        "<a href=\"../\"> <a href=\"20240101/\"> <a href=\"20231201/\"> <a href=\"20240301/\"> <a href=\"20240201/\">";
    let at = |path: &str, bytes: Vec<u8>| (format!("/euwiki/{path}"), bytes);
    vec![
        at("", list.into()),
        at("20240301/dumpstatus.json", status(json!({"articlesmultistreamdump": job("in-progress", &[])}))),
        at("20240101/dumpstatus.json", done),
        at(&format!("20240101/{PAGES}"), pages.clone()),
        at(&format!("20240101/{INDEX}"), index),
        at("20240101/euwiki-20240101-pages-articles.xml.bz2", pages),
    ]
}

fn choice(server: &Server) -> Choice {
    let language = "eu".parse().unwrap();
    Choice { language, date: None, base_url: server.url("/"), single_stream: false }
}

fn fetch_with(choice: &Choice, out: &Path, settings: Settings) -> Result<Summary, Error> {
    let downloader = Downloader::new(settings).unwrap().with_clock(NoWait);
    let watch = Watch { progress: &Silent, interrupt: &Interrupt::default() };
    let plan = wikipedia::plan(choice, out, &downloader, watch)?;
    wikipedia::fetch(plan, out, &downloader, watch)
}

fn fetch(choice: &Choice, out: &Path) -> Result<Summary, Error> {
    fetch_with(choice, out, Settings::default())
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A fetch from a server with one thing changed, which must fail and leave no file of the dump.
fn failing(change: impl FnOnce(&mut Vec<(String, Vec<u8>)>), date: Option<&str>) -> (Error, Vec<String>) {
    let (folder, mut files) = (tempfile::tempdir().unwrap(), usual());
    change(&mut files);
    let server = wikimedia(files);
    let error = fetch(&Choice { date: date.map(str::to_owned), ..choice(&server) }, folder.path()).unwrap_err();
    (error, names(folder.path()))
}

/// Puts another status in the place of the whole dump's.
fn with_status(bytes: impl Into<Vec<u8>>) -> (Error, Vec<String>) {
    let bytes = bytes.into();
    failing(|files| files.iter_mut().find(|(path, _)| path.contains("20240101/dump")).unwrap().1 = bytes, None)
}

#[test]
fn the_newest_complete_dump_is_fetched_recorded_and_built_from() {
    let (folder, server) = (tempfile::tempdir().unwrap(), wikimedia(usual()));
    let out = folder.path().join("eu");
    let summary = fetch(&choice(&server), &out).unwrap();
    assert_eq!(names(&out), [INDEX, PAGES, "source.json"]);
    let record = Record::read(&out).unwrap().unwrap();
    assert_eq!(record, summary.record);
    assert_eq!((record.date.as_str(), record.wiki.as_str(), record.complete), ("20240101", "euwiki", true));
    assert!(record.licence.contains("CC BY-SA 4.0") && record.files.len() == 2);
    assert!(record.files.iter().all(|file| file.url.starts_with(&server.url("/euwiki/20240101/"))));
    assert_eq!(
        record.files[1].sha256.as_deref(),
        Some(glossa_base::hash::sha256_file(&out.join(PAGES)).unwrap().as_str())
    );
    assert_eq!(summary.transferred, record.bytes());

    let corpus = folder.path().join("corpus");
    let built = build(&[Source::new(&out)], &Options::default(), &corpus, &Silent).unwrap();
    assert_eq!(built.read, 300);

    // Again, and offline: nothing is asked.
    let asked = server.requests().len();
    let offline = Settings { offline: true, ..Settings::default() };
    for settings in [Settings::default(), offline.clone()] {
        assert_eq!(fetch_with(&choice(&server), &out, settings).unwrap().transferred, 0);
    }
    assert_eq!(server.requests().len(), asked);
    let elsewhere = fetch_with(&choice(&server), &folder.path().join("other"), offline).unwrap_err();
    assert!(matches!(&elsewhere, Error::Download(download::Error::Offline { .. })), "{elsewhere}");
    assert!(elsewhere.to_string().contains("other/source.json") && elsewhere.to_string().contains("/euwiki/"));
    assert_eq!(Failure::from(elsewhere).kind.exit_code(), 4);
}

#[test]
fn the_dump_in_one_stream_and_dumps_in_parts() {
    let folder = tempfile::tempdir().unwrap();
    let server = wikimedia(usual());
    fetch(&Choice { single_stream: true, ..choice(&server) }, folder.path()).unwrap();
    assert_eq!(names(folder.path()), ["euwiki-20240101-pages-articles.xml.bz2", "source.json"]);

    let name = |number: usize, kind: &str, ending: &str| {
        let range = ["p1p9", "p10p99"][number - 1];
        format!("enwiki-20240101-pages-articles-multistream{kind}{number}.{ending}-{range}.bz2")
    };
    let mut parts = Vec::new();
    for number in [1, 2] {
        parts.push((name(number, "", "xml"), dump(100 * number, 200)));
        parts.push((name(number, "-index", "txt"), packed("616:1:T\n")));
    }
    let entries: Vec<(&str, &[u8])> = parts.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let mut files = vec![
        ("/enwiki/".to_owned(), b"20240101/".to_vec()),
        (
            "/enwiki/20240101/dumpstatus.json".to_owned(),
            status(json!({"articlesmultistreamdump": job("done", &entries)})),
        ),
    ];
    files.extend(parts.iter().map(|(name, bytes)| (format!("/enwiki/20240101/{name}"), bytes.clone())));
    let server = wikimedia(files);
    let out = folder.path().join("en");
    fetch(&Choice { language: "en".parse().unwrap(), ..choice(&server) }, &out).unwrap();
    assert_eq!(names(&out).len(), 5);
    // Documents 100 to 299 and 200 to 399; the indexes are no documents.
    let built = build(&[Source::new(&out)], &Options::default(), &folder.path().join("corpus"), &Silent).unwrap();
    assert_eq!((built.read, built.dropped.duplicates), (400, 100));
}

#[test]
fn a_date_is_taken_at_its_word() {
    let (error, left) = failing(|_| {}, Some("20240301"));
    assert!(matches!(error, Error::NotComplete { .. }) && left.is_empty(), "{error}");
    assert!(matches!(failing(|_| {}, Some("20240201")).0, Error::NoDump { .. }));
    for bad in ["", "2024", "2024-01-01", "../../etc", "latest00"] {
        assert!(matches!(failing(|_| {}, Some(bad)).0, Error::BadDate { .. }), "{bad}");
    }
}

#[test]
fn what_the_server_lacks_is_named() {
    let (error, _) = failing(|files| files.clear(), None);
    assert!(matches!(error, Error::NoWiki { .. }), "{error}");
    let (error, _) = failing(|files| files[0].1 = b"<html>nothing</html>".to_vec(), None);
    assert!(matches!(error, Error::NoDumps { .. }), "{error}");
    let (error, _) = failing(|files| files.retain(|(path, _)| !path.contains("20240101/dump")), None);
    assert!(matches!(error, Error::NotComplete { .. }), "{error}");
    let (error, left) = failing(|files| files.retain(|(path, _)| !path.ends_with(PAGES)), None);
    assert!(
        matches!(&error, Error::Download(download::Error::NotFound { url, .. }) if url.ends_with(PAGES)),
        "{error}"
    );
    // What was fetched stays, and the record says that it is not all.
    assert_eq!(left, [INDEX, "source.json"]);
}

#[test]
fn a_dump_that_is_not_complete_is_not_built_from_and_is_gone_on_with() {
    let (folder, mut files) = (tempfile::tempdir().unwrap(), usual());
    let out = folder.path().join("eu");
    let pages = files.iter().position(|(path, _)| path.ends_with(PAGES)).unwrap();
    let removed = files.remove(pages);
    fetch(&choice(&wikimedia(files.clone())), &out).unwrap_err();
    let error = build(&[Source::new(&out)], &Options::default(), &folder.path().join("corpus"), &Silent).unwrap_err();
    assert!(error.message.contains("not complete"), "{error}");
    // The server of the record is gone on with, though a newer dump is there now.
    files.push(removed);
    let record = std::fs::read_to_string(out.join("source.json")).unwrap();
    let server = wikimedia(files);
    let address = record.split("http://").nth(1).unwrap().split('/').next().unwrap();
    let here = server.url("").replace("http://", "");
    std::fs::write(out.join("source.json"), record.replace(address, &here)).unwrap();
    let summary = fetch(&choice(&server), &out).unwrap();
    assert!(summary.record.complete && summary.transferred < summary.record.bytes());
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_wrong_checksum_or_length_is_refused() {
    let (error, left) = failing(|files| files[3].1[50] ^= 1, None);
    assert!(matches!(error, Error::Download(download::Error::Checksum { kind: "sha1", .. })), "{error}");
    assert_eq!(left, [INDEX, "source.json"]);
    let (error, _) = failing(|files| files[3].1.push(0), None);
    assert!(matches!(error, Error::Download(download::Error::Length { .. })), "{error}");
}

#[test]
fn a_malformed_status_is_refused() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let cases: [&[u8]; 8] = [
        b"",
        b"{",
        b"[]",
        b"{\"jobs\": 7}",
        b"{\"jobs\": {\"articlesmultistreamdump\": 7}}",
        b"\xff\xfe",
        b"{}",
        deep.as_bytes(),
    ];
    for bytes in cases {
        let (error, left) = with_status(bytes);
        assert!(matches!(error, Error::BadStatus { .. }) && left.is_empty(), "{error}");
    }
    let (error, left) = with_status(vec![b' '; 17 << 20]);
    assert!(matches!(error, Error::Download(download::Error::TooLarge { .. })) && left.is_empty(), "{error}");
    let huge = json!({"size": u64::MAX, "sha1": sha1(b"")});
    let job = json!({"status": "done", "files": {PAGES: huge.clone(), INDEX: huge}});
    assert!(matches!(with_status(status(json!({"articlesmultistreamdump": job}))).0, Error::BadStatus { .. }));
}

#[test]
fn names_that_leave_the_folder_are_refused() {
    for name in [
        "../evil.xml.bz2",
        "/etc/evil.xml",
        "euwiki-20240101-../x.xml",
        "euwiki-20240101-a/b.xml",
        "C:\\x.xml",
        "enwiki-20240101-x.xml",
    ] {
        let (error, left) = with_status(status(json!({"articlesmultistreamdump": job("done", &[(name, b"x")])})));
        assert!(matches!(error, Error::BadName { .. }) && left.is_empty(), "{name}: {error}");
    }
}

#[test]
fn a_part_without_its_index_or_checksum_is_missing() {
    let without =
        |files: &[(&str, &[u8])]| with_status(status(json!({"articlesmultistreamdump": job("done", files)}))).0;
    // The newest dump was unfinished: that is what is told where no other is complete.
    assert!(matches!(without(&[(PAGES, b"x")]), Error::NotComplete { .. }));
    let explicit = |bytes: Vec<u8>| {
        failing(
            |files| files.iter_mut().find(|(path, _)| path.contains("20240101/dump")).unwrap().1 = bytes,
            Some("20240101"),
        )
        .0
    };
    let of = |files: &[(&str, &[u8])]| explicit(status(json!({"articlesmultistreamdump": job("done", files)})));
    assert!(matches!(of(&[(PAGES, b"x")]), Error::MissingPart { name, .. } if name == INDEX));
    assert!(matches!(of(&[(INDEX, b"x")]), Error::MissingPart { .. }));
    assert!(matches!(of(&[]), Error::MissingPart { .. }));
    let bare = json!({"status": "done", "files": {PAGES: {}, INDEX: {}}});
    assert!(matches!(explicit(status(json!({"articlesmultistreamdump": bare}))), Error::NotComplete { .. }));
    let odd = json!({"status": "done", "files": {PAGES: {"size": 1, "sha1": "no"}, INDEX: {"size": 1, "sha1": "no"}}});
    let error = explicit(status(json!({"articlesmultistreamdump": odd})));
    assert!(matches!(error, Error::Download(download::Error::BadChecksum { .. })), "{error}");
}

#[test]
fn a_folder_with_another_dump_or_a_damaged_record_is_left_alone() {
    let (folder, server) = (tempfile::tempdir().unwrap(), wikimedia(usual()));
    fetch(&choice(&server), folder.path()).unwrap();
    let whole = std::fs::read_to_string(folder.path().join("source.json")).unwrap();
    for other in [
        Choice { language: "en".parse().unwrap(), ..choice(&server) },
        Choice { date: Some("20231201".to_owned()), ..choice(&server) },
        Choice { single_stream: true, ..choice(&server) },
    ] {
        assert!(matches!(fetch(&other, folder.path()), Err(Error::Occupied { .. })), "{other:?}");
    }
    let damaged = [
        ("{".to_owned(), "no JSON"),
        (whole.replace("\"format\": 1", "\"format\": 9"), "newer"),
        (whole.replace(PAGES, "../x"), "outside"),
        (whole.replace("\"sha1\": \"", "\"sha1\": \"z"), "checksum"),
        (whole.replace("euwiki", "../euwiki"), "wiki"),
    ];
    for (text, what) in damaged {
        std::fs::write(folder.path().join("source.json"), text).unwrap();
        assert!(fetch(&choice(&server), folder.path()).is_err(), "{what}");
    }
}

#[test]
fn addresses_that_are_none_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = wikimedia(Vec::new());
    for base in ["", "dumps", "ftp://a.test", "file:///etc", "http://"] {
        let choice = Choice { base_url: base.to_owned(), ..choice(&server) };
        let error = fetch(&choice, folder.path()).unwrap_err();
        assert!(matches!(error, Error::Download(download::Error::BadUrl { .. })), "{base}: {error}");
    }
}
