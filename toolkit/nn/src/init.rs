//! Initial weights from counter-based streams.

use burn::prelude::*;
use glossa_base::seed::Stream;

/// Uniform numbers in [-bound, bound).
pub(crate) fn uniform<const D: usize>(stream: Stream, bound: f32, shape: [usize; D], device: &Device) -> Tensor<D> {
    let count: usize = shape.iter().product();
    let values: Vec<f32> = (0..count as u64).map(|index| (2.0 * stream.uniform(index) - 1.0) * bound).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}
