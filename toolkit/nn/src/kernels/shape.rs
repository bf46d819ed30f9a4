//! Shapes are checked before a kernel runs: an error names the tensor, what it has and what it needs.

use burn::prelude::*;
use burn::tensor::DType;

use crate::Error;
use crate::device::{has_kernels, is_cpu};

fn wrong(tensor: &'static str, found: &[usize], wanted: String) -> Error {
    Error::Shape { tensor, found: found.to_vec(), wanted }
}

/// A tensor of exactly this shape.
pub(super) fn expect(tensor: &'static str, found: &[usize], wanted: &[usize]) -> Result<(), Error> {
    if found == wanted { Ok(()) } else { Err(wrong(tensor, found, format!("{wanted:?}"))) }
}

/// Whether a kernel of ours takes a tensor: the CPU's take numbers of 32 bits.
pub(super) fn takes<const D: usize>(tensor: &Tensor<D>) -> bool {
    let device = tensor.device();
    has_kernels(&device) && (!is_cpu(&device) || tensor.dtype() == DType::F32)
}

/// Numbers of one type: a kernel would take others for what they are not.
pub(super) fn alike(wanted: DType, others: &[(&'static str, DType)]) -> Result<(), Error> {
    match others.iter().find(|(_, found)| *found != wanted) {
        Some((tensor, found)) => {
            Err(Error::Type { tensor, found: format!("{found:?}"), wanted: format!("{wanted:?}") })
        }
        None => Ok(()),
    }
}

/// A tensor that holds something.
pub(super) fn filled(tensor: &'static str, found: &[usize]) -> Result<(), Error> {
    if found.contains(&0) { Err(wrong(tensor, found, "no empty axis".to_owned())) } else { Ok(()) }
}

/// Lengths, where there are any: one a row, none beyond the time axis.
pub(super) fn lengths(lengths: &[usize], batch: usize, time: usize) -> Result<(), Error> {
    if lengths.is_empty() || (lengths.len() == batch && lengths.iter().all(|length| *length <= time)) {
        return Ok(());
    }
    Err(wrong("lengths", lengths, format!("{batch} numbers up to {time}")))
}

/// Spans: one a row, none empty or beyond the time axis.
pub(super) fn spans(spans: &[[usize; 2]], batch: usize, time: usize) -> Result<(), Error> {
    if spans.len() == batch && spans.iter().all(|[start, end]| start < end && *end <= time) {
        return Ok(());
    }
    Err(wrong("spans", spans.as_flattened(), format!("{batch} pairs start < end <= {time}")))
}
