//! What is left of a download that was stopped, and who goes on with it.

use super::*;
use server::Reply;

const TAG: &str = "\"one\"";

fn good(whole: &[u8]) -> Server {
    let whole = whole.to_vec();
    Server::new(move |request, _| Reply::ranged(request, &whole, TAG))
}

/// A part as a process leaves that was killed: half of the file.
fn orphan(place: &Place, server: &Server, bytes: &[u8], tag: &str) {
    let part = place.folder.path().join(".glossa-live-file-Ab12Cd").join("part");
    std::fs::create_dir_all(&part).unwrap();
    std::fs::write(part.join("bytes"), bytes).unwrap();
    let origin = serde_json::json!({"url": server.url("/file"), "etag": tag});
    std::fs::write(part.join("from.json"), origin.to_string()).unwrap();
}

#[test]
fn the_part_of_a_killed_process_is_gone_on_with() {
    for size in SIZES {
        let (place, whole) = (Place::new(), content(size));
        let server = good(&whole);
        orphan(&place, &server, &whole[..size / 2], TAG);
        let fetched = place.fetch(&wanted(&server, &whole)).unwrap();
        check(&place, &whole);
        assert_eq!(fetched.transferred as usize, size - size / 2);
        assert_eq!(server.requests().len(), 1);
        assert!((5.0..=10.0).contains(&place.clock.waited()));
    }
}

#[test]
fn a_part_that_was_whole_already_is_not_asked_for() {
    let (place, whole) = (Place::new(), content(5000));
    let server = good(&whole);
    orphan(&place, &server, &whole, TAG);
    assert_eq!(place.fetch(&wanted(&server, &whole)).unwrap().transferred, 0);
    check(&place, &whole);
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn useless_parts_do_no_harm() {
    let whole = content(5000);
    let server = good(&whole);
    let cases: [(&[u8], &str); 4] =
        [(&[7; 2000], TAG), (&whole[..2000], "\"other\""), (&[7; 9000], TAG), (&[7; 5000], TAG)];
    for (bytes, tag) in cases {
        let place = Place::new();
        orphan(&place, &server, bytes, tag);
        place.fetch(&wanted(&server, &whole)).unwrap();
        check(&place, &whole);
    }
    // A part of another address, and one whose note is damaged.
    for note in ["{\"url\": \"http://a.test/x\"}", "{\"url\": 7", ""] {
        let place = Place::new();
        orphan(&place, &server, &whole[..2000], TAG);
        std::fs::write(place.folder.path().join(".glossa-live-file-Ab12Cd/part/from.json"), note).unwrap();
        let fetched = place.fetch(&bare(&server)).unwrap();
        check(&place, &whole);
        assert_eq!(fetched.transferred, 5000);
    }
}

#[test]
fn a_signal_stops_it_and_the_next_run_goes_on() {
    let (place, whole) = (Place::new(), content(3_000_000));
    let interrupt = Interrupt::default();
    let (flag, bytes, folder) = (interrupt.flag(), whole.clone(), place.folder.path().to_path_buf());
    let server = Server::new(move |request, number| {
        let reply = Reply::ranged(request, &bytes, TAG);
        if number > 0 {
            return reply;
        }
        let (flag, folder) = (Arc::clone(&flag), folder.clone());
        std::thread::spawn(move || {
            wait_for_part(&folder, 1_000_000);
            flag.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        reply.stall_after(1_000_000, Duration::from_secs(30))
    });
    let since = std::time::Instant::now();
    let error = place.fetch_until(&wanted(&server, &whole), &interrupt).unwrap_err();
    assert!(since.elapsed() < Duration::from_secs(15));
    assert!(matches!(error, Error::Stopped { .. }), "{error}");
    assert_eq!(glossa_base::Failure::from(error).kind.exit_code(), 75);
    let fetched = place.fetch(&wanted(&server, &whole)).unwrap();
    assert_eq!(fetched.transferred, 2_000_000);
    check(&place, &whole);
}

#[test]
fn offline_names_the_address_and_the_path() {
    let (place, whole) = (Place::new(), content(1000));
    let server = good(&whole);
    let offline = Downloader::new(Settings { offline: true, ..Settings::default() }).unwrap();
    let watch = Watch { progress: &Silent, interrupt: &Interrupt::default() };
    let error = offline.fetch(&wanted(&server, &whole), &place.target(), watch).unwrap_err();
    assert!(matches!(error, Error::Offline { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains(&server.url("/file")) && text.contains(&place.target().display().to_string()), "{text}");
    assert!(matches!(offline.read(&server.url("/list"), 10, &place.target(), watch), Err(Error::Offline { .. })));
    place.fetch(&wanted(&server, &whole)).unwrap();
    assert_eq!(offline.fetch(&wanted(&server, &whole), &place.target(), watch).unwrap().transferred, 0);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn what_cannot_be_written_is_named() {
    let whole = content(1000);
    let server = good(&whole);
    let place = Place::new();
    std::fs::create_dir(place.target()).unwrap();
    let error = place.fetch(&wanted(&server, &whole)).unwrap_err();
    assert!(matches!(&error, Error::Write { path, .. } if *path == place.target()), "{error}");
    let place = Place::new();
    std::fs::write(place.folder.path().join("a"), "").unwrap();
    let downloader = Downloader::new(Settings::default()).unwrap();
    let watch = Watch { progress: &Silent, interrupt: &Interrupt::default() };
    let below = place.folder.path().join("a/b");
    assert!(matches!(downloader.fetch(&wanted(&server, &whole), &below, watch), Err(Error::Write { .. })));
}

#[test]
fn small_texts_are_read_with_a_limit() {
    let server = Server::new(|request, number| match (request.path.as_str(), number) {
        ("/list", 0) => Reply::new(500, ""),
        ("/list", _) => Reply::ok("1234567890"),
        _ => Reply::new(404, ""),
    });
    let clock = FakeClock::default();
    let downloader = Downloader::new(Settings::default()).unwrap().with_clock(clock);
    let watch = Watch { progress: &Silent, interrupt: &Interrupt::default() };
    let read = |url: &str, limit| downloader.read(url, limit, Path::new("list"), watch);
    assert_eq!(read(&server.url("/list"), 10).unwrap(), b"1234567890");
    assert!(matches!(read(&server.url("/list"), 9), Err(Error::TooLarge { limit: 9, .. })));
    assert!(matches!(read(&server.url("/other"), 9), Err(Error::NotFound { .. })));
    assert!(matches!(read("list", 9), Err(Error::BadUrl { .. })));
}

#[test]
fn proxies_are_asked_but_not_for_hosts_left_out() {
    let whole = content(1000);
    let (proxy, server) = (good(&whole), good(&whole));
    let watch = Watch { progress: &Silent, interrupt: &Interrupt::default() };
    for (none, direct) in [(None, false), (Some("127.0.0.1"), true), (Some("other.test"), false)] {
        let proxies = glossa_base::download::Proxies {
            http: Some(proxy.url("")),
            none: none.map(str::to_owned),
            ..Default::default()
        };
        let (before, place) = (server.requests().len(), Place::new());
        let downloader = Downloader::new(Settings { proxies, ..Settings::default() }).unwrap();
        downloader.fetch(&wanted(&server, &whole), &place.target(), watch).unwrap();
        assert_eq!(server.requests().len() - before, usize::from(direct), "{none:?}");
    }
    assert_eq!(proxy.requests().len(), 2);
    assert_eq!(proxy.requests()[0].path, server.url("/file"));
}
