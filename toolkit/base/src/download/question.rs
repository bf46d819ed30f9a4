//! Questions to an interface of the web: a GET with a query and a token, whose answer is small and counts
//! whatever its status is. What the answer means, and what rates are allowed, is the caller's business.

use std::path::Path;
use std::time::{Duration, SystemTime};

use reqwest::Url;
use reqwest::header::HeaderName;

use super::transport::{self, Reply, Trouble};
use super::{Downloader, Error, Token, Watch, read_body, retry};

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// Where, without a query.
    pub url: &'a str,
    /// Names and values of the query, not encoded.
    pub query: &'a [(&'a str, String)],
    /// Sent to the host of the URL and to no other.
    pub token: Option<&'a Token>,
    /// More bytes in the answer are refused.
    pub limit: u64,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status: anything but a redirect, or one of those that are asked again (408, 425 and from 500 on).
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
    headers: reqwest::header::HeaderMap,
}

impl Answer {
    /// A header that is text; the name in any letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(HeaderName::from_bytes(name.as_bytes()).ok()?)?.to_str().ok()
    }

    /// A header that is a whole number, such as `x-rate-limit-reset`.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.header(name)?.trim().parse().ok()
    }
}

impl Question<'_> {
    /// The address with its query; no token is in it.
    ///
    /// # Errors
    /// [`Error::BadUrl`] says what is wrong with it.
    pub fn address(&self) -> Result<String, Error> {
        Ok(self.parsed()?.into())
    }

    fn parsed(&self) -> Result<Url, Error> {
        let mut url = transport::parse(self.url)?;
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(self.query);
        }
        Ok(url)
    }
}

impl Downloader {
    /// Asks, and again where the way to the server or the server itself fails. A status that says something
    /// of the question (such as 401 or 429) comes back as it is. What comes of the answer is kept at `place`,
    /// which is named when offline.
    ///
    /// # Errors
    /// What stands in the way of any answer, and more bytes than the limit.
    pub fn ask(&self, question: &Question<'_>, place: &Path, watch: Watch<'_>) -> Result<Answer, Error> {
        let url = question.parsed()?;
        let transport = self.online(&url, place)?;
        self.persist(&url, watch, || {
            let attempt = || {
                let mut reply = transport.get(&url, question.token, None, watch.interrupt)?;
                answer(&url, &mut reply, question.limit, watch)
            };
            attempt().map_err(|trouble| (trouble, 0))
        })
    }

    /// The status and headers of what a URL would give, without its bytes. A redirect to another host comes back
    /// as it is: hubs describe in its headers what is there. What comes of the answer is kept at `place`.
    ///
    /// # Errors
    /// What stands in the way of any answer.
    pub fn head(&self, address: &str, token: Option<&Token>, place: &Path, watch: Watch<'_>) -> Result<Answer, Error> {
        let url = transport::parse(address)?;
        let transport = self.online(&url, place)?;
        self.persist(&url, watch, || {
            let attempt = || match transport.head(&url, token, watch.interrupt)? {
                reply if matches!(reply.status, 408 | 425 | 429 | 500..=599) => Err(reply.busy()),
                reply => Ok(Answer { status: reply.status, body: Vec::new(), headers: reply.headers().clone() }),
            };
            attempt().map_err(|trouble| (trouble, 0))
        })
    }

    /// The time by the clock of this downloader.
    pub fn now(&self) -> SystemTime {
        self.clock.now()
    }

    /// Lets time pass by that clock, unless a signal asks to stop.
    ///
    /// # Errors
    /// [`Error::Stopped`], which names the URL that is waited for.
    pub fn wait(&self, url: &str, duration: Duration, watch: Watch<'_>) -> Result<(), Error> {
        let shown = transport::parse(url).map_or_else(|_| String::new(), |url| transport::shown(&url));
        retry::wait(&*self.clock, watch.interrupt, &shown, duration)
    }
}

pub(super) fn answer(url: &Url, reply: &mut Reply, limit: u64, watch: Watch<'_>) -> Result<Answer, Trouble> {
    match reply.status {
        408 | 425 | 500..=599 => return Err(reply.busy()),
        _ => reply.check_encoding()?,
    }
    let body = read_body(url, reply, limit, watch.interrupt)?;
    Ok(Answer { status: reply.status, body, headers: reply.headers().clone() })
}
