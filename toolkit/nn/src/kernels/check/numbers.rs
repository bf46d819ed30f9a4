//! Inputs of the checks, and how far two lists of numbers are apart.

use glossa_base::seed::{Purpose, Stream};

/// Numbers between -1 and 1, the same for the same name.
pub(super) fn values(name: u64, count: usize) -> Vec<f64> {
    let stream = Stream::new(5, Purpose::Weights, name, 0);
    (0..count as u64).map(|index| f64::from(stream.uniform(index)) * 2.0 - 1.0).collect()
}

pub(super) fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

/// The distance of two vectors, relative to the length of the second and at least to `1e-3`.
pub(super) fn distance(left: &[f64], right: &[f64]) -> f64 {
    if left.len() != right.len() {
        return f64::INFINITY;
    }
    let squares: f64 = left.iter().zip(right).map(|(left, right)| (left - right).powi(2)).sum();
    squares.sqrt() / dot(right, right).sqrt().max(1e-3)
}
