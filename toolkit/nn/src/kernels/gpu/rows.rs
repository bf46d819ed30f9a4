//! One vector for each sequence of a packed batch, on a GPU.

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::tensor::{IntoArgument, element, like, numbers, shape, units, zeros_like};
use crate::kernels::transformer::{Packing, Pooling};

#[cube(launch)]
fn gather<F: Float>(
    x: &[F],
    starts: &[u32],
    out: &mut [F],
    width: usize,
    #[comptime] how: Pooling,
    #[define(F)] _dtype: ElemType,
) {
    let at = ABSOLUTE_POS;
    if at >= out.len() {
        terminate!();
    }
    let (sequence, k) = (at / width, at % width);
    let (start, end) = (starts[sequence] as usize, starts[sequence + 1] as usize);
    if comptime!(how == Pooling::First) {
        out[at] = x[start * width + k];
    } else {
        let mut sum = 0.0f32;
        let mut largest = f32::cast_from(x[start * width + k]);
        for token in start..end {
            let value = f32::cast_from(x[token * width + k]);
            sum += value;
            largest = max(largest, value);
        }
        if comptime!(how == Pooling::Mean) {
            out[at] = F::cast_from(sum / f32::cast_from(end - start));
        } else {
            out[at] = F::cast_from(largest);
        }
    }
}

#[cube(launch)]
fn gather_back<F: Float>(
    x: &[F],
    grad: &[F],
    starts: &[u32],
    out: &mut [F],
    width: usize,
    #[comptime] how: Pooling,
    #[define(F)] _dtype: ElemType,
) {
    let at = ABSOLUTE_POS;
    if at >= grad.len() {
        terminate!();
    }
    let (sequence, k) = (at / width, at % width);
    let (start, end) = (starts[sequence] as usize, starts[sequence + 1] as usize);
    if comptime!(how == Pooling::First) {
        out[start * width + k] = grad[at];
    } else if comptime!(how == Pooling::Mean) {
        let share = F::cast_from(f32::cast_from(grad[at]) / f32::cast_from(end - start));
        for token in start..end {
            out[token * width + k] = share;
        }
    } else {
        let mut best = start;
        let mut largest = f32::cast_from(x[start * width + k]);
        for token in start..end {
            let value = f32::cast_from(x[token * width + k]);
            if value > largest {
                largest = value;
                best = token;
            }
        }
        out[best * width + k] = grad[at];
    }
}

/// Where the sequences begin, and the end of the last.
fn starts(x: &CubeTensor, packing: &Packing) -> CubeTensor {
    numbers(x, std::iter::once(0).chain(packing.sequences().map(|tokens| tokens.end)))
}

/// The first row, the mean or the maximum of each sequence's rows.
pub(super) fn forward(x: CubeTensor, packing: &Packing, how: Pooling) -> CubeTensor {
    let ([_, width], sequences) = (shape(&x), packing.sequence_count());
    let (out, (count, dim)) = (like(&x, [sequences, width]), units(sequences * width));
    let (client, dtype, starts) = (x.client.clone(), element(&x), starts(&x, packing));
    let (x, starts, target) = (x.into_argument(), starts.into_argument(), out.clone().into_argument());
    gather::launch(&client, count, dim, x, starts, target, width, how, dtype);
    out
}

/// The gradient of x; the maximum's goes to the first row that reached it.
pub(super) fn backward(x: CubeTensor, grad: CubeTensor, packing: &Packing, how: Pooling) -> CubeTensor {
    let [tokens, width] = shape(&x);
    let (out, (count, dim)) = (zeros_like(&x, [tokens, width]), units(packing.sequence_count() * width));
    let (client, dtype, starts) = (x.client.clone(), element(&x), starts(&x, packing));
    let (x, grad, starts) = (x.into_argument(), grad.into_argument(), starts.into_argument());
    gather_back::launch(&client, count, dim, x, grad, starts, out.clone().into_argument(), width, how, dtype);
    out
}
