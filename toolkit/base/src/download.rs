//! Files from the network: fetched once, resumed where they were cut, checked as a whole, shared by many
//! processes; and small answers of the web's interfaces. The only part of the library that makes connections.
//!
//! The file appears at its path whole or not at all, so any folder of such files is a cache: a file that
//! is there and has the published checksum is not fetched again. What is published by others' interfaces is sent
//! here too ([`Sending`]). It reads no environment: proxies come
//! from the caller. It unpacks nothing and knows no format.

mod block;
mod checksum;
mod error;
mod lock;
mod part;
mod question;
mod retry;
mod sending;
mod token;
mod transport;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Url, header};

pub use checksum::{Algorithm, Checksum};
pub use error::Error;
pub use question::{Answer, Question};
pub use retry::{Clock, LONGEST_WAIT, SystemClock};
pub use sending::{Content, Sending};
pub use token::Token;

use crate::atomic::parent;
use crate::{Interrupt, Progress};
use checksum::{Digests, Running};
use lock::Lock;
use part::{Finished, Names, Origin, Part};
use transport::{Again, Range, Reply, Transport, Trouble};

/// An attempt that brought so many bytes is no failure in a row.
const PROGRESS: u64 = 64 << 20;

/// How connections are made.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Make none; what is there already is still found.
    pub offline: bool,
    /// Proxies, as the environment names them.
    pub proxies: Proxies,
    /// A connection without a byte for so long is given up.
    pub stall: Duration,
    /// Attempts in a row before a failure is final.
    pub attempts: u32,
    /// Whether one process fetches and the others wait. Nothing but bandwidth depends on it.
    pub locks: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let stall = Duration::from_secs(30);
        Settings { offline: false, proxies: Proxies::default(), stall, attempts: 5, locks: true }
    }
}

/// Proxies by the scheme of the URL that is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// For http.
    pub http: Option<String>,
    /// For https.
    pub https: Option<String>,
    /// Hosts that are asked directly, between commas.
    pub none: Option<String>,
}

/// A file to be fetched.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Where it is.
    pub url: String,
    /// Its published checksum. Without one, the connection is trusted.
    pub checksum: Option<Checksum>,
    /// Its published size.
    pub bytes: Option<u64>,
    /// More bytes are refused.
    pub limit: u64,
    /// Sent to the host of the URL and to no other.
    pub token: Option<Token>,
}

impl Wanted {
    /// A file of which nothing is known but a limit.
    pub fn new(url: impl Into<String>, limit: u64) -> Self {
        Wanted { url: url.into(), checksum: None, bytes: None, limit, token: None }
    }

    /// Fails where size or checksum are not those published.
    fn check(&self, url: &str, digests: &Digests) -> Result<(), Error> {
        match self.bytes {
            Some(expected) if expected != digests.bytes => {
                return Err(Error::Length { url: url.to_owned(), expected, found: digests.bytes });
            }
            None if digests.bytes == 0 => return Err(Error::Empty { url: url.to_owned() }),
            _ => {}
        }
        self.checksum.as_ref().map_or(Ok(()), |checksum| checksum.check(url, digests))
    }
}

/// A file that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Where.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
    /// Bytes that came over the network; 0 where it was there already.
    pub transferred: u64,
}

/// Who listens while something is fetched.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Hears how far it is.
    pub progress: &'a dyn Progress,
    /// Stops it.
    pub interrupt: &'a Interrupt,
}

/// Fetches files; made once, used for many.
pub struct Downloader {
    settings: Settings,
    /// None where connections are switched off.
    transport: Option<Transport>,
    clock: Box<dyn Clock>,
}

impl Downloader {
    /// A downloader with these settings.
    ///
    /// # Errors
    /// A proxy that cannot be used, or a machine without certificates.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let transport = if settings.offline { None } else { Some(Transport::new(&settings)?) };
        Ok(Downloader { settings, transport, clock: Box::new(SystemClock) })
    }

    /// The same by another clock.
    pub fn with_clock(self, clock: impl Clock + 'static) -> Self {
        Downloader { clock: Box::new(clock), ..self }
    }

    /// Brings a file to `target`, unless it is there and is the one that is wanted.
    ///
    /// # Errors
    /// What stands in the way; bytes that a later run can use are kept, hidden beside the target.
    pub fn fetch(&self, wanted: &Wanted, target: &Path, watch: Watch<'_>) -> Result<Fetched, Error> {
        let url = transport::parse(&wanted.url)?;
        if let Some(found) = present(wanted, target, watch)? {
            return Ok(found);
        }
        let transport = self.online(&url, target)?;
        let folder = parent(target);
        fs::create_dir_all(folder).map_err(|cause| Error::Write { path: folder.to_path_buf(), cause })?;
        let _lock = self.lock(target, watch)?;
        let mut private = false;
        loop {
            // Another process may have brought it while this one waited, or took its part.
            if let Some(found) = present(wanted, target, watch)? {
                return Ok(found);
            }
            let part = Part::begin(target, private, &*self.clock, watch.interrupt)?;
            let job = Job { wanted, url: &url, transport, watch, name: name_of(target) };
            if let Some(fetched) = self.complete(&job, part, target)? {
                return Ok(fetched);
            }
            private = true;
        }
    }

    /// Brings a small text into memory, such as a list of files. What comes of it is kept at `place`, which
    /// is where to look when offline.
    ///
    /// # Errors
    /// What stands in the way, and more bytes than `limit`.
    pub fn read(&self, address: &str, limit: u64, place: &Path, watch: Watch<'_>) -> Result<Vec<u8>, Error> {
        let url = transport::parse(address)?;
        let transport = self.online(&url, place)?;
        self.persist(&url, watch, || {
            let attempt = || {
                let mut reply = transport.get(&url, None, None, watch.interrupt)?;
                reply.check()?;
                read_body(&url, &mut reply, limit, watch.interrupt)
            };
            attempt().map_err(|trouble| (trouble, 0))
        })
    }

    fn online(&self, url: &Url, path: &Path) -> Result<&Transport, Error> {
        let offline = || Error::Offline { url: transport::shown(url), path: path.to_path_buf() };
        self.transport.as_ref().ok_or_else(offline)
    }

    fn lock(&self, target: &Path, watch: Watch<'_>) -> Result<Lock, Error> {
        if self.settings.locks {
            Lock::take(&Names::of(target), &*self.clock, watch.interrupt)
        } else {
            Ok(Lock::none())
        }
    }

    /// Fills a part, checks the whole and puts it into its place; `None` where another process took it.
    fn complete(&self, job: &Job<'_>, mut part: Part, target: &Path) -> Result<Option<Fetched>, Error> {
        let mut transferred = 0;
        let digests = match self.fill(job, &mut part, &mut transferred) {
            Ok(digests) => digests,
            Err(error) => {
                if error.keeps_bytes() {
                    part.leave()
                } else {
                    part.discard()
                }
                return Err(error);
            }
        };
        let Digests { bytes, sha256, .. } = digests;
        match part.finish()? {
            Finished::Done => Ok(Some(Fetched { path: target.to_path_buf(), bytes, sha256, transferred })),
            Finished::Robbed => Ok(None),
        }
    }

    /// Transfers until the whole has the right checksum. One that was pieced together and has not is
    /// fetched once from zero.
    fn fill(&self, job: &Job<'_>, part: &mut Part, transferred: &mut u64) -> Result<Digests, Error> {
        loop {
            self.persist(job.url, job.watch, || {
                let before = *transferred;
                job.transfer(part, transferred).map_err(|trouble| (trouble, *transferred - before))
            })?;
            job.watch.progress.finish(&format!("{} bytes", part.length()));
            let digests = match part.digests() {
                Some(digests) => digests,
                None => digests(part.file(), job.wanted, &job.name, job.watch)?,
            };
            match job.wanted.check(&transport::shown(job.url), &digests) {
                Ok(()) => return Ok(digests),
                Err(error) if part.continued => {
                    job.watch.progress.line(&format!("{error}; fetching it again from the beginning"));
                    part.restart(None)?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Attempts, with waits between them; a failed one says how many bytes it brought.
    fn persist<T>(
        &self,
        url: &Url,
        watch: Watch<'_>,
        mut attempt: impl FnMut() -> Result<T, (Trouble, u64)>,
    ) -> Result<T, Error> {
        let (mut failed, url) = (0, transport::shown(url));
        loop {
            let (again, brought) = match attempt() {
                Ok(done) => return Ok(done),
                Err((Trouble::Fatal(error), _)) => return Err(error),
                Err((Trouble::Again(again), brought)) => (again, brought),
            };
            failed = if brought >= PROGRESS { 1 } else { failed + 1 };
            if failed >= self.settings.attempts {
                return Err(final_error(url, failed, again));
            }
            let asked = again.retry_after.as_deref().and_then(|value| retry::retry_after(value, self.clock.now()));
            let wait = asked.unwrap_or_else(|| retry::backoff(&url, failed));
            let (reason, seconds) = (again.reason, wait.as_secs_f64());
            watch.progress.line(&format!("{url}: {reason}; attempt {} in {seconds:.1} s", failed + 1));
            retry::wait(&*self.clock, watch.interrupt, &url, wait)?;
        }
    }
}

/// The file, if it is at the target and whole. One that is not is fetched again and replaced.
fn present(wanted: &Wanted, target: &Path, watch: Watch<'_>) -> Result<Option<Fetched>, Error> {
    let Ok(metadata) = fs::metadata(target) else { return Ok(None) };
    if !metadata.is_file() || wanted.bytes.is_some_and(|bytes| bytes != metadata.len()) {
        return Ok(None);
    }
    let mut file = File::open(target).map_err(|cause| Error::Write { path: target.to_path_buf(), cause })?;
    let digests = digests(&mut file, wanted, &name_of(target), watch)?;
    if wanted.check("", &digests).is_err() {
        return Ok(None);
    }
    let Digests { bytes, sha256, .. } = digests;
    Ok(Some(Fetched { path: target.to_path_buf(), bytes, sha256, transferred: 0 }))
}

/// Hashes a file; a large one takes a while, so it is told and can be stopped.
fn digests(file: &mut File, wanted: &Wanted, name: &str, watch: Watch<'_>) -> Result<Digests, Error> {
    watch.progress.start(&format!("checking {name}"), wanted.bytes, "bytes");
    let mut tell = |bytes| {
        watch.progress.advance(bytes);
        if watch.interrupt.requested() { Err(std::io::Error::other("stopped")) } else { Ok(()) }
    };
    Digests::of_file(file, wanted.checksum.as_ref(), &mut tell).map_err(|cause| {
        if watch.interrupt.requested() {
            return Error::Stopped {
                url: transport::parse(&wanted.url).map_or_else(|_| name.to_owned(), |url| transport::shown(&url)),
            };
        }
        Error::Write { path: PathBuf::from(name), cause }
    })
}

fn final_error(url: String, attempts: u32, again: Again) -> Error {
    match again.status {
        Some(status) => Error::Busy { url, status, attempts },
        None => Error::Broken { url, attempts, reason: again.reason },
    }
}

/// One file on its way.
struct Job<'a> {
    wanted: &'a Wanted,
    url: &'a Url,
    transport: &'a Transport,
    watch: Watch<'a>,
    name: String,
}

impl Job<'_> {
    /// One attempt: from where the part ends to the end of the file.
    fn transfer(&self, part: &mut Part, transferred: &mut u64) -> Result<(), Trouble> {
        if part.length() > 0 && self.wanted.bytes == Some(part.length()) {
            return Ok(());
        }
        let range = self.range(part);
        let mut reply =
            self.transport.get(self.url, self.wanted.token.as_ref(), range.as_ref(), self.watch.interrupt)?;
        if reply.status == 416 && range.is_some() {
            part.restart(None)?;
            return Err(Trouble::again("the server has no bytes from there on"));
        }
        reply.check()?;
        self.settle(&reply, range.as_ref(), part)?;
        let total = reply.content_length().map(|length| length.saturating_add(part.length()));
        self.check_total(total)?;
        let left = total.or(self.wanted.bytes).map(|total| total.saturating_sub(part.length()));
        let from = if part.length() > 0 { format!(" from byte {}", part.length()) } else { String::new() };
        self.watch.progress.start(&format!("fetching {}{from}", self.name), left, "bytes");
        while let Some(block) = reply.block(self.watch.interrupt)? {
            let length = block.len() as u64;
            self.check_total(Some(part.length() + length).filter(|length| *length > self.most()))?;
            part.append(block)?;
            *transferred += length;
            self.watch.progress.advance(length);
        }
        // A chunked answer, or one that ends with its connection, may be cut without a sign.
        match self.wanted.bytes {
            Some(bytes) if part.length() < bytes => {
                Err(Trouble::again(format!("it ends after byte {}", part.length())))
            }
            _ => Ok(()),
        }
    }

    /// What to ask for: what is missing, where the bytes that are there can be trusted.
    fn range(&self, part: &Part) -> Option<Range> {
        let origin = part.origin(self.url.as_str())?;
        let validator = origin.validator();
        let usable = part.length() > 0 && part.length() <= self.most();
        (usable && (validator.is_some() || self.wanted.checksum.is_some()))
            .then_some(Range { from: part.length(), validator })
    }

    /// Makes the part ready for what the answer holds: the rest, or the whole.
    fn settle(&self, reply: &Reply, range: Option<&Range>, part: &mut Part) -> Result<(), Trouble> {
        let text = |name| reply.header(name).map(str::to_owned);
        let origin =
            Origin { url: self.url.to_string(), etag: text(header::ETAG), modified: text(header::LAST_MODIFIED) };
        if reply.status == 200 {
            part.restart(Some(origin))?;
            part.digest(Running::new(self.wanted.checksum.as_ref(), self.wanted.bytes));
            return Ok(());
        }
        let Some(range) = range else {
            let reason = "a part is sent though the whole was asked for".to_owned();
            return Err(Error::Protocol { url: transport::shown(self.url), reason }.into());
        };
        let same = origin.etag.is_none() || part.origin(&origin.url).is_some_and(|former| former.etag == origin.etag);
        if !same || reply.content_range().is_none_or(|(from, _)| from != range.from) {
            part.restart(None)?;
            return Err(Trouble::again("another part is sent than was asked for"));
        }
        part.continued = true;
        Ok(())
    }

    /// Fails where the size of the whole cannot be right.
    fn check_total(&self, total: Option<u64>) -> Result<(), Error> {
        let Some(found) = total else { return Ok(()) };
        match self.wanted.bytes {
            Some(expected) if found != expected => {
                Err(Error::Length { url: transport::shown(self.url), expected, found })
            }
            _ if found > self.wanted.limit => {
                Err(Error::TooLarge { url: transport::shown(self.url), limit: self.wanted.limit })
            }
            _ => Ok(()),
        }
    }

    /// The most bytes that the whole may have.
    fn most(&self) -> u64 {
        self.wanted.bytes.unwrap_or(u64::MAX).min(self.wanted.limit)
    }
}

/// The whole body of a small answer.
fn read_body(url: &Url, reply: &mut Reply, limit: u64, interrupt: &Interrupt) -> Result<Vec<u8>, Trouble> {
    let mut bytes = Vec::new();
    while let Some(block) = reply.block(interrupt)? {
        bytes.extend_from_slice(&block);
        if bytes.len() as u64 > limit {
            return Err(Error::TooLarge { url: transport::shown(url), limit }.into());
        }
    }
    Ok(bytes)
}

/// The name of the file, for the progress.
fn name_of(target: &Path) -> String {
    target.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Whether a text is a URL that can be fetched.
///
/// # Errors
/// [`Error::BadUrl`] says what is wrong with it.
pub fn check_url(text: &str) -> Result<(), Error> {
    transport::parse(text).map(drop)
}

/// A text from outside, short enough for a message.
fn cut(text: &str) -> String {
    let short: String = text.chars().take(200).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}
