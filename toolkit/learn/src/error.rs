//! What can go wrong in training.

use glossa_base::{Failure, Kind};
use thiserror::Error;

/// Failures of this crate.
#[derive(Debug, Error)]
pub enum Error {
    /// The loss left the numbers.
    #[error("the loss is not a number in epoch {epoch}, step {step} of phase `{phase}`")]
    NotFinite {
        /// The phase.
        phase: String,
        /// The epoch, from 1.
        epoch: usize,
        /// The step, from 1.
        step: usize,
    },
    /// Nothing to train on.
    #[error("too little text to train on: {tokens} pieces for {streams} streams")]
    TooLittle {
        /// Pieces that there are.
        tokens: usize,
        /// Streams of a batch.
        streams: usize,
    },
    /// A tensor that the device could not hand over.
    #[error("cannot read a tensor of type {0}")]
    Tensor(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (kind, hint) = match error {
            Error::NotFinite { .. } => (Kind::Failed, "lower the learning rate or the clip; nothing was written"),
            Error::TooLittle { .. } => (Kind::Data, "use more text or a smaller batch_size"),
            Error::Tensor(_) => (Kind::Failed, "use --device cpu"),
        };
        Failure::new(kind, error.to_string()).hint(hint)
    }
}
