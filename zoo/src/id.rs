//! What a person writes where a model is wanted, read once: a name on a hub, a name of our index, a URL, or a path.
//! It knows nothing about what is there.
#![deny(clippy::indexing_slicing)]

use std::fmt;
use std::path::{Path, PathBuf};

use glossa_base::{Failure, download};
use thiserror::Error as ThisError;

use crate::names;

/// What names of our index begin with.
pub const INDEX: &str = "glossa:";
/// The owners under which models of our index, and of URLs and archives, stand in the cache: no hub has them.
pub(crate) const OF_INDEX: &str = "glossa.zoo";
pub(crate) const OF_URL: &str = "glossa.url";
pub(crate) const OWN: [&str; 2] = [OF_INDEX, OF_URL];

/// The longest part of a hub's name, revision and whole id, in bytes.
const LONGEST_PART: usize = 96;
const LONGEST_REVISION: usize = 255;
const LONGEST: usize = 4096;

/// Why a text is no id of a model.
#[derive(Debug, ThisError, Clone, PartialEq, Eq)]
pub enum Error {
    /// No text.
    #[error("the id of a model is empty")]
    Empty,
    /// More than 4096 bytes.
    #[error("the id of a model has {bytes} bytes, {LONGEST} are allowed")]
    TooLong {
        /// How many.
        bytes: usize,
    },
    /// Characters that hide what it is.
    #[error("the id `{id}` {reason}")]
    Characters {
        /// The id, escaped.
        id: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// An owner or a name that no hub could have.
    #[error("the id `{id}`: `{part}` {reason}")]
    Part {
        /// The id.
        id: String,
        /// The part.
        part: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A revision that is no branch, tag or commit.
    #[error("the id `{id}`: the revision {reason}")]
    Revision {
        /// The id.
        id: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// No URL, or one that would show a password or be read by others on the way.
    #[error("the URL {reason}")]
    Url {
        /// What is wrong; it does not repeat a password.
        reason: String,
    },
    /// Another scheme.
    #[error("the id `{id}`: `{scheme}:` is not known")]
    Scheme {
        /// The id, without what may be a password.
        id: String,
        /// What stands before the colon.
        scheme: String,
    },
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let hint = match error {
            Error::Url { .. } => "write https://host/path, and give a token by HF_TOKEN, not in the URL",
            _ => {
                "write owner/name, owner/name@revision, glossa:name, https://..., file:PATH, or a path such as ./model"
            }
        };
        Failure::data(error.to_string()).hint(hint)
    }
}

/// Which model is meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ModelId {
    /// A repository of a hub.
    Hub {
        /// Who owns it.
        owner: String,
        /// Its name.
        name: String,
        /// A branch, tag or commit, where one is named.
        revision: Option<String>,
    },
    /// A name of the index, without `glossa:`.
    Index(String),
    /// A folder or an archive on the web.
    Url(String),
    /// A folder or an archive on this machine.
    Path(PathBuf),
}

impl ModelId {
    /// Reads an id. `owner/name` is a hub's; one word, or a text that begins with a dot, a slash or a drive, is a
    /// path.
    ///
    /// # Errors
    /// [`Error`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.is_empty() {
            return Err(Error::Empty);
        }
        if text.len() > LONGEST {
            return Err(Error::TooLong { bytes: text.len() });
        }
        names::text(text).map_err(|reason| Error::Characters { id: shown(text), reason })?;
        if let Some(name) = text.strip_prefix(INDEX) {
            return index_name(name)
                .map(|()| ModelId::Index(name.to_owned()))
                .map_err(|reason| part(text, name, reason));
        }
        if let Some(path) = text.strip_prefix("file:") {
            return file_url(path);
        }
        if text.starts_with("https:") || text.starts_with("http:") {
            return url(text);
        }
        if is_path(text) {
            return Ok(ModelId::Path(PathBuf::from(text)));
        }
        hub(text)
    }

    /// The same, but what is there as a file or folder is a path, whatever it looks like.
    ///
    /// # Errors
    /// As of [`ModelId::parse`].
    pub fn parse_beside_files(text: &str) -> Result<Self, Error> {
        let there = !text.is_empty() && !text.contains('\0') && Path::new(text).exists();
        if there { Ok(ModelId::Path(PathBuf::from(text))) } else { Self::parse(text) }
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ModelId::Hub { owner, name, revision } => {
                write!(formatter, "{owner}/{name}")?;
                revision.iter().try_for_each(|revision| write!(formatter, "@{revision}"))
            }
            ModelId::Index(name) => write!(formatter, "{INDEX}{name}"),
            // The query may hold a signature that is a secret.
            ModelId::Url(url) => formatter.write_str(url.split(['?', '#']).next().unwrap_or_default()),
            ModelId::Path(path) => write!(formatter, "{}", path.display()),
        }
    }
}

/// Whether a revision is a commit: 40 digits, lower-case hexadecimal.
pub fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Says what is wrong with a name of the index: small letters, digits and `._-`, in at most three parts.
pub(crate) fn index_name(name: &str) -> Result<(), &'static str> {
    if name.split('/').count() > 3 {
        return Err("has more than three parts");
    }
    for part in name.split('/') {
        names::part(part)?;
        if part.len() > LONGEST_PART {
            return Err("has a part of more than 96 characters");
        }
        let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        if !part.bytes().all(known) {
            return Err("has other characters than a-z, 0-9, `.`, `_` and `-`");
        }
        // A cache writes `/` as `__`, and `--` stands between owner and name there.
        let twice = ["--", "..", "__"].iter().any(|twice| part.contains(twice));
        if part.starts_with(['.', '-', '_']) || part.ends_with(['-', '_']) || twice {
            return Err("begins or ends with a sign, or has one twice");
        }
    }
    Ok(())
}

/// Says what is wrong with a hub's `owner/name`.
pub(crate) fn hub_name(text: &str) -> Result<(&str, &str), Error> {
    let Some((owner, name)) = text.split_once('/') else {
        return Err(part(text, text, "is no owner and name with a slash between"));
    };
    for (word, is_owner) in [(owner, true), (name, false)] {
        hub_part(word, is_owner).map_err(|reason| part(text, word, reason))?;
    }
    Ok((owner, name))
}

fn hub_part(word: &str, is_owner: bool) -> Result<(), &'static str> {
    names::part(word)?;
    match word {
        _ if word.len() > LONGEST_PART => Err("has more than 96 characters"),
        _ if !word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) => {
            Err("has other characters than letters, digits, `.`, `_` and `-`")
        }
        _ if word.contains("--") || word.contains("..") => Err("has `--` or `..`, which no hub allows"),
        _ if word.starts_with(['.', '-']) || word.ends_with(['.', '-']) => Err("begins or ends with `.` or `-`"),
        _ if word.ends_with(".git") || word.ends_with(".ipynb") => Err("has an ending that no hub allows"),
        _ if is_owner && OWN.contains(&word) => Err("is a name of our own cache"),
        _ => Ok(()),
    }
}

/// Says what is wrong with a branch, tag or commit.
pub(crate) fn revision(text: &str) -> Result<(), &'static str> {
    if text.len() > LONGEST_REVISION {
        return Err("has more than 255 characters");
    }
    if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/+".contains(&byte)) {
        return Err("has other characters than letters, digits, `.`, `_`, `-`, `+` and `/`");
    }
    for part in text.split('/') {
        names::part(part)?;
        if part.starts_with(['.', '-']) || part.contains("..") || part.ends_with(".lock") {
            return Err("has a part that git does not allow");
        }
    }
    Ok(())
}

fn hub(text: &str) -> Result<ModelId, Error> {
    let (repository, wanted) = match text.split_once('@') {
        Some((repository, revision)) => (repository, Some(revision)),
        None => (text, None),
    };
    if let Some((scheme, _)) = repository.split_once(':') {
        return Err(Error::Scheme { id: without_password(text), scheme: scheme.to_owned() });
    }
    if let Some(wanted) = wanted {
        revision(wanted).map_err(|reason| Error::Revision { id: text.to_owned(), reason })?;
    }
    let (owner, name) = hub_name(repository)?;
    Ok(ModelId::Hub { owner: owner.to_owned(), name: name.to_owned(), revision: wanted.map(str::to_owned) })
}

/// An address that is encrypted, or of this machine itself; without user and password.
fn url(text: &str) -> Result<ModelId, Error> {
    let wrong = |reason: &str| Error::Url { reason: reason.to_owned() };
    let rest = text.split_once("://").map(|(_, rest)| rest).ok_or_else(|| wrong("has no `//` and host"))?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.contains('@') {
        return Err(wrong("has a user or a password in it"));
    }
    download::check_url(text).map_err(|error| Error::Url { reason: error.to_string() })?;
    if text.starts_with("http:") && !is_loopback(host) {
        return Err(wrong("is not encrypted"));
    }
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    if path.split('/').any(|part| matches!(part.to_ascii_lowercase().as_str(), ".." | "%2e%2e" | ".%2e" | "%2e.")) {
        return Err(wrong("has `..` in its path"));
    }
    Ok(ModelId::Url(text.to_owned()))
}

/// Whether a host, perhaps with a port, is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

/// What stands behind `file:`, with or without an empty host.
fn file_url(text: &str) -> Result<ModelId, Error> {
    let path = match text.strip_prefix("//") {
        None => text.to_owned(),
        Some(rest) => {
            let rest = rest.strip_prefix("localhost").unwrap_or(rest);
            if !rest.starts_with('/') {
                return Err(Error::Url { reason: "file:// names another machine".to_owned() });
            }
            decoded(rest).ok_or_else(|| Error::Url { reason: "file:// has a `%` without two digits".to_owned() })?
        }
    };
    names::text(&path).map_err(|reason| Error::Characters { id: shown(&path), reason })?;
    if path.is_empty() { Err(Error::Empty) } else { Ok(ModelId::Path(PathBuf::from(path))) }
}

/// `%20` as a space, and the like.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            bytes.push(u8::try_from(digit(rest.next())? * 16 + digit(rest.next())?).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

fn is_path(text: &str) -> bool {
    let drive = matches!(text.as_bytes(), [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic());
    let slashes = text.matches('/').count();
    let word = slashes == 0 && !text.contains([':', '@']);
    drive
        || word
        || slashes > 1 && !text.contains(['@', ':'])
        || text.starts_with(['.', '/', '~'])
        || text.contains('\\')
}

fn part(id: &str, part: &str, reason: &'static str) -> Error {
    Error::Part { id: shown(id), part: shown(part), reason }
}

fn shown(text: &str) -> String {
    crate::dtype::shown(text)
}

/// `x:secret@host` as `x:...`.
fn without_password(text: &str) -> String {
    if text.contains('@') {
        text.split(':').next().map(|scheme| format!("{scheme}:...")).unwrap_or_default()
    } else {
        shown(text)
    }
}

#[cfg(test)]
mod tests;
