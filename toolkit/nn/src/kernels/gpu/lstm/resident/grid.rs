//! How the cubes of a group meet, and how many a GPU holds at once.

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use crate::kernels::gpu::cores::are_here;

/// Counters between those of two groups, so that each has a line of memory of its own.
pub(super) const COUNTERS: usize = 32;
/// Looks at a counter before a cube gives the others up: seconds, where a step takes microseconds.
const PATIENCE: u32 = 1 << 24;

/// Waits until all cubes of the group came here for the `time`-th time (from 1), and see what all of them wrote. Gives
/// true where they did not come, then or before: then they cannot all be on the chip, and what is computed is not to be
/// used.
#[cube]
pub(super) fn meet(
    counters: &[Atomic<u32>],
    group: usize,
    time: u32,
    is_alone: bool,
    #[comptime] owners: usize,
) -> bool {
    let mut gave_up = Shared::<[u32]>::new_slice(1usize);
    sync_storage();
    if UNIT_POS == 0 {
        let counter = &counters[group * COUNTERS];
        counter.fetch_add(1u32);
        let all = time * comptime!(owners as u32);
        let mut looks = select(is_alone, PATIENCE, 0u32);
        while counter.load() < all && looks < PATIENCE {
            looks += 1;
        }
        gave_up[0] = u32::cast_from(looks >= PATIENCE);
    }
    sync_storage();
    gave_up[0] != 0
}

/// How many cubes with so much shared memory a GPU holds at once, one on each multiprocessor; none where it lacks what
/// a walk needs.
pub(super) fn cubes_at_once(reference: &CubeTensor, shared_bytes: usize) -> Option<usize> {
    let properties = reference.client.properties();
    let able = properties.features.device_memory_scope && are_here(reference, shared_bytes);
    able.then_some(properties.hardware.num_streaming_multiprocessors? as usize)
}
