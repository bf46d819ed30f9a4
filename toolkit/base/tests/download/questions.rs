//! Questions to an interface: the answer with its status, or the right error, and the token nowhere else.

use glossa_base::download::{Answer, LONGEST_WAIT, Proxies, Question};

use super::*;
use server::{Reply, Request};

const SECRET: &str = "very-secret-token";

/// Asks `/ask` with a query and a token.
fn ask(place: &Place, server: &Server, limit: u64) -> Result<Answer, Error> {
    let settings = Settings { stall: place.stall, ..Settings::default() };
    ask_with(settings, place, server, limit)
}

fn ask_with(settings: Settings, place: &Place, server: &Server, limit: u64) -> Result<Answer, Error> {
    let downloader = Downloader::new(settings).unwrap().with_clock(place.clock.clone());
    let token = Token::new(SECRET).unwrap();
    let query = [("query", "a&b=ü #x".to_owned()), ("n", "7".to_owned())];
    let question = Question { url: &server.url("/ask"), query: &query, token: Some(&token), limit };
    assert!(!format!("{question:?} {}", question.address().unwrap()).contains(SECRET));
    let watch = Watch { progress: &Silent, interrupt: &Interrupt::default() };
    let answer = downloader.ask(&question, &place.target(), watch);
    assert!(!format!("{answer:?}").contains(SECRET));
    answer
}

fn sent(request: &Request) -> bool {
    request.header("authorization") == Some(format!("Bearer {SECRET}").as_str())
}

#[test]
fn an_answer_comes_with_its_status_and_headers() {
    for status in [200, 201, 204, 400, 401, 403, 404, 429, 451] {
        let place = Place::new();
        let server =
            Server::new(move |_, _| Reply::new(status, "{}").with("X-Rate-Limit-Reset", "17").with("Odd", "x"));
        let answer = ask(&place, &server, 2).unwrap();
        assert_eq!((answer.status, answer.number("x-rate-limit-reset")), (status, Some(17)));
        assert_eq!((answer.header("ODD"), answer.number("odd"), answer.header("no such")), (Some("x"), None, None));
        // A 204 has no body by definition.
        assert_eq!(answer.body, if status == 204 { &b""[..] } else { b"{}" });
        let requests = server.requests();
        assert!(requests.len() == 1 && sent(&requests[0]), "{requests:?}");
        assert_eq!(requests[0].path, "/ask?query=a%26b%3D%C3%BC+%23x&n=7");
        assert_eq!(place.clock.waited(), 0.0);
    }
}

#[test]
fn what_passes_is_asked_again_and_what_stays_is_an_error() {
    type Reply1 = fn() -> Reply;
    let spoilers: [Reply1; 6] = [
        || Reply::new(500, ""),
        || Reply::new(502, "").with("Retry-After", "7"),
        || Reply::new(408, ""),
        || Reply::ok("{\"a\": 1}").cut_after(4),
        || Reply::ok("{\"a\": 1}").reset_after(0),
        || Reply::ok("{\"a\": 1}").stall_after(4, Duration::from_secs(3)),
    ];
    for spoiler in spoilers {
        let place = Place { stall: Duration::from_millis(400), ..Place::new() };
        let server = Server::new(move |_, number| if number < 2 { spoiler() } else { Reply::ok("{}") });
        assert_eq!(ask(&place, &server, 100).unwrap().body, b"{}");
        assert_eq!(server.requests().len(), 3);
        let broken = Server::new(move |_, _| spoiler());
        let error = ask(&place, &broken, 100).unwrap_err();
        assert!(matches!(error, Error::Busy { attempts: 5, .. } | Error::Broken { attempts: 5, .. }), "{error}");
        assert_eq!(broken.requests().len(), 5);
        // The query may hold what is nobody's business; it is not in messages.
        assert!(error.to_string().contains("/ask") && !error.to_string().contains("query"), "{error}");
    }
}

#[test]
fn an_answer_has_a_limit_and_no_packing() {
    let place = Place::new();
    for length in [Some(None), None] {
        let server = Server::new(move |_, _| {
            let reply = Reply::ok(vec![b' '; 3_000_000]);
            length.map_or(reply.clone(), |length| reply.announcing(length))
        });
        assert!(matches!(ask(&place, &server, 1 << 20), Err(Error::TooLarge { limit: 0x10_0000, .. })));
        assert_eq!(ask(&place, &server, 3_000_000).unwrap().body.len(), 3_000_000);
    }
    let packed = Server::new(|_, _| Reply::ok("x").with("Content-Encoding", "br"));
    assert!(matches!(ask(&place, &packed, 100), Err(Error::Encoded { .. })));
    assert_eq!(packed.requests().len(), 1);
}

#[test]
fn redirects_lose_the_token_on_another_host() {
    let other = Server::new(|_, _| Reply::ok("theirs"));
    let away = other.url("/elsewhere");
    let server = Server::new(move |request, _| match request.path.as_str() {
        "/here" => Reply::new(302, "").with("Location", &away),
        _ => Reply::new(301, "").with("Location", "/here"),
    });
    let place = Place::new();
    assert_eq!(ask(&place, &server, 100).unwrap().body, b"theirs");
    assert_eq!(server.requests().iter().map(sent).collect::<Vec<_>>(), [true, true]);
    assert!(!format!("{:?}", other.requests()).contains(SECRET) && other.requests().len() == 1);
    let circle = Server::new(|_, _| Reply::new(302, "").with("Location", "/ask"));
    assert!(matches!(ask(&place, &circle, 100), Err(Error::TooManyRedirects { .. })));
}

#[test]
fn offline_and_proxies_count_for_questions_too() {
    let (place, server) = (Place::new(), Server::new(|_, _| Reply::ok("{}")));
    let offline = Settings { offline: true, ..Settings::default() };
    let error = ask_with(offline, &place, &server, 100).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::Offline { .. }) && text.contains(&server.url("/ask")), "{text}");
    assert!(server.requests().is_empty());
    let proxy = Server::new(|_, _| Reply::ok("{\"by\": \"proxy\"}"));
    let proxies = Proxies { http: Some(proxy.url("")), ..Proxies::default() };
    let answer = ask_with(Settings { proxies, ..Settings::default() }, &place, &server, 100).unwrap();
    assert!(answer.body.ends_with(b"\"proxy\"}") && server.requests().is_empty());
    assert!(proxy.requests()[0].path.starts_with(&server.url("/ask?query=")));
}

#[test]
fn a_wait_passes_by_the_clock_and_ends_with_a_signal() {
    let (place, interrupt) = (Place::new(), Interrupt::default());
    let downloader = Downloader::new(Settings::default()).unwrap().with_clock(place.clock.clone());
    let watch = Watch { progress: &Silent, interrupt: &interrupt };
    let before = downloader.now();
    downloader.wait("http://a.test/x", 2 * LONGEST_WAIT, watch).unwrap();
    assert_eq!(downloader.now().duration_since(before).unwrap(), 2 * LONGEST_WAIT);
    interrupt.flag().store(true, std::sync::atomic::Ordering::Relaxed);
    let error = downloader.wait("http://me:secret@a.test/x?y", LONGEST_WAIT, watch).unwrap_err();
    assert!(matches!(&error, Error::Stopped { url } if url == "http://a.test/x"), "{error}");
}
