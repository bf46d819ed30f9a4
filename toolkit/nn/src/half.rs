//! A copy of a model in numbers of sixteen bits, for a step of training (Micikevicius et al. 2018): gradients flow
//! through it to the weights themselves, which keep 32 bits.

use burn::module::{Module, ModuleMapper, Param};
use burn::prelude::*;
use burn::tensor::DType;

use crate::Error;
use crate::device::name;

/// The copy. Its tensors are no leaves of the graph: gradients belong to the model that it was made of.
///
/// # Errors
/// A device that has no such numbers.
pub fn in_half<M: Module>(model: &M, half: DType) -> Result<M, Error> {
    match model.devices().iter().find(|device| !device.supports_dtype(half)) {
        Some(device) => Err(Error::NoSuchNumbers { device: name(device), numbers: format!("{half:?}").to_lowercase() }),
        None => Ok(model.clone().map(&mut Caster(half))),
    }
}

struct Caster(DType);

impl ModuleMapper for Caster {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|tensor| tensor.cast(self.0))
    }
}

#[cfg(test)]
mod tests {
    use burn::module::ModuleVisitor;
    use burn::optim::GradientsParams;
    use glossa_base::seed::{Purpose, Stream};

    use super::*;
    use crate::modernbert::ModernBertConfig;
    use crate::{Cell, Dropouts, EncoderConfig, LanguageModel, MaskedLanguageModel, Noise, PackedTokens, Tokens};

    /// All gradients, one after the other.
    struct Taken<'a>(&'a GradientsParams, Vec<f32>);

    impl ModuleVisitor for Taken<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = self.0.get::<D>(param.id) {
                assert_eq!(gradient.dtype(), DType::F32, "the weights keep 32 bits, and so do their gradients");
                self.1.extend(gradient.into_data().try_into_vec::<f32>().unwrap());
            }
        }
    }

    fn gradients<M: Module>(model: &M, loss: &Tensor<1>) -> Vec<f32> {
        assert_eq!(loss.dtype(), DType::F32);
        let gradients = GradientsParams::from_grads(loss.backward(), model);
        let mut taken = Taken(&gradients, Vec::new());
        model.visit(&mut taken);
        taken.1
    }

    /// How far two vectors are apart, relative to the second.
    fn apart(one: &[f32], other: &[f32]) -> f64 {
        assert!(!other.is_empty() && one.len() == other.len());
        let norm = |values: &mut dyn Iterator<Item = f32>| values.map(|value| f64::from(value).powi(2)).sum::<f64>();
        let difference = norm(&mut one.iter().zip(other).map(|(one, other)| one - other));
        (difference / norm(&mut other.iter().copied())).sqrt()
    }

    fn language_model(cell: Cell) {
        let device = Device::flex().autodiff();
        let (vocabulary_size, embedding_size, hidden_size, layer_count) = (40, 12, 16, 3);
        let config = EncoderConfig { cell, vocabulary_size, embedding_size, hidden_size, layer_count, zoneout: 0.1 };
        let model = LanguageModel::new(&config, 1, &device);
        let row = |shift: u32| {
            let ids: Vec<u32> = (0..24).map(|at| (at * 7 + shift) % 40).collect();
            Tokens::new(&ids, [4, 6], 40, &device).unwrap()
        };
        let stream = Stream::new(1, Purpose::Dropout, 0, 0);
        let noise = Some(Noise { dropouts: Dropouts::MULTIFIT_PAPER, stream });
        let run = |model: &LanguageModel| {
            let first = model.loss(&row(0), &row(7), None, noise, 0.1).unwrap();
            // A second chunk goes on from the state of the first.
            let second = model.loss(&row(3), &row(10), Some(&first.encoded.state), noise, 0.1).unwrap();
            first.loss + second.loss
        };
        let half = in_half(&model, DType::BF16).unwrap();
        assert_eq!(half.encoder.embedding.val().dtype(), DType::BF16);
        let (rounded, whole) = (gradients(&model, &run(&half)), gradients(&model, &run(&model)));
        let distance = apart(&rounded, &whole);
        assert!(distance > 0.0 && distance < 0.03, "{cell:?}: {distance}");
    }

    #[test]
    fn gradients_of_recurrent_models_flow_through_a_copy_in_half() {
        language_model(Cell::Qrnn);
        language_model(Cell::AwdLstm);
    }

    #[test]
    fn gradients_of_masked_models_flow_through_a_copy_in_half() {
        let device = Device::flex().autodiff();
        let model = MaskedLanguageModel::new(&ModernBertConfig::new(40, [8, 16], 3, 2), 1, &device);
        let texts: Vec<Vec<u32>> = vec![(0..9).collect(), (5..11).collect()];
        let tokens = PackedTokens::new(&texts, 40, &device).unwrap();
        let noise = Some(Noise { dropouts: Dropouts::NONE, stream: Stream::new(1, Purpose::Dropout, 0, 0) });
        let run = |model: &MaskedLanguageModel| {
            let hidden = model.read(&tokens, &[2, 3, 12], noise).unwrap();
            model.likelihood(hidden, &[5, 6, 7], 0.0).unwrap().loss
        };
        let half = in_half(&model, DType::BF16).unwrap();
        let (rounded, whole) = (gradients(&model, &run(&half)), gradients(&model, &run(&model)));
        let distance = apart(&rounded, &whole);
        assert!(distance > 0.0 && distance < 0.05, "{distance}");
    }
}
