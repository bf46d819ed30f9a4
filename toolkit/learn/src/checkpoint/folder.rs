//! Checkpoints on the disk: one folder each, whole or not at all, with the hash of every file.
//!
//! `RUN/step-0000000500-anchor/` holds `state.toml` (values), `tensors.safetensors` and `manifest.json`;
//! `RUN/run.toml` says which run it is, so that another one never goes on from it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::{DType, TensorData};
use glossa_base::atomic::{self, WholeFolder};
use glossa_base::manifest::Manifest;
use glossa_base::{Failure, Outcome, Progress};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use crate::Error;
use crate::snapshot::Snapshot;

/// The version of the checkpoints' format.
pub const FORMAT: u32 = 1;

const STAGE: &str = "checkpoint";
const RUN: &str = "run.toml";
const STATE: &str = "state.toml";
const TENSORS: &str = "tensors.safetensors";
const ANCHOR: &str = "-anchor";

/// The checkpoints of one run.
#[derive(Debug, Clone)]
pub struct CheckpointFolder {
    path: PathBuf,
}

/// What tells one run from another: the recipe, the seed, the hashes of what it reads.
pub type RunIdentity = BTreeMap<String, String>;

fn unusable(path: &Path, problem: impl ToString) -> Error {
    Error::Checkpoint { path: path.display().to_string(), problem: problem.to_string() }
}

impl CheckpointFolder {
    /// The checkpoints in a folder, which is made where there is none; with `restart`, former ones are
    /// removed.
    ///
    /// # Errors
    /// A folder that cannot be written, or that holds the checkpoints of another run.
    pub fn open(path: &Path, run: &RunIdentity, restart: bool) -> Outcome<Self> {
        let folder = CheckpointFolder { path: path.to_path_buf() };
        let named = path.join(RUN);
        if restart {
            folder.remove()?;
        }
        if named.is_file() {
            folder.compare(&named, run)?;
        } else {
            folder.refuse_foreign()?;
            let text = toml::to_string_pretty(run).map_err(|cause| unusable(&named, cause))?;
            atomic::write_file(&named, text.as_bytes())?;
        }
        Ok(folder)
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it with all its checkpoints; a folder that is not ours stays.
    ///
    /// # Errors
    /// A folder that cannot be removed.
    pub fn remove(&self) -> Outcome<()> {
        if !self.path.is_dir() {
            return Ok(());
        }
        if !self.path.join(RUN).is_file() {
            return self.refuse_foreign();
        }
        atomic::remove_folder(&self.path)
    }

    fn refuse_foreign(&self) -> Outcome<()> {
        let Ok(mut entries) = std::fs::read_dir(&self.path) else { return Ok(()) };
        // A run that was killed as it began leaves the temporary of its first file.
        let foreign = entries
            .any(|entry| !entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with(atomic::TEMPORARY)));
        if foreign { Err(unusable(&self.path, "holds files that glossa did not write").into()) } else { Ok(()) }
    }

    fn compare(&self, named: &Path, run: &RunIdentity) -> Outcome<()> {
        let text = std::fs::read_to_string(named).map_err(|cause| Failure::io("read", named, cause))?;
        let found: RunIdentity = toml::from_str(&text).map_err(|cause| unusable(named, cause))?;
        let different = found.keys().chain(run.keys()).find(|key| found.get(*key) != run.get(*key));
        let Some(key) = different else { return Ok(()) };
        let (before, now) = first_difference(found.get(key), run.get(key));
        let difference = format!("{key} was {before} and is {now}");
        Err(Error::OtherRun { path: self.path.display().to_string(), difference }.into())
    }

    /// Writes a checkpoint and removes those that are not needed any more.
    ///
    /// # Errors
    /// A value that is not finite, a full disk; the former checkpoints are then untouched.
    pub fn save(&self, step: usize, anchor: bool, snapshot: &Snapshot) -> Outcome<()> {
        let target = self.path.join(format!("step-{step:010}{}", if anchor { ANCHOR } else { "" }));
        if let Some(name) = snapshot.not_finite() {
            return Err(unusable(&target, format!("`{name}` is not finite; it was not written")).into());
        }
        let folder = WholeFolder::create(&target)?;
        let state = toml::to_string(&snapshot.values).map_err(|cause| unusable(&target, cause))?;
        atomic::write_file(&folder.path().join(STATE), state.as_bytes())?;
        let tensors = serialize(snapshot).map_err(|problem| unusable(&target, problem))?;
        atomic::write_file(&folder.path().join(TENSORS), &tensors)?;
        let config = serde_json::json!({"checkpoint_format": FORMAT, "step": step});
        Manifest::new(STAGE, 0, config).write(folder.path())?;
        folder.commit()?;
        self.prune()
    }

    /// The checkpoints by rising step; an anchor after another one of the same step.
    fn list(&self) -> Outcome<Vec<(usize, bool, PathBuf)>> {
        let failed = |cause| Failure::io("read", &self.path, cause);
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.path).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let Some(rest) = name.strip_prefix("step-") else { continue };
            let (number, anchor) = rest.strip_suffix(ANCHOR).map_or((rest, false), |number| (number, true));
            if let Ok(step) = number.parse() {
                found.push((step, anchor, path));
            }
        }
        found.sort();
        Ok(found)
    }

    /// Keeps the newest one and the newest anchor; where these are one, the one before as well.
    fn prune(&self) -> Outcome<()> {
        let mut list = self.list()?;
        match list.pop() {
            Some((_, true, _)) => drop(list.pop()),
            _ => {
                if let Some(anchor) = list.iter().rposition(|(_, anchor, _)| *anchor) {
                    list.remove(anchor);
                }
            }
        }
        for (_, _, path) in list {
            atomic::remove_folder(&path)?;
        }
        Ok(())
    }

    /// The newest checkpoint, or anchor, that is whole. A damaged one is told of and passed over.
    ///
    /// # Errors
    /// Checkpoints of which none can be used, or one of a newer format.
    pub fn load(&self, anchors: bool, progress: &dyn Progress) -> Outcome<Option<Snapshot>> {
        let list = self.list()?;
        let mut problem = None;
        for (_, anchor, path) in list.iter().rev() {
            if anchors && !anchor {
                continue;
            }
            match read(path) {
                Ok(snapshot) => return Ok(Some(snapshot)),
                Err(Unusable::Newer(failure)) => return Err(failure),
                Err(Unusable::Damaged(failure)) => {
                    progress.line(&format!("passed over a damaged checkpoint: {}", failure.chain()));
                    problem = Some(failure);
                }
            }
        }
        problem.map_or(Ok(None), Err)
    }
}

/// The first lines that differ, or what stands for a missing value.
fn first_difference(before: Option<&String>, now: Option<&String>) -> (String, String) {
    let lines = |text: Option<&String>| -> Vec<String> {
        text.map_or_else(Vec::new, |text| text.lines().map(str::to_owned).collect())
    };
    let (before, now) = (lines(before), lines(now));
    let at = before.iter().zip(&now).position(|(one, other)| one != other).unwrap_or(before.len().min(now.len()));
    let show = |lines: &[String]| lines.get(at).map_or_else(|| "nothing".to_owned(), |line| format!("`{line}`"));
    (show(&before), show(&now))
}

enum Unusable {
    Damaged(Failure),
    Newer(Failure),
}

impl<E: Into<Failure>> From<E> for Unusable {
    fn from(failure: E) -> Self {
        Unusable::Damaged(failure.into())
    }
}

fn read(path: &Path) -> Result<Snapshot, Unusable> {
    let manifest = Manifest::read(path)?;
    let format = manifest.config.get("checkpoint_format").and_then(serde_json::Value::as_u64);
    match format {
        Some(found) if found > u64::from(FORMAT) => {
            let problem = format!("has format {found}, this glossa knows {FORMAT}");
            return Err(Unusable::Newer(Failure::from(unusable(path, problem)).hint("use a newer glossa")));
        }
        Some(_) if manifest.stage == STAGE && manifest.outputs.len() == 2 => {}
        _ => return Err(unusable(path, "is not a checkpoint").into()),
    }
    manifest.verify(path)?;
    let file = |name: &str| {
        let path = path.join(name);
        std::fs::read(&path).map_err(|cause| Failure::io("read", &path, cause))
    };
    let state = String::from_utf8(file(STATE)?).map_err(|cause| unusable(&path.join(STATE), cause))?;
    let values = toml::from_str(&state).map_err(|cause| unusable(&path.join(STATE), cause))?;
    let tensors = deserialize(&file(TENSORS)?).map_err(|problem| unusable(&path.join(TENSORS), problem))?;
    Ok(Snapshot { values, tensors })
}

fn serialize(snapshot: &Snapshot) -> Result<Vec<u8>, String> {
    let mut views = Vec::with_capacity(snapshot.tensors.len());
    for (name, data) in &snapshot.tensors {
        if data.dtype() != DType::F32 {
            return Err(format!("`{name}` is of type {:?}", data.dtype()));
        }
        let view = TensorView::new(Dtype::F32, data.shape().to_vec(), data.as_bytes());
        views.push((name.as_str(), view.map_err(|cause| cause.to_string())?));
    }
    safetensors::serialize(views, None).map_err(|cause| cause.to_string())
}

fn deserialize(bytes: &[u8]) -> Result<BTreeMap<String, TensorData>, String> {
    let file = SafeTensors::deserialize(bytes).map_err(|cause| cause.to_string())?;
    let mut tensors = BTreeMap::new();
    for (name, view) in file.iter() {
        if view.dtype() != Dtype::F32 {
            return Err(format!("`{name}` is of type {:?}", view.dtype()));
        }
        let (words, _) = view.data().as_chunks::<4>();
        let values: Vec<f32> = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
        tensors.insert(name.to_owned(), TensorData::new(values, view.shape().to_vec()));
    }
    Ok(tensors)
}
