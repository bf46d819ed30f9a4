//! Large batches in small parts: gradients of several batches before each step.

use std::collections::BTreeMap;

use glossa_base::Outcome;

use crate::Callback;
use crate::event::{Event, Flow, Scope};
use crate::gradients;
use crate::objective::Objective;
use crate::snapshot::Snapshot;
use crate::training::Training;

/// Takes a step after every so many batches, with the mean of their gradients. What is left at the end of
/// an epoch takes a step of its own.
#[derive(Debug)]
pub struct GradientAccumulation {
    batches: usize,
    seen: usize,
    sums: BTreeMap<String, Vec<f32>>,
}

impl GradientAccumulation {
    /// So many batches a step; nothing for one.
    pub fn new(batches: usize) -> Option<Self> {
        (batches > 1).then_some(GradientAccumulation { batches, seen: 0, sums: BTreeMap::new() })
    }

    fn add<O: Objective>(&mut self, training: &mut Training<'_, O>) -> Outcome<Flow> {
        let Some(gradients) = training.gradients.take() else { return Ok(Flow::Continue) };
        for (path, values) in gradients::take(training.model()?, gradients)? {
            match self.sums.get_mut(&path) {
                Some(sums) => sums.iter_mut().zip(&values).for_each(|(sum, value)| *sum += value),
                None => drop(self.sums.insert(path, values)),
            }
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
        self.sums.iter().for_each(|(path, values)| snapshot.put_floats(path, values));
        Ok(snapshot)
    }

    fn restore(&mut self, snapshot: &Snapshot, _training: &Training<'_, O>) -> Outcome<()> {
        self.seen = snapshot.get("seen")?;
        let paths = snapshot.tensors.keys();
        self.sums = paths.map(|path| Ok((path.clone(), snapshot.floats(path)?))).collect::<Outcome<_>>()?;
        Ok(())
    }
}
