//! Files into blobs, and blobs into a snapshot.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use glossa_base::download::{self, Algorithm, Checksum, Token, Wanted, Watch};
use glossa_base::hash::sha256_hex;
use glossa_base::space;

use super::error::of_write;
use super::{Error, Pulled, Zoo};
use crate::cache::{FileState, Lock, Pin, Record, Repository};

/// The most bytes of a file whose size nobody states.
const LARGEST: u64 = 64 << 30;

/// So often another process may take away what was fetched.
const ATTEMPTS: usize = 64;

/// A file that is to be fetched.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    pub(super) name: String,
    pub(super) url: String,
    /// The hash by which the hub names it.
    pub(super) blob: Option<String>,
    pub(super) bytes: Option<u64>,
    /// The hash that the index or a manifest states.
    pub(super) sha256: Option<String>,
    /// What its pin is called.
    pub(super) pin: String,
    pub(super) token: Option<Token>,
}

/// A hash that a file must have.
pub(super) struct Known {
    pub(super) sha256: String,
    /// Who says so.
    by: &'static str,
}

impl Planned {
    /// The hash that is stated, or that an earlier pull has pinned.
    pub(super) fn known(&self, pinned: &BTreeMap<String, Pin>) -> Option<Known> {
        let stated = self.sha256.clone().map(|sha256| Known { sha256, by: "the index or manifest" });
        stated.or_else(|| pinned.get(&self.pin).map(|pin| Known { sha256: pin.hash.clone(), by: "the first pull" }))
    }
}

impl Known {
    /// Fails where a file has another hash.
    fn compare(&self, id: &str, file: &str, found: &str) -> Result<(), Error> {
        if self.sha256 == found { Ok(()) } else { Err(self.mismatch(id, file, found.to_owned())) }
    }

    fn mismatch(&self, id: &str, file: &str, found: String) -> Error {
        let (id, file, expected) = (id.to_owned(), file.to_owned(), self.sha256.clone());
        Error::Mismatch { id, file, expected, found, by: self.by }
    }
}

/// Who vouches for a file without a hash in the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// The hub states hashes, which belong to the commit.
    Hub,
    /// Nobody: the first pull pins what it finds, and says so.
    First,
}

/// A fetch into one model's folder.
pub(super) struct Fetching<'a> {
    pub(super) zoo: &'a Zoo,
    pub(super) id: &'a str,
    pub(super) repository: &'a Repository,
    pub(super) watch: Watch<'a>,
    pub(super) trust: Trust,
    /// The hub, or a URL without its query.
    pub(super) from: String,
}

/// What fetching came to.
pub(super) struct Fetched {
    pub(super) files: Vec<FileState>,
    pub(super) transferred: u64,
    pub(super) pins: Vec<(String, Pin)>,
}

impl Fetching<'_> {
    /// Fetches all files of a commit and makes its snapshot.
    pub(super) fn snapshot(&self, commit: &str, planned: &[Planned]) -> Result<Pulled, Error> {
        let fetched = self.files(planned)?;
        self.finish(commit, fetched)
    }

    /// Makes a snapshot of what was fetched, and pins what was not known.
    pub(super) fn finish(&self, commit: &str, fetched: Fetched) -> Result<Pulled, Error> {
        let Fetched { files, transferred, pins } = fetched;
        for file in &files {
            self.repository.link(commit, &file.name, &file.blob)?;
        }
        let mut notes = Vec::new();
        if !pins.is_empty() && self.trust == Trust::First {
            let names: Vec<&str> = pins.iter().map(|(name, _)| name.rsplit('/').next().unwrap_or_default()).collect();
            notes.push(format!("no hash is published of {}; pinned to what came now", names.join(", ")));
        }
        self.zoo.cache.pins().add(pins)?;
        let record = Record::new(self.id, &self.from, commit, files);
        self.repository.set_record(&record)?;
        Ok(Pulled {
            id: self.id.to_owned(),
            folder: self.repository.snapshot(commit),
            commit: Some(commit.to_owned()),
            files: record.files.len(),
            bytes: record.bytes(),
            transferred,
            is_new: true,
            notes,
        })
    }

    /// Fetches files that are not there yet.
    pub(super) fn files(&self, planned: &[Planned]) -> Result<Fetched, Error> {
        self.check_room(planned)?;
        let pinned = self.zoo.cache.pins().all()?;
        let mut fetched = Fetched { files: Vec::new(), transferred: 0, pins: Vec::new() };
        for (number, file) in planned.iter().enumerate() {
            let rest = planned.get(number..).unwrap_or_default();
            let left = || rest.iter().filter_map(|file| file.bytes).fold(0, u64::saturating_add);
            let (state, transferred) = self.file(file, &pinned).map_err(|error| error.needing(left()))?;
            fetched.transferred += transferred;
            if file.sha256.is_none() && !pinned.contains_key(&file.pin) {
                fetched.pins.push((file.pin.clone(), Pin { hash: state.sha256.clone(), bytes: Some(state.bytes) }));
            }
            fetched.files.push(state);
        }
        Ok(fetched)
    }

    /// Before anything is written, whether there is room for what is missing.
    pub(super) fn check_room(&self, planned: &[Planned]) -> Result<(), Error> {
        let missing = planned.iter().filter(|file| {
            let there = file.blob.as_ref().or(file.sha256.as_ref()).map(|blob| self.repository.blobs().join(blob));
            there.is_none_or(|path| fs::metadata(path).map_or(true, |found| Some(found.len()) != file.bytes))
        });
        let needed = missing.filter_map(|file| file.bytes).fold(0, u64::saturating_add);
        let path = self.repository.folder();
        match space::free_bytes(&path) {
            Some(free) if free < needed => {
                Err(Error::NoSpace { path, needed: Some(needed), free: Some(free), cause: None })
            }
            _ => Ok(()),
        }
    }

    /// One file: into its blob, checked against all that is known of it.
    fn file(&self, file: &Planned, pinned: &BTreeMap<String, Pin>) -> Result<(FileState, u64), Error> {
        let known = file.known(pinned);
        let by_hub = file.blob.as_ref().filter(|blob| blob.len() == 64);
        if let (Some(known), Some(found)) = (&known, by_hub) {
            known.compare(self.id, &file.name, found)?;
        }
        let blob = file.blob.clone().or_else(|| known.as_ref().map(|known| known.sha256.clone()));
        let Some(blob) = blob else { return self.unnamed(file) };
        let target = self.repository.blobs().join(&blob);
        let fetched = self.fetch(file, Some(&blob), known.as_ref(), &target)?;
        if let Some(Err(error)) = known.map(|known| known.compare(self.id, &file.name, &fetched.sha256)) {
            let _ = fs::remove_file(&target);
            return Err(error);
        }
        let state = FileState { name: file.name.clone(), bytes: fetched.bytes, blob, sha256: fetched.sha256 };
        Ok((state, fetched.transferred))
    }

    /// A file of which no hash is known becomes a blob under the hash that it has.
    fn unnamed(&self, file: &Planned) -> Result<(FileState, u64), Error> {
        let blobs = self.repository.blobs();
        fs::create_dir_all(&blobs).map_err(|cause| of_write(blobs.clone(), cause))?;
        let (fetched, _) = self.aside(file, None, |hash| blobs.join(hash))?;
        let (bytes, blob, sha256) = (fetched.bytes, fetched.sha256.clone(), fetched.sha256);
        Ok((FileState { name: file.name.clone(), bytes, blob, sha256 }, fetched.transferred))
    }

    /// Fetches a file and moves it to a place that depends on its hash. Where locks do nothing, another process
    /// may have moved it already: to that very place, or it is fetched again.
    pub(super) fn aside(
        &self,
        file: &Planned,
        known: Option<&Known>,
        place: impl Fn(&str) -> PathBuf,
    ) -> Result<(download::Fetched, PathBuf), Error> {
        let target = self.repository.notes().join(format!("fetch-{}", short_hash(&file.url)));
        let (mut transferred, mut attempt) = (0, 1);
        loop {
            let mut fetched = self.fetch(file, known.map(|known| known.sha256.as_str()), known, &target)?;
            transferred += fetched.transferred;
            let place = place(&fetched.sha256);
            match fs::rename(&target, &place) {
                Ok(()) => {}
                Err(_) if fs::metadata(&place).is_ok_and(|found| found.len() == fetched.bytes) => {}
                Err(cause) if cause.kind() == std::io::ErrorKind::NotFound && attempt < ATTEMPTS => {
                    attempt += 1;
                    continue;
                }
                Err(cause) => return Err(of_write(place, cause)),
            }
            fetched.transferred = transferred;
            return Ok((fetched, place));
        }
    }

    fn fetch(
        &self,
        file: &Planned,
        hash: Option<&str>,
        known: Option<&Known>,
        target: &Path,
    ) -> Result<download::Fetched, Error> {
        let algorithm = |hash: &str| if hash.len() == 64 { Algorithm::Sha256 } else { Algorithm::GitBlob };
        let checksum = hash.map(|hash| Checksum::new(algorithm(hash), hash)).transpose()?;
        let _lock = self.lock(hash.unwrap_or("glossa"), target.parent().map(PathBuf::from).unwrap_or_default());
        let (url, token, limit) = (file.url.clone(), file.token.clone(), file.bytes.unwrap_or(LARGEST));
        let wanted = Wanted { url, checksum, bytes: file.bytes, limit, token };
        self.zoo.downloader()?.fetch(&wanted, target, self.watch).map_err(|error| match (error, known) {
            (download::Error::Checksum { kind: "sha256", found, .. }, Some(known)) => {
                known.mismatch(self.id, &file.name, found)
            }
            (error, _) => error.into(),
        })
    }

    /// The lock that Python's tools take for the same blob.
    pub(super) fn lock(&self, name: &str, watched: PathBuf) -> Lock {
        if !self.zoo.options.download.locks {
            return Lock::none();
        }
        Lock::take(&self.repository.lock_file(name), &watched, self.watch.interrupt)
    }
}

/// Sixteen digits that stand for a text.
pub(super) fn short_hash(text: &str) -> String {
    sha256_hex(text.as_bytes()).chars().take(16).collect()
}
