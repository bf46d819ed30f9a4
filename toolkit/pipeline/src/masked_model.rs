//! Masked language models: pretraining a ModernBERT on a corpus, fresh or from another one, fine-tuning on a
//! task's texts, and how well it guesses. `language_model` calls these where a recipe or a folder asks for it.

use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;
use glossa_base::atomic::WholeFolder;
use glossa_base::{Failure, Kind, Outcome, Progress};
use glossa_corpora::Split;
use glossa_learn::stream::TokenSource;
use glossa_nn::MaskedLanguageModel;
use glossa_nn::modernbert::ModernBertConfig;
use glossa_nn::transformer::TransformerConfig;
use glossa_recipes::{MaskPieces, Trained, evaluate_masked};
use glossa_text::ModelTokenizer;
use glossa_zoo::card::Card;
use glossa_zoo::layout::ModelKind;
use serde_json::Value;

use crate::checkpoints::Run as TrainingRun;
use crate::encoder_folder::{self, Described, Purpose};
use crate::language_model::{LanguageModelOutcome, ReadText, TaskTexts, Text, finish, language, nothing_to_read};
use crate::rates::{self, RatesOutcome};
use crate::setting::Setting;
use crate::stage::name_of;
use crate::tokens::TokenFolder;
use crate::training_report::Subject;

/// What transformers calls it.
const ARCHITECTURE: &str = "ModernBertForMaskedLM";

/// A masked language model to train, and what belongs to it.
struct Start {
    model: MaskedLanguageModel,
    config: ModernBertConfig,
    tokenizer: ModelTokenizer,
    pieces: MaskPieces,
    /// The `config.json` that it had.
    json: Option<Value>,
}

/// What a training begins with: fresh weights of the recipe's sizes, or another model's weights. Those of a
/// smaller model are laid into the recipe's sizes from the centre.
pub(crate) struct Origin<'a> {
    /// The tokenizer's folder, where weights are fresh.
    pub(crate) tokenizer: &'a Path,
    /// The sizes that the recipe asks for, and the model that they begin from.
    pub(crate) config: ModernBertConfig,
    pub(crate) from: Option<&'a Path>,
}

fn begin(origin: &Origin<'_>, seed: u64, device: &Device) -> Outcome<Start> {
    let Some(from) = origin.from else {
        let tokenizer = ModelTokenizer::load(origin.tokenizer)?;
        let vocab_size = encoder_folder::vocabulary_with_mask(&tokenizer);
        let config = ModernBertConfig { vocab_size, ..origin.config.clone() };
        config.check()?;
        let pieces = encoder_folder::mask_pieces(&tokenizer)?;
        return Ok(Start {
            model: MaskedLanguageModel::new(&config, seed, device),
            config,
            tokenizer,
            pieces,
            json: None,
        });
    };
    let start = read(from, device)?;
    let sizes = |config: &ModernBertConfig| [config.hidden_size, config.intermediate_size, config.num_hidden_layers];
    let (wanted, found) = (sizes(&origin.config), sizes(&start.config));
    if wanted == found {
        return Ok(start);
    }
    if wanted.iter().zip(&found).any(|(wanted, found)| wanted < found) {
        return Err(Failure::new(
            Kind::Usage,
            format!("{} is larger than the recipe: {found:?}, {wanted:?}", from.display()),
        )
        .hint("give the recipe that it was made with, or a larger one"));
    }
    let config = ModernBertConfig { vocab_size: start.config.vocab_size, ..origin.config.clone() };
    config.check()?;
    Ok(Start { model: start.model.tiled(&config, device)?, config, json: None, ..start })
}

fn read(folder: &Path, device: &Device) -> Outcome<Start> {
    let described = Described::read(folder)?;
    let tokenizer = encoder_folder::read_tokenizer(folder, &described)?;
    let (model, config) = encoder_folder::read_masked(folder, &described, device)?;
    let pieces = encoder_folder::mask_pieces(&tokenizer)?;
    Ok(Start { model, config, tokenizer, pieces, json: Some(described.json) })
}

/// Pretrains on a corpus.
pub(crate) fn pretrain(corpus: &Path, origin: &Origin<'_>, setting: Setting<'_>) -> Outcome<LanguageModelOutcome> {
    let (device, others) = setting.device.open_all()?;
    let start = begin(origin, setting.seed, &device)?;
    let tokens = TokenFolder::of(corpus, &start.tokenizer, setting.progress)?;
    let train = tokens.open(Split::Train)?.ok_or_else(|| nothing_to_read(corpus))?;
    let valid = tokens.open(Split::Valid)?;
    let inputs = [corpus, origin.from.unwrap_or(origin.tokenizer)];
    let training = TrainingRun::open("pretrain", &[("masked", "true".to_owned())], &inputs, setting)?;
    let valid = valid.as_ref().map(|valid| valid as &dyn TokenSource);
    let subject = subject("a masked language model, pretrained", &start.config, &inputs, setting);
    let run = training.start_on(setting, (&device, &others));
    let recipe = &setting.recipe.pretrain;
    let trained = glossa_recipes::pretrain_masked(start.model, recipe, &start.pieces, &train, valid, run)
        .map_err(|unfinished| training.explain(subject.explain(unfinished)))?;
    let made = Made { config: &start.config, tokenizer: &start.tokenizer, json: start.json.as_ref() };
    let outcome = save(trained, &made, "pretrain", origin.from.map(name_of), &subject, setting)?;
    training.close()?;
    Ok(outcome)
}

/// Tries rates instead of pretraining.
pub(crate) fn find_pretrain_rate(
    corpus: &Path,
    origin: &Origin<'_>,
    setting: Setting<'_>,
    page: &Path,
) -> Outcome<RatesOutcome> {
    let device = setting.device.open()?;
    let start = begin(origin, setting.seed, &device)?;
    let tokens = TokenFolder::of(corpus, &start.tokenizer, setting.progress)?;
    let train = tokens.open(Split::Train)?.ok_or_else(|| nothing_to_read(corpus))?;
    let run = TrainingRun::NONE.start(setting, &device);
    let course = glossa_recipes::find_masked_rate(start.model, &setting.recipe.pretrain, &start.pieces, &train, run)?;
    rates::write(course, "a masked language model in pretraining", page)
}

/// Goes on training on the texts of a task.
pub(crate) fn finetune(
    model: &Path,
    texts: &TaskTexts<'_>,
    (inputs, details): (&[&Path], &[(&str, String)]),
    setting: Setting<'_>,
) -> Outcome<LanguageModelOutcome> {
    let (device, others) = setting.device.open_all()?;
    let start = read(model, &device)?;
    let (train, valid) = (texts.train(&start.tokenizer)?, texts.valid(&start.tokenizer)?);
    let training = TrainingRun::open("finetune", details, inputs, setting)?;
    let valid = valid.as_ref().map(|valid| valid as &dyn TokenSource);
    let subject = subject("a masked language model, fine-tuned on the texts of a task", &start.config, inputs, setting);
    let run = training.start_on(setting, (&device, &others));
    let recipe = (&setting.recipe.finetune, setting.recipe.pretrain.mask_share);
    let trained = glossa_recipes::finetune_masked(start.model, recipe, &start.pieces, &train, valid, run)
        .map_err(|unfinished| training.explain(subject.explain(unfinished)))?;
    let made = Made { config: &start.config, tokenizer: &start.tokenizer, json: start.json.as_ref() };
    let outcome = save(trained, &made, "finetune", Some(name_of(model)), &subject, setting)?;
    training.close()?;
    Ok(outcome)
}

/// How well a model guesses the pieces of a text.
pub(crate) fn evaluate(
    model: &Path,
    text: &Text<'_>,
    device: &Device,
    progress: &dyn Progress,
) -> Outcome<(glossa_recipes::Evaluated, ReadText)> {
    let start = read(model, device)?;
    let read = text.read(&start.tokenizer, progress)?;
    let longest = start.config.max_position_embeddings.min(512);
    let evaluated = evaluate_masked(&start.model, &start.pieces, read.source.as_ref(), longest, device)?;
    Ok((evaluated, read))
}

fn subject<'a>(what: &'a str, config: &ModernBertConfig, inputs: &[&'a Path], setting: Setting<'a>) -> Subject<'a> {
    let Setting { out, seed, device, .. } = setting;
    let architecture = encoder_folder::architecture(&TransformerConfig::ModernBert(config.clone()));
    Subject { what, out, architecture, seed, device, settings: setting.recipe.to_toml(), inputs: inputs.to_vec() }
}

/// What is saved beside the weights.
struct Made<'a> {
    config: &'a ModernBertConfig,
    tokenizer: &'a ModelTokenizer,
    json: Option<&'a Value>,
}

fn save(
    trained: Trained<MaskedLanguageModel>,
    made: &Made<'_>,
    stage: &str,
    base_model: Option<String>,
    subject: &Subject<'_>,
    setting: Setting<'_>,
) -> Outcome<LanguageModelOutcome> {
    let Trained { model, course } = trained;
    let folder = WholeFolder::create(setting.out)?;
    let purpose = Purpose { architecture: ARCHITECTURE, answers: None };
    let config = TransformerConfig::ModernBert(made.config.clone());
    let config = encoder_folder::config_json(made.json, &config, made.tokenizer, &purpose)?;
    encoder_folder::write(folder.path(), &config, made.tokenizer, &|path| model.save(path))?;
    let card = Card {
        language: language(made.tokenizer.language()),
        parameters: Some(model.num_params() as u64),
        base_model,
        how_to_use: Some(format!("glossa classify train --backbone {} --train FILE ...", name_of(setting.out))),
        ..Card::new(&name_of(setting.out), ModelKind::MaskedLanguageModel, &subject.architecture)
    };
    finish((folder, card), &course, stage, subject, setting)
}
