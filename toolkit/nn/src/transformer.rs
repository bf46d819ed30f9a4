//! Transformer encoders with heads: a text's class, labels or number, a token's class, and the pieces
//! behind masks. Tensors are read and written under the names of Hugging Face transformers.

#[cfg(test)]
mod tests;

use std::path::Path;

use burn::module::Param;
use burn::prelude::*;
use burn::tensor::activation::{sigmoid, softmax};
use glossa_base::Outcome;
use glossa_base::seed::{Purpose, Stream};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::bert::{Bert, BertConfig, MODEL_TYPES};
use crate::classifier::TextBatch;
use crate::dropout::Noise;
use crate::groups::{Grouped, layer_index};
use crate::kernels::{Curve, Pooling, curve, gather};
use crate::layers::{Linear, Norm, dropped};
use crate::modernbert::{self, ModernBert, ModernBertConfig};
use crate::packed::PackedTokens;
use crate::published::{Slots, TensorSource, fill, save};
use crate::target::{self, Aim, LastLayer, Likelihood, Problem};

const OUTPUT_DROPOUT: u64 = 410;

/// Refuses sizes that cannot be built: zeros, heads that do not divide the width, or more than 2³¹ weights.
pub(crate) fn check_sizes([vocabulary, width, inner]: [usize; 3], layers: usize, heads: usize) -> Result<(), Error> {
    let wrong = |problem: String| Err(Error::Config(problem));
    if [vocabulary, width, inner, layers, heads].contains(&0) {
        return wrong("a size is zero".to_owned());
    }
    if layers > 256 || vocabulary > 1 << 26 || width > 1 << 16 || inner > 1 << 18 {
        return wrong(format!("{layers} layers of {width} and {inner} over {vocabulary} pieces are too large"));
    }
    if !width.is_multiple_of(heads) || !(width / heads).is_multiple_of(2) {
        return wrong(format!("{heads} heads do not divide a width of {width} into even parts"));
    }
    if vocabulary * width + layers * width * (4 * width + inner) > 1 << 31 {
        return wrong(format!("{layers} layers of {width} over {vocabulary} pieces are too large"));
    }
    Ok(())
}

/// The configuration of an encoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TransformerConfig {
    /// Of ModernBERT's kind.
    ModernBert(ModernBertConfig),
    /// Of BERT's family.
    Bert(BertConfig),
}

impl TransformerConfig {
    /// Whether a `model_type` is one of these.
    pub fn knows(model_type: &str) -> bool {
        model_type == modernbert::MODEL_TYPE || MODEL_TYPES.contains(&model_type)
    }

    /// Reads the text of a `config.json`; errors name line and column.
    ///
    /// # Errors
    /// Another kind of model, a missing key, or sizes that cannot be built.
    pub fn read(text: &str) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Kind {
            #[serde(default)]
            model_type: String,
        }
        let wrong = |cause: serde_json::Error| Error::Config(cause.to_string());
        let Kind { model_type } = serde_json::from_str(text).map_err(wrong)?;
        if model_type == modernbert::MODEL_TYPE {
            let config: ModernBertConfig = serde_json::from_str(text).map_err(wrong)?;
            config.check()?;
            return Ok(TransformerConfig::ModernBert(config));
        }
        if !MODEL_TYPES.contains(&model_type.as_str()) {
            let known = MODEL_TYPES.join(", ");
            let problem = format!("model_type is `{model_type}`; known are {}, {known}", modernbert::MODEL_TYPE);
            return Err(Error::Config(problem));
        }
        let config: BertConfig = serde_json::from_str(text).map_err(wrong)?;
        config.check()?;
        Ok(TransformerConfig::Bert(config))
    }

    /// Pieces of the vocabulary.
    pub fn vocabulary_size(&self) -> usize {
        match self {
            TransformerConfig::ModernBert(config) => config.vocab_size,
            TransformerConfig::Bert(config) => config.vocab_size,
        }
    }

    /// Width of a token's vector.
    pub fn width(&self) -> usize {
        match self {
            TransformerConfig::ModernBert(config) => config.hidden_size,
            TransformerConfig::Bert(config) => config.hidden_size,
        }
    }

    /// Number of layers.
    pub fn layer_count(&self) -> usize {
        match self {
            TransformerConfig::ModernBert(config) => config.num_hidden_layers,
            TransformerConfig::Bert(config) => config.num_hidden_layers,
        }
    }

    /// Tokens of the longest text.
    pub fn longest(&self) -> usize {
        match self {
            TransformerConfig::ModernBert(config) => config.max_position_embeddings,
            TransformerConfig::Bert(config) => config.longest(),
        }
    }

    /// How a text's vectors become one.
    pub fn pooling(&self) -> Pooling {
        match self {
            TransformerConfig::ModernBert(config) => config.classifier_pooling,
            TransformerConfig::Bert(config) => config.classifier_pooling,
        }
    }

    /// The same with another pooling.
    #[must_use]
    pub fn with_pooling(mut self, pooling: Pooling) -> Self {
        match &mut self {
            TransformerConfig::ModernBert(config) => config.classifier_pooling = pooling,
            TransformerConfig::Bert(config) => config.classifier_pooling = pooling,
        }
        self
    }

    /// What stands before the encoder's tensors in a file with heads.
    fn prefix(&self) -> &'static str {
        match self {
            TransformerConfig::ModernBert(_) => "model.",
            TransformerConfig::Bert(config) if config.is_roberta() => "roberta.",
            TransformerConfig::Bert(_) => "bert.",
        }
    }
}

/// An encoder of either kind.
#[derive(Module, Debug)]
pub enum Transformer {
    /// ModernBERT and its descendants.
    ModernBert(ModernBert),
    /// BERT's family.
    Bert(Bert),
}

impl Transformer {
    /// An encoder with fresh weights.
    pub fn new(config: &TransformerConfig, seed: u64, device: &Device) -> Self {
        match config {
            TransformerConfig::ModernBert(config) => Transformer::ModernBert(ModernBert::new(config, seed, device)),
            TransformerConfig::Bert(config) => Transformer::Bert(Bert::new(config, seed, device)),
        }
    }

    /// One vector a token, `[tokens, width]`; `noise` is present only in training.
    ///
    /// # Errors
    /// Tokens of another vocabulary, or more than the model has positions for.
    pub fn encode(&self, tokens: &PackedTokens, noise: Option<Noise>) -> Result<Tensor<2>, Error> {
        match self {
            Transformer::ModernBert(encoder) => encoder.encode(tokens, noise),
            Transformer::Bert(encoder) => encoder.encode(tokens, noise),
        }
    }

    /// One vector a text, `[texts, width]`.
    ///
    /// # Errors
    /// As [`Transformer::encode`].
    pub fn pool(&self, tokens: &PackedTokens, pooling: Pooling) -> Result<Tensor<2>, Error> {
        self.pool_with(tokens, pooling, None)
    }

    /// As [`Transformer::pool`]; `noise` is present only in training.
    ///
    /// # Errors
    /// As [`Transformer::encode`].
    pub fn pool_with(&self, tokens: &PackedTokens, pooling: Pooling, noise: Option<Noise>) -> Result<Tensor<2>, Error> {
        gather(self.encode(tokens, noise)?, tokens.packing(), pooling)
    }

    /// Its configuration.
    pub fn config(&self) -> TransformerConfig {
        match self {
            Transformer::ModernBert(encoder) => TransformerConfig::ModernBert(encoder.config().clone()),
            Transformer::Bert(encoder) => TransformerConfig::Bert(encoder.config().clone()),
        }
    }

    pub(crate) fn embedding(&self) -> &Param<Tensor<2>> {
        match self {
            Transformer::ModernBert(encoder) => &encoder.embedding,
            Transformer::Bert(encoder) => &encoder.embedding,
        }
    }

    /// The same encoder, whose heads pool otherwise.
    #[must_use]
    pub fn with_pooling(mut self, pooling: Pooling) -> Self {
        let config = self.config().with_pooling(pooling);
        self.reconfigure(&config);
        self
    }

    fn reconfigure(&mut self, config: &TransformerConfig) {
        match (self, config) {
            (Transformer::ModernBert(encoder), TransformerConfig::ModernBert(config)) => encoder.reconfigure(config),
            (Transformer::Bert(encoder), TransformerConfig::Bert(config)) => encoder.reconfigure(config),
            _ => {}
        }
    }

    /// The device that the weights lie on.
    pub fn device(&self) -> Device {
        self.embedding().val().device()
    }

    pub(crate) fn slots<'a>(&'a mut self, prefix: &str, slots: &mut Slots<'a>) {
        match self {
            Transformer::ModernBert(encoder) => encoder.slots(prefix, slots),
            Transformer::Bert(encoder) => encoder.slots(prefix, slots),
        }
    }

    /// Reads an encoder; heads in the source are left aside.
    ///
    /// # Errors
    /// Tensors that are missing, unexpected or of another shape.
    pub fn read(config: &TransformerConfig, source: &dyn TensorSource, device: &Device) -> Outcome<Self> {
        check_total(config, source)?;
        let mut encoder = Self::blank(config, device);
        let prefix = prefix_in(config, source);
        let mut slots = Slots::new();
        encoder.slots(prefix, &mut slots);
        // Beside an encoder with a prefix stand heads; without one, only the poolers and tables known by name.
        let aside =
            |name: &str| if prefix.is_empty() { is_head(name) } else { !name.starts_with(prefix) || is_head(name) };
        fill(slots, source, &aside)?;
        Ok(encoder)
    }

    /// An encoder whose weights are about to be read.
    pub(crate) fn blank(config: &TransformerConfig, device: &Device) -> Self {
        // Drawing no numbers: a deviation of zero.
        let quiet = match config.clone() {
            TransformerConfig::ModernBert(config) => {
                TransformerConfig::ModernBert(ModernBertConfig { initializer_range: 0.0, ..config })
            }
            TransformerConfig::Bert(config) => TransformerConfig::Bert(BertConfig { initializer_range: 0.0, ..config }),
        };
        let mut encoder = Self::new(&quiet, 0, device);
        encoder.reconfigure(config);
        encoder
    }

    /// Writes the encoder alone, without a prefix.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn save(&self, path: &Path) -> Outcome<()> {
        let (mut copy, mut slots) = (self.clone(), Slots::new());
        copy.slots("", &mut slots);
        save(&slots, path)
    }
}

/// Refuses a configuration that asks for many more weights than a source holds, before anything is made for
/// them.
pub(crate) fn check_total(config: &TransformerConfig, source: &dyn TensorSource) -> Result<(), Error> {
    let (width, layers) = (config.width(), config.layer_count());
    let wanted = config.vocabulary_size() * width + layers * 4 * width * width;
    let held = source.shapes().values().fold(0_usize, |sum, shape| sum.saturating_add(shape.iter().product()));
    if wanted <= held {
        return Ok(());
    }
    let reason = format!("its config.json asks for more than {wanted} weights, and it holds {held}");
    Err(Error::Weights { path: source.place(), reason })
}

/// The prefix that the encoder's tensors have in a source.
fn prefix_in(config: &TransformerConfig, source: &dyn TensorSource) -> &'static str {
    let prefix = config.prefix();
    if source.shapes().keys().any(|name| name.starts_with(&format!("{prefix}embeddings."))) { prefix } else { "" }
}

/// What files have beside an encoder: heads, poolers, and tables of position numbers.
fn is_head(name: &str) -> bool {
    let heads = ["head.", "decoder.", "classifier.", "cls.", "lm_head.", "pooler.", "qa_outputs.", "dense."];
    heads.iter().any(|head| name.starts_with(head)) || name.contains("pooler.") || name.ends_with("position_ids")
}

/// A head: pooled vectors, a map, a curve, perhaps a norm, and the answers.
#[derive(Module, Debug)]
struct ClassifierHead {
    inner: Linear,
    norm: Option<Norm>,
    output: Linear,
    #[module(skip)]
    curve: Curve,
}

impl ClassifierHead {
    fn new(config: &TransformerConfig, outputs: usize, seed: u64, device: &Device) -> Self {
        let (stream, width) = (Stream::new(seed, Purpose::Weights, 1, 0), config.width());
        let (bias, norm, inner, output, curve) = match config {
            TransformerConfig::ModernBert(config) => (
                config.classifier_bias,
                Some(Norm::new(width, config.norm_bias, config.epsilon(), device)),
                config.outward_deviation(),
                (width as f32).powf(-0.5),
                config.classifier_activation,
            ),
            TransformerConfig::Bert(config) => {
                let deviation = config.initializer_range as f32;
                (true, None, deviation, deviation, Curve::Tanh)
            }
        };
        ClassifierHead {
            inner: Linear::new([width, width], bias, inner, stream.part(0), device),
            norm,
            output: Linear::new([width, outputs], true, output, stream.part(1), device),
            curve,
        }
    }

    /// All but the last map: `[rows, width]`.
    fn hidden(&self, x: Tensor<2>, noise: Option<Noise>) -> Result<Tensor<2>, Error> {
        let x = curve(self.inner.forward(x)?, self.curve);
        let x = match &self.norm {
            Some(norm) => norm.forward(x)?,
            None => x,
        };
        Ok(dropped(x, noise.and_then(|noise| noise.entries(OUTPUT_DROPOUT, |dropouts| dropouts.output))))
    }

    fn slots<'a>(&'a mut self, config: &TransformerConfig, slots: &mut Slots<'a>) {
        let (inner, output) = match config {
            TransformerConfig::ModernBert(_) => ("head.dense", "classifier"),
            TransformerConfig::Bert(config) if config.is_roberta() => ("classifier.dense", "classifier.out_proj"),
            TransformerConfig::Bert(_) => ("bert.pooler.dense", "classifier"),
        };
        self.inner.slots(inner, slots);
        if let Some(norm) = &mut self.norm {
            norm.slots("head.norm", slots);
        }
        self.output.slots(output, slots);
    }
}

/// An encoder with a head that answers for texts, pairs of texts, or tokens.
#[derive(Module, Debug)]
pub struct TransformerClassifier {
    /// The encoder.
    pub encoder: Transformer,
    head: ClassifierHead,
    #[module(skip)]
    pooling: Pooling,
    /// The id that ends the first part of a pair, where the encoder tells parts apart.
    #[module(skip)]
    part_end: Option<u32>,
}

impl TransformerClassifier {
    /// An encoder with a fresh head of so many outputs.
    pub fn new(encoder: Transformer, outputs: usize, seed: u64) -> Self {
        let (config, device) = (encoder.config(), encoder.device());
        let head = ClassifierHead::new(&config, outputs, seed, &device);
        TransformerClassifier { encoder, head, pooling: config.pooling(), part_end: None }
    }

    /// The same, which tells the parts of pairs apart by the id that ends the first, if its encoder can.
    #[must_use]
    pub fn with_part_end(self, end: Option<u32>) -> Self {
        let parts = matches!(self.encoder.config(), TransformerConfig::Bert(config) if config.type_vocab_size > 1);
        TransformerClassifier { part_end: end.filter(|_| parts), ..self }
    }

    /// The texts of a padded batch, packed. Mixing lengthens no text here.
    pub(crate) fn tokens(&self, batch: &TextBatch) -> Result<PackedTokens, Error> {
        let texts: Vec<&[u32]> = batch.texts().collect();
        let tokens = PackedTokens::new(&texts, batch.vocabulary(), &self.encoder.device())?;
        match self.part_end {
            Some(end) => tokens.with_types(texts.iter().flat_map(|text| parts(text, end)).collect()),
            None => Ok(tokens),
        }
    }

    /// One vector a token, and one a text.
    pub(crate) fn read_both(
        &self,
        tokens: &PackedTokens,
        noise: Option<Noise>,
    ) -> Result<(Tensor<2>, Tensor<2>), Error> {
        let outputs = self.encoder.encode(tokens, noise)?;
        let texts = gather(outputs.clone(), tokens.packing(), self.pooling)?;
        Ok((outputs, texts))
    }

    /// Each text as one vector, `[texts, width]`.
    ///
    /// # Errors
    /// As [`Transformer::encode`].
    pub fn read_texts(&self, tokens: &PackedTokens, noise: Option<Noise>) -> Result<Tensor<2>, Error> {
        Ok(self.read_both(tokens, noise)?.1)
    }

    /// How well the head answers for vectors of texts, or of tokens.
    ///
    /// # Errors
    /// Targets that do not fit the rows or the head.
    pub fn likelihood(&self, rows: Tensor<2>, aim: &Aim<'_>, noise: Option<Noise>) -> Result<Likelihood, Error> {
        let hidden = self.head.hidden(rows, noise)?;
        let bias = self.head.output.bias_or_zeros();
        target::likelihood(hidden, LastLayer { weight: self.head.output.weight.val(), bias }, aim)
    }

    /// The head's outputs for vectors of texts, or of tokens, without noise: `[rows, outputs]`.
    ///
    /// # Errors
    /// Vectors of another width.
    pub fn logits(&self, rows: Tensor<2>) -> Result<Tensor<2>, Error> {
        self.head.output.forward(self.head.hidden(rows, None)?)
    }

    /// What the head answers for each text `[texts, outputs]`: probabilities of classes that exclude each
    /// other, of labels that do not, or a number.
    ///
    /// # Errors
    /// As [`Transformer::encode`].
    pub fn answers(&self, tokens: &PackedTokens, problem: Problem) -> Result<Tensor<2>, Error> {
        let outputs = self.logits(self.read_texts(tokens, None)?)?;
        Ok(match problem {
            Problem::SingleLabel => softmax(outputs, 1),
            Problem::MultiLabel => sigmoid(outputs),
            Problem::Regression => outputs,
        })
    }

    /// Number of outputs.
    pub fn output_count(&self) -> usize {
        self.head.output.outputs()
    }

    /// Reads an encoder and its head.
    ///
    /// # Errors
    /// Tensors that are missing, unexpected or of another shape.
    pub fn read(
        config: &TransformerConfig,
        outputs: usize,
        source: &dyn TensorSource,
        device: &Device,
    ) -> Outcome<Self> {
        check_total(config, source)?;
        let mut model = Self::new(Transformer::blank(config, device), outputs, 0);
        let mut slots = Slots::new();
        model.encoder.slots(config.prefix(), &mut slots);
        model.head.slots(config, &mut slots);
        fill(slots, source, &|name| name.ends_with("position_ids"))?;
        Ok(model)
    }

    /// Writes encoder and head as transformers' `…ForSequenceClassification` has them.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn save(&self, path: &Path) -> Outcome<()> {
        let (mut copy, mut slots, config) = (self.clone(), Slots::new(), self.encoder.config());
        copy.encoder.slots(config.prefix(), &mut slots);
        copy.head.slots(&config, &mut slots);
        save(&slots, path)
    }
}

/// 0 up to the first `end`, 1 behind it.
fn parts(text: &[u32], end: u32) -> impl Iterator<Item = u32> + '_ {
    let first = text.iter().position(|id| *id == end).unwrap_or(text.len());
    (0..text.len()).map(move |at| u32::from(at > first))
}

/// The embeddings, each layer, the head.
impl Grouped for TransformerClassifier {
    fn group_count(&self) -> usize {
        self.encoder.config().layer_count() + 2
    }

    fn group(&self, path: &str) -> usize {
        encoder_group(path, self.encoder.config().layer_count())
    }
}

fn encoder_group(path: &str, layers: usize) -> usize {
    match layer_index(path) {
        Some(layer) => layer + 1,
        None if path.contains("final_norm") => layers,
        None if path.starts_with("encoder") => 0,
        None => layers + 1,
    }
}
