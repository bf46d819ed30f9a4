//! Optimizers over parameter groups: a list of [`rules`] for each parameter. Hyper-parameters belong to
//! groups, so discriminative rates and freezing are one mechanism. Adam, which nearly everything here is trained
//! with, runs as one fused kernel that does what its list of rules says, on a GPU too.

mod device;
pub mod rules;

use std::borrow::Cow;
use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, Param};
use burn::optim::GradientsParams;
use burn::prelude::*;
use glossa_nn::kernels::{AdamStep, adam, squares, updates_on};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::reading::values;
use crate::snapshot::Snapshot;
pub use rules::{Half, Hyper, Kind};
use rules::{Memory, Parameter, Rule};

/// Slow weights that the fast ones return to (Zhang et al. 2019).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lookahead {
    /// Steps between two returns.
    pub every: u64,
    /// Share of the way that the slow weights go.
    pub share: f64,
}

/// What stays the same over a phase.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimizerSettings {
    /// Which optimizer.
    pub kind: Kind,
    /// Decay of the second moment.
    pub second_beta: f64,
    /// Keeps the division finite.
    pub epsilon: f64,
    /// Weight decay.
    pub weight_decay: f64,
    /// Whether the decay acts on the weights (AdamW) or on the gradients.
    pub decoupled: bool,
    /// Whether biases and normalisation decay too (fastai v1's `bn_wd=True`; v2's `wd_bn_bias=False` says no).
    pub decay_vectors: bool,
    /// Slow weights, if any.
    pub lookahead: Option<Lookahead>,
    /// The precision of the model's weights, where it is less than f32: full ones are kept beside them.
    #[serde(default)]
    pub half: Option<Half>,
}

impl Default for OptimizerSettings {
    /// AdamW without decay.
    fn default() -> Self {
        OptimizerSettings {
            kind: Kind::Adam,
            second_beta: 0.99,
            epsilon: 1e-8,
            weight_decay: 0.0,
            decoupled: true,
            decay_vectors: true,
            lookahead: None,
            half: None,
        }
    }
}

impl OptimizerSettings {
    /// The numbers of a group at a rate and a momentum.
    pub fn hyper(&self, rate: f64, momentum: f64) -> Hyper {
        let OptimizerSettings { second_beta, epsilon, weight_decay, .. } = *self;
        Hyper { rate, momentum, second_beta, epsilon, weight_decay }
    }

    /// Whether a GPU can update weights where they are: Adam, and what stabilises it.
    fn stays_on_device(&self) -> bool {
        matches!(self.kind, Kind::Adam | Kind::StableAdam) && self.lookahead.is_none() && self.half.is_none()
    }

    /// What is done to each parameter in a step.
    pub fn rules(&self) -> Vec<Rule> {
        let mut rules = self.kind.rules(self.decoupled);
        rules.extend(self.lookahead.map(|Lookahead { every, share }| Rule::Lookahead { every, share }));
        if let Some(half) = self.half {
            rules.insert(0, Rule::FromMaster);
            rules.push(Rule::ToHalf(half));
        }
        rules
    }
}

/// What changes from step to step.
#[derive(Debug, Clone)]
pub struct StepSettings {
    /// The numbers of each group; a rate of 0 leaves a group alone.
    pub groups: Vec<Hyper>,
    /// Every gradient is multiplied with this: a clip of the global norm, or an undone loss scale.
    pub scale: f64,
    /// And with this, `[1]`, which a GPU counted: a clip of a norm that the host does not know.
    pub factor: Option<Tensor<1>>,
}

/// An optimizer and what it remembers of each parameter that was updated.
#[derive(Debug, Clone)]
pub struct Optimizer {
    settings: OptimizerSettings,
    rules: Vec<Rule>,
    memories: BTreeMap<String, Memory>,
    /// Mean and mean squared gradients of parameters on a GPU, where they stay.
    moments: BTreeMap<String, [Tensor<1>; 2]>,
}

/// Gives the group of a parameter's path.
pub type Groups<'a> = &'a dyn Fn(&str) -> usize;

impl Optimizer {
    /// An optimizer without history.
    pub fn new(settings: OptimizerSettings) -> Self {
        Optimizer { settings, rules: settings.rules(), memories: BTreeMap::new(), moments: BTreeMap::new() }
    }

    /// Updates every parameter that has a gradient. The model comes back in any case, and with it the sums of
    /// the squares of parameters that were updated on a GPU, `[1]` each, which the host has not looked at. The
    /// error, if there is one, is a tensor that the device does not hand over, or weights that are not finite
    /// any more.
    pub fn step<M: Module>(
        &mut self,
        model: M,
        gradients: GradientsParams,
        groups: Groups<'_>,
        step: &StepSettings,
    ) -> (M, Result<Vec<(String, Tensor<1>)>, Error>) {
        let step = match self.settled(step) {
            Ok(step) => step,
            Err(error) => return (model, Err(error)),
        };
        let (path, updated) = (Vec::new(), Vec::new());
        let mut updater = Updater { optimizer: self, gradients, groups, step: &step, path, failed: None, updated };
        let model = model.map(&mut updater);
        let result = updater.failed.map_or(Ok(updater.updated), Err);
        (model, result)
    }

    /// A step whose factor the host knows, where the update happens there.
    fn settled<'s>(&self, step: &'s StepSettings) -> Result<Cow<'s, StepSettings>, Error> {
        match &step.factor {
            Some(factor) if !self.settings.stays_on_device() => {
                let factor = values(factor.clone())?.first().map_or(1.0, |factor| f64::from(*factor));
                Ok(Cow::Owned(StepSettings { scale: step.scale * factor, factor: None, ..step.clone() }))
            }
            _ => Ok(Cow::Borrowed(step)),
        }
    }

    /// What it remembers.
    ///
    /// # Errors
    /// Numbers that cannot be stored.
    pub fn save(&self) -> Result<Snapshot, Error> {
        let mut snapshot = Snapshot::default();
        let mut counts = BTreeMap::new();
        for (path, memory) in &self.memories {
            let numbers = (memory.steps, memory.momentum_product, memory.second_product);
            counts.insert(path.as_str(), numbers);
            if let Some([mean, square]) = self.moments.get(path) {
                snapshot.put_floats(&format!("{path}/mean"), &values(mean.clone())?);
                snapshot.put_floats(&format!("{path}/square"), &values(square.clone())?);
            }
            for (name, values) in memory.buffers() {
                if !values.is_empty() {
                    snapshot.put_floats(&format!("{path}/{name}"), values);
                }
            }
        }
        snapshot.put("counts", counts)?;
        Ok(snapshot)
    }

    /// An optimizer that goes on from what it remembered.
    ///
    /// # Errors
    /// A memory that is not one.
    pub fn restore(settings: OptimizerSettings, snapshot: &Snapshot) -> Result<Self, Error> {
        let counts: BTreeMap<String, (u64, f64, f64)> = snapshot.get("counts")?;
        let mut optimizer = Optimizer::new(settings);
        for (path, (steps, momentum_product, second_product)) in counts {
            let mut memory = Memory { steps, momentum_product, second_product, ..Memory::default() };
            for (name, values) in memory.buffers_mut() {
                let tensor = format!("{path}/{name}");
                if snapshot.tensors.contains_key(&tensor) {
                    *values = snapshot.floats(&tensor)?;
                }
            }
            optimizer.memories.insert(path, memory);
        }
        Ok(optimizer)
    }
}

struct Updater<'a> {
    optimizer: &'a mut Optimizer,
    gradients: GradientsParams,
    groups: Groups<'a>,
    step: &'a StepSettings,
    path: Vec<String>,
    failed: Option<Error>,
    /// Sums of squares of what was updated on a GPU.
    updated: Vec<(String, Tensor<1>)>,
}

impl Updater<'_> {
    /// Nothing leaves a GPU.
    fn update_on_device(&mut self, path: String, weights: Tensor<1>, gradient: Tensor<1>, hyper: Hyper) -> Tensor<1> {
        let Optimizer { settings, memories, moments, .. } = &mut *self.optimizer;
        let memory = memories.entry(path.clone()).or_default();
        let moments = moments.entry(path.clone()).or_insert_with(|| device::moments(memory, &weights));
        let step = adam_numbers(memory, hyper, settings.decoupled, self.step.scale);
        let factor = self.step.factor.as_ref();
        let weights = device::update(settings.kind, weights, gradient, moments, factor, &step);
        self.updated.push((path, (weights.clone() * weights.clone()).sum()));
        weights
    }

    fn update(&mut self, path: String, weights: &mut [f32], gradient: &mut [f32], hyper: Hyper) {
        let memory = self.optimizer.memories.entry(path).or_default();
        let (scale, settings) = (self.step.scale, self.optimizer.settings);
        if settings.kind == Kind::Adam && settings.lookahead.is_none() && settings.half.is_none() {
            fused_adam(weights, gradient, memory, hyper, settings.decoupled, scale);
            return;
        }
        if scale != 1.0 {
            gradient.iter_mut().for_each(|value| *value *= scale as f32);
        }
        rules::step(&self.optimizer.rules, &mut Parameter { weights, gradient, memory, hyper });
    }
}

/// Adam's rules in one pass.
fn fused_adam(weights: &mut [f32], gradient: &[f32], memory: &mut Memory, hyper: Hyper, decoupled: bool, scale: f64) {
    memory.mean.resize(weights.len(), 0.0);
    memory.square.resize(weights.len(), 0.0);
    let step = adam_numbers(memory, hyper, decoupled, scale);
    adam(weights, gradient, &mut memory.mean, &mut memory.square, &step);
}

/// Counts a step, and gives its numbers.
fn adam_numbers(memory: &mut Memory, hyper: Hyper, decoupled: bool, scale: f64) -> AdamStep {
    let Hyper { rate, momentum, second_beta, epsilon, weight_decay } = hyper;
    memory.steps += 1;
    memory.momentum_product *= momentum;
    memory.second_product *= second_beta;
    AdamStep {
        scale,
        first_beta: momentum,
        second_beta,
        rate: rate / memory.mean_correction(),
        second_correction: 1.0 / memory.square_correction(),
        epsilon,
        coupled: if decoupled { 0.0 } else { weight_decay },
        shrink: if decoupled { 1.0 - rate * weight_decay } else { 1.0 },
    }
}

impl ModuleMapper for Updater<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(gradient) = self.gradients.remove::<D>(param.id) else { return param };
        let path = self.path.join(".");
        let group = (self.groups)(&path);
        let Some(hyper) = self.step.groups.get(group).filter(|hyper| hyper.rate != 0.0) else { return param };
        let decays = D > 1 || self.optimizer.settings.decay_vectors;
        let hyper = Hyper { weight_decay: if decays { hyper.weight_decay } else { 0.0 }, ..*hyper };
        let (id, tensor, mapper) = param.consume();
        let (shape, device) = (tensor.dims(), tensor.device());
        if self.optimizer.settings.stays_on_device() && updates_on(&device) {
            let flat = |tensor: Tensor<D>| tensor.reshape([-1]);
            let weights = self.update_on_device(path, flat(tensor.detach().inner()), flat(gradient), hyper);
            let tensor = Tensor::from_inner(weights.reshape(shape)).require_grad();
            return Param::from_mapped_value(id, tensor, mapper);
        }
        match (values(tensor.detach().inner()), values(gradient)) {
            (Ok(mut weights), Ok(mut gradient)) => {
                self.update(path.clone(), &mut weights, &mut gradient, hyper);
                if !squares(&weights).is_finite() {
                    self.failed = Some(Error::Weights { path });
                }
                let tensor = Tensor::from_data(TensorData::new(weights, shape), &device).require_grad();
                Param::from_mapped_value(id, tensor, mapper)
            }
            (Err(error), _) | (_, Err(error)) => {
                self.failed = Some(error);
                Param::from_mapped_value(id, Tensor::zeros(shape, &device), mapper)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Module, Debug)]
    struct Line {
        slope: Param<Tensor<1>>,
        offset: Param<Tensor<1>>,
    }

    fn line() -> Line {
        let device = Device::flex().autodiff();
        Line {
            slope: Param::from_tensor(Tensor::from_data([1.0, -2.0], &device)),
            offset: Param::from_tensor(Tensor::from_data([0.5], &device)),
        }
    }

    fn settings() -> OptimizerSettings {
        OptimizerSettings { decoupled: false, ..OptimizerSettings::default() }
    }

    fn step_of(settings: OptimizerSettings, rates: &[f64], momentum: f64) -> StepSettings {
        StepSettings {
            groups: rates.iter().map(|rate| settings.hyper(*rate, momentum)).collect(),
            scale: 1.0,
            factor: None,
        }
    }

    fn step(rates: &[f64], momentum: f64) -> StepSettings {
        step_of(settings(), rates, momentum)
    }

    fn gradients(line: &Line) -> GradientsParams {
        let loss = (line.slope.val() * line.slope.val()).sum() + line.offset.val().sum() * 3.0;
        GradientsParams::from_grads(loss.backward(), line)
    }

    fn slope(line: &Line) -> Vec<f32> {
        line.slope.val().into_data().try_to_vec().unwrap()
    }

    /// Steps of Adam on a device, with the optimizer saved and restored between them; weights and what is kept.
    fn steps_on(device: &Device) -> (Vec<f32>, Snapshot) {
        let mut line = Line {
            slope: Param::from_tensor(Tensor::from_data([1.0, -2.0], device)),
            offset: Param::from_tensor(Tensor::from_data([0.5], device)),
        };
        let mut optimizer = Optimizer::new(settings());
        for _ in 0..4 {
            let grads = gradients(&line);
            let norm = crate::gradients::global_norm(&line, &grads).unwrap();
            let step = StepSettings { scale: 1.0 / norm, ..step(&[0.1], 0.9) };
            let (next, updated) = optimizer.step(line, grads, &|_| 0, &step);
            updated.unwrap();
            line = next;
            optimizer = Optimizer::restore(settings(), &optimizer.save().unwrap()).unwrap();
        }
        (slope(&line), optimizer.save().unwrap())
    }

    #[test]
    fn a_gpu_updates_as_the_cpu_does() {
        let Ok(device) = glossa_nn::device::DeviceChoice::Wgpu(0).open() else {
            eprintln!("skipped: this build has no wgpu, or no device for it is here");
            return;
        };
        let ((ours, kept), (theirs, reference)) = (steps_on(&device.autodiff()), steps_on(&Device::flex().autodiff()));
        assert!(ours.iter().zip(&theirs).all(|(ours, theirs)| (ours - theirs).abs() < 1e-5), "{ours:?} {theirs:?}");
        for name in ["slope/mean", "slope/square", "offset/mean"] {
            let (ours, theirs) = (kept.floats(name).unwrap(), reference.floats(name).unwrap());
            assert!(ours.iter().zip(&theirs).all(|(ours, theirs)| (ours - theirs).abs() < 1e-6), "{name}");
        }
    }

    #[test]
    fn weights_that_are_not_finite_are_named() {
        let device = match glossa_nn::device::DeviceChoice::Wgpu(0).open() {
            Ok(device) => device.autodiff(),
            Err(_) => Device::flex().autodiff(),
        };
        let line = Line {
            slope: Param::from_tensor(Tensor::from_data([f32::MAX, f32::MAX], &device)),
            offset: Param::from_tensor(Tensor::from_data([0.5], &device)),
        };
        let grads = gradients(&line);
        let (_, result) = Optimizer::new(settings()).step(line, grads, &|_| 0, &step(&[1e300], 0.9));
        let path = match result {
            Err(Error::Weights { path }) => Some(path),
            // A GPU's are looked at later.
            Ok(squares) => {
                squares.into_iter().find(|(_, sum)| !values(sum.clone()).unwrap()[0].is_finite()).map(|(path, _)| path)
            }
            Err(_) => None,
        };
        assert!(path.is_some_and(|path| path == "slope" || path == "offset"));
    }

    #[test]
    fn first_step_moves_by_the_rate() {
        let line = line();
        let grads = gradients(&line);
        let step = step(&[0.1], 0.9);
        let line = Optimizer::new(settings()).step(line, grads, &|_| 0, &step).0;
        assert!((slope(&line)[0] - 0.9).abs() < 1e-6);
        assert!((slope(&line)[1] + 1.9).abs() < 1e-6);
    }

    #[test]
    fn three_steps_follow_the_formula() {
        let settings = OptimizerSettings { weight_decay: 0.1, decoupled: true, ..settings() };
        let (mut line, mut adam, step) = (line(), Optimizer::new(settings), step_of(settings, &[0.1], 0.8));
        let (mut weight, mut first, mut second) = (1.0_f64, 0.0, 0.0);
        for count in 1..=3 {
            let grads = gradients(&line);
            line = adam.step(line, grads, &|_| 0, &step).0;
            let gradient = 2.0 * weight;
            first = 0.8 * first + 0.2 * gradient;
            second = 0.99 * second + 0.01 * gradient * gradient;
            let (first, second) = (first / (1.0 - 0.8_f64.powi(count)), second / (1.0 - 0.99_f64.powi(count)));
            weight = weight * (1.0 - 0.01) - 0.1 * first / (second.sqrt() + 1e-8);
        }
        assert!((f64::from(slope(&line)[0]) - weight).abs() < 1e-5);
    }

    #[test]
    fn the_fused_adam_does_what_its_rules_say() {
        for decoupled in [false, true] {
            let hyper = Hyper { rate: 0.01, momentum: 0.9, second_beta: 0.99, epsilon: 1e-8, weight_decay: 0.1 };
            let start: Vec<f32> = (0..50).map(|index| (index as f32 * 0.7).sin()).collect();
            let (mut fused, mut listed) = (start.clone(), start);
            let (mut one, mut other) = (Memory::default(), Memory::default());
            for step in 0..10 {
                let mut gradient: Vec<f32> = (0..50).map(|index| ((index + step) as f32 * 0.3).cos()).collect();
                fused_adam(&mut fused, &gradient, &mut one, hyper, decoupled, 1.0);
                let (weights, gradient) = (&mut listed[..], &mut gradient[..]);
                let mut parameter = Parameter { weights, gradient, memory: &mut other, hyper };
                rules::step(&Kind::Adam.rules(decoupled), &mut parameter);
            }
            let largest = fused.iter().zip(&listed).map(|(one, other)| (one - other).abs()).fold(0.0, f32::max);
            assert!(largest < 1e-6, "{largest}");
            assert_eq!((one.steps, one.second_product), (other.steps, other.second_product));
        }
    }

    #[test]
    fn a_zero_rate_freezes_and_vectors_may_be_spared_decay() {
        let line = line();
        let grads = gradients(&line);
        let groups = |path: &str| usize::from(path == "offset");
        let line = Optimizer::new(settings()).step(line, grads, &groups, &step(&[0.0, 0.1], 0.9)).0;
        assert_eq!(slope(&line), vec![1.0, -2.0]);
        let moved = |decay_vectors| {
            let settings =
                OptimizerSettings { weight_decay: 0.5, decoupled: true, decay_vectors, ..OptimizerSettings::default() };
            let line = self::line();
            let grads = gradients(&line);
            slope(&Optimizer::new(settings).step(line, grads, &|_| 0, &step_of(settings, &[0.1], 0.9)).0)[0]
        };
        assert!((moved(false) - 0.9).abs() < 1e-6 && (moved(true) - 0.85).abs() < 1e-6);
    }

    #[test]
    fn an_optimizer_goes_on_from_its_snapshot() {
        let settings = OptimizerSettings { lookahead: Some(Lookahead { every: 2, share: 0.5 }), ..settings() };
        let (mut line, mut optimizer) = (line(), Optimizer::new(settings));
        let (mut other, mut restored) = (line.clone(), optimizer.clone());
        for count in 0..6 {
            let grads = gradients(&line);
            line = optimizer.step(line, grads, &|_| 0, &step(&[0.1], 0.9)).0;
            let grads = gradients(&other);
            other = restored.step(other, grads, &|_| 0, &step(&[0.1], 0.9)).0;
            assert_eq!(slope(&line), slope(&other), "step {count}");
            restored = Optimizer::restore(settings, &restored.save().unwrap()).unwrap();
        }
    }

    #[test]
    fn weights_that_leave_the_numbers_are_an_error() {
        let line = line();
        let grads = gradients(&line);
        let (_, failed) = Optimizer::new(settings()).step(line, grads, &|_| 0, &step(&[f64::INFINITY], 0.9));
        assert!(matches!(failed, Err(Error::Weights { path }) if path == "slope" || path == "offset"));
    }
}
