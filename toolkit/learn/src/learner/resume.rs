//! Leaving the loop and coming back: snapshots of everything, and roll-backs.

use super::Learner;
use crate::Error;
use crate::objective::Objective;
use crate::reading::Divergence;
use crate::replica::Replica;
use crate::snapshot::Snapshot;
use crate::training::Position;
use glossa_base::Outcome;

impl<O: Objective> Learner<'_, O> {
    /// What the other replicas' objectives must remember, by rank from 1: each stands elsewhere in the text.
    pub(super) fn objectives_of_others(&self) -> Outcome<Vec<Snapshot>> {
        let Some(replica) = &self.replica else { return Ok(Vec::new()) };
        // The first one's own is in the snapshot anyway.
        let own = if replica.is_first() { Snapshot::default() } else { self.training.objective.save()? };
        Ok(replica.share(own)?.into_iter().skip(1).collect())
    }

    /// Everything that is needed to go on from here.
    pub(super) fn snapshot(&self, others: Vec<Snapshot>) -> Outcome<Snapshot> {
        let mut snapshot = self.training.save()?;
        snapshot.put("recovery", &self.recovery)?;
        for (index, part) in others.into_iter().enumerate() {
            snapshot.put_part(&objective_of(index + 1), part);
        }
        for (index, callback) in self.callbacks.iter().enumerate() {
            snapshot.put_part(&format!("callback-{index}-{}", callback.name()), callback.save()?);
        }
        Ok(snapshot)
    }

    /// Goes to where a snapshot was taken; the loop then runs without beginning anew what had begun.
    pub(super) fn restore(&mut self, snapshot: &Snapshot) -> Outcome<()> {
        let position: Position = snapshot.get("position")?;
        let phase = self.phases.get(position.phase).cloned();
        let problem = || format!("is of phase {} of {}", position.phase + 1, self.phases.len());
        self.training.phase =
            phase.ok_or_else(|| Error::Snapshot { name: "position".to_owned(), problem: problem() })?;
        self.training.restore(snapshot)?;
        let objective = &mut self.training.objective;
        let steps = objective.begin_epoch(position.epoch)?;
        if steps != position.steps {
            let problem = format!("is of an epoch of {} steps, not {steps}", position.steps);
            return Err(Error::Snapshot { name: "position".to_owned(), problem }.into());
        }
        let rank = self.replica.as_ref().map_or(0, Replica::rank);
        objective.restore(position.step, &snapshot.part(&objective_of(rank)))?;
        for (index, callback) in self.callbacks.iter_mut().enumerate() {
            let part = snapshot.part(&format!("callback-{index}-{}", callback.name()));
            callback.restore(&part, &self.training)?;
        }
        self.resuming = true;
        Ok(())
    }

    /// After a value that is not finite: back to the last anchor with half the rate, a few times.
    pub(super) fn roll_back(&mut self, Divergence { what, reading }: &Divergence) -> Outcome<()> {
        let Position { epoch, step, .. } = reading.position;
        let (epoch, step, rate) = (epoch + 1, step + 1, reading.rate);
        let phase = &self.training.phase.name;
        self.recovery
            .attempts
            .push(format!("{what} was not finite in epoch {epoch}, step {step} of `{phase}`, at a rate of {rate:.3e}"));
        let anchor = self.of_first(|learner| learner.checkpoints.anchor(learner.training.progress))?;
        let (Some(snapshot), true) = (anchor, self.recovery.may_go_on()) else {
            return Err(Error::Diverged { attempts: self.recovery.attempts.clone() }.into());
        };
        self.restore(&snapshot)?;
        let Position { epoch, step, .. } = self.training.position;
        self.training.progress.line(&format!(
            "{what} is not finite; back to epoch {}, step {}, with the rate times {}",
            epoch + 1,
            step + 1,
            self.recovery.factor()
        ));
        Ok(())
    }
}

/// Where a snapshot has a replica's objective; the first one's is where it is without replicas.
fn objective_of(rank: usize) -> String {
    if rank == 0 { "objective".to_owned() } else { format!("objective-{rank}") }
}
