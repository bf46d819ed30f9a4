//! Pretraining and fine-tuning of masked language models, and how well they guess. Some pieces of each text are
//! hidden, 80 % of them behind the mask, 10 % behind another piece, 10 % behind nothing (Devlin et al. 2019);
//! texts are packed, not padded.

use burn::prelude::*;
use glossa_base::seed::{Purpose, Stream};
use glossa_base::{Interrupt, Outcome};
use glossa_learn::callbacks::Activations;
use glossa_learn::finder::{RateCourse, Sweep, find_rate};
use glossa_learn::learner::{Trained, numbers};
use glossa_learn::packing::{Sequence, packed, sequences};
use glossa_learn::stream::TokenSource;
use glossa_learn::{Learner, Loss, Metrics, Objective, Phase, Place, Unfinished};
use glossa_nn::{Grouped, MaskedLanguageModel, Noise, PackedTokens};

use crate::Error;
use crate::language_modelling::{Evaluated, Run, finetuning_phases, whole_phase};
use crate::recipe::{FinetuneRecipe, LanguageModelRecipe, Training};
use crate::replicated;

/// The pieces of a vocabulary that masking must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaskPieces {
    /// What hides a piece.
    pub mask: u32,
    /// What begins a text; parts of a long document begin with it too.
    pub begin: Option<u32>,
    /// Pieces that are never hidden.
    pub special: Vec<u32>,
    /// A hidden piece may be replaced by one below this.
    pub pieces: usize,
}

/// How much is hidden, and how batches begin.
#[derive(Debug, Clone, Copy)]
struct Hiding {
    share: f64,
    warm_up: f64,
}

/// Trains a masked language model, fresh or pretrained.
///
/// # Errors
/// Too little text, or a loss that is not a number.
pub fn pretrain_masked(
    model: MaskedLanguageModel,
    recipe: &LanguageModelRecipe,
    pieces: &MaskPieces,
    train: &dyn TokenSource,
    valid: Option<&dyn TokenSource>,
    run: Run<'_>,
) -> Result<Trained<MaskedLanguageModel>, Unfinished> {
    let phases = vec![whole_phase("pretrain", model.group_count(), &recipe.training)];
    let hiding = Hiding { share: recipe.mask_share, warm_up: recipe.batch_warm_up };
    replicated::train(run, model, |model, run| {
        learner(model, hiding, &recipe.training, pieces, (train, valid), run)?.train(&phases)
    })
}

/// Tries rates for [`pretrain_masked`].
///
/// # Errors
/// As [`pretrain_masked`].
pub fn find_masked_rate(
    model: MaskedLanguageModel,
    recipe: &LanguageModelRecipe,
    pieces: &MaskPieces,
    train: &dyn TokenSource,
    run: Run<'_>,
) -> Outcome<RateCourse> {
    let phase: Phase = whole_phase("pretrain", model.group_count(), &recipe.training);
    let hiding = Hiding { share: recipe.mask_share, warm_up: 0.0 };
    find_rate(learner(model, hiding, &recipe.training, pieces, (train, None), run)?, &phase, Sweep::default())
}

/// Goes on training a masked language model on a task's texts: the last group alone first, then everything.
///
/// # Errors
/// As [`pretrain_masked`].
pub fn finetune_masked(
    model: MaskedLanguageModel,
    (recipe, mask_share): (&FinetuneRecipe, f64),
    pieces: &MaskPieces,
    train: &dyn TokenSource,
    valid: Option<&dyn TokenSource>,
    run: Run<'_>,
) -> Result<Trained<MaskedLanguageModel>, Unfinished> {
    let phases = finetuning_phases(model.group_count(), recipe);
    let hiding = Hiding { share: mask_share, warm_up: 0.0 };
    replicated::train(run, model, |model, run| {
        learner(model, hiding, &recipe.training, pieces, (train, valid), run)?.train(&phases)
    })
}

fn learner<'a>(
    model: MaskedLanguageModel,
    hiding: Hiding,
    training: &'a Training,
    pieces: &'a MaskPieces,
    (train, valid): (&'a dyn TokenSource, Option<&'a dyn TokenSource>),
    run: Run<'a>,
) -> Outcome<Learner<'a, Masked<'a>>> {
    let vocabulary = model.vocabulary_size();
    if pieces.mask as usize >= vocabulary || pieces.pieces > vocabulary {
        return Err(glossa_nn::Error::Token { token: pieces.mask, vocabulary }.into());
    }
    let sequences = sequences(train, room(training, pieces));
    if sequences.len() < 2 {
        let problem = format!("{} sequences are too little text", sequences.len());
        return Err(Error::Labels(problem).into());
    }
    let model = model.fork(&run.device.clone().autodiff()).train();
    let reader = Reader { source: train, pieces, vocabulary };
    let objective = Masked { training, hiding, reader, sequences, valid, run, batches: Vec::new() };
    run.learner(model, objective, training)
}

/// Tokens of a document that a sequence holds: one less where it must begin with a piece of its own.
fn room(training: &Training, pieces: &MaskPieces) -> usize {
    training.chunk.saturating_sub(usize::from(pieces.begin.is_some())).max(1)
}

/// Cuts sequences out of documents and hides their pieces.
struct Reader<'a> {
    source: &'a dyn TokenSource,
    pieces: &'a MaskPieces,
    vocabulary: usize,
}

/// Texts with hidden pieces.
struct MaskedBatch {
    tokens: PackedTokens,
    /// Where pieces are to be guessed.
    places: Vec<u32>,
    /// What stands there.
    hidden: Vec<u32>,
}

impl Reader<'_> {
    /// The tokens of a sequence; a part from the middle of a document begins as documents do.
    fn text(&self, sequence: &Sequence, document: &mut Vec<u32>) -> Vec<u32> {
        self.source.copy_document(sequence.document, document);
        let part = document.get(sequence.start..sequence.start + sequence.length).unwrap_or_default();
        let begin = self.pieces.begin.filter(|begin| part.first() != Some(begin));
        begin.into_iter().chain(part.iter().copied()).collect()
    }

    fn is_special(&self, id: u32) -> bool {
        id == self.pieces.mask || self.pieces.special.contains(&id)
    }

    /// Hides the tokens that `chosen` names, each as `replaced` says.
    fn batch(
        &self,
        texts: &[Vec<u32>],
        chosen: &dyn Fn(usize) -> bool,
        replaced: &dyn Fn(usize, u32) -> u32,
        device: &Device,
    ) -> Outcome<MaskedBatch> {
        let (mut texts, mut places, mut hidden, mut at) = (texts.to_vec(), Vec::new(), Vec::new(), 0);
        for token in texts.iter_mut().flatten() {
            if !self.is_special(*token) && chosen(at) {
                places.push(at as u32);
                hidden.push(*token);
                *token = replaced(at, *token);
            }
            at += 1;
        }
        let tokens = PackedTokens::new(&texts, self.vocabulary, device)?;
        Ok(MaskedBatch { tokens, places, hidden })
    }

    /// Hides a share of the tokens at random; at least one.
    fn masked(&self, texts: &[Vec<u32>], share: f64, stream: Stream, device: &Device) -> Outcome<MaskedBatch> {
        let (choice, how, other) = (stream.part(0), stream.part(1), stream.part(2));
        let replaced = |at: usize, token: u32| match how.uniform(at as u64) {
            kind if kind < 0.8 => self.pieces.mask,
            kind if kind < 0.9 => other.below(at as u64, self.pieces.pieces.max(1)) as u32,
            _ => token,
        };
        let chosen = |at: usize| f64::from(choice.uniform(at as u64)) < share;
        let batch = self.batch(texts, &chosen, &replaced, device)?;
        if !batch.places.is_empty() {
            return Ok(batch);
        }
        let first = texts.iter().flatten().position(|token| !self.is_special(*token)).unwrap_or(0);
        let batch = self.batch(texts, &|at| at == first, &replaced, device)?;
        if !batch.places.is_empty() {
            return Ok(batch);
        }
        // Nothing but special pieces: guess the first of them.
        let hidden = texts.iter().flatten().take(1).copied().collect();
        Ok(MaskedBatch { places: vec![0], hidden, ..batch })
    }
}

struct Masked<'a> {
    training: &'a Training,
    hiding: Hiding,
    reader: Reader<'a>,
    sequences: Vec<Sequence>,
    valid: Option<&'a dyn TokenSource>,
    run: Run<'a>,
    batches: Vec<Vec<usize>>,
}

/// What the decoder reads, `[places, width]`.
struct Guess {
    hidden: Tensor<2>,
    outputs: Tensor<3>,
}

/// Regularisers see what the decoder reads.
impl Activations for Guess {
    fn dropped(&self) -> &Tensor<3> {
        &self.outputs
    }

    fn raw(&self) -> &Tensor<3> {
        &self.outputs
    }
}

/// What one of so many devices reads of a batch: every so manieth sequence, and one that another reads too where
/// there are fewer than devices.
fn part_of(batch: &[usize], (rank, count): (usize, usize)) -> Vec<usize> {
    let own: Vec<usize> = batch.iter().skip(rank).step_by(count).copied().collect();
    match batch.get(rank % batch.len().max(1)) {
        Some(shared) if own.is_empty() => vec![*shared],
        _ => own,
    }
}

impl Masked<'_> {
    /// Rows of a batch when a share of an epoch is done.
    fn rows(&self, epoch: usize, done: f64) -> usize {
        let whole = self.training.batch_size as f64;
        let progress = (epoch as f64 + done) / self.training.epochs.max(1) as f64;
        let grown = if self.hiding.warm_up > 0.0 { (progress / self.hiding.warm_up).min(1.0) } else { 1.0 };
        (whole * (0.125 + 0.875 * grown)).round() as usize
    }
}

impl Objective for Masked<'_> {
    type Model = MaskedLanguageModel;
    type Batch = MaskedBatch;
    type Prediction = Guess;

    fn begin_epoch(&mut self, epoch: usize) -> Outcome<usize> {
        let order = Stream::new(self.run.seed, Purpose::Order, epoch as u64, 0).permutation(self.sequences.len());
        let lengths: Vec<usize> = self.sequences.iter().map(|sequence| sequence.length).collect();
        let row = room(self.training, self.reader.pieces);
        self.batches = packed(&lengths, &order, row, &|done| self.rows(epoch, done));
        Ok(self.batches.len())
    }

    fn batch(&mut self, place: Place) -> Outcome<MaskedBatch> {
        let mut document = Vec::new();
        let chosen = part_of(self.batches.get(place.step).map_or(&[][..], Vec::as_slice), self.run.part());
        let sequences = chosen.iter().filter_map(|&index| self.sequences.get(index));
        let texts: Vec<Vec<u32>> = sequences.map(|sequence| self.reader.text(sequence, &mut document)).collect();
        let stream = self.run.stream(Purpose::Masking, place);
        self.reader.masked(&texts, self.hiding.share, stream, &self.run.device.clone().autodiff())
    }

    fn predict(&mut self, model: &MaskedLanguageModel, batch: &MaskedBatch, place: Place) -> Outcome<Guess> {
        let stream = self.run.stream(Purpose::Dropout, place);
        let noise = Noise { dropouts: self.training.dropouts(), stream };
        let hidden = model.read(&batch.tokens, &batch.places, Some(noise))?;
        let [count, width] = hidden.dims();
        Ok(Guess { outputs: hidden.clone().reshape([1, count, width]), hidden })
    }

    fn loss(&mut self, model: &MaskedLanguageModel, batch: &MaskedBatch, guess: &Guess, _: Place) -> Outcome<Loss> {
        let smoothing = self.training.label_smoothing as f32;
        let likelihood = model.likelihood(guess.hidden.clone(), &batch.hidden, smoothing)?;
        Ok(Loss { total: likelihood.loss, statistics: likelihood.statistics })
    }

    fn computes_in_half(&self) -> bool {
        true
    }

    fn validate(&mut self, model: &MaskedLanguageModel) -> Outcome<Metrics> {
        let Some(valid) = self.valid else { return Ok(Metrics::new()) };
        let reader = Reader { source: valid, ..self.reader };
        let row = room(self.training, self.reader.pieces);
        let found = guess(model, &reader, row, 1, self.run.device, self.run.interrupt)?;
        let pieces = found.pieces.max(1) as f64;
        let loss = found.likelihood / pieces;
        Ok([("loss", loss), ("masked_perplexity", loss.exp()), ("accuracy", found.right / pieces)]
            .map(|(name, value)| (name.to_owned(), value))
            .into())
    }
}

/// A piece in so many is hidden at a time when a model is judged: about the 15 % that BERT was trained with.
const PARTS: usize = 7;

/// Tokens of a batch when a model is judged.
const EVALUATION_TOKENS: usize = 2048;

/// How well a model guesses every piece of a text once, a seventh of them hidden at a time. This is no
/// perplexity of a language model that reads from the left: each guess sees both sides.
///
/// # Errors
/// No text.
pub fn evaluate_masked(
    model: &MaskedLanguageModel,
    pieces: &MaskPieces,
    source: &dyn TokenSource,
    longest: usize,
    device: &Device,
) -> Outcome<Evaluated> {
    let reader = Reader { source, pieces, vocabulary: model.vocabulary_size() };
    guess(model, &reader, longest.saturating_sub(1).max(1), PARTS, device, &Interrupt::default())
}

/// Guesses the pieces of the first so many of the [`PARTS`].
fn guess(
    model: &MaskedLanguageModel,
    reader: &Reader<'_>,
    row: usize,
    parts: usize,
    device: &Device,
    interrupt: &Interrupt,
) -> Outcome<Evaluated> {
    let (sequences, mut evaluated, mut document) = (sequences(reader.source, row), Evaluated::default(), Vec::new());
    let order: Vec<usize> = (0..sequences.len()).collect();
    let lengths: Vec<usize> = sequences.iter().map(|sequence| sequence.length).collect();
    for (step, batch) in packed(&lengths, &order, EVALUATION_TOKENS.max(row), &|_| 1).into_iter().enumerate() {
        let chosen = batch.iter().filter_map(|&index| sequences.get(index));
        let texts: Vec<Vec<u32>> = chosen.map(|sequence| reader.text(sequence, &mut document)).collect();
        let stream = Stream::new(0, Purpose::Masking, 0, step as u64);
        for part in 0..parts {
            interrupt.check()?;
            let of_part = |at: usize| stream.below(at as u64, PARTS) == part;
            let batch = reader.batch(&texts, &of_part, &|_, _| reader.pieces.mask, device)?;
            if batch.places.is_empty() {
                continue;
            }
            let hidden = model.read(&batch.tokens, &batch.places, None)?;
            let found = numbers(&model.likelihood(hidden, &batch.hidden, 0.0)?.statistics)?;
            let count = batch.hidden.len() as f64;
            evaluated.likelihood += found.first().copied().unwrap_or(f64::NAN) * count;
            evaluated.right += found.get(1).copied().unwrap_or(0.0) * count;
            evaluated.pieces += batch.hidden.len() as u64;
        }
    }
    if evaluated.pieces == 0 {
        return Err(Error::Labels("no piece to guess".to_owned()).into());
    }
    Ok(evaluated)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces() -> MaskPieces {
        MaskPieces { mask: 50, begin: Some(1), special: vec![0, 1], pieces: 50 }
    }

    #[test]
    fn a_share_is_hidden_four_fifths_of_it_behind_the_mask() {
        let source: Vec<Vec<u32>> =
            (0..200).map(|text| (0..100).map(|at| 2 + (text * 7 + at) % 40).collect()).collect();
        let pieces = pieces();
        let reader = Reader { source: &source, pieces: &pieces, vocabulary: 64 };
        let stream = Stream::new(1, Purpose::Masking, 0, 0);
        let batch = reader.masked(&source, 0.3, stream, &Device::flex()).unwrap();
        let (all, hidden) = (20_000.0, batch.places.len() as f64);
        assert!((hidden / all - 0.3).abs() < 0.01, "{hidden}");
        let flat: Vec<u32> = source.concat();
        assert!(batch.places.iter().zip(&batch.hidden).all(|(place, piece)| flat[*place as usize] == *piece));
        let again = reader.masked(&source, 0.3, stream, &Device::flex()).unwrap();
        assert_eq!(again.places, batch.places);
    }

    #[test]
    fn parts_of_a_document_begin_as_documents_do_and_special_pieces_stay() {
        let source: Vec<Vec<u32>> = vec![vec![1, 5, 6, 7, 8, 9, 10]];
        let pieces = pieces();
        let reader = Reader { source: &source, pieces: &pieces, vocabulary: 64 };
        let mut document = Vec::new();
        let texts: Vec<Vec<u32>> =
            sequences(&source, 4).iter().map(|sequence| reader.text(sequence, &mut document)).collect();
        assert_eq!(texts, [vec![1, 5, 6], vec![1, 7, 8, 9, 10]]);
        let stream = Stream::new(1, Purpose::Masking, 0, 0);
        let all = reader.masked(&texts, 1.0, stream, &Device::flex()).unwrap();
        assert_eq!(all.hidden, [5, 6, 7, 8, 9, 10]);
        let one = reader.masked(&texts, 1e-9, stream, &Device::flex()).unwrap();
        assert_eq!((one.places.as_slice(), one.hidden.as_slice()), ([1].as_slice(), [5].as_slice()));
    }

    #[test]
    fn devices_share_a_batch() {
        let batch = [4, 5, 6, 7, 8];
        let parts: Vec<Vec<usize>> = (0..2).map(|rank| part_of(&batch, (rank, 2))).collect();
        assert_eq!(parts, [vec![4, 6, 8], vec![5, 7]]);
        assert_eq!(part_of(&batch, (0, 1)), batch);
        assert_eq!((0..3).map(|rank| part_of(&[9, 8], (rank, 3))).collect::<Vec<_>>(), [[9], [8], [9]]);
        assert!(part_of(&[], (1, 2)).is_empty());
    }

    #[test]
    fn every_piece_is_guessed_once() {
        let config = glossa_nn::modernbert::ModernBertConfig::new(64, [8, 8], 2, 2);
        let model = MaskedLanguageModel::new(&config, 1, &Device::flex());
        let source: Vec<Vec<u32>> = vec![vec![1, 5, 6, 7], vec![1, 8, 9]];
        let found = evaluate_masked(&model, &pieces(), &source, 16, &Device::flex()).unwrap();
        assert_eq!(found.pieces, 5);
        assert!((found.likelihood / 5.0 - 64.0_f64.ln()).abs() < 0.5, "{}", found.likelihood);
    }
}
