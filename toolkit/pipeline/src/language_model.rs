//! Language models: pretraining on a corpus, fine-tuning on a task's texts, perplexity, generation.

use std::path::{Path, PathBuf};

use burn::module::Module;
use glossa_base::atomic::WholeFolder;
use glossa_base::manifest::Manifest;
use glossa_base::seed::{Purpose, Stream};
use glossa_base::{Failure, Kind, LanguageCode, Outcome, Progress};
use glossa_corpora::Split;
use glossa_eval::Likelihood;
use glossa_learn::EpochRecord;
use glossa_learn::stream::{Directed, TokenSource};
use glossa_nn::{DeviceChoice, EncoderConfig, LanguageModel, ModelConfig};
use glossa_recipes::model_folder;
use glossa_recipes::recipe::EncoderSizes;
use glossa_recipes::{Course, Sampling, Trained};
use glossa_text::ModelTokenizer;
use glossa_text::labelled::read_texts;
use glossa_text::tokenizer::Tokenizer;
use glossa_zoo::card::{Card, MetricRow};
use glossa_zoo::layout::{CONFIG, ModelKind};
use serde::Serialize;

use crate::checkpoints::Run as TrainingRun;
use crate::encoder_folder::{Described, FolderKind};
use crate::masked_model::{self, Origin};
use crate::rates::{self, RatesOutcome};
use crate::setting::Setting;
use crate::stage::{check_output, finish_model, input, is_done, json, name_of};
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

/// What pretraining begins with.
#[derive(Debug, Clone, Copy)]
pub struct Beginning<'a> {
    /// The tokenizer's folder.
    pub tokenizer: &'a Path,
    /// Whether each document is read from its end; recurrent models only.
    pub backward: bool,
    /// A masked language model to go on from, in place of fresh weights. Its tokenizer is used.
    pub from: Option<&'a Path>,
}

impl<'a> Beginning<'a> {
    /// Fresh weights, texts read from their beginning.
    pub fn fresh(tokenizer: &'a Path) -> Self {
        Beginning { tokenizer, backward: false, from: None }
    }

    /// The masked language model that the recipe asks for, if it does.
    fn masked(&self, setting: Setting<'_>) -> Outcome<Option<Origin<'a>>> {
        let EncoderSizes::ModernBert(config) = setting.recipe.encoder_sizes(1) else {
            if self.from.is_some() {
                return Err(Failure::new(Kind::Usage, "--from is for masked language models")
                    .hint("go on with a recurrent model by `glossa lm finetune`"));
            }
            return Ok(None);
        };
        if self.backward {
            return Err(
                Failure::new(Kind::Usage, "a masked language model reads in no direction").hint("leave --backward out")
            );
        }
        Ok(Some(Origin { tokenizer: self.tokenizer, config: *config, from: self.from }))
    }

    /// The sizes of a recurrent model with so many pieces.
    fn recurrent(setting: Setting<'_>, pieces: usize) -> Outcome<EncoderConfig> {
        match setting.recipe.encoder_sizes(pieces) {
            EncoderSizes::Recurrent(config) => Ok(config),
            EncoderSizes::ModernBert(_) => Err(Failure::new(Kind::Usage, "the recipe is of a masked language model")
                .hint("give a recipe whose encoder.cell is qrnn or awd-lstm")),
        }
    }
}

/// Pretrains a language model on a corpus: one that reads on, or a masked one, as the recipe says.
///
/// # Errors
/// A damaged corpus or tokenizer, too little text, a loss that is not a number.
pub fn pretrain(corpus: &Path, beginning: Beginning<'_>, setting: Setting<'_>) -> Outcome<LanguageModelOutcome> {
    check_output(setting.out)?;
    if let Some(origin) = beginning.masked(setting)? {
        return masked_model::pretrain(corpus, &origin, setting);
    }
    let (tokenizer_folder, backward) = (beginning.tokenizer, beginning.backward);
    let tokenizer = ModelTokenizer::from(Tokenizer::load(tokenizer_folder)?);
    let tokens = TokenFolder::of(corpus, &tokenizer, setting.progress)?;
    let train = tokens.open(Split::Train)?.ok_or_else(|| nothing_to_read(corpus))?;
    let valid = tokens.open(Split::Valid)?;
    let encoder = Beginning::recurrent(setting, tokenizer.vocabulary_size())?;
    let config = ModelConfig { backward, ..ModelConfig::language_model(encoder, &tokenizer.digest()) };
    let (device, others) = setting.device.open_all()?;
    let inputs = [corpus, tokenizer_folder];
    let training = TrainingRun::open("pretrain", &[("backward", backward.to_string())], &inputs, setting)?;
    let train = Directed { source: &train, backward };
    let valid = valid.as_ref().map(|valid| Directed { source: valid, backward });
    let valid = valid.as_ref().map(|valid| valid as &dyn TokenSource);
    let run = training.start_on(setting, (&device, &others));
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
    beginning: Beginning<'_>,
    setting: Setting<'_>,
    page: &Path,
) -> Outcome<RatesOutcome> {
    if let Some(origin) = beginning.masked(setting)? {
        return masked_model::find_pretrain_rate(corpus, &origin, setting, page);
    }
    let backward = beginning.backward;
    let tokenizer = ModelTokenizer::from(Tokenizer::load(beginning.tokenizer)?);
    let tokens = TokenFolder::of(corpus, &tokenizer, setting.progress)?;
    let train = tokens.open(Split::Train)?.ok_or_else(|| nothing_to_read(corpus))?;
    let encoder = Beginning::recurrent(setting, tokenizer.vocabulary_size())?;
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
    only_recurrent(model, "has no sweep of rates in fine-tuning")?;
    let device = setting.device.open()?;
    let (language_model, config) = model_folder::read_language_model(model, &device)?;
    let tokenizer = ModelTokenizer::from(model_folder::read_tokenizer(model, &config)?);
    let train = texts.train(&tokenizer)?;
    let train = Directed { source: &train, backward: config.backward };
    let run = TrainingRun::NONE.start(setting, &device);
    let course = glossa_recipes::find_finetune_rate(language_model, &setting.recipe.finetune, &train, run)?;
    rates::write(course, "a language model in fine-tuning", page)
}

pub(crate) fn nothing_to_read(corpus: &Path) -> Failure {
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
    pub(crate) fn train(&self, tokenizer: &ModelTokenizer) -> Outcome<Vec<Vec<u32>>> {
        let mut train = Vec::new();
        for path in self.train {
            train.extend(encode_all(tokenizer, read_texts(path, self.column)?.into_iter())?);
        }
        Ok(train)
    }

    /// The tokens of the texts to judge by.
    pub(crate) fn valid(&self, tokenizer: &ModelTokenizer) -> Outcome<Option<Vec<Vec<u32>>>> {
        let texts = self.valid.map(|path| read_texts(path, self.column)).transpose()?;
        texts.map(|texts| encode_all(tokenizer, texts.into_iter())).transpose()
    }
}

/// Fine-tunes a language model on a task's texts.
///
/// # Errors
/// A damaged model folder, unreadable texts, a loss that is not a number.
pub fn finetune(model: &Path, texts: &TaskTexts<'_>, setting: Setting<'_>) -> Outcome<LanguageModelOutcome> {
    check_output(setting.out)?;
    let mut inputs: Vec<&Path> = vec![model];
    inputs.extend(texts.train.iter().map(PathBuf::as_path));
    inputs.extend(texts.valid);
    let details = [("text column", texts.column.unwrap_or_default().to_owned())];
    if Described::read(model)?.kind != FolderKind::Recurrent {
        return masked_model::finetune(model, texts, (&inputs, &details), setting);
    }
    let (device, others) = setting.device.open_all()?;
    let (language_model, config) = model_folder::read_language_model(model, &device)?;
    let tokenizer = ModelTokenizer::from(model_folder::read_tokenizer(model, &config)?);
    let (train, valid) = (texts.train(&tokenizer)?, texts.valid(&tokenizer)?);
    let training = TrainingRun::open("finetune", &details, &inputs, setting)?;
    let backward = config.backward;
    let train = Directed { source: &train, backward };
    let valid = valid.as_ref().map(|valid| Directed { source: valid, backward });
    let valid = valid.as_ref().map(|valid| valid as &dyn TokenSource);
    let run = training.start_on(setting, (&device, &others));
    let subject = subject("a language model, fine-tuned on the texts of a task", &config, &inputs, setting);
    let trained = glossa_recipes::finetune(language_model, &setting.recipe.finetune, &train, valid, run)
        .map_err(|unfinished| training.explain(subject.explain(unfinished)))?;
    let outcome = save(trained, &config, &tokenizer, "finetune", Some(name_of(model)), &subject, setting)?;
    training.close()?;
    Ok(outcome)
}

/// Fine-tunes unless the folder is there, whole, and made from the same recipe, seed and inputs.
///
/// # Errors
/// As [`finetune`].
pub(crate) fn finetune_once(model: &Path, texts: &TaskTexts<'_>, setting: Setting<'_>) -> Outcome<()> {
    let mut manifest = Manifest::new("finetune", setting.seed, json(setting.recipe)?);
    let inputs = std::iter::once(model).chain(texts.train.iter().map(PathBuf::as_path)).chain(texts.valid);
    manifest.inputs = inputs.map(input).collect::<Outcome<_>>()?;
    if is_done(setting.out, &manifest) {
        return Ok(());
    }
    finetune(model, texts, setting).map(drop)
}

/// Whether a folder holds a language model, recurrent or masked, and no classifier or bare encoder.
pub(crate) fn is_language_model(folder: &Path) -> bool {
    let config = std::fs::read(folder.join(CONFIG)).unwrap_or_default();
    let config: serde_json::Value = serde_json::from_slice(&config).unwrap_or_default();
    let architecture = config.pointer("/architectures/0").and_then(serde_json::Value::as_str).unwrap_or_default();
    ["GlossaLanguageModel", "ModernBertForMaskedLM"].contains(&architecture)
}

/// What the report is told.
fn subject<'a>(what: &'a str, config: &ModelConfig, inputs: &[&'a Path], setting: Setting<'a>) -> Subject<'a> {
    let Setting { out, seed, device, .. } = setting;
    let (architecture, settings) = (architecture(&config.encoder, config.backward), setting.recipe.to_toml());
    Subject { what, out, architecture, seed, device, settings, inputs: inputs.to_vec() }
}

fn save(
    trained: Trained<LanguageModel>,
    config: &ModelConfig,
    tokenizer: &ModelTokenizer,
    stage: &str,
    base_model: Option<String>,
    subject: &Subject<'_>,
    setting: Setting<'_>,
) -> Outcome<LanguageModelOutcome> {
    let Trained { model, course } = trained;
    let folder = WholeFolder::create(setting.out)?;
    model_folder::write(folder.path(), &model, config, tokenizer)?;
    let card = Card {
        language: language(tokenizer.language()),
        parameters: Some(model.num_params() as u64),
        base_model,
        how_to_use: Some(format!("glossa lm generate --model {} --prompt \"...\"", name_of(setting.out))),
        ..Card::new(&name_of(setting.out), ModelKind::LanguageModel, &subject.architecture)
    };
    finish((folder, card), &course, stage, subject, setting)
}

/// What follows the weights of a language model of either kind: recipe, history, card, manifest, report.
pub(crate) fn finish(
    (folder, card): (WholeFolder, Card),
    course: &Course,
    stage: &str,
    subject: &Subject<'_>,
    setting: Setting<'_>,
) -> Outcome<LanguageModelOutcome> {
    model_folder::write_course(folder.path(), setting.recipe, &course.records)?;
    let card = Card { metrics: card_metrics(&course.records), ..card };
    let parameters = card.parameters.unwrap_or_default() as usize;
    finish_model(folder, &card, Manifest::new(stage, setting.seed, json(setting.recipe)?), &subject.inputs)?;
    let report = subject.write(course, Some(parameters), None)?;
    let folder = setting.out.to_path_buf();
    Ok(LanguageModelOutcome { folder, parameters, records: course.records.clone(), report })
}

/// The language that a tokenizer was trained for.
pub(crate) fn language(code: Option<&str>) -> Option<LanguageCode> {
    code.and_then(|code| code.parse().ok())
}

/// The encoder in words.
pub(crate) fn architecture(encoder: &EncoderConfig, backward: bool) -> String {
    let cell = match encoder.cell {
        glossa_nn::Cell::Qrnn => "QRNN",
        glossa_nn::Cell::AwdLstm => "AWD-LSTM",
    };
    format!(
        "{cell}{}, {} layers of {}, embedding {}, {} pieces",
        if backward { " backward" } else { "" },
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
    /// Whether each piece was guessed from both sides, a seventh of them hidden at a time. Such numbers
    /// compare with each other only, never with those of models that read from one side.
    pub masked: bool,
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
    let masked = Described::read(model)?.kind != FolderKind::Recurrent;
    let (evaluated, read) = if masked {
        masked_model::evaluate(model, text, &device, progress)?
    } else {
        let (language_model, config) = model_folder::read_language_model(model, &device)?;
        let tokenizer = ModelTokenizer::from(model_folder::read_tokenizer(model, &config)?);
        let read = text.read(&tokenizer, progress)?;
        let directed = Directed { source: read.source.as_ref(), backward: config.backward };
        (glossa_recipes::evaluate(&language_model, &directed, &device)?, read)
    };
    let ReadText { source, words, characters } = read;
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
        masked,
        by_piece: likelihood.by_piece(),
        by_word: likelihood.by_word(),
        bits_per_character: likelihood.bits_per_character(),
        accuracy: evaluated.right / evaluated.pieces.max(1) as f64,
    })
}

/// Tokens, and what the text counts beside.
pub(crate) struct ReadText {
    pub(crate) source: Box<dyn TokenSource>,
    words: u64,
    characters: u64,
}

impl Text<'_> {
    pub(crate) fn read(&self, tokenizer: &ModelTokenizer, progress: &dyn Progress) -> Outcome<ReadText> {
        match self {
            Text::Corpus(corpus, split) => {
                let tokens = TokenFolder::of(corpus, tokenizer, progress)?;
                let file = tokens.open(*split)?.ok_or_else(|| nothing_to_read(corpus))?;
                let (words, characters) = (file.0.word_count(), corpus_characters(corpus, *split)?);
                Ok(ReadText { source: Box::new(Mapped(file.0)), words, characters })
            }
            Text::File(path, column) => {
                let texts = read_texts(path, *column)?;
                let segmenter = words::segmenter_of_language(tokenizer.language());
                let words = texts.iter().map(|text| words::count(text, segmenter)).sum();
                let characters = texts.iter().map(|text| text.chars().count() as u64).sum();
                Ok(ReadText { source: Box::new(encode_all(tokenizer, texts.into_iter())?), words, characters })
            }
        }
    }
}

fn corpus_characters(corpus: &Path, split: Split) -> Outcome<u64> {
    let mut characters = 0;
    for document in glossa_corpora::read_split(corpus, split)? {
        characters += document.map_err(Failure::from)?.text.chars().count() as u64;
    }
    Ok(characters)
}

/// Refuses a folder of another kind of model.
fn only_recurrent(model: &Path, lack: &str) -> Outcome<()> {
    if Described::read(model)?.kind == FolderKind::Recurrent {
        return Ok(());
    }
    Err(Failure::data(format!("{} reads from both sides and {lack}", model.display()))
        .hint("give a language model of QRNN or LSTM layers"))
}

/// Writes on from a prompt; a backward model writes what comes before it.
///
/// # Errors
/// A damaged model folder.
pub fn generate(model: &Path, prompt: &str, sampling: Sampling, seed: u64, device: DeviceChoice) -> Outcome<String> {
    only_recurrent(model, "does not write on")?;
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
