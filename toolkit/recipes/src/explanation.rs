//! What moved a classifier's decisions: a number for every piece of a text, numbers for its words, and
//! the texts that it got most wrong. Tokens in, numbers out: what the pieces are called and how they are
//! shown is not known here.

use std::ops::Range;

use glossa_base::{Failure, Outcome};
use glossa_nn::Classifier;
use glossa_nn::attention::Attention;
use serde::Serialize;

use crate::classification::Reading;

/// A share of the largest in its text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Score {
    /// How much the probability of the class hangs on it, from 0 to 1 for the most of the text
    /// (fastai v1's intrinsic attention).
    pub attention: f64,
    /// Whether it pushes towards the class (up to 1) or away (down to -1): gradient times embedding.
    pub push: f64,
}

/// What each piece of a text did for the probability of a class, in the order of the text, whichever
/// way the model reads. `None` is too far away ([`glossa_nn::attention::LONGEST`]).
///
/// # Errors
/// Tokens outside the vocabulary, none at all, a class that the model lacks, or numbers that are none.
pub fn explain(model: &Classifier, tokens: &[u32], class: usize, reading: Reading) -> Outcome<Vec<Option<Attention>>> {
    let mut tokens = tokens.to_vec();
    if reading.backward {
        tokens.reverse();
    }
    let mut pieces = model.attention(&tokens, class, reading.window)?;
    if reading.backward {
        pieces.reverse();
    }
    let finite = |piece: &Attention| piece.gradient.is_finite() && piece.push.is_finite();
    if pieces.iter().flatten().all(finite) {
        return Ok(pieces);
    }
    Err(Failure::data("the gradients of the classifier are not numbers")
        .hint("its weights are too large: train or fetch it again"))
}

/// The sums over words, given as ranges of pieces; a word of which no piece is known has none.
pub fn joined(pieces: &[Option<Attention>], words: &[Range<usize>]) -> Vec<Option<Attention>> {
    let add = |sum: Option<Attention>, piece: &Attention| {
        let sum = sum.unwrap_or_default();
        Some(Attention { gradient: sum.gradient + piece.gradient, push: sum.push + piece.push })
    };
    let word = |word: &Range<usize>| pieces.get(word.clone()).unwrap_or_default().iter().flatten().fold(None, add);
    words.iter().map(word).collect()
}

/// Shares of the largest gradient and of the largest push, either way. Where there is no gradient at
/// all, every share is 0.
pub fn scaled(pieces: &[Option<Attention>]) -> Vec<Option<Score>> {
    let largest = |value: fn(&Attention) -> f64| pieces.iter().flatten().map(value).fold(0.0, f64::max);
    let (gradient, push) = (largest(|piece| piece.gradient), largest(|piece| piece.push.abs()));
    let share = |value: f64, largest: f64| if largest > 0.0 { value / largest } else { 0.0 };
    let score = |piece: &Attention| Score { attention: share(piece.gradient, gradient), push: share(piece.push, push) };
    pieces.iter().map(|piece| piece.as_ref().map(score)).collect()
}

/// Cross-entropy of each text, -ln of the probability of its class.
pub fn losses(probabilities: &[Vec<f64>], classes: &[usize]) -> Vec<f64> {
    let loss = |(row, &class): (&Vec<f64>, &usize)| -row.get(class).copied().unwrap_or(0.0).max(1e-12).ln();
    probabilities.iter().zip(classes).map(loss).collect()
}

/// The indices of the largest losses, the largest first; of equals, the first text.
pub fn top_losses(losses: &[f64], top: usize) -> Vec<usize> {
    let mut indices: Vec<usize> = (0..losses.len()).collect();
    let loss = |index: usize| losses.get(index).copied().unwrap_or_default();
    indices.sort_by(|&left, &right| loss(right).total_cmp(&loss(left)));
    indices.truncate(top);
    indices
}

#[cfg(test)]
mod tests {
    use burn::prelude::Device;
    use glossa_nn::classifier::Window;
    use glossa_nn::{Cell, EncoderConfig};

    use super::*;

    fn piece(gradient: f64, push: f64) -> Option<Attention> {
        Some(Attention { gradient, push })
    }

    #[test]
    fn words_are_sums_and_shares_of_the_largest() {
        let pieces = [None, None, piece(1.0, -1.0), piece(2.0, 0.5), piece(4.0, -0.5)];
        let words = joined(&pieces, &[0..2, 1..3, 3..5, 5..5, 4..9]);
        assert_eq!(words, [None, piece(1.0, -1.0), piece(6.0, 0.0), None, None]);
        let shares = scaled(&words);
        assert_eq!(shares[0], None);
        assert_eq!(shares[1], Some(Score { attention: 1.0 / 6.0, push: -1.0 }));
        assert_eq!(shares[2], Some(Score { attention: 1.0, push: 0.0 }));
        assert_eq!(scaled(&[piece(0.0, 0.0)]), [Some(Score::default())]);
    }

    #[test]
    fn the_largest_losses_come_first() {
        let rows = [vec![0.9, 0.1], vec![0.5, 0.5], vec![0.0, 1.0], vec![0.5, 0.5]];
        let losses = losses(&rows, &[0, 1, 0, 0]);
        assert!((losses[1] - 2.0_f64.ln()).abs() < 1e-12 && losses[2].is_finite());
        assert_eq!(top_losses(&losses, 3), [2, 1, 3]);
        assert_eq!(top_losses(&losses, 9).len(), 4);
        assert!(top_losses(&losses, 0).is_empty());
    }

    #[test]
    fn a_backward_model_is_explained_in_the_order_of_the_text() {
        let config = EncoderConfig {
            cell: Cell::Qrnn,
            vocabulary_size: 20,
            embedding_size: 6,
            hidden_size: 8,
            layer_count: 2,
            zoneout: 0.0,
        };
        let model = Classifier::fresh(&config, 5, 2, 1, &Device::flex());
        let reading = |backward| Reading {
            pad: 1,
            vocabulary: 20,
            window: Window { chunk: 3, pooled: 50 },
            backward,
            problem: glossa_nn::Problem::SingleLabel,
            scale: glossa_nn::ValueScale::default(),
        };
        let backward = explain(&model, &[2, 5, 7, 11, 13], 1, reading(true)).unwrap();
        let mut forward = explain(&model, &[13, 11, 7, 5, 2], 1, reading(false)).unwrap();
        forward.reverse();
        assert_eq!(backward, forward);
        assert!(explain(&model, &[], 1, reading(true)).is_err());
    }
}
