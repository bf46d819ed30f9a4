//! Each way in which a server or the way to it can fail, at three sizes.

use super::*;
use server::Reply;

const TAG: &str = "\"one\"";

/// Runs a case at each size, in a fresh place.
fn each(case: impl Fn(Place, Vec<u8>)) {
    for size in SIZES {
        case(Place::new(), content(size));
    }
}

/// Serves this content by a function of the request, of its number and of the content.
fn serve(whole: &[u8], answer: impl Fn(&server::Request, usize, &[u8]) -> Reply + Send + Sync + 'static) -> Server {
    let whole = whole.to_vec();
    Server::new(move |request, number| answer(request, number, &whole))
}

#[test]
fn a_good_server_is_asked_once() {
    each(|place, whole| {
        let server = serve(&whole, |request, _, whole| Reply::ranged(request, whole, TAG));
        let fetched = place.fetch(&wanted(&server, &whole)).unwrap();
        assert_eq!(fetched.sha256, glossa_base::hash::sha256_hex(&whole));
        assert_eq!((fetched.bytes, fetched.transferred), (whole.len() as u64, whole.len() as u64));
        assert_eq!(place.fetch(&wanted(&server, &whole)).unwrap().transferred, 0);
        check(&place, &whole);
        assert_eq!(server.requests().len(), 1);
        assert_eq!(place.clock.waited(), 0.0);
    });
}

#[test]
fn a_cut_is_resumed_from_where_it_came() {
    each(|place, whole| {
        let server = serve(&whole, |request, number, whole| {
            let reply = Reply::ranged(request, whole, TAG);
            if number < 2 { reply.cut_after(whole.len() / 3) } else { reply }
        });
        let fetched = place.fetch(&wanted(&server, &whole)).unwrap();
        check(&place, &whole);
        let requests = server.requests();
        assert!(requests.len() == 3 && requests[0].from().is_none(), "{requests:?}");
        assert!(requests[1..].iter().all(|request| request.header("if-range") == Some(TAG)));
        assert_eq!(requests[2].from(), Some(2 * (whole.len() / 3)));
        assert_eq!(fetched.transferred, whole.len() as u64);
    });
}

#[test]
fn a_server_that_always_breaks_off_is_given_up_and_gone_on_with_later() {
    each(|place, whole| {
        let server = serve(&whole, |request, number, whole| {
            let reply = Reply::ranged(request, whole, TAG);
            if number < 5 { reply.cut_after(whole.len() / 8) } else { reply }
        });
        let error = place.fetch(&wanted(&server, &whole)).unwrap_err();
        assert!(matches!(error, Error::Broken { attempts: 5, .. }), "{error}");
        assert_eq!(server.requests().len(), 5);
        assert_eq!(place.names(), [".glossa-left-file"]);
        // One, two, four and eight seconds, less up to half of them.
        assert!((7.5..=15.0).contains(&place.clock.waited()), "{}", place.clock.waited());
        let fetched = place.fetch(&wanted(&server, &whole)).unwrap();
        assert_eq!(fetched.transferred as usize, whole.len() - 5 * (whole.len() / 8));
        check(&place, &whole);
    });
}

#[test]
fn a_reset_connection_is_tried_again() {
    each(|place, whole| {
        let server = serve(&whole, |request, number, whole| {
            let reply = Reply::ranged(request, whole, TAG);
            if number < 3 { reply.reset_after(whole.len() / 5 * number) } else { reply }
        });
        place.fetch(&wanted(&server, &whole)).unwrap();
        check(&place, &whole);
        assert_eq!(server.requests().len(), 4);
    });
}

#[test]
fn a_server_that_ignores_ranges_sends_the_whole() {
    each(|place, whole| {
        let server = serve(&whole, |_, number, whole| {
            let reply = Reply::ok(whole).with("ETag", TAG);
            if number == 0 { reply.cut_after(whole.len() / 2) } else { reply }
        });
        place.fetch(&wanted(&server, &whole)).unwrap();
        check(&place, &whole);
        assert_eq!(server.requests()[1].from(), Some(whole.len() / 2));
    });
}

#[test]
fn no_such_range_means_from_the_beginning() {
    each(|place, whole| {
        let server = serve(&whole, |request, number, whole| match number {
            0 => Reply::ranged(request, whole, TAG).cut_after(whole.len() / 2),
            1 => Reply::new(416, ""),
            _ => Reply::ranged(request, whole, TAG),
        });
        place.fetch(&wanted(&server, &whole)).unwrap();
        check(&place, &whole);
        assert_eq!(server.requests()[2].from(), None);
    });
}

#[test]
fn a_changed_file_is_fetched_from_the_beginning() {
    each(|place, whole| {
        let former: Vec<u8> = whole.iter().map(|byte| !byte).collect();
        let server = serve(&whole, move |request, number, whole| match number {
            0 => Reply::ranged(request, &former, "\"zero\"").cut_after(whole.len() / 2),
            _ => Reply::ranged(request, whole, TAG),
        });
        // Not even the checksum is needed to notice it.
        place.fetch(&bare(&server)).unwrap();
        check(&place, &whole);
        assert_eq!(server.requests()[1].header("if-range"), Some("\"zero\""));
    });
}

#[test]
fn a_range_of_another_file_or_place_is_not_taken() {
    each(|place, whole| {
        let server = serve(&whole, |request, number, whole| match number {
            0 => Reply::ranged(request, whole, TAG).cut_after(whole.len() / 2),
            // If-Range is ignored, and the file has changed.
            1 => Reply::new(206, "x").with("ETag", "\"two\"").with("Content-Range", "bytes 1-1/9"),
            2 => Reply::ranged(request, whole, TAG).cut_after(whole.len() / 2),
            3 => Reply::new(206, "x").with("ETag", TAG).with("Content-Range", "bytes 0-0/1"),
            _ => Reply::ranged(request, whole, TAG),
        });
        place.fetch(&wanted(&server, &whole)).unwrap();
        check(&place, &whole);
    });
}

#[test]
fn a_pieced_file_with_another_checksum_is_fetched_once_more() {
    each(|place, whole| {
        let former: Vec<u8> = whole.iter().map(|byte| !byte).collect();
        // A server without tags: only the checksum can tell.
        let server = serve(&whole, move |request, number, whole| match (number, request.from()) {
            (0, _) => Reply::ok(former.clone()).cut_after(whole.len() / 2),
            (_, Some(from)) => Reply::new(206, &whole[from..]).with("Content-Range", format!("bytes {from}-/")),
            (_, None) => Reply::ok(whole),
        });
        place.fetch(&wanted(&server, &whole)).unwrap();
        check(&place, &whole);
        assert_eq!(server.requests().len(), 3);
    });
}

#[test]
fn a_wrong_checksum_leaves_nothing() {
    each(|place, whole| {
        let server = serve(&whole, |request, _, whole| Reply::ranged(request, whole, TAG));
        let other = Wanted { checksum: Some(sha256(b"other")), ..wanted(&server, &whole) };
        let error = place.fetch(&other).unwrap_err();
        assert!(matches!(error, Error::Checksum { kind: "sha256", .. }), "{error}");
        assert_eq!(glossa_base::Failure::from(error).kind.exit_code(), 4);
        assert_eq!((place.names().len(), server.requests().len()), (0, 1));
    });
}

#[test]
fn a_damaged_file_is_replaced() {
    each(|place, whole| {
        let server = serve(&whole, |request, _, whole| Reply::ranged(request, whole, TAG));
        let mut damaged = whole.clone();
        damaged[whole.len() / 2] ^= 1;
        std::fs::write(place.target(), &damaged).unwrap();
        place.fetch(&wanted(&server, &whole)).unwrap();
        check(&place, &whole);
    });
}

#[test]
fn a_stall_is_noticed_and_resumed() {
    each(|mut place, whole| {
        place.stall = Duration::from_millis(500);
        let server = serve(&whole, |request, number, whole| {
            let reply = Reply::ranged(request, whole, TAG);
            if number == 0 { reply.stall_after(whole.len() / 2, Duration::from_secs(30)) } else { reply }
        });
        let since = std::time::Instant::now();
        place.fetch(&wanted(&server, &whole)).unwrap();
        check(&place, &whole);
        assert!(since.elapsed() < Duration::from_secs(15), "{:?}", since.elapsed());
        assert!(server.requests().len() > 1);
    });
}

#[test]
fn an_announced_length_that_is_too_long_is_never_believed() {
    each(|place, whole| {
        let server = serve(&whole, |_, _, whole| Reply::ok(whole).announcing(Some(whole.len() + 7)));
        let error = place.fetch(&wanted(&server, &whole)).unwrap_err();
        assert!(matches!(error, Error::Length { .. }), "{error}");
        // Nothing published: the connection ends too early, every time.
        let error = place.fetch(&bare(&server)).unwrap_err();
        assert!(matches!(error, Error::Broken { attempts: 5, .. }), "{error}");
        let error = place.fetch(&Wanted { limit: 10, ..bare(&server) }).unwrap_err();
        assert!(matches!(error, Error::TooLarge { limit: 10, .. }), "{error}");
    });
}

#[test]
fn an_announced_length_that_is_too_short_is_never_believed() {
    each(|place, whole| {
        let server = serve(&whole, |_, _, whole| Reply::ok(whole).announcing(Some(whole.len() - 7)));
        let error = place.fetch(&wanted(&server, &whole)).unwrap_err();
        assert!(matches!(error, Error::Length { .. }), "{error}");
        let error = place.fetch(&Wanted { checksum: Some(sha256(&whole)), ..bare(&server) }).unwrap_err();
        assert!(matches!(error, Error::Checksum { .. }), "{error}");
        assert!(place.names().is_empty());
    });
}

#[test]
fn without_a_length_the_published_one_decides() {
    each(|place, whole| {
        let server = serve(&whole, |request, number, whole| match number {
            0 => Reply::ok(&whole[..whole.len() / 2]).with("ETag", TAG).announcing(None),
            _ => Reply::ranged(request, whole, TAG),
        });
        place.fetch(&wanted(&server, &whole)).unwrap();
        check(&place, &whole);
        let longer = serve(&whole, |_, _, whole| Reply::ok([whole, b"more"].concat()).announcing(None));
        std::fs::remove_file(place.target()).unwrap();
        let error = place.fetch(&wanted(&longer, &whole)).unwrap_err();
        assert!(matches!(error, Error::Length { .. }), "{error}");
        let error = place.fetch(&Wanted { limit: 100, ..bare(&longer) }).unwrap_err();
        assert!(matches!(error, Error::TooLarge { limit: 100, .. }), "{error}");
        assert!(place.names().is_empty());
    });
}

#[test]
fn retry_after_is_honoured() {
    // What is asked for, and what is waited in all, within a tenth.
    let cases = [("7", 7.0), ("Sun, 06 Nov 1994 08:50:17 GMT", 40.0), ("99999", 300.0), ("soon", 0.75)];
    for (status, (asked, waited)) in [429, 503].into_iter().flat_map(|status| cases.map(|case| (status, case))) {
        each(|place, whole| {
            let server = serve(&whole, move |request, number, whole| match number {
                0 => Reply::new(status, "busy").with("Retry-After", asked),
                _ => Reply::ranged(request, whole, TAG),
            });
            place.fetch(&wanted(&server, &whole)).unwrap();
            check(&place, &whole);
            let found = place.clock.waited();
            let within = if asked == "soon" { 0.34 } else { 0.1 };
            assert!((found - waited).abs() <= within * waited, "{asked}: {found} instead of {waited}");
        });
    }
}

#[test]
fn a_busy_server_is_asked_again_but_not_for_ever() {
    each(|place, whole| {
        let server = serve(&whole, |request, number, whole| match number {
            0 | 1 => Reply::new(500, "broken"),
            _ => Reply::ranged(request, whole, TAG),
        });
        place.fetch(&wanted(&server, &whole)).unwrap();
        check(&place, &whole);
        let busy = serve(&whole, |_, _, _| Reply::new(503, "busy"));
        std::fs::remove_file(place.target()).unwrap();
        let error = place.fetch(&wanted(&busy, &whole)).unwrap_err();
        assert!(matches!(error, Error::Busy { status: 503, attempts: 5, .. }), "{error}");
        assert_eq!(busy.requests().len(), 5);
    });
}

#[test]
fn what_another_attempt_would_not_change_is_asked_once() {
    type Right = fn(&Error) -> bool;
    let cases: [(u16, Right); 6] = [
        (404, |error| matches!(error, Error::NotFound { status: 404, .. })),
        (410, |error| matches!(error, Error::NotFound { status: 410, .. })),
        (401, |error| matches!(error, Error::Refused { status: 401, .. })),
        (403, |error| matches!(error, Error::Refused { status: 403, .. })),
        (304, |error| matches!(error, Error::Status { status: 304, .. })),
        (451, |error| matches!(error, Error::Status { status: 451, .. })),
    ];
    for (status, right) in cases {
        each(|place, whole| {
            let server = serve(&whole, move |_, _, whole| Reply::new(status, whole));
            let error = place.fetch(&wanted(&server, &whole)).unwrap_err();
            assert!(right(&error), "{error}");
            assert_eq!((server.requests().len(), place.names().len()), (1, 0));
        });
    }
}

#[test]
fn redirects_are_followed_ten_times() {
    each(|place, whole| {
        let server = serve(&whole, |request, _, whole| match request.path.as_str() {
            "/file" => Reply::new(301, "").with("Location", "/10"),
            "/2" => Reply::ranged(request, whole, TAG),
            number => {
                let next = number.trim_start_matches('/').parse::<u32>().unwrap() - 1;
                Reply::new(302, "").with("Location", format!("/{next}"))
            }
        });
        place.fetch(&wanted(&server, &whole)).unwrap();
        check(&place, &whole);
        std::fs::remove_file(place.target()).unwrap();
        let circle = serve(&whole, |_, _, _| Reply::new(302, "").with("Location", "/file"));
        let error = place.fetch(&wanted(&circle, &whole)).unwrap_err();
        assert!(matches!(error, Error::TooManyRedirects { .. }), "{error}");
        assert_eq!(circle.requests().len(), 11);
        for location in [None, Some("ftp://a.test/x"), Some("http://["), Some("file:///etc/passwd")] {
            let bad = serve(&whole, move |_, _, _| match location {
                Some(location) => Reply::new(302, "").with("Location", location),
                None => Reply::new(302, ""),
            });
            let error = place.fetch(&wanted(&bad, &whole)).unwrap_err();
            assert!(matches!(error, Error::BadRedirect { .. }), "{error}");
        }
    });
}

#[test]
fn the_token_stays_with_its_host() {
    each(|place, whole| {
        let other = serve(&whole, |request, _, whole| Reply::ranged(request, whole, TAG));
        let away = other.url("/elsewhere");
        let server = serve(&whole, move |request, _, _| match request.path.as_str() {
            "/file" => Reply::new(302, "").with("Location", "/here"),
            _ => Reply::new(307, "").with("Location", &away),
        });
        place.fetch(&Wanted { token: Some(Token::new("secret").unwrap()), ..wanted(&server, &whole) }).unwrap();
        check(&place, &whole);
        let sent = |server: &Server| -> Vec<bool> {
            server.requests().iter().map(|request| request.header("authorization") == Some("Bearer secret")).collect()
        };
        assert_eq!((sent(&server), sent(&other)), (vec![true, true], vec![false]));
        assert!(other.requests().iter().all(|request| !format!("{request:?}").contains("secret")));
    });
}

#[test]
fn packed_bytes_are_refused() {
    each(|place, whole| {
        let server = serve(&whole, |_, _, whole| Reply::ok(whole).with("Content-Encoding", "gzip"));
        let error = place.fetch(&wanted(&server, &whole)).unwrap_err();
        assert!(matches!(error, Error::Encoded { .. }), "{error}");
        assert_eq!(server.requests()[0].header("accept-encoding"), Some("identity"));
    });
}

#[test]
fn an_empty_body_is_no_file() {
    each(|place, whole| {
        let server = serve(&whole, |_, _, _| Reply::ok(""));
        assert!(matches!(place.fetch(&wanted(&server, &whole)), Err(Error::Length { found: 0, .. })));
        assert!(matches!(place.fetch(&bare(&server)), Err(Error::Empty { .. })));
        assert!(place.names().is_empty());
    });
    let (place, server) = (Place::new(), Server::new(|_, _| Reply::ok("")));
    place.fetch(&wanted(&server, b"")).unwrap();
    check(&place, b"");
}

#[test]
fn a_part_nobody_asked_for_is_refused() {
    each(|place, whole| {
        let server = serve(&whole, |_, _, whole| {
            Reply::new(206, whole).with("Content-Range", format!("bytes 0-{0}/{0}", whole.len()))
        });
        assert!(matches!(place.fetch(&wanted(&server, &whole)), Err(Error::Protocol { .. })));
    });
}

#[test]
fn no_server_and_no_http_are_typed_errors() {
    let place = Place { stall: Duration::from_millis(400), ..Place::new() };
    let mute = Server::new(|_, _| Reply::ok("x").stall_after(0, Duration::from_secs(3)));
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gone = Wanted::new(format!("http://{nobody}/file"), 10);
    assert!(matches!(place.fetch(&gone), Err(Error::Broken { attempts: 5, .. })));
    assert!(matches!(place.fetch(&bare(&mute)), Err(Error::Broken { attempts: 5, .. })));
    let rubbish = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = rubbish.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in rubbish.incoming() {
            let _ = std::io::Write::write_all(&mut stream.unwrap(), &[0xff; 5000]);
        }
    });
    assert!(matches!(place.fetch(&Wanted::new(format!("http://{address}/"), 10)), Err(Error::Broken { .. })));
    assert!(place.names().is_empty());
}
