//! Ensembles over folds, seeds and reading directions: probabilities averaged, with equal weights or with weights fitted
//! on held-out predictions; and the choice of a single seed, labelled as what it is. Weights and choices are never
//! made on a test set: whoever fits names the split, and `test` is refused.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::compare::{self, Metric};
use crate::{Error, Prediction};

/// Steps of the fit at most; it ends when no weight moves by more than [`STILL`].
const STEPS: usize = 10_000;
const STILL: f64 = 1e-10;

/// A probability of 0 for the truth must not make one answer decide the fit.
const FLOOR: f64 = 1e-6;

/// How far probabilities may be from a sum of 1.
const SUM_TOLERANCE: f64 = 1e-3;

/// In which direction a language model reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From the first piece to the last.
    Forward,
    /// From the last piece to the first.
    Backward,
}

/// What one trained model answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// The fold that was held out of its training; 0 where there are no folds.
    pub fold: u64,
    /// The seed of its training.
    pub seed: u64,
    /// Its direction.
    pub direction: Direction,
    /// Its answers: to the test set, or to what was held out of its training.
    pub predictions: Vec<Prediction>,
}

/// The weight of all members of a seed and a direction, shared among their folds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Weight {
    /// The seed.
    pub seed: u64,
    /// The direction.
    pub direction: Direction,
    /// The weight; all sum to 1.
    pub weight: f64,
}

/// Weights that were fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Weights {
    /// Where they were fitted.
    pub split: String,
    /// Number of held-out items.
    pub items: usize,
    /// The weights.
    pub weights: Vec<Weight>,
    /// Mean log-likelihood (nats) of the held-out gold labels with equal weights.
    pub before: f64,
    /// The same with the fitted ones.
    pub after: f64,
}

/// The score of one seed on held-out items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeedScore {
    /// The seed.
    pub seed: u64,
    /// Its score.
    pub score: f64,
}

/// The choice of a single seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// The chosen seed.
    pub seed: u64,
    /// The metric it was chosen by.
    pub metric: String,
    /// All seeds with their held-out scores, in order of the seeds.
    pub scores: Vec<SeedScore>,
    /// What must stand beside every figure of it.
    pub label: String,
}

/// The mean of the members' probabilities, each with the same weight. The label is the likeliest; gold labels are
/// kept.
///
/// # Errors
/// [`Error::Ensemble`] where members have other items or labels, or rows without probabilities; [`Error::Empty`].
pub fn average(members: &[Member]) -> Result<Vec<Prediction>, Error> {
    mixed(members, &vec![1.0; members.len()])
}

/// The weighted mean of the members' probabilities.
///
/// # Errors
/// As [`average`], and for a member whose seed and direction have no weight.
pub fn average_weighted(members: &[Member], weights: &Weights) -> Result<Vec<Prediction>, Error> {
    let of_group = |member: &Member| {
        let same = |one: &&Weight| one.seed == member.seed && one.direction == member.direction;
        let folds = members.iter().filter(|one| one.seed == member.seed && one.direction == member.direction).count();
        weights.weights.iter().find(same).map(|one| one.weight / folds as f64).ok_or_else(|| Error::Ensemble {
            place: place(member),
            problem: "no weight was fitted for its seed and direction".to_owned(),
        })
    };
    mixed(members, &members.iter().map(of_group).collect::<Result<Vec<f64>, _>>()?)
}

/// The mean of the members' numbers, as labels.
///
/// # Errors
/// As [`average`], with labels that are finite numbers in place of probabilities.
pub fn average_numbers(members: &[Member]) -> Result<Vec<Prediction>, Error> {
    let rows = aligned(members)?;
    let mean = |row: Vec<(&Member, &Prediction)>| {
        let mut sum = 0.0;
        for (member, prediction) in &row {
            let number = prediction.label.trim().parse::<f64>().ok().filter(|number| number.is_finite());
            sum += number.ok_or_else(|| wrong(member, prediction, "its label is no finite number"))?;
        }
        let first = row.first().map(|(_, prediction)| (*prediction).clone()).unwrap_or_default();
        let label = (sum / row.len() as f64).to_string();
        Ok(Prediction { label, probabilities: BTreeMap::new(), ..first })
    };
    rows.into_iter().map(mean).collect()
}

/// Fits one weight for each seed and direction: those that give the held-out gold labels the largest likelihood under
/// the averaged probabilities. That likelihood has one maximum, which expectation maximisation climbs step by step
/// from equal weights. The held-out answers of all folds together are what each seed and direction is judged by.
///
/// # Errors
/// [`Error::Ensemble`] for the split `test`, and where members do not fit together; [`Error::NoGold`].
pub fn fit(held_out: &[Member], split: &str) -> Result<Weights, Error> {
    let groups = out_of_fold(held_out, split)?;
    let rows = aligned(&groups)?;
    let mut chances = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let gold = row.first().and_then(|(_, first)| first.gold.as_deref()).ok_or(Error::NoGold { row: index + 1 })?;
        let chance = |(member, prediction): &(&Member, &Prediction)| {
            check_row(member, prediction)?;
            Ok(prediction.probabilities.get(gold).copied().unwrap_or(0.0).max(FLOOR))
        };
        chances.push(row.iter().map(chance).collect::<Result<Vec<f64>, Error>>()?);
    }
    let equal = vec![1.0 / groups.len() as f64; groups.len()];
    let fitted = maximised(&chances, equal.clone());
    let weights = groups.iter().zip(&fitted).map(|(group, &weight)| Weight {
        seed: group.seed,
        direction: group.direction,
        weight,
    });
    Ok(Weights {
        split: split.to_owned(),
        items: rows.len(),
        weights: weights.collect(),
        before: likelihood(&chances, &equal),
        after: likelihood(&chances, &fitted),
    })
}

/// Chooses the seed with the best held-out score (directions and folds of a seed averaged), as the HAHA 2019 system
/// did. The label says so, since the best of many seeds is no estimate of the next one.
///
/// # Errors
/// As [`fit`], and what the metric says.
pub fn select(held_out: &[Member], split: &str, metric: &Metric) -> Result<Selection, Error> {
    let groups = out_of_fold(held_out, split)?;
    let mut seeds: Vec<u64> = groups.iter().map(|group| group.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    let mut scores = Vec::new();
    for seed in seeds {
        let members: Vec<Member> = groups.iter().filter(|group| group.seed == seed).cloned().collect();
        let answers = if metric.of_numbers() { average_numbers(&members)? } else { average(&members)? };
        scores.push(SeedScore { seed, score: compare::score_of(&answers, metric)? });
    }
    let sign = if metric.lower_is_better() { -1.0 } else { 1.0 };
    // The first of equals: the reverse makes the last maximum the first seed.
    let best = scores.iter().rev().max_by(|one, other| (sign * one.score).total_cmp(&(sign * other.score)));
    let seed = best.map(|best| best.seed).ok_or(Error::Empty)?;
    let label = format!("best of {} seeds by {metric} on {split}: not comparable with a mean over seeds", scores.len());
    Ok(Selection { seed, metric: metric.to_string(), scores, label })
}

impl Selection {
    /// The members of the chosen seed.
    pub fn members(&self, members: &[Member]) -> Vec<Member> {
        members.iter().filter(|member| member.seed == self.seed).cloned().collect()
    }
}

fn place(member: &Member) -> String {
    let direction = match member.direction {
        Direction::Forward => "forward",
        Direction::Backward => "backward",
    };
    format!("seed {}, fold {}, {direction}", member.seed, member.fold)
}

fn wrong(member: &Member, prediction: &Prediction, problem: &str) -> Error {
    let row = prediction.id.as_ref().map(|id| format!(", item `{id}`")).unwrap_or_default();
    Error::Ensemble { place: format!("{}{row}", place(member)), problem: problem.to_owned() }
}

fn check_row(member: &Member, prediction: &Prediction) -> Result<(), Error> {
    let sum: f64 = prediction.probabilities.values().sum();
    if (sum - 1.0).abs() <= SUM_TOLERANCE {
        return Ok(());
    }
    Err(wrong(member, prediction, "it has no probabilities that sum to 1"))
}

/// For each item the answers of all members: by id where all rows have one, by order otherwise.
fn aligned(members: &[Member]) -> Result<Vec<Vec<(&Member, &Prediction)>>, Error> {
    let with_ids = members.iter().flat_map(|member| &member.predictions).all(|row| row.id.is_some());
    let columns: Vec<Vec<&Prediction>> =
        members.iter().map(|member| compare::in_order(&member.predictions, with_ids)).collect();
    let Some(first) = columns.first().filter(|first| !first.is_empty()) else { return Err(Error::Empty) };
    for (member, column) in members.iter().zip(&columns) {
        compare::check_rows(first, column, &place(member))?;
    }
    let row =
        |at: usize| members.iter().zip(&columns).filter_map(|(one, column)| Some((one, *column.get(at)?))).collect();
    Ok((0..first.len()).map(row).collect())
}

fn mixed(members: &[Member], weights: &[f64]) -> Result<Vec<Prediction>, Error> {
    let total: f64 = weights.iter().sum();
    let mix = |row: Vec<(&Member, &Prediction)>| {
        let Some((_, first)) = row.first() else { return Err(Error::Empty) };
        let mut probabilities: BTreeMap<String, f64> = BTreeMap::new();
        for ((member, prediction), weight) in row.iter().zip(weights) {
            check_row(member, prediction)?;
            if !prediction.probabilities.keys().eq(first.probabilities.keys()) {
                return Err(wrong(member, prediction, "it knows other labels than the first member"));
            }
            for (label, value) in &prediction.probabilities {
                *probabilities.entry(label.clone()).or_default() += weight / total * value;
            }
        }
        let (labels, values): (Vec<String>, Vec<f64>) = probabilities.into_iter().unzip();
        let best = Prediction::from_probabilities(&labels, &values).ok_or(Error::Empty)?;
        Ok(Prediction { id: first.id.clone(), gold: first.gold.clone(), ..best })
    };
    aligned(members)?.into_iter().map(mix).collect()
}

/// For each seed and direction, the held-out answers of all its folds in one.
fn out_of_fold(held_out: &[Member], split: &str) -> Result<Vec<Member>, Error> {
    if split.eq_ignore_ascii_case("test") {
        let problem = "nothing is fitted or chosen on a test set; give held-out predictions".to_owned();
        return Err(Error::Ensemble { place: format!("split {split}"), problem });
    }
    let mut groups: BTreeMap<(u64, Direction), Vec<&Member>> = BTreeMap::new();
    for member in held_out {
        groups.entry((member.seed, member.direction)).or_default().push(member);
    }
    let mut joined = Vec::new();
    for ((seed, direction), mut folds) in groups {
        folds.sort_by_key(|member| member.fold);
        if let Some(pair) = folds.windows(2).find(|pair| pair[0].fold == pair[1].fold) {
            let problem = "its fold is there twice".to_owned();
            return Err(Error::Ensemble { place: place(pair[0]), problem });
        }
        let predictions = folds.iter().flat_map(|member| member.predictions.iter().cloned()).collect();
        joined.push(Member { fold: 0, seed, direction, predictions });
    }
    if joined.is_empty() { Err(Error::Empty) } else { Ok(joined) }
}

/// Expectation maximisation of the weights of a mixture; `chances[item][member]` are probabilities of the truth.
fn maximised(chances: &[Vec<f64>], mut weights: Vec<f64>) -> Vec<f64> {
    for _ in 0..STEPS {
        let mut sums = vec![0.0; weights.len()];
        for row in chances {
            let whole: f64 = row.iter().zip(&weights).map(|(chance, weight)| chance * weight).sum();
            for ((sum, chance), weight) in sums.iter_mut().zip(row).zip(&weights) {
                *sum += chance * weight / whole;
            }
        }
        let next: Vec<f64> = sums.iter().map(|sum| sum / chances.len() as f64).collect();
        let moved = next.iter().zip(&weights).map(|(one, other)| (one - other).abs()).fold(0.0, f64::max);
        weights = next;
        if moved < STILL {
            break;
        }
    }
    weights
}

fn likelihood(chances: &[Vec<f64>], weights: &[f64]) -> f64 {
    let of_row = |row: &Vec<f64>| row.iter().zip(weights).map(|(chance, weight)| chance * weight).sum::<f64>().ln();
    chances.iter().map(of_row).sum::<f64>() / chances.len().max(1) as f64
}
