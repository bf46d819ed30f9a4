//! Optimizers as short lists of rules (fastai's stats and steppers): each reads and changes one
//! parameter's weights, gradient and memory. [`Kind::rules`] has all the lists; a new optimizer is a
//! new list, or a new rule of a few lines.

use burn::tensor::DType;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Elements that one task handles.
const PART: usize = 1 << 14;

/// The numbers of a step for the group that a parameter belongs to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hyper {
    /// The rate.
    pub rate: f64,
    /// Decay of the mean gradient (momentum, Adam's first beta).
    pub momentum: f64,
    /// Decay of the mean squared gradient.
    pub second_beta: f64,
    /// Keeps divisions finite.
    pub epsilon: f64,
    /// Weight decay.
    pub weight_decay: f64,
}

/// What is remembered of a parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Memory {
    /// Steps so far.
    pub steps: u64,
    /// Product of the momenta so far: they move with the schedule, so the correction does too.
    pub momentum_product: f64,
    /// Product of the second betas so far.
    pub second_product: f64,
    /// Mean gradient; empty where no rule keeps it.
    pub mean: Vec<f32>,
    /// Mean squared gradient; empty where no rule keeps it.
    pub square: Vec<f32>,
    /// Slow weights; empty where no rule keeps them.
    pub slow: Vec<f32>,
    /// Weights in full precision; empty where the model's are.
    pub master: Vec<f32>,
}

impl Default for Memory {
    fn default() -> Self {
        let (mean, square, slow, master) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Memory { steps: 0, momentum_product: 1.0, second_product: 1.0, mean, square, slow, master }
    }
}

impl Memory {
    /// Its vectors by name.
    pub(crate) fn buffers(&self) -> [(&'static str, &Vec<f32>); 4] {
        [("mean", &self.mean), ("square", &self.square), ("slow", &self.slow), ("master", &self.master)]
    }

    pub(crate) fn buffers_mut(&mut self) -> [(&'static str, &mut Vec<f32>); 4] {
        let Memory { mean, square, slow, master, .. } = self;
        [("mean", mean), ("square", square), ("slow", slow), ("master", master)]
    }

    /// What divides the mean gradient, which began at zero.
    pub fn mean_correction(&self) -> f64 {
        1.0 - self.momentum_product
    }

    /// What divides the mean squared gradient, which began at zero.
    pub fn square_correction(&self) -> f64 {
        1.0 - self.second_product
    }
}

/// One parameter in a step.
pub struct Parameter<'a> {
    /// Its weights.
    pub weights: &'a mut [f32],
    /// Its gradient, clipped.
    pub gradient: &'a mut [f32],
    /// What is remembered of it.
    pub memory: &'a mut Memory,
    /// Its group's numbers.
    pub hyper: Hyper,
}

/// The values at one place of a parameter.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The gradient.
    pub gradient: f32,
    /// The mean gradient.
    pub mean: f32,
    /// The mean squared gradient.
    pub square: f32,
    /// The weight.
    pub weight: f32,
}

impl Parameter<'_> {
    /// Replaces every weight by what `change` makes of its place.
    pub fn each_weight(&mut self, change: impl Fn(Place) -> f32 + Sync) {
        let Memory { mean, square, .. } = &*self.memory;
        // A buffer that no rule keeps is read by no rule: the gradient stands in.
        let gradient: &[f32] = self.gradient;
        let mean: &[f32] = if mean.is_empty() { gradient } else { mean };
        let square: &[f32] = if square.is_empty() { gradient } else { square };
        let rows = (self.weights.par_chunks_mut(PART), gradient.par_chunks(PART));
        rows.into_par_iter().zip(mean.par_chunks(PART).zip(square.par_chunks(PART))).for_each(
            |((weights, gradient), (mean, square))| {
                for k in 0..weights.len() {
                    let (gradient, mean, square) = (gradient[k], mean[k], square[k]);
                    weights[k] = change(Place { gradient, mean, square, weight: weights[k] });
                }
            },
        );
    }

    /// The size of the step that `direction` gives, in parts of a fixed size added in order.
    fn norm(&self, direction: impl Fn(Place) -> f32 + Sync) -> f64 {
        let Memory { mean, square, .. } = &*self.memory;
        let parts = self.weights.par_chunks(PART).enumerate().map(|(part, weights)| {
            let square_at = |k: usize| {
                let at = part * PART + k;
                let value = |values: &[f32]| values.get(at).copied().unwrap_or(0.0);
                let place = Place {
                    gradient: value(self.gradient),
                    mean: value(mean),
                    square: value(square),
                    weight: weights[k],
                };
                f64::from(direction(place)).powi(2)
            };
            (0..weights.len()).map(square_at).sum::<f64>()
        });
        parts.collect::<Vec<f64>>().iter().sum::<f64>().sqrt()
    }
}

/// Keeps a running mean of `value` with decay `beta`: `mean = beta·mean + share·value`.
fn average(mean: &mut Vec<f32>, gradient: &[f32], beta: f64, share: f64, value: impl Fn(f32) -> f32 + Sync) {
    mean.resize(gradient.len(), 0.0);
    let (beta, share) = (beta as f32, share as f32);
    mean.par_chunks_mut(PART).zip(gradient.par_chunks(PART)).for_each(|(mean, gradient)| {
        for (mean, gradient) in mean.iter_mut().zip(gradient) {
            *mean = beta * *mean + share * value(*gradient);
        }
    });
}

/// A number of sixteen bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Half {
    /// Eight bits of exponent, as f32 has; seven of fraction.
    Bf16,
    /// Five bits of exponent, ten of fraction (IEEE 754).
    F16,
}

impl Half {
    /// The type of such numbers on a device.
    pub fn number(self) -> DType {
        match self {
            Half::Bf16 => DType::BF16,
            Half::F16 => DType::F16,
        }
    }

    /// The nearest number of sixteen bits.
    pub fn round(self, value: f32) -> f32 {
        match self {
            Half::Bf16 => half::bf16::from_f32(value).to_f32(),
            Half::F16 => half::f16::from_f32(value).to_f32(),
        }
    }
}

/// One thing that an optimizer does to a parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// `w -= rate·decay·w` (Loshchilov and Hutter 2019).
    DecoupledDecay,
    /// `g += decay·w`.
    CoupledDecay,
    /// The mean gradient; undamped it is a sum: `mean = momentum·mean + g`.
    MeanGradient {
        /// Whether the new gradient counts `1 - momentum`.
        damped: bool,
    },
    /// The mean squared gradient.
    MeanSquare,
    /// `w -= rate·g`.
    Plain,
    /// `w -= rate·mean`.
    Momentum,
    /// `w -= rate·g / (√square + ε)` (Hinton 2012).
    RmsProp,
    /// `w -= rate·mean' / (√square' + ε)`, both corrected (Kingma and Ba 2015).
    Adam,
    /// Divides the step's rate by how far the gradient exceeds what the mean square expects:
    /// `max(1, rms(g / √square'))` (StableAdamW, Wortsman et al. 2023, algorithm 2). The rules after it,
    /// decay among them, take the lower rate.
    Stabilise,
    /// Adam with its variance rectified; plain momentum while that is not defined (Liu et al. 2020).
    RectifiedAdam,
    /// Adam's step, scaled to the size of the weights, at most tenfold (You et al. 2020, as in fastai).
    Lamb,
    /// Means mixed with the gradient itself: `nu` of the mean, `1 - nu` of the gradient (Ma and Yarats 2019).
    QuasiHyperbolic {
        /// Share of the mean gradient.
        mean: f64,
        /// Share of the mean square.
        square: f64,
    },
    /// The weights in full precision, which the rules after it change (Micikevicius et al. 2018).
    FromMaster,
    /// Keeps the weights in full precision and gives the model rounded ones.
    ToHalf(Half),
    /// Every so many steps the weights go `share` of the way from their slow copy to themselves, and the
    /// copy follows (Zhang et al. 2019).
    Lookahead {
        /// Steps between.
        every: u64,
        /// Share of the way.
        share: f64,
    },
}

impl Rule {
    /// Does it.
    pub fn apply(self, parameter: &mut Parameter<'_>) {
        let Hyper { rate, momentum, second_beta, epsilon, weight_decay } = parameter.hyper;
        let (rate32, epsilon32) = (rate as f32, epsilon as f32);
        match self {
            Rule::DecoupledDecay => {
                let shrink = (1.0 - rate * weight_decay) as f32;
                parameter.each_weight(|place| place.weight * shrink);
            }
            Rule::CoupledDecay => {
                let decay = weight_decay as f32;
                let pairs = parameter.gradient.par_iter_mut().zip(&*parameter.weights).with_min_len(PART);
                pairs.for_each(|(gradient, weight)| *gradient += decay * weight);
            }
            Rule::MeanGradient { damped } => {
                let share = if damped { 1.0 - momentum } else { 1.0 };
                parameter.memory.momentum_product *= momentum;
                average(&mut parameter.memory.mean, parameter.gradient, momentum, share, |gradient| gradient);
            }
            Rule::MeanSquare => {
                let share = 1.0 - second_beta;
                parameter.memory.second_product *= second_beta;
                average(&mut parameter.memory.square, parameter.gradient, second_beta, share, |gradient| {
                    gradient * gradient
                });
            }
            Rule::Plain => parameter.each_weight(|place| place.weight - rate32 * place.gradient),
            Rule::Momentum => parameter.each_weight(|place| place.weight - rate32 * place.mean),
            Rule::RmsProp => parameter
                .each_weight(|place| place.weight - rate32 * place.gradient / (place.square.sqrt() + epsilon32)),
            Rule::Adam => adam(parameter, 1.0),
            Rule::Stabilise => {
                let correction = (1.0 / parameter.memory.square_correction()) as f32;
                let least = epsilon32 * epsilon32;
                let expected = |place: Place| (place.square * correction).max(least).sqrt();
                let excess = parameter.norm(|place| place.gradient / expected(place));
                let excess = excess / (parameter.weights.len() as f64).sqrt();
                parameter.hyper.rate = rate / excess.max(1.0);
            }
            Rule::RectifiedAdam => rectified(parameter),
            Rule::Lamb => lamb(parameter),
            Rule::QuasiHyperbolic { mean, square } => quasi_hyperbolic(parameter, mean as f32, square as f32),
            Rule::FromMaster => {
                if !parameter.memory.master.is_empty() {
                    parameter.weights.copy_from_slice(&parameter.memory.master);
                }
            }
            Rule::ToHalf(half) => {
                parameter.memory.master = parameter.weights.to_vec();
                parameter.each_weight(|place| half.round(place.weight));
            }
            Rule::Lookahead { every, share } => lookahead(parameter, every, share as f32),
        }
    }
}

/// Adam's direction at a place.
fn direction(memory: &Memory, epsilon: f64) -> impl Fn(Place) -> f32 + Sync + use<> {
    let (mean, square) = (1.0 / memory.mean_correction(), 1.0 / memory.square_correction());
    let (mean, square, epsilon) = (mean as f32, square as f32, epsilon as f32);
    move |place| place.mean * mean / ((place.square * square).sqrt() + epsilon)
}

fn adam(parameter: &mut Parameter<'_>, factor: f64) {
    let direction = direction(parameter.memory, parameter.hyper.epsilon);
    let rate = (parameter.hyper.rate * factor) as f32;
    parameter.each_weight(|place| place.weight - rate * direction(place));
}

fn rectified(parameter: &mut Parameter<'_>) {
    let (beta, product) = (parameter.hyper.second_beta, parameter.memory.second_product);
    let longest = 2.0 / (1.0 - beta) - 1.0;
    let length = longest - 2.0 * parameter.memory.steps as f64 * product / (1.0 - product);
    if length > 5.0 {
        let ratio = |length: f64| (length - 4.0) * (length - 2.0) / length;
        adam(parameter, (ratio(length) / ratio(longest)).sqrt());
    } else {
        let rate = (parameter.hyper.rate / parameter.memory.mean_correction()) as f32;
        parameter.each_weight(|place| place.weight - rate * place.mean);
    }
}

fn lamb(parameter: &mut Parameter<'_>) {
    let direction = direction(parameter.memory, parameter.hyper.epsilon);
    let (weights, step) = (parameter.norm(|place| place.weight), parameter.norm(&direction));
    let trust = if weights == 0.0 || step == 0.0 { 1.0 } else { (weights / step).min(10.0) };
    let rate = (parameter.hyper.rate * trust) as f32;
    parameter.each_weight(|place| place.weight - rate * direction(place));
}

fn quasi_hyperbolic(parameter: &mut Parameter<'_>, mean_share: f32, square_share: f32) {
    let Hyper { rate, epsilon, .. } = parameter.hyper;
    let (rate, epsilon) = (rate as f32, epsilon as f32);
    let mean = (1.0 / parameter.memory.mean_correction()) as f32;
    let square = (1.0 / parameter.memory.square_correction()) as f32;
    parameter.each_weight(|place| {
        let above = (1.0 - mean_share) * place.gradient + mean_share * place.mean * mean;
        let below = (1.0 - square_share) * place.gradient * place.gradient + square_share * place.square * square;
        place.weight - rate * above / (below.sqrt() + epsilon)
    });
}

fn lookahead(parameter: &mut Parameter<'_>, every: u64, share: f32) {
    if !parameter.memory.steps.is_multiple_of(every.max(1)) {
        return;
    }
    let slow = &mut parameter.memory.slow;
    for (weight, slow) in parameter.weights.iter_mut().zip(slow) {
        *slow += share * (*weight - *slow);
        *weight = *slow;
    }
}

/// The optimizers that have a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Gradient descent.
    Sgd,
    /// Gradient descent with momentum.
    Momentum,
    /// RMSProp.
    RmsProp,
    /// Adam; AdamW with decoupled decay.
    #[default]
    Adam,
    /// StableAdamW with decoupled decay, ModernBERT's.
    StableAdam,
    /// Rectified Adam.
    RectifiedAdam,
    /// LAMB.
    Lamb,
    /// Quasi-hyperbolic Adam, with fastai's shares.
    QuasiHyperbolicAdam,
}

impl Kind {
    /// What the optimizer does to each parameter, in this order.
    pub fn rules(self, decoupled_decay: bool) -> Vec<Rule> {
        use Rule::{Adam, Lamb, MeanGradient, MeanSquare, Momentum, Plain, RectifiedAdam, RmsProp, Stabilise};
        let decay = if decoupled_decay { Rule::DecoupledDecay } else { Rule::CoupledDecay };
        let mean = MeanGradient { damped: true };
        match self {
            Kind::Sgd => vec![decay, Plain],
            Kind::Momentum => vec![decay, MeanGradient { damped: false }, Momentum],
            Kind::RmsProp => vec![decay, MeanSquare, RmsProp],
            Kind::Adam => vec![decay, mean, MeanSquare, Adam],
            Kind::StableAdam if decoupled_decay => vec![mean, MeanSquare, Stabilise, decay, Adam],
            Kind::StableAdam => vec![decay, mean, MeanSquare, Stabilise, Adam],
            Kind::RectifiedAdam => vec![decay, mean, MeanSquare, RectifiedAdam],
            Kind::Lamb => vec![decay, mean, MeanSquare, Lamb],
            Kind::QuasiHyperbolicAdam => {
                vec![decay, mean, MeanSquare, Rule::QuasiHyperbolic { mean: 0.7, square: 1.0 }]
            }
        }
    }
}

/// One step of a list of rules on one parameter.
pub fn step(rules: &[Rule], parameter: &mut Parameter<'_>) {
    if parameter.memory.steps == 0 && rules.iter().any(|rule| matches!(rule, Rule::Lookahead { .. })) {
        parameter.memory.slow = parameter.weights.to_vec();
    }
    parameter.memory.steps += 1;
    rules.iter().for_each(|rule| rule.apply(parameter));
}
