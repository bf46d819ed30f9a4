//! Callbacks that come with the toolkit.

mod clip;
mod progress;
mod recorder;
mod regularise;
mod watch;

pub use clip::GradientClip;
pub use progress::ProgressLine;
pub use recorder::Recorder;
pub use regularise::{ActivationRegularisation, Activations};
pub use watch::{EarlyStopping, ReduceOnPlateau, SaveBest, Watch};
