//! Layer normalisation on the CPU (Ba et al. 2016): each row to mean 0 and deviation 1, then scaled and
//! shifted by column.

use rayon::prelude::*;

use super::element::{Element, for_each_processor};

/// Columns that one task handles.
const STRIP: usize = 64;

/// Gradients of x, scale and shift.
pub(crate) struct Gradients<E> {
    pub(crate) x: Vec<E>,
    pub(crate) scale: Vec<E>,
    pub(crate) shift: Vec<E>,
}

/// `(x - mean) / √(variance + ε) · scale + shift` for each row of `x` `[rows, width]`.
pub(crate) fn forward<E: Element>(x: &[E], scale: &[E], shift: &[E], epsilon: f64) -> Vec<E> {
    let mut y = vec![E::ZERO; x.len()];
    let width = scale.len();
    y.par_chunks_mut(width).zip(x.par_chunks(width)).with_min_len(16).for_each(|(y, x)| {
        let (mean, rate) = moments(x, epsilon);
        normalise(x, y, (mean, rate), scale, shift);
    });
    y
}

/// With x̂ the normalised row and a = ḡ ∘ scale: dx = (a - mean(a) - x̂·mean(a ∘ x̂)) / deviation.
pub(crate) fn backward<E: Element>(x: &[E], scale: &[E], grad: &[E], epsilon: f64) -> Gradients<E> {
    let width = scale.len();
    let mut grad_x = vec![E::ZERO; x.len()];
    let rows = grad_x.par_chunks_mut(width).zip(x.par_chunks(width)).zip(grad.par_chunks(width)).with_min_len(16);
    let moments: Vec<(E, E)> = rows
        .map(|((out, x), grad)| {
            let (mean, rate) = moments(x, epsilon);
            row_backward(x, grad, out, (mean, rate), scale);
            (mean, rate)
        })
        .collect();
    let (mut grad_scale, mut grad_shift) = (vec![E::ZERO; width], vec![E::ZERO; width]);
    grad_scale.par_chunks_mut(STRIP).zip(grad_shift.par_chunks_mut(STRIP)).enumerate().for_each(
        |(strip, (scales, shifts))| {
            let columns = strip * STRIP..strip * STRIP + scales.len();
            for ((x, grad), (mean, rate)) in x.chunks(width).zip(grad.chunks(width)).zip(&moments) {
                add_row(&x[columns.clone()], &grad[columns.clone()], (*mean, *rate), scales, shifts);
            }
        },
    );
    Gradients { x: grad_x, scale: grad_scale, shift: grad_shift }
}

for_each_processor! {
    /// The mean of a row and one over its deviation.
    moments<E>(row: &[E], epsilon: f64) -> (E, E) {
        let count = row.len() as f64;
        let mean = E::of(total(row.len(), |at| row[at]).wide() / count);
        let variance = total(row.len(), |at| (row[at] - mean) * (row[at] - mean)).wide() / count;
        (mean, E::of(1.0 / (variance + epsilon).sqrt()))
    }
}

const LANES: usize = 16;

/// The sum of so many terms, in a fixed order that fills vector registers.
#[inline(always)]
fn total<E: Element>(count: usize, term: impl Fn(usize) -> E) -> E {
    let mut lanes = [E::ZERO; LANES];
    let whole = count / LANES * LANES;
    for block in (0..whole).step_by(LANES) {
        for (lane, sum) in lanes.iter_mut().enumerate() {
            *sum += term(block + lane);
        }
    }
    let rest = (whole..count).fold(E::ZERO, |sum, at| sum + term(at));
    lanes.iter().fold(rest, |total, lane| total + *lane)
}

for_each_processor! {
    normalise<E>(x: &[E], y: &mut [E], moments: (E, E), scale: &[E], shift: &[E]) {
        let (mean, rate) = moments;
        for ((y, x), (scale, shift)) in y.iter_mut().zip(x).zip(scale.iter().zip(shift)) {
            *y = (*x - mean) * rate * *scale + *shift;
        }
    }
}

for_each_processor! {
    row_backward<E>(x: &[E], grad: &[E], out: &mut [E], moments: (E, E), scale: &[E]) {
        let (mean, rate) = moments;
        let count = E::of(x.len() as f64);
        let (grad, scale) = (&grad[..x.len()], &scale[..x.len()]);
        let even = total(x.len(), |at| grad[at] * scale[at]) / count;
        let along = total(x.len(), |at| (x[at] - mean) * rate * grad[at] * scale[at]) / count;
        for (at, out) in out.iter_mut().enumerate().take(x.len()) {
            *out = rate * (grad[at] * scale[at] - even - (x[at] - mean) * rate * along);
        }
    }
}

for_each_processor! {
    add_row<E>(x: &[E], grad: &[E], moments: (E, E), scales: &mut [E], shifts: &mut [E]) {
        let (mean, rate) = moments;
        for ((x, grad), (scale, shift)) in x.iter().zip(grad).zip(scales.iter_mut().zip(shifts)) {
            *scale += *grad * (*x - mean) * rate;
            *shift += *grad;
        }
    }
}
