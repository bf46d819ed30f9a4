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
/// The most bytes that storage takes at once.
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
        let large: Vec<&FileRecord> = self.prepared.files().iter().filter(is_large).collect();
        match large.iter().find(|file| file.bytes > AT_ONCE) {
            Some(file) => Err(Error::TooLarge { file: file.path.clone(), bytes: file.bytes }),
            None => Ok(large),
        }
    }

    /// Sends large files that the hub does not have; gives how many bytes these were.
    fn send_large(&self, large: &[&FileRecord]) -> Result<u64, Error> {
        if large.is_empty() {
            return Ok(0);
        }
        let objects: Vec<Value> = large.iter().map(|file| json!({"oid": file.sha256, "size": file.bytes})).collect();
        let body = json!({"operation": "upload", "transfers": ["basic"], "hash_algo": "sha256",
            "ref": {"name": BRANCH}, "objects": objects});
        let url = format!("/{}.git/info/lfs/objects/batch", encoded(&self.id));
        let what = "the question for storage";
        let batch: Batch = self.read(self.post(&url, LARGE, &body.to_string().into_bytes(), true)?, what)?;
        let mut sent = 0;
        for file in large {
            let object = batch.objects.iter().find(|object| object.oid == file.sha256);
            let wrong = |reason: &str| Error::Answer { what, reason: format!("{}: {reason}", file.path) };
            let object = object.ok_or_else(|| wrong("it is not named"))?;
            if let Some(error) = &object.error {
                return Err(wrong(&crate::dtype::shown(&error.to_string())));
            }
            // Without actions the hub has it already.
            let Some(upload) = object.actions.as_ref().and_then(|actions| actions.upload.as_ref()) else { continue };
            if upload.header.get("chunk_size").is_some() {
                return Err(Error::TooLarge { file: file.path.clone(), bytes: file.bytes });
            }
            self.store(file, &upload.href)?;
            sent += file.bytes;
            if let Some(verify) = object.actions.as_ref().and_then(|actions| actions.verify.as_ref()) {
                self.confirm(file, &verify.href)?;
            }
        }
        Ok(sent)
    }

    /// The bytes to where the hub says; the token stays here.
    fn store(&self, file: &FileRecord, href: &str) -> Result<(), Error> {
        self.check_address(href)?;
        self.watch.progress.start(&format!("sending {}", file.path), Some(file.bytes), "bytes");
        let path = self.prepared.path(&file.path);
        let content = self.prepared.made(&file.path).map_or(Content::File(&path), Content::Bytes);
        let sending = Sending { url: href, put: true, kind: "", content, token: None, again: true };
        let answer = self.zoo.downloader()?.send(&sending, self.watch)?;
        self.checked(answer, "a large file")?;
        self.watch.progress.finish(&format!("{} bytes", file.bytes));
        Ok(())
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
