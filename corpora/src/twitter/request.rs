//! Which page to ask for next, and how X wants to be asked.

use std::time::{Duration, SystemTime};

use glossa_base::download::{self, Question};

use super::ids::Ids;
use super::page::{Note, Page};
use super::state::{State, Subject};
use super::{Asked, Choice, Error, Search, time};

/// More bytes in an answer are refused; a page of 500 long tweets and those that they refer to has a third.
const LIMIT: u64 = 16 << 20;
/// What the reader of tweets needs of each.
const FIELDS: &str = "author_id,created_at,id,lang,note_tweet,referenced_tweets,text";
/// The tweets that others repeat, answer or quote come with them.
const EXPANSIONS: &str = "referenced_tweets.id";
/// X gives no smaller page of a search.
const LEAST: u64 = 10;
/// The largest pages: of the last days, of the archive, of ids.
const MOST: [u64; 3] = [100, 500, 100];
/// The first day of all; without one, X searches the last thirty days of its archive.
const BEGINNING: &str = "2006-03-21T00:00:00Z";
/// X's longest query, in characters; most plans allow less.
const LONGEST_QUERY: usize = 4096;
/// How far back the search of the last days goes, less a minute for the way.
const RECENT: Duration = Duration::from_secs(7 * 86_400 - 60);
/// The archive is asked once a second at most.
const PAUSE: Duration = Duration::from_secs(1);

/// A choice that has been checked.
pub(super) struct Job {
    base: String,
    what: What,
    subject: Subject,
}

enum What {
    Search(Search),
    Ids(Ids),
}

/// What comes next.
#[derive(Debug)]
pub(super) enum Request {
    Ask(PageRequest),
    /// The budget does not reach for the smallest page.
    TooDear,
}

/// A page to ask for.
#[derive(Debug)]
pub(super) struct PageRequest {
    /// Without the query.
    pub(super) url: String,
    pub(super) query: Vec<(&'static str, String)>,
    /// What is asked, for the page's file.
    pub(super) note: Note,
    /// How long to wait after the page before.
    pub(super) pause: Duration,
}

impl PageRequest {
    /// The question, without a token.
    pub(super) fn question(&self) -> Question<'_> {
        Question { url: &self.url, query: &self.query, token: None, limit: LIMIT }
    }

    /// The address with its query.
    pub(super) fn address(&self) -> Result<String, Error> {
        Ok(self.question().address()?)
    }
}

impl Job {
    /// Checks a choice; reads the file of ids.
    pub(super) fn new(choice: &Choice) -> Result<Self, Error> {
        download::check_url(&choice.base_url)?;
        if choice.base_url.contains(['@', '?', '#']) {
            return Err(Error::BadBase { reason: "holds a user, a query or a fragment" });
        }
        let base = choice.base_url.trim_end_matches('/').to_owned();
        let what = match &choice.asked {
            Asked::Search(search) => What::Search(checked(search)?),
            Asked::Ids(path) => What::Ids(Ids::read(path)?),
        };
        let least = if matches!(what, What::Search(_)) { LEAST } else { 1 };
        if let Some(budget) = choice.budget.filter(|budget| *budget < least) {
            return Err(Error::BadBudget { budget, least });
        }
        let subject = match &what {
            What::Search(Search { query, archive, since, until }) => {
                Subject::Search { query: query.clone(), archive: *archive, since: since.clone(), until: until.clone() }
            }
            What::Ids(ids) => Subject::Ids { count: ids.list.len() as u64, sha256: ids.sha256.clone() },
        };
        Ok(Job { base, what, subject })
    }

    /// What is fetched, as files and results name it.
    pub(super) fn subject(&self) -> &Subject {
        &self.subject
    }

    pub(super) fn is_search(&self) -> bool {
        matches!(self.what, What::Search(_))
    }

    /// The ids to ask for; none for a search.
    pub(super) fn ids(&self) -> &[u64] {
        match &self.what {
            What::Search(_) => &[],
            What::Ids(ids) => &ids.list,
        }
    }

    /// Whether a page goes into a file: an empty one of a search says nothing, one of ids says what is gone.
    pub(super) fn keeps(&self, page: &Page) -> bool {
        !self.is_search() || page.tweets() > 0
    }

    /// Whether tweets can be added to what was found once: not to ids, nor to a time that has ended.
    pub(super) fn can_grow(&self) -> bool {
        matches!(&self.what, What::Search(search) if search.until.is_none())
    }

    /// Where X is asked.
    pub(super) fn url(&self) -> String {
        let path = match &self.what {
            What::Search(Search { archive: false, .. }) => "/2/tweets/search/recent",
            What::Search(Search { archive: true, .. }) => "/2/tweets/search/all",
            What::Ids(_) => "/2/tweets",
        };
        format!("{}{path}", self.base)
    }
}

fn checked(search: &Search) -> Result<Search, Error> {
    let query = search.query.trim();
    let reason = match query {
        "" => Some("empty"),
        query if query.chars().count() > LONGEST_QUERY => Some("longer than 4096 characters"),
        query if query.contains(char::is_control) => Some("not one line of text"),
        _ => None,
    };
    if let Some(reason) = reason {
        return Err(Error::BadQuery { reason });
    }
    let read = |text: &Option<String>| match text {
        None => Ok(None),
        Some(text) => {
            time::read(text).map(Some).ok_or_else(|| Error::BadTime { text: text.chars().take(40).collect() })
        }
    };
    let (since, until) = (read(&search.since)?, read(&search.until)?);
    Ok(Search { query: query.to_owned(), since, until, ..search.clone() })
}

/// The next page, if there is one.
pub(super) fn next(job: &Job, state: &State, budget: Option<u64>, now: SystemTime) -> Option<Request> {
    if state.done {
        return None;
    }
    let left = budget.map_or(u64::MAX, |budget| budget.saturating_sub(state.spent));
    let fields = [("tweet.fields", FIELDS.to_owned()), ("expansions", EXPANSIONS.to_owned())];
    let [recent, all, ids] = MOST;
    match &job.what {
        What::Search(search) => {
            let size = if search.archive { all } else { recent }.min(left);
            if size < LEAST {
                return Some(Request::TooDear);
            }
            let mut query = vec![("query", search.query.clone()), ("max_results", size.to_string())];
            query.extend(fields);
            query.extend(span(search, state, now));
            query.extend(state.next_token.clone().map(|token| ("next_token", token)));
            let note = Note { after: state.next_token.clone(), since_id: state.since_id, ..Note::new() };
            let pause = if search.archive { PAUSE } else { Duration::ZERO };
            Some(Request::Ask(PageRequest { url: job.url(), query, note, pause }))
        }
        What::Ids(found) => {
            let rest = found.list.get(state.position as usize..).unwrap_or_default();
            let batch: Vec<u64> = rest.iter().copied().take(ids.min(left) as usize).collect();
            if batch.is_empty() {
                return Some(Request::TooDear);
            }
            let text: Vec<String> = batch.iter().map(u64::to_string).collect();
            let mut query = vec![("ids", text.join(","))];
            query.extend(fields);
            let note = Note { ids: batch, ..Note::new() };
            Some(Request::Ask(PageRequest { url: job.url(), query, note, pause: Duration::ZERO }))
        }
    }
}

/// From when to when. Where a newest tweet is known, only later ones: its time is after `since`. The search
/// of the last days refuses an id that is older; then all that it finds is new.
fn span(search: &Search, state: &State, now: SystemTime) -> Vec<(&'static str, String)> {
    let mut span = Vec::new();
    match state.since_id {
        Some(id) if search.archive || time::of_tweet(id) + RECENT > now => span.push(("since_id", id.to_string())),
        Some(_) => {}
        None => {
            let beginning = search.archive.then(|| BEGINNING.to_owned());
            span.extend(search.since.clone().or(beginning).map(|since| ("start_time", since)));
        }
    }
    span.extend(search.until.clone().map(|until| ("end_time", until)));
    span
}
