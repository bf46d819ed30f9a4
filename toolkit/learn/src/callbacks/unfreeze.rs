//! Gradual unfreezing within one phase: the last group alone, then one more each epoch (Howard and Ruder
//! 2018, section 3.3).

use glossa_base::Outcome;
use glossa_nn::Grouped;

use crate::Callback;
use crate::event::{Event, Flow};
use crate::freeze::Freezing;
use crate::objective::Objective;
use crate::training::Training;

/// Thaws one group more at the beginning of each epoch of a phase.
#[derive(Debug, Clone, Copy, Default)]
pub struct GradualUnfreezing;

impl<O: Objective> Callback<O> for GradualUnfreezing {
    fn on(&mut self, event: Event, training: &mut Training<'_, O>) -> Outcome<Flow> {
        if event == Event::BeforeEpoch {
            let last = training.model()?.group_count().saturating_sub(1);
            let first_group = last.saturating_sub(training.position.phase_epoch);
            let first_group = first_group.max(training.phase.freezing.first_group);
            training.freeze(Freezing { first_group, ..training.phase.freezing })?;
        }
        Ok(Flow::Continue)
    }
}
