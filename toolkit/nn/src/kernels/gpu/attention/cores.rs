//! Attention through tensor cores, for types of sixteen bits. A cube has four planes; each owns sixteen rows of the
//! cube's tile and multiplies them with the tile that the cube walks to. Products are summed in f32; shares and slopes
//! are rounded to the type before they are multiplied again.

pub(super) mod backward;
pub(super) mod forward;

use burn_cubecl::tensor::CubeTensor;
use cubecl::cmma::{Matrix, MatrixIdent, MatrixLayout};
use cubecl::prelude::*;

use super::tile::Layout;
use crate::kernels::gpu::cores::{ALIGNMENT, PLANE, TILE, are_here};

/// Rows of a cube's tile.
const ROWS: usize = 64;
const UNITS: usize = ROWS / TILE * PLANE;

/// Tiles that a kernel keeps in shared memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tiles {
    /// Of rows of queries, keys, values or gradients.
    rows: usize,
    /// Of scores, in f32.
    scores: usize,
    /// Of what is multiplied again.
    shares: usize,
}

pub(super) const FORWARD: Tiles = Tiles { rows: 3, scores: 1, shares: 1 };
pub(super) const BACKWARD: Tiles = Tiles { rows: 4, scores: 2, shares: 2 };

/// The layout for tensor cores, if this GPU has some for the type and room for the tiles.
pub(super) fn layout(qkv: &CubeTensor, plain: Layout, tiles: Tiles) -> Option<Layout> {
    let stride = plain.size.next_multiple_of(TILE) + 8;
    let layout = Layout { tile: ROWS, units: UNITS, stride, ..plain };
    let numbers = tiles.rows * layout.rows() + tiles.shares * ROWS * shares_stride();
    are_here(qkv, 2 * numbers + 4 * tiles.scores * ROWS * scores_stride(layout)).then_some(layout)
}

/// Tiles of the tensor cores along a head.
fn columns(layout: Layout) -> usize {
    layout.stride / TILE
}

/// Numbers from one row of scores to the next; a row of sums fits as well.
fn scores_stride(layout: Layout) -> usize {
    ROWS.max(columns(layout) * TILE) + 4
}

fn shares_stride() -> usize {
    ROWS + 8
}

#[cube]
fn new_rows<F: Float>(#[comptime] layout: Layout) -> Shared<[F]> {
    Shared::<[F]>::new_aligned_slice(comptime!(layout.rows()), ALIGNMENT)
}

#[cube]
fn new_scores(#[comptime] layout: Layout) -> Shared<[f32]> {
    Shared::<[f32]>::new_aligned_slice(comptime!(ROWS * scores_stride(layout)), ALIGNMENT)
}

#[cube]
fn new_shares<F: Float>() -> Shared<[F]> {
    Shared::<[F]>::new_aligned_slice(comptime!(ROWS * shares_stride()), ALIGNMENT)
}

/// The plane of this unit, its row among the tile's, and whether it takes the even columns (0) or the odd ones (1).
#[cube]
fn place_of_unit() -> (usize, usize, usize) {
    let (plane, lane) = (UNIT_POS as usize / PLANE, UNIT_POS as usize % PLANE);
    (plane, plane * TILE + lane / 2, lane % 2)
}

#[cube]
fn no_sums(#[comptime] count: usize) -> Sequence<Matrix<f32>> {
    let mut sums = Sequence::<Matrix<f32>>::new();
    #[unroll]
    for _ in 0..count {
        sums.push(Matrix::<f32>::from_value(MatrixIdent::Accumulator, TILE, TILE, TILE, MatrixLayout::Undefined, 0.0));
    }
    sums
}

/// Writes this plane's sums where its rows of scores are.
#[cube]
fn put(sums: &Sequence<Matrix<f32>>, scores: &mut Shared<[f32]>, #[comptime] count: usize, #[comptime] layout: Layout) {
    let stride = comptime!(scores_stride(layout));
    let (plane, _, _) = place_of_unit();
    let start = plane * comptime!(TILE * stride);
    #[unroll]
    for column in 0..count {
        let (from, end) = (start + comptime!(column * TILE), start + comptime!(TILE * stride));
        cubecl::cmma::store(&mut scores[from..end], sums.index(column), stride as u32, MatrixLayout::RowMajor);
    }
}

/// `scores = own · othersᵀ` for the rows of this plane.
#[cube]
fn multiply<F: Float>(own: &Shared<[F]>, others: &Shared<[F]>, scores: &mut Shared<[f32]>, #[comptime] layout: Layout) {
    let (stride, end) = comptime!((layout.stride, layout.rows()));
    let (plane, _, _) = place_of_unit();
    let sums = no_sums(comptime!(ROWS / TILE));
    #[unroll]
    for step in 0..comptime!(columns(layout)) {
        let from = plane * comptime!(TILE * stride) + comptime!(step * TILE);
        let rows = &own[from..end];
        let left =
            Matrix::<F>::from_slice(MatrixIdent::A, TILE, TILE, TILE, MatrixLayout::RowMajor, rows, stride as u32);
        #[unroll]
        for column in 0..comptime!(ROWS / TILE) {
            let rows = &others[comptime!(column * TILE * stride + step * TILE)..end];
            let right =
                Matrix::<F>::from_slice(MatrixIdent::B, TILE, TILE, TILE, MatrixLayout::ColMajor, rows, stride as u32);
            let sum = sums.index(column);
            cubecl::cmma::execute(&left, &right, sum, sum);
        }
    }
    put(&sums, scores, comptime!(ROWS / TILE), layout);
}

/// `sums += shares · rows` for the rows of this plane.
#[cube]
fn add<F: Float>(sums: &Sequence<Matrix<f32>>, shares: &Shared<[F]>, rows: &Shared<[F]>, #[comptime] layout: Layout) {
    let (stride, end) = comptime!((layout.stride, layout.rows()));
    let wide = comptime!(shares_stride());
    let (plane, _, _) = place_of_unit();
    #[unroll]
    for step in 0..comptime!(ROWS / TILE) {
        let from = plane * comptime!(TILE * wide) + comptime!(step * TILE);
        let own = &shares[from..comptime!(ROWS * wide)];
        let left = Matrix::<F>::from_slice(MatrixIdent::A, TILE, TILE, TILE, MatrixLayout::RowMajor, own, wide as u32);
        #[unroll]
        for column in 0..comptime!(columns(layout)) {
            let part = &rows[comptime!(step * TILE * stride + column * TILE)..end];
            let right =
                Matrix::<F>::from_slice(MatrixIdent::B, TILE, TILE, TILE, MatrixLayout::RowMajor, part, stride as u32);
            let sum = sums.index(column);
            cubecl::cmma::execute(&left, &right, sum, sum);
        }
    }
}
