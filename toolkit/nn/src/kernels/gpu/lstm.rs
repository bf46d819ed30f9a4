//! An LSTM layer on a GPU: the input's product for all steps at once, then the steps, in one launch where the recurrent
//! weights stay on the chip (`resident`), else one by one (`launched`).

mod cell;
mod launched;
mod resident;

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::linear::column_sums;
use super::product::times;
use super::tensor::{IntoArgument, element, like, numbers, reshape, shape, transposed, units};
use crate::kernels::sequence::Steps;
use resident::Plan;

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

/// What a walk over the steps reads and writes; every tensor contiguous.
struct Run {
    batch: usize,
    time: usize,
    hidden: usize,
    /// `[steps, 4·hidden]`: the input's products before, the activated gates after.
    gates: CubeTensor,
    bias: CubeTensor,
    first_cell: CubeTensor,
    /// Steps of each row, where rows are bounded.
    lengths: CubeTensor,
    bounded: bool,
    output: CubeTensor,
    cells: CubeTensor,
}

/// Outputs, cells and activated gates; every tensor contiguous.
pub(super) fn forward(
    [x, input, recurrent, bias, first_output, first_cell]: [CubeTensor; 6],
    steps: &Steps,
) -> (CubeTensor, CubeTensor, CubeTensor) {
    let ([batch, time, inputs], [_, hidden]) = (shape(&x), shape(&first_cell));
    let (output, cells) = (like(&x, [batch, time, hidden]), like(&x, [batch, time, hidden]));
    let lengths = numbers(&x, steps.lengths().iter().copied());
    let gates = times(reshape(x, [batch * time, inputs]), transposed(input));
    let bounded = !steps.lengths().is_empty();
    let run = Run { batch, time, hidden, gates, bias, first_cell, lengths, bounded, output, cells };
    match Plan::forward(&run.gates, batch, hidden) {
        Some(plan) => plan.walk(&run, recurrent, first_output),
        None => launched::forward(&run, &recurrent, first_output),
    }
    (run.output, run.cells, reshape(run.gates, [batch, time, 4 * hidden]))
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

impl Kept {
    /// Rows, steps and hidden units.
    fn sizes(&self) -> [usize; 3] {
        shape(&self.output)
    }
}

/// Gradients of x, the two weights and the bias.
pub(super) fn backward(
    kept: Kept,
    grad: CubeTensor,
    steps: &Steps,
) -> (CubeTensor, CubeTensor, CubeTensor, CubeTensor) {
    let ([batch, time, hidden], [_, _, inputs]) = (kept.sizes(), shape(&kept.x));
    let lengths = numbers(&kept.x, steps.lengths().iter().copied());
    let bounded = !steps.lengths().is_empty();
    let gradients = match Plan::backward(&kept.x, batch, hidden) {
        Some(plan) => plan.walk_back(&kept, grad, lengths, bounded),
        None => launched::backward(&kept, grad, &lengths, bounded),
    };
    let x = times(gradients.clone(), kept.input);
    let input = times(transposed(gradients.clone()), reshape(kept.x, [batch * time, inputs]));
    let before = shift(kept.output, kept.first_output);
    let recurrent = times(transposed(gradients.clone()), reshape(before, [batch * time, hidden]));
    let dtype = gradients.dtype;
    (reshape(x, [batch, time, inputs]), input, recurrent, column_sums(gradients, dtype))
}

fn shift(output: CubeTensor, first: CubeTensor) -> CubeTensor {
    let [batch, time, hidden] = shape(&output);
    let (before, (count, dim)) = (like(&output, [batch, time, hidden]), units(batch * time * hidden));
    let (client, dtype) = (output.client.clone(), element(&output));
    let (output, first, out) = (output.into_argument(), first.into_argument(), before.clone().into_argument());
    shifted::launch(&client, count, dim, output, first, out, time, hidden, dtype);
    before
}
