//! Large batches in small parts: gradients of several batches before each step.

use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use glossa_base::Outcome;

use crate::Callback;
use crate::event::{Event, Flow, Scope};
use crate::gradients;
use crate::objective::Objective;
use crate::reading::values;
use crate::snapshot::Snapshot;
use crate::training::Training;

/// Takes a step after every so many batches, with the mean of their gradients. What is left at the end of
/// an epoch takes a step of its own.
#[derive(Debug)]
pub struct GradientAccumulation {
    batches: usize,
    seen: usize,
    /// Where the gradients are.
    sums: BTreeMap<String, Tensor<1>>,
}

impl GradientAccumulation {
    /// So many batches a step; nothing for one.
    pub fn new(batches: usize) -> Option<Self> {
        (batches > 1).then_some(GradientAccumulation { batches, seen: 0, sums: BTreeMap::new() })
    }

    fn add<O: Objective>(&mut self, training: &mut Training<'_, O>) -> Outcome<Flow> {
        let Some(gradients) = training.gradients.take() else { return Ok(Flow::Continue) };
        for (path, gradient) in gradients::take(training.model()?, gradients) {
            let sum = match self.sums.remove(&path) {
                Some(sum) => sum + gradient,
                None => gradient,
            };
            self.sums.insert(path, sum);
        }
        self.seen += 1;
        let last = training.position.step + 1 == training.position.steps;
        if self.seen < self.batches && !last {
            return Ok(Flow::Cancel(Scope::Batch));
        }
        let sums = std::mem::take(&mut self.sums);
        training.gradients = Some(gradients::give(training.model()?, sums));
        training.gradient_scale /= self.seen as f64;
        self.seen = 0;
        Ok(Flow::Continue)
    }
}

impl<O: Objective> Callback<O> for GradientAccumulation {
    fn on(&mut self, event: Event, training: &mut Training<'_, O>) -> Outcome<Flow> {
        match event {
            Event::AfterBackward => self.add(training),
            _ => Ok(Flow::Continue),
        }
    }

    /// Before a clip.
    fn order(&self) -> i32 {
        -5
    }

    fn save(&self) -> Outcome<Snapshot> {
        let mut snapshot = Snapshot::default();
        snapshot.put("seen", self.seen)?;
        for (path, sum) in &self.sums {
            snapshot.put_floats(path, &values(sum.clone())?);
        }
        Ok(snapshot)
    }

    fn restore(&mut self, snapshot: &Snapshot, training: &Training<'_, O>) -> Outcome<()> {
        self.seen = snapshot.get("seen")?;
        let device = training.model()?.devices().into_iter().next().unwrap_or_else(Device::flex).without_autodiff();
        let sum = |path: &String| -> Outcome<(String, Tensor<1>)> {
            let values = snapshot.floats(path)?;
            let count = values.len();
            Ok((path.clone(), Tensor::from_data(TensorData::new(values, [count]), &device)))
        };
        self.sums = snapshot.tensors.keys().map(sum).collect::<Outcome<_>>()?;
        Ok(())
    }
}
