//! What a hub in Hugging Face's manner answers: which commit a revision is, and which files it has. Its answers are
//! read with limits, and every name in them is checked before it becomes a path.
#![deny(clippy::indexing_slicing)]

use std::path::Path;
use std::time::Duration;

use glossa_base::download::{Answer, Downloader, LONGEST_WAIT, Question, Token, Watch};
use glossa_base::nearest::nearest;
use serde::Deserialize;

use crate::id::is_commit;
use crate::names;
use crate::pull::Error;

/// The most bytes of an answer.
const ANSWER: u64 = 64 << 20;

/// So often a hub is asked that wants fewer questions, and so long is waited where it does not say how long.
const ATTEMPTS: u32 = 5;
const WAIT: Duration = Duration::from_secs(10);

/// A hub, and who asks it.
pub(crate) struct Hub<'a> {
    pub(crate) endpoint: &'a str,
    pub(crate) token: Option<&'a Token>,
    pub(crate) downloader: &'a Downloader,
    pub(crate) watch: Watch<'a>,
}

/// The files of a commit.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) commit: String,
    pub(crate) files: Vec<Listed>,
}

/// A file as a hub describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) bytes: Option<u64>,
    /// Its hash: SHA-256 of a large file, git's of a small one.
    pub(crate) blob: Option<String>,
}

#[derive(Deserialize)]
struct Info {
    sha: String,
    #[serde(default)]
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    #[serde(rename = "blobId")]
    blob_id: Option<String>,
    lfs: Option<Large>,
}

#[derive(Deserialize)]
struct Large {
    sha256: Option<String>,
    size: Option<u64>,
}

#[derive(Deserialize, Default)]
struct Refs {
    #[serde(default)]
    branches: Vec<Ref>,
    #[serde(default)]
    tags: Vec<Ref>,
}

#[derive(Deserialize)]
struct Ref {
    name: String,
}

impl Hub<'_> {
    /// The files of a revision.
    pub(crate) fn listing(&self, id: &str, revision: &str) -> Result<Listing, Error> {
        let url = format!("{}/api/models/{}/revision/{}", self.endpoint, encoded(id), encoded_whole(revision));
        let answer = self.ask(&url, &[("blobs", "true".to_owned())])?;
        if answer.status != 200 {
            return Err(self.refusal(id, revision, &answer));
        }
        let wrong = |reason: String| Error::Answer { url: url.clone(), reason };
        let info: Info = serde_json::from_slice(&answer.body).map_err(|error| wrong(error.to_string()))?;
        if !is_commit(&info.sha) {
            return Err(wrong("it names no commit of 40 digits".to_owned()));
        }
        if is_commit(revision) && revision != info.sha {
            return Err(wrong(format!("it answers with commit {}, {revision} was asked for", info.sha)));
        }
        let files: Vec<Listed> =
            info.siblings.into_iter().map(|sibling| sibling.checked(id)).collect::<Result<_, _>>()?;
        // Logs and the like have names that not every system takes; no file of a model has.
        let files = files.into_iter().filter(|file| names::file(&file.name).is_ok()).collect();
        Ok(Listing { commit: info.sha, files })
    }

    /// Asks for size and hash of a file, where the listing lacks them.
    pub(crate) fn describe(&self, id: &str, commit: &str, file: &mut Listed) -> Result<(), Error> {
        let url = self.file_url(id, commit, &file.name);
        let answer = self.downloader.head(&url, self.token, Path::new(&file.name), self.watch)?;
        let is_redirect = matches!(answer.status, 301 | 302 | 303 | 307 | 308);
        if answer.status != 200 && !is_redirect {
            return Err(self.refusal(id, commit, &answer));
        }
        if let Some(found) = answer.header("x-repo-commit").filter(|found| *found != commit) {
            let reason = format!("it is of commit `{}`, {commit} was asked for", crate::dtype::shown(found));
            return Err(Error::Answer { url, reason });
        }
        let etag = answer.header("x-linked-etag").or_else(|| answer.header("etag"));
        let etag = etag.map(|etag| etag.trim_start_matches("W/").trim_matches('"').to_owned());
        file.blob = file.blob.take().or(etag.filter(|etag| is_hash(etag)));
        let length = || if is_redirect { None } else { answer.number("content-length") };
        file.bytes = file.bytes.or_else(|| answer.number("x-linked-size")).or_else(length);
        Ok(())
    }

    /// Where the bytes of a file are.
    pub(crate) fn file_url(&self, id: &str, commit: &str, name: &str) -> String {
        format!("{}/{}/resolve/{commit}/{}", self.endpoint, encoded(id), encoded(name))
    }

    fn ask(&self, url: &str, query: &[(&str, String)]) -> Result<Answer, Error> {
        let question = Question { url, query, token: self.token, limit: ANSWER };
        let mut attempt = 1;
        loop {
            let answer = self.downloader.ask(&question, Path::new("the model"), self.watch)?;
            if answer.status != 429 || attempt == ATTEMPTS {
                return Ok(answer);
            }
            let wait = answer.number("retry-after").map_or(WAIT, Duration::from_secs).min(LONGEST_WAIT);
            self.watch.progress.line(&format!("{}: too many questions; again in {} s", self.endpoint, wait.as_secs()));
            self.downloader.wait(url, wait, self.watch)?;
            attempt += 1;
        }
    }

    /// What a status means for a model. Hubs say it in a header; else they are asked once more.
    fn refusal(&self, id: &str, revision: &str, answer: &Answer) -> Error {
        let (code, status) = (answer.header("x-error-code").unwrap_or_default(), answer.status);
        let unknown = || Error::Unknown { id: id.to_owned(), endpoint: self.endpoint.to_owned(), near: None };
        match (code, status) {
            ("RevisionNotFound", _) => self.wrong_revision(id, revision),
            ("GatedRepo", _) => Error::Refused { id: id.to_owned(), status, gated: true, token: self.token.is_some() },
            // Hubs do not tell strangers whether a private model exists.
            ("RepoNotFound", _) | (_, 401) if self.token.is_none() => unknown(),
            ("RepoNotFound", _) => unknown(),
            (_, 401 | 403) => Error::Refused { id: id.to_owned(), status, gated: false, token: self.token.is_some() },
            (_, 404 | 410) => match self.ask(&format!("{}/api/models/{}", self.endpoint, encoded(id)), &[]) {
                Ok(answer) if answer.status == 200 => self.wrong_revision(id, revision),
                _ => unknown(),
            },
            _ => Error::Status { id: id.to_owned(), endpoint: self.endpoint.to_owned(), status },
        }
    }

    fn wrong_revision(&self, id: &str, revision: &str) -> Error {
        let refs = self.ask(&format!("{}/api/models/{}/refs", self.endpoint, encoded(id)), &[]).ok();
        let refs = refs.filter(|answer| answer.status == 200);
        let refs: Refs = refs.and_then(|answer| serde_json::from_slice(&answer.body).ok()).unwrap_or_default();
        let names: Vec<String> = refs.branches.into_iter().chain(refs.tags).map(|found| found.name).collect();
        let near = nearest(revision, names.iter().map(String::as_str)).map(crate::dtype::shown);
        Error::Revision { id: id.to_owned(), revision: revision.to_owned(), near }
    }
}

impl Sibling {
    fn checked(self, id: &str) -> Result<Listed, Error> {
        let name = self.rfilename;
        names::inside(&name).map_err(|reason| Error::Hostile {
            id: id.to_owned(),
            name: crate::dtype::shown(&name),
            reason,
        })?;
        let large = self.lfs.as_ref();
        let blob = match large {
            Some(large) => large.sha256.clone().filter(|hash| hash.len() == 64),
            None => self.blob_id.filter(|hash| hash.len() == 40),
        };
        let bytes = large.and_then(|large| large.size).or(self.size);
        Ok(Listed { name, bytes, blob: blob.filter(|hash| is_hash(hash)) })
    }
}

fn is_hash(text: &str) -> bool {
    crate::cache::is_blob(text)
}

/// A path for a URL; slashes stay.
pub(crate) fn encoded(path: &str) -> String {
    path.split('/').map(encoded_whole).collect::<Vec<_>>().join("/")
}

/// One part of a path for a URL, slashes included.
pub(crate) fn encoded_whole(part: &str) -> String {
    let mut text = String::with_capacity(part.len());
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_urls_are_encoded() {
        assert_eq!(encoded("1_Pooling/config a%?#.json"), "1_Pooling/config%20a%25%3F%23.json");
        assert_eq!(encoded_whole("refs/pr/1"), "refs%2Fpr%2F1");
        assert_eq!(encoded("é"), "%C3%A9");
    }
}
