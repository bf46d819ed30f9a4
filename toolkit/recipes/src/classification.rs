//! Training a classifier on labelled texts, and predicting with one.

use burn::prelude::*;
use glossa_base::seed::{Purpose, Stream};
use glossa_base::{Outcome, Progress};
use glossa_learn::callbacks::{SaveBest, Watch};
use glossa_learn::learner::{Trained, numbers};
use glossa_learn::sorted::{evaluation_batches, training_batches};
use glossa_learn::{Freezing, Loss, Metrics, Objective, Phase, Place, Unfinished};
use glossa_nn::classifier::{Pooled, TextBatch, Window};
use glossa_nn::{Classifier, Grouped, Noise};

use crate::Error;
use crate::language_modelling::Run;
use crate::recipe::{ClassifyRecipe, Unfreezing};

/// Texts of a batch in prediction.
const PREDICTION_BATCH: usize = 64;

/// Tokenized texts with the indices of their classes.
#[derive(Debug, Clone, Default)]
pub struct LabelledTokens {
    /// Token ids of each text.
    pub texts: Vec<Vec<u32>>,
    /// Class of each text.
    pub classes: Vec<usize>,
}

impl LabelledTokens {
    fn batch(&self, indices: &[usize], reading: Reading) -> Result<(TextBatch, Vec<usize>), Error> {
        let texts: Vec<&[u32]> = indices.iter().map(|&index| self.texts[index].as_slice()).collect();
        let batch = reading.batch(&texts).map_err(|error| Error::Labels(error.to_string()))?;
        Ok((batch, indices.iter().map(|&index| self.classes[index]).collect()))
    }
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

/// Trains a classifier; with `resegment`, each epoch reads the training texts in other pieces.
///
/// # Errors
/// Fewer than two texts, a token outside the vocabulary, or a loss that is not a number.
pub fn classify(
    model: Classifier,
    recipe: &ClassifyRecipe,
    train: &LabelledTokens,
    valid: Option<&LabelledTokens>,
    resegment: Option<Resegment<'_>>,
    reading: Reading,
    run: Run<'_>,
) -> Result<Trained<Classifier>, Unfinished> {
    if train.texts.len() < 2 {
        return Err(Error::Labels(format!("{} texts are too few", train.texts.len())).into());
    }
    let classes = train.classes.iter().max().map_or(0, |largest| largest + 1);
    let smoothing = recipe.training.label_smoothing / if recipe.smoothing_per_class { classes as f64 } else { 1.0 };
    let model = model.fork(&run.device.clone().autodiff()).train();
    let phases = phases(model.group_count(), recipe);
    let objective = Texts {
        recipe,
        train: train.clone(),
        valid,
        resegment,
        reading,
        run,
        smoothing: smoothing as f32,
        batches: Vec::new(),
    };
    let best = recipe.keep_best.then(|| SaveBest::new(Watch::highest("accuracy")));
    run.learner(model, objective, &recipe.training).with_some(best).train(&phases)
}

/// The phases of a classifier with so many groups: one for everything at once; or the head alone, one more
/// group an epoch, then all.
pub fn phases(groups: usize, recipe: &ClassifyRecipe) -> Vec<Phase> {
    let training = &recipe.training;
    let whole = Phase {
        name: "classify".to_owned(),
        epochs: training.epochs,
        freezing: Freezing::NONE,
        rates: training.rates(groups),
        schedule: training.schedule.clone(),
        optimizer: training.optimizer(),
    };
    match recipe.unfreezing {
        Unfreezing::AtOnce => vec![whole],
        Unfreezing::Gradual => {
            let thawing =
                (1..groups - 1).rev().take(training.epochs.saturating_sub(1).min(3)).map(|first_group| Phase {
                    name: format!("classify (groups from {})", first_group + 1),
                    epochs: 1,
                    freezing: Freezing { first_group: first_group + 1, norms: false },
                    ..whole.clone()
                });
            let mut phases: Vec<Phase> = thawing.collect();
            let rest = training.epochs - phases.len();
            phases.push(Phase { epochs: rest, ..whole });
            phases
        }
    }
}

struct Texts<'a> {
    recipe: &'a ClassifyRecipe,
    train: LabelledTokens,
    valid: Option<&'a LabelledTokens>,
    resegment: Option<Resegment<'a>>,
    reading: Reading,
    run: Run<'a>,
    smoothing: f32,
    batches: Vec<Vec<usize>>,
}

/// Texts with the class of each.
struct LabelledBatch {
    texts: TextBatch,
    classes: Vec<usize>,
}

impl Texts<'_> {
    fn noise(&self, place: Place) -> Noise {
        let stream = Stream::new(self.run.seed, Purpose::Dropout, place.epoch as u64, place.step as u64);
        Noise { dropouts: self.recipe.training.dropouts(), stream }
    }
}

impl Objective for Texts<'_> {
    type Model = Classifier;
    type Batch = LabelledBatch;
    type Prediction = Pooled;

    fn begin_epoch(&mut self, epoch: usize) -> Outcome<usize> {
        if let Some(resegment) = self.resegment {
            self.train.texts = resegment(epoch)?;
        }
        let lengths: Vec<usize> = self.train.texts.iter().map(Vec::len).collect();
        self.batches = training_batches(&lengths, self.recipe.training.batch_size, self.run.seed, epoch);
        Ok(self.batches.len())
    }

    fn batch(&mut self, place: Place) -> Outcome<LabelledBatch> {
        let (texts, classes) = self.train.batch(&self.batches[place.step], self.reading)?;
        Ok(LabelledBatch { texts, classes })
    }

    fn predict(&mut self, model: &Classifier, batch: &LabelledBatch, place: Place) -> Outcome<Pooled> {
        Ok(model.read(&batch.texts, self.reading.window, Some(self.noise(place)))?)
    }

    fn loss(&mut self, model: &Classifier, batch: &LabelledBatch, prediction: &Pooled, place: Place) -> Outcome<Loss> {
        let likelihood = model.likelihood(prediction, &batch.classes, Some(self.noise(place)), self.smoothing)?;
        Ok(Loss { total: likelihood.loss, statistics: likelihood.statistics })
    }

    fn validate(&mut self, model: &Classifier) -> Outcome<Metrics> {
        let Some(valid) = self.valid else { return Ok(Metrics::new()) };
        judge(model, valid, self.reading)
    }
}

/// Mean loss and accuracy on labelled texts.
fn judge(model: &Classifier, texts: &LabelledTokens, reading: Reading) -> Outcome<Metrics> {
    let probabilities = predict(model, &texts.texts, reading, &glossa_base::Silent)?;
    let count = texts.texts.len().max(1) as f64;
    let mut metrics = Metrics::new();
    for (row, &class) in probabilities.iter().zip(&texts.classes) {
        let right = row.get(class).copied().unwrap_or(0.0);
        *metrics.entry("loss".to_owned()).or_default() -= right.max(1e-12).ln() / count;
        *metrics.entry("accuracy".to_owned()).or_default() += f64::from(u8::from(best_class(row) == class)) / count;
    }
    Ok(metrics)
}

/// The index of the largest probability; the first of equals.
pub fn best_class(probabilities: &[f64]) -> usize {
    let better = |best: usize, (index, value): (usize, &f64)| if *value > probabilities[best] { index } else { best };
    probabilities.iter().enumerate().fold(0, better)
}

/// Probabilities of each class for each text, in the order of the texts.
///
/// # Errors
/// A token outside the vocabulary.
pub fn predict(
    model: &Classifier,
    texts: &[Vec<u32>],
    reading: Reading,
    progress: &dyn Progress,
) -> Outcome<Vec<Vec<f64>>> {
    let lengths: Vec<usize> = texts.iter().map(Vec::len).collect();
    let mut predictions = vec![Vec::new(); texts.len()];
    for indices in evaluation_batches(&lengths, PREDICTION_BATCH) {
        let rows: Vec<&[u32]> = indices.iter().map(|&index| texts[index].as_slice()).collect();
        let batch = reading.batch(&rows)?;
        let probabilities: Tensor<2> = model.probabilities(&batch, reading.window)?;
        let classes = probabilities.dims()[1];
        for (&index, row) in indices.iter().zip(numbers(&probabilities)?.chunks(classes)) {
            predictions[index] = row.to_vec();
        }
        progress.advance(indices.len() as u64);
    }
    Ok(predictions)
}
