//! One training on several devices: a thread for each, in which everything is made anew for its device.

use std::panic::resume_unwind;

use glossa_base::{Kind, Silent};
use glossa_learn::learner::Trained;
use glossa_learn::replica::is_of_another;
use glossa_learn::{Replica, Unfinished};

use crate::Run;

/// Calls `one` for the run's device, or for each of its devices with the replica that it is to be. What the first
/// one comes to counts; where it only says that another failed, that one's failure.
pub(crate) fn train<M: Send>(
    run: Run<'_>,
    one: impl Fn(Run<'_>, Option<Replica>) -> Result<Trained<M>, Unfinished> + Sync,
) -> Result<Trained<M>, Unfinished> {
    if run.others.is_empty() {
        return one(run, None);
    }
    let devices = std::iter::once(run.device).chain(run.others).cloned().collect();
    let mut replicas = Replica::all(devices);
    let first = replicas.remove(0);
    std::thread::scope(|scope| {
        let start = |replica: Replica| {
            let one = &one;
            scope.spawn(move || {
                let (device, progress) = (replica.device().clone(), &Silent);
                let _leaving = replica.leaving();
                let device = &device;
                one(
                    Run { device, others: &[], progress, checkpoints: None, log: None, tensorboard: None, ..run },
                    Some(replica),
                )
            })
        };
        let threads: Vec<_> = replicas.into_iter().map(start).collect();
        let leaving = first.leaving();
        let result = one(run, Some(first));
        drop(leaving);
        let joined = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
        let others: Vec<_> = joined.map(|end| end.unwrap_or_else(|panic| resume_unwind(panic))).collect();
        let Err(unfinished) = result else { return result };
        if !is_of_another(&unfinished.failure) {
            return Err(unfinished);
        }
        let failures = others.into_iter().filter_map(Result::err).map(|other| other.failure);
        let cause = failures.filter(|failure| !is_of_another(failure) && failure.kind != Kind::Stopped).last();
        Err(Unfinished { failure: cause.unwrap_or(unfinished.failure), ..unfinished })
    })
}
