//! `a(x·Wᵀ + b)` on a GPU: the product, then bias and activation in one pass; and sums of columns.

use burn::tensor::DType;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::element::sigmoid;
use super::product::times;
use super::tensor::{IntoArgument, element, like, of_type, shape, transposed, units};
use crate::kernels::cpu::linear::Activation;

/// Rows that one unit of a sum of columns adds up.
const ROWS: usize = 128;

#[cube(launch)]
fn activate<F: Float>(
    values: &mut [F],
    bias: &[F],
    outputs: usize,
    #[comptime] activation: Activation,
    #[define(F)] _dtype: ElemType,
) {
    let at = ABSOLUTE_POS;
    if at >= values.len() {
        terminate!();
    }
    let x = f32::cast_from(values[at]) + f32::cast_from(bias[at % outputs]);
    if comptime!(activation == Activation::Relu) {
        values[at] = F::cast_from(max(x, 0.0f32));
    } else if comptime!(activation == Activation::Tanh) {
        values[at] = F::cast_from(f32::tanh(x));
    } else if comptime!(activation == Activation::Sigmoid) {
        values[at] = F::cast_from(sigmoid(x));
    } else {
        values[at] = F::cast_from(x);
    }
}

#[cube(launch)]
fn times_slope<F: Float>(
    y: &[F],
    grad: &[F],
    inner: &mut [F],
    #[comptime] activation: Activation,
    #[define(F)] _dtype: ElemType,
) {
    let at = ABSOLUTE_POS;
    if at >= inner.len() {
        terminate!();
    }
    let (y, grad) = (f32::cast_from(y[at]), f32::cast_from(grad[at]));
    if comptime!(activation == Activation::Relu) {
        inner[at] = F::cast_from(select(y > 0.0, grad, 0.0f32));
    } else if comptime!(activation == Activation::Tanh) {
        inner[at] = F::cast_from(grad * (1.0 - y * y));
    } else {
        inner[at] = F::cast_from(grad * y * (1.0 - y));
    }
}

/// Partial sums in f32: unit (part, column) adds the rows of its part, in their order.
#[cube(launch)]
fn add_columns<F: Float, G: Float>(
    values: &[F],
    sums: &mut [G],
    rows: usize,
    columns: usize,
    rows_of_part: usize,
    #[define(F, G)] _dtypes: [ElemType; 2],
) {
    let at = ABSOLUTE_POS;
    if at >= sums.len() {
        terminate!();
    }
    let (part, column) = (at / columns, at % columns);
    let mut sum = 0.0f32;
    for row in part * rows_of_part..min((part + 1) * rows_of_part, rows) {
        sum += f32::cast_from(values[row * columns + column]);
    }
    sums[at] = G::cast_from(sum);
}

/// The sums of the columns of a contiguous matrix, in a type; counted in f32, in a fixed order.
pub(super) fn column_sums(matrix: CubeTensor, dtype: DType) -> CubeTensor {
    let [rows, columns] = shape(&matrix);
    let parts = rows.div_ceil(ROWS);
    let partial = of_type(&matrix, [parts, columns], DType::F32);
    let total = of_type(&matrix, [columns], dtype);
    launch_sums(matrix, &partial, [rows, columns, ROWS]);
    launch_sums(partial, &total, [parts, columns, parts]);
    total
}

fn launch_sums(values: CubeTensor, sums: &CubeTensor, [rows, columns, rows_of_part]: [usize; 3]) {
    let (count, dim) = units(rows.div_ceil(rows_of_part) * columns);
    let dtypes = [element(&values), element(sums)];
    let client = values.client.clone();
    let (values, sums) = (values.into_argument(), sums.clone().into_argument());
    add_columns::launch(&client, count, dim, values, sums, rows, columns, rows_of_part, dtypes);
}

/// `a(x·Wᵀ + b)`; every tensor contiguous.
pub(super) fn forward(x: CubeTensor, weight: CubeTensor, bias: CubeTensor, activation: Activation) -> CubeTensor {
    let ([rows, _], [outputs, _]) = (shape(&x), shape(&weight));
    let y = times(x, transposed(weight));
    let (count, dim) = units(rows * outputs);
    let (out, bias) = (y.clone().into_argument(), bias.into_argument());
    activate::launch(&y.client, count, dim, out, bias, outputs, activation, element(&y));
    y
}

/// Gradients of x, weight and bias, with what the forward pass gave; every tensor contiguous.
pub(super) fn backward(
    [x, weight, y, grad]: [CubeTensor; 4],
    activation: Activation,
) -> (CubeTensor, CubeTensor, CubeTensor) {
    let [rows, outputs] = shape(&grad);
    let inner = if activation == Activation::Identity {
        grad
    } else {
        let inner = like(&grad, [rows, outputs]);
        let (count, dim) = units(rows * outputs);
        let (client, dtype) = (grad.client.clone(), element(&grad));
        let (y, grad) = (y.into_argument(), grad.into_argument());
        times_slope::launch(&client, count, dim, y, grad, inner.clone().into_argument(), activation, dtype);
        inner
    };
    let (x, weight) = (times(inner.clone(), weight), times(transposed(inner.clone()), x));
    let dtype = inner.dtype;
    (x, weight, column_sums(inner, dtype))
}
