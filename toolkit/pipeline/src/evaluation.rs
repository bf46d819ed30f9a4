//! Running a benchmark's task: official files in, models of several seeds trained by a recipe, predictions and
//! official scores out. What a task is and how it is scored is `eval`'s business.

mod data;
mod outcome;
mod systems;

use std::path::{Path, PathBuf};

use glossa_base::{Failure, Kind, Outcome, Progress};
use glossa_eval::task::{Answer, Chosen, Sizes};
use glossa_eval::{Provenance, ReportOptions, predictions};
use glossa_nn::{DeviceChoice, Problem};
use glossa_recipes::Recipe;
use glossa_recipes::baseline::BaselineOptions;

use crate::Supervision;
use crate::classifier::Units;
use crate::provenance;
use crate::stage::json;

pub use data::fetch;
pub use outcome::EvaluationOutcome;

use data::Files;

/// What is trained on a task.
#[derive(Clone, Copy)]
pub enum System<'a> {
    /// Classifiers from language models or encoders, the answers of several averaged; with language models
    /// fine-tuned on the task's texts first, or not.
    Models {
        /// Their folders.
        folders: &'a [PathBuf],
        /// Whether language models are fine-tuned first.
        finetune: bool,
    },
    /// A classifier with fresh weights over a tokenizer.
    Fresh(&'a Path),
    /// A baseline, on units of a tokenizer where it counts pieces.
    Baseline(&'a BaselineOptions, Units, Option<&'a Path>),
}

/// How the answers of all models become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Combine {
    /// Their mean.
    Mean,
    /// Weighted by seed and direction, fitted on what folds hold out.
    Weights,
    /// The seed that is best on what folds hold out, labelled as such (HAHA 2019).
    BestSeed,
}

/// What is run, and how.
#[derive(Clone, Copy)]
pub struct Evaluation<'a> {
    /// The task with its choices.
    pub task: &'a Chosen,
    /// The folder with the official files.
    pub data: &'a Path,
    /// Whether files may have another number of items than the official ones.
    pub sizes: Sizes,
    /// What is trained.
    pub system: System<'a>,
    /// Its name on leaderboards.
    pub name: &'a str,
    /// The recipe of each model in its order; of other systems the first counts.
    pub recipes: &'a [Recipe],
    /// Seeds.
    pub seeds: u64,
    /// Each seed learns so many times, each time without one of as many parts; 0 for once on everything.
    pub folds: usize,
    /// The split that is learned from.
    pub train_split: &'a str,
    /// How the answers of all models become one.
    pub combine: Combine,
    /// The split that is scored.
    pub split: &'a str,
    /// Where everything appears; what is there and fits is kept.
    pub out: &'a Path,
    /// Where the leaderboard's entry goes.
    pub results: &'a Path,
    /// The first seed.
    pub seed: u64,
    /// Where to compute.
    pub device: DeviceChoice,
    /// Who listens.
    pub progress: &'a dyn Progress,
    /// How trainings are watched and interrupted.
    pub supervision: &'a Supervision,
}

/// Trains and scores a system on a task.
///
/// # Errors
/// Official files that are missing or wrong, a training that fails, a task of language modelling with a system that
/// is none.
pub fn run(evaluation: Evaluation<'_>) -> Outcome<EvaluationOutcome> {
    let started = std::time::Instant::now();
    let chosen = evaluation.task;
    for folder in [evaluation.out, evaluation.results] {
        std::fs::create_dir_all(folder).map_err(|cause| Failure::io("make", folder, cause))?;
    }
    if chosen.task.answer == Answer::LanguageModel {
        return systems::perplexities(evaluation);
    }
    if evaluation.combine != Combine::Mean && evaluation.folds < 2 {
        return Err(Failure::new(Kind::Usage, "weights and the best seed are found on what folds hold out")
            .hint("give --folds 5, or leave --combine out"));
    }
    let files = Files::write(evaluation)?;
    let (mut runs, mut members) = (Vec::new(), systems::Members::default());
    for seed in evaluation.seed..evaluation.seed + evaluation.seeds {
        let own = systems::answer(evaluation, &files, seed)?;
        let rows = systems::average(evaluation, &own.test)?;
        predictions::write(&evaluation.out.join(format!("predictions-seed-{seed}.jsonl")), &rows)?;
        runs.push((seed, rows));
        members.extend(own);
    }
    let (together, combined) = systems::combine(evaluation, &members)?;
    predictions::write(&evaluation.out.join("predictions.jsonl"), &together)?;
    let options = options(evaluation, runs.iter().map(|(seed, _)| *seed).collect(), &members.folders)?;
    let scores = chosen.score_seeds(&files.test, &runs, &options)?;
    let together = chosen.score(&files.test, &together, &options)?;
    outcome::write(evaluation, scores, (together, combined), started.elapsed())
}

/// What signatures say.
fn options(evaluation: Evaluation<'_>, seeds: Vec<u64>, folders: &[PathBuf]) -> Outcome<ReportOptions> {
    let settings = match (evaluation.system, evaluation.recipes.first()) {
        (System::Baseline(options, units, _), _) => Some(json(&(options, units))?.to_string()),
        (_, recipe) => recipe.map(Recipe::to_toml),
    };
    let recipe = settings.map(|settings| glossa_base::hash::sha256_hex(settings.as_bytes()));
    let (model, tokenizer) = provenance::hashes(folders)?;
    Ok(ReportOptions {
        split: Some(evaluation.split.to_owned()),
        seed: evaluation.seed,
        provenance: Provenance {
            data: Some(evaluation.task.data_hash(evaluation.data, evaluation.split)?),
            recipe,
            model,
            tokenizer,
            seeds,
        },
        ..ReportOptions::default()
    })
}

/// What a head answers on a task.
fn problem(chosen: &Chosen) -> Outcome<Problem> {
    match chosen.task.answer {
        Answer::Label => Ok(Problem::SingleLabel),
        Answer::Number => Ok(Problem::Regression),
        Answer::LanguageModel => Err(Failure::new(Kind::Usage, format!("{} wants a language model", chosen.name()))
            .hint("give --model DIR with a language model")),
    }
}
