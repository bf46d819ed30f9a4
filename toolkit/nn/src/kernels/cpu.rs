//! The operations on the CPU, over plain slices in `[batch, time, width]` order, for `f32` and, to check
//! gradients, `f64`. Every sum has a fixed order, so that the number of threads does not change the
//! result.
#![expect(unsafe_code, reason = "functions built for one instruction set are called after asking the processor")]

pub(crate) mod adam;
pub(crate) mod attention;
pub(crate) mod curve;
pub(crate) mod decoder;
pub(crate) mod dropped;
pub(crate) mod element;
pub(crate) mod embedding;
pub(crate) mod linear;
pub(crate) mod lstm;
pub(crate) mod matrix;
pub(crate) mod norm;
pub(crate) mod pool;
pub(crate) mod qrnn;
pub(crate) mod recurrent;
pub(crate) mod rows;
pub(crate) mod steps;
