//! An LSTM layer with dropped recurrent weights (Merity et al. 2017), as ULMFiT uses it.

use std::sync::Arc;

use burn::module::Param;
use burn::prelude::*;
use glossa_base::seed::Stream;

use crate::Error;
use crate::dropout::Noise;
use crate::init::uniform;
use crate::kernels::{LstmWeights, Steps, last_step, lstm};
use crate::published::{Slot, Slots};
use crate::state::LayerState;

const WEIGHT_MASK: u64 = 0;

/// One layer; gates in PyTorch's order i, f, g, o. Its two biases act as their sum, but are learned
/// apart, as PyTorch's are.
#[derive(Module, Debug)]
pub struct LstmLayer {
    /// `[4·hidden, inputs]`.
    weight_input: Param<Tensor<2>>,
    /// `[4·hidden, hidden]`; the one that weight dropout touches.
    weight_hidden: Param<Tensor<2>>,
    /// `[4·hidden]`.
    bias_input: Param<Tensor<1>>,
    /// `[4·hidden]`.
    bias_hidden: Param<Tensor<1>>,
}

impl LstmLayer {
    /// A layer with PyTorch's initial values.
    pub fn new(inputs: usize, hidden: usize, stream: Stream, device: &Device) -> Self {
        let bound = 1.0 / (hidden as f32).sqrt();
        LstmLayer {
            weight_input: Param::from_tensor(uniform(stream.part(0), bound, [4 * hidden, inputs], device)),
            weight_hidden: Param::from_tensor(uniform(stream.part(1), bound, [4 * hidden, hidden], device)),
            bias_input: Param::from_tensor(uniform(stream.part(2), bound, [4 * hidden], device)),
            bias_hidden: Param::from_tensor(uniform(stream.part(3), bound, [4 * hidden], device)),
        }
    }

    /// Runs over `x` `[batch, time, inputs]`: outputs `[batch, time, hidden]` and the state after.
    ///
    /// # Errors
    /// An input or a state of another width or batch.
    pub fn forward(
        &self,
        x: Tensor<3>,
        state: Option<&LayerState>,
        lengths: Option<Arc<[usize]>>,
        noise: Option<Noise>,
    ) -> Result<(Tensor<3>, LayerState), Error> {
        let hidden = self.bias_input.dims()[0] / 4;
        let before = LayerState::or_zeros(state, x.dims()[0], [hidden, hidden], &x.device());
        let weights = LstmWeights {
            input: self.weight_input.val(),
            hidden: Noise::drop_weight(noise, WEIGHT_MASK, self.weight_hidden.val()),
            bias: self.bias_input.val() + self.bias_hidden.val(),
        };
        let (output, cell) = lstm(x, weights, before.other, before.cell, &Steps { lengths, ..Steps::default() })?;
        Ok((output.clone(), LayerState { cell, other: last_step(output) }))
    }

    /// The tensors under fastai's names: its raw weight is the true one.
    pub(crate) fn fastai_slots<'a>(&'a mut self, name: &str, slots: &mut Slots<'a>) {
        slots.push((vec![format!("{name}.weight_hh_l0_raw")], Slot::Matrix(&mut self.weight_hidden)));
        slots.push((vec![format!("{name}.module.weight_ih_l0")], Slot::Matrix(&mut self.weight_input)));
        slots.push((vec![format!("{name}.module.bias_ih_l0")], Slot::Vector(&mut self.bias_input)));
        slots.push((vec![format!("{name}.module.bias_hh_l0")], Slot::Vector(&mut self.bias_hidden)));
    }
}
