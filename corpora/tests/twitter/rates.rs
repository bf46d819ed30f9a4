//! Rate limits, by a clock on which waiting takes no time.

use glossa_base::{Failure, Interrupt};
use glossa_corpora::twitter::Error;
use serde_json::json;

use crate::server::{Reply, Server};
use crate::support::*;

fn too_many() -> Reply {
    Reply::new(429, json!({"title": "Too Many Requests", "detail": "Too Many Requests", "status": 429}).to_string())
}

/// A window as X names it, that ends so many seconds from the beginning of the test.
fn window(reply: Reply, remaining: u64, ends: i64) -> Reply {
    let reset = NOW.saturating_add_signed(ends);
    reply
        .with("x-rate-limit-limit", "450")
        .with("x-rate-limit-remaining", remaining.to_string())
        .with("x-rate-limit-reset", reset.to_string())
}

#[test]
fn what_x_asks_for_is_waited() {
    // What is answered first, and how many seconds are waited.
    type First = fn() -> Reply;
    let rows: [(First, u64, &str); 8] = [
        (|| window(too_many(), 0, 300), 301, "the window's end"),
        (|| window(too_many(), 0, 900), 901, "a whole window"),
        (|| window(too_many(), 7, 300), 10, "another limit, with requests left"),
        (|| window(too_many(), 7, 300).with("Retry-After", "3"), 3, "the same, with a time"),
        (|| window(too_many(), 0, -100), 60, "a clock that is wrong"),
        (|| too_many().with("Retry-After", "42"), 42, "a time alone"),
        (too_many, 60, "nothing"),
        (|| too_many().with("x-rate-limit-remaining", "none").with("x-rate-limit-reset", "soon"), 60, "no numbers"),
    ];
    for (first, seconds, case) in rows {
        let place = Place::new();
        let server = Server::new(move |request, number| if number == 0 { first() } else { good(request, 20) });
        place.fetch(&search(&server)).unwrap();
        assert_eq!((place.clock.waited(), place.documents()), (seconds, down(20, 1)), "{case}");
        assert_eq!(server.requests().len(), 2);
        let said = format!("waiting {seconds} s for the rate limit, until 2026-01-15T08:");
        assert!(place.told.lines().iter().any(|line| line.starts_with(&said)), "{:?}", place.told.lines());
    }
}

#[test]
fn the_end_of_a_window_is_seen_before_it_is_met() {
    let place = Place::new();
    let server = Server::new(|request, number| window(good(request, 250), 1 - number as u64 % 2, 500));
    place.fetch(&search(&server)).unwrap();
    // After the second page; none follows the third, and its window is not waited for.
    assert_eq!((place.clock.waited(), server.requests().len(), place.documents().len()), (501, 3, 250));
}

#[test]
fn long_waits_are_for_later() {
    let place = Place::new();
    let server = Server::new(|request, number| match number {
        0 => good(request, 250),
        1 => window(too_many(), 0, 3600),
        2 => window(good(request, 250), 0, 86_400),
        3 => window(too_many(), 0, i64::MAX),
        _ => good(request, 250),
    });
    for until in ["2026-01-15T09:00:01Z", "2026-01-16T08:00:01Z", "2162-02-21T14:28:16Z"] {
        let error = place.fetch(&search(&server)).unwrap_err();
        assert!(matches!(&error, Error::RateLimit { until: then, .. } if then == until), "{error}");
        let failure = Failure::from(error);
        assert!(failure.kind.exit_code() == 4 && failure.hint.unwrap().contains("run the same command then"));
    }
    assert_eq!(place.clock.waited(), 0);
    place.fetch(&search(&server)).unwrap();
    assert_eq!(place.documents(), down(250, 1));
}

#[test]
fn a_limit_that_never_ends_is_given_up() {
    let (place, server) = (Place::new(), Server::new(|_, _| too_many()));
    let error = place.fetch(&search(&server)).unwrap_err();
    assert!(matches!(&error, Error::RateLimit { .. }), "{error}");
    assert_eq!((server.requests().len(), place.clock.waited()), (5, 60 + 120 + 240 + 480));
}

#[test]
fn a_plan_that_is_used_up_is_not_waited_for() {
    let capped = json!({"title": "UsageCapExceeded", "detail": "Usage cap exceeded: Monthly product cap", "period": "Monthly",
        "type": "https://api.twitter.com/2/problems/usage-capped"});
    let credits = json!({"title": "CreditsDepleted", "detail": "no credits"});
    for (status, body) in [(429, capped), (402, credits)] {
        let place = Place::new();
        let said = body["detail"].as_str().unwrap().to_owned();
        let server = Server::new(move |_, _| window(Reply::new(status, body.to_string()), 0, 300));
        let error = place.fetch(&search(&server)).unwrap_err();
        assert!(matches!(&error, Error::Capped { message, .. } if message.contains(&said)), "{error}");
        assert_eq!((server.requests().len(), place.clock.waited()), (1, 0));
    }
}

#[test]
fn a_wait_can_be_interrupted() {
    let (place, interrupt) = (Place::new(), Interrupt::default());
    let flag = interrupt.flag();
    let server = Server::new(move |request, number| {
        if number == 1 {
            flag.store(true, std::sync::atomic::Ordering::Relaxed);
        }
        if number == 1 { window(too_many(), 0, 600) } else { good(request, 120) }
    });
    let error = Failure::from(place.fetch_until(&search(&server), &interrupt).unwrap_err());
    assert_eq!((error.kind.exit_code(), place.clock.waited()), (75, 0));
    assert_eq!((&place.state()["pages"], place.documents().len()), (&json!(1), 100));
    place.fetch(&search(&server)).unwrap();
    assert_eq!(place.documents(), down(120, 1));
}
