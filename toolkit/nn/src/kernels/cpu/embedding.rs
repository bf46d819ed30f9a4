//! Rows of the embedding on the CPU, with whole rows dropped.

use rayon::prelude::*;

use super::element::Element;

/// Rows `ids` of a table, each times its own scale (embedding dropout).
pub(crate) fn embed<E: Element>(table: &[E], ids: &[usize], scales: &[E], width: usize) -> Vec<E> {
    let mut rows = vec![E::ZERO; ids.len() * width];
    rows.par_chunks_mut(width).zip(ids).with_min_len(64).for_each(|(row, &id)| {
        for (value, source) in row.iter_mut().zip(&table[id * width..(id + 1) * width]) {
            *value = *source * scales[id];
        }
    });
    rows
}

/// Gradient of the table; sums in the order of the ids.
pub(crate) fn embed_backward<E: Element>(ids: &[usize], scales: &[E], grad: &[E], width: usize) -> Vec<E> {
    let mut table = vec![E::ZERO; scales.len() * width];
    for (row, &id) in grad.chunks(width).zip(ids) {
        for (sum, value) in table[id * width..(id + 1) * width].iter_mut().zip(row) {
            *sum += *value * scales[id];
        }
    }
    table
}
