//! The configuration of a model, as `config.json` in a model folder.

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::target::{Problem, ValueScale};

/// The version of `config.json`.
pub const FORMAT: u32 = 1;

/// The recurrent cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cell {
    /// Quasi-recurrent layers (Bradbury et al. 2017), as in MultiFiT.
    Qrnn,
    /// LSTM layers with dropped recurrent weights (Merity et al. 2017), as in ULMFiT.
    AwdLstm,
}

/// Sizes of a recurrent encoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderConfig {
    /// The recurrent cell.
    pub cell: Cell,
    /// Pieces of the vocabulary.
    pub vocabulary_size: usize,
    /// Width of the embedding and of the last layer.
    pub embedding_size: usize,
    /// Width of the other layers.
    pub hidden_size: usize,
    /// Number of layers.
    pub layer_count: usize,
    /// Share of a QRNN's units that keep their cell at a step (zoneout, Krueger et al. 2017).
    #[serde(default)]
    pub zoneout: f64,
}

impl EncoderConfig {
    /// Refuses sizes that cannot be built: zeros, or more than 2³¹ weights.
    pub fn check(&self) -> Result<(), Error> {
        let sizes = [self.vocabulary_size, self.embedding_size, self.hidden_size, self.layer_count];
        if sizes.contains(&0) {
            return Err(Error::Config(format!("a size is zero in {self:?}")));
        }
        if !(0.0..1.0).contains(&self.zoneout) {
            return Err(Error::Config(format!("zoneout must be from 0 to below 1, not {}", self.zoneout)));
        }
        let wide = self.embedding_size.max(self.hidden_size) as u128;
        let weights =
            self.vocabulary_size as u128 * self.embedding_size as u128 + 8 * wide * wide * self.layer_count as u128;
        if weights > 1 << 31 || self.layer_count > 64 {
            return Err(Error::Config(format!("too large: {self:?}")));
        }
        Ok(())
    }

    /// Input and output width of each layer; the last returns to the embedding's width, so that the
    /// decoder can share its weights.
    pub fn layer_sizes(&self) -> Vec<(usize, usize)> {
        let width =
            |layer: usize| if layer == 0 || layer == self.layer_count { self.embedding_size } else { self.hidden_size };
        (0..self.layer_count).map(|layer| (width(layer), width(layer + 1))).collect()
    }
}

/// What a model folder holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Version of this format.
    pub format: u32,
    /// Always `glossa-recurrent`: which program reads it.
    pub model_type: String,
    /// `GlossaLanguageModel` or `GlossaClassifier`.
    pub architectures: Vec<String>,
    /// The encoder's sizes.
    pub encoder: EncoderConfig,
    /// SHA-256 of the tokenizer's `spm.model`.
    pub tokenizer_sha256: String,
    /// Whether it reads text from the end to the beginning.
    #[serde(default)]
    pub backward: bool,
    /// The classes in the order of the head's outputs; empty for a language model.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Hidden units of the classifier's head.
    #[serde(default = "head_size")]
    pub head_size: usize,
    /// What the classifier answers.
    #[serde(default, rename = "problem_type")]
    pub problem: Problem,
    /// The scale of its answers, where they are numbers.
    #[serde(default)]
    pub scale: ValueScale,
}

fn head_size() -> usize {
    50
}

/// `model_type` of everything here.
pub const MODEL_TYPE: &str = "glossa-recurrent";
/// `architectures` of a language model.
pub const LANGUAGE_MODEL: &str = "GlossaLanguageModel";
/// `architectures` of a classifier.
pub const CLASSIFIER: &str = "GlossaClassifier";

impl ModelConfig {
    /// The configuration of a language model.
    pub fn language_model(encoder: EncoderConfig, tokenizer_sha256: &str) -> Self {
        ModelConfig {
            format: FORMAT,
            model_type: MODEL_TYPE.to_owned(),
            architectures: vec![LANGUAGE_MODEL.to_owned()],
            encoder,
            tokenizer_sha256: tokenizer_sha256.to_owned(),
            backward: false,
            labels: Vec::new(),
            head_size: head_size(),
            problem: Problem::default(),
            scale: ValueScale::default(),
        }
    }

    /// The configuration of a classifier.
    pub fn classifier(encoder: EncoderConfig, tokenizer_sha256: &str, labels: Vec<String>) -> Self {
        let architectures = vec![CLASSIFIER.to_owned()];
        ModelConfig { architectures, labels, ..Self::language_model(encoder, tokenizer_sha256) }
    }

    /// Whether this is a classifier.
    pub fn is_classifier(&self) -> bool {
        self.architectures.iter().any(|name| name == CLASSIFIER)
    }

    /// Refuses what this program cannot read.
    pub fn check(&self) -> Result<(), Error> {
        if self.format > FORMAT {
            return Err(Error::Config(format!("format {} is newer than {FORMAT}: use a newer glossa", self.format)));
        }
        if self.model_type != MODEL_TYPE {
            return Err(Error::Config(format!(
                "model_type is `{}`, this program reads `{MODEL_TYPE}`",
                self.model_type
            )));
        }
        let mut labels: Vec<&String> = self.labels.iter().collect();
        labels.sort();
        if labels.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Error::Config("a label stands there twice".to_owned()));
        }
        let labels = match self.problem {
            Problem::SingleLabel => 2..usize::MAX,
            Problem::MultiLabel => 1..usize::MAX,
            Problem::Regression => 1..2,
        };
        let fits = labels.contains(&self.labels.len()) && (1..=1 << 16).contains(&self.head_size);
        if self.is_classifier() && !fits {
            let problem = format!("{} labels do not fit {:?}, or there is no head", self.labels.len(), self.problem);
            return Err(Error::Config(problem));
        }
        if !(self.scale.mean.is_finite() && self.scale.deviation.is_finite()) {
            return Err(Error::Config("the scale of the answers is not finite".to_owned()));
        }
        self.encoder.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoder() -> EncoderConfig {
        EncoderConfig {
            cell: Cell::Qrnn,
            vocabulary_size: 100,
            embedding_size: 8,
            hidden_size: 12,
            layer_count: 3,
            zoneout: 0.0,
        }
    }

    #[test]
    fn the_last_layer_returns_to_the_embedding() {
        assert_eq!(encoder().layer_sizes(), vec![(8, 12), (12, 12), (12, 8)]);
        assert_eq!(EncoderConfig { layer_count: 1, ..encoder() }.layer_sizes(), vec![(8, 8)]);
    }

    #[test]
    fn impossible_sizes_are_refused() {
        assert!(EncoderConfig { hidden_size: 0, ..encoder() }.check().is_err());
        assert!(EncoderConfig { vocabulary_size: usize::MAX, ..encoder() }.check().is_err());
        assert!(encoder().check().is_ok());
    }
}
