//! An LSTM layer with dropped recurrent weights (Merity et al. 2017), as ULMFiT uses it.

use burn::module::Param;
use burn::prelude::*;
use glossa_base::seed::Stream;

use crate::dropout::Noise;
use crate::init::uniform;
use crate::kernels::{linear, lstm_sequence};
use crate::qrnn::drop_weight;
use crate::recurrent::{LayerState, last_step};

const WEIGHT_MASK: u64 = 0;

/// One layer; gates in PyTorch's order i, f, g, o. Its two biases are kept as their sum.
#[derive(Module, Debug)]
pub struct LstmLayer {
    /// `[4·hidden, inputs]`.
    weight_input: Param<Tensor<2>>,
    /// `[4·hidden, hidden]`; the one that weight dropout touches.
    weight_hidden: Param<Tensor<2>>,
    /// `[4·hidden]`.
    bias: Param<Tensor<1>>,
}

impl LstmLayer {
    /// A layer with PyTorch's initial values.
    pub fn new(inputs: usize, hidden: usize, stream: Stream, device: &Device) -> Self {
        let bound = 1.0 / (hidden as f32).sqrt();
        LstmLayer {
            weight_input: Param::from_tensor(uniform(stream.part(0), bound, [4 * hidden, inputs], device)),
            weight_hidden: Param::from_tensor(uniform(stream.part(1), bound, [4 * hidden, hidden], device)),
            bias: Param::from_tensor(uniform(stream.part(2), bound, [4 * hidden], device)),
        }
    }

    /// Runs over `x` `[batch, time, inputs]`: outputs `[batch, time, hidden]` and the state after.
    pub fn forward(&self, x: Tensor<3>, state: Option<&LayerState>, noise: Option<Noise>) -> (Tensor<3>, LayerState) {
        let ([batch, _, _], device) = (x.dims(), x.device());
        let hidden = self.bias.dims()[0] / 4;
        let zeros = || Tensor::zeros([batch, hidden], &device);
        let cell = state.map_or_else(zeros, |state| state.cell.clone());
        let before = state.map_or_else(zeros, |state| state.other.clone());
        let gates = linear(x, self.weight_input.val(), self.bias.val());
        let weight = drop_weight(self.weight_hidden.val(), noise, WEIGHT_MASK);
        let (output, cells) = lstm_sequence(gates, weight, before, cell);
        let state = LayerState { cell: last_step(cells), other: last_step(output.clone().detach()) };
        (output, state)
    }
}
