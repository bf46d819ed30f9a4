//! The baselines that keep a neural classifier honest: multinomial Naive Bayes, and NBSVM (Wang &
//! Manning 2012), the baseline of the HAHA 2019 paper. Both are linear in n-grams of whatever units
//! they are given (words, pieces, characters), train in seconds, and need neither a language model
//! nor tensors. This is not the place to cut text into units.

mod features;
mod logistic;
mod model;
mod naive_bayes;

use glossa_base::Failure;
use serde::{Deserialize, Serialize};
use thiserror::Error as ErrorDerive;

pub use model::Baseline;

/// Which baseline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Multinomial Naive Bayes.
    NaiveBayes,
    /// One logistic regression a class over features scaled by their Naive Bayes log-ratio.
    #[default]
    Nbsvm,
}

/// What the value of a feature is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weighting {
    /// How often it occurs in the document.
    Count,
    /// Whether it occurs, as in Wang & Manning 2012.
    Binary,
    /// (1 + ln count) idf, then the document scaled to length 1; idf is smoothed,
    /// 1 + ln((1 + documents) / (1 + documents with the feature)).
    #[default]
    TfIdf,
}

/// How to train a baseline. The defaults were chosen by cross-validation on the training and
/// development sets of SIB-200 (Basque, English) and NusaX (English), over words and pieces; the
/// test sets had no part in it. With some hundred short documents, single words (`n_gram` 1) can be
/// better; with thousands, or with pieces, pairs are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaselineOptions {
    /// Which baseline.
    pub method: Method,
    /// The longest n-gram, 1 to 3 units; shorter ones are features too.
    pub n_gram: usize,
    /// In how many training documents a feature must occur.
    pub minimum_count: usize,
    /// What the value of a feature is.
    pub weighting: Weighting,
    /// Added to every feature's count in every class (Laplace, Lidstone); above 0.
    pub alpha: f64,
    /// Strength of the L2 penalty of NBSVM: the inverse of liblinear's C; above 0.
    pub regularisation: f64,
    /// Decides the order in which NBSVM visits the documents.
    pub seed: u64,
}

impl BaselineOptions {
    /// The defaults of a method.
    pub fn of(method: Method) -> Self {
        let (alpha, weighting) = match method {
            Method::NaiveBayes => (0.1, Weighting::Count),
            Method::Nbsvm => (0.1, Weighting::TfIdf),
        };
        BaselineOptions { method, n_gram: 2, minimum_count: 1, weighting, alpha, regularisation: 0.01, seed: 0 }
    }
}

impl Default for BaselineOptions {
    fn default() -> Self {
        Self::of(Method::default())
    }
}

/// Why a baseline cannot be trained or read.
#[derive(Debug, ErrorDerive, Clone, PartialEq)]
pub enum Error {
    /// There are no documents.
    #[error("there are no documents to train the baseline on")]
    Empty,
    /// There are not as many labels as documents.
    #[error("{documents} documents but {labels} labels")]
    CountsDiffer {
        /// Number of documents.
        documents: usize,
        /// Number of labels.
        labels: usize,
    },
    /// All documents have one label.
    #[error("all documents have the same label")]
    OneClass,
    /// A label is not below the number of classes.
    #[error("label {label} of document {document} is not below the {class_count} classes")]
    LabelOutOfRange {
        /// Number of the document, counted from 1.
        document: usize,
        /// Its label.
        label: usize,
        /// Number of classes.
        class_count: usize,
    },
    /// An option is outside its range.
    #[error("the baseline's `{name}` is {value}, {range} is needed")]
    Option {
        /// Name of the option.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What it may be.
        range: &'static str,
    },
    /// A stored baseline contradicts itself.
    #[error("the stored baseline is damaged: {0}")]
    Damaged(&'static str),
    /// A stored baseline has a newer format.
    #[error("the stored baseline has format {0}, this glossa knows {known}", known = model::FORMAT)]
    NewerFormat(u32),
}

impl Error {
    fn hint(&self) -> &'static str {
        match self {
            Error::Empty => "check that the labelled file has rows",
            Error::CountsDiffer { .. } => "give one label for each document",
            Error::OneClass => "give documents of at least two classes",
            Error::LabelOutOfRange { .. } => "labels are numbers from 0",
            Error::Option { .. } => "change the option in the recipe",
            Error::Damaged(_) => "train the baseline again",
            Error::NewerFormat(_) => "use a newer glossa",
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let hint = error.hint();
        Failure::data(error.to_string()).hint(hint)
    }
}

#[cfg(test)]
mod tests;
