//! Wrong labels on purpose: how much noise a model stands (MultiFiT, section 5.3).

use glossa_base::Outcome;
use glossa_base::seed::{Purpose, Stream};

use crate::Callback;
use crate::event::{Event, Flow};
use crate::objective::Objective;
use crate::training::Training;

/// A batch of examples with a class each.
pub trait Classed {
    /// The number of each example in its training set, and its class.
    fn examples(&mut self) -> Vec<(usize, &mut usize)>;
}

/// Gives a share of the examples another class, drawn once: an example keeps its wrong class over all
/// epochs.
#[derive(Debug, Clone, Copy)]
pub struct LabelNoise {
    share: f64,
    classes: usize,
    seed: u64,
}

impl LabelNoise {
    /// Noise of a share from 0 to 1 over so many classes; nothing for 0.
    pub fn new(share: f64, classes: usize, seed: u64) -> Option<Self> {
        (share > 0.0 && classes > 1).then_some(LabelNoise { share, classes, seed })
    }

    /// The class that an example has under the noise.
    fn class(&self, example: usize, class: usize) -> usize {
        let stream = Stream::new(self.seed, Purpose::LabelNoise, 0, example as u64);
        if f64::from(stream.uniform(0)) >= self.share {
            return class;
        }
        (class + 1 + stream.below(1, self.classes - 1)) % self.classes
    }
}

impl<O: Objective<Batch: Classed>> Callback<O> for LabelNoise {
    fn on(&mut self, event: Event, training: &mut Training<'_, O>) -> Outcome<Flow> {
        if let (Event::BeforeBatch, Some(batch)) = (event, &mut training.batch) {
            for (example, class) in batch.examples() {
                *class = self.class(example, *class);
            }
        }
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_kept_and_wrong_labels_are_wrong() {
        let noise = LabelNoise::new(0.3, 5, 7).unwrap();
        let mut counts = [0; 5];
        (0..10_000).for_each(|example| counts[noise.class(example, 2)] += 1);
        assert!((6800..7200).contains(&counts[2]), "{counts:?}");
        assert!([0, 1, 3, 4].iter().all(|&class| (650..850).contains(&counts[class])), "{counts:?}");
        assert!(LabelNoise::new(0.0, 5, 7).is_none() && LabelNoise::new(0.5, 1, 7).is_none());
    }
}
