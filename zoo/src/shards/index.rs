//! The index of a model in several files, `{"metadata": {"total_size": N}, "weight_map": {"tensor": "file"}}`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::error::Error;
use super::header::check_safetensors;
use super::json::Entries;
use crate::dtype::shown;
use crate::pickle::check_state_dict;

/// Longest index. That of a model with 100,000 tensors has ten million bytes.
const LONGEST: u64 = 32 << 20;

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    metadata: Metadata,
    weight_map: Entries<String>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    total_size: Option<f64>,
}

/// The files of an index, checked against it.
pub(super) fn files(folder: &Path, path: &Path) -> Result<Vec<PathBuf>, Error> {
    let index = read(path)?;
    let mut shards: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (tensor, file) in &index.weight_map.0 {
        shards.entry(file).or_default().insert(tensor);
    }
    let refuse = |reason: String| Error::Index { file: path.display().to_string(), reason };
    if shards.is_empty() {
        return Err(refuse("names no tensor".to_owned()));
    }
    // All are looked for before the first is opened, which may take long.
    for file in shards.keys() {
        if !is_plain(file) {
            return Err(refuse(format!("names `{}`, which is no file of the folder", shown(file))));
        }
        if !folder.join(file).is_file() {
            return Err(refuse(format!("names {file}, which is not there")));
        }
    }
    let (mut found, mut total) = (Vec::new(), 0_u64);
    for (file, wanted) in &shards {
        let shard = folder.join(file);
        total = total.saturating_add(check_shard(path, file, &shard, wanted)?);
        found.push(shard);
    }
    match index.metadata.total_size {
        // What several tensors of a file of torch share is counted in one way or another.
        Some(size) if path.ends_with(super::SAFETENSORS_INDEX) && size != total as f64 => {
            Err(refuse(format!("states {size} bytes in all, the files have {total}")))
        }
        _ => Ok(found),
    }
}

fn read(path: &Path) -> Result<Index, Error> {
    let failed = |cause| Error::reading(path, cause);
    let refuse = |reason: String| Error::Index { file: path.display().to_string(), reason };
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(LONGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LONGEST {
        return Err(refuse(format!("more than {LONGEST} bytes")));
    }
    serde_json::from_slice(&bytes).map_err(|cause| refuse(format!("no index of weights: {cause}")))
}

/// One component that means the same on every system.
fn is_plain(name: &str) -> bool {
    let mut components = Path::new(name).components();
    let is_one = matches!((components.next(), components.next()), (Some(Component::Normal(_)), None));
    let is_odd = |letter: char| matches!(letter, '/' | '\\' | ':') || letter.is_control();
    is_one && !name.contains(is_odd) && name.len() <= 255
}

/// Compares the names of the index with those of a file; gives the bytes of its tensors.
fn check_shard(index: &Path, file: &str, shard: &Path, wanted: &BTreeSet<&str>) -> Result<u64, Error> {
    let (names, bytes): (BTreeSet<String>, u64) = if index.ends_with(super::SAFETENSORS_INDEX) {
        let entries = check_safetensors(shard)?;
        let bytes = entries.iter().map(|entry| entry.end - entry.begin).sum();
        (entries.into_iter().map(|entry| entry.name).collect(), bytes)
    } else {
        let survey = check_state_dict(shard)?;
        (survey.tensors.into_iter().map(|tensor| tensor.name).collect(), 0)
    };
    let refuse = |reason: &'static str, tensors: Vec<&str>| Error::Names {
        index: index.display().to_string(),
        shard: file.to_owned(),
        reason,
        tensors: listed(&tensors),
    };
    let missing: Vec<&str> = wanted.iter().copied().filter(|name| !names.contains(*name)).collect();
    if !missing.is_empty() {
        return Err(refuse("lacks tensors", missing));
    }
    let surplus: Vec<&str> = names.iter().map(String::as_str).filter(|name| !wanted.contains(name)).collect();
    if !surplus.is_empty() {
        return Err(refuse("has tensors that the index has elsewhere or not at all", surplus));
    }
    Ok(bytes)
}

fn listed(names: &[&str]) -> String {
    let mut shown: Vec<String> = names.iter().take(10).map(|name| shown(name)).collect();
    if names.len() > shown.len() {
        shown.push(format!("and {} more", names.len() - shown.len()));
    }
    shown.join(", ")
}
