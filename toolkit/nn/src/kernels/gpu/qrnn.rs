//! A quasi-recurrent layer on a GPU: one product gives the gates of all steps, then bias, activations,
//! fo-pooling and output in one pass, a unit for each hidden unit of each row. The arithmetic is that of
//! `cpu::qrnn`.
#![expect(clippy::collapsible_if, reason = "the outer condition is decided when a kernel is built")]

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::element::{sigmoid, uniform};
use super::linear::column_sums;
use super::product::times;
use super::steps::{steps_of, with_previous, with_previous_backward};
use super::tensor::{IntoArgument, element, like, numbers, reshape, shape, transposed, units};
use crate::kernels::sequence::{Steps, Zoneout};

/// What a launch needs to know of zoneout: whether it is drawn, from which key, its share, and the factor of
/// update gates where it is not.
struct Zoned {
    sampled: bool,
    key: u64,
    p: f32,
    factor: f32,
}

impl From<Zoneout> for Zoned {
    fn from(zoneout: Zoneout) -> Self {
        match zoneout {
            Zoneout::Off => Zoned { sampled: false, key: 0, p: 0.0, factor: 1.0 },
            Zoneout::Expected { p } => Zoned { sampled: false, key: 0, p, factor: 1.0 - p },
            Zoneout::Sampled { stream, p } => Zoned { sampled: true, key: stream.key(), p, factor: 1.0 },
        }
    }
}

#[cube(launch)]
fn pool_forward<F: Float>(
    gates: &mut [F],
    bias: &[F],
    first: &[F],
    lengths: &[u32],
    output: &mut [F],
    cells: &mut [F],
    time: usize,
    hidden: usize,
    key_low: u32,
    key_high: u32,
    p: f32,
    factor: f32,
    #[comptime] sampled: bool,
    #[comptime] bounded: bool,
    #[define(F)] _dtype: ElemType,
) {
    let unit = ABSOLUTE_POS;
    if unit >= first.len() {
        terminate!();
    }
    let (row, k) = (unit / hidden, unit % hidden);
    let length = steps_of(lengths, row, time, bounded);
    let bias_z = f32::cast_from(bias[k]);
    let bias_f = f32::cast_from(bias[hidden + k]);
    let bias_o = f32::cast_from(bias[2 * hidden + k]);
    let mut cell = f32::cast_from(first[unit]);
    for t in 0..time {
        let step = row * time + t;
        let (here, wide) = (step * hidden + k, 3 * step * hidden + k);
        if t < length {
            let z = f32::tanh(f32::cast_from(gates[wide]) + bias_z);
            let mut f = sigmoid(f32::cast_from(gates[wide + hidden]) + bias_f) * factor;
            let o = sigmoid(f32::cast_from(gates[wide + 2 * hidden]) + bias_o);
            if sampled {
                if uniform(key_low, key_high, here as u32) < p {
                    f = 0.0f32;
                }
            }
            cell = f * z + (1.0 - f) * cell;
            gates[wide] = F::cast_from(z);
            gates[wide + hidden] = F::cast_from(f);
            gates[wide + 2 * hidden] = F::cast_from(o);
            output[here] = F::cast_from(o * cell);
        } else {
            output[here] = F::new(0.0);
        }
        cells[here] = F::cast_from(cell);
    }
}

#[cube(launch)]
fn pool_backward<F: Float>(
    gates: &[F],
    cells: &[F],
    first: &[F],
    grad: &[F],
    lengths: &[u32],
    grad_gates: &mut [F],
    time: usize,
    hidden: usize,
    inverse: f32,
    #[comptime] bounded: bool,
    #[define(F)] _dtype: ElemType,
) {
    let unit = ABSOLUTE_POS;
    if unit >= first.len() {
        terminate!();
    }
    let (row, k) = (unit / hidden, unit % hidden);
    let length = steps_of(lengths, row, time, bounded);
    let mut carry = 0.0f32;
    for back in 0..time {
        let t = time - 1 - back;
        let step = row * time + t;
        let (here, wide) = (step * hidden + k, 3 * step * hidden + k);
        if t < length {
            let z = f32::cast_from(gates[wide]);
            let f = f32::cast_from(gates[wide + hidden]);
            let o = f32::cast_from(gates[wide + 2 * hidden]);
            let mut previous = f32::cast_from(first[unit]);
            if t > 0 {
                previous = f32::cast_from(cells[here - hidden]);
            }
            let incoming = f32::cast_from(grad[here]);
            let adjoint = incoming * o + carry;
            grad_gates[wide] = F::cast_from(adjoint * f * (1.0 - z * z));
            grad_gates[wide + hidden] = F::cast_from(adjoint * (z - previous) * f * (1.0 - f * inverse));
            grad_gates[wide + 2 * hidden] = F::cast_from(incoming * f32::cast_from(cells[here]) * o * (1.0 - o));
            carry = adjoint * (1.0 - f);
        } else {
            grad_gates[wide] = F::new(0.0);
            grad_gates[wide + hidden] = F::new(0.0);
            grad_gates[wide + 2 * hidden] = F::new(0.0);
        }
    }
}

/// What the weight multiplies, `[steps, window·inputs]`.
fn source(x: &CubeTensor, weight: &CubeTensor, previous: CubeTensor) -> CubeTensor {
    let ([batch, time, inputs], [_, wide]) = (shape(x), shape(weight));
    let x = if wide == inputs { x.clone() } else { with_previous(x.clone(), previous) };
    reshape(x, [batch * time, wide])
}

/// Outputs, cells and activated gates; every tensor contiguous.
pub(super) fn forward(
    [x, weight, bias, previous, cell]: [CubeTensor; 5],
    steps: &Steps,
) -> (CubeTensor, CubeTensor, CubeTensor) {
    let ([batch, time, _], [_, hidden]) = (shape(&x), shape(&cell));
    let gates = times(source(&x, &weight, previous), transposed(weight));
    let (output, cells) = (like(&x, [batch, time, hidden]), like(&x, [batch, time, hidden]));
    let ((count, dim), zoned) = (units(batch * hidden), Zoned::from(steps.zoneout));
    pool_forward::launch(
        &x.client,
        count,
        dim,
        gates.clone().into_argument(),
        bias.into_argument(),
        cell.into_argument(),
        numbers(&x, steps.lengths().iter().copied()).into_argument(),
        output.clone().into_argument(),
        cells.clone().into_argument(),
        time,
        hidden,
        zoned.key as u32,
        (zoned.key >> 32) as u32,
        zoned.p,
        zoned.factor,
        zoned.sampled,
        !steps.lengths().is_empty(),
        element(&x),
    );
    (output, cells, reshape(gates, [batch, time, 3 * hidden]))
}

/// Gradients of x, weight and bias; every tensor contiguous.
pub(super) fn backward(
    [x, weight, previous, cell, cells, gates, grad]: [CubeTensor; 7],
    steps: &Steps,
) -> (CubeTensor, CubeTensor, CubeTensor) {
    let ([batch, time, inputs], [_, hidden], [_, wide]) = (shape(&x), shape(&cell), shape(&weight));
    let grad_gates = like(&x, [batch * time, 3 * hidden]);
    let (count, dim) = units(batch * hidden);
    pool_backward::launch(
        &x.client,
        count,
        dim,
        gates.into_argument(),
        cells.into_argument(),
        cell.into_argument(),
        grad.into_argument(),
        numbers(&x, steps.lengths().iter().copied()).into_argument(),
        grad_gates.clone().into_argument(),
        time,
        hidden,
        steps.zoneout.inverse::<f32>(),
        !steps.lengths().is_empty(),
        element(&x),
    );
    let weight_gradient = times(transposed(grad_gates.clone()), source(&x, &weight, previous));
    let source_gradient = times(grad_gates.clone(), weight);
    let x_gradient = if wide == inputs {
        reshape(source_gradient, [batch, time, inputs])
    } else {
        with_previous_backward(reshape(source_gradient, [batch, time, wide]))
    };
    let dtype = grad_gates.dtype;
    (x_gradient, weight_gradient, column_sums(grad_gates, dtype))
}
