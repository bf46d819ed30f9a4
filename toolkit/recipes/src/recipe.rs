//! Recipes: every number of a training run, as TOML. Presets are built in; a file or a flag overrides
//! single values, and what came out is saved beside what it made.

mod adapt;
mod bootstrap;
mod encoder;
mod overrides;

use glossa_base::nearest::nearest;
use glossa_learn::optimizer::{Half, Lookahead};
use glossa_learn::{Kind, OptimizerSettings, Schedule};
use glossa_nn::kernels::Pooling;
use glossa_nn::{ClassLoss, Dropouts};
use glossa_text::rules::Preset as Rules;
use glossa_text::tokenizer::Algorithm;
use serde::{Deserialize, Serialize};

use crate::Error;
use overrides::describe;

pub use adapt::AdaptRecipe;
pub use bootstrap::{BootstrapRecipe, PriorKind, PseudoLabelKind};
pub use encoder::{Architecture, EncoderRecipe, EncoderSizes};
pub use overrides::Override;

/// The version of the recipe format.
pub const FORMAT: u32 = 1;

/// A whole recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Version of this format.
    pub format: u32,
    /// The preset that it began as.
    pub name: String,
    /// How text becomes pieces.
    pub tokenizer: TokenizerRecipe,
    /// Sizes of the encoder.
    pub encoder: EncoderRecipe,
    /// Language modelling on general text.
    pub pretrain: LanguageModelRecipe,
    /// Language modelling on the task's text.
    pub finetune: FinetuneRecipe,
    /// Classification.
    pub classify: ClassifyRecipe,
    /// A student from a teacher's guesses.
    #[serde(default)]
    pub bootstrap: BootstrapRecipe,
    /// A cross-lingual encoder that goes on with parallel texts.
    #[serde(default)]
    pub adapt: AdaptRecipe,
}

/// How text becomes pieces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenizerRecipe {
    /// `unigram` or `bpe`.
    pub algorithm: Algorithm,
    /// Pieces of the vocabulary.
    pub vocabulary_size: usize,
    /// Text rules before the pieces.
    pub rules: Rules,
    /// Train on a random sample of so many million bytes where there is more text: memory is about 20
    /// times that, however large the corpus.
    pub sample_megabytes: usize,
}

/// What all training has in common.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Passes over the data (with everything unfrozen).
    pub epochs: usize,
    /// Streams or texts of a batch.
    pub batch_size: usize,
    /// Tokens of a chunk (BPTT).
    pub chunk: usize,
    /// The highest learning rate, of the last group.
    pub rate: f64,
    /// How many times smaller the first group's rate is; 1 for one rate everywhere.
    pub rate_divisor: f64,
    /// Rate and momentum over a phase.
    pub schedule: Schedule,
    /// How gradients become steps.
    #[serde(default)]
    pub optimizer: Kind,
    /// Steps between two returns to slow weights; 0 for none (Lookahead).
    #[serde(default)]
    pub lookahead_steps: u64,
    /// Keeps the optimizer's divisions finite.
    #[serde(default = "usual_epsilon")]
    pub epsilon: f64,
    /// Decay of Adam's second moment.
    pub second_beta: f64,
    /// Weight decay.
    pub weight_decay: f64,
    /// Decay on the weights (true) or on the gradients (false).
    pub decoupled_decay: bool,
    /// Largest norm of all gradients together; 0 for no clip.
    pub clip: f64,
    /// Mean square of the dropped output (AR, Merity et al. 2017).
    pub activation_regularisation: f64,
    /// Mean square of the output's change over a step (TAR).
    pub temporal_regularisation: f64,
    /// Mass spread over all classes.
    pub label_smoothing: f64,
    /// The five dropouts.
    pub dropouts: Dropouts,
    /// All five times this.
    pub dropout_multiplier: f64,
    /// Batches whose gradients make one step together.
    #[serde(default = "one")]
    pub accumulation: usize,
    /// Decay of a moving average of the weights, which is kept instead of the last ones; 0 for none.
    #[serde(default)]
    pub weight_average: f64,
    /// Sixteen-bit weights in the model, full ones beside them, and scaled losses for `f16`.
    #[serde(default)]
    pub precision: Precision,
    /// Whether biases and normalisation decay too.
    #[serde(default = "yes")]
    pub decay_vectors: bool,
}

/// The precision of a model's weights in training.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// 32 bits.
    #[default]
    F32,
    /// 16 bits with the range of f32.
    Bf16,
    /// 16 bits with less range: losses are scaled.
    F16,
}

impl Precision {
    /// The half that it is, if it is one.
    pub fn half(self) -> Option<Half> {
        match self {
            Precision::F32 => None,
            Precision::Bf16 => Some(Half::Bf16),
            Precision::F16 => Some(Half::F16),
        }
    }
}

fn one() -> usize {
    1
}

fn yes() -> bool {
    true
}

/// Language modelling from fresh weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LanguageModelRecipe {
    /// Train against so many pieces drawn by frequency instead of the whole vocabulary; 0 for all.
    #[serde(default)]
    pub sampled_pieces: usize,
    /// Share of the pieces that a masked language model must guess.
    #[serde(default = "usual_mask")]
    pub mask_share: f64,
    /// Over this share of the training the batches of a masked language model grow from an eighth to their
    /// whole size; 0 for whole ones from the start.
    #[serde(default)]
    pub batch_warm_up: f64,
    /// The numbers of the training.
    pub training: Training,
}

fn usual_mask() -> f64 {
    0.3
}

/// Language modelling from pretrained weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinetuneRecipe {
    /// Epochs of the last group alone, before the rest.
    pub frozen_epochs: usize,
    /// The rate of these.
    pub frozen_rate: f64,
    /// The numbers of the rest.
    pub training: Training,
}

/// How layers thaw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unfreezing {
    /// Everything learns from the start (MultiFiT's `1cycle`).
    AtOnce,
    /// The head alone, then one more group an epoch (Howard and Ruder 2018, section 3.3), then all; the
    /// schedule begins anew with each.
    Gradual,
    /// One more group an epoch within one schedule over all epochs.
    GradualInOneSchedule,
}

/// What is done about classes of which there are few texts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Balance {
    /// Nothing.
    #[default]
    None,
    /// Each class counts alike in the loss.
    ClassWeights,
    /// Texts of rare classes come more often.
    Resample,
}

/// How the vectors of a text become one under a transformer's head.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeadPooling {
    /// As the encoder's config.json says.
    #[default]
    Published,
    /// The first one.
    Cls,
    /// Their mean.
    Mean,
}

impl HeadPooling {
    /// What it comes to for an encoder.
    pub fn of(self, published: Pooling) -> Pooling {
        match self {
            HeadPooling::Published => published,
            HeadPooling::Cls => Pooling::First,
            HeadPooling::Mean => Pooling::Mean,
        }
    }
}

/// Classification.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassifyRecipe {
    /// How layers thaw.
    pub unfreezing: Unfreezing,
    /// Epochs of the head alone, before all others.
    #[serde(default)]
    pub head_epochs: usize,
    /// The rate of these.
    #[serde(default = "usual_head_rate")]
    pub head_rate: f64,
    /// So many groups from the input up never learn: 1 for the embedding, 2 for the first layer too.
    #[serde(default)]
    pub frozen_groups: usize,
    /// Only so many last tokens of a text are pooled.
    pub pooled_tokens: usize,
    /// How the vectors of a text become one under a transformer's head: `published` (what its config.json
    /// says), `cls` or `mean`.
    #[serde(default)]
    pub pooling: HeadPooling,
    /// Hidden units of a recurrent encoder's head.
    pub head_size: usize,
    /// Whether label smoothing is divided by the number of classes (MultiFiT's rewrite did).
    pub smoothing_per_class: bool,
    /// Smoothing of the segmentations that training texts are sampled with, each epoch anew; 0 for the
    /// best segmentation always (unigram tokenizers; 0.1 to 0.5 are usual).
    pub segmentation_alpha: f32,
    /// Keep the epoch that is best on validation, or the last one.
    pub keep_best: bool,
    /// What is done about rare classes: `none`, `class-weights` or `resample`.
    #[serde(default)]
    pub balance: Balance,
    /// Strength of mixup of embeddings, Beta's two parameters; 0 for none.
    #[serde(default)]
    pub mixup: f64,
    /// Share of the training texts that get a wrong class on purpose, to study noise.
    #[serde(default)]
    pub label_noise: f64,
    /// Epochs without a better validation after which training stops; 0 for never.
    #[serde(default)]
    pub patience: usize,
    /// How answers are judged, one class a text: `cross-entropy`, or what wrong labels pull less at,
    /// `generalised` (with an `exponent`) or `symmetric` (with `forward` and `reverse`).
    #[serde(default)]
    pub loss: ClassLoss,
    /// The numbers of the training.
    pub training: Training,
}

fn usual_head_rate() -> f64 {
    0.01
}

fn usual_epsilon() -> f64 {
    1e-8
}

impl Training {
    /// The optimizer's part.
    pub fn optimizer(&self) -> OptimizerSettings {
        OptimizerSettings {
            kind: self.optimizer,
            second_beta: self.second_beta,
            epsilon: self.epsilon,
            weight_decay: self.weight_decay,
            decoupled: self.decoupled_decay,
            decay_vectors: self.decay_vectors,
            lookahead: (self.lookahead_steps > 0).then_some(Lookahead { every: self.lookahead_steps, share: 0.5 }),
            half: self.precision.half(),
        }
    }

    /// The rate of each group, from the input up.
    pub fn rates(&self, groups: usize) -> Vec<f64> {
        glossa_learn::schedule::geometric_rates(self.rate / self.rate_divisor, self.rate, groups)
    }

    /// The dropouts times their multiplier.
    pub fn dropouts(&self) -> Dropouts {
        self.dropouts.times(self.dropout_multiplier)
    }

    fn check(&self, section: &str) -> Result<(), Error> {
        let dropouts = self.dropouts();
        let each = [dropouts.output, dropouts.hidden, dropouts.input, dropouts.embedding, dropouts.weight];
        let regularisers = [self.activation_regularisation, self.temporal_regularisation, self.weight_decay, self.clip];
        let sound = |value: f64| value.is_finite() && value >= 0.0;
        let rules = [
            ((1..=LARGEST_SIZE).contains(&self.batch_size), "batch_size must be from 1 to 65536"),
            ((1..=LARGEST_SIZE).contains(&self.chunk), "chunk must be from 1 to 65536"),
            (self.epochs <= LARGEST_SIZE, "epochs must be at most 65536"),
            (self.rate > 0.0 && self.rate.is_finite(), "rate must be positive"),
            (self.rate_divisor >= 1.0 && self.rate_divisor.is_finite(), "rate_divisor must be at least 1"),
            (
                self.schedule.is_sound(),
                "schedule: shares lie in (0, 1), divisors and ratio are at least 1, momenta in [0, 1)",
            ),
            ((0.0..1.0).contains(&self.second_beta), "second_beta must be in [0, 1)"),
            (self.epsilon > 0.0 && self.epsilon <= 1.0, "epsilon must be above 0 and at most 1"),
            (each.iter().all(|p| (0.0..1.0).contains(p)), "each dropout times dropout_multiplier must be in [0, 1)"),
            ((0.0..1.0).contains(&self.label_smoothing), "label_smoothing must be in [0, 1)"),
            ((1..=LARGEST_SIZE).contains(&self.accumulation), "accumulation must be from 1 to 65536"),
            ((0.0..1.0).contains(&self.weight_average), "weight_average must be in [0, 1)"),
            (regularisers.into_iter().all(sound), "clip, weight_decay and the regularisations must be numbers from 0"),
        ];
        first_broken(&rules, section)
    }
}

/// The largest batch, chunk, head or count that makes sense.
const LARGEST_SIZE: usize = 1 << 16;

fn first_broken(rules: &[(bool, &str)], place: &str) -> Result<(), Error> {
    match rules.iter().find(|(kept, _)| !kept) {
        Some((_, problem)) => {
            Err(Error::Recipe { place: place.to_owned(), problem: (*problem).to_owned(), hint: None })
        }
        None => Ok(()),
    }
}

const PRESETS: [(&str, &str); 10] = [
    ("demo", include_str!("../presets/demo.toml")),
    ("tiny", include_str!("../presets/tiny.toml")),
    ("small", include_str!("../presets/small.toml")),
    ("multifit-paper", include_str!("../presets/multifit-paper.toml")),
    ("ulmfit", include_str!("../presets/ulmfit.toml")),
    ("poleval-2018", include_str!("../presets/poleval-2018.toml")),
    ("haha-2019", include_str!("../presets/haha-2019.toml")),
    ("modernbert-tiny", include_str!("../presets/modernbert-tiny.toml")),
    ("modernbert-small", include_str!("../presets/modernbert-small.toml")),
    ("modernbert-base", include_str!("../presets/modernbert-base.toml")),
];

/// Names of the built-in presets.
pub fn preset_names() -> impl Iterator<Item = &'static str> {
    PRESETS.iter().map(|(name, _)| *name)
}

impl Recipe {
    /// A built-in preset.
    ///
    /// # Errors
    /// An unknown name, with the nearest right one.
    pub fn preset(name: &str) -> Result<Self, Error> {
        let unknown = || Error::UnknownPreset {
            name: name.to_owned(),
            nearest: nearest(name, preset_names()).map(str::to_owned),
        };
        let (file, text) = PRESETS.iter().find(|(preset, _)| *preset == name).ok_or_else(unknown)?;
        Self::parse(text, &format!("preset {file}"))
    }

    /// Reads a recipe's TOML; `place` names it in errors.
    ///
    /// # Errors
    /// What is wrong, with line and column and the nearest right key.
    pub fn parse(text: &str, place: &str) -> Result<Self, Error> {
        let recipe: Recipe = toml::from_str(text).map_err(|error| describe(&error, text, place))?;
        recipe.check(place)?;
        Ok(recipe)
    }

    /// The recipe as TOML.
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).unwrap_or_default()
    }

    /// Overrides single values, each written as `section.key=value`.
    ///
    /// # Errors
    /// An unknown key, with the nearest right one; a value of another type or out of range.
    pub fn with_overrides(self, overrides: &[String]) -> Result<Self, Error> {
        let overrides: Vec<Override> = overrides.iter().map(|text| Override::parse(text)).collect::<Result<_, _>>()?;
        self.with_values(&overrides)
    }

    /// Overrides single values that come from a file.
    ///
    /// # Errors
    /// An unknown key, with its place and the nearest right one; a value of another type or out of range.
    pub fn with_values(self, overrides: &[Override]) -> Result<Self, Error> {
        let mut recipe = self;
        for one in overrides {
            let text = recipe.to_toml();
            let mut table: toml::Table = toml::from_str(&text).map_err(|error| describe(&error, "", "recipe"))?;
            one.apply(&mut table)?;
            recipe = toml::Value::Table(table).try_into().map_err(|error| describe(&error, "", &one.place))?;
        }
        let mut places: Vec<&str> = overrides.iter().map(|one| one.place.as_str()).collect();
        places.dedup();
        if !overrides.is_empty() {
            recipe.check(&places.join(", "))?;
        }
        Ok(recipe)
    }

    /// The training of a section, `pretrain`, `finetune`, `classify` or `adapt`.
    pub fn training(&self, section: &str) -> Option<&Training> {
        match section {
            "pretrain" => Some(&self.pretrain.training),
            "finetune" => Some(&self.finetune.training),
            "classify" => Some(&self.classify.training),
            "adapt" => Some(&self.adapt.training),
            _ => None,
        }
    }

    /// The encoder's sizes for a vocabulary.
    pub fn encoder_sizes(&self, vocabulary_size: usize) -> EncoderSizes {
        self.encoder.sizes(vocabulary_size)
    }

    fn check(&self, place: &str) -> Result<(), Error> {
        if self.format > FORMAT {
            let problem = format!("format {} is newer than {FORMAT}", self.format);
            return Err(Error::Recipe {
                place: place.to_owned(),
                problem,
                hint: Some("use a newer glossa".to_owned()),
            });
        }
        self.pretrain.training.check(&format!("{place}, [pretrain.training]"))?;
        self.finetune.training.check(&format!("{place}, [finetune.training]"))?;
        self.classify.training.check(&format!("{place}, [classify.training]"))?;
        let (classify, frozen_rate) = (&self.classify, self.finetune.frozen_rate);
        let rules = [
            (frozen_rate > 0.0 && frozen_rate.is_finite(), "finetune.frozen_rate must be positive"),
            (self.finetune.frozen_epochs <= LARGEST_SIZE, "finetune.frozen_epochs must be at most 65536"),
            ((1..=LARGEST_SIZE).contains(&classify.head_size), "classify.head_size must be from 1 to 65536"),
            (
                classify.head_epochs <= LARGEST_SIZE && classify.head_rate > 0.0 && classify.head_rate.is_finite(),
                "classify.head_epochs must be at most 65536, and head_rate positive",
            ),
            (classify.pooled_tokens > 0, "classify.pooled_tokens must be at least 1"),
            ((0.0..=100.0).contains(&classify.segmentation_alpha), "classify.segmentation_alpha must be from 0 to 100"),
            ((0.0..=100.0).contains(&classify.mixup), "classify.mixup must be from 0 to 100"),
            ((0.0..=1.0).contains(&classify.label_noise), "classify.label_noise must be from 0 to 1"),
            (
                classify.loss.is_sound(),
                "classify.loss: exponent must be above 0 and at most 1, forward and reverse from 0",
            ),
            (
                self.pretrain.mask_share > 0.0 && self.pretrain.mask_share < 1.0,
                "pretrain.mask_share must be above 0 and below 1",
            ),
            ((0.0..=1.0).contains(&self.pretrain.batch_warm_up), "pretrain.batch_warm_up must be from 0 to 1"),
            (self.tokenizer.sample_megabytes > 0, "tokenizer.sample_megabytes must be at least 1"),
        ];
        first_broken(&rules, place)?;
        self.bootstrap.check(place)?;
        self.adapt.check(place)?;
        let checked = match self.encoder_sizes(self.tokenizer.vocabulary_size) {
            EncoderSizes::Recurrent(config) => config.check(),
            EncoderSizes::ModernBert(config) => config.check(),
        };
        checked.map_err(|error| Error::Recipe { place: place.to_owned(), problem: error.to_string(), hint: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_whole_and_returns_from_toml() {
        for name in preset_names() {
            let recipe = Recipe::preset(name).unwrap();
            assert_eq!(recipe.name, name);
            assert_eq!(Recipe::parse(&recipe.to_toml(), "x").unwrap(), recipe);
        }
    }

    #[test]
    fn the_papers_numbers() {
        let multifit = Recipe::preset("multifit-paper").unwrap();
        let EncoderSizes::Recurrent(encoder) = multifit.encoder_sizes(15_000) else { panic!("another kind") };
        assert_eq!(encoder.layer_sizes(), vec![(400, 1550), (1550, 1550), (1550, 1550), (1550, 400)]);
        let rates = multifit.classify.training.rates(6);
        assert!((rates[0] - 1e-2 / 2.6_f64.powi(4)).abs() < 1e-8);
        assert!((rates[5] - 2e-2).abs() < 1e-12);
        assert_eq!(multifit.finetune.training.dropouts(), Dropouts::MULTIFIT_PAPER.times(0.3));
        let ulmfit = Recipe::preset("ulmfit").unwrap();
        assert_eq!(ulmfit.pretrain.training.dropouts, Dropouts::ULMFIT);
        assert_eq!(ulmfit.classify.unfreezing, Unfreezing::Gradual);
    }

    #[test]
    fn overrides_change_values_and_refuse_typos() {
        let recipe = Recipe::preset("tiny").unwrap();
        let changed = recipe
            .clone()
            .with_overrides(&["pretrain.training.epochs=9".into(), "classify.training.rate=1".into()])
            .unwrap();
        assert_eq!(changed.pretrain.training.epochs, 9);
        assert!((changed.classify.training.rate - 1.0).abs() < 1e-12);
        for (text, expected) in [
            ("pretrain.training.epoch=9", "did you mean `epochs`?"),
            ("pretrian.training.epochs=9", "did you mean `pretrain`?"),
            ("encoder.cell=qrn", "did you mean `qrnn`?"),
            ("encoder", "write --set"),
        ] {
            let error = recipe.clone().with_overrides(&[text.into()]).unwrap_err();
            assert!(glossa_base::Failure::from(error).hint.unwrap().contains(expected), "{text}");
        }
        assert!(recipe.with_overrides(&["pretrain.training.rate=-1".into()]).is_err());
    }

    #[test]
    fn a_wrong_file_names_line_and_column() {
        let text = Recipe::preset("tiny").unwrap().to_toml().replace("hidden_size", "hiden_size");
        let failure = glossa_base::Failure::from(Recipe::parse(&text, "my.toml").unwrap_err());
        assert!(failure.message.contains("my.toml:"), "{}", failure.message);
        assert!(failure.hint.unwrap().contains("hidden_size"));
        assert!(
            matches!(Recipe::preset("smal"), Err(Error::UnknownPreset { nearest: Some(near), .. }) if near == "small")
        );
    }
}
