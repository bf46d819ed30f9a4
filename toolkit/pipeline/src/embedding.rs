//! Sentence vectors from any encoder: a text, or each window of a long one, through the encoder; its tokens'
//! vectors pooled to one.

mod files;

use std::path::Path;

use burn::prelude::*;
use glossa_base::{Failure, Kind, Outcome, Progress};
use glossa_nn::classifier::{TextBatch, Window};
use glossa_nn::kernels::Pooling;
use glossa_nn::laser::Laser;
use glossa_nn::transformer::TransformerConfig;
use glossa_nn::{Classifier, DeviceChoice, PackedTokens, TextClassifier, Transformer};
use glossa_recipes::model_folder;
use glossa_text::ModelTokenizer;

use crate::encoder_folder::{self, Described, FolderKind};

pub use files::Vectors;

/// Tokens of a batch.
const BATCH: usize = 4096;

/// How texts become vectors.
#[derive(Debug, Clone, Default)]
pub struct EmbedOptions {
    /// How the vectors of tokens become one; without, the mean, and LASER's maximum.
    pub pooling: Option<Pooling>,
    /// What stands before every text, such as E5's `query: `.
    pub prefix: String,
    /// Most tokens of a window, special ones included; without, as many as the model has positions for.
    pub window: Option<usize>,
    /// Whether vectors are made one unit long.
    pub normalise: bool,
}

/// An encoder with its tokenizer.
pub struct TextEncoder {
    encoder: Encoder,
    tokenizer: ModelTokenizer,
    longest: usize,
    device: Device,
}

enum Encoder {
    Recurrent(Box<TextClassifier>, bool),
    Transformer(Box<Transformer>),
    Laser(Box<Laser>),
}

/// Tokens of a window of a recurrent encoder, or of LASER: neither has positions that end.
const RECURRENT_WINDOW: usize = 4096;

impl TextEncoder {
    /// Reads a model folder: ours, or a published ModernBERT, BERT, XLM-RoBERTa or LASER.
    ///
    /// # Errors
    /// A folder that is damaged or of another kind.
    pub fn read(folder: &Path, device: DeviceChoice) -> Outcome<Self> {
        let (device, described) = (device.open()?, Described::read(folder)?);
        let (encoder, tokenizer, longest) = match &described.kind {
            FolderKind::Recurrent => {
                let (encoder, config) = model_folder::read_encoder(folder, &device)?;
                let tokenizer = model_folder::read_tokenizer(folder, &config)?.into();
                // The head is never asked: the pooled vectors are what is wanted.
                let pooling = TextClassifier::Recurrent(Classifier::new(encoder, 1, 2, 0, &device));
                (Encoder::Recurrent(Box::new(pooling), config.backward), tokenizer, RECURRENT_WINDOW)
            }
            FolderKind::Transformer(config) => {
                let tokenizer = encoder_folder::read_tokenizer(folder, &described)?;
                let encoder = encoder_folder::read_transformer(folder, &described, &device)?;
                (Encoder::Transformer(Box::new(encoder)), tokenizer, config.longest())
            }
            FolderKind::Laser(config) => {
                let tokenizer = encoder_folder::read_tokenizer(folder, &described)?;
                let source = encoder_folder::tensors(folder)?;
                let encoder = Laser::read(config, source.as_ref(), &device)?;
                (Encoder::Laser(Box::new(encoder)), tokenizer, RECURRENT_WINDOW)
            }
        };
        Ok(TextEncoder { encoder, tokenizer, longest, device })
    }

    /// Width of a vector.
    pub fn width(&self) -> usize {
        match &self.encoder {
            Encoder::Recurrent(pooling, _) => match pooling.as_ref() {
                TextClassifier::Recurrent(classifier) => glossa_nn::Encoder::width(&classifier.encoder),
                TextClassifier::Transformer(_) => 0,
            },
            Encoder::Transformer(encoder) => TransformerConfig::width(&encoder.config()),
            Encoder::Laser(encoder) => encoder.config().width(),
        }
    }

    /// Of the pieces of some texts, the share that has no piece of the vocabulary: near 1 in a script that the
    /// encoder was not made for.
    ///
    /// # Errors
    /// A text that the tokenizer fails on.
    pub fn unknown_share(&self, texts: &[String]) -> Outcome<f64> {
        let (mut pieces, mut unknown) = (0_usize, 0_usize);
        for text in texts {
            let (ids, missing) = match &self.tokenizer {
                ModelTokenizer::Ours(tokenizer) => (tokenizer.encode(text)?, Some(tokenizer.unknown_id())),
                ModelTokenizer::Imported(tokenizer) => (tokenizer.encode_bare(text)?, tokenizer.unknown_id()),
            };
            pieces += ids.len();
            unknown += ids.iter().filter(|id| Some(**id) == missing).count();
        }
        Ok(unknown as f64 / pieces.max(1) as f64)
    }

    fn pooling(&self, options: &EmbedOptions) -> Outcome<Pooling> {
        match (&self.encoder, options.pooling) {
            (Encoder::Laser(_), None | Some(Pooling::Maximum)) => Ok(Pooling::Maximum),
            (Encoder::Laser(_), Some(_)) => {
                Err(Failure::new(Kind::Usage, "LASER pools by the maximum").hint("leave --pooling out"))
            }
            (Encoder::Recurrent(..), Some(Pooling::First)) => {
                Err(Failure::new(Kind::Usage, "a recurrent encoder's first vector has read one piece")
                    .hint("use --pooling mean or max"))
            }
            (_, pooling) => Ok(pooling.unwrap_or(Pooling::Mean)),
        }
    }

    /// One vector a text, in the order of the texts. Of a text in several windows the vectors are averaged, each
    /// counting as many tokens as it has; where the maximum is pooled, their maximum is taken.
    ///
    /// # Errors
    /// A text that the tokenizer fails on, or a pooling that the encoder does not have.
    pub fn embed(&self, texts: &[String], options: &EmbedOptions, progress: &dyn Progress) -> Outcome<Vectors> {
        let pooling = self.pooling(options)?;
        let mut pieces: Vec<(usize, Vec<u32>)> = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let windows = self.windows(&format!("{}{text}", options.prefix), options.window)?;
            pieces.extend(windows.into_iter().map(|window| (index, window)));
        }
        let mut vectors = Vectors::zeros(texts.len(), self.width());
        let mut counts = vec![0.0_f32; texts.len()];
        let mut order: Vec<usize> = (0..pieces.len()).collect();
        order.sort_by_key(|&at| std::cmp::Reverse(pieces.get(at).map_or(0, |(_, window)| window.len())));
        progress.start("embed", Some(pieces.len() as u64), "windows");
        for batch in batches(&order, &pieces) {
            let windows: Vec<&[u32]> = batch.iter().filter_map(|&at| Some(pieces.get(at)?.1.as_slice())).collect();
            let rows = self.pool(&windows, pooling)?;
            for (&at, row) in batch.iter().zip(rows.chunks(self.width().max(1))) {
                let Some((text, window)) = pieces.get(at) else { continue };
                let count =
                    counts.get_mut(*text).map_or(0.0, |count| std::mem::replace(count, *count + window.len() as f32));
                vectors.take_in(*text, row, pooling, count, window.len() as f32);
            }
            progress.advance(batch.len() as u64);
        }
        progress.finish(&format!("{} texts", texts.len()));
        if options.normalise {
            vectors.normalise();
        }
        if vectors.values().iter().all(|value| value.is_finite()) {
            return Ok(vectors);
        }
        Err(Failure::data("the encoder gives vectors that are not numbers")
            .hint("its weights are damaged: fetch it again"))
    }

    /// The tokens of a text, cut into windows with special ids around each.
    fn windows(&self, text: &str, window: Option<usize>) -> Outcome<Vec<Vec<u32>>> {
        let most = window.unwrap_or(self.longest).clamp(1, self.longest);
        Ok(match &self.tokenizer {
            ModelTokenizer::Ours(tokenizer) => {
                let ids = tokenizer.encode(text)?;
                let begin = tokenizer.begin_id();
                let bare = ids.strip_prefix(&[begin]).unwrap_or(&ids);
                parts(bare, most.saturating_sub(1)).map(|part| [&[begin], part].concat()).collect()
            }
            ModelTokenizer::Imported(tokenizer) => {
                let bare = tokenizer.encode_bare(text)?;
                let wrap = |part: &[u32]| {
                    let ids = tokenizer.wrap(part);
                    if ids.is_empty() { vec![self.tokenizer.pad_id()] } else { ids }
                };
                parts(&bare, most.saturating_sub(tokenizer.special_count())).map(wrap).collect()
            }
        })
    }

    /// Vectors of windows, row after row.
    fn pool(&self, windows: &[&[u32]], pooling: Pooling) -> Outcome<Vec<f32>> {
        let vocabulary = self.tokenizer.vocabulary_size();
        let packed = || PackedTokens::new(windows, vocabulary, &self.device);
        let rows = match &self.encoder {
            Encoder::Transformer(encoder) => encoder.pool(&packed()?, pooling)?,
            Encoder::Laser(encoder) => encoder.pool(&packed()?)?,
            Encoder::Recurrent(pooler, backward) => {
                let mut windows: Vec<Vec<u32>> = windows.iter().map(|window| window.to_vec()).collect();
                if *backward {
                    windows.iter_mut().for_each(|window| window.reverse());
                }
                let batch = TextBatch::new(&windows, self.tokenizer.pad_id(), vocabulary)?;
                let whole = Window { chunk: 512, pooled: usize::MAX };
                let pooled = pooler.read(&batch, whole, None)?.texts;
                // Last, maximum and mean side by side.
                let width = pooled.dims()[1] / 3;
                pooled.narrow(1, if pooling == Pooling::Maximum { width } else { 2 * width }, width)
            }
        };
        rows.into_data()
            .try_into_vec::<f32>()
            .map_err(|cause| Failure::data("cannot read vectors").because(format!("{cause:?}")))
    }
}

/// Parts of about the same length, none longer than `most`; one, empty, of nothing.
fn parts(ids: &[u32], most: usize) -> impl Iterator<Item = &[u32]> {
    let count = ids.len().div_ceil(most.max(1)).max(1);
    (0..count).map(move |part| ids.get(part * ids.len() / count..(part + 1) * ids.len() / count).unwrap_or_default())
}

/// Windows of falling length, in batches of bounded size.
fn batches(order: &[usize], pieces: &[(usize, Vec<u32>)]) -> Vec<Vec<usize>> {
    let (mut batches, mut batch, mut longest) = (Vec::new(), Vec::new(), 0);
    for &at in order {
        let length = pieces.get(at).map_or(0, |(_, window)| window.len());
        // Recurrent encoders pad: the longest counts for all.
        if !batch.is_empty() && longest.max(length) * (batch.len() + 1) > BATCH {
            batches.push(std::mem::take(&mut batch));
            longest = 0;
        }
        longest = longest.max(length);
        batch.push(at);
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_about_equal_and_cover_everything() {
        let ids: Vec<u32> = (0..23).collect();
        let cut: Vec<usize> = parts(&ids, 10).map(<[u32]>::len).collect();
        assert_eq!(cut, [7, 8, 8]);
        assert_eq!(parts(&ids, 10).flatten().copied().collect::<Vec<u32>>(), ids);
        assert_eq!(parts(&[], 10).count(), 1);
    }

    #[test]
    fn batches_are_bounded() {
        let pieces: Vec<(usize, Vec<u32>)> = (0..100).map(|at| (at, vec![0; 10 * (100 - at)])).collect();
        let order: Vec<usize> = (0..100).collect();
        let batches = batches(&order, &pieces);
        assert_eq!(batches.concat(), order);
        assert!(batches.iter().all(|batch| batch.len() * pieces[batch[0]].1.len() <= BATCH));
    }
}
