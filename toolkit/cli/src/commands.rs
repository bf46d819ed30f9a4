//! One module a group of commands; each calls the pipeline and says what came of it.

mod bootstrap;
mod classify;
mod corpus;
mod demo;
mod doctor;
mod embed;
mod eval;
mod language;
mod lm;
mod pipeline;
mod recipe;
mod tokenizer;
mod zoo;

use glossa_base::Outcome;

use crate::arguments::{ClassifyCommand, Command, LmCommand, PipelineCommand};
use crate::context::Context;
use crate::models;

pub(crate) fn run(mut command: Command, context: &Context) -> Outcome<()> {
    models::resolve(&mut command, context)?;
    if trains(&command) {
        glossa_allocator::keep_freed_memory();
    }
    match command {
        Command::Demo(arguments) => demo::run(&arguments, context),
        Command::Language(command) => language::run(&command, context),
        Command::Pipeline(command) => pipeline::run(&command, context),
        Command::Corpus(command) => corpus::run(&command, context),
        Command::Tokenizer(command) => tokenizer::run(&command, context),
        Command::Lm(command) => lm::run(&command, context),
        Command::Classify(command) => classify::run(&command, context),
        Command::Bootstrap(arguments) => bootstrap::run(&arguments, context),
        Command::Teacher(command) => bootstrap::run_teacher(&command, context),
        Command::Embed(arguments) => embed::run(&arguments, context),
        Command::Eval(command) => eval::run(&command, context),
        Command::Recipe(command) => recipe::run(&command, context),
        Command::Zoo(command) => zoo::run(&command, context),
        Command::Doctor(arguments) => doctor::run(&arguments, context),
    }
}

/// Texts given as arguments, or the lines of stdin.
fn texts_or_stdin(texts: &[String]) -> Outcome<Vec<String>> {
    if !texts.is_empty() {
        return Ok(texts.to_vec());
    }
    let lines = std::io::read_to_string(std::io::stdin());
    let lines = lines.map_err(|cause| {
        glossa_base::Failure::data("cannot read stdin as UTF-8 text").because(cause).hint("give one UTF-8 text a line")
    })?;
    Ok(lines.lines().map(str::to_owned).collect())
}

/// Whether a command takes and frees the same memory step after step.
fn trains(command: &Command) -> bool {
    match command {
        Command::Demo(_)
        | Command::Embed(_)
        | Command::Bootstrap(_)
        | Command::Teacher(_)
        | Command::Pipeline(PipelineCommand::Run(_)) => true,
        Command::Lm(command) => matches!(command, LmCommand::Pretrain(_) | LmCommand::Finetune(_)),
        Command::Classify(command) => matches!(command, ClassifyCommand::Train(_)),
        _ => false,
    }
}
