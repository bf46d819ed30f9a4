//! What every encoder offers: token ids in, one vector a token out, with carried state.

use std::sync::Arc;

use burn::prelude::*;

use crate::Error;
use crate::dropout::Noise;
use crate::target::Mix;

/// Token ids `[batch, time]`, checked against a vocabulary before they reach a kernel.
#[derive(Debug, Clone)]
pub struct Tokens {
    ids: Vec<u32>,
    shape: [usize; 2],
    device: Device,
    vocabulary: usize,
    lengths: Option<Arc<[usize]>>,
    mix: Option<Arc<Mix>>,
}

impl Tokens {
    /// Ids row after row.
    ///
    /// # Errors
    /// An empty batch, ids that do not fill the shape, or one outside the vocabulary.
    pub fn new(ids: &[u32], shape: [usize; 2], vocabulary: usize, device: &Device) -> Result<Self, Error> {
        if shape.contains(&0) {
            return Err(Error::EmptyBatch);
        }
        if ids.len() != shape[0] * shape[1] {
            return Err(Error::Shape { tensor: "tokens", found: vec![ids.len()], wanted: format!("{shape:?}") });
        }
        if let Some(&token) = ids.iter().find(|id| **id as usize >= vocabulary) {
            return Err(Error::Token { token, vocabulary });
        }
        Ok(Tokens { ids: ids.to_vec(), shape, device: device.clone(), vocabulary, lengths: None, mix: None })
    }

    /// The same, of which each row has so many tokens that count; padding follows them.
    #[must_use]
    pub fn with_lengths(self, lengths: Vec<usize>) -> Self {
        Tokens { lengths: Some(lengths.into()), ..self }
    }

    /// The same, each row mixed with another one in the embeddings.
    #[must_use]
    pub(crate) fn with_mix(self, mix: Option<Arc<Mix>>) -> Self {
        Tokens { mix, ..self }
    }

    /// How rows are mixed.
    pub(crate) fn mix(&self) -> Option<&Mix> {
        self.mix.as_deref()
    }

    /// The ids for a table of so many rows, on the device.
    pub(crate) fn tensor(&self, vocabulary: usize) -> Result<Tensor<2, Int>, Error> {
        let ids = self.ids(vocabulary)?.iter().map(|&id| id as i32).collect::<Vec<i32>>();
        Ok(Tensor::from_data(TensorData::new(ids, self.shape), &self.device))
    }

    /// The ids for a table of so many rows, row after row.
    pub(crate) fn ids(&self, vocabulary: usize) -> Result<&[u32], Error> {
        if self.vocabulary > vocabulary {
            return Err(Error::Token { token: self.vocabulary as u32 - 1, vocabulary });
        }
        Ok(&self.ids)
    }

    /// Tokens of each row that count; nothing where all do.
    pub(crate) fn lengths(&self) -> Option<Arc<[usize]>> {
        self.lengths.clone()
    }
}

/// The output of an encoder.
pub struct Encoded<S> {
    /// One vector a token, `[batch, time, width]`, before the output dropout.
    pub raw: Tensor<3>,
    /// The same after the output dropout; the same tensor where there is no noise.
    pub dropped: Tensor<3>,
    /// The state after the last token, detached.
    pub state: S,
}

/// An encoder of token ids.
pub trait Encoder {
    /// What it carries from one chunk of a text to the next.
    type State: Clone;

    /// Encodes `tokens` `[batch, time]`, going on from `state`; `noise` is present only in training.
    ///
    /// # Errors
    /// Tokens of another vocabulary, or a state of another batch.
    fn encode(
        &self,
        tokens: &Tokens,
        state: Option<&Self::State>,
        noise: Option<Noise>,
    ) -> Result<Encoded<Self::State>, Error>;

    /// Width of a token's vector.
    fn width(&self) -> usize;
}
