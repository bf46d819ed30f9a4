//! What a stage is likely to need: time, memory and disk, from the size of its text and its recipe. The
//! constants were measured on two cores (docs/results.md); they are there to tell minutes from days.

use glossa_nn::Cell;
use glossa_recipes::Recipe;
use glossa_recipes::recipe::{EncoderSizes, Training};
use serde::{Deserialize, Serialize};

/// What a stage is likely to need; nothing where that cannot be known before another stage is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// Seconds on two cores.
    pub seconds: Option<f64>,
    /// Bytes of memory.
    pub memory: u64,
    /// Bytes on the disk.
    pub disk: Option<u64>,
}

const MEGA: f64 = 1e6;
/// Operations a second of two cores in training, and what a step costs beside them.
const OPERATIONS: f64 = 3e10;
/// Memory of the program itself.
const PROGRAM: u64 = 150_000_000;

/// Bytes of text that stages after the corpus read, where they are known.
pub(super) type Text = Option<u64>;

pub(super) fn corpus(text: Text) -> Estimate {
    let megabytes = text.map(|bytes| bytes as f64 / MEGA);
    Estimate {
        seconds: megabytes.map(|size| 0.5 + size / 4.0),
        memory: PROGRAM + text.unwrap_or(0) / 4,
        disk: text.map(|bytes| bytes * 3),
    }
}

pub(super) fn tokenizer(text: Text, sample_megabytes: usize) -> Estimate {
    let sample = text.map(|bytes| bytes.min(sample_megabytes as u64 * 1_000_000));
    Estimate {
        seconds: sample.map(|bytes| 1.0 + bytes as f64 / MEGA * 1.5),
        memory: PROGRAM + sample.unwrap_or(sample_megabytes as u64 * 1_000_000) * 20,
        disk: Some(1_000_000),
    }
}

pub(super) fn tokens(text: Text) -> Estimate {
    let seconds = text.map(|bytes| 0.5 + bytes as f64 / MEGA / 3.0);
    Estimate { seconds, memory: PROGRAM, disk: text.map(|bytes| bytes / 2) }
}

/// Pieces of a text: about four bytes each.
fn pieces(text: Text) -> Option<f64> {
    text.map(|bytes| bytes as f64 / 4.0)
}

/// Weights of an encoder, and of those the ones that every piece is multiplied with.
fn weights(recipe: &Recipe) -> (f64, f64) {
    let encoder = match recipe.encoder_sizes(recipe.tokenizer.vocabulary_size) {
        EncoderSizes::Recurrent(encoder) => encoder,
        EncoderSizes::ModernBert(config) => {
            let (width, inner) = (config.hidden_size as f64, config.intermediate_size as f64);
            let layers = config.num_hidden_layers as f64 * width * (4.0 * width + 3.0 * inner);
            let table = config.vocab_size as f64 * width;
            return (layers + table, layers + table * recipe.pretrain.mask_share);
        }
    };
    let gates = match encoder.cell {
        Cell::Qrnn => 3.0,
        Cell::AwdLstm => 4.0,
    };
    let layer = |(inputs, outputs): (usize, usize)| {
        let recurrent = if encoder.cell == Cell::AwdLstm { outputs } else { 0 };
        gates * (inputs + recurrent) as f64 * outputs as f64
    };
    let layers: f64 = encoder.layer_sizes().into_iter().map(layer).sum();
    let table = (encoder.vocabulary_size * encoder.embedding_size) as f64;
    (layers + table, layers + table)
}

fn training(recipe: &Recipe, settings: &Training, pieces: Option<f64>, epochs: usize) -> Estimate {
    let (all, multiplied) = weights(recipe);
    let seconds = pieces.map(|pieces| 1.0 + pieces * epochs as f64 * 6.0 * multiplied / OPERATIONS);
    let activations = settings.batch_size * settings.chunk * (recipe.tokenizer.vocabulary_size + 4096) * 8;
    Estimate { seconds, memory: PROGRAM + (all * 20.0) as u64 + activations as u64, disk: Some((all * 4.2) as u64) }
}

pub(super) fn pretrain(recipe: &Recipe, text: Text) -> Estimate {
    training(recipe, &recipe.pretrain.training, pieces(text), recipe.pretrain.training.epochs)
}

pub(super) fn finetune(recipe: &Recipe, text: Text) -> Estimate {
    let epochs = recipe.finetune.training.epochs + recipe.finetune.frozen_epochs;
    training(recipe, &recipe.finetune.training, pieces(text), epochs)
}

pub(super) fn classify(recipe: &Recipe, text: Text) -> Estimate {
    training(recipe, &recipe.classify.training, pieces(text), recipe.classify.training.epochs)
}

pub(super) fn read_once(recipe: &Recipe, text: Text) -> Estimate {
    let seconds = pieces(text).map(|pieces| 0.5 + pieces * 2.0 * weights(recipe).1 / OPERATIONS);
    Estimate { seconds, memory: PROGRAM + (weights(recipe).0 * 8.0) as u64, disk: Some(1_000_000) }
}
