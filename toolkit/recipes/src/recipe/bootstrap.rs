//! A recipe's bootstrapping: from a teacher's guesses to what a student learns.

use serde::{Deserialize, Serialize};

use super::first_broken;
use crate::Error;
use crate::teacher::HeadRecipe;

/// What students learn of a teacher's guess.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PseudoLabelKind {
    /// The likeliest class (MultiFiT).
    Hard,
    /// The share of every class.
    #[default]
    Soft,
}

/// What is done about classes that come more or less often in the target than a teacher takes for granted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PriorKind {
    /// Nothing.
    #[default]
    Keep,
    /// The target's shares are estimated from the guesses (Saerens et al. 2002), and these corrected.
    Estimate,
    /// Guesses are corrected to equal shares.
    Uniform,
    /// Guesses are corrected until they have the source's shares.
    Source,
}

/// From a teacher's guesses to what a student learns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BootstrapRecipe {
    /// The teacher's head: `logistic` with its `penalty`, or `mlp` as LASER's.
    pub head: HeadRecipe,
    /// Whether the target's vectors are standardised by their own mean and deviation.
    pub centre: bool,
    /// What students learn of a guess: `hard` or `soft`.
    pub labels: PseudoLabelKind,
    /// Divides the logarithms of guesses, which makes them less sure; 0 for what fits the source's validation
    /// set best.
    pub temperature: f64,
    /// What is done about shares of classes: `keep`, `estimate`, `uniform` or `source`.
    pub prior: PriorKind,
    /// Of the texts of each guessed class, this share with the highest confidence is learned from.
    pub share: f64,
    /// The least confidence of a text that is learned from.
    pub confidence: f64,
    /// With several teachers: only texts of which all guess the same class.
    pub agreement: bool,
    /// Rounds: from the second on, the students of the round before are the teacher.
    pub rounds: usize,
    /// Rounds end early when fewer of the guesses than this share have changed.
    pub least_change: f64,
    /// Students of different seeds; their answers are averaged.
    pub seeds: usize,
    /// How many times a text with a gold label counts beside the guesses.
    pub gold_copies: usize,
    /// Of the pseudo-labelled texts, this share judges epochs and is not learned from.
    pub valid_share: f64,
}

impl Default for BootstrapRecipe {
    fn default() -> Self {
        BootstrapRecipe {
            head: HeadRecipe::default(),
            centre: true,
            labels: PseudoLabelKind::default(),
            temperature: 0.0,
            prior: PriorKind::default(),
            share: 1.0,
            confidence: 0.0,
            agreement: false,
            rounds: 1,
            least_change: 0.01,
            seeds: 3,
            gold_copies: 5,
            valid_share: 0.1,
        }
    }
}

impl BootstrapRecipe {
    pub(super) fn check(&self, place: &str) -> Result<(), Error> {
        let share = 0.0..=1.0;
        let rules = [
            (self.head.problem().is_none(), self.head.problem().unwrap_or_default()),
            (
                self.temperature == 0.0 || (0.01..=100.0).contains(&self.temperature),
                "bootstrap.temperature must be 0 (calibrated) or from 0.01 to 100",
            ),
            (self.share > 0.0 && self.share <= 1.0, "bootstrap.share must be above 0 and at most 1"),
            (share.contains(&self.confidence), "bootstrap.confidence must be from 0 to 1"),
            (share.contains(&self.least_change), "bootstrap.least_change must be from 0 to 1"),
            ((1..=100).contains(&self.rounds), "bootstrap.rounds must be from 1 to 100"),
            ((1..=100).contains(&self.seeds), "bootstrap.seeds must be from 1 to 100"),
            ((1..=1000).contains(&self.gold_copies), "bootstrap.gold_copies must be from 1 to 1000"),
            ((0.0..=0.5).contains(&self.valid_share), "bootstrap.valid_share must be from 0 to 0.5"),
        ];
        first_broken(&rules, place)
    }
}
