//! Layer normalisation on a GPU: a cube for each row; gradients of scale and shift as sums of columns.

use burn::tensor::DType;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::element::cube_sum;
use super::linear::column_sums;
use super::tensor::{IntoArgument, UNITS, element, like, of_type, shape, whole_cubes};

/// The mean of a row and one over its deviation, in every unit of the cube.
#[cube]
fn moments<F: Float>(
    x: &[F],
    shared: &mut Shared<[f32]>,
    start: usize,
    width: usize,
    epsilon: f32,
    #[comptime] units: usize,
) -> (f32, f32) {
    let mut sum = 0.0f32;
    let mut k = UNIT_POS as usize;
    while k < width {
        sum += f32::cast_from(x[start + k]);
        k += units;
    }
    let mean = cube_sum(shared, sum, units) / f32::cast_from(width);
    let mut squares = 0.0f32;
    let mut k = UNIT_POS as usize;
    while k < width {
        let centred = f32::cast_from(x[start + k]) - mean;
        squares += centred * centred;
        k += units;
    }
    let variance = cube_sum(shared, squares, units) / f32::cast_from(width);
    (mean, 1.0 / f32::sqrt(variance + epsilon))
}

#[cube(launch)]
fn normalise<F: Float>(
    x: &[F],
    scale: &[F],
    shift: &[F],
    out: &mut [F],
    rows: usize,
    epsilon: f32,
    #[comptime] units: usize,
    #[define(F)] _dtype: ElemType,
) {
    let row = CUBE_POS;
    if row >= rows {
        terminate!();
    }
    let width = scale.len();
    let mut shared = Shared::<[f32]>::new_slice(units);
    let (mean, rate) = moments::<F>(x, &mut shared, row * width, width, epsilon, units);
    let mut k = UNIT_POS as usize;
    while k < width {
        let normal = (f32::cast_from(x[row * width + k]) - mean) * rate;
        out[row * width + k] = F::cast_from(normal * f32::cast_from(scale[k]) + f32::cast_from(shift[k]));
        k += units;
    }
}

/// The gradient of x, and each row's share of the gradient of scale, `grad ∘ x̂`.
#[cube(launch)]
fn normalise_back<F: Float>(
    x: &[F],
    scale: &[F],
    grad: &[F],
    out: &mut [F],
    along_scale: &mut [f32],
    rows: usize,
    epsilon: f32,
    #[comptime] units: usize,
    #[define(F)] _dtype: ElemType,
) {
    let row = CUBE_POS;
    if row >= rows {
        terminate!();
    }
    let width = scale.len();
    let start = row * width;
    let mut shared = Shared::<[f32]>::new_slice(units);
    let (mean, rate) = moments::<F>(x, &mut shared, start, width, epsilon, units);
    let mut even = 0.0f32;
    let mut along = 0.0f32;
    let mut k = UNIT_POS as usize;
    while k < width {
        let weighed = f32::cast_from(grad[start + k]) * f32::cast_from(scale[k]);
        even += weighed;
        along += weighed * (f32::cast_from(x[start + k]) - mean) * rate;
        k += units;
    }
    let even = cube_sum(&mut shared, even, units) / f32::cast_from(width);
    let along = cube_sum(&mut shared, along, units) / f32::cast_from(width);
    let mut k = UNIT_POS as usize;
    while k < width {
        let incoming = f32::cast_from(grad[start + k]);
        let normal = (f32::cast_from(x[start + k]) - mean) * rate;
        out[start + k] = F::cast_from(rate * (incoming * f32::cast_from(scale[k]) - even - normal * along));
        along_scale[start + k] = incoming * normal;
        k += units;
    }
}

/// Normalised rows; every tensor contiguous.
pub(super) fn forward(x: CubeTensor, scale: CubeTensor, shift: CubeTensor, epsilon: f64) -> CubeTensor {
    let [rows, width] = shape(&x);
    let (out, (count, dim)) = (like(&x, [rows, width]), whole_cubes(rows));
    let (client, dtype) = (x.client.clone(), element(&x));
    let (x, scale, shift) = (x.into_argument(), scale.into_argument(), shift.into_argument());
    let target = out.clone().into_argument();
    normalise::launch(&client, count, dim, x, scale, shift, target, rows, epsilon as f32, UNITS, dtype);
    out
}

/// Gradients of x, scale and shift; every tensor contiguous.
pub(super) fn backward(
    x: CubeTensor,
    scale: CubeTensor,
    grad: CubeTensor,
    epsilon: f64,
) -> (CubeTensor, CubeTensor, CubeTensor) {
    let [rows, width] = shape(&x);
    let (out, along) = (like(&x, [rows, width]), of_type(&x, [rows, width], DType::F32));
    let ((count, dim), client, dtype) = (whole_cubes(rows), x.client.clone(), element(&x));
    normalise_back::launch(
        &client,
        count,
        dim,
        x.into_argument(),
        scale.clone().into_argument(),
        grad.clone().into_argument(),
        out.clone().into_argument(),
        along.clone().into_argument(),
        rows,
        epsilon as f32,
        UNITS,
        dtype,
    );
    (out, column_sums(along, scale.dtype), column_sums(grad, scale.dtype))
}
