//! Remembers what each step and each epoch came to.

use glossa_base::Outcome;

use crate::Callback;
use crate::event::{Event, Flow};
use crate::history::StepPoint;
use crate::objective::Objective;
use crate::reading::Reading;
use crate::snapshot::Snapshot;
use crate::training::{EpochRecord, Training};

/// Sums over the epoch; at its end, a line of the records.
#[derive(Debug, Default)]
pub struct Recorder {
    loss: f64,
    likelihood: f64,
    count: usize,
}

impl Recorder {
    fn close<O: Objective>(&self, training: &mut Training<'_, O>) {
        let count = self.count.max(1) as f64;
        let position = training.position;
        training.records.push(EpochRecord {
            phase: training.phase.name.clone(),
            epoch: position.epoch + 1,
            step: position.total_steps,
            train_loss: self.loss / count,
            train_likelihood: self.likelihood / count,
            validation: training.metrics.clone(),
        });
    }
}

impl<O: Objective> Callback<O> for Recorder {
    fn on(&mut self, event: Event, training: &mut Training<'_, O>) -> Outcome<Flow> {
        match event {
            Event::BeforeEpoch => {
                *self = Recorder::default();
                training.metrics.clear();
            }
            Event::AfterRead => {
                if let Some(Reading { position, rate, momentum, loss, likelihood, .. }) = training.reading {
                    (self.loss, self.likelihood) = (self.loss + loss, self.likelihood + likelihood);
                    self.count += 1;
                    let (loss, rate, momentum) = (loss as f32, rate as f32, momentum as f32);
                    training.history.push(StepPoint { step: position.total_steps + 1, loss, rate, momentum });
                }
            }
            Event::AfterEpoch => self.close(training),
            _ => {}
        }
        Ok(Flow::Continue)
    }

    /// Before everything that reads the records.
    fn order(&self) -> i32 {
        -10
    }

    fn save(&self) -> Outcome<Snapshot> {
        let mut snapshot = Snapshot::default();
        snapshot.put("sums", (self.loss, self.likelihood, self.count))?;
        Ok(snapshot)
    }

    fn restore(&mut self, snapshot: &Snapshot, _training: &Training<'_, O>) -> Outcome<()> {
        (self.loss, self.likelihood, self.count) = snapshot.get("sums")?;
        Ok(())
    }
}
