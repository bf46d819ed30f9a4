//! `glossa eval`.

use glossa_base::Outcome;
use glossa_eval::{Report, ReportOptions, predictions};
use glossa_text::labelled::Columns;

use crate::arguments::{EvalCommand, EvalScore};
use crate::context::Context;

pub(super) fn run(command: &EvalCommand, context: &Context) -> Outcome<()> {
    match command {
        EvalCommand::Score(arguments) => score(arguments, context),
    }
}

fn score(arguments: &EvalScore, context: &Context) -> Outcome<()> {
    let predicted = predictions::read(&arguments.predictions)?;
    let options = ReportOptions {
        task: arguments.task.clone(),
        split: arguments.split.clone(),
        seed: context.seed,
        ..ReportOptions::default()
    };
    let report = match &arguments.gold {
        Some(file) => {
            let columns = Columns { label: arguments.label_column.clone(), ..Columns::default() };
            let gold = glossa_text::labelled::read(file, &columns)?;
            let gold: Vec<String> = gold.into_iter().map(|example| example.label).collect();
            let labels: Vec<String> = predicted.into_iter().map(|prediction| prediction.label).collect();
            Report::new(&gold, &labels, &options)?
        }
        None => Report::of(&predicted, &options)?,
    };
    context.emit(&report, &report.to_text())
}
