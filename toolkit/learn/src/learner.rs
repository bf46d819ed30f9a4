//! The training loop: short, and written out. What is learned comes from an [`Objective`]; how, from
//! [`Phase`]s.

use std::collections::BTreeMap;
use std::time::Instant;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use glossa_base::{Failure, Outcome, Progress};
use serde::Serialize;

use crate::optimizer::{Groups, Optimizer, OptimizerSettings, StepSettings, freeze_below};
use crate::{Error, Schedule};

/// Names and values, such as `loss` and `accuracy`.
pub type Metrics = BTreeMap<String, f64>;

/// What one step gives.
pub struct Loss {
    /// What is minimised, `[1]`.
    pub total: Tensor<1>,
    /// `[2]`, detached: mean negative log-likelihood in nats, share right.
    pub statistics: Tensor<1>,
}

/// What is learned: batches, their loss, and how a model is judged.
pub trait Objective<M> {
    /// Prepares an epoch (counted from 0 over all phases) and says how many steps it has.
    fn begin_epoch(&mut self, epoch: usize) -> Outcome<usize>;
    /// The loss of the epoch's next batch.
    fn loss(&mut self, model: &M, epoch: usize, step: usize) -> Outcome<Loss>;
    /// Judges a model without autodiff; `loss` must be among the metrics. Empty without validation data.
    fn validate(&mut self, model: &M) -> Outcome<Metrics>;
}

/// A stretch of training with one schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    /// For logs.
    pub name: String,
    /// Passes over the data.
    pub epochs: usize,
    /// Groups below this one are frozen.
    pub first_group: usize,
    /// The highest rate of each group.
    pub rates: Vec<f64>,
    /// How rate and momentum move.
    pub schedule: Schedule,
    /// Which optimizer, its decay and its clip.
    pub optimizer: OptimizerSettings,
}

/// What an epoch came to, a line of `metrics.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize)]
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

/// Trains a model through phases.
pub struct Learner<'a, M> {
    /// The model, on an autodiff device.
    pub model: M,
    /// What each epoch came to.
    pub records: Vec<EpochRecord>,
    groups: Groups<'a>,
    progress: &'a dyn Progress,
    epochs: usize,
    steps: usize,
    total_epochs: usize,
}

struct Means {
    loss: f64,
    likelihood: f64,
    count: usize,
}

impl<'a, M: Module> Learner<'a, M> {
    /// A learner of a model whose parameters belong to `groups`.
    pub fn new(model: M, groups: Groups<'a>, progress: &'a dyn Progress) -> Self {
        Learner { model, records: Vec::new(), groups, progress, epochs: 0, steps: 0, total_epochs: 0 }
    }

    /// Runs the phases one after the other.
    ///
    /// # Errors
    /// Whatever the objective fails with, or a loss that is not a number.
    pub fn fit(&mut self, phases: &[Phase], objective: &mut dyn Objective<M>) -> Outcome<()> {
        self.total_epochs = self.epochs + phases.iter().map(|phase| phase.epochs).sum::<usize>();
        phases.iter().try_for_each(|phase| self.run_phase(phase, objective))
    }

    fn run_phase(&mut self, phase: &Phase, objective: &mut dyn Objective<M>) -> Outcome<()> {
        self.model = freeze_below(self.model.clone(), phase.first_group, self.groups);
        let mut optimizer = Optimizer::new(phase.optimizer);
        for epoch in 0..phase.epochs {
            let steps = objective.begin_epoch(self.epochs)?;
            let task = format!("{} {}/{}", phase.name, self.epochs + 1, self.total_epochs);
            self.progress.start(&task, Some(steps as u64), "steps");
            let started = Instant::now();
            let means = self.run_epoch(phase, epoch, steps, &mut optimizer, objective)?;
            let validation = objective.validate(&self.model.valid())?;
            self.close_epoch(phase, &means, validation, started);
        }
        Ok(())
    }

    fn run_epoch(
        &mut self,
        phase: &Phase,
        epoch: usize,
        steps: usize,
        optimizer: &mut Optimizer,
        objective: &mut dyn Objective<M>,
    ) -> Outcome<Means> {
        let mut means = Means { loss: 0.0, likelihood: 0.0, count: 0 };
        for step in 0..steps {
            let done = (epoch * steps + step) as f64 / (phase.epochs * steps).max(1) as f64;
            let setting = phase.schedule.at(done);
            let loss = objective.loss(&self.model, self.epochs, step)?;
            let value = first(&loss.total)?;
            if !value.is_finite() {
                return Err(
                    Error::NotFinite { phase: phase.name.clone(), epoch: self.epochs + 1, step: step + 1 }.into()
                );
            }
            means.loss += value;
            means.likelihood += first(&loss.statistics)?;
            means.count += 1;
            let gradients = GradientsParams::from_grads(loss.total.backward(), &self.model);
            let rates = phase.rates.iter().map(|rate| rate * setting.factor).collect();
            let settings = StepSettings { rates, momentum: setting.momentum };
            self.model = optimizer.step(self.model.clone(), gradients, self.groups, &settings)?;
            self.steps += 1;
            self.progress.advance(1);
            self.progress.state(&format!("loss {:.4}", means.loss / means.count as f64));
        }
        Ok(means)
    }

    fn close_epoch(&mut self, phase: &Phase, means: &Means, validation: Metrics, started: Instant) {
        self.epochs += 1;
        let count = means.count.max(1) as f64;
        let record = EpochRecord {
            phase: phase.name.clone(),
            epoch: self.epochs,
            step: self.steps,
            train_loss: means.loss / count,
            train_likelihood: means.likelihood / count,
            validation,
        };
        let judged: String =
            record.validation.iter().map(|(name, value)| format!(", valid {name} {value:.4}")).collect();
        self.progress.finish(&format!(
            "train loss {:.4}{judged} ({:.1} s)",
            record.train_loss,
            started.elapsed().as_secs_f64()
        ));
        self.records.push(record);
    }
}

/// The first value of a tensor.
///
/// # Errors
/// A tensor that the device does not hand over.
pub fn first(tensor: &Tensor<1>) -> Outcome<f64> {
    numbers(tensor)?.first().copied().ok_or_else(|| Failure::from(Error::Tensor("empty".to_owned())))
}

/// All values of a tensor.
///
/// # Errors
/// A tensor that the device does not hand over.
pub fn numbers<const D: usize>(tensor: &Tensor<D>) -> Outcome<Vec<f64>> {
    let data = tensor.clone().into_data();
    let values = data.as_slice::<f32>().map_err(|_| Error::Tensor(format!("{:?}", data.dtype())))?;
    Ok(values.iter().map(|value| f64::from(*value)).collect())
}
