//! A trained baseline: linear in its features, with a link from scores to probabilities.

use serde::{Deserialize, Serialize};

use super::features::{Features, LONGEST, Row};
use super::logistic::Logistic;
use super::naive_bayes::ClassSums;
use super::{BaselineOptions, Error, Method};

/// The version of the stored form.
pub(super) const FORMAT: u32 = 1;

/// A trained baseline; serde stores it (as JSON in a model folder).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Baseline {
    format: u32,
    options: BaselineOptions,
    class_count: usize,
    features: Features,
    classes: Vec<LinearClass>,
}

/// What a class that occurs in training learnt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct LinearClass {
    class: usize,
    bias: f64,
    weights: Vec<f32>,
}

/// What a file says, before it is believed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    format: u32,
    options: BaselineOptions,
    class_count: usize,
    features: Features,
    classes: Vec<LinearClass>,
}

impl Baseline {
    /// Trains on documents, each a list of units (words, pieces, characters), and a class for each.
    /// Classes without a document get probability 0 for ever.
    ///
    /// # Errors
    /// [`Error`]: nothing to learn from, labels that do not fit, options out of range.
    pub fn train(
        documents: &[Vec<String>],
        labels: &[usize],
        class_count: usize,
        options: &BaselineOptions,
    ) -> Result<Baseline, Error> {
        check_options(options)?;
        let present = check_labels(documents, labels, class_count)?;
        let features = Features::learn(documents, options.n_gram, options.minimum_count, options.weighting);
        let rows: Vec<Row> = documents.iter().map(|document| features.row(document)).collect();
        let sums = ClassSums::of(&rows, labels, class_count, features.count());
        let learn = |&class: &usize| match options.method {
            Method::NaiveBayes => naive_bayes(&sums, class, options),
            Method::Nbsvm => nbsvm(&rows, labels, &sums, class, options),
        };
        let classes = present.iter().map(learn).collect();
        Ok(Baseline { format: FORMAT, options: options.clone(), class_count, features, classes })
    }

    /// The probability of each class; they sum to 1.
    pub fn predict(&self, units: &[String]) -> Vec<f64> {
        let row = self.features.row(units);
        let scores = self.classes.iter().map(|class| class.bias + margin(&row, &class.weights));
        let logs: Vec<f64> = match self.options.method {
            Method::NaiveBayes => scores.collect(),
            Method::Nbsvm => scores.map(log_sigmoid).collect(),
        };
        let highest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let whole: f64 = logs.iter().map(|log| (log - highest).exp()).sum();
        let mut probabilities = vec![0.0; self.class_count];
        for (class, log) in self.classes.iter().zip(logs) {
            if let Some(place) = probabilities.get_mut(class.class) {
                *place = (log - highest).exp() / whole;
            }
        }
        probabilities
    }

    /// How it was trained.
    pub fn options(&self) -> &BaselineOptions {
        &self.options
    }

    /// Number of classes, those without a document included.
    pub fn class_count(&self) -> usize {
        self.class_count
    }

    /// Number of features.
    pub fn feature_count(&self) -> usize {
        self.features.count()
    }
}

fn naive_bayes(sums: &ClassSums, class: usize, options: &BaselineOptions) -> LinearClass {
    LinearClass { class, bias: sums.log_prior(class), weights: sums.log_likelihoods(class, options.alpha) }
}

/// Trains on features times their ratio, and stores weights times ratio: the same margins over
/// plain features.
fn nbsvm(rows: &[Row], labels: &[usize], sums: &ClassSums, class: usize, options: &BaselineOptions) -> LinearClass {
    let ratios = sums.log_ratios(class, options.alpha);
    let scale = |row: &Row| -> Row { row.iter().map(|&(at, value)| (at, value * ratios[at as usize])).collect() };
    let scaled: Vec<Row> = rows.iter().map(scale).collect();
    let inside: Vec<bool> = labels.iter().map(|&label| label == class).collect();
    let cost = 1.0 / options.regularisation;
    let model = Logistic::train(&scaled, &inside, ratios.len(), cost, options.seed, class as u64);
    let weights = model.weights.iter().zip(&ratios).map(|(weight, ratio)| *weight as f32 * ratio).collect();
    LinearClass { class, bias: model.bias, weights }
}

fn margin(row: &Row, weights: &[f32]) -> f64 {
    row.iter().filter_map(|&(at, value)| Some(f64::from(value) * f64::from(*weights.get(at as usize)?))).sum()
}

/// ln 1 / (1 + exp(-score)), without overflow on either side.
fn log_sigmoid(score: f64) -> f64 {
    score.min(0.0) - (-score.abs()).exp().ln_1p()
}

/// The classes that occur, in rising order.
fn check_labels(documents: &[Vec<String>], labels: &[usize], class_count: usize) -> Result<Vec<usize>, Error> {
    if documents.len() != labels.len() {
        return Err(Error::CountsDiffer { documents: documents.len(), labels: labels.len() });
    }
    if documents.is_empty() {
        return Err(Error::Empty);
    }
    if let Some((index, &label)) = labels.iter().enumerate().find(|(_, label)| **label >= class_count) {
        return Err(Error::LabelOutOfRange { document: index + 1, label, class_count });
    }
    let mut present = labels.to_vec();
    present.sort_unstable();
    present.dedup();
    if present.len() < 2 { Err(Error::OneClass) } else { Ok(present) }
}

fn check_options(options: &BaselineOptions) -> Result<(), Error> {
    if !(1..=LONGEST).contains(&options.n_gram) {
        return Err(Error::Option { name: "n_gram", value: options.n_gram as f64, range: "1 to 3" });
    }
    for (name, value) in [("alpha", options.alpha), ("regularisation", options.regularisation)] {
        if !(value > 0.0 && value.is_finite()) {
            return Err(Error::Option { name, value, range: "a number above 0" });
        }
    }
    Ok(())
}

impl TryFrom<Unchecked> for Baseline {
    type Error = Error;

    fn try_from(stored: Unchecked) -> Result<Self, Error> {
        if stored.format > FORMAT {
            return Err(Error::NewerFormat(stored.format));
        }
        check_options(&stored.options)?;
        if !stored.features.is_sound() {
            return Err(Error::Damaged("its features are not in order"));
        }
        let Unchecked { format, options, class_count, features, classes } = stored;
        let count = features.count();
        let whole = |class: &LinearClass| {
            let finite = class.bias.is_finite() && class.weights.iter().all(|weight| weight.is_finite());
            finite && class.weights.len() == count && class.class < class_count
        };
        // More classes than a labelled set can have would only ask for memory.
        if classes.len() < 2 || class_count > 1 << 20 || !classes.iter().all(whole) {
            return Err(Error::Damaged("its classes do not fit its features"));
        }
        if !classes.is_sorted_by(|left, right| left.class < right.class) {
            return Err(Error::Damaged("its classes are not in order"));
        }
        Ok(Baseline { format, options, class_count, features, classes })
    }
}
