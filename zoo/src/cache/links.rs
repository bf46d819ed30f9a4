//! Files of a snapshot: relative links to blobs, as Hugging Face makes them, or copies where a disk or a system
//! refuses links.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use glossa_base::atomic::TEMPORARY;

use super::Error;

/// Makes `place`, which lies so many folders below the snapshot's own, show the blob. The link is made in `room`
/// first, so that the name never shows half a copy, nor nothing where something was.
pub(super) fn link(blob: &Path, place: &Path, depth: usize, room: &Path) -> Result<(), Error> {
    let name = blob.file_name().unwrap_or_default();
    let target: PathBuf = std::iter::repeat_n("..", depth + 2).collect::<PathBuf>().join("blobs").join(name);
    if fs::read_link(place).is_ok_and(|found| found == target) {
        return Ok(());
    }
    let folder = place.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(Error::write(folder))?;
    fs::create_dir_all(room).map_err(Error::write(room))?;
    let room = tempfile::Builder::new().prefix(TEMPORARY).tempdir_in(room).map_err(Error::write(room))?;
    let made = room.path().join("file");
    if symlink(&target, &made).is_err() {
        fs::copy(blob, &made).map_err(Error::write(place))?;
    }
    fs::rename(&made, place).map_err(Error::write(place))
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(windows)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(target, link)
}

#[cfg(not(any(unix, windows)))]
fn symlink(_target: &Path, _link: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn links_are_relative_and_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        fs::create_dir_all(at("blobs")).unwrap();
        fs::write(at("blobs/one"), "1").unwrap();
        fs::write(at("blobs/two"), "2").unwrap();
        for (blob, place, depth, expected) in [
            ("blobs/one", "snapshots/c/x", 0, "../../blobs/one"),
            ("blobs/two", "snapshots/c/x", 0, "../../blobs/two"),
            ("blobs/one", "snapshots/c/a/x", 1, "../../../blobs/one"),
        ] {
            link(&at(blob), &at(place), depth, &at("notes")).unwrap();
            assert_eq!(fs::read_link(at(place)).unwrap(), Path::new(expected));
            assert_eq!(fs::read(at(place)).unwrap(), fs::read(at(blob)).unwrap());
        }
        assert_eq!(fs::read_dir(at("notes")).unwrap().count(), 0);
    }
}
