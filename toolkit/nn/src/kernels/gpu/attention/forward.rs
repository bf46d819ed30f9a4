//! Attention's forward kernel: a cube walks over the keys that its tile of queries sees, and keeps for each query the
//! largest score, the sum of exponentials and the weighed values so far.

use cubecl::prelude::*;

use super::tile::{
    LANES, Layout, Part, Place, UNSEEN, add_row, dot, first_seen, last_seen, load, place_of_cube, row_of, sees, zeros,
};

/// Scores of the tile of keys from `key_from` on, each unit every eighth of its query's.
#[cube]
fn score(
    scores: &mut Shared<[f32]>,
    queries: &Shared<[f32]>,
    keys: &Shared<[f32]>,
    place: &Place,
    key_from: usize,
    #[comptime] layout: Layout,
) {
    let tile = comptime!(layout.tile);
    let row = UNIT_POS as usize / LANES;
    let mut key = UNIT_POS as usize % LANES;
    while key < tile {
        let mut score = UNSEEN.runtime();
        if sees(place.from + row, key_from + key, place.end, layout) {
            score = dot(queries, keys, row, key, layout);
        }
        scores[row * tile + key] = score;
        key += LANES;
    }
}

#[cube(launch)]
pub(super) fn attend<F: Float>(
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
    let tile = comptime!(layout.tile);
    let place = place_of_cube(tiles, tile_count);
    let (row, lane) = (UNIT_POS as usize / LANES, UNIT_POS as usize % LANES);
    let mut queries = Shared::<[f32]>::new_slice(comptime!(layout.rows()));
    let mut others = Shared::<[f32]>::new_slice(comptime!(layout.rows()));
    let mut scores = Shared::<[f32]>::new_slice(comptime!(layout.scores()));
    load::<F, f32>(qkv, angles, &mut queries, &place, place.from, scale, Part::Query, layout);
    let mut sums = zeros(layout);
    let mut largest = UNSEEN.runtime();
    let mut total = 0.0f32;
    let mut key_from = first_seen(&place, layout);
    let last = last_seen(&place, layout);
    while key_from < last {
        load::<F, f32>(qkv, angles, &mut others, &place, key_from, 1.0, Part::Key, layout);
        sync_cube();
        score(&mut scores, &queries, &others, &place, key_from, layout);
        sync_cube();
        load::<F, f32>(qkv, angles, &mut others, &place, key_from, 1.0, Part::Value, layout);
        let mut best = largest;
        for key in 0..tile {
            best = max(best, scores[row * tile + key]);
        }
        let shrink = f32::exp(largest - best);
        largest = best;
        total *= shrink;
        for step in 0..comptime!(layout.columns_of_lane()) {
            sums[step] *= shrink;
        }
        sync_cube();
        for key in 0..tile {
            if scores[row * tile + key] > UNSEEN {
                let share = f32::exp(scores[row * tile + key] - best);
                total += share;
                add_row(&mut sums, share, &others, key, layout);
            }
        }
        sync_cube();
        key_from += tile;
    }
    let query = place.from + row;
    if query < place.end {
        let start = row_of(&place, query, Part::Output, layout);
        for step in 0..comptime!(layout.columns_of_lane()) {
            let k = step * LANES + lane;
            if k < comptime!(layout.size) {
                output[start + k] = F::cast_from(sums[step] / total);
            }
        }
        if lane == 0 {
            logs[place.head * tokens + query] = largest + f32::ln(total);
        }
    }
}
