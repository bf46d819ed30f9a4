//! What a classifier's folder keeps beside the weights, for either kind of encoder, and reading it back.

use std::path::Path;

use burn::tensor::Device;
use glossa_base::{Failure, Outcome};
use glossa_nn::classifier::Window;
use glossa_nn::transformer::TransformerConfig;
use glossa_nn::{EncoderConfig, ModelConfig, Problem, TextClassifier, ValueScale};
use glossa_recipes::{Reading, Recipe, model_folder};
use glossa_text::ModelTokenizer;
use serde_json::Value;

use crate::encoder_folder::{self, Described, FolderKind, Purpose};
use crate::language_model;

/// The encoder of a classifier.
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
pub(crate) enum KeptEncoder {
    /// QRNN or AWD-LSTM, with the hidden units of the head.
    Recurrent {
        /// The encoder's sizes.
        config: EncoderConfig,
        /// Hidden units of the head.
        head: usize,
        /// Whether it reads from the end.
        backward: bool,
    },
    /// ModernBERT or BERT's family, with the `config.json` that it had.
    Transformer {
        /// The encoder's sizes.
        config: TransformerConfig,
        /// What was read.
        json: Option<Value>,
    },
}

/// What a classifier is and answers.
pub(crate) struct Kept {
    pub(crate) encoder: KeptEncoder,
    pub(crate) labels: Vec<String>,
    pub(crate) problem: Problem,
    pub(crate) scale: ValueScale,
}

impl Kept {
    pub(crate) fn new(encoder: KeptEncoder, labels: Vec<String>, problem: Problem) -> Self {
        Kept { encoder, labels, problem, scale: ValueScale::default() }
    }

    /// Whether texts are read from their end.
    pub(crate) fn backward(&self) -> bool {
        matches!(self.encoder, KeptEncoder::Recurrent { backward: true, .. })
    }

    /// The most tokens that are read of a text: a transformer's positions, or what the recipe pools.
    pub(crate) fn longest(&self, recipe: &Recipe) -> Option<usize> {
        self.positions().map(|positions| positions.min(recipe.classify.pooled_tokens))
    }

    /// A transformer's positions.
    fn positions(&self) -> Option<usize> {
        match &self.encoder {
            KeptEncoder::Recurrent { .. } => None,
            KeptEncoder::Transformer { config, .. } => Some(config.longest()),
        }
    }

    /// How texts are read.
    pub(crate) fn reading(&self, tokenizer: &ModelTokenizer, recipe: &Recipe) -> Reading {
        Reading { window: glossa_recipes::classification::window(&recipe.classify), ..self.whole_reading(tokenizer) }
    }

    /// How texts are read where no recipe is known.
    fn whole_reading(&self, tokenizer: &ModelTokenizer) -> Reading {
        Reading {
            pad: tokenizer.pad_id(),
            vocabulary: tokenizer.vocabulary_size(),
            window: Window { chunk: 512, pooled: usize::MAX },
            backward: self.backward(),
            problem: self.problem,
            scale: self.scale,
        }
    }

    /// The encoder in words.
    pub(crate) fn architecture(&self) -> String {
        match &self.encoder {
            KeptEncoder::Recurrent { config, backward, .. } => language_model::architecture(config, *backward),
            KeptEncoder::Transformer { config, .. } => encoder_folder::architecture(config),
        }
    }

    /// Writes configuration, weights and tokenizer into a folder under construction.
    pub(crate) fn write(&self, folder: &Path, model: &TextClassifier, tokenizer: &ModelTokenizer) -> Outcome<()> {
        match (&self.encoder, model) {
            (KeptEncoder::Recurrent { config, head, backward }, TextClassifier::Recurrent(model)) => {
                let config = ModelConfig {
                    head_size: *head,
                    backward: *backward,
                    problem: self.problem,
                    scale: self.scale,
                    ..ModelConfig::classifier(config.clone(), &tokenizer.digest(), self.labels.clone())
                };
                model_folder::write(folder, model, &config, tokenizer)
            }
            (KeptEncoder::Transformer { config, json }, TextClassifier::Transformer(model)) => {
                let architecture = match config {
                    TransformerConfig::ModernBert(_) => "ModernBertForSequenceClassification",
                    TransformerConfig::Bert(config) if config.is_roberta() => "XLMRobertaForSequenceClassification",
                    TransformerConfig::Bert(_) => "BertForSequenceClassification",
                };
                let answers = Some((self.labels.as_slice(), self.problem, self.scale));
                let purpose = Purpose { architecture, answers };
                let json = encoder_folder::config_json(json.as_ref(), config, tokenizer, &purpose)?;
                encoder_folder::write(folder, &json, tokenizer, &|path| model.save(path))
            }
            _ => Err(Failure::data("the classifier is not of the kind that was begun")),
        }
    }
}

/// A classifier's folder, read.
pub(crate) struct Opened {
    pub(crate) model: TextClassifier,
    pub(crate) tokenizer: ModelTokenizer,
    pub(crate) kept: Kept,
    pub(crate) reading: Reading,
    most: Option<usize>,
}

impl Opened {
    /// Reads a folder of ours or a published one.
    ///
    /// # Errors
    /// A folder that is damaged, or that holds no classifier.
    pub(crate) fn read(folder: &Path, device: &Device) -> Outcome<Self> {
        let described = Described::read(folder)?;
        let (model, tokenizer, kept) = match &described.kind {
            FolderKind::Recurrent => {
                let (model, config) = model_folder::read_classifier(folder, device)?;
                let tokenizer = model_folder::read_tokenizer(folder, &config)?;
                let ModelConfig { encoder, head_size: head, backward, labels, problem, scale, .. } = config;
                let encoder = KeptEncoder::Recurrent { config: encoder, head, backward };
                (TextClassifier::Recurrent(model), tokenizer.into(), Kept { encoder, labels, problem, scale })
            }
            _ => {
                let tokenizer = encoder_folder::read_tokenizer(folder, &described)?;
                let read = encoder_folder::read_classifier(folder, &described, device)?;
                let config = described.transformer(folder)?.clone();
                let encoder = KeptEncoder::Transformer { config, json: None };
                let kept = Kept { encoder, labels: read.labels, problem: read.problem, scale: read.scale };
                let model = read.model.with_part_end(tokenizer.end_id());
                (TextClassifier::Transformer(model), tokenizer, kept)
            }
        };
        let (reading, most) = if model_folder::has_recipe(folder) || described.kind == FolderKind::Recurrent {
            let recipe = model_folder::read_recipe(folder)?;
            (kept.reading(&tokenizer, &recipe), kept.longest(&recipe))
        } else {
            (kept.whole_reading(&tokenizer), kept.positions())
        };
        Ok(Opened { model, tokenizer, kept, reading, most })
    }

    /// The tokens of texts, as the model reads them.
    pub(crate) fn encode<'a>(&self, texts: impl Iterator<Item = &'a str>) -> Outcome<Vec<Vec<u32>>> {
        texts.map(|text| self.tokenizer.encode(text, self.most).map_err(Failure::from)).collect()
    }
}
