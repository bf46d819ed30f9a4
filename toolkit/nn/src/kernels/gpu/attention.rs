//! Attention over packed sequences on a GPU: a cube for each head and tile of queries, which walks over the tiles
//! of keys that some query of it sees; scores never leave the cube (Dao et al. 2022). The backward has a kernel
//! for queries and one for keys and values, so that every sum has one owner and a fixed order.

mod backward;
mod forward;
mod tile;

use burn::tensor::DType;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::tensor::{element, floats, like, numbers, of_type, shape as dims, units, whole_cubes};
use crate::kernels::transformer::AttentionShape;
use tile::Layout;

/// Queries, and keys, of a tile of the forward pass; the backward keeps four tiles in shared memory, so half.
const TILE: usize = 32;
const BACKWARD_TILE: usize = 16;

fn layout(qkv: &CubeTensor, shape: &AttentionShape, tile: usize) -> Layout {
    let [_, wide] = dims(qkv);
    let (heads, rotated) = (shape.heads, shape.rotation.is_some());
    Layout { heads, size: wide / (3 * heads), tile, rotated, reach: shape.reach }
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
    fn new(qkv: &CubeTensor, shape: &AttentionShape, tile: usize) -> Self {
        let layout = layout(qkv, shape, tile);
        let of_sequence = |tokens: std::ops::Range<usize>| {
            let (start, end) = (tokens.start, tokens.end);
            tokens.step_by(tile).map(move |from| [start, end, from])
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
        (count, CubeDim::new_1d(self.layout.units() as u32))
    }
}

/// Outputs and logarithms of the sums of exponentials.
pub(super) fn forward(qkv: CubeTensor, shape: &AttentionShape) -> (CubeTensor, CubeTensor) {
    let ([tokens, wide], plan) = (dims(&qkv), Plan::new(&qkv, shape, TILE));
    let output = like(&qkv, [tokens, wide / 3]);
    let logs = of_type(&qkv, [shape.heads, tokens], DType::F32);
    let ((count, dim), client, dtype) = (plan.cubes(), qkv.client.clone(), element(&qkv));
    forward::attend::launch(
        &client,
        count,
        dim,
        qkv.into_buffer_arg(),
        plan.tiles.into_buffer_arg(),
        plan.angles.into_buffer_arg(),
        output.clone().into_buffer_arg(),
        logs.clone().into_buffer_arg(),
        tokens,
        plan.tile_count,
        plan.scale,
        plan.layout,
        dtype,
    );
    (output, logs)
}

/// The gradient of qkv.
pub(super) fn backward([qkv, output, logs, grad]: [CubeTensor; 4], shape: &AttentionShape) -> CubeTensor {
    let ([tokens, wide], plan) = (dims(&qkv), Plan::new(&qkv, shape, BACKWARD_TILE));
    let products = products(output, &grad, tokens, plan.layout);
    let gradient = like(&qkv, [tokens, wide]);
    macro_rules! launch {
        ($kernel:ident) => {{
            let (count, dim) = plan.cubes();
            backward::$kernel::launch(
                &qkv.client,
                count,
                dim,
                qkv.clone().into_buffer_arg(),
                grad.clone().into_buffer_arg(),
                logs.clone().into_buffer_arg(),
                products.clone().into_buffer_arg(),
                plan.tiles.clone().into_buffer_arg(),
                plan.angles.clone().into_buffer_arg(),
                gradient.clone().into_buffer_arg(),
                tokens,
                plan.tile_count,
                plan.scale,
                plan.layout,
                element(&qkv),
            );
        }};
    }
    launch!(query_gradients);
    launch!(key_gradients);
    gradient
}

fn products(output: CubeTensor, grad: &CubeTensor, tokens: usize, layout: Layout) -> CubeTensor {
    let products = of_type(grad, [layout.heads, tokens], DType::F32);
    let ((count, dim), dtype) = (units(layout.heads * tokens), element(grad));
    let (output, grad_argument) = (output.into_buffer_arg(), grad.clone().into_buffer_arg());
    let target = products.clone().into_buffer_arg();
    backward::row_products::launch(&grad.client, count, dim, output, grad_argument, target, tokens, layout, dtype);
    products
}
