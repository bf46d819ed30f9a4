//! To a hub, by its HTTP interface: the repository is made, large files go to its storage, and one commit shows them
//! all. Until that commit nobody sees anything.

use serde::Deserialize;
use serde_json::{Value, json};

use glossa_base::Failure;
use glossa_base::download::{Answer, Content, Sending, Watch};
use glossa_base::manifest::FileRecord;

use super::prepare::Prepared;
use super::{Details, Error, Published};
use crate::Zoo;
use crate::hub::encoded;
use crate::id::is_commit;

const JSON: &str = "application/json";
const LARGE: &str = "application/vnd.git-lfs+json";
const LINES: &str = "application/x-ndjson";
const BRANCH: &str = "main";
/// So many bytes of a file decide how the hub keeps it.
const SAMPLE: usize = 512;
/// The most bytes that storage takes at once; for more it names places for parts.
const AT_ONCE: u64 = 5_000_000_000;
/// The most bytes of a file within a commit itself.
const WITHIN: u64 = 10 << 20;

/// A push on its way.
struct Push<'a> {
    zoo: &'a Zoo,
    prepared: &'a Prepared,
    id: String,
    watch: Watch<'a>,
}

#[derive(Deserialize)]
struct Modes {
    files: Vec<Mode>,
}

#[derive(Deserialize)]
struct Mode {
    path: String,
    #[serde(rename = "uploadMode")]
    mode: String,
}

#[derive(Deserialize)]
struct Batch {
    objects: Vec<Object>,
}

#[derive(Deserialize)]
struct Object {
    oid: String,
    actions: Option<Actions>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Actions {
    upload: Option<Action>,
    verify: Option<Action>,
}

#[derive(Deserialize)]
struct Action {
    href: String,
    #[serde(default)]
    header: Value,
}

/// Where the parts of a file go.
struct Parts {
    /// Bytes of each part, the last one excepted.
    size: u64,
    /// A place for each, in their order.
    urls: Vec<String>,
}

impl Parts {
    /// Reads the head of an upload, as the hub gives it where a file is too large to be sent at once: `chunk_size`,
    /// and the places under the numbers of the parts. None where it goes at once.
    fn read(header: &Value, bytes: u64) -> Result<Option<Self>, &'static str> {
        let Some(size) = header.get("chunk_size") else { return Ok(None) };
        let size = size.as_u64().or_else(|| size.as_str()?.parse().ok()).filter(|size| *size > 0);
        let size = size.ok_or("the size of its parts is no number")?;
        let mut places: Vec<(u64, String)> = Vec::new();
        for (key, value) in header.as_object().into_iter().flatten() {
            if let (Ok(number), Some(url)) = (key.parse(), value.as_str()) {
                places.push((number, url.to_owned()));
            }
        }
        places.sort();
        let is_whole = (1..).zip(&places).all(|(number, place)| place.0 == number);
        if !is_whole || places.len() as u64 != bytes.div_ceil(size) {
            return Err("its parts are not as many as its bytes need");
        }
        Ok(Some(Parts { size, urls: places.into_iter().map(|(_, url)| url).collect() }))
    }
}

pub(super) fn push(
    zoo: &Zoo,
    prepared: &Prepared,
    (owner, name, private): (&str, &str, bool),
    details: &Details,
    watch: Watch<'_>,
) -> Result<Published, Error> {
    let push = Push { zoo, prepared, id: format!("{owner}/{name}"), watch };
    push.make_repository(owner, name, private)?;
    let large = push.large_files()?;
    let sent = push.send_large(&large)?;
    let commit = push.commit(&large, details.message.as_deref().unwrap_or("Model folder, by glossa"))?;
    let place = format!("{}/{}", zoo.endpoint(), push.id);
    Ok(Published { commit: Some(commit), sent, ..prepared.published(place) })
}

impl Push<'_> {
    fn make_repository(&self, owner: &str, name: &str, private: bool) -> Result<(), Error> {
        let visibility = if private { "private" } else { "public" };
        let body = json!({"name": name, "organization": owner, "type": "model", "visibility": visibility});
        let answer = self.post("/api/repos/create", JSON, &body.to_string().into_bytes(), true)?;
        // It is there already.
        if answer.status == 409 { Ok(()) } else { self.checked(answer, "the repository").map(drop) }
    }

    /// Names of the files that the hub wants in its storage.
    fn large_files(&self) -> Result<Vec<&FileRecord>, Error> {
        let mut files = Vec::new();
        for file in self.prepared.files() {
            let sample = base64(&self.start(file)?);
            files.push(json!({"path": file.path, "size": file.bytes, "sample": sample}));
        }
        let url = format!("/api/models/{}/preupload/{BRANCH}", encoded(&self.id));
        let body = json!({"files": files}).to_string().into_bytes();
        let modes: Modes = self.read(self.post(&url, JSON, &body, true)?, "the question for large files")?;
        let is_large = |file: &&FileRecord| {
            let mode = modes.files.iter().find(|mode| mode.path == file.path).map(|mode| mode.mode.as_str());
            // Storage takes no empty files.
            file.bytes > 0 && (mode == Some("lfs") || file.bytes > WITHIN)
        };
        Ok(self.prepared.files().iter().filter(is_large).collect())
    }

    /// Sends large files that the hub does not have; gives how many bytes these were.
    fn send_large(&self, large: &[&FileRecord]) -> Result<u64, Error> {
        if large.is_empty() {
            return Ok(0);
        }
        let objects: Vec<Value> = large.iter().map(|file| json!({"oid": file.sha256, "size": file.bytes})).collect();
        let body = json!({"operation": "upload", "transfers": ["basic", "multipart"], "hash_algo": "sha256",
            "ref": {"name": BRANCH}, "objects": objects});
        let url = format!("/{}.git/info/lfs/objects/batch", encoded(&self.id));
        let what = "the question for storage";
        let batch: Batch = self.read(self.post(&url, LARGE, &body.to_string().into_bytes(), true)?, what)?;
        // All answers are understood before the first byte goes.
        let mut uploads = Vec::new();
        for file in large {
            let object = batch.objects.iter().find(|object| object.oid == file.sha256);
            let wrong = |reason: &str| Error::Answer { what, reason: format!("{}: {reason}", file.path) };
            let object = object.ok_or_else(|| wrong("it is not named"))?;
            if let Some(error) = &object.error {
                return Err(wrong(&crate::dtype::shown(&error.to_string())));
            }
            // Without actions the hub has it already.
            let Some(actions) = &object.actions else { continue };
            let Some(upload) = &actions.upload else { continue };
            let parts = Parts::read(&upload.header, file.bytes).map_err(wrong)?;
            if parts.is_none() && file.bytes > AT_ONCE {
                return Err(Error::TooLarge { file: file.path.clone(), bytes: file.bytes });
            }
            uploads.push((*file, upload, parts, actions.verify.as_ref()));
        }
        let mut sent = 0;
        for (file, upload, parts, verify) in uploads {
            self.store(file, &upload.href, parts.as_ref())?;
            sent += file.bytes;
            verify.map_or(Ok(()), |verify| self.confirm(file, &verify.href))?;
        }
        Ok(sent)
    }

    /// The bytes to where the hub says, at once or in parts; the token stays here.
    fn store(&self, file: &FileRecord, href: &str, parts: Option<&Parts>) -> Result<(), Error> {
        self.check_address(href)?;
        self.watch.progress.start(&format!("sending {}", file.path), Some(file.bytes), "bytes");
        match parts {
            None => drop(self.put(file, href, 0, file.bytes)?),
            Some(parts) => self.store_parts(file, href, parts)?,
        }
        self.watch.progress.finish(&format!("{} bytes", file.bytes));
        Ok(())
    }

    /// Each part to its place, then the list of what storage called them, which makes one file of them.
    fn store_parts(&self, file: &FileRecord, href: &str, parts: &Parts) -> Result<(), Error> {
        let (what, mut named) = ("a part of a large file", Vec::new());
        for (index, url) in (0..).zip(&parts.urls) {
            self.check_address(url)?;
            let start = index * parts.size;
            let length = parts.size.min(file.bytes.saturating_sub(start));
            let answer = self.put(file, url, start, length)?;
            let name = answer.header("etag").filter(|name| !name.is_empty());
            let reason = || format!("{}: part {} was not named", file.path, index + 1);
            let name = name.ok_or_else(|| Error::Answer { what, reason: reason() })?;
            named.push(json!({"partNumber": index + 1, "etag": name}));
            self.watch.progress.advance(length);
        }
        let body = json!({"oid": file.sha256, "parts": named}).to_string().into_bytes();
        let content = Content::Bytes(&body);
        let sending = Sending { url: href, put: false, kind: LARGE, content, token: None, again: true };
        let answer = self.zoo.downloader()?.send(&sending, self.watch)?;
        self.checked(answer, "a large file").map(drop)
    }

    /// Some bytes of a file to a place of the storage.
    fn put(&self, file: &FileRecord, url: &str, start: u64, length: u64) -> Result<Answer, Error> {
        let path = self.prepared.path(&file.path);
        let content = match self.prepared.made(&file.path) {
            Some(bytes) => {
                let place = usize::try_from(start).ok().zip(usize::try_from(start.saturating_add(length)).ok());
                Content::Bytes(place.and_then(|(start, end)| bytes.get(start..end)).unwrap_or_default())
            }
            None => Content::Part { path: &path, start, length },
        };
        let sending = Sending { url, put: true, kind: "", content, token: None, again: true };
        let answer = self.zoo.downloader()?.send(&sending, self.watch)?;
        self.checked(answer, "a large file")
    }

    fn confirm(&self, file: &FileRecord, href: &str) -> Result<(), Error> {
        self.check_address(href)?;
        let body = json!({"oid": file.sha256, "size": file.bytes}).to_string().into_bytes();
        let home = format!("{}/", self.zoo.endpoint());
        let token = self.zoo.token().filter(|_| href.starts_with(&home));
        let sending = Sending { url: href, put: false, kind: JSON, content: Content::Bytes(&body), token, again: true };
        let answer = self.zoo.downloader()?.send(&sending, self.watch)?;
        self.checked(answer, "a large file").map(drop)
    }

    /// What leaves an encrypted hub is encrypted as well.
    fn check_address(&self, href: &str) -> Result<(), Error> {
        if self.zoo.endpoint().starts_with("https:") && !href.starts_with("https://") {
            let reason = "storage without encryption".to_owned();
            return Err(Error::Answer { what: "the question for storage", reason });
        }
        Ok(())
    }

    /// One commit with small files in it and large ones by their hashes.
    fn commit(&self, large: &[&FileRecord], message: &str) -> Result<String, Error> {
        let mut lines = vec![json!({"key": "header", "value": {"summary": message, "description": ""}})];
        for file in self.prepared.files() {
            lines.push(if large.iter().any(|other| other.path == file.path) {
                let value = json!({"path": file.path, "algo": "sha256", "oid": file.sha256, "size": file.bytes});
                json!({"key": "lfsFile", "value": value})
            } else {
                let content = base64(&self.whole(file)?);
                json!({"key": "file", "value": {"path": file.path, "encoding": "base64", "content": content}})
            });
        }
        let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let url = format!("/api/models/{}/commit/{BRANCH}", encoded(&self.id));
        // Twice would be two commits.
        let answer: Value = self.read(self.post(&url, LINES, body.as_bytes(), false)?, "the commit")?;
        let commit = answer.get("commitOid").and_then(Value::as_str).filter(|commit| is_commit(commit));
        let reason = || "it names no commit".to_owned();
        commit.map(str::to_owned).ok_or_else(|| Error::Answer { what: "the commit", reason: reason() })
    }

    fn start(&self, file: &FileRecord) -> Result<Vec<u8>, Error> {
        use std::io::Read;
        if let Some(bytes) = self.prepared.made(&file.path) {
            return Ok(bytes.iter().copied().take(SAMPLE).collect());
        }
        let path = self.prepared.path(&file.path);
        let mut bytes = Vec::new();
        let read = std::fs::File::open(&path).and_then(|file| file.take(SAMPLE as u64).read_to_end(&mut bytes));
        read.map(|_| bytes).map_err(|cause| Error::Write(Failure::io("read", &path, cause)))
    }

    fn whole(&self, file: &FileRecord) -> Result<Vec<u8>, Error> {
        if let Some(bytes) = self.prepared.made(&file.path) {
            return Ok(bytes.to_vec());
        }
        let path = self.prepared.path(&file.path);
        std::fs::read(&path).map_err(|cause| Error::Write(Failure::io("read", &path, cause)))
    }

    fn post(&self, path: &str, kind: &str, body: &[u8], again: bool) -> Result<Answer, Error> {
        let url = format!("{}{path}", self.zoo.endpoint());
        let (content, token) = (Content::Bytes(body), self.zoo.token());
        let sending = Sending { url: &url, put: false, kind, content, token, again };
        Ok(self.zoo.downloader()?.send(&sending, self.watch)?)
    }

    fn checked(&self, answer: Answer, what: &'static str) -> Result<Answer, Error> {
        if (200..300).contains(&answer.status) {
            return Ok(answer);
        }
        let said: Option<Value> = serde_json::from_slice(&answer.body).ok();
        let said = said.and_then(|value| value.get("error")?.as_str().map(str::to_owned));
        let hidden = said.map(|text| self.zoo.token().map_or(text.clone(), |token| token.hide_in(&text)));
        let message = hidden.map(|text| crate::dtype::shown(&text));
        Err(Error::Refused { id: self.id.clone(), what, status: answer.status, message })
    }

    fn read<T: for<'de> Deserialize<'de>>(&self, answer: Answer, what: &'static str) -> Result<T, Error> {
        let answer = self.checked(answer, what)?;
        serde_json::from_slice(&answer.body).map_err(|error| Error::Answer { what, reason: error.to_string() })
    }
}

/// Bytes as text, by RFC 4648.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let number = group.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4_usize {
            let index = number >> (18 - 6 * place) & 63;
            let letter = LETTERS.get(index as usize).map_or('=', |letter| char::from(*letter));
            text.push(if place <= group.len() { letter } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn bytes_become_text_as_the_standard_has_it() {
        for (bytes, expected) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(bytes.as_bytes()), expected);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xfe]), "+//+");
    }
}
