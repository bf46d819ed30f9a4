//! A recipe's aligning: a cross-lingual encoder goes on with parallel texts.

use glossa_learn::{Kind, Schedule};
use glossa_nn::Dropouts;
use serde::{Deserialize, Serialize};

use super::{Precision, Training, first_broken};
use crate::Error;

/// Going on with parallel texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdaptRecipe {
    /// Cosines are divided by this before the softmax over a batch's translations.
    pub temperature: f64,
    /// By so much a translation's cosine must be ahead of the others; 0.3 in LaBSE.
    pub margin: f64,
    /// So many groups from the input up never learn: 1 for the embedding.
    pub frozen_groups: usize,
    /// Keep the epoch that finds most translations of the validation pairs, or the last one.
    pub keep_best: bool,
    /// The numbers of the training.
    pub training: Training,
}

impl Default for AdaptRecipe {
    fn default() -> Self {
        AdaptRecipe {
            temperature: 0.05,
            margin: 0.0,
            frozen_groups: 0,
            keep_best: false,
            training: Training {
                epochs: 3,
                batch_size: 32,
                chunk: 512,
                rate: 5e-5,
                rate_divisor: 1.0,
                schedule: Schedule::Linear { warm_up: 0.1, momentum: 0.9 },
                optimizer: Kind::StableAdam,
                lookahead_steps: 0,
                epsilon: 1e-6,
                second_beta: 0.98,
                weight_decay: 0.01,
                decoupled_decay: true,
                clip: 1.0,
                activation_regularisation: 0.0,
                temporal_regularisation: 0.0,
                label_smoothing: 0.0,
                dropouts: Dropouts { output: 0.0, hidden: 0.0, input: 0.0, embedding: 0.0, weight: 0.0 },
                dropout_multiplier: 0.0,
                accumulation: 1,
                weight_average: 0.0,
                precision: Precision::F32,
                decay_vectors: false,
            },
        }
    }
}

impl AdaptRecipe {
    pub(super) fn check(&self, place: &str) -> Result<(), Error> {
        self.training.check(&format!("{place}, [adapt.training]"))?;
        let rules = [
            (self.temperature > 0.0 && self.temperature <= 10.0, "adapt.temperature must be above 0 and at most 10"),
            ((0.0..1.0).contains(&self.margin), "adapt.margin must be in [0, 1)"),
            (self.training.batch_size >= 2, "adapt.training.batch_size must be at least 2"),
        ];
        first_broken(&rules, place)
    }
}
