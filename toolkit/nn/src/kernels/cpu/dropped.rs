//! Weight dropout on the CPU: the mask is drawn as it is applied, and drawn again in the backward.

use glossa_base::seed::Stream;
use rayon::prelude::*;

use super::element::{Element, for_each_processor};

/// Elements that one task handles.
const PART: usize = 1 << 14;

/// Each value with probability `p` zero, else divided by `1 - p`; value `i` is decided by number `i`
/// of the stream. Its own backward.
pub(crate) fn drop<E: Element>(values: &[E], stream: Stream, p: f32) -> Vec<E> {
    let mut kept = vec![E::ZERO; values.len()];
    let scale = E::of(f64::from(1.0 / (1.0 - p)));
    kept.par_chunks_mut(PART).zip(values.par_chunks(PART)).enumerate().for_each(|(part, (kept, values))| {
        drop_part(kept, values, stream, (part * PART) as u64, p, scale);
    });
    kept
}

for_each_processor! {
    drop_part<E>(kept: &mut [E], values: &[E], stream: Stream, first: u64, p: f32, scale: E) {
        let values = &values[..kept.len()];
        for index in 0..kept.len() {
            let drawn = stream.uniform(first + index as u64);
            kept[index] = if drawn < p { E::ZERO } else { values[index] * scale };
        }
    }
}

/// The factors alone: zero or `1 / (1 - p)`.
pub(crate) fn factors(count: usize, stream: Stream, p: f32) -> Vec<f32> {
    drop(&vec![1.0; count], stream, p)
}
