//! ModernBERT (Warner et al. 2024) and its descendants, mmBERT among them: norms before each part, rotary
//! positions, gated inner layers, and attention that is local in most layers. Batches are packed.

use std::sync::Arc;

use burn::module::Param;
use burn::prelude::*;
use glossa_base::seed::{Purpose, Stream};
use serde::{Deserialize, Deserializer, Serialize};

use crate::Error;
use crate::dropout::Noise;
use crate::init::truncated_normal;
use crate::kernels::{AttentionShape, Curve, Packing, Pooling, Rotation, attention, gated};
use crate::layers::{Linear, Norm, dropped};
use crate::packed::PackedTokens;
use crate::published::{Slot, Slots};
use crate::transformer::check_sizes;

/// `model_type` in `config.json`.
pub const MODEL_TYPE: &str = "modernbert";

const EMBEDDING_DROPOUT: u64 = 400;
const ATTENTION_DROPOUT: u64 = 401;
const INNER_DROPOUT: u64 = 402;
const LAYER: u64 = 5000;

/// `config.json` as it is published; keys and defaults are those of Hugging Face transformers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModernBertConfig {
    /// Pieces of the vocabulary.
    pub vocab_size: usize,
    /// Width of a token's vector.
    pub hidden_size: usize,
    /// Width of the gated inner layer.
    pub intermediate_size: usize,
    /// Number of layers.
    pub num_hidden_layers: usize,
    /// Number of attention heads.
    pub num_attention_heads: usize,
    /// The curve of the gate.
    #[serde(default)]
    pub hidden_activation: Curve,
    /// Tokens of the longest text.
    #[serde(default = "usual_positions")]
    pub max_position_embeddings: usize,
    /// Deviation of the initial weights.
    #[serde(default = "usual_deviation")]
    pub initializer_range: f64,
    /// Keeps the norms' divisions finite. It comes before `layer_norm_eps`, which some files carry too, with
    /// another value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub norm_eps: Option<f64>,
    /// The same under its older name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer_norm_eps: Option<f64>,
    /// Whether norms shift.
    #[serde(default)]
    pub norm_bias: bool,
    /// Whether the maps around attention have biases.
    #[serde(default)]
    pub attention_bias: bool,
    /// Whether the maps around the gate have biases.
    #[serde(default)]
    pub mlp_bias: bool,
    /// Whether the decoder has a bias.
    #[serde(default = "yes")]
    pub decoder_bias: bool,
    /// Whether the head's inner map has a bias.
    #[serde(default)]
    pub classifier_bias: bool,
    /// The curve of the head.
    #[serde(default)]
    pub classifier_activation: Curve,
    /// How a text's vectors become one.
    #[serde(default)]
    pub classifier_pooling: Pooling,
    /// Every so many layers attention is global (the older spelling of `layer_types`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub global_attn_every_n_layers: Option<usize>,
    /// The kind of each layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer_types: Option<Vec<LayerType>>,
    /// Tokens that a local layer sees, both sides together.
    #[serde(default = "usual_window")]
    pub local_attention: usize,
    /// The rotation's base, in the newer spelling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rope_parameters: Option<RopeParameters>,
    /// The base of global layers, in the older spelling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub global_rope_theta: Option<f64>,
    /// The base of local layers, in the older spelling; null for the global one.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub local_rope_theta: Option<Option<f64>>,
    /// Whether the decoder shares the embedding's weights.
    #[serde(default = "yes")]
    pub tie_word_embeddings: bool,
}

/// Whether a layer's attention is local.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerType {
    /// Every token sees every token.
    FullAttention,
    /// A token sees its neighbours.
    SlidingAttention,
}

/// The rotations of both kinds of layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RopeParameters {
    /// Of global layers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_attention: Option<Rope>,
    /// Of local layers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sliding_attention: Option<Rope>,
}

/// One kind's rotation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rope {
    /// The base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rope_theta: Option<f64>,
    /// `default`; scaled rotations are not known here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rope_type: Option<String>,
}

fn usual_positions() -> usize {
    8192
}

fn usual_deviation() -> f64 {
    0.02
}

fn usual_window() -> usize {
    128
}

fn yes() -> bool {
    true
}

/// Keeps apart what is null and what is not there.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<f64>>, D::Error> {
    Option::<f64>::deserialize(deserializer).map(Some)
}

impl ModernBertConfig {
    /// A configuration of these sizes, everything else as ModernBERT has it.
    pub fn new(vocab_size: usize, [width, inner]: [usize; 2], layers: usize, heads: usize) -> Self {
        ModernBertConfig {
            vocab_size,
            hidden_size: width,
            intermediate_size: inner,
            num_hidden_layers: layers,
            num_attention_heads: heads,
            hidden_activation: Curve::Gelu,
            max_position_embeddings: usual_positions(),
            initializer_range: usual_deviation(),
            norm_eps: Some(1e-5),
            layer_norm_eps: None,
            norm_bias: false,
            attention_bias: false,
            mlp_bias: false,
            decoder_bias: true,
            classifier_bias: false,
            classifier_activation: Curve::Gelu,
            classifier_pooling: Pooling::Mean,
            global_attn_every_n_layers: Some(3),
            layer_types: None,
            local_attention: usual_window(),
            rope_parameters: None,
            global_rope_theta: Some(160_000.0),
            local_rope_theta: Some(Some(10_000.0)),
            tie_word_embeddings: true,
        }
    }

    /// Refuses sizes that cannot be built and settings that are not known here.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), Error> {
        let wrong = |problem: String| Err(Error::Config(problem));
        let (layers, heads) = (self.num_hidden_layers, self.num_attention_heads);
        check_sizes([self.vocab_size, self.hidden_size, 3 * self.intermediate_size.min(1 << 20)], layers, heads)?;
        if self.layer_types.as_ref().is_some_and(|kinds| kinds.len() != layers) {
            return wrong(format!("layer_types does not name {layers} layers"));
        }
        if self.global_attn_every_n_layers == Some(0) || !(1..=1 << 20).contains(&self.max_position_embeddings) {
            return wrong("global_attn_every_n_layers and max_position_embeddings must be above 0".to_owned());
        }
        let ropes = self.rope_parameters.iter().flat_map(|ropes| [&ropes.full_attention, &ropes.sliding_attention]);
        if let Some(kind) = ropes.flatten().filter_map(|rope| rope.rope_type.as_deref()).find(|kind| *kind != "default")
        {
            return wrong(format!("rotations of the type `{kind}` are not known here"));
        }
        let numbers = [self.theta(false), self.theta(true), self.epsilon(), self.initializer_range];
        if !numbers.into_iter().all(|number| number.is_finite() && number > 0.0) {
            return wrong("the bases of the rotations, norm_eps and initializer_range must be above 0".to_owned());
        }
        Ok(())
    }

    /// Whether a layer's attention is local.
    pub fn is_local(&self, layer: usize) -> bool {
        match &self.layer_types {
            Some(kinds) => kinds.get(layer) == Some(&LayerType::SlidingAttention),
            None => !layer.is_multiple_of(self.global_attn_every_n_layers.unwrap_or(3)),
        }
    }

    /// The base of the rotation.
    pub fn theta(&self, local: bool) -> f64 {
        let new = |pick: fn(&RopeParameters) -> &Option<Rope>| {
            self.rope_parameters.as_ref().and_then(|ropes| pick(ropes).as_ref()).and_then(|rope| rope.rope_theta)
        };
        let global = new(|ropes| &ropes.full_attention).or(self.global_rope_theta).unwrap_or(160_000.0);
        if !local {
            return global;
        }
        match (new(|ropes| &ropes.sliding_attention), self.local_rope_theta) {
            (Some(theta), _) | (None, Some(Some(theta))) => theta,
            (None, Some(None)) => global,
            (None, None) => 10_000.0,
        }
    }

    /// What keeps the norms' divisions finite.
    pub fn epsilon(&self) -> f64 {
        self.norm_eps.or(self.layer_norm_eps).unwrap_or(1e-5)
    }

    /// Deviation of the weights that write into the residual stream.
    pub(crate) fn outward_deviation(&self) -> f32 {
        (self.initializer_range / (2.0 * self.num_hidden_layers as f64).sqrt()) as f32
    }
}

/// One layer.
#[derive(Module, Debug)]
pub struct ModernBertLayer {
    /// None in the first layer, whose input was normalised already.
    attention_norm: Option<Norm>,
    query_key_value: Linear,
    attention_output: Linear,
    inner_norm: Norm,
    inner_input: Linear,
    inner_output: Linear,
    local: bool,
    #[module(skip)]
    curve: Curve,
}

impl ModernBertLayer {
    fn new(config: &ModernBertConfig, index: usize, stream: Stream, device: &Device) -> Self {
        let (width, inner) = (config.hidden_size, config.intermediate_size);
        let (inward, outward) = (config.initializer_range as f32, config.outward_deviation());
        let norm = || Norm::new(width, config.norm_bias, config.epsilon(), device);
        let map = |part, sizes, bias, deviation| Linear::new(sizes, bias, deviation, stream.part(part), device);
        ModernBertLayer {
            attention_norm: (index > 0).then(norm),
            query_key_value: map(0, [width, 3 * width], config.attention_bias, inward),
            attention_output: map(1, [width, width], config.attention_bias, outward),
            inner_norm: norm(),
            inner_input: map(2, [width, 2 * inner], config.mlp_bias, inward),
            inner_output: map(3, [inner, width], config.mlp_bias, outward),
            local: config.is_local(index),
            curve: config.hidden_activation,
        }
    }

    /// `x + attention(norm(x))`, then the same with the gated inner layer: `[tokens, width]`.
    fn forward(&self, x: Tensor<2>, shapes: &Shapes, noise: Option<Noise>) -> Result<Tensor<2>, Error> {
        let normed = match &self.attention_norm {
            Some(norm) => norm.forward(x.clone())?,
            None => x.clone(),
        };
        let shape = if self.local { &shapes.local } else { &shapes.global };
        let attended = attention(self.query_key_value.forward(normed)?, shape)?;
        let drop = |part| noise.and_then(|noise| noise.entries(part, |dropouts| dropouts.hidden));
        let x = self.attention_output.onto(x, attended, drop(ATTENTION_DROPOUT))?;
        let inner = gated(self.inner_input.forward(self.inner_norm.forward(x.clone())?)?, self.curve)?;
        self.inner_output.onto(x, inner, drop(INNER_DROPOUT))
    }

    fn slots<'a>(&'a mut self, name: &str, slots: &mut Slots<'a>) {
        if let Some(norm) = &mut self.attention_norm {
            norm.slots(&format!("{name}.attn_norm"), slots);
        }
        self.query_key_value.slots(&format!("{name}.attn.Wqkv"), slots);
        self.attention_output.slots(&format!("{name}.attn.Wo"), slots);
        self.inner_norm.slots(&format!("{name}.mlp_norm"), slots);
        self.inner_input.slots(&format!("{name}.mlp.Wi"), slots);
        self.inner_output.slots(&format!("{name}.mlp.Wo"), slots);
    }
}

/// Who attends to whom in both kinds of layer.
struct Shapes {
    global: AttentionShape,
    local: AttentionShape,
}

impl Shapes {
    fn new(config: &ModernBertConfig, packing: &Packing) -> Self {
        let (heads, size) = (config.num_attention_heads, config.hidden_size / config.num_attention_heads);
        let shape = |local| AttentionShape {
            packing: packing.clone(),
            heads,
            reach: if local { Some(config.local_attention / 2) } else { None },
            rotation: Some(Arc::new(Rotation::new(config.theta(local), size, packing.longest()))),
        };
        Shapes { global: shape(false), local: shape(true) }
    }
}

/// The encoder.
#[derive(Module, Debug)]
pub struct ModernBert {
    /// `[vocabulary, width]`, shared with the decoder.
    pub(crate) embedding: Param<Tensor<2>>,
    embedding_norm: Norm,
    layers: Vec<ModernBertLayer>,
    final_norm: Norm,
    #[module(skip)]
    config: ModernBertConfig,
}

impl ModernBert {
    /// An encoder with fresh weights: normal, cut at two deviations, those that write into the residual
    /// stream smaller by √(2 · layers).
    pub fn new(config: &ModernBertConfig, seed: u64, device: &Device) -> Self {
        let stream = Stream::new(seed, Purpose::Weights, 0, 0);
        let (width, deviation) = (config.hidden_size, config.initializer_range as f32);
        let norm = || Norm::new(width, config.norm_bias, config.epsilon(), device);
        let layer = |index: usize| ModernBertLayer::new(config, index, stream.part(index as u64 + 1), device);
        let table = truncated_normal(stream.part(0), deviation, [config.vocab_size, width], device);
        ModernBert {
            embedding: Param::from_tensor(table),
            embedding_norm: norm(),
            layers: (0..config.num_hidden_layers).map(layer).collect(),
            final_norm: norm(),
            config: config.clone(),
        }
    }

    /// One vector a token, `[tokens, width]`; `noise` is present only in training.
    ///
    /// # Errors
    /// Tokens of another vocabulary, or more than the model has positions for.
    pub fn encode(&self, tokens: &PackedTokens, noise: Option<Noise>) -> Result<Tensor<2>, Error> {
        tokens.check_length(self.config.max_position_embeddings)?;
        let shapes = Shapes::new(&self.config, tokens.packing());
        let embedded = self.embedding_norm.forward(tokens.embed(self.embedding.val())?)?;
        let drop = noise.and_then(|noise| noise.entries(EMBEDDING_DROPOUT, |dropouts| dropouts.input));
        let mut x = dropped(embedded, drop);
        for (index, layer) in self.layers.iter().enumerate() {
            x = layer.forward(x, &shapes, noise.map(|noise| noise.part(LAYER + index as u64)))?;
        }
        self.final_norm.forward(x)
    }

    /// Puts back the configuration that weights are read for.
    pub(crate) fn reconfigure(&mut self, config: &ModernBertConfig) {
        self.config = config.clone();
    }

    /// Its configuration.
    pub fn config(&self) -> &ModernBertConfig {
        &self.config
    }

    /// The tensors under their published names; `prefix` is `model.` or nothing.
    pub(crate) fn slots<'a>(&'a mut self, prefix: &str, slots: &mut Slots<'a>) {
        let table = format!("{prefix}embeddings.tok_embeddings.weight");
        slots.push((vec![table], Slot::Matrix(&mut self.embedding)));
        self.embedding_norm.slots(&format!("{prefix}embeddings.norm"), slots);
        for (index, layer) in self.layers.iter_mut().enumerate() {
            layer.slots(&format!("{prefix}layers.{index}"), slots);
        }
        self.final_norm.slots(&format!("{prefix}final_norm"), slots);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> ModernBertConfig {
        let sizes = r#""vocab_size": 10, "hidden_size": 8, "intermediate_size": 6, "num_hidden_layers": 4, "num_attention_heads": 2"#;
        serde_json::from_str(&format!("{{{sizes}{text}}}")).unwrap()
    }

    #[test]
    fn both_spellings_of_the_rotation() {
        let thetas = |text: &str| (config(text).theta(false), config(text).theta(true));
        assert_eq!(thetas(""), (160_000.0, 10_000.0));
        assert_eq!(thetas(r#", "global_rope_theta": 5.0, "local_rope_theta": 3.0"#), (5.0, 3.0));
        assert_eq!(thetas(r#", "global_rope_theta": 5.0, "local_rope_theta": null"#), (5.0, 5.0));
        let new = r#", "rope_parameters": {"full_attention": {"rope_theta": 7.0, "rope_type": "default"},
            "sliding_attention": {"rope_theta": 2.0}}, "global_rope_theta": 5.0"#;
        assert_eq!(thetas(new), (7.0, 2.0));
    }

    #[test]
    fn settings_of_published_files() {
        let early = config(r#", "norm_eps": 1e-5, "layer_norm_eps": 1e-12, "hidden_activation": "silu""#);
        assert!((early.epsilon() - 1e-5).abs() < 1e-12);
        assert_eq!(early.hidden_activation, Curve::Silu);
        let local: Vec<bool> = (0..4).map(|layer| early.is_local(layer)).collect();
        assert_eq!(local, [false, true, true, false]);
        let named =
            config(r#", "layer_types": ["sliding_attention", "full_attention", "full_attention", "full_attention"]"#);
        assert!(named.is_local(0) && !named.is_local(1) && named.check().is_ok());
    }

    #[test]
    fn impossible_settings_are_refused() {
        for text in [
            r#", "layer_types": ["full_attention"]"#,
            r#", "rope_parameters": {"full_attention": {"rope_type": "yarn"}}"#,
            r#", "global_rope_theta": -1.0"#,
            r#", "max_position_embeddings": 0"#,
            r#", "global_attn_every_n_layers": 0"#,
        ] {
            assert!(config(text).check().is_err(), "{text}");
        }
        assert!(ModernBertConfig { vocab_size: usize::MAX, ..config("") }.check().is_err());
        assert!(ModernBertConfig { num_attention_heads: 3, ..config("") }.check().is_err());
        assert!(ModernBertConfig { hidden_size: 6, ..config("") }.check().is_err());
    }
}
