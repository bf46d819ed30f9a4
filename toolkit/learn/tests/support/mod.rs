//! A small model and a small task for tests of the loop: two groups, a batch norm in the lower one, and
//! data that are made as they are asked for.
#![allow(dead_code, reason = "each test binary uses another part of this module")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use burn::module::{Module, Param};
use burn::nn::{BatchNorm, BatchNormConfig};
use burn::prelude::*;
use glossa_base::seed::{Purpose, Stream};
use glossa_base::{Failure, Outcome, Silent};
use glossa_learn::callbacks::{Activations, Classed, Mixable};
use glossa_learn::{
    Callback, Event, Flow, Freezing, Learner, Loss, Metrics, Objective, OptimizerSettings, Phase, Place, Schedule,
    Snapshot, Training,
};
use glossa_nn::{Grouped, Mix};

#[derive(Module, Debug)]
pub(crate) struct Toy {
    pub(crate) first: Param<Tensor<2>>,
    pub(crate) norm: BatchNorm,
    pub(crate) second: Param<Tensor<2>>,
}

impl Grouped for Toy {
    fn group_count(&self) -> usize {
        2
    }

    fn group(&self, path: &str) -> usize {
        usize::from(path.starts_with("second"))
    }
}

pub(crate) const INPUTS: usize = 4;
const HIDDEN: usize = 6;
pub(crate) const BATCH: usize = 8;

/// Uniform numbers around zero.
fn matrix<const D: usize>(part: u64, shape: [usize; D], device: &Device) -> Tensor<D> {
    let stream = Stream::new(1, Purpose::Weights, part, 0);
    let count: usize = shape.iter().product();
    let values: Vec<f32> = (0..count as u64).map(|index| stream.uniform(index) - 0.5).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

thread_local! {
    static DEVICE: RefCell<Option<Device>> = const { RefCell::new(None) };
}

/// From now on models and batches of this test are on this device.
pub(crate) fn compute_on(device: Device) {
    DEVICE.with_borrow_mut(|slot| *slot = Some(device));
}

fn device() -> Device {
    DEVICE.with_borrow(|slot| slot.clone().unwrap_or_else(Device::flex))
}

pub(crate) fn toy() -> Toy {
    let device = device().autodiff();
    Toy {
        first: Param::from_tensor(matrix(0, [INPUTS, HIDDEN], &device)),
        norm: BatchNormConfig::new(HIDDEN).init(&device),
        second: Param::from_tensor(matrix(1, [HIDDEN, 1], &device)),
    }
}

/// Learns the sum of the inputs. It carries a state between batches, as language models do.
pub(crate) struct Sums {
    pub(crate) steps: usize,
    pub(crate) state: f32,
    /// Losses that are not numbers, at these steps over all epochs, so many times each.
    pub(crate) poison: BTreeMap<usize, usize>,
    /// Validations whose metric of this name is not a number.
    pub(crate) spoiled: Option<(&'static str, usize)>,
}

impl Default for Sums {
    fn default() -> Self {
        Sums { steps: 10, state: 0.0, poison: BTreeMap::new(), spoiled: None }
    }
}

pub(crate) struct Batch {
    pub(crate) inputs: Tensor<2>,
    pub(crate) targets: Tensor<2>,
    pub(crate) classes: Vec<usize>,
    pub(crate) first: usize,
}

impl Mixable for Batch {
    fn example_count(&self) -> usize {
        BATCH
    }

    fn mix(&mut self, mix: Mix) -> Outcome<()> {
        self.inputs = self.inputs.clone() * mix.share;
        Ok(())
    }
}

impl Classed for Batch {
    fn examples(&mut self) -> Vec<(usize, &mut usize)> {
        let first = self.first;
        self.classes.iter_mut().enumerate().map(|(index, class)| (first + index, class)).collect()
    }
}

pub(crate) struct Guess {
    pub(crate) values: Tensor<2>,
    hidden: Tensor<3>,
}

impl Activations for Guess {
    fn dropped(&self) -> &Tensor<3> {
        &self.hidden
    }

    fn raw(&self) -> &Tensor<3> {
        &self.hidden
    }
}

impl Objective for Sums {
    type Model = Toy;
    type Batch = Batch;
    type Prediction = Guess;

    fn begin_epoch(&mut self, _epoch: usize) -> Outcome<usize> {
        self.state = 0.0;
        Ok(self.steps)
    }

    fn batch(&mut self, place: Place) -> Outcome<Batch> {
        let device = device().autodiff();
        let part = 100 + (place.epoch * self.steps + place.step) as u64;
        let inputs = matrix(part, [BATCH, INPUTS], &device);
        let targets = inputs.clone().sum_dim(1) + self.state;
        Ok(Batch { inputs, targets, classes: vec![0; BATCH], first: place.step * BATCH })
    }

    fn predict(&mut self, model: &Toy, batch: &Batch, place: Place) -> Outcome<Guess> {
        self.state = (self.state * 0.9 + place.step as f32 * 0.01).min(1.0);
        let hidden = model.norm.forward(batch.inputs.clone().matmul(model.first.val()));
        Ok(Guess { values: hidden.clone().matmul(model.second.val()), hidden: hidden.unsqueeze_dim(0) })
    }

    fn loss(&mut self, _model: &Toy, batch: &Batch, prediction: &Guess, place: Place) -> Outcome<Loss> {
        let error = prediction.values.clone() - batch.targets.clone();
        let mut total: Tensor<1> = (error.clone() * error).mean();
        if let Some(left) = self.poison.get_mut(&(place.epoch * self.steps + place.step))
            && *left > 0
        {
            *left -= 1;
            total = total * f32::NAN;
        }
        let statistics = Tensor::cat(vec![total.clone().detach(), Tensor::zeros([1], &total.device())], 0);
        Ok(Loss { total, statistics })
    }

    fn validate(&mut self, model: &Toy) -> Outcome<Metrics> {
        let weights: Vec<f32> = model.first.val().into_data().try_to_vec().unwrap();
        let size = weights.iter().map(|weight| f64::from(weight.abs())).sum::<f64>();
        let mut metrics: Metrics =
            [("loss", size), ("accuracy", 1.0 / size)].map(|(name, value)| (name.to_owned(), value)).into();
        if let Some((name, left)) = &mut self.spoiled
            && *left > 0
        {
            *left -= 1;
            metrics.insert((*name).to_owned(), f64::NAN);
        }
        Ok(metrics)
    }

    fn save(&self) -> Outcome<Snapshot> {
        let mut snapshot = Snapshot::default();
        snapshot.put_floats("state", &[self.state]);
        Ok(snapshot)
    }

    fn restore(&mut self, _step: usize, snapshot: &Snapshot) -> Outcome<()> {
        self.state = snapshot.floats("state")?[0];
        Ok(())
    }
}

pub(crate) fn phase(epochs: usize) -> Phase {
    Phase {
        name: "test".to_owned(),
        epochs,
        freezing: Freezing::NONE,
        rates: vec![0.01, 0.02],
        schedule: Schedule::ONE_CYCLE,
        optimizer: OptimizerSettings::default(),
    }
}

pub(crate) fn learner<'a>(objective: Sums) -> Learner<'a, Sums> {
    Learner::new(toy(), objective, &Silent)
}

/// All weights and buffers, to the bit.
pub(crate) fn bits(learner: &Learner<'_, Sums>) -> BTreeMap<String, Vec<u32>> {
    let model = learner.training.model().unwrap().valid();
    let numbers = |data: TensorData| data.try_to_vec::<f32>().unwrap().into_iter().map(f32::to_bits).collect();
    glossa_learn::snapshot::weights(&model).into_iter().map(|(path, data)| (path, numbers(data))).collect()
}

type Action<'a> = Box<dyn FnMut(Event, &mut Training<'_, Sums>) -> Outcome<Flow> + 'a>;

/// A callback from a closure.
pub(crate) struct Act<'a>(pub(crate) Action<'a>, pub(crate) i32);

impl Callback<Sums> for Act<'_> {
    fn on(&mut self, event: Event, training: &mut Training<'_, Sums>) -> Outcome<Flow> {
        (self.0)(event, training)
    }

    fn order(&self) -> i32 {
        self.1
    }
}

pub(crate) fn act<'a>(action: impl FnMut(Event, &mut Training<'_, Sums>) -> Outcome<Flow> + 'a) -> Act<'a> {
    Act(Box::new(action), 0)
}

/// The same, at a place in the order.
pub(crate) fn act_at<'a>(
    order: i32,
    action: impl FnMut(Event, &mut Training<'_, Sums>) -> Outcome<Flow> + 'a,
) -> Act<'a> {
    Act(Box::new(action), order)
}

/// Hears every event.
pub(crate) fn listen(heard: &Rc<RefCell<Vec<Event>>>) -> Act<'static> {
    let heard = Rc::clone(heard);
    act_at(1000, move |event, _| {
        heard.borrow_mut().push(event);
        Ok(Flow::Continue)
    })
}

pub(crate) fn failure(message: &str) -> Failure {
    Failure::data(message)
}
