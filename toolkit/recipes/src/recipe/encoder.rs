//! A recipe's encoder: what its layers are made of, and its sizes.

use glossa_nn::modernbert::ModernBertConfig;
use glossa_nn::{Cell, EncoderConfig};
use serde::{Deserialize, Serialize};

/// Sizes of the encoder; the vocabulary comes from the tokenizer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderRecipe {
    /// What a layer is made of: `qrnn`, `awd-lstm`, or `modernbert`, whose layers attend.
    pub cell: Architecture,
    /// Width of the embedding and of the last layer; of a ModernBERT, of every token's vector.
    pub embedding_size: usize,
    /// Width of the other layers; of a ModernBERT, of the gated inner layers.
    pub hidden_size: usize,
    /// Number of layers.
    pub layer_count: usize,
    /// Share of a QRNN's units that keep their cell at a step.
    #[serde(default)]
    pub zoneout: f64,
    /// Attention heads of a ModernBERT; 0 for one for every 64 numbers of width.
    #[serde(default)]
    pub head_count: usize,
    /// Tokens that a local layer of a ModernBERT sees, both sides together.
    #[serde(default = "usual_window")]
    pub local_window: usize,
    /// Tokens of the longest text that a ModernBERT reads.
    #[serde(default = "usual_longest")]
    pub longest: usize,
}

/// What layers are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// Quasi-recurrent layers, as in MultiFiT.
    Qrnn,
    /// LSTM layers with dropped recurrent weights, as in ULMFiT.
    AwdLstm,
    /// Attention, local in most layers.
    #[serde(rename = "modernbert")]
    ModernBert,
}

fn usual_window() -> usize {
    128
}

fn usual_longest() -> usize {
    8192
}

/// The sizes of an encoder of either kind.
#[derive(Debug, Clone, PartialEq)]
pub enum EncoderSizes {
    /// QRNN or AWD-LSTM.
    Recurrent(EncoderConfig),
    /// ModernBERT.
    ModernBert(Box<ModernBertConfig>),
}

impl EncoderRecipe {
    /// The encoder's sizes for a vocabulary.
    pub fn sizes(&self, vocabulary_size: usize) -> EncoderSizes {
        let EncoderRecipe { embedding_size, hidden_size, layer_count, zoneout, .. } = *self;
        let recurrent = |cell| {
            let sizes = EncoderConfig { cell, vocabulary_size, embedding_size, hidden_size, layer_count, zoneout };
            EncoderSizes::Recurrent(sizes)
        };
        match self.cell {
            Architecture::Qrnn => recurrent(Cell::Qrnn),
            Architecture::AwdLstm => recurrent(Cell::AwdLstm),
            Architecture::ModernBert => {
                let heads = match self.head_count {
                    0 => (embedding_size / 64).max(1),
                    count => count,
                };
                let config = ModernBertConfig::new(vocabulary_size, [embedding_size, hidden_size], layer_count, heads);
                EncoderSizes::ModernBert(Box::new(ModernBertConfig {
                    local_attention: self.local_window,
                    max_position_embeddings: self.longest,
                    ..config
                }))
            }
        }
    }
}
