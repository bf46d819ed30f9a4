//! Initial weights from counter-based streams.

use burn::prelude::*;
use glossa_base::seed::Stream;
use rayon::prelude::*;

/// Uniform numbers in [-bound, bound).
pub(crate) fn uniform<const D: usize>(stream: Stream, bound: f32, shape: [usize; D], device: &Device) -> Tensor<D> {
    let count: usize = shape.iter().product();
    let values: Vec<f32> = (0..count as u64).map(|index| (2.0 * stream.uniform(index) - 1.0) * bound).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// Draws for one number before it is taken to be 0: a draw falls outside with a chance of 4.6 %.
const ATTEMPTS: u64 = 8;

/// Normal numbers with mean 0, those beyond two deviations drawn again (ModernBERT's initialisation).
pub(crate) fn truncated_normal<const D: usize>(
    stream: Stream,
    deviation: f32,
    shape: [usize; D],
    device: &Device,
) -> Tensor<D> {
    if deviation == 0.0 {
        return Tensor::zeros(shape, device);
    }
    let count: usize = shape.iter().product();
    let one = |index: u64| {
        let draws = (0..ATTEMPTS).map(|attempt| normal(stream, 2 * (index * ATTEMPTS + attempt)));
        draws.into_iter().find(|value| value.abs() <= 2.0).unwrap_or_default() * deviation
    };
    let values: Vec<f32> = (0..count as u64).into_par_iter().map(one).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// Box and Muller (1958), from two numbers of a stream.
fn normal(stream: Stream, index: u64) -> f32 {
    let radius = (-2.0 * (1.0 - stream.uniform(index)).ln()).sqrt();
    radius * (std::f32::consts::TAU * stream.uniform(index + 1)).cos()
}

#[cfg(test)]
mod tests {
    use glossa_base::seed::Purpose;

    use super::*;

    #[test]
    fn truncated_normals_have_their_moments() {
        let stream = Stream::new(1, Purpose::Weights, 0, 0);
        let values = truncated_normal(stream, 0.5, [200, 200], &Device::flex());
        let values: Vec<f32> = values.into_data().try_to_vec().unwrap();
        let mean = values.iter().sum::<f32>() / 40_000.0;
        let square = values.iter().map(|value| value * value).sum::<f32>() / 40_000.0;
        assert!(mean.abs() < 0.01 && values.iter().all(|value| value.abs() <= 1.0));
        // A normal distribution cut at two deviations has 0.8796 of them.
        assert!((square.sqrt() - 0.5 * 0.8796).abs() < 0.005, "{}", square.sqrt());
    }
}
