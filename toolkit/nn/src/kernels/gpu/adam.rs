//! Adam's update on a GPU, in one pass over weights, gradient and moments; the arithmetic of `cpu::adam`.

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::tensor::{IntoArgument, element, like, of_type, shape, units};
use crate::kernels::cpu::adam::AdamStep;

#[cube(launch)]
fn step<F: Float, G: Float>(
    weights: &[F],
    gradient: &[G],
    mean: &[f32],
    square: &[f32],
    factors: &[f32],
    new_weights: &mut [F],
    new_mean: &mut [f32],
    new_square: &mut [f32],
    scale: f32,
    first_beta: f32,
    second_beta: f32,
    rate: f32,
    second_correction: f32,
    epsilon: f32,
    coupled: f32,
    shrink: f32,
    #[define(F, G)] _dtypes: [ElemType; 2],
) {
    let at = ABSOLUTE_POS;
    if at >= new_weights.len() {
        terminate!();
    }
    let weight = f32::cast_from(weights[at]);
    let slope = f32::cast_from(gradient[at]) * scale * factors[0] + coupled * weight;
    let first = first_beta * mean[at] + (1.0 - first_beta) * slope;
    let second = second_beta * square[at] + (1.0 - second_beta) * slope * slope;
    new_mean[at] = first;
    new_square[at] = second;
    let length = f32::sqrt(second * second_correction) + epsilon;
    let kept = 1.0 - factors[1] * (1.0 - shrink);
    new_weights[at] = F::cast_from(weight * kept - factors[1] * rate * first / length);
}

/// Weights, mean gradient and mean squared gradient after a step; vectors of one length, the last two in f32, and
/// factors of gradient and rate, which the host need not know.
pub(super) fn update(
    [weights, gradient, mean, square, factors]: [CubeTensor; 5],
    numbers: &AdamStep,
) -> (CubeTensor, CubeTensor, CubeTensor) {
    let [length] = shape(&weights);
    let new_weights = like(&weights, [length]);
    let [new_mean, new_square] = [(); 2].map(|()| of_type(&mean, [length], mean.dtype));
    let ((count, dim), client) = (units(length), weights.client.clone());
    let dtypes = [element(&weights), element(&gradient)];
    step::launch(
        &client,
        count,
        dim,
        weights.into_argument(),
        gradient.into_argument(),
        mean.into_argument(),
        square.into_argument(),
        factors.into_argument(),
        new_weights.clone().into_argument(),
        new_mean.clone().into_argument(),
        new_square.clone().into_argument(),
        numbers.scale as f32,
        numbers.first_beta as f32,
        numbers.second_beta as f32,
        numbers.rate as f32,
        numbers.second_correction as f32,
        numbers.epsilon as f32,
        numbers.coupled as f32,
        numbers.shrink as f32,
        dtypes,
    );
    (new_weights, new_mean, new_square)
}
