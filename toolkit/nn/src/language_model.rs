//! A language model: an encoder and a decoder that shares the embedding's weights (Inan et al. 2016).

use burn::module::Param;
use burn::prelude::*;

use crate::Error;
use crate::config::EncoderConfig;
use crate::dropout::Noise;
use crate::encoder::{Encoded, Encoder, Tokens};
use crate::kernels::{Activation, decoder_loss, embed, last_step, linear};
use crate::recurrent::{Recurrent, State};
use crate::sampled::Sampler;

const SAMPLE: u64 = 300;

/// An encoder with a tied decoder.
#[derive(Module, Debug)]
pub struct LanguageModel {
    /// The encoder.
    pub encoder: Recurrent,
    /// `[vocabulary]`.
    decoder_bias: Param<Tensor<1>>,
}

/// What a step of language modelling gives.
pub struct ModelLoss {
    /// Mean cross-entropy with label smoothing, `[1]`.
    pub loss: Tensor<1>,
    /// `[2]`, detached: mean negative log-likelihood in nats, share of right first guesses.
    pub statistics: Tensor<1>,
    /// The encoder's output and the state to go on from.
    pub encoded: Encoded<State>,
}

impl LanguageModel {
    /// A model with fresh weights.
    pub fn new(config: &EncoderConfig, seed: u64, device: &Device) -> Self {
        LanguageModel {
            encoder: Recurrent::new(config, seed, device),
            decoder_bias: Param::from_tensor(Tensor::zeros([config.vocabulary_size], device)),
        }
    }

    /// The loss of `targets` after `tokens`, both `[batch, time]`, going on from `state`.
    ///
    /// # Errors
    /// Tokens or targets of another vocabulary or shape.
    pub fn loss(
        &self,
        tokens: &Tokens,
        targets: &Tokens,
        state: Option<&State>,
        noise: Option<Noise>,
        smoothing: f32,
    ) -> Result<ModelLoss, Error> {
        let targets = targets.tensor(self.vocabulary_size())?.reshape([-1]);
        let encoded = self.encoder.encode(tokens, state, noise)?;
        let (weight, bias) = (self.encoder.embedding.val(), self.decoder_bias.val());
        against(encoded, weight, bias, targets, smoothing)
    }

    /// As [`Self::loss`], but against a sample of the vocabulary: for training with many pieces.
    ///
    /// # Errors
    /// Tokens, targets or a sampler of another vocabulary or shape.
    pub fn sampled_loss(
        &self,
        tokens: &Tokens,
        targets: &Tokens,
        state: Option<&State>,
        noise: Noise,
        sampler: &Sampler,
        smoothing: f32,
    ) -> Result<ModelLoss, Error> {
        let vocabulary = self.vocabulary_size();
        if sampler.vocabulary_size() != vocabulary {
            let found = vec![sampler.vocabulary_size()];
            return Err(Error::Shape { tensor: "sampler", found, wanted: format!("{vocabulary} pieces") });
        }
        let drawn = sampler.draw(targets.ids(vocabulary)?, noise.stream.part(SAMPLE));
        let encoded = self.encoder.encode(tokens, state, Some(noise))?;
        let (ids, corrections, places) = drawn.tensors(&encoded.raw.device());
        let (count, ones) = (drawn.ids.len(), Tensor::ones([vocabulary], &ids.device()));
        let chosen = embed(self.encoder.embedding.val(), ids.clone(), ones.clone())?;
        let bias = embed(self.decoder_bias.val().unsqueeze_dim(1), ids, ones)?.reshape([count]) + corrections;
        against(encoded, chosen.reshape([count, self.encoder.width()]), bias, places, smoothing)
    }

    /// Logits `[batch, vocabulary]` of the token after `tokens` `[batch, time]`, and the state.
    ///
    /// # Errors
    /// Tokens of another vocabulary.
    pub fn next(&self, tokens: &Tokens, state: Option<&State>) -> Result<(Tensor<2>, State), Error> {
        let encoded = self.encoder.encode(tokens, state, None)?;
        let (weight, bias) = (self.encoder.embedding.val(), self.decoder_bias.val());
        Ok((linear(last_step(encoded.raw), weight, bias, Activation::Identity)?, encoded.state))
    }

    /// Pieces of the vocabulary.
    pub fn vocabulary_size(&self) -> usize {
        self.decoder_bias.dims()[0]
    }

    /// Groups for discriminative rates, from the input up: each layer, then embedding and decoder
    /// together (fastai's split for language models).
    pub fn group_count(&self) -> usize {
        self.encoder.layer_count() + 1
    }

    /// The group of a parameter by its path.
    pub fn group(&self, path: &str) -> usize {
        layer_index(path).unwrap_or(self.encoder.layer_count())
    }
}

/// The loss of what an encoder gave against a decoder's `weight` `[pieces, width]` and `bias` `[pieces]`.
fn against(
    encoded: Encoded<State>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    targets: Tensor<1, Int>,
    smoothing: f32,
) -> Result<ModelLoss, Error> {
    let hidden = encoded.dropped.clone().reshape([-1, weight.dims()[1] as i32]);
    let (loss, statistics) = decoder_loss(hidden, weight, bias, targets, smoothing)?;
    Ok(ModelLoss { loss, statistics, encoded })
}

/// The layer that a path such as `encoder.layers.2.Qrnn.weight` belongs to.
pub fn layer_index(path: &str) -> Option<usize> {
    let (_, rest) = path.split_once("layers.")?;
    rest.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_their_layer() {
        assert_eq!(layer_index("encoder.layers.2.Qrnn.weight"), Some(2));
        assert_eq!(layer_index("encoder.embedding"), None);
    }
}
