//! The product of a state with the weights that a cube keeps, by tensor cores: planes share the rows' tiles and the
//! steps along the state, and their partial sums are added in a fixed order.

use cubecl::cmma::{Matrix, MatrixIdent, MatrixLayout};
use cubecl::prelude::*;

use crate::kernels::gpu::cores::{PLANE, TILE};

/// Hidden units of a cube.
pub(super) const OWNED: usize = TILE;
const PLANES: usize = 16;
/// Units of a cube.
pub(super) const UNITS: usize = PLANES * PLANE;
/// Rows' tiles that are multiplied at once, at most.
const TILES: usize = 4;
/// Numbers between the columns of weights, so that columns do not begin in the same bank of memory.
const GAP: usize = 8;

/// Sizes that are fixed when a kernel is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in super::super) struct Layout {
    pub(super) hidden: usize,
    /// Cubes that share the hidden units.
    pub(super) owners: usize,
    /// Tiles of columns of the weights that a cube keeps.
    columns: usize,
    /// Numbers of a row of the state, a multiple of a tile.
    pub(super) depth: usize,
    /// Rows' tiles that are multiplied at once.
    tiles: usize,
    /// How often, for all rows of a group.
    pub(super) rounds: usize,
}

impl Layout {
    /// From the state to the four gates of a cube's units.
    pub(super) fn forward(hidden: usize) -> Self {
        let owners = hidden.div_ceil(OWNED);
        Layout { hidden, owners, columns: 4, depth: owners * TILE, tiles: 1, rounds: 1 }
    }

    /// From the four gates' gradients to those of a cube's units.
    pub(super) fn backward(hidden: usize) -> Self {
        let owners = hidden.div_ceil(OWNED);
        Layout { hidden, owners, columns: 1, depth: 4 * owners * TILE, tiles: 1, rounds: 1 }
    }

    pub(super) fn for_rows(self, rows: usize) -> Self {
        let all = rows.div_ceil(TILE);
        let tiles = all.next_power_of_two().min(TILES);
        Layout { tiles, rounds: all.div_ceil(tiles), ..self }
    }

    /// Hidden units with those that fill up the last cube.
    pub(super) fn padded(self) -> usize {
        self.owners * OWNED
    }

    /// Numbers from one column of the weights to the next.
    pub(super) fn stride(self) -> usize {
        self.depth + GAP
    }

    /// Numbers of the weights that a cube keeps.
    pub(super) fn slab(self) -> usize {
        self.columns * TILE * self.stride()
    }

    /// Numbers of all partial sums.
    pub(super) fn partials(self) -> usize {
        PLANES * self.columns * TILE * TILE
    }

    pub(super) fn rows_at_once(self) -> usize {
        self.tiles * TILE
    }

    pub(super) fn rows_of_group(self) -> usize {
        self.rounds * self.rows_at_once()
    }

    /// Shared memory of a cube.
    pub(super) fn shared_bytes(self) -> usize {
        2 * self.slab() + 4 * self.partials()
    }

    /// Parts that the state's depth is divided into: planes with the same rows.
    fn parts(self) -> usize {
        PLANES / self.tiles
    }
}

/// Each plane multiplies its tile of rows, from `start` on, along every so many steps of the state.
#[cube]
pub(super) fn multiply<F: Float>(
    state: &[F],
    start: usize,
    slab: &Shared<[F]>,
    partials: &mut Shared<[f32]>,
    #[comptime] layout: Layout,
) {
    let (depth, stride, columns) = comptime!((layout.depth, layout.stride(), layout.columns));
    let plane = UNIT_POS as usize / PLANE;
    let rows = start + (plane % comptime!(layout.tiles)) * comptime!(TILE * depth);
    let mut sums = Sequence::<Matrix<f32>>::new();
    #[unroll]
    for _ in 0..columns {
        sums.push(Matrix::<f32>::from_value(MatrixIdent::Accumulator, TILE, TILE, TILE, MatrixLayout::Undefined, 0.0));
    }
    let mut k = (plane / comptime!(layout.tiles)) * TILE;
    while k < depth {
        let from = rows + k;
        let left = Matrix::<F>::from_slice(
            MatrixIdent::A,
            TILE,
            TILE,
            TILE,
            MatrixLayout::RowMajor,
            &state[from..state.len()],
            depth as u32,
        );
        #[unroll]
        for column in 0..columns {
            let at = comptime!(column * TILE * stride) + k;
            let right = Matrix::<F>::from_slice(
                MatrixIdent::B,
                TILE,
                TILE,
                TILE,
                MatrixLayout::ColMajor,
                &slab[at..comptime!(layout.slab())],
                stride as u32,
            );
            let sum = sums.index(column);
            cubecl::cmma::execute(&left, &right, sum, sum);
        }
        k += comptime!(layout.parts() * TILE);
    }
    #[unroll]
    for column in 0..columns {
        let at = (plane * columns + column) * comptime!(TILE * TILE);
        let end = at + comptime!(TILE * TILE);
        cubecl::cmma::store(&mut partials[at..end], sums.index(column), TILE as u32, MatrixLayout::RowMajor);
    }
}

/// The sum of the parts for a row (of those at once) and a hidden unit (of the cube's), in one tile of columns.
#[cube]
pub(super) fn sum(
    partials: &Shared<[f32]>,
    row: usize,
    unit: usize,
    #[comptime] column: usize,
    #[comptime] layout: Layout,
) -> f32 {
    let (tile, place) = (row / TILE, (row % TILE) * TILE + unit);
    let mut total = 0.0f32;
    for part in 0..comptime!(layout.parts()) {
        let plane = part * comptime!(layout.tiles) + tile;
        total += partials[(plane * comptime!(layout.columns) + column) * comptime!(TILE * TILE) + place];
    }
    total
}
