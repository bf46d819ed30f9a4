//! Attention's backward kernels through tensor cores: one whose cubes own tiles of queries, one whose cubes own tiles of
//! keys. Both compute the shares again from the logarithms that the forward pass kept.

use cubecl::cmma::Matrix;
use cubecl::prelude::*;

use super::{ROWS, TILE, scores_stride, shares_stride};
use super::{add, columns, multiply, new_rows, new_scores, new_shares, no_sums, place_of_unit, put};
use crate::kernels::gpu::attention::tile::{
    Layout, Part, Place, first_seen, last_seen, load, place_of_cube, row_of, sees, turned_back,
};

/// Writes this plane's rows of a part's gradient, turned back where they had been turned.
#[cube]
fn give<F: Float>(
    sums: &Sequence<Matrix<f32>>,
    scores: &mut Shared<[f32]>,
    angles: &[f32],
    out: &mut [F],
    place: &Place,
    #[comptime] part: Part,
    #[comptime] layout: Layout,
) {
    let size = comptime!(layout.size);
    let (plane, _, _) = place_of_unit();
    sync_plane();
    put(sums, scores, comptime!(columns(layout)), layout);
    sync_plane();
    let mut at = UNIT_POS as usize % 32;
    while at < comptime!(TILE * size) {
        let (own, k) = (plane * TILE + at / size, at % size);
        let token = place.from + own;
        if token < place.end {
            let start = own * comptime!(scores_stride(layout));
            let value = turned_back(&*scores, angles, start, k, token - place.sequence, part, layout);
            out[row_of(place, token, part, layout) + k] = F::cast_from(value);
        }
        at += 32;
    }
}

#[cube(launch)]
pub(in super::super) fn query_gradients<F: Float>(
    qkv: &[F],
    grad: &[F],
    logs: &[f32],
    products: &[f32],
    tiles: &[u32],
    angles: &[f32],
    out: &mut [F],
    tokens: usize,
    tile_count: usize,
    scale: f32,
    #[comptime] layout: Layout,
    #[define(F)] _dtype: ElemType,
) {
    if CUBE_POS >= tile_count * comptime!(layout.heads) {
        terminate!();
    }
    let place = place_of_cube(tiles, tile_count);
    let (_, row, side) = place_of_unit();
    let mut queries = new_rows::<F>(layout);
    let mut grads = new_rows::<F>(layout);
    let mut keys = new_rows::<F>(layout);
    let mut values = new_rows::<F>(layout);
    let mut scores = new_scores(layout);
    let mut weighed = new_scores(layout);
    let mut slopes = new_shares::<F>();
    load::<F, F>(qkv, angles, &mut queries, &place, place.from, 1.0, Part::Query, layout);
    load::<F, F>(grad, angles, &mut grads, &place, place.from, 1.0, Part::Output, layout);
    let query = place.from + row;
    let at = place.head * tokens + min(query, place.end - 1);
    let (log, product) = (logs[at], products[at]);
    let sums = no_sums(comptime!(columns(layout)));
    let mut key_from = first_seen(&place, layout);
    let last = last_seen(&place, layout);
    while key_from < last {
        sync_cube();
        load::<F, F>(qkv, angles, &mut keys, &place, key_from, 1.0, Part::Key, layout);
        load::<F, F>(qkv, angles, &mut values, &place, key_from, 1.0, Part::Value, layout);
        sync_cube();
        multiply(&queries, &keys, &mut scores, layout);
        multiply(&grads, &values, &mut weighed, layout);
        sync_plane();
        for pair in 0..comptime!(ROWS / 2) {
            let column = 2 * pair + side;
            let from = row * comptime!(scores_stride(layout)) + column;
            let mut slope = 0.0f32;
            if sees(query, key_from + column, place.end, layout) {
                slope = f32::exp(scores[from] * scale - log) * (weighed[from] - product) * scale;
            }
            slopes[row * comptime!(shares_stride()) + column] = F::cast_from(slope);
        }
        sync_plane();
        add(&sums, &slopes, &keys, layout);
        key_from += ROWS;
    }
    give(&sums, &mut scores, angles, out, &place, Part::Query, layout);
}

#[cube(launch)]
pub(in super::super) fn key_gradients<F: Float>(
    qkv: &[F],
    grad: &[F],
    logs: &[f32],
    products: &[f32],
    tiles: &[u32],
    angles: &[f32],
    out: &mut [F],
    tokens: usize,
    tile_count: usize,
    scale: f32,
    #[comptime] layout: Layout,
    #[define(F)] _dtype: ElemType,
) {
    if CUBE_POS >= tile_count * comptime!(layout.heads) {
        terminate!();
    }
    let place = place_of_cube(tiles, tile_count);
    let (_, row, side) = place_of_unit();
    let mut keys = new_rows::<F>(layout);
    let mut values = new_rows::<F>(layout);
    let mut queries = new_rows::<F>(layout);
    let mut grads = new_rows::<F>(layout);
    let mut scores = new_scores(layout);
    let mut weighed = new_scores(layout);
    let mut shares = new_shares::<F>();
    let mut slopes = new_shares::<F>();
    load::<F, F>(qkv, angles, &mut keys, &place, place.from, 1.0, Part::Key, layout);
    load::<F, F>(qkv, angles, &mut values, &place, place.from, 1.0, Part::Value, layout);
    let key_sums = no_sums(comptime!(columns(layout)));
    let value_sums = no_sums(comptime!(columns(layout)));
    let mut query_from = first_seen(&place, layout);
    let last = last_seen(&place, layout);
    while query_from < last {
        sync_cube();
        load::<F, F>(qkv, angles, &mut queries, &place, query_from, 1.0, Part::Query, layout);
        load::<F, F>(grad, angles, &mut grads, &place, query_from, 1.0, Part::Output, layout);
        sync_cube();
        multiply(&keys, &queries, &mut scores, layout);
        multiply(&values, &grads, &mut weighed, layout);
        sync_plane();
        for pair in 0..comptime!(ROWS / 2) {
            let column = 2 * pair + side;
            let from = row * comptime!(scores_stride(layout)) + column;
            let query = query_from + column;
            let mut share = 0.0f32;
            let mut slope = 0.0f32;
            if sees(query, place.from + row, place.end, layout) {
                let at = place.head * tokens + query;
                share = f32::exp(scores[from] * scale - logs[at]);
                slope = share * (weighed[from] - products[at]) * scale;
            }
            shares[row * comptime!(shares_stride()) + column] = F::cast_from(share);
            slopes[row * comptime!(shares_stride()) + column] = F::cast_from(slope);
        }
        sync_plane();
        add(&key_sums, &slopes, &queries, layout);
        add(&value_sums, &shares, &grads, layout);
        query_from += ROWS;
    }
    give(&key_sums, &mut scores, angles, out, &place, Part::Key, layout);
    give(&value_sums, &mut weighed, angles, out, &place, Part::Value, layout);
}
