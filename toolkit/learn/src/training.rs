//! The state of a training: everything that callbacks may read and change.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use glossa_base::{Outcome, Progress};
use glossa_nn::Grouped;
use glossa_nn::kernels::updates_on;
use serde::{Deserialize, Serialize};

use crate::freeze::{self, Freezing};
use crate::gradients::Norm;
use crate::history::History;
use crate::objective::{Loss, Metrics, Objective, Place};
use crate::optimizer::{Half, Hyper, Optimizer, OptimizerSettings};
use crate::reading::Reading;
use crate::snapshot::{self, Snapshot};
use crate::{Error, Schedule};

/// A stretch of training with one schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    /// For logs.
    pub name: String,
    /// Passes over the data.
    pub epochs: usize,
    /// Which groups learn.
    pub freezing: Freezing,
    /// The highest rate of each group.
    pub rates: Vec<f64>,
    /// How rate and momentum move.
    pub schedule: Schedule,
    /// Which optimizer, and its decay.
    pub optimizer: OptimizerSettings,
}

/// How far training has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// The phase, from 0.
    pub phase: usize,
    /// The epoch within the phase, from 0.
    pub phase_epoch: usize,
    /// The epoch over all phases, from 0.
    pub epoch: usize,
    /// The step within the epoch, from 0.
    pub step: usize,
    /// Steps of the epoch.
    pub steps: usize,
    /// Steps so far over all epochs.
    pub total_steps: usize,
}

impl Position {
    /// The share of a phase of so many epochs that is done.
    pub fn share(&self, epochs: usize) -> f64 {
        (self.phase_epoch * self.steps + self.step) as f64 / (epochs * self.steps).max(1) as f64
    }

    /// What names the streams of random numbers.
    pub fn place(&self) -> Place {
        Place { epoch: self.epoch, step: self.step }
    }
}

/// What an epoch came to, a line of `metrics.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// The phase's name.
    pub phase: String,
    /// The epoch over all phases, from 1.
    pub epoch: usize,
    /// Steps so far over all phases.
    pub step: usize,
    /// Mean loss of training, label smoothing and regularisation included.
    pub train_loss: f64,
    /// Mean negative log-likelihood of training, in nats.
    pub train_likelihood: f64,
    /// What validation gave.
    pub validation: Metrics,
}

/// Where the time went.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock {
    /// Making batches.
    pub batches: Duration,
    /// Predictions and losses.
    pub forward: Duration,
    /// Gradients, with their norm.
    pub backward: Duration,
    /// Averaging gradients over devices.
    pub exchange: Duration,
    /// The optimizer.
    pub update: Duration,
    /// Validation.
    pub validation: Duration,
    /// Callbacks.
    pub callbacks: Duration,
    /// Waiting for the numbers of steps on a GPU.
    pub readings: Duration,
    /// Checkpoints.
    pub checkpoints: Duration,
    /// All of it, and what the loop itself took.
    pub whole: Duration,
}

impl Clock {
    /// What the loop itself took: everything that is none of the others.
    pub fn own(&self) -> Duration {
        let steps = [self.batches, self.forward, self.backward, self.exchange, self.update, self.readings];
        let others = [self.validation, self.callbacks, self.checkpoints];
        self.whole.saturating_sub(steps.iter().chain(&others).sum())
    }
}

/// Adds the time of a call to a part of the clock.
pub(crate) fn timed<T>(part: &mut Duration, call: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = call();
    *part += started.elapsed();
    result
}

/// A training under way.
pub struct Training<'a, O: Objective> {
    /// What is learned.
    pub objective: O,
    /// The batch, from `BeforeBatch` on.
    pub batch: Option<O::Batch>,
    /// What the model made of it, from `AfterPred` on.
    pub prediction: Option<O::Prediction>,
    /// Its loss, from `AfterLoss` to `BeforeBackward`.
    pub loss: Option<Loss>,
    /// What a step came to, in `AfterRead`; on a GPU a step of some time ago.
    pub reading: Option<Reading>,
    /// The gradients, from `AfterBackward` to the step.
    pub gradients: Option<GradientsParams>,
    /// The norm of all gradients together, from `BeforeStep` on.
    pub(crate) gradient_norm: Norm,
    /// What the optimizer multiplies every gradient with in this step, limits on a GPU aside.
    pub gradient_scale: f64,
    /// What it multiplies them with besides, `[1]`, where that is known to a GPU only.
    pub(crate) gradient_factor: Option<Tensor<1>>,
    /// Rate, momentum, decays of each group in this step.
    pub hypers: Vec<Hyper>,
    /// What all rates are multiplied with from now on.
    pub rate_factor: f64,
    /// The optimizer.
    pub optimizer: Optimizer,
    /// The phase.
    pub phase: Phase,
    /// How many phases there are.
    pub phase_count: usize,
    /// How many epochs all phases have together.
    pub total_epochs: usize,
    /// How far it has come.
    pub position: Position,
    /// What the last validation gave, from `AfterValidate` to the end of the epoch.
    pub metrics: Metrics,
    /// What each epoch came to.
    pub records: Vec<EpochRecord>,
    /// What the steps came to.
    pub history: History,
    /// Who listens.
    pub progress: &'a dyn Progress,
    /// Where the time went.
    pub clock: Clock,
    pub(crate) model: Option<O::Model>,
    /// The model in sixteen bits, from `BeforeBatch` to `BeforeBackward`, where a GPU computes in them.
    pub(crate) copy: Option<O::Model>,
    pub(crate) groups: BTreeMap<String, usize>,
}

impl<'a, O: Objective> Training<'a, O> {
    pub(crate) fn new(model: O::Model, objective: O, progress: &'a dyn Progress) -> Self {
        let groups = snapshot::weights(&model).into_keys().map(|path| (path.clone(), model.group(&path))).collect();
        let optimizer = OptimizerSettings::default();
        let phase = Phase {
            name: String::new(),
            epochs: 0,
            freezing: Freezing::default(),
            rates: Vec::new(),
            schedule: Schedule::Constant { momentum: 0.0 },
            optimizer,
        };
        Training {
            objective,
            batch: None,
            prediction: None,
            loss: None,
            reading: None,
            gradients: None,
            gradient_norm: Norm::Known(0.0),
            gradient_scale: 1.0,
            gradient_factor: None,
            hypers: Vec::new(),
            rate_factor: 1.0,
            optimizer: Optimizer::new(optimizer),
            phase,
            phase_count: 0,
            total_epochs: 0,
            position: Position::default(),
            metrics: Metrics::new(),
            records: Vec::new(),
            history: History::default(),
            progress,
            clock: Clock::default(),
            model: Some(model),
            copy: None,
            groups,
        }
    }

    /// The model.
    ///
    /// # Errors
    /// It was lost in a step that failed.
    pub fn model(&self) -> Result<&O::Model, Error> {
        self.model.as_ref().ok_or(Error::NoModel)
    }

    /// The type of numbers that a GPU computes in where they are of sixteen bits. Weights keep 32 then: the model
    /// is copied for each step. The CPU computes in 32 bits and rounds the weights, as [`Half`] says.
    pub(crate) fn half(&self) -> Option<Half> {
        let on_gpu = |model: &O::Model| model.devices().iter().all(updates_on);
        let half = self.phase.optimizer.half.filter(|_| self.objective.computes_in_half());
        half.filter(|_| self.model.as_ref().is_some_and(on_gpu))
    }

    /// The phase's optimizer; it rounds no weights that are copied.
    pub(crate) fn optimizer_settings(&self) -> OptimizerSettings {
        let half = self.phase.optimizer.half.filter(|_| self.half().is_none());
        OptimizerSettings { half, ..self.phase.optimizer }
    }

    /// Replaces the model by what `change` makes of it.
    ///
    /// # Errors
    /// As [`Self::model`], and whatever `change` fails with.
    pub fn change_model(&mut self, change: impl FnOnce(O::Model) -> Result<O::Model, Error>) -> Result<(), Error> {
        let model = self.model.take().ok_or(Error::NoModel)?;
        self.model = Some(change(model)?);
        Ok(())
    }

    /// The group of a parameter's path.
    pub fn group(&self, path: &str) -> usize {
        self.groups.get(path).copied().unwrap_or(0)
    }

    /// Says which groups learn from now on.
    ///
    /// # Errors
    /// As [`Self::model`].
    pub fn freeze(&mut self, freezing: Freezing) -> Result<(), Error> {
        self.phase.freezing = freezing;
        let groups = std::mem::take(&mut self.groups);
        let group = |path: &str| groups.get(path).copied().unwrap_or(0);
        let changed = self.change_model(|model| Ok(freeze::freeze(model, freezing, &group)));
        self.groups = groups;
        changed
    }

    /// The norm of all gradients together, from `BeforeStep` on. A GPU makes the host wait for it.
    ///
    /// # Errors
    /// A number that the device does not hand over.
    pub fn gradient_norm(&mut self) -> Outcome<f64> {
        let norm = self.gradient_norm.number()?;
        self.gradient_norm = Norm::Known(norm);
        Ok(norm)
    }

    /// Scales all gradients down where their norm, scaled as it is by now, is above a limit.
    pub fn limit_gradients(&mut self, limit: f64) {
        match &self.gradient_norm {
            Norm::Known(norm) => {
                let norm = norm * self.gradient_scale;
                if norm > limit {
                    self.gradient_scale *= limit / norm;
                }
            }
            Norm::OnDevice(squares) => {
                let so_far = self.gradient_factor.take();
                let norm = (**squares).clone().sqrt() * self.gradient_scale;
                let norm = so_far.iter().fold(norm, |norm, factor| norm * factor.clone());
                let limited = (norm.recip() * limit).clamp_max(1.0);
                self.gradient_factor = Some(so_far.iter().fold(limited, |limited, factor| limited * factor.clone()));
            }
        }
    }

    /// Whether no phase follows.
    pub fn is_last_phase(&self) -> bool {
        self.position.phase + 1 >= self.phase_count
    }

    /// The last group's rate, for logs.
    pub fn rate(&self) -> f64 {
        self.hypers.last().map_or(0.0, |hyper| hyper.rate)
    }

    /// The last group's momentum, for logs.
    pub fn momentum(&self) -> f64 {
        self.hypers.last().map_or(0.0, |hyper| hyper.momentum)
    }

    /// What each step must remember, callbacks aside.
    pub(crate) fn save(&self) -> Outcome<Snapshot> {
        let mut snapshot = Snapshot::default();
        snapshot.put("position", self.position)?;
        snapshot.put("freezing", self.phase.freezing)?;
        snapshot.put("rate_factor", self.rate_factor)?;
        snapshot.put("records", &self.records)?;
        snapshot.put_part("history", self.history.save()?);
        snapshot.put_part("optimizer", self.optimizer.save()?);
        snapshot.put_part("objective", self.objective.save()?);
        let model = Snapshot { tensors: snapshot::weights(&self.model()?.valid()), ..Snapshot::default() };
        snapshot.put_part("model", model);
        Ok(snapshot)
    }

    /// Goes on from what was remembered; the phase must be that of the position.
    pub(crate) fn restore(&mut self, snapshot: &Snapshot) -> Outcome<()> {
        self.position = snapshot.get("position")?;
        self.rate_factor = snapshot.get("rate_factor")?;
        self.records = snapshot.get("records")?;
        self.history = History::restore(&snapshot.part("history"))?;
        self.optimizer = Optimizer::restore(self.optimizer_settings(), &snapshot.part("optimizer"))?;
        // A running mean keeps its last update apart until it is asked for; it must not come after what is put here.
        drop(self.model()?.valid());
        let tensors = snapshot.part("model").tensors;
        self.change_model(|model| snapshot::with_weights(model, &tensors))?;
        self.freeze(snapshot.get("freezing")?)?;
        Ok(())
    }
}
