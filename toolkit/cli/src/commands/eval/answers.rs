//! Comparing systems, files of answers, the leaderboard.

use std::path::{Path, PathBuf};

use glossa_base::{Failure, Outcome};
use glossa_eval::compare::{self, Metric, Options, Run, System, agreement_of};
use glossa_eval::published::{Figure, Origin};
use glossa_eval::submission::{self, Answers};
use glossa_eval::task::{self, Ours, against_published};
use glossa_eval::{Prediction, page as board, predictions};
use serde_json::json;

use super::chosen;
use crate::arguments::{EvalCheck, EvalCompare, EvalPage, EvalSubmit, TableFormat};
use crate::context::Context;

fn system(name: String, files: &[PathBuf]) -> Outcome<System> {
    let run = |(seed, path): (usize, &PathBuf)| {
        Ok(Run { task: String::new(), seed: Some(seed as u64), predictions: predictions::read(path)? })
    };
    Ok(System { name, runs: files.iter().enumerate().map(run).collect::<Outcome<_>>()? })
}

fn name_of(files: &[PathBuf]) -> String {
    let stem = files.first().and_then(|path| path.file_stem());
    stem.map_or_else(|| "system".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

pub(super) fn compare(arguments: &EvalCompare, context: &Context) -> Outcome<()> {
    let metric: Metric = arguments.metric.parse()?;
    let name = |at: usize, files: &[PathBuf]| arguments.names.get(at).cloned().unwrap_or_else(|| name_of(files));
    let mut names = [name(0, &arguments.left), name(1, &arguments.with)];
    if names[0] == names[1] {
        names = names.map(|name| name.clone());
        names[1].push_str(" (the other)");
    }
    let [left_name, right_name] = names;
    let (left, right) = (system(left_name, &arguments.left)?, system(right_name, &arguments.with)?);
    let numbers = metric.of_numbers();
    let options = Options { metric, resamples: arguments.resamples as usize, seed: context.seed };
    let comparison = compare::compare(&left, &right, &options)?;
    let first = |system: &System| system.runs.first().map(|run| run.predictions.clone()).unwrap_or_default();
    let agreement = if numbers { None } else { Some(agreement_of(&first(&left), &first(&right))?) };
    let mut text = format!("{}\n", comparison.words);
    if let Some(agreement) = &agreement {
        text.push_str(&format!("\n{}", agreement.to_text(10)));
    }
    text.push_str(&format!("\nsignature: {}", comparison.signature));
    context.emit(&json!({"comparison": comparison, "agreement": agreement}), &text)
}

fn read_answers(path: Option<&Path>) -> Outcome<Option<Vec<Prediction>>> {
    path.map(predictions::read).transpose()
}

pub(super) fn submit(arguments: &EvalSubmit, context: &Context) -> Outcome<()> {
    let (chosen, sizes) = chosen(&arguments.task)?;
    let examples = chosen.read(&arguments.task.data, &arguments.split, sizes)?;
    let (labels, numbers) = (read_answers(arguments.labels.as_deref())?, read_answers(arguments.numbers.as_deref())?);
    let inputs: Vec<&Path> =
        [&arguments.labels, &arguments.numbers].into_iter().flatten().map(PathBuf::as_path).collect();
    if context.plan("eval submit", &arguments.out, &inputs, json!({"task": chosen.name()}))? {
        return Ok(());
    }
    let answers = Answers { labels: labels.as_deref(), numbers: numbers.as_deref() };
    let written = submission::write(&arguments.out, &chosen, &examples, &answers)?;
    let clipped = match written.clipped {
        0 => String::new(),
        count => format!("; {count} numbers were moved into the official range"),
    };
    context.emit(&written, &format!("{} answers in {}{clipped}", written.rows, arguments.out.display()))
}

pub(super) fn check(arguments: &EvalCheck, context: &Context) -> Outcome<()> {
    let (chosen, sizes) = chosen(&arguments.task)?;
    let examples = chosen.read(&arguments.task.data, &arguments.split, sizes)?;
    let checked = submission::check(&arguments.answers, &chosen, &examples)?;
    if checked.mistakes > 0 {
        context.emit(&checked, checked.to_text().trim_end())?;
        let problem = format!("{} has {} mistakes", arguments.answers.display(), checked.mistakes);
        return Err(Failure::data(problem).hint("mend the lines that are named, and check again"));
    }
    context.emit(&checked, checked.to_text().trim_end())
}

pub(super) fn page(arguments: &EvalPage, context: &Context) -> Outcome<()> {
    if let Some(name) = &arguments.against {
        return against(arguments, name, context);
    }
    let Some(out) = &arguments.out else {
        return Err(Failure::new(glossa_base::Kind::Usage, "there is no page to write").hint("give --out FILE.html"));
    };
    if context.plan("eval page", out, &[&arguments.results], json!({}))? {
        return Ok(());
    }
    let entries = board::read(&arguments.results)?;
    board::write(&arguments.results, out, &arguments.title)?;
    let text = format!("{}\npage: {}", board::to_text(&entries), out.display());
    context.emit(&json!({"file": out, "entries": entries}), &text)
}

/// The results of one task beside the published ones.
fn against(arguments: &EvalPage, name: &str, context: &Context) -> Outcome<()> {
    let first = name.split('/').next().unwrap_or_default();
    let Some(task) = task::all()?.into_iter().find(|task| task.name == first) else {
        return Err(task::find(name).map(drop).err().map_or_else(|| Failure::data("no such task"), Failure::from));
    };
    let Some(metric) = task.metrics.first() else {
        return Err(Failure::data(format!("{first} has no metric")));
    };
    let ours: Vec<Ours> = board::read(&arguments.results)?
        .into_iter()
        .filter(|entry| entry.task == first && entry.metric == metric.to_string())
        .filter_map(|entry| {
            let Origin::Ours { signature } = entry.origin else { return None };
            let figure = Figure { value: entry.value, interval: entry.interval, spread: entry.spread };
            Some(Ours { system: entry.system, choice: entry.language, figure, signature })
        })
        .collect();
    let table = against_published(&task, metric, &ours);
    let text = match arguments.format {
        TableFormat::Text => table.to_text(),
        TableFormat::Markdown => table.to_markdown(),
        TableFormat::Latex => table.to_latex(),
        TableFormat::Html => table.to_html(),
    };
    context.emit(&json!({"table": text}), text.trim_end())
}
