//! A small X, and a place to fetch into.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use glossa_base::download::{Clock, Downloader, Settings, Token, Watch};
use glossa_base::{Interrupt, Progress};
use glossa_corpora::twitter::{self, Asked, Choice, Error, Search, Summary};
use serde_json::{Value, json};

use crate::server::{Reply, Request, Server};

pub(crate) const TOKEN: &str = "AAAA-very-secret-token";
/// 2026-01-15T08:00:00Z.
pub(crate) const NOW: u64 = 1_768_464_000;
/// An id of that day, to which numbers are added.
pub(crate) const FIRST: u64 = 2_011_700_000_000_000_000;

/// A clock on which waiting takes no time; it adds up what was waited.
#[derive(Clone, Default)]
pub(crate) struct FakeClock(Arc<Mutex<Duration>>);

impl FakeClock {
    pub(crate) fn waited(&self) -> u64 {
        self.0.lock().unwrap().as_secs()
    }
}

impl Clock for FakeClock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(NOW) + *self.0.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) {
        *self.0.lock().unwrap() += duration;
    }
}

/// What was told.
#[derive(Default)]
pub(crate) struct Told(Mutex<Vec<String>>);

impl Told {
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn tell(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

impl Progress for Told {
    fn start(&self, task: &str, _total: Option<u64>, _unit: &str) {
        self.tell(task);
    }
    fn advance(&self, _units: u64) {}
    fn state(&self, text: &str) {
        self.tell(text);
    }
    fn finish(&self, summary: &str) {
        self.tell(summary);
    }
    fn line(&self, text: &str) {
        self.tell(text);
    }
}

/// A parameter of a request's query, decoded.
pub(crate) fn parameter(request: &Request, name: &str) -> Option<String> {
    let pairs = pairs(&request.path);
    pairs.into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

/// The names and values of a path's query.
fn pairs(path: &str) -> Vec<(String, String)> {
    let query = path.split_once('?').map_or("", |(_, query)| query);
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (decoded(key), decoded(value)))
        .collect()
}

fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, after @ ..] = rest {
        let hexadecimal = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let escaped = hexadecimal.filter(|_| *first == b'%').and_then(|two| u8::from_str_radix(two, 16).ok());
        bytes.push(escaped.unwrap_or(if *first == b'+' { b' ' } else { *first }));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap()
}

pub(crate) fn tweet(number: u64) -> Value {
    json!({"id": (FIRST + number).to_string(), "text": format!("tweet number {number} of all of them"), "lang": "en",
        "author_id": "1", "created_at": "2026-01-14T00:00:00.000Z"})
}

/// A page of a search among tweets 1 to `count`, the newest first, as X gives it.
pub(crate) fn search_page(request: &Request, count: u64) -> Value {
    let since = parameter(request, "since_id").map_or(0, |id| id.parse::<u64>().unwrap().saturating_sub(FIRST));
    let size: u64 = parameter(request, "max_results").unwrap().parse().unwrap();
    let newest = parameter(request, "next_token").map_or(count, |token| token[1..].parse().unwrap());
    let last = since.max(newest.saturating_sub(size));
    let data: Vec<Value> = (last + 1..=newest).rev().map(tweet).collect();
    let mut page = json!({"meta": {"result_count": data.len()}});
    if !data.is_empty() {
        page["data"] = Value::Array(data);
    }
    if last > since {
        page["meta"]["next_token"] = format!("t{last}").into();
    }
    page
}

pub(crate) fn good(request: &Request, count: u64) -> Reply {
    Reply::ok(search_page(request, count).to_string())
}

/// An X with so many tweets.
pub(crate) fn x(count: u64) -> Server {
    Server::new(move |request, _| good(request, count))
}

/// A folder to fetch into.
pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) clock: FakeClock,
    pub(crate) told: Told,
    pub(crate) stall: Duration,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Place { folder, clock: FakeClock::default(), told: Told::default(), stall: Duration::from_secs(20) }
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    pub(crate) fn downloader(&self) -> Downloader {
        let settings = Settings { stall: self.stall, ..Settings::default() };
        Downloader::new(settings).unwrap().with_clock(self.clock.clone())
    }

    pub(crate) fn fetch(&self, choice: &Choice) -> Result<Summary, Error> {
        self.fetch_until(choice, &Interrupt::default())
    }

    pub(crate) fn fetch_until(&self, choice: &Choice, interrupt: &Interrupt) -> Result<Summary, Error> {
        let watch = Watch { progress: &self.told, interrupt };
        let token = Token::new(TOKEN).unwrap();
        let result = twitter::fetch(choice, &self.out(), &token, &self.downloader(), watch);
        // The token goes nowhere but into the header.
        let told = format!("{:?} {result:?}", self.told.lines());
        assert!(!told.contains(TOKEN), "{told}");
        for (name, bytes) in files(&self.out()) {
            assert!(!String::from_utf8_lossy(&bytes).contains(TOKEN), "{name}");
        }
        result
    }

    /// Names in the folder, hidden ones too.
    pub(crate) fn names(&self) -> Vec<String> {
        files(&self.out()).into_keys().collect()
    }

    pub(crate) fn state(&self) -> Value {
        serde_json::from_slice(&files(&self.out())["state.json"]).unwrap()
    }

    /// The numbers of the tweets that the corpus would hold.
    pub(crate) fn documents(&self) -> Vec<u64> {
        let sources = [glossa_corpora::Source::new(self.out())];
        let documents = glossa_corpora::source::documents(&sources, &glossa_corpora::Options::default()).unwrap();
        documents.map(|document| document.unwrap().id.parse::<u64>().unwrap() - FIRST).collect()
    }
}

pub(crate) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().map(Result::unwrap);
    entries
        .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap_or_default()))
        .collect()
}

pub(crate) fn search(server: &Server) -> Choice {
    let search = Search { query: "kaixo lang:eu".to_owned(), archive: false, since: None, until: None };
    Choice { asked: Asked::Search(search), budget: None, base_url: server.url("") }
}

pub(crate) fn archive(server: &Server) -> Choice {
    let search = Search { query: "kaixo lang:eu".to_owned(), archive: true, since: None, until: None };
    Choice { asked: Asked::Search(search), ..search_with(server, None) }
}

pub(crate) fn search_with(server: &Server, budget: Option<u64>) -> Choice {
    Choice { budget, ..search(server) }
}

/// Numbers, the newest first.
pub(crate) fn down(from: u64, to: u64) -> Vec<u64> {
    (to..=from).rev().collect()
}
