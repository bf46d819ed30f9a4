//! Training: the [`Learner`] with its callbacks, optimizers, schedules, batches and checkpoints. It knows
//! no recipe and reads no text: a recipe gives it an [`Objective`].

pub mod callback;
pub mod callbacks;
pub mod checkpoint;
pub mod course;
pub mod error;
pub mod event;
pub mod finder;
pub mod freeze;
pub mod gradients;
pub mod history;
pub mod learner;
pub mod objective;
pub mod optimizer;
pub mod packing;
pub mod reading;
mod recovery;
pub mod replica;
pub mod sampling;
pub mod schedule;
pub mod snapshot;
pub mod sorted;
pub mod stream;
pub mod training;

pub use callback::Callback;
pub use checkpoint::{CheckpointFolder, Checkpoints, Interval};
pub use course::{Course, Unfinished};
pub use error::Error;
pub use event::{Event, Flow, Scope};
pub use freeze::Freezing;
pub use history::{History, StepPoint};
pub use learner::Learner;
pub use objective::{Loss, Metrics, Objective, Place};
pub use optimizer::{Kind, Optimizer, OptimizerSettings};
pub use reading::Reading;
pub use replica::Replica;
pub use schedule::Schedule;
pub use snapshot::Snapshot;
pub use training::{Clock, EpochRecord, Phase, Position, Training};
