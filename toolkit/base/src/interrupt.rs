//! A request to stop, from a signal: long work looks at it between steps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Failure, Kind, Outcome};

/// A flag that says whether to stop; its clones are the same flag.
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    flag: Arc<AtomicBool>,
}

impl Interrupt {
    /// The flag, for what raises it.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.flag)
    }

    /// Whether to stop.
    pub fn requested(&self) -> bool {
        self.flag.load(Ordering::Relaxed)
    }

    /// Fails with `Kind::Stopped` if that was asked for.
    ///
    /// # Errors
    /// It was.
    pub fn check(&self) -> Outcome<()> {
        if self.requested() { Err(Failure::new(Kind::Stopped, "stopped by a signal")) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_the_flag() {
        let interrupt = Interrupt::default();
        let other = interrupt.clone();
        assert!(other.check().is_ok());
        interrupt.flag().store(true, Ordering::Relaxed);
        assert!(other.requested());
        assert_eq!(other.check().unwrap_err().kind.exit_code(), 75);
    }
}
