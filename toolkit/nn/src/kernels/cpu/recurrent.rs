//! What the two recurrent layers have in common on the CPU.

use super::element::Element;

/// Sizes of a recurrent layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) batch: usize,
    pub(crate) time: usize,
    pub(crate) inputs: usize,
    pub(crate) hidden: usize,
}

impl Sizes {
    /// Steps of all rows together.
    pub(crate) fn steps(self) -> usize {
        self.batch * self.time
    }
}

/// What a forward pass gives: outputs and cells `[batch, time, hidden]`, activated gates
/// `[batch, time, gates·hidden]`.
pub(crate) struct Run<E> {
    pub(crate) output: Vec<E>,
    pub(crate) cells: Vec<E>,
    pub(crate) gates: Vec<E>,
}

/// The sum of rows of a width, in their order.
pub(crate) fn sum_rows<E: Element>(rows: &[E], width: usize) -> Vec<E> {
    let mut sums = vec![E::ZERO; width];
    for row in rows.chunks(width) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += *value;
        }
    }
    sums
}
