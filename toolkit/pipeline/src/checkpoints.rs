//! Where a training keeps its checkpoints: beside the model folder that it makes, in `OUT.training`, until
//! that is done.

use std::path::Path;

use burn::tensor::Device;
use glossa_base::{Failure, Kind, Outcome, TOOL_VERSION};
use glossa_learn::{CheckpointFolder, Interval};

use crate::setting::{Setting, Supervision};
use crate::stage::{beside, input};

/// A training with its checkpoints.
pub(crate) struct Run {
    folder: Option<CheckpointFolder>,
    /// The recipe's section, and the size of its batches.
    batches: Option<(String, usize)>,
}

impl Run {
    /// Without checkpoints.
    pub(crate) const NONE: Run = Run { folder: None, batches: None };

    /// Opens the checkpoints of a stage that makes `setting.out` from some inputs; `details` say what else
    /// tells this run from others.
    pub(crate) fn open(
        stage: &str,
        details: &[(&str, String)],
        inputs: &[&Path],
        setting: Setting<'_>,
    ) -> Outcome<Self> {
        let training = setting.recipe.training(stage);
        let batches = training.map(|training| (stage.to_owned(), training.batch_size));
        if setting.supervision.interval.is_none() {
            return Ok(Run { folder: None, batches });
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
        Ok(Run { folder: Some(folder), batches })
    }

    /// What a recipe is told.
    pub(crate) fn start<'a>(&'a self, setting: Setting<'a>, device: &'a Device) -> glossa_recipes::Run<'a> {
        let Setting { seed, progress, supervision, .. } = setting;
        let Supervision { interrupt, log, tensorboard, .. } = supervision;
        let (checkpoints, log, tensorboard) = (self.checkpoints(setting), log.as_deref(), tensorboard.as_deref());
        glossa_recipes::Run {
            device,
            others: &[],
            replica: None,
            seed,
            progress,
            interrupt,
            checkpoints,
            log,
            tensorboard,
        }
    }

    /// The same on several devices, which learn one model.
    pub(crate) fn start_on<'a>(
        &'a self,
        setting: Setting<'a>,
        (first, others): (&'a Device, &'a [Device]),
    ) -> glossa_recipes::Run<'a> {
        glossa_recipes::Run { others, ..self.start(setting, first) }
    }

    /// The folder, and how often a checkpoint is written.
    fn checkpoints(&self, setting: Setting<'_>) -> Option<(&CheckpointFolder, Interval)> {
        self.folder.as_ref().zip(setting.supervision.interval)
    }

    /// Says where the checkpoint lies, if training was stopped, and which batches may fit where they were too large.
    pub(crate) fn explain(&self, failure: Failure) -> Failure {
        match (&self.folder, failure.kind) {
            (_, Kind::Memory) => match &self.batches {
                Some((section, size)) if *size > 1 => failure.hint(format!(
                    "--set {section}.training.batch_size={} --restart: batches half as large; or a device with more memory",
                    size / 2
                )),
                _ => failure,
            },
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
