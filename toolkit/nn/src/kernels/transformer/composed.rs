//! The same operations in plain tensor calls: the reference of the tests, and the way on devices that
//! have no kernel of ours yet.

use burn::prelude::*;
use burn::tensor::DType;
use burn::tensor::activation::{relu, sigmoid, softmax};

use super::{AttentionShape, Packing, Pooling, Rotation};
use crate::kernels::cpu::curve::Curve;

/// Attention sequence by sequence, with whole matrices of scores.
pub(crate) fn attention(qkv: Tensor<2>, shape: &AttentionShape) -> Tensor<2> {
    let [_, wide] = qkv.dims();
    let (heads, size, device) = (shape.heads, wide / (3 * shape.heads), qkv.device());
    let sequences = shape.packing.sequences().map(|tokens| {
        let count = tokens.len();
        let rows = qkv.clone().narrow(0, tokens.start, count);
        let third = |index: usize| -> Tensor<3> {
            rows.clone().narrow(1, index * heads * size, heads * size).reshape([count, heads, size]).swap_dims(0, 1)
        };
        let turned = |x: Tensor<3>| match &shape.rotation {
            Some(rotation) => turned(x, rotation),
            None => x,
        };
        let (queries, keys) = (turned(third(0)), turned(third(1)));
        let mut scores = queries.matmul(keys.swap_dims(1, 2)) / (size as f64).sqrt();
        if let Some(reach) = shape.reach {
            scores = scores + blocked(count, reach, (&device, qkv.dtype()));
        }
        softmax(scores, 2).matmul(third(2)).swap_dims(0, 1).reshape([count, heads * size])
    });
    Tensor::cat(sequences.collect(), 0)
}

/// Minus a lot where a query does not see a key, `[1, tokens, tokens]`.
fn blocked(count: usize, reach: usize, place: (&Device, DType)) -> Tensor<3> {
    let far = |query: usize, key: usize| if query.abs_diff(key) > reach { -1e9 } else { 0.0 };
    let values: Vec<f32> = (0..count).flat_map(|query| (0..count).map(move |key| far(query, key))).collect();
    Tensor::from_data(TensorData::new(values, [1, count, count]), place)
}

fn turned(x: Tensor<3>, rotation: &Rotation) -> Tensor<3> {
    let [_, count, size] = x.dims();
    let half = size / 2;
    let table = |values: &[f32]| -> Tensor<3> {
        Tensor::from_data(TensorData::new(values[..count * half].to_vec(), [1, count, half]), (&x.device(), x.dtype()))
    };
    let (cosines, sines) = (table(&rotation.cosines), table(&rotation.sines));
    let (low, high) = (x.clone().narrow(2, 0, half), x.clone().narrow(2, half, half));
    let new_low = low.clone() * cosines.clone() - high.clone() * sines.clone();
    Tensor::cat(vec![new_low, high * cosines + low * sines], 2)
}

/// Layer normalisation.
pub(crate) fn layer_norm(x: Tensor<2>, scale: Tensor<1>, shift: Tensor<1>, epsilon: f64) -> Tensor<2> {
    let centred = x.clone() - x.mean_dim(1);
    let variance = centred.clone().powi_scalar(2).mean_dim(1);
    centred / (variance + epsilon).sqrt() * scale.unsqueeze() + shift.unsqueeze()
}

/// A curve.
pub(crate) fn curve(x: Tensor<2>, curve: Curve) -> Tensor<2> {
    match curve {
        Curve::Gelu => x.clone() * ((x * std::f32::consts::FRAC_1_SQRT_2).erf() + 1.0) * 0.5,
        Curve::GeluTanh => {
            let inner = (x.clone() + x.clone().powi_scalar(3) * 0.044_715) * 0.797_884_560_802_865_4;
            x * (inner.tanh() + 1.0) * 0.5
        }
        Curve::Silu => x.clone() * sigmoid(x),
        Curve::Relu => relu(x),
        Curve::Tanh => x.tanh(),
    }
}

/// One half gates the other.
pub(crate) fn gated(x: Tensor<2>, how: Curve) -> Tensor<2> {
    let half = x.dims()[1] / 2;
    curve(x.clone().narrow(1, 0, half), how) * x.narrow(1, half, half)
}

/// One vector a sequence.
pub(crate) fn gather(x: Tensor<2>, packing: &Packing, how: Pooling) -> Tensor<2> {
    let one = |tokens: std::ops::Range<usize>| {
        let rows = x.clone().narrow(0, tokens.start, tokens.len());
        match how {
            Pooling::First => rows.narrow(0, 0, 1),
            Pooling::Mean => rows.mean_dim(0),
            Pooling::Maximum => rows.max_dim(0),
        }
    };
    Tensor::cat(packing.sequences().map(one).collect(), 0)
}
