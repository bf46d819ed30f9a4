//! What stands beside everything that a stage makes: what went in (with hashes), the resolved
//! configuration, the tool's version, the seed, and what came out (with hashes).

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Failure, Outcome, TOOL_VERSION, atomic, hash};

/// The manifest's name in a stage's folder.
pub const FILE_NAME: &str = atomic::MANIFEST;

/// The version of the manifest's own format.
pub const FORMAT: u32 = 1;

/// A file with its size and hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Name, relative to the folder for outputs, as the user gave it for inputs.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

impl FileRecord {
    /// Hashes a file and records it under a name.
    pub fn of(path: &Path, name: &str) -> Outcome<Self> {
        let bytes = std::fs::metadata(path).map_err(|cause| Failure::io("read", path, cause))?.len();
        Ok(FileRecord { path: name.to_owned(), bytes, sha256: hash::sha256_file(path)? })
    }
}

/// The record of one stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this format.
    pub format: u32,
    /// What made the folder, such as `corpus` or `language-model`.
    pub stage: String,
    /// Version of the tool that made it.
    pub tool_version: String,
    /// The seed of all randomness in it.
    pub seed: u64,
    /// The resolved configuration.
    pub config: serde_json::Value,
    /// What it was made from.
    pub inputs: Vec<FileRecord>,
    /// What it consists of, the manifest itself excepted.
    pub outputs: Vec<FileRecord>,
    /// Counts and results worth knowing without opening the files.
    #[serde(default)]
    pub summary: serde_json::Value,
}

impl Manifest {
    /// A manifest without files yet.
    pub fn new(stage: &str, seed: u64, config: serde_json::Value) -> Self {
        Manifest {
            format: FORMAT,
            stage: stage.to_owned(),
            tool_version: TOOL_VERSION.to_owned(),
            seed,
            config,
            inputs: Vec::new(),
            outputs: Vec::new(),
            summary: serde_json::Value::Null,
        }
    }

    /// Records every file of `folder` (by name, sorted) and writes the manifest there, last.
    pub fn write(mut self, folder: &Path) -> Outcome<()> {
        let failed = |cause| Failure::io("read", folder, cause);
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name != FILE_NAME && entry.path().is_file() {
                names.push(name);
            }
        }
        names.sort();
        self.outputs = names.iter().map(|name| FileRecord::of(&folder.join(name), name)).collect::<Outcome<_>>()?;
        let text = serde_json::to_vec_pretty(&self)
            .map_err(|cause| Failure::data("cannot write a manifest").because(cause))?;
        atomic::write_file(&folder.join(FILE_NAME), &text)
    }

    /// Reads the manifest of a folder; a newer format is refused.
    pub fn read(folder: &Path) -> Outcome<Self> {
        let path = folder.join(FILE_NAME);
        let bytes = std::fs::read(&path).map_err(|cause| Failure::io("read", &path, cause))?;
        let manifest: Manifest = serde_json::from_slice(&bytes)
            .map_err(|cause| Failure::data(format!("{} is not a manifest", path.display())).because(cause))?;
        if manifest.format > FORMAT {
            return Err(Failure::data(format!(
                "{} has format {}, this glossa knows {FORMAT}",
                path.display(),
                manifest.format
            ))
            .hint("use a newer glossa"));
        }
        Ok(manifest)
    }

    /// Checks that every recorded output is there, whole.
    pub fn verify(&self, folder: &Path) -> Outcome<()> {
        for record in &self.outputs {
            let path = folder.join(&record.path);
            let found = FileRecord::of(&path, &record.path)?;
            if found != *record {
                return Err(Failure::data(format!(
                    "{} is damaged: {} bytes with sha256 {}, expected {} bytes with {}",
                    path.display(),
                    found.bytes,
                    found.sha256,
                    record.bytes,
                    record.sha256
                ))
                .hint("make or fetch the folder again"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_output_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), "text").unwrap();
        Manifest::new("test", 1, serde_json::json!({"k": 1})).write(folder.path()).unwrap();
        let manifest = Manifest::read(folder.path()).unwrap();
        assert_eq!(manifest.outputs.len(), 1);
        manifest.verify(folder.path()).unwrap();
        std::fs::write(folder.path().join("a"), "texT").unwrap();
        assert!(manifest.verify(folder.path()).unwrap_err().message.contains("damaged"));
    }

    #[test]
    fn a_newer_format_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut manifest = Manifest::new("test", 1, serde_json::Value::Null);
        manifest.format = 99;
        manifest.write(folder.path()).unwrap();
        assert!(Manifest::read(folder.path()).unwrap_err().message.contains("format 99"));
    }
}
