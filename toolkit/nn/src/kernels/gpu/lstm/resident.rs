//! An LSTM's steps in one launch: each cube keeps the recurrent weights of sixteen hidden units in its shared memory
//! for all steps, multiplies them with the whole state by tensor cores, and hands its part of the next state to the
//! others (persistent RNNs, Diamos et al. 2016). Cubes meet after every step, so all of them must be on the chip at
//! once; sums have one owner and a fixed order. For types of sixteen bits, where the weights fit.

mod grid;
mod product;

use burn::tensor::DType;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::cell::{Gates, advance, retreat, unit_at, write};
use super::{Kept, Run};
use crate::kernels::gpu::cores::ALIGNMENT;
use crate::kernels::gpu::steps::steps_of;
use crate::kernels::gpu::tensor::{IntoArgument, element, like, zeros_like, zeros_of_type};
use grid::{COUNTERS, meet};
pub(super) use product::Layout;
use product::{OWNED, UNITS, multiply, sum};

/// The weights of this cube: column `gate·16 + j` is what hidden unit j's gate reads of the state.
#[cube]
fn keep_rows<F: Float>(weights: &[F], slab: &mut Shared<[F]>, owner: usize, #[comptime] layout: Layout) {
    let (hidden, stride) = comptime!((layout.hidden, layout.stride()));
    let mut at = UNIT_POS as usize;
    while at < comptime!(layout.slab()) {
        let (column, k) = (at / stride, at % stride);
        let unit = owner * OWNED + column % OWNED;
        let mut weight = F::new(0.0);
        if unit < hidden && k < hidden {
            weight = weights[((column / OWNED) * hidden + unit) * hidden + k];
        }
        slab[at] = weight;
        at += UNITS;
    }
}

/// The weights of this cube: column j is what the gradient of hidden unit j's state reads of the gates' gradients.
#[cube]
fn keep_columns<F: Float>(weights: &[F], slab: &mut Shared<[F]>, owner: usize, #[comptime] layout: Layout) {
    let (hidden, stride, padded) = comptime!((layout.hidden, layout.stride(), layout.padded()));
    let mut at = UNIT_POS as usize;
    while at < comptime!(layout.slab()) {
        let (column, k) = (at / stride, at % stride);
        let (gate, unit) = (k / padded, k % padded);
        let mut weight = F::new(0.0);
        if owner * OWNED + column < hidden && gate < 4 && unit < hidden {
            weight = weights[(gate * hidden + unit) * hidden + owner * OWNED + column];
        }
        slab[at] = weight;
        at += UNITS;
    }
}

#[cube(launch)]
fn walk_forward<F: Float>(
    weights: &[F],
    first_output: &[F],
    gates: &mut [F],
    bias: &[F],
    first_cell: &[F],
    lengths: &[u32],
    output: &mut [F],
    cells: &mut [F],
    state: &mut [F],
    counters: &[Atomic<u32>],
    batch: usize,
    time: usize,
    #[comptime] bounded: bool,
    #[comptime] layout: Layout,
    #[define(F)] _dtype: ElemType,
) {
    let (hidden, depth, owners) = comptime!((layout.hidden, layout.depth, layout.owners));
    let (group, owner) = (CUBE_POS / owners, CUBE_POS % owners);
    let from = group * comptime!(layout.rows_of_group());
    let half = state.len() / 2;
    let mut slab = Shared::<[F]>::new_aligned_slice(comptime!(layout.slab()), ALIGNMENT);
    let mut partials = Shared::<[f32]>::new_aligned_slice(comptime!(layout.partials()), ALIGNMENT);
    keep_rows(weights, &mut slab, owner, layout);
    let mut pair = UNIT_POS as usize;
    while pair < comptime!(layout.rows_of_group() * OWNED) {
        let (row, k) = (from + pair / OWNED, owner * OWNED + pair % OWNED);
        if row < batch && k < hidden {
            state[row * depth + k] = first_output[row * hidden + k];
        }
        pair += UNITS;
    }
    let mut is_alone = meet(counters, group, 1u32, false, owners);
    for t in 0..time {
        let (now, next) = ((t % 2) * half, half - (t % 2) * half);
        for round in 0..comptime!(layout.rounds) {
            let first_row = from + round * comptime!(layout.rows_at_once());
            multiply(&*state, now + first_row * depth, &slab, &mut partials, layout);
            sync_cube();
            let mut pair = UNIT_POS as usize;
            while pair < comptime!(layout.rows_at_once() * OWNED) {
                let (place, j) = (pair / OWNED, pair % OWNED);
                let (row, k) = (first_row + place, owner * OWNED + j);
                if row < batch && k < hidden {
                    let recurrent = Gates {
                        i: sum(&partials, place, j, 0usize, layout),
                        f: sum(&partials, place, j, 1usize, layout),
                        g: sum(&partials, place, j, 2usize, layout),
                        o: sum(&partials, place, j, 3usize, layout),
                    };
                    let unit = unit_at(row, k, t, time, hidden);
                    let is_real = t < steps_of(lengths, row, time, bounded);
                    let mut y = advance(gates, &recurrent, bias, first_cell, cells, &unit, hidden, is_real);
                    if is_alone {
                        y = f32::NAN;
                    }
                    output[unit.here] = F::cast_from(y);
                    state[next + row * depth + k] = F::cast_from(y);
                }
                pair += UNITS;
            }
            sync_cube();
        }
        is_alone = meet(counters, group, t as u32 + 2, is_alone, owners);
    }
}

#[cube(launch)]
fn walk_backward<F: Float>(
    weights: &[F],
    gates: &[F],
    cells: &[F],
    first_cell: &[F],
    grad: &[F],
    lengths: &[u32],
    carry: &mut [f32],
    grad_gates: &mut [F],
    state: &mut [F],
    counters: &[Atomic<u32>],
    batch: usize,
    time: usize,
    #[comptime] bounded: bool,
    #[comptime] layout: Layout,
    #[define(F)] _dtype: ElemType,
) {
    let (hidden, depth, owners) = comptime!((layout.hidden, layout.depth, layout.owners));
    let (group, owner) = (CUBE_POS / owners, CUBE_POS % owners);
    let from = group * comptime!(layout.rows_of_group());
    let half = state.len() / 2;
    let mut slab = Shared::<[F]>::new_aligned_slice(comptime!(layout.slab()), ALIGNMENT);
    let mut partials = Shared::<[f32]>::new_aligned_slice(comptime!(layout.partials()), ALIGNMENT);
    keep_columns(weights, &mut slab, owner, layout);
    sync_cube();
    let mut is_alone = false.runtime();
    for back in 0..time {
        let t = time - 1 - back;
        let (now, next) = ((back % 2) * half, half - (back % 2) * half);
        for round in 0..comptime!(layout.rounds) {
            let first_row = from + round * comptime!(layout.rows_at_once());
            multiply(&*state, now + first_row * depth, &slab, &mut partials, layout);
            sync_cube();
            let mut pair = UNIT_POS as usize;
            while pair < comptime!(layout.rows_at_once() * OWNED) {
                let (place, j) = (pair / OWNED, pair % OWNED);
                let (row, k) = (first_row + place, owner * OWNED + j);
                if row < batch && k < hidden {
                    let unit = unit_at(row, k, t, time, hidden);
                    let is_real = t < steps_of(lengths, row, time, bounded);
                    let mut incoming = f32::cast_from(grad[unit.here]) + sum(&partials, place, j, 0usize, layout);
                    if is_alone {
                        incoming = f32::NAN;
                    }
                    let slopes = retreat(gates, cells, first_cell, carry, incoming, &unit, hidden, is_real);
                    write(grad_gates, unit.gate, hidden, &slopes);
                    write(state, next + row * depth + k, comptime!(layout.padded()), &slopes);
                }
                pair += UNITS;
            }
            sync_cube();
        }
        is_alone = meet(counters, group, back as u32 + 1, is_alone, owners);
    }
}

/// How the cubes of a GPU share a walk.
pub(super) struct Plan {
    layout: Layout,
    groups: usize,
}

impl Plan {
    /// For the walk forward, if this GPU can.
    pub(super) fn forward(reference: &CubeTensor, batch: usize, hidden: usize) -> Option<Self> {
        Self::new(reference, batch, Layout::forward(hidden))
    }

    /// For the walk back, if this GPU can.
    pub(super) fn backward(reference: &CubeTensor, batch: usize, hidden: usize) -> Option<Self> {
        Self::new(reference, batch, Layout::backward(hidden))
    }

    fn new(reference: &CubeTensor, batch: usize, layout: Layout) -> Option<Self> {
        let cubes = grid::cubes_at_once(reference, layout.shared_bytes())?;
        let groups = (cubes / layout.owners).min(batch.div_ceil(OWNED));
        (groups > 0).then(|| Plan { layout: layout.for_rows(batch.div_ceil(groups)), groups })
    }

    fn cubes(&self) -> (CubeCount, CubeDim) {
        let count = CubeCount::Static((self.groups * self.layout.owners) as u32, 1, 1);
        (count, CubeDim::new_1d(UNITS as u32))
    }

    /// What cubes hand each other: the numbers of this step and of the next.
    fn state(&self, reference: &CubeTensor) -> CubeTensor {
        zeros_like(reference, [2, self.groups * self.layout.rows_of_group(), self.layout.depth])
    }

    fn counters(&self, reference: &CubeTensor) -> CubeTensor {
        zeros_of_type(reference, [self.groups * COUNTERS], DType::U32)
    }

    /// Walks forward: the run's gates, outputs and cells are written.
    pub(super) fn walk(&self, run: &Run, recurrent: CubeTensor, first_output: CubeTensor) {
        let (count, dim) = self.cubes();
        walk_forward::launch(
            &run.gates.client,
            count,
            dim,
            recurrent.into_argument(),
            first_output.into_argument(),
            run.gates.clone().into_argument(),
            run.bias.clone().into_argument(),
            run.first_cell.clone().into_argument(),
            run.lengths.clone().into_argument(),
            run.output.clone().into_argument(),
            run.cells.clone().into_argument(),
            self.state(&run.gates).into_argument(),
            self.counters(&run.gates).into_argument(),
            run.batch,
            run.time,
            run.bounded,
            self.layout,
            element(&run.gates),
        );
    }

    /// Walks back: the gradients of the gates before activation, `[steps, 4·hidden]`.
    pub(super) fn walk_back(&self, kept: &Kept, grad: CubeTensor, lengths: CubeTensor, bounded: bool) -> CubeTensor {
        let ([batch, time, hidden], (count, dim)) = (kept.sizes(), self.cubes());
        let gradients = like(&kept.x, [batch * time, 4 * hidden]);
        walk_backward::launch(
            &kept.x.client,
            count,
            dim,
            kept.recurrent.clone().into_argument(),
            kept.gates.clone().into_argument(),
            kept.cells.clone().into_argument(),
            kept.first_cell.clone().into_argument(),
            grad.into_argument(),
            lengths.into_argument(),
            zeros_of_type(&kept.x, [batch, hidden], DType::F32).into_argument(),
            gradients.clone().into_argument(),
            self.state(&kept.x).into_argument(),
            self.counters(&kept.x).into_argument(),
            batch,
            time,
            bounded,
            self.layout,
            element(&kept.x),
        );
        gradients
    }
}
