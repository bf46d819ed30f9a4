//! The operations under automatic differentiation: each keeps what its backward needs. First order only.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;

use super::backend::TransformerOps;
use super::{AttentionShape, Packing, Pooling};
use crate::kernels::cpu::curve::Curve;
use crate::kernels::recording::{backward, constant, record, second_order};

backward!(TransformerOps, Attention, 1, ([FloatTensor<B>; 3], AttentionShape), |([qkv, output, logs], shape), grad| {
    [B::attention_backward(qkv, output, logs, grad, shape)]
});
backward!(TransformerOps, LayerNorm, 3, ([FloatTensor<B>; 2], f64), |([x, scale], epsilon), grad| {
    let (x, scale, shift) = B::layer_norm_backward(x, scale, grad, epsilon);
    [x, scale, shift]
});
backward!(TransformerOps, Curved, 1, (FloatTensor<B>, Curve), |(x, curve), grad| [B::curve_backward(x, grad, curve)]);
backward!(TransformerOps, Gated, 1, (FloatTensor<B>, Curve), |(x, curve), grad| [B::gated_backward(x, grad, curve)]);
backward!(TransformerOps, Product, 2, [FloatTensor<B>; 2], |[x, weight], grad| {
    let (x, weight) = B::product_backward(x, weight, grad);
    [x, weight]
});
backward!(TransformerOps, ProductOnto, 3, [FloatTensor<B>; 2], |[x, weight], grad| {
    let (x, weight) = B::product_backward(x, weight, grad.clone());
    [grad, x, weight]
});
backward!(TransformerOps, GatherRows, 1, (FloatTensor<B>, Packing, Pooling), |(x, packing, how), grad| {
    [B::gather_rows_backward(x, grad, packing, how)]
});

impl<B: TransformerOps, C: CheckpointStrategy> TransformerOps for Autodiff<B, C> {
    fn packed_attention(qkv: FloatTensor<Self>, shape: AttentionShape) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let run = |qkv| B::packed_attention(qkv, shape.clone());
        let keep =
            |output: &FloatTensor<B>, logs: &FloatTensor<B>, qkv| ([qkv, output.clone(), logs.clone()], shape.clone());
        let (output, logs) = record!(Attention, C, [qkv], run, keep);
        (output, constant::<B, C>(logs))
    }

    fn attention_backward(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: AttentionShape,
    ) -> FloatTensor<Self> {
        second_order()
    }

    fn normalise_rows(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        let run = |x, scale, shift| (B::normalise_rows(x, scale, shift, epsilon), ());
        record!(LayerNorm, C, [x, scale, shift], run, |_: &_, _: &_, x, scale, _| ([x, scale], epsilon)).0
    }

    fn layer_norm_backward(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        second_order()
    }

    fn curve(x: FloatTensor<Self>, curve: Curve) -> FloatTensor<Self> {
        record!(Curved, C, [x], |x| (B::curve(x, curve), ()), |_: &_, _: &_, x| (x, curve)).0
    }

    fn curve_backward(_: FloatTensor<Self>, _: FloatTensor<Self>, _: Curve) -> FloatTensor<Self> {
        second_order()
    }

    fn gated(x: FloatTensor<Self>, curve: Curve) -> FloatTensor<Self> {
        record!(Gated, C, [x], |x| (B::gated(x, curve), ()), |_: &_, _: &_, x| (x, curve)).0
    }

    fn gated_backward(_: FloatTensor<Self>, _: FloatTensor<Self>, _: Curve) -> FloatTensor<Self> {
        second_order()
    }

    fn product(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        record!(Product, C, [x, weight], |x, weight| (B::product(x, weight), ()), |_: &_, _: &_, x, weight| [x, weight])
            .0
    }

    fn product_onto(residual: FloatTensor<Self>, x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        // Not `record!`: it would keep a copy of the residual, which then could not be added to in place.
        match ProductOnto.prepare::<C>([residual.node(), x.node(), weight.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let (residual, x, weight) = (residual.into_primitive(), x.into_primitive(), weight.into_primitive());
                let output = B::product_onto(residual, x.clone(), weight.clone());
                prep.finish([x, weight], output)
            }
            OpsKind::UnTracked(prep) => {
                prep.finish(B::product_onto(residual.into_primitive(), x.into_primitive(), weight.into_primitive()))
            }
        }
    }

    fn product_backward(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        second_order()
    }

    fn gather_rows(x: FloatTensor<Self>, packing: Packing, how: Pooling) -> FloatTensor<Self> {
        let run = |x| (B::gather_rows(x, packing.clone(), how), ());
        record!(GatherRows, C, [x], run, |_: &_, _: &_, x| (x, packing.clone(), how)).0
    }

    fn gather_rows_backward(_: FloatTensor<Self>, _: FloatTensor<Self>, _: Packing, _: Pooling) -> FloatTensor<Self> {
        second_order()
    }
}
