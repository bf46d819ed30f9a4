//! The layers that transformers are made of: a linear map and a norm, each with or without the part that
//! architectures differ in, and how their tensors are called in published files.

use burn::module::Param;
use burn::prelude::*;
use glossa_base::seed::Stream;

use crate::Error;
use crate::init::truncated_normal;
use crate::kernels::{Activation, drop_entries, layer_norm, linear, product, product_onto};
use crate::published::{Slot, Slots};

/// A linear map `[outputs, inputs]`, with or without a bias.
#[derive(Module, Debug)]
pub(crate) struct Linear {
    pub(crate) weight: Param<Tensor<2>>,
    bias: Option<Param<Tensor<1>>>,
}

impl Linear {
    /// Weights from a normal distribution with this deviation, cut at two of them; the bias zero.
    pub(crate) fn new(sizes: [usize; 2], bias: bool, deviation: f32, stream: Stream, device: &Device) -> Self {
        let [inputs, outputs] = sizes;
        let weight = truncated_normal(stream, deviation, [outputs, inputs], device);
        let bias = bias.then(|| Param::from_tensor(Tensor::zeros([outputs], device)));
        Linear { weight: Param::from_tensor(weight), bias }
    }

    /// `x·Wᵀ + b`.
    pub(crate) fn forward(&self, x: Tensor<2>) -> Result<Tensor<2>, Error> {
        match &self.bias {
            Some(bias) => linear(x, self.weight.val(), bias.val(), Activation::Identity),
            None => product(x, self.weight.val()),
        }
    }

    /// The same, added to `residual`, with single numbers dropped before.
    pub(crate) fn onto(
        &self,
        residual: Tensor<2>,
        x: Tensor<2>,
        drop: Option<(Stream, f32)>,
    ) -> Result<Tensor<2>, Error> {
        match (&self.bias, drop) {
            (None, None) => product_onto(residual, x, self.weight.val()),
            (_, drop) => Ok(residual + dropped(self.forward(x)?, drop)),
        }
    }

    /// The bias, or zeros.
    pub(crate) fn bias_or_zeros(&self) -> Tensor<1> {
        match &self.bias {
            Some(bias) => bias.val(),
            None => {
                let weight = self.weight.val();
                Tensor::zeros([self.outputs()], (&weight.device(), weight.dtype()))
            }
        }
    }

    /// Number of outputs.
    pub(crate) fn outputs(&self) -> usize {
        self.weight.dims()[0]
    }

    pub(crate) fn slots<'a>(&'a mut self, name: &str, slots: &mut Slots<'a>) {
        slots.push((vec![format!("{name}.weight")], Slot::Matrix(&mut self.weight)));
        if let Some(bias) = &mut self.bias {
            slots.push((vec![format!("{name}.bias")], Slot::Vector(bias)));
        }
    }

    /// Where a file has several maps that are one here: their names, in the order of their outputs.
    pub(crate) fn slots_of_parts<'a>(&'a mut self, names: &[String], slots: &mut Slots<'a>) {
        let all = |part: &str| names.iter().map(|name| format!("{name}.{part}")).collect();
        slots.push((all("weight"), Slot::Matrix(&mut self.weight)));
        if let Some(bias) = &mut self.bias {
            slots.push((all("bias"), Slot::Vector(bias)));
        }
    }
}

/// Single numbers dropped, where there is something to draw from.
pub(crate) fn dropped(x: Tensor<2>, drop: Option<(Stream, f32)>) -> Tensor<2> {
    match drop {
        Some((stream, p)) => drop_entries(x, stream, p),
        None => x,
    }
}

/// A layer norm, with or without a shift.
#[derive(Module, Debug)]
pub(crate) struct Norm {
    scale: Param<Tensor<1>>,
    shift: Option<Param<Tensor<1>>>,
    epsilon: f64,
}

impl Norm {
    pub(crate) fn new(width: usize, shift: bool, epsilon: f64, device: &Device) -> Self {
        let shift = shift.then(|| Param::from_tensor(Tensor::zeros([width], device)));
        Norm { scale: Param::from_tensor(Tensor::ones([width], device)), shift, epsilon }
    }

    pub(crate) fn forward(&self, x: Tensor<2>) -> Result<Tensor<2>, Error> {
        let shift = match &self.shift {
            Some(shift) => shift.val(),
            None => Tensor::zeros(self.scale.dims(), (&x.device(), x.dtype())),
        };
        layer_norm(x, self.scale.val(), shift, self.epsilon)
    }

    pub(crate) fn slots<'a>(&'a mut self, name: &str, slots: &mut Slots<'a>) {
        slots.push((vec![format!("{name}.weight")], Slot::Vector(&mut self.scale)));
        if let Some(shift) = &mut self.shift {
            slots.push((vec![format!("{name}.bias")], Slot::Vector(shift)));
        }
    }
}
