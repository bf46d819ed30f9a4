//! `glossa corpus fetch` as a user runs it, against a server that plays Wikimedia.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

#[path = "../../base/tests/support/server.rs"]
mod server;
mod support;

use server::{Reply, Server};
use support::{Place, Ran, number, text};

/// A dump of one article, packed, and its SHA-1 as Wikimedia would publish it; made by other programs.
const PACKED: &str = "425a683931415926535973deb4e200000d9d804001e0052000a7efdfc02000750954f531340d0686693d40953d48f53d46\
                      4034005f2eb05c4809c2629a257c40eb225c4eb8d2b4c446b0cb02c20c3a33f1128299dcbd1b29b9d941880c6472210c1b\
                      43d73e711b87b24f41dcfb5454ee9319ee5050fc5dc914e14241cf7ad388";
const SHA1: &str = "cd9c8a30dec3f1e81685e43367608589862cd822";
const NAME: &str = "euwiki-20240101-pages-articles.xml.bz2";

fn wikimedia(sha1: &'static str) -> Server {
    let digits: Vec<char> = PACKED.chars().collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap();
    let packed: Vec<u8> = digits.chunks(2).map(byte).collect();
    let file = serde_json::json!({NAME: {"size": packed.len(), "sha1": sha1}});
    let status = serde_json::json!({"jobs": {"articlesdump": {"status": "done", "files": file}}}).to_string();
    Server::new(move |request, _| match request.path.as_str() {
        "/euwiki/" => Reply::ok("<a href=\"20240101/\">"),
        "/euwiki/20240101/dumpstatus.json" => Reply::ok(status.clone()),
        path if path.ends_with(NAME) => Reply::ranged(request, &packed, "\"tag\""),
        _ => Reply::new(404, ""),
    })
}

/// Runs the command; a proxy of this machine has no part in it.
fn run(place: &Place, server: &Server, arguments: &str) -> Ran {
    let base = server.url("");
    let mut words: Vec<&str> = arguments.split_whitespace().collect();
    words.extend(["--single-stream", "--quiet", "--base-url", &base]);
    place.run_with(&words, &[("no_proxy", "127.0.0.1"), ("NO_PROXY", "127.0.0.1")], b"")
}

#[test]
fn a_dump_is_fetched_and_built_from() {
    let (place, server) = (Place::new(), wikimedia(SHA1));
    let planned = run(&place, &server, "corpus fetch wikipedia eu --out dump --dry-run --json").done().json();
    assert_eq!((number(&planned, "/bytes"), place.path("dump").exists()), (128.0, false));
    assert!(text(&planned, "/source/files/0/url").ends_with(NAME));
    let shown = run(&place, &server, "corpus fetch wikipedia eu --out dump --dry-run").done().stdout;
    assert!(shown.contains(&server.url("/euwiki/20240101/")) && shown.contains("128 bytes"), "{shown}");

    let fetched = run(&place, &server, "corpus fetch wikipedia eu --out dump --json").done().json();
    assert_eq!((number(&fetched, "/transferred"), text(&fetched, "/source/date")), (128.0, "20240101"));
    assert!(text(&fetched, "/source/licence").contains("CC BY-SA 4.0"));
    let again = run(&place, &server, "corpus fetch wikipedia eu --out dump --json --offline").done().json();
    assert_eq!(number(&again, "/transferred"), 0.0);
    let built = place.run("corpus build dump --out corpus --valid-share 0 --test-share 0 --json -q").done().json();
    assert_eq!(number(&built, "/summary/train/documents"), 1.0);
}

#[test]
fn what_cannot_be_fetched_is_refused() {
    let (place, server) = (Place::new(), wikimedia("00000000000000000000000000000000000000ff"));
    let cases = [
        ("eu --out a --offline", 4, &["offline", "/euwiki/", "--offline"][..]),
        ("xx --out b", 4, &["`xx`", "/xxwiki/"]),
        ("eu --out c --date 20230101", 4, &["20230101", "--date"]),
        ("eu --out d --date yesterday", 3, &["yesterday", "YYYYMMDD"]),
        ("../eu --out e", 3, &["../eu"]),
        ("eu --out f", 4, &["sha1", SHA1, NAME]),
    ];
    for (arguments, code, words) in cases {
        run(&place, &server, &format!("corpus fetch wikipedia {arguments}")).refusal(code, words).unwrap();
    }
    let socks = [("http_proxy", "socks5://127.0.0.1:1"), ("NO_PROXY", ""), ("no_proxy", "")];
    let words = ["corpus", "fetch", "wikipedia", "eu", "--out", "g", "-q"];
    place.run_with(&words, &socks, b"").refusal(3, &["http proxy", "socks5"]).unwrap();
    place.run("corpus build f --out corpus -q").refusal(3, &["not complete", "corpus fetch"]).unwrap();
}
