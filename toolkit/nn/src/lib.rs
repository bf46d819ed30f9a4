//! Models: kernels, encoders, heads, weights. Nothing here reads text or runs a training loop.

pub mod attention;
pub mod awd_lstm;
pub mod classifier;
pub mod config;
pub mod device;
pub mod dropout;
pub mod encoder;
pub mod error;
pub mod groups;
mod init;
pub mod kernels;
pub mod language_model;
pub mod qrnn;
pub mod recurrent;
pub mod sampled;
pub mod state;
pub mod target;
pub mod weights;

pub use classifier::Classifier;
pub use config::{Cell, EncoderConfig, ModelConfig};
pub use device::DeviceChoice;
pub use dropout::{Dropouts, Noise};
pub use encoder::{Encoder, Tokens};
pub use error::Error;
pub use groups::Grouped;
pub use language_model::LanguageModel;
pub use sampled::Sampler;
pub use target::{Aim, Mix, Problem, Targets, ValueScale};
