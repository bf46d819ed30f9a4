//! The tied decoder, log-softmax and cross-entropy in one, in blocks of rows, so that neither the
//! logits nor their gradient ever exist whole.

use rayon::prelude::*;

use super::element::{Element, add_and_survey, exp_and_sum, for_each_processor};
use super::matrix::{Rows, times, times_transposed, transposed_times};

/// Rows of a block: its logits stay in the caches' reach, its products stay large.
const BLOCK: usize = 256;

/// Columns that one task handles.
const STRIP: usize = 512;

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
            self.exponentials(rows.clone(), &mut logits, &mut total);
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
        for block in 0..self.targets.len().div_ceil(BLOCK) {
            let rows = self.block(block);
            let sums = self.exponentials(rows.clone(), &mut logits, &mut total);
            self.turn_into_gradient(rows.clone(), &mut logits, &sums, &mut gradients.bias);
            let grads = Rows::whole(&logits[..rows.len() * vocabulary], rows.len(), vocabulary);
            let hidden = Rows::whole(&self.hidden[rows.start * width..rows.end * width], rows.len(), width);
            times(
                &mut gradients.hidden[rows.start * width..rows.end * width],
                width,
                false,
                grads,
                Rows::whole(self.weight, vocabulary, width),
            );
            transposed_times(&mut gradients.weight, block > 0, grads, hidden);
        }
        (self.mean(total), gradients)
    }

    fn block(&self, block: usize) -> std::ops::Range<usize> {
        block * BLOCK..((block + 1) * BLOCK).min(self.targets.len())
    }

    /// Replaces the logits of a block of rows by `e` to them less their largest; gives each row's sum.
    fn exponentials(&self, rows: std::ops::Range<usize>, logits: &mut [E], total: &mut Loss) -> Vec<E> {
        let (vocabulary, width) = (self.vocabulary(), self.embedding);
        let hidden = Rows::whole(&self.hidden[rows.start * width..rows.end * width], rows.len(), width);
        let logits = &mut logits[..rows.len() * vocabulary];
        times_transposed(logits, vocabulary, false, hidden, Rows::whole(self.weight, vocabulary, width));
        let done: Vec<(Loss, E)> = logits
            .par_chunks_mut(vocabulary)
            .zip(&self.targets[rows])
            .map(|(logits, &target)| self.row(logits, target))
            .collect();
        for (loss, _) in &done {
            total.smoothed += loss.smoothed;
            total.likelihood += loss.likelihood;
            total.right += loss.right;
        }
        done.into_iter().map(|(_, sum)| sum).collect()
    }

    fn row(&self, logits: &mut [E], target: usize) -> (Loss, E) {
        let (largest, sum_of_logits) = add_and_survey(logits, self.bias);
        let at_target = logits[target];
        let sum = exp_and_sum(logits, largest);
        let log_sum = largest.wide() + sum.wide().ln();
        let likelihood = log_sum - at_target.wide();
        let even = log_sum - sum_of_logits / logits.len() as f64;
        let smoothing = f64::from(self.smoothing);
        let smoothed = (1.0 - smoothing) * likelihood + smoothing * even;
        (Loss { smoothed, likelihood, right: f64::from(u8::from(at_target >= largest)) }, sum)
    }

    /// Exponentials become the gradient of the logits, strip by strip of the vocabulary; its columns are
    /// added to the bias's.
    fn turn_into_gradient(&self, rows: std::ops::Range<usize>, logits: &mut [E], sums: &[E], bias: &mut [E]) {
        let (vocabulary, scale) = (self.vocabulary(), 1.0 / self.targets.len() as f64);
        let smoothing = f64::from(self.smoothing);
        let even = E::of(scale * smoothing / vocabulary as f64);
        let factors: Vec<E> = sums.iter().map(|sum| E::of(scale) / *sum).collect();
        let mut strips: Vec<Vec<&mut [E]>> = (0..vocabulary.div_ceil(STRIP)).map(|_| Vec::new()).collect();
        for row in logits.chunks_mut(vocabulary).take(factors.len()) {
            row.chunks_mut(STRIP).zip(&mut strips).for_each(|(part, strip)| strip.push(part));
        }
        strips.into_par_iter().zip(bias.par_chunks_mut(STRIP)).for_each(|(rows, bias)| {
            rows.into_iter().zip(&factors).for_each(|(row, factor)| scale_and_add(row, *factor, even, bias));
        });
        let share = E::of(scale * (1.0 - smoothing));
        for (row, &target) in logits.chunks_mut(vocabulary).zip(&self.targets[rows]) {
            row[target] -= share;
            bias[target] -= share;
        }
    }

    fn mean(&self, total: Loss) -> Loss {
        let rows = self.targets.len() as f64;
        Loss { smoothed: total.smoothed / rows, likelihood: total.likelihood / rows, right: total.right / rows }
    }
}

for_each_processor! {
    /// `row·factor - even`, added to `sums`.
    scale_and_add<E>(row: &mut [E], factor: E, even: E, sums: &mut [E]) {
        let sums = &mut sums[..row.len()];
        for k in 0..row.len() {
            let value = row[k] * factor - even;
            row[k] = value;
            sums[k] += value;
        }
    }
}

/// Adds the rows of a matrix to a vector, each column in row order.
pub(crate) fn add_columns<E: Element>(sums: &mut [E], rows: &[E]) {
    let width = sums.len();
    sums.par_chunks_mut(STRIP).enumerate().for_each(|(strip, sums)| {
        for row in rows.chunks(width) {
            let part = &row[strip * STRIP..strip * STRIP + sums.len()];
            for (sum, value) in sums.iter_mut().zip(part) {
                *sum += *value;
            }
        }
    });
}
