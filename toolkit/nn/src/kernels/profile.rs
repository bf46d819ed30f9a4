//! Where a step's time goes: each kernel on the CPU adds its time to a table while somebody measures.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

static ON: AtomicBool = AtomicBool::new(false);
static TABLE: Mutex<BTreeMap<&'static str, Spent>> = Mutex::new(BTreeMap::new());

/// What a kernel took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// Calls.
    pub calls: u64,
    /// Wall time of all calls.
    pub time: Duration,
}

/// Begins to measure, from zero.
pub fn start() {
    table().clear();
    ON.store(true, Ordering::Relaxed);
}

/// Stops measuring and gives the kernels with their times.
pub fn stop() -> BTreeMap<&'static str, Spent> {
    ON.store(false, Ordering::Relaxed);
    std::mem::take(&mut table())
}

fn table() -> std::sync::MutexGuard<'static, BTreeMap<&'static str, Spent>> {
    TABLE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Runs a kernel, and notes its time while somebody measures.
pub fn timed<R>(name: &'static str, work: impl FnOnce() -> R) -> R {
    if !ON.load(Ordering::Relaxed) {
        return work();
    }
    let started = Instant::now();
    let result = work();
    let mut table = table();
    let spent = table.entry(name).or_default();
    spent.calls += 1;
    spent.time += started.elapsed();
    result
}
