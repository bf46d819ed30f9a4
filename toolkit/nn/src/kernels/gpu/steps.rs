//! Operations on the steps of a sequence on a GPU: each beside the one before, masks that are the same at
//! every step, entries dropped, and pooling over spans.

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;
use glossa_base::seed::Stream;

use super::element::uniform;
use super::tensor::{IntoArgument, element, like, shape, units};

/// Steps of a row that exist, of those that were given.
#[cube]
pub(super) fn steps_of(lengths: &[u32], row: usize, time: usize, #[comptime] bounded: bool) -> usize {
    let mut length = time;
    if bounded {
        length = min(lengths[row] as usize, time);
    }
    length
}

#[cube(launch)]
fn beside<F: Float>(x: &[F], before: &[F], both: &mut [F], time: usize, width: usize, #[define(F)] _dtype: ElemType) {
    let at = ABSOLUTE_POS;
    if at >= both.len() {
        terminate!();
    }
    let (step, k) = (at / (2 * width), at % (2 * width));
    let (row, t) = (step / time, step % time);
    if k < width {
        both[at] = x[step * width + k];
    } else if t == 0 {
        both[at] = before[row * width + k - width];
    } else {
        both[at] = x[(step - 1) * width + k - width];
    }
}

#[cube(launch)]
fn beside_backward<F: Float>(grad: &[F], grad_x: &mut [F], time: usize, width: usize, #[define(F)] _dtype: ElemType) {
    let at = ABSOLUTE_POS;
    if at >= grad_x.len() {
        terminate!();
    }
    let (step, k) = (at / width, at % width);
    let mut sum = f32::cast_from(grad[2 * step * width + k]);
    if step % time + 1 < time {
        sum += f32::cast_from(grad[(2 * step + 3) * width + k]);
    }
    grad_x[at] = F::cast_from(sum);
}

#[cube(launch)]
fn masked<F: Float>(x: &[F], mask: &[F], out: &mut [F], time: usize, width: usize, #[define(F)] _dtype: ElemType) {
    let at = ABSOLUTE_POS;
    if at >= out.len() {
        terminate!();
    }
    let row = at / (time * width);
    out[at] = x[at] * mask[row * width + at % width];
}

#[cube(launch)]
fn dropped<F: Float>(
    values: &[F],
    out: &mut [F],
    key_low: u32,
    key_high: u32,
    p: f32,
    scale: f32,
    #[define(F)] _dtype: ElemType,
) {
    let at = ABSOLUTE_POS;
    if at >= out.len() {
        terminate!();
    }
    let mut kept = f32::cast_from(values[at]) * scale;
    if uniform(key_low, key_high, at as u32) < p {
        kept = 0.0f32;
    }
    out[at] = F::cast_from(kept);
}

#[cube(launch)]
fn pooled<F: Float, I: Int>(
    x: &[F],
    spans: &[I],
    out: &mut [F],
    time: usize,
    width: usize,
    batch: usize,
    #[define(F, I)] _dtypes: [ElemType; 2],
) {
    let at = ABSOLUTE_POS;
    if at >= batch * width {
        terminate!();
    }
    let (row, k) = (at / width, at % width);
    let (start, end) = (usize::cast_from(spans[2 * row]), usize::cast_from(spans[2 * row + 1]));
    let mut largest = f32::cast_from(x[(row * time + start) * width + k]);
    let mut sum = 0.0f32;
    for t in start..end {
        let value = f32::cast_from(x[(row * time + t) * width + k]);
        largest = max(largest, value);
        sum += value;
    }
    let target = 3 * row * width + k;
    out[target] = x[(row * time + end - 1) * width + k];
    out[target + width] = F::cast_from(largest);
    out[target + 2 * width] = F::cast_from(sum / f32::cast_from(end - start));
}

#[cube(launch)]
fn pooled_backward<F: Float, I: Int>(
    x: &[F],
    spans: &[I],
    grad: &[F],
    grad_x: &mut [F],
    time: usize,
    width: usize,
    batch: usize,
    #[define(F, I)] _dtypes: [ElemType; 2],
) {
    let at = ABSOLUTE_POS;
    if at >= batch * width {
        terminate!();
    }
    let (row, k) = (at / width, at % width);
    let (start, end) = (usize::cast_from(spans[2 * row]), usize::cast_from(spans[2 * row + 1]));
    let source = 3 * row * width + k;
    let mean = f32::cast_from(grad[source + 2 * width]) / f32::cast_from(end - start);
    let mut best = start;
    let mut largest = f32::cast_from(x[(row * time + start) * width + k]);
    for t in start..end {
        let value = f32::cast_from(x[(row * time + t) * width + k]);
        if value > largest {
            largest = value;
            best = t;
        }
    }
    for t in 0..time {
        let mut sum = 0.0f32;
        if t >= start && t < end {
            sum = mean;
        }
        if t == best {
            sum += f32::cast_from(grad[source + width]);
        }
        if t + 1 == end {
            sum += f32::cast_from(grad[source]);
        }
        grad_x[(row * time + t) * width + k] = F::cast_from(sum);
    }
}

/// `[x_t, x_{t-1}]` along the features.
pub(super) fn with_previous(x: CubeTensor, before: CubeTensor) -> CubeTensor {
    let [batch, time, width] = shape(&x);
    let (both, (count, dim)) = (like(&x, [batch, time, 2 * width]), units(2 * batch * time * width));
    let (client, dtype) = (x.client.clone(), element(&x));
    let (x, before, out) = (x.into_argument(), before.into_argument(), both.clone().into_argument());
    beside::launch(&client, count, dim, x, before, out, time, width, dtype);
    both
}

/// The gradient of x from that of `[x_t, x_{t-1}]`.
pub(super) fn with_previous_backward(grad: CubeTensor) -> CubeTensor {
    let [batch, time, wide] = shape(&grad);
    let width = wide / 2;
    let (grad_x, (count, dim)) = (like(&grad, [batch, time, width]), units(batch * time * width));
    let (client, dtype) = (grad.client.clone(), element(&grad));
    let (grad, out) = (grad.into_argument(), grad_x.clone().into_argument());
    beside_backward::launch(&client, count, dim, grad, out, time, width, dtype);
    grad_x
}

/// Every step times one mask.
pub(super) fn mask_steps(x: CubeTensor, mask: CubeTensor) -> CubeTensor {
    let [batch, time, width] = shape(&x);
    let (out, (count, dim)) = (like(&x, [batch, time, width]), units(batch * time * width));
    let (client, dtype) = (x.client.clone(), element(&x));
    let (x, mask, target) = (x.into_argument(), mask.into_argument(), out.clone().into_argument());
    masked::launch(&client, count, dim, x, mask, target, time, width, dtype);
    out
}

/// Entries dropped by the same draws as on the CPU.
pub(super) fn drop_entries(values: CubeTensor, stream: Stream, p: f32) -> CubeTensor {
    let [rows, columns] = shape(&values);
    let (out, (count, dim)) = (like(&values, [rows, columns]), units(rows * columns));
    let (client, dtype) = (values.client.clone(), element(&values));
    let (values, target) = (values.into_argument(), out.clone().into_argument());
    dropped::launch(
        &client,
        count,
        dim,
        values,
        target,
        stream.key() as u32,
        (stream.key() >> 32) as u32,
        p,
        1.0 / (1.0 - p),
        dtype,
    );
    out
}

/// Last, maximum and mean over spans.
pub(super) fn concat_pool(x: CubeTensor, spans: CubeTensor) -> CubeTensor {
    let [batch, time, width] = shape(&x);
    let (out, (count, dim)) = (like(&x, [batch, 3 * width]), units(batch * width));
    let (client, dtypes) = (x.client.clone(), [element(&x), element(&spans)]);
    let (x, spans, target) = (x.into_argument(), spans.into_argument(), out.clone().into_argument());
    pooled::launch(&client, count, dim, x, spans, target, time, width, batch, dtypes);
    out
}

/// The gradient of x; the maximum's goes to the first step that reached it.
pub(super) fn concat_pool_backward(x: CubeTensor, spans: CubeTensor, grad: CubeTensor) -> CubeTensor {
    let [batch, time, width] = shape(&x);
    let (out, (count, dim)) = (like(&x, [batch, time, width]), units(batch * width));
    let (client, dtypes) = (x.client.clone(), [element(&x), element(&spans)]);
    let (x, spans, grad) = (x.into_argument(), spans.into_argument(), grad.into_argument());
    let target = out.clone().into_argument();
    pooled_backward::launch(&client, count, dim, x, spans, grad, target, time, width, batch, dtypes);
    out
}
