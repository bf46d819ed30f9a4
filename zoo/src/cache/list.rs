//! What is in a cache.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Cache, Error, Repository};
use crate::id::{INDEX, OF_INDEX, OWN, hub_name, is_commit};

/// Folders below a snapshot or below refs; deeper ones are not looked into.
const DEPTH: usize = 8;

/// A model of the cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CachedModel {
    /// What to call it: `owner/name`, `glossa:name`, or the place of a URL.
    pub id: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Bytes of its blobs.
    pub bytes: u64,
    /// What is there of it, sorted by commit.
    pub revisions: Vec<CachedRevision>,
}

/// One revision of a model of the cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CachedRevision {
    /// The commit.
    pub commit: String,
    /// Branches and tags that were this commit when they were last looked up.
    pub refs: Vec<String>,
    /// How many files it has.
    pub files: usize,
    /// Bytes of its files.
    pub bytes: u64,
    /// Whether all is there that belongs to it; `None` where another tool fetched it, which does not tell.
    pub complete: Option<bool>,
}

impl Cache {
    /// All models, sorted; data sets and what else lies in the cache are passed over. A cache that is not there
    /// has none.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn list(&self) -> Result<Vec<CachedModel>, Error> {
        let repositories = self.repositories()?;
        let mut models = repositories.iter().map(Repository::describe).collect::<Result<Vec<_>, _>>()?;
        models.sort_by(|one, two| one.id.cmp(&two.id));
        Ok(models)
    }

    pub(crate) fn repositories(&self) -> Result<Vec<Repository>, Error> {
        let entries = match fs::read_dir(self.root()) {
            Ok(entries) => entries,
            Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(cause) => return Err(Error::Read { path: self.root().to_path_buf(), cause }),
        };
        let mut found = Vec::new();
        for entry in entries {
            let name = entry.map_err(Error::read(self.root()))?.file_name();
            let parts = name.to_str().and_then(|name| name.strip_prefix("models--")?.split_once("--"));
            if let Some((owner, name)) = parts.filter(|(owner, name)| is_ours(owner, name)) {
                found.push(self.repository(owner, name));
            }
        }
        Ok(found)
    }
}

fn is_ours(owner: &str, name: &str) -> bool {
    // Owners of our own are refused as ids.
    let owner = if OWN.contains(&owner) { "glossa" } else { owner };
    hub_name(&format!("{owner}/{name}")).is_ok()
}

impl Repository {
    /// The id as a person writes it.
    pub fn shown(&self) -> String {
        match self.id().split_once('/') {
            Some((owner, name)) if owner == OF_INDEX => format!("{INDEX}{}", name.replace("__", "/")),
            _ => self.id().to_owned(),
        }
    }

    /// What is there of it.
    ///
    /// # Errors
    /// A folder that cannot be read, or a record that is damaged.
    pub fn describe(&self) -> Result<CachedModel, Error> {
        let mut refs: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for name in files_below(&self.refs(), DEPTH)? {
            if let Ok(Some(commit)) = self.resolve(&name) {
                refs.entry(commit).or_default().push(name);
            }
        }
        let mut revisions = Vec::new();
        for commit in self.commits()? {
            let folder = self.snapshot(&commit);
            let files = files_below(&folder, DEPTH)?;
            let size = |name: &String| fs::metadata(folder.join(name)).map_or(0, |found| found.len());
            let bytes = files.iter().map(size).fold(0, u64::saturating_add);
            let complete = self.is_complete(&commit).unwrap_or(Some(false));
            let refs = refs.remove(&commit).unwrap_or_default();
            revisions.push(CachedRevision { commit, refs, files: files.len(), bytes, complete });
        }
        let blobs = self.blobs();
        let size = |name: &String| fs::symlink_metadata(blobs.join(name)).map_or(0, |found| found.len());
        let bytes = files_below(&blobs, 0)?.iter().map(size).fold(0, u64::saturating_add);
        Ok(CachedModel { id: self.shown(), folder: self.folder(), bytes, revisions })
    }

    /// Commits that have a snapshot, sorted.
    pub(crate) fn commits(&self) -> Result<Vec<String>, Error> {
        let mut commits: Vec<String> =
            names_in(&self.folder().join("snapshots"))?.into_iter().map(|(name, _)| name).collect();
        commits.retain(|name| is_commit(name));
        commits.sort();
        Ok(commits)
    }
}

/// Names of all files below a folder, with slashes, sorted; links count as files and are not followed. What is
/// under construction is left out.
pub(super) fn files_below(folder: &Path, depth: usize) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    for (name, is_folder) in names_in(folder)? {
        if name.starts_with(glossa_base::atomic::TEMPORARY) {
            continue;
        }
        if !is_folder {
            found.push(name);
        } else if depth > 0 {
            let inner = files_below(&folder.join(&name), depth - 1)?;
            found.extend(inner.into_iter().map(|inner| format!("{name}/{inner}")));
        }
    }
    found.sort();
    Ok(found)
}

/// Names in a folder, and whether each is a folder itself; none where there is no folder. Names that are no text
/// are passed over: nobody here made them.
pub(super) fn names_in(folder: &Path) -> Result<Vec<(String, bool)>, Error> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(Error::Read { path: folder.to_path_buf(), cause }),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(Error::read(folder))?;
        let is_folder = entry.file_type().map_err(Error::read(folder))?.is_dir();
        names.extend(entry.file_name().into_string().ok().map(|name| (name, is_folder)));
    }
    Ok(names)
}
