//! How much room a disk has left, for messages and for what is better not begun.

use std::path::Path;

/// Bytes that this user may still write on the disk that holds a path; the path itself need not be there yet.
/// `None` where the system does not tell. The number is the system's own (statvfs) and may change at any time.
pub fn free_bytes(path: &Path) -> Option<u64> {
    // A relative path has an empty last ancestor: the folder one stands in.
    let there = path.ancestors().map(|path| if path.as_os_str().is_empty() { Path::new(".") } else { path });
    there.into_iter().find(|path| path.exists()).and_then(of_folder)
}

#[cfg(unix)]
fn of_folder(path: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(path).ok()?;
    found.f_bavail.checked_mul(found.f_frsize)
}

#[cfg(not(unix))]
fn of_folder(_path: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_disk_has_some_room_and_what_is_not_there_yet_is_on_one() {
        let folder = tempfile::tempdir().unwrap();
        let here = free_bytes(folder.path()).unwrap();
        assert!(here > 0);
        assert!(free_bytes(&folder.path().join("a/b/c")).is_some());
        assert!(free_bytes(Path::new("not-there")).is_some());
    }
}
