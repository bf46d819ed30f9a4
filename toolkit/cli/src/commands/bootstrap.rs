//! `glossa bootstrap` and `glossa teacher`.

use std::path::{Path, PathBuf};

use glossa_base::{Failure, Kind, Outcome};
use glossa_pipeline::Supervision;
use glossa_pipeline::bootstrap::{
    self, BootstrapFiles, BootstrapOutcome, BootstrapSetting, NoiseFiles, Scored, Standing, Student,
};
use glossa_pipeline::embedding::EmbedOptions;
use glossa_pipeline::teacher::{self, AdaptFiles, ParallelFiles, TeacherFiles};
use glossa_recipes::Recipe;
use glossa_text::labelled::Columns;
use serde_json::json;

use crate::arguments::{
    Bootstrap, BootstrapCommand, BootstrapNoise, BootstrapReport, BootstrapRun, CheckpointArguments, TeacherAdapt,
    TeacherArguments, TeacherCommand, TeacherTrain,
};
use crate::commands::{embed, recipe};
use crate::context::Context;
use crate::signals;

pub(super) fn run(arguments: &Bootstrap, context: &Context) -> Outcome<()> {
    match (&arguments.command, &arguments.run.out) {
        (Some(BootstrapCommand::Noise(arguments)), _) => noise(arguments, context),
        (Some(BootstrapCommand::Report(arguments)), _) => report(arguments, context),
        (None, Some(out)) => bootstrap(&arguments.run, out, context),
        (None, None) => Err(Failure::new(Kind::Usage, "there is no --out").hint("see bootstrap --help")),
    }
}

pub(super) fn run_teacher(command: &TeacherCommand, context: &Context) -> Outcome<()> {
    match command {
        TeacherCommand::Train(arguments) => train_teacher(arguments, context),
        TeacherCommand::Adapt(arguments) => adapt(arguments, context),
    }
}

pub(super) fn supervision(arguments: &CheckpointArguments) -> Outcome<Supervision> {
    let interrupt = signals::listen()?;
    Ok(Supervision { interrupt, interval: Some(arguments.checkpoint_every), ..Supervision::none() })
}

impl TeacherArguments {
    fn embedding(&self) -> EmbedOptions {
        EmbedOptions {
            pooling: self.pooling.map(embed::pooling),
            prefix: self.prefix.clone(),
            window: None,
            normalise: self.normalise,
        }
    }

    fn columns(&self) -> Columns {
        Columns { text: self.text_column.clone(), label: self.label_column.clone(), ..Columns::default() }
    }

    fn files<'a>(&'a self, embedding: &'a EmbedOptions, columns: &'a Columns) -> Option<TeacherFiles<'a>> {
        let (encoder, train) = (self.encoder.as_deref()?, self.source.as_deref()?);
        let (sentences, valid) = (self.sentences, self.source_valid.as_deref());
        Some(TeacherFiles { encoder, embedding, sentences, train, valid, columns })
    }
}

fn train_teacher(arguments: &TeacherTrain, context: &Context) -> Outcome<()> {
    let (embedding, columns) = (arguments.own.embedding(), arguments.own.columns());
    let Some(files) = arguments.own.files(&embedding, &columns) else {
        return Err(Failure::new(Kind::Usage, "a teacher needs an encoder and labelled texts")
            .hint("give --encoder DIR and --source FILE"));
    };
    let recipe = recipe::resolve(&arguments.recipe, None)?;
    let config = serde_json::to_value(&recipe.bootstrap).unwrap_or_default();
    let inputs: Vec<&Path> = [Some(files.encoder), Some(files.train), files.valid].into_iter().flatten().collect();
    if context.plan("teacher train", &arguments.out, &inputs, config)? {
        return Ok(());
    }
    let (supervision, out) = (Supervision::none(), &arguments.out);
    let setting = super::lm::setting(&recipe, out, &supervision, context);
    let outcome = teacher::train(files, setting)?;
    let mut text = format!("teacher of {} labels in {}", outcome.labels.len(), out.display());
    if let (Some(report), Some([before, after])) = (&outcome.valid, outcome.calibration_error) {
        text.push_str(&format!(
            "\naccuracy on the source's validation set {:.4}; temperature {:.3} takes the calibration error from {before:.3} to {after:.3}",
            report.metrics.accuracy, outcome.temperature
        ));
    }
    context.emit(&outcome, &text)
}

fn adapt(arguments: &TeacherAdapt, context: &Context) -> Outcome<()> {
    let recipe = recipe::resolve(&arguments.recipe, None)?;
    let (key, text) = (arguments.key.as_deref(), arguments.text_column.as_deref());
    let pairs = |left, right| ParallelFiles { left, right, key, text };
    let valid = arguments.valid_left.as_deref().zip(arguments.valid_right.as_deref());
    let files = AdaptFiles {
        encoder: &arguments.encoder,
        train: pairs(&arguments.left, &arguments.right),
        valid: valid.map(|(left, right)| pairs(left, right)),
        prefix: &arguments.prefix,
        pooling: arguments.pooling.map(embed::pooling),
    };
    let config = serde_json::to_value(&recipe.adapt).unwrap_or_default();
    let inputs: [&Path; 3] = [&arguments.encoder, &arguments.left, &arguments.right];
    if context.plan("teacher adapt", &arguments.out, &inputs, config)? {
        return Ok(());
    }
    let supervision = supervision(&arguments.checkpoints)?;
    let outcome = teacher::adapt(files, super::lm::setting(&recipe, &arguments.out, &supervision, context))?;
    let last = outcome.records.last().and_then(|record| record.validation.get("accuracy"));
    let found = last
        .map_or_else(String::new, |share| format!("; {:.1} % of the validation pairs find each other", 100.0 * share));
    let text = format!(
        "{} pairs learned ({} texts without a partner){found}\nencoder: {}",
        outcome.pairs,
        outcome.unmatched,
        outcome.folder.display()
    );
    context.emit(&outcome, &text)
}

/// Every file and folder that a run reads.
fn inputs(arguments: &BootstrapRun) -> Vec<&Path> {
    let own = [&arguments.own.encoder, &arguments.own.source, &arguments.own.source_valid];
    let optional = own.into_iter().chain([&arguments.gold, &arguments.test]).flatten();
    let lists = [&arguments.teacher, &arguments.student, &arguments.unlabelled].into_iter().flatten();
    lists.chain(optional).map(PathBuf::as_path).collect()
}

fn bootstrap(arguments: &BootstrapRun, out: &Path, context: &Context) -> Outcome<()> {
    let (embedding, columns) = (arguments.own.embedding(), arguments.own.columns());
    let recipes: Vec<Recipe> = arguments
        .student
        .iter()
        .map(|model| recipe::resolve(&arguments.recipe, Some(model)))
        .collect::<Outcome<_>>()?;
    let students: Vec<Student<'_>> =
        arguments.student.iter().zip(&recipes).map(|(model, recipe)| Student { model, recipe }).collect();
    let config = serde_json::to_value(recipes.first().map(|recipe| &recipe.bootstrap)).unwrap_or_default();
    if context.plan("bootstrap", out, &inputs(arguments), config)? {
        return Ok(());
    }
    let files = BootstrapFiles {
        teachers: &arguments.teacher,
        own_teacher: arguments.own.files(&embedding, &columns),
        unlabelled: &arguments.unlabelled,
        gold: arguments.gold.as_deref(),
        source: arguments.own.source.as_deref().filter(|_| arguments.learn_source),
        test: arguments.test.as_deref(),
        transductive: arguments.transductive,
        columns: &columns,
        language: arguments.language.as_ref(),
        task: arguments.task.as_deref(),
    };
    let supervision = supervision(&arguments.checkpoints)?;
    let setting = setting(out, !arguments.no_finetune, &supervision, context);
    let outcome = bootstrap::bootstrap(files, &students, setting)?;
    context.emit(&outcome, &describe(&outcome))
}

fn setting<'a>(
    out: &'a Path,
    finetune: bool,
    supervision: &'a Supervision,
    context: &'a Context,
) -> BootstrapSetting<'a> {
    let (device, seed) = (context.device, context.seed);
    BootstrapSetting { out, device, seed, finetune, progress: &context.console, supervision }
}

fn describe(outcome: &BootstrapOutcome) -> String {
    let mut text = String::new();
    for (number, round) in outcome.rounds.iter().enumerate() {
        let students = round.students.len();
        let line = format!(
            "round {}: {} of {} guesses learned by {students} students",
            number + 1,
            round.learned,
            round.guessed
        );
        text.push_str(&format!("{line}\n"));
    }
    for warning in &outcome.warnings {
        text.push_str(&format!("warning: {warning}\n"));
    }
    if let Some(scored) = &outcome.scored {
        text.push_str(&scores(scored));
    }
    text.push_str(&format!("everything is in {}; the page: {}", outcome.folder.display(), outcome.report.display()));
    text
}

fn scores(scored: &Scored) -> String {
    let row = |standing: &Standing| {
        let interval = standing.together.scores.first().and_then(|score| score.interval);
        let interval = interval.map_or_else(String::new, |both| format!("   {:.3} - {:.3}", both.low, both.high));
        let spread = standing.spread.map_or_else(String::new, |spread| format!(" ± {spread:.3}"));
        let together = standing.together.metrics.accuracy;
        format!("{:<42}{:.3}{spread:<9} together {together:.3}{interval}\n", standing.name, standing.mean)
    };
    let rows: String = scored.standings.iter().map(row).collect();
    let words: String = scored.comparisons.iter().map(|comparison| format!("{}\n", comparison.words)).collect();
    format!("accuracy on {}\n{rows}{words}", scored.task)
}

fn noise(arguments: &BootstrapNoise, context: &Context) -> Outcome<()> {
    let columns =
        Columns { text: arguments.text_column.clone(), label: arguments.label_column.clone(), ..Columns::default() };
    let recipe = recipe::resolve(&arguments.recipe, Some(&arguments.model))?;
    let config = serde_json::to_value(&recipe).unwrap_or_default();
    let inputs: [&Path; 3] = [&arguments.model, &arguments.train, &arguments.test];
    if context.plan("bootstrap noise", &arguments.out, &inputs, config)? {
        return Ok(());
    }
    let supervision = supervision(&arguments.checkpoints)?;
    let files = NoiseFiles {
        model: &arguments.model,
        train: &arguments.train,
        test: &arguments.test,
        columns: &columns,
        levels: &arguments.levels,
    };
    let outcome = bootstrap::noise(files, &recipe, setting(&arguments.out, false, &supervision, context))?;
    let mut text = "wrong labels   pretrained   fresh weights\n".to_owned();
    for level in &arguments.levels {
        let mean = |pretrained: bool| {
            let row = outcome.rows.iter().find(|row| row.pretrained == pretrained && row.noise == *level);
            row.map_or_else(String::new, |row| format!("{:.3}", row.mean))
        };
        text.push_str(&format!("{level:<15}{:<13}{}\n", mean(true), mean(false)));
    }
    context.emit(&outcome, &format!("{text}drawing: {}", outcome.page.display()))
}

fn report(arguments: &BootstrapReport, context: &Context) -> Outcome<()> {
    let inputs: Vec<&Path> = arguments.runs.iter().map(PathBuf::as_path).collect();
    if context.plan("bootstrap report", &arguments.out, &inputs, json!({}))? {
        return Ok(());
    }
    let gathered = bootstrap::gather(&arguments.runs, context.seed)?;
    bootstrap::report(&gathered, &arguments.out)?;
    context.emit(&gathered, &format!("{}\npage: {}", gathered.to_text(), arguments.out.display()))
}
