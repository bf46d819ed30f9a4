//! An LSTM layer on a GPU: the input's product for all steps at once, then step by step the recurrent product
//! and the fused cell. The arithmetic is that of `cpu::lstm`; gates in PyTorch's order: i, f, g, o.

use burn::tensor::DType;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::element::sigmoid;
use super::linear::column_sums;
use super::steps::steps_of;
use super::tensor::{element, like, numbers, reshape, shape, times, transposed, units, zeros_like, zeros_of_type};
use crate::kernels::sequence::Steps;

#[cube(launch)]
fn cell_forward<F: Float>(
    gates: &mut [F],
    recurrent: &[F],
    bias: &[F],
    first: &[F],
    lengths: &[u32],
    output: &mut [F],
    cells: &mut [F],
    last: &mut [F],
    t: usize,
    time: usize,
    hidden: usize,
    #[comptime] bounded: bool,
    #[define(F)] _dtype: ElemType,
) {
    let unit = ABSOLUTE_POS;
    if unit >= first.len() {
        terminate!();
    }
    let (row, k) = (unit / hidden, unit % hidden);
    let step = row * time + t;
    let (here, wide, product) = (step * hidden + k, 4 * step * hidden + k, 4 * row * hidden + k);
    let mut previous = f32::cast_from(first[unit]);
    if t > 0 {
        previous = f32::cast_from(cells[here - hidden]);
    }
    if t < steps_of(lengths, row, time, bounded) {
        let (second, third) = (2 * hidden, 3 * hidden);
        let i = f32::cast_from(gates[wide]) + f32::cast_from(recurrent[product]);
        let f = f32::cast_from(gates[wide + hidden]) + f32::cast_from(recurrent[product + hidden]);
        let g = f32::cast_from(gates[wide + second]) + f32::cast_from(recurrent[product + second]);
        let o = f32::cast_from(gates[wide + third]) + f32::cast_from(recurrent[product + third]);
        let i = sigmoid(i + f32::cast_from(bias[k]));
        let f = sigmoid(f + f32::cast_from(bias[hidden + k]));
        let g = f32::tanh(g + f32::cast_from(bias[second + k]));
        let o = sigmoid(o + f32::cast_from(bias[third + k]));
        let c = f * previous + i * g;
        let y = o * f32::tanh(c);
        gates[wide] = F::cast_from(i);
        gates[wide + hidden] = F::cast_from(f);
        gates[wide + 2 * hidden] = F::cast_from(g);
        gates[wide + 3 * hidden] = F::cast_from(o);
        cells[here] = F::cast_from(c);
        output[here] = F::cast_from(y);
        last[unit] = F::cast_from(y);
    } else {
        cells[here] = F::cast_from(previous);
        output[here] = F::new(0.0);
        last[unit] = F::new(0.0);
    }
}

#[cube(launch)]
fn cell_backward<F: Float>(
    gates: &[F],
    cells: &[F],
    first: &[F],
    grad: &[F],
    from_next: &[F],
    lengths: &[u32],
    carry: &mut [f32],
    grad_gates: &mut [F],
    step_gates: &mut [F],
    t: usize,
    time: usize,
    hidden: usize,
    #[comptime] bounded: bool,
    #[define(F)] _dtype: ElemType,
) {
    let unit = ABSOLUTE_POS;
    if unit >= first.len() {
        terminate!();
    }
    let (row, k) = (unit / hidden, unit % hidden);
    let step = row * time + t;
    let (here, wide, product) = (step * hidden + k, 4 * step * hidden + k, 4 * row * hidden + k);
    let mut grad_i = 0.0f32;
    let mut grad_f = 0.0f32;
    let mut grad_g = 0.0f32;
    let mut grad_o = 0.0f32;
    if t < steps_of(lengths, row, time, bounded) {
        let i = f32::cast_from(gates[wide]);
        let f = f32::cast_from(gates[wide + hidden]);
        let g = f32::cast_from(gates[wide + 2 * hidden]);
        let o = f32::cast_from(gates[wide + 3 * hidden]);
        let mut previous = f32::cast_from(first[unit]);
        if t > 0 {
            previous = f32::cast_from(cells[here - hidden]);
        }
        let incoming = f32::cast_from(grad[here]) + f32::cast_from(from_next[unit]);
        let curved = f32::tanh(f32::cast_from(cells[here]));
        let adjoint = carry[unit] + incoming * o * (1.0 - curved * curved);
        grad_i = adjoint * g * i * (1.0 - i);
        grad_f = adjoint * previous * f * (1.0 - f);
        grad_g = adjoint * i * (1.0 - g * g);
        grad_o = incoming * curved * o * (1.0 - o);
        carry[unit] = adjoint * f;
    }
    grad_gates[wide] = F::cast_from(grad_i);
    grad_gates[wide + hidden] = F::cast_from(grad_f);
    grad_gates[wide + 2 * hidden] = F::cast_from(grad_g);
    grad_gates[wide + 3 * hidden] = F::cast_from(grad_o);
    step_gates[product] = F::cast_from(grad_i);
    step_gates[product + hidden] = F::cast_from(grad_f);
    step_gates[product + 2 * hidden] = F::cast_from(grad_g);
    step_gates[product + 3 * hidden] = F::cast_from(grad_o);
}

/// Each output beside its step's successor: `before[row, t] = output[row, t-1]`, the state before at t = 0.
#[cube(launch)]
fn shifted<F: Float>(
    output: &[F],
    first: &[F],
    before: &mut [F],
    time: usize,
    hidden: usize,
    #[define(F)] _dtype: ElemType,
) {
    let at = ABSOLUTE_POS;
    if at >= before.len() {
        terminate!();
    }
    let (step, k) = (at / hidden, at % hidden);
    if step % time == 0 {
        before[at] = first[(step / time) * hidden + k];
    } else {
        before[at] = output[at - hidden];
    }
}

/// Outputs, cells and activated gates; every tensor contiguous.
pub(super) fn forward(
    [x, input, recurrent, bias, first_output, first_cell]: [CubeTensor; 6],
    steps: &Steps,
) -> (CubeTensor, CubeTensor, CubeTensor) {
    let ([batch, time, inputs], [_, hidden]) = (shape(&x), shape(&first_cell));
    let gates = times(reshape(x.clone(), [batch * time, inputs]), transposed(input));
    let (output, cells) = (like(&x, [batch, time, hidden]), like(&x, [batch, time, hidden]));
    let lengths = numbers(&x, steps.lengths().iter().copied());
    let mut last = first_output;
    for t in 0..time {
        let product = times(last, transposed(recurrent.clone()));
        last = like(&x, [batch, hidden]);
        let (count, dim) = units(batch * hidden);
        cell_forward::launch(
            &x.client,
            count,
            dim,
            gates.clone().into_buffer_arg(),
            product.into_buffer_arg(),
            bias.clone().into_buffer_arg(),
            first_cell.clone().into_buffer_arg(),
            lengths.clone().into_buffer_arg(),
            output.clone().into_buffer_arg(),
            cells.clone().into_buffer_arg(),
            last.clone().into_buffer_arg(),
            t,
            time,
            hidden,
            !steps.lengths().is_empty(),
            element(&x),
        );
    }
    (output, cells, reshape(gates, [batch, time, 4 * hidden]))
}

/// What the backward pass reads of the forward one; every tensor contiguous.
pub(super) struct Kept {
    pub(super) x: CubeTensor,
    pub(super) input: CubeTensor,
    pub(super) recurrent: CubeTensor,
    pub(super) first_output: CubeTensor,
    pub(super) first_cell: CubeTensor,
    pub(super) output: CubeTensor,
    pub(super) cells: CubeTensor,
    pub(super) gates: CubeTensor,
}

/// Gradients of x, the two weights and the bias.
pub(super) fn backward(
    kept: Kept,
    grad: CubeTensor,
    steps: &Steps,
) -> (CubeTensor, CubeTensor, CubeTensor, CubeTensor) {
    let ([batch, time, inputs], [_, hidden]) = (shape(&kept.x), shape(&kept.first_cell));
    let gradients = gate_gradients(&kept, grad, steps);
    let x = times(gradients.clone(), kept.input);
    let input = times(transposed(gradients.clone()), reshape(kept.x, [batch * time, inputs]));
    let before = shift(kept.output, kept.first_output);
    let recurrent = times(transposed(gradients.clone()), reshape(before, [batch * time, hidden]));
    let dtype = gradients.dtype;
    (reshape(x, [batch, time, inputs]), input, recurrent, column_sums(gradients, dtype))
}

/// Gradients of the gates before activation, `[steps, 4·hidden]`.
fn gate_gradients(kept: &Kept, grad: CubeTensor, steps: &Steps) -> CubeTensor {
    let ([batch, time, _], [_, hidden]) = (shape(&kept.x), shape(&kept.first_cell));
    let gradients = like(&kept.x, [batch * time, 4 * hidden]);
    let step_gates = like(&kept.x, [batch, 4 * hidden]);
    let carry = zeros_of_type(&kept.x, [batch, hidden], DType::F32);
    let lengths = numbers(&kept.x, steps.lengths().iter().copied());
    let mut from_next = zeros_like(&kept.x, [batch, hidden]);
    for t in (0..time).rev() {
        let (count, dim) = units(batch * hidden);
        cell_backward::launch(
            &kept.x.client,
            count,
            dim,
            kept.gates.clone().into_buffer_arg(),
            kept.cells.clone().into_buffer_arg(),
            kept.first_cell.clone().into_buffer_arg(),
            grad.clone().into_buffer_arg(),
            from_next.into_buffer_arg(),
            lengths.clone().into_buffer_arg(),
            carry.clone().into_buffer_arg(),
            gradients.clone().into_buffer_arg(),
            step_gates.clone().into_buffer_arg(),
            t,
            time,
            hidden,
            !steps.lengths().is_empty(),
            element(&kept.x),
        );
        from_next = times(step_gates.clone(), kept.recurrent.clone());
    }
    gradients
}

fn shift(output: CubeTensor, first: CubeTensor) -> CubeTensor {
    let [batch, time, hidden] = shape(&output);
    let (before, (count, dim)) = (like(&output, [batch, time, hidden]), units(batch * time * hidden));
    let (client, dtype) = (output.client.clone(), element(&output));
    let (output, first, out) = (output.into_buffer_arg(), first.into_buffer_arg(), before.clone().into_buffer_arg());
    shifted::launch(&client, count, dim, output, first, out, time, hidden, dtype);
    before
}
