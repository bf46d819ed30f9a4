//! Checks of every hand-written gradient: on the CPU in `f64` against central differences, and in `f32`
//! against the same operation composed of plain tensor calls under automatic differentiation; on another
//! device, in each type that it computes in, against the CPU's kernels. `glossa doctor --gradients` prints them; the tests demand that they pass.

mod autodiff;
mod differences;
mod numbers;

use burn::tensor::{DType, Device};

use crate::Error;
use crate::device::is_cpu;

/// What a gradient was compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference {
    /// Central differences in `f64`, along random directions.
    Differences,
    /// Central differences in `f64`, every entry of the Jacobian.
    Jacobian,
    /// The operation in plain tensor calls under automatic differentiation, in `f32`.
    Autodiff,
    /// The CPU's kernels in `f32`, on inputs rounded alike.
    Processor,
}

/// One comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// The operation.
    pub operation: &'static str,
    /// The sizes that it ran with.
    pub sizes: String,
    /// With regard to what.
    pub of: &'static str,
    /// The type that it computed in.
    pub number: &'static str,
    /// What it was compared with.
    pub reference: Reference,
    /// The largest relative error.
    pub error: f64,
    /// The largest error that passes.
    pub limit: f64,
}

impl Check {
    /// Whether the error is within the limit; one that is no number is not.
    pub fn passed(&self) -> bool {
        self.error <= self.limit
    }
}

/// Runs every check that this device can.
///
/// # Errors
/// Shapes that do not fit, which would be a mistake of the checks.
pub fn run(device: &Device) -> Result<Vec<Check>, Error> {
    let mut checks = if is_cpu(device) { differences::run() } else { Vec::new() };
    checks.extend(autodiff::run(device, DType::F32)?);
    if !is_cpu(device) {
        for number in [DType::BF16, DType::F16].into_iter().filter(|number| device.supports_dtype(*number)) {
            checks.extend(autodiff::run(device, number)?);
        }
    }
    Ok(checks)
}
