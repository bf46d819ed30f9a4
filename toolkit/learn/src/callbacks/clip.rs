//! A limit on the norm of all gradients together.

use glossa_base::Outcome;

use crate::Callback;
use crate::event::{Event, Flow};
use crate::objective::Objective;
use crate::training::Training;

/// Scales the gradients of a step down to a norm (Pascanu et al. 2013).
#[derive(Debug, Clone, Copy)]
pub struct GradientClip {
    limit: f64,
}

impl GradientClip {
    /// A clip at a norm; 0 for none.
    pub fn new(limit: f64) -> Option<Self> {
        (limit > 0.0).then_some(GradientClip { limit })
    }
}

impl<O: Objective> Callback<O> for GradientClip {
    fn on(&mut self, event: Event, training: &mut Training<'_, O>) -> Outcome<Flow> {
        if event == Event::BeforeStep {
            training.limit_gradients(self.limit);
        }
        Ok(Flow::Continue)
    }
}
