//! Models: kernels, encoders, heads, weights. Nothing here reads text or runs a training loop.

pub mod device;
pub mod error;
pub mod kernels;

pub use error::Error;
