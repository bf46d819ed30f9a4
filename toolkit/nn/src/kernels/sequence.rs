//! What a recurrent layer is told besides tensors.

use std::sync::Arc;

pub use super::cpu::qrnn::Zoneout;

/// Which steps exist, and which units skip them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Steps {
    /// Steps of each row that exist; the others give zeros and leave the state. Nothing where all do.
    pub lengths: Option<Arc<[usize]>>,
    /// Units that keep their cell (QRNN only).
    pub zoneout: Zoneout,
}

impl Steps {
    /// Steps of each row; empty where all exist.
    pub(crate) fn lengths(&self) -> &[usize] {
        self.lengths.as_deref().unwrap_or_default()
    }
}
