//! Every form of a dump gives the same entries, whatever the number of threads, and damage costs what
//! it touches.
#![expect(clippy::indexing_slicing, reason = "a test may index its own table")]

use std::io::Write;
use std::path::PathBuf;

use glossa_base::seed::{Purpose, Stream};

use super::*;

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Place { folder: tempfile::tempdir().unwrap() }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Entries as far as they come, and the error that ends them.
    fn read(&self, bytes: &[u8], threads: usize) -> (Vec<Entry>, Option<Error>) {
        let path = self
            .write(if streams::mark(bytes).is_some() || bytes.starts_with(b"BZh") { "x.bz2" } else { "x.xml" }, bytes);
        let reader = match Reader::with_threads(&path, &DumpOptions::default(), &Arc::default(), threads) {
            Ok(reader) => reader,
            Err(error) => return (Vec::new(), Some(error)),
        };
        let (mut entries, mut end) = (Vec::new(), None);
        for entry in reader {
            match entry {
                Ok(entry) => entries.push(entry),
                Err(error) => end = Some(error),
            }
        }
        (entries, end)
    }

    fn whole(&self, bytes: &[u8]) -> Vec<Entry> {
        let (entries, end) = self.read(bytes, 2);
        assert!(end.is_none(), "{end:?}");
        entries
    }
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

const HEAD: &str = "<mediawiki><siteinfo><namespaces><namespace key=\"6\">Bild</namespace></namespaces></siteinfo>\n";
const TAIL: &str = "</mediawiki>\n";

/// Pages of random letters; each seventh is a redirect, each eleventh a talk page.
fn pages(count: u64) -> Vec<String> {
    let page = |id| {
        let stream = Stream::new(5, Purpose::Sample, 0, id);
        let words: Vec<String> = (0..40).map(|index| format!("w{}", stream.below(index, 1 << 20))).collect();
        let redirect = if id % 7 == 0 { "<redirect title=\"x\" />" } else { "" };
        let namespace = u8::from(id % 11 == 0);
        let text = format!("[[Bild:a|b]]Page {id} &amp; {}", words.join(" "));
        format!(
            "  <page><title>T{id}</title><ns>{namespace}</ns><id>{id}</id>{redirect}<revision><text>{text}</text></revision></page>\n"
        )
    };
    (0..count).map(page).collect()
}

/// A multistream dump: the head, streams of ten pages, the tail. Each stream is given alone.
fn streams(pages: &[String]) -> Vec<Vec<u8>> {
    let mut streams = vec![packed(HEAD.as_bytes())];
    streams.extend(pages.chunks(10).map(|chunk| packed(chunk.concat().as_bytes())));
    streams.push(packed(TAIL.as_bytes()));
    streams
}

fn plain(pages: &[String]) -> String {
    [HEAD, &pages.concat(), TAIL].concat()
}

#[test]
fn every_form_gives_the_same_entries_with_any_threads() {
    let place = Place::new();
    let pages = pages(1000);
    let xml = plain(&pages);
    let expected = place.whole(xml.as_bytes());
    assert_eq!(expected.len(), 1000);
    assert!(matches!(&expected[1], Entry::Document(document) if document.text.starts_with("Page 1 & w")));
    assert_eq!((&expected[7], &expected[11]), (&Entry::Redirect, &Entry::OtherNamespace));
    let utf16: Vec<u8> = std::iter::once(0xfeff).chain(xml.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let forms = [
        streams(&pages).concat(),
        packed(xml.as_bytes()),
        xml.as_bytes().chunks(3001).flat_map(packed).collect(),
        xml.as_bytes().chunks(70_001).flat_map(packed).collect(),
        xml.as_bytes()[..3000].chunks(7).chain([&xml.as_bytes()[3000..]]).flat_map(packed).collect(),
        packed(&utf16),
        utf16.chunks(5001).flat_map(packed).collect(),
        utf16,
    ];
    for (number, form) in forms.iter().enumerate() {
        for threads in [1, 2, 5] {
            let (entries, end) = place.read(form, threads);
            assert!(end.is_none() && entries == expected, "form {number}, {threads} threads, {end:?}");
        }
    }
}

#[test]
fn a_long_stream_is_unpacked_as_it_is_read() {
    let place = Place::new();
    let pages: Vec<String> = (0..60).flat_map(|_| pages(1000)).collect();
    let xml = plain(&pages);
    let mut form = packed(xml.as_bytes());
    assert!(form.len() > 5 << 20, "{}", form.len());
    form.extend(packed(TAIL.as_bytes()));
    assert!(place.whole(&form) == place.whole(xml.as_bytes()));
    form.truncate(5 << 20);
    let (entries, end) = place.read(&form, 2);
    assert!(entries.len() > 10_000 && matches!(end, Some(Error::Truncated { .. })), "{} {end:?}", entries.len());
}

fn bad_streams(entries: &[Entry]) -> Vec<&str> {
    let bad = entries.iter().filter_map(|entry| match entry {
        Entry::BadStream(place) => Some(place.as_str()),
        _ => None,
    });
    bad.collect()
}

#[test]
fn a_damaged_stream_is_named_and_the_rest_goes_on() {
    let place = Place::new();
    let pages = pages(200);
    let streams = streams(&pages);
    let expected = place.whole(plain(&pages).as_bytes());
    for damaged in 0..streams.len() - 1 {
        let offset: usize = streams[..damaged].iter().map(Vec::len).sum();
        for byte in [3, 7, 12, streams[damaged].len() / 2, streams[damaged].len() - 3] {
            let mut file = streams.concat();
            file[offset + byte] ^= 0xff;
            let (entries, end) = place.read(&file, 2);
            assert!(end.is_none(), "stream {damaged}, byte {byte}: {end:?}");
            let bad = bad_streams(&entries);
            assert_eq!(bad.len(), 1, "stream {damaged}, byte {byte}");
            assert!(bad[0].contains(&format!("at byte {offset}:")), "{bad:?} is not at {offset}");
            let kept: Vec<Entry> =
                entries.iter().filter(|entry| !matches!(entry, Entry::BadStream(_))).cloned().collect();
            let from = damaged.saturating_sub(1) * 10;
            let lost = if damaged == 0 { from..from } else { from..from + 10 };
            if damaged > 0 {
                assert!(kept == [&expected[..lost.start], &expected[lost.end..]].concat(), "{damaged} {byte}");
            }
            assert_eq!(kept.len(), 200 - lost.len());
        }
    }
}

#[test]
fn damage_to_any_byte_of_the_first_streams_costs_no_other() {
    let place = Place::new();
    let pages = pages(30);
    let streams = streams(&pages);
    let (first, second) = (streams[0].len(), streams[1].len());
    for byte in (0..first + second).step_by(5) {
        let mut file = streams.concat();
        file[byte] ^= 0x20;
        let (entries, end) = place.read(&file, 2);
        assert!(end.is_none(), "byte {byte}: {end:?}");
        // The level in the fourth byte may be changed without harm.
        let lost = if byte < first { 0 } else { 10 };
        let kept = entries.len() - bad_streams(&entries).len();
        assert!(kept == 30 - lost || kept == 30, "byte {byte}: {kept} pages");
    }
}

#[test]
fn a_dump_cut_off_anywhere_gives_what_is_whole_and_says_so() {
    let place = Place::new();
    let pages = pages(100);
    let expected = place.whole(plain(&pages).as_bytes());
    for form in [plain(&pages).into_bytes(), streams(&pages).concat(), packed(plain(&pages).as_bytes())] {
        for point in 0..200 {
            let cut = &form[..form.len() * point / 200];
            let (entries, end) = place.read(cut, 2);
            assert!(entries.len() <= 100 && entries == expected[..entries.len()], "point {point}");
            let named = end.is_some_and(|error| matches!(error, Error::Truncated { .. }));
            assert!(named || cut.len() < 10, "point {point} of {}: no error", form.len());
        }
    }
}

fn check_bad_page(page: &str, expected: &str) {
    let (before, after) = (pages(3).split_off(1), pages(6).split_off(4));
    let place = Place::new();
    let xml = plain(&[before, vec![page.to_owned()], after].concat());
    for form in [xml.as_bytes().to_vec(), packed(xml.as_bytes())] {
        let (entries, end) = place.read(&form, 2);
        assert!(end.is_none(), "{page}: {end:?}");
        let documents = entries.iter().filter(|entry| matches!(entry, Entry::Document(_))).count();
        let bad = entries.iter().find_map(|entry| match entry {
            Entry::BadPage(place) => Some(place.as_str()),
            _ => None,
        });
        let Some(bad) = bad else { panic!("{page} gave {entries:?}") };
        assert!(bad.contains(expected), "{bad:?} does not contain {expected:?}");
        assert_eq!(documents, 4, "{page}");
    }
}

#[test]
fn a_bad_page_is_named_and_the_rest_goes_on() {
    let page = |text: &str| format!("<page><title>B</title><ns>0</ns><revision><text>{text}</text></revision></page>");
    check_bad_page(&page("&bomb;"), "page `B`: unknown entity `&bomb;`");
    check_bad_page(&page("a & b"), "unknown entity");
    check_bad_page(&page("a").replace("</title>", "</titel>"), "page `B`: not well-formed XML");
    check_bad_page(&page("a").replace("</text>", ""), "not well-formed XML");
    check_bad_page(&page("<b>").replace("</revision>", "</b></revision>"), "not well-formed XML");
    check_bad_page(&page("a").replace("</page>", ""), "page `B`: it is never closed");
    check_bad_page(&page("<!DOCTYPE x>"), "DOCTYPE");
    check_bad_page(&page(&"<a>".repeat(100)), "nested deeper");
    check_bad_page(&page(&"a".repeat(9 << 20)), "page `B`: longer than 8 MiB");
    check_bad_page("<page><ns>0", "a page without a title");
}

#[test]
fn invalid_utf_8_costs_one_page() {
    let place = Place::new();
    let mut xml = plain(&pages(5)).into_bytes();
    let at = xml.windows(6).position(|window| window == b"Page 3").unwrap();
    xml[at] = 0xff;
    let entries = place.whole(&xml);
    assert!(matches!(&entries[3], Entry::BadPage(place) if place.ends_with("page `T3`: invalid UTF-8")));
    assert_eq!(entries.len(), 5);
}

#[test]
fn older_revisions_cost_no_memory() {
    let place = Place::new();
    let revision = |text: &str| format!("<revision><id>1</id><text>{text}</text></revision>");
    let long: String = (0..40).map(|_| revision(&"old ".repeat(100_000))).collect();
    let page = format!("<page><title>A</title><ns>0</ns><id>1</id>{long}{}</page>", revision("new"));
    for form in [plain(std::slice::from_ref(&page)).into_bytes(), packed(plain(std::slice::from_ref(&page)).as_bytes())]
    {
        let entries = place.whole(&form);
        assert!(matches!(&entries[..], [Entry::Document(document)] if document.text == "new"), "{entries:?}");
    }
}

#[test]
fn what_is_unusual_is_read_too() {
    let place = Place::new();
    let page = |inner: &str| format!("<page>\n<title>A</title><ns>0</ns><id>1</id>{inner}</page>");
    let text = |inner: &str| match place.whole(plain(&[page(inner)]).as_bytes()).pop() {
        Some(Entry::Document(document)) => document.text,
        other => panic!("{inner} gave {other:?}"),
    };
    assert_eq!(text("<revision><text><![CDATA[a <i>b</i>]]> &amp; c</text></revision>"), "a b & c");
    assert_eq!(text("<revision><text/></revision>"), "");
    assert_eq!(text("<revision></revision>"), "");
    assert_eq!(text("<revision><text bytes=\"1\">a<!-- x -->b</text></revision>"), "ab");
    assert_eq!(text("<revision><text>&#65;&#x42;&quot;&apos;&lt;i&gt;</text></revision>"), "AB\"'");
}
