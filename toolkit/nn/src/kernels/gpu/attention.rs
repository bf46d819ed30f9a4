//! Attention over packed sequences on a GPU: a cube for each head and tile of queries, which walks over the tiles
//! of keys that some query of it sees; scores never leave the cube (Dao et al. 2022). The backward has a kernel
//! for queries and one for keys and values, so that every sum has one owner and a fixed order. Types of sixteen bits go
//! through tensor cores where there are some (`cores`), others number by number (`forward`, `backward`).

mod backward;
mod cores;
mod forward;
mod tile;

use burn::tensor::DType;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::tensor::{IntoArgument, element, floats, like, numbers, of_type, shape as dims, units, whole_cubes};
use crate::kernels::transformer::AttentionShape;
use tile::{LANES, Layout};

/// Queries, and keys, of a tile of the forward pass; the backward keeps four tiles in shared memory, so half.
const TILE: usize = 32;
const BACKWARD_TILE: usize = 16;

fn layout(qkv: &CubeTensor, shape: &AttentionShape, tile: usize) -> Layout {
    let [_, wide] = dims(qkv);
    let (heads, rotated) = (shape.heads, shape.rotation.is_some());
    let size = wide / (3 * heads);
    Layout { heads, size, tile, units: tile * LANES, stride: size, rotated, reach: shape.reach }
}

/// What every launch gets: the tiles (first token of the sequence, its end, first token of the tile), their
/// number, and the cosines and sines of the positions.
struct Plan {
    tiles: CubeTensor,
    tile_count: usize,
    angles: CubeTensor,
    scale: f32,
    layout: Layout,
}

impl Plan {
    fn new(qkv: &CubeTensor, shape: &AttentionShape, layout: Layout) -> Self {
        let of_sequence = |tokens: std::ops::Range<usize>| {
            let (start, end) = (tokens.start, tokens.end);
            tokens.step_by(layout.tile).map(move |from| [start, end, from])
        };
        let tiles: Vec<[usize; 3]> = shape.packing.sequences().flat_map(of_sequence).collect();
        let (cosines, sines) = shape.rotation.as_ref().map_or((&[0.0][..], &[0.0][..]), |rotation| rotation.angles());
        Plan {
            tiles: numbers(qkv, tiles.iter().flatten().copied()),
            tile_count: tiles.len(),
            angles: floats(qkv, &[cosines, sines].concat()),
            scale: 1.0 / (layout.size as f32).sqrt(),
            layout,
        }
    }

    fn cubes(&self) -> (CubeCount, CubeDim) {
        let (count, _) = whole_cubes(self.tile_count * self.layout.heads);
        (count, CubeDim::new_1d(self.layout.units as u32))
    }
}

/// Outputs and logarithms of the sums of exponentials.
pub(super) fn forward(qkv: CubeTensor, shape: &AttentionShape) -> (CubeTensor, CubeTensor) {
    let [tokens, wide] = dims(&qkv);
    let output = like(&qkv, [tokens, wide / 3]);
    let logs = of_type(&qkv, [shape.heads, tokens], DType::F32);
    let plain = layout(&qkv, shape, TILE);
    let by_cores = cores::layout(&qkv, plain, cores::FORWARD);
    let plan = Plan::new(&qkv, shape, by_cores.unwrap_or(plain));
    macro_rules! launch {
        ($kernel:path) => {{
            use $kernel as kernel;
            let (count, dim) = plan.cubes();
            kernel::launch(
                &qkv.client,
                count,
                dim,
                qkv.clone().into_argument(),
                plan.tiles.into_argument(),
                plan.angles.into_argument(),
                output.clone().into_argument(),
                logs.clone().into_argument(),
                tokens,
                plan.tile_count,
                plan.scale,
                plan.layout,
                element(&qkv),
            );
        }};
    }
    if by_cores.is_some() {
        launch!(cores::forward::attend);
    } else {
        launch!(forward::attend);
    }
    (output, logs)
}

/// The gradient of qkv.
pub(super) fn backward([qkv, output, logs, grad]: [CubeTensor; 4], shape: &AttentionShape) -> CubeTensor {
    let [tokens, wide] = dims(&qkv);
    let plain = layout(&qkv, shape, BACKWARD_TILE);
    let by_cores = cores::layout(&qkv, plain, cores::BACKWARD);
    let plan = Plan::new(&qkv, shape, by_cores.unwrap_or(plain));
    let products = products(output, &grad, tokens, plan.layout);
    let gradient = like(&qkv, [tokens, wide]);
    macro_rules! launch {
        ($kernel:path) => {{
            use $kernel as kernel;
            let (count, dim) = plan.cubes();
            kernel::launch(
                &qkv.client,
                count,
                dim,
                qkv.clone().into_argument(),
                grad.clone().into_argument(),
                logs.clone().into_argument(),
                products.clone().into_argument(),
                plan.tiles.clone().into_argument(),
                plan.angles.clone().into_argument(),
                gradient.clone().into_argument(),
                tokens,
                plan.tile_count,
                plan.scale,
                plan.layout,
                element(&qkv),
            );
        }};
    }
    if by_cores.is_some() {
        launch!(cores::backward::query_gradients);
        launch!(cores::backward::key_gradients);
    } else {
        launch!(backward::query_gradients);
        launch!(backward::key_gradients);
    }
    gradient
}

fn products(output: CubeTensor, grad: &CubeTensor, tokens: usize, layout: Layout) -> CubeTensor {
    let products = of_type(grad, [layout.heads, tokens], DType::F32);
    let ((count, dim), dtype) = (units(layout.heads * tokens), element(grad));
    let (output, grad_argument) = (output.into_argument(), grad.clone().into_argument());
    let target = products.clone().into_argument();
    backward::row_products::launch(&grad.client, count, dim, output, grad_argument, target, tokens, layout, dtype);
    products
}
