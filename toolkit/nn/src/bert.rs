//! BERT (Devlin et al. 2019) and its family: mBERT, LaBSE, multilingual E5, and XLM-RoBERTa (Conneau et al.
//! 2020), whose positions begin behind the padding's id. Norms after each part, learned positions. Batches
//! are packed.

use burn::module::Param;
use burn::prelude::*;
use glossa_base::seed::{Purpose, Stream};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::dropout::Noise;
use crate::init::truncated_normal;
use crate::kernels::{AttentionShape, Curve, Pooling, attention, curve};
use crate::layers::{Linear, Norm, dropped};
use crate::packed::{PackedTokens, rows};
use crate::published::{Slot, Slots};
use crate::transformer::check_sizes;

/// The values of `model_type` in `config.json` that are read here.
pub const MODEL_TYPES: [&str; 4] = ["bert", "xlm-roberta", "roberta", "camembert"];

const EMBEDDING_DROPOUT: u64 = 400;
const ATTENTION_DROPOUT: u64 = 401;
const INNER_DROPOUT: u64 = 402;
const LAYER: u64 = 5000;

/// `config.json` as it is published; keys and defaults are those of Hugging Face transformers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BertConfig {
    /// Which of the family it is.
    pub model_type: String,
    /// Pieces of the vocabulary.
    pub vocab_size: usize,
    /// Width of a token's vector.
    pub hidden_size: usize,
    /// Width of the inner layer.
    pub intermediate_size: usize,
    /// Number of layers.
    pub num_hidden_layers: usize,
    /// Number of attention heads.
    pub num_attention_heads: usize,
    /// The curve of the inner layer.
    #[serde(default)]
    pub hidden_act: Curve,
    /// Rows of the table of positions.
    #[serde(default = "usual_positions")]
    pub max_position_embeddings: usize,
    /// Kinds of parts of a text.
    #[serde(default = "usual_types")]
    pub type_vocab_size: usize,
    /// Keeps the norms' divisions finite.
    #[serde(default = "usual_epsilon")]
    pub layer_norm_eps: f64,
    /// Deviation of the initial weights.
    #[serde(default = "usual_deviation")]
    pub initializer_range: f64,
    /// The padding's id: XLM-RoBERTa counts positions from the one behind it.
    #[serde(default)]
    pub pad_token_id: Option<usize>,
    /// `absolute`; others are not known here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position_embedding_type: Option<String>,
    /// How a text's vectors become one; not a key of transformers, which always takes the first.
    #[serde(default)]
    pub classifier_pooling: Pooling,
}

fn usual_positions() -> usize {
    512
}

fn usual_types() -> usize {
    2
}

fn usual_epsilon() -> f64 {
    1e-12
}

fn usual_deviation() -> f64 {
    0.02
}

impl BertConfig {
    /// Refuses sizes that cannot be built and settings that are not known here.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), Error> {
        let sizes = [self.vocab_size, self.hidden_size, self.intermediate_size];
        check_sizes(sizes, self.num_hidden_layers, self.num_attention_heads)?;
        let positions = self.first_position() < self.max_position_embeddings && self.max_position_embeddings <= 1 << 20;
        if !positions || !(1..=1 << 10).contains(&self.type_vocab_size) {
            return Err(Error::Config("max_position_embeddings or type_vocab_size is impossible".to_owned()));
        }
        if let Some(kind) = self.position_embedding_type.as_deref().filter(|kind| *kind != "absolute") {
            return Err(Error::Config(format!("positions of the type `{kind}` are not known here")));
        }
        if !(self.layer_norm_eps > 0.0 && self.layer_norm_eps.is_finite()) {
            return Err(Error::Config("layer_norm_eps must be above 0".to_owned()));
        }
        Ok(())
    }

    /// Whether it is one of RoBERTa's kind.
    pub fn is_roberta(&self) -> bool {
        self.model_type != "bert"
    }

    /// The position of a text's first token.
    fn first_position(&self) -> usize {
        if self.is_roberta() { self.pad_token_id.unwrap_or(1).min(1 << 20) + 1 } else { 0 }
    }

    /// Tokens of the longest text.
    pub fn longest(&self) -> usize {
        self.max_position_embeddings - self.first_position()
    }
}

/// One layer.
#[derive(Module, Debug)]
pub struct BertLayer {
    query_key_value: Linear,
    attention_output: Linear,
    attention_norm: Norm,
    inner_input: Linear,
    inner_output: Linear,
    inner_norm: Norm,
    #[module(skip)]
    curve: Curve,
}

impl BertLayer {
    fn new(config: &BertConfig, stream: Stream, device: &Device) -> Self {
        let (width, inner) = (config.hidden_size, config.intermediate_size);
        let map = |part, sizes| Linear::new(sizes, true, config.initializer_range as f32, stream.part(part), device);
        let norm = || Norm::new(width, true, config.layer_norm_eps, device);
        BertLayer {
            query_key_value: map(0, [width, 3 * width]),
            attention_output: map(1, [width, width]),
            attention_norm: norm(),
            inner_input: map(2, [width, inner]),
            inner_output: map(3, [inner, width]),
            inner_norm: norm(),
            curve: config.hidden_act,
        }
    }

    /// `norm(x + attention(x))`, then the same with the inner layer: `[tokens, width]`.
    fn forward(&self, x: Tensor<2>, shape: &AttentionShape, noise: Option<Noise>) -> Result<Tensor<2>, Error> {
        let drop = |part| noise.and_then(|noise| noise.entries(part, |dropouts| dropouts.hidden));
        let attended = attention(self.query_key_value.forward(x.clone())?, shape)?;
        let x = self.attention_norm.forward(self.attention_output.onto(x, attended, drop(ATTENTION_DROPOUT))?)?;
        let inner = curve(self.inner_input.forward(x.clone())?, self.curve);
        self.inner_norm.forward(self.inner_output.onto(x, inner, drop(INNER_DROPOUT))?)
    }

    fn slots<'a>(&'a mut self, name: &str, slots: &mut Slots<'a>) {
        let parts = ["query", "key", "value"].map(|part| format!("{name}.attention.self.{part}"));
        self.query_key_value.slots_of_parts(&parts, slots);
        self.attention_output.slots(&format!("{name}.attention.output.dense"), slots);
        self.attention_norm.slots(&format!("{name}.attention.output.LayerNorm"), slots);
        self.inner_input.slots(&format!("{name}.intermediate.dense"), slots);
        self.inner_output.slots(&format!("{name}.output.dense"), slots);
        self.inner_norm.slots(&format!("{name}.output.LayerNorm"), slots);
    }
}

/// The encoder.
#[derive(Module, Debug)]
pub struct Bert {
    /// `[vocabulary, width]`.
    pub(crate) embedding: Param<Tensor<2>>,
    positions: Param<Tensor<2>>,
    types: Param<Tensor<2>>,
    embedding_norm: Norm,
    layers: Vec<BertLayer>,
    #[module(skip)]
    config: BertConfig,
}

impl Bert {
    /// An encoder with fresh weights.
    pub fn new(config: &BertConfig, seed: u64, device: &Device) -> Self {
        let (stream, deviation) = (Stream::new(seed, Purpose::Weights, 0, 0), config.initializer_range as f32);
        let table = |part, count| {
            let table = truncated_normal(stream.part(part), deviation, [count, config.hidden_size], device);
            Param::from_tensor(table)
        };
        let layer = |index: usize| BertLayer::new(config, stream.part(index as u64 + 3), device);
        Bert {
            embedding: table(0, config.vocab_size),
            positions: table(1, config.max_position_embeddings),
            types: table(2, config.type_vocab_size),
            embedding_norm: Norm::new(config.hidden_size, true, config.layer_norm_eps, device),
            layers: (0..config.num_hidden_layers).map(layer).collect(),
            config: config.clone(),
        }
    }

    /// One vector a token, `[tokens, width]`; `noise` is present only in training.
    ///
    /// # Errors
    /// Tokens of another vocabulary, or more than the model has positions for.
    pub fn encode(&self, tokens: &PackedTokens, noise: Option<Noise>) -> Result<Tensor<2>, Error> {
        tokens.check_length(self.config.longest())?;
        let (types, kinds) = (tokens.types(), self.config.type_vocab_size);
        if let Some(&token) = types.iter().find(|kind| **kind as usize >= kinds) {
            return Err(Error::Token { token, vocabulary: kinds });
        }
        let positions = rows(self.positions.val(), &tokens.positions(self.config.first_position()))?;
        let sum = tokens.embed(self.embedding.val())? + positions + rows(self.types.val(), &types)?;
        let drop = noise.and_then(|noise| noise.entries(EMBEDDING_DROPOUT, |dropouts| dropouts.input));
        let mut x = dropped(self.embedding_norm.forward(sum)?, drop);
        let (packing, heads) = (tokens.packing().clone(), self.config.num_attention_heads);
        let shape = AttentionShape { packing, heads, reach: None, rotation: None };
        for (index, layer) in self.layers.iter().enumerate() {
            x = layer.forward(x, &shape, noise.map(|noise| noise.part(LAYER + index as u64)))?;
        }
        Ok(x)
    }

    /// Puts back the configuration that weights are read for.
    pub(crate) fn reconfigure(&mut self, config: &BertConfig) {
        self.config = config.clone();
    }

    /// Its configuration.
    pub fn config(&self) -> &BertConfig {
        &self.config
    }

    /// The tensors under their published names; `prefix` is `bert.`, `roberta.` or nothing.
    pub(crate) fn slots<'a>(&'a mut self, prefix: &str, slots: &mut Slots<'a>) {
        let table = |kind: &str| vec![format!("{prefix}embeddings.{kind}_embeddings.weight")];
        slots.push((table("word"), Slot::Matrix(&mut self.embedding)));
        slots.push((table("position"), Slot::Matrix(&mut self.positions)));
        slots.push((table("token_type"), Slot::Matrix(&mut self.types)));
        self.embedding_norm.slots(&format!("{prefix}embeddings.LayerNorm"), slots);
        for (index, layer) in self.layers.iter_mut().enumerate() {
            layer.slots(&format!("{prefix}encoder.layer.{index}"), slots);
        }
    }
}
