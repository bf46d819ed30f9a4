//! Where an input comes from: `source.toml` or `source.json` in its folder, written by whoever fetched it.
//! What it says goes into the corpus's manifest; it decides nothing.
#![deny(clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Error;

/// The names under which it may lie beside an input.
const NAMES: [&str; 2] = ["source.toml", "source.json"];

/// The version of its format.
const FORMAT: u32 = 1;

/// A longer file is no such file. (A record of all parts of a large dump is long.)
const LIMIT: u64 = 16 << 20;

/// What is known of an input's origin. Everything but the format may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The version of the file's format.
    pub format: u32,
    /// Where it was fetched from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The date of the data, such as that of a dump.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// SHA-256 of the file that was fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Its licence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// When it was fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetched: Option<String>,
    /// Where there are several files: each by itself. Those that are no inputs are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<ProvenanceFile>,
}

/// One file that was fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvenanceFile {
    /// Its name in the folder.
    pub name: String,
    /// Where it was fetched from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Its SHA-256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// A file of provenance and the inputs beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRecord {
    /// The inputs, as they were given.
    pub inputs: Vec<String>,
    /// What the file says.
    #[serde(flatten)]
    pub provenance: Provenance,
}

/// What lies beside the inputs, in the order of the folders' names.
pub(crate) fn beside(inputs: &[&Path]) -> Result<Vec<SourceRecord>, Error> {
    let mut folders: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
    for input in inputs {
        let folder = input.parent().map(Path::to_path_buf).unwrap_or_default();
        folders.entry(folder).or_default().push(input.display().to_string());
    }
    let mut records = Vec::new();
    for (folder, inputs) in folders {
        for path in NAMES.map(|name| folder.join(name)).into_iter().filter(|path| path.is_file()) {
            let mut provenance = read(&path)?;
            provenance.files.retain(|file| inputs.iter().any(|input| Path::new(input).ends_with(&file.name)));
            records.push(SourceRecord { inputs: inputs.clone(), provenance });
        }
    }
    Ok(records)
}

impl SourceRecord {
    /// What the record states as the hash of an input: that of its name, or of all where there is one.
    pub(crate) fn stated_hash(&self, input: &str) -> Option<&str> {
        if !self.inputs.iter().any(|known| known == input) {
            return None;
        }
        let named = self.provenance.files.iter().find(|file| Path::new(input).ends_with(&file.name));
        let whole = self.provenance.sha256.as_deref().filter(|_| self.inputs.len() == 1);
        named.and_then(|file| file.sha256.as_deref()).or(whole)
    }
}

/// Whether a path is such a file, which is no text of the corpus.
pub(crate) fn is_provenance(path: &Path) -> bool {
    path.file_name().is_some_and(|name| NAMES.iter().any(|known| name == *known))
}

fn read(path: &Path) -> Result<Provenance, Error> {
    let failed = |cause| Error::Read { path: path.to_path_buf(), cause };
    let malformed = |reason: String| Error::Malformed { place: path.display().to_string(), reason };
    if std::fs::metadata(path).map_err(failed)?.len() > LIMIT {
        return Err(malformed(format!("longer than {} KiB", LIMIT >> 10)));
    }
    let text = std::fs::read(path).map_err(failed)?;
    let text = String::from_utf8(text).map_err(|_| Error::InvalidUtf8 { place: path.display().to_string() })?;
    let json = path.extension().is_some_and(|extension| extension == "json");
    let read: Result<Provenance, String> = if json {
        serde_json::from_str(&text).map_err(|cause| cause.to_string())
    } else {
        toml::from_str(&text).map_err(|cause| cause.message().to_owned())
    };
    let provenance = read.map_err(|reason| malformed(reason.replace('\n', ", ")))?;
    if provenance.format != FORMAT {
        return Err(malformed(format!("format {}, this glossa knows {FORMAT}", provenance.format)));
    }
    Ok(provenance)
}
