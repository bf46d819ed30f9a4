//! The tied decoder, log-softmax and cross-entropy in one, in blocks of rows, so that neither the
//! logits nor their gradient ever exist whole.

use rayon::prelude::*;

use super::matrix::{Rows, times, times_transposed, transposed_times};
use super::element::{Element, add_and_survey, exp_and_sum};

/// Rows of a block: its logits stay in the caches' reach, its products stay large.
const BLOCK: usize = 256;

/// The decoder's inputs: `hidden` `[rows, embedding]`, `weight` `[vocabulary, embedding]`, `bias`
/// `[vocabulary]`, `targets` `[rows]`.
#[derive(Clone, Copy)]
pub(crate) struct Decoder<'a, E> {
    pub(crate) hidden: &'a [E],
    pub(crate) weight: &'a [E],
    pub(crate) bias: &'a [E],
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
pub(crate) struct Gradients<E> {
    pub(crate) hidden: Vec<E>,
    pub(crate) weight: Vec<E>,
    pub(crate) bias: Vec<E>,
}

impl<E: Element> Decoder<'_, E> {
    fn vocabulary(&self) -> usize {
        self.bias.len()
    }

    /// The loss alone.
    pub(crate) fn loss(&self) -> Loss {
        let mut logits = vec![E::ZERO; BLOCK.min(self.targets.len()) * self.vocabulary()];
        let mut total = Loss::default();
        for block in 0..self.targets.len().div_ceil(BLOCK) {
            let rows = self.block(block);
            self.softmax(rows.clone(), &mut logits, &mut total, None);
        }
        self.mean(total)
    }

    /// The loss and its gradients, in one pass over the blocks: with `p` the softmax and `q` the
    /// smoothed target, `dlogits = (p - q) / rows`; `dH = dlogits·W`, `dW = dlogitsᵀ·H`, `db = Σ dlogits`.
    pub(crate) fn gradients(&self) -> (Loss, Gradients<E>) {
        let (vocabulary, width) = (self.vocabulary(), self.embedding);
        let mut logits = vec![E::ZERO; BLOCK.min(self.targets.len()) * vocabulary];
        let mut total = Loss::default();
        let mut gradients = Gradients {
            hidden: vec![E::ZERO; self.hidden.len()],
            weight: vec![E::ZERO; self.weight.len()],
            bias: vec![E::ZERO; vocabulary],
        };
        let scale = E::of(1.0 / self.targets.len() as f64);
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
    fn softmax(&self, rows: std::ops::Range<usize>, logits: &mut [E], total: &mut Loss, scale: Option<E>) {
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

    fn row(&self, logits: &mut [E], target: usize, scale: Option<E>) -> Loss {
        let (largest, sum_of_logits) = add_and_survey(logits, self.bias);
        let at_target = logits[target];
        let sum = exp_and_sum(logits, largest);
        let log_sum = largest.wide() + sum.wide().ln();
        let likelihood = log_sum - at_target.wide();
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

    fn turn_into_gradient(&self, exponentials: &mut [E], target: usize, scale: E, sum: E) {
        let smoothing = E::of(f64::from(self.smoothing));
        let (factor, even) = (scale / sum, scale * smoothing / E::of(exponentials.len() as f64));
        for value in exponentials.iter_mut() {
            *value = *value * factor - even;
        }
        exponentials[target] = exponentials[target] - scale * (E::ONE - smoothing);
    }

    fn mean(&self, total: Loss) -> Loss {
        let rows = self.targets.len() as f64;
        Loss { smoothed: total.smoothed / rows, likelihood: total.likelihood / rows, right: total.right / rows }
    }
}

/// Adds the rows of a matrix to a vector, each column in row order.
pub(crate) fn add_columns<E: Element>(sums: &mut [E], rows: &[E]) {
    let width = sums.len();
    const STRIP: usize = 512;
    sums.par_chunks_mut(STRIP).enumerate().for_each(|(strip, sums)| {
        for row in rows.chunks(width) {
            let part = &row[strip * STRIP..strip * STRIP + sums.len()];
            for (sum, value) in sums.iter_mut().zip(part) {
                *sum += *value;
            }
        }
    });
}
