//! What can go wrong in training.

use glossa_base::{Failure, Kind};
use thiserror::Error;

/// Failures of this crate.
#[derive(Debug, Error)]
pub enum Error {
    /// The numbers left the finite ones, again and again.
    #[error("training diverged: {}", attempts.join("; "))]
    Diverged {
        /// What was not finite, where, and at which rate, one a roll-back and the last one.
        attempts: Vec<String>,
    },
    /// Weights that an update took out of the numbers.
    #[error("the weights `{path}` are not finite")]
    Weights {
        /// The parameter.
        path: String,
    },
    /// Nothing to train on.
    #[error("too little text to train on: {tokens} pieces for {streams} streams")]
    TooLittle {
        /// Pieces that there are.
        tokens: usize,
        /// Streams of a batch.
        streams: usize,
    },
    /// A model or a device in trouble.
    #[error(transparent)]
    Model(#[from] glossa_nn::Error),
    /// A tensor that the device could not hand over.
    #[error("cannot read a tensor of type {0}")]
    Tensor(String),
    /// The model went down with a step.
    #[error("the model was lost in a step that failed")]
    NoModel,
    /// Something that a checkpoint should hold, or cannot.
    #[error("`{name}` {problem}")]
    Snapshot {
        /// The value or tensor.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A checkpoint that cannot be used.
    #[error("{path}: {problem}")]
    Checkpoint {
        /// The folder or file.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A checkpoint of a training with other settings.
    #[error("{path} holds a checkpoint of another run: {difference}")]
    OtherRun {
        /// The folder of checkpoints.
        path: String,
        /// The first setting that differs.
        difference: String,
    },
}

impl Error {
    fn hint(&self) -> &'static str {
        match self {
            Error::Diverged { .. } | Error::Weights { .. } => {
                "lower the rate or the clip and start over with --restart; the model folder was not touched"
            }
            Error::TooLittle { .. } => "use more text or a smaller batch_size",
            Error::Model(error) => error.hint(),
            Error::Tensor(_) => "use --device cpu",
            Error::NoModel => "run the command again: it goes on from the last checkpoint",
            Error::Snapshot { .. } | Error::Checkpoint { .. } => {
                "run the command again with --restart to start over, or with the glossa that wrote the checkpoint"
            }
            Error::OtherRun { .. } => {
                "repeat the former command to go on with that run, or add --restart to start over"
            }
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let kind = match error {
            Error::Model(error) => return error.into(),
            Error::TooLittle { .. } | Error::Snapshot { .. } | Error::Checkpoint { .. } | Error::OtherRun { .. } => {
                Kind::Data
            }
            Error::Diverged { .. } | Error::Weights { .. } | Error::Tensor(_) | Error::NoModel => Kind::Failed,
        };
        Failure::new(kind, error.to_string()).hint(error.hint())
    }
}
