//! Weight dropout on the CPU: the mask is drawn as it is applied, and drawn again in the backward.

use glossa_base::seed::Stream;
use rayon::prelude::*;

use super::element::Element;

/// Elements that one task handles.
const PART: usize = 1 << 14;

/// Each value with probability `p` zero, else divided by `1 - p`; value `i` is decided by number `i`
/// of the stream. Its own backward.
pub(crate) fn drop<E: Element>(values: &[E], stream: Stream, p: f32) -> Vec<E> {
    let mut kept = vec![E::ZERO; values.len()];
    let scale = E::of(f64::from(1.0 / (1.0 - p)));
    kept.par_chunks_mut(PART).zip(values.par_chunks(PART)).enumerate().for_each(|(part, (kept, values))| {
        for (index, (kept, value)) in kept.iter_mut().zip(values).enumerate() {
            let drawn = stream.uniform((part * PART + index) as u64);
            *kept = if drawn < p { E::ZERO } else { *value * scale };
        }
    });
    kept
}

/// The factors alone: zero or `1 / (1 - p)`.
pub(crate) fn factors(count: usize, stream: Stream, p: f32) -> Vec<f32> {
    drop(&vec![1.0; count], stream, p)
}
