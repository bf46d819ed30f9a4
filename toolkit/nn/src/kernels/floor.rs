//! How fast the matrix products of a training step are alone: no implementation can be faster than
//! their sum; and how fast a device multiplies at its best.

use std::time::{Duration, Instant};

use burn::prelude::*;
use burn::tensor::DType;

use rayon::prelude::*;

use super::cpu::attention;
use super::cpu::matrix::{Rows, times, times_alone, times_transposed, times_transposed_alone, transposed_times};
use super::transformer::AttentionShape;
use crate::Error;
use crate::device::wait;

/// The three products of a linear map with `rows` of `inputs` to `outputs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// x·Wᵀ.
    Forward,
    /// g·W, the gradient of x.
    Input,
    /// gᵀ·x, the gradient of W.
    Weight,
}

/// The shortest of `runs` runs of a product.
pub fn fastest(product: Product, [rows, inputs, outputs]: [usize; 3], runs: usize) -> Duration {
    let fill = |count: usize| (0..count).map(|index| (index % 7) as f32 * 0.1 - 0.3).collect::<Vec<f32>>();
    let (x, weight, grad) = (fill(rows * inputs), fill(outputs * inputs), fill(rows * outputs));
    let (x, weight) = (Rows::whole(&x, rows, inputs), Rows::whole(&weight, outputs, inputs));
    let grad = Rows::whole(&grad, rows, outputs);
    let mut out = vec![0.0; (rows * outputs).max(rows * inputs).max(outputs * inputs)];
    let mut once = || {
        let started = Instant::now();
        match product {
            Product::Forward => times_transposed(&mut out[..rows * outputs], outputs, false, x, weight),
            Product::Input => times(&mut out[..rows * inputs], inputs, false, grad, weight),
            Product::Weight => transposed_times(&mut out[..outputs * inputs], false, grad, x),
        }
        started.elapsed()
    };
    once();
    (0..runs.max(1)).map(|_| once()).min().unwrap_or_default()
}

/// The shortest of `runs` runs of attention's products alone, over the tiles that its forward pass visits:
/// queries by keys, and shares by values, for every head and sequence with `size` numbers a head.
pub fn fastest_attention(shape: &AttentionShape, size: usize, runs: usize) -> Duration {
    let longest = shape.packing.longest();
    let rows = vec![0.1_f32; longest * size];
    let tasks: Vec<usize> =
        (0..shape.heads).flat_map(|_| shape.packing.sequences().map(|tokens| tokens.len())).collect();
    let one = |tokens: usize| {
        let (mut scores, mut output) = (Vec::new(), vec![0.0_f32; tokens * size]);
        for (queries, keys) in attention::tiles(tokens, shape.reach) {
            scores.resize(queries.len() * keys.len(), 0.0);
            let part = |range: &std::ops::Range<usize>| {
                Rows::whole(&rows[range.start * size..range.end * size], range.len(), size)
            };
            times_transposed_alone(&mut scores, false, part(&queries), part(&keys));
            let shares = Rows::whole(&scores, queries.len(), keys.len());
            times_alone(&mut output[queries.start * size..queries.end * size], true, shares, part(&keys));
        }
    };
    let once = || {
        let started = Instant::now();
        tasks.par_iter().for_each(|tokens| one(*tokens));
        started.elapsed()
    };
    once();
    (0..runs.max(1)).map(|_| once()).min().unwrap_or_default()
}

/// Operations a second of a device in square products of one type of numbers, at its best over growing sizes; up to
/// 8192, or until one takes a fifth of a second or no more fit.
///
/// # Errors
/// A device that failed.
pub fn ceiling(device: &Device, number: DType) -> Result<f64, Error> {
    let (mut best, mut size) = (0.0_f64, 512);
    while size <= 8192 {
        let shortest = match square(device, number, size) {
            Err(Error::Memory { .. }) if best > 0.0 => break,
            shortest => shortest?,
        };
        best = best.max(2.0 * (size as f64).powi(3) / shortest.as_secs_f64().max(1e-9));
        size = if shortest > Duration::from_millis(200) { usize::MAX } else { size * 2 };
    }
    Ok(best)
}

/// The shortest of five products of square matrices, after one that warms up.
fn square(device: &Device, number: DType, size: usize) -> Result<Duration, Error> {
    let matrix = |value: f64| Tensor::<2>::full([size, size], value, (device, number));
    let (left, right) = (matrix(0.01), matrix(0.02));
    let once = || -> Result<Duration, Error> {
        let started = Instant::now();
        let product = left.clone().matmul(right.clone());
        wait(device)?;
        drop(product);
        Ok(started.elapsed())
    };
    once()?;
    let times = (0..5).map(|_| once()).collect::<Result<Vec<_>, _>>()?;
    Ok(times.into_iter().min().unwrap_or_default())
}
