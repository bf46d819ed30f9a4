//! The training loop: short, and written out. What is learned comes from an [`Objective`], how from
//! [`Phase`]s, and everything else from [`Callback`]s.

mod resume;

use std::time::Instant;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use glossa_base::{Failure, Interrupt, Outcome, Progress};

use crate::callbacks::{ProgressLine, Recorder};
use crate::checkpoint::{Checkpoints, Keep};
use crate::course::{Course, Unfinished};
use crate::event::{Event, Flow, Scope};
use crate::gradients::global_norm;
use crate::objective::Objective;
use crate::optimizer::{Optimizer, StepSettings};
use crate::recovery::Recovery;
use crate::training::{Phase, Position, Training, timed};
use crate::{Callback, Error};

/// Why the loop is left before its end.
enum Stop {
    /// A callback cut a scope short.
    Cancelled(Scope),
    /// Something is not finite any more; what and where.
    Diverged(String),
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
        let result = self.fit_and_recover();
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
                Err(Stop::Diverged(what)) => {
                    self.roll_back(&what)?;
                    stopped = self.run_phases();
                }
            }
        }
    }

    fn start(&mut self) -> Result<(), Stop> {
        self.fire(Event::AfterCreate)?;
        if let Some(snapshot) = self.checkpoints.load(self.training.progress)? {
            self.recovery = snapshot.get("recovery")?;
            self.restore(&snapshot)?;
        }
        self.run_phases()
    }

    fn run_phases(&mut self) -> Result<(), Stop> {
        while let Some(phase) = self.phases.get(self.training.position.phase).cloned() {
            if !self.resuming {
                self.training.optimizer = Optimizer::new(phase.optimizer);
                let freezing = phase.freezing;
                self.training.phase = phase;
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
        while self.training.position.step < self.training.position.steps {
            self.keep(Keep::Step)?;
            self.load()?;
            self.within(Scope::Batch, Self::run_batch)?;
            self.training.position.step += 1;
            self.training.position.total_steps += 1;
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
        (training.prediction, training.loss, training.loss_values) = (None, None, None);
        (training.gradients, training.gradient_norm, training.gradient_scale) = (None, 0.0, 1.0);
        let place = training.position.place();
        training.batch = Some(timed(&mut training.clock.batches, || training.objective.batch(place))?);
        Ok(())
    }

    fn predict(&mut self) -> Result<(), Stop> {
        let training = &mut self.training;
        let (Some(batch), Some(model)) = (&training.batch, &training.model) else { return Err(Error::NoModel.into()) };
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
        let (objective, place) = (&mut training.objective, training.position.place());
        let loss = timed(&mut training.clock.forward, || objective.loss(model, batch, prediction, place))?;
        training.loss = Some(loss);
        Ok(())
    }

    /// The loss in numbers, which must be finite.
    fn read_loss(&mut self) -> Result<(), Stop> {
        let Some(loss) = &self.training.loss else { return Ok(()) };
        let values = timed(&mut self.training.clock.forward, || -> Outcome<[f64; 2]> {
            Ok([first(&loss.total)?, first(&loss.statistics)?])
        })?;
        if !values[0].is_finite() {
            return Err(Stop::Diverged("the loss".to_owned()));
        }
        self.training.loss_values = Some(values);
        Ok(())
    }

    fn backward(&mut self) -> Result<(), Stop> {
        let training = &mut self.training;
        // What the graph holds beyond the loss is not needed any more.
        training.prediction = None;
        let (Some(loss), Some(model)) = (training.loss.take(), &training.model) else { return Ok(()) };
        let gradients = || GradientsParams::from_grads(loss.total.backward(), model);
        training.gradients = Some(timed(&mut training.clock.backward, gradients));
        Ok(())
    }

    /// The norm of the gradients, which must be finite.
    fn read_gradients(&mut self) -> Result<(), Stop> {
        let training = &mut self.training;
        let (Some(gradients), Some(model)) = (&training.gradients, &training.model) else { return Ok(()) };
        training.gradient_norm = timed(&mut training.clock.backward, || global_norm(model, gradients))?;
        if !training.gradient_norm.is_finite() {
            return Err(Stop::Diverged("the gradient".to_owned()));
        }
        Ok(())
    }

    fn step(&mut self) -> Result<(), Stop> {
        let training = &mut self.training;
        // A callback may have taken the gradients away: then there is no step.
        let Some(gradients) = training.gradients.take() else { return Ok(()) };
        let model = training.model.take().ok_or(Error::NoModel)?;
        let groups = |path: &str| training.groups.get(path).copied().unwrap_or(0);
        let Training { hypers, gradient_scale: scale, optimizer, clock, .. } = training;
        let settings = StepSettings { groups: hypers.clone(), scale: *scale };
        let (model, updated) = timed(&mut clock.update, || optimizer.step(model, gradients, &groups, &settings));
        self.training.model = Some(model);
        match updated {
            Err(Error::Weights { path }) => Err(Stop::Diverged(format!("`{path}` after the update"))),
            other => Ok(other?),
        }
    }

    fn validate(&mut self) -> Result<(), Stop> {
        let training = &mut self.training;
        let model = training.model()?.valid();
        training.metrics = timed(&mut training.clock.validation, || training.objective.validate(&model))?;
        for (name, _) in training.metrics.iter().filter(|(_, value)| !value.is_finite()) {
            if name == "loss" {
                return Err(Stop::Diverged("the loss of validation".to_owned()));
            }
            training.progress.line(&format!("{name} of validation is not a number"));
        }
        Ok(())
    }

    /// Keeps a checkpoint where one is due, and stops where that is asked for.
    fn keep(&mut self, moment: Keep) -> Result<(), Stop> {
        let started = Instant::now();
        let stopping = self.interrupt.requested();
        if self.checkpoints.is_due(moment, self.training.position.total_steps, stopping) {
            let snapshot = self.snapshot()?;
            self.checkpoints.keep(moment, self.training.position.total_steps, snapshot, stopping)?;
        }
        self.training.clock.checkpoints += started.elapsed();
        Ok(self.interrupt.check()?)
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
    let data = tensor.clone().into_data();
    let values = data.as_slice::<f32>().map_err(|_| Error::Tensor(format!("{:?}", data.dtype())))?;
    Ok(values.iter().map(|value| f64::from(*value)).collect())
}
