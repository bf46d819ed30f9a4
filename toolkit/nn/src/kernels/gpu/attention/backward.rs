//! Attention's backward kernels: one whose cubes own tiles of queries, one whose cubes own tiles of keys, so that every
//! sum has one owner. Both compute the shares again from the logarithms that the forward pass kept.

use cubecl::prelude::*;

use super::tile::{LANES, Layout, Part, add_row, dot, first_seen, last_seen, load, place_of_cube, sees, store, zeros};

/// `Σ grad ∘ output` of each token and head, `[heads, tokens]`.
#[cube(launch)]
pub(super) fn row_products<F: Float>(
    output: &[F],
    grad: &[F],
    products: &mut [f32],
    tokens: usize,
    #[comptime] layout: Layout,
    #[define(F)] _dtype: ElemType,
) {
    let at = ABSOLUTE_POS;
    if at >= products.len() {
        terminate!();
    }
    let (head, token) = (at / tokens, at % tokens);
    let from = token * comptime!(layout.heads * layout.size) + head * comptime!(layout.size);
    let mut sum = 0.0f32;
    for k in 0..comptime!(layout.size) {
        sum += f32::cast_from(output[from + k]) * f32::cast_from(grad[from + k]);
    }
    products[at] = sum;
}

#[cube(launch)]
pub(super) fn query_gradients<F: Float>(
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
    let tile = comptime!(layout.tile);
    let place = place_of_cube(tiles, tile_count);
    let (row, lane) = (UNIT_POS as usize / LANES, UNIT_POS as usize % LANES);
    let mut queries = Shared::<[f32]>::new_slice(comptime!(layout.rows()));
    let mut grads = Shared::<[f32]>::new_slice(comptime!(layout.rows()));
    let mut keys = Shared::<[f32]>::new_slice(comptime!(layout.rows()));
    let mut values = Shared::<[f32]>::new_slice(comptime!(layout.rows()));
    let mut slopes = Shared::<[f32]>::new_slice(comptime!(layout.scores()));
    load::<F, f32>(qkv, angles, &mut queries, &place, place.from, scale, Part::Query, layout);
    load::<F, f32>(grad, angles, &mut grads, &place, place.from, 1.0, Part::Output, layout);
    let query = place.from + row;
    let at = place.head * tokens + min(query, place.end - 1);
    let (log, product) = (logs[at], products[at]);
    let mut sums = zeros(layout);
    let mut key_from = first_seen(&place, layout);
    let last = last_seen(&place, layout);
    while key_from < last {
        load::<F, f32>(qkv, angles, &mut keys, &place, key_from, 1.0, Part::Key, layout);
        load::<F, f32>(qkv, angles, &mut values, &place, key_from, 1.0, Part::Value, layout);
        sync_cube();
        let mut key = lane;
        while key < tile {
            let mut slope = 0.0f32;
            if sees(query, key_from + key, place.end, layout) {
                let share = f32::exp(dot(&queries, &keys, row, key, layout) - log);
                slope = share * (dot(&grads, &values, row, key, layout) - product);
            }
            slopes[row * tile + key] = slope * scale;
            key += LANES;
        }
        sync_cube();
        for key in 0..tile {
            add_row(&mut sums, slopes[row * tile + key], &keys, key, layout);
        }
        sync_cube();
        key_from += tile;
    }
    store::<F>(&sums, &mut queries, angles, out, &place, Part::Query, layout);
}

#[cube(launch)]
pub(super) fn key_gradients<F: Float>(
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
    let tile = comptime!(layout.tile);
    let place = place_of_cube(tiles, tile_count);
    let (row, lane) = (UNIT_POS as usize / LANES, UNIT_POS as usize % LANES);
    let mut keys = Shared::<[f32]>::new_slice(comptime!(layout.rows()));
    let mut values = Shared::<[f32]>::new_slice(comptime!(layout.rows()));
    let mut queries = Shared::<[f32]>::new_slice(comptime!(layout.rows()));
    let mut grads = Shared::<[f32]>::new_slice(comptime!(layout.rows()));
    let mut shares = Shared::<[f32]>::new_slice(comptime!(layout.scores()));
    let mut slopes = Shared::<[f32]>::new_slice(comptime!(layout.scores()));
    load::<F, f32>(qkv, angles, &mut keys, &place, place.from, 1.0, Part::Key, layout);
    load::<F, f32>(qkv, angles, &mut values, &place, place.from, 1.0, Part::Value, layout);
    let (mut key_sums, mut value_sums) = (zeros(layout), zeros(layout));
    let mut query_from = first_seen(&place, layout);
    let last = last_seen(&place, layout);
    while query_from < last {
        load::<F, f32>(qkv, angles, &mut queries, &place, query_from, scale, Part::Query, layout);
        load::<F, f32>(grad, angles, &mut grads, &place, query_from, 1.0, Part::Output, layout);
        sync_cube();
        let mut query = lane;
        while query < tile {
            let token = query_from + query;
            let mut share = 0.0f32;
            let mut slope = 0.0f32;
            if sees(token, place.from + row, place.end, layout) {
                let at = place.head * tokens + token;
                share = f32::exp(dot(&queries, &keys, query, row, layout) - logs[at]);
                slope = share * (dot(&grads, &values, query, row, layout) - products[at]);
            }
            shares[row * tile + query] = share;
            slopes[row * tile + query] = slope;
            query += LANES;
        }
        sync_cube();
        for query in 0..tile {
            add_row(&mut key_sums, slopes[row * tile + query], &queries, query, layout);
            add_row(&mut value_sums, shares[row * tile + query], &grads, query, layout);
        }
        sync_cube();
        query_from += tile;
    }
    store::<F>(&key_sums, &mut keys, angles, out, &place, Part::Key, layout);
    store::<F>(&value_sums, &mut values, angles, out, &place, Part::Value, layout);
}
