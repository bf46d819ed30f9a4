//! Classifiers: training from a language model, from nothing, or the baseline; prediction.

mod baseline;
mod kept;
mod prediction;

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::Device;
use glossa_base::atomic::WholeFolder;
use glossa_base::manifest::Manifest;
use glossa_base::seed::{Purpose, Stream};
use glossa_base::{Failure, Kind, Outcome};
use glossa_eval::{Report, Score};
use glossa_learn::EpochRecord;
use glossa_nn::modernbert::ModernBertConfig;
use glossa_nn::transformer::TransformerConfig;
use glossa_nn::{Classifier, EncoderConfig, Problem, Targets, TextClassifier, Transformer, TransformerClassifier};
use glossa_recipes::classification::Resegment;
use glossa_recipes::recipe::EncoderSizes;
use glossa_recipes::{ClassifierData, LabelledTokens, Recipe, Trained, model_folder};
use glossa_text::ModelTokenizer;
use glossa_text::labelled::{Columns, Example, SoftExample, read, read_soft};
use glossa_zoo::card::{Card, MetricRow};
use glossa_zoo::layout::ModelKind;
use serde::Serialize;

use crate::checkpoints::Run as TrainingRun;
use crate::encoder_folder::{self, Described, FolderKind};
use crate::labels::{self, LabelForm, Labels};
use crate::language_model::language;
use crate::rates::{self, RatesOutcome};
use crate::setting::Setting;
use crate::stage::{check_output, finish_model, input, is_done, json, name_of};
use crate::training_report::{Judged, Subject};

pub use baseline::{BaselineSetting, Units, train_baseline};
pub(crate) use kept::{Kept, KeptEncoder, Opened};
pub(crate) use prediction::answer;
pub use prediction::predict;

/// What a classifier starts from.
#[derive(Debug, Clone)]
pub enum Start<'a> {
    /// A pretrained or fine-tuned language model, or an encoder of ModernBERT's or BERT's kind.
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
    /// What the training texts should be answered with.
    targets: Targets,
    valid: Option<Vec<Example>>,
    test: Option<Vec<Example>>,
    labels: Labels,
}

fn read_sets(files: &LabelledFiles<'_>, seed: u64) -> Outcome<Sets> {
    let (train, soft) = read_train(files)?;
    let optional = |path: Option<&Path>| path.map(|path| read(path, files.columns)).transpose();
    let (valid, test) = (optional(files.valid)?, optional(files.test)?);
    let labels = match &soft {
        Some(shares) => Labels::of_shares(shares, files.train)?,
        None => Labels::of(&train, files.form, files.train)?,
    };
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
    let targets = match &soft {
        Some(shares) => labels.shares(shares),
        None => labels.targets(&train, files.train)?,
    };
    Ok(Sets { train, targets, valid, test, labels })
}

/// The training texts, and where they have shares of labels, these too.
fn read_train(files: &LabelledFiles<'_>) -> Outcome<(Vec<Example>, Option<Vec<SoftExample>>)> {
    if !files.form.soft {
        return Ok((read(files.train, files.columns)?, None));
    }
    if files.form.problem != Problem::SingleLabel || files.fold.is_some() {
        let problem = "shares of labels are learned where a text has one label, and without folds";
        return Err(Failure::new(Kind::Usage, problem).hint("leave --soft-labels out, or --problem and --fold"));
    }
    let soft = read_soft(files.train)?;
    let hard = |example: &SoftExample| Example { text: example.text.clone(), label: example.label.clone() };
    Ok((soft.iter().map(hard).collect(), Some(soft)))
}

/// A tokenizer, and the most tokens that a model reads of a text.
#[derive(Clone, Copy)]
struct Cutter<'a> {
    tokenizer: &'a ModelTokenizer,
    most: Option<usize>,
}

impl Cutter<'_> {
    fn texts(&self, examples: &[Example]) -> Outcome<Vec<Vec<u32>>> {
        let cut = |example: &Example| self.tokenizer.encode(&example.text, self.most).map_err(Failure::from);
        examples.iter().map(cut).collect()
    }

    fn tokens(&self, examples: &[Example], labels: &Labels, place: &Path) -> Outcome<LabelledTokens> {
        Ok(LabelledTokens { texts: self.texts(examples)?, targets: labels.targets(examples, place)? })
    }

    /// The training texts in segmentations of their own for an epoch.
    fn sampled(&self, examples: &[Example], alpha: f32, seed: u64, epoch: usize) -> Outcome<Vec<Vec<u32>>> {
        let stream = Stream::new(seed, Purpose::Segmentation, epoch as u64, 0);
        let sample = |(index, example): (usize, &Example)| {
            let stream = stream.part(index as u64);
            self.tokenizer.sample_encode(&example.text, self.most, alpha, stream).map_err(Failure::from)
        };
        examples.iter().enumerate().map(sample).collect()
    }
}

/// All that a training begins with.
struct Prepared {
    sets: Sets,
    tokenizer: ModelTokenizer,
    model: TextClassifier,
    kept: Kept,
    train: LabelledTokens,
    valid: Option<LabelledTokens>,
}

impl Prepared {
    fn cutter(&self, recipe: &Recipe) -> Cutter<'_> {
        Cutter { tokenizer: &self.tokenizer, most: self.kept.longest(recipe) }
    }
}

/// A model with a fresh head, its tokenizer, and what its folder will say.
fn begin(
    start: &Start<'_>,
    (labels, problem): (&Labels, Problem),
    setting: Setting<'_>,
    device: &Device,
) -> Outcome<(TextClassifier, ModelTokenizer, Kept)> {
    let (head, outputs, seed) = (setting.recipe.classify.head_size, labels.names.len(), setting.seed);
    let kept = |encoder| Kept::new(encoder, labels.names.clone(), problem);
    let recurrent = |config: EncoderConfig, backward| kept(KeptEncoder::Recurrent { config, head, backward });
    match start {
        Start::LanguageModel(path) => {
            let described = Described::read(path)?;
            if described.kind == FolderKind::Recurrent {
                let (encoder, config) = model_folder::read_encoder(path, device)?;
                let tokenizer = model_folder::read_tokenizer(path, &config)?;
                let model = TextClassifier::Recurrent(Classifier::new(encoder, head, outputs, seed, device));
                return Ok((model, tokenizer.into(), recurrent(config.encoder, config.backward)));
            }
            let tokenizer = encoder_folder::read_tokenizer(path, &described)?;
            let encoder = encoder_folder::read_transformer(path, &described, device)?;
            let pooling = setting.recipe.classify.pooling.of(encoder.config().pooling());
            let encoder = encoder.with_pooling(pooling);
            let model = TransformerClassifier::new(encoder, outputs, seed).with_part_end(tokenizer.end_id());
            let config = model.encoder.config();
            let kept = kept(KeptEncoder::Transformer { config, json: Some(described.json) });
            Ok((TextClassifier::Transformer(model), tokenizer, kept))
        }
        Start::Tokenizer { folder, backward } => {
            let tokenizer = ModelTokenizer::load(folder)?;
            Ok(match setting.recipe.encoder_sizes(tokenizer.vocabulary_size()) {
                EncoderSizes::Recurrent(config) => {
                    let model = Classifier::fresh(&config, head, outputs, seed, device);
                    (TextClassifier::Recurrent(model), tokenizer, recurrent(config, *backward))
                }
                EncoderSizes::ModernBert(config) => {
                    let vocab_size = encoder_folder::vocabulary_with_mask(&tokenizer);
                    let config = TransformerConfig::ModernBert(ModernBertConfig { vocab_size, ..*config });
                    let config = config.clone().with_pooling(setting.recipe.classify.pooling.of(config.pooling()));
                    let model = TransformerClassifier::new(Transformer::new(&config, seed, device), outputs, seed);
                    let kept = kept(KeptEncoder::Transformer { config, json: None });
                    (TextClassifier::Transformer(model), tokenizer, kept)
                }
            })
        }
    }
}

fn prepare(start: &Start<'_>, files: &LabelledFiles<'_>, setting: Setting<'_>, device: &Device) -> Outcome<Prepared> {
    let sets = read_sets(files, setting.seed)?;
    let (model, tokenizer, mut kept) = begin(start, (&sets.labels, files.form.problem), setting, device)?;
    let cutter = Cutter { tokenizer: &tokenizer, most: kept.longest(setting.recipe) };
    let train = LabelledTokens { texts: cutter.texts(&sets.train)?, targets: sets.targets.clone() };
    let place = files.valid.unwrap_or(files.train);
    let valid = sets.valid.as_ref().map(|valid| cutter.tokens(valid, &sets.labels, place)).transpose()?;
    kept.scale = Labels::scale(&train.targets);
    Ok(Prepared { sets, tokenizer, model, kept, train, valid })
}

/// Trains a classifier and writes its model folder.
///
/// # Errors
/// Damaged folders, unreadable or unlearnable labels, a loss that is not a number.
pub fn train(start: &Start<'_>, files: &LabelledFiles<'_>, setting: Setting<'_>) -> Outcome<ClassifierOutcome> {
    check_output(setting.out)?;
    let device = setting.device.open()?;
    let prepared = prepare(start, files, setting, &device)?;
    let reading = prepared.kept.reading(&prepared.tokenizer, setting.recipe);
    let inputs = inputs(start, files);
    let training = TrainingRun::open("classify", &details(files, &prepared.kept), &inputs, setting)?;
    let run = training.start(setting, &device);
    let subject = Subject {
        what: "a classifier, a network trained on labelled texts",
        out: setting.out,
        architecture: prepared.kept.architecture(),
        seed: setting.seed,
        device: setting.device,
        settings: setting.recipe.to_toml(),
        inputs,
    };
    let cutter = prepared.cutter(setting.recipe);
    let alpha = setting.recipe.classify.segmentation_alpha;
    let resegment = |epoch: usize| cutter.sampled(&prepared.sets.train, alpha, setting.seed, epoch);
    let resegment = (alpha > 0.0 && prepared.tokenizer.ours().is_some()).then_some(&resegment as Resegment<'_>);
    let data = ClassifierData { train: &prepared.train, valid: prepared.valid.as_ref(), resegment, reading };
    let trained = glossa_recipes::classify(prepared.model.clone(), &setting.recipe.classify, data, run)
        .map_err(|unfinished| training.explain(subject.explain(unfinished)))?;
    let outcome = save(trained, &prepared, &subject, (start, files), setting)?;
    training.close()?;
    Ok(outcome)
}

/// Trains a classifier unless its folder is there, whole, and made from the same recipe, seed and inputs.
///
/// # Errors
/// As [`train`].
pub(crate) fn train_once(start: &Start<'_>, files: &LabelledFiles<'_>, setting: Setting<'_>) -> Outcome<()> {
    let mut manifest = Manifest::new("classify", setting.seed, json(setting.recipe)?);
    manifest.inputs = inputs(start, files).into_iter().map(input).collect::<Outcome<_>>()?;
    if is_done(setting.out, &manifest) {
        return Ok(());
    }
    setting.progress.line(&format!("training {}", setting.out.display()));
    train(start, files, setting).map(drop)
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
    let Prepared { tokenizer, model, kept, train, .. } = prepare(start, files, setting, &device)?;
    let reading = kept.reading(&tokenizer, setting.recipe);
    let data = ClassifierData { train: &train, valid: None, resegment: None, reading };
    let run = TrainingRun::NONE.start(setting, &device);
    let course = glossa_recipes::find_classify_rate(model, &setting.recipe.classify, data, run)?;
    rates::write(course, "a classifier", page)
}

/// What tells this training from others with the same recipe and files.
fn details(files: &LabelledFiles<'_>, kept: &Kept) -> Vec<(&'static str, String)> {
    let Columns { text, label, pair, .. } = files.columns;
    let columns = [text, label, pair].map(|name| name.clone().unwrap_or_default()).join(" ");
    let fold = files.fold.map_or_else(String::new, |(number, count)| format!("{number}/{count}"));
    let form = format!("{:?} {} soft {}", kept.problem, files.form.delimiter, files.form.soft);
    vec![("columns", columns), ("backward", kept.backward().to_string()), ("fold", fold), ("labels", form)]
}

fn save(
    trained: Trained<TextClassifier>,
    prepared: &Prepared,
    subject: &Subject<'_>,
    (start, files): (&Start<'_>, &LabelledFiles<'_>),
    setting: Setting<'_>,
) -> Outcome<ClassifierOutcome> {
    let (Trained { model, course }, Prepared { sets, tokenizer, kept, .. }) = (trained, prepared);
    let (cutter, reading) = (prepared.cutter(setting.recipe), kept.reading(tokenizer, setting.recipe));
    let answers = |set: &Option<Vec<Example>>| -> Outcome<Option<Vec<Vec<f64>>>> {
        let answer = |examples: &Vec<Example>| {
            glossa_recipes::predict(&model, &cutter.texts(examples)?, reading, &glossa_base::Silent)
        };
        set.as_ref().map(answer).transpose()
    };
    let (valid, tested) = (answers(&sets.valid)?, answers(&sets.test)?);
    let (test, scores) = sets.score(tested.as_deref(), files, setting.seed)?;
    let folder = WholeFolder::create(setting.out)?;
    kept.write(folder.path(), &model, tokenizer)?;
    model_folder::write_course(folder.path(), setting.recipe, &course.records)?;
    let parameters = model.num_params();
    let card = Card {
        language: language(tokenizer.language()),
        parameters: Some(parameters as u64),
        base_model: base(start),
        ..card(setting.out, &subject.architecture, &sets.labels.names, &scores, files)
    };
    finish_model(folder, &card, Manifest::new("classify", setting.seed, json(setting.recipe)?), &subject.inputs)?;
    let judged = sets.judged(valid.as_deref(), tested.as_deref(), kept.problem);
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
