//! A decoder over a sample of the vocabulary: for large vocabularies in training (PolEval 2018 sampled
//! 15,000 of up to 100,000 pieces by their frequency). Perplexity is always measured with all pieces.
//!
//! Pieces are drawn without replacement with the chance of their frequency (exponential races: the
//! smallest `-ln(u)/p` win). A piece that came in by chance π has its logit raised by `-ln π`, so that
//! the sum of exponentials is right on average (Horvitz and Thompson 1952); the targets of the batch
//! are always in.

use burn::prelude::*;
use glossa_base::seed::Stream;

use crate::Error;

/// Draws candidates by frequency.
#[derive(Debug, Clone)]
pub struct Sampler {
    /// Frequencies, each above zero.
    shares: Vec<f64>,
    size: usize,
}

/// The pieces that a step's decoder knows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Candidates {
    /// Their ids, ascending.
    pub(crate) ids: Vec<u32>,
    /// What is added to each one's logit.
    pub(crate) corrections: Vec<f32>,
    /// Each target's place among them.
    pub(crate) targets: Vec<u32>,
}

impl Sampler {
    /// Draws `size` pieces a step by how often each occurs; what never occurs counts as half.
    ///
    /// # Errors
    /// A sample of nothing, or of all pieces and more.
    pub fn new(counts: &[u64], size: usize) -> Result<Self, Error> {
        if size == 0 || size >= counts.len() {
            let problem = format!("a sample of {size} from {} pieces", counts.len());
            return Err(Error::Config(problem));
        }
        let shares = counts.iter().map(|&count| (count as f64).max(0.5)).collect();
        Ok(Sampler { shares, size })
    }

    /// Pieces of the vocabulary.
    pub fn vocabulary_size(&self) -> usize {
        self.shares.len()
    }

    /// The candidates of a step with these targets.
    pub(crate) fn draw(&self, targets: &[u32], stream: Stream) -> Candidates {
        let race = |(id, share): (usize, &f64)| {
            let uniform = (f64::from(stream.uniform(id as u64)) + 0.5 / 16_777_216.0).min(1.0);
            -uniform.ln() / share
        };
        let times: Vec<f64> = self.shares.iter().enumerate().map(race).collect();
        let mut order = times.clone();
        let (_, &mut limit, _) = order.select_nth_unstable_by(self.size, f64::total_cmp);
        let mut wanted = vec![false; self.shares.len()];
        targets.iter().for_each(|&target| wanted[target as usize] = true);
        let (mut ids, mut corrections) = (Vec::new(), Vec::new());
        for (id, time) in times.iter().enumerate() {
            if wanted[id] || *time < limit {
                let chance = 1.0 - (-self.shares[id] * limit).exp();
                ids.push(id as u32);
                corrections.push(if wanted[id] { 0.0 } else { -chance.ln() as f32 });
            }
        }
        let place = |target: &u32| ids.partition_point(|id| id < target) as u32;
        let targets = targets.iter().map(place).collect();
        Candidates { ids, corrections, targets }
    }
}

impl Candidates {
    /// Ids `[1, candidates]`, corrections `[candidates]` and targets `[rows]`.
    pub(crate) fn tensors(&self, device: &Device) -> (Tensor<2, Int>, Tensor<1>, Tensor<1, Int>) {
        let signed = |ids: &[u32]| ids.iter().map(|&id| id as i32).collect::<Vec<i32>>();
        let (count, rows) = (self.ids.len(), self.targets.len());
        (
            Tensor::from_data(TensorData::new(signed(&self.ids), [1, count]), device),
            Tensor::from_data(TensorData::new(self.corrections.clone(), [count]), device),
            Tensor::from_data(TensorData::new(signed(&self.targets), [rows]), device),
        )
    }
}

#[cfg(test)]
mod tests {
    use glossa_base::seed::Purpose;

    use super::*;

    #[test]
    fn targets_are_in_and_the_size_is_kept() {
        let counts: Vec<u64> = (0..1000).map(|id| 1000 / (id + 1)).collect();
        let sampler = Sampler::new(&counts, 100).unwrap();
        for step in 0..20 {
            let drawn = sampler.draw(&[999, 0, 500, 999], Stream::new(1, Purpose::Sample, 0, step));
            assert!((100..=103).contains(&drawn.ids.len()));
            let found: Vec<u32> = drawn.targets.iter().map(|&place| drawn.ids[place as usize]).collect();
            assert_eq!(found, [999, 0, 500, 999]);
            assert!(drawn.ids.is_sorted_by(|left, right| left < right));
            assert!(drawn.corrections.iter().all(|correction| (0.0..20.0).contains(correction)));
        }
    }

    #[test]
    fn the_sum_of_exponentials_is_right_on_average() {
        let counts: Vec<u64> = (0..400).map(|id| 4000 / (id + 1)).collect();
        let sampler = Sampler::new(&counts, 60).unwrap();
        let logit = |id: u32| f64::from(id % 7) * 0.3 - f64::from(id) * 0.002;
        let whole: f64 = (0..400).map(|id| logit(id).exp()).sum();
        let sampled = |step| {
            let drawn = sampler.draw(&[3], Stream::new(1, Purpose::Sample, 0, step));
            let terms = drawn.ids.iter().zip(&drawn.corrections);
            terms.map(|(&id, &correction)| (logit(id) + f64::from(correction)).exp()).sum::<f64>()
        };
        let mean = (0..4000).map(sampled).sum::<f64>() / 4000.0;
        assert!((mean / whole - 1.0).abs() < 0.03, "{mean} instead of {whole}");
    }

    #[test]
    fn impossible_samples_are_refused() {
        assert!(Sampler::new(&[1, 2, 3], 0).is_err());
        assert!(Sampler::new(&[1, 2, 3], 3).is_err());
    }
}
