//! Brings what anyone may download of a task into its folder: files with their known checksums, archives unpacked.
//! How connections are made is the caller's choice.

use std::fs;
use std::path::{Path, PathBuf};

use glossa_base::atomic::WholeFolder;
use glossa_base::download::{Algorithm, Checksum, Downloader, Wanted, Watch};
use glossa_base::unpack::{Limits, extract, is_archive};
use glossa_base::{Failure, Outcome};

use super::{Chosen, Fetch};
use crate::Error;

/// The largest download, in bytes.
const LIMIT: u64 = 1 << 33;

/// Where archives are kept below the task's folder, so that they are not fetched again.
const ARCHIVES: &str = "archives";

impl Chosen {
    /// Downloads the task's files into its folder, and gives where they are. What is there already and has its known
    /// checksum is not fetched again; an archive is not unpacked over files that are there.
    ///
    /// # Errors
    /// [`Error::NothingToFetch`] with how to obtain the data, for a task that may not be downloaded; what the
    /// network, the archive or the disk says.
    pub fn fetch(&self, folder: &Path, downloader: &Downloader, watch: Watch<'_>) -> Outcome<Vec<PathBuf>> {
        let fetches = self.fetches();
        if fetches.is_empty() {
            let obtain = self.task.obtain.trim().to_owned();
            return Err(Error::NothingToFetch { task: self.name(), obtain }.into());
        }
        let mut places = Vec::new();
        for fetch in fetches {
            let place = folder.join(&fetch.file);
            if fetch.unpack {
                self.fetch_archive(folder, &fetch, downloader, watch)?;
            } else {
                let known = fetch.sha256.as_ref().or_else(|| self.task.checksum.get(&fetch.file));
                downloader.fetch(&wanted(&fetch, known)?, &place, watch)?;
            }
            places.push(place);
        }
        Ok(places)
    }

    fn fetch_archive(&self, folder: &Path, fetch: &Fetch, downloader: &Downloader, watch: Watch<'_>) -> Outcome<()> {
        let name = fetch.url.rsplit('/').next().unwrap_or_default();
        if !is_archive(name) {
            let problem = format!("{} names no archive", fetch.url);
            return Err(Error::Task { place: self.name(), problem, meant: None }.into());
        }
        let archive = folder.join(ARCHIVES).join(name);
        downloader.fetch(&wanted(fetch, fetch.sha256.as_ref())?, &archive, watch)?;
        let target = folder.join(&fetch.file);
        watch.progress.line(&format!("unpacking {name}"));
        let unpacked = WholeFolder::create(&folder.join(ARCHIVES).join("unpacked"))?;
        extract(&archive, &unpacked, &Limits::default())?;
        place(unpacked.path(), &target)
    }
}

fn wanted(fetch: &Fetch, sha256: Option<&String>) -> Outcome<Wanted> {
    let checksum = sha256.map(|digest| Checksum::new(Algorithm::Sha256, digest)).transpose()?;
    Ok(Wanted { checksum, ..Wanted::new(fetch.url.as_str(), LIMIT) })
}

/// Moves what was unpacked into its place, entry by entry; an entry that is there already stays as it is.
fn place(unpacked: &Path, target: &Path) -> Outcome<()> {
    let failed = |cause| Failure::io("write", target, cause);
    fs::create_dir_all(target).map_err(failed)?;
    for entry in fs::read_dir(unpacked).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let place = target.join(entry.file_name());
        if !place.exists() {
            fs::rename(entry.path(), &place).map_err(failed)?;
        }
    }
    Ok(())
}
