//! Takes models out of the cache: a revision's files go, and the blobs that no other revision shows.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use glossa_base::atomic::{TEMPORARY, remove_folder};
use serde::Serialize;

use super::list::{files_below, names_in};
use super::{Cache, Error, Repository};

/// What was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// Revisions.
    pub revisions: usize,
    /// Blobs.
    pub blobs: usize,
    /// Bytes of the blobs, and of what interrupted downloads left.
    pub bytes: u64,
}

impl Repository {
    /// Removes one commit, or all of the model. Who uses its files meanwhile loses them.
    ///
    /// # Errors
    /// It is not there, or a file cannot be removed.
    pub fn remove(&self, commit: Option<&str>) -> Result<Removed, Error> {
        let commits = self.commits()?;
        let gone: Vec<&String> = commits.iter().filter(|found| commit.is_none_or(|commit| commit == *found)).collect();
        let all = gone.len() == commits.len();
        if !self.folder().is_dir() || (gone.is_empty() && commit.is_some()) {
            let id = commit.map_or_else(|| self.shown(), |commit| format!("{}@{commit}", self.shown()));
            let cache = self.folder().parent().unwrap_or(Path::new(".")).to_path_buf();
            return Err(Error::NotThere { id, cache, near: None });
        }
        let revisions = gone.len();
        if all {
            let bytes = self.describe()?.bytes;
            let blobs = files_below(&self.blobs(), 0)?.len();
            drop_folder(&self.folder())?;
            return Ok(Removed { revisions, blobs, bytes });
        }
        for commit in gone {
            for name in files_below(&self.refs(), 8)? {
                if matches!(self.resolve(&name), Ok(Some(found)) if found == *commit) {
                    let path = self.refs().join(name);
                    fs::remove_file(&path).map_err(Error::write(&path))?;
                }
            }
            drop_folder(&self.snapshot(commit))?;
            let _ = fs::remove_file(self.notes().join(format!("{commit}.json")));
        }
        let mut removed = self.drop_unused(false)?;
        removed.revisions = revisions;
        Ok(removed)
    }

    /// Removes blobs that no snapshot shows, and, where `leftovers` says so, what interrupted downloads left.
    fn drop_unused(&self, leftovers: bool) -> Result<Removed, Error> {
        let mut used = HashSet::new();
        for commit in self.commits()? {
            let folder = self.snapshot(&commit);
            let links = files_below(&folder, 8)?.into_iter().filter_map(|name| fs::read_link(folder.join(name)).ok());
            used.extend(links.filter_map(|target| target.file_name().map(ToOwned::to_owned)));
        }
        let (mut removed, blobs) = (Removed::default(), self.blobs());
        for name in files_below(&blobs, 0)?.into_iter().filter(|name| !used.contains(std::ffi::OsStr::new(name))) {
            let path = blobs.join(&name);
            removed.bytes += fs::symlink_metadata(&path).map_or(0, |found| found.len());
            removed.blobs += 1;
            fs::remove_file(&path).map_err(Error::write(&path))?;
        }
        if leftovers {
            for folder in [blobs, self.notes()] {
                removed.bytes += drop_leftovers(&folder)?;
            }
        }
        Ok(removed)
    }
}

impl Cache {
    /// Removes what nothing uses: blobs that no snapshot shows, and parts of downloads that were interrupted. Not
    /// while somebody fetches into the cache: they would fetch again what goes here.
    ///
    /// # Errors
    /// A file that cannot be removed.
    pub fn clean(&self) -> Result<Removed, Error> {
        let mut sum = Removed::default();
        for repository in self.repositories()? {
            let removed = repository.drop_unused(true)?;
            sum.blobs += removed.blobs;
            sum.bytes += removed.bytes;
        }
        Ok(sum)
    }
}

/// Removes what is under construction in a folder; gives its bytes.
fn drop_leftovers(folder: &Path) -> Result<u64, Error> {
    let mut bytes = 0;
    for (name, is_folder) in names_in(folder)?.into_iter().filter(|(name, _)| is_leftover(name)) {
        let path = folder.join(name);
        let size = |name: &String| fs::symlink_metadata(path.join(name)).map_or(0, |found| found.len());
        if is_folder {
            bytes += files_below(&path, 3)?.iter().map(size).sum::<u64>();
            fs::remove_dir_all(&path).map_err(Error::write(&path))?;
        } else {
            bytes += fs::symlink_metadata(&path).map_or(0, |found| found.len());
            fs::remove_file(&path).map_err(Error::write(&path))?;
        }
    }
    Ok(bytes)
}

/// Parts and rooms of downloads, and files that were fetched before their hash was known.
fn is_leftover(name: &str) -> bool {
    name.starts_with(TEMPORARY) || name.starts_with("fetch-")
}

fn drop_folder(path: &Path) -> Result<(), Error> {
    remove_folder(path).map_err(|failure| {
        let cause = std::io::Error::other(failure.chain());
        Error::Write { path: path.to_path_buf(), cause }
    })
}
