//! Aligning the sentence vectors of two languages: of the right sides of a batch, each left side should be nearest
//! to its own translation (translation ranking, Guo et al. 2018; the margin is Yang et al.'s, 2019, as in LaBSE).

use burn::prelude::*;
use burn::tensor::activation::log_softmax;

use crate::Error;
use crate::groups::{Grouped, layer_index};
use crate::target::Likelihood;
use crate::transformer::Transformer;

/// Keeps the length of a zero vector from dividing.
const LEAST_LENGTH: f32 = 1e-12;

/// How sharply translations are told apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranking {
    /// Cosines are divided by this before the softmax.
    pub temperature: f64,
    /// By so much a pair's own cosine must be ahead of the others.
    pub margin: f64,
}

/// How well each of `left` `[pairs, width]` finds its own of `right`, and the other way round; the mean of both.
/// Statistics: the loss, and the share of all that find their own first.
///
/// # Errors
/// Sides of different shapes, or fewer than two pairs.
pub fn translation_ranking(left: Tensor<2>, right: Tensor<2>, ranking: Ranking) -> Result<Likelihood, Error> {
    let [pairs, width] = left.dims();
    if right.dims() != [pairs, width] || pairs < 2 {
        let wanted = format!("as many rows as the left side, {pairs}, and at least two, of {width} numbers");
        return Err(Error::Shape { tensor: "right", found: right.dims().to_vec(), wanted });
    }
    let own = Tensor::<2>::eye(pairs, &left.device());
    let cosines = unit(left).matmul(unit(right).transpose()) - own.clone() * ranking.margin;
    let scores = cosines / ranking.temperature;
    let (there, back) = (ranked(scores.clone(), &own), ranked(scores.transpose(), &own));
    let loss = (there.0 + back.0) / 2.0;
    let found = (there.1 + back.1) / 2.0;
    Ok(Likelihood { statistics: Tensor::cat(vec![loss.clone().detach(), found], 0), loss })
}

/// Mean loss of rows whose own column is on the diagonal, and the share that rank it first.
fn ranked(scores: Tensor<2>, own: &Tensor<2>) -> (Tensor<1>, Tensor<1>) {
    let logs = log_softmax(scores, 1);
    let found = logs.clone().detach().argmax(1).equal(own.clone().argmax(1)).float().mean();
    ((logs * own.clone()).sum_dim(1).mean().neg(), found)
}

fn unit(rows: Tensor<2>) -> Tensor<2> {
    let lengths = (rows.clone() * rows.clone()).sum_dim(1).clamp_min(LEAST_LENGTH).sqrt();
    rows / lengths
}

/// The embeddings, and each layer.
impl Grouped for Transformer {
    fn group_count(&self) -> usize {
        self.config().layer_count() + 1
    }

    fn group(&self, path: &str) -> usize {
        match layer_index(path) {
            Some(layer) => layer + 1,
            None if path.contains("final_norm") => self.config().layer_count(),
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(shift: f32, device: &Device) -> Tensor<2> {
        let values: Vec<f32> = (0..12).map(|at| ((at as f32) * 1.7 + shift).sin()).collect();
        Tensor::from_data(TensorData::new(values, [4, 3]), device)
    }

    /// The same in double precision, by its definition.
    fn reference(left: &[f32], right: &[f32], ranking: Ranking) -> f64 {
        let row = |all: &[f32], at: usize| -> Vec<f64> {
            let row: Vec<f64> = all[at * 3..at * 3 + 3].iter().map(|value| f64::from(*value)).collect();
            let length = row.iter().map(|value| value * value).sum::<f64>().sqrt();
            row.iter().map(|value| value / length).collect()
        };
        let score = |one: usize, other: usize| {
            let cosine: f64 = row(left, one).iter().zip(row(right, other)).map(|(a, b)| a * b).sum();
            (cosine - if one == other { ranking.margin } else { 0.0 }) / ranking.temperature
        };
        let mut loss = 0.0;
        for at in 0..4 {
            let there: f64 = (0..4).map(|other| score(at, other).exp()).sum();
            let back: f64 = (0..4).map(|other| score(other, at).exp()).sum();
            loss += (there.ln() + back.ln() - 2.0 * score(at, at)) / 8.0;
        }
        loss
    }

    #[test]
    fn the_loss_is_its_definition_and_the_gradient_its_slope() {
        let ranking = Ranking { temperature: 0.3, margin: 0.2 };
        let device = Device::flex().autodiff();
        let (left, right) = (rows(0.0, &device).require_grad(), rows(0.4, &device));
        let found = translation_ranking(left.clone(), right.clone(), ranking).unwrap();
        let values = |tensor: &Tensor<2>| tensor.to_data().try_to_vec::<f32>().unwrap();
        let (flat, other) = (values(&left), values(&right));
        assert!((f64::from(found.loss.clone().into_scalar::<f32>()) - reference(&flat, &other, ranking)).abs() < 1e-5);
        let gradients = found.loss.backward();
        let gradient = left.grad(&gradients).unwrap().into_data().try_to_vec::<f32>().unwrap();
        for at in 0..flat.len() {
            let shifted = |by: f32| {
                let mut moved = flat.clone();
                moved[at] += by;
                reference(&moved, &other, ranking)
            };
            let slope = (shifted(1e-3) - shifted(-1e-3)) / 2e-3;
            assert!((slope - f64::from(gradient[at])).abs() < 1e-3, "{at}: {slope} {}", gradient[at]);
        }
    }

    #[test]
    fn translations_that_are_the_same_are_found() {
        let ranking = Ranking { temperature: 0.05, margin: 0.0 };
        let device = Device::flex();
        let found = translation_ranking(rows(0.0, &device), rows(0.0, &device), ranking).unwrap();
        let statistics = found.statistics.into_data().try_to_vec::<f32>().unwrap();
        assert!(statistics[1] > 0.999 && statistics[0] < 1.0, "{statistics:?}");
        assert!(translation_ranking(rows(0.0, &device), rows(0.0, &device).narrow(0, 0, 3), ranking).is_err());
        assert!(
            translation_ranking(rows(0.0, &device).narrow(0, 0, 1), rows(0.0, &device).narrow(0, 0, 1), ranking)
                .is_err()
        );
    }
}
