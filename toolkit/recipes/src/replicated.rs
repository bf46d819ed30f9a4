//! One training on several devices: a thread for each, in which everything is made anew for its device.

use std::panic::resume_unwind;

use glossa_base::{Kind, Silent};
use glossa_learn::learner::Trained;
use glossa_learn::replica::is_of_another;
use glossa_learn::{Replica, Unfinished};

use crate::Run;

/// Calls `one` with the model for the run's device, or for each of its devices as the replica that it is to be. What
/// the first one comes to counts; where it only says that another failed, that one's failure.
pub(crate) fn train<T: Clone + Send, M: Send>(
    run: Run<'_>,
    model: T,
    one: impl Fn(T, Run<'_>) -> Result<Trained<M>, Unfinished> + Sync,
) -> Result<Trained<M>, Unfinished> {
    if run.others.is_empty() {
        return one(model, run);
    }
    let devices = std::iter::once(run.device).chain(run.others).cloned().collect();
    let replicas = Replica::all(devices);
    let alone = |model: T, run: Run<'_>, replica: &Replica| {
        let _leaving = replica.leaving();
        one(model, Run { device: replica.device(), others: &[], replica: Some(replica), ..run })
    };
    let quiet = Run { progress: &Silent, checkpoints: None, log: None, tensorboard: None, ..run };
    std::thread::scope(|scope| {
        let start = |replica| {
            let (alone, model) = (&alone, model.clone());
            scope.spawn(move || alone(model, quiet, replica))
        };
        let threads: Vec<_> = replicas.iter().skip(1).map(start).collect();
        let result = alone(model, run, &replicas[0]);
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
