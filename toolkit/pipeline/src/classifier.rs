//! Classifiers: training from a language model, from nothing, or the baseline; prediction.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use burn::module::Module;
use glossa_base::atomic::{WholeFolder, write_file};
use glossa_base::manifest::Manifest;
use glossa_base::seed::{Purpose, Stream};
use glossa_base::{Failure, Kind, Outcome, Progress};
use glossa_eval::{Prediction, Report, ReportOptions};
use glossa_learn::EpochRecord;
use glossa_nn::{Classifier, DeviceChoice, ModelConfig, Targets};
use glossa_recipes::baseline::{Baseline, BaselineOptions};
use glossa_recipes::classification::Resegment;
use glossa_recipes::{ClassifierData, Course, LabelledTokens, Reading, Trained, model_folder};
use glossa_text::labelled::{Columns, Example, read};
use glossa_text::tokenizer::Tokenizer;
use glossa_zoo::card::{Card, MetricRow};
use glossa_zoo::layout::{BASELINE, ModelKind};
use serde::{Deserialize, Serialize};

use crate::checkpoints::Run as TrainingRun;
use crate::language_model::{Setting, architecture, language};
use crate::stage::{check_output, finish_model, json, name_of};
use crate::training_report::{Judged, Subject};

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
    /// Scores on the test file.
    pub test: Option<Report>,
    /// The report of the training, a page beside the folder.
    pub report: PathBuf,
}

struct Sets {
    train: Vec<Example>,
    valid: Option<Vec<Example>>,
    test: Option<Vec<Example>>,
    labels: Vec<String>,
}

fn read_sets(files: &LabelledFiles<'_>) -> Outcome<Sets> {
    let train = read(files.train, files.columns)?;
    let optional = |path: Option<&Path>| path.map(|path| read(path, files.columns)).transpose();
    let (valid, test) = (optional(files.valid)?, optional(files.test)?);
    let labels: BTreeSet<&str> = train.iter().map(|example| example.label.as_str()).collect();
    let labels: Vec<String> = labels.into_iter().map(str::to_owned).collect();
    if labels.len() < 2 {
        return Err(
            glossa_recipes::Error::Labels(format!("{} has only the label {labels:?}", files.train.display())).into()
        );
    }
    for (set, path) in [(&valid, files.valid), (&test, files.test)] {
        for example in set.iter().flatten() {
            class(&example.label, &labels, path.unwrap_or(files.train))?;
        }
    }
    Ok(Sets { train, valid, test, labels })
}

fn tokens(tokenizer: &Tokenizer, examples: &[Example], labels: &[String], place: &Path) -> Outcome<LabelledTokens> {
    let (mut texts, mut classes) = (Vec::new(), Vec::new());
    for example in examples {
        texts.push(tokenizer.encode(&example.text)?);
        classes.push(class(&example.label, labels, place)?);
    }
    Ok(LabelledTokens { texts, targets: Targets::Classes(classes) })
}

fn class(label: &str, labels: &[String], place: &Path) -> Outcome<usize> {
    labels.iter().position(|known| known == label).ok_or_else(|| {
        let problem = format!("{} has the label `{label}`, which the training set lacks", place.display());
        Failure::from(glossa_recipes::Error::Labels(problem))
    })
}

/// The training texts in segmentations of their own for an epoch.
fn sampled(tokenizer: &Tokenizer, examples: &[Example], alpha: f32, seed: u64, epoch: usize) -> Outcome<Vec<Vec<u32>>> {
    let stream = Stream::new(seed, Purpose::Segmentation, epoch as u64, 0);
    let sample = |(index, example): (usize, &Example)| {
        tokenizer.sample_encode(&example.text, alpha, stream.part(index as u64)).map_err(Failure::from)
    };
    examples.iter().enumerate().map(sample).collect()
}

pub(crate) fn reading(tokenizer: &Tokenizer, recipe: &glossa_recipes::Recipe, backward: bool) -> Reading {
    let window = glossa_recipes::classification::window(&recipe.classify);
    let (problem, scale) = Default::default();
    Reading { pad: tokenizer.pad_id(), vocabulary: tokenizer.vocabulary_size(), window, backward, problem, scale }
}

/// Trains a classifier and writes its model folder.
///
/// # Errors
/// Damaged folders, unreadable or unlearnable labels, a loss that is not a number.
pub fn train(start: &Start<'_>, files: &LabelledFiles<'_>, setting: Setting<'_>) -> Outcome<ClassifierOutcome> {
    check_output(setting.out)?;
    let sets = read_sets(files)?;
    let device = setting.device.open()?;
    let head = setting.recipe.classify.head_size;
    let (tokenizer, model, encoder, backward) = match start {
        Start::LanguageModel(path) => {
            let (encoder, config) = model_folder::read_encoder(path, &device)?;
            let tokenizer = model_folder::read_tokenizer(path, &config)?;
            let model = Classifier::new(encoder, head, sets.labels.len(), setting.seed, &device);
            (tokenizer, model, config.encoder, config.backward)
        }
        Start::Tokenizer { folder, backward } => {
            let tokenizer = Tokenizer::load(folder)?;
            let encoder = setting.recipe.encoder_config(tokenizer.vocabulary_size());
            let model = Classifier::fresh(&encoder, head, sets.labels.len(), setting.seed, &device);
            (tokenizer, model, encoder, *backward)
        }
    };
    let train = tokens(&tokenizer, &sets.train, &sets.labels, files.train)?;
    let valid = match (&sets.valid, files.valid) {
        (Some(valid), Some(path)) => Some(tokens(&tokenizer, valid, &sets.labels, path)?),
        _ => None,
    };
    let reading = reading(&tokenizer, setting.recipe, backward);
    let inputs = inputs(start, files);
    let columns = [&files.columns.text, &files.columns.label].map(|name| name.clone().unwrap_or_default()).join(" ");
    let details = [("columns", columns), ("backward", backward.to_string())];
    let training = TrainingRun::open("classify", &details, &inputs, setting)?;
    let run = setting.run(&device, &training);
    let mut config = ModelConfig::classifier(encoder, tokenizer.digest(), sets.labels.clone());
    (config.head_size, config.backward) = (head, backward);
    let subject = Subject {
        what: "a classifier, a network trained on labelled texts",
        out: setting.out,
        architecture: architecture(&config),
        seed: setting.seed,
        device: setting.device,
        settings: setting.recipe.to_toml(),
        inputs,
    };
    let alpha = setting.recipe.classify.segmentation_alpha;
    let resegment = |epoch: usize| sampled(&tokenizer, &sets.train, alpha, setting.seed, epoch);
    let resegment = (alpha > 0.0).then_some(&resegment as Resegment<'_>);
    let data = ClassifierData { train: &train, valid: valid.as_ref(), resegment, reading };
    let trained = glossa_recipes::classify(model, &setting.recipe.classify, data, run)
        .map_err(|unfinished| training.explain(subject.explain(unfinished)))?;
    let Trained { model, course } = trained;
    let probabilities = |set: &Option<Vec<Example>>| -> Outcome<Option<Vec<Vec<f64>>>> {
        set.as_ref().map(|examples| probabilities(&model, &tokenizer, examples, reading)).transpose()
    };
    let (valid, tested) = (probabilities(&sets.valid)?, probabilities(&sets.test)?);
    let test = sets.score(tested.as_deref(), setting.seed)?;
    let folder = WholeFolder::create(setting.out)?;
    model_folder::write(folder.path(), &model, &config, &tokenizer, setting.recipe, &course.records)?;
    let parameters = model.num_params();
    let card = Card {
        language: language(&tokenizer),
        parameters: Some(parameters as u64),
        base_model: base(start),
        ..card(setting.out, &subject.architecture, &sets.labels, test.as_ref(), files)
    };
    finish_model(folder, &card, Manifest::new("classify", setting.seed, json(setting.recipe)?), &subject.inputs)?;
    let judged = sets.judged(valid.as_deref(), tested.as_deref());
    let report = subject.write(&course, Some(parameters), judged.as_ref())?;
    training.close()?;
    let folder = setting.out.to_path_buf();
    Ok(ClassifierOutcome { folder, labels: sets.labels, records: course.records, test, report })
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

fn card(out: &Path, architecture: &str, labels: &[String], test: Option<&Report>, files: &LabelledFiles<'_>) -> Card {
    let dataset = files.test.map(name_of).unwrap_or_default();
    let rows = test.map(|report| report.scores.iter());
    let rows = rows.into_iter().flatten().map(|score| MetricRow {
        name: score.metric.clone(),
        value: score.value,
        dataset: dataset.clone(),
    });
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
    /// The scores of the test set's probabilities, if there are any.
    fn score(&self, tested: Option<&[Vec<f64>]>, seed: u64) -> Outcome<Option<Report>> {
        let (Some(test), Some(rows)) = (&self.test, tested) else { return Ok(None) };
        let gold: Vec<String> = test.iter().map(|example| example.label.clone()).collect();
        let predicted: Vec<String> =
            rows.iter().map(|row| self.labels[glossa_recipes::best_class(row)].clone()).collect();
        let options = ReportOptions { split: Some("test".to_owned()), seed, ..ReportOptions::default() };
        Ok(Some(Report::new(&gold, &predicted, &options)?))
    }

    /// What a training's report looks at: the validation set, else the test set.
    fn judged<'a>(&'a self, valid: Option<&'a [Vec<f64>]>, test: Option<&'a [Vec<f64>]>) -> Option<Judged<'a>> {
        let judged = |set, examples: &'a Option<Vec<Example>>, rows: Option<&'a [Vec<f64>]>| {
            let (examples, probabilities) = (examples.as_deref()?, rows?);
            Some(Judged { set, examples, labels: &self.labels, probabilities })
        };
        judged("validation", &self.valid, valid).or_else(|| judged("test", &self.test, test))
    }
}

/// What the baseline counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Units {
    /// Lower-cased words.
    Words,
    /// Pieces of a tokenizer.
    Pieces,
    /// Three to five characters within a word.
    Characters,
}

/// A baseline as it lies in a model folder.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredBaseline {
    format: u32,
    units: Units,
    labels: Vec<String>,
    model: Baseline,
}

const BASELINE_FORMAT: u32 = 1;

/// The units of a text.
fn units(text: &str, kind: Units, tokenizer: Option<&Tokenizer>) -> Outcome<Vec<String>> {
    let lowered = text.to_lowercase();
    let words = glossa_text::words::segment(&lowered).into_iter();
    match (kind, tokenizer) {
        (Units::Pieces, Some(tokenizer)) => Ok(tokenizer.pieces(text)?),
        (Units::Pieces, None) => {
            Err(Failure::data("the baseline on pieces needs a tokenizer")
                .hint("give --tokenizer DIR, or --units words"))
        }
        (Units::Words, _) => Ok(words.map(str::to_owned).collect()),
        (Units::Characters, _) => Ok(words.flat_map(character_grams).collect()),
    }
}

fn character_grams(word: &str) -> Vec<String> {
    let padded: Vec<char> = std::iter::once('_').chain(word.chars()).chain(std::iter::once('_')).collect();
    (3..=5)
        .flat_map(|size| padded.windows(size).map(|window| window.iter().collect::<String>()).collect::<Vec<_>>())
        .collect()
}

/// Where a baseline is trained and what it counts.
#[derive(Clone, Copy)]
pub struct BaselineSetting<'a> {
    /// What it counts.
    pub units: Units,
    /// Which model, with its numbers.
    pub options: &'a BaselineOptions,
    /// The tokenizer, for pieces.
    pub tokenizer: Option<&'a Path>,
    /// Where the folder appears.
    pub out: &'a Path,
}

/// Trains a Naive Bayes or NBSVM baseline and writes its model folder.
///
/// # Errors
/// Unreadable or unlearnable labels.
pub fn train_baseline(files: &LabelledFiles<'_>, setting: BaselineSetting<'_>) -> Outcome<ClassifierOutcome> {
    check_output(setting.out)?;
    let sets = read_sets(files)?;
    let tokenizer = setting.tokenizer.map(Tokenizer::load).transpose()?;
    let documents = sets
        .train
        .iter()
        .map(|example| units(&example.text, setting.units, tokenizer.as_ref()))
        .collect::<Outcome<Vec<_>>>()?;
    let classes = sets
        .train
        .iter()
        .map(|example| class(&example.label, &sets.labels, files.train))
        .collect::<Outcome<Vec<_>>>()?;
    let model = Baseline::train(&documents, &classes, sets.labels.len(), setting.options)?;
    let predict = |example: &Example| -> Outcome<Vec<f64>> {
        Ok(model.predict(&units(&example.text, setting.units, tokenizer.as_ref())?))
    };
    let probabilities = |set: &Option<Vec<Example>>| -> Outcome<Option<Vec<Vec<f64>>>> {
        set.as_ref().map(|examples| examples.iter().map(predict).collect()).transpose()
    };
    let (valid, tested) = (probabilities(&sets.valid)?, probabilities(&sets.test)?);
    let test = sets.score(tested.as_deref(), setting.options.seed)?;
    let folder = WholeFolder::create(setting.out)?;
    let stored = StoredBaseline { format: BASELINE_FORMAT, units: setting.units, labels: sets.labels.clone(), model };
    let bytes =
        serde_json::to_vec(&stored).map_err(|cause| Failure::data("cannot write the baseline").because(cause))?;
    write_file(&folder.path().join(BASELINE), &bytes)?;
    let config = serde_json::json!({"format": BASELINE_FORMAT, "model_type": "glossa-baseline", "architectures": ["GlossaBaseline"], "options": setting.options, "units": setting.units});
    write_file(&folder.path().join("config.json"), config.to_string().as_bytes())?;
    if let Some(tokenizer) = &tokenizer {
        tokenizer.save_into(folder.path())?;
    }
    let architecture = format!("{:?} on {:?}", setting.options.method, setting.units);
    let card = card(setting.out, &architecture, &sets.labels, test.as_ref(), files);
    let mut inputs = vec![files.train];
    inputs.extend(files.valid);
    inputs.extend(files.test);
    let subject = Subject {
        what: "a classifier, a baseline on labelled texts",
        out: setting.out,
        architecture,
        seed: setting.options.seed,
        device: DeviceChoice::Cpu,
        settings: format!("{config:#}"),
        inputs,
    };
    finish_model(folder, &card, Manifest::new("baseline", setting.options.seed, config), &subject.inputs)?;
    let judged = sets.judged(valid.as_deref(), tested.as_deref());
    let report = subject.write(&Course::default(), None, judged.as_ref())?;
    let folder = setting.out.to_path_buf();
    Ok(ClassifierOutcome { folder, labels: sets.labels, records: Vec::new(), test, report })
}

/// Labels texts with classifier folders, neural or baseline, in the order of the texts. The
/// probabilities of several are averaged.
///
/// # Errors
/// A damaged folder, or folders whose labels differ.
pub fn predict(
    models: &[PathBuf],
    texts: &[String],
    device: DeviceChoice,
    progress: &dyn Progress,
) -> Outcome<Vec<Prediction>> {
    let mut sum: Option<Labelled> = None;
    for model in models {
        progress.start("predict", Some(texts.len() as u64), "texts");
        let one = predict_one(model, texts, device, progress)?;
        progress.finish(&format!("{} texts", texts.len()));
        sum = Some(match sum {
            Some(sum) => add(sum, &one, &models[0], model)?,
            None => one,
        });
    }
    let (labels, sums) =
        sum.ok_or_else(|| Failure::new(Kind::Usage, "no classifier to predict with").hint("give --model DIR"))?;
    let count = models.len() as f64;
    let shares = |row: Vec<f64>| row.into_iter().map(|sum| sum / count).collect::<Vec<f64>>();
    let unusable = || Failure::data(format!("{} gives no usable probabilities", models[0].display()));
    sums.into_iter().map(|row| Prediction::from_probabilities(&labels, &shares(row)).ok_or_else(unusable)).collect()
}

fn predict_one(model: &Path, texts: &[String], device: DeviceChoice, progress: &dyn Progress) -> Outcome<Labelled> {
    let (labels, rows) = if model.join(BASELINE).is_file() {
        predict_baseline(model, texts, progress)?
    } else {
        predict_network(model, texts, device, progress)?
    };
    if rows.iter().flatten().all(|share| share.is_finite()) {
        return Ok((labels, rows));
    }
    Err(Failure::data(format!("{} gives no usable probabilities", model.display()))
        .hint("its weights are not numbers: train or fetch it again"))
}

/// Adds a model's probabilities to a sum, label by label.
fn add((labels, mut sums): Labelled, (others, rows): &Labelled, first: &Path, model: &Path) -> Outcome<Labelled> {
    let places: Option<Vec<usize>> =
        labels.iter().map(|label| others.iter().position(|other| other == label)).collect();
    let Some(places) = places.filter(|places| places.len() == others.len()) else {
        let problem = format!("{} and {} have other labels: {labels:?}, {others:?}", first.display(), model.display());
        return Err(Failure::data(problem).hint("average classifiers of the same task"));
    };
    for (sums, row) in sums.iter_mut().zip(rows) {
        sums.iter_mut().zip(&places).for_each(|(sum, place)| *sum += row[*place]);
    }
    Ok((labels, sums))
}

type Labelled = (Vec<String>, Vec<Vec<f64>>);

fn predict_network(model: &Path, texts: &[String], device: DeviceChoice, progress: &dyn Progress) -> Outcome<Labelled> {
    let device = device.open()?;
    let (classifier, config) = model_folder::read_classifier(model, &device)?;
    let tokenizer = model_folder::read_tokenizer(model, &config)?;
    let recipe = model_folder::read_recipe(model)?;
    let tokens: Vec<Vec<u32>> = texts.iter().map(|text| tokenizer.encode(text)).collect::<Result<_, _>>()?;
    let probabilities =
        glossa_recipes::predict(&classifier, &tokens, reading(&tokenizer, &recipe, config.backward), progress)?;
    Ok((config.labels, probabilities))
}

fn predict_baseline(model: &Path, texts: &[String], progress: &dyn Progress) -> Outcome<Labelled> {
    let path = model.join(BASELINE);
    let bytes = std::fs::read(&path).map_err(|cause| Failure::io("read", &path, cause))?;
    let damaged =
        |cause| Failure::data(format!("{} is damaged", path.display())).because(cause).hint("train the baseline again");
    let stored: StoredBaseline = serde_json::from_slice(&bytes).map_err(damaged)?;
    if stored.format > BASELINE_FORMAT || stored.labels.len() != stored.model.class_count() {
        return Err(Failure::data(format!(
            "{} has format {} or labels that do not fit",
            path.display(),
            stored.format
        ))
        .hint("use a newer glossa, or train the baseline again"));
    }
    let tokenizer = match stored.units {
        Units::Pieces => Some(Tokenizer::load(model)?),
        Units::Words | Units::Characters => None,
    };
    let mut probabilities = Vec::with_capacity(texts.len());
    for text in texts {
        probabilities.push(stored.model.predict(&units(text, stored.units, tokenizer.as_ref())?));
        progress.advance(1);
    }
    Ok((stored.labels, probabilities))
}
