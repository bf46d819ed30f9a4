//! Operations on the steps of a sequence on the CPU: each beside the one before, and masks that are the
//! same at every step.

use rayon::prelude::*;

use super::element::Element;

/// `[x_t, x_{t-1}]` along the features; `before` `[batch, width]` is the step before the first.
pub(crate) fn with_previous<E: Element>(x: &[E], before: &[E], time: usize, width: usize) -> Vec<E> {
    let mut both = vec![E::ZERO; 2 * x.len()];
    both.par_chunks_mut(2 * time * width).zip(x.par_chunks(time * width)).zip(before.par_chunks(width)).for_each(
        |((both, x), before)| {
            for (t, target) in both.chunks_mut(2 * width).enumerate() {
                target[..width].copy_from_slice(&x[t * width..(t + 1) * width]);
                target[width..].copy_from_slice(if t == 0 { before } else { &x[(t - 1) * width..t * width] });
            }
        },
    );
    both
}

/// `dx_t` = the left half at t plus the right half at t+1.
pub(crate) fn with_previous_backward<E: Element>(grad: &[E], time: usize, width: usize) -> Vec<E> {
    let mut grad_x = vec![E::ZERO; grad.len() / 2];
    grad_x.par_chunks_mut(time * width).zip(grad.par_chunks(2 * time * width)).for_each(|(grad_x, grad)| {
        for (t, target) in grad_x.chunks_mut(width).enumerate() {
            target.copy_from_slice(&grad[2 * t * width..(2 * t + 1) * width]);
            if t + 1 < time {
                for (sum, value) in target.iter_mut().zip(&grad[(2 * t + 3) * width..(2 * t + 4) * width]) {
                    *sum += *value;
                }
            }
        }
    });
    grad_x
}

/// Multiplies every step by the same mask `[batch, width]` (variational dropout).
pub(crate) fn mask_steps<E: Element>(x: &[E], mask: &[E], time: usize, width: usize) -> Vec<E> {
    let mut masked = vec![E::ZERO; x.len()];
    masked.par_chunks_mut(time * width).zip(x.par_chunks(time * width)).zip(mask.par_chunks(width)).for_each(
        |((masked, x), mask)| {
            for (target, source) in masked.chunks_mut(width).zip(x.chunks(width)) {
                for k in 0..width {
                    target[k] = source[k] * mask[k];
                }
            }
        },
    );
    masked
}
