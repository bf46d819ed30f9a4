//! Scores any system that labels texts: predictions in, metrics with intervals and a signature
//! out. It sees a model only as [`Predictor`] or as a predictions file, and knows nothing about
//! tensors, training or the network.

pub mod answers;
pub mod bootstrap;
pub mod calibration;
pub mod compare;
pub mod confused;
pub mod ensemble;
pub mod error;
mod markup;
pub mod metrics;
pub mod numbers;
pub mod page;
pub mod perplexity;
pub mod predictions;
pub mod published;
pub mod report;
pub mod submission;
pub mod task;

pub use bootstrap::Interval;
pub use calibration::Calibration;
pub use compare::{Agreement, Comparison};
pub use confused::Confused;
pub use error::Error;
pub use metrics::{Confusion, Metrics, score};
pub use perplexity::Likelihood;
pub use predictions::Prediction;
pub use report::{Provenance, Report, ReportOptions, Score, Signature};

use glossa_base::Outcome;

/// Anything that labels texts.
pub trait Predictor {
    /// One prediction a text, in the order of the texts.
    fn predict(&self, texts: &[String]) -> Outcome<Vec<Prediction>>;
}
