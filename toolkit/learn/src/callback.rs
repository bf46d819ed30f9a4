//! What a new idea about training is: a callback, which hears every [`Event`] and may read and change
//! everything that the [`Training`] holds.
//!
//! A warm-up of the clip, in ten lines:
//!
//! ```
//! use glossa_base::Outcome;
//! use glossa_learn::{Callback, Event, Flow, Objective, Training};
//!
//! struct LooseClip { limit: f64 }
//!
//! impl<O: Objective> Callback<O> for LooseClip {
//!     fn on(&mut self, event: Event, training: &mut Training<'_, O>) -> Outcome<Flow> {
//!         if event == Event::BeforeStep {
//!             self.limit *= 1.01;
//!             training.limit_gradients(self.limit);
//!         }
//!         Ok(Flow::Continue)
//!     }
//! }
//! ```

use glossa_base::Outcome;

use crate::event::{Event, Flow};
use crate::objective::Objective;
use crate::snapshot::Snapshot;
use crate::training::Training;

/// Something that takes part in training.
pub trait Callback<O: Objective> {
    /// Hears an event; it may change the training, and says whether to go on.
    ///
    /// # Errors
    /// Whatever stops the training altogether.
    fn on(&mut self, event: Event, training: &mut Training<'_, O>) -> Outcome<Flow>;

    /// Callbacks hear an event in the order of these numbers, equals in the order in which they were
    /// added. What changes values comes early (0), what reports them late (50 and more).
    fn order(&self) -> i32 {
        0
    }

    /// Its name in checkpoints and errors.
    fn name(&self) -> &'static str {
        let whole = std::any::type_name::<Self>();
        let plain = whole.split('<').next().unwrap_or(whole);
        plain.rsplit("::").next().unwrap_or(plain)
    }

    /// What it must remember to go on after an interruption.
    fn save(&self) -> Outcome<Snapshot> {
        Ok(Snapshot::default())
    }

    /// Goes on from what it remembered.
    fn restore(&mut self, _snapshot: &Snapshot, _training: &Training<'_, O>) -> Outcome<()> {
        Ok(())
    }
}
