//! Adam's update on the CPU (Kingma and Ba 2015, algorithm 1), in one pass over weights, gradient and
//! moments, with the clip's factor and either kind of weight decay folded in.

use rayon::prelude::*;

use super::element::{Element, for_each_processor};

/// Elements that one task handles.
const PART: usize = 1 << 14;

/// The numbers of one step for one tensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamStep {
    /// Multiplies the gradient: the clip of the global norm.
    pub scale: f64,
    /// Decay of the first moment.
    pub first_beta: f64,
    /// Decay of the second moment.
    pub second_beta: f64,
    /// What corrects the first moment's start at zero, times the rate.
    pub rate: f64,
    /// What corrects the second moment's start at zero.
    pub second_correction: f64,
    /// Keeps the division finite.
    pub epsilon: f64,
    /// Added to the gradient for each unit of weight (coupled decay).
    pub coupled: f64,
    /// Multiplies the weight first (decoupled decay).
    pub shrink: f64,
}

/// Updates a tensor and its two moments in place.
pub fn adam(weights: &mut [f32], gradient: &[f32], first: &mut [f32], second: &mut [f32], step: &AdamStep) {
    let rows = (weights.par_chunks_mut(PART), gradient.par_chunks(PART));
    let moments = (first.par_chunks_mut(PART), second.par_chunks_mut(PART));
    rows.into_par_iter().zip(moments.into_par_iter()).for_each(|((weights, gradient), (first, second))| {
        update(weights, gradient, first, second, step);
    });
}

for_each_processor! {
    update<E>(weights: &mut [E], gradient: &[E], first: &mut [E], second: &mut [E], step: &AdamStep) {
        let (scale, coupled, shrink) = (E::of(step.scale), E::of(step.coupled), E::of(step.shrink));
        let (rate, correction, epsilon) = (E::of(step.rate), E::of(step.second_correction), E::of(step.epsilon));
        let (old_first, new_first) = (E::of(step.first_beta), E::of(1.0 - step.first_beta));
        let (old_second, new_second) = (E::of(step.second_beta), E::of(1.0 - step.second_beta));
        let moments = first.iter_mut().zip(second.iter_mut());
        for ((weight, gradient), (first, second)) in weights.iter_mut().zip(gradient).zip(moments) {
            let gradient = *gradient * scale + coupled * *weight;
            *first = old_first * *first + new_first * gradient;
            *second = old_second * *second + new_second * gradient * gradient;
            *weight = *weight * shrink - rate * *first / ((*second * correction).square_root() + epsilon);
        }
    }
}

/// Sum of squares in parts of a fixed size, added in order: the number of threads cannot matter.
pub fn squares(values: &[f32]) -> f64 {
    let parts: Vec<f64> = values.par_chunks(PART).map(sum_of_squares).collect();
    parts.iter().sum()
}

for_each_processor! {
    sum_of_squares<E>(values: &[E]) -> f64 {
        let mut lanes = [0.0_f64; 8];
        for block in values.chunks(8) {
            for (lane, value) in lanes.iter_mut().zip(block) {
                *lane += value.wide() * value.wide();
            }
        }
        lanes.iter().sum()
    }
}
