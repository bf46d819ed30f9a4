//! Ends a phase at a loss that is not a number, where roll-backs are not wanted (fastai's
//! `TerminateOnNaN`). Without it the learner rolls back by itself.

use glossa_base::Outcome;

use crate::Callback;
use crate::event::{Event, Flow, Scope};
use crate::learner::first;
use crate::objective::Objective;
use crate::training::Training;

/// Cuts the phase short before such a loss can change a weight.
#[derive(Debug, Clone, Copy, Default)]
pub struct TerminateOnNan;

impl<O: Objective> Callback<O> for TerminateOnNan {
    fn on(&mut self, event: Event, training: &mut Training<'_, O>) -> Outcome<Flow> {
        if let (Event::AfterLoss, Some(loss)) = (event, &training.loss)
            && !first(&loss.total)?.is_finite()
        {
            training.progress.line("stopped: the loss is not a number");
            return Ok(Flow::Cancel(Scope::Fit));
        }
        Ok(Flow::Continue)
    }

    /// After everything that changes the loss.
    fn order(&self) -> i32 {
        90
    }
}
