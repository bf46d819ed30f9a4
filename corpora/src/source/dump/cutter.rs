//! Cuts pages out of XML that comes in pieces. It knows three tags and nothing else of XML: in a dump
//! every other `<` is written `&lt;`, and what is no dump is found out when its pages are read.
#![deny(clippy::indexing_slicing)]

use std::sync::LazyLock;

use memchr::memmem::{self, Finder};

/// The longest page, tags included, once its older revisions are left out. MediaWiki allows 2 MiB of
/// text, which XML may make twice as long.
pub(super) const LONGEST_PAGE: usize = 8 << 20;

const OPEN: &[u8] = b"<page>";
const CLOSE: &[u8] = b"</page>";
const ROOT_CLOSE: &[u8] = b"</mediawiki>";

const REVISION: &[u8] = b"<revision>";

static FIND_REVISION: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(REVISION));
static FIND_OPEN: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(OPEN));
static FIND_CLOSE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(CLOSE));

/// What is cut out.
pub(super) enum Cut<'a> {
    /// From `<page>` to `</page>`.
    Page(&'a [u8]),
    /// The beginning of a page that another one follows before it is closed.
    Unclosed(&'a [u8]),
    /// The beginning of a page that is longer than [`LONGEST_PAGE`].
    TooLong(&'a [u8]),
}

/// Collects what belongs to no whole page yet.
#[derive(Default)]
pub(super) struct Cutter {
    /// The page that is open, or the end of what lies between pages.
    carry: Vec<u8>,
    /// So much of `carry` holds no end of the open page.
    searched: usize,
    /// Inside a page that was too long.
    skipping: bool,
    /// Whether `</mediawiki>` was seen.
    pub(super) root_closed: bool,
}

impl Cutter {
    /// Takes in a piece; gives what it completes to `take`, in order.
    pub(super) fn push(&mut self, bytes: &[u8], take: &mut dyn FnMut(Cut<'_>)) {
        if self.carry.is_empty() {
            let used = self.scan(bytes, take);
            self.carry.extend_from_slice(bytes.get(used..).unwrap_or_default());
        } else {
            let mut carry = std::mem::take(&mut self.carry);
            carry.extend_from_slice(bytes);
            let used = self.scan(&carry, take);
            carry.drain(..used);
            self.carry = carry;
        }
        if self.carry.len() > LONGEST_PAGE {
            self.shrink(take);
        }
    }

    /// The beginning of the page that is open, empty between pages.
    pub(super) fn open_page(&self) -> &[u8] {
        if self.carry.starts_with(OPEN) { &self.carry } else { &[] }
    }

    /// Gives what is left and forgets it.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        self.searched = 0;
        self.skipping = false;
        std::mem::take(&mut self.carry)
    }

    /// Cuts pages out of `bytes`; gives how much is done with.
    fn scan(&mut self, bytes: &[u8], take: &mut dyn FnMut(Cut<'_>)) -> usize {
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            if self.skipping {
                let Some(close) = FIND_CLOSE.find(rest) else {
                    return bytes.len() - rest.len().min(CLOSE.len() - 1);
                };
                self.skipping = false;
                at += close + CLOSE.len();
                continue;
            }
            let Some(open) = FIND_OPEN.find(rest) else {
                self.root_closed |= memmem::find(rest, ROOT_CLOSE).is_some();
                return bytes.len() - begun_tag(rest);
            };
            at += open;
            let page = rest.get(open..).unwrap_or_default();
            let from = std::mem::take(&mut self.searched).max(OPEN.len());
            let Some(close) = page.get(from..).and_then(|unread| FIND_CLOSE.find(unread)) else {
                self.searched = page.len().saturating_sub(CLOSE.len());
                return at;
            };
            let end = from + close + CLOSE.len();
            cut(page.get(..end).unwrap_or_default(), take);
            at += end;
        }
    }

    /// Leaves older revisions out of the open page; gives it up if it is too long even so.
    fn shrink(&mut self, take: &mut dyn FnMut(Cut<'_>)) {
        let range = older_revisions(&self.carry);
        self.carry.drain(range);
        self.searched = 0;
        if self.carry.len() > LONGEST_PAGE {
            take(Cut::TooLong(&self.carry));
            self.carry.drain(..self.carry.len() - CLOSE.len());
            self.skipping = true;
        }
    }
}

/// Gives a page, or the last of several when the former were never closed.
fn cut(page: &[u8], take: &mut dyn FnMut(Cut<'_>)) {
    let last = FIND_OPEN.find_iter(page).last().unwrap_or(0);
    if last > 0 {
        take(Cut::Unclosed(page.get(..last).unwrap_or_default()));
    }
    take(Cut::Page(page.get(last..).unwrap_or_default()));
}

/// The place of all revisions but the last, empty where there is one at most.
pub(super) fn older_revisions(page: &[u8]) -> std::ops::Range<usize> {
    // Searching forwards is many times as fast as backwards.
    let mut revisions = FIND_REVISION.find_iter(page);
    match revisions.next() {
        Some(first) => first..revisions.last().unwrap_or(first),
        None => 0..0,
    }
}

/// The length of a tag at the end that may go on in the next piece.
fn begun_tag(rest: &[u8]) -> usize {
    let tail = rest.get(rest.len().saturating_sub(ROOT_CLOSE.len() - 1)..).unwrap_or_default();
    memchr::memrchr(b'<', tail).map_or(0, |start| tail.len() - start)
}

/// How much of a piece that begins anywhere belongs to what came before: all up to the first end of a
/// page, or up to the first beginning. `None` where neither is there.
pub(super) fn head(bytes: &[u8]) -> Option<usize> {
    let open = FIND_OPEN.find(bytes);
    let before = open.and_then(|open| bytes.get(..open)).unwrap_or(bytes);
    FIND_CLOSE.find(before).map(|close| close + CLOSE.len()).or(open)
}
