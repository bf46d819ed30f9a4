//! Optimizers over parameter groups: a clip of the global norm, then a list of [`rules`] for each
//! parameter. Hyper-parameters belong to groups, so discriminative rates and freezing are one
//! mechanism. Adam, which nearly everything here is trained with, runs as one fused kernel that does
//! what its list of rules says.

pub mod rules;

use std::collections::HashMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::prelude::*;
use glossa_nn::kernels::{AdamStep, adam, squares};
use serde::{Deserialize, Serialize};

use crate::Error;
pub use rules::Kind;
use rules::{Hyper, Memory, Parameter, Rule};

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
    /// The largest norm of all gradients together; 0 for no clip.
    pub clip: f64,
    /// Slow weights, if any.
    pub lookahead: Option<Lookahead>,
}

impl OptimizerSettings {
    /// What is done to each parameter in a step.
    pub fn rules(&self) -> Vec<Rule> {
        let mut rules = self.kind.rules(self.decoupled);
        rules.extend(self.lookahead.map(|Lookahead { every, share }| Rule::Lookahead { every, share }));
        rules
    }
}

/// What changes from step to step.
#[derive(Debug, Clone)]
pub struct StepSettings {
    /// The rate of each group; 0 leaves a group alone.
    pub rates: Vec<f64>,
    /// Adam's first beta.
    pub momentum: f64,
}

/// An optimizer and what it remembers of each parameter that was updated.
#[derive(Debug, Clone)]
pub struct Optimizer {
    settings: OptimizerSettings,
    rules: Vec<Rule>,
    memories: HashMap<ParamId, Memory>,
}

/// Gives the group of a parameter's path.
pub type Groups<'a> = &'a dyn Fn(&str) -> usize;

impl Optimizer {
    /// An optimizer without history.
    pub fn new(settings: OptimizerSettings) -> Self {
        Optimizer { settings, rules: settings.rules(), memories: HashMap::new() }
    }

    /// Updates every parameter that has a gradient.
    ///
    /// # Errors
    /// A tensor that the device does not hand over.
    pub fn step<M: Module>(
        &mut self,
        model: M,
        gradients: GradientsParams,
        groups: Groups<'_>,
        step: &StepSettings,
    ) -> Result<M, Error> {
        let norm = global_norm(&model, &gradients)?;
        let scale = if self.settings.clip > 0.0 && norm > self.settings.clip { self.settings.clip / norm } else { 1.0 };
        let mut updater = Updater { optimizer: self, gradients, groups, step, scale, path: Vec::new(), failed: None };
        let model = model.map(&mut updater);
        updater.failed.map_or(Ok(model), Err)
    }
}

struct Updater<'a> {
    optimizer: &'a mut Optimizer,
    gradients: GradientsParams,
    groups: Groups<'a>,
    step: &'a StepSettings,
    scale: f64,
    path: Vec<String>,
    failed: Option<Error>,
}

impl Updater<'_> {
    fn update(&mut self, id: ParamId, weights: &mut [f32], gradient: &mut [f32], rate: f64) {
        let OptimizerSettings { second_beta, epsilon, weight_decay, .. } = self.optimizer.settings;
        let hyper = Hyper { rate, momentum: self.step.momentum, second_beta, epsilon, weight_decay };
        let memory = self.optimizer.memories.entry(id).or_default();
        if self.optimizer.settings.kind == Kind::Adam && self.optimizer.settings.lookahead.is_none() {
            fused_adam(weights, gradient, memory, hyper, self.optimizer.settings.decoupled, self.scale);
            return;
        }
        if self.scale != 1.0 {
            gradient.iter_mut().for_each(|value| *value *= self.scale as f32);
        }
        rules::step(&self.optimizer.rules, &mut Parameter { weights, gradient, memory, hyper });
    }
}

/// Adam's rules in one pass.
fn fused_adam(weights: &mut [f32], gradient: &[f32], memory: &mut Memory, hyper: Hyper, decoupled: bool, scale: f64) {
    let Hyper { rate, momentum, second_beta, epsilon, weight_decay } = hyper;
    memory.steps += 1;
    memory.momentum_product *= momentum;
    memory.second_product *= second_beta;
    memory.mean.resize(weights.len(), 0.0);
    memory.square.resize(weights.len(), 0.0);
    let step = AdamStep {
        scale,
        first_beta: momentum,
        second_beta,
        rate: rate / memory.mean_correction(),
        second_correction: 1.0 / memory.square_correction(),
        epsilon,
        coupled: if decoupled { 0.0 } else { weight_decay },
        shrink: if decoupled { 1.0 - rate * weight_decay } else { 1.0 },
    };
    adam(weights, gradient, &mut memory.mean, &mut memory.square, &step);
}

fn values<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, Error> {
    let data = tensor.into_data();
    let kind = format!("{:?}", data.dtype());
    data.try_into_vec::<f32>().map_err(|_| Error::Tensor(kind))
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
        let group = (self.groups)(&self.path.join("."));
        let rate = self.step.rates.get(group).copied().unwrap_or(0.0);
        if rate == 0.0 {
            return param;
        }
        let (id, tensor, mapper) = param.consume();
        let (shape, device) = (tensor.dims(), tensor.device());
        match (values(tensor.detach().inner()), values(gradient)) {
            (Ok(mut weights), Ok(mut gradient)) => {
                self.update(id, &mut weights, &mut gradient, rate);
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

struct SquaredNorm<'a> {
    gradients: &'a GradientsParams,
    sum: f64,
    failed: Option<Error>,
}

impl ModuleVisitor for SquaredNorm<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(gradient) = self.gradients.get::<D>(param.id) else { return };
        let data = gradient.into_data();
        match data.as_slice::<f32>() {
            Ok(values) => self.sum += squares(values),
            Err(_) => self.failed = Some(Error::Tensor(format!("{:?}", data.dtype()))),
        }
    }
}

/// The norm of all gradients together.
///
/// # Errors
/// A tensor that the device does not hand over.
pub fn global_norm<M: Module>(model: &M, gradients: &GradientsParams) -> Result<f64, Error> {
    let mut visitor = SquaredNorm { gradients, sum: 0.0, failed: None };
    model.visit(&mut visitor);
    visitor.failed.map_or(Ok(visitor.sum.sqrt()), Err)
}

/// Marks which groups learn: those from `first` on. The others keep no gradients at all.
pub fn freeze_below<M: Module>(model: M, first: usize, groups: Groups<'_>) -> M {
    model.map(&mut Freezer { first, groups, path: Vec::new() })
}

struct Freezer<'a> {
    first: usize,
    groups: Groups<'a>,
    path: Vec<String>,
}

impl ModuleMapper for Freezer<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let learns = (self.groups)(&self.path.join(".")) >= self.first;
        param.set_require_grad(learns)
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
        OptimizerSettings {
            kind: Kind::Adam,
            second_beta: 0.99,
            epsilon: 1e-8,
            weight_decay: 0.0,
            decoupled: false,
            clip: 0.0,
            lookahead: None,
        }
    }

    fn gradients(line: &Line) -> GradientsParams {
        let loss = (line.slope.val() * line.slope.val()).sum() + line.offset.val().sum() * 3.0;
        GradientsParams::from_grads(loss.backward(), line)
    }

    fn slope(line: &Line) -> Vec<f32> {
        line.slope.val().into_data().try_to_vec().unwrap()
    }

    #[test]
    fn first_step_moves_by_the_rate() {
        let line = line();
        let grads = gradients(&line);
        let step = StepSettings { rates: vec![0.1], momentum: 0.9 };
        let line = Optimizer::new(settings()).step(line, grads, &|_| 0, &step).unwrap();
        assert!((slope(&line)[0] - 0.9).abs() < 1e-6);
        assert!((slope(&line)[1] + 1.9).abs() < 1e-6);
    }

    #[test]
    fn three_steps_follow_the_formula() {
        let (mut line, mut adam) =
            (line(), Optimizer::new(OptimizerSettings { weight_decay: 0.1, decoupled: true, ..settings() }));
        let step = StepSettings { rates: vec![0.1], momentum: 0.8 };
        let (mut weight, mut first, mut second) = (1.0_f64, 0.0, 0.0);
        for count in 1..=3 {
            let grads = gradients(&line);
            line = adam.step(line, grads, &|_| 0, &step).unwrap();
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
    fn the_clip_is_global_and_a_zero_rate_freezes() {
        let line = line();
        let grads = gradients(&line);
        let norm = global_norm(&line, &grads).unwrap();
        assert!((norm - (4.0_f64 + 16.0 + 9.0).sqrt()).abs() < 1e-6);
        let step = StepSettings { rates: vec![0.0, 0.1], momentum: 0.9 };
        let groups = |path: &str| usize::from(path == "offset");
        let line =
            Optimizer::new(OptimizerSettings { clip: 0.1, ..settings() }).step(line, grads, &groups, &step).unwrap();
        assert_eq!(slope(&line), vec![1.0, -2.0]);
    }

    #[test]
    fn frozen_groups_have_no_gradient() {
        let groups = |path: &str| usize::from(path == "offset");
        let line = freeze_below(line(), 1, &groups);
        assert_eq!(gradients(&line).len(), 1);
        let line = freeze_below(line, 0, &groups);
        assert_eq!(gradients(&line).len(), 2);
    }
}
