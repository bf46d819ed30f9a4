//! What is sent to a server: a small text or a file, with POST or PUT. What the answer means is the caller's
//! business.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::Method;
use reqwest::blocking::Body;

use super::question::answer;
use super::transport::{self, Trouble};
use super::{Answer, Downloader, Error, Token, Watch};

/// The most bytes of an answer to what was sent.
const ANSWER: u64 = 16 << 20;

/// Something to be sent.
#[derive(Debug, Clone)]
pub struct Sending<'a> {
    /// Where to.
    pub url: &'a str,
    /// PUT where it is true, else POST.
    pub put: bool,
    /// What it is, such as `application/json`; empty where the server wants no such header.
    pub kind: &'a str,
    /// The bytes.
    pub content: Content<'a>,
    /// Sent to the host of the URL and to no other.
    pub token: Option<&'a Token>,
    /// Whether to send again where the way to the server or the server itself fails: right for what comes to the
    /// same when it is done twice.
    pub again: bool,
}

/// The bytes to be sent.
#[derive(Debug, Clone, Copy)]
pub enum Content<'a> {
    /// These.
    Bytes(&'a [u8]),
    /// Those of a file, which is read as it is sent.
    File(&'a Path),
    /// Those of a part of a file, which is read as it is sent.
    Part {
        /// The file.
        path: &'a Path,
        /// The first byte.
        start: u64,
        /// How many; the file has them.
        length: u64,
    },
}

impl Content<'_> {
    /// The body, and a counter of what was sent of it.
    fn body(self) -> Result<(Body, Arc<AtomicU64>), Error> {
        let moved = Arc::new(AtomicU64::new(0));
        match self {
            Content::Bytes(bytes) => Ok((Body::from(bytes.to_vec()), moved)),
            Content::File(path) => {
                let length = path.metadata().map_err(|cause| Error::Read { path: path.to_path_buf(), cause })?.len();
                Content::Part { path, start: 0, length }.body()
            }
            Content::Part { path, start, length } => {
                let failed = |cause| Error::Read { path: path.to_path_buf(), cause };
                let mut file = File::open(path).map_err(failed)?;
                file.seek(SeekFrom::Start(start)).map_err(failed)?;
                Ok((Body::sized(Counted { file: file.take(length), moved: Arc::clone(&moved) }, length), moved))
            }
        }
    }
}

impl Downloader {
    /// Sends something; any status that says something of it comes back as it is. Redirects are not followed.
    ///
    /// # Errors
    /// What stands in the way of any answer; a file that cannot be read; offline.
    pub fn send(&self, sending: &Sending<'_>, watch: Watch<'_>) -> Result<Answer, Error> {
        let url = transport::parse(sending.url)?;
        let transport = self.online(&url, Path::new(""))?;
        let method = || if sending.put { Method::PUT } else { Method::POST };
        self.persist(&url, watch, || {
            let attempt = || {
                let content = sending.content.body()?;
                let mut reply =
                    transport.send_body((method(), &url), sending.kind, sending.token, content, watch.interrupt)?;
                answer(&url, &mut reply, ANSWER, watch)
            };
            attempt().map_err(|trouble| (if sending.again { trouble } else { final_now(&url, trouble) }, 0))
        })
    }
}

/// What is not to be sent twice fails at once.
fn final_now(url: &reqwest::Url, trouble: Trouble) -> Trouble {
    match trouble {
        Trouble::Again(again) => Trouble::Fatal(super::final_error(transport::shown(url), 1, again)),
        fatal => fatal,
    }
}

/// A file whose bytes are counted as they are sent.
struct Counted {
    file: io::Take<File>,
    moved: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.moved.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
