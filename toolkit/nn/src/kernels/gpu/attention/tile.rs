//! Tiles of attention: where a cube works, what it brings into shared memory, and what it writes back.

use cubecl::prelude::*;

/// Units that share a row of a tile: each has every eighth column.
pub(super) const LANES: usize = 8;

/// The score of a key that a query does not see.
pub(super) const UNSEEN: f32 = -1.0e30;

/// Sizes that are fixed when a kernel is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Layout {
    pub(super) heads: usize,
    pub(super) size: usize,
    /// Queries, and keys, of a tile.
    pub(super) tile: usize,
    /// Units of a cube.
    pub(super) units: usize,
    /// Numbers from one row of a tile to the next, at least its size; what is between them is zero.
    pub(super) stride: usize,
    pub(super) rotated: bool,
    /// How far a token sees; none where it sees all of its sequence.
    pub(super) reach: Option<usize>,
}

impl Layout {
    pub(super) fn columns_of_lane(self) -> usize {
        self.size.div_ceil(LANES)
    }

    /// Numbers of a tile of rows.
    pub(super) fn rows(self) -> usize {
        self.tile * self.stride
    }

    /// Numbers of a tile of scores.
    pub(super) fn scores(self) -> usize {
        self.tile * self.tile
    }

    fn width(self) -> usize {
        self.heads * self.size
    }
}

/// Which rows: a third of `qkv`, or the gradient of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Part {
    Query,
    Key,
    Value,
    Output,
}

impl Part {
    /// Numbers from one token to the next.
    fn stride(self, layout: Layout) -> usize {
        if self == Part::Output { layout.width() } else { 3 * layout.width() }
    }

    /// The first column of head 0.
    fn column(self, layout: Layout) -> usize {
        match self {
            Part::Query | Part::Output => 0,
            Part::Key => layout.width(),
            Part::Value => 2 * layout.width(),
        }
    }

    fn is_turned(self, layout: Layout) -> bool {
        layout.rotated && matches!(self, Part::Query | Part::Key)
    }
}

/// Where a cube works: its head, the tokens of its sequence, the first token of its tile.
#[derive(CubeType, Clone, Copy)]
pub(super) struct Place {
    pub(super) head: usize,
    pub(super) sequence: usize,
    pub(super) end: usize,
    pub(super) from: usize,
}

/// The place of this cube: tiles of the first head first. `tiles` holds three numbers each.
#[cube]
pub(super) fn place_of_cube(tiles: &[u32], tile_count: usize) -> Place {
    let (head, index) = (CUBE_POS / tile_count, CUBE_POS % tile_count);
    Place {
        head,
        sequence: tiles[3 * index] as usize,
        end: tiles[3 * index + 1] as usize,
        from: tiles[3 * index + 2] as usize,
    }
}

/// Where a token's row of a part begins.
#[cube]
pub(super) fn row_of(place: &Place, token: usize, #[comptime] part: Part, #[comptime] layout: Layout) -> usize {
    token * comptime!(part.stride(layout)) + comptime!(part.column(layout)) + place.head * comptime!(layout.size)
}

/// A number of a row turned by its position: forwards (`direction` 1) or back (-1). `angles` holds all cosines, then
/// all sines, `[positions, size / 2]` each.
#[cube]
fn turned(
    value: f32,
    other: f32,
    angles: &[f32],
    position: usize,
    k: usize,
    direction: f32,
    #[comptime] half: usize,
) -> f32 {
    let at = position * half + k % half;
    let (cosine, sine) = (angles[at], angles[angles.len() / 2 + at] * direction);
    let mut result = value * cosine + other * sine;
    if k < half {
        result = value * cosine - other * sine;
    }
    result
}

/// Brings rows of a part from token `from` on into shared memory, turned by their positions where they are to be;
/// rows past the sequence are zeros.
#[cube]
pub(super) fn load<F: Float, T: Float>(
    rows: &[F],
    angles: &[f32],
    target: &mut Shared<[T]>,
    place: &Place,
    from: usize,
    scale: f32,
    #[comptime] part: Part,
    #[comptime] layout: Layout,
) {
    let (size, half, stride) = comptime!((layout.size, layout.size / 2, layout.stride));
    let mut at = UNIT_POS as usize;
    while at < comptime!(layout.rows()) {
        let (token, k) = (from + at / stride, at % stride);
        let mut value = 0.0f32;
        if token < place.end && k < size {
            let start = row_of(place, token, part, layout);
            value = f32::cast_from(rows[start + k]);
            if comptime!(part.is_turned(layout)) {
                let other = f32::cast_from(rows[start + (k + half) % size]);
                value = turned(value, other, angles, token - place.sequence, k, 1.0, half);
            }
        }
        target[at] = T::cast_from(value * scale);
        at += comptime!(layout.units);
    }
}

/// Writes the rows of a tile's gradient of a part, turned back where they had been turned.
#[cube]
pub(super) fn store<F: Float>(
    sums: &Array<f32>,
    exchange: &mut Shared<[f32]>,
    angles: &[f32],
    out: &mut [F],
    place: &Place,
    #[comptime] part: Part,
    #[comptime] layout: Layout,
) {
    let size = comptime!(layout.size);
    let (row, lane) = (UNIT_POS as usize / LANES, UNIT_POS as usize % LANES);
    let token = place.from + row;
    sync_cube();
    for step in 0..comptime!(layout.columns_of_lane()) {
        let k = step * LANES + lane;
        if k < size {
            exchange[row * size + k] = sums[step];
        }
    }
    sync_cube();
    if token < place.end {
        let start = row_of(place, token, part, layout);
        for step in 0..comptime!(layout.columns_of_lane()) {
            let k = step * LANES + lane;
            if k < size {
                let value = turned_back(&*exchange, angles, row * size, k, token - place.sequence, part, layout);
                out[start + k] = F::cast_from(value);
            }
        }
    }
    sync_cube();
}

/// A number of a row (from `start` on) of a gradient, turned back where the part had been turned.
#[cube]
pub(super) fn turned_back(
    row: &Shared<[f32]>,
    angles: &[f32],
    start: usize,
    k: usize,
    position: usize,
    #[comptime] part: Part,
    #[comptime] layout: Layout,
) -> f32 {
    let (size, half) = comptime!((layout.size, layout.size / 2));
    let mut value = row[start + k];
    if comptime!(part.is_turned(layout)) {
        value = turned(value, row[start + (k + half) % size], angles, position, k, BACK, half);
    }
    value
}

/// The direction that undoes a turn.
const BACK: f32 = -1.0;

/// The product of a row of one tile with a row of another.
#[cube]
pub(super) fn dot(
    left: &Shared<[f32]>,
    right: &Shared<[f32]>,
    row: usize,
    other: usize,
    #[comptime] layout: Layout,
) -> f32 {
    let size = comptime!(layout.size);
    let mut sum = 0.0f32;
    for k in 0..size {
        sum += left[row * size + k] * right[other * size + k];
    }
    sum
}

/// `sums += weight · row`, each lane its columns.
#[cube]
pub(super) fn add_row(
    sums: &mut Array<f32>,
    weight: f32,
    rows: &Shared<[f32]>,
    row: usize,
    #[comptime] layout: Layout,
) {
    let size = comptime!(layout.size);
    for step in 0..comptime!(layout.columns_of_lane()) {
        let k = step * LANES + UNIT_POS as usize % LANES;
        if k < size {
            sums[step] += weight * rows[row * size + k];
        }
    }
}

/// Sums of a lane's columns that begin at zero.
#[cube]
pub(super) fn zeros(#[comptime] layout: Layout) -> Array<f32> {
    let mut sums = Array::<f32>::new(comptime!(layout.columns_of_lane()));
    for step in 0..comptime!(layout.columns_of_lane()) {
        sums[step] = 0.0;
    }
    sums
}

/// Whether a query sees a key.
#[cube]
pub(super) fn sees(query: usize, key: usize, end: usize, #[comptime] layout: Layout) -> bool {
    let mut seen = query < end && key < end;
    if comptime!(layout.reach.is_some()) {
        let reach = comptime!(layout.reach.unwrap_or_default());
        seen = seen && query <= key + reach && key <= query + reach;
    }
    seen
}

/// The first token that some token of the tile sees.
#[cube]
pub(super) fn first_seen(place: &Place, #[comptime] layout: Layout) -> usize {
    let mut first = place.sequence;
    if comptime!(layout.reach.is_some()) {
        let reach = comptime!(layout.reach.unwrap_or_default());
        if place.from > place.sequence + reach {
            first = place.from - reach;
        }
    }
    first
}

/// One past the last token that some token of the tile sees.
#[cube]
pub(super) fn last_seen(place: &Place, #[comptime] layout: Layout) -> usize {
    let mut last = place.end;
    if comptime!(layout.reach.is_some()) {
        let reach = comptime!(layout.reach.unwrap_or_default() + layout.tile);
        last = min(place.end, place.from + reach);
    }
    last
}
