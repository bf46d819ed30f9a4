//! What a recurrent encoder carries from one chunk of a text to the next.

use burn::prelude::*;

/// One layer's carried state, detached: the cell and, for a QRNN, the last input; for an LSTM, the
/// last output.
#[derive(Debug, Clone)]
pub struct LayerState {
    /// `[batch, hidden]`.
    pub cell: Tensor<2>,
    /// `[batch, inputs]` or `[batch, hidden]`.
    pub other: Tensor<2>,
}

impl LayerState {
    /// What a layer goes on from: `state`, or zeros `[batch, cell]` and `[batch, other]`.
    pub(crate) fn or_zeros(state: Option<&Self>, batch: usize, [cell, other]: [usize; 2], device: &Device) -> Self {
        let zeros = |width| Tensor::zeros([batch, width], device);
        state.cloned().unwrap_or_else(|| LayerState { cell: zeros(cell), other: zeros(other) })
    }
}

/// The state of all layers.
pub type State = Vec<LayerState>;
