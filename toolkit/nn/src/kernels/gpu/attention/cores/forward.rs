//! Attention's forward kernel through tensor cores. It walks over the keys twice: first for the logarithms of the sums
//! of exponentials, then for the weighed values, which so need no second scaling when a larger score comes.

use cubecl::prelude::*;

use super::{ROWS, TILE, scores_stride, shares_stride};
use super::{add, columns, multiply, new_rows, new_scores, new_shares, no_sums, place_of_unit, put};
use crate::kernels::gpu::attention::tile::{
    Layout, Part, UNSEEN, first_seen, last_seen, load, place_of_cube, row_of, sees,
};

/// What a unit saw of its row: the largest score, and the sum of exponentials with regard to it.
#[derive(CubeType, Clone, Copy)]
struct Seen {
    largest: f32,
    total: f32,
}

/// What it saw after another tile of keys, half of whose columns are its.
#[cube]
fn after(
    scores: &Shared<[f32]>,
    seen: Seen,
    query: usize,
    key_from: usize,
    end: usize,
    scale: f32,
    #[comptime] layout: Layout,
) -> Seen {
    let (_, row, side) = place_of_unit();
    let start = row * comptime!(scores_stride(layout)) + side;
    let mut largest = seen.largest;
    for pair in 0..comptime!(ROWS / 2) {
        if sees(query, key_from + 2 * pair + side, end, layout) {
            largest = max(largest, scores[start + 2 * pair] * scale);
        }
    }
    let mut total = seen.total * f32::exp(seen.largest - largest);
    for pair in 0..comptime!(ROWS / 2) {
        if sees(query, key_from + 2 * pair + side, end, layout) {
            total += f32::exp(scores[start + 2 * pair] * scale - largest);
        }
    }
    Seen { largest, total }
}

#[cube(launch)]
pub(in super::super) fn attend<F: Float>(
    qkv: &[F],
    tiles: &[u32],
    angles: &[f32],
    output: &mut [F],
    logs: &mut [f32],
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
    let (plane, row, side) = place_of_unit();
    let query = place.from + row;
    let mut queries = new_rows::<F>(layout);
    let mut keys = new_rows::<F>(layout);
    let mut values = new_rows::<F>(layout);
    let mut scores = new_scores(layout);
    let mut shares = new_shares::<F>();
    load::<F, F>(qkv, angles, &mut queries, &place, place.from, 1.0, Part::Query, layout);
    let mut largest = UNSEEN.runtime();
    let mut total = 0.0f32;
    let (first, last) = (first_seen(&place, layout), last_seen(&place, layout));
    let mut key_from = first;
    while key_from < last {
        sync_cube();
        load::<F, F>(qkv, angles, &mut keys, &place, key_from, 1.0, Part::Key, layout);
        sync_cube();
        multiply(&queries, &keys, &mut scores, layout);
        sync_plane();
        let seen = after(&scores, Seen { largest, total }, query, key_from, place.end, scale, layout);
        largest = seen.largest;
        total = seen.total;
        key_from += ROWS;
    }
    let other = Seen { largest: plane_shuffle_xor(largest, 1u32), total: plane_shuffle_xor(total, 1u32) };
    let best = max(largest, other.largest);
    let both = total * f32::exp(largest - best) + other.total * f32::exp(other.largest - best);
    let log = best + f32::ln(both);
    let sums = no_sums(comptime!(columns(layout)));
    key_from = first;
    while key_from < last {
        sync_cube();
        load::<F, F>(qkv, angles, &mut keys, &place, key_from, 1.0, Part::Key, layout);
        load::<F, F>(qkv, angles, &mut values, &place, key_from, 1.0, Part::Value, layout);
        sync_cube();
        multiply(&queries, &keys, &mut scores, layout);
        sync_plane();
        let start = row * comptime!(scores_stride(layout));
        for pair in 0..comptime!(ROWS / 2) {
            let column = 2 * pair + side;
            let mut share = 0.0f32;
            if sees(query, key_from + column, place.end, layout) {
                share = f32::exp(scores[start + column] * scale - log);
            }
            shares[row * comptime!(shares_stride()) + column] = F::cast_from(share);
        }
        sync_plane();
        add(&sums, &shares, &values, layout);
        key_from += ROWS;
    }
    sync_plane();
    put(&sums, &mut scores, comptime!(columns(layout)), layout);
    sync_plane();
    let mut at = UNIT_POS as usize % 32;
    while at < comptime!(TILE * layout.size) {
        let (own, k) = (plane * TILE + at / comptime!(layout.size), at % comptime!(layout.size));
        if place.from + own < place.end {
            let to = row_of(&place, place.from + own, Part::Output, layout) + k;
            output[to] = F::cast_from(scores[own * comptime!(scores_stride(layout)) + k]);
        }
        at += 32;
    }
    if query < place.end && side == 0 {
        logs[place.head * tokens + query] = log;
    }
}
