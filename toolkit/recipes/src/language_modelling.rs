//! Pretraining and fine-tuning of language models, and their perplexity.

use std::path::Path;

use burn::prelude::*;
use glossa_base::seed::{Purpose, Stream};
use glossa_base::{Failure, Interrupt, Kind, Outcome, Progress};
use glossa_learn::callbacks::{
    ActivationRegularisation, Activations, GradientAccumulation, GradientClip, Log, LossScale, WeightAverage,
};
use glossa_learn::finder::{RateCourse, Sweep, find_rate};
use glossa_learn::learner::{Trained, numbers};
use glossa_learn::stream::{StreamBatch, Streams, TokenSource, shuffled, token_count};
use glossa_learn::{
    CheckpointFolder, Checkpoints, Freezing, Interval, Learner, Loss, Metrics, Objective, Phase, Place, Replica,
    Snapshot, Unfinished,
};
use glossa_nn::encoder::Encoded;
use glossa_nn::state::{LayerState, State};
use glossa_nn::{Encoder, EncoderConfig, Grouped, LanguageModel, Noise, Sampler, Tokens};

use crate::recipe::{FinetuneRecipe, LanguageModelRecipe, Precision, Training};
use crate::replicated;

/// Where and from which seed to train, who listens, and how it may be interrupted.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    /// The device, without autodiff.
    pub device: &'a Device,
    /// More devices that learn the same model, where that is offered.
    pub others: &'a [Device],
    /// Which of several devices this is, where it is one of them.
    pub replica: Option<&'a Replica>,
    /// The seed of everything.
    pub seed: u64,
    /// Who listens.
    pub progress: &'a dyn Progress,
    /// Raised to stop with a checkpoint.
    pub interrupt: &'a Interrupt,
    /// Where checkpoints lie, if any are kept, and how often one is written.
    pub checkpoints: Option<(&'a CheckpointFolder, Interval)>,
    /// A log of steps (.jsonl) or epochs (.csv).
    pub log: Option<&'a Path>,
    /// The folder of TensorBoard's event file.
    pub tensorboard: Option<&'a Path>,
}

impl<'a> Run<'a> {
    /// Random numbers of a step; each of several devices has its own.
    pub(crate) fn stream(&self, purpose: Purpose, place: Place) -> Stream {
        let stream = Stream::new(self.seed, purpose, place.epoch as u64, place.step as u64);
        self.replica.map_or(stream, |replica| stream.part(replica.rank() as u64))
    }

    /// Which of how many devices this is.
    pub(crate) fn part(&self) -> (usize, usize) {
        self.replica.map_or((0, 1), |replica| (replica.rank(), replica.count()))
    }

    /// A learner for this run.
    pub(crate) fn learner<O: Objective>(
        self,
        model: O::Model,
        objective: O,
        training: &Training,
    ) -> Outcome<Learner<'a, O>>
    where
        O::Prediction: Activations,
    {
        let (activation, temporal) = (training.activation_regularisation, training.temporal_regularisation);
        let checkpoints =
            self.checkpoints.map_or_else(Checkpoints::default, |(folder, interval)| Checkpoints::new(folder, interval));
        let log = self.log.map(Log::at).transpose()?;
        let tensorboard = self.tensorboard.map(Log::tensorboard).transpose()?;
        Ok(Learner::new(model, objective, self.progress)
            .with_replica(self.replica.cloned())
            .with_checkpoints(checkpoints)
            .with_interrupt(self.interrupt.clone())
            .with_some(ActivationRegularisation::new(activation, temporal))
            .with_some((training.precision == Precision::F16).then(LossScale::default))
            .with_some(GradientAccumulation::new(training.accumulation))
            .with_some(GradientClip::new(training.clip))
            .with_some(WeightAverage::new(training.weight_average))
            .with_some(log)
            .with_some(tensorboard))
    }
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
) -> Result<Trained<LanguageModel>, Unfinished> {
    replicated::train(run, (), |(), run| {
        let (model, sampler) = fresh(config, recipe, train, run)?;
        let phases = pretraining_phases(model.group_count(), recipe);
        learner(model, sampler, &recipe.training, train, valid, run)?.train(&phases)
    })
}

/// The phase of pretraining a language model with so many groups.
pub fn pretraining_phases(groups: usize, recipe: &LanguageModelRecipe) -> Vec<Phase> {
    vec![whole_phase("pretrain", groups, &recipe.training)]
}

/// Tries rates for [`pretrain`].
///
/// # Errors
/// As [`pretrain`].
pub fn find_pretrain_rate(
    config: &EncoderConfig,
    recipe: &LanguageModelRecipe,
    train: &dyn TokenSource,
    run: Run<'_>,
) -> Outcome<RateCourse> {
    let (model, sampler) = fresh(config, recipe, train, run)?;
    let phase = whole_phase("pretrain", model.group_count(), &recipe.training);
    find_rate(learner(model, sampler, &recipe.training, train, None, run)?, &phase, Sweep::default())
}

/// A model with fresh weights, and what draws the pieces of its decoder.
fn fresh(
    config: &EncoderConfig,
    recipe: &LanguageModelRecipe,
    train: &dyn TokenSource,
    run: Run<'_>,
) -> Outcome<(LanguageModel, Option<Sampler>)> {
    config.check()?;
    let model = LanguageModel::new(config, run.seed, &run.device.clone().autodiff());
    let sampler = match recipe.sampled_pieces {
        0 => None,
        size => Some(Sampler::new(&counts(train, config.vocabulary_size), size)?),
    };
    Ok((model, sampler))
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
) -> Result<Trained<LanguageModel>, Unfinished> {
    replicated::train(run, model, |model, run| {
        let model = model.fork(&run.device.clone().autodiff()).train();
        let phases = finetuning_phases(model.group_count(), recipe);
        learner(model, None, &recipe.training, train, valid, run)?.train(&phases)
    })
}

/// The phases of fine-tuning a language model with so many groups.
pub fn finetuning_phases(groups: usize, recipe: &FinetuneRecipe) -> Vec<Phase> {
    let whole = whole_phase("finetune", groups, &recipe.training);
    let frozen = Phase {
        name: "finetune (last group)".to_owned(),
        epochs: recipe.frozen_epochs,
        freezing: Freezing { first_group: groups - 1, norms: false },
        rates: vec![recipe.frozen_rate; groups],
        ..whole.clone()
    };
    vec![frozen, whole]
}

/// Tries rates for [`finetune`], with everything unfrozen.
///
/// # Errors
/// As [`finetune`].
pub fn find_finetune_rate(
    model: LanguageModel,
    recipe: &FinetuneRecipe,
    train: &dyn TokenSource,
    run: Run<'_>,
) -> Outcome<RateCourse> {
    let model = model.fork(&run.device.clone().autodiff()).train();
    let phase = whole_phase("finetune", model.group_count(), &recipe.training);
    find_rate(learner(model, None, &recipe.training, train, None, run)?, &phase, Sweep::default())
}

pub(crate) fn whole_phase(name: &str, groups: usize, training: &Training) -> Phase {
    Phase {
        name: name.to_owned(),
        epochs: training.epochs,
        freezing: Freezing::NONE,
        rates: training.rates(groups),
        schedule: training.schedule.clone(),
        optimizer: training.optimizer(),
    }
}

fn learner<'a>(
    model: LanguageModel,
    sampler: Option<Sampler>,
    training: &'a Training,
    train: &'a dyn TokenSource,
    valid: Option<&'a dyn TokenSource>,
    run: Run<'a>,
) -> Outcome<Learner<'a, Objectives<'a>>> {
    let (streams, vocabulary) = (stream_count(train, training, run.part().1), model.vocabulary_size());
    let objective =
        Objectives { training, sampler, train, valid, run, streams, vocabulary, batches: None, state: None };
    run.learner(model, objective, training)
}

/// Small texts fill fewer streams: each should be several chunks long. Several devices have as many each.
fn stream_count(source: &dyn TokenSource, training: &Training, devices: usize) -> usize {
    let most = token_count(source) / (4 * training.chunk);
    let streams = training.batch_size.min(most.max(1));
    (streams / devices).max(1) * devices
}

struct Objectives<'a> {
    training: &'a Training,
    sampler: Option<Sampler>,
    train: &'a dyn TokenSource,
    valid: Option<&'a dyn TokenSource>,
    run: Run<'a>,
    streams: usize,
    vocabulary: usize,
    batches: Option<Streams<'a>>,
    state: Option<State>,
}

/// Tokens and what follows each.
struct Chunk {
    tokens: Tokens,
    targets: Tokens,
}

impl Objectives<'_> {
    fn stream(&self, place: Place) -> Stream {
        self.run.stream(Purpose::Dropout, place)
    }
}

impl Objective for Objectives<'_> {
    type Model = LanguageModel;
    type Batch = Chunk;
    type Prediction = Encoded<State>;

    fn begin_epoch(&mut self, epoch: usize) -> Outcome<usize> {
        let order = shuffled(self.train, self.run.seed, epoch);
        let batches = Streams::new(self.train, order, self.streams, self.training.chunk)?;
        let count = batches.batch_count();
        self.batches = Some(batches);
        self.state = None;
        Ok(count)
    }

    fn batch(&mut self, _place: Place) -> Outcome<Chunk> {
        let Some(batch) = self.batches.as_mut().and_then(Iterator::next) else {
            return Err(Failure::new(Kind::Failed, "an epoch ran out of batches"));
        };
        let batch = batch.part(self.run.part());
        let device = self.run.device.clone().autodiff();
        let (tokens, targets) = checked(&batch, self.vocabulary, &device)?;
        Ok(Chunk { tokens, targets })
    }

    fn predict(&mut self, model: &LanguageModel, batch: &Chunk, place: Place) -> Outcome<Encoded<State>> {
        let noise = Noise { dropouts: self.training.dropouts(), stream: self.stream(place) };
        let encoded = model.encoder.encode(&batch.tokens, self.state.as_ref(), Some(noise))?;
        self.state = Some(encoded.state.clone());
        Ok(encoded)
    }

    fn loss(
        &mut self,
        model: &LanguageModel,
        batch: &Chunk,
        prediction: &Encoded<State>,
        place: Place,
    ) -> Outcome<Loss> {
        let smoothing = self.training.label_smoothing as f32;
        let likelihood = match &self.sampler {
            None => model.likelihood(prediction, &batch.targets, smoothing)?,
            Some(sampler) => {
                model.sampled_likelihood(prediction, &batch.targets, (sampler, self.stream(place)), smoothing)?
            }
        };
        Ok(Loss { total: likelihood.loss, statistics: likelihood.statistics })
    }

    fn computes_in_half(&self) -> bool {
        true
    }

    fn validate(&mut self, model: &LanguageModel) -> Outcome<Metrics> {
        let Some(valid) = self.valid else { return Ok(Metrics::new()) };
        let evaluated = evaluate_unless(model, valid, self.run.device, self.run.interrupt)?;
        let pieces = evaluated.pieces as f64;
        let loss = evaluated.likelihood / pieces;
        Ok([("loss", loss), ("perplexity", loss.exp()), ("accuracy", evaluated.right / pieces)]
            .map(|(name, value)| (name.to_owned(), value))
            .into())
    }

    fn save(&self) -> Outcome<Snapshot> {
        let mut snapshot = Snapshot::default();
        for (index, layer) in self.state.iter().flatten().enumerate() {
            let tensors = [("cell", &layer.cell), ("other", &layer.other)];
            snapshot.tensors.extend(tensors.map(|(name, tensor)| (format!("{index}/{name}"), tensor.to_data())));
        }
        Ok(snapshot)
    }

    fn restore(&mut self, step: usize, snapshot: &Snapshot) -> Outcome<()> {
        if let Some(batches) = &mut self.batches {
            batches.skip_batches(step);
        }
        let device = self.run.device.clone().autodiff();
        let tensor = |index: usize, name: &str| {
            snapshot.tensors.get(&format!("{index}/{name}")).map(|data| Tensor::from_data(data.clone(), &device))
        };
        let layer = |index| Some(LayerState { cell: tensor(index, "cell")?, other: tensor(index, "other")? });
        let state: State = (0..).map_while(layer).collect();
        self.state = (!state.is_empty()).then_some(state);
        Ok(())
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
    evaluate_unless(model, source, device, &Interrupt::default())
}

/// As [`evaluate`], but stops when that is asked for.
fn evaluate_unless(
    model: &LanguageModel,
    source: &dyn TokenSource,
    device: &Device,
    interrupt: &Interrupt,
) -> Outcome<Evaluated> {
    let total = token_count(source);
    let streams = EVALUATION_STREAMS.min(total / (4 * EVALUATION_CHUNK)).max(1);
    let order: Vec<usize> = (0..source.document_count()).collect();
    let batches = Streams::new(source, order, streams, EVALUATION_CHUNK)?;
    let mut state: Option<State> = None;
    let mut evaluated = Evaluated::default();
    for batch in batches {
        interrupt.check()?;
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
