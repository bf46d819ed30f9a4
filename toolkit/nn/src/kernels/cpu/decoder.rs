//! The tied decoder, log-softmax and cross-entropy in one, in blocks of rows, so that neither the
//! logits nor their gradient ever exist whole.

use rayon::prelude::*;

use super::matrix::{Rows, times, times_transposed, transposed_times};
use super::simd::{exp_and_sum, maximum};

/// Rows of a block: its logits stay in the caches' reach, its products stay large.
const BLOCK: usize = 256;

/// The decoder's inputs: `hidden` `[rows, embedding]`, `weight` `[vocabulary, embedding]`, `bias`
/// `[vocabulary]`, `targets` `[rows]`.
#[derive(Clone, Copy)]
pub(crate) struct Decoder<'a> {
    pub(crate) hidden: &'a [f32],
    pub(crate) weight: &'a [f32],
    pub(crate) bias: &'a [f32],
    pub(crate) targets: &'a [usize],
    pub(crate) embedding: usize,
    /// Mass spread evenly over the vocabulary (label smoothing).
    pub(crate) smoothing: f32,
}

/// Mean loss with smoothing, mean negative log-likelihood in nats, share of right first guesses.
#[derive(Clone, Copy, Default)]
pub(crate) struct Loss {
    pub(crate) smoothed: f64,
    pub(crate) likelihood: f64,
    pub(crate) right: f64,
}

/// Gradients of the mean loss.
pub(crate) struct Gradients {
    pub(crate) hidden: Vec<f32>,
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
}

impl Decoder<'_> {
    fn vocabulary(&self) -> usize {
        self.bias.len()
    }

    /// The loss alone.
    pub(crate) fn loss(&self) -> Loss {
        let mut logits = vec![0.0; BLOCK.min(self.targets.len()) * self.vocabulary()];
        let mut total = Loss::default();
        for block in 0..self.targets.len().div_ceil(BLOCK) {
            let rows = self.block(block);
            self.softmax(rows.clone(), &mut logits, &mut total, None);
        }
        self.mean(total)
    }

    /// The loss and its gradients, in one pass over the blocks: with `p` the softmax and `q` the
    /// smoothed target, `dlogits = (p - q) / rows`; `dH = dlogits·W`, `dW = dlogitsᵀ·H`, `db = Σ dlogits`.
    pub(crate) fn gradients(&self) -> (Loss, Gradients) {
        let (vocabulary, width) = (self.vocabulary(), self.embedding);
        let mut logits = vec![0.0; BLOCK.min(self.targets.len()) * vocabulary];
        let mut total = Loss::default();
        let mut gradients = Gradients {
            hidden: vec![0.0; self.hidden.len()],
            weight: vec![0.0; self.weight.len()],
            bias: vec![0.0; vocabulary],
        };
        let scale = 1.0 / self.targets.len() as f32;
        for block in 0..self.targets.len().div_ceil(BLOCK) {
            let rows = self.block(block);
            self.softmax(rows.clone(), &mut logits, &mut total, Some(scale));
            let grads = Rows::whole(&logits[..rows.len() * vocabulary], rows.len(), vocabulary);
            let hidden = Rows::whole(&self.hidden[rows.start * width..rows.end * width], rows.len(), width);
            times(
                &mut gradients.hidden[rows.start * width..rows.end * width],
                false,
                grads,
                Rows::whole(self.weight, vocabulary, width),
            );
            transposed_times(&mut gradients.weight, block > 0, grads, hidden);
            add_columns(&mut gradients.bias, grads.data);
        }
        (self.mean(total), gradients)
    }

    fn block(&self, block: usize) -> std::ops::Range<usize> {
        block * BLOCK..((block + 1) * BLOCK).min(self.targets.len())
    }

    /// Logits of a block of rows, turned into the gradient of the logits times `scale` where asked.
    fn softmax(&self, rows: std::ops::Range<usize>, logits: &mut [f32], total: &mut Loss, scale: Option<f32>) {
        let (vocabulary, width) = (self.vocabulary(), self.embedding);
        let hidden = Rows::whole(&self.hidden[rows.start * width..rows.end * width], rows.len(), width);
        let logits = &mut logits[..rows.len() * vocabulary];
        times_transposed(logits, vocabulary, false, hidden, Rows::whole(self.weight, vocabulary, width));
        let losses: Vec<Loss> = logits
            .par_chunks_mut(vocabulary)
            .zip(&self.targets[rows])
            .map(|(logits, &target)| self.row(logits, target, scale))
            .collect();
        for loss in losses {
            total.smoothed += loss.smoothed;
            total.likelihood += loss.likelihood;
            total.right += loss.right;
        }
    }

    fn row(&self, logits: &mut [f32], target: usize, scale: Option<f32>) -> Loss {
        let mut sum_of_logits = 0.0_f64;
        for (logit, bias) in logits.iter_mut().zip(self.bias) {
            *logit += bias;
        }
        if self.smoothing > 0.0 {
            sum_of_logits = logits.iter().map(|logit| f64::from(*logit)).sum();
        }
        let at_target = logits[target];
        let largest = maximum(logits);
        let sum = exp_and_sum(logits, largest);
        let log_sum = f64::from(largest) + f64::from(sum).ln();
        let likelihood = log_sum - f64::from(at_target);
        let even = log_sum - sum_of_logits / logits.len() as f64;
        let smoothing = f64::from(self.smoothing);
        if let Some(scale) = scale {
            self.turn_into_gradient(logits, target, scale, sum);
        }
        Loss {
            smoothed: (1.0 - smoothing) * likelihood + smoothing * even,
            likelihood,
            right: f64::from(u8::from(at_target >= largest)),
        }
    }

    fn turn_into_gradient(&self, exponentials: &mut [f32], target: usize, scale: f32, sum: f32) {
        let (factor, even) = (scale / sum, scale * self.smoothing / exponentials.len() as f32);
        for value in exponentials.iter_mut() {
            *value = *value * factor - even;
        }
        exponentials[target] -= scale * (1.0 - self.smoothing);
    }

    fn mean(&self, total: Loss) -> Loss {
        let rows = self.targets.len() as f64;
        Loss { smoothed: total.smoothed / rows, likelihood: total.likelihood / rows, right: total.right / rows }
    }
}

/// Adds the rows of a matrix to a vector, each column in row order.
pub(crate) fn add_columns(sums: &mut [f32], rows: &[f32]) {
    let width = sums.len();
    const STRIP: usize = 512;
    sums.par_chunks_mut(STRIP).enumerate().for_each(|(strip, sums)| {
        for row in rows.chunks(width) {
            let part = &row[strip * STRIP..strip * STRIP + sums.len()];
            for (sum, value) in sums.iter_mut().zip(part) {
                *sum += value;
            }
        }
    });
}
