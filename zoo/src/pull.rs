//! From an id to a folder on this machine: found in the cache, or fetched into it, checked and whole. It decides
//! what is fetched; connections are made by `base::download` alone, archives are opened by `base::unpack` alone.
#![deny(clippy::indexing_slicing)]

mod archive;
mod error;
mod fetch;
mod folder;
mod release;
mod select;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use glossa_base::download::{Clock, Downloader, Settings, Token, Watch};
use glossa_base::nearest::nearest;
use glossa_base::unpack::is_archive;
use serde::Serialize;

pub use error::Error;

use crate::cache::{self, Cache, Pin, Record, Removed, Repository, VerifiedModel};
use crate::environment;
use crate::hub::{Hub, Listed, Listing};
use crate::id::{INDEX, ModelId, OF_INDEX, is_commit};
use crate::index::{Entry, FileEntry, Index, Source};
use crate::shards;
use fetch::{Fetching, Planned, Trust};

/// The revision where none is named.
const MAIN: &str = "main";

/// What a zoo is made from.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder of the cache.
    pub cache: PathBuf,
    /// The hub, such as `https://huggingface.co`.
    pub endpoint: String,
    /// Sent to the hub and to nobody else.
    pub token: Option<Token>,
    /// The index, a person's own over it.
    pub index: Index,
    /// How connections are made; offline is one of these.
    pub download: Settings,
    /// Where release files of the index are looked for before the place that the index names.
    pub releases: Option<environment::Releases>,
}

impl Options {
    /// The options that variables of the environment come to, with the index that is built in and the person's own
    /// over it.
    ///
    /// # Errors
    /// The built-in index does not carry its signature; the person's own cannot be read or is none.
    pub fn new(places: environment::Places) -> Result<Self, Error> {
        let environment::Places { cache, endpoint, token, offline, timeout, releases, index, .. } = places;
        let mut download = Settings { offline, ..Settings::default() };
        if let Some(seconds) = timeout {
            download.stall = Duration::from_secs(seconds);
        }
        let built_in = Index::built_in()?;
        let index = match index {
            Some(path) => built_in.under(Index::read(&path)?),
            None => built_in,
        };
        Ok(Options { cache, endpoint, token, index, download, releases })
    }
}

/// Models by their ids.
pub struct Zoo {
    options: Options,
    cache: Cache,
    /// Another clock than the system's, for tests: waiting takes no time.
    clock: Option<Arc<dyn Clock>>,
    /// Made when it is needed: reading the system's certificates takes longer than to look into the cache.
    downloader: OnceLock<Downloader>,
}

/// A model on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pulled {
    /// The id.
    pub id: String,
    /// Its folder: for reading only, since its files may be links to those of other revisions.
    pub folder: PathBuf,
    /// The commit, or what stands for one; none for a folder of the person's own.
    pub commit: Option<String>,
    /// How many files it has.
    pub files: usize,
    /// Their size.
    pub bytes: u64,
    /// Bytes that came over the network; 0 where all was there, or came from an archive on this machine.
    pub transferred: u64,
    /// Whether it was put into the cache now.
    pub is_new: bool,
    /// What the person should know, a line each: a branch that may move, hashes that were pinned.
    pub notes: Vec<String>,
}

impl Zoo {
    /// A zoo with these options; makes no connection.
    ///
    /// # Errors
    /// An endpoint that is no address.
    pub fn new(mut options: Options) -> Result<Self, Error> {
        options.endpoint = environment::endpoint(&options.endpoint)?;
        let cache = Cache::new(&options.cache);
        Ok(Zoo { options, cache, clock: None, downloader: OnceLock::new() })
    }

    /// The same by another clock.
    pub fn with_clock(self, clock: impl Clock + 'static) -> Self {
        Zoo { clock: Some(Arc::new(clock)), ..self }
    }

    /// The cache.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// The index.
    pub fn index(&self) -> &Index {
        &self.options.index
    }

    /// The hub's address.
    pub fn endpoint(&self) -> &str {
        &self.options.endpoint
    }

    pub(crate) fn token(&self) -> Option<&Token> {
        self.options.token.as_ref()
    }

    pub(crate) fn downloader(&self) -> Result<&Downloader, Error> {
        if let Some(downloader) = self.downloader.get() {
            return Ok(downloader);
        }
        let mut made = Downloader::new(self.options.download.clone())?;
        if let Some(clock) = &self.clock {
            made = made.with_clock(Shared(Arc::clone(clock)));
        }
        Ok(self.downloader.get_or_init(|| made))
    }

    /// Brings a model to this machine, unless it is there. A commit, and what has no other revisions, is looked up
    /// without any connection where it is whole in the cache; a branch is looked up at the hub.
    ///
    /// # Errors
    /// [`Error`] says what stands in the way. What was fetched so far is kept for the next time.
    pub fn pull(&self, id: &ModelId, watch: Watch<'_>) -> Result<Pulled, Error> {
        match id {
            ModelId::Hub { owner, name, revision } => {
                let wanted = revision.as_deref().unwrap_or(MAIN);
                let repository = self.cache.repository(owner, name);
                let entry = self.options.index.find_hub(repository.id());
                self.pull_hub(&id.to_string(), &repository, wanted, entry, watch)
            }
            ModelId::Index(name) => self.pull_entry(self.entry(name)?, watch),
            ModelId::Url(url) => self.pull_url(url, watch),
            ModelId::Path(path) => self.pull_path(path, watch),
        }
    }

    /// Where the cache has, or would have, a model, and the commit that is there for it.
    ///
    /// # Errors
    /// A name that the index lacks; a cache that cannot be read.
    pub fn cached(&self, id: &ModelId) -> Result<(Repository, Option<String>), Error> {
        let (repository, revision) = match id {
            ModelId::Hub { owner, name, revision } => {
                (self.cache.repository(owner, name), revision.clone().unwrap_or_else(|| MAIN.to_owned()))
            }
            ModelId::Index(name) => match self.entry(name).map(|entry| &entry.source) {
                Ok(Source::Hub { id: repository, revision }) => {
                    let (owner, name_there) = crate::id::hub_name(repository)?;
                    let pinned = self.cache.pins().get(&format!("{INDEX}{name}"))?.map(|pin| pin.hash);
                    let revision = revision.clone().or(pinned).unwrap_or_else(|| MAIN.to_owned());
                    (self.cache.repository(owner, name_there), revision)
                }
                // What is in the cache can be named though the index no longer has it.
                _ => (self.of_index(name), MAIN.to_owned()),
            },
            ModelId::Url(url) => (self.of_url(url), MAIN.to_owned()),
            ModelId::Path(path) => (self.of_url(&path.to_string_lossy()), MAIN.to_owned()),
        };
        let commit = repository.resolve(&revision)?;
        Ok((repository, commit))
    }

    /// Reads and hashes every file that the cache has of a model.
    ///
    /// # Errors
    /// It is not in the cache, or cannot be read. What is damaged is no error, but told.
    pub fn verify(&self, id: &ModelId, watch: Watch<'_>) -> Result<VerifiedModel, Error> {
        let (repository, commit) = self.cached(id)?;
        let commit = commit.filter(|commit| repository.snapshot(commit).is_dir());
        let commit = commit.ok_or_else(|| self.not_there(id, &repository))?;
        Ok(repository.verify(&commit, watch)?)
    }

    /// Takes a model out of the cache: the commit that its id names, or all of it where it names no revision.
    ///
    /// # Errors
    /// It is not in the cache, or a file cannot be removed.
    pub fn remove(&self, id: &ModelId) -> Result<Removed, Error> {
        let (repository, commit) = self.cached(id)?;
        let names_one = matches!(id, ModelId::Hub { revision: Some(_), .. });
        let there = commit.as_ref().is_none_or(|commit| repository.snapshot(commit).is_dir());
        if !repository.folder().is_dir() || (names_one && (commit.is_none() || !there)) {
            return Err(self.not_there(id, &repository));
        }
        Ok(repository.remove(commit.as_deref().filter(|_| names_one))?)
    }

    fn not_there(&self, id: &ModelId, repository: &Repository) -> Error {
        let cached = self.cache.repositories().unwrap_or_default();
        let names: Vec<String> = cached.iter().map(Repository::shown).collect();
        let wanted = repository.shown();
        let near = nearest(&wanted, names.iter().map(String::as_str).filter(|name| *name != wanted));
        let (cache, near) = (self.cache.root().to_path_buf(), near.map(str::to_owned));
        Error::Cache(cache::Error::NotThere { id: id.to_string(), cache, near })
    }

    fn entry(&self, name: &str) -> Result<&Entry, Error> {
        let index = &self.options.index;
        index.find(name).ok_or_else(|| Error::Unknown {
            id: format!("{INDEX}{name}"),
            endpoint: "the index".to_owned(),
            near: index.nearest(name).map(|near| format!("{INDEX}{near}")),
        })
    }

    fn of_index(&self, name: &str) -> Repository {
        self.cache.repository(OF_INDEX, &name.replace('/', "__"))
    }

    fn pull_entry(&self, entry: &Entry, watch: Watch<'_>) -> Result<Pulled, Error> {
        let id = format!("{INDEX}{}", entry.name);
        match &entry.source {
            Source::Hub { id: repository, revision } => {
                let (owner, name) = crate::id::hub_name(repository)?;
                let repository = self.cache.repository(owner, name);
                let pinned = self.cache.pins().get(&id)?.map(|pin| pin.hash).filter(|commit| is_commit(commit));
                let known = revision.clone().or(pinned);
                let wanted = known.clone().unwrap_or_else(|| MAIN.to_owned());
                let mut pulled = self.pull_hub(&id, &repository, &wanted, Some(entry), watch)?;
                if let (None, Some(commit)) = (known, &pulled.commit) {
                    self.cache.pins().add(vec![(id.clone(), Pin { hash: commit.clone(), bytes: None })])?;
                    pulled.notes = vec![format!("the index knows no revision of {id}; pinned to commit {commit}")];
                }
                Ok(pulled)
            }
            Source::Archive { url, bytes, sha256 } => {
                let known = archive::Known {
                    bytes: *bytes,
                    sha256: sha256.as_ref().map(|hash| hash.as_str().to_owned()),
                    files: &entry.files,
                };
                self.pull_archive(&id, &self.of_index(&entry.name), url, &known, watch)
            }
            Source::Release { file, base, bytes, sha256 } => {
                let known = archive::Known {
                    bytes: Some(*bytes),
                    sha256: Some(sha256.as_str().to_owned()),
                    files: &entry.files,
                };
                let release = release::Release { file, base: base.as_deref(), known };
                self.pull_release(&id, &self.of_index(&entry.name), &release, watch)
            }
            Source::Folder { url } => self.pull_listed(&id, &self.of_index(&entry.name), url, &entry.files, watch),
        }
    }

    fn pull_url(&self, url: &str, watch: Watch<'_>) -> Result<Pulled, Error> {
        let shown = ModelId::Url(url.to_owned()).to_string();
        let repository = self.of_url(url);
        if is_archive(&shown) {
            return self.pull_archive(&shown, &repository, url, &archive::Known::default(), watch);
        }
        self.pull_manifest(&shown, &repository, url, watch)
    }

    fn pull_path(&self, path: &Path, watch: Watch<'_>) -> Result<Pulled, Error> {
        if path.is_file() && is_archive(&path.to_string_lossy()) {
            return self.unpack_local(path, watch);
        }
        if !path.is_dir() {
            return Err(Error::NoPath { path: path.to_path_buf() });
        }
        let id = path.display().to_string();
        Ok(Pulled {
            id,
            folder: path.to_path_buf(),
            commit: None,
            files: 0,
            bytes: 0,
            transferred: 0,
            is_new: false,
            notes: Vec::new(),
        })
    }

    fn pull_hub(
        &self,
        id: &str,
        repository: &Repository,
        revision: &str,
        entry: Option<&Entry>,
        watch: Watch<'_>,
    ) -> Result<Pulled, Error> {
        let offline = self.options.download.offline;
        if offline || is_commit(revision) {
            let commit = repository.resolve(revision)?;
            let known = |commit: &str| of_commit(entry, commit);
            let there = |commit: String| {
                self.there(id, repository, &commit, offline, &|record| record.has(known(&record.commit)))
            };
            let found = commit.map(there).transpose()?.flatten();
            if let Some(pulled) = found {
                return Ok(pulled);
            }
            if offline {
                return Err(self.incomplete(id, repository, revision));
            }
        }
        let downloader = self.downloader()?;
        let hub = Hub { endpoint: &self.options.endpoint, token: self.token(), downloader, watch };
        let listing = hub.listing(repository.id(), revision).map_err(|error| self.with_nearest(error))?;
        let planned = self.plan(id, repository, &hub, &listing, entry)?;
        let from = self.options.endpoint.clone();
        let fetching = Fetching { zoo: self, id, repository, watch, trust: Trust::Hub, from };
        let mut pulled = fetching.snapshot(&listing.commit, &planned)?;
        if !is_commit(revision) {
            repository.set_ref(revision, &listing.commit)?;
            let commit = &listing.commit;
            pulled.notes.push(format!("{revision} of {id} is commit {commit} now; name it @{commit} to stay with it"));
        }
        Ok(pulled)
    }

    /// What is to be fetched of a listing, with all that is known of each file.
    fn plan(
        &self,
        id: &str,
        repository: &Repository,
        hub: &Hub<'_>,
        listing: &Listing,
        entry: Option<&Entry>,
    ) -> Result<Vec<Planned>, Error> {
        let names: Vec<&str> = listing.files.iter().map(|file| file.name.as_str()).collect();
        let needed = select::needed(&names);
        if needed.is_empty() {
            return Err(Error::NoFiles { id: id.to_owned() });
        }
        let known = of_commit(entry, &listing.commit);
        if let Some(missing) = known.iter().find(|file| !names.contains(&file.name.as_str())) {
            let reason = "is in the index and not at the hub".to_owned();
            return Err(Error::Wrong { id: id.to_owned(), file: missing.name.as_str().to_owned(), reason });
        }
        let mut planned = Vec::new();
        for mut file in listing.files.iter().filter(|file| needed.contains(&file.name.as_str())).cloned() {
            if file.blob.is_none() || file.bytes.is_none() {
                hub.describe(repository.id(), &listing.commit, &mut file)?;
            }
            let url = hub.file_url(repository.id(), &listing.commit, &file.name);
            let known = known.iter().find(|known| known.name.as_str() == file.name);
            let Listed { name, bytes, blob } = file;
            let pin = format!("{}@{}/{name}", repository.id(), listing.commit);
            let sha256 = known.and_then(|known| known.sha256.as_ref()).map(|hash| hash.as_str().to_owned());
            let bytes = known.and_then(|known| known.bytes).or(bytes);
            planned.push(Planned { name, url, blob, bytes, sha256, pin, token: self.options.token.clone() });
        }
        Ok(planned)
    }

    /// The model as it is in the cache, if it is whole and is the right one. What another tool fetched has no list
    /// of files: where `guess` says so, sizes, weights and what their index names must be there.
    fn there(
        &self,
        id: &str,
        repository: &Repository,
        commit: &str,
        guess: bool,
        is_right: &dyn Fn(&Record) -> bool,
    ) -> Result<Option<Pulled>, Error> {
        let folder = repository.snapshot(commit);
        // A record that is damaged is written anew.
        let complete = repository.is_complete(commit).unwrap_or(Some(false));
        let looks_whole = || folder.join(crate::layout::CONFIG).is_file() && shards::weight_files(&folder).is_ok();
        if !(complete == Some(true) || (complete.is_none() && guess && looks_whole())) {
            return Ok(None);
        }
        let record = repository.record(commit)?;
        if record.as_ref().is_some_and(|record| !is_right(record)) {
            return Ok(None);
        }
        let (files, bytes) = record.map_or((0, 0), |record| (record.files.len(), record.bytes()));
        let (id, commit, notes) = (id.to_owned(), Some(commit.to_owned()), Vec::new());
        Ok(Some(Pulled { id, folder, commit, files, bytes, transferred: 0, is_new: false, notes }))
    }

    fn incomplete(&self, id: &str, repository: &Repository, revision: &str) -> Error {
        let missing = match repository.resolve(revision) {
            Ok(Some(commit)) if repository.snapshot(&commit).is_dir() => {
                let record = repository.record(&commit).ok().flatten();
                let folder = repository.snapshot(&commit);
                let lacks = record.and_then(|record| {
                    record.files.into_iter().find(|file| {
                        std::fs::metadata(folder.join(&file.name)).map_or(true, |found| found.len() != file.bytes)
                    })
                });
                lacks.map_or_else(
                    || "some of its files are missing".to_owned(),
                    |file| format!("{} is missing", file.name),
                )
            }
            _ => format!("nothing of revision {revision} is there"),
        };
        Error::Offline { id: id.to_owned(), cache: self.cache.root().to_path_buf(), missing }
    }

    /// Adds the name that was probably meant: of the index, or of the cache.
    fn with_nearest(&self, error: Error) -> Error {
        let Error::Unknown { id, endpoint, .. } = error else { return error };
        let entries = self.options.index.entries();
        let mut names: Vec<(String, String)> = Vec::new();
        for entry in entries {
            if let Source::Hub { id, .. } = &entry.source {
                names.push((id.clone(), id.clone()));
            }
            names.push((entry.name.clone(), format!("{INDEX}{}", entry.name)));
        }
        let cached = self.cache.repositories().unwrap_or_default();
        names.extend(cached.iter().map(|found| (found.id().to_owned(), found.shown())));
        let near = nearest(&id, names.iter().map(|(name, _)| name.as_str()).filter(|name| *name != id));
        let near = near.and_then(|near| names.iter().find(|(name, _)| name == near)).map(|(_, shown)| shown.clone());
        Error::Unknown { id, endpoint, near }
    }
}

/// What an entry states of a commit's files: its hashes are those of its revision.
fn of_commit<'a>(entry: Option<&'a Entry>, commit: &str) -> &'a [FileEntry] {
    let is_same = |entry: &&Entry| {
        let Source::Hub { revision, .. } = &entry.source else { return false };
        revision.as_ref().is_none_or(|found| found == commit)
    };
    entry.filter(is_same).map(|entry| entry.files.as_slice()).unwrap_or_default()
}

/// A clock that several downloaders may have.
struct Shared(Arc<dyn Clock>);

impl Clock for Shared {
    fn now(&self) -> SystemTime {
        self.0.now()
    }

    fn sleep(&self, duration: Duration) {
        self.0.sleep(duration);
    }
}
