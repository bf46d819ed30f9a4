//! A masked language model: a ModernBERT with a decoder that shares the embedding's weights, and a larger one
//! that begins as a smaller one.

use std::path::Path;

use burn::module::Param;
use burn::prelude::*;
use glossa_base::Outcome;
use glossa_base::seed::{Purpose, Stream};

use crate::Error;
use crate::dropout::Noise;
use crate::groups::{Grouped, layer_index};
use crate::kernels::{Activation, Curve, curve, decoder_loss, linear};
use crate::layers::{Linear, Norm};
use crate::modernbert::{ModernBert, ModernBertConfig};
use crate::packed::{PackedTokens, rows};
use crate::published::{self, Slot, Slots, TensorSource, fill, save};
use crate::target::Likelihood;
use crate::transformer::{Transformer, TransformerConfig, check_total};

/// A ModernBERT with a decoder that shares the embedding's weights: it guesses pieces behind masks.
#[derive(Module, Debug)]
pub struct MaskedLanguageModel {
    /// The encoder.
    pub encoder: Transformer,
    inner: Linear,
    norm: Norm,
    /// `[vocabulary]`.
    decoder_bias: Param<Tensor<1>>,
    #[module(skip)]
    curve: Curve,
}

impl MaskedLanguageModel {
    /// A model with fresh weights.
    pub fn new(config: &ModernBertConfig, seed: u64, device: &Device) -> Self {
        Self::with_encoder(Transformer::ModernBert(ModernBert::new(config, seed, device)), config, seed, device)
    }

    fn with_encoder(encoder: Transformer, config: &ModernBertConfig, seed: u64, device: &Device) -> Self {
        let (stream, width) = (Stream::new(seed, Purpose::Weights, 1, 0), config.hidden_size);
        let deviation = config.outward_deviation();
        MaskedLanguageModel {
            encoder,
            inner: Linear::new([width, width], config.classifier_bias, deviation, stream, device),
            norm: Norm::new(width, config.norm_bias, config.epsilon(), device),
            decoder_bias: Param::from_tensor(Tensor::zeros([config.vocab_size], device)),
            curve: config.classifier_activation,
        }
    }

    /// What the decoder reads at some tokens of a batch, `[places, width]`.
    ///
    /// # Errors
    /// As [`Transformer::encode`], or a place outside the batch.
    pub fn read(&self, tokens: &PackedTokens, places: &[u32], noise: Option<Noise>) -> Result<Tensor<2>, Error> {
        let count = tokens.packing().token_count();
        if places.is_empty() || places.iter().any(|place| *place as usize >= count) {
            let found = vec![places.len(), places.iter().max().copied().unwrap_or_default() as usize];
            return Err(Error::Shape { tensor: "places", found, wanted: format!("some of {count} tokens") });
        }
        let hidden = rows(self.encoder.encode(tokens, noise)?, places)?;
        self.norm.forward(curve(self.inner.forward(hidden)?, self.curve))
    }

    /// How well the decoder guesses the pieces of these places.
    ///
    /// # Errors
    /// Pieces of another vocabulary, or not one a place.
    pub fn likelihood(&self, hidden: Tensor<2>, pieces: &[u32], smoothing: f32) -> Result<Likelihood, Error> {
        let vocabulary = self.vocabulary_size();
        if let Some(&token) = pieces.iter().find(|piece| **piece as usize >= vocabulary) {
            return Err(Error::Token { token, vocabulary });
        }
        let ids: Vec<i32> = pieces.iter().map(|&piece| piece as i32).collect();
        let ids = Tensor::from_data(TensorData::new(ids, [pieces.len()]), &hidden.device());
        let (weight, bias) = (self.encoder.embedding().val(), self.decoder_bias.val());
        let (loss, statistics) = decoder_loss(hidden, weight, bias, ids, smoothing)?;
        Ok(Likelihood { loss, statistics })
    }

    /// The decoder's outputs `[places, vocabulary]`.
    ///
    /// # Errors
    /// As [`MaskedLanguageModel::read`].
    pub fn logits(&self, tokens: &PackedTokens, places: &[u32]) -> Result<Tensor<2>, Error> {
        let hidden = self.read(tokens, places, None)?;
        linear(hidden, self.encoder.embedding().val(), self.decoder_bias.val(), Activation::Identity)
    }

    /// Pieces of the vocabulary.
    pub fn vocabulary_size(&self) -> usize {
        self.decoder_bias.dims()[0]
    }

    pub(crate) fn all_slots<'a>(&'a mut self, slots: &mut Slots<'a>) {
        self.encoder.slots("model.", slots);
        self.inner.slots("head.dense", slots);
        self.norm.slots("head.norm", slots);
        slots.push((vec!["decoder.bias".to_owned()], Slot::Vector(&mut self.decoder_bias)));
    }

    /// Reads a model; the decoder's weights are the embedding's.
    ///
    /// # Errors
    /// Tensors that are missing, unexpected or of another shape.
    pub fn read_from(config: &ModernBertConfig, source: &dyn TensorSource, device: &Device) -> Outcome<Self> {
        if !config.tie_word_embeddings || !config.decoder_bias {
            let problem = "a decoder with weights of its own, or without a bias, is not known here";
            return Err(Error::Config(problem.to_owned()).into());
        }
        let whole = TransformerConfig::ModernBert(config.clone());
        check_total(&whole, source)?;
        let encoder = Transformer::blank(&whole, device);
        let mut model = Self::with_encoder(encoder, config, 0, device);
        let mut slots = Slots::new();
        model.all_slots(&mut slots);
        fill(slots, source, &|name| name == "decoder.weight")?;
        Ok(model)
    }

    /// Writes the model as transformers' `ModernBertForMaskedLM` has it.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn save(&self, path: &Path) -> Outcome<()> {
        let (mut copy, mut slots) = (self.clone(), Slots::new());
        copy.all_slots(&mut slots);
        save(&slots, path)
    }
}

/// Each layer from the input up, then embeddings, final norm and decoder together, as in recurrent models.
impl Grouped for MaskedLanguageModel {
    fn group_count(&self) -> usize {
        self.encoder.config().layer_count() + 1
    }

    fn group(&self, path: &str) -> usize {
        layer_index(path).unwrap_or(self.encoder.config().layer_count())
    }
}

impl MaskedLanguageModel {
    /// A larger model whose weights begin as this one's, laid into them from the centre and repeated outwards
    /// (ModernBERT-large's initialisation). Each layer begins as the one at the same share of the depth.
    ///
    /// # Errors
    /// Sizes that are smaller, or another vocabulary.
    pub fn tiled(&self, config: &ModernBertConfig, device: &Device) -> Result<Self, Error> {
        let TransformerConfig::ModernBert(own) = self.encoder.config() else {
            return Err(Error::Config("only a ModernBERT grows".to_owned()));
        };
        let (mut small, mut large) = (self.clone(), Self::new(config, 0, device));
        let grows = [
            (own.hidden_size, config.hidden_size),
            (own.intermediate_size, config.intermediate_size),
            (own.num_hidden_layers, config.num_hidden_layers),
        ];
        if grows.into_iter().any(|(from, to)| to < from) || own.vocab_size != config.vocab_size {
            return Err(Error::Config("a model grows into larger sizes and the same vocabulary only".to_owned()));
        }
        let (mut from, mut to) = (Slots::new(), Slots::new());
        small.all_slots(&mut from);
        large.all_slots(&mut to);
        published::tile(&from, to, &|name| source_name(name, own.num_hidden_layers, config.num_hidden_layers))?;
        Ok(large)
    }
}

/// The name of the tensor that a larger model's begins as, of the layer at the same share of the depth, and how
/// many maps are stacked in it. The first layer alone has no norm before its attention.
fn source_name(name: &str, from: usize, to: usize) -> (String, usize) {
    let Some(layer) = layer_index(name) else { return (name.to_owned(), 1) };
    let stacked = if name.contains("Wqkv") { 3 } else { 1 + usize::from(name.contains("mlp.Wi")) };
    let source = (layer * from / to.max(1)).min(from.saturating_sub(1));
    let source = if layer > 0 && from > 1 { source.max(1) } else { source };
    (name.replacen(&format!("layers.{layer}."), &format!("layers.{source}."), 1), stacked)
}
