//! Models pulled from servers on this machine that behave and misbehave: the right files in the cache, or the right
//! error, and never a connection that is not needed.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test fails by panicking, in its helpers too"
)]

#[path = "../../../toolkit/base/tests/support/server.rs"]
mod server;

mod archives;
mod breaks;
mod damage;
mod faults;
mod hostile;
mod hub;
mod offline;
mod python;
mod shared;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use glossa_base::download::{Algorithm, Checksum, Settings, Token, Watch};
use glossa_base::hash::sha256_hex;
use glossa_base::{Interrupt, Silent};
use glossa_zoo::index::Origin;
use glossa_zoo::pull::Error;
use glossa_zoo::{Index, ModelId, Options, Pulled, Zoo};
use server::{Reply, Request, Server};

pub(crate) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
pub(crate) const OTHER: &str = "89abcdef0123456789abcdef0123456789abcdef";
pub(crate) const SECRET: &str = "hf_verysecret";

/// Bytes that repeat nowhere soon.
pub(crate) fn content(size: usize) -> Vec<u8> {
    (0..size as u64).map(|index| glossa_base::seed::mix(index) as u8).collect()
}

/// Git's hash of a file, by way of a file.
pub(crate) fn git_hash(bytes: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    Checksum::new(Algorithm::GitBlob, &"0".repeat(40)).unwrap().of_file(file.path()).unwrap()
}

/// A file of a hub.
#[derive(Clone)]
pub(crate) struct HubFile {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    /// Stored elsewhere, under its SHA-256.
    pub(crate) large: bool,
}

pub(crate) fn small(name: &str, bytes: impl Into<Vec<u8>>) -> HubFile {
    HubFile { name: name.to_owned(), bytes: bytes.into(), large: false }
}

pub(crate) fn large(name: &str, bytes: impl Into<Vec<u8>>) -> HubFile {
    HubFile { large: true, ..small(name, bytes) }
}

/// The files of a small model, some of them of no use to us.
pub(crate) fn model() -> Vec<HubFile> {
    vec![
        small(".gitattributes", "x"),
        small("README.md", "# model"),
        small("config.json", "{}"),
        small("empty/x.json", ""),
        large("model.safetensors", content(1_000_000)),
        large("onnx/model.onnx", content(10)),
        small("1_Pooling/config.json", "{\"a\": 1}"),
        small("modules.json", "[]"),
    ]
}

/// What storage answers: by the request, how many came before, and the file.
pub(crate) type Storage = dyn Fn(&Request, usize, &[u8]) -> Reply + Send + Sync;

/// How a hub answers.
#[derive(Clone)]
pub(crate) struct Manner {
    /// Whether the list of files has sizes and hashes; else they are asked for one by one.
    pub(crate) tells_blobs: bool,
    /// Whether errors have a code in a header.
    pub(crate) codes: bool,
    /// Answers of the storage of large files.
    pub(crate) storage: Arc<Storage>,
}

impl Default for Manner {
    fn default() -> Self {
        let storage = |request: &Request, _: usize, bytes: &[u8]| Reply::ranged(request, bytes, "\"storage\"");
        Manner { tells_blobs: true, codes: true, storage: Arc::new(storage) }
    }
}

/// A hub with one model, `owner/name`, and its storage on another host.
pub(crate) struct Hub {
    pub(crate) server: Server,
    pub(crate) storage: Arc<Server>,
}

impl Hub {
    pub(crate) fn new(files: Vec<HubFile>) -> Self {
        Self::with(files, Manner::default())
    }

    pub(crate) fn with(files: Vec<HubFile>, manner: Manner) -> Self {
        let (stored, answer) = (files.clone(), Arc::clone(&manner.storage));
        let storage = Arc::new(Server::new(move |request, number| {
            let hash = request.path.trim_start_matches('/').split('?').next().unwrap_or_default().to_owned();
            match stored.iter().find(|file| sha256_hex(&file.bytes) == hash) {
                Some(file) => answer(request, number, &file.bytes),
                None => Reply::new(404, ""),
            }
        }));
        let there = Arc::clone(&storage);
        let server = Server::new(move |request, _| reply(&files, &manner, &there, request));
        Hub { server, storage }
    }

    pub(crate) fn endpoint(&self) -> String {
        self.server.url("")
    }

    /// Requests to the hub and its storage.
    pub(crate) fn requests(&self) -> usize {
        self.server.requests().len() + self.storage.requests().len()
    }
}

fn reply(files: &[HubFile], manner: &Manner, storage: &Server, request: &Request) -> Reply {
    let path = request.path.split('?').next().unwrap_or_default();
    let error = |status, code: &str| {
        let reply = Reply::new(status, "{}");
        if manner.codes { reply.with("X-Error-Code", code) } else { reply }
    };
    if path == "/api/models/owner/name/refs" {
        return Reply::ok(r#"{"branches":[{"name":"main"}],"tags":[{"name":"v1.0"}],"converts":[]}"#);
    }
    if path == "/api/models/owner/name" {
        return Reply::ok("{}");
    }
    if let Some(revision) = path.strip_prefix("/api/models/owner/name/revision/") {
        return match revision {
            "main" | "v1.0" | "refs%2Fpr%2F1" | COMMIT => Reply::ok(listing(files, manner.tells_blobs)),
            _ => error(404, "RevisionNotFound"),
        };
    }
    if path.starts_with("/api/") {
        return error(404, "RepoNotFound");
    }
    let name = path.strip_prefix(&format!("/owner/name/resolve/{COMMIT}/")).unwrap_or_default();
    let Some(file) = files.iter().find(|file| file.name == name) else { return error(404, "EntryNotFound") };
    let hash = if file.large { sha256_hex(&file.bytes) } else { git_hash(&file.bytes) };
    let described =
        |reply: Reply| reply.with("X-Repo-Commit", COMMIT).with("X-Linked-Size", file.bytes.len().to_string());
    if file.large {
        let location = storage.url(&format!("/{hash}?signature=x"));
        described(Reply::new(302, "").with("Location", location).with("X-Linked-Etag", format!("\"{hash}\"")))
    } else {
        described(Reply::ranged(request, &file.bytes, &format!("\"{hash}\"")))
    }
}

/// The hub's list of files, as it is with `?blobs=true`, or without.
pub(crate) fn listing(files: &[HubFile], blobs: bool) -> String {
    let sibling = |file: &HubFile| {
        let mut sibling = serde_json::json!({"rfilename": file.name});
        if blobs {
            sibling["size"] = serde_json::json!(file.bytes.len());
            sibling["blobId"] = serde_json::json!(git_hash(&file.bytes));
        }
        if blobs && file.large {
            sibling["lfs"] =
                serde_json::json!({"sha256": sha256_hex(&file.bytes), "size": file.bytes.len(), "pointerSize": 130});
        }
        sibling
    };
    let siblings: Vec<_> = files.iter().map(sibling).collect();
    serde_json::json!({"id": "owner/name", "sha": COMMIT, "siblings": siblings, "private": false}).to_string()
}

/// A clock on which waiting takes no time.
#[derive(Clone, Default)]
pub(crate) struct NoWait(Arc<Mutex<Duration>>);

impl glossa_base::download::Clock for NoWait {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + *self.0.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) {
        *self.0.lock().unwrap() += duration;
    }
}

/// A cache in a folder of its own.
pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Place { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.folder.path().join("hub")
    }

    pub(crate) fn options(&self, endpoint: &str) -> Options {
        let (cache, endpoint, token) = (self.cache(), endpoint.to_owned(), Some(Token::new(SECRET).unwrap()));
        let download = Settings { stall: Duration::from_secs(20), ..Settings::default() };
        Options { cache, endpoint, token, index: Index::empty(), download, releases: None }
    }

    pub(crate) fn zoo(&self, endpoint: &str) -> Zoo {
        Zoo::new(self.options(endpoint)).unwrap().with_clock(NoWait::default())
    }

    pub(crate) fn offline(&self, endpoint: &str) -> Zoo {
        let mut options = self.options(endpoint);
        options.download.offline = true;
        Zoo::new(options).unwrap()
    }

    pub(crate) fn with_index(&self, endpoint: &str, index: &str) -> Zoo {
        let mut options = self.options(endpoint);
        options.index = Index::parse(index, "index", Origin::Own).unwrap();
        Zoo::new(options).unwrap().with_clock(NoWait::default())
    }

    /// Every path below the cache, files with their bytes; links as where they lead.
    pub(crate) fn tree(&self) -> Vec<String> {
        let mut found = Vec::new();
        walk(&self.cache(), "", &mut found);
        found.sort();
        found
    }
}

fn walk(folder: &Path, prefix: &str, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            walk(&entry.path(), &format!("{name}/"), found);
        } else if kind.is_symlink() {
            found.push(format!("{name} -> {}", std::fs::read_link(entry.path()).unwrap().display()));
        } else {
            found.push(name);
        }
    }
}

pub(crate) fn pull(zoo: &Zoo, id: &str) -> Result<Pulled, Error> {
    let id = ModelId::parse(id).unwrap();
    zoo.pull(&id, Watch { progress: &Silent, interrupt: &Interrupt::default() })
}

/// An index with one model.
pub(crate) fn index(name: &str, source: &str, files: &str) -> String {
    format!(
        "format = 1\n[[model]]\nname = \"{name}\"\nlanguages = []\narchitecture = \"x\"\nlicence = \"mit\"\n\
         provenance = \"x\"\n{source}\n{files}"
    )
}
