//! What running a task came to: for a person, as JSON, and as an entry of the leaderboard.

use std::path::PathBuf;
use std::time::Duration;

use glossa_base::atomic::write_file;
use glossa_base::{Failure, Outcome};
use glossa_eval::compare::mean_and_spread;
use glossa_eval::page::Entry;
use glossa_eval::published::Figure;
use glossa_eval::task::{Ours, SeedsReport, TaskReport, against_published};
use glossa_eval::{Provenance, Signature};
use serde::Serialize;

use super::Evaluation;
use crate::provenance;
use crate::stage::json;

/// What running a task came to.
#[derive(Debug, Clone, Serialize)]
pub struct EvaluationOutcome {
    /// The task with its choices.
    pub task: String,
    /// The system.
    pub system: String,
    /// The metric that decides.
    pub metric: String,
    /// Its mean over seeds: the headline.
    pub mean: f64,
    /// Its deviation over seeds, where there are several.
    pub spread: Option<f64>,
    /// All metrics over the seeds.
    pub scores: Option<SeedsReport>,
    /// The scores of all seeds' answers together.
    pub together: Option<TaskReport>,
    /// How all models' answers became one, where it is not their mean. It belongs beside every figure of `together`.
    pub combined: Option<String>,
    /// Ours beside what was published, as text.
    pub beside_published: String,
    /// Where everything is.
    pub folder: PathBuf,
}

/// Writes the results of labels or numbers.
pub(super) fn write(
    evaluation: Evaluation<'_>,
    scores: SeedsReport,
    (together, combined): (TaskReport, Option<String>),
    time: Duration,
) -> Outcome<EvaluationOutcome> {
    let Some(first) = scores.scores.first().cloned() else {
        return Err(Failure::data(format!("{} has no metric", evaluation.task.name())));
    };
    if let Some(entry) = Entry::of_seeds(evaluation.name, evaluation.task, evaluation.split, &scores) {
        Entry { seconds: Some(time.as_secs_f64()), ..entry }.write(&entry_file(evaluation))?;
    }
    let outcome = EvaluationOutcome {
        beside_published: beside(evaluation, first.mean, first.spread, &first.signature),
        task: evaluation.task.name(),
        system: evaluation.name.to_owned(),
        metric: first.metric,
        mean: first.mean,
        spread: first.spread,
        scores: Some(scores),
        together: Some(together),
        combined,
        folder: evaluation.out.to_path_buf(),
    };
    write_file(&evaluation.out.join("scores.json"), format!("{:#}\n", json(&outcome)?).as_bytes())?;
    Ok(outcome)
}

/// The file of the leaderboard's entry.
fn entry_file(evaluation: Evaluation<'_>) -> PathBuf {
    let name = format!("{}--{}", evaluation.task.name(), evaluation.name);
    let plain = |letter: char| if letter.is_alphanumeric() || "-_.".contains(letter) { letter } else { '-' };
    evaluation.results.join(format!("{}.json", name.chars().map(plain).collect::<String>()))
}

fn beside(evaluation: Evaluation<'_>, mean: f64, spread: Option<f64>, signature: &str) -> String {
    let Some(metric) = evaluation.task.task.metrics.first() else { return String::new() };
    let ours = Ours {
        system: evaluation.name.to_owned(),
        choice: evaluation.task.choice(),
        figure: Figure { spread, ..Figure::of(mean) },
        signature: signature.to_owned(),
    };
    against_published(&evaluation.task.task, metric, &[ours]).to_text()
}

fn signature_of_perplexity(
    evaluation: Evaluation<'_>,
    metric: &str,
    folders: &[PathBuf],
    sentences: usize,
) -> Outcome<String> {
    let (model, tokenizer) = provenance::hashes(folders)?;
    let data = Some(evaluation.task.data_hash(evaluation.data, evaluation.split)?);
    Ok(Signature {
        metric: metric.to_owned(),
        task: Some(evaluation.task.name()),
        split: Some(evaluation.split.to_owned()),
        provenance: Provenance { data, model, tokenizer, ..Provenance::default() },
        count: sentences as u64,
        seed: evaluation.seed,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
    .to_string())
}

/// Writes the results of language models.
pub(super) fn of_perplexities(
    evaluation: Evaluation<'_>,
    found: Vec<(PathBuf, f64)>,
    sentences: usize,
) -> Outcome<EvaluationOutcome> {
    let values: Vec<f64> = found.iter().map(|(_, value)| *value).collect();
    if values.is_empty() {
        return Err(Failure::data("there is no language model").hint("give --model DIR"));
    }
    let (mean, spread) = mean_and_spread(&values);
    let metric = evaluation.task.task.metrics.first().map_or_else(|| "perplexity".to_owned(), ToString::to_string);
    let folders: Vec<PathBuf> = found.iter().map(|(folder, _)| folder.clone()).collect();
    let signature = signature_of_perplexity(evaluation, &metric, &folders, sentences)?;
    let outcome = EvaluationOutcome {
        beside_published: beside(evaluation, mean, spread, &signature),
        task: evaluation.task.name(),
        system: evaluation.name.to_owned(),
        metric,
        mean,
        spread,
        scores: None,
        together: None,
        combined: None,
        folder: evaluation.out.to_path_buf(),
    };
    write_file(&evaluation.out.join("scores.json"), format!("{:#}\n", json(&outcome)?).as_bytes())?;
    Ok(outcome)
}

impl EvaluationOutcome {
    /// The result as text.
    pub fn to_text(&self) -> String {
        let spread = self.spread.map_or_else(String::new, |spread| format!(" ± {spread:.4}"));
        let mut text = format!("{}: {} {:.4}{spread}\n", self.task, self.metric, self.mean);
        if let Some(scores) = &self.scores {
            text.push_str(&scores.to_text());
        }
        if let Some(together) = &self.together {
            let how = self.combined.as_deref().unwrap_or("all seeds' answers together");
            text.push_str(&format!("\n{how}\n{}", together.to_text()));
        }
        text.push_str(&format!("\n{}\neverything is in {}", self.beside_published, self.folder.display()));
        text
    }
}
