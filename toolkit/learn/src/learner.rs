//! The training loop: short, and written out. What is learned comes from an [`Objective`], how from
//! [`Phase`]s, and everything else from [`Callback`]s.

mod resume;

use std::time::Instant;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use glossa_base::{Failure, Interrupt, Outcome, Progress};
use glossa_nn::device::guarded;
use glossa_nn::half::in_half;
use glossa_nn::kernels::updates_on;

use crate::callbacks::{ProgressLine, Recorder};
use crate::checkpoint::{Checkpoints, Keep};
use crate::course::{Course, Unfinished};
use crate::event::{Event, Flow, Scope};
use crate::gradients::{Norm, norm};
use crate::objective::Objective;
use crate::optimizer::{Optimizer, StepSettings};
use crate::reading::{self, Divergence, Late, Reading, Readings, after_update, values};
use crate::recovery::Recovery;
use crate::replica::Replica;
use crate::training::{Phase, Position, Training, timed};
use crate::{Callback, Error};

/// Why the loop is left before its end.
enum Stop {
    /// A callback cut a scope short.
    Cancelled(Scope),
    /// Something is not finite any more.
    Diverged(Divergence),
    /// Something went wrong.
    Failed(Failure),
}

impl<E: Into<Failure>> From<E> for Stop {
    fn from(error: E) -> Self {
        Stop::Failed(error.into())
    }
}

/// A trained model and how it got there.
pub struct Trained<M> {
    /// The model, without autodiff.
    pub model: M,
    /// How it got there.
    pub course: Course,
}

/// Trains a model through phases.
pub struct Learner<'a, O: Objective> {
    /// Everything that callbacks see.
    pub training: Training<'a, O>,
    callbacks: Vec<Box<dyn Callback<O> + 'a>>,
    checkpoints: Checkpoints<'a>,
    recovery: Recovery,
    interrupt: Interrupt,
    readings: Readings,
    replica: Option<Replica>,
    phases: Vec<Phase>,
    /// Whether the loop is on its way back to where it was: what began then does not begin again.
    resuming: bool,
}

impl<'a, O: Objective> Learner<'a, O> {
    /// A learner of a model on an autodiff device, with a recorder and a progress line.
    pub fn new(model: O::Model, objective: O, progress: &'a dyn Progress) -> Self {
        let learner = Learner {
            training: Training::new(model, objective, progress),
            callbacks: Vec::new(),
            checkpoints: Checkpoints::default(),
            recovery: Recovery::default(),
            interrupt: Interrupt::default(),
            readings: Readings::default(),
            replica: None,
            phases: Vec::new(),
            resuming: false,
        };
        learner.with(Recorder::default()).with(ProgressLine::default())
    }

    /// With one more callback.
    #[must_use]
    pub fn with(mut self, callback: impl Callback<O> + 'a) -> Self {
        let after = self.callbacks.partition_point(|other| other.order() <= callback.order());
        self.callbacks.insert(after, Box::new(callback));
        self
    }

    /// With one more callback, if there is one.
    #[must_use]
    pub fn with_some(self, callback: Option<impl Callback<O> + 'a>) -> Self {
        match callback {
            Some(callback) => self.with(callback),
            None => self,
        }
    }

    /// With checkpoints, from the last of which training goes on.
    #[must_use]
    pub fn with_checkpoints(mut self, checkpoints: Checkpoints<'a>) -> Self {
        self.checkpoints = checkpoints;
        self
    }

    /// Stops with a checkpoint when this is asked for.
    #[must_use]
    pub fn with_interrupt(mut self, interrupt: Interrupt) -> Self {
        self.interrupt = interrupt;
        self
    }

    /// How often training may roll back when it leaves the finite numbers (3 by default).
    #[must_use]
    pub fn with_roll_backs(mut self, most: usize) -> Self {
        self.recovery.most = most;
        self
    }

    /// As one of the replicas of a training, if it is one. Its objective must give this replica's part of each batch;
    /// only the first replica's checkpoints, logs and validation count.
    #[must_use]
    pub fn with_replica(mut self, replica: Option<Replica>) -> Self {
        self.replica = replica;
        self
    }

    /// How many steps' numbers are fetched from a GPU together ([`READ_EVERY`](crate::reading::READ_EVERY) by
    /// default). The CPU's are known at once.
    #[must_use]
    pub fn reading_every(mut self, steps: usize) -> Self {
        self.readings = Readings::every(steps);
        self
    }

    /// Runs the phases one after the other; with a checkpoint, from there.
    ///
    /// # Errors
    /// What an objective or a callback fails with; numbers that are not finite after all roll-backs; a
    /// request to stop, with `Kind::Stopped`, once a checkpoint is written.
    pub fn fit(&mut self, phases: &[Phase]) -> Outcome<()> {
        let started = Instant::now();
        self.phases = phases.to_vec();
        self.training.phase_count = phases.len();
        self.training.total_epochs = phases.iter().map(|phase| phase.epochs).sum();
        let result = guarded(|| self.fit_and_recover());
        self.training.clock.whole += started.elapsed();
        result
    }

    /// Whether something was not finite at least once.
    pub fn has_diverged(&self) -> bool {
        !self.recovery.attempts.is_empty()
    }

    /// Runs the phases and gives the model without autodiff; how it went is told in any case.
    ///
    /// # Errors
    /// As [`Self::fit`], or the model was lost in a step that failed.
    pub fn train(mut self, phases: &[Phase]) -> Result<Trained<O::Model>, Unfinished> {
        let fitted = self.fit(phases);
        let model = fitted.and_then(|()| Ok(self.training.model()?.valid()));
        let Training { records, history, clock, .. } = self.training;
        let course = Course { records, history, clock, attempts: self.recovery.attempts };
        match model {
            Ok(model) => Ok(Trained { model, course }),
            Err(failure) => Err(Unfinished { failure, course: Box::new(course) }),
        }
    }

    fn fit_and_recover(&mut self) -> Outcome<()> {
        let mut stopped = self.start();
        loop {
            match stopped {
                Ok(()) | Err(Stop::Cancelled(_)) => return Ok(()),
                Err(Stop::Failed(failure)) => return Err(failure),
                Err(Stop::Diverged(divergence)) => {
                    self.roll_back(&divergence)?;
                    stopped = self.run_phases();
                }
            }
        }
    }

    fn start(&mut self) -> Result<(), Stop> {
        self.fire(Event::AfterCreate)?;
        let newest = self.of_first(|learner| learner.checkpoints.load(learner.training.progress))?;
        if let Some(snapshot) = newest {
            self.recovery = snapshot.get("recovery")?;
            self.restore(&snapshot)?;
        }
        self.run_phases()
    }

    fn run_phases(&mut self) -> Result<(), Stop> {
        while let Some(phase) = self.phases.get(self.training.position.phase).cloned() {
            if !self.resuming {
                let freezing = phase.freezing;
                self.training.phase = phase;
                self.training.optimizer = Optimizer::new(self.training.optimizer_settings());
                self.training.freeze(freezing)?;
            }
            self.within(Scope::Fit, Self::run_phase)?;
            let Position { phase, epoch, step, total_steps, .. } = self.training.position;
            // An epoch that was left in the middle has used its random numbers.
            let epoch = epoch + usize::from(step > 0);
            self.training.position = Position { phase: phase + 1, epoch, total_steps, ..Position::default() };
        }
        Ok(())
    }

    fn run_phase(&mut self) -> Result<(), Stop> {
        while self.training.position.phase_epoch < self.training.phase.epochs {
            if !self.resuming {
                let training = &mut self.training;
                training.position.steps = training.objective.begin_epoch(training.position.epoch)?;
            }
            self.within(Scope::Epoch, Self::run_epoch)?;
            let position = &mut self.training.position;
            (position.step, position.epoch, position.phase_epoch) = (0, position.epoch + 1, position.phase_epoch + 1);
        }
        Ok(())
    }

    fn run_epoch(&mut self) -> Result<(), Stop> {
        self.within(Scope::Train, Self::run_steps)?;
        self.keep(Keep::Epoch)?;
        let judged = self.within(Scope::Validate, Self::validate);
        self.checkpoints.leave_epoch(self.interrupt.requested())?;
        judged
    }

    fn run_steps(&mut self) -> Result<(), Stop> {
        self.resuming = false;
        self.readings.clear();
        match self.take_steps() {
            Err(stop @ (Stop::Diverged(_) | Stop::Failed(_))) => Err(stop),
            finished => self.read().and(finished),
        }
    }

    fn take_steps(&mut self) -> Result<(), Stop> {
        while self.training.position.step < self.training.position.steps {
            self.keep(Keep::Step)?;
            self.load()?;
            self.within(Scope::Batch, Self::run_batch)?;
            self.training.position.step += 1;
            self.training.position.total_steps += 1;
            if self.readings.is_due() {
                self.read()?;
            }
        }
        Ok(())
    }

    fn run_batch(&mut self) -> Result<(), Stop> {
        self.predict()?;
        self.fire(Event::AfterPred)?;
        self.measure()?;
        self.fire(Event::AfterLoss)?;
        self.read_loss()?;
        self.fire(Event::BeforeBackward)?;
        self.backward()?;
        self.fire(Event::AfterBackward)?;
        self.read_gradients()?;
        self.within(Scope::Step, Self::step)
    }

    /// Runs a scope between its events; a callback may cut it short.
    fn within(&mut self, scope: Scope, body: fn(&mut Self) -> Result<(), Stop>) -> Result<(), Stop> {
        let begun = if self.resuming { Ok(()) } else { self.fire(scope.before()) };
        match begun.and_then(|()| body(self)) {
            Err(Stop::Cancelled(cancelled)) if cancelled == scope => self.fire(scope.cancelled())?,
            other => other?,
        }
        self.fire(scope.after())
    }

    fn fire(&mut self, event: Event) -> Result<(), Stop> {
        let started = Instant::now();
        for callback in &mut self.callbacks {
            match callback.on(event, &mut self.training) {
                Ok(Flow::Continue) => {}
                Ok(Flow::Cancel(scope)) => return Err(Stop::Cancelled(scope)),
                Err(failure) => return Err(Stop::Failed(of_callback(callback.name(), event, failure))),
            }
        }
        self.training.clock.callbacks += started.elapsed();
        Ok(())
    }

    /// The next batch, with the numbers that the schedule gives each group.
    fn load(&mut self) -> Result<(), Stop> {
        let training = &mut self.training;
        let setting = training.phase.schedule.at(training.position.share(training.phase.epochs));
        let factor = setting.factor * training.rate_factor * self.recovery.factor();
        let hyper = |rate: &f64| training.phase.optimizer.hyper(rate * factor, setting.momentum);
        training.hypers = training.phase.rates.iter().map(hyper).collect();
        (training.prediction, training.loss, training.gradients) = (None, None, None);
        training.copy = None;
        training.gradient_norm = Norm::Known(0.0);
        (training.gradient_scale, training.gradient_factor) = (1.0, None);
        let place = training.position.place();
        training.batch = Some(timed(&mut training.clock.batches, || training.objective.batch(place))?);
        Ok(())
    }

    fn predict(&mut self) -> Result<(), Stop> {
        let training = &mut self.training;
        let half = training.half();
        let (Some(batch), Some(model)) = (&training.batch, &training.model) else { return Err(Error::NoModel.into()) };
        training.copy = half.map(|half| in_half(model, half.number())).transpose()?;
        let model = training.copy.as_ref().unwrap_or(model);
        let (objective, place) = (&mut training.objective, training.position.place());
        let prediction = timed(&mut training.clock.forward, || objective.predict(model, batch, place))?;
        training.prediction = Some(prediction);
        Ok(())
    }

    fn measure(&mut self) -> Result<(), Stop> {
        let training = &mut self.training;
        let (Some(batch), Some(model), Some(prediction)) = (&training.batch, &training.model, &training.prediction)
        else {
            return Err(Error::NoModel.into());
        };
        let model = training.copy.as_ref().unwrap_or(model);
        let (objective, place) = (&mut training.objective, training.position.place());
        let loss = timed(&mut training.clock.forward, || objective.loss(model, batch, prediction, place))?;
        training.loss = Some(loss);
        Ok(())
    }

    /// The loss in numbers, which must be finite; a GPU's come later.
    fn read_loss(&mut self) -> Result<(), Stop> {
        let training = &mut self.training;
        let Some(loss) = &training.loss else { return Ok(()) };
        let (position, rate, momentum) = (training.position, training.rate(), training.momentum());
        let mut reading = Reading { position, rate, momentum, ..Reading::default() };
        // A replica waits for the others' numbers, so it does not stop at its own.
        if self.replica.is_some() || updates_on(&loss.total.device()) {
            let late = vec![Late::Loss(loss.total.clone().detach()), Late::Statistics(loss.statistics.clone())];
            self.readings.begin(reading, late);
            return Ok(());
        }
        let values = || -> Outcome<[f64; 2]> { Ok([first(&loss.total)?, first(&loss.statistics)?]) };
        [reading.loss, reading.likelihood] = timed(&mut training.clock.forward, values)?;
        if !reading.loss.is_finite() {
            return Err(Stop::Diverged(Divergence { what: "the loss".to_owned(), reading }));
        }
        self.readings.begin(reading, Vec::new());
        Ok(())
    }

    fn backward(&mut self) -> Result<(), Stop> {
        let training = &mut self.training;
        // What the graph holds beyond the loss is not needed any more.
        (training.prediction, training.copy) = (None, None);
        let (Some(loss), Some(model)) = (training.loss.take(), &training.model) else { return Ok(()) };
        let gradients = || GradientsParams::from_grads(loss.total.backward(), model);
        let mut gradients = timed(&mut training.clock.backward, gradients);
        if let Some(replica) = &self.replica {
            gradients = timed(&mut training.clock.exchange, || replica.mean(model, gradients))?;
        }
        training.gradients = Some(gradients);
        Ok(())
    }

    /// The norm of the gradients, which must be finite; a GPU's is looked at later.
    fn read_gradients(&mut self) -> Result<(), Stop> {
        let training = &mut self.training;
        let (Some(gradients), Some(model)) = (&training.gradients, &training.model) else { return Ok(()) };
        training.gradient_norm = timed(&mut training.clock.backward, || norm(model, gradients))?;
        match &training.gradient_norm {
            Norm::OnDevice(squares) => self.readings.add([Late::Gradients((**squares).clone())]),
            Norm::Known(norm) if !norm.is_finite() => return Err(self.diverged("the gradient".to_owned())),
            Norm::Known(norm) => self.readings.reading().into_iter().for_each(|step| step.gradient_norm = *norm),
        }
        Ok(())
    }

    /// The step under way left the finite numbers.
    fn diverged(&mut self, what: String) -> Stop {
        let reading = self.readings.reading().copied().unwrap_or_default();
        Stop::Diverged(Divergence { what, reading })
    }

    /// Fetches the numbers of all steps that nobody has heard of, and tells them.
    fn read(&mut self) -> Result<(), Stop> {
        let readings = &mut self.readings;
        let (mut known, mut divergence) = timed(&mut self.training.clock.readings, || readings.take())?;
        if let Some(replica) = &self.replica {
            (known, divergence) = reading::mean(replica.share((known, divergence))?);
        }
        for reading in known {
            self.training.reading = Some(reading);
            self.fire(Event::AfterRead)?;
        }
        self.training.reading = None;
        divergence.map_or(Ok(()), |divergence| Err(Stop::Diverged(divergence)))
    }

    fn step(&mut self) -> Result<(), Stop> {
        let training = &mut self.training;
        // A callback may have taken the gradients away: then there is no step.
        let Some(gradients) = training.gradients.take() else { return Ok(()) };
        let model = training.model.take().ok_or(Error::NoModel)?;
        let groups = |path: &str| training.groups.get(path).copied().unwrap_or(0);
        let Training { hypers, gradient_scale: scale, gradient_factor: factor, optimizer, clock, .. } = training;
        let settings = StepSettings { groups: hypers.clone(), scale: *scale, factor: factor.take() };
        let (model, updated) = timed(&mut clock.update, || optimizer.step(model, gradients, &groups, &settings));
        self.training.model = Some(model);
        match updated {
            Err(Error::Weights { path }) => Err(self.diverged(after_update(&path))),
            Err(error) => Err(error.into()),
            Ok(squares) => {
                self.readings.add(squares.into_iter().map(|(path, squares)| Late::Weights(path, squares)));
                Ok(())
            }
        }
    }

    fn validate(&mut self) -> Result<(), Stop> {
        let metrics = self.of_first(|learner| {
            let training = &mut learner.training;
            let model = training.model()?.valid();
            timed(&mut training.clock.validation, || training.objective.validate(&model))
        })?;
        let training = &mut self.training;
        training.metrics = metrics;
        for (name, _) in training.metrics.iter().filter(|(_, value)| !value.is_finite()) {
            if name == "loss" {
                let what = "the loss of validation".to_owned();
                let reading = Reading { position: training.position, rate: training.rate(), ..Reading::default() };
                return Err(Stop::Diverged(Divergence { what, reading }));
            }
            training.progress.line(&format!("{name} of validation is not a number"));
        }
        Ok(())
    }

    /// Keeps a checkpoint where one is due, and stops where that is asked for.
    fn keep(&mut self, moment: Keep) -> Result<(), Stop> {
        let started = Instant::now();
        let (is_due, stopping) = self.of_first(|learner| {
            let stopping = learner.interrupt.requested();
            Ok((learner.checkpoints.is_due(moment, learner.training.position.total_steps, stopping), stopping))
        })?;
        if is_due {
            // What is kept was looked at: a roll-back must not come back to numbers that are not finite.
            self.read()?;
            let others = self.objectives_of_others()?;
            if self.replica.as_ref().is_none_or(Replica::is_first) {
                let snapshot = self.snapshot(others)?;
                self.checkpoints.keep(moment, self.training.position.total_steps, snapshot, stopping)?;
            }
        }
        self.training.clock.checkpoints += started.elapsed();
        if stopping { Ok(self.interrupt.check()?) } else { Ok(()) }
    }

    /// What the first replica makes of itself, for all; what this learner makes, where it is alone.
    fn of_first<T: Clone + Send + 'static>(&mut self, make: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<T> {
        let Some(replica) = self.replica.clone() else { return make(self) };
        let made = if replica.is_first() { Some(make(self)?) } else { None };
        replica.broadcast(made)
    }
}

/// A failure that says whose it is.
fn of_callback(name: &str, event: Event, failure: Failure) -> Failure {
    Failure { message: format!("the callback {name} failed at {event:?}: {}", failure.message), ..failure }
}

/// The first value of a tensor.
///
/// # Errors
/// A tensor that the device does not hand over.
pub fn first(tensor: &Tensor<1>) -> Outcome<f64> {
    numbers(tensor)?.first().copied().ok_or_else(|| Failure::from(Error::Tensor("empty".to_owned())))
}

/// All values of a tensor.
///
/// # Errors
/// A tensor that the device does not hand over.
pub fn numbers<const D: usize>(tensor: &Tensor<D>) -> Outcome<Vec<f64>> {
    Ok(values(tensor.clone())?.into_iter().map(f64::from).collect())
}
