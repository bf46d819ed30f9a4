//! An LSTM over a whole sequence on the CPU: the input projection is already in the gates, each step
//! adds the recurrent product and runs the fused cell. Gates in PyTorch's order: i, f, g, o.

use rayon::prelude::*;

use super::matrix::{Rows, times, times_transposed, transposed_times};
use super::qrnn::Sizes;
use super::simd::{for_each_processor, sigmoid, tanh};

/// What the forward pass gives: outputs and cells `[batch, time, hidden]`, activated gates
/// `[batch, time, 4·hidden]`.
pub(crate) struct Sequence {
    pub(crate) output: Vec<f32>,
    pub(crate) cells: Vec<f32>,
    pub(crate) activated: Vec<f32>,
}

/// State `[batch, hidden]` before the first step.
#[derive(Clone, Copy)]
pub(crate) struct First<'a> {
    pub(crate) output: &'a [f32],
    pub(crate) cell: &'a [f32],
}

/// Runs the sequence; `gates` is the input projection `[batch, time, 4·hidden]`, `weight` the
/// recurrent weight `[4·hidden, hidden]`.
pub(crate) fn forward(gates: Vec<f32>, weight: &[f32], first: First<'_>, sizes: Sizes) -> Sequence {
    let Sizes { batch, time, hidden } = sizes;
    let recurrent = Rows::whole(weight, 4 * hidden, hidden);
    let mut activated = gates;
    let mut output = vec![0.0; batch * time * hidden];
    let mut cells = vec![0.0; batch * time * hidden];
    for t in 0..time {
        let before = if t == 0 { Rows::whole(first.output, batch, hidden) } else { step_rows(&output, t - 1, sizes) };
        times_transposed(&mut activated[t * 4 * hidden..], time * 4 * hidden, true, before, recurrent);
        let row = time * hidden;
        (
            activated.par_chunks_mut(4 * row),
            output.par_chunks_mut(row),
            cells.par_chunks_mut(row),
            first.cell.par_chunks(hidden),
        )
            .into_par_iter()
            .with_min_len(batch.div_ceil(4))
            .for_each(|(activated, output, cells, first)| {
                let (done, rest) = cells.split_at_mut(t * hidden);
                let previous = if t == 0 { first } else { &done[(t - 1) * hidden..] };
                cell_forward(
                    &mut activated[4 * t * hidden..4 * (t + 1) * hidden],
                    &mut output[t * hidden..(t + 1) * hidden],
                    &mut rest[..hidden],
                    previous,
                );
            });
    }
    Sequence { output, cells, activated }
}

/// The rows of one time step inside `[batch, time, hidden]`.
fn step_rows(data: &[f32], t: usize, sizes: Sizes) -> Rows<'_> {
    Rows {
        data: &data[t * sizes.hidden..],
        rows: sizes.batch,
        columns: sizes.hidden,
        stride: sizes.time * sizes.hidden,
    }
}

for_each_processor! {
    cell_forward(gates: &mut [f32], output: &mut [f32], cell: &mut [f32], previous: &[f32]) {
        let hidden = cell.len();
        let (gate_i, rest) = gates.split_at_mut(hidden);
        let (gate_f, rest) = rest.split_at_mut(hidden);
        let (gate_g, gate_o) = rest.split_at_mut(hidden);
        let (gate_o, output, previous) = (&mut gate_o[..hidden], &mut output[..hidden], &previous[..hidden]);
        for k in 0..hidden {
            let (i, f, g, o) = (sigmoid(gate_i[k]), sigmoid(gate_f[k]), tanh(gate_g[k]), sigmoid(gate_o[k]));
            let c = f * previous[k] + i * g;
            gate_i[k] = i;
            gate_f[k] = f;
            gate_g[k] = g;
            gate_o[k] = o;
            cell[k] = c;
            output[k] = o * tanh(c);
        }
    }
}

/// What the forward pass kept.
#[derive(Clone, Copy)]
pub(crate) struct Kept<'a> {
    pub(crate) output: &'a [f32],
    pub(crate) cells: &'a [f32],
    pub(crate) activated: &'a [f32],
    pub(crate) weight: &'a [f32],
    pub(crate) first: First<'a>,
}

/// Gradients of the input projection `[batch, time, 4·hidden]` and of the recurrent weight
/// `[4·hidden, hidden]`. The state before the first step is data: truncated BPTT stops there.
pub(crate) fn backward(kept: Kept<'_>, grad: &[f32], sizes: Sizes) -> (Vec<f32>, Vec<f32>) {
    let Sizes { batch, time, hidden } = sizes;
    let row = time * hidden;
    let mut gates = vec![0.0; 4 * batch * row];
    let mut from_next = vec![0.0; batch * hidden];
    let mut cell_carry = vec![0.0; batch * hidden];
    for t in (0..time).rev() {
        (
            gates.par_chunks_mut(4 * row),
            kept.activated.par_chunks(4 * row),
            kept.cells.par_chunks(row),
            grad.par_chunks(row),
        )
            .into_par_iter()
            .zip((kept.first.cell.par_chunks(hidden), from_next.par_chunks(hidden), cell_carry.par_chunks_mut(hidden)))
            .with_min_len(batch.div_ceil(4))
            .for_each(|((gates, activated, cells, grad), (first, from_next, carry))| {
                let (here, wide) = (t * hidden..(t + 1) * hidden, 4 * t * hidden..4 * (t + 1) * hidden);
                let previous = if t == 0 { first } else { &cells[(t - 1) * hidden..t * hidden] };
                cell_backward(
                    &mut gates[wide.clone()],
                    &activated[wide],
                    &cells[here.clone()],
                    previous,
                    &grad[here],
                    from_next,
                    carry,
                );
            });
        if t > 0 {
            let step = Rows { data: &gates[4 * t * hidden..], rows: batch, columns: 4 * hidden, stride: 4 * row };
            times(&mut from_next, false, step, Rows::whole(kept.weight, 4 * hidden, hidden));
        }
    }
    let weight = weight_gradient(kept, &gates, sizes);
    (gates, weight)
}

/// `dW = Σ_t dgates_tᵀ · h_{t-1}`, as one product over all rows and steps.
fn weight_gradient(kept: Kept<'_>, gates: &[f32], sizes: Sizes) -> Vec<f32> {
    let Sizes { batch, time, hidden } = sizes;
    let mut before = vec![0.0; batch * time * hidden];
    let rows =
        before.chunks_mut(time * hidden).zip(kept.output.chunks(time * hidden)).zip(kept.first.output.chunks(hidden));
    for ((before, output), first) in rows {
        before[..hidden].copy_from_slice(first);
        before[hidden..].copy_from_slice(&output[..(time - 1) * hidden]);
    }
    let mut weight = vec![0.0; 4 * hidden * hidden];
    transposed_times(
        &mut weight,
        false,
        Rows::whole(gates, batch * time, 4 * hidden),
        Rows::whole(&before, batch * time, hidden),
    );
    weight
}

for_each_processor! {
    cell_backward(
        gates: &mut [f32], activated: &[f32], cell: &[f32], previous: &[f32], grad: &[f32], from_next: &[f32], carry: &mut [f32],
    ) {
        let hidden = cell.len();
        let (i, f) = (&activated[..hidden], &activated[hidden..2 * hidden]);
        let (g, o) = (&activated[2 * hidden..3 * hidden], &activated[3 * hidden..4 * hidden]);
        let (grad_i, rest) = gates.split_at_mut(hidden);
        let (grad_f, rest) = rest.split_at_mut(hidden);
        let (grad_g, grad_o) = rest.split_at_mut(hidden);
        let grad_o = &mut grad_o[..hidden];
        let (previous, grad, from_next, carry) = (&previous[..hidden], &grad[..hidden], &from_next[..hidden], &mut carry[..hidden]);
        for k in 0..hidden {
            let output_grad = grad[k] + from_next[k];
            let tanh_c = tanh(cell[k]);
            let cell_grad = carry[k] + output_grad * o[k] * (1.0 - tanh_c * tanh_c);
            grad_o[k] = output_grad * tanh_c * o[k] * (1.0 - o[k]);
            grad_i[k] = cell_grad * g[k] * i[k] * (1.0 - i[k]);
            grad_f[k] = cell_grad * previous[k] * f[k] * (1.0 - f[k]);
            grad_g[k] = cell_grad * i[k] * (1.0 - g[k] * g[k]);
            carry[k] = cell_grad * f[k];
        }
    }
}
