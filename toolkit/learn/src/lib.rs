//! Training: optimizer, schedules, batches, the loop. It knows no recipe and reads no text: a recipe
//! gives it an [`Objective`](learner::Objective).

pub mod error;
pub mod learner;
pub mod optimizer;
pub mod schedule;
pub mod sorted;
pub mod stream;

pub use error::Error;
pub use learner::{EpochRecord, Learner, Loss, Metrics, Objective, Phase};
pub use optimizer::{Kind, Optimizer, OptimizerSettings};
pub use schedule::Schedule;
