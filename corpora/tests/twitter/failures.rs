//! What else can go wrong: the right pages, or the right error, and never a page that is half.

use std::time::Duration;

use glossa_base::{Failure, Interrupt, download};
use glossa_corpora::twitter::{self, Error};
use serde_json::json;

use crate::server::{Reply, Request, Server};
use crate::support::*;

/// A search of three pages whose second request is answered in another way, so many times.
fn spoiled(times: usize, reply: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> (Place, Server) {
    let server = Server::new(
        move |request, number| {
            if (1..=times).contains(&number) { reply(request) } else { good(request, 250) }
        },
    );
    (Place { stall: Duration::from_millis(700), ..Place::new() }, server)
}

/// The first page is kept whatever happens to the second, and the next run ends with all.
fn check_recovery(place: &Place, server: &Server) {
    assert_eq!((&place.state()["pages"], place.documents().len()), (&json!(1), 100));
    assert!(!place.names().iter().any(|name| name.starts_with('.')), "{:?}", place.names());
    place.fetch(&search(server)).unwrap();
    assert_eq!(place.documents(), down(250, 1));
}

#[test]
fn what_passes_is_asked_again() {
    type Spoiler = fn(&Request) -> Reply;
    let rows: [(usize, Spoiler); 8] = [
        (2, |_| Reply::new(500, "")),
        (4, |_| Reply::new(503, json!({"title": "Service Unavailable"}).to_string())),
        (1, |_| Reply::new(503, "").with("Retry-After", "7")),
        (1, |_| Reply::new(521, "a code of a proxy")),
        (2, |request| good(request, 250).cut_after(500)),
        (2, |request| good(request, 250).reset_after(0)),
        (1, |request| good(request, 250).stall_after(500, Duration::from_secs(4))),
        (1, |request| good(request, 250).stall_after(0, Duration::from_secs(4))),
    ];
    for (row, (times, spoiler)) in rows.into_iter().enumerate() {
        let (place, server) = spoiled(times, spoiler);
        let summary = place.fetch(&search(&server)).unwrap();
        assert_eq!((summary.tweets, place.documents()), (250, down(250, 1)), "row {row}");
        assert_eq!(server.requests().len(), 3 + times, "row {row}");
    }
}

#[test]
fn what_does_not_pass_has_its_error() {
    let refusal = |status, title: &str, detail: &str| {
        let body = json!({"title": title, "detail": detail, "type": "about:blank", "status": status}).to_string();
        move |_: &Request| Reply::new(status, body.clone())
    };
    let parameters = json!({"errors": [{"parameters": {"query": ["x:"]}, "message": "There were errors\nprocessing your request"}],
        "title": "Invalid Request", "detail": "One or more parameters to your request was invalid."});
    type Right = fn(&Error) -> bool;
    type Spoiler = Box<dyn Fn(&Request) -> Reply + Send + Sync>;
    let rows: Vec<(Spoiler, Right, &str, u8)> = vec![
        (
            Box::new(move |_| Reply::new(400, parameters.to_string())),
            |error| matches!(error, Error::BadRequest { .. }),
            "processing your",
            3,
        ),
        (
            Box::new(refusal(401, "Unauthorized", "Unauthorized")),
            |error| matches!(error, Error::Unauthorized { .. }),
            "401",
            4,
        ),
        (
            Box::new(refusal(403, "Client Forbidden", "client-not-enrolled")),
            |error| matches!(error, Error::Forbidden { .. }),
            "not-enrolled",
            4,
        ),
        (
            Box::new(refusal(404, "Not Found", "no such thing")),
            |error| matches!(error, Error::Status { status: 404, .. }),
            "no such thing",
            4,
        ),
        (
            Box::new(|_| Reply::new(204, "")),
            |error| matches!(error, Error::Status { status: 204, .. }),
            "nothing more",
            4,
        ),
        (
            Box::new(|_| Reply::new(403, format!("<html>{} {TOKEN}", "x".repeat(9)))),
            |error| matches!(error, Error::Forbidden { .. }),
            "(token)",
            4,
        ),
        (
            Box::new(|_| Reply::ok("{\"data\": [{\"id\": \"1\", \"te")),
            |error| matches!(error, Error::BadAnswer { .. }),
            "cut off",
            4,
        ),
        (Box::new(|_| Reply::ok("no JSON at all")), |error| matches!(error, Error::BadAnswer { .. }), "no JSON", 4),
        (
            Box::new(|_| Reply::ok("<!DOCTYPE html><html><body>Sign in to the network")),
            |error| matches!(error, Error::BadAnswer { .. }),
            "browsers",
            4,
        ),
        (Box::new(|_| Reply::ok("")), |error| matches!(error, Error::BadAnswer { .. }), "empty", 4),
        (Box::new(|_| Reply::ok("{}")), |error| matches!(error, Error::BadAnswer { .. }), "result_count", 4),
        (
            Box::new(|_| Reply::ok("{}").with("Content-Encoding", "gzip")),
            |error| matches!(error, Error::Download(download::Error::Encoded { .. })),
            "gzip",
            4,
        ),
        (
            Box::new(|_| Reply::ok(vec![b' '; 17 << 20])),
            |error| matches!(error, Error::Download(download::Error::TooLarge { .. })),
            "16777216",
            4,
        ),
    ];
    for (reply, right, said, code) in rows {
        let (place, server) = spoiled(1, reply);
        let error = place.fetch(&search(&server)).unwrap_err();
        assert!(right(&error) && error.to_string().contains(said), "{said}: {error}");
        assert_eq!(server.requests().len(), 2, "{error}");
        let failure = Failure::from(error);
        assert!(
            failure.kind.exit_code() == code && failure.hint.is_some() && !failure.message.contains('\n'),
            "{failure}"
        );
        check_recovery(&place, &server);
    }
}

#[test]
fn a_server_that_stays_broken_is_given_up() {
    let (place, server) = spoiled(5, |_| Reply::new(503, ""));
    let error = place.fetch(&search(&server)).unwrap_err();
    assert!(matches!(error, Error::Download(download::Error::Busy { status: 503, attempts: 5, .. })), "{error}");
    check_recovery(&place, &server);
    let (place, server) = spoiled(5, |request| good(request, 250).cut_after(300));
    let error = place.fetch(&search(&server)).unwrap_err();
    assert!(matches!(error, Error::Download(download::Error::Broken { attempts: 5, .. })), "{error}");
    check_recovery(&place, &server);
}

#[test]
fn pages_that_go_in_a_circle_are_refused() {
    // The same token again, and one of two pages before.
    for circle in [["t200", "t200", ""], ["t200", "t100", "t200"]] {
        let place = Place::new();
        let server = Server::new(move |request, number| {
            let mut page = search_page(request, 250);
            if let Some(token) = circle.get(number).filter(|token| !token.is_empty()) {
                page["meta"]["next_token"] = (*token).into();
            }
            Reply::ok(page.to_string())
        });
        let error = place.fetch(&search(&server)).unwrap_err();
        assert!(matches!(error, Error::Circle { .. }), "{error}");
        // What was refused is paid for all the same.
        let state = place.state();
        let asked = server.requests().len();
        assert!(state["pages"] == json!(asked - 1) && state["spent"] == json!(100 * asked), "{state}");
    }
}

#[test]
fn the_token_stays_with_its_host() {
    let other = Server::new(|request, _| good(request, 20));
    let away = other.url("");
    let server = Server::new(move |request, _| Reply::new(307, "").with("Location", format!("{away}{}", request.path)));
    let place = Place::new();
    place.fetch(&search(&server)).unwrap();
    assert_eq!(server.requests()[0].header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
    assert_eq!(other.requests().len(), 1);
    assert!(!format!("{:?}", other.requests()).contains(TOKEN));
}

#[test]
fn an_interrupt_at_any_request_loses_nothing() {
    for stop in 0..3 {
        let (place, interrupt) = (Place::new(), Interrupt::default());
        let flag = interrupt.flag();
        let server = Server::new(move |request, number| {
            if number == stop {
                flag.store(true, std::sync::atomic::Ordering::Relaxed);
            }
            good(request, 250).stall_after(10, Duration::from_millis(if number == stop { 300 } else { 0 }))
        });
        let error = Failure::from(place.fetch_until(&search(&server), &interrupt).unwrap_err());
        assert_eq!((error.kind.exit_code(), &place.state()["pages"]), (75, &json!(stop)));
        place.fetch(&search(&server)).unwrap();
        assert_eq!((place.documents(), server.requests().len()), (down(250, 1), 4));
    }
}

#[test]
fn offline_says_what_would_be_asked() {
    let (place, server) = (Place::new(), x(20));
    let offline = download::Settings { offline: true, ..download::Settings::default() };
    let downloader = download::Downloader::new(offline).unwrap();
    let watch = download::Watch { progress: &place.told, interrupt: &Interrupt::default() };
    let token = download::Token::new(TOKEN).unwrap();
    let error = twitter::fetch(&search(&server), &place.out(), &token, &downloader, watch).unwrap_err();
    assert!(matches!(error, Error::Download(download::Error::Offline { .. })), "{error}");
    assert!(error.to_string().contains(&server.url("/2/tweets/search/recent")) && server.requests().is_empty());
}
