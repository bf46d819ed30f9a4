//! Tells a listener how training goes: a bar for each epoch, with the loss, its course and the rate, and
//! a line for what came of it.

use std::time::Instant;

use glossa_base::Outcome;

use crate::Callback;
use crate::event::{Event, Flow};
use crate::objective::Objective;
use crate::snapshot::Snapshot;
use crate::training::{Position, Training};

/// Points of the loss's course.
const COURSE: usize = 12;
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Reports to `Training::progress`.
#[derive(Debug)]
pub struct ProgressLine {
    started: Instant,
    sum: f64,
    count: usize,
    /// The mean loss of each twelfth of the epoch.
    course: Vec<(f64, usize)>,
}

impl Default for ProgressLine {
    fn default() -> Self {
        ProgressLine { started: Instant::now(), sum: 0.0, count: 0, course: Vec::new() }
    }
}

impl ProgressLine {
    fn begin<O: Objective>(&mut self, training: &Training<'_, O>) {
        let Position { epoch, step, steps, .. } = training.position;
        let task = format!("{} {}/{}", training.phase.name, epoch + 1, training.total_epochs);
        training.progress.start(&task, Some(steps as u64), "steps");
        training.progress.advance(step as u64);
        *self = ProgressLine::default();
    }

    fn add(&mut self, loss: f64, Position { step, steps, .. }: Position) {
        let at = step * COURSE / steps.max(1);
        self.course.resize(self.course.len().max(at + 1), (0.0, 0));
        if let Some((sum, count)) = self.course.get_mut(at) {
            (*sum, *count) = (*sum + loss, *count + 1);
        }
        (self.sum, self.count) = (self.sum + loss, self.count + 1);
    }

    fn mean(&self) -> f64 {
        self.sum / self.count.max(1) as f64
    }

    /// The course of the loss as a row of bars.
    fn drawn(&self) -> String {
        let means: Vec<f64> = self.course.iter().filter(|part| part.1 > 0).map(|part| part.0 / part.1 as f64).collect();
        let low = means.iter().copied().fold(f64::INFINITY, f64::min);
        let high = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let height = |mean: &f64| ((mean - low) / (high - low).max(1e-9) * 7.0).round() as usize;
        means.iter().filter_map(|mean| HEIGHTS.get(height(mean))).collect()
    }
}

impl<O: Objective> Callback<O> for ProgressLine {
    fn on(&mut self, event: Event, training: &mut Training<'_, O>) -> Outcome<Flow> {
        match event {
            Event::BeforeTrain => self.begin(training),
            Event::AfterRead => {
                if let Some(reading) = &training.reading {
                    self.add(reading.loss, reading.position);
                    let (loss, course, rate) = (self.mean(), self.drawn(), reading.rate);
                    training.progress.state(&format!("loss {loss:.4} {course} rate {rate:.1e}"));
                }
            }
            Event::AfterBatch => training.progress.advance(1),
            Event::AfterEpoch => {
                let (loss, seconds) = (self.mean(), self.started.elapsed().as_secs_f64());
                let judged: String =
                    training.metrics.iter().map(|(name, value)| format!(", valid {name} {value:.4}")).collect();
                training.progress.finish(&format!("train loss {loss:.4}{judged} ({seconds:.1} s)"));
            }
            _ => {}
        }
        Ok(Flow::Continue)
    }

    /// After everything that changes what it shows.
    fn order(&self) -> i32 {
        60
    }

    fn restore(&mut self, _snapshot: &Snapshot, training: &Training<'_, O>) -> Outcome<()> {
        self.begin(training);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_course_falls_with_the_loss() {
        let mut line = ProgressLine::default();
        for step in 0..24 {
            line.add(24.0 - step as f64, Position { step, steps: 24, ..Position::default() });
        }
        assert_eq!(line.drawn(), "█▇▇▆▅▅▄▄▃▂▂▁");
        assert!((line.mean() - 12.5).abs() < 1e-12);
        assert_eq!(ProgressLine::default().drawn(), "");
    }
}
