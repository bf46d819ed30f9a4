//! Language models: pretraining on a corpus, fine-tuning on a task's texts, perplexity, generation.

use std::path::{Path, PathBuf};

use burn::module::Module;
use glossa_base::atomic::WholeFolder;
use glossa_base::manifest::Manifest;
use glossa_base::seed::{Purpose, Stream};
use glossa_base::{Failure, LanguageCode, Outcome, Progress};
use glossa_corpora::Split;
use glossa_eval::Likelihood;
use glossa_learn::EpochRecord;
use glossa_learn::stream::{Directed, TokenSource};
use glossa_nn::{DeviceChoice, LanguageModel, ModelConfig};
use glossa_recipes::model_folder;
use glossa_recipes::{Sampling, Trained};
use glossa_text::labelled::read_texts;
use glossa_text::tokenizer::Tokenizer;
use glossa_zoo::card::{Card, MetricRow};
use glossa_zoo::layout::ModelKind;
use serde::Serialize;

use crate::checkpoints::Run as TrainingRun;
use crate::rates::{self, RatesOutcome};
use crate::setting::Setting;
use crate::stage::{check_output, finish_model, json, name_of};
use crate::tokens::{Mapped, TokenFolder, encode_all};
use crate::training_report::Subject;
use crate::words;

/// What training a language model came to.
#[derive(Debug, Clone, Serialize)]
pub struct LanguageModelOutcome {
    /// The model folder.
    pub folder: PathBuf,
    /// Weights of the model.
    pub parameters: usize,
    /// A line an epoch.
    pub records: Vec<EpochRecord>,
    /// The report of the training, a page beside the folder.
    pub report: PathBuf,
}

/// Pretrains a language model on a corpus; a `backward` one reads each document from its end.
///
/// # Errors
/// A damaged corpus or tokenizer, too little text, a loss that is not a number.
pub fn pretrain(
    corpus: &Path,
    tokenizer_folder: &Path,
    backward: bool,
    setting: Setting<'_>,
) -> Outcome<LanguageModelOutcome> {
    check_output(setting.out)?;
    let tokenizer = Tokenizer::load(tokenizer_folder)?;
    let tokens = TokenFolder::of(corpus, &tokenizer, setting.progress)?;
    let train = tokens.open(Split::Train)?.ok_or_else(|| nothing_to_read(corpus))?;
    let valid = tokens.open(Split::Valid)?;
    let encoder = setting.recipe.encoder_config(tokenizer.vocabulary_size());
    let config = ModelConfig { backward, ..ModelConfig::language_model(encoder, tokenizer.digest()) };
    let device = setting.device.open()?;
    let inputs = [corpus, tokenizer_folder];
    let training = TrainingRun::open("pretrain", &[("backward", backward.to_string())], &inputs, setting)?;
    let train = Directed { source: &train, backward };
    let valid = valid.as_ref().map(|valid| Directed { source: valid, backward });
    let valid = valid.as_ref().map(|valid| valid as &dyn TokenSource);
    let run = training.start(setting, &device);
    let subject = subject("a language model, pretrained", &config, &inputs, setting);
    let trained = glossa_recipes::pretrain(&config.encoder, &setting.recipe.pretrain, &train, valid, run)
        .map_err(|unfinished| training.explain(subject.explain(unfinished)))?;
    let outcome = save(trained, &config, &tokenizer, "pretrain", None, &subject, setting)?;
    training.close()?;
    Ok(outcome)
}

/// Tries rates instead of pretraining, and draws them.
///
/// # Errors
/// As [`pretrain`].
pub fn find_pretrain_rate(
    corpus: &Path,
    tokenizer: &Path,
    backward: bool,
    setting: Setting<'_>,
    page: &Path,
) -> Outcome<RatesOutcome> {
    let tokenizer = Tokenizer::load(tokenizer)?;
    let tokens = TokenFolder::of(corpus, &tokenizer, setting.progress)?;
    let train = tokens.open(Split::Train)?.ok_or_else(|| nothing_to_read(corpus))?;
    let encoder = setting.recipe.encoder_config(tokenizer.vocabulary_size());
    let device = setting.device.open()?;
    let train = Directed { source: &train, backward };
    let run = TrainingRun::NONE.start(setting, &device);
    let course = glossa_recipes::find_pretrain_rate(&encoder, &setting.recipe.pretrain, &train, run)?;
    rates::write(course, "a language model in pretraining", page)
}

/// Tries rates instead of fine-tuning, and draws them.
///
/// # Errors
/// As [`finetune`].
pub fn find_finetune_rate(
    model: &Path,
    texts: &TaskTexts<'_>,
    setting: Setting<'_>,
    page: &Path,
) -> Outcome<RatesOutcome> {
    let device = setting.device.open()?;
    let (language_model, config) = model_folder::read_language_model(model, &device)?;
    let tokenizer = model_folder::read_tokenizer(model, &config)?;
    let train = texts.train(&tokenizer)?;
    let train = Directed { source: &train, backward: config.backward };
    let run = TrainingRun::NONE.start(setting, &device);
    let course = glossa_recipes::find_finetune_rate(language_model, &setting.recipe.finetune, &train, run)?;
    rates::write(course, "a language model in fine-tuning", page)
}

fn nothing_to_read(corpus: &Path) -> Failure {
    Failure::data(format!("{} has no training text", corpus.display()))
        .hint("build the corpus from more text, or with smaller valid and test shares")
}

/// Texts to fine-tune on.
#[derive(Debug, Clone)]
pub struct TaskTexts<'a> {
    /// Tables or text files.
    pub train: &'a [PathBuf],
    /// A table or text file to judge by.
    pub valid: Option<&'a Path>,
    /// The column of texts in tables.
    pub column: Option<&'a str>,
}

impl TaskTexts<'_> {
    /// The tokens of the texts to learn from.
    fn train(&self, tokenizer: &Tokenizer) -> Outcome<Vec<Vec<u32>>> {
        let mut train = Vec::new();
        for path in self.train {
            train.extend(encode_all(tokenizer, read_texts(path, self.column)?.into_iter())?);
        }
        Ok(train)
    }
}

/// Fine-tunes a language model on a task's texts.
///
/// # Errors
/// A damaged model folder, unreadable texts, a loss that is not a number.
pub fn finetune(model: &Path, texts: &TaskTexts<'_>, setting: Setting<'_>) -> Outcome<LanguageModelOutcome> {
    check_output(setting.out)?;
    let device = setting.device.open()?;
    let (language_model, config) = model_folder::read_language_model(model, &device)?;
    let tokenizer = model_folder::read_tokenizer(model, &config)?;
    let train = texts.train(&tokenizer)?;
    let valid = match texts.valid {
        Some(path) => Some(encode_all(&tokenizer, read_texts(path, texts.column)?.into_iter())?),
        None => None,
    };
    let mut inputs: Vec<&Path> = vec![model];
    inputs.extend(texts.train.iter().map(PathBuf::as_path));
    inputs.extend(texts.valid);
    let columns = texts.column.unwrap_or_default().to_owned();
    let training = TrainingRun::open("finetune", &[("text column", columns)], &inputs, setting)?;
    let backward = config.backward;
    let train = Directed { source: &train, backward };
    let valid = valid.as_ref().map(|valid| Directed { source: valid, backward });
    let valid = valid.as_ref().map(|valid| valid as &dyn TokenSource);
    let run = training.start(setting, &device);
    let subject = subject("a language model, fine-tuned on the texts of a task", &config, &inputs, setting);
    let trained = glossa_recipes::finetune(language_model, &setting.recipe.finetune, &train, valid, run)
        .map_err(|unfinished| training.explain(subject.explain(unfinished)))?;
    let outcome = save(trained, &config, &tokenizer, "finetune", Some(name_of(model)), &subject, setting)?;
    training.close()?;
    Ok(outcome)
}

/// What the report is told.
fn subject<'a>(what: &'a str, config: &ModelConfig, inputs: &[&'a Path], setting: Setting<'a>) -> Subject<'a> {
    let Setting { out, seed, device, .. } = setting;
    let (architecture, settings) = (architecture(config), setting.recipe.to_toml());
    Subject { what, out, architecture, seed, device, settings, inputs: inputs.to_vec() }
}

fn save(
    trained: Trained<LanguageModel>,
    config: &ModelConfig,
    tokenizer: &Tokenizer,
    stage: &str,
    base_model: Option<String>,
    subject: &Subject<'_>,
    setting: Setting<'_>,
) -> Outcome<LanguageModelOutcome> {
    let Trained { model, course } = trained;
    let folder = WholeFolder::create(setting.out)?;
    model_folder::write(folder.path(), &model, config, tokenizer, setting.recipe, &course.records)?;
    let parameters = model.num_params();
    let card = Card {
        language: language(tokenizer),
        parameters: Some(parameters as u64),
        metrics: card_metrics(&course.records),
        base_model,
        how_to_use: Some(format!("glossa lm generate --model {} --prompt \"...\"", name_of(setting.out))),
        ..Card::new(&name_of(setting.out), ModelKind::LanguageModel, &architecture(config))
    };
    let manifest = Manifest::new(stage, setting.seed, json(setting.recipe)?);
    finish_model(folder, &card, manifest, &subject.inputs)?;
    let report = subject.write(&course, Some(parameters), None)?;
    Ok(LanguageModelOutcome { folder: setting.out.to_path_buf(), parameters, records: course.records, report })
}

/// The language that a tokenizer was trained for.
pub(crate) fn language(tokenizer: &Tokenizer) -> Option<LanguageCode> {
    tokenizer.config().language.as_deref().and_then(|code| code.parse().ok())
}

/// The encoder in words.
pub(crate) fn architecture(config: &ModelConfig) -> String {
    let encoder = &config.encoder;
    let cell = match encoder.cell {
        glossa_nn::Cell::Qrnn => "QRNN",
        glossa_nn::Cell::AwdLstm => "AWD-LSTM",
    };
    format!(
        "{cell}{}, {} layers of {}, embedding {}, {} pieces",
        if config.backward { " backward" } else { "" },
        encoder.layer_count,
        encoder.hidden_size,
        encoder.embedding_size,
        encoder.vocabulary_size
    )
}

fn card_metrics(records: &[EpochRecord]) -> Vec<MetricRow> {
    let last = records.last().map(|record| &record.validation);
    let finite = last.into_iter().flatten().filter(|(_, value)| value.is_finite());
    finite
        .map(|(name, value)| MetricRow { name: name.clone(), value: *value, dataset: "validation".to_owned() })
        .collect()
}

/// Perplexity of a text.
#[derive(Debug, Clone, Serialize)]
pub struct PerplexityOutcome {
    /// Sums.
    pub likelihood: Likelihood,
    /// Documents, each of which ends once.
    pub documents: u64,
    /// e to the nats a piece.
    pub by_piece: Option<f64>,
    /// e to the nats a word, where the end of a document counts as a word (PolEval 2018's way).
    pub by_word: Option<f64>,
    /// Bits a character.
    pub bits_per_character: Option<f64>,
    /// Share of pieces guessed right at first.
    pub accuracy: f64,
}

/// What to measure perplexity on.
pub enum Text<'a> {
    /// A split of a corpus.
    Corpus(&'a Path, Split),
    /// A table or text file and its column.
    File(&'a Path, Option<&'a str>),
}

/// Measures the perplexity of a language model.
///
/// # Errors
/// A damaged folder, or too little text.
pub fn perplexity(
    model: &Path,
    text: &Text<'_>,
    device: DeviceChoice,
    progress: &dyn Progress,
) -> Outcome<PerplexityOutcome> {
    let device = device.open()?;
    let (language_model, config) = model_folder::read_language_model(model, &device)?;
    let tokenizer = model_folder::read_tokenizer(model, &config)?;
    let (source, words, characters): (Box<dyn TokenSource>, u64, u64) = match text {
        Text::Corpus(corpus, split) => {
            let file =
                TokenFolder::of(corpus, &tokenizer, progress)?.open(*split)?.ok_or_else(|| nothing_to_read(corpus))?;
            let characters = corpus_characters(corpus, *split)?;
            let words = file.0.word_count();
            (Box::new(Mapped(file.0)), words, characters)
        }
        Text::File(path, column) => {
            let texts = read_texts(path, *column)?;
            let segmenter = words::segmenter_of_language(tokenizer.config().language.as_deref());
            let words = texts.iter().map(|text| words::count(text, segmenter)).sum();
            let characters = texts.iter().map(|text| text.chars().count() as u64).sum();
            (Box::new(encode_all(&tokenizer, texts.into_iter())?), words, characters)
        }
    };
    let read = Directed { source: source.as_ref(), backward: config.backward };
    let evaluated = glossa_recipes::evaluate(&language_model, &read, &device)?;
    if !evaluated.likelihood.is_finite() {
        return Err(Failure::data(format!("{} gives no usable probabilities", model.display()))
            .hint("its weights are not numbers: train or fetch it again"));
    }
    let documents = source.document_count() as u64;
    let likelihood =
        Likelihood { nats: evaluated.likelihood, pieces: evaluated.pieces, words: words + documents, characters };
    Ok(PerplexityOutcome {
        likelihood,
        documents,
        by_piece: likelihood.by_piece(),
        by_word: likelihood.by_word(),
        bits_per_character: likelihood.bits_per_character(),
        accuracy: evaluated.right / evaluated.pieces.max(1) as f64,
    })
}

fn corpus_characters(corpus: &Path, split: Split) -> Outcome<u64> {
    let mut characters = 0;
    for document in glossa_corpora::read_split(corpus, split)? {
        characters += document.map_err(Failure::from)?.text.chars().count() as u64;
    }
    Ok(characters)
}

/// Writes on from a prompt; a backward model writes what comes before it.
///
/// # Errors
/// A damaged model folder.
pub fn generate(model: &Path, prompt: &str, sampling: Sampling, seed: u64, device: DeviceChoice) -> Outcome<String> {
    let device = device.open()?;
    let (language_model, config) = model_folder::read_language_model(model, &device)?;
    let tokenizer = model_folder::read_tokenizer(model, &config)?;
    let mut ids = tokenizer.encode(prompt)?;
    if ids.is_empty() {
        ids.push(tokenizer.begin_id());
    }
    if config.backward {
        ids.reverse();
    }
    let banned: Vec<u32> = [
        Some(tokenizer.unknown_id()),
        Some(tokenizer.pad_id()),
        tokenizer.special_id("xxunk"),
        tokenizer.special_id("xxfld"),
    ]
    .into_iter()
    .flatten()
    .filter(|id| *id != tokenizer.begin_id())
    .collect();
    let stream = Stream::new(seed, Purpose::Generation, 0, 0);
    let written =
        glossa_recipes::generate(&language_model, &ids, sampling, &banned, tokenizer.begin_id(), stream, &device)?;
    ids.extend(written);
    if config.backward {
        ids.reverse();
    }
    Ok(tokenizer.decode(&ids)?)
}
