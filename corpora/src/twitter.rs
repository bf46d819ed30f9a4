//! Fetching tweets from the interface of X (v2): searching the last days or the whole archive, and reading
//! tweets by their ids. Pages are kept as they come, each in a file of its own, with a state that the next
//! run goes on from. It reads no texts; that is `source`.
//!
//! What is paid for is never asked for twice: a page is written whole, then the state that knows it; a page
//! that the state does not know yet is taken up from its file.

mod client;
mod error;
mod folder;
mod ids;
mod page;
mod rates;
mod record;
mod request;
mod state;
mod time;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use glossa_base::download::{Downloader, Token, Watch};
use serde::Serialize;

pub use error::Error;
pub(crate) use folder::is_page;
pub(crate) use record::holds_pages;
pub use record::{LICENCE, Record, RecordFile};
pub use state::Subject;

use client::Client;
use folder::Folder;
use request::{Job, Request};
use state::State;

/// Where X answers.
pub const BASE_URL: &str = "https://api.x.com";

/// What to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Which tweets.
    pub asked: Asked,
    /// Read at most so many tweets into the folder, over all runs.
    pub budget: Option<u64>,
    /// The server: X, or one that answers like it.
    pub base_url: String,
}

/// Which tweets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Those that a search finds.
    Search(Search),
    /// Those whose ids stand in a file, one a line.
    Ids(PathBuf),
}

/// A search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// In X's own language of queries.
    pub query: String,
    /// Search all tweets since 2006; otherwise those of the last seven days.
    pub archive: bool,
    /// None before: `YYYY-MM-DD` or `YYYY-MM-DDTHH:MM:SSZ`.
    pub since: Option<String>,
    /// None from then on, written in the same way.
    pub until: Option<String>,
}

/// What a run would begin with.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// The first address that would be asked, with its query; none where there is nothing more to do. The
    /// token goes into a header and is not part of it.
    pub request: Option<String>,
    /// The most tweets in the folder.
    pub budget: Option<u64>,
    /// Tweets that the folder has read already.
    pub spent: u64,
    /// What is fetched.
    pub subject: Subject,
}

/// What a run came to.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// Tweets that this run read.
    pub tweets: u64,
    /// Pages that it read, empty ones too.
    pub pages: u64,
    /// Tweets that the folder has read by now, as the budget counts them.
    pub spent: u64,
    /// Why it ended.
    pub ended: Ended,
    /// The record beside the pages.
    pub record: Record,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// All is read. A search that is run again reads what is new.
    Complete,
    /// The budget is used up, or so much of it that the smallest page could go beyond it.
    Budget,
}

/// What would be asked first; nothing is written and nobody is asked.
///
/// # Errors
/// A choice that cannot be meant; a folder with something else in it.
pub fn plan(choice: &Choice, out: &Path, downloader: &Downloader) -> Result<Plan, Error> {
    let job = Job::new(choice)?;
    let mut state = Folder::look(out, &job)?;
    state.begin_round(&job);
    let next = request::next(&job, &state, choice.budget, downloader.now());
    let request = match next {
        Some(Request::Ask(page)) => Some(page.address()?),
        Some(Request::TooDear) | None => None,
    };
    Ok(Plan { request, budget: choice.budget, spent: state.spent, subject: job.subject().clone() })
}

/// Reads pages into a folder until there are no more or the budget is used up. Run again, it goes on after
/// the last page; a search that was complete then reads what is new.
///
/// # Errors
/// What stands in the way. All pages before it are kept, and the next run goes on from there.
pub fn fetch(
    choice: &Choice,
    out: &Path,
    token: &Token,
    downloader: &Downloader,
    watch: Watch<'_>,
) -> Result<Summary, Error> {
    let job = Job::new(choice)?;
    let folder = Folder::open(out, &job, downloader.now())?;
    let state = folder.state(&job)?;
    let client = Client::new(token, downloader, watch, out);
    let run = Run { job: &job, choice, folder: &folder, client, seen: HashSet::new(), state, tweets: 0, pages: 0 };
    run.finish()
}

/// A run on its way.
struct Run<'a> {
    job: &'a Job,
    choice: &'a Choice,
    folder: &'a Folder,
    client: Client<'a>,
    /// Tokens of pages that were asked for.
    seen: HashSet<String>,
    state: State,
    tweets: u64,
    pages: u64,
}

impl Run<'_> {
    fn finish(mut self) -> Result<Summary, Error> {
        let progress = self.client.watch.progress;
        if self.state.begin_round(self.job) {
            self.folder.keep(&self.state)?;
        }
        let total = self.choice.budget.map(|budget| budget.saturating_sub(self.state.spent));
        progress.start("fetching tweets", total, "tweets");
        let ended = loop {
            match request::next(self.job, &self.state, self.choice.budget, self.client.downloader.now()) {
                None => break Ended::Complete,
                Some(Request::TooDear) => break Ended::Budget,
                Some(Request::Ask(request)) => self.turn(&request)?,
            }
        };
        progress.finish(&format!("{} tweets in {} pages", self.tweets, self.pages));
        let record = self.folder.finish(&self.state, self.job, ended, self.client.downloader.now())?;
        Ok(Summary { tweets: self.tweets, pages: self.pages, spent: self.state.spent, ended, record })
    }

    /// Asks for a page and keeps it: first its file, then the state that knows it.
    fn turn(&mut self, request: &request::PageRequest) -> Result<(), Error> {
        self.seen.extend(request.note.after.clone());
        let body = self.client.ask(request)?;
        let page = page::Page::parse(&body, self.job.is_search())
            .map_err(|reason| Error::BadAnswer { url: request.url.clone(), reason })?;
        if page.next_token.as_ref().is_some_and(|token| self.seen.contains(token)) {
            self.state.spent += page.tweets();
            self.folder.keep(&self.state)?;
            return Err(Error::Circle { url: request.url.clone() });
        }
        if self.job.keeps(&page) {
            self.folder.write_page(self.state.pages + 1, &request.note, &page)?;
        }
        self.state.advance(self.job, &request.note, &page);
        self.folder.keep(&self.state)?;
        self.pages += 1;
        self.tweets += page.tweets();
        self.client.watch.progress.advance(page.tweets());
        Ok(())
    }
}
