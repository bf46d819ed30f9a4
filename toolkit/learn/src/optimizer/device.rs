//! Adam and StableAdamW where the weights are, on a GPU. Moments stay there, and so does whatever depends on
//! them: the host never waits.

use burn::tensor::{DType, Tensor, TensorData};
use glossa_nn::kernels::{AdamStep, adam_update};

use super::rules::{Kind, Memory};

/// Mean and mean squared gradient as they were remembered, or zeros; they leave the memory.
pub(super) fn moments(memory: &mut Memory, weights: &Tensor<1>) -> [Tensor<1>; 2] {
    let place = (&weights.device(), DType::F32);
    let moment = |values: Vec<f32>| match values.len() {
        0 => Tensor::zeros(weights.dims(), place),
        count => Tensor::from_data(TensorData::new(values, [count]), place),
    };
    [moment(std::mem::take(&mut memory.mean)), moment(std::mem::take(&mut memory.square))]
}

/// A step of Adam, or of what stabilises it; `factor` `[1]` multiplies the gradient besides what the step says.
pub(super) fn update(
    kind: Kind,
    weights: Tensor<1>,
    gradient: Tensor<1>,
    moments: &mut [Tensor<1>; 2],
    factor: Option<&Tensor<1>>,
    step: &AdamStep,
) -> Tensor<1> {
    let one = Tensor::ones([1], (&weights.device(), DType::F32));
    let factor = factor.cloned().unwrap_or_else(|| one.clone());
    let rate = match kind {
        Kind::StableAdam => {
            let slope = gradient.clone().cast(DType::F32) * factor.clone() * step.scale;
            stable_rate(slope + weights.clone().cast(DType::F32) * step.coupled, &moments[1], step)
        }
        _ => one,
    };
    let factors = Tensor::cat(vec![factor, rate], 0);
    let (weights, updated) = adam_update(weights, gradient, moments.clone(), factors, step);
    *moments = updated;
    weights
}

/// What the rate is multiplied with: one over how far the gradient exceeds what the mean square expects (Wortsman et
/// al. 2023, algorithm 2).
fn stable_rate(slope: Tensor<1>, square: &Tensor<1>, step: &AdamStep) -> Tensor<1> {
    let squares = slope.clone() * slope;
    let square = square.clone() * step.second_beta + squares.clone() * (1.0 - step.second_beta);
    let expected = (square * step.second_correction).clamp_min(step.epsilon * step.epsilon);
    (squares / expected).mean().sqrt().clamp_min(1.0).recip()
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::super::adam_numbers;
    use super::super::rules::{Hyper, Parameter, step};
    use super::*;
    use crate::reading::values;

    fn vector(values: &[f32]) -> Tensor<1> {
        Tensor::from_data(values, &Device::flex())
    }

    /// Weights after steps of either kind, by tensors and by the lists of rules.
    fn both_ways(kind: Kind, decoupled: bool) -> (Vec<f32>, Vec<f32>) {
        let hyper = Hyper { rate: 0.01, momentum: 0.9, second_beta: 0.99, epsilon: 1e-8, weight_decay: 0.1 };
        let start: Vec<f32> = (0..50).map(|index| (index as f32 * 0.7).sin()).collect();
        let (mut ours, mut theirs) = (vector(&start), start);
        let (mut kept, mut memory) = (Memory::default(), Memory::default());
        let mut moments = moments(&mut kept, &ours);
        for count in 0..8 {
            let size = if count == 5 { 30.0 } else { 1.0 };
            let gradient: Vec<f32> = (0..50).map(|index| ((index + count) as f32 * 0.3).cos() * size).collect();
            let numbers = adam_numbers(&mut kept, hyper, decoupled, 0.5);
            ours = update(kind, ours, vector(&gradient), &mut moments, Some(&vector(&[0.4])), &numbers);
            let mut gradient: Vec<f32> = gradient.iter().map(|value| value * 0.2).collect();
            let (weights, gradient) = (&mut theirs[..], &mut gradient[..]);
            step(&kind.rules(decoupled), &mut Parameter { weights, gradient, memory: &mut memory, hyper });
        }
        (values(ours).unwrap(), theirs)
    }

    #[test]
    fn it_does_what_the_rules_say() {
        for (kind, decoupled) in
            [(Kind::Adam, true), (Kind::Adam, false), (Kind::StableAdam, true), (Kind::StableAdam, false)]
        {
            let (ours, theirs) = both_ways(kind, decoupled);
            let largest = ours.iter().zip(&theirs).map(|(one, other)| (one - other).abs()).fold(0.0, f32::max);
            assert!(largest < 2e-6, "{kind:?}, decoupled {decoupled}: {largest}");
        }
        assert_ne!(both_ways(Kind::Adam, true).0, both_ways(Kind::StableAdam, true).0);
    }
}
