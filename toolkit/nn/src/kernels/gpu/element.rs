//! What every kernel uses: random numbers by index, activations, and sums over the units of a cube.
//! Kernels read and write `F` (f32 or bf16) and count in f32.

use cubecl::prelude::*;

/// One of 2²⁴ parts.
const UNIT: f32 = 1.0 / 16_777_216.0;

/// 64 bits as two halves, since not every GPU has whole ones.
#[derive(CubeType, Clone, Copy)]
struct Wide {
    low: u32,
    high: u32,
}

/// The product with a constant given by its halves, modulo 2⁶⁴.
#[cube]
fn times(value: Wide, #[comptime] low: u32, #[comptime] high: u32) -> Wide {
    let carried = u32::mul_hi(value.low, low.runtime());
    Wide { low: value.low * low, high: carried + value.low * high + value.high * low }
}

/// `value ^ (value >> bits)`.
#[cube]
fn folded(value: Wide, #[comptime] bits: u32) -> Wide {
    let moved = (value.low >> bits) | (value.high << comptime!(32 - bits));
    Wide { low: value.low ^ moved, high: value.high ^ (value.high >> bits) }
}

/// Element `index` of the stream with a key, in [0, 1): the same bits as `base::seed` draws on the CPU.
#[cube]
pub(super) fn uniform(key_low: u32, key_high: u32, index: u32) -> f32 {
    let place = times(Wide { low: index + 1, high: 0u32.runtime() }, 0x7f4a_7c15u32, 0x9e37_79b9u32);
    let low = place.low + key_low;
    let carry = u32::cast_from(low < key_low);
    let drawn = Wide { low, high: place.high + key_high + carry };
    let drawn = times(folded(drawn, 30u32), 0x1ce4_e5b9u32, 0xbf58_476du32);
    let drawn = times(folded(drawn, 27u32), 0x1331_11ebu32, 0x94d0_49bbu32);
    let drawn = folded(drawn, 31u32);
    f32::cast_from(drawn.high >> 8u32) * UNIT
}

/// The logistic function.
#[cube]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + f32::exp(-x))
}

/// The sum of a value over the units of a cube, in a fixed order; every unit gets it. `units` is a power of two.
#[cube]
pub(super) fn cube_sum(shared: &mut Shared<[f32]>, value: f32, #[comptime] units: usize) -> f32 {
    cube_fold(shared, value, false, units)
}

/// The largest value over the units of a cube; every unit gets it.
#[cube]
pub(super) fn cube_max(shared: &mut Shared<[f32]>, value: f32, #[comptime] units: usize) -> f32 {
    cube_fold(shared, value, true, units)
}

/// Halves the number of units that hold something until one holds the sum, or the largest.
#[cube]
fn cube_fold(shared: &mut Shared<[f32]>, value: f32, #[comptime] largest: bool, #[comptime] units: usize) -> f32 {
    let unit = UNIT_POS as usize;
    shared[unit] = value;
    sync_cube();
    let mut stride = comptime!(units / 2).runtime();
    while stride > 0usize {
        if unit < stride {
            let (own, other) = (shared[unit], shared[unit + stride]);
            if largest {
                shared[unit] = max(own, other);
            } else {
                shared[unit] = own + other;
            }
        }
        sync_cube();
        stride /= 2usize;
    }
    let folded = shared[0];
    sync_cube();
    folded
}
