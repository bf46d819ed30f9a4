//! A text classifier over either kind of encoder: what recipes train and predict with.

use burn::prelude::*;

use crate::Error;
use crate::classifier::{Classifier, Pooled, TextBatch, Window};
use crate::dropout::Noise;
use crate::groups::Grouped;
use crate::target::{Aim, Likelihood, Mix, Problem};
use crate::transformer::TransformerClassifier;

/// A classifier over a recurrent encoder or a transformer.
#[derive(Module, Debug)]
pub enum TextClassifier {
    /// QRNN or AWD-LSTM.
    Recurrent(Classifier),
    /// ModernBERT or BERT's family.
    Transformer(TransformerClassifier),
}

impl TextClassifier {
    /// What the encoder makes of a batch; `noise` is present only in training. The window is the recurrent
    /// encoders': a transformer reads whole texts, which were cut to its positions before.
    ///
    /// # Errors
    /// Texts of another vocabulary, or longer than a transformer's positions.
    pub fn read(&self, batch: &TextBatch, window: Window, noise: Option<Noise>) -> Result<Pooled, Error> {
        match self {
            TextClassifier::Recurrent(classifier) => classifier.read(batch, window, noise),
            TextClassifier::Transformer(classifier) => {
                let tokens = classifier.tokens(batch)?;
                let (outputs, texts) = classifier.read_both(&tokens, noise)?;
                let [count, width] = outputs.dims();
                let texts = match batch.mix() {
                    Some(mix) => mixed(texts, mix),
                    None => texts,
                };
                Ok(Pooled { outputs: outputs.reshape([1, count, width]), texts })
            }
        }
    }

    /// How well the head answers.
    ///
    /// # Errors
    /// Targets that do not fit the texts or the head.
    pub fn likelihood(&self, pooled: &Pooled, aim: &Aim<'_>, noise: Option<Noise>) -> Result<Likelihood, Error> {
        match self {
            TextClassifier::Recurrent(classifier) => classifier.likelihood(pooled, aim, noise),
            TextClassifier::Transformer(classifier) => classifier.likelihood(pooled.texts.clone(), aim, noise),
        }
    }

    /// What the head answers for each text `[batch, outputs]`, in the order of the texts: probabilities of
    /// classes that exclude each other, of labels that do not, or a number.
    ///
    /// # Errors
    /// As [`TextClassifier::read`].
    pub fn answers(&self, batch: &TextBatch, window: Window, problem: Problem) -> Result<Tensor<2>, Error> {
        match self {
            TextClassifier::Recurrent(classifier) => classifier.answers(batch, window, problem),
            TextClassifier::Transformer(classifier) => classifier.answers(&classifier.tokens(batch)?, problem),
        }
    }
}

/// Each text's vector mixed with its partner's: texts of different lengths have no common positions.
fn mixed(own: Tensor<2>, mix: &Mix) -> Tensor<2> {
    let partners: Vec<i32> = mix.partners.iter().map(|&partner| partner as i32).collect();
    let partners = Tensor::from_data(TensorData::new(partners, [mix.partners.len()]), &own.device());
    own.clone() * mix.share + own.select(0, partners) * (1.0 - mix.share)
}

impl Grouped for TextClassifier {
    fn group_count(&self) -> usize {
        match self {
            TextClassifier::Recurrent(classifier) => classifier.group_count(),
            TextClassifier::Transformer(classifier) => classifier.group_count(),
        }
    }

    fn group(&self, path: &str) -> usize {
        match self {
            TextClassifier::Recurrent(classifier) => classifier.group(path.strip_prefix("Recurrent.").unwrap_or(path)),
            TextClassifier::Transformer(classifier) => {
                classifier.group(path.strip_prefix("Transformer.").unwrap_or(path))
            }
        }
    }
}
