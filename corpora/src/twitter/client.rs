//! Asks X for pages, waits as it wants, and says what its refusals mean.

use std::path::Path;
use std::time::{Duration, SystemTime};

use glossa_base::download::{Answer, Downloader, Question, Token, Watch};
use serde_json::Value;

use super::page::clean;
use super::request::PageRequest;
use super::{Error, rates, time};

/// Asks, one page after the other.
pub(super) struct Client<'a> {
    token: &'a Token,
    pub(super) downloader: &'a Downloader,
    pub(super) watch: Watch<'a>,
    /// The folder, which is named where connections are off.
    place: &'a Path,
    /// X wants to be left alone until then.
    not_before: Option<SystemTime>,
    asked: bool,
}

impl<'a> Client<'a> {
    pub(super) fn new(token: &'a Token, downloader: &'a Downloader, watch: Watch<'a>, place: &'a Path) -> Self {
        Client { token, downloader, watch, place, not_before: None, asked: false }
    }

    /// A page's bytes.
    pub(super) fn ask(&mut self, request: &PageRequest) -> Result<Vec<u8>, Error> {
        let url = &request.url;
        self.rest(request)?;
        let question = Question { token: Some(self.token), ..request.question() };
        for refused in 1.. {
            let answer = self.downloader.ask(&question, self.place, self.watch)?;
            let now = self.downloader.now();
            match answer.status {
                200 => {
                    self.not_before = now.checked_add(rates::after_page(&answer, now)).filter(|then| *then > now);
                    return Ok(answer.body);
                }
                429 if !is_cap(&answer) => {
                    let wait = rates::after_refusal(&answer, now, refused);
                    if refused >= rates::REFUSALS {
                        return Err(Error::RateLimit { url: url.clone(), until: time::shown(now + wait) });
                    }
                    self.wait(url, wait)?;
                }
                _ => return Err(self.refusal(url, &answer)),
            }
        }
        Err(Error::RateLimit { url: url.clone(), until: time::shown(self.downloader.now()) })
    }

    /// What the page before asks for.
    fn rest(&mut self, request: &PageRequest) -> Result<(), Error> {
        let pause = if self.asked { request.pause } else { Duration::ZERO };
        self.asked = true;
        let now = self.downloader.now();
        match self.not_before.take().and_then(|then| then.duration_since(now).ok()) {
            Some(wait) => self.wait(&request.url, wait.max(pause)),
            None => Ok(self.downloader.wait(&request.url, pause, self.watch)?),
        }
    }

    fn wait(&self, url: &str, wait: Duration) -> Result<(), Error> {
        let then = time::shown(self.downloader.now() + wait);
        if wait > rates::LONGEST {
            return Err(Error::RateLimit { url: url.to_owned(), until: then });
        }
        self.watch.progress.line(&format!("waiting {} s for the rate limit, until {then}", wait.as_secs()));
        Ok(self.downloader.wait(url, wait, self.watch)?)
    }

    /// What a status other than 200 means.
    fn refusal(&self, url: &str, answer: &Answer) -> Error {
        let message = self.token.hide_in(&message(&answer.body));
        let (url, status) = (url.to_owned(), answer.status);
        match status {
            400 => Error::BadRequest { url, message },
            401 => Error::Unauthorized { url, message },
            403 => Error::Forbidden { url, message },
            402 | 429 => Error::Capped { url, status, message },
            _ => Error::Status { url, status, message },
        }
    }
}

/// Whether a 429 says that the plan is used up: waiting would not help.
fn is_cap(answer: &Answer) -> bool {
    let Ok(body) = serde_json::from_slice::<Value>(&answer.body) else { return false };
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    text("type").ends_with("/usage-capped") || text("title") == "UsageCapExceeded"
}

/// What a refusal says of itself, in one line.
fn message(body: &[u8]) -> String {
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        let text = clean(&String::from_utf8_lossy(body.get(..300).unwrap_or(body)));
        return if text.is_empty() { "nothing more is said".to_owned() } else { text };
    };
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let errors = value.get("errors").and_then(Value::as_array).into_iter().flatten();
    let of_errors = errors.filter_map(|error| text(error, "message").or_else(|| text(error, "detail")));
    let parts: Vec<String> = text(&value, "title").into_iter().chain(text(&value, "detail")).chain(of_errors).collect();
    if parts.is_empty() { clean(&value.to_string()) } else { clean(&parts.join(": ")) }
}
