//! A quasi-recurrent layer (Bradbury et al. 2017) as MultiFiT uses it: one linear map gives the
//! gates z, f, o; fo-pooling runs over time.

use burn::module::Param;
use burn::prelude::*;
use glossa_base::seed::Stream;

use crate::dropout::Noise;
use crate::init::uniform;
use crate::kernels::{linear, qrnn_pool, with_previous};
use crate::recurrent::{LayerState, last_step};

const WEIGHT_MASK: u64 = 0;

/// One layer; window 2 sees the step before too.
#[derive(Module, Debug)]
pub struct QrnnLayer {
    /// `[3·hidden, window·inputs]`: z, f, o over `[x_t, x_{t-1}]`.
    weight: Param<Tensor<2>>,
    /// `[3·hidden]`.
    bias: Param<Tensor<1>>,
    window: usize,
}

impl QrnnLayer {
    /// A layer with PyTorch's initial values of a linear map.
    pub fn new(inputs: usize, hidden: usize, window: usize, stream: Stream, device: &Device) -> Self {
        let bound = 1.0 / ((window * inputs) as f32).sqrt();
        QrnnLayer {
            weight: Param::from_tensor(uniform(stream.part(0), bound, [3 * hidden, window * inputs], device)),
            bias: Param::from_tensor(uniform(stream.part(1), bound, [3 * hidden], device)),
            window,
        }
    }

    /// Runs over `x` `[batch, time, inputs]`: outputs `[batch, time, hidden]` and the state after.
    pub fn forward(&self, x: Tensor<3>, state: Option<&LayerState>, noise: Option<Noise>) -> (Tensor<3>, LayerState) {
        let ([batch, _, inputs], device) = (x.dims(), x.device());
        let hidden = self.bias.dims()[0] / 3;
        let zeros = |width| Tensor::zeros([batch, width], &device);
        let cell = state.map_or_else(|| zeros(hidden), |state| state.cell.clone());
        let input = last_step(x.clone().detach());
        let source = match self.window {
            1 => x,
            _ => with_previous(x, state.map_or_else(|| zeros(inputs), |state| state.other.clone())),
        };
        let gates = linear(source, self.dropped_weight(noise), self.bias.val());
        let (output, cells) = qrnn_pool(gates, cell);
        (output, LayerState { cell: last_step(cells), other: input })
    }

    fn dropped_weight(&self, noise: Option<Noise>) -> Tensor<2> {
        drop_weight(self.weight.val(), noise, WEIGHT_MASK)
    }
}

/// A weight with single entries dropped (weight dropout).
pub(crate) fn drop_weight(weight: Tensor<2>, noise: Option<Noise>, purpose: u64) -> Tensor<2> {
    match noise {
        Some(noise) if noise.dropouts.weight > 0.0 => {
            let mask = noise.mask_tensor(purpose, noise.dropouts.weight, weight.dims(), &weight.device());
            weight * mask
        }
        _ => weight,
    }
}
