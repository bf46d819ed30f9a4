//! The LSTM's cell for one hidden unit of a row at a step, forward and backward: what both ways to walk over the steps
//! compute. The arithmetic is that of `cpu::lstm`; gates in PyTorch's order.

use cubecl::prelude::*;

use crate::kernels::gpu::element::sigmoid;

/// A number for each of the four gates.
#[derive(CubeType, Clone, Copy)]
pub(super) struct Gates {
    pub(super) i: f32,
    pub(super) f: f32,
    pub(super) g: f32,
    pub(super) o: f32,
}

/// Four numbers of a buffer, one each `distance`.
#[cube]
pub(super) fn read<F: Float>(from: &[F], at: usize, distance: usize) -> Gates {
    Gates {
        i: f32::cast_from(from[at]),
        f: f32::cast_from(from[at + distance]),
        g: f32::cast_from(from[at + 2 * distance]),
        o: f32::cast_from(from[at + 3 * distance]),
    }
}

#[cube]
pub(super) fn write<F: Float>(to: &mut [F], at: usize, distance: usize, gates: &Gates) {
    to[at] = F::cast_from(gates.i);
    to[at + distance] = F::cast_from(gates.f);
    to[at + 2 * distance] = F::cast_from(gates.g);
    to[at + 3 * distance] = F::cast_from(gates.o);
}

/// Where a hidden unit of a row stands at a step.
#[derive(CubeType, Clone, Copy)]
pub(super) struct Unit {
    pub(super) k: usize,
    /// Among states without time.
    pub(super) state: usize,
    /// Among the units of all steps.
    pub(super) here: usize,
    /// Its first gate among those of all steps.
    pub(super) gate: usize,
    pub(super) is_first: bool,
}

#[cube]
pub(super) fn unit_at(row: usize, k: usize, t: usize, time: usize, hidden: usize) -> Unit {
    let step = row * time + t;
    Unit { k, state: row * hidden + k, here: step * hidden + k, gate: 4 * step * hidden + k, is_first: t == 0 }
}

/// The cell before this step.
#[cube]
fn before<F: Float>(cells: &[F], first: &[F], unit: &Unit, hidden: usize) -> f32 {
    let mut previous = f32::cast_from(first[unit.state]);
    if !unit.is_first {
        previous = f32::cast_from(cells[unit.here - hidden]);
    }
    previous
}

/// One step: the activated gates and the cell are written, the output is given. `recurrent` holds the gates' products
/// with the state before; past its row's end (`is_real` false) the cell stays and the output is zero.
#[cube]
pub(super) fn advance<F: Float>(
    gates: &mut [F],
    recurrent: &Gates,
    bias: &[F],
    first: &[F],
    cells: &mut [F],
    unit: &Unit,
    hidden: usize,
    is_real: bool,
) -> f32 {
    let previous = before(&*cells, first, unit, hidden);
    let mut output = 0.0f32;
    if is_real {
        let (given, bias) = (read(&*gates, unit.gate, hidden), read(bias, unit.k, hidden));
        let i = sigmoid(given.i + recurrent.i + bias.i);
        let f = sigmoid(given.f + recurrent.f + bias.f);
        let g = f32::tanh(given.g + recurrent.g + bias.g);
        let o = sigmoid(given.o + recurrent.o + bias.o);
        let c = f * previous + i * g;
        output = o * f32::tanh(c);
        write(gates, unit.gate, hidden, &Gates { i, f, g, o });
        cells[unit.here] = F::cast_from(c);
    } else {
        cells[unit.here] = F::cast_from(previous);
    }
    output
}

/// One step back: the gradients of the gates before activation. `incoming` is the output's gradient, `carry` the
/// cell's, from the step after to the step before.
#[cube]
pub(super) fn retreat<F: Float>(
    gates: &[F],
    cells: &[F],
    first: &[F],
    carry: &mut [f32],
    incoming: f32,
    unit: &Unit,
    hidden: usize,
    is_real: bool,
) -> Gates {
    let mut slopes = Gates { i: 0.0f32, f: 0.0f32, g: 0.0f32, o: 0.0f32 };
    if is_real {
        let gates = read(gates, unit.gate, hidden);
        let previous = before(cells, first, unit, hidden);
        let curved = f32::tanh(f32::cast_from(cells[unit.here]));
        let adjoint = carry[unit.state] + incoming * gates.o * (1.0 - curved * curved);
        slopes.i = adjoint * gates.g * gates.i * (1.0 - gates.i);
        slopes.f = adjoint * previous * gates.f * (1.0 - gates.f);
        slopes.g = adjoint * gates.i * (1.0 - gates.g * gates.g);
        slopes.o = incoming * curved * gates.o * (1.0 - gates.o);
        carry[unit.state] = adjoint * gates.f;
    }
    slopes
}
