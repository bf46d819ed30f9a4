//! Training a classifier on labelled texts, and predicting with one.

use burn::prelude::*;
use glossa_base::seed::{Purpose, Stream};
use glossa_base::{Interrupt, Outcome, Progress, Silent};
use glossa_learn::callbacks::{Classed, EarlyStopping, GradualUnfreezing, LabelNoise, Mixable, Mixup, SaveBest, Watch};
use glossa_learn::finder::{RateCourse, Sweep, find_rate};
use glossa_learn::learner::{Trained, numbers};
use glossa_learn::sampling;
use glossa_learn::sorted::{evaluation_batches, training_batches};
use glossa_learn::{Freezing, Learner, Loss, Metrics, Objective, Phase, Place, Unfinished};
use glossa_nn::classifier::{Pooled, TextBatch, Window};
use glossa_nn::{Aim, Grouped, Mix, Noise, Problem, Targets, TextClassifier, ValueScale};

use crate::Error;
use crate::judge;
use crate::language_modelling::Run;
use crate::recipe::{Balance, ClassifyRecipe, Unfreezing};

/// Texts of a batch in prediction.
const PREDICTION_BATCH: usize = 64;

/// Tokenized texts and what each should be answered with.
#[derive(Debug, Clone)]
pub struct LabelledTokens {
    /// Token ids of each text.
    pub texts: Vec<Vec<u32>>,
    /// As many targets.
    pub targets: Targets,
}

/// What a classifier reads and how.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// The padding piece.
    pub pad: u32,
    /// Pieces of the vocabulary.
    pub vocabulary: usize,
    /// Chunks and pooled tokens.
    pub window: Window,
    /// From the end of each text to its beginning.
    pub backward: bool,
    /// What it answers.
    pub problem: Problem,
    /// The scale of the numbers that it answers.
    pub scale: ValueScale,
}

impl Reading {
    /// A batch of texts in the order in which they are read.
    fn batch(&self, texts: &[&[u32]]) -> Result<TextBatch, glossa_nn::Error> {
        if !self.backward {
            return TextBatch::new(texts, self.pad, self.vocabulary);
        }
        let reversed: Vec<Vec<u32>> = texts.iter().map(|text| text.iter().rev().copied().collect()).collect();
        TextBatch::new(&reversed, self.pad, self.vocabulary)
    }
}

/// The window of a recipe.
pub fn window(recipe: &ClassifyRecipe) -> Window {
    Window { chunk: recipe.training.chunk, pooled: recipe.pooled_tokens }
}

/// Gives the training texts of an epoch, segmented anew (subword regularisation, Kudo 2018).
pub type Resegment<'a> = &'a dyn Fn(usize) -> Outcome<Vec<Vec<u32>>>;

/// What a classifier learns from.
#[derive(Clone, Copy)]
pub struct ClassifierData<'a> {
    /// Texts to learn from.
    pub train: &'a LabelledTokens,
    /// Texts to judge epochs by.
    pub valid: Option<&'a LabelledTokens>,
    /// Where there is one, each epoch reads the training texts in other pieces.
    pub resegment: Option<Resegment<'a>>,
    /// How texts are read.
    pub reading: Reading,
}

/// Trains a classifier.
///
/// # Errors
/// Fewer than two texts, a token outside the vocabulary, numbers that are not finite after all roll-backs.
pub fn classify(
    model: TextClassifier,
    recipe: &ClassifyRecipe,
    data: ClassifierData<'_>,
    run: Run<'_>,
) -> Result<Trained<TextClassifier>, Unfinished> {
    let phases = phases(model.group_count(), recipe);
    learner(model, recipe, data, run)?.train(&phases)
}

/// Tries rates for training a classifier, with everything unfrozen.
///
/// # Errors
/// As [`classify`].
pub fn find_classify_rate(
    model: TextClassifier,
    recipe: &ClassifyRecipe,
    data: ClassifierData<'_>,
    run: Run<'_>,
) -> Outcome<RateCourse> {
    let phase = whole_phase(model.group_count(), recipe);
    find_rate(learner(model, recipe, data, run)?, &phase, Sweep::default())
}

fn learner<'a>(
    model: TextClassifier,
    recipe: &'a ClassifyRecipe,
    data: ClassifierData<'a>,
    run: Run<'a>,
) -> Outcome<Learner<'a, Texts<'a>>> {
    let train = data.train;
    if train.texts.len() < 2 || train.texts.len() != train.targets.len() {
        let problem = format!("{} texts with {} labels are too few", train.texts.len(), train.targets.len());
        return Err(Error::Labels(problem).into());
    }
    if matches!(train.targets, Targets::Shares(_)) && (recipe.balance != Balance::None || recipe.label_noise > 0.0) {
        let problem = "classify.balance and classify.label_noise need one class a text, and here are shares of several";
        return Err(Error::Labels(problem.to_owned()).into());
    }
    if recipe.frozen_groups >= model.group_count() {
        let (frozen, groups) = (recipe.frozen_groups, model.group_count());
        let problem = format!("classify.frozen_groups is {frozen}, and the model has {groups} groups");
        let hint = Some("leave the last one, the head, to learn".to_owned());
        return Err(Error::Recipe { place: "the recipe".to_owned(), problem, hint }.into());
    }
    let classes = match &train.targets {
        Targets::Classes(classes) => classes.iter().max().map_or(0, |largest| largest + 1),
        Targets::Shares(rows) => rows.first().map_or(0, Vec::len),
        _ => 1,
    };
    let smoothing = recipe.training.label_smoothing / if recipe.smoothing_per_class { classes as f64 } else { 1.0 };
    let class_weights = match (&train.targets, recipe.balance) {
        (Targets::Classes(classes), Balance::ClassWeights) => Some(sampling::class_weights(classes)),
        _ => None,
    };
    let objective =
        Texts { recipe, data, texts: None, run, smoothing: smoothing as f32, class_weights, batches: Vec::new() };
    let watch = || match data.reading.problem {
        Problem::SingleLabel => Watch::highest("accuracy"),
        Problem::MultiLabel => Watch::highest("f1"),
        Problem::Regression => Watch::lowest("rmse"),
    };
    let model = model.fork(&run.device.clone().autodiff()).train();
    let gradual = recipe.unfreezing == Unfreezing::GradualInOneSchedule;
    Ok(run
        .learner(model, objective, &recipe.training)?
        .with_some(gradual.then_some(GradualUnfreezing))
        .with_some(LabelNoise::new(recipe.label_noise, classes, run.seed))
        .with_some(Mixup::new(recipe.mixup, run.seed))
        .with_some(recipe.keep_best.then(|| SaveBest::new(watch())))
        .with_some((recipe.patience > 0).then(|| EarlyStopping::new(watch(), recipe.patience))))
}

fn whole_phase(groups: usize, recipe: &ClassifyRecipe) -> Phase {
    let training = &recipe.training;
    Phase {
        name: "classify".to_owned(),
        epochs: training.epochs,
        freezing: Freezing { first_group: recipe.frozen_groups, norms: recipe.frozen_groups > 0 },
        rates: training.rates(groups),
        schedule: training.schedule.clone(),
        optimizer: training.optimizer(),
    }
}

/// The phases of a classifier with so many groups: one for everything at once; or the head alone, one more
/// group an epoch, then all.
pub fn phases(groups: usize, recipe: &ClassifyRecipe) -> Vec<Phase> {
    let (training, whole) = (&recipe.training, whole_phase(groups, recipe));
    let head = (recipe.head_epochs > 0).then(|| Phase {
        name: "classify (the head)".to_owned(),
        epochs: recipe.head_epochs,
        freezing: Freezing { first_group: groups - 1, ..whole.freezing },
        rates: vec![recipe.head_rate; groups],
        ..whole.clone()
    });
    head.into_iter().chain(thawing(groups, recipe, whole, training.epochs)).collect()
}

/// The phases after the head's own.
fn thawing(groups: usize, recipe: &ClassifyRecipe, whole: Phase, epochs: usize) -> Vec<Phase> {
    match recipe.unfreezing {
        Unfreezing::AtOnce | Unfreezing::GradualInOneSchedule => vec![whole],
        Unfreezing::Gradual => {
            let thawing = (1..groups - 1).rev().take(epochs.saturating_sub(1).min(3)).map(|first_group| Phase {
                name: format!("classify (groups from {})", first_group + 2),
                epochs: 1,
                freezing: Freezing { first_group: recipe.frozen_groups.max(first_group + 1), ..whole.freezing },
                ..whole.clone()
            });
            let mut phases: Vec<Phase> = thawing.collect();
            let rest = epochs - phases.len();
            phases.push(Phase { epochs: rest, ..whole });
            phases
        }
    }
}

struct Texts<'a> {
    recipe: &'a ClassifyRecipe,
    data: ClassifierData<'a>,
    /// The training texts of the epoch, where they are segmented anew.
    texts: Option<Vec<Vec<u32>>>,
    run: Run<'a>,
    smoothing: f32,
    class_weights: Option<Vec<f32>>,
    batches: Vec<Vec<usize>>,
}

/// Texts and what each should be answered with.
struct LabelledBatch {
    examples: Vec<usize>,
    texts: TextBatch,
    targets: Targets,
}

impl Mixable for LabelledBatch {
    fn example_count(&self) -> usize {
        self.examples.len()
    }

    fn mix(&mut self, mix: Mix) -> Outcome<()> {
        self.texts = self.texts.clone().with_mix(mix)?;
        Ok(())
    }
}

impl Classed for LabelledBatch {
    fn examples(&mut self) -> Vec<(usize, &mut usize)> {
        match &mut self.targets {
            Targets::Classes(classes) => self.examples.iter().copied().zip(classes).collect(),
            _ => Vec::new(),
        }
    }
}

impl Texts<'_> {
    fn noise(&self, place: Place) -> Noise {
        let stream = Stream::new(self.run.seed, Purpose::Dropout, place.epoch as u64, place.step as u64);
        Noise { dropouts: self.recipe.training.dropouts(), stream }
    }

    fn texts(&self) -> &[Vec<u32>] {
        self.texts.as_ref().unwrap_or(&self.data.train.texts)
    }

    /// The examples of an epoch; some may come more than once.
    fn examples(&self, epoch: usize) -> Vec<usize> {
        match (&self.data.train.targets, self.recipe.balance) {
            (Targets::Classes(classes), Balance::Resample) => sampling::resampled(classes, self.run.seed, epoch),
            _ => (0..self.data.train.texts.len()).collect(),
        }
    }
}

impl Objective for Texts<'_> {
    type Model = TextClassifier;
    type Batch = LabelledBatch;
    type Prediction = Pooled;

    fn begin_epoch(&mut self, epoch: usize) -> Outcome<usize> {
        self.texts = self.data.resegment.map(|resegment| resegment(epoch)).transpose()?;
        let examples = self.examples(epoch);
        let lengths: Vec<usize> = examples.iter().map(|&example| self.texts()[example].len()).collect();
        let batches = training_batches(&lengths, self.recipe.training.batch_size, self.run.seed, epoch);
        let pick = |batch: Vec<usize>| batch.into_iter().map(|at| examples[at]).collect();
        self.batches = batches.into_iter().map(pick).collect();
        Ok(self.batches.len())
    }

    fn batch(&mut self, place: Place) -> Outcome<LabelledBatch> {
        let examples = self.batches.get(place.step).cloned().unwrap_or_default();
        let texts: Vec<&[u32]> = examples.iter().map(|&example| self.texts()[example].as_slice()).collect();
        let texts = self.data.reading.batch(&texts).map_err(|error| Error::Labels(error.to_string()))?;
        let targets = self.data.reading.scale.narrow(self.data.train.targets.select(&examples));
        Ok(LabelledBatch { examples, texts, targets })
    }

    fn predict(&mut self, model: &TextClassifier, batch: &LabelledBatch, place: Place) -> Outcome<Pooled> {
        Ok(model.read(&batch.texts, self.data.reading.window, Some(self.noise(place)))?)
    }

    fn loss(
        &mut self,
        model: &TextClassifier,
        batch: &LabelledBatch,
        prediction: &Pooled,
        place: Place,
    ) -> Outcome<Loss> {
        let aim = Aim {
            targets: &batch.targets,
            class_weights: self.class_weights.as_deref(),
            mix: batch.texts.mix(),
            smoothing: self.smoothing,
            loss: self.recipe.loss,
        };
        let likelihood = model.likelihood(prediction, &aim, Some(self.noise(place)))?;
        Ok(Loss { total: likelihood.loss, statistics: likelihood.statistics })
    }

    fn validate(&mut self, model: &TextClassifier) -> Outcome<Metrics> {
        let Some(valid) = self.data.valid else { return Ok(Metrics::new()) };
        let answers = predict_unless(model, &valid.texts, self.data.reading, &Silent, self.run.interrupt)?;
        Ok(judge::judge(&answers, &valid.targets))
    }
}

/// What a classifier answers for each text, in the order of the texts: a probability of each class or label,
/// or one number.
///
/// # Errors
/// A token outside the vocabulary.
pub fn predict(
    model: &TextClassifier,
    texts: &[Vec<u32>],
    reading: Reading,
    progress: &dyn Progress,
) -> Outcome<Vec<Vec<f64>>> {
    predict_unless(model, texts, reading, progress, &Interrupt::default())
}

/// As [`predict`], but stops when that is asked for.
fn predict_unless(
    model: &TextClassifier,
    texts: &[Vec<u32>],
    reading: Reading,
    progress: &dyn Progress,
    interrupt: &Interrupt,
) -> Outcome<Vec<Vec<f64>>> {
    let lengths: Vec<usize> = texts.iter().map(Vec::len).collect();
    let mut predictions = vec![Vec::new(); texts.len()];
    for indices in evaluation_batches(&lengths, PREDICTION_BATCH) {
        interrupt.check()?;
        let rows: Vec<&[u32]> = indices.iter().map(|&index| texts[index].as_slice()).collect();
        let batch = reading.batch(&rows)?;
        let answers: Tensor<2> = model.answers(&batch, reading.window, reading.problem)?;
        let outputs = answers.dims()[1];
        for (&index, row) in indices.iter().zip(numbers(&answers)?.chunks(outputs)) {
            predictions[index] = row.iter().map(|answer| reading.scale.widen(*answer)).collect();
        }
        progress.advance(indices.len() as u64);
    }
    Ok(predictions)
}
