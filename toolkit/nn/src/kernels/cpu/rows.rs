//! One vector for each sequence of a packed batch, on the CPU.

use rayon::prelude::*;

use super::element::Element;
use crate::kernels::transformer::{Packing, Pooling};

/// The first row, the mean or the maximum of each sequence's rows: `[sequences, width]`.
pub(crate) fn gather<E: Element>(x: &[E], width: usize, packing: &Packing, how: Pooling) -> Vec<E> {
    let mut out = vec![E::ZERO; packing.sequence_count() * width];
    let sequences: Vec<_> = packing.sequences().collect();
    out.par_chunks_mut(width).zip(sequences).for_each(|(out, tokens)| {
        let share = E::of(1.0 / tokens.len() as f64);
        let rows = &x[tokens.start * width..tokens.end * width];
        match how {
            Pooling::First => out.copy_from_slice(&rows[..width]),
            Pooling::Mean => {
                for row in rows.chunks(width) {
                    out.iter_mut().zip(row).for_each(|(sum, value)| *sum += *value);
                }
                out.iter_mut().for_each(|value| *value *= share);
            }
            Pooling::Maximum => {
                out.fill(E::LOWEST);
                for row in rows.chunks(width) {
                    out.iter_mut()
                        .zip(row)
                        .for_each(|(best, value)| *best = if *value > *best { *value } else { *best });
                }
            }
        }
    });
    out
}

/// The maximum's gradient goes to the first row that reached it.
pub(crate) fn gather_backward<E: Element>(
    x: &[E],
    grad: &[E],
    width: usize,
    packing: &Packing,
    how: Pooling,
) -> Vec<E> {
    let mut out = vec![E::ZERO; x.len()];
    for (tokens, grad) in packing.sequences().zip(grad.chunks(width)) {
        let share = E::of(1.0 / tokens.len() as f64);
        let rows = &x[tokens.start * width..tokens.end * width];
        let out = &mut out[tokens.start * width..tokens.end * width];
        match how {
            Pooling::First => out[..width].copy_from_slice(grad),
            Pooling::Mean => {
                for row in out.chunks_mut(width) {
                    row.iter_mut().zip(grad).for_each(|(out, grad)| *out = *grad * share);
                }
            }
            Pooling::Maximum => {
                for (column, grad) in grad.iter().enumerate() {
                    let column_of = |row: usize| rows[row * width + column];
                    let better = |best: usize, row: usize| if column_of(row) > column_of(best) { row } else { best };
                    let best = (1..tokens.len()).fold(0, better);
                    out[best * width + column] = *grad;
                }
            }
        }
    }
    out
}
