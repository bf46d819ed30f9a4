//! The course of loss, rate and momentum over the steps, thinned so that it stays small.

use glossa_base::Outcome;
use serde::{Deserialize, Serialize};

use crate::snapshot::Snapshot;

/// Points are merged in pairs above twice this number.
const POINTS: usize = 1000;

/// What some steps in a row came to, each value their mean.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct StepPoint {
    /// The last of the steps, from 1 over all epochs.
    pub step: usize,
    /// The loss that is minimised.
    pub loss: f32,
    /// The last group's rate.
    pub rate: f32,
    /// The momentum.
    pub momentum: f32,
}

/// A course of at most a few thousand points.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Points, each of as many steps as the others.
    pub points: Vec<StepPoint>,
    /// Steps of a point; 0 before the first.
    every: usize,
    /// The point that is not full yet, as sums, and its steps.
    open: (StepPoint, usize),
}

impl History {
    /// Adds a step.
    pub fn push(&mut self, point: StepPoint) {
        let (sum, count) = &mut self.open;
        *count += 1;
        sum.step = point.step;
        (sum.loss, sum.rate) = (sum.loss + point.loss, sum.rate + point.rate);
        sum.momentum += point.momentum;
        if *count < self.every {
            return;
        }
        let share = 1.0 / *count as f32;
        let StepPoint { step, loss, rate, momentum } = *sum;
        self.points.push(StepPoint { step, loss: loss * share, rate: rate * share, momentum: momentum * share });
        self.open = Default::default();
        if self.points.len() >= 2 * POINTS {
            self.thin();
        }
    }

    fn thin(&mut self) {
        let mean = |one: f32, other: f32| (one + other) / 2.0;
        let merge = |pair: &[StepPoint]| match pair {
            [one, other] => Some(StepPoint {
                step: other.step,
                loss: mean(one.loss, other.loss),
                rate: mean(one.rate, other.rate),
                momentum: mean(one.momentum, other.momentum),
            }),
            _ => None,
        };
        self.points = self.points.chunks(2).filter_map(merge).collect();
        self.every = self.every.max(1) * 2;
    }

    pub(crate) fn save(&self) -> Outcome<Snapshot> {
        let mut snapshot = Snapshot::default();
        snapshot.put("every", self.every)?;
        snapshot.put("open", self.open)?;
        snapshot.put("steps", self.points.iter().map(|point| point.step).collect::<Vec<usize>>())?;
        let numbers = self.points.iter().flat_map(|point| [point.loss, point.rate, point.momentum]);
        snapshot.put_floats("numbers", &numbers.collect::<Vec<f32>>());
        Ok(snapshot)
    }

    pub(crate) fn restore(snapshot: &Snapshot) -> Outcome<Self> {
        let steps: Vec<usize> = snapshot.get("steps")?;
        let numbers = snapshot.floats("numbers")?;
        let (rows, _) = numbers.as_chunks::<3>();
        let point = |(step, &[loss, rate, momentum]): (usize, &[f32; 3])| StepPoint { step, loss, rate, momentum };
        let points = steps.into_iter().zip(rows).map(point).collect();
        Ok(History { points, every: snapshot.get("every")?, open: snapshot.get("open")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_courses_are_thinned_and_come_back() {
        let mut history = History::default();
        for step in 1..=9999 {
            history.push(StepPoint { step, loss: step as f32, rate: 0.5, momentum: 0.9 });
            if step % 1234 == 0 {
                assert_eq!(History::restore(&history.save().unwrap()).unwrap(), history);
            }
        }
        assert!((POINTS..2 * POINTS).contains(&history.points.len()));
        assert!(history.points.iter().all(|point| (point.loss + 3.5 - point.step as f32).abs() < 1e-2));
        assert!(history.points.is_sorted_by_key(|point| point.step));
    }
}
