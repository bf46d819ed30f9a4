//! Mutated pages and mutated dumps, from a fixed seed: whatever comes in, text and errors come out.
//! `GLOSSA_FUZZ_SECONDS` says how long; by default each test takes two seconds.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::io::Write;
use std::time::{Duration, Instant};

use glossa_base::seed::{Purpose, Stream};
use glossa_corpora::{Error, Options, Source, SourceKind, source, wikitext};

fn budget() -> Duration {
    let seconds = std::env::var("GLOSSA_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(2))
}

/// Small pages that hold every kind of markup.
const PAGES: &[&str] = &[
    "'''Ana''' is a [[river|long river]] in {{flag|X}}<ref name=\"a\">{{cite|t=[[b]]}}</ref>.\n== Course ==\n* one\n",
    "{{Infobox\n| a = {{convert|3|km|mi}}\n| b = [[File:x.jpg|thumb|A [[b]] and {{c}}]]\n}}\nText -{zh-hans:甲;zh-hant:乙}-.",
    "{| class=\"x\"\n|-\n! h !! i\n|-\n| [[a]] || {{b|c}}\n{| \n| d\n|}\n|}\nAfter (; born 1900) , and .\n",
    "<gallery>\nFile:a.jpg|b\n</gallery><math>x^{2}</math><!-- c --><nowiki>[[d]]</nowiki>&nbsp;&amp;#65;__NOTOC__",
    "#REDIRECT [[Elsewhere]]",
    "{{disambig}} '''B''' may be:\n* [[B (a)]]\n* [http://x.org label]; [[Category:C]] [[de:B]]",
    "日本語、（読み）の文。[[ファイル:a.png|サムネイル]] ''и'' текст  с\u{a0}дырами ( , ) .",
];

const TOKENS: &[&str] = &[
    "{{",
    "}}",
    "{{{",
    "}}}",
    "[[",
    "]]",
    "{|",
    "|}",
    "|",
    "\n",
    "<ref>",
    "</ref>",
    "<!--",
    "-->",
    "''",
    "'''",
    "-{",
    "}-",
    "<nowiki>",
    "</nowiki>",
    "&",
    ";",
    "__",
    "==",
    "(",
    ")",
    " ,",
    "\u{f0041}",
    "\u{f00ff}",
    "http://",
    "[",
    "]",
    "<page>",
    "</page>",
    "<text>",
    "</text>",
    "<revision>",
    "<title>",
    "<![CDATA[",
    "]]>",
    "<!DOCTYPE",
    "&#0;",
    "&x;",
    "</mediawiki>",
    "<ns>",
    "\0",
    "\u{feff}",
    "<",
];

/// A case of its own for each number.
struct Mutator {
    stream: Stream,
    counter: u64,
}

impl Mutator {
    fn below(&mut self, bound: usize) -> usize {
        self.counter += 1;
        self.stream.below(self.counter, bound.max(1))
    }

    /// Inserts, removes, doubles and overwrites a few times.
    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..1 + self.below(12) {
            let at = self.below(bytes.len() + 1);
            let end = (at + self.below(30)).min(bytes.len());
            match self.below(5) {
                0 => drop(bytes.drain(at..end)),
                1 => {
                    let again = bytes[at..end].to_vec();
                    let place = self.below(bytes.len() + 1);
                    bytes.splice(place..place, again);
                }
                2 if at < bytes.len() => bytes[at] = self.below(256) as u8,
                _ => {
                    let token = TOKENS[self.below(TOKENS.len())];
                    bytes.splice(at..at, token.bytes());
                }
            }
        }
    }
}

fn mutators(purpose: u64) -> impl Iterator<Item = Mutator> {
    let end = Instant::now() + budget();
    let cases = (0..).map(move |step| Mutator { stream: Stream::new(17, Purpose::Sample, purpose, step), counter: 0 });
    cases.take_while(move |_| Instant::now() < end)
}

#[test]
fn any_page_gives_text() {
    let mut count = 0;
    for mut mutator in mutators(0) {
        let mut bytes = PAGES[mutator.below(PAGES.len())].as_bytes().to_vec();
        bytes.extend(PAGES[mutator.below(PAGES.len())].bytes());
        mutator.mutate(&mut bytes);
        let page = String::from_utf8_lossy(&bytes);
        let text = wikitext::to_text(&page);
        assert!(text.len() <= 2 * page.len() + 16, "{page:?} grew to {text:?}");
        assert!(text.lines().all(|line| line.contains(char::is_alphanumeric)), "{page:?} gave {text:?}");
        wikitext::is_redirect(&page);
        wikitext::is_disambiguation(&page);
        count += 1;
    }
    assert!(count > 100, "{count} cases");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn xml() -> Vec<u8> {
    let page = |(id, text): (usize, &&str)| {
        let text = escaped(text);
        format!("<page><title>T{id}</title><ns>0</ns><id>{id}</id><revision><text>{text}</text></revision></page>\n")
    };
    let pages: String = PAGES.iter().enumerate().map(page).collect();
    format!("<mediawiki><siteinfo><namespaces/></siteinfo>\n{pages}</mediawiki>\n").into_bytes()
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A panic in a thread of the reader would be told as this error.
fn check(path: &std::path::Path) {
    let documents = match source::documents(&[Source::new(path)], &Options::default()) {
        Ok(documents) => documents,
        Err(error) => return assert!(!error.to_string().contains("mistake of ours")),
    };
    for document in documents {
        if let Err(error @ Error::Malformed { .. }) = document {
            assert!(!error.to_string().contains("mistake of ours"), "{error}");
        }
    }
}

#[test]
fn any_dump_gives_documents_or_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut count = 0;
    for mut mutator in mutators(1) {
        let (mut bytes, path) = (xml(), folder.path().join(["x.xml", "x.xml.bz2"][usize::from(count % 2 == 1)]));
        if count % 2 == 0 {
            mutator.mutate(&mut bytes);
        } else {
            let size = 50 + mutator.below(bytes.len());
            if count % 4 == 1 {
                mutator.mutate(&mut bytes);
                bytes = bytes.chunks(size).flat_map(packed).collect();
            } else {
                bytes = bytes.chunks(size).flat_map(packed).collect();
                mutator.mutate(&mut bytes);
            }
        }
        std::fs::write(&path, bytes).unwrap();
        check(&path);
        count += 1;
    }
    assert!(count > 20, "{count} cases");
}

/// Tweets of every form, and what streams send beside them.
const TWEETS: &[&str] = &[
    r#"{"id_str":"1","text":"cut…","lang":"eu","extended_tweet":{"full_text":"whole &amp; long @ana https://t.co/x"}}"#,
    r#"{"id":2,"full_text":"RT @b: theirs","retweeted_status":{"id_str":"9","full_text":"theirs","lang":"es"}}"#,
    r#"{"data":{"id":"4","text":"cut…","note_tweet":{"text":"a long note \ud83d\ude00"}},"includes":{"tweets":[]}}"#,
    r#"{"data":[{"id":"5","text":"RT","referenced_tweets":[{"type":"retweeted","id":"7"}]}],"includes":{"tweets":[{"id":"7","text":"whole"}]}}"#,
    r#"{"delete":{"status":{"id":1,"id_str":"1"}}}"#,
    "",
    r#"{"limit":{"track":5}}"#,
];

/// Mutated lines, alone or packed; each line gives what it holds or is counted, and only packing is an error.
#[test]
fn any_tweets_give_documents_or_bad_lines() {
    let folder = tempfile::tempdir().unwrap();
    let mut count = 0;
    for mut mutator in mutators(2) {
        let mut bytes = Vec::new();
        for _ in 0..1 + mutator.below(6) {
            bytes.extend(TWEETS[mutator.below(TWEETS.len())].bytes().chain(*b"\n"));
        }
        let before = mutator.below(2) == 0;
        if before {
            mutator.mutate(&mut bytes);
        }
        let is_packed = count % 3 == 0;
        if is_packed {
            bytes = packed(&bytes);
        }
        if !before {
            mutator.mutate(&mut bytes);
        }
        let path = folder.path().join(["x.json", "x.json.bz2"][usize::from(is_packed)]);
        std::fs::write(&path, bytes).unwrap();
        let tweets = glossa_corpora::TweetOptions { mask: count % 2 == 0, ..Default::default() };
        let options = Options { tweets, ..Options::default() };
        let source = Source { path, kind: Some(SourceKind::Tweets) };
        for document in source::documents(&[source], &options).unwrap() {
            match document {
                Ok(document) => assert!(!document.id.is_empty()),
                Err(error) => assert!(is_packed, "{error}"),
            }
        }
        count += 1;
    }
    assert!(count > 100, "{count} cases");
}
