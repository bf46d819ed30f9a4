//! Where a training keeps its checkpoints: beside the model folder that it makes, in `OUT.training`, until
//! that is done.

use std::path::{Path, PathBuf};

use glossa_base::{Failure, Interrupt, Kind, Outcome, TOOL_VERSION};
use glossa_learn::{CheckpointFolder, Interval};

use crate::language_model::Setting;
use crate::stage::{beside, input};

/// How a training is watched and interrupted.
#[derive(Debug, Clone)]
pub struct Supervision {
    /// Raised to stop with a checkpoint.
    pub interrupt: Interrupt,
    /// How often a checkpoint is written; nothing where none are kept.
    pub interval: Option<Interval>,
    /// Whether to begin anew where checkpoints are.
    pub restart: bool,
    /// A log of steps (.jsonl) or epochs (.csv).
    pub log: Option<PathBuf>,
    /// The folder of TensorBoard's event file.
    pub tensorboard: Option<PathBuf>,
}

impl Supervision {
    /// Keeps none and cannot be interrupted: for trainings of seconds.
    pub fn none() -> Self {
        Supervision { interrupt: Interrupt::default(), interval: None, restart: false, log: None, tensorboard: None }
    }
}

/// A training with its checkpoints.
pub(crate) struct Run {
    folder: Option<CheckpointFolder>,
}

impl Run {
    /// Without checkpoints.
    pub(crate) const NONE: Run = Run { folder: None };

    /// Opens the checkpoints of a stage that makes `setting.out` from some inputs; `details` say what else
    /// tells this run from others.
    pub(crate) fn open(
        stage: &str,
        details: &[(&str, String)],
        inputs: &[&Path],
        setting: Setting<'_>,
    ) -> Outcome<Self> {
        if setting.supervision.interval.is_none() {
            return Ok(Run { folder: None });
        }
        let mut identity = glossa_learn::checkpoint::folder::RunIdentity::new();
        let mut add = |key: &str, value: String| drop(identity.insert(key.to_owned(), value));
        add("glossa", TOOL_VERSION.to_owned());
        add("stage", stage.to_owned());
        add("seed", setting.seed.to_string());
        add("device", setting.device.to_string());
        add("recipe", setting.recipe.to_toml());
        for (key, value) in details {
            add(key, value.clone());
        }
        for (index, path) in inputs.iter().enumerate() {
            add(&format!("input {}", index + 1), format!("{} {}", path.display(), input(path)?.sha256));
        }
        let folder = CheckpointFolder::open(&beside(setting.out, ".training"), &identity, setting.supervision.restart)?;
        Ok(Run { folder: Some(folder) })
    }

    /// What the recipe is told.
    pub(crate) fn checkpoints(&self, setting: Setting<'_>) -> Option<(&CheckpointFolder, Interval)> {
        self.folder.as_ref().zip(setting.supervision.interval)
    }

    /// Says where the checkpoint lies, if training was stopped.
    pub(crate) fn explain(&self, failure: Failure) -> Failure {
        match (&self.folder, failure.kind) {
            (Some(folder), Kind::Stopped) => {
                let place = folder.path().display();
                Failure::new(Kind::Stopped, format!("{}; the checkpoint is in {place}", failure.message))
                    .hint("run the same command again to go on")
            }
            _ => failure,
        }
    }

    /// The model is in its folder: the checkpoints have done their work.
    pub(crate) fn close(self) -> Outcome<()> {
        self.folder.map_or(Ok(()), |folder| folder.remove())
    }
}
