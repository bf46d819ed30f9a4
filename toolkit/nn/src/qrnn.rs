//! A quasi-recurrent layer (Bradbury et al. 2017) as MultiFiT uses it: one linear map gives the
//! gates z, f, o; fo-pooling runs over time.

use std::sync::Arc;

use burn::module::Param;
use burn::prelude::*;
use glossa_base::seed::Stream;

use crate::Error;
use crate::dropout::Noise;
use crate::init::uniform;
use crate::kernels::{QrnnWeights, Steps, Zoneout, last_step, qrnn};
use crate::published::{Slot, Slots};
use crate::state::LayerState;

const WEIGHT_MASK: u64 = 0;
const ZONEOUT: u64 = 1;

/// Sizes of a layer, and how often its units keep their cell.
#[derive(Debug, Clone, Copy)]
pub struct QrnnConfig {
    /// Width of the input.
    pub inputs: usize,
    /// Width of the output.
    pub hidden: usize,
    /// 2 where it reads the step before too, else 1.
    pub window: usize,
    /// Share of units that keep their cell (zoneout).
    pub zoneout: f64,
}

/// One layer.
#[derive(Module, Debug)]
pub struct QrnnLayer {
    /// `[3·hidden, window·inputs]`: z, f, o over `[x_t, x_{t-1}]`.
    weight: Param<Tensor<2>>,
    /// `[3·hidden]`.
    bias: Param<Tensor<1>>,
    zoneout: f64,
}

impl QrnnLayer {
    /// A layer with PyTorch's initial values of a linear map.
    pub fn new(config: QrnnConfig, stream: Stream, device: &Device) -> Self {
        let QrnnConfig { inputs, hidden, window, zoneout } = config;
        let bound = 1.0 / ((window * inputs) as f32).sqrt();
        QrnnLayer {
            weight: Param::from_tensor(uniform(stream.part(0), bound, [3 * hidden, window * inputs], device)),
            bias: Param::from_tensor(uniform(stream.part(1), bound, [3 * hidden], device)),
            zoneout,
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
        let [batch, _, inputs] = x.dims();
        let before = LayerState::or_zeros(state, batch, [self.bias.dims()[0] / 3, inputs], &x.device());
        let other = last_step(x.clone());
        let weight = Noise::drop_weight(noise, WEIGHT_MASK, self.weight.val());
        let steps = Steps { lengths, zoneout: self.zoneout(noise) };
        let weights = QrnnWeights { weight, bias: self.bias.val() };
        let (output, cell) = qrnn(x, weights, before.other, before.cell, &steps)?;
        Ok((output, LayerState { cell, other }))
    }

    /// The tensors under fastai's names: its raw weight is the true one.
    pub(crate) fn fastai_slots<'a>(&'a mut self, name: &str, slots: &mut Slots<'a>) {
        slots.push((vec![format!("{name}.weight_raw")], Slot::Matrix(&mut self.weight)));
        slots.push((vec![format!("{name}.module.bias")], Slot::Vector(&mut self.bias)));
    }

    fn zoneout(&self, noise: Option<Noise>) -> Zoneout {
        let p = self.zoneout as f32;
        match noise {
            _ if p == 0.0 => Zoneout::Off,
            Some(noise) => Zoneout::Sampled { stream: noise.stream.part(ZONEOUT), p },
            None => Zoneout::Expected { p },
        }
    }
}
