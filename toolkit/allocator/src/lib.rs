//! The allocator of the command. A training step takes and frees the same hundreds of megabytes again
//! and again; the system's allocator gives them back to the kernel each time, which then clears every
//! page anew: 15 % of the time (docs/log.md). Not for libraries: a program chooses its allocator.
#![expect(unsafe_code, reason = "mimalloc's options are set through C")]

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The option `mi_option_purge_delay` of mimalloc 2.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Keeps freed memory for the next step instead of handing it back after 10 ms. For commands that
/// train; the peak is a few percent higher.
pub fn keep_freed_memory() {
    // SAFETY: the option exists in the pinned version, and -1 is a documented value of it.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, -1) };
}
