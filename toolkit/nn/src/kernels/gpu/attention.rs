//! Attention over packed sequences on a GPU: a cube for each head and tile of queries, which walks over the tiles
//! of keys that some query of it sees; scores never leave the cube (Dao et al. 2022). The backward has a kernel
//! for queries and one for keys and values, so that every sum has one owner and a fixed order.

use burn::tensor::DType;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::tensor::{element, like, numbers, of_type, shape as dims};
use crate::kernels::transformer::AttentionShape;

/// Units that share a row of a tile: each has every eighth column.
const LANES: usize = 8;

/// The score of a key that a query does not see.
const UNSEEN: f32 = -1.0e30;

/// Queries, and keys, of a tile of the forward pass; the backward keeps four tiles in shared memory, so half.
const TILE: usize = 32;
const BACKWARD_TILE: usize = 16;

/// Sizes that are fixed when a kernel is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Layout {
    heads: usize,
    size: usize,
    tile: usize,
    rotated: bool,
    /// How far a token sees; none where it sees all of its sequence.
    reach: Option<usize>,
}

impl Layout {
    fn new(qkv: &CubeTensor, shape: &AttentionShape, tile: usize) -> Self {
        let [_, wide] = dims(qkv);
        let (heads, rotated) = (shape.heads, shape.rotation.is_some());
        Layout { heads, size: wide / (3 * heads), tile, rotated, reach: shape.reach }
    }

    fn columns_of_lane(self) -> usize {
        self.size.div_ceil(LANES)
    }

    fn units(self) -> usize {
        self.tile * LANES
    }
}

/// Brings rows of one third of `qkv`, turned by their positions if asked for, into shared memory; rows past the
/// sequence are zeros.
#[cube]
fn load<F: Float>(
    rows: &[F],
    cosines: &[f32],
    sines: &[f32],
    target: &mut Shared<[f32]>,
    sequence: usize,
    from: usize,
    end: usize,
    stride: usize,
    column: usize,
    scale: f32,
    #[comptime] layout: Layout,
    #[comptime] turned: bool,
) {
    let size = comptime!(layout.size);
    let half = comptime!(layout.size / 2);
    let mut at = UNIT_POS as usize;
    while at < comptime!(layout.tile * layout.size) {
        let (row, k) = (at / size, at % size);
        let token = from + row;
        let mut value = 0.0f32;
        if token < end {
            value = f32::cast_from(rows[token * stride + column + k]);
            if turned {
                let angle = (token - sequence) * half + k % half;
                if k < half {
                    let other = f32::cast_from(rows[token * stride + column + k + half]);
                    value = value * cosines[angle] - other * sines[angle];
                } else {
                    let other = f32::cast_from(rows[token * stride + column + k - half]);
                    value = value * cosines[angle] + other * sines[angle];
                }
            }
        }
        target[at] = value * scale;
        at += comptime!(layout.units());
    }
}

#[cube]
fn dot(left: &Shared<[f32]>, right: &Shared<[f32]>, row: usize, other: usize, #[comptime] size: usize) -> f32 {
    let mut sum = 0.0f32;
    for k in 0..size {
        sum += left[row * size + k] * right[other * size + k];
    }
    sum
}

/// Whether a query sees a key; both exist.
#[cube]
fn sees(query: usize, key: usize, end: usize, #[comptime] layout: Layout) -> bool {
    let mut seen = query < end && key < end;
    if comptime!(layout.reach.is_some()) {
        let reach = comptime!(layout.reach.unwrap_or_default());
        seen = seen && query <= key + reach && key <= query + reach;
    }
    seen
}

/// The first token that some token of a tile sees.
#[cube]
fn first_seen(from: usize, sequence: usize, #[comptime] layout: Layout) -> usize {
    let mut first = sequence;
    if comptime!(layout.reach.is_some()) {
        let reach = comptime!(layout.reach.unwrap_or_default());
        if from > sequence + reach {
            first = from - reach;
        }
    }
    first
}

/// One past the last token that some token of a tile sees.
#[cube]
fn last_seen(from: usize, end: usize, #[comptime] layout: Layout) -> usize {
    let mut last = end;
    if comptime!(layout.reach.is_some()) {
        let reach = comptime!(layout.reach.unwrap_or_default() + layout.tile);
        last = min(end, from + reach);
    }
    last
}

#[cube(launch)]
fn attend<F: Float>(
    qkv: &[F],
    tiles: &[u32],
    cosines: &[f32],
    sines: &[f32],
    output: &mut [F],
    logs: &mut [f32],
    tokens: usize,
    tile_count: usize,
    scale: f32,
    #[comptime] layout: Layout,
    #[define(F)] _dtype: ElemType,
) {
    let place = CUBE_POS;
    if place >= tile_count * comptime!(layout.heads) {
        terminate!();
    }
    let size = comptime!(layout.size);
    let tile = comptime!(layout.tile);
    let (head, index) = (place / tile_count, place % tile_count);
    let sequence = tiles[3 * index] as usize;
    let end = tiles[3 * index + 1] as usize;
    let from = tiles[3 * index + 2] as usize;
    let width = comptime!(layout.heads * layout.size);
    let (stride, column) = (3 * width, head * size);
    let (row, lane) = (UNIT_POS as usize / LANES, UNIT_POS as usize % LANES);
    let query = from + row;
    let mut queries = Shared::<[f32]>::new_slice(comptime!(layout.tile * layout.size));
    let mut others = Shared::<[f32]>::new_slice(comptime!(layout.tile * layout.size));
    let mut scores = Shared::<[f32]>::new_slice(comptime!(layout.tile * layout.tile));
    load::<F>(
        qkv,
        cosines,
        sines,
        &mut queries,
        sequence,
        from,
        end,
        stride,
        column,
        scale,
        layout,
        comptime!(layout.rotated),
    );
    let mut sums = Array::<f32>::new(comptime!(layout.columns_of_lane()));
    for part in 0..comptime!(layout.columns_of_lane()) {
        sums[part] = 0.0;
    }
    let mut largest = UNSEEN.runtime();
    let mut total = 0.0f32;
    let mut key_from = first_seen(from, sequence, layout);
    let last = last_seen(from, end, layout);
    while key_from < last {
        load::<F>(
            qkv,
            cosines,
            sines,
            &mut others,
            sequence,
            key_from,
            end,
            stride,
            column + width,
            1.0,
            layout,
            comptime!(layout.rotated),
        );
        sync_cube();
        let mut key = lane;
        while key < tile {
            let mut score = UNSEEN.runtime();
            if sees(query, key_from + key, end, layout) {
                score = dot(&queries, &others, row, key, size);
            }
            scores[row * tile + key] = score;
            key += LANES;
        }
        sync_cube();
        load::<F>(
            qkv,
            cosines,
            sines,
            &mut others,
            sequence,
            key_from,
            end,
            stride,
            column + 2 * width,
            1.0,
            layout,
            false,
        );
        let mut best = largest;
        for key in 0..tile {
            best = max(best, scores[row * tile + key]);
        }
        let shrink = f32::exp(largest - best);
        largest = best;
        total *= shrink;
        for part in 0..comptime!(layout.columns_of_lane()) {
            sums[part] *= shrink;
        }
        sync_cube();
        for key in 0..tile {
            if scores[row * tile + key] > UNSEEN {
                let share = f32::exp(scores[row * tile + key] - best);
                total += share;
                for part in 0..comptime!(layout.columns_of_lane()) {
                    let k = part * LANES + lane;
                    if k < size {
                        sums[part] += share * others[key * size + k];
                    }
                }
            }
        }
        sync_cube();
        key_from += tile;
    }
    if query < end {
        for part in 0..comptime!(layout.columns_of_lane()) {
            let k = part * LANES + lane;
            if k < size {
                output[query * width + column + k] = F::cast_from(sums[part] / total);
            }
        }
        if lane == 0 {
            logs[head * tokens + query] = largest + f32::ln(total);
        }
    }
}

/// `Σ grad ∘ output` of each token and head, `[heads, tokens]`.
#[cube(launch)]
fn row_products<F: Float>(
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

/// Writes rows of a gradient, turned back where they had been turned. Ends with every unit done.
#[cube]
fn store<F: Float>(
    sums: &Array<f32>,
    exchange: &mut Shared<[f32]>,
    cosines: &[f32],
    sines: &[f32],
    out: &mut [F],
    sequence: usize,
    token: usize,
    end: usize,
    at: usize,
    #[comptime] layout: Layout,
    #[comptime] turned: bool,
) {
    let size = comptime!(layout.size);
    let half = comptime!(layout.size / 2);
    let (row, lane) = (UNIT_POS as usize / LANES, UNIT_POS as usize % LANES);
    sync_cube();
    for part in 0..comptime!(layout.columns_of_lane()) {
        let k = part * LANES + lane;
        if k < size {
            exchange[row * size + k] = sums[part];
        }
    }
    sync_cube();
    if token < end {
        for part in 0..comptime!(layout.columns_of_lane()) {
            let k = part * LANES + lane;
            if k < size {
                let mut value = exchange[row * size + k];
                if turned {
                    let angle = (token - sequence) * half + k % half;
                    if k < half {
                        value = value * cosines[angle] + exchange[row * size + k + half] * sines[angle];
                    } else {
                        value = value * cosines[angle] - exchange[row * size + k - half] * sines[angle];
                    }
                }
                out[at + k] = F::cast_from(value);
            }
        }
    }
    sync_cube();
}

#[cube(launch)]
fn query_gradients<F: Float>(
    qkv: &[F],
    grad: &[F],
    logs: &[f32],
    products: &[f32],
    tiles: &[u32],
    cosines: &[f32],
    sines: &[f32],
    out: &mut [F],
    tokens: usize,
    tile_count: usize,
    scale: f32,
    #[comptime] layout: Layout,
    #[define(F)] _dtype: ElemType,
) {
    let place = CUBE_POS;
    if place >= tile_count * comptime!(layout.heads) {
        terminate!();
    }
    let size = comptime!(layout.size);
    let tile = comptime!(layout.tile);
    let (head, index) = (place / tile_count, place % tile_count);
    let sequence = tiles[3 * index] as usize;
    let end = tiles[3 * index + 1] as usize;
    let from = tiles[3 * index + 2] as usize;
    let width = comptime!(layout.heads * layout.size);
    let (stride, column) = (3 * width, head * size);
    let (row, lane) = (UNIT_POS as usize / LANES, UNIT_POS as usize % LANES);
    let query = from + row;
    let mut queries = Shared::<[f32]>::new_slice(comptime!(layout.tile * layout.size));
    let mut grads = Shared::<[f32]>::new_slice(comptime!(layout.tile * layout.size));
    let mut keys = Shared::<[f32]>::new_slice(comptime!(layout.tile * layout.size));
    let mut values = Shared::<[f32]>::new_slice(comptime!(layout.tile * layout.size));
    let mut slopes = Shared::<[f32]>::new_slice(comptime!(layout.tile * layout.tile));
    load::<F>(
        qkv,
        cosines,
        sines,
        &mut queries,
        sequence,
        from,
        end,
        stride,
        column,
        scale,
        layout,
        comptime!(layout.rotated),
    );
    load::<F>(grad, cosines, sines, &mut grads, sequence, from, end, width, column, 1.0, layout, false);
    let mut log = 0.0f32;
    let mut product = 0.0f32;
    if query < end {
        log = logs[head * tokens + query];
        product = products[head * tokens + query];
    }
    let mut sums = Array::<f32>::new(comptime!(layout.columns_of_lane()));
    for part in 0..comptime!(layout.columns_of_lane()) {
        sums[part] = 0.0;
    }
    let mut key_from = first_seen(from, sequence, layout);
    let last = last_seen(from, end, layout);
    while key_from < last {
        load::<F>(
            qkv,
            cosines,
            sines,
            &mut keys,
            sequence,
            key_from,
            end,
            stride,
            column + width,
            1.0,
            layout,
            comptime!(layout.rotated),
        );
        load::<F>(
            qkv,
            cosines,
            sines,
            &mut values,
            sequence,
            key_from,
            end,
            stride,
            column + 2 * width,
            1.0,
            layout,
            false,
        );
        sync_cube();
        let mut key = lane;
        while key < tile {
            let mut slope = 0.0f32;
            if sees(query, key_from + key, end, layout) {
                let share = f32::exp(dot(&queries, &keys, row, key, size) - log);
                slope = share * (dot(&grads, &values, row, key, size) - product);
            }
            slopes[row * tile + key] = slope;
            key += LANES;
        }
        sync_cube();
        for key in 0..tile {
            let slope = slopes[row * tile + key];
            for part in 0..comptime!(layout.columns_of_lane()) {
                let k = part * LANES + lane;
                if k < size {
                    sums[part] += slope * keys[key * size + k];
                }
            }
        }
        sync_cube();
        key_from += tile;
    }
    for part in 0..comptime!(layout.columns_of_lane()) {
        sums[part] *= scale;
    }
    store::<F>(
        &sums,
        &mut queries,
        cosines,
        sines,
        out,
        sequence,
        query,
        end,
        query * stride + column,
        layout,
        comptime!(layout.rotated),
    );
}

#[cube(launch)]
fn key_gradients<F: Float>(
    qkv: &[F],
    grad: &[F],
    logs: &[f32],
    products: &[f32],
    tiles: &[u32],
    cosines: &[f32],
    sines: &[f32],
    out: &mut [F],
    tokens: usize,
    tile_count: usize,
    scale: f32,
    #[comptime] layout: Layout,
    #[define(F)] _dtype: ElemType,
) {
    let place = CUBE_POS;
    if place >= tile_count * comptime!(layout.heads) {
        terminate!();
    }
    let size = comptime!(layout.size);
    let tile = comptime!(layout.tile);
    let (head, index) = (place / tile_count, place % tile_count);
    let sequence = tiles[3 * index] as usize;
    let end = tiles[3 * index + 1] as usize;
    let from = tiles[3 * index + 2] as usize;
    let width = comptime!(layout.heads * layout.size);
    let (stride, column) = (3 * width, head * size);
    let (row, lane) = (UNIT_POS as usize / LANES, UNIT_POS as usize % LANES);
    let key = from + row;
    let mut keys = Shared::<[f32]>::new_slice(comptime!(layout.tile * layout.size));
    let mut values = Shared::<[f32]>::new_slice(comptime!(layout.tile * layout.size));
    let mut queries = Shared::<[f32]>::new_slice(comptime!(layout.tile * layout.size));
    let mut grads = Shared::<[f32]>::new_slice(comptime!(layout.tile * layout.size));
    let mut shares = Shared::<[f32]>::new_slice(comptime!(layout.tile * layout.tile));
    let mut slopes = Shared::<[f32]>::new_slice(comptime!(layout.tile * layout.tile));
    load::<F>(
        qkv,
        cosines,
        sines,
        &mut keys,
        sequence,
        from,
        end,
        stride,
        column + width,
        1.0,
        layout,
        comptime!(layout.rotated),
    );
    load::<F>(qkv, cosines, sines, &mut values, sequence, from, end, stride, column + 2 * width, 1.0, layout, false);
    let mut key_sums = Array::<f32>::new(comptime!(layout.columns_of_lane()));
    let mut value_sums = Array::<f32>::new(comptime!(layout.columns_of_lane()));
    for part in 0..comptime!(layout.columns_of_lane()) {
        key_sums[part] = 0.0;
        value_sums[part] = 0.0;
    }
    let mut query_from = first_seen(from, sequence, layout);
    let last = last_seen(from, end, layout);
    while query_from < last {
        load::<F>(
            qkv,
            cosines,
            sines,
            &mut queries,
            sequence,
            query_from,
            end,
            stride,
            column,
            scale,
            layout,
            comptime!(layout.rotated),
        );
        load::<F>(grad, cosines, sines, &mut grads, sequence, query_from, end, width, column, 1.0, layout, false);
        sync_cube();
        let mut query = lane;
        while query < tile {
            let token = query_from + query;
            let mut share = 0.0f32;
            let mut slope = 0.0f32;
            if sees(token, key, end, layout) {
                let at = head * tokens + token;
                share = f32::exp(dot(&queries, &keys, query, row, size) - logs[at]);
                slope = share * (dot(&grads, &values, query, row, size) - products[at]);
            }
            shares[row * tile + query] = share;
            slopes[row * tile + query] = slope;
            query += LANES;
        }
        sync_cube();
        for query in 0..tile {
            let share = shares[row * tile + query];
            let slope = slopes[row * tile + query];
            for part in 0..comptime!(layout.columns_of_lane()) {
                let k = part * LANES + lane;
                if k < size {
                    key_sums[part] += slope * queries[query * size + k];
                    value_sums[part] += share * grads[query * size + k];
                }
            }
        }
        sync_cube();
        query_from += tile;
    }
    let at = key * stride + column;
    store::<F>(
        &key_sums,
        &mut keys,
        cosines,
        sines,
        out,
        sequence,
        key,
        end,
        at + width,
        layout,
        comptime!(layout.rotated),
    );
    store::<F>(&value_sums, &mut values, cosines, sines, out, sequence, key, end, at + 2 * width, layout, false);
}

/// What every launch gets: the tiles (first token of the sequence, its end, first token of the tile), their
/// number, and the angles of the positions.
struct Plan {
    tiles: CubeTensor,
    tile_count: usize,
    cosines: CubeTensor,
    sines: CubeTensor,
    scale: f32,
}

impl Plan {
    fn new(qkv: &CubeTensor, shape: &AttentionShape, layout: Layout) -> Self {
        let tiles: Vec<[usize; 3]> = shape
            .packing
            .sequences()
            .flat_map(|tokens| (tokens.clone()).step_by(layout.tile).map(move |from| [tokens.start, tokens.end, from]))
            .collect();
        let angles = shape.rotation.as_ref().map(|rotation| rotation.angles());
        let (cosines, sines) = angles.unwrap_or((&[0.0], &[0.0]));
        Plan {
            tiles: numbers(qkv, tiles.iter().flatten().copied()),
            tile_count: tiles.len(),
            cosines: floats(qkv, cosines),
            sines: floats(qkv, sines),
            scale: 1.0 / (layout.size as f32).sqrt(),
        }
    }

    fn cubes(&self, layout: Layout) -> (CubeCount, CubeDim) {
        let (count, _) = super::tensor::whole_cubes(self.tile_count * layout.heads);
        (count, CubeDim::new_1d(layout.units() as u32))
    }
}

fn floats(reference: &CubeTensor, values: &[f32]) -> CubeTensor {
    let handle = reference.client.create_from_slice(f32::as_bytes(values));
    let (client, device) = (reference.client.clone(), reference.device.clone());
    CubeTensor::new_contiguous(client, device, [values.len()].into(), handle, DType::F32)
}

/// Outputs and logarithms of the sums of exponentials.
pub(super) fn forward(qkv: CubeTensor, shape: &AttentionShape) -> (CubeTensor, CubeTensor) {
    let ([tokens, wide], layout) = (dims(&qkv), Layout::new(&qkv, shape, TILE));
    let plan = Plan::new(&qkv, shape, layout);
    let output = like(&qkv, [tokens, wide / 3]);
    let logs = of_type(&qkv, [shape.heads, tokens], DType::F32);
    let ((count, dim), client, dtype) = (plan.cubes(layout), qkv.client.clone(), element(&qkv));
    attend::launch(
        &client,
        count,
        dim,
        qkv.into_buffer_arg(),
        plan.tiles.into_buffer_arg(),
        plan.cosines.into_buffer_arg(),
        plan.sines.into_buffer_arg(),
        output.clone().into_buffer_arg(),
        logs.clone().into_buffer_arg(),
        tokens,
        plan.tile_count,
        plan.scale,
        layout,
        dtype,
    );
    (output, logs)
}

/// The gradient of qkv.
pub(super) fn backward([qkv, output, logs, grad]: [CubeTensor; 4], shape: &AttentionShape) -> CubeTensor {
    let ([tokens, wide], layout) = (dims(&qkv), Layout::new(&qkv, shape, BACKWARD_TILE));
    let plan = Plan::new(&qkv, shape, layout);
    let products = products(output, &grad, tokens, layout);
    let gradient = like(&qkv, [tokens, wide]);
    let (client, dtype) = (qkv.client.clone(), element(&qkv));
    macro_rules! launch {
        ($kernel:ident) => {{
            let (count, dim) = plan.cubes(layout);
            $kernel::launch(
                &client,
                count,
                dim,
                qkv.clone().into_buffer_arg(),
                grad.clone().into_buffer_arg(),
                logs.clone().into_buffer_arg(),
                products.clone().into_buffer_arg(),
                plan.tiles.clone().into_buffer_arg(),
                plan.cosines.clone().into_buffer_arg(),
                plan.sines.clone().into_buffer_arg(),
                gradient.clone().into_buffer_arg(),
                tokens,
                plan.tile_count,
                plan.scale,
                layout,
                dtype,
            );
        }};
    }
    launch!(query_gradients);
    launch!(key_gradients);
    gradient
}

fn products(output: CubeTensor, grad: &CubeTensor, tokens: usize, layout: Layout) -> CubeTensor {
    let products = of_type(grad, [layout.heads, tokens], DType::F32);
    let ((count, dim), dtype) = (super::tensor::units(layout.heads * tokens), element(grad));
    let (output, grad_argument) = (output.into_buffer_arg(), grad.clone().into_buffer_arg());
    row_products::launch(
        &grad.client,
        count,
        dim,
        output,
        grad_argument,
        products.clone().into_buffer_arg(),
        tokens,
        layout,
        dtype,
    );
    products
}
