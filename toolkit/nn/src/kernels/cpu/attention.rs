//! Attention over packed sequences on the CPU: tiles of scores, never a whole matrix of them, forward
//! and backward (Dao et al. 2022). A local layer computes the tiles that its window touches, no more.
//! `docs/gradients.md` derives the backward.

use std::ops::Range;

use rayon::prelude::*;

use super::element::{Element, exp_and_sum, for_each_processor};
use super::matrix::{Rows, times_alone, times_transposed_alone, transposed_times_alone};
use crate::kernels::transformer::AttentionShape;

/// Queries and keys of a tile: its scores, a quarter of a megabyte, stay in a core's cache.
const QUERIES: usize = 128;
const KEYS: usize = 512;

/// Queries of a tile in a local layer: of its scores, those within reach count.
const LOCAL_QUERIES: usize = 64;

/// The outputs `[tokens, heads · size]` and, head after head, the logarithm of each token's sum of
/// exponentials `[heads, tokens]`, which the backward needs.
pub(crate) struct Attended<E> {
    pub(crate) output: Vec<E>,
    pub(crate) logs: Vec<E>,
}

/// Attention of `qkv` `[tokens, 3 · heads · size]`: queries, keys and values, heads side by side.
pub(crate) fn forward<E: Element>(qkv: &[E], shape: &AttentionShape) -> Attended<E> {
    let (tokens, size) = (shape.packing.token_count(), head_size(qkv, shape));
    let mut by_head = vec![E::ZERO; tokens * shape.heads * size];
    let mut logs = vec![E::ZERO; tokens * shape.heads];
    let tasks: Vec<_> = places(shape)
        .into_iter()
        .zip(parts(&mut by_head, shape, size))
        .zip(parts(&mut logs, shape, 1))
        .map(|((place, output), logs)| (place, output, logs))
        .collect();
    tasks.into_par_iter().for_each(|(place, output, logs)| {
        Head::read(qkv, shape, &place, size).forward(output, logs);
    });
    Attended { output: side_by_side(&by_head, shape.heads, tokens, size), logs }
}

/// The gradient of `qkv`, given what the forward pass gave.
pub(crate) fn backward<E: Element>(qkv: &[E], attended: (&[E], &[E]), grad: &[E], shape: &AttentionShape) -> Vec<E> {
    let (tokens, size) = (shape.packing.token_count(), head_size(qkv, shape));
    let mut by_head = vec![E::ZERO; tokens * shape.heads * 3 * size];
    let tasks: Vec<_> = places(shape).into_iter().zip(parts(&mut by_head, shape, 3 * size)).collect();
    tasks.into_par_iter().for_each(|(place, out)| {
        let head = Head::read(qkv, shape, &place, size);
        let width = shape.heads * size;
        let own = |rows: &[E]| columns(rows, &place.tokens, width, place.head * size..(place.head + 1) * size);
        let logs = &attended.1[place.head * tokens..][place.tokens.clone()];
        let gradients = head.backward(&own(attended.0), &own(grad), logs);
        gradients.interleave(out, size);
    });
    thirds_side_by_side(&by_head, shape.heads, tokens, size)
}

fn head_size<E>(qkv: &[E], shape: &AttentionShape) -> usize {
    qkv.len() / (3 * shape.heads * shape.packing.token_count())
}

/// One head over one sequence.
struct Place {
    head: usize,
    tokens: Range<usize>,
}

/// Every head over every sequence, head after head.
fn places(shape: &AttentionShape) -> Vec<Place> {
    let one = |head| shape.packing.sequences().map(move |tokens| Place { head, tokens });
    (0..shape.heads).flat_map(one).collect()
}

/// A buffer `[heads, tokens, width]` cut into the parts of [`places`].
fn parts<'a, E>(mut buffer: &'a mut [E], shape: &AttentionShape, width: usize) -> Vec<&'a mut [E]> {
    let cut = |place: Place| {
        let (part, rest) = std::mem::take(&mut buffer).split_at_mut(place.tokens.len() * width);
        buffer = rest;
        part
    };
    places(shape).into_iter().map(cut).collect()
}

/// `[heads, tokens, size]` to `[tokens, heads · size]`.
fn side_by_side<E: Element>(by_head: &[E], heads: usize, tokens: usize, size: usize) -> Vec<E> {
    let mut rows = vec![E::ZERO; by_head.len()];
    rows.par_chunks_mut(heads * size).enumerate().with_min_len(64).for_each(|(token, row)| {
        for (head, part) in row.chunks_mut(size).enumerate() {
            part.copy_from_slice(&by_head[(head * tokens + token) * size..][..size]);
        }
    });
    rows
}

/// `[heads, tokens, 3 · size]` to `[tokens, 3 · heads · size]`, all queries first.
fn thirds_side_by_side<E: Element>(by_head: &[E], heads: usize, tokens: usize, size: usize) -> Vec<E> {
    let mut rows = vec![E::ZERO; by_head.len()];
    rows.par_chunks_mut(3 * heads * size).enumerate().with_min_len(64).for_each(|(token, row)| {
        for (index, part) in row.chunks_mut(size).enumerate() {
            let (third, head) = (index / heads, index % heads);
            part.copy_from_slice(&by_head[((head * tokens + token) * 3 + third) * size..][..size]);
        }
    });
    rows
}

/// Some columns of some rows, as a matrix of their own.
fn columns<E: Copy>(rows: &[E], tokens: &Range<usize>, width: usize, columns: Range<usize>) -> Vec<E> {
    let mut out = Vec::with_capacity(tokens.len() * columns.len());
    tokens.clone().for_each(|token| out.extend_from_slice(&rows[token * width..][columns.clone()]));
    out
}

/// The keys that a query sees.
fn seen(query: usize, tokens: usize, reach: Option<usize>) -> Range<usize> {
    match reach {
        Some(reach) => query.saturating_sub(reach)..(query + reach + 1).min(tokens),
        None => 0..tokens,
    }
}

/// Tiles of queries and keys, row of tiles after row: those in which some query sees some key.
pub(crate) fn tiles(tokens: usize, reach: Option<usize>) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
    let height = if reach.is_some() { LOCAL_QUERIES } else { QUERIES };
    (0..tokens).step_by(height).flat_map(move |from| {
        let queries = from..(from + height).min(tokens);
        let (first, last) = (seen(from, tokens, reach).start, seen(queries.end - 1, tokens, reach).end);
        (first..last).step_by(KEYS).map(move |from| (queries.clone(), from..(from + KEYS).min(last)))
    })
}

/// Queries (scaled), keys and values `[tokens, size]` of a head, turned by their positions.
struct Head<'a, E> {
    queries: Vec<E>,
    keys: Vec<E>,
    values: Vec<E>,
    size: usize,
    shape: &'a AttentionShape,
}

/// Gradients of a head's queries, keys and values, before they were turned.
struct Gradients<E> {
    queries: Vec<E>,
    keys: Vec<E>,
    values: Vec<E>,
}

impl<E: Copy> Gradients<E> {
    /// Row after row: query, key, value.
    fn interleave(&self, out: &mut [E], size: usize) {
        let rows = self.queries.chunks(size).zip(self.keys.chunks(size)).zip(self.values.chunks(size));
        for (out, ((query, key), value)) in out.chunks_mut(3 * size).zip(rows) {
            out[..size].copy_from_slice(query);
            out[size..2 * size].copy_from_slice(key);
            out[2 * size..].copy_from_slice(value);
        }
    }
}

impl<'a, E: Element> Head<'a, E> {
    fn read(qkv: &[E], shape: &'a AttentionShape, place: &Place, size: usize) -> Self {
        let width = shape.heads * size;
        let third = |index: usize| {
            let from = index * width + place.head * size;
            columns(qkv, &place.tokens, 3 * width, from..from + size)
        };
        let mut head = Head { queries: third(0), keys: third(1), values: third(2), size, shape };
        head.turn(1.0);
        let scale = head.scale();
        head.queries.iter_mut().for_each(|value| *value *= scale);
        head
    }

    fn scale(&self) -> E {
        E::of(1.0 / (self.size as f64).sqrt())
    }

    fn turn(&mut self, direction: f64) {
        if let Some(rotation) = &self.shape.rotation {
            turn(&mut self.queries, self.size, rotation.angles(), direction);
            turn(&mut self.keys, self.size, rotation.angles(), direction);
        }
    }

    fn tokens(&self) -> usize {
        self.queries.len() / self.size
    }

    fn rows<'b>(&self, of: &'b [E], rows: &Range<usize>) -> Rows<'b, E> {
        Rows::whole(&of[rows.start * self.size..rows.end * self.size], rows.len(), self.size)
    }

    /// The keys that a query sees.
    fn seen(&self, query: usize) -> Range<usize> {
        seen(query, self.tokens(), self.shape.reach)
    }

    fn tiles(&self) -> impl Iterator<Item = (Range<usize>, Range<usize>)> + use<E> {
        tiles(self.tokens(), self.shape.reach)
    }

    /// The columns of a tile that a query sees.
    fn band(&self, query: usize, keys: &Range<usize>) -> Range<usize> {
        let seen = self.seen(query);
        let from = seen.start.clamp(keys.start, keys.end) - keys.start;
        from..(seen.end.clamp(keys.start, keys.end) - keys.start).max(from)
    }

    fn scores(&self, queries: &Range<usize>, keys: &Range<usize>, out: &mut [E]) {
        times_transposed_alone(out, false, self.rows(&self.queries, queries), self.rows(&self.keys, keys));
    }

    fn forward(&self, output: &mut [E], logs: &mut [E]) {
        let mut buffer = vec![E::ZERO; QUERIES.min(self.tokens()) * KEYS.min(self.tokens())];
        let mut sums = vec![Sum { largest: E::LOWEST, total: E::ZERO }; self.tokens()];
        for (queries, keys) in self.tiles() {
            let output = &mut output[span(&queries, self.size)];
            let scores = &mut buffer[..queries.len() * keys.len()];
            self.scores(&queries, &keys, scores);
            let rows = scores.chunks_mut(keys.len()).zip(output.chunks_mut(self.size));
            for ((row, output), (query, sum)) in rows.zip(queries.clone().zip(&mut sums[queries.clone()])) {
                sum.take_in(row, self.band(query, &keys), output);
            }
            let scores = Rows::whole(scores, queries.len(), keys.len());
            times_alone(output, true, scores, self.rows(&self.values, &keys));
        }
        for ((output, sum), log) in output.chunks_mut(self.size).zip(&sums).zip(logs) {
            let share = E::ONE / sum.total;
            output.iter_mut().for_each(|value| *value *= share);
            *log = E::of(sum.largest.wide() + sum.total.wide().ln());
        }
    }

    /// With P the softmax of the scores S and Δᵢ = ḡᵢ·oᵢ: dV = Pᵀḡ, dS = P ∘ (ḡVᵀ - Δ), dQ = dS·K, dK = dSᵀ·Q.
    fn backward(mut self, output: &[E], grad: &[E], logs: &[E]) -> Gradients<E> {
        let zeros = || vec![E::ZERO; self.queries.len()];
        let mut gradients = Gradients { queries: zeros(), keys: zeros(), values: zeros() };
        let tile = QUERIES.min(self.tokens()) * KEYS.min(self.tokens());
        let (mut shares, mut slopes) = (vec![E::ZERO; tile], vec![E::ZERO; tile]);
        let deltas: Vec<E> = grad.chunks(self.size).zip(output.chunks(self.size)).map(|(g, o)| inner(g, o)).collect();
        for (queries, keys) in self.tiles() {
            let cells = queries.len() * keys.len();
            let (shares, slopes) = (&mut shares[..cells], &mut slopes[..cells]);
            self.scores(&queries, &keys, shares);
            times_transposed_alone(slopes, false, self.rows(grad, &queries), self.rows(&self.values, &keys));
            let rows = shares.chunks_mut(keys.len()).zip(slopes.chunks_mut(keys.len()));
            for ((shares, slopes), query) in rows.zip(queries.clone()) {
                slope_row(shares, slopes, self.band(query, &keys), logs[query], deltas[query]);
            }
            let (own, other) = (span(&queries, self.size), span(&keys, self.size));
            let shares = Rows::whole(shares, queries.len(), keys.len());
            let slopes = Rows::whole(slopes, queries.len(), keys.len());
            transposed_times_alone(&mut gradients.values[other.clone()], true, shares, self.rows(grad, &queries));
            times_alone(&mut gradients.queries[own], true, slopes, self.rows(&self.keys, &keys));
            let queries = self.rows(&self.queries, &queries);
            transposed_times_alone(&mut gradients.keys[other], true, slopes, queries);
        }
        let scale = self.scale();
        gradients.queries.iter_mut().for_each(|value| *value *= scale);
        // The gradients turn back by the angle that queries and keys were turned by.
        self.queries = gradients.queries;
        self.keys = gradients.keys;
        self.turn(-1.0);
        Gradients { queries: self.queries, keys: self.keys, values: gradients.values }
    }
}

fn span(rows: &Range<usize>, size: usize) -> Range<usize> {
    rows.start * size..rows.end * size
}

/// A query's running sum of exponentials, relative to the largest score so far.
#[derive(Clone, Copy)]
struct Sum<E> {
    largest: E,
    total: E,
}

impl<E: Element> Sum<E> {
    /// Turns a row of scores into exponentials, and scales down what was summed before if a larger score came.
    fn take_in(&mut self, row: &mut [E], band: Range<usize>, output: &mut [E]) {
        row[..band.start].fill(E::ZERO);
        row[band.end..].fill(E::ZERO);
        let row = &mut row[band];
        let largest = largest(row);
        if largest > self.largest {
            let shrink = if self.total > E::ZERO { (self.largest - largest).exp() } else { E::ZERO };
            if self.total > E::ZERO {
                output.iter_mut().for_each(|value| *value *= shrink);
            }
            self.total *= shrink;
            self.largest = largest;
        }
        if !row.is_empty() {
            self.total += exp_and_sum(row, self.largest);
        }
    }
}

for_each_processor! {
    largest<E>(values: &[E]) -> E {
        let mut lanes = [E::LOWEST; 16];
        for block in values.chunks(16) {
            for (lane, value) in lanes.iter_mut().zip(block) {
                *lane = if *value > *lane { *value } else { *lane };
            }
        }
        lanes.into_iter().fold(E::LOWEST, |best, value| if value > best { value } else { best })
    }
}

for_each_processor! {
    /// The product of two rows, added in a fixed order.
    inner<E>(left: &[E], right: &[E]) -> E {
        let mut lanes = [E::ZERO; 16];
        for (left, right) in left.chunks(16).zip(right.chunks(16)) {
            for (lane, (left, right)) in lanes.iter_mut().zip(left.iter().zip(right)) {
                *lane += *left * *right;
            }
        }
        lanes.iter().fold(E::ZERO, |total, lane| total + *lane)
    }
}

for_each_processor! {
    /// Scores become shares, and the shares' gradients the scores'.
    slope_row<E>(shares: &mut [E], slopes: &mut [E], band: Range<usize>, log: E, delta: E) {
        shares[..band.start].fill(E::ZERO);
        shares[band.end..].fill(E::ZERO);
        slopes[..band.start].fill(E::ZERO);
        slopes[band.end..].fill(E::ZERO);
        for (share, slope) in shares[band.clone()].iter_mut().zip(&mut slopes[band]) {
            *share = (*share - log).exp();
            *slope = *share * (*slope - delta);
        }
    }
}

/// Turns row after row `[tokens, size]` by the angles of its position; `direction` -1 turns back.
fn turn<E: Element>(rows: &mut [E], size: usize, (cosines, sines): (&[f32], &[f32]), direction: f64) {
    let angles = cosines.chunks(size / 2).zip(sines.chunks(size / 2));
    for (row, angles) in rows.chunks_mut(size).zip(angles) {
        let (low, high) = row.split_at_mut(size / 2);
        turn_row(low, high, angles, E::of(direction));
    }
}

for_each_processor! {
    turn_row<E>(low: &mut [E], high: &mut [E], angles: (&[f32], &[f32]), direction: E) {
        let angles = angles.0.iter().zip(angles.1);
        for ((low, high), (cosine, sine)) in low.iter_mut().zip(high).zip(angles) {
            let (cosine, sine) = (E::of_single(*cosine), E::of_single(*sine) * direction);
            let (old_low, old_high) = (*low, *high);
            *low = old_low * cosine - old_high * sine;
            *high = old_high * cosine + old_low * sine;
        }
    }
}
