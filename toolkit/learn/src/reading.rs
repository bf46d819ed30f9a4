//! The numbers of steps, on their way from the device to the host. The CPU knows them at once; a GPU would
//! make the host wait for everything before them, so they are fetched for many steps in one transfer.

use burn::tensor::{DType, Tensor};
use glossa_base::{Failure, Outcome};
use glossa_nn::device::read;

use crate::Error;
use crate::learner::numbers;
use crate::training::Position;

/// Steps whose numbers are fetched from a GPU together.
pub const READ_EVERY: usize = 50;

/// What a step came to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Reading {
    /// The step.
    pub position: Position,
    /// The last group's rate.
    pub rate: f64,
    /// The last group's momentum.
    pub momentum: f64,
    /// What was minimised.
    pub loss: f64,
    /// Mean negative log-likelihood in nats.
    pub likelihood: f64,
    /// The norm of all gradients together, before a clip; 0 where the step was cut short before.
    pub gradient_norm: f64,
}

/// What left the finite numbers, and in which step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Divergence {
    pub(crate) what: String,
    pub(crate) reading: Reading,
}

/// Numbers that the host does not know yet.
#[derive(Debug)]
pub(crate) enum Late {
    /// What is minimised, `[1]`.
    Loss(Tensor<1>),
    /// An objective's statistics, the likelihood first.
    Statistics(Tensor<1>),
    /// The sum of the squares of all gradients, `[1]`.
    Gradients(Tensor<1>),
    /// The sum of the squares of a parameter after the update, `[1]`.
    Weights(String, Tensor<1>),
}

impl Late {
    fn tensor(&self) -> &Tensor<1> {
        match self {
            Late::Loss(tensor) | Late::Statistics(tensor) | Late::Gradients(tensor) | Late::Weights(_, tensor) => {
                tensor
            }
        }
    }

    /// Puts a number where it belongs; what is not finite is named.
    fn settle(self, value: f64, reading: &mut Reading) -> Option<String> {
        let what = match self {
            Late::Loss(_) => {
                reading.loss = value;
                "the loss".to_owned()
            }
            Late::Statistics(_) => {
                reading.likelihood = value;
                return None;
            }
            Late::Gradients(_) => {
                reading.gradient_norm = value.sqrt();
                "the gradient".to_owned()
            }
            Late::Weights(path, _) => after_update(&path),
        };
        (!value.is_finite()).then_some(what)
    }
}

/// A tensor's numbers, on the host; a GPU makes it wait.
pub(crate) fn values<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, Error> {
    let data = read(tensor)?;
    let kind = format!("{:?}", data.dtype());
    data.try_into_vec::<f32>().map_err(|_| Error::Tensor(kind))
}

/// What is said of weights that are not finite.
pub(crate) fn after_update(path: &str) -> String {
    format!("`{path}` after the update")
}

struct Pending {
    reading: Reading,
    late: Vec<Late>,
}

/// The steps whose numbers nobody has heard of yet.
pub(crate) struct Readings {
    every: usize,
    pending: Vec<Pending>,
}

impl Default for Readings {
    fn default() -> Self {
        Readings { every: READ_EVERY, pending: Vec::new() }
    }
}

impl Readings {
    pub(crate) fn every(steps: usize) -> Self {
        Readings { every: steps.max(1), ..Readings::default() }
    }

    /// Begins a step; what is late of it follows.
    pub(crate) fn begin(&mut self, reading: Reading, late: Vec<Late>) {
        self.pending.push(Pending { reading, late });
    }

    /// The step under way, if it has begun.
    pub(crate) fn reading(&mut self) -> Option<&mut Reading> {
        self.pending.last_mut().map(|step| &mut step.reading)
    }

    /// Adds something late to the step under way.
    pub(crate) fn add(&mut self, late: impl IntoIterator<Item = Late>) {
        if let Some(step) = self.pending.last_mut() {
            step.late.extend(late);
        }
    }

    /// Forgets what nobody will hear of.
    pub(crate) fn clear(&mut self) {
        self.pending.clear();
    }

    /// Whether the numbers are to be fetched now: they are known already, or many wait.
    pub(crate) fn is_due(&self) -> bool {
        let known = self.pending.last().is_some_and(|step| step.late.is_empty());
        known || self.pending.len() >= self.every
    }

    /// All numbers, up to the first that is not finite; with one transfer.
    pub(crate) fn take(&mut self) -> Outcome<(Vec<Reading>, Option<Divergence>)> {
        let pending = std::mem::take(&mut self.pending);
        let mut values = fetch(&pending)?.into_iter();
        let mut known = Vec::with_capacity(pending.len());
        for Pending { mut reading, late } in pending {
            for late in late {
                let count = late.tensor().dims()[0];
                let value = values.next().ok_or_else(|| Failure::from(Error::Tensor("empty".to_owned())))?;
                values.by_ref().take(count - 1).for_each(drop);
                if let Some(what) = late.settle(value, &mut reading) {
                    return Ok((known, Some(Divergence { what, reading })));
                }
            }
            known.push(reading);
        }
        Ok((known, None))
    }
}

/// The mean of what all replicas read of the same steps, up to the first step in which one of them diverged.
pub(crate) fn mean(all: Vec<(Vec<Reading>, Option<Divergence>)>) -> (Vec<Reading>, Option<Divergence>) {
    let divergence = all.iter().min_by_key(|(known, _)| known.len()).and_then(|(_, divergence)| divergence.clone());
    let steps = all.iter().map(|(known, _)| known.len()).min().unwrap_or_default();
    let share = 1.0 / all.len() as f64;
    let at = |step: usize| {
        let of_step = || all.iter().filter_map(move |(known, _)| known.get(step));
        let mean = |number: fn(&Reading) -> f64| of_step().map(number).sum::<f64>() * share;
        let (loss, likelihood) = (mean(|reading| reading.loss), mean(|reading| reading.likelihood));
        of_step().next().map(|first| Reading { loss, likelihood, ..*first })
    };
    ((0..steps).filter_map(at).collect(), divergence)
}

/// The numbers of all late tensors, one after the other.
fn fetch(pending: &[Pending]) -> Outcome<Vec<f64>> {
    let late = pending.iter().flat_map(|step| &step.late);
    let plain = |late: &Late| late.tensor().clone().without_autodiff().cast(DType::F32);
    let tensors: Vec<Tensor<1>> = late.map(plain).collect();
    match tensors.is_empty() {
        true => Ok(Vec::new()),
        false => numbers(&Tensor::cat(tensors, 0)),
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    fn one(value: f32) -> Tensor<1> {
        Tensor::from_data([value], &Device::flex())
    }

    fn late(loss: f32, squares: f32, weights: f32) -> Vec<Late> {
        let statistics = Tensor::from_data([loss - 1.0, 0.5], &Device::flex());
        let weights = Late::Weights("a.b".to_owned(), one(weights));
        vec![Late::Loss(one(loss)), Late::Statistics(statistics), Late::Gradients(one(squares)), weights]
    }

    #[test]
    fn numbers_come_together_and_in_order() {
        let mut readings = Readings::every(3);
        for step in 0..3 {
            assert!(!readings.is_due());
            let position = Position { step, ..Position::default() };
            readings.begin(Reading { position, ..Reading::default() }, Vec::new());
            readings.add(late(step as f32 + 2.0, 9.0, 1.0));
        }
        assert!(readings.is_due());
        let (known, divergence) = readings.take().unwrap();
        assert_eq!(divergence, None);
        let found: Vec<_> = known.iter().map(|step| (step.position.step, step.loss, step.likelihood)).collect();
        assert_eq!(found, [(0, 2.0, 1.0), (1, 3.0, 2.0), (2, 4.0, 3.0)]);
        assert!(known.iter().all(|step| step.gradient_norm == 3.0));
        assert!(!readings.is_due() && readings.take().unwrap().0.is_empty());
    }

    #[test]
    fn what_is_not_finite_is_named_with_its_step() {
        for (loss, squares, weights, what) in [
            (f32::NAN, 1.0, 1.0, "the loss"),
            (1.0, f32::INFINITY, 1.0, "the gradient"),
            (1.0, 1.0, f32::NAN, "`a.b` after the update"),
        ] {
            let mut readings = Readings::default();
            readings.begin(Reading::default(), late(1.0, 1.0, 1.0));
            let position = Position { step: 7, ..Position::default() };
            readings.begin(Reading { position, ..Reading::default() }, late(loss, squares, weights));
            readings.begin(Reading::default(), late(1.0, 1.0, 1.0));
            let (known, divergence) = readings.take().unwrap();
            let divergence = divergence.unwrap();
            assert_eq!((known.len(), divergence.what.as_str(), divergence.reading.position.step), (1, what, 7));
        }
    }
}
