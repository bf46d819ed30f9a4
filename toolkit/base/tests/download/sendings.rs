//! What is sent, and heads of answers.

use super::*;
use glossa_base::download::{Content, Sending};
use server::Reply;

fn downloader() -> Downloader {
    let settings = Settings { stall: Duration::from_secs(2), ..Settings::default() };
    Downloader::new(settings).unwrap().with_clock(FakeClock::default())
}

fn with_watch<T>(work: impl FnOnce(Watch<'_>) -> T) -> T {
    work(Watch { progress: &Silent, interrupt: &Interrupt::default() })
}

#[test]
fn texts_and_files_arrive_as_they_are() {
    let server = Server::new(|_, _| Reply::new(201, "{}").with("X-Seen", "yes"));
    let (folder, token, whole) = (tempfile::tempdir().unwrap(), Token::new("secret").unwrap(), content(3_000_000));
    let path = folder.path().join("weights");
    std::fs::write(&path, &whole).unwrap();
    let url = server.url("/there");
    for (put, content, expected) in [
        (false, Content::Bytes(b"{\"a\": 1}"), b"{\"a\": 1}".to_vec()),
        (true, Content::File(&path), whole.clone()),
        (
            true,
            Content::Part { path: &path, start: 1_000_000, length: 1_500_000 },
            whole[1_000_000..2_500_000].to_vec(),
        ),
        (true, Content::Part { path: &path, start: 2_999_999, length: 1 }, whole[2_999_999..].to_vec()),
    ] {
        let kind = if put { "" } else { "application/json" };
        let sending = Sending { url: &url, put, kind, content, token: Some(&token), again: true };
        let answer = with_watch(|watch| downloader().send(&sending, watch)).unwrap();
        assert_eq!((answer.status, answer.header("x-seen"), &*answer.body), (201, Some("yes"), &b"{}"[..]));
        let request = server.requests().pop().unwrap();
        assert_eq!(request.method, if put { "PUT" } else { "POST" });
        assert!(request.body == expected, "other bytes");
        assert_eq!(request.header("authorization"), Some("Bearer secret"));
        assert_eq!(request.header("content-type"), Some(kind).filter(|kind| !kind.is_empty()));
    }
}

#[test]
fn a_sending_is_repeated_only_where_that_is_right() {
    for (again, expected) in [(true, 2), (false, 1)] {
        let server = Server::new(|_, number| Reply::new(if number == 0 { 503 } else { 200 }, ""));
        let url = server.url("/there");
        let sending = Sending { url: &url, put: false, kind: "", content: Content::Bytes(b"x"), token: None, again };
        let answer = with_watch(|watch| downloader().send(&sending, watch));
        assert_eq!(server.requests().len(), expected);
        assert_eq!(answer.is_ok(), again, "{answer:?}");
    }
}

#[test]
fn a_redirect_of_a_sending_is_not_followed_and_a_missing_file_is_told() {
    let server = Server::new(|_, _| Reply::new(307, "").with("Location", "http://other.test/"));
    let url = server.url("/there");
    let sending = Sending { url: &url, put: true, kind: "", content: Content::Bytes(b"x"), token: None, again: true };
    assert_eq!(with_watch(|watch| downloader().send(&sending, watch)).unwrap().status, 307);
    let missing = Sending { content: Content::File(Path::new("not-there")), ..sending };
    let error = with_watch(|watch| downloader().send(&missing, watch)).unwrap_err();
    assert!(matches!(error, Error::Read { .. }), "{error}");
    let offline = Downloader::new(Settings { offline: true, ..Settings::default() }).unwrap();
    let error = with_watch(|watch| offline.send(&missing, watch)).unwrap_err();
    assert!(matches!(error, Error::Offline { .. }), "{error}");
}

#[test]
fn a_head_follows_redirects_on_its_host_and_gives_one_that_leads_elsewhere() {
    let server = Server::new(|request, _| match request.path.as_str() {
        "/old" => Reply::new(307, "").with("Location", "/new"),
        "/new" => Reply::new(302, "").with("Location", "http://other.test/x").with("X-Linked-Etag", "\"abc\""),
        _ => Reply::new(404, "").with("X-Error-Code", "EntryNotFound"),
    });
    let token = Token::new("secret").unwrap();
    let head = |path: &str| {
        with_watch(|watch| downloader().head(&server.url(path), Some(&token), Path::new("x"), watch)).unwrap()
    };
    let answer = head("/old");
    assert_eq!((answer.status, answer.header("x-linked-etag")), (302, Some("\"abc\"")));
    assert_eq!((head("/no").status, head("/no").header("x-error-code")), (404, Some("EntryNotFound")));
    assert!(server.requests().iter().all(|request| request.method == "HEAD"));
}
