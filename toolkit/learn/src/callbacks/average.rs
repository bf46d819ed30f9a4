//! An exponential moving average of the weights, which is judged and kept instead of the last ones.

use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::TensorData;
use glossa_base::Outcome;

use crate::event::{Event, Flow};
use crate::objective::Objective;
use crate::snapshot::{self, Snapshot};
use crate::training::Training;
use crate::{Callback, Error};

type Weights = BTreeMap<String, TensorData>;

/// After each step `average = decay · average + (1 - decay) · weights`, with a smaller decay,
/// `(1 + t) / (10 + t)`, in the first steps. The average is in the model's place from validation to the
/// next epoch, and at the end.
#[derive(Debug)]
pub struct WeightAverage {
    decay: f64,
    steps: usize,
    average: Weights,
    /// What training goes on with, while the average is in its place.
    aside: Weights,
}

impl WeightAverage {
    /// An average with this decay; 0 for none.
    pub fn new(decay: f64) -> Option<Self> {
        let (average, aside) = (Weights::new(), Weights::new());
        (decay > 0.0).then_some(WeightAverage { decay, steps: 0, average, aside })
    }

    fn add(&mut self, weights: Weights) -> Result<(), Error> {
        self.steps += 1;
        let decay = self.decay.min((1 + self.steps) as f64 / (10 + self.steps) as f64) as f32;
        for (path, data) in weights {
            let Some(average) = self.average.get_mut(&path) else {
                self.average.insert(path, data);
                continue;
            };
            let wrong = || Error::Tensor(format!("{:?}", data.dtype()));
            let values = data.as_slice::<f32>().map_err(|_| wrong())?;
            let average = average.as_mut_slice::<f32>().map_err(|_| wrong())?;
            average.iter_mut().zip(values).for_each(|(mean, value)| *mean = decay * *mean + (1.0 - decay) * value);
        }
        Ok(())
    }
}

impl<O: Objective> Callback<O> for WeightAverage {
    fn on(&mut self, event: Event, training: &mut Training<'_, O>) -> Outcome<Flow> {
        match event {
            Event::AfterStep => self.add(snapshot::weights(&training.model()?.valid()))?,
            Event::BeforeValidate if !self.average.is_empty() => {
                self.aside = snapshot::weights(&training.model()?.valid());
                training.change_model(|model| snapshot::with_weights(model, &self.average))?;
            }
            Event::BeforeTrain if !self.aside.is_empty() => {
                let aside = std::mem::take(&mut self.aside);
                training.change_model(|model| snapshot::with_weights(model, &aside))?;
            }
            _ => {}
        }
        Ok(Flow::Continue)
    }

    fn save(&self) -> Outcome<Snapshot> {
        let mut snapshot = Snapshot::default();
        snapshot.put("steps", self.steps)?;
        let average = Snapshot { tensors: self.average.clone(), ..Snapshot::default() };
        snapshot.put_part("average", average);
        Ok(snapshot)
    }

    fn restore(&mut self, snapshot: &Snapshot, _training: &Training<'_, O>) -> Outcome<()> {
        // Snapshots are taken while training goes on, so nothing lies aside.
        (self.steps, self.aside) = (snapshot.get("steps")?, Weights::new());
        self.average = snapshot.part("average").tensors;
        Ok(())
    }
}
