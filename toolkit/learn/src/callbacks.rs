//! Callbacks that come with the toolkit.

mod accumulate;
mod average;
mod clip;
mod log;
mod mixup;
mod noise;
mod precision;
mod progress;
mod recorder;
mod regularise;
mod terminate;
mod unfreeze;
mod watch;

pub use accumulate::GradientAccumulation;
pub use average::WeightAverage;
pub use clip::GradientClip;
pub use log::Log;
pub use mixup::{Mixable, Mixup};
pub use noise::{Classed, LabelNoise};
pub use precision::LossScale;
pub use progress::ProgressLine;
pub use recorder::Recorder;
pub use regularise::{ActivationRegularisation, Activations};
pub use terminate::TerminateOnNan;
pub use unfreeze::GradualUnfreezing;
pub use watch::{EarlyStopping, ReduceOnPlateau, SaveBest, Watch};
