//! Hashes of files, kept between commands: a file is read again only when its size or time has changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use glossa_base::atomic::write_file;
use glossa_base::manifest::FileRecord;
use glossa_base::{Failure, Outcome, hash};
use serde::{Deserialize, Serialize};

/// The name in the folder of a run.
const FILE_NAME: &str = "hashes.json";
/// The version of the format.
const FORMAT: u32 = 1;

/// Hashes of files by their path.
#[derive(Debug, Default)]
pub struct Hashes {
    place: Option<PathBuf>,
    known: BTreeMap<String, Known>,
    changed: bool,
}

/// A hash, and what the file looked like when it was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    pub(super) bytes: u64,
    pub(super) modified: u128,
    pub(super) sha256: String,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    format: u32,
    files: BTreeMap<String, Known>,
}

impl Hashes {
    /// The hashes that a run has kept; none where there are none, or none of this format: they are taken
    /// again then.
    pub fn open(root: &Path) -> Self {
        let place = root.join(FILE_NAME);
        let kept = std::fs::read(&place).ok().and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok());
        let known = kept.filter(|kept| kept.format == FORMAT).map(|kept| kept.files).unwrap_or_default();
        Hashes { place: Some(place), known, changed: false }
    }

    /// Hashes that are kept nowhere.
    pub fn none() -> Self {
        Hashes::default()
    }

    /// Size and hash of a file.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn record(&mut self, path: &Path) -> Outcome<FileRecord> {
        let name = path.display().to_string();
        let (bytes, modified) = look(path)?;
        let known = self.known.get(&name).filter(|known| known.bytes == bytes && known.modified == modified);
        let sha256 = match known {
            Some(known) => known.sha256.clone(),
            None => {
                let sha256 = hash::sha256_file(path)?;
                self.known.insert(name.clone(), Known { bytes, modified, sha256: sha256.clone() });
                self.changed = true;
                sha256
            }
        };
        Ok(FileRecord { path: name, bytes, sha256 })
    }

    /// Keeps them for the next command, in the folder of the run if that is there.
    ///
    /// # Errors
    /// What the disk says.
    pub fn keep(&self) -> Outcome<()> {
        let Some(place) = self.place.as_ref().filter(|place| self.changed && place.parent().is_some_and(Path::is_dir))
        else {
            return Ok(());
        };
        let kept = Kept { format: FORMAT, files: self.known.clone() };
        let text = serde_json::to_vec(&kept).map_err(|cause| Failure::data("cannot keep the hashes").because(cause))?;
        write_file(place, &text)
    }
}

/// Size of a file and when it was changed, in nanoseconds.
pub(super) fn look(path: &Path) -> Outcome<(u64, u128)> {
    let failed = |cause| Failure::io("read", path, cause);
    let metadata = std::fs::metadata(path).map_err(failed)?;
    let modified = metadata.modified().map_err(failed)?.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    Ok((metadata.len(), modified))
}
