//! The operations of transformers over packed batches: the tokens of all sequences one after another,
//! `[tokens, width]`, without padding. What a sequence gives does not depend on its batch mates.

mod autodiff;
pub(super) mod backend;
pub(super) mod composed;

use std::ops::Range;
use std::sync::Arc;

use burn::backend::Dispatch;
use burn::prelude::*;
use serde::{Deserialize, Serialize};

use backend::TransformerOps;

use super::cpu::curve::Curve;
use super::shape::{alike, expect, filled, takes};
use crate::Error;

/// Where the sequences of a packed batch begin and end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packing {
    /// The first token of each sequence, and the end of the last.
    starts: Arc<[usize]>,
}

impl Packing {
    /// Sequences of these lengths, one after another.
    ///
    /// # Errors
    /// No sequence, or an empty one.
    pub fn new(lengths: &[usize]) -> Result<Self, Error> {
        if lengths.is_empty() || lengths.contains(&0) {
            return Err(Error::EmptyBatch);
        }
        Ok(Self::of(lengths))
    }

    /// As [`Packing::new`], of lengths that are known to be above zero.
    pub(crate) fn of(lengths: &[usize]) -> Self {
        let ends = lengths.iter().scan(0, |end, length| {
            *end += length;
            Some(*end)
        });
        Packing { starts: std::iter::once(0).chain(ends).collect() }
    }

    /// Number of sequences.
    pub fn sequence_count(&self) -> usize {
        self.starts.len() - 1
    }

    /// Tokens of all sequences together.
    pub fn token_count(&self) -> usize {
        self.starts.last().copied().unwrap_or_default()
    }

    /// The tokens of each sequence.
    pub fn sequences(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.starts.windows(2).map(|pair| pair[0]..pair[1])
    }

    /// Tokens of the longest sequence.
    pub fn longest(&self) -> usize {
        self.sequences().map(|tokens| tokens.len()).max().unwrap_or_default()
    }
}

/// Rotary positions (Su et al. 2021), halves rotated against each other: the angles of every position.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// `[positions, size / 2]`.
    cosines: Vec<f32>,
    sines: Vec<f32>,
}

impl Rotation {
    /// The angles `position · theta^(-2i / size)`, computed in 32 bits as the published models were.
    pub fn new(theta: f64, size: usize, positions: usize) -> Self {
        let rates: Vec<f32> = (0..size / 2).map(|i| 1.0 / (theta as f32).powf((2 * i) as f32 / size as f32)).collect();
        let angles = (0..positions).flat_map(|position| rates.iter().map(move |rate| position as f32 * rate));
        let (sines, cosines) =
            angles.map(|angle| f64::from(angle).sin_cos()).map(|(s, c)| (s as f32, c as f32)).unzip();
        Rotation { cosines, sines }
    }

    /// The cosines and sines `[positions, size / 2]`.
    pub(super) fn angles(&self) -> (&[f32], &[f32]) {
        (&self.cosines, &self.sines)
    }
}

/// Who attends to whom.
#[derive(Debug, Clone)]
pub struct AttentionShape {
    /// The sequences; no token sees another sequence.
    pub packing: Packing,
    /// Number of heads.
    pub heads: usize,
    /// How many tokens to either side a token sees; all without.
    pub reach: Option<usize>,
    /// Rotary positions, as many as the longest sequence has tokens.
    pub rotation: Option<Arc<Rotation>>,
}

/// How the rows of a sequence become one; the names are those of Hugging Face configurations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// The first one.
    #[default]
    #[serde(rename = "cls")]
    First,
    /// Their mean.
    Mean,
    /// Their maximum, column by column.
    #[serde(rename = "max")]
    Maximum,
}

/// `softmax(q·kᵀ / √size)·v` for every head and sequence, without ever holding a whole matrix of
/// scores. `qkv` `[tokens, 3 · heads · size]`: all queries, all keys, all values; `[tokens, heads · size]`.
///
/// # Errors
/// Shapes that do not fit.
pub fn attention(qkv: Tensor<2>, shape: &AttentionShape) -> Result<Tensor<2>, Error> {
    let [tokens, wide] = qkv.dims();
    filled("qkv", &[tokens, wide])?;
    let size = wide / (3 * shape.heads.max(1));
    expect("qkv", &[tokens, wide], &[shape.packing.token_count(), 3 * shape.heads * size])?;
    if let Some(rotation) = &shape.rotation {
        let positions = rotation.cosines.len() / (size / 2).max(1);
        if size % 2 == 1 || size == 0 || positions < shape.packing.longest() {
            let wanted = format!("{} positions of an even size", shape.packing.longest());
            return Err(Error::Shape { tensor: "rotation", found: vec![positions, size], wanted });
        }
    }
    if !takes(&qkv) {
        return Ok(composed::attention(qkv, shape));
    }
    let (output, _) = Dispatch::packed_attention(qkv.into_dispatch(), shape.clone());
    Ok(Tensor::from_dispatch(output))
}

/// `(x - mean) / √(variance + ε) · scale + shift` for each row of `x` `[rows, width]`.
///
/// # Errors
/// Shapes that do not fit.
pub fn layer_norm(x: Tensor<2>, scale: Tensor<1>, shift: Tensor<1>, epsilon: f64) -> Result<Tensor<2>, Error> {
    let [rows, width] = x.dims();
    filled("x", &[rows, width])?;
    expect("scale", &scale.dims(), &[width])?;
    expect("shift", &shift.dims(), &[width])?;
    alike(x.dtype(), &[("scale", scale.dtype()), ("shift", shift.dtype())])?;
    if !takes(&x) {
        return Ok(composed::layer_norm(x, scale, shift, epsilon));
    }
    let (x, scale, shift) = (x.into_dispatch(), scale.into_dispatch(), shift.into_dispatch());
    Ok(Tensor::from_dispatch(Dispatch::normalise_rows(x, scale, shift, epsilon)))
}

/// `curve(x)`, number by number.
pub fn curve(x: Tensor<2>, curve: Curve) -> Tensor<2> {
    if !takes(&x) {
        return composed::curve(x, curve);
    }
    Tensor::from_dispatch(Dispatch::curve(x.into_dispatch(), curve))
}

/// `curve(a) ∘ b` for each row `[a, b]` of `x` `[rows, 2 · width]` (GeGLU and its kin, Shazeer 2020).
///
/// # Errors
/// An odd width.
pub fn gated(x: Tensor<2>, curve: Curve) -> Result<Tensor<2>, Error> {
    let [rows, wide] = x.dims();
    filled("x", &[rows, wide])?;
    expect("x", &[rows, wide], &[rows, wide / 2 * 2])?;
    if !takes(&x) {
        return Ok(composed::gated(x, curve));
    }
    Ok(Tensor::from_dispatch(Dispatch::gated(x.into_dispatch(), curve)))
}

fn check_product(x: &Tensor<2>, weight: &Tensor<2>) -> Result<[usize; 2], Error> {
    let ([rows, inputs], [outputs, columns]) = (x.dims(), weight.dims());
    filled("x", &[rows, inputs])?;
    filled("weight", &[outputs, columns])?;
    expect("weight", &[outputs, columns], &[outputs, inputs])?;
    alike(x.dtype(), &[("weight", weight.dtype())])?;
    Ok([rows, outputs])
}

/// `x·Wᵀ`; weight `[outputs, inputs]` as PyTorch keeps it.
///
/// # Errors
/// Shapes that do not fit.
pub fn product(x: Tensor<2>, weight: Tensor<2>) -> Result<Tensor<2>, Error> {
    check_product(&x, &weight)?;
    if !takes(&x) {
        return Ok(x.matmul(weight.transpose()));
    }
    Ok(Tensor::from_dispatch(Dispatch::product(x.into_dispatch(), weight.into_dispatch())))
}

/// `residual + x·Wᵀ`.
///
/// # Errors
/// Shapes that do not fit.
pub fn product_onto(residual: Tensor<2>, x: Tensor<2>, weight: Tensor<2>) -> Result<Tensor<2>, Error> {
    let shape = check_product(&x, &weight)?;
    expect("residual", &residual.dims(), &shape)?;
    alike(x.dtype(), &[("residual", residual.dtype())])?;
    if !takes(&x) {
        return Ok(residual + x.matmul(weight.transpose()));
    }
    let (residual, x, weight) = (residual.into_dispatch(), x.into_dispatch(), weight.into_dispatch());
    Ok(Tensor::from_dispatch(Dispatch::product_onto(residual, x, weight)))
}

/// One vector for each sequence of `x` `[tokens, width]`: `[sequences, width]`.
///
/// # Errors
/// Shapes that do not fit.
pub fn gather(x: Tensor<2>, packing: &Packing, how: Pooling) -> Result<Tensor<2>, Error> {
    let [tokens, width] = x.dims();
    filled("x", &[tokens, width])?;
    expect("x", &[tokens, width], &[packing.token_count(), width])?;
    if !takes(&x) {
        return Ok(composed::gather(x, packing, how));
    }
    Ok(Tensor::from_dispatch(Dispatch::gather_rows(x.into_dispatch(), packing.clone(), how)))
}
