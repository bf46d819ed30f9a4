//! The systems that are trained on tasks: models of one or several starts and folds, baselines, language models.

use std::path::{Path, PathBuf};

use glossa_base::{Failure, Kind, Outcome};
use glossa_eval::Prediction;
use glossa_eval::ensemble::{self, Direction, Member};
use glossa_eval::task::{Answer, Example, TaskMetric};
use glossa_recipes::Recipe;
use glossa_text::labelled::Columns;

use super::data::Files;
use super::outcome::{self, EvaluationOutcome};
use super::{Combine, Evaluation, System, problem};
use crate::classifier::{self, BaselineSetting, LabelledFiles, Start};
use crate::labels::LabelForm;
use crate::language_model::{self, TaskTexts, Text};
use crate::setting::Setting;

/// The answers of models, to the scored split and to what their folds hold out.
#[derive(Default)]
pub(super) struct Members {
    pub(super) test: Vec<Member>,
    held: Vec<Member>,
    /// Where the models are.
    pub(super) folders: Vec<PathBuf>,
}

impl Members {
    pub(super) fn extend(&mut self, other: Members) {
        self.test.extend(other.test);
        self.held.extend(other.held);
        self.folders.extend(other.folders);
    }
}

/// What the models of a seed answer.
pub(super) fn answer(evaluation: Evaluation<'_>, files: &Files, seed: u64) -> Outcome<Members> {
    let parts: Vec<Option<(usize, usize)>> = match evaluation.folds {
        0 => vec![None],
        folds => (1..=folds).map(|number| Some((number, folds))).collect(),
    };
    let mut members = Members::default();
    for fold in parts {
        let held = match fold {
            Some(part) if evaluation.combine != Combine::Mean => files.held_out(part, seed),
            _ => Vec::new(),
        };
        for (start, folder) in trained(evaluation, files, seed, fold)?.into_iter().enumerate() {
            let direction = direction(&folder);
            // Several starts of one direction are told apart as folds are: each member is one model.
            let several = if evaluation.combine == Combine::Mean { 1000 * start } else { 0 };
            let fold = (several + fold.map_or(0, |(number, _)| number)) as u64;
            let member = |examples: &[Example]| -> Outcome<Member> {
                Ok(Member { fold, seed, direction, predictions: predict(evaluation, &folder, examples)? })
            };
            members.test.push(member(&files.test)?);
            if !held.is_empty() {
                members.held.push(member(&held)?);
            }
            members.folders.push(folder);
        }
    }
    Ok(members)
}

/// In which direction a classifier reads.
fn direction(folder: &Path) -> Direction {
    let config = std::fs::read(folder.join(glossa_zoo::layout::CONFIG)).unwrap_or_default();
    let config: serde_json::Value = serde_json::from_slice(&config).unwrap_or_default();
    match config.get("backward").and_then(serde_json::Value::as_bool) {
        Some(true) => Direction::Backward,
        _ => Direction::Forward,
    }
}

/// The name of what folds hold out, in labels.
const HELD_OUT: &str = "what folds of train hold out";

/// All models' answers as one, and in words how.
pub(super) fn combine(evaluation: Evaluation<'_>, members: &Members) -> Outcome<(Vec<Prediction>, Option<String>)> {
    match evaluation.combine {
        Combine::Mean => Ok((average(evaluation, &members.test)?, None)),
        Combine::Weights => {
            let weights = ensemble::fit(&members.held, HELD_OUT)?;
            let each =
                weights.weights.iter().map(|one| format!("seed {} {:?} {:.3}", one.seed, one.direction, one.weight));
            let words = format!("weights fitted on {HELD_OUT}: {}", each.collect::<Vec<_>>().join(", "));
            Ok((ensemble::average_weighted(&members.test, &weights)?, Some(words.to_lowercase())))
        }
        Combine::BestSeed => {
            let metric = evaluation.task.task.metrics.first().and_then(TaskMetric::comparable).ok_or_else(|| {
                Failure::data(format!("{} has no metric to choose a seed by", evaluation.task.name()))
            })?;
            let selection = ensemble::select(&members.held, HELD_OUT, &metric)?;
            let rows = average(evaluation, &selection.members(&members.test))?;
            Ok((rows, Some(selection.label)))
        }
    }
}

/// The mean of models.
pub(super) fn average(evaluation: Evaluation<'_>, members: &[Member]) -> Outcome<Vec<Prediction>> {
    Ok(match evaluation.task.task.answer {
        Answer::Number => ensemble::average_numbers(members)?,
        _ => ensemble::average(members)?,
    })
}

/// Trains a seed's models, each start of it, and gives their folders.
fn trained(
    evaluation: Evaluation<'_>,
    files: &Files,
    seed: u64,
    fold: Option<(usize, usize)>,
) -> Outcome<Vec<PathBuf>> {
    let columns = Columns { text: Some("text".to_owned()), label: Some("label".to_owned()), ..Columns::default() };
    let labelled = LabelledFiles {
        train: &files.train,
        valid: files.valid.as_deref().filter(|_| fold.is_none()),
        test: None,
        columns: &columns,
        form: LabelForm { problem: problem(evaluation.task)?, ..LabelForm::default() },
        fold,
    };
    let part = fold.map_or_else(String::new, |(number, _)| format!("-fold-{number}"));
    let place = |name: &str| evaluation.out.join(format!("{name}-seed-{seed}{part}"));
    match evaluation.system {
        System::Models { folders, finetune } => {
            let one = |(index, (model, recipe)): (usize, (&PathBuf, &Recipe))| {
                let start = started(evaluation, files, (index, model), recipe, finetune)?;
                let out = place(&format!("model-{}", index + 1));
                let setting = setting(evaluation, recipe, &out, seed);
                classifier::train_once(&Start::LanguageModel(&start), &labelled, setting)?;
                Ok(out)
            };
            folders.iter().zip(evaluation.recipes).enumerate().map(one).collect()
        }
        System::Fresh(folder) => {
            let (out, recipe) = (place("fresh"), first_recipe(evaluation)?);
            let start = Start::Tokenizer { folder, backward: false };
            classifier::train_once(&start, &labelled, setting(evaluation, recipe, &out, seed))?;
            Ok(vec![out])
        }
        System::Baseline(options, units, tokenizer) => {
            let out = place("baseline");
            let options = &glossa_recipes::baseline::BaselineOptions { seed, ..*options };
            classifier::train_baseline(&labelled, BaselineSetting { units, options, tokenizer, out: &out })?;
            Ok(vec![out])
        }
    }
}

fn first_recipe(evaluation: Evaluation<'_>) -> Outcome<&Recipe> {
    evaluation.recipes.first().ok_or_else(|| Failure::new(Kind::Usage, "there is no recipe").hint("give --preset NAME"))
}

fn setting<'a>(evaluation: Evaluation<'a>, recipe: &'a Recipe, out: &'a Path, seed: u64) -> Setting<'a> {
    let Evaluation { device, progress, supervision, .. } = evaluation;
    Setting { recipe, device, seed, out, progress, supervision }
}

/// A model to start from: a language model is fine-tuned on the training texts first, once for all seeds.
fn started(
    evaluation: Evaluation<'_>,
    files: &Files,
    (index, model): (usize, &Path),
    recipe: &Recipe,
    finetune: bool,
) -> Outcome<PathBuf> {
    if !finetune || !language_model::is_language_model(model) {
        return Ok(model.to_path_buf());
    }
    let out = evaluation.out.join(format!("finetuned-{}", index + 1));
    let texts =
        TaskTexts { train: std::slice::from_ref(&files.train), valid: files.valid.as_deref(), column: Some("text") };
    language_model::finetune_once(model, &texts, setting(evaluation, recipe, &out, evaluation.seed))?;
    Ok(out)
}

fn predict(evaluation: Evaluation<'_>, folder: &Path, test: &[Example]) -> Outcome<Vec<Prediction>> {
    let texts: Vec<String> = test.iter().map(|example| example.text.clone()).collect();
    let folders = [folder.to_path_buf()];
    let rows = classifier::predict(&folders, &texts, '|', evaluation.device, evaluation.progress)?;
    let named = |(row, example): (Prediction, &Example)| Prediction {
        id: Some(example.id.clone()),
        gold: example.gold.clone().filter(|gold| !gold.is_empty()),
        ..row
    };
    Ok(rows.into_iter().zip(test).map(named).collect())
}

/// A task of language modelling: the perplexity by word of each model, every sentence from a fresh state, its end
/// counted as a word.
pub(super) fn perplexities(evaluation: Evaluation<'_>) -> Outcome<EvaluationOutcome> {
    let System::Models { folders, .. } = evaluation.system else {
        return Err(Failure::new(Kind::Usage, format!("{} wants a language model", evaluation.task.name()))
            .hint("give --model DIR with a language model"));
    };
    let split = evaluation.task.split(evaluation.split)?;
    let examples = evaluation.task.read(evaluation.data, evaluation.split, evaluation.sizes)?;
    let lines: String = examples.iter().map(|example| format!("{}\n", example.text)).collect();
    let path = evaluation.out.join(format!("{}.txt", split.name));
    glossa_base::atomic::write_file(&path, lines.as_bytes())?;
    let mut found = Vec::new();
    for folder in folders {
        let text = Text::File(&path, None);
        let measured = language_model::perplexity(folder, &text, evaluation.device, evaluation.progress)?;
        let value = measured.by_word.ok_or_else(|| {
            Failure::data(format!("{} has no perplexity by word", folder.display()))
                .hint("a masked language model guesses with both sides in sight: give one that reads on")
        })?;
        found.push((folder.clone(), value));
    }
    outcome::of_perplexities(evaluation, found, examples.len())
}
