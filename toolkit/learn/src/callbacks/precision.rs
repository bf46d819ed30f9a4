//! Loss scaling for half precision: small gradients survive in f16, and a step whose gradients left its
//! range is left out (Micikevicius et al. 2018). Master weights are the optimizer's part.

use glossa_base::Outcome;

use crate::Callback;
use crate::event::{Event, Flow, Scope};
use crate::objective::Objective;
use crate::snapshot::Snapshot;
use crate::training::Training;

/// The scale to begin with, and the steps without overflow after which it doubles.
const FIRST: f64 = 65_536.0;
const PATIENCE: usize = 2000;

/// Multiplies the loss before the gradients and divides them after; halves the scale where they are not
/// finite, and doubles it after a while.
#[derive(Debug, Clone, Copy)]
pub struct LossScale {
    scale: f64,
    good_steps: usize,
}

impl Default for LossScale {
    fn default() -> Self {
        LossScale { scale: FIRST, good_steps: 0 }
    }
}

impl LossScale {
    /// A scale to begin with.
    pub fn beginning_at(scale: f64) -> Self {
        LossScale { scale, ..LossScale::default() }
    }

    fn unscale<O: Objective>(&mut self, training: &mut Training<'_, O>) -> Outcome<Flow> {
        let Some(gradients) = &training.gradients else { return Ok(Flow::Continue) };
        if !crate::gradients::global_norm(training.model()?, gradients)?.is_finite() {
            // A scale of 1 changes nothing: what is not finite then is the training's own fault.
            let own_fault = self.scale <= 1.0;
            (self.scale, self.good_steps) = ((self.scale / 2.0).max(1.0), 0);
            return Ok(if own_fault { Flow::Continue } else { Flow::Cancel(Scope::Batch) });
        }
        training.gradient_scale /= self.scale;
        self.good_steps += 1;
        if self.good_steps == PATIENCE {
            (self.scale, self.good_steps) = (self.scale * 2.0, 0);
        }
        Ok(Flow::Continue)
    }
}

impl<O: Objective> Callback<O> for LossScale {
    fn on(&mut self, event: Event, training: &mut Training<'_, O>) -> Outcome<Flow> {
        match (event, &mut training.loss) {
            (Event::BeforeBackward, Some(loss)) => loss.total = loss.total.clone() * self.scale,
            (Event::AfterBackward, _) => return self.unscale(training),
            _ => {}
        }
        Ok(Flow::Continue)
    }

    /// Around everything else that looks at gradients.
    fn order(&self) -> i32 {
        -20
    }

    fn save(&self) -> Outcome<Snapshot> {
        let mut snapshot = Snapshot::default();
        snapshot.put("scale", (self.scale, self.good_steps))?;
        Ok(snapshot)
    }

    fn restore(&mut self, snapshot: &Snapshot, _training: &Training<'_, O>) -> Outcome<()> {
        (self.scale, self.good_steps) = snapshot.get("scale")?;
        Ok(())
    }
}
