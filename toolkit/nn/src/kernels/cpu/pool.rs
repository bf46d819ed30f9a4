//! Concat pooling on the CPU.

use rayon::prelude::*;

use super::element::Element;

/// Last step, maximum and mean over the span `start..end` of each row: `[batch, 3·width]` (Howard
/// and Ruder 2018, section 3.3). Steps outside the span do not exist.
pub(crate) fn concat_pool<E: Element>(x: &[E], spans: &[usize], time: usize, width: usize) -> Vec<E> {
    let mut pooled = vec![E::ZERO; spans.len() / 2 * 3 * width];
    pooled.par_chunks_mut(3 * width).zip(x.par_chunks(time * width)).zip(spans.par_chunks(2)).for_each(
        |((pooled, x), span)| {
            let (last, rest) = pooled.split_at_mut(width);
            let (largest, mean) = rest.split_at_mut(width);
            last.copy_from_slice(&x[(span[1] - 1) * width..span[1] * width]);
            largest.fill(E::LOWEST);
            for step in x[span[0] * width..span[1] * width].chunks(width) {
                for k in 0..width {
                    largest[k] = if step[k] > largest[k] { step[k] } else { largest[k] };
                    mean[k] += step[k];
                }
            }
            let share = E::of(1.0 / (span[1] - span[0]) as f64);
            mean.iter_mut().for_each(|value| *value *= share);
        },
    );
    pooled
}

/// The maximum's gradient goes to the first step that reached it.
pub(crate) fn concat_pool_backward<E: Element>(
    x: &[E],
    spans: &[usize],
    grad: &[E],
    time: usize,
    width: usize,
) -> Vec<E> {
    let mut grad_x = vec![E::ZERO; x.len()];
    let rows = grad_x.par_chunks_mut(time * width).zip(x.par_chunks(time * width));
    rows.zip(spans.par_chunks(2)).zip(grad.par_chunks(3 * width)).for_each(|(((grad_x, x), span), grad)| {
        let share = E::of(1.0 / (span[1] - span[0]) as f64);
        for k in 0..width {
            let mut best = span[0];
            for t in span[0]..span[1] {
                grad_x[t * width + k] = grad[2 * width + k] * share;
                if x[t * width + k] > x[best * width + k] {
                    best = t;
                }
            }
            grad_x[best * width + k] += grad[width + k];
            grad_x[(span[1] - 1) * width + k] += grad[k];
        }
    });
    grad_x
}
