//! Folders on the web: those whose files the index lists, and model folders of ours, whose manifest lists them.

use std::collections::HashSet;

use glossa_base::download::Watch;
use glossa_base::hash::sha256_hex;
use glossa_base::manifest::{self, Manifest};

use super::fetch::{Fetching, Planned, Trust};
use super::{Error, MAIN, Pulled, Zoo};
use crate::cache::{FileState, Record, Repository};
use crate::hub::encoded;
use crate::id::ModelId;
use crate::index::FileEntry;
use crate::names;

/// The most bytes of a manifest.
const MANIFEST: u64 = 16 << 20;

impl Zoo {
    /// A folder whose files are known by name.
    pub(super) fn pull_listed(
        &self,
        id: &str,
        repository: &Repository,
        url: &str,
        files: &[FileEntry],
        watch: Watch<'_>,
    ) -> Result<Pulled, Error> {
        let fetching = Fetching { zoo: self, id, repository, watch, trust: Trust::First, from: without_query(url) };
        self.once(&fetching, &|record| record.has(files), || {
            let planned: Vec<Planned> = files.iter().map(|file| listed(url, file)).collect();
            let fetched = fetching.files(&planned)?;
            let commit = commit_of(&fetched.files);
            fetching.finish(&commit, fetched)
        })
    }

    /// A model folder of ours.
    pub(super) fn pull_manifest(
        &self,
        id: &str,
        repository: &Repository,
        url: &str,
        watch: Watch<'_>,
    ) -> Result<Pulled, Error> {
        let fetching = Fetching { zoo: self, id, repository, watch, trust: Trust::First, from: without_query(url) };
        self.once(&fetching, &|_| true, || {
            let base = if url.ends_with('/') { url.to_owned() } else { format!("{url}/") };
            let address = format!("{base}{}", manifest::FILE_NAME);
            let place = repository.notes().join(manifest::FILE_NAME);
            let bytes = self.downloader()?.read(&address, MANIFEST, &place, watch)?;
            let planned = planned(id, &base, &bytes)?;
            let fetched = fetching.files(&planned)?;
            let commit: String = sha256_hex(&bytes).chars().take(40).collect();
            fetching.finish(&commit, fetched)
        })
    }

    /// What has one revision only: found whole in the cache, or fetched by one process while others wait.
    pub(super) fn once(
        &self,
        fetching: &Fetching<'_>,
        is_right: &dyn Fn(&Record) -> bool,
        fetch: impl FnOnce() -> Result<Pulled, Error>,
    ) -> Result<Pulled, Error> {
        let (repository, id) = (fetching.repository, fetching.id);
        let there = || -> Result<Option<Pulled>, Error> {
            let Some(commit) = repository.resolve(MAIN)? else { return Ok(None) };
            self.there(id, repository, &commit, false, &|record| record.from == fetching.from && is_right(record))
        };
        if let Some(pulled) = there()? {
            return Ok(pulled);
        }
        if self.options.download.offline {
            return Err(self.incomplete(id, repository, MAIN));
        }
        let _lock = fetching.lock("glossa-whole", repository.folder());
        if let Some(pulled) = there()? {
            return Ok(pulled);
        }
        let pulled = fetch()?;
        if let Some(commit) = &pulled.commit {
            repository.set_ref(MAIN, commit)?;
        }
        Ok(pulled)
    }

    /// Where a URL's, or a path's, model stands in the cache: by its end, for people, and by its hash.
    pub(super) fn of_url(&self, url: &str) -> Repository {
        let shown = ModelId::Url(url.to_owned()).to_string();
        let last = shown.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next().unwrap_or_default();
        let stem = last.split('.').next().unwrap_or_default();
        let plain: String = stem.chars().filter(char::is_ascii_alphanumeric).take(40).collect();
        self.cache
            .repository(crate::id::OF_URL, format!("{plain}.{}", super::fetch::short_hash(url)).trim_start_matches('.'))
    }
}

/// A URL as records and pins have it: its query may hold a signature that changes.
pub(super) fn without_query(url: &str) -> String {
    url.split(['?', '#']).next().unwrap_or_default().to_owned()
}

fn listed(base: &str, file: &FileEntry) -> Planned {
    let name = file.name.as_str().to_owned();
    let url = format!("{base}{}", encoded(&name));
    let sha256 = file.sha256.as_ref().map(|hash| hash.as_str().to_owned());
    Planned { pin: url.clone(), url, blob: None, bytes: file.bytes, sha256, name, token: None }
}

/// The files of a manifest, and the manifest itself.
fn planned(id: &str, base: &str, bytes: &[u8]) -> Result<Vec<Planned>, Error> {
    let wrong = |reason: String| Error::Wrong { id: id.to_owned(), file: manifest::FILE_NAME.to_owned(), reason };
    let read: Manifest = serde_json::from_slice(bytes).map_err(|error| wrong(format!("is no manifest: {error}")))?;
    if read.format > manifest::FORMAT {
        return Err(wrong(format!("has format {}, this glossa knows {}", read.format, manifest::FORMAT)));
    }
    let address = format!("{base}{}", manifest::FILE_NAME);
    // Its hash is nobody's word but its own: it is pinned.
    let own = Planned {
        name: manifest::FILE_NAME.to_owned(),
        url: address.clone(),
        blob: None,
        bytes: Some(bytes.len() as u64),
        sha256: None,
        pin: address,
        token: None,
    };
    let (mut planned, mut seen) = (vec![own], HashSet::from([manifest::FILE_NAME.to_owned()]));
    for output in read.outputs {
        let hostile = |reason| Error::Hostile { id: id.to_owned(), name: crate::dtype::shown(&output.path), reason };
        names::file(&output.path).map_err(hostile)?;
        if !seen.insert(output.path.to_lowercase()) {
            return Err(wrong(format!("names `{}` twice", output.path)));
        }
        if output.sha256.len() != 64 || !crate::cache::is_blob(&output.sha256) {
            return Err(wrong(format!("has no sha256 of `{}`", output.path)));
        }
        let url = format!("{base}{}", encoded(&output.path));
        let (bytes, sha256) = (Some(output.bytes), Some(output.sha256));
        planned.push(Planned { name: output.path, pin: url.clone(), url, blob: None, bytes, sha256, token: None });
    }
    Ok(planned)
}

/// What stands for the commit of files without one: it depends on all names and hashes.
pub(super) fn commit_of(files: &[FileState]) -> String {
    let mut lines: Vec<String> = files.iter().map(|file| format!("{} {}\n", file.sha256, file.name)).collect();
    lines.sort();
    sha256_hex(lines.concat().as_bytes()).chars().take(40).collect()
}
