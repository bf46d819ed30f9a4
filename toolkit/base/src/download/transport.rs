//! One request: redirects of a GET followed one by one, the answer's head, the body in blocks. Attempts, files and
//! checksums are not its business.
//!
//! Each connection is read in a thread of its own, so that a signal or a stall is noticed while the
//! network is silent; a thread that is given up ends by its own time-out.

use std::io::{ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use reqwest::blocking::{Client, RequestBuilder};
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, NoProxy, Proxy, Url, redirect};

use super::block::{Block, Pool};
use super::{Error, Proxies, Settings, Token, cut};
use crate::{Interrupt, TOOL_VERSION};

/// How many redirects are followed.
const REDIRECTS: usize = 10;
/// A body is not sent for longer, by a thread that was given up either.
const LONGEST_SENDING: Duration = Duration::from_secs(24 * 3600);
/// Between two looks at the interrupt.
const SLICE: Duration = Duration::from_millis(50);

/// What an attempt came to, where it failed.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Another attempt would come to the same.
    Fatal(Error),
    /// Another attempt may succeed.
    Again(Again),
}

/// Why to try again, and when.
#[derive(Debug)]
pub(super) struct Again {
    pub(super) reason: String,
    /// Of the answer, where there was one.
    pub(super) status: Option<u16>,
    /// The header `Retry-After` as it stands.
    pub(super) retry_after: Option<String>,
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Trouble::Fatal(error)
    }
}

impl Trouble {
    /// Something on the way failed.
    pub(super) fn again(reason: impl Into<String>) -> Self {
        Trouble::Again(Again { reason: reason.into(), status: None, retry_after: None })
    }
}

/// A parsed URL of http or https.
pub(super) fn parse(text: &str) -> Result<Url, Error> {
    let bad = |reason: String| Error::BadUrl { url: cut(&shown_text(text)), reason };
    let url = Url::parse(text).map_err(|cause| bad(cause.to_string()))?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(url),
        "http" | "https" => Err(bad("it names no host".to_owned())),
        scheme => Err(bad(format!("`{scheme}` is neither http nor https"))),
    }
}

/// A URL for messages: without user, password, and the query, which may hold a signature.
pub(super) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

/// The same for a text that may be no URL.
fn shown_text(text: &str) -> String {
    Url::parse(text).map_or_else(|_| text.to_owned(), |url| shown(&url))
}

/// The bytes from some place on, if the server still has the same file.
pub(super) struct Range {
    pub(super) from: u64,
    /// The header `If-Range`; without one, a checksum of the whole must decide.
    pub(super) validator: Option<String>,
}

/// The client with its settings.
pub(super) struct Transport {
    client: Client,
    stall: Duration,
}

impl Transport {
    pub(super) fn new(settings: &Settings) -> Result<Self, Error> {
        // ring is the provider of the whole process; an earlier choice of another one is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let setup = |cause: reqwest::Error| Error::Setup { reason: chain(&cause) };
        let mut builder = Client::builder()
            .user_agent(format!("glossa/{TOOL_VERSION}"))
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .connect_timeout(settings.stall)
            // Ends the threads that were given up; the stall itself is noticed before.
            .timeout(settings.stall + Duration::from_secs(5))
            .no_proxy();
        for proxy in proxies(&settings.proxies)? {
            builder = builder.proxy(proxy);
        }
        Ok(Transport { client: builder.build().map_err(setup)?, stall: settings.stall })
    }

    /// Asks for a URL and follows where it leads.
    pub(super) fn get(
        &self,
        url: &Url,
        token: Option<&Token>,
        range: Option<&Range>,
        interrupt: &Interrupt,
    ) -> Result<Reply, Trouble> {
        let mut hop = Hop { url: url.clone(), token };
        for _ in 0..=REDIRECTS {
            let reply = self.send(&hop, range, interrupt)?;
            if !matches!(reply.status, 301 | 302 | 303 | 307 | 308) {
                return Ok(reply);
            }
            hop = hop.follow(reply.header(header::LOCATION))?;
        }
        Err(Error::TooManyRedirects { url: shown(url), limit: REDIRECTS }.into())
    }

    fn send(&self, hop: &Hop<'_>, range: Option<&Range>, interrupt: &Interrupt) -> Result<Reply, Trouble> {
        let mut request = self.client.get(hop.url.clone()).header(header::ACCEPT_ENCODING, "identity");
        if let Some(token) = hop.token {
            request = request.bearer_auth(token.text());
        }
        if let Some(range) = range {
            request = request.header(header::RANGE, format!("bytes={}-", range.from));
            if let Some(validator) = range.validator.as_ref().and_then(|text| HeaderValue::from_str(text).ok()) {
                request = request.header(header::IF_RANGE, validator);
            }
        }
        self.exchange(request, &hop.url, None, interrupt)
    }

    /// The head of what a URL would give. Redirects are followed on the same host; one that leads elsewhere is
    /// itself the answer, since its headers describe what is there.
    pub(super) fn head(&self, url: &Url, token: Option<&Token>, interrupt: &Interrupt) -> Result<Reply, Trouble> {
        let mut hop = Hop { url: url.clone(), token };
        for _ in 0..=REDIRECTS {
            let mut request = self.client.head(hop.url.clone()).header(header::ACCEPT_ENCODING, "identity");
            if let Some(token) = hop.token {
                request = request.bearer_auth(token.text());
            }
            let reply = self.exchange(request, &hop.url, None, interrupt)?;
            if !matches!(reply.status, 301 | 302 | 303 | 307 | 308) {
                return Ok(reply);
            }
            let next = hop.follow(reply.header(header::LOCATION))?;
            if next.url.origin() != hop.url.origin() {
                return Ok(reply);
            }
            hop = next;
        }
        Err(Error::TooManyRedirects { url: shown(url), limit: REDIRECTS }.into())
    }

    /// Sends a body; redirects are not followed.
    pub(super) fn send_body(
        &self,
        (method, url): (Method, &Url),
        kind: &str,
        token: Option<&Token>,
        (content, moved): (reqwest::blocking::Body, Arc<AtomicU64>),
        interrupt: &Interrupt,
    ) -> Result<Reply, Trouble> {
        let mut request = self.client.request(method, url.clone()).header(header::ACCEPT_ENCODING, "identity");
        if !kind.is_empty() {
            request = request.header(header::CONTENT_TYPE, kind).header(header::ACCEPT, accepted(kind));
        }
        if let Some(token) = token {
            request = request.bearer_auth(token.text());
        }
        // The time-out counts from the beginning of the body; what stalls is noticed by `moved`.
        self.exchange(request.body(content).timeout(LONGEST_SENDING), url, Some(moved), interrupt)
    }

    /// One request and the head of its answer, in a thread of its own.
    fn exchange(
        &self,
        request: RequestBuilder,
        url: &Url,
        moved: Option<Arc<AtomicU64>>,
        interrupt: &Interrupt,
    ) -> Result<Reply, Trouble> {
        let (sender, receiver) = sync_channel(4);
        std::thread::Builder::new()
            .name("glossa-download".to_owned())
            .spawn(move || converse(request, &sender))
            .map_err(|cause| Error::Setup { reason: cause.to_string() })?;
        let mut body = Body { receiver, stall: self.stall, url: shown(url), moved };
        match body.message(interrupt)? {
            Message::Head(status, headers) => Ok(Reply { status, headers, body }),
            Message::Failed(reason) => Err(Trouble::again(reason)),
            Message::Bytes(_) | Message::End => Err(Trouble::again("no answer")),
        }
    }
}

/// What answers may be, to what is sent: storage of large files speaks a JSON of its own.
fn accepted(kind: &str) -> &str {
    if kind.starts_with("application/vnd.") { kind } else { "application/json" }
}

/// One step on the way to the file.
struct Hop<'a> {
    url: Url,
    token: Option<&'a Token>,
}

impl<'a> Hop<'a> {
    /// Where a redirect leads: never from https to http, and another host never gets the token.
    fn follow(&self, location: Option<&str>) -> Result<Hop<'a>, Error> {
        let from = shown(&self.url);
        let bad = |reason: String| Error::BadRedirect { url: from.clone(), reason };
        let location = location.ok_or_else(|| bad("no place is named".to_owned()))?;
        let url = self.url.join(location).map_err(|cause| bad(cause.to_string()))?;
        match (self.url.scheme(), url.scheme()) {
            ("https", "http") => return Err(Error::Downgrade { url: from, to: shown(&url) }),
            (_, "http" | "https") if url.has_host() => {}
            (_, scheme) => return Err(bad(format!("`{}` is neither http nor https", cut(scheme)))),
        }
        let token = self.token.filter(|_| self.url.origin() == url.origin());
        Ok(Hop { url, token })
    }
}

/// An answer whose body is still to come.
pub(super) struct Reply {
    pub(super) status: u16,
    headers: HeaderMap,
    body: Body,
}

impl Reply {
    /// A header that is text.
    pub(super) fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Bytes of the body as announced.
    pub(super) fn content_length(&self) -> Option<u64> {
        self.header(header::CONTENT_LENGTH)?.parse().ok()
    }

    /// First byte and size of the whole, of `Content-Range: bytes first-last/size`.
    pub(super) fn content_range(&self) -> Option<(u64, Option<u64>)> {
        let (range, size) = self.header(header::CONTENT_RANGE)?.strip_prefix("bytes ")?.split_once('/')?;
        Some((range.split_once('-')?.0.parse().ok()?, size.parse().ok()))
    }

    /// Fails unless it is an answer with the bytes themselves.
    pub(super) fn check(&self) -> Result<(), Trouble> {
        let (url, status) = (self.body.url.clone(), self.status);
        let error = match status {
            200 | 206 => return self.check_encoding(),
            408 | 425 | 429 | 500 | 502 | 503 | 504 => return Err(self.busy()),
            401 | 403 | 407 => Error::Refused { url, status },
            404 | 410 => Error::NotFound { url, status },
            _ => Error::Status { url, status },
        };
        Err(error.into())
    }

    /// The server is busy or broken; another attempt may come to something else.
    pub(super) fn busy(&self) -> Trouble {
        let retry_after = self.header(header::RETRY_AFTER).map(str::to_owned);
        Trouble::Again(Again { reason: format!("status {}", self.status), status: Some(self.status), retry_after })
    }

    /// All headers.
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Fails where the bytes are packed.
    pub(super) fn check_encoding(&self) -> Result<(), Trouble> {
        match self.header(header::CONTENT_ENCODING).map(str::trim) {
            None | Some("" | "identity") => Ok(()),
            Some(encoding) => Err(Error::Encoded { url: self.body.url.clone(), encoding: cut(encoding) }.into()),
        }
    }

    /// The next block; `None` at the end.
    pub(super) fn block(&mut self, interrupt: &Interrupt) -> Result<Option<Block>, Trouble> {
        match self.body.message(interrupt)? {
            Message::Bytes(block) => Ok(Some(block)),
            Message::End => Ok(None),
            Message::Failed(reason) => Err(Trouble::again(reason)),
            Message::Head(..) => Err(Trouble::again("two answers")),
        }
    }
}

/// What the thread of a connection tells.
enum Message {
    Head(u16, HeaderMap),
    Bytes(Block),
    End,
    Failed(String),
}

/// The near end of a connection's thread.
struct Body {
    receiver: Receiver<Message>,
    stall: Duration,
    url: String,
    /// Bytes that were sent so far, where some are.
    moved: Option<Arc<AtomicU64>>,
}

impl Body {
    fn message(&mut self, interrupt: &Interrupt) -> Result<Message, Trouble> {
        let mut since = Instant::now();
        let mut before = 0;
        loop {
            let moved = self.moved.as_ref().map_or(0, |moved| moved.load(Ordering::Relaxed));
            if moved != before {
                (before, since) = (moved, Instant::now());
            }
            if interrupt.requested() {
                return Err(Error::Stopped { url: self.url.clone() }.into());
            }
            match self.receiver.recv_timeout(SLICE.min(self.stall)) {
                Ok(message) => return Ok(message),
                Err(RecvTimeoutError::Disconnected) => return Err(Trouble::again("the connection was lost")),
                Err(RecvTimeoutError::Timeout) if since.elapsed() >= self.stall => {
                    return Err(Trouble::again(format!("no byte for {} s", self.stall.as_secs_f32())));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

/// The far end: sends the request and hands on what comes. It stops when nobody listens.
fn converse(request: RequestBuilder, sender: &SyncSender<Message>) {
    let mut response = match request.send() {
        Ok(response) => response,
        Err(cause) => return drop(sender.send(Message::Failed(chain(&cause.without_url())))),
    };
    let mut message = Message::Head(response.status().as_u16(), response.headers().clone());
    let pool = Pool::default();
    loop {
        let last = matches!(message, Message::End | Message::Failed(_));
        if sender.send(message).is_err() || last {
            return;
        }
        message = loop {
            let mut block = pool.take();
            match response.read(block.room()) {
                Ok(0) => break Message::End,
                Ok(read) => break Message::Bytes(block.filled(read)),
                Err(cause) if cause.kind() == ErrorKind::Interrupted => {}
                Err(cause) => break Message::Failed(chain(&cause)),
            }
        };
    }
}

fn proxies(proxies: &Proxies) -> Result<Vec<Proxy>, Error> {
    let but = || proxies.none.as_deref().and_then(NoProxy::from_string);
    let mut made = Vec::new();
    for (scheme, text) in [("http", &proxies.http), ("https", &proxies.https)] {
        let Some(text) = text.as_deref().map(str::trim).filter(|text| !text.is_empty()) else { continue };
        let bad = |reason: String| Error::BadProxy { scheme, reason };
        let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        // Refused before it is used: what the client cannot speak (socks) fails here, not at every attempt.
        parse(&whole).map_err(|cause| bad(cause.to_string()))?;
        let proxy = if scheme == "http" { Proxy::http(whole) } else { Proxy::https(whole) };
        made.push(proxy.map_err(|cause| bad(chain(&cause)))?.no_proxy(but()));
    }
    Ok(made)
}

/// An error and its causes on one line; causes that repeat the former are left out.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(from: &str, location: &str) -> Result<(String, bool), Error> {
        let token = Token::new("secret").unwrap();
        let hop = Hop { url: Url::parse(from).unwrap(), token: Some(&token) };
        hop.follow(Some(location)).map(|next| (next.url.to_string(), next.token.is_some()))
    }

    #[test]
    fn a_redirect_keeps_the_token_at_home_and_never_leaves_https() {
        let same = ("https://a.test/y".to_owned(), true);
        assert_eq!(follow("https://a.test/x", "/y").unwrap(), same);
        assert_eq!(follow("https://a.test/x", "https://a.test:443/y").unwrap(), same);
        for other in ["https://b.test/y", "//b.test/y", "https://a.test:8443/y", "https://a.test.b.test/y"] {
            assert!(!follow("https://a.test/x", other).unwrap().1, "{other}");
        }
        assert!(matches!(follow("https://a.test/x", "http://a.test/y"), Err(Error::Downgrade { .. })));
        assert!(!follow("http://a.test/x", "https://a.test/y").unwrap().1);
        for bad in ["ftp://a.test/y", "file:///etc/passwd", "https://", "http://[", "javascript:0"] {
            assert!(matches!(follow("https://a.test/x", bad), Err(Error::BadRedirect { .. })), "{bad}");
        }
        let hop = Hop { url: Url::parse("https://a.test/x").unwrap(), token: None };
        assert!(matches!(hop.follow(None), Err(Error::BadRedirect { .. })));
    }

    #[test]
    fn what_is_no_url_is_refused_and_secrets_are_not_shown() {
        for bad in ["", "x", "/x", "ftp://a/x", "file:///x", "http://", "https://[::", "http://a b/", "data:,x"] {
            assert!(matches!(parse(bad), Err(Error::BadUrl { .. })), "{bad}");
        }
        let url = parse("https://me:secret@a.test/x?signature=secret#secret").unwrap();
        assert_eq!(shown(&url), "https://a.test/x");
        assert!(!parse("ftp://me:secret@a.test/x").unwrap_err().to_string().contains("secret"));
        assert!(parse(&format!("x{}", "y".repeat(10_000))).unwrap_err().to_string().len() < 400);
    }

    #[test]
    fn proxies_are_checked() {
        let with = |text: &str| proxies(&Proxies { https: Some(text.to_owned()), ..Proxies::default() });
        assert_eq!(with("proxy.test:3128").unwrap().len(), 1);
        assert_eq!(with("http://me:secret@proxy.test:3128").unwrap().len(), 1);
        assert_eq!(with("").unwrap().len(), 0);
        for bad in ["socks5://proxy.test", "http://", "::"] {
            assert!(matches!(with(bad), Err(Error::BadProxy { .. })), "{bad}");
        }
    }
}
