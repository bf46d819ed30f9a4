//! What to do when training leaves the finite numbers: roll back and halve the rate, a few times.

use serde::{Deserialize, Serialize};

/// How often that has happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recovery {
    /// How often training may roll back.
    pub(crate) most: usize,
    /// What was not finite each time, and where.
    pub(crate) attempts: Vec<String>,
}

impl Default for Recovery {
    fn default() -> Self {
        Recovery { most: 3, attempts: Vec::new() }
    }
}

impl Recovery {
    /// What rates are multiplied with.
    pub(crate) fn factor(&self) -> f64 {
        0.5_f64.powi(self.attempts.len() as i32)
    }

    /// Whether another roll-back is allowed after the last attempt.
    pub(crate) fn may_go_on(&self) -> bool {
        self.attempts.len() <= self.most
    }
}
