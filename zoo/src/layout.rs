//! What lies in a model folder, a Hugging Face repository. Nothing in it can run code.

use serde::{Deserialize, Serialize};

/// Architecture and sizes of the model; labels of a classifier.
pub const CONFIG: &str = "config.json";
/// Weights.
pub const WEIGHTS: &str = "model.safetensors";
/// A trained Naive Bayes or NBSVM baseline, in place of weights.
pub const BASELINE: &str = "baseline.json";
/// The SentencePiece model.
pub const TOKENIZER: &str = "spm.model";
/// Which rules run before the tokenizer, and its special pieces.
pub const TOKENIZER_CONFIG: &str = "tokenizer_config.json";
/// The card.
pub const CARD: &str = "README.md";
/// The resolved recipe that made the model.
pub const RECIPE: &str = "recipe.toml";
/// One row an epoch or evaluation.
pub const METRICS: &str = "metrics.jsonl";
/// Hashes of all the others.
pub const MANIFEST: &str = glossa_base::manifest::FILE_NAME;

/// Value of `library_name` in the card.
pub const LIBRARY: &str = "glossa";

/// What a model does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelKind {
    /// Predicts the next piece.
    LanguageModel,
    /// Guesses hidden pieces.
    MaskedLanguageModel,
    /// Gives vectors of texts.
    Encoder,
    /// Labels a text.
    Classifier,
}

impl ModelKind {
    /// The task's name on the Hugging Face hub.
    pub fn pipeline_tag(self) -> &'static str {
        match self {
            ModelKind::LanguageModel => "text-generation",
            ModelKind::MaskedLanguageModel => "fill-mask",
            ModelKind::Encoder => "feature-extraction",
            ModelKind::Classifier => "text-classification",
        }
    }

    /// The kind in words.
    pub fn words(self) -> &'static str {
        match self {
            ModelKind::LanguageModel => "language model",
            ModelKind::MaskedLanguageModel => "masked language model",
            ModelKind::Encoder => "encoder",
            ModelKind::Classifier => "classifier",
        }
    }
}
