//! Text from a language model, piece by piece, with the state carried (nothing is read twice).

use burn::prelude::*;
use glossa_base::Outcome;
use glossa_base::seed::Stream;
use glossa_learn::learner::numbers;
use glossa_nn::{LanguageModel, Tokens};

/// How pieces are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// Divides the logits: below 1 is safer, above 1 wilder; 0 takes the likeliest piece.
    pub temperature: f64,
    /// Only so many likeliest pieces; 0 for all.
    pub top_k: usize,
    /// Only the likeliest pieces that have this share of the mass together.
    pub top_p: f64,
    /// Pieces to write.
    pub length: usize,
}

/// Goes on from `prompt`, which must not be empty; never draws the pieces `banned`; stops at `end`.
///
/// # Errors
/// A device that does not hand over its tensors.
pub fn generate(
    model: &LanguageModel,
    prompt: &[u32],
    sampling: Sampling,
    banned: &[u32],
    end: u32,
    stream: Stream,
    device: &Device,
) -> Outcome<Vec<u32>> {
    let mut written = Vec::with_capacity(sampling.length);
    let (mut input, mut state) = (prompt.to_vec(), None);
    for index in 0..sampling.length {
        let tokens = Tokens::new(&input, [1, input.len()], model.vocabulary_size(), device)?;
        let (logits, next) = model.next(&tokens, state.as_ref())?;
        let mut logits = numbers(&logits)?;
        for &piece in banned {
            logits.get_mut(piece as usize).into_iter().for_each(|logit| *logit = f64::NEG_INFINITY);
        }
        let piece = draw(&logits, sampling, f64::from(stream.uniform(index as u64)));
        if piece == end {
            break;
        }
        written.push(piece);
        (input, state) = (vec![piece], Some(next));
    }
    Ok(written)
}

/// The piece at `share` of the mass that temperature, top-k and top-p leave.
fn draw(logits: &[f64], sampling: Sampling, share: f64) -> u32 {
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by(|&left, &right| logits[right].total_cmp(&logits[left]).then(left.cmp(&right)));
    let likeliest = order.first().copied().unwrap_or(0);
    if sampling.temperature <= 0.0 {
        return likeliest as u32;
    }
    if sampling.top_k > 0 {
        order.truncate(sampling.top_k);
    }
    let weight = |index: usize| ((logits[index] - logits[likeliest]) / sampling.temperature).exp();
    let total: f64 = order.iter().map(|&index| weight(index)).sum();
    let (mut kept, mut mass) = (0, 0.0);
    while kept < order.len() && (kept == 0 || mass < sampling.top_p * total) {
        mass += weight(order[kept]);
        kept += 1;
    }
    let mut left = share * mass;
    for &index in &order[..kept] {
        left -= weight(index);
        if left < 0.0 {
            return index as u32;
        }
    }
    likeliest as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Sampling = Sampling { temperature: 1.0, top_k: 0, top_p: 1.0, length: 1 };

    #[test]
    fn shares_follow_the_probabilities() {
        let logits = [1.0_f64.ln(), 3.0_f64.ln(), 6.0_f64.ln()];
        let count =
            |piece| (0..1000).filter(|step| draw(&logits, ALL, (f64::from(*step) + 0.5) / 1000.0) == piece).count();
        assert_eq!((count(0), count(1), count(2)), (100, 300, 600));
    }

    #[test]
    fn limits_keep_the_likeliest() {
        let logits = [0.0, 2.0, 1.0];
        for step in 0..100 {
            let share = f64::from(step) / 100.0;
            assert_eq!(draw(&logits, Sampling { top_k: 1, ..ALL }, share), 1);
            assert_eq!(draw(&logits, Sampling { top_p: 0.5, ..ALL }, share), 1);
            assert_eq!(draw(&logits, Sampling { temperature: 0.0, ..ALL }, share), 1);
            assert_ne!(draw(&logits, Sampling { top_k: 2, ..ALL }, share), 0);
        }
    }
}
