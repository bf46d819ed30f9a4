//! Going on training a small cross-lingual encoder on parallel texts, so that a language outside its training gets a
//! teacher: each text should lie nearest to its own translation.

use burn::prelude::*;
use glossa_base::Outcome;
use glossa_base::seed::{Purpose, Stream};
use glossa_learn::callbacks::SaveBest;
use glossa_learn::callbacks::Watch;
use glossa_learn::learner::{Trained, numbers};
use glossa_learn::{Freezing, Learner, Loss, Metrics, Objective, Phase, Place, Unfinished};
use glossa_nn::alignment::{Ranking, translation_ranking};
use glossa_nn::kernels::Pooling;
use glossa_nn::{Grouped, Noise, PackedTokens, Transformer};

use crate::Error;
use crate::language_modelling::Run;
use crate::recipe::AdaptRecipe;

/// Token ids of texts and of their translations, side by side.
#[derive(Debug, Clone, Default)]
pub struct ParallelTokens {
    /// The texts.
    pub left: Vec<Vec<u32>>,
    /// Their translations.
    pub right: Vec<Vec<u32>>,
}

/// What aligning reads.
#[derive(Clone, Copy)]
pub struct AlignData<'a> {
    /// Pairs to learn from.
    pub train: &'a ParallelTokens,
    /// Pairs to judge epochs by.
    pub valid: Option<&'a ParallelTokens>,
    /// How the vectors of tokens become one.
    pub pooling: Pooling,
    /// Pieces of the vocabulary.
    pub vocabulary: usize,
}

/// Trains an encoder to rank translations first.
///
/// # Errors
/// Fewer than two pairs, a token outside the vocabulary, numbers that are not finite after all roll-backs.
pub fn align(
    model: Transformer,
    recipe: &AdaptRecipe,
    data: AlignData<'_>,
    run: Run<'_>,
) -> Result<Trained<Transformer>, Unfinished> {
    let (training, groups) = (&recipe.training, model.group_count());
    if data.train.left.len() != data.train.right.len() || data.train.left.len() < 2 || recipe.frozen_groups >= groups {
        let (left, right, frozen) = (data.train.left.len(), data.train.right.len(), recipe.frozen_groups);
        let problem = format!("{left} texts with {right} translations, and {frozen} of {groups} groups frozen");
        return Err(Unfinished::from(glossa_base::Failure::from(Error::Labels(problem))));
    }
    let phase = Phase {
        name: "align".to_owned(),
        epochs: training.epochs,
        freezing: Freezing { first_group: recipe.frozen_groups, norms: recipe.frozen_groups > 0 },
        rates: training.rates(groups),
        schedule: training.schedule.clone(),
        optimizer: training.optimizer(),
    };
    let model = model.fork(&run.device.clone().autodiff()).train();
    let objective = Pairs { recipe, data, run, batches: Vec::new() };
    let learner: Learner<'_, Pairs<'_>> = run
        .learner(model, objective, training)?
        .with_some((recipe.keep_best && data.valid.is_some()).then(|| SaveBest::new(Watch::highest("accuracy"))));
    learner.train(&[phase])
}

struct Pairs<'a> {
    recipe: &'a AdaptRecipe,
    data: AlignData<'a>,
    run: Run<'a>,
    batches: Vec<Vec<usize>>,
}

/// Texts, then their translations.
struct PairBatch {
    left: PackedTokens,
    right: PackedTokens,
}

/// Vectors of both sides, `[pairs, width]`.
struct Vectors {
    left: Tensor<2>,
    right: Tensor<2>,
    /// Both, for regularisers.
    both: Tensor<3>,
}

impl glossa_learn::callbacks::Activations for Vectors {
    fn dropped(&self) -> &Tensor<3> {
        &self.both
    }

    fn raw(&self) -> &Tensor<3> {
        &self.both
    }
}

impl Pairs<'_> {
    fn ranking(&self) -> Ranking {
        Ranking { temperature: self.recipe.temperature, margin: self.recipe.margin }
    }

    fn packed(&self, texts: &[Vec<u32>], chosen: &[usize], device: &Device) -> Outcome<PackedTokens> {
        let texts: Vec<&[u32]> = chosen.iter().filter_map(|&pair| Some(texts.get(pair)?.as_slice())).collect();
        Ok(PackedTokens::new(&texts, self.data.vocabulary, device)?)
    }

    fn vectors(&self, model: &Transformer, batch: &PairBatch, noise: Option<[Noise; 2]>) -> Outcome<Vectors> {
        let [one, other] = noise.map_or([None, None], |[one, other]| [Some(one), Some(other)]);
        let left = model.pool_with(&batch.left, self.data.pooling, one)?;
        let right = model.pool_with(&batch.right, self.data.pooling, other)?;
        let both = Tensor::cat(vec![left.clone(), right.clone()], 0);
        let [rows, width] = both.dims();
        Ok(Vectors { left, right, both: both.reshape([1, rows, width]) })
    }
}

impl Objective for Pairs<'_> {
    type Model = Transformer;
    type Batch = PairBatch;
    type Prediction = Vectors;

    fn begin_epoch(&mut self, epoch: usize) -> Outcome<usize> {
        let count = self.data.train.left.len();
        let order = Stream::new(self.run.seed, Purpose::Order, epoch as u64, 0).permutation(count);
        self.batches = order.chunks(self.recipe.training.batch_size).map(<[usize]>::to_vec).collect();
        // A pair alone has nothing to be told from.
        if self.batches.len() > 1 && self.batches.last().is_some_and(|batch| batch.len() < 2) {
            let last = self.batches.pop().unwrap_or_default();
            self.batches.last_mut().into_iter().for_each(|batch| batch.extend(&last));
        }
        Ok(self.batches.len())
    }

    fn batch(&mut self, place: Place) -> Outcome<PairBatch> {
        let chosen = self.batches.get(place.step).cloned().unwrap_or_default();
        let device = self.run.device.clone().autodiff();
        let left = self.packed(&self.data.train.left, &chosen, &device)?;
        Ok(PairBatch { left, right: self.packed(&self.data.train.right, &chosen, &device)? })
    }

    fn predict(&mut self, model: &Transformer, batch: &PairBatch, place: Place) -> Outcome<Vectors> {
        let stream = Stream::new(self.run.seed, Purpose::Dropout, place.epoch as u64, place.step as u64);
        let noise = |side| Noise { dropouts: self.recipe.training.dropouts(), stream: stream.part(side) };
        self.vectors(model, batch, Some([noise(0), noise(1)]))
    }

    fn loss(&mut self, _: &Transformer, _: &PairBatch, vectors: &Vectors, _: Place) -> Outcome<Loss> {
        let found = translation_ranking(vectors.left.clone(), vectors.right.clone(), self.ranking())?;
        Ok(Loss { total: found.loss, statistics: found.statistics })
    }

    fn validate(&mut self, model: &Transformer) -> Outcome<Metrics> {
        let Some(valid) = self.data.valid else { return Ok(Metrics::new()) };
        let (mut loss, mut found, mut count) = (0.0, 0.0, 0.0);
        let pairs: Vec<usize> = (0..valid.left.len()).collect();
        for chosen in pairs.chunks(self.recipe.training.batch_size.max(2)).filter(|chosen| chosen.len() > 1) {
            self.run.interrupt.check()?;
            let left = self.packed(&valid.left, chosen, self.run.device)?;
            let batch = PairBatch { left, right: self.packed(&valid.right, chosen, self.run.device)? };
            let vectors = self.vectors(model, &batch, None)?;
            let statistics = numbers(&translation_ranking(vectors.left, vectors.right, self.ranking())?.statistics)?;
            let share = chosen.len() as f64;
            loss += share * statistics.first().copied().unwrap_or(f64::NAN);
            found += share * statistics.get(1).copied().unwrap_or(0.0);
            count += share;
        }
        let pairs = [("loss", loss / f64::max(count, 1.0)), ("accuracy", found / f64::max(count, 1.0))];
        Ok(pairs.map(|(name, value)| (name.to_owned(), value)).into())
    }
}
