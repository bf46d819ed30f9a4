//! The operations as an extension of burn's backends, the CPU's calls into `cpu`. Shapes were checked by
//! the functions before anything arrives here.

use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Flex, backend_extension};

use super::{AttentionShape, Packing, Pooling};
use crate::kernels::backend::{contiguous, shape as dims, tensor};
use crate::kernels::cpu::curve::{self, Curve};
use crate::kernels::cpu::matrix::{Rows, times, times_transposed, transposed_times};
use crate::kernels::cpu::{attention, norm, rows};
use crate::kernels::profile::timed;

/// Operations with hand-written gradients; shapes as in `transformer`.
#[backend_extension(Autodiff, Flex, Cube: cfg(feature = "gpu"))]
pub(in crate::kernels) trait TransformerOps: Backend {
    /// Outputs, and the logarithms of the sums of exponentials `[heads, tokens]`.
    fn packed_attention(qkv: FloatTensor<Self>, shape: AttentionShape) -> (FloatTensor<Self>, FloatTensor<Self>);
    /// Gradient of qkv.
    fn attention_backward(
        qkv: FloatTensor<Self>,
        output: FloatTensor<Self>,
        logs: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        shape: AttentionShape,
    ) -> FloatTensor<Self>;
    /// Normalised rows.
    fn normalise_rows(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self>;
    /// Gradients of x, scale and shift.
    fn layer_norm_backward(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        epsilon: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
    /// A curve, number by number.
    fn curve(x: FloatTensor<Self>, curve: Curve) -> FloatTensor<Self>;
    /// Gradient of x.
    fn curve_backward(x: FloatTensor<Self>, grad: FloatTensor<Self>, curve: Curve) -> FloatTensor<Self>;
    /// One half of each row gates the other.
    fn gated(x: FloatTensor<Self>, curve: Curve) -> FloatTensor<Self>;
    /// Gradient of x.
    fn gated_backward(x: FloatTensor<Self>, grad: FloatTensor<Self>, curve: Curve) -> FloatTensor<Self>;
    /// `x·Wᵀ`.
    fn product(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self>;
    /// `residual + x·Wᵀ`.
    fn product_onto(residual: FloatTensor<Self>, x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self>;
    /// Gradients of x and weight.
    fn product_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        grad: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);
    /// One vector a sequence.
    fn gather_rows(x: FloatTensor<Self>, packing: Packing, how: Pooling) -> FloatTensor<Self>;
    /// Gradient of x.
    fn gather_rows_backward(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        packing: Packing,
        how: Pooling,
    ) -> FloatTensor<Self>;
}

impl TransformerOps for Flex {
    fn packed_attention(qkv: FlexTensor, shape: AttentionShape) -> (FlexTensor, FlexTensor) {
        contiguous!(qkv);
        let [tokens, wide] = dims(&qkv);
        let name = if shape.reach.is_some() { "local attention" } else { "global attention" };
        let attended = timed(name, || attention::forward(qkv.storage::<f32>(), &shape));
        (tensor(attended.output, [tokens, wide / 3]), tensor(attended.logs, [shape.heads, tokens]))
    }

    fn attention_backward(
        qkv: FlexTensor,
        output: FlexTensor,
        logs: FlexTensor,
        grad: FlexTensor,
        shape: AttentionShape,
    ) -> FlexTensor {
        contiguous!(qkv, output, logs, grad);
        let name = if shape.reach.is_some() { "local attention, backward" } else { "global attention, backward" };
        let gradient = timed(name, || {
            attention::backward(qkv.storage::<f32>(), (output.storage(), logs.storage()), grad.storage(), &shape)
        });
        tensor(gradient, dims::<2>(&qkv))
    }

    fn normalise_rows(x: FlexTensor, scale: FlexTensor, shift: FlexTensor, epsilon: f64) -> FlexTensor {
        contiguous!(x, scale, shift);
        let y = timed("layer norm", || norm::forward(x.storage::<f32>(), scale.storage(), shift.storage(), epsilon));
        tensor(y, dims::<2>(&x))
    }

    fn layer_norm_backward(
        x: FlexTensor,
        scale: FlexTensor,
        grad: FlexTensor,
        epsilon: f64,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        contiguous!(x, scale, grad);
        let width = dims::<1>(&scale);
        let gradients = timed("layer norm, backward", || {
            norm::backward(x.storage::<f32>(), scale.storage(), grad.storage(), epsilon)
        });
        (tensor(gradients.x, dims::<2>(&x)), tensor(gradients.scale, width), tensor(gradients.shift, width))
    }

    fn curve(x: FlexTensor, curve: Curve) -> FlexTensor {
        contiguous!(x);
        tensor(timed("curve", || curve::forward(x.storage::<f32>(), curve)), dims::<2>(&x))
    }

    fn curve_backward(x: FlexTensor, grad: FlexTensor, curve: Curve) -> FlexTensor {
        contiguous!(x, grad);
        let gradient = timed("curve, backward", || curve::backward(x.storage::<f32>(), grad.storage(), curve));
        tensor(gradient, dims::<2>(&x))
    }

    fn gated(x: FlexTensor, curve: Curve) -> FlexTensor {
        contiguous!(x);
        let [rows, wide] = dims(&x);
        tensor(timed("gate", || curve::gated(x.storage::<f32>(), wide / 2, curve)), [rows, wide / 2])
    }

    fn gated_backward(x: FlexTensor, grad: FlexTensor, curve: Curve) -> FlexTensor {
        contiguous!(x, grad);
        let [rows, wide] = dims(&x);
        let gradient =
            timed("gate, backward", || curve::gated_backward(x.storage::<f32>(), grad.storage(), wide / 2, curve));
        tensor(gradient, [rows, wide])
    }

    fn product(x: FlexTensor, weight: FlexTensor) -> FlexTensor {
        contiguous!(x, weight);
        let ([rows, inputs], [outputs, _]) = (dims(&x), dims(&weight));
        let mut y = vec![0.0_f32; rows * outputs];
        timed("product", || {
            let (x, weight) = (Rows::whole(x.storage(), rows, inputs), Rows::whole(weight.storage(), outputs, inputs));
            times_transposed(&mut y, outputs, false, x, weight);
        });
        tensor(y, [rows, outputs])
    }

    fn product_onto(residual: FlexTensor, x: FlexTensor, weight: FlexTensor) -> FlexTensor {
        contiguous!(x, weight);
        let mut y = residual.to_contiguous();
        drop(residual);
        let ([rows, inputs], [outputs, _]) = (dims(&x), dims(&weight));
        timed("product", || {
            let (x, weight) = (Rows::whole(x.storage(), rows, inputs), Rows::whole(weight.storage(), outputs, inputs));
            times_transposed(y.storage_mut::<f32>(), outputs, true, x, weight);
        });
        y
    }

    fn product_backward(x: FlexTensor, weight: FlexTensor, grad: FlexTensor) -> (FlexTensor, FlexTensor) {
        contiguous!(x, weight, grad);
        let ([rows, inputs], [outputs, _]) = (dims(&x), dims(&weight));
        let (mut grad_x, mut grad_weight) = (vec![0.0_f32; rows * inputs], vec![0.0_f32; outputs * inputs]);
        timed("product, backward", || {
            let grad = Rows::whole(grad.storage(), rows, outputs);
            times(&mut grad_x, inputs, false, grad, Rows::whole(weight.storage(), outputs, inputs));
            transposed_times(&mut grad_weight, false, grad, Rows::whole(x.storage(), rows, inputs));
        });
        (tensor(grad_x, [rows, inputs]), tensor(grad_weight, [outputs, inputs]))
    }

    fn gather_rows(x: FlexTensor, packing: Packing, how: Pooling) -> FlexTensor {
        contiguous!(x);
        let [_, width] = dims(&x);
        let gathered = timed("gathering", || rows::gather(x.storage::<f32>(), width, &packing, how));
        tensor(gathered, [packing.sequence_count(), width])
    }

    fn gather_rows_backward(x: FlexTensor, grad: FlexTensor, packing: Packing, how: Pooling) -> FlexTensor {
        contiguous!(x, grad);
        let [tokens, width] = dims(&x);
        let gradient = timed("gathering, backward", || {
            rows::gather_backward(x.storage::<f32>(), grad.storage(), width, &packing, how)
        });
        tensor(gradient, [tokens, width])
    }
}
