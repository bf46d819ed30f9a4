//! A language model: an encoder and a decoder that shares the embedding's weights (Inan et al. 2016).

use burn::module::Param;
use burn::prelude::*;
use glossa_base::seed::Stream;

use crate::Error;
use crate::config::EncoderConfig;
use crate::dropout::Noise;
use crate::encoder::{Encoded, Encoder, Tokens};
use crate::groups::{Grouped, layer_index};
use crate::kernels::{Activation, decoder_loss, embed, last_step, linear};
use crate::recurrent::Recurrent;
use crate::sampled::Sampler;
use crate::state::State;
use crate::target::Likelihood;

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
        let encoded = self.encoder.encode(tokens, state, noise)?;
        let Likelihood { loss, statistics } = self.likelihood(&encoded, targets, smoothing)?;
        Ok(ModelLoss { loss, statistics, encoded })
    }

    /// The likelihood of `targets` `[batch, time]` after what the encoder gave.
    ///
    /// # Errors
    /// Targets of another vocabulary or shape.
    pub fn likelihood(&self, encoded: &Encoded<State>, targets: &Tokens, smoothing: f32) -> Result<Likelihood, Error> {
        let targets = targets.tensor(self.vocabulary_size())?.reshape([-1]);
        let (weight, bias) = (self.encoder.embedding.val(), self.decoder_bias.val());
        against(encoded.dropped.clone(), weight, bias, targets, smoothing)
    }

    /// As [`Self::likelihood`], but against a sample of the vocabulary: for training with many pieces.
    ///
    /// # Errors
    /// Targets or a sampler of another vocabulary or shape.
    pub fn sampled_likelihood(
        &self,
        encoded: &Encoded<State>,
        targets: &Tokens,
        (sampler, stream): (&Sampler, Stream),
        smoothing: f32,
    ) -> Result<Likelihood, Error> {
        let vocabulary = self.vocabulary_size();
        if sampler.vocabulary_size() != vocabulary {
            let found = vec![sampler.vocabulary_size()];
            return Err(Error::Shape { tensor: "sampler", found, wanted: format!("{vocabulary} pieces") });
        }
        let drawn = sampler.draw(targets.ids(vocabulary)?, stream.part(SAMPLE));
        let (ids, corrections, places) = drawn.tensors(&encoded.raw.device());
        let (count, ones) = (drawn.ids.len(), Tensor::ones([vocabulary], &ids.device()));
        let chosen = embed(self.encoder.embedding.val(), ids.clone(), ones.clone())?;
        let bias = embed(self.decoder_bias.val().unsqueeze_dim(1), ids, ones)?.reshape([count]);
        let bias = bias.clone() + corrections.cast(bias.dtype());
        let weight = chosen.reshape([count, self.encoder.width()]);
        against(encoded.dropped.clone(), weight, bias, places, smoothing)
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

    /// The encoder and the decoder's bias.
    pub(crate) fn parts_mut(&mut self) -> (&mut Recurrent, &mut Param<Tensor<1>>) {
        (&mut self.encoder, &mut self.decoder_bias)
    }

    /// Pieces of the vocabulary.
    pub fn vocabulary_size(&self) -> usize {
        self.decoder_bias.dims()[0]
    }
}

/// Each layer, then embedding and decoder together (fastai's split for language models).
impl Grouped for LanguageModel {
    fn group_count(&self) -> usize {
        self.encoder.layer_count() + 1
    }

    fn group(&self, path: &str) -> usize {
        layer_index(path).unwrap_or(self.encoder.layer_count())
    }
}

/// The loss of `hidden` `[batch, time, width]` against a decoder's `weight` `[pieces, width]` and `bias` `[pieces]`.
fn against(
    hidden: Tensor<3>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    targets: Tensor<1, Int>,
    smoothing: f32,
) -> Result<Likelihood, Error> {
    let hidden = hidden.reshape([-1, weight.dims()[1] as i32]);
    let (loss, statistics) = decoder_loss(hidden, weight, bias, targets, smoothing)?;
    Ok(Likelihood { loss, statistics })
}
