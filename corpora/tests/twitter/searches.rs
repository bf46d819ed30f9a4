//! Searches: pages, what is new, budgets, what a folder holds.

use glossa_base::{Failure, Interrupt, Silent, hash};
use glossa_corpora::twitter::{Ended, Record, plan};
use glossa_corpora::{Options, Source, build};
use serde_json::json;

use crate::server::{Reply, Server};
use crate::support::*;

#[test]
fn pages_are_fetched_recorded_and_built_from() {
    let (place, server) = (Place::new(), x(250));
    let summary = place.fetch(&search(&server)).unwrap();
    assert_eq!((summary.tweets, summary.pages, summary.spent, summary.ended), (250, 3, 250, Ended::Complete));
    let pages = ["tweets-00000001.jsonl.gz", "tweets-00000002.jsonl.gz", "tweets-00000003.jsonl.gz"];
    assert_eq!(place.names(), ["source.json", "state.json", pages[0], pages[1], pages[2]]);
    assert_eq!(place.documents(), down(250, 1));

    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    for (request, token) in requests.iter().zip([None, Some("t150"), Some("t50")]) {
        assert!(request.path.starts_with("/2/tweets/search/recent?"), "{request:?}");
        let of = |name| parameter(request, name);
        assert_eq!(request.header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
        assert_eq!((of("query").as_deref(), of("max_results").as_deref()), (Some("kaixo lang:eu"), Some("100")));
        assert_eq!((of("next_token").as_deref(), of("expansions").as_deref()), (token, Some("referenced_tweets.id")));
        assert!(of("tweet.fields").unwrap().split(',').any(|field| field == "note_tweet"));
        assert_eq!((of("start_time"), of("end_time"), of("since_id")), (None, None, None));
    }

    let record = Record::read(&place.out()).unwrap().unwrap();
    assert_eq!(record, summary.record);
    assert_eq!((record.complete, record.tweets, record.date.as_str()), (true, 250, "2026-01-15"));
    assert!(record.url.ends_with("/2/tweets/search/recent") && record.licence.contains("may not be passed on"));
    for (file, name) in record.files.iter().zip(pages) {
        let path = place.out().join(name);
        assert_eq!((file.name.as_str(), &file.sha256), (name, &hash::sha256_file(&path).unwrap()));
    }

    let corpus = place.folder.path().join("corpus");
    let built = build(&[Source::new(place.out())], &Options::default(), &corpus, &Silent).unwrap();
    assert_eq!(built.read, 250);
    let source = serde_json::to_value(&built.sources).unwrap();
    assert_eq!((source[0]["files"].as_array().unwrap().len(), &source[0]["licence"]), (3, &json!(record.licence)));
    // A page by itself is known by its first line.
    let one = build(&[Source::new(place.out().join(pages[2]))], &Options::default(), &corpus, &Silent).unwrap();
    assert_eq!(one.read, 50);
}

#[test]
fn retweets_and_long_posts_are_whole() {
    let page = json!({"data": [
        {"id": "7", "text": "RT @a: cut…", "referenced_tweets": [{"type": "retweeted", "id": "3"}]},
        {"id": "8", "text": "cut…", "note_tweet": {"text": "a long post, whole\nin two lines"}},
    ], "includes": {"tweets": [{"id": "3", "text": "theirs, whole"}]}, "meta": {"result_count": 2}});
    let (place, server) =
        (Place::new(), Server::new(move |_, _| Reply::ok(serde_json::to_string_pretty(&page).unwrap())));
    place.fetch(&search(&server)).unwrap();
    let found = glossa_corpora::source::documents(&[Source::new(place.out())], &Options::default()).unwrap();
    let texts: Vec<String> = found.map(|document| document.unwrap().text).collect();
    assert_eq!(texts, ["theirs, whole", "a long post, whole\nin two lines"]);
}

#[test]
fn run_again_it_reads_what_is_new() {
    let place = Place::new();
    place.fetch(&search(&x(120))).unwrap();
    let same = x(120);
    let summary = place.fetch(&search(&same)).unwrap();
    assert_eq!((summary.tweets, summary.pages, summary.ended), (0, 1, Ended::Complete));
    assert_eq!(parameter(&same.requests()[0], "since_id"), Some((FIRST + 120).to_string()));
    let more = x(330);
    let summary = place.fetch(&search(&more)).unwrap();
    assert_eq!((summary.tweets, summary.spent, summary.record.files.len()), (210, 330, 5));
    assert!(more.requests().iter().all(|request| parameter(request, "since_id") == Some((FIRST + 120).to_string())));
    let mut documents = place.documents();
    documents.sort_unstable();
    assert_eq!(documents, (1..=330).collect::<Vec<_>>());
}

#[test]
fn an_id_that_is_too_old_for_the_last_days_is_not_sent() {
    let place = Place::new();
    place.fetch(&search(&x(20))).unwrap();
    glossa_base::download::Clock::sleep(&place.clock, std::time::Duration::from_secs(8 * 86_400));
    let later = x(20);
    place.fetch(&search(&later)).unwrap();
    assert_eq!(parameter(&later.requests()[0], "since_id"), None);
    // The archive takes any.
    let (place, server) = (Place::new(), x(20));
    place.fetch(&archive(&server)).unwrap();
    glossa_base::download::Clock::sleep(&place.clock, std::time::Duration::from_secs(8 * 86_400));
    place.fetch(&archive(&server)).unwrap();
    let last = server.requests().pop().unwrap();
    assert_eq!((parameter(&last, "since_id"), parameter(&last, "start_time")), (Some((FIRST + 20).to_string()), None));
}

#[test]
fn the_archive_is_asked_slowly_and_from_the_beginning() {
    let (place, server) = (Place::new(), x(1200));
    place.fetch(&archive(&server)).unwrap();
    let requests = server.requests();
    assert_eq!((requests.len(), place.clock.waited()), (3, 2));
    for request in &requests {
        assert!(request.path.starts_with("/2/tweets/search/all?"));
        assert_eq!(parameter(request, "max_results").as_deref(), Some("500"));
        assert_eq!(parameter(request, "start_time").as_deref(), Some("2006-03-21T00:00:00Z"));
    }
}

#[test]
fn times_are_sent_and_what_has_ended_is_not_asked_for_again() {
    let (place, server) = (Place::new(), x(20));
    let timed = |since: &str, until: &str| {
        let mut choice = archive(&server);
        if let glossa_corpora::twitter::Asked::Search(search) = &mut choice.asked {
            (search.since, search.until) = (Some(since.to_owned()), Some(until.to_owned()));
        }
        choice
    };
    let choice = timed("2024-01-01", "2024-02-01T12:00:00Z");
    place.fetch(&choice).unwrap();
    let request = server.requests().pop().unwrap();
    assert_eq!(parameter(&request, "start_time").as_deref(), Some("2024-01-01T00:00:00Z"));
    assert_eq!(parameter(&request, "end_time").as_deref(), Some("2024-02-01T12:00:00Z"));
    let again = place.fetch(&choice).unwrap();
    assert_eq!((again.pages, again.ended, server.requests().len()), (0, Ended::Complete, 1));
    // The same times, written in another way.
    assert_eq!(place.fetch(&timed("2024-01-01T00:00:00Z", "2024-02-01T12:00:00Z")).unwrap().pages, 0);
    for bad in ["yesterday", "2024-02-30T25:00:00Z", ""] {
        let error = Failure::from(place.fetch(&timed(bad, "2024-02-01")).unwrap_err());
        assert!(error.kind.exit_code() == 3 && error.hint.unwrap().contains("UTC"), "{bad}");
    }
}

#[test]
fn the_budget_is_never_exceeded() {
    // The budget, the sizes that are asked for, why it ends.
    let rows: [(u64, &[u64], Ended); 7] = [
        (10, &[10], Ended::Budget),
        (19, &[19], Ended::Budget),
        (100, &[100], Ended::Budget),
        (105, &[100], Ended::Budget),
        (115, &[100, 15], Ended::Budget),
        (250, &[100, 100, 50], Ended::Complete),
        (9999, &[100, 100, 100], Ended::Complete),
    ];
    for (budget, sizes, ended) in rows {
        let (place, server) = (Place::new(), x(250));
        let summary = place.fetch(&search_with(&server, Some(budget))).unwrap();
        let asked: Vec<u64> = server
            .requests()
            .iter()
            .map(|request| parameter(request, "max_results").unwrap().parse().unwrap())
            .collect();
        assert_eq!((asked.as_slice(), summary.ended), (sizes, ended), "{budget}");
        assert!(summary.spent <= budget && summary.spent == place.documents().len() as u64);
        // It counts for the folder, not for the run; a larger one goes on.
        if ended == Ended::Budget {
            assert_eq!(place.fetch(&search_with(&server, Some(budget))).unwrap().pages, 0);
            assert_eq!(server.requests().len(), sizes.len());
            place.fetch(&search(&server)).unwrap();
            assert_eq!(place.documents(), down(250, 1));
        }
    }
    let (place, server) = (Place::new(), x(250));
    let error = place.fetch(&search_with(&server, Some(9))).unwrap_err();
    assert!(error.to_string().contains("10 at least") && !place.out().exists(), "{error}");
}

#[test]
fn an_empty_page_is_none() {
    let empty = |next: bool| {
        let meta = if next { json!({"result_count": 0, "next_token": "t20"}) } else { json!({"result_count": 0}) };
        Reply::ok(json!({"meta": meta}).to_string())
    };
    let (place, server) = (Place::new(), Server::new(move |_, _| empty(false)));
    let summary = place.fetch(&search(&server)).unwrap();
    assert_eq!((summary.tweets, summary.ended, place.names().len()), (0, Ended::Complete, 2));
    // One among others: the next ones follow.
    let place = Place::new();
    let server = Server::new(move |request, number| if number == 0 { empty(true) } else { good(request, 20) });
    place.fetch(&search(&server)).unwrap();
    assert_eq!((place.documents(), server.requests().len()), (down(20, 1), 2));
}

#[test]
fn a_plan_asks_and_writes_nothing() {
    let (place, server) = (Place::new(), x(250));
    let planned = plan(&search_with(&server, Some(150)), &place.out(), &place.downloader()).unwrap();
    let request = planned.request.unwrap();
    assert!(request.starts_with(&server.url("/2/tweets/search/recent?query=kaixo+lang%3Aeu&max_results=100&")));
    assert!((planned.budget, planned.spent) == (Some(150), 0) && !place.out().exists() && server.requests().is_empty());
    place.fetch(&search_with(&server, Some(150))).unwrap();
    let before = files(&place.out());
    let planned = plan(&search_with(&server, Some(150)), &place.out(), &place.downloader()).unwrap();
    assert_eq!((planned.request, planned.spent, files(&place.out())), (None, 150, before));
    let further = plan(&search(&server), &place.out(), &place.downloader()).unwrap().request.unwrap();
    assert!(further.contains("next_token=t100"), "{further}");
}

#[test]
fn a_folder_belongs_to_one_query() {
    let (place, server) = (Place::new(), x(20));
    place.fetch(&search(&server)).unwrap();
    let before = files(&place.out());
    let error = Failure::from(place.fetch(&archive(&server)).unwrap_err());
    assert!(error.message.contains("the query `kaixo lang:eu` already") && error.kind.exit_code() == 3, "{error}");
    assert!(error.hint.unwrap().contains("--out") && files(&place.out()) == before);
    for (name, bytes, said) in [
        ("state.json", &b"{"[..], "state.json cannot be read"),
        ("state.json", b"{\"format\": 1}", "state.json cannot be read"),
        ("tweets-00000002.jsonl.gz", b"rubbish", "tweets-00000002.jsonl.gz cannot be read"),
        ("tweets-00000002.jsonl.gz", &before["tweets-00000001.jsonl.gz"], "not the page that state.json expects"),
    ] {
        std::fs::write(place.out().join(name), bytes).unwrap();
        let error = place.fetch(&search(&server)).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
        std::fs::write(place.out().join("state.json"), &before["state.json"]).unwrap();
    }
    for (name, bytes) in
        [("source.json", &b"{\"format\":1,\"source\":\"wikipedia\"}"[..]), ("tweets-00000001.jsonl.gz", b"x")]
    {
        let other = Place::new();
        std::fs::create_dir(other.out()).unwrap();
        std::fs::write(other.out().join(name), bytes).unwrap();
        let error = other.fetch(&search(&server)).unwrap_err();
        assert!(error.to_string().contains("something else") && other.names() == [name], "{error}");
    }
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn two_processes_do_not_pay_for_one_folder() {
    let (place, server) = (Place::new(), x(20));
    std::fs::create_dir(place.out()).unwrap();
    let lock = std::fs::File::create(place.out().join(".fetch.lock")).unwrap();
    lock.lock().unwrap();
    let error = place.fetch(&search(&server)).unwrap_err();
    assert!(error.to_string().contains("another process") && server.requests().is_empty(), "{error}");
    // Of a process that died the file may stay; its lock does not.
    drop(lock);
    place.fetch(&search(&server)).unwrap();
    assert!(!place.names().iter().any(|name| name.starts_with('.')));
}

#[test]
fn queries_and_addresses_that_cannot_be_meant_are_refused() {
    let (place, server) = (Place::new(), x(20));
    let with = |query: &str, base: &str| {
        let mut choice = search(&server);
        choice.base_url = base.to_owned();
        if let glossa_corpora::twitter::Asked::Search(search) = &mut choice.asked {
            search.query = query.to_owned();
        }
        place.fetch_until(&choice, &Interrupt::default()).unwrap_err().to_string()
    };
    let url = server.url("");
    for (query, base, said) in [
        ("", url.as_str(), "empty"),
        (" ", &url, "empty"),
        ("a\nb", &url, "one line"),
        (&"x".repeat(4097), &url, "4096"),
        ("x", "api.x.com", "no URL"),
        ("x", "ftp://api.x.com", "neither http"),
        ("x", "https://me:secret@api.x.com", "holds a user"),
        ("x", "https://api.x.com/?token=1", "holds a user"),
    ] {
        let error = with(query, base);
        assert!(error.contains(said) && !error.contains("secret"), "{error}");
    }
    assert!(!place.out().exists() && server.requests().is_empty());
}
