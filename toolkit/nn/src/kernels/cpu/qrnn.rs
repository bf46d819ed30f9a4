//! QRNN fo-pooling on the CPU (Bradbury et al. 2017, equation 4): gate activations, scan and output
//! in one pass over each row of the batch.

use rayon::prelude::*;

use super::simd::{for_each_processor, sigmoid, tanh};

/// Sizes of a pooling: rows of the batch, time steps, hidden units.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) batch: usize,
    pub(crate) time: usize,
    pub(crate) hidden: usize,
}

/// What the forward pass gives: outputs and cells `[batch, time, hidden]`, activated gates
/// `[batch, time, 3·hidden]`.
pub(crate) struct Pooled {
    pub(crate) output: Vec<f32>,
    pub(crate) cells: Vec<f32>,
    pub(crate) activated: Vec<f32>,
}

/// `z, f, o = tanh, σ, σ` of the gates; `c_t = f·z + (1-f)·c_{t-1}`; `output = o·c`.
pub(crate) fn forward(gates: &[f32], first: &[f32], sizes: Sizes) -> Pooled {
    let Sizes { batch, time, hidden } = sizes;
    let mut pooled = Pooled {
        output: vec![0.0; batch * time * hidden],
        cells: vec![0.0; batch * time * hidden],
        activated: vec![0.0; batch * time * 3 * hidden],
    };
    let row = time * hidden;
    (gates.par_chunks(3 * row), first.par_chunks(hidden), pooled.output.par_chunks_mut(row))
        .into_par_iter()
        .zip((pooled.cells.par_chunks_mut(row), pooled.activated.par_chunks_mut(3 * row)))
        .for_each(|((gates, first, output), (cells, activated))| {
            row_forward(gates, first, output, cells, activated, hidden)
        });
    pooled
}

fn row_forward(
    gates: &[f32],
    first: &[f32],
    output: &mut [f32],
    cells: &mut [f32],
    activated: &mut [f32],
    hidden: usize,
) {
    let mut previous = first;
    let steps = gates
        .chunks(3 * hidden)
        .zip(activated.chunks_mut(3 * hidden))
        .zip(output.chunks_mut(hidden))
        .zip(cells.chunks_mut(hidden));
    for (((gates, activated), output), cell) in steps {
        step_forward(gates, activated, cell, output, previous);
        previous = cell;
    }
}

for_each_processor! {
    step_forward(gates: &[f32], activated: &mut [f32], cell: &mut [f32], output: &mut [f32], previous: &[f32]) {
        let hidden = cell.len();
        let (gate_z, gate_f, gate_o) = (&gates[..hidden], &gates[hidden..2 * hidden], &gates[2 * hidden..3 * hidden]);
        let (active_z, rest) = activated.split_at_mut(hidden);
        let (active_f, active_o) = rest.split_at_mut(hidden);
        let (active_o, output, previous) = (&mut active_o[..hidden], &mut output[..hidden], &previous[..hidden]);
        for k in 0..hidden {
            let (z, f, o) = (tanh(gate_z[k]), sigmoid(gate_f[k]), sigmoid(gate_o[k]));
            let c = f * z + (1.0 - f) * previous[k];
            active_z[k] = z;
            active_f[k] = f;
            active_o[k] = o;
            cell[k] = c;
            output[k] = o * c;
        }
    }
}

/// The gradient of the gates before activation. With `g_t = grad_t·o_t + (1-f_{t+1})·g_{t+1}` the
/// adjoint of the cell: `dz = g·f·(1-z²)`, `df = g·(z-c_{t-1})·f·(1-f)`, `do = grad·c·o·(1-o)`.
pub(crate) fn backward(activated: &[f32], cells: &[f32], first: &[f32], grad: &[f32], sizes: Sizes) -> Vec<f32> {
    let Sizes { batch, time, hidden } = sizes;
    let row = time * hidden;
    let mut gates = vec![0.0; batch * 3 * row];
    (gates.par_chunks_mut(3 * row), activated.par_chunks(3 * row), cells.par_chunks(row))
        .into_par_iter()
        .zip((first.par_chunks(hidden), grad.par_chunks(row)))
        .for_each(|((gates, activated, cells), (first, grad))| {
            row_backward(gates, activated, cells, first, grad, hidden)
        });
    gates
}

fn row_backward(gates: &mut [f32], activated: &[f32], cells: &[f32], first: &[f32], grad: &[f32], hidden: usize) {
    let mut carry = vec![0.0; hidden];
    for t in (0..grad.len() / hidden).rev() {
        let (here, wide) = (t * hidden..(t + 1) * hidden, 3 * t * hidden..3 * (t + 1) * hidden);
        let previous = if t == 0 { first } else { &cells[(t - 1) * hidden..t * hidden] };
        step_backward(
            &mut gates[wide.clone()],
            &activated[wide],
            &cells[here.clone()],
            previous,
            &grad[here],
            &mut carry,
        );
    }
}

for_each_processor! {
    step_backward(gates: &mut [f32], activated: &[f32], cell: &[f32], previous: &[f32], grad: &[f32], carry: &mut [f32]) {
        let hidden = cell.len();
        let (z, f, o) = (&activated[..hidden], &activated[hidden..2 * hidden], &activated[2 * hidden..3 * hidden]);
        let (grad_z, rest) = gates.split_at_mut(hidden);
        let (grad_f, grad_o) = rest.split_at_mut(hidden);
        let (grad_o, previous, grad, carry) = (&mut grad_o[..hidden], &previous[..hidden], &grad[..hidden], &mut carry[..hidden]);
        for k in 0..hidden {
            let adjoint = grad[k] * o[k] + carry[k];
            grad_o[k] = grad[k] * cell[k] * o[k] * (1.0 - o[k]);
            grad_z[k] = adjoint * f[k] * (1.0 - z[k] * z[k]);
            grad_f[k] = adjoint * (z[k] - previous[k]) * f[k] * (1.0 - f[k]);
            carry[k] = adjoint * (1.0 - f[k]);
        }
    }
}
