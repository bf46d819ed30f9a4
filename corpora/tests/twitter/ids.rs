//! Tweets by their ids.

use std::path::PathBuf;

use glossa_base::{Failure, Silent};
use glossa_corpora::twitter::{Asked, Choice, Ended};
use glossa_corpora::{Options, Source, build};
use serde_json::{Value, json};

use crate::server::{Reply, Request, Server};
use crate::support::*;

/// An X in which every tenth tweet is gone: deleted, protected, of a suspended user, or for no reason.
fn lookup(request: &Request) -> Reply {
    let ids: Vec<u64> =
        parameter(request, "ids").unwrap().split(',').map(|id| id.parse::<u64>().unwrap() - FIRST).collect();
    let (gone, here): (Vec<u64>, Vec<u64>) = ids.into_iter().partition(|number| number % 10 == 0);
    let problem = |number: &u64| {
        let (kind, detail) = match number % 40 {
            10 => ("resource-not-found", "Could not find tweet with ids"),
            20 => ("not-authorized-for-resource", "Sorry, you are not authorized to see the Tweet with ids"),
            30 => ("not-authorized-for-resource", "User has been suspended"),
            _ => return None,
        };
        let id = (FIRST + number).to_string();
        Some(json!({"value": id, "resource_id": id, "resource_type": "tweet", "parameter": "ids", "section": "data",
            "title": "Error", "detail": format!("{detail}: [{id}]."), "type": format!("https://api.twitter.com/2/problems/{kind}")}))
    };
    let errors: Vec<Value> = gone.iter().filter_map(problem).collect();
    let mut page = json!({"data": here.into_iter().map(tweet).collect::<Vec<_>>()});
    if !errors.is_empty() {
        page["errors"] = Value::Array(errors);
    }
    Reply::ok(page.to_string())
}

fn ids(place: &Place, numbers: impl Iterator<Item = u64>) -> PathBuf {
    let path = place.folder.path().join("ids.txt");
    let lines: Vec<String> = numbers.map(|number| (FIRST + number).to_string()).collect();
    std::fs::write(&path, lines.join("\n")).unwrap();
    path
}

fn choice(server: &Server, path: PathBuf, budget: Option<u64>) -> Choice {
    Choice { asked: Asked::Ids(path), budget, base_url: server.url("") }
}

#[test]
fn tweets_are_read_by_the_hundred_and_what_is_gone_is_listed() {
    let (place, server) = (Place::new(), Server::new(|request, _| lookup(request)));
    let path = ids(&place, (1..=240).chain(1..=5));
    let summary = place.fetch(&choice(&server, path.clone(), None)).unwrap();
    assert_eq!((summary.tweets, summary.pages, summary.ended), (216, 3, Ended::Complete));
    let sizes: Vec<usize> =
        server.requests().iter().map(|request| parameter(request, "ids").unwrap().split(',').count()).collect();
    assert_eq!(sizes, [100, 100, 40]);
    assert!(server.requests()[0].path.starts_with("/2/tweets?ids="));
    assert_eq!(place.documents(), (1..=240).filter(|number| number % 10 != 0).collect::<Vec<_>>());
    let counts = [("deleted", 6), ("protected", 6), ("suspended", 6), ("unexplained", 6)];
    assert_eq!(summary.record.missing, counts.map(|(reason, count)| (reason.to_owned(), count)).into());
    let missing = String::from_utf8(files(&place.out())["missing.txt"].clone()).unwrap();
    let lines: Vec<&str> = missing.lines().collect();
    assert_eq!(lines.len(), 24);
    assert_eq!(lines[0], format!("{0}\tdeleted\tCould not find tweet with ids: [{0}].", FIRST + 10));
    assert_eq!(lines[3], format!("{}\tunexplained\t", FIRST + 40));
    // `missing.txt` is no text of the corpus.
    let built =
        build(&[Source::new(place.out())], &Options::default(), &place.folder.path().join("c"), &Silent).unwrap();
    assert_eq!(built.read, 216);

    let again = place.fetch(&choice(&server, path, None)).unwrap();
    assert_eq!((again.tweets, again.pages, again.ended, server.requests().len()), (0, 0, Ended::Complete, 3));
    assert_eq!(again.record.missing.len(), 4);
    let other = ids(&place, 1..=241);
    let error = Failure::from(place.fetch(&choice(&server, other, None)).unwrap_err());
    assert!(error.message.contains("the tweets of 240 ids") && error.hint.unwrap().contains("--out"));
}

#[test]
fn the_budget_counts_what_comes() {
    for (budget, spent) in [(1, 1), (90, 90), (150, 150), (216, 216)] {
        let (place, server) = (Place::new(), Server::new(|request, _| lookup(request)));
        let path = ids(&place, 1..=240);
        let summary = place.fetch(&choice(&server, path.clone(), Some(budget))).unwrap();
        assert!(summary.spent <= budget && summary.spent == spent, "{budget}: {summary:?}");
        place.fetch(&choice(&server, path, None)).unwrap();
        assert_eq!(place.documents().len(), 216);
    }
    let (place, server) = (Place::new(), x(1));
    let path = ids(&place, 1..=5);
    assert!(place.fetch(&choice(&server, path, Some(0))).is_err());
}

#[test]
fn all_may_be_gone() {
    let (place, server) = (Place::new(), Server::new(|request, _| lookup(request)));
    let path = ids(&place, (10..=90).step_by(10));
    let summary = place.fetch(&choice(&server, path, None)).unwrap();
    assert_eq!((summary.tweets, summary.record.missing.values().sum::<u64>(), summary.ended), (0, 9, Ended::Complete));
    assert!(place.documents().is_empty());
}

#[test]
fn a_file_that_holds_no_ids_is_named() {
    let (place, server) = (Place::new(), x(1));
    let path = place.folder.path().join("ids.txt");
    for (text, said) in [("1\nhello\n", "line 2"), ("", "none"), ("id\n1\n", "line 1")] {
        std::fs::write(&path, text).unwrap();
        let error = Failure::from(place.fetch(&choice(&server, path.clone(), None)).unwrap_err());
        assert!(error.message.contains(said) && error.kind.exit_code() == 3 && !place.out().exists(), "{error}");
    }
}
