//! How fast the matrix products of a training step are alone: no implementation can be faster than
//! their sum.

use std::time::{Duration, Instant};

use super::cpu::matrix::{Rows, times, times_transposed, transposed_times};

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
