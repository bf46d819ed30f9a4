//! A quasi-recurrent layer on the CPU (Bradbury et al. 2017, section 2): one product gives the gates
//! of all steps, then bias, activations, fo-pooling and output in one pass over each row of the batch.
//! `docs/gradients.md` derives the backward.

use glossa_base::seed::Stream;
use rayon::prelude::*;

use super::element::{Element, for_each_processor};
use super::linear::Gradients;
use super::matrix::{Rows, times, times_transposed, transposed_times};
use super::recurrent::{Run, Sizes, sum_rows};
use super::steps::{with_previous, with_previous_backward};

/// Units that keep their cell instead of updating it (Krueger et al. 2017).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Zoneout {
    /// None.
    #[default]
    Off,
    /// In training: each unit of each step with probability `p`, from a stream.
    Sampled {
        /// Where the draws come from.
        stream: Stream,
        /// Share of units that keep their cell.
        p: f32,
    },
    /// In prediction: what training does on average.
    Expected {
        /// Share of units that keep their cell.
        p: f32,
    },
}

impl Zoneout {
    /// What multiplies the update gate at a step, counted over all rows, or nothing.
    fn factors<E: Element>(self, step: usize, factors: &mut [E]) -> bool {
        match self {
            Zoneout::Off => return false,
            Zoneout::Expected { p } => factors.fill(E::of(1.0 - f64::from(p))),
            Zoneout::Sampled { stream, p } => {
                let first = (step * factors.len()) as u64;
                for (index, factor) in factors.iter_mut().enumerate() {
                    *factor = if stream.uniform(first + index as u64) < p { E::ZERO } else { E::ONE };
                }
            }
        }
        true
    }

    /// The stored update gate is `k·f` with a constant `k`: its slope is `kf·(1 - kf/k)`.
    pub(crate) fn inverse<E: Element>(self) -> E {
        match self {
            Zoneout::Expected { p } => E::of(1.0 / (1.0 - f64::from(p))),
            Zoneout::Off | Zoneout::Sampled { .. } => E::ONE,
        }
    }
}

/// A layer and its input. `x` `[batch, time, inputs]`, weight `[3·hidden, window·inputs]` (z, f, o),
/// bias `[3·hidden]`; the state before: `previous` `[batch, inputs]`, `cell` `[batch, hidden]`.
#[derive(Clone, Copy)]
pub(crate) struct Layer<'a, E> {
    pub(crate) x: &'a [E],
    pub(crate) weight: &'a [E],
    pub(crate) bias: &'a [E],
    pub(crate) previous: &'a [E],
    pub(crate) cell: &'a [E],
    pub(crate) sizes: Sizes,
    pub(crate) zoneout: Zoneout,
    /// Steps of each row that exist; empty where all do. Later ones give zeros and leave the state.
    pub(crate) lengths: &'a [usize],
}

impl<E: Element> Layer<'_, E> {
    /// 2 where the weight reads the step before too.
    fn window(&self) -> usize {
        self.weight.len() / (3 * self.sizes.hidden * self.sizes.inputs)
    }

    fn length(&self, row: usize) -> usize {
        self.lengths.get(row).copied().unwrap_or(self.sizes.time)
    }

    /// Applies `work` to what the weight multiplies, `[steps, window·inputs]`.
    fn with_source<R>(&self, work: impl FnOnce(Rows<'_, E>) -> R) -> R {
        let Sizes { time, inputs, .. } = self.sizes;
        if self.window() == 1 {
            return work(Rows::whole(self.x, self.sizes.steps(), inputs));
        }
        let both = with_previous(self.x, self.previous, time, inputs);
        work(Rows::whole(&both, self.sizes.steps(), 2 * inputs))
    }

    fn weights(&self) -> Rows<'_, E> {
        Rows::whole(self.weight, 3 * self.sizes.hidden, self.window() * self.sizes.inputs)
    }

    /// `z, f, o = tanh, σ, σ` of `W·[x_t, x_{t-1}] + b`; `c_t = f·z + (1-f)·c_{t-1}`; `output = o·c`.
    pub(crate) fn forward(&self) -> Run<E> {
        let Sizes { time, hidden, .. } = self.sizes;
        let steps = self.sizes.steps();
        let mut gates = vec![E::ZERO; steps * 3 * hidden];
        self.with_source(|source| times_transposed(&mut gates, 3 * hidden, false, source, self.weights()));
        let (mut output, mut cells) = (vec![E::ZERO; steps * hidden], vec![E::ZERO; steps * hidden]);
        let row = time * hidden;
        (gates.par_chunks_mut(3 * row), output.par_chunks_mut(row), cells.par_chunks_mut(row))
            .into_par_iter()
            .enumerate()
            .for_each(|(index, (gates, output, cells))| self.pool_row(index, gates, output, cells));
        Run { output, cells, gates }
    }

    fn pool_row(&self, row: usize, gates: &mut [E], output: &mut [E], cells: &mut [E]) {
        let (hidden, length) = (self.sizes.hidden, self.length(row));
        let first = &self.cell[row * hidden..(row + 1) * hidden];
        let mut factors = vec![E::ONE; hidden];
        for t in 0..self.sizes.time {
            let (done, rest) = cells.split_at_mut(t * hidden);
            let previous = if t == 0 { first } else { &done[(t - 1) * hidden..] };
            let (cell, output) = (&mut rest[..hidden], &mut output[t * hidden..(t + 1) * hidden]);
            if t >= length {
                cell.copy_from_slice(previous);
                continue;
            }
            self.zoneout.factors(row * self.sizes.time + t, &mut factors);
            let gates = &mut gates[3 * t * hidden..3 * (t + 1) * hidden];
            step_forward(gates, self.bias, &factors, cell, output, previous);
        }
    }

    /// The gradients of x, weight and bias, with the activated gates of the forward pass, which become those of the gates
    /// before activation. With `g_t = grad_t·o_t + (1-f_{t+1})·g_{t+1}`, the adjoint of the cell:
    /// `dz = g·f·(1-z²)`, `df = g·(z-c_{t-1})·f·(1-f)`, `do = grad·c·o·(1-o)`.
    pub(crate) fn backward(&self, gates: &mut [E], cells: &[E], grad: &[E]) -> Gradients<E> {
        let Sizes { batch, time, inputs, hidden } = self.sizes;
        let row = time * hidden;
        let mut biases = vec![E::ZERO; batch * 3 * hidden];
        (gates.par_chunks_mut(3 * row), cells.par_chunks(row), grad.par_chunks(row), biases.par_chunks_mut(3 * hidden))
            .into_par_iter()
            .enumerate()
            .for_each(|(index, (gates, cells, grad, bias))| self.row_backward(index, gates, cells, grad, bias));
        let grads = Rows::whole(gates, self.sizes.steps(), 3 * hidden);
        let mut weight = vec![E::ZERO; self.weight.len()];
        self.with_source(|source| transposed_times(&mut weight, false, grads, source));
        let wide = self.window() * inputs;
        let mut source = vec![E::ZERO; self.sizes.steps() * wide];
        times(&mut source, wide, false, grads, self.weights());
        let x = if self.window() == 1 { source } else { with_previous_backward(&source, time, inputs) };
        Gradients { x, weight, bias: sum_rows(&biases, 3 * hidden) }
    }

    fn row_backward(&self, row: usize, gates: &mut [E], cells: &[E], grad: &[E], bias: &mut [E]) {
        let (hidden, length) = (self.sizes.hidden, self.length(row));
        let first = &self.cell[row * hidden..(row + 1) * hidden];
        let mut carry = vec![E::ZERO; hidden];
        gates[3 * length.min(self.sizes.time) * hidden..].fill(E::ZERO);
        for t in (0..length.min(self.sizes.time)).rev() {
            let (here, wide) = (t * hidden..(t + 1) * hidden, 3 * t * hidden..3 * (t + 1) * hidden);
            let previous = if t == 0 { first } else { &cells[(t - 1) * hidden..t * hidden] };
            let (cell, grad) = (&cells[here.clone()], &grad[here]);
            step_backward(&mut gates[wide], self.zoneout.inverse(), cell, previous, grad, &mut carry, bias);
        }
    }
}

for_each_processor! {
    step_forward<E>(gates: &mut [E], bias: &[E], factors: &[E], cell: &mut [E], output: &mut [E], previous: &[E]) {
        let hidden = cell.len();
        let (gate_z, rest) = gates.split_at_mut(hidden);
        let (gate_f, gate_o) = rest.split_at_mut(hidden);
        let (bias_z, bias_f, bias_o) = (&bias[..hidden], &bias[hidden..2 * hidden], &bias[2 * hidden..3 * hidden]);
        let (gate_o, output, previous, factors) = (&mut gate_o[..hidden], &mut output[..hidden], &previous[..hidden], &factors[..hidden]);
        for k in 0..hidden {
            let z = (gate_z[k] + bias_z[k]).tanh();
            let f = (gate_f[k] + bias_f[k]).sigmoid() * factors[k];
            let o = (gate_o[k] + bias_o[k]).sigmoid();
            let c = f * z + (E::ONE - f) * previous[k];
            gate_z[k] = z;
            gate_f[k] = f;
            gate_o[k] = o;
            cell[k] = c;
            output[k] = o * c;
        }
    }
}

for_each_processor! {
    step_backward<E>(gates: &mut [E], inverse: E, cell: &[E], previous: &[E], grad: &[E], carry: &mut [E], bias: &mut [E]) {
        let hidden = cell.len();
        let (gate_z, rest) = gates.split_at_mut(hidden);
        let (gate_f, gate_o) = rest.split_at_mut(hidden);
        let (bias_z, rest) = bias.split_at_mut(hidden);
        let (bias_f, bias_o) = rest.split_at_mut(hidden);
        let (gate_o, previous, grad, carry) = (&mut gate_o[..hidden], &previous[..hidden], &grad[..hidden], &mut carry[..hidden]);
        let bias_o = &mut bias_o[..hidden];
        for k in 0..hidden {
            let (z, f, o) = (gate_z[k], gate_f[k], gate_o[k]);
            let adjoint = grad[k] * o + carry[k];
            let grad_o = grad[k] * cell[k] * o * (E::ONE - o);
            let grad_z = adjoint * f * (E::ONE - z * z);
            let grad_f = adjoint * (z - previous[k]) * f * (E::ONE - f * inverse);
            carry[k] = adjoint * (E::ONE - f);
            gate_z[k] = grad_z;
            gate_f[k] = grad_f;
            gate_o[k] = grad_o;
            bias_z[k] += grad_z;
            bias_f[k] += grad_f;
            bias_o[k] += grad_o;
        }
    }
}
