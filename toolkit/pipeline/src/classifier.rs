//! Classifiers: training from a language model, from nothing, or the baseline; prediction.

mod baseline;
mod prediction;

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::Device;
use glossa_base::atomic::WholeFolder;
use glossa_base::manifest::Manifest;
use glossa_base::seed::{Purpose, Stream};
use glossa_base::{Failure, Outcome};
use glossa_eval::{Report, Score};
use glossa_learn::EpochRecord;
use glossa_nn::{Classifier, ModelConfig, Problem};
use glossa_recipes::classification::Resegment;
use glossa_recipes::{ClassifierData, LabelledTokens, Reading, Trained, model_folder};
use glossa_text::labelled::{Columns, Example, read};
use glossa_text::tokenizer::Tokenizer;
use glossa_zoo::card::{Card, MetricRow};
use glossa_zoo::layout::ModelKind;
use serde::Serialize;

use crate::checkpoints::Run as TrainingRun;
use crate::labels::{self, LabelForm, Labels};
use crate::language_model::{architecture, language};
use crate::rates::{self, RatesOutcome};
use crate::setting::Setting;
use crate::stage::{check_output, finish_model, json, name_of};
use crate::training_report::{Judged, Subject};

pub use baseline::{BaselineSetting, Units, train_baseline};
pub use prediction::predict;

/// What a classifier starts from.
#[derive(Debug, Clone)]
pub enum Start<'a> {
    /// A pretrained or fine-tuned language model.
    LanguageModel(&'a Path),
    /// Fresh weights, with a tokenizer: what pretraining is compared with.
    Tokenizer {
        /// The tokenizer's folder.
        folder: &'a Path,
        /// Whether the classifier reads from the end of a text to its beginning.
        backward: bool,
    },
}

/// Labelled files.
#[derive(Debug, Clone)]
pub struct LabelledFiles<'a> {
    /// To learn from.
    pub train: &'a Path,
    /// To judge epochs by.
    pub valid: Option<&'a Path>,
    /// To score the result on, once.
    pub test: Option<&'a Path>,
    /// Their columns.
    pub columns: &'a Columns,
    /// What the column of labels holds.
    pub form: LabelForm,
    /// Judges by one of so many parts of the training file, counted from 1, and learns from the others.
    pub fold: Option<(usize, usize)>,
}

/// What training a classifier came to.
#[derive(Debug, Clone, Serialize)]
pub struct ClassifierOutcome {
    /// The model folder.
    pub folder: PathBuf,
    /// Labels in the order of the outputs.
    pub labels: Vec<String>,
    /// A line an epoch; empty for a baseline.
    pub records: Vec<EpochRecord>,
    /// The report on the test file, where there is one label a text.
    pub test: Option<Report>,
    /// Scores on the test file.
    pub scores: Vec<Score>,
    /// The report of the training, a page beside the folder.
    pub report: PathBuf,
}

struct Sets {
    train: Vec<Example>,
    valid: Option<Vec<Example>>,
    test: Option<Vec<Example>>,
    labels: Labels,
}

fn read_sets(files: &LabelledFiles<'_>, seed: u64) -> Outcome<Sets> {
    let train = read(files.train, files.columns)?;
    let optional = |path: Option<&Path>| path.map(|path| read(path, files.columns)).transpose();
    let (valid, test) = (optional(files.valid)?, optional(files.test)?);
    let labels = Labels::of(&train, files.form, files.train)?;
    for (set, path) in [(&valid, files.valid), (&test, files.test)] {
        labels.targets(set.as_deref().unwrap_or_default(), path.unwrap_or(files.train))?;
    }
    let (train, valid) = match files.fold {
        Some(part) => {
            let (train, held) = labels::fold(train, part, seed);
            (train, Some(held))
        }
        None => (train, valid),
    };
    Ok(Sets { train, valid, test, labels })
}

fn tokens(tokenizer: &Tokenizer, examples: &[Example], labels: &Labels, place: &Path) -> Outcome<LabelledTokens> {
    let texts = examples.iter().map(|example| tokenizer.encode(&example.text)).collect::<Result<_, _>>()?;
    Ok(LabelledTokens { texts, targets: labels.targets(examples, place)? })
}

/// The training texts in segmentations of their own for an epoch.
fn sampled(tokenizer: &Tokenizer, examples: &[Example], alpha: f32, seed: u64, epoch: usize) -> Outcome<Vec<Vec<u32>>> {
    let stream = Stream::new(seed, Purpose::Segmentation, epoch as u64, 0);
    let sample = |(index, example): (usize, &Example)| {
        tokenizer.sample_encode(&example.text, alpha, stream.part(index as u64)).map_err(Failure::from)
    };
    examples.iter().enumerate().map(sample).collect()
}

pub(crate) fn reading(tokenizer: &Tokenizer, recipe: &glossa_recipes::Recipe, config: &ModelConfig) -> Reading {
    Reading {
        pad: tokenizer.pad_id(),
        vocabulary: tokenizer.vocabulary_size(),
        window: glossa_recipes::classification::window(&recipe.classify),
        backward: config.backward,
        problem: config.problem,
        scale: config.scale,
    }
}

/// All that a training begins with.
struct Prepared {
    sets: Sets,
    tokenizer: Tokenizer,
    model: Classifier,
    config: ModelConfig,
    train: LabelledTokens,
    valid: Option<LabelledTokens>,
}

fn prepare(start: &Start<'_>, files: &LabelledFiles<'_>, setting: Setting<'_>, device: &Device) -> Outcome<Prepared> {
    let sets = read_sets(files, setting.seed)?;
    let (head, outputs) = (setting.recipe.classify.head_size, sets.labels.names.len());
    let (tokenizer, model, encoder, backward) = match start {
        Start::LanguageModel(path) => {
            let (encoder, config) = model_folder::read_encoder(path, device)?;
            let tokenizer = model_folder::read_tokenizer(path, &config)?;
            let model = Classifier::new(encoder, head, outputs, setting.seed, device);
            (tokenizer, model, config.encoder, config.backward)
        }
        Start::Tokenizer { folder, backward } => {
            let tokenizer = Tokenizer::load(folder)?;
            let encoder = setting.recipe.encoder_config(tokenizer.vocabulary_size());
            let model = Classifier::fresh(&encoder, head, outputs, setting.seed, device);
            (tokenizer, model, encoder, *backward)
        }
    };
    let train = tokens(&tokenizer, &sets.train, &sets.labels, files.train)?;
    let place = files.valid.unwrap_or(files.train);
    let valid = sets.valid.as_ref().map(|valid| tokens(&tokenizer, valid, &sets.labels, place)).transpose()?;
    let mut config = ModelConfig::classifier(encoder, tokenizer.digest(), sets.labels.names.clone());
    (config.head_size, config.backward) = (head, backward);
    (config.problem, config.scale) = (files.form.problem, Labels::scale(&train.targets));
    Ok(Prepared { sets, tokenizer, model, config, train, valid })
}

/// Trains a classifier and writes its model folder.
///
/// # Errors
/// Damaged folders, unreadable or unlearnable labels, a loss that is not a number.
pub fn train(start: &Start<'_>, files: &LabelledFiles<'_>, setting: Setting<'_>) -> Outcome<ClassifierOutcome> {
    check_output(setting.out)?;
    let device = setting.device.open()?;
    let Prepared { sets, tokenizer, model, config, train, valid } = prepare(start, files, setting, &device)?;
    let reading = reading(&tokenizer, setting.recipe, &config);
    let inputs = inputs(start, files);
    let training = TrainingRun::open("classify", &details(files, &config), &inputs, setting)?;
    let run = training.start(setting, &device);
    let subject = Subject {
        what: "a classifier, a network trained on labelled texts",
        out: setting.out,
        architecture: architecture(&config),
        seed: setting.seed,
        device: setting.device,
        settings: setting.recipe.to_toml(),
        inputs,
    };
    let resegment = Resegmentation { tokenizer: &tokenizer, examples: &sets.train, setting };
    let resegment = |epoch: usize| resegment.sample(epoch);
    let alpha = setting.recipe.classify.segmentation_alpha;
    let resegment = (alpha > 0.0).then_some(&resegment as Resegment<'_>);
    let data = ClassifierData { train: &train, valid: valid.as_ref(), resegment, reading };
    let trained = glossa_recipes::classify(model, &setting.recipe.classify, data, run)
        .map_err(|unfinished| training.explain(subject.explain(unfinished)))?;
    let outcome = save(
        trained,
        &Saved { sets: &sets, tokenizer: &tokenizer, config: &config, reading },
        &subject,
        (start, files),
        setting,
    )?;
    training.close()?;
    Ok(outcome)
}

/// Tries rates instead of training, and draws them.
///
/// # Errors
/// As [`train`].
pub fn find_rate(
    start: &Start<'_>,
    files: &LabelledFiles<'_>,
    setting: Setting<'_>,
    page: &Path,
) -> Outcome<RatesOutcome> {
    let device = setting.device.open()?;
    let Prepared { tokenizer, model, config, train, .. } = prepare(start, files, setting, &device)?;
    let reading = reading(&tokenizer, setting.recipe, &config);
    let data = ClassifierData { train: &train, valid: None, resegment: None, reading };
    let run = TrainingRun::NONE.start(setting, &device);
    let course = glossa_recipes::find_classify_rate(model, &setting.recipe.classify, data, run)?;
    rates::write(course, "a classifier", page)
}

/// What tells this training from others with the same recipe and files.
fn details(files: &LabelledFiles<'_>, config: &ModelConfig) -> Vec<(&'static str, String)> {
    let Columns { text, label, pair, .. } = files.columns;
    let columns = [text, label, pair].map(|name| name.clone().unwrap_or_default()).join(" ");
    let fold = files.fold.map_or_else(String::new, |(number, count)| format!("{number}/{count}"));
    let form = format!("{:?} {}", config.problem, files.form.delimiter);
    vec![("columns", columns), ("backward", config.backward.to_string()), ("fold", fold), ("labels", form)]
}

/// Segments the training texts anew for each epoch.
struct Resegmentation<'a> {
    tokenizer: &'a Tokenizer,
    examples: &'a [Example],
    setting: Setting<'a>,
}

impl Resegmentation<'_> {
    fn sample(&self, epoch: usize) -> Outcome<Vec<Vec<u32>>> {
        let Setting { recipe, seed, .. } = self.setting;
        sampled(self.tokenizer, self.examples, recipe.classify.segmentation_alpha, seed, epoch)
    }
}

/// What is saved beside the model.
struct Saved<'a> {
    sets: &'a Sets,
    tokenizer: &'a Tokenizer,
    config: &'a ModelConfig,
    reading: Reading,
}

fn save(
    trained: Trained<Classifier>,
    saved: &Saved<'_>,
    subject: &Subject<'_>,
    (start, files): (&Start<'_>, &LabelledFiles<'_>),
    setting: Setting<'_>,
) -> Outcome<ClassifierOutcome> {
    let Trained { model, course } = trained;
    let Saved { sets, tokenizer, config, reading } = saved;
    let answers = |set: &Option<Vec<Example>>| -> Outcome<Option<Vec<Vec<f64>>>> {
        set.as_ref().map(|examples| probabilities(&model, tokenizer, examples, *reading)).transpose()
    };
    let (valid, tested) = (answers(&sets.valid)?, answers(&sets.test)?);
    let (test, scores) = sets.score(tested.as_deref(), files, setting.seed)?;
    let folder = WholeFolder::create(setting.out)?;
    model_folder::write(folder.path(), &model, config, tokenizer, setting.recipe, &course.records)?;
    let parameters = model.num_params();
    let card = Card {
        language: language(tokenizer),
        parameters: Some(parameters as u64),
        base_model: base(start),
        ..card(setting.out, &subject.architecture, &sets.labels.names, &scores, files)
    };
    finish_model(folder, &card, Manifest::new("classify", setting.seed, json(setting.recipe)?), &subject.inputs)?;
    let judged = sets.judged(valid.as_deref(), tested.as_deref(), config.problem);
    let report = subject.write(&course, Some(parameters), judged.as_ref())?;
    let (folder, labels) = (setting.out.to_path_buf(), sets.labels.names.clone());
    Ok(ClassifierOutcome { folder, labels, records: course.records, test, scores, report })
}

fn base(start: &Start<'_>) -> Option<String> {
    match start {
        Start::LanguageModel(path) => Some(name_of(path)),
        Start::Tokenizer { .. } => None,
    }
}

fn inputs<'a>(start: &Start<'a>, files: &LabelledFiles<'a>) -> Vec<&'a Path> {
    let (Start::LanguageModel(from) | Start::Tokenizer { folder: from, .. }) = start;
    let mut inputs = vec![*from, files.train];
    inputs.extend(files.valid);
    inputs.extend(files.test);
    inputs
}

fn card(out: &Path, architecture: &str, labels: &[String], scores: &[Score], files: &LabelledFiles<'_>) -> Card {
    let dataset = files.test.map(name_of).unwrap_or_default();
    let finite = scores.iter().filter(|score| score.value.is_finite());
    let rows =
        finite.map(|score| MetricRow { name: score.metric.clone(), value: score.value, dataset: dataset.clone() });
    Card {
        labels: labels.to_vec(),
        metrics: rows.collect(),
        how_to_use: Some(format!("glossa classify predict --model {} \"...\"", name_of(out))),
        ..Card::new(&name_of(out), ModelKind::Classifier, architecture)
    }
}

fn probabilities(
    model: &Classifier,
    tokenizer: &Tokenizer,
    examples: &[Example],
    reading: Reading,
) -> Outcome<Vec<Vec<f64>>> {
    let texts: Vec<Vec<u32>> =
        examples.iter().map(|example| tokenizer.encode(&example.text)).collect::<Result<_, _>>()?;
    glossa_recipes::predict(model, &texts, reading, &glossa_base::Silent)
}

impl Sets {
    /// The scores of the test set's answers, if there are any.
    fn score(
        &self,
        tested: Option<&[Vec<f64>]>,
        files: &LabelledFiles<'_>,
        seed: u64,
    ) -> Outcome<(Option<Report>, Vec<Score>)> {
        let (Some(test), Some(rows)) = (&self.test, tested) else { return Ok((None, Vec::new())) };
        self.labels.score(test, rows, (files.test.unwrap_or(files.train), seed))
    }

    /// What a training's report looks at, where there is one label a text: the validation set, else the test
    /// set.
    fn judged<'a>(
        &'a self,
        valid: Option<&'a [Vec<f64>]>,
        test: Option<&'a [Vec<f64>]>,
        problem: Problem,
    ) -> Option<Judged<'a>> {
        let judged = |set, examples: &'a Option<Vec<Example>>, rows: Option<&'a [Vec<f64>]>| {
            let (examples, probabilities) = (examples.as_deref()?, rows?);
            Some(Judged { set, examples, labels: &self.labels.names, probabilities })
        };
        let single = problem == Problem::SingleLabel;
        let judged = judged("validation", &self.valid, valid).or_else(|| judged("test", &self.test, test));
        judged.filter(|_| single)
    }
}
