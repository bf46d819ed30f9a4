//! `glossa corpus fetch tweets` as a user runs it, against a server that plays X.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

#[path = "../../base/tests/support/server.rs"]
mod server;
mod support;

use std::time::SystemTime;

use serde_json::json;
use server::{Reply, Server};
use support::{Place, Ran, number, text};

const TOKEN: &str = "AAAA-very-secret-token";

/// An id of now, to which numbers are added: the search of the last days knows no others.
fn newest() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as u64;
    (now - 1_288_834_974_657) << 22
}

/// Two pages of a search, ten tweets each, for whom the token is known; of ids, all but the last.
fn x() -> Server {
    let newest = newest();
    Server::new(move |request, _| {
        if request.header("authorization") != Some(format!("Bearer {TOKEN}").as_str()) {
            return Reply::new(
                401,
                json!({"title": "Unauthorized", "detail": "Unauthorized", "status": 401}).to_string(),
            );
        }
        let tweet =
            |id: u64| json!({"id": id.to_string(), "lang": "en", "text": format!("This is the tweet of number {id}.")});
        if request.path.starts_with("/2/tweets?") {
            let page = json!({"data": [tweet(1)], "errors": [{"value": "2", "resource_type": "tweet",
                "detail": "Could not find tweet with ids: [2].", "type": "https://api.twitter.com/2/problems/resource-not-found"}]});
            return Reply::ok(page.to_string());
        }
        let second = request.path.contains("next_token=second");
        let from = if second { 10 } else { 20 };
        let data: Vec<_> = if request.path.contains("since_id") {
            Vec::new()
        } else {
            (from..from + 10).map(|number| tweet(newest + number)).collect()
        };
        let mut page = json!({"data": data, "meta": {"result_count": data.len()}});
        if !second && !data.is_empty() {
            page["meta"]["next_token"] = "second".into();
        }
        Reply::ok(page.to_string())
    })
}

/// Runs the command with a token, or none; a proxy of this machine has no part in it. Nothing shows the token.
fn run_as(place: &Place, server: &Server, token: &str, words: &[&str]) -> Ran {
    let base = server.url("");
    let words = [&["corpus", "fetch", "tweets", "--quiet", "--base-url", &base][..], words].concat();
    let environment = [
        ("no_proxy", "127.0.0.1"),
        ("NO_PROXY", "127.0.0.1"),
        ("X_BEARER_TOKEN", token),
        ("TWITTER_BEARER_TOKEN", ""),
        ("BEARER_TOKEN", ""),
    ];
    let ran = place.run_with(&words, &environment, b"");
    assert!(!ran.stdout.contains("secret") && !ran.stderr.contains("secret"), "{ran:?}");
    ran
}

fn run(place: &Place, server: &Server, words: &[&str]) -> Ran {
    run_as(place, server, TOKEN, words)
}

#[test]
fn a_search_is_fetched_and_built_from() {
    let (place, server) = (Place::new(), x());
    let search = ["--query", "kaixo lang:eu", "--out", "tweets"];
    // A plan needs no token.
    let shown = run_as(&place, &server, "", &[&search[..], &["--dry-run", "--budget", "15"]].concat()).done().stdout;
    let address = server.url("/2/tweets/search/recent?query=kaixo+lang%3Aeu&max_results=15&");
    assert!(shown.contains(&address) && shown.contains("budget: 15 tweets, 0 used"), "{shown}");
    let planned = run(&place, &server, &[&search[..], &["--dry-run", "--json", "--archive"]].concat()).done().json();
    assert!(text(&planned, "/plan/request").contains("/2/tweets/search/all?"));
    assert!(server.requests().is_empty() && !place.path("tweets").exists());

    let first = run(&place, &server, &[&search[..], &["--json", "--budget", "15"]].concat()).done().json();
    assert_eq!((number(&first, "/tweets"), number(&first, "/spent"), text(&first, "/ended")), (10.0, 10.0, "budget"));
    let rest = run(&place, &server, &[&search[..], &["--json"]].concat()).done().json();
    assert_eq!((number(&rest, "/tweets"), number(&rest, "/spent"), text(&rest, "/ended")), (10.0, 20.0, "complete"));
    assert!(text(&rest, "/source/licence").contains("may not be passed on"));
    let again = run(&place, &server, &search).done().stdout;
    assert!(again.contains("0 tweets in 1 pages; nothing new") && again.contains("20 tweets in 2 files"), "{again}");
    for name in ["state.json", "source.json"] {
        assert!(!String::from_utf8(place.read(&format!("tweets/{name}"))).unwrap().contains("secret"));
    }
    let built = place.run("corpus build tweets --out corpus --valid-share 0 --test-share 0 --json -q").done().json();
    assert_eq!(number(&built, "/summary/read"), 20.0);
}

#[test]
fn ids_are_fetched_and_what_is_gone_is_told() {
    let (place, server) = (Place::new(), x());
    place.write("ids.txt", "1\n2\n");
    let shown = run(&place, &server, &["--ids", "ids.txt", "--out", "tweets"]).done().stdout;
    assert!(shown.contains("the tweets of 2 ids") && shown.contains("(missing.txt): deleted 1"), "{shown}");
    assert!(String::from_utf8(place.read("tweets/missing.txt")).unwrap().starts_with("2\tdeleted\t"));
}

#[test]
fn what_cannot_be_fetched_is_refused() {
    let (place, server) = (Place::new(), x());
    place.write("ids.txt", "1\nnone\n");
    let cases: [(&str, &[&str], i32, &[&str]); 7] = [
        ("", &["--query", "x", "--out", "a"], 2, &["X_BEARER_TOKEN", "export"]),
        ("secret with spaces", &["--query", "x", "--out", "b"], 3, &["token", "space"]),
        ("secret-but-wrong", &["--query", "x", "--out", "c"], 4, &["401", "token"]),
        (TOKEN, &["--query", "x", "--out", "d", "--offline"], 4, &["offline", "/2/tweets/search/recent"]),
        (TOKEN, &["--query", "x", "--out", "e", "--since", "yesterday"], 3, &["yesterday", "UTC"]),
        (TOKEN, &["--query", "x", "--out", "f", "--budget", "9"], 3, &["9 tweets", "--budget"]),
        (TOKEN, &["--ids", "ids.txt", "--out", "g"], 3, &["line 2", "ids.txt"]),
    ];
    for (token, words, code, said) in cases {
        run_as(&place, &server, token, words).refusal(code, said).unwrap();
    }
    for words in [&["--out", "h"][..], &["--query", "x"], &["--query", "x", "--ids", "ids.txt", "--out", "h"]] {
        assert_eq!(run(&place, &server, words).code, Some(2), "{words:?}");
    }
}
