//! `tokenizer_config.json`: what a tokenizer was trained with, and the rules its text needs.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Algorithm;
use crate::{Error, Preset};

/// The name of the SentencePiece model in a tokenizer folder.
pub const MODEL_FILE: &str = "spm.model";

/// The name of the settings in a tokenizer folder.
pub const CONFIG_FILE: &str = "tokenizer_config.json";

/// The version of the settings' format.
pub const FORMAT: u32 = 1;

/// The settings of a tokenizer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenizerConfig {
    /// Version of this format.
    pub format: u32,
    /// How the pieces were found.
    pub algorithm: Algorithm,
    /// The number of pieces.
    pub vocabulary_size: usize,
    /// The rules that text goes through.
    pub rules: Preset,
    /// The share of characters that became pieces, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub character_coverage: Option<f64>,
    /// The code of the language it was trained on, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

impl TokenizerConfig {
    pub(super) fn to_json(&self) -> String {
        // Serialising this struct cannot fail: no map keys, no foreign types.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Reads the settings; a newer format is refused.
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(|cause| Error::read(path, cause))?;
        let damaged = |cause: serde_json::Error| Error::Tokenizer { path: path.to_path_buf(), why: cause.to_string() };
        let any: serde_json::Value = serde_json::from_slice(&bytes).map_err(damaged)?;
        let found = any.get("format").and_then(serde_json::Value::as_u64).unwrap_or(0);
        if found > u64::from(FORMAT) {
            return Err(Error::NewerFormat { path: path.to_path_buf(), found, known: u64::from(FORMAT) });
        }
        serde_json::from_value(any).map_err(damaged)
    }
}
