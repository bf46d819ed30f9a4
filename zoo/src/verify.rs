//! Whether a model folder is whole: every file that its manifest lists is there with the size and
//! hash that it states. Who made it is not asked.
#![deny(clippy::indexing_slicing)]

use std::collections::HashSet;
use std::path::{Component, Path};

use glossa_base::manifest::Manifest;
use glossa_base::{Failure, Outcome};
use serde::Serialize;
use thiserror::Error as ErrorDerive;

use crate::layout;

/// Why a folder is not a whole model folder; hashes that differ are told by the manifest.
#[derive(Debug, ErrorDerive, Clone, PartialEq, Eq)]
pub enum Error {
    /// A name in the manifest leaves the folder or is no plain name.
    #[error("{folder}: the manifest names `{name}`, which is not a file of the folder")]
    Outside {
        /// The folder.
        folder: String,
        /// The name.
        name: String,
    },
    /// The manifest names a file twice.
    #[error("{folder}: the manifest names `{name}` twice")]
    Twice {
        /// The folder.
        folder: String,
        /// The name.
        name: String,
    },
    /// A file is a link, a folder or a device.
    #[error("{folder}: `{name}` is not a regular file")]
    NotAFile {
        /// The folder.
        folder: String,
        /// The name.
        name: String,
    },
    /// The manifest lacks a file without which there is no model.
    #[error("{folder}: the manifest does not list {name}")]
    Missing {
        /// The folder.
        folder: String,
        /// The name.
        name: &'static str,
    },
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let hint = match error {
            Error::Missing { .. } => "check that the folder is a model folder, and make or fetch it again",
            _ => "do not use this folder; fetch it again from a source that you trust",
        };
        Failure::data(error.to_string()).hint(hint)
    }
}

/// What was found whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Number of files that the manifest lists.
    pub files: usize,
    /// Their size together, in bytes.
    pub bytes: u64,
    /// Files and folders beside them that the manifest does not list, sorted; nobody vouches for
    /// these.
    pub unlisted: Vec<String>,
}

/// Checks a model folder against its manifest.
///
/// # Errors
/// A missing or damaged file, a manifest that is none, and [`Error`].
pub fn verify(folder: &Path) -> Outcome<Verified> {
    let manifest = Manifest::read(folder)?;
    let shown = folder.display().to_string();
    let mut names = HashSet::new();
    for record in &manifest.outputs {
        check_name(folder, &shown, &record.path)?;
        if !names.insert(record.path.as_str()) {
            return Err(Error::Twice { folder: shown, name: record.path.clone() }.into());
        }
    }
    if !names.contains(layout::CONFIG) {
        return Err(Error::Missing { folder: shown, name: layout::CONFIG }.into());
    }
    if !names.contains(layout::WEIGHTS) && !names.contains(layout::BASELINE) {
        return Err(Error::Missing { folder: shown, name: layout::WEIGHTS }.into());
    }
    manifest.verify(folder)?;
    let bytes = manifest.outputs.iter().map(|record| record.bytes).sum();
    Ok(Verified { files: manifest.outputs.len(), bytes, unlisted: unlisted(folder, &names)? })
}

/// A name must be one plain component, on every system: model folders are flat.
fn check_name(folder: &Path, shown: &str, name: &str) -> Outcome<()> {
    let mut components = Path::new(name).components();
    let one = matches!((components.next(), components.next()), (Some(Component::Normal(_)), None));
    let odd = |letter: char| matches!(letter, '/' | '\\' | ':') || letter.is_control();
    if !one || name.contains(odd) || name == layout::MANIFEST {
        return Err(Error::Outside { folder: shown.to_owned(), name: name.escape_debug().to_string() }.into());
    }
    let path = folder.join(name);
    let found = std::fs::symlink_metadata(&path).map_err(|cause| Failure::io("read", &path, cause))?;
    if !found.is_file() {
        return Err(Error::NotAFile { folder: shown.to_owned(), name: name.to_owned() }.into());
    }
    Ok(())
}

fn unlisted(folder: &Path, names: &HashSet<&str>) -> Outcome<Vec<String>> {
    let failed = |cause| Failure::io("read", folder, cause);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
        if name != layout::MANIFEST && !names.contains(name.as_str()) {
            found.push(name);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model_folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(layout::CONFIG), "{}").unwrap();
        std::fs::write(folder.path().join(layout::WEIGHTS), "weights").unwrap();
        Manifest::new("classifier", 0, serde_json::Value::Null).write(folder.path()).unwrap();
        folder
    }

    fn rename_in_manifest(folder: &Path, from: &str, to: &str) {
        let path = folder.join(layout::MANIFEST);
        let mut manifest: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        for record in manifest.get_mut("outputs").unwrap().as_array_mut().unwrap() {
            if record["path"] == from {
                record["path"] = serde_json::json!(to);
            }
        }
        std::fs::write(&path, manifest.to_string()).unwrap();
    }

    #[test]
    fn a_whole_folder_passes_and_strangers_are_named() {
        let folder = model_folder();
        std::fs::write(folder.path().join("notes.txt"), "x").unwrap();
        let verified = verify(folder.path()).unwrap();
        assert_eq!(verified, Verified { files: 2, bytes: 9, unlisted: vec!["notes.txt".to_owned()] });
    }

    #[test]
    fn each_damaged_or_missing_file_is_named() {
        type Damage = fn(&Path);
        let cases: [(Damage, &str); 5] = [
            (|folder| std::fs::write(folder.join(layout::WEIGHTS), "weight").unwrap(), "model.safetensors is damaged"),
            (|folder| std::fs::write(folder.join(layout::WEIGHTS), "Weights").unwrap(), "model.safetensors is damaged"),
            (|folder| std::fs::remove_file(folder.join(layout::WEIGHTS)).unwrap(), "cannot read"),
            (|folder| std::fs::remove_file(folder.join(layout::MANIFEST)).unwrap(), "cannot read"),
            (|folder| std::fs::write(folder.join(layout::MANIFEST), "{").unwrap(), "is not a manifest"),
        ];
        for (damage, expected) in cases {
            let folder = model_folder();
            damage(folder.path());
            let failure = verify(folder.path()).unwrap_err();
            assert!(failure.message.contains(expected), "{}", failure.message);
        }
    }

    #[test]
    fn names_stay_in_the_folder() {
        let names = [
            "../x",
            "/etc/hostname",
            "a/../../x",
            "a/b",
            "",
            ".",
            "..",
            "C:\\x",
            "..\\x",
            "c:x",
            "a\0",
            "a\n",
            "./config.json",
        ];
        for name in names {
            let folder = model_folder();
            rename_in_manifest(folder.path(), layout::WEIGHTS, name);
            let failure = verify(folder.path()).unwrap_err();
            assert!(failure.message.contains("not a file of the folder"), "{name:?}: {}", failure.message);
        }
    }

    #[test]
    fn a_manifest_without_a_model_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        Manifest::new("classifier", 0, serde_json::Value::Null).write(folder.path()).unwrap();
        assert!(verify(folder.path()).unwrap_err().message.contains("does not list config.json"));
        let folder = model_folder();
        rename_in_manifest(folder.path(), layout::WEIGHTS, layout::CONFIG);
        assert!(verify(folder.path()).unwrap_err().message.contains("twice"));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_refused() {
        let folder = model_folder();
        let path = folder.path().join(layout::WEIGHTS);
        let elsewhere = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(elsewhere.path(), "weights").unwrap();
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), &path).unwrap();
        assert!(verify(folder.path()).unwrap_err().message.contains("not a regular file"));
    }
}
