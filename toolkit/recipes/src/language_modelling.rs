//! Pretraining and fine-tuning of language models, and their perplexity.

use burn::prelude::*;
use glossa_base::seed::{Purpose, Stream};
use glossa_base::{Outcome, Progress};
use glossa_learn::learner::numbers;
use glossa_learn::stream::{StreamBatch, Streams, TokenSource, shuffled, token_count};
use glossa_learn::{EpochRecord, Learner, Loss, Metrics, Objective, Phase};
use glossa_nn::recurrent::State;
use glossa_nn::{EncoderConfig, LanguageModel, Noise, Sampler, Tokens};

use crate::recipe::{FinetuneRecipe, LanguageModelRecipe, Training};
use crate::regularise;

/// A trained model and how it got there.
pub struct Trained<M> {
    /// The model, without autodiff.
    pub model: M,
    /// A line an epoch.
    pub records: Vec<EpochRecord>,
}

/// Where and from which seed to train, and who listens.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    /// The device, without autodiff.
    pub device: &'a Device,
    /// The seed of everything.
    pub seed: u64,
    /// Who listens.
    pub progress: &'a dyn Progress,
}

/// Trains a language model from fresh weights.
///
/// # Errors
/// Too little text, or a loss that is not a number.
pub fn pretrain(
    config: &EncoderConfig,
    recipe: &LanguageModelRecipe,
    train: &dyn TokenSource,
    valid: Option<&dyn TokenSource>,
    run: Run<'_>,
) -> Outcome<Trained<LanguageModel>> {
    config.check()?;
    let device = run.device.clone().autodiff();
    let model = LanguageModel::new(config, run.seed, &device);
    let phase = whole_phase("pretrain", &model, &recipe.training);
    let sampler = match recipe.sampled_pieces {
        0 => None,
        size => Some(Sampler::new(&counts(train, config.vocabulary_size), size)?),
    };
    fit(model, &[phase], sampler, &recipe.training, train, valid, run)
}

/// How often each piece occurs.
fn counts(source: &dyn TokenSource, vocabulary: usize) -> Vec<u64> {
    let (mut counts, mut document) = (vec![0; vocabulary], Vec::new());
    for index in 0..source.document_count() {
        source.copy_document(index, &mut document);
        for &token in &document {
            counts.get_mut(token as usize).into_iter().for_each(|count| *count += 1);
        }
    }
    counts
}

/// Goes on training a language model on a task's text: the last group alone first, then everything.
///
/// # Errors
/// As [`pretrain`].
pub fn finetune(
    model: LanguageModel,
    recipe: &FinetuneRecipe,
    train: &dyn TokenSource,
    valid: Option<&dyn TokenSource>,
    run: Run<'_>,
) -> Outcome<Trained<LanguageModel>> {
    let training = &recipe.training;
    let model = model.fork(&run.device.clone().autodiff()).train();
    let whole = whole_phase("finetune", &model, training);
    let groups = model.group_count();
    let frozen = Phase {
        name: "finetune (last group)".to_owned(),
        epochs: recipe.frozen_epochs,
        first_group: groups - 1,
        rates: vec![recipe.frozen_rate; groups],
        ..whole.clone()
    };
    fit(model, &[frozen, whole], None, training, train, valid, run)
}

fn whole_phase(name: &str, model: &LanguageModel, training: &Training) -> Phase {
    Phase {
        name: name.to_owned(),
        epochs: training.epochs,
        first_group: 0,
        rates: training.rates(model.group_count()),
        schedule: training.schedule.clone(),
        optimizer: training.optimizer(),
    }
}

fn fit(
    model: LanguageModel,
    phases: &[Phase],
    sampler: Option<Sampler>,
    training: &Training,
    train: &dyn TokenSource,
    valid: Option<&dyn TokenSource>,
    run: Run<'_>,
) -> Outcome<Trained<LanguageModel>> {
    let streams = stream_count(train, training);
    let mut objective = Objectives { training, sampler, train, valid, run, streams, batches: None, state: None };
    let layers = model.group_count();
    let groups = move |path: &str| group(path, layers);
    let mut learner = Learner::new(model, &groups, run.progress);
    learner.fit(phases, &mut objective)?;
    Ok(Trained { model: learner.model.valid(), records: learner.records })
}

fn group(path: &str, groups: usize) -> usize {
    glossa_nn::language_model::layer_index(path).unwrap_or(groups - 1)
}

/// Small texts fill fewer streams: each should be several chunks long.
fn stream_count(source: &dyn TokenSource, training: &Training) -> usize {
    let most = token_count(source) / (4 * training.chunk);
    training.batch_size.min(most.max(1))
}

struct Objectives<'a> {
    training: &'a Training,
    sampler: Option<Sampler>,
    train: &'a dyn TokenSource,
    valid: Option<&'a dyn TokenSource>,
    run: Run<'a>,
    streams: usize,
    batches: Option<Streams<'a>>,
    state: Option<State>,
}

impl Objective<LanguageModel> for Objectives<'_> {
    fn begin_epoch(&mut self, epoch: usize) -> Outcome<usize> {
        let order = shuffled(self.train, self.run.seed, epoch);
        let batches = Streams::new(self.train, order, self.streams, self.training.chunk)?;
        let count = batches.batch_count();
        self.batches = Some(batches);
        self.state = None;
        Ok(count)
    }

    fn loss(&mut self, model: &LanguageModel, epoch: usize, step: usize) -> Outcome<Loss> {
        let Some(batch) = self.batches.as_mut().and_then(Iterator::next) else {
            return Err(glossa_base::Failure::new(glossa_base::Kind::Failed, "an epoch ran out of batches"));
        };
        let device = self.run.device.clone().autodiff();
        let (tokens, targets) = checked(&batch, model.vocabulary_size(), &device)?;
        let stream = Stream::new(self.run.seed, Purpose::Dropout, epoch as u64, step as u64);
        let noise = Noise { dropouts: self.training.dropouts(), stream };
        let smoothing = self.training.label_smoothing as f32;
        let state = self.state.as_ref();
        let step = match &self.sampler {
            None => model.loss(&tokens, &targets, state, Some(noise), smoothing)?,
            Some(sampler) => model.sampled_loss(&tokens, &targets, state, noise, sampler, smoothing)?,
        };
        let regularised = regularise::activations(step.loss, self.training, step.encoded.dropped, step.encoded.raw);
        self.state = Some(step.encoded.state);
        Ok(Loss { total: regularised, statistics: step.statistics })
    }

    fn validate(&mut self, model: &LanguageModel) -> Outcome<Metrics> {
        let Some(valid) = self.valid else { return Ok(Metrics::new()) };
        let evaluated = evaluate(model, valid, self.run.device)?;
        let pieces = evaluated.pieces as f64;
        let loss = evaluated.likelihood / pieces;
        Ok([("loss", loss), ("perplexity", loss.exp()), ("accuracy", evaluated.right / pieces)]
            .map(|(name, value)| (name.to_owned(), value))
            .into())
    }
}

/// Tokens and targets of a batch, within the vocabulary.
fn checked(batch: &StreamBatch, vocabulary: usize, device: &Device) -> Result<(Tokens, Tokens), glossa_nn::Error> {
    let shape = [batch.streams, batch.time];
    let tokens = |ids: &[u32]| Tokens::new(ids, shape, vocabulary, device);
    Ok((tokens(&batch.tokens)?, tokens(&batch.targets)?))
}

/// Sums over every predicted piece of a text.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Evaluated {
    /// Negative log-likelihood in nats.
    pub likelihood: f64,
    /// Right first guesses.
    pub right: f64,
    /// Pieces predicted: all but the very first of the text.
    pub pieces: u64,
}

/// Streams and chunk of an evaluation: they are fixed, since a stream's start lacks its context.
const EVALUATION_STREAMS: usize = 16;
const EVALUATION_CHUNK: usize = 70;

/// The likelihood of every piece of a text, document after document with carried state.
///
/// # Errors
/// Fewer than two pieces.
pub fn evaluate(model: &LanguageModel, source: &dyn TokenSource, device: &Device) -> Outcome<Evaluated> {
    let total = token_count(source);
    let streams = EVALUATION_STREAMS.min(total / (4 * EVALUATION_CHUNK)).max(1);
    let order: Vec<usize> = (0..source.document_count()).collect();
    let batches = Streams::new(source, order, streams, EVALUATION_CHUNK)?;
    let mut state: Option<State> = None;
    let mut evaluated = Evaluated::default();
    for batch in batches {
        let (tokens, targets) = checked(&batch, model.vocabulary_size(), device)?;
        let step = model.loss(&tokens, &targets, state.as_ref(), None, 0.0)?;
        add(&mut evaluated, &step.statistics, batch.tokens.len())?;
        state = Some(step.encoded.state);
    }
    evaluate_joints(model, source, streams, device, &mut evaluated)?;
    Ok(evaluated)
}

/// The pieces that no stream predicts: each stream's first one, and the few left over at the end.
/// Each is predicted from the chunk before it.
fn evaluate_joints(
    model: &LanguageModel,
    source: &dyn TokenSource,
    streams: usize,
    device: &Device,
    evaluated: &mut Evaluated,
) -> Outcome<()> {
    let total = token_count(source);
    let length = total / streams;
    let missed = (1..streams).map(|stream| stream * length).chain(length * streams..total);
    for position in missed {
        let from = position.saturating_sub(EVALUATION_CHUNK);
        let ids = window(source, from, position + 1);
        let count = ids.len() - 1;
        let row = |ids: &[u32]| Tokens::new(ids, [1, ids.len()], model.vocabulary_size(), device);
        let state = match count {
            1 => None,
            _ => Some(model.next(&row(&ids[..count - 1])?, None)?.1),
        };
        let (last, target) = (row(&ids[count - 1..count])?, row(&ids[count..])?);
        add(evaluated, &model.loss(&last, &target, state.as_ref(), None, 0.0)?.statistics, 1)?;
    }
    Ok(())
}

/// Tokens `from..to` of the documents laid end to end.
fn window(source: &dyn TokenSource, from: usize, to: usize) -> Vec<u32> {
    let (mut before, mut tokens, mut document) = (0, Vec::with_capacity(to - from), Vec::new());
    for index in 0..source.document_count() {
        let length = source.document_length(index);
        if before + length > from && before < to {
            source.copy_document(index, &mut document);
            let part = from.saturating_sub(before)..(to - before).min(length);
            tokens.extend(document.get(part).into_iter().flatten());
        }
        before += length;
    }
    tokens
}

fn add(evaluated: &mut Evaluated, statistics: &Tensor<1>, pieces: usize) -> Outcome<()> {
    let means = numbers(statistics)?;
    evaluated.likelihood += means.first().copied().unwrap_or(f64::NAN) * pieces as f64;
    evaluated.right += means.get(1).copied().unwrap_or(0.0) * pieces as f64;
    evaluated.pieces += pieces as u64;
    Ok(())
}
