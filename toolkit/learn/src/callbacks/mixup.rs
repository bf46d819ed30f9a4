//! Mixup of embeddings (Zhang et al. 2018; on word embeddings Guo et al. 2019): each text of a batch is
//! mixed with another one, and so are their targets.

use glossa_base::Outcome;
use glossa_base::seed::{Purpose, Stream};
use glossa_nn::Mix;

use crate::Callback;
use crate::event::{Event, Flow};
use crate::objective::Objective;
use crate::training::Training;

/// A batch whose examples can be mixed.
pub trait Mixable {
    /// Number of examples.
    fn example_count(&self) -> usize;
    /// Mixes each example with another one, in its embeddings and its targets.
    ///
    /// # Errors
    /// Partners that the batch does not have.
    fn mix(&mut self, mix: Mix) -> Outcome<()>;
}

/// Draws each batch's share from Beta(α, α) and takes the larger part, as fastai does.
#[derive(Debug, Clone, Copy)]
pub struct Mixup {
    alpha: f64,
    seed: u64,
}

impl Mixup {
    /// A mixup of this strength; 0 for none.
    pub fn new(alpha: f64, seed: u64) -> Option<Self> {
        (alpha > 0.0).then_some(Mixup { alpha, seed })
    }
}

/// A draw from Beta(α, α) by Jöhnk's method: powers of two uniform numbers until their sum is at most 1.
fn beta(alpha: f64, stream: Stream) -> f64 {
    for draw in 0..1000 {
        let power = |index| f64::from(stream.uniform(index)).powf(1.0 / alpha);
        let (one, other) = (power(2 * draw), power(2 * draw + 1));
        if one + other > 0.0 && one + other <= 1.0 {
            return one / (one + other);
        }
    }
    // Only a large α refuses so often, and then the draws lie here.
    0.5
}

impl<O: Objective<Batch: Mixable>> Callback<O> for Mixup {
    fn on(&mut self, event: Event, training: &mut Training<'_, O>) -> Outcome<Flow> {
        let place = training.position.place();
        if let (Event::BeforeBatch, Some(batch)) = (event, &mut training.batch) {
            let stream = Stream::new(self.seed, Purpose::Mixup, place.epoch as u64, place.step as u64);
            let share = beta(self.alpha, stream.part(0));
            let partners = stream.part(1).permutation(batch.example_count());
            batch.mix(Mix { partners, share: share.max(1.0 - share) as f32 })?;
        }
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_have_the_moments_of_beta() {
        for alpha in [0.2, 0.4, 1.0, 3.0] {
            let draws: Vec<f64> =
                (0..20_000).map(|step| beta(alpha, Stream::new(1, Purpose::Mixup, 0, step))).collect();
            let mean = draws.iter().sum::<f64>() / 20_000.0;
            let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / 20_000.0;
            let expected = 1.0 / (4.0 * (2.0 * alpha + 1.0));
            assert!(
                (mean - 0.5).abs() < 0.01 && (variance / expected - 1.0).abs() < 0.05,
                "{alpha}: {mean} {variance}"
            );
        }
    }
}
