//! `glossa lm`.

use std::path::Path;

use glossa_base::{Failure, Kind, Outcome};
use glossa_pipeline::language_model::{self, Beginning, LanguageModelOutcome, TaskTexts, Text};
use glossa_pipeline::rates::RatesOutcome;
use glossa_pipeline::{Setting, Supervision};
use glossa_recipes::{Recipe, Sampling};
use serde_json::json;

use crate::arguments::{LmCommand, LmFinetune, LmGenerate, LmPerplexity, LmPretrain, TrainingArguments};
use crate::commands::{recipe, tokenizer::split};
use crate::context::Context;
use crate::signals;

pub(super) fn run(command: &LmCommand, context: &Context) -> Outcome<()> {
    match command {
        LmCommand::Pretrain(arguments) => pretrain(arguments, context),
        LmCommand::Finetune(arguments) => finetune(arguments, context),
        LmCommand::Perplexity(arguments) => perplexity(arguments, context),
        LmCommand::Generate(arguments) => generate(arguments, context),
    }
}

/// What a training stage is told.
pub(super) fn setting<'a>(
    recipe: &'a Recipe,
    out: &'a Path,
    supervision: &'a Supervision,
    context: &'a Context,
) -> Setting<'a> {
    Setting { recipe, device: context.device, seed: context.seed, out, progress: &context.console, supervision }
}

/// How a training may be interrupted; from now on signals stop it with a checkpoint.
pub(super) fn supervision(arguments: &TrainingArguments) -> Outcome<Supervision> {
    let interrupt = signals::listen()?;
    let TrainingArguments { restart, log, tensorboard, .. } = arguments;
    Ok(Supervision {
        interrupt,
        interval: Some(arguments.checkpoint_every),
        restart: *restart,
        log: log.clone(),
        tensorboard: tensorboard.clone(),
    })
}

/// What a sweep of rates came to.
pub(super) fn emit_rates(outcome: &RatesOutcome, context: &Context) -> Outcome<()> {
    let rows: String =
        outcome.rows().iter().map(|(name, rate, what)| format!("{name:<9}{rate:.2e}   {what}\n")).collect();
    context.emit(outcome, &format!("{rows}drawing: {}", outcome.page.display()))
}

fn config(recipe: &Recipe) -> serde_json::Value {
    serde_json::to_value(recipe).unwrap_or_default()
}

fn pretrain(arguments: &LmPretrain, context: &Context) -> Outcome<()> {
    let recipe = recipe::resolve(&arguments.recipe, arguments.from.as_deref())?;
    let (corpus, from) = (&arguments.corpus, arguments.from.as_deref());
    // With --from the tokenizer is that model's.
    let tokenizer = arguments.tokenizer.as_deref().or(from).unwrap_or(corpus);
    if context.plan("lm pretrain", &arguments.out, &[corpus, tokenizer], config(&recipe))? {
        return Ok(());
    }
    let supervision = supervision(&arguments.training)?;
    let setting = setting(&recipe, &arguments.out, &supervision, context);
    let beginning = Beginning { tokenizer, backward: arguments.backward, from };
    if let Some(page) = &arguments.training.find_rate {
        return emit_rates(&language_model::find_pretrain_rate(corpus, beginning, setting, page)?, context);
    }
    emit(&language_model::pretrain(corpus, beginning, setting)?, context)
}

fn finetune(arguments: &LmFinetune, context: &Context) -> Outcome<()> {
    let recipe = recipe::resolve(&arguments.recipe, Some(&arguments.model))?;
    let texts = TaskTexts {
        train: &arguments.texts,
        valid: arguments.valid.as_deref(),
        column: arguments.text_column.as_deref(),
    };
    let mut inputs: Vec<&Path> = vec![&arguments.model];
    inputs.extend(arguments.texts.iter().chain(&arguments.valid).map(std::path::PathBuf::as_path));
    if context.plan("lm finetune", &arguments.out, &inputs, config(&recipe))? {
        return Ok(());
    }
    let supervision = supervision(&arguments.training)?;
    let setting = setting(&recipe, &arguments.out, &supervision, context);
    if let Some(page) = &arguments.training.find_rate {
        return emit_rates(&language_model::find_finetune_rate(&arguments.model, &texts, setting, page)?, context);
    }
    emit(&language_model::finetune(&arguments.model, &texts, setting)?, context)
}

fn emit(outcome: &LanguageModelOutcome, context: &Context) -> Outcome<()> {
    let last = outcome.records.last();
    let judged: String = last
        .map(|record| {
            record.validation.iter().map(|(name, value)| format!("validation {name}: {value:.4}\n")).collect()
        })
        .unwrap_or_default();
    let millions = outcome.parameters as f64 / 1e6;
    context.emit(
        outcome,
        &format!(
            "language model: {millions:.2} million weights\n{judged}folder: {}\nreport: {}",
            outcome.folder.display(),
            outcome.report.display()
        ),
    )
}

fn perplexity(arguments: &LmPerplexity, context: &Context) -> Outcome<()> {
    let text = match (&arguments.input, &arguments.corpus) {
        (Some(file), _) => Text::File(file, arguments.text_column.as_deref()),
        (None, Some(corpus)) => Text::Corpus(corpus, split(arguments.split)),
        (None, None) => {
            return Err(Failure::new(Kind::Usage, "no text").hint("give --corpus or --input"));
        }
    };
    let outcome = language_model::perplexity(&arguments.model, &text, context.device, &context.console)?;
    let show = |value: Option<f64>| value.map_or_else(|| "undefined".to_owned(), |value| format!("{value:.3}"));
    let masked =
        if outcome.masked { " (masked: guessed from both sides, comparable with masked models only)" } else { "" };
    let report = format!(
        "documents {}, words {}, pieces {}{masked}\nperplexity by piece {}\nperplexity by word {} (a document's end counts as a word)\nbits a character {}\npieces guessed right {:.2} %",
        outcome.documents,
        outcome.likelihood.words - outcome.documents,
        outcome.likelihood.pieces,
        show(outcome.by_piece),
        show(outcome.by_word),
        show(outcome.bits_per_character),
        100.0 * outcome.accuracy
    );
    context.emit(&outcome, &report)
}

fn generate(arguments: &LmGenerate, context: &Context) -> Outcome<()> {
    if !(arguments.temperature >= 0.0 && arguments.temperature.is_finite()) {
        return Err(Failure::new(Kind::Usage, format!("--temperature {} is no temperature", arguments.temperature))
            .hint("0 for the likeliest piece always; 0.5 to 1 is usual"));
    }
    if !(arguments.top_p > 0.0 && arguments.top_p <= 1.0) {
        return Err(Failure::new(Kind::Usage, format!("--top-p {} is no share", arguments.top_p))
            .hint("above 0 and at most 1, which leaves all pieces"));
    }
    let sampling = Sampling {
        temperature: arguments.temperature,
        top_k: arguments.top_k,
        top_p: arguments.top_p,
        length: arguments.length,
    };
    let text = language_model::generate(&arguments.model, &arguments.prompt, sampling, context.seed, context.device)?;
    context.emit(&json!({"prompt": arguments.prompt, "text": text}), &text)
}
