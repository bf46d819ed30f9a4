//! `glossa eval`.

mod answers;

use std::path::{Path, PathBuf};

use glossa_base::download::Watch;
use glossa_base::{Failure, Interrupt, Kind, Outcome};
use glossa_eval::task::{self, Answer, Chosen, Sizes};
use glossa_eval::{Report, ReportOptions, predictions};
use glossa_pipeline::classifier::Units;
use glossa_pipeline::evaluation::{self, Combine, Evaluation, System};
use glossa_recipes::Recipe;
use glossa_recipes::baseline;
use glossa_text::labelled::Columns;
use serde_json::json;

use crate::arguments::{
    CombineName, EvalCommand, EvalFetch, EvalList, EvalRun, EvalScore, Method, TaskArguments, UnitsName,
};
use crate::commands::{bootstrap, classify, recipe};
use crate::context::Context;
use crate::network::downloader;
use crate::signals;

pub(super) fn run(command: &EvalCommand, context: &Context) -> Outcome<()> {
    match command {
        EvalCommand::List(arguments) => list(arguments, context),
        EvalCommand::Fetch(arguments) => fetch(arguments, context),
        EvalCommand::Run(arguments) => run_task(arguments, context),
        EvalCommand::Score(arguments) => score(arguments, context),
        EvalCommand::Compare(arguments) => answers::compare(arguments, context),
        EvalCommand::Submit(arguments) => answers::submit(arguments, context),
        EvalCommand::Check(arguments) => answers::check(arguments, context),
        EvalCommand::Page(arguments) => answers::page(arguments, context),
    }
}

fn list(arguments: &EvalList, context: &Context) -> Outcome<()> {
    let tasks = task::all()?;
    let Some(name) = &arguments.task else {
        return context.emit(&json!({"tasks": tasks}), task::listing(&tasks).trim_end());
    };
    // The name alone, or with its choices.
    let first = name.split('/').next().unwrap_or_default();
    let found = tasks.into_iter().find(|task| task.name == first);
    let found = found.map_or_else(|| task::find(name).map(|chosen| chosen.task), Ok)?;
    context.emit(&found, found.to_text().trim_end())
}

fn fetch(arguments: &EvalFetch, context: &Context) -> Outcome<()> {
    let chosen = task::find(&arguments.task)?;
    let urls: Vec<String> = chosen.fetches().into_iter().map(|fetch| fetch.url).collect();
    if context.plan("eval fetch", &arguments.data, &[], json!({"urls": urls}))? {
        return Ok(());
    }
    let interrupt: Interrupt = signals::listen()?;
    let watch = Watch { progress: &context.console, interrupt: &interrupt };
    let report = evaluation::fetch(&chosen, &arguments.data, &downloader(context)?, watch)?;
    context.emit(&report, report.to_text().trim_end())?;
    if report.complete {
        return Ok(());
    }
    let problem = format!("{} is not complete in {}", report.task, arguments.data.display());
    Err(Failure::data(problem).hint(report.obtain.unwrap_or_default()))
}

/// A task and how strictly its files are read.
fn chosen(arguments: &TaskArguments) -> Outcome<(Chosen, Sizes)> {
    Ok((task::find(&arguments.task)?, sizes(arguments.any_size)))
}

fn sizes(any: bool) -> Sizes {
    if any { Sizes::Any } else { Sizes::Official }
}

fn run_task(arguments: &EvalRun, context: &Context) -> Outcome<()> {
    let (chosen, sizes) = chosen(&arguments.task)?;
    let recipes = recipes(arguments, &chosen)?;
    let method = match arguments.method {
        Method::NaiveBayes => Some(baseline::Method::NaiveBayes),
        Method::Nbsvm => Some(baseline::Method::Nbsvm),
        Method::Network => None,
    };
    let baseline = method.map(|method| classify::baseline(arguments.units, method));
    let tokenizer = arguments.tokenizer.as_deref();
    let system = match (&baseline, tokenizer) {
        (Some((units, options)), tokenizer) => {
            System::Baseline(options, *units, tokenizer.filter(|_| *units == Units::Pieces))
        }
        (None, Some(tokenizer)) => System::Fresh(tokenizer),
        (None, None) if arguments.model.is_empty() => {
            return Err(Failure::new(Kind::Usage, "nothing to start from")
                .hint("give --model DIR, --tokenizer DIR for fresh weights, or --method naive-bayes"));
        }
        (None, None) => System::Models { folders: &arguments.model, finetune: !arguments.no_finetune },
    };
    let config = serde_json::to_value(recipes.first()).unwrap_or_default();
    let inputs: Vec<&Path> =
        arguments.model.iter().map(PathBuf::as_path).chain(tokenizer).chain([arguments.task.data.as_path()]).collect();
    if context.plan("eval run", &arguments.out, &inputs, config)? {
        return Ok(());
    }
    let supervision = bootstrap::supervision(&arguments.checkpoints)?;
    let name = name(arguments, &recipes);
    let results = arguments.results.clone().unwrap_or_else(|| arguments.out.join("results"));
    let outcome = evaluation::run(Evaluation {
        task: &chosen,
        data: &arguments.task.data,
        sizes,
        system,
        name: &name,
        recipes: &recipes,
        seeds: arguments.seeds,
        folds: arguments.folds,
        train_split: &arguments.train_split,
        combine: match arguments.combine {
            CombineName::Mean => Combine::Mean,
            CombineName::Weights => Combine::Weights,
            CombineName::BestSeed => Combine::BestSeed,
        },
        split: &arguments.split,
        out: &arguments.out,
        results: &results,
        seed: context.seed,
        device: context.device,
        progress: &context.console,
        supervision: &supervision,
    })?;
    context.emit(&outcome, &outcome.to_text())
}

/// The recipe of each model; the task's own preset where it has one and none is named.
fn recipes(arguments: &EvalRun, chosen: &Chosen) -> Outcome<Vec<Recipe>> {
    let named = arguments.recipe.preset.is_some() || arguments.recipe.recipe.is_some();
    let network = arguments.method == Method::Network && chosen.task.answer != Answer::LanguageModel;
    if let Some(preset) = chosen.task.preset.as_deref().filter(|_| !named && network) {
        let recipe = Recipe::preset(preset)?.with_overrides(&arguments.recipe.overrides)?;
        return Ok(vec![recipe; arguments.model.len().max(1)]);
    }
    if arguments.model.is_empty() {
        return Ok(vec![recipe::resolve(&arguments.recipe, None)?]);
    }
    arguments.model.iter().map(|model| recipe::resolve(&arguments.recipe, Some(model))).collect()
}

fn name(arguments: &EvalRun, recipes: &[Recipe]) -> String {
    let units = match arguments.units {
        UnitsName::Words => "words",
        UnitsName::Pieces => "pieces",
        UnitsName::Characters => "characters",
    };
    let recipe = recipes.first().map_or("", |recipe| recipe.name.as_str());
    let usual = || match (arguments.method, &arguments.tokenizer) {
        (Method::NaiveBayes, _) => format!("naive-bayes on {units}"),
        (Method::Nbsvm, _) => format!("nbsvm on {units}"),
        (Method::Network, Some(_)) => format!("{recipe} from fresh weights"),
        (Method::Network, None) => recipe.to_owned(),
    };
    arguments.name.clone().unwrap_or_else(usual)
}

fn score(arguments: &EvalScore, context: &Context) -> Outcome<()> {
    let predicted = predictions::read(&arguments.predictions)?;
    let options = ReportOptions {
        task: arguments.task.clone(),
        split: arguments.split.clone(),
        seed: context.seed,
        ..ReportOptions::default()
    };
    if let (Some(data), Some(name)) = (&arguments.data, &arguments.task) {
        let (chosen, split) = (task::find(name)?, arguments.split.as_deref().unwrap_or("test"));
        let examples = chosen.read(data, split, sizes(arguments.any_size))?;
        let mut options = ReportOptions { split: Some(split.to_owned()), ..options };
        options.provenance.data = Some(chosen.data_hash(data, split)?);
        let report = chosen.score(&examples, &predicted, &options)?;
        return context.emit(&report, report.to_text().trim_end());
    }
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
