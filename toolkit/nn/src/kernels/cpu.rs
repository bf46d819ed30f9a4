//! The operations on the CPU, over plain slices in `[batch, time, width]` order. Every sum has a
//! fixed order, so that the number of threads does not change the result.
#![expect(unsafe_code, reason = "functions built for one instruction set are called after asking the processor")]

pub(crate) mod decoder;
pub(crate) mod lstm;
pub(crate) mod matrix;
pub(crate) mod plain;
pub(crate) mod qrnn;
pub(crate) mod simd;
