//! What watches a metric: it keeps the best model, stops early, or lowers the rate on a plateau.

use burn::module::Module;
use glossa_base::Outcome;

use crate::Callback;
use crate::event::{Event, Flow, Scope};
use crate::objective::Objective;
use crate::snapshot::{self, Snapshot};
use crate::training::Training;

/// A metric of validation, and which way it should go.
#[derive(Debug, Clone, PartialEq)]
pub struct Watch {
    metric: String,
    higher: bool,
    /// An improvement is at least so large.
    least: f64,
    best: Option<f64>,
    /// Epochs since the best one.
    waited: usize,
}

impl Watch {
    /// A metric that should rise.
    pub fn highest(metric: &str) -> Self {
        Watch { metric: metric.to_owned(), higher: true, least: 0.0, best: None, waited: 0 }
    }

    /// A metric that should fall.
    pub fn lowest(metric: &str) -> Self {
        Watch { higher: false, ..Watch::highest(metric) }
    }

    /// The same, where smaller improvements do not count.
    #[must_use]
    pub fn by_at_least(self, least: f64) -> Self {
        Watch { least, ..self }
    }

    /// Hears an epoch; says whether it was the best so far. A metric that is missing or no number is never
    /// the best.
    fn hear<O: Objective>(&mut self, training: &Training<'_, O>) -> bool {
        let value = training.metrics.get(&self.metric).copied().unwrap_or(f64::NAN);
        let better = self
            .best
            .is_none_or(|best| if self.higher { value > best + self.least } else { value < best - self.least });
        if value.is_nan() || !better {
            self.waited += 1;
            return false;
        }
        (self.best, self.waited) = (Some(value), 0);
        true
    }

    fn save(&self) -> Outcome<Snapshot> {
        let mut snapshot = Snapshot::default();
        snapshot.put("waited", self.waited)?;
        if let Some(best) = self.best {
            snapshot.put("best", best)?;
        }
        Ok(snapshot)
    }

    fn restore(&mut self, snapshot: &Snapshot) -> Outcome<()> {
        self.waited = snapshot.get("waited")?;
        self.best = if snapshot.values.contains_key("best") { Some(snapshot.get("best")?) } else { None };
        Ok(())
    }
}

/// Keeps the model of the best epoch, and puts it in place at the end of the last phase.
#[derive(Debug)]
pub struct SaveBest {
    watch: Watch,
    best: Snapshot,
}

impl SaveBest {
    /// Keeps the best by a metric.
    pub fn new(watch: Watch) -> Self {
        SaveBest { watch, best: Snapshot::default() }
    }
}

impl<O: Objective> Callback<O> for SaveBest {
    fn on(&mut self, event: Event, training: &mut Training<'_, O>) -> Outcome<Flow> {
        if event == Event::AfterEpoch && self.watch.hear(training) {
            self.best.tensors = snapshot::weights(&training.model()?.valid());
        }
        if event == Event::AfterFit && training.is_last_phase() && !self.best.tensors.is_empty() {
            training.change_model(|model| snapshot::with_weights(model, &self.best.tensors))?;
        }
        Ok(Flow::Continue)
    }

    /// After an average of weights has put the model in place that was judged.
    fn order(&self) -> i32 {
        20
    }

    fn save(&self) -> Outcome<Snapshot> {
        let mut snapshot = self.watch.save()?;
        snapshot.put_part("best-model", self.best.clone());
        Ok(snapshot)
    }

    fn restore(&mut self, snapshot: &Snapshot, _training: &Training<'_, O>) -> Outcome<()> {
        self.best = Snapshot { tensors: snapshot.part("best-model").tensors, ..Snapshot::default() };
        self.watch.restore(snapshot)
    }
}

/// Ends a phase when a metric has not improved for some epochs.
#[derive(Debug)]
pub struct EarlyStopping {
    watch: Watch,
    patience: usize,
}

impl EarlyStopping {
    /// Waits for so many epochs.
    pub fn new(watch: Watch, patience: usize) -> Self {
        EarlyStopping { watch, patience }
    }
}

impl<O: Objective> Callback<O> for EarlyStopping {
    fn on(&mut self, event: Event, training: &mut Training<'_, O>) -> Outcome<Flow> {
        if event != Event::AfterEpoch || self.watch.hear(training) || self.watch.waited < self.patience {
            return Ok(Flow::Continue);
        }
        let (waited, metric) = (self.watch.waited, &self.watch.metric);
        training.progress.line(&format!("stopped early: no better {metric} for {waited} epochs"));
        Ok(Flow::Cancel(Scope::Fit))
    }

    /// After the records.
    fn order(&self) -> i32 {
        70
    }

    fn save(&self) -> Outcome<Snapshot> {
        self.watch.save()
    }

    fn restore(&mut self, snapshot: &Snapshot, _training: &Training<'_, O>) -> Outcome<()> {
        self.watch.restore(snapshot)
    }
}

/// Divides all rates when a metric has not improved for some epochs (fastai's `ReduceLROnPlateau`).
#[derive(Debug)]
pub struct ReduceOnPlateau {
    watch: Watch,
    patience: usize,
    divisor: f64,
}

impl ReduceOnPlateau {
    /// Waits for so many epochs, then divides.
    pub fn new(watch: Watch, patience: usize, divisor: f64) -> Self {
        ReduceOnPlateau { watch, patience, divisor }
    }
}

impl<O: Objective> Callback<O> for ReduceOnPlateau {
    fn on(&mut self, event: Event, training: &mut Training<'_, O>) -> Outcome<Flow> {
        if event == Event::AfterEpoch && !self.watch.hear(training) && self.watch.waited >= self.patience {
            self.watch.waited = 0;
            training.rate_factor /= self.divisor;
            training.progress.line(&format!("a plateau: rates are now times {}", training.rate_factor));
        }
        Ok(Flow::Continue)
    }

    fn save(&self) -> Outcome<Snapshot> {
        self.watch.save()
    }

    fn restore(&mut self, snapshot: &Snapshot, _training: &Training<'_, O>) -> Outcome<()> {
        self.watch.restore(snapshot)
    }
}
