//! The five dropouts of AWD-LSTM (Merity et al. 2017, section 4) with masks from counter-based
//! streams: the same seed, epoch and step give the same masks on any machine.

use burn::prelude::*;
use glossa_base::seed::Stream;
use serde::{Deserialize, Serialize};

use crate::kernels::{drop_entries, factors, updates_on};

/// Probabilities of the five dropouts, each in [0, 1).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dropouts {
    /// Before the decoder or head; the same units at every step.
    pub output: f64,
    /// Between layers; the same units at every step.
    pub hidden: f64,
    /// After the embedding; the same units at every step.
    pub input: f64,
    /// Whole rows of the embedding.
    pub embedding: f64,
    /// Single recurrent weights.
    pub weight: f64,
}

impl Dropouts {
    /// No dropout at all.
    pub const NONE: Dropouts = Dropouts { output: 0.0, hidden: 0.0, input: 0.0, embedding: 0.0, weight: 0.0 };
    /// The numbers of ULMFiT and PolEval 2018 (fastai 0.7's order).
    pub const ULMFIT: Dropouts = Dropouts { output: 0.1, hidden: 0.15, input: 0.25, embedding: 0.02, weight: 0.2 };
    /// The same five numbers as MultiFiT's published configuration places them.
    pub const MULTIFIT_PAPER: Dropouts =
        Dropouts { output: 0.25, hidden: 0.1, input: 0.2, embedding: 0.02, weight: 0.15 };

    /// Every probability times the same factor.
    pub fn times(self, factor: f64) -> Dropouts {
        Dropouts {
            output: self.output * factor,
            hidden: self.hidden * factor,
            input: self.input * factor,
            embedding: self.embedding * factor,
            weight: self.weight * factor,
        }
    }
}

/// The dropouts of one training step: how much, and from which stream.
#[derive(Debug, Clone, Copy)]
pub struct Noise {
    /// Probabilities.
    pub dropouts: Dropouts,
    /// The step's stream.
    pub stream: Stream,
}

impl Noise {
    /// The noise of a part of the step, such as one chunk of a document.
    pub fn part(self, index: u64) -> Noise {
        Noise { stream: self.stream.part(index), ..self }
    }

    /// A mask of `count` values: 0 with probability `p`, else 1/(1-p).
    pub(crate) fn mask(self, purpose: u64, p: f64, count: usize) -> Vec<f32> {
        factors(count, self.stream.part(purpose), p as f32)
    }

    /// A weight with single entries dropped (weight dropout).
    pub(crate) fn drop_weight(noise: Option<Noise>, purpose: u64, weight: Tensor<2>) -> Tensor<2> {
        match noise {
            Some(noise) => drop_entries(weight, noise.stream.part(purpose), noise.dropouts.weight as f32),
            None => weight,
        }
    }

    /// What draws single numbers to drop, if any are dropped.
    pub(crate) fn entries(self, purpose: u64, p: impl Fn(&Dropouts) -> f64) -> Option<(Stream, f32)> {
        let p = p(&self.dropouts);
        (p > 0.0).then(|| (self.stream.part(purpose), p as f32))
    }

    /// A mask of the shape of two axes as a tensor. A GPU draws it itself, the same one.
    pub(crate) fn mask_tensor(self, purpose: u64, p: f64, shape: [usize; 2], device: &Device) -> Tensor<2> {
        if updates_on(device) {
            return drop_entries(Tensor::ones(shape, device), self.stream.part(purpose), p as f32);
        }
        Tensor::from_data(TensorData::new(self.mask(purpose, p, shape[0] * shape[1]), shape), device)
    }
}

#[cfg(test)]
mod tests {
    use glossa_base::seed::Purpose;

    use super::*;

    #[test]
    fn masks_keep_the_mean_and_repeat() {
        let noise = Noise { dropouts: Dropouts::NONE, stream: Stream::new(1, Purpose::Dropout, 0, 0) };
        let mask = noise.mask(3, 0.25, 40_000);
        let mean = mask.iter().map(|value| f64::from(*value)).sum::<f64>() / 40_000.0;
        assert!((mean - 1.0).abs() < 0.02, "{mean}");
        assert_eq!(mask, noise.mask(3, 0.25, 40_000));
        assert_ne!(mask, noise.mask(4, 0.25, 40_000));
    }
}
