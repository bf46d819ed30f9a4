//! What is learned: batches, what a model makes of them, the loss, and how a model is judged.

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use glossa_base::Outcome;
use glossa_nn::Grouped;

use crate::snapshot::Snapshot;

/// Names and values, such as `loss` and `accuracy`.
pub type Metrics = BTreeMap<String, f64>;

/// What one step gives.
pub struct Loss {
    /// What is minimised, `[1]`.
    pub total: Tensor<1>,
    /// `[2]`, detached: mean negative log-likelihood in nats, share right.
    pub statistics: Tensor<1>,
}

/// Where a batch stands; it names the streams of random numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The epoch over all phases, from 0.
    pub epoch: usize,
    /// The step within the epoch, from 0.
    pub step: usize,
}

/// What is learned. Each part is a call of its own, so that callbacks can come between.
pub trait Objective {
    /// What learns, on an autodiff device.
    type Model: Grouped;
    /// What the model reads, and what it should say.
    type Batch;
    /// What the model gives before the loss.
    type Prediction;

    /// Prepares an epoch (counted from 0 over all phases) and says how many steps it has.
    fn begin_epoch(&mut self, epoch: usize) -> Outcome<usize>;
    /// The batch at a place; within an epoch they are asked for in order.
    fn batch(&mut self, place: Place) -> Outcome<Self::Batch>;
    /// What the model makes of a batch.
    fn predict(&mut self, model: &Self::Model, batch: &Self::Batch, place: Place) -> Outcome<Self::Prediction>;
    /// How bad that is.
    fn loss(
        &mut self,
        model: &Self::Model,
        batch: &Self::Batch,
        prediction: &Self::Prediction,
        place: Place,
    ) -> Outcome<Loss>;
    /// Judges a model without autodiff; `loss` must be among the metrics. Empty without validation data.
    fn validate(&mut self, model: &Self::Model) -> Outcome<Metrics>;

    /// Whether the model may compute in sixteen bits where a GPU has them, and the recipe asks for them: it keeps
    /// no sums that need more.
    fn computes_in_half(&self) -> bool {
        false
    }

    /// What must be remembered between two steps of an epoch, such as carried state.
    fn save(&self) -> Outcome<Snapshot> {
        Ok(Snapshot::default())
    }

    /// Goes to `step` of the epoch that was just begun, as if the steps before it had been taken.
    fn restore(&mut self, _step: usize, _snapshot: &Snapshot) -> Outcome<()> {
        Ok(())
    }
}
