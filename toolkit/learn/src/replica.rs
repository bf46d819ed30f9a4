//! Data parallelism: one training on several devices of a machine. Each device has a replica of it in a thread of
//! its own, which reads its part of every batch; gradients are averaged after each backward pass, so that all
//! replicas take the same step. The first replica alone writes, logs and judges.
//!
//! Several machines are not covered: that needs this exchange between processes.

use std::any::Any;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{DType, Device, Tensor, TensorData};
use glossa_base::{Failure, Kind, Outcome};
use glossa_nn::device::{exchange, mean_over, read};

/// One of the replicas of a training.
#[derive(Clone)]
pub struct Replica {
    rank: usize,
    group: Arc<Group>,
}

struct Group {
    devices: Vec<Device>,
    /// Whether they reach each other without the host.
    direct: bool,
    round: Mutex<Round>,
    changed: Condvar,
}

/// What the replicas give each other at one point of the training.
#[derive(Default)]
struct Round {
    given: Vec<Option<Box<dyn Any + Send>>>,
    /// How many have seen what all gave.
    seen: usize,
    /// How many replicas have ended.
    left: usize,
}

impl Round {
    fn is_full(&self) -> bool {
        self.given.iter().all(Option::is_some)
    }
}

impl Replica {
    /// A replica for each device, the first with rank 0.
    pub fn all(devices: Vec<Device>) -> Vec<Replica> {
        let given = devices.iter().map(|_| None).collect();
        let round = Mutex::new(Round { given, ..Round::default() });
        let direct = exchange(&devices);
        let group = Arc::new(Group { devices, direct, round, changed: Condvar::new() });
        (0..group.devices.len()).map(|rank| Replica { rank, group: Arc::clone(&group) }).collect()
    }

    /// Which one it is, from 0.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.group.devices.len()
    }

    /// Whether it is the one that writes, logs and judges.
    pub fn is_first(&self) -> bool {
        self.rank == 0
    }

    /// Its device.
    pub fn device(&self) -> &Device {
        &self.group.devices[self.rank]
    }

    /// What all replicas give, by rank; waits for them.
    ///
    /// # Errors
    /// Another replica has ended.
    pub(crate) fn share<T: Clone + Send + 'static>(&self, value: T) -> Outcome<Vec<T>> {
        let count = self.count();
        let mut round = self.wait(|round| round.given[self.rank].is_none())?;
        round.given[self.rank] = Some(Box::new(value));
        self.group.changed.notify_all();
        drop(round);
        let mut round = self.wait(Round::is_full)?;
        let values = round.given.iter().filter_map(|value| value.as_ref()?.downcast_ref::<T>().cloned()).collect();
        round.seen += 1;
        if round.seen == count {
            round.given.fill_with(|| None);
            round.seen = 0;
            self.group.changed.notify_all();
        }
        Ok(values)
    }

    /// What the first replica gives; the others give nothing.
    pub(crate) fn broadcast<T: Clone + Send + 'static>(&self, value: Option<T>) -> Outcome<T> {
        let first = self.share(value)?.into_iter().next().flatten();
        first.ok_or_else(|| Failure::new(Kind::Failed, "the first replica of the training gave nothing"))
    }

    fn wait(&self, ready: impl Fn(&Round) -> bool) -> Outcome<MutexGuard<'_, Round>> {
        let mut round = self.group.round.lock().unwrap_or_else(PoisonError::into_inner);
        while !ready(&round) {
            if round.left > 0 {
                return Err(Failure::new(Kind::Failed, ENDED).hint("see what the other one says"));
            }
            round = self.group.changed.wait(round).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(round)
    }

    /// The mean of all replicas' gradients: on GPUs that reach each other by burn's collective operations, else
    /// through the host, summed by rank.
    pub(crate) fn mean<M: Module>(&self, model: &M, gradients: GradientsParams) -> Outcome<GradientsParams> {
        let mut mean = Mean { replica: self, gradients, means: GradientsParams::new(), failed: None };
        model.visit(&mut mean);
        mean.failed.map_or(Ok(mean.means), Err)
    }

    /// Says that this replica has ended, when what it gives is dropped; who waits for it waits no longer.
    #[must_use]
    pub fn leaving(&self) -> Leaving {
        Leaving(self.clone())
    }
}

const ENDED: &str = "another replica of the training ended";

/// Whether a failure only says that another replica failed.
pub fn is_of_another(failure: &Failure) -> bool {
    failure.message == ENDED
}

/// Says at its end that a replica has ended.
pub struct Leaving(Replica);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.group.round.lock().unwrap_or_else(PoisonError::into_inner).left += 1;
        self.0.group.changed.notify_all();
    }
}

struct Mean<'a> {
    replica: &'a Replica,
    gradients: GradientsParams,
    means: GradientsParams,
    failed: Option<Failure>,
}

impl ModuleVisitor for Mean<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        // All replicas must ask for the same means in the same order: one that has failed asks for none.
        let (Some(gradient), None) = (self.gradients.remove::<D>(param.id), &self.failed) else { return };
        let Group { devices, direct, .. } = &*self.replica.group;
        let mean = if *direct { Ok(mean_over(gradient, devices)) } else { self.replica.mean_on_host(gradient) };
        match mean {
            Ok(mean) => self.means.register::<D>(param.id, mean),
            Err(failure) => self.failed = Some(failure),
        }
    }
}

impl Replica {
    fn mean_on_host<const D: usize>(&self, gradient: Tensor<D>) -> Outcome<Tensor<D>> {
        let (shape, device) = (gradient.dims(), gradient.device());
        let values: Vec<f32> = read(gradient)?.iter::<f32>().collect();
        let all = self.share(Arc::new(values))?;
        let share = 1.0 / all.len() as f32;
        let at = |index: usize| all.iter().filter_map(|values| values.get(index)).sum::<f32>() * share;
        let mean: Vec<f32> = (0..shape.iter().product()).map(at).collect();
        Ok(Tensor::from_data(TensorData::new(mean, shape), (&device, DType::F32)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replicas(count: usize) -> Vec<Replica> {
        Replica::all((0..count).map(|_| Device::flex()).collect())
    }

    #[test]
    fn all_see_what_all_gave() {
        std::thread::scope(|scope| {
            let threads: Vec<_> = replicas(3)
                .into_iter()
                .map(|replica| {
                    scope.spawn(move || {
                        let _leaving = replica.leaving();
                        for round in 0..200 {
                            let all = replica.share((round, replica.rank())).unwrap();
                            assert_eq!(all, [(round, 0), (round, 1), (round, 2)]);
                            let of_first = replica.is_first().then(|| format!("round {round}"));
                            assert_eq!(replica.broadcast(of_first).unwrap(), format!("round {round}"));
                        }
                    })
                })
                .collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
    }

    #[test]
    fn nobody_waits_for_one_that_ended() {
        let all = replicas(2);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| all[0].share(1));
            scope.spawn(|| drop(all[1].leaving()));
            assert!(is_of_another(&waiting.join().unwrap().unwrap_err()));
        });
        assert!(all[0].share(1).is_err());
    }

    #[test]
    fn means_are_the_same_everywhere() {
        let means = std::thread::scope(|scope| {
            let threads: Vec<_> = replicas(3)
                .into_iter()
                .map(|replica| {
                    scope.spawn(move || {
                        let values = [replica.rank() as f32, 1.0];
                        let gradient = Tensor::<1>::from_data(values, &Device::flex());
                        read(replica.mean_on_host(gradient).unwrap()).unwrap().try_to_vec::<f32>().unwrap()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(means.iter().all(|mean| mean[..] == [1.0, 1.0]), "{means:?}");
    }
}
