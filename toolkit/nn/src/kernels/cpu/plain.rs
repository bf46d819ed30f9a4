//! The small operations on the CPU: linear layer, embedding rows, previous step, step masks, concat
//! pooling.

use rayon::prelude::*;

use super::decoder::add_columns;
use super::matrix::{Rows, times, times_transposed, transposed_times};

/// `y = x·Wᵀ + b`; x `[rows, inputs]`, weight `[outputs, inputs]`, y `[rows, outputs]`.
pub(crate) fn linear(x: &[f32], weight: &[f32], bias: &[f32], inputs: usize) -> Vec<f32> {
    let (rows, outputs) = (x.len() / inputs, bias.len());
    let mut y = vec![0.0; rows * outputs];
    y.par_chunks_mut(outputs).for_each(|row| row.copy_from_slice(bias));
    times_transposed(&mut y, outputs, true, Rows::whole(x, rows, inputs), Rows::whole(weight, outputs, inputs));
    y
}

/// `dx = g·W`, `dW = gᵀ·x`, `db = Σ g`.
pub(crate) fn linear_backward(
    x: &[f32],
    weight: &[f32],
    grad: &[f32],
    inputs: usize,
) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let (rows, outputs) = (x.len() / inputs, weight.len() / inputs);
    let grad = Rows::whole(grad, rows, outputs);
    let mut grad_x = vec![0.0; x.len()];
    times(&mut grad_x, false, grad, Rows::whole(weight, outputs, inputs));
    let mut grad_weight = vec![0.0; weight.len()];
    transposed_times(&mut grad_weight, false, grad, Rows::whole(x, rows, inputs));
    let mut grad_bias = vec![0.0; outputs];
    add_columns(&mut grad_bias, grad.data);
    (grad_x, grad_weight, grad_bias)
}

/// Rows `ids` of a table, each times its own scale (embedding dropout).
pub(crate) fn embed(table: &[f32], ids: &[usize], scales: &[f32], width: usize) -> Vec<f32> {
    let mut rows = vec![0.0; ids.len() * width];
    rows.par_chunks_mut(width).zip(ids).with_min_len(64).for_each(|(row, &id)| {
        for (value, source) in row.iter_mut().zip(&table[id * width..(id + 1) * width]) {
            *value = source * scales[id];
        }
    });
    rows
}

/// Gradient of the table; sums in the order of the ids.
pub(crate) fn embed_backward(ids: &[usize], scales: &[f32], grad: &[f32], width: usize) -> Vec<f32> {
    let mut table = vec![0.0; scales.len() * width];
    for (row, &id) in grad.chunks(width).zip(ids) {
        for (sum, value) in table[id * width..(id + 1) * width].iter_mut().zip(row) {
            *sum += value * scales[id];
        }
    }
    table
}

/// `[x_t, x_{t-1}]` along the features; `before` `[batch, width]` is the step before the first.
pub(crate) fn with_previous(x: &[f32], before: &[f32], time: usize, width: usize) -> Vec<f32> {
    let mut both = vec![0.0; 2 * x.len()];
    both.par_chunks_mut(2 * time * width).zip(x.par_chunks(time * width)).zip(before.par_chunks(width)).for_each(
        |((both, x), before)| {
            for (t, target) in both.chunks_mut(2 * width).enumerate() {
                target[..width].copy_from_slice(&x[t * width..(t + 1) * width]);
                target[width..].copy_from_slice(if t == 0 { before } else { &x[(t - 1) * width..t * width] });
            }
        },
    );
    both
}

/// `dx_t` = the left half at t plus the right half at t+1.
pub(crate) fn with_previous_backward(grad: &[f32], time: usize, width: usize) -> Vec<f32> {
    let mut grad_x = vec![0.0; grad.len() / 2];
    grad_x.par_chunks_mut(time * width).zip(grad.par_chunks(2 * time * width)).for_each(|(grad_x, grad)| {
        for (t, target) in grad_x.chunks_mut(width).enumerate() {
            target.copy_from_slice(&grad[2 * t * width..(2 * t + 1) * width]);
            if t + 1 < time {
                for (sum, value) in target.iter_mut().zip(&grad[(2 * t + 3) * width..(2 * t + 4) * width]) {
                    *sum += value;
                }
            }
        }
    });
    grad_x
}

/// Multiplies every step by the same mask `[batch, width]` (variational dropout).
pub(crate) fn mask_steps(x: &[f32], mask: &[f32], time: usize, width: usize) -> Vec<f32> {
    let mut masked = vec![0.0; x.len()];
    masked.par_chunks_mut(time * width).zip(x.par_chunks(time * width)).zip(mask.par_chunks(width)).for_each(
        |((masked, x), mask)| {
            for (target, source) in masked.chunks_mut(width).zip(x.chunks(width)) {
                for k in 0..width {
                    target[k] = source[k] * mask[k];
                }
            }
        },
    );
    masked
}

/// Last step, maximum and mean over the span `start..end` of each row: `[batch, 3·width]` (Howard
/// and Ruder 2018, section 3.3). Steps outside the span do not exist.
pub(crate) fn concat_pool(x: &[f32], spans: &[usize], time: usize, width: usize) -> Vec<f32> {
    let mut pooled = vec![0.0; spans.len() / 2 * 3 * width];
    pooled.par_chunks_mut(3 * width).zip(x.par_chunks(time * width)).zip(spans.par_chunks(2)).for_each(
        |((pooled, x), span)| {
            let (last, rest) = pooled.split_at_mut(width);
            let (largest, mean) = rest.split_at_mut(width);
            last.copy_from_slice(&x[(span[1] - 1) * width..span[1] * width]);
            largest.fill(f32::NEG_INFINITY);
            for step in x[span[0] * width..span[1] * width].chunks(width) {
                for k in 0..width {
                    largest[k] = largest[k].max(step[k]);
                    mean[k] += step[k];
                }
            }
            let length = (span[1] - span[0]) as f32;
            mean.iter_mut().for_each(|value| *value /= length);
        },
    );
    pooled
}

/// The maximum's gradient goes to the first step that reached it.
pub(crate) fn concat_pool_backward(x: &[f32], spans: &[usize], grad: &[f32], time: usize, width: usize) -> Vec<f32> {
    let mut grad_x = vec![0.0; x.len()];
    let rows = grad_x.par_chunks_mut(time * width).zip(x.par_chunks(time * width));
    rows.zip(spans.par_chunks(2)).zip(grad.par_chunks(3 * width)).for_each(|(((grad_x, x), span), grad)| {
        let share = 1.0 / (span[1] - span[0]) as f32;
        for k in 0..width {
            let mut best = span[0];
            for t in span[0]..span[1] {
                grad_x[t * width + k] = grad[2 * width + k] * share;
                if x[t * width + k] > x[best * width + k] {
                    best = t;
                }
            }
            grad_x[best * width + k] += grad[width + k];
            grad_x[(span[1] - 1) * width + k] += grad[k];
        }
    });
    grad_x
}
