//! The operations of `transformer::backend` on a GPU: tensors made contiguous, then the kernels beside this file.

use burn::backend::ops::FloatTensorOps;
use burn_cubecl::CubeBackend;
use burn_cubecl::tensor::CubeTensor;

use super::product::times;
use super::tensor::{contiguous, transposed};
use super::{attention, curve as curves, norm, rows};
use crate::kernels::cpu::curve::Curve;
use crate::kernels::transformer::backend::TransformerOps;
use crate::kernels::transformer::{AttentionShape, Packing, Pooling};

impl TransformerOps for CubeBackend {
    fn packed_attention(qkv: CubeTensor, shape: AttentionShape) -> (CubeTensor, CubeTensor) {
        contiguous!(qkv);
        attention::forward(qkv, &shape)
    }

    fn attention_backward(
        qkv: CubeTensor,
        output: CubeTensor,
        logs: CubeTensor,
        grad: CubeTensor,
        shape: AttentionShape,
    ) -> CubeTensor {
        contiguous!(qkv, output, logs, grad);
        attention::backward([qkv, output, logs, grad], &shape)
    }

    fn normalise_rows(x: CubeTensor, scale: CubeTensor, shift: CubeTensor, epsilon: f64) -> CubeTensor {
        contiguous!(x, scale, shift);
        norm::forward(x, scale, shift, epsilon)
    }

    fn layer_norm_backward(
        x: CubeTensor,
        scale: CubeTensor,
        grad: CubeTensor,
        epsilon: f64,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        contiguous!(x, scale, grad);
        norm::backward(x, scale, grad, epsilon)
    }

    fn curve(x: CubeTensor, curve: Curve) -> CubeTensor {
        contiguous!(x);
        curves::forward(x, curve)
    }

    fn curve_backward(x: CubeTensor, grad: CubeTensor, curve: Curve) -> CubeTensor {
        contiguous!(x, grad);
        curves::backward(x, grad, curve)
    }

    fn gated(x: CubeTensor, curve: Curve) -> CubeTensor {
        contiguous!(x);
        curves::gated(x, curve)
    }

    fn gated_backward(x: CubeTensor, grad: CubeTensor, curve: Curve) -> CubeTensor {
        contiguous!(x, grad);
        curves::gated_backward(x, grad, curve)
    }

    fn product(x: CubeTensor, weight: CubeTensor) -> CubeTensor {
        contiguous!(x, weight);
        times(x, transposed(weight))
    }

    fn product_onto(residual: CubeTensor, x: CubeTensor, weight: CubeTensor) -> CubeTensor {
        contiguous!(x, weight);
        CubeBackend::float_add(residual, times(x, transposed(weight)))
    }

    fn product_backward(x: CubeTensor, weight: CubeTensor, grad: CubeTensor) -> (CubeTensor, CubeTensor) {
        contiguous!(x, weight, grad);
        (times(grad.clone(), weight), times(transposed(grad), x))
    }

    fn gather_rows(x: CubeTensor, packing: Packing, how: Pooling) -> CubeTensor {
        contiguous!(x);
        rows::forward(x, &packing, how)
    }

    fn gather_rows_backward(x: CubeTensor, grad: CubeTensor, packing: Packing, how: Pooling) -> CubeTensor {
        contiguous!(x, grad);
        rows::backward(x, grad, &packing, how)
    }
}
