//! Files and folders that are written whole or not at all: a temporary beside the target, flushed
//! to the disk, then renamed over it.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir};

use crate::{Failure, Outcome, fault};

/// What the names of files and folders under construction begin with.
pub const TEMPORARY: &str = ".glossa-";

/// What a folder that this tool made has in it: its manifest.
pub const MANIFEST: &str = "manifest.json";

/// Replaces `path` by `bytes`, whole or not at all.
pub fn write_file(path: &Path, bytes: &[u8]) -> Outcome<()> {
    let mut file = WholeFile::create(path)?;
    file.write_all(bytes).map_err(|cause| Failure::io("write", path, cause))?;
    file.commit()
}

/// A file under construction; nothing is visible at its path before [`WholeFile::commit`].
pub struct WholeFile {
    target: PathBuf,
    writer: BufWriter<NamedTempFile>,
}

impl WholeFile {
    /// Starts a file that will appear at `target`; missing parent folders are made.
    pub fn create(target: &Path) -> Outcome<Self> {
        let folder = parent(target);
        fs::create_dir_all(folder).map_err(|cause| Failure::io("create the folder", folder, cause))?;
        fault::point("file.create").map_err(|cause| Failure::io("write", target, cause))?;
        let temporary = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .tempfile_in(folder)
            .map_err(|cause| Failure::io("write in", folder, cause))?;
        Ok(WholeFile { target: target.to_path_buf(), writer: BufWriter::with_capacity(1 << 16, temporary) })
    }

    /// Flushes to the disk and puts the file in its place.
    pub fn commit(self) -> Outcome<()> {
        let target = self.target;
        let failed = |cause: io::Error| Failure::io("write", &target, cause);
        fault::point("file.write").map_err(failed)?;
        let temporary = self.writer.into_inner().map_err(|cause| failed(cause.into_error()))?;
        fault::point("file.sync").map_err(failed)?;
        temporary.as_file().sync_all().map_err(failed)?;
        open_to_readers(temporary.as_file()).map_err(failed)?;
        fault::point("file.rename").map_err(failed)?;
        temporary.persist(&target).map_err(|cause| failed(cause.error))?;
        sync_folder(parent(&target));
        Ok(())
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// A folder under construction; it takes its name, replacing a former one, at
/// [`WholeFolder::commit`]. Dropped before that, it leaves nothing behind.
pub struct WholeFolder {
    target: PathBuf,
    temporary: TempDir,
}

impl WholeFolder {
    /// Starts a folder that will appear at `target`.
    pub fn create(target: &Path) -> Outcome<Self> {
        let folder = parent(target);
        if target.is_file() {
            return Err(Failure::data(format!("{} is a file, a folder is to be written there", target.display()))
                .hint("choose another --out"));
        }
        fs::create_dir_all(folder).map_err(|cause| Failure::io("create the folder", folder, cause))?;
        fault::point("folder.create").map_err(|cause| Failure::io("write", target, cause))?;
        let temporary = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .tempdir_in(folder)
            .map_err(|cause| Failure::io("write in", folder, cause))?;
        Ok(WholeFolder { target: target.to_path_buf(), temporary })
    }

    /// Where to write meanwhile.
    pub fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// Where it will appear.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Puts the folder in its place. A former folder of that name is removed, unless it holds
    /// files that this tool did not write (no manifest): that is refused.
    pub fn commit(self) -> Outcome<()> {
        let target = self.target;
        let failed = |cause: io::Error| Failure::io("write", &target, cause);
        open_folder_to_readers(self.temporary.path()).map_err(failed)?;
        sync_folder(self.temporary.path());
        fault::point("folder.rename").map_err(failed)?;
        if target.exists() {
            refuse_foreign(&target)?;
            let former = self.temporary.path().with_extension("former");
            fs::rename(&target, &former).map_err(failed)?;
            fault::point("folder.replace").map_err(failed)?;
            fs::rename(self.temporary.path(), &target).map_err(failed)?;
            fault::point("folder.former").map_err(failed)?;
            fs::remove_dir_all(&former).map_err(failed)?;
        } else {
            fs::rename(self.temporary.path(), &target).map_err(failed)?;
        }
        let _moved = self.temporary.keep();
        fault::point("folder.sync").map_err(failed)?;
        sync_folder(parent(&target));
        Ok(())
    }
}

/// Removes a folder; where that is interrupted, no part of it remains under its name.
pub fn remove_folder(path: &Path) -> Outcome<()> {
    let failed = |cause: io::Error| Failure::io("remove", path, cause);
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let aside = parent(path).join(format!("{TEMPORARY}removed-{name}"));
    fault::point("remove.rename").map_err(failed)?;
    if aside.is_dir() {
        fs::remove_dir_all(&aside).map_err(failed)?;
    }
    fs::rename(path, &aside).map_err(failed)?;
    fault::point("remove.delete").map_err(failed)?;
    fs::remove_dir_all(&aside).map_err(failed)
}

/// Removes what interrupted writes left in a folder that belongs to one process.
pub fn remove_leftovers(folder: &Path) -> Outcome<()> {
    let failed = |cause: io::Error| Failure::io("clean", folder, cause);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
            continue;
        }
        if entry.file_type().map_err(failed)?.is_dir() {
            fs::remove_dir_all(entry.path()).map_err(failed)?;
        } else {
            fs::remove_file(entry.path()).map_err(failed)?;
        }
    }
    Ok(())
}

/// A folder that this tool made carries a manifest; an empty one belongs to nobody.
fn refuse_foreign(target: &Path) -> Outcome<()> {
    let mut entries = fs::read_dir(target).map_err(|cause| Failure::io("read", target, cause))?;
    if entries.next().is_none() || target.join(MANIFEST).is_file() {
        return Ok(());
    }
    Err(Failure::data(format!("{} holds files that glossa did not write", target.display()))
        .hint("choose another --out, or empty that folder yourself"))
}

pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A rename survives a crash once its folder is on the disk; a file system that cannot do that
/// still has the right file.
pub(crate) fn sync_folder(folder: &Path) {
    if let Ok(handle) = File::open(folder) {
        let _ = handle.sync_all();
    }
}

/// Temporaries are private; what the user asked for is readable as usual.
#[cfg(unix)]
fn open_to_readers(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn open_to_readers(_file: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn open_folder_to_readers(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn open_folder_to_readers(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_only_when_committed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b.txt");
        let mut file = WholeFile::create(&path).unwrap();
        file.write_all(b"half").unwrap();
        drop(file);
        assert!(!path.exists());
        assert_eq!(fs::read_dir(folder.path().join("a")).unwrap().count(), 0);
        write_file(&path, b"whole").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
    }

    #[test]
    fn a_folder_replaces_only_its_own_kind() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("model");
        for text in ["one", "two"] {
            let folder = WholeFolder::create(&target).unwrap();
            fs::write(folder.path().join("x"), text).unwrap();
            fs::write(folder.path().join(MANIFEST), "{}").unwrap();
            folder.commit().unwrap();
        }
        assert_eq!(fs::read_to_string(target.join("x")).unwrap(), "two");
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
        fs::remove_file(target.join(MANIFEST)).unwrap();
        let refused = WholeFolder::create(&target).unwrap().commit().unwrap_err();
        assert!(refused.message.contains("did not write"));
        assert_eq!(fs::read_to_string(target.join("x")).unwrap(), "two");
    }
}
