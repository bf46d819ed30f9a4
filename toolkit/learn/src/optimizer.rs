//! Adam over parameter groups (Kingma and Ba 2015), one pass a parameter, with a clip of the global
//! norm and decoupled or coupled weight decay. Hyper-parameters belong to groups, so discriminative
//! rates and freezing are one mechanism.

use std::collections::HashMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::prelude::*;
use glossa_nn::kernels::{AdamStep, adam, squares};
use serde::{Deserialize, Serialize};

use crate::Error;

/// What stays the same over a phase.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdamSettings {
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
}

/// What changes from step to step.
#[derive(Debug, Clone)]
pub struct StepSettings {
    /// The rate of each group; 0 leaves a group alone.
    pub rates: Vec<f64>,
    /// Adam's first beta.
    pub momentum: f64,
}

#[derive(Debug, Clone, Default)]
struct Moments {
    first: Vec<f32>,
    second: Vec<f32>,
    /// Product of the first betas so far: it moves with the schedule, so the bias correction does too.
    first_product: f64,
    second_product: f64,
}

/// The optimizer's state: two moments for each parameter that was updated.
#[derive(Debug, Clone)]
pub struct Adam {
    settings: AdamSettings,
    moments: HashMap<ParamId, Moments>,
}

/// Gives the group of a parameter's path.
pub type Groups<'a> = &'a dyn Fn(&str) -> usize;

impl Adam {
    /// An optimizer without history.
    pub fn new(settings: AdamSettings) -> Self {
        Adam { settings, moments: HashMap::new() }
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
        let mut updater = Updater { adam: self, gradients, groups, step, scale, path: Vec::new(), failed: None };
        let model = model.map(&mut updater);
        updater.failed.map_or(Ok(model), Err)
    }
}

struct Updater<'a> {
    adam: &'a mut Adam,
    gradients: GradientsParams,
    groups: Groups<'a>,
    step: &'a StepSettings,
    scale: f64,
    path: Vec<String>,
    failed: Option<Error>,
}

impl Updater<'_> {
    fn update(&mut self, id: ParamId, weights: &mut [f32], gradient: &[f32], rate: f64) {
        let (settings, momentum) = (self.adam.settings, self.step.momentum);
        let moments = self.adam.moments.entry(id).or_insert_with(|| Moments {
            first: vec![0.0; weights.len()],
            second: vec![0.0; weights.len()],
            first_product: 1.0,
            second_product: 1.0,
        });
        moments.first_product *= momentum;
        moments.second_product *= settings.second_beta;
        let step = AdamStep {
            scale: self.scale,
            first_beta: momentum,
            second_beta: settings.second_beta,
            rate: rate / (1.0 - moments.first_product),
            second_correction: 1.0 / (1.0 - moments.second_product),
            epsilon: settings.epsilon,
            coupled: if settings.decoupled { 0.0 } else { settings.weight_decay },
            shrink: if settings.decoupled { 1.0 - rate * settings.weight_decay } else { 1.0 },
        };
        adam(weights, gradient, &mut moments.first, &mut moments.second, &step);
    }
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
            (Ok(mut weights), Ok(gradient)) => {
                self.update(id, &mut weights, &gradient, rate);
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

    fn settings() -> AdamSettings {
        AdamSettings { second_beta: 0.99, epsilon: 1e-8, weight_decay: 0.0, decoupled: false, clip: 0.0 }
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
        let line = Adam::new(settings()).step(line, grads, &|_| 0, &step).unwrap();
        assert!((slope(&line)[0] - 0.9).abs() < 1e-6);
        assert!((slope(&line)[1] + 1.9).abs() < 1e-6);
    }

    #[test]
    fn three_steps_follow_the_formula() {
        let (mut line, mut adam) =
            (line(), Adam::new(AdamSettings { weight_decay: 0.1, decoupled: true, ..settings() }));
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
    fn the_clip_is_global_and_a_zero_rate_freezes() {
        let line = line();
        let grads = gradients(&line);
        let norm = global_norm(&line, &grads).unwrap();
        assert!((norm - (4.0_f64 + 16.0 + 9.0).sqrt()).abs() < 1e-6);
        let step = StepSettings { rates: vec![0.0, 0.1], momentum: 0.9 };
        let groups = |path: &str| usize::from(path == "offset");
        let line = Adam::new(AdamSettings { clip: 0.1, ..settings() }).step(line, grads, &groups, &step).unwrap();
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
