//! The entries of an archive as the files of a folder.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::{Archive, Entry, Limits};
use crate::atomic::WholeFolder;
use crate::manifest::FileRecord;
use crate::{Failure, Outcome, hash};

/// Writes the plain files of an archive into a folder under construction, and gives what was written, in the
/// order of the archive. Nothing is there until the caller has looked at it and commits the folder.
///
/// # Errors
/// An archive that is refused ([`super::Error`]), a file that is already in the folder, a disk that is full.
/// The folder is then to be dropped.
pub fn extract(archive: &Path, into: &WholeFolder, limits: &Limits) -> Outcome<Vec<FileRecord>> {
    Archive::open(archive, limits)?.map(|entry| write(entry?, into.path())).collect()
}

fn write(mut entry: Entry, folder: &Path) -> Outcome<FileRecord> {
    let path = folder.join(&entry.name);
    let failed = |cause| Failure::io("write", &path, cause);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    let mut file = File::options().write(true).create_new(true).open(&path).map_err(failed)?;
    let (mut hasher, mut block, mut bytes) = (Sha256::new(), vec![0; 1 << 16], 0);
    loop {
        let read = match entry.read(&mut block) {
            Ok(0) => break,
            Ok(read) => block.get(..read).unwrap_or_default(),
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => continue,
            Err(cause) => return Err(super::Error::reading(&entry.name, cause).into()),
        };
        hasher.update(read);
        file.write_all(read).map_err(failed)?;
        bytes += read.len() as u64;
    }
    file.sync_all().map_err(failed)?;
    Ok(FileRecord { path: entry.name, bytes, sha256: hash::hex(&hasher.finalize()) })
}
