//! How libraries tell what they are doing. They never print: the command draws.

/// A listener to long work. One task runs at a time; a new `start` ends the former task.
pub trait Progress: Send + Sync {
    /// A task begins; `total` is its size in `unit`s where it is known.
    fn start(&self, task: &str, total: Option<u64>, unit: &str);
    /// So many more units are done.
    fn advance(&self, units: u64);
    /// A short state beside the bar, such as the loss.
    fn state(&self, text: &str);
    /// The task is over; one line says what came of it.
    fn finish(&self, summary: &str);
    /// A line for the log, at any time.
    fn line(&self, text: &str);
}

/// Hears nothing.
pub struct Silent;

impl Progress for Silent {
    fn start(&self, _task: &str, _total: Option<u64>, _unit: &str) {}
    fn advance(&self, _units: u64) {}
    fn state(&self, _text: &str) {}
    fn finish(&self, _summary: &str) {}
    fn line(&self, _text: &str) {}
}
