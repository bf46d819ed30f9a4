//! Which pieces of a text moved a classifier's decision: the gradient of a class's probability with
//! respect to the embedding of every piece, as fastai v1's
//! `TextClassificationInterpretation.intrinsic_attention` has it (after Graves 2012, the sequential
//! Jacobian). It gives raw numbers for one text at a time; scaling and words are others' business.

use burn::module::Module;
use burn::prelude::*;

use crate::Error;
use crate::classifier::{Classifier, Window};
use crate::encoder::Tokens;
use crate::kernels::concat_pool;
use crate::state::State;

/// The most pieces that gradients run through; the QRNN of MultiFiT keeps 150 kB for each.
pub const LONGEST: usize = 4096;

/// What one piece did for the probability of a class.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Attention {
    /// The gradient of the probability with respect to the piece's embedding: absolute values, summed
    /// over the embedding's width (fastai v1).
    pub gradient: f64,
    /// The gradient times the embedding, summed (Li et al. 2016; Denil et al. 2014): how much, to first
    /// order, the piece adds to the probability, above zero towards the class and below zero away.
    pub push: f64,
}

impl Classifier {
    /// What each piece of a text did for the probability of `class`, without dropout and with the batch
    /// norms' running statistics, as in prediction.
    ///
    /// Training cuts gradients between chunks. Here the text is one chunk, so they reach from the head
    /// to its first piece, up to [`LONGEST`] pieces: of a longer text the last ones are explained, and
    /// those before, which still count for the state, are `None`.
    ///
    /// # Errors
    /// A text without pieces or of another vocabulary, or a class that the head lacks.
    pub fn attention(&self, tokens: &[u32], class: usize, window: Window) -> Result<Vec<Option<Attention>>, Error> {
        self.attention_up_to(tokens, class, window, LONGEST)
    }

    fn attention_up_to(
        &self,
        tokens: &[u32],
        class: usize,
        window: Window,
        longest: usize,
    ) -> Result<Vec<Option<Attention>>, Error> {
        // The module's training flags go too: on a device with gradients a batch norm would otherwise use
        // the statistics of the batch, which is one text here.
        let device = self.encoder.embedding.device().autodiff();
        let model = self.clone().fork(&device).train().freeze();
        let skipped = tokens.len().saturating_sub(longest.max(1));
        let (before, explained) = tokens.split_at(skipped);
        let before = model.read_before(before, window, &device)?;
        let embedded = model.embed_row(explained, &device)?.detach().require_grad();
        let logits = model.logits_after(&before, embedded.clone(), window)?;
        let (weights, scale) = probability_gradient(&values(logits.clone())?, class)?;
        let weights = Tensor::<2>::from_data(TensorData::new(weights, logits.dims()), &device);
        let gradients = (logits * weights).sum().backward();
        let [_, time, width] = embedded.dims();
        let gradient = match embedded.grad(&gradients) {
            Some(gradient) => values(gradient)?,
            None => vec![0.0; time * width],
        };
        let embedded = values(embedded)?;
        let pieces = gradient.chunks(width).zip(embedded.chunks(width)).map(|(gradient, embedded)| {
            let (gradient, push) = sums(gradient, embedded);
            Some(Attention { gradient: scale * gradient, push: scale * push })
        });
        Ok(std::iter::repeat_n(None, skipped).chain(pieces).collect())
    }

    fn embed_row(&self, tokens: &[u32], device: &Device) -> Result<Tensor<3>, Error> {
        let vocabulary = self.encoder.embedding.dims()[0];
        self.encoder.embed(&Tokens::new(tokens, [1, tokens.len()], vocabulary, device)?, None)
    }

    /// Reads what comes before the explained pieces, chunk by chunk and without gradients.
    fn read_before(&self, tokens: &[u32], window: Window, device: &Device) -> Result<Before, Error> {
        let mut before = Before::default();
        for chunk in tokens.chunks(window.chunk.max(1)) {
            let embedded = self.embed_row(chunk, device)?;
            let encoded = self.encoder.encode_embedded(embedded, None, before.state.as_ref(), None)?;
            before.outputs.push(encoded.raw);
            before.state = Some(encoded.state);
        }
        Ok(before)
    }

    /// The head's outputs `[1, classes]` for a text whose last pieces have these embeddings.
    fn logits_after(&self, before: &Before, embedded: Tensor<3>, window: Window) -> Result<Tensor<2>, Error> {
        let encoded = self.encoder.encode_embedded(embedded, None, before.state.as_ref(), None)?;
        let mut outputs = before.outputs.clone();
        outputs.push(encoded.raw);
        let outputs = Tensor::cat(outputs, 1);
        let length = outputs.dims()[1];
        self.logits(concat_pool(outputs, &[[length.saturating_sub(window.pooled.max(1)), length]])?)
    }
}

/// What was read before the explained pieces.
#[derive(Default)]
struct Before {
    outputs: Vec<Tensor<3>>,
    state: Option<State>,
}

/// The gradient of a class's softmax probability with respect to the logits, as weights whose largest
/// is 1 and their scale. A sure classifier's `1 - p` is 0 in 32 bits and every gradient with it; here
/// it is the sum of the other probabilities, which is not.
fn probability_gradient(logits: &[f64], class: usize) -> Result<(Vec<f32>, f64), Error> {
    let probabilities = softmax(logits);
    let Some(share) = probabilities.get(class).copied() else {
        let wanted = format!("a class below {}", logits.len());
        return Err(Error::Shape { tensor: "class", found: vec![class], wanted });
    };
    let others = |index: usize| index != class;
    let rest: f64 = probabilities.iter().enumerate().filter(|(index, _)| others(*index)).map(|(_, p)| p).sum();
    // The largest of all: the others' shares sum to `rest`.
    let scale = share * rest;
    if scale == 0.0 {
        return Ok((vec![0.0; logits.len()], 0.0));
    }
    let weight = |(index, p): (usize, &f64)| if others(index) { -p / rest } else { 1.0 };
    Ok((probabilities.iter().enumerate().map(|entry| weight(entry) as f32).collect(), scale))
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let highest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = logits.iter().map(|logit| (logit - highest).exp()).collect();
    let whole: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / whole).collect()
}

/// The sum of absolute gradients, and that of gradients times values.
fn sums(gradients: &[f64], values: &[f64]) -> (f64, f64) {
    let pairs = || gradients.iter().zip(values);
    (gradients.iter().map(|gradient| gradient.abs()).sum(), pairs().map(|(gradient, value)| gradient * value).sum())
}

fn values<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f64>, Error> {
    let shape = tensor.dims().to_vec();
    let data = tensor.into_data();
    let values = data.as_slice::<f32>().map_err(|_| {
        let wanted = format!("32-bit numbers, not {:?}", data.dtype());
        Error::Shape { tensor: "gradient", found: shape, wanted }
    })?;
    Ok(values.iter().map(|value| f64::from(*value)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classifier::TextBatch;
    use crate::config::{Cell, EncoderConfig};

    const WINDOW: Window = Window { chunk: 4, pooled: 9 };
    const STEP: f32 = 4e-3;

    fn model(cell: Cell) -> Classifier {
        let zoneout = if cell == Cell::Qrnn { 0.2 } else { 0.0 };
        let config =
            EncoderConfig { cell, vocabulary_size: 23, embedding_size: 6, hidden_size: 10, layer_count: 2, zoneout };
        Classifier::fresh(&config, 7, 3, 1, &Device::flex())
    }

    fn text(length: usize) -> Vec<u32> {
        (0..length as u32).map(|position| (position * 5 + 2) % 23).collect()
    }

    /// The probability of a class where the embeddings are these.
    fn probability(model: &Classifier, embeddings: &[f32], class: usize) -> f64 {
        let shape = [1, embeddings.len() / 6, 6];
        let embedded = Tensor::from_data(TensorData::new(embeddings.to_vec(), shape), &Device::flex());
        let logits = model.logits_after(&Before::default(), embedded, WINDOW).unwrap();
        softmax(&values(logits).unwrap())[class]
    }

    /// The same by differences: perturb one value of one embedding after the other.
    fn by_differences(model: &Classifier, text: &[u32], class: usize) -> Vec<Attention> {
        let embedded = values(model.embed_row(text, &Device::flex()).unwrap()).unwrap();
        let numbers: Vec<f32> = embedded.iter().map(|value| *value as f32).collect();
        let moved = |at: usize, by: f32| {
            let mut moved = numbers.clone();
            moved[at] += by;
            probability(model, &moved, class)
        };
        let difference = |at: usize| (moved(at, STEP) - moved(at, -STEP)) / f64::from(2.0 * STEP);
        let gradients: Vec<f64> = (0..numbers.len()).map(difference).collect();
        let piece = |(gradients, values): (&[f64], &[f64])| {
            let (gradient, push) = sums(gradients, values);
            Attention { gradient, push }
        };
        gradients.chunks(6).zip(embedded.chunks(6)).map(piece).collect()
    }

    #[test]
    fn a_changed_embedding_changes_the_probability_as_the_gradient_says() {
        for (cell, class) in [(Cell::Qrnn, 0), (Cell::Qrnn, 2), (Cell::AwdLstm, 1)] {
            let (model, text) = (model(cell), text(13));
            let expected = by_differences(&model, &text, class);
            let found: Vec<Attention> = model.attention(&text, class, WINDOW).unwrap().into_iter().flatten().collect();
            assert_eq!(found.len(), text.len());
            for value in [(|piece| piece.gradient) as fn(&Attention) -> f64, |piece| piece.push] {
                let largest = expected.iter().map(|piece| value(piece).abs()).fold(0.0, f64::max);
                for (place, (found, expected)) in found.iter().zip(&expected).enumerate() {
                    let difference = (value(found) - value(expected)).abs();
                    assert!(difference < 0.03 * largest, "{cell:?} {class} at {place}: {found:?}, not {expected:?}");
                }
            }
            // Four chunks: the first pieces' gradient crosses their borders.
            assert!(found[0].gradient > 0.0);
        }
    }

    #[test]
    fn the_explained_probability_is_the_predicted_one() {
        for (cell, length) in [(Cell::Qrnn, 1), (Cell::Qrnn, 30), (Cell::AwdLstm, 30)] {
            let (model, text) = (model(cell), text(length));
            let embedded = model.embed_row(&text, &Device::flex()).unwrap();
            let whole = softmax(&values(model.logits_after(&Before::default(), embedded, WINDOW).unwrap()).unwrap());
            let batch = TextBatch::new(&[&text], 1, 23).unwrap();
            let chunks = values(model.answers(&batch, WINDOW, crate::target::Problem::SingleLabel).unwrap()).unwrap();
            assert!(whole.iter().zip(&chunks).all(|(whole, chunks)| (whole - chunks).abs() < 1e-6), "{cell:?}");
        }
    }

    #[test]
    fn the_last_pieces_of_a_long_text_have_the_attention_of_the_whole() {
        let (model, text) = (model(Cell::Qrnn), text(20));
        let whole = model.attention(&text, 1, WINDOW).unwrap();
        let part = model.attention_up_to(&text, 1, WINDOW, 6).unwrap();
        assert_eq!(part.iter().filter(|piece| piece.is_none()).count(), 14);
        for (whole, part) in whole.iter().zip(&part).skip(14) {
            let (whole, part) = (whole.unwrap(), part.unwrap());
            assert!((whole.gradient - part.gradient).abs() < 1e-5 * (1.0 + whole.gradient), "{whole:?} {part:?}");
        }
    }

    #[test]
    fn a_sure_classifier_still_has_gradients() {
        let (weights, scale) = probability_gradient(&[60.0, 0.0, 1.0], 0).unwrap();
        assert!(scale > 0.0 && scale < 1e-20);
        assert_eq!(weights[0], 1.0);
        assert!((weights[1] + weights[2] + 1.0).abs() < 1e-6);
    }

    #[test]
    fn what_cannot_be_explained_is_refused() {
        let model = model(Cell::Qrnn);
        assert!(model.attention(&[], 0, WINDOW).is_err());
        assert!(model.attention(&[23], 0, WINDOW).is_err());
        assert!(model.attention(&[1], 3, WINDOW).is_err());
    }
}
