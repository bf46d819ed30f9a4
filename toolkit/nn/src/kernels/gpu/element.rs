//! What every kernel uses: random numbers by index, activations, and sums over the units of a cube.
//! Kernels read and write `F` (f32 or bf16) and count in f32.

use cubecl::prelude::*;

/// Steps between the numbers of a stream, as in `base::seed`.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// One of 2²⁴ parts.
const UNIT: f32 = 1.0 / 16_777_216.0;

/// Element `index` of the stream with a key, in [0, 1): the same bits as on the CPU.
#[cube]
pub(super) fn uniform(key: u64, index: u64) -> f32 {
    let drawn = key + (index + 1u64) * GOLDEN;
    let drawn = (drawn ^ (drawn >> 30u64)) * 0xbf58_476d_1ce4_e5b9u64;
    let drawn = (drawn ^ (drawn >> 27u64)) * 0x94d0_49bb_1331_11ebu64;
    let drawn = drawn ^ (drawn >> 31u64);
    f32::cast_from(u32::cast_from(drawn >> 40u64)) * UNIT
}

/// The logistic function.
#[cube]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + f32::exp(-x))
}

/// The sum of a value over the units of a cube, in a fixed order; every unit gets it. `units` is a power of two.
#[cube]
pub(super) fn cube_sum(shared: &mut Shared<[f32]>, value: f32, #[comptime] units: usize) -> f32 {
    shared[UNIT_POS as usize] = value;
    sync_cube();
    let mut stride = comptime!(units / 2).runtime();
    while stride > 0usize {
        if (UNIT_POS as usize) < stride {
            let other = shared[UNIT_POS as usize + stride];
            shared[UNIT_POS as usize] += other;
        }
        sync_cube();
        stride /= 2usize;
    }
    let total = shared[0];
    sync_cube();
    total
}

/// The largest value over the units of a cube; every unit gets it.
#[cube]
pub(super) fn cube_max(shared: &mut Shared<[f32]>, value: f32, #[comptime] units: usize) -> f32 {
    shared[UNIT_POS as usize] = value;
    sync_cube();
    let mut stride = comptime!(units / 2).runtime();
    while stride > 0usize {
        if (UNIT_POS as usize) < stride {
            let other = shared[UNIT_POS as usize + stride];
            shared[UNIT_POS as usize] = max(shared[UNIT_POS as usize], other);
        }
        sync_cube();
        stride /= 2usize;
    }
    let largest = shared[0];
    sync_cube();
    largest
}
