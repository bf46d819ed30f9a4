//! What a run leaves of each stage: with which settings and from what it was made, and what came of it. A
//! stage is done when its marker says so and still holds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use glossa_base::atomic::write_file;
use glossa_base::manifest::{FILE_NAME, FileRecord, Manifest};
use glossa_base::{Failure, Outcome, TOOL_VERSION, hash};
use serde::{Deserialize, Serialize};

use super::hashes::look;
use crate::plan::{Plan, Stage};

/// The version of the format.
const FORMAT: u32 = 1;
/// The folder of markers, below a run's.
const FOLDER: &str = "stages";

/// Settings by their paths.
pub(super) type Settings = BTreeMap<String, serde_json::Value>;

/// The record of a stage that was done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Marker {
    format: u32,
    /// Version of the tool that did it.
    pub(super) tool_version: String,
    pub(super) settings: Settings,
    pub(super) seed: u64,
    /// Hashes of what it was made from: files by path, stages by name.
    pub(super) sources: BTreeMap<String, String>,
    /// Where the output lies, below the run's folder.
    pub(super) place: PathBuf,
    /// The files of the output, by name.
    pub(super) outputs: BTreeMap<String, Output>,
    /// One hash of all outputs.
    pub(super) sha256: String,
    pub(super) seconds: f64,
    /// Figures worth telling.
    pub(super) summary: serde_json::Value,
}

/// A file of an output.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Output {
    pub(super) bytes: u64,
    pub(super) modified: u128,
    pub(super) sha256: String,
}

/// What a stage has made.
pub(super) struct Made {
    /// The folder or file, below the run's folder.
    pub(super) place: PathBuf,
    /// Figures worth telling.
    pub(super) summary: serde_json::Value,
}

fn path(root: &Path, id: &str, ending: &str) -> PathBuf {
    root.join(FOLDER).join(format!("{}.{ending}", id.replace('/', "+")))
}

/// Hashes of all that a stage is made from.
pub(super) fn sources(plan: &Plan, stage: &Stage, root: &Path) -> Outcome<BTreeMap<String, String>> {
    let mut sources: BTreeMap<String, String> =
        stage.inputs.iter().map(|input| (input.path.clone(), input.sha256.clone())).collect();
    for id in stage.after.iter().filter(|id| plan.stage(id).is_some()) {
        let marker = Marker::read(root, id)?.ok_or_else(|| Failure::data(format!("{id} is not done")))?;
        sources.insert(id.clone(), marker.sha256);
    }
    Ok(sources)
}

impl Marker {
    /// The marker of a stage whose output lies in its place.
    pub(super) fn of(
        stage: &Stage,
        sources: BTreeMap<String, String>,
        made: &Made,
        root: &Path,
        seconds: f64,
    ) -> Outcome<Self> {
        let outputs = outputs(&root.join(&made.place))?;
        let text: Vec<String> = outputs
            .iter()
            .filter(|(name, _)| *name != FILE_NAME)
            .map(|(name, output)| format!("{name} {}", output.sha256))
            .collect();
        Ok(Marker {
            format: FORMAT,
            tool_version: TOOL_VERSION.to_owned(),
            settings: stage.work.settings()?,
            seed: stage.seed,
            sources,
            place: made.place.clone(),
            outputs,
            sha256: hash::sha256_hex(text.join("\n").as_bytes()),
            seconds,
            summary: made.summary.clone(),
        })
    }

    pub(super) fn write(&self, root: &Path, id: &str) -> Outcome<()> {
        write(self, &path(root, id, "json"))
    }

    /// The marker of a stage; `None` where there is none, or none of this format.
    pub(super) fn read(root: &Path, id: &str) -> Outcome<Option<Self>> {
        let Ok(bytes) = std::fs::read(path(root, id, "json")) else { return Ok(None) };
        let marker: Option<Marker> = serde_json::from_slice(&bytes).ok();
        Ok(marker.filter(|marker| marker.format == FORMAT))
    }

    pub(super) fn remove(root: &Path, id: &str) -> Outcome<()> {
        let path = path(root, id, "json");
        match std::fs::remove_file(&path) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err(Failure::io("remove", &path, cause)),
            _ => Ok(()),
        }
    }

    /// The first file of the output that is gone or is not what was made; files whose size and time are the
    /// same are not read.
    pub(super) fn broken(&self, root: &Path) -> Outcome<Option<Broken>> {
        let folder = root.join(&self.place);
        for (name, output) in &self.outputs {
            let file = if name.is_empty() { folder.clone() } else { folder.join(name) };
            if !file.is_file() {
                return Ok(Some(Broken::Gone));
            }
            let (bytes, modified) = look(&file)?;
            let touched = bytes != output.bytes || modified != output.modified;
            if touched && (bytes != output.bytes || hash::sha256_file(&file)? != output.sha256) {
                return Ok(Some(Broken::Changed(file.display().to_string())));
            }
        }
        Ok(None)
    }
}

/// What is wrong with an output.
pub(super) enum Broken {
    /// A file is not there.
    Gone,
    /// A file is another one.
    Changed(String),
}

/// The files of an output: those of a folder's manifest and the manifest, or the one file, without a name.
fn outputs(place: &Path) -> Outcome<BTreeMap<String, Output>> {
    let output = |file: &Path, sha256: String| -> Outcome<Output> {
        let (bytes, modified) = look(file)?;
        Ok(Output { bytes, modified, sha256 })
    };
    if place.is_file() {
        return Ok(BTreeMap::from([(String::new(), output(place, hash::sha256_file(place)?)?)]));
    }
    let manifest = place.join(FILE_NAME);
    let files: Vec<FileRecord> = match manifest.is_file() {
        true => Manifest::read(place)?.outputs,
        false => listed(place)?,
    };
    let mut outputs = BTreeMap::new();
    for file in files {
        outputs.insert(file.path.clone(), output(&place.join(&file.path), file.sha256)?);
    }
    if manifest.is_file() {
        outputs.insert(FILE_NAME.to_owned(), output(&manifest, hash::sha256_file(&manifest)?)?);
    }
    Ok(outputs)
}

/// The files of a folder without a manifest, such as a fetched dump's.
fn listed(folder: &Path) -> Outcome<Vec<FileRecord>> {
    let failed = |cause| Failure::io("read", folder, cause);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_file() && !name.starts_with('.') {
            files.push(FileRecord::of(&path, &name)?);
        }
    }
    Ok(files)
}

/// What a stage began with: its checkpoints are good for this alone.
#[derive(PartialEq, Serialize, Deserialize)]
pub(super) struct Begun {
    tool_version: String,
    settings: Settings,
    seed: u64,
    sources: BTreeMap<String, String>,
}

impl Begun {
    pub(super) fn of(stage: &Stage, sources: &BTreeMap<String, String>) -> Outcome<Self> {
        let (tool_version, sources) = (TOOL_VERSION.to_owned(), sources.clone());
        Ok(Begun { tool_version, settings: stage.work.settings()?, seed: stage.seed, sources })
    }

    /// Whether the last beginning of the stage was this one.
    pub(super) fn is_written(&self, root: &Path, id: &str) -> bool {
        let bytes = std::fs::read(path(root, id, "begun")).unwrap_or_default();
        serde_json::from_slice::<Begun>(&bytes).is_ok_and(|former| former == *self)
    }

    pub(super) fn write(&self, root: &Path, id: &str) -> Outcome<()> {
        write(self, &path(root, id, "begun"))
    }
}

fn write<T: Serialize>(value: &T, path: &Path) -> Outcome<()> {
    let text = serde_json::to_vec_pretty(value)
        .map_err(|cause| Failure::data(format!("cannot write {}", path.display())).because(cause))?;
    write_file(path, &text)
}
