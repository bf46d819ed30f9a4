//! What every training stage is told: recipe, device, seed, where to write, and how it is watched.

use std::path::{Path, PathBuf};

use glossa_base::{Interrupt, Progress};
use glossa_learn::Interval;
use glossa_nn::DeviceChoice;
use glossa_recipes::Recipe;

/// What every training stage is told.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    /// The recipe, resolved.
    pub recipe: &'a Recipe,
    /// Where to compute.
    pub device: DeviceChoice,
    /// The seed of everything.
    pub seed: u64,
    /// Where the folder appears.
    pub out: &'a Path,
    /// Who listens.
    pub progress: &'a dyn Progress,
    /// How it is watched and interrupted.
    pub supervision: &'a Supervision,
}

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
