//! An LSTM layer on the CPU: the input's product for all steps at once, then step by step the
//! recurrent product and the fused cell. Gates in PyTorch's order: i, f, g, o. `docs/gradients.md`
//! derives the backward.

use rayon::prelude::*;

use super::element::{Element, for_each_processor};
use super::matrix::{Rows, times, times_transposed, transposed, transposed_times};
use super::recurrent::{Run, Sizes, sum_rows};

/// A layer and its input. `x` `[batch, time, inputs]`, weights `[4·hidden, inputs]` and
/// `[4·hidden, hidden]`, bias `[4·hidden]`; `output` and `cell` `[batch, hidden]` are the state before.
#[derive(Clone, Copy)]
pub(crate) struct Layer<'a, E> {
    pub(crate) x: &'a [E],
    pub(crate) weight_input: &'a [E],
    pub(crate) weight_hidden: &'a [E],
    pub(crate) bias: &'a [E],
    pub(crate) output: &'a [E],
    pub(crate) cell: &'a [E],
    pub(crate) sizes: Sizes,
    /// Steps of each row that exist; empty where all do. Later ones give zeros and leave the cell.
    pub(crate) lengths: &'a [usize],
}

/// Gradients of x, the two weights and the bias. The state before the first step is data.
pub(crate) struct Gradients<E> {
    pub(crate) x: Vec<E>,
    pub(crate) weight_input: Vec<E>,
    pub(crate) weight_hidden: Vec<E>,
    pub(crate) bias: Vec<E>,
}

/// Rows of the batch that one task handles at the least: a step is short.
fn least_rows(batch: usize) -> usize {
    batch.div_ceil(4)
}

impl<E: Element> Layer<'_, E> {
    fn exists(&self, row: usize, t: usize) -> bool {
        self.lengths.get(row).is_none_or(|length| t < *length)
    }

    fn recurrent(&self) -> Rows<'_, E> {
        Rows::whole(self.weight_hidden, 4 * self.sizes.hidden, self.sizes.hidden)
    }

    /// One time step of all rows inside `[batch, time, width]`.
    fn step_of<'a>(&self, data: &'a [E], t: usize, width: usize) -> Rows<'a, E> {
        Rows { data: &data[t * width..], rows: self.sizes.batch, columns: width, stride: self.sizes.time * width }
    }

    /// `i, f, o = σ`, `g = tanh` of `W·x_t + U·h_{t-1} + b`; `c_t = f·c_{t-1} + i·g`; `h_t = o·tanh(c_t)`.
    pub(crate) fn forward(&self) -> Run<E> {
        let Sizes { batch, time, inputs, hidden } = self.sizes;
        let steps = self.sizes.steps();
        let mut gates = vec![E::ZERO; steps * 4 * hidden];
        let x = Rows::whole(self.x, steps, inputs);
        times_transposed(&mut gates, 4 * hidden, false, x, Rows::whole(self.weight_input, 4 * hidden, inputs));
        let (mut output, mut cells) = (vec![E::ZERO; steps * hidden], vec![E::ZERO; steps * hidden]);
        let recurrent = transposed(self.recurrent());
        let recurrent = Rows::whole(&recurrent, hidden, 4 * hidden);
        for t in 0..time {
            let before =
                if t == 0 { Rows::whole(self.output, batch, hidden) } else { self.step_of(&output, t - 1, hidden) };
            times(&mut gates[4 * t * hidden..], 4 * time * hidden, true, before, recurrent);
            self.cells_forward(t, &mut gates, &mut output, &mut cells);
        }
        Run { output, cells, gates }
    }

    fn cells_forward(&self, t: usize, gates: &mut [E], output: &mut [E], cells: &mut [E]) {
        let Sizes { batch, time, hidden, .. } = self.sizes;
        let row = time * hidden;
        (gates.par_chunks_mut(4 * row), output.par_chunks_mut(row), cells.par_chunks_mut(row))
            .into_par_iter()
            .enumerate()
            .with_min_len(least_rows(batch))
            .for_each(|(index, (gates, output, cells))| {
                let (done, rest) = cells.split_at_mut(t * hidden);
                let first = &self.cell[index * hidden..(index + 1) * hidden];
                let previous = if t == 0 { first } else { &done[(t - 1) * hidden..] };
                if !self.exists(index, t) {
                    rest[..hidden].copy_from_slice(previous);
                    return;
                }
                let gates = &mut gates[4 * t * hidden..4 * (t + 1) * hidden];
                cell_forward(
                    gates,
                    self.bias,
                    &mut output[t * hidden..(t + 1) * hidden],
                    &mut rest[..hidden],
                    previous,
                );
            });
    }

    /// The gradients, with the activated gates of the forward pass, which become those of the gates
    /// before activation.
    pub(crate) fn backward(&self, gates: &mut [E], cells: &[E], output: &[E], grad: &[E]) -> Gradients<E> {
        let Sizes { batch, time, inputs, hidden } = self.sizes;
        let mut carry = Carry {
            from_next: vec![E::ZERO; batch * hidden],
            cell: vec![E::ZERO; batch * hidden],
            biases: vec![E::ZERO; batch * 4 * hidden],
        };
        for t in (0..time).rev() {
            self.cells_backward(t, gates, cells, grad, &mut carry);
            if t > 0 {
                times(&mut carry.from_next, hidden, false, self.step_of(gates, t, 4 * hidden), self.recurrent());
            }
        }
        let steps = self.sizes.steps();
        let grads = Rows::whole(gates, steps, 4 * hidden);
        let mut weight_input = vec![E::ZERO; self.weight_input.len()];
        transposed_times(&mut weight_input, false, grads, Rows::whole(self.x, steps, inputs));
        let mut x = vec![E::ZERO; self.x.len()];
        times(&mut x, inputs, false, grads, Rows::whole(self.weight_input, 4 * hidden, inputs));
        let weight_hidden = self.recurrent_gradient(output, grads);
        Gradients { x, weight_input, weight_hidden, bias: sum_rows(&carry.biases, 4 * hidden) }
    }

    fn cells_backward(&self, t: usize, gates: &mut [E], cells: &[E], grad: &[E], carry: &mut Carry<E>) {
        let Sizes { batch, time, hidden, .. } = self.sizes;
        let row = time * hidden;
        (
            gates.par_chunks_mut(4 * row),
            cells.par_chunks(row),
            grad.par_chunks(row),
            carry.from_next.par_chunks(hidden),
            carry.cell.par_chunks_mut(hidden),
            carry.biases.par_chunks_mut(4 * hidden),
        )
            .into_par_iter()
            .enumerate()
            .with_min_len(least_rows(batch))
            .for_each(|(index, (gates, cells, grad, from_next, carry, bias))| {
                let (here, gates) = (t * hidden..(t + 1) * hidden, &mut gates[4 * t * hidden..4 * (t + 1) * hidden]);
                let first = &self.cell[index * hidden..(index + 1) * hidden];
                let previous = if t == 0 { first } else { &cells[(t - 1) * hidden..t * hidden] };
                if self.exists(index, t) {
                    cell_backward(gates, &cells[here.clone()], previous, &grad[here], from_next, carry, bias);
                } else {
                    gates.fill(E::ZERO);
                }
            });
    }

    /// `dU = Σ_t dgates_tᵀ · h_{t-1}`, as one product over all rows and steps.
    fn recurrent_gradient(&self, output: &[E], grads: Rows<'_, E>) -> Vec<E> {
        let Sizes { time, hidden, .. } = self.sizes;
        let mut before = vec![E::ZERO; output.len()];
        before
            .par_chunks_mut(time * hidden)
            .zip(output.par_chunks(time * hidden))
            .zip(self.output.par_chunks(hidden))
            .for_each(|((before, output), first)| {
                before[..hidden].copy_from_slice(first);
                before[hidden..].copy_from_slice(&output[..(time - 1) * hidden]);
            });
        let mut weight = vec![E::ZERO; self.weight_hidden.len()];
        transposed_times(&mut weight, false, grads, Rows::whole(&before, self.sizes.steps(), hidden));
        weight
    }
}

/// What the backward pass carries from a step to the one before, `[batch, hidden]`, and each row's
/// gradient of the bias so far, `[batch, 4·hidden]`.
struct Carry<E> {
    from_next: Vec<E>,
    cell: Vec<E>,
    biases: Vec<E>,
}

for_each_processor! {
    cell_forward<E>(gates: &mut [E], bias: &[E], output: &mut [E], cell: &mut [E], previous: &[E]) {
        let hidden = cell.len();
        let (gate_i, rest) = gates.split_at_mut(hidden);
        let (gate_f, rest) = rest.split_at_mut(hidden);
        let (gate_g, gate_o) = rest.split_at_mut(hidden);
        let (bias_i, bias_f) = (&bias[..hidden], &bias[hidden..2 * hidden]);
        let (bias_g, bias_o) = (&bias[2 * hidden..3 * hidden], &bias[3 * hidden..4 * hidden]);
        let (gate_o, output, previous) = (&mut gate_o[..hidden], &mut output[..hidden], &previous[..hidden]);
        for k in 0..hidden {
            let (i, f) = ((gate_i[k] + bias_i[k]).sigmoid(), (gate_f[k] + bias_f[k]).sigmoid());
            let (g, o) = ((gate_g[k] + bias_g[k]).tanh(), (gate_o[k] + bias_o[k]).sigmoid());
            let c = f * previous[k] + i * g;
            gate_i[k] = i;
            gate_f[k] = f;
            gate_g[k] = g;
            gate_o[k] = o;
            cell[k] = c;
            output[k] = o * c.tanh();
        }
    }
}

for_each_processor! {
    cell_backward<E>(
        gates: &mut [E], cell: &[E], previous: &[E], grad: &[E], from_next: &[E], carry: &mut [E], bias: &mut [E],
    ) {
        let hidden = cell.len();
        let (gate_i, rest) = gates.split_at_mut(hidden);
        let (gate_f, rest) = rest.split_at_mut(hidden);
        let (gate_g, gate_o) = rest.split_at_mut(hidden);
        let (bias_i, rest) = bias.split_at_mut(hidden);
        let (bias_f, rest) = rest.split_at_mut(hidden);
        let (bias_g, bias_o) = rest.split_at_mut(hidden);
        let (gate_o, bias_o) = (&mut gate_o[..hidden], &mut bias_o[..hidden]);
        let (previous, grad, from_next, carry) = (&previous[..hidden], &grad[..hidden], &from_next[..hidden], &mut carry[..hidden]);
        for k in 0..hidden {
            let (i, f, g, o) = (gate_i[k], gate_f[k], gate_g[k], gate_o[k]);
            let output_grad = grad[k] + from_next[k];
            let tanh_c = cell[k].tanh();
            let cell_grad = carry[k] + output_grad * o * (E::ONE - tanh_c * tanh_c);
            let grad_o = output_grad * tanh_c * o * (E::ONE - o);
            let grad_i = cell_grad * g * i * (E::ONE - i);
            let grad_f = cell_grad * previous[k] * f * (E::ONE - f);
            let grad_g = cell_grad * i * (E::ONE - g * g);
            carry[k] = cell_grad * f;
            gate_i[k] = grad_i;
            gate_f[k] = grad_f;
            gate_g[k] = grad_g;
            gate_o[k] = grad_o;
            bias_i[k] += grad_i;
            bias_f[k] += grad_f;
            bias_g[k] += grad_g;
            bias_o[k] += grad_o;
        }
    }
}
