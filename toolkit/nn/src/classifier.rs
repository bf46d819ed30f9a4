//! A text classifier: the whole document runs through the encoder in chunks with carried state
//! (BPT3C), concat pooling, and a head with one hidden layer (Howard and Ruder 2018, section 3.3).
//!
//! Texts of a batch are padded on the right; padding never enters a pooled value, so batch mates
//! cannot change a prediction.

use std::sync::Arc;

use burn::module::Param;
use burn::nn::{BatchNorm, BatchNormConfig};
use burn::prelude::*;
use burn::tensor::activation::{sigmoid, softmax};
use glossa_base::seed::{Purpose, Stream};

use crate::Error;
use crate::config::EncoderConfig;
use crate::dropout::Noise;
use crate::encoder::{Encoder, Tokens};
use crate::groups::{Grouped, layer_index};
use crate::init::uniform;
use crate::kernels::{Activation, concat_pool, linear};
use crate::recurrent::Recurrent;
use crate::state::State;
use crate::target::{self, Aim, LastLayer, Likelihood, Mix, Problem};

const FIRST_MASK: u64 = 200;
const SECOND_MASK: u64 = 201;
const CHUNK_MASKS: u64 = 5000;

/// Dropout between the head's two layers.
const HEAD_DROPOUT: f64 = 0.1;

/// How documents run through the encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Tokens of a chunk; gradients do not cross chunks.
    pub chunk: usize,
    /// Only so many last tokens of a document are pooled.
    pub pooled: usize,
}

/// Texts of a batch, padded on the right.
#[derive(Debug, Clone)]
pub struct TextBatch {
    tokens: Vec<u32>,
    lengths: Vec<usize>,
    time: usize,
    vocabulary: usize,
    mix: Option<Arc<Mix>>,
}

impl TextBatch {
    /// A batch of token sequences; an empty one counts as one token, `pad`.
    ///
    /// # Errors
    /// An empty batch, or a token outside the vocabulary.
    pub fn new<T: AsRef<[u32]>>(texts: &[T], pad: u32, vocabulary: usize) -> Result<Self, Error> {
        let lengths: Vec<usize> = texts.iter().map(|text| text.as_ref().len().max(1)).collect();
        let time = lengths.iter().copied().max().ok_or(Error::EmptyBatch)?;
        let mut tokens = vec![pad; time * texts.len()];
        for (row, text) in tokens.chunks_mut(time).zip(texts) {
            for (slot, &token) in row.iter_mut().zip(text.as_ref()) {
                if token as usize >= vocabulary {
                    return Err(Error::Token { token, vocabulary });
                }
                *slot = token;
            }
        }
        Ok(TextBatch { tokens, lengths, time, vocabulary, mix: None })
    }

    /// Number of texts.
    pub fn text_count(&self) -> usize {
        self.lengths.len()
    }

    /// Each text without its padding.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &[u32]> {
        self.tokens.chunks(self.time).zip(&self.lengths).map(|(row, length)| &row[..*length])
    }

    /// Pieces of the vocabulary.
    pub(crate) fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    /// Mixes the embeddings of each text with another one's; a mixed text is as long as the longer one.
    ///
    /// # Errors
    /// Partners that are not one of the texts for each.
    pub fn with_mix(self, mix: Mix) -> Result<Self, Error> {
        let texts = self.lengths.len();
        if mix.partners.len() != texts || mix.partners.iter().any(|partner| *partner >= texts) {
            return Err(Error::Shape { tensor: "partners", found: mix.partners, wanted: format!("{texts} texts") });
        }
        let longer = |(own, partner): (&usize, &usize)| self.lengths[*partner].max(*own);
        let lengths = self.lengths.iter().zip(&mix.partners).map(longer).collect();
        Ok(TextBatch { lengths, mix: Some(Arc::new(mix)), ..self })
    }

    /// How texts are mixed.
    pub fn mix(&self) -> Option<&Mix> {
        self.mix.as_deref()
    }

    /// Steps `start..end` of every text; those after its end do not count.
    fn chunk(&self, start: usize, end: usize, device: &Device) -> Result<Tokens, Error> {
        let ids: Vec<u32> = self.tokens.chunks(self.time).flat_map(|row| &row[start..end]).copied().collect();
        let left = |length: &usize| length.saturating_sub(start).min(end - start);
        let lengths = self.lengths.iter().map(left).collect();
        let tokens = Tokens::new(&ids, [self.lengths.len(), end - start], self.vocabulary, device)?;
        Ok(tokens.with_lengths(lengths).with_mix(self.mix.clone()))
    }
}

/// The head: batch norm, dropout, linear, ReLU, batch norm, dropout, linear.
#[derive(Module, Debug)]
pub struct Head {
    first_norm: BatchNorm,
    first_weight: Param<Tensor<2>>,
    first_bias: Param<Tensor<1>>,
    second_norm: BatchNorm,
    second_weight: Param<Tensor<2>>,
    second_bias: Param<Tensor<1>>,
}

impl Head {
    fn new(inputs: usize, hidden: usize, classes: usize, stream: Stream, device: &Device) -> Self {
        let bound = |fan_in: usize| 1.0 / (fan_in as f32).sqrt();
        let vector = |part, size, fan_in| Param::from_tensor(uniform(stream.part(part), bound(fan_in), [size], device));
        let matrix = |part, rows, columns| {
            Param::from_tensor(uniform(stream.part(part), bound(columns), [rows, columns], device))
        };
        Head {
            first_norm: BatchNormConfig::new(inputs).init(device),
            first_weight: matrix(0, hidden, inputs),
            first_bias: vector(1, hidden, inputs),
            second_norm: BatchNormConfig::new(hidden).init(device),
            second_weight: matrix(2, classes, hidden),
            second_bias: vector(3, classes, hidden),
        }
    }

    /// `[batch, inputs]` to `[batch, hidden]`, all but the last linear map.
    fn hidden(&self, pooled: Tensor<2>, noise: Option<Noise>) -> Result<Tensor<2>, Error> {
        let x = self.first_norm.forward(pooled);
        let x = drop_units(x, noise, FIRST_MASK, |noise| noise.dropouts.output);
        let x = linear(x, self.first_weight.val(), self.first_bias.val(), Activation::Relu)?;
        Ok(drop_units(self.second_norm.forward(x), noise, SECOND_MASK, |_| HEAD_DROPOUT))
    }
}

fn drop_units(x: Tensor<2>, noise: Option<Noise>, purpose: u64, p: impl Fn(Noise) -> f64) -> Tensor<2> {
    match noise {
        Some(noise) if p(noise) > 0.0 => {
            let mask = noise.mask_tensor(purpose, p(noise), x.dims(), &x.device());
            x * mask
        }
        _ => x,
    }
}

/// An encoder with a classification head.
#[derive(Module, Debug)]
pub struct Classifier {
    /// The encoder, usually a language model's.
    pub encoder: Recurrent,
    head: Head,
}

/// What an encoder makes of a batch of texts.
pub struct Pooled {
    /// The encoder's outputs that were pooled, `[batch, time, width]`, for activation regularisation.
    pub outputs: Tensor<3>,
    /// Each text as one vector, `[batch, 3 · width]`.
    pub texts: Tensor<2>,
}

impl Classifier {
    /// A classifier over an encoder, with a fresh head.
    pub fn new(encoder: Recurrent, head_size: usize, classes: usize, seed: u64, device: &Device) -> Self {
        let stream = Stream::new(seed, Purpose::Weights, 1, 0);
        let head = Head::new(3 * encoder.width(), head_size, classes, stream, device);
        Classifier { encoder, head }
    }

    /// A classifier with fresh weights everywhere.
    pub fn fresh(config: &EncoderConfig, head_size: usize, classes: usize, seed: u64, device: &Device) -> Self {
        Self::new(Recurrent::new(config, seed, device), head_size, classes, seed, device)
    }

    /// What the encoder makes of a batch; `noise` is present only in training.
    ///
    /// # Errors
    /// Texts of another vocabulary.
    pub fn read(&self, batch: &TextBatch, window: Window, noise: Option<Noise>) -> Result<Pooled, Error> {
        let (outputs, texts) = self.pool(batch, window, noise)?;
        Ok(Pooled { outputs, texts })
    }

    /// How well the head answers.
    ///
    /// # Errors
    /// Targets that do not fit the texts or the head.
    pub fn likelihood(&self, pooled: &Pooled, aim: &Aim<'_>, noise: Option<Noise>) -> Result<Likelihood, Error> {
        let hidden = self.head.hidden(pooled.texts.clone(), noise)?;
        let layer = LastLayer { weight: self.head.second_weight.val(), bias: self.head.second_bias.val() };
        target::likelihood(hidden, layer, aim)
    }

    /// What the head answers for each text `[batch, outputs]`, in the order of the texts: probabilities of
    /// classes that exclude each other, of labels that do not, or a number.
    ///
    /// # Errors
    /// Texts of another vocabulary.
    pub fn answers(&self, batch: &TextBatch, window: Window, problem: Problem) -> Result<Tensor<2>, Error> {
        let (_, pooled) = self.pool(batch, window, None)?;
        let outputs = self.logits(pooled)?;
        Ok(match problem {
            Problem::SingleLabel => softmax(outputs, 1),
            Problem::MultiLabel => sigmoid(outputs),
            Problem::Regression => outputs,
        })
    }

    /// The head's outputs `[batch, outputs]` for pooled texts, without noise.
    pub(crate) fn logits(&self, pooled: Tensor<2>) -> Result<Tensor<2>, Error> {
        let hidden = self.head.hidden(pooled, None)?;
        linear(hidden, self.head.second_weight.val(), self.head.second_bias.val(), Activation::Identity)
    }

    /// Encodes a batch chunk by chunk and pools each text's last `window.pooled` tokens.
    fn pool(&self, batch: &TextBatch, window: Window, noise: Option<Noise>) -> Result<(Tensor<3>, Tensor<2>), Error> {
        let device = self.encoder.embedding.device();
        let first_needed = batch.lengths.iter().map(|length| length.saturating_sub(window.pooled)).min().unwrap_or(0);
        let (mut outputs, mut state, mut kept_from) = (Vec::new(), None::<State>, 0);
        for (index, start) in (0..batch.time).step_by(window.chunk).enumerate() {
            let end = (start + window.chunk).min(batch.time);
            let masks = noise.map(|noise| noise.part(CHUNK_MASKS + index as u64));
            let encoded = self.encoder.encode(&batch.chunk(start, end, &device)?, state.as_ref(), masks)?;
            state = Some(encoded.state);
            if end <= first_needed {
                kept_from = end;
            } else {
                outputs.push(encoded.raw);
            }
        }
        let outputs = if outputs.len() == 1 { outputs.remove(0) } else { Tensor::cat(outputs, 1) };
        let spans: Vec<[usize; 2]> = batch
            .lengths
            .iter()
            .map(|&length| [length.saturating_sub(window.pooled).max(kept_from) - kept_from, length - kept_from])
            .collect();
        let pooled = concat_pool(outputs.clone(), &spans)?;
        Ok((outputs, pooled))
    }
}

/// The embedding, each layer, the head.
impl Grouped for Classifier {
    fn group_count(&self) -> usize {
        self.encoder.layer_count() + 2
    }

    fn group(&self, path: &str) -> usize {
        match layer_index(path) {
            Some(layer) => layer + 1,
            None if path.starts_with("encoder") => 0,
            None => self.encoder.layer_count() + 1,
        }
    }
}
