//! The curves between the two linear maps of a transformer's layer on the CPU, alone (BERT) or gating
//! another half (ModernBERT's GeGLU, Shazeer 2020).

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::element::{Element, for_each_processor};

/// A function of one number; the names are those of Hugging Face configurations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Curve {
    /// x·Φ(x), with the normal distribution's Φ (Hendrycks and Gimpel 2016).
    #[default]
    Gelu,
    /// The same with a tanh for Φ, as BERT's first release computed it.
    #[serde(rename = "gelu_new", alias = "gelu_pytorch_tanh", alias = "gelu_fast")]
    GeluTanh,
    /// x·sigmoid(x).
    #[serde(alias = "swish")]
    Silu,
    /// max(0, x).
    Relu,
    /// Hyperbolic tangent.
    Tanh,
}

/// `curve(x)`, number by number.
pub(crate) fn forward<E: Element>(x: &[E], curve: Curve) -> Vec<E> {
    let mut y = vec![E::ZERO; x.len()];
    y.par_chunks_mut(PART).zip(x.par_chunks(PART)).for_each(|(y, x)| bend(x, y, curve));
    y
}

/// `grad ∘ curve'(x)`.
pub(crate) fn backward<E: Element>(x: &[E], grad: &[E], curve: Curve) -> Vec<E> {
    let mut out = grad.to_vec();
    out.par_chunks_mut(PART).zip(x.par_chunks(PART)).for_each(|(out, x)| bend_back(x, out, curve));
    out
}

/// `curve(a) ∘ b` for each row `[a, b]` of `x` `[rows, 2 · width]`.
pub(crate) fn gated<E: Element>(x: &[E], width: usize, curve: Curve) -> Vec<E> {
    let mut y = vec![E::ZERO; x.len() / 2];
    y.par_chunks_mut(width).zip(x.par_chunks(2 * width)).with_min_len(16).for_each(|(y, x)| {
        let (a, b) = x.split_at(width);
        gate(a, b, y, curve);
    });
    y
}

/// `da = grad ∘ b ∘ curve'(a)` and `db = grad ∘ curve(a)`.
pub(crate) fn gated_backward<E: Element>(x: &[E], grad: &[E], width: usize, curve: Curve) -> Vec<E> {
    let mut out = vec![E::ZERO; x.len()];
    let rows = out.par_chunks_mut(2 * width).zip(x.par_chunks(2 * width)).zip(grad.par_chunks(width));
    rows.with_min_len(16).for_each(|((out, x), grad)| {
        let ((a, b), (da, db)) = (x.split_at(width), out.split_at_mut(width));
        gate_back((a, b), grad, (da, db), curve);
    });
    out
}

/// Numbers that one task handles.
const PART: usize = 1 << 13;

/// Calls a function with the curve known to the compiler, so that its loop has no branch.
macro_rules! by_curve {
    ($curve:expr, |$one:ident| $body:expr) => {
        match $curve {
            Curve::Gelu => {
                let $one = gelu;
                $body
            }
            Curve::GeluTanh => {
                let $one = gelu_tanh;
                $body
            }
            Curve::Silu => {
                let $one = silu;
                $body
            }
            Curve::Relu => {
                let $one = relu;
                $body
            }
            Curve::Tanh => {
                let $one = tanh;
                $body
            }
        }
    };
}

for_each_processor! {
    bend<E>(x: &[E], y: &mut [E], curve: Curve) {
        by_curve!(curve, |one| y.iter_mut().zip(x).for_each(|(y, x)| *y = one(*x).0));
    }
}

for_each_processor! {
    bend_back<E>(x: &[E], grad: &mut [E], curve: Curve) {
        by_curve!(curve, |one| grad.iter_mut().zip(x).for_each(|(grad, x)| *grad *= one(*x).1));
    }
}

for_each_processor! {
    gate<E>(a: &[E], b: &[E], y: &mut [E], curve: Curve) {
        by_curve!(curve, |one| y.iter_mut().zip(a.iter().zip(b)).for_each(|(y, (a, b))| *y = one(*a).0 * *b));
    }
}

for_each_processor! {
    gate_back<E>(x: (&[E], &[E]), grad: &[E], out: (&mut [E], &mut [E]), curve: Curve) {
        by_curve!(curve, |one| {
            let inputs = x.0.iter().zip(x.1).zip(grad);
            for (((a, b), grad), (da, db)) in inputs.zip(out.0.iter_mut().zip(out.1)) {
                let (value, slope) = one(*a);
                *da = *grad * *b * slope;
                *db = *grad * value;
            }
        });
    }
}

/// Value and slope: the slope of x·Φ(x) is Φ(x) + x·φ(x).
#[inline(always)]
fn gelu<E: Element>(x: E) -> (E, E) {
    let (below, density) = x.normal();
    (x * below, below + x * density)
}

#[inline(always)]
fn gelu_tanh<E: Element>(x: E) -> (E, E) {
    let (root, cube) = (E::of(0.797_884_560_802_865_4), E::of(0.044_715));
    let bent = (root * (x + cube * x * x * x)).tanh();
    let half = E::of(0.5);
    let inner = root * (E::ONE + E::of(3.0) * cube * x * x);
    (half * x * (E::ONE + bent), half * (E::ONE + bent) + half * x * (E::ONE - bent * bent) * inner)
}

#[inline(always)]
fn silu<E: Element>(x: E) -> (E, E) {
    let share = x.sigmoid();
    (x * share, share * (E::ONE + x * (E::ONE - share)))
}

#[inline(always)]
fn relu<E: Element>(x: E) -> (E, E) {
    if x > E::ZERO { (x, E::ONE) } else { (E::ZERO, E::ZERO) }
}

#[inline(always)]
fn tanh<E: Element>(x: E) -> (E, E) {
    let y = x.tanh();
    (y, E::ONE - y * y)
}
