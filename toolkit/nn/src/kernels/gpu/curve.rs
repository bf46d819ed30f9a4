//! The curves between the two linear maps of a transformer's layer on a GPU, alone or gating another half.

use std::f32::consts::FRAC_1_SQRT_2;

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::element::sigmoid;
use super::tensor::{IntoArgument, element, like, shape, units};
use crate::kernels::cpu::curve::Curve;

/// √(2/π), and what its cube is weighed by in the tanh form of GELU.
const ROOT: f32 = 0.797_884_6;
const CUBE: f32 = 0.044_715;
const CUBE_SLOPE: f32 = 3.0 * CUBE;

/// 1/√(2π): the density of the normal distribution at 0.
const DENSITY: f32 = 0.398_942_3;
const MINUS_HALF: f32 = -0.5;

#[cube]
fn value_of(x: f32, #[comptime] curve: Curve) -> f32 {
    if comptime!(curve == Curve::Gelu) {
        0.5 * x * (1.0 + f32::erf(x * FRAC_1_SQRT_2))
    } else if comptime!(curve == Curve::GeluTanh) {
        0.5 * x * (1.0 + f32::tanh(ROOT * (x + CUBE * x * x * x)))
    } else if comptime!(curve == Curve::Silu) {
        x * sigmoid(x)
    } else if comptime!(curve == Curve::Relu) {
        max(x, 0.0f32)
    } else {
        f32::tanh(x)
    }
}

#[cube]
fn slope_of(x: f32, #[comptime] curve: Curve) -> f32 {
    if comptime!(curve == Curve::Gelu) {
        let density = f32::exp(MINUS_HALF * x * x) * DENSITY;
        0.5 * (1.0 + f32::erf(x * FRAC_1_SQRT_2)) + x * density
    } else if comptime!(curve == Curve::GeluTanh) {
        let bent = f32::tanh(ROOT * (x + CUBE * x * x * x));
        let inner = ROOT * (1.0 + CUBE_SLOPE * x * x);
        0.5 * (1.0 + bent) + 0.5 * x * (1.0 - bent * bent) * inner
    } else if comptime!(curve == Curve::Silu) {
        let share = sigmoid(x);
        share * (1.0 + x * (1.0 - share))
    } else if comptime!(curve == Curve::Relu) {
        f32::cast_from(x > 0.0)
    } else {
        let y = f32::tanh(x);
        1.0 - y * y
    }
}

#[cube(launch)]
fn bend<F: Float>(x: &[F], out: &mut [F], #[comptime] curve: Curve, #[define(F)] _dtype: ElemType) {
    let at = ABSOLUTE_POS;
    if at >= out.len() {
        terminate!();
    }
    out[at] = F::cast_from(value_of(f32::cast_from(x[at]), curve));
}

#[cube(launch)]
fn bend_back<F: Float>(x: &[F], grad: &[F], out: &mut [F], #[comptime] curve: Curve, #[define(F)] _dtype: ElemType) {
    let at = ABSOLUTE_POS;
    if at >= out.len() {
        terminate!();
    }
    out[at] = F::cast_from(f32::cast_from(grad[at]) * slope_of(f32::cast_from(x[at]), curve));
}

#[cube(launch)]
fn gate<F: Float>(x: &[F], out: &mut [F], width: usize, #[comptime] curve: Curve, #[define(F)] _dtype: ElemType) {
    let at = ABSOLUTE_POS;
    if at >= out.len() {
        terminate!();
    }
    let from = at / width * 2 * width + at % width;
    out[at] = F::cast_from(value_of(f32::cast_from(x[from]), curve) * f32::cast_from(x[from + width]));
}

#[cube(launch)]
fn gate_back<F: Float>(
    x: &[F],
    grad: &[F],
    out: &mut [F],
    width: usize,
    #[comptime] curve: Curve,
    #[define(F)] _dtype: ElemType,
) {
    let at = ABSOLUTE_POS;
    if at >= grad.len() {
        terminate!();
    }
    let from = at / width * 2 * width + at % width;
    let (a, b, incoming) = (f32::cast_from(x[from]), f32::cast_from(x[from + width]), f32::cast_from(grad[at]));
    out[from] = F::cast_from(incoming * b * slope_of(a, curve));
    out[from + width] = F::cast_from(incoming * value_of(a, curve));
}

/// `curve(x)`.
pub(super) fn forward(x: CubeTensor, curve: Curve) -> CubeTensor {
    let [rows, width] = shape(&x);
    let (out, (count, dim)) = (like(&x, [rows, width]), units(rows * width));
    let (client, dtype) = (x.client.clone(), element(&x));
    bend::launch(&client, count, dim, x.into_argument(), out.clone().into_argument(), curve, dtype);
    out
}

/// `grad ∘ curve'(x)`.
pub(super) fn backward(x: CubeTensor, grad: CubeTensor, curve: Curve) -> CubeTensor {
    let [rows, width] = shape(&x);
    let (out, (count, dim)) = (like(&x, [rows, width]), units(rows * width));
    let (client, dtype) = (x.client.clone(), element(&x));
    let (x, grad, target) = (x.into_argument(), grad.into_argument(), out.clone().into_argument());
    bend_back::launch(&client, count, dim, x, grad, target, curve, dtype);
    out
}

/// `curve(a) ∘ b` for each row `[a, b]`.
pub(super) fn gated(x: CubeTensor, curve: Curve) -> CubeTensor {
    let [rows, wide] = shape(&x);
    let (out, (count, dim)) = (like(&x, [rows, wide / 2]), units(rows * wide / 2));
    let (client, dtype) = (x.client.clone(), element(&x));
    gate::launch(&client, count, dim, x.into_argument(), out.clone().into_argument(), wide / 2, curve, dtype);
    out
}

/// The gradient of the rows `[a, b]`.
pub(super) fn gated_backward(x: CubeTensor, grad: CubeTensor, curve: Curve) -> CubeTensor {
    let [rows, wide] = shape(&x);
    let (out, (count, dim)) = (like(&x, [rows, wide]), units(rows * wide / 2));
    let (client, dtype) = (x.client.clone(), element(&x));
    let (x, grad, target) = (x.into_argument(), grad.into_argument(), out.clone().into_argument());
    gate_back::launch(&client, count, dim, x, grad, target, wide / 2, curve, dtype);
    out
}
