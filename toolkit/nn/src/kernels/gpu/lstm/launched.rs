//! An LSTM step by step: two launches for each, the recurrent product and the cell. For any type and any size.

use burn::tensor::DType;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::cell::{advance, read, retreat, unit_at, write};
use super::{Kept, Run};
use crate::kernels::gpu::product::times;
use crate::kernels::gpu::steps::steps_of;
use crate::kernels::gpu::tensor::{IntoArgument, element, like, transposed, units, zeros_like, zeros_of_type};

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
    if ABSOLUTE_POS >= first.len() {
        terminate!();
    }
    let (row, k) = (ABSOLUTE_POS / hidden, ABSOLUTE_POS % hidden);
    let unit = unit_at(row, k, t, time, hidden);
    let is_real = t < steps_of(lengths, row, time, bounded);
    let product = read(recurrent, 4 * row * hidden + k, hidden);
    let y = F::cast_from(advance(gates, &product, bias, first, cells, &unit, hidden, is_real));
    output[unit.here] = y;
    last[unit.state] = y;
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
    if ABSOLUTE_POS >= first.len() {
        terminate!();
    }
    let (row, k) = (ABSOLUTE_POS / hidden, ABSOLUTE_POS % hidden);
    let unit = unit_at(row, k, t, time, hidden);
    let is_real = t < steps_of(lengths, row, time, bounded);
    let incoming = f32::cast_from(grad[unit.here]) + f32::cast_from(from_next[unit.state]);
    let slopes = retreat(gates, cells, first, carry, incoming, &unit, hidden, is_real);
    write(grad_gates, unit.gate, hidden, &slopes);
    write(step_gates, 4 * row * hidden + k, hidden, &slopes);
}

/// Walks forward: `gates` holds the input's products and gets the activated gates.
pub(super) fn forward(run: &Run, recurrent: &CubeTensor, first_output: CubeTensor) {
    let Run { batch, time, hidden, .. } = *run;
    let mut last = first_output;
    for t in 0..time {
        let product = times(last, transposed(recurrent.clone()));
        last = like(&run.gates, [batch, hidden]);
        let (count, dim) = units(batch * hidden);
        cell_forward::launch(
            &run.gates.client,
            count,
            dim,
            run.gates.clone().into_argument(),
            product.into_argument(),
            run.bias.clone().into_argument(),
            run.first_cell.clone().into_argument(),
            run.lengths.clone().into_argument(),
            run.output.clone().into_argument(),
            run.cells.clone().into_argument(),
            last.clone().into_argument(),
            t,
            time,
            hidden,
            run.bounded,
            element(&run.gates),
        );
    }
}

/// Walks back: the gradients of the gates before activation, `[steps, 4·hidden]`.
pub(super) fn backward(kept: &Kept, grad: CubeTensor, lengths: &CubeTensor, bounded: bool) -> CubeTensor {
    let [batch, time, hidden] = kept.sizes();
    let gradients = like(&kept.x, [batch * time, 4 * hidden]);
    let step_gates = like(&kept.x, [batch, 4 * hidden]);
    let carry = zeros_of_type(&kept.x, [batch, hidden], DType::F32);
    let mut from_next = zeros_like(&kept.x, [batch, hidden]);
    for t in (0..time).rev() {
        let (count, dim) = units(batch * hidden);
        cell_backward::launch(
            &kept.x.client,
            count,
            dim,
            kept.gates.clone().into_argument(),
            kept.cells.clone().into_argument(),
            kept.first_cell.clone().into_argument(),
            grad.clone().into_argument(),
            from_next.into_argument(),
            lengths.clone().into_argument(),
            carry.clone().into_argument(),
            gradients.clone().into_argument(),
            step_gates.clone().into_argument(),
            t,
            time,
            hidden,
            bounded,
            element(&kept.x),
        );
        from_next = times(step_gates.clone(), kept.recurrent.clone());
    }
    gradients
}
