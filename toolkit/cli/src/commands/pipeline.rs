//! `glossa pipeline`.

mod slurm;

use std::path::{Path, PathBuf};

use glossa_base::{Failure, Kind, Outcome};
use glossa_pipeline::Supervision;
use glossa_pipeline::languages;
use glossa_pipeline::plan::{self, Plan, PlanSetting, Stage};
use glossa_pipeline::run::{self, Hashes, Ran, RunSetting, StageState, State, Summary, states, summarise};
use serde_json::json;

use crate::arguments::{PipelineCommand, PipelinePlan, PipelineRun, PipelineStatus, Targets};
use crate::context::Context;
use crate::{network, signals};

pub(super) fn run(command: &PipelineCommand, context: &Context) -> Outcome<()> {
    match command {
        PipelineCommand::Run(arguments) => run_plan(arguments, context),
        PipelineCommand::Plan(arguments) => show_plan(arguments, context),
        PipelineCommand::Status(arguments) => status(arguments, context),
        PipelineCommand::Submit(arguments) => slurm::submit(arguments, context),
    }
}

/// A plan and the folder of its run.
struct Planned {
    plan: Plan,
    root: PathBuf,
}

/// The plan that was asked for: read from its file, or made.
fn planned(targets: &Targets, context: &Context) -> Outcome<Planned> {
    if let [file] = targets.targets.as_slice()
        && file.ends_with(".json")
    {
        return read(Path::new(file));
    }
    let wanted = match targets.all {
        true => languages::load_all(&targets.flags)?,
        false if targets.targets.is_empty() => {
            return Err(Failure::new(Kind::Usage, "no language was named")
                .hint("name codes such as eu, language files or a plan, or give --all"));
        }
        false => languages::load(&targets.targets, &targets.flags)?,
    };
    let root = targets
        .out
        .clone()
        .ok_or_else(|| Failure::new(Kind::Usage, "there is no folder for the run").hint("give --out DIR"))?;
    let setting = PlanSetting { data: targets.data.as_deref(), device: context.device.to_string(), seed: context.seed };
    let mut hashes = Hashes::open(&root);
    let plan = plan::plan(&wanted, &setting, &mut hashes)?;
    hashes.keep()?;
    Ok(Planned { plan, root })
}

/// The plan of a file, or of a run's folder.
fn read(path: &Path) -> Outcome<Planned> {
    let file = if path.is_dir() { path.join(plan::FILE_NAME) } else { path.to_path_buf() };
    let plan = Plan::read(&file)?;
    let root = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(Planned { plan, root: root.to_path_buf() })
}

fn show_plan(arguments: &PipelinePlan, context: &Context) -> Outcome<()> {
    let Planned { plan, root } = planned(&arguments.targets, context)?;
    let states = states(&plan, &root)?;
    let mut text = describe(&plan, &states);
    if context.dry_run {
        text.push_str("nothing was written");
    } else {
        let path = plan.write(&root)?;
        text.push_str(&format!("plan: {}", path.display()));
    }
    context.emit(&json!({"root": root, "plan": plan, "states": states}), &text)
}

/// A line a stage: what it needs, from what, and whether it is done.
fn describe(plan: &Plan, states: &[StageState]) -> String {
    let width = plan.tasks.iter().map(|stage| stage.id.len()).max().unwrap_or(0).max("stage and output".len());
    let mut text = format!("{:<width$}  {:>7} {:>8} {:>8}  made from\n", "stage and output", "time", "memory", "disk");
    for (stage, state) in plan.tasks.iter().zip(states) {
        let needs = needs(stage);
        let line = format!("{:<width$}  {needs}  {:<12} {}", stage.id, sources(stage), tell(&state.state));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let left = plan.tasks.iter().zip(states).filter(|(_, state)| state.state != State::Done);
    let (mut seconds, mut unknown, mut count) = (0.0, 0, 0);
    for (stage, _) in left {
        count += 1;
        match stage.estimate.seconds {
            Some(more) => seconds += more,
            None => unknown += 1,
        }
    }
    let memory = plan.tasks.iter().map(|stage| stage.estimate.memory).max().unwrap_or(0);
    let disk: u64 = plan.tasks.iter().filter_map(|stage| stage.estimate.disk).sum();
    let beside = if unknown > 0 {
        format!(", and {unknown} whose time is known once their dump is there")
    } else {
        String::new()
    };
    text.push_str(&format!(
        "{} stages, {count} to do: about {} on two cores{beside}; at most {} of memory, {} on the disk\n",
        plan.tasks.len(),
        time(seconds),
        bytes(memory),
        bytes(disk)
    ));
    text
}

fn needs(stage: &Stage) -> String {
    let estimate = &stage.estimate;
    let seconds = estimate.seconds.map_or_else(|| "?".to_owned(), time);
    let disk = estimate.disk.map_or_else(|| "?".to_owned(), bytes);
    format!("{seconds:>7} {:>8} {disk:>8}", bytes(estimate.memory))
}

/// What a stage is made from: files with the first letters of their hash, or how many stages.
fn sources(stage: &Stage) -> String {
    match (stage.inputs.as_slice(), stage.after.len()) {
        ([], 0) => "the network".to_owned(),
        ([], 1) => stage.after.first().cloned().unwrap_or_default(),
        ([], count) => format!("{count} stages"),
        ([one], _) => format!("{} {}", name(&one.path), one.sha256.get(..8).unwrap_or_default()),
        (files, _) => format!("{} files", files.len()),
    }
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn tell(state: &State) -> String {
    match state {
        State::Done => "done".to_owned(),
        State::Missing => "to do".to_owned(),
        State::Stale { why } => format!("stale: {why}"),
        State::Edited { file } => format!("changed by hand: {file}"),
        State::Waiting { on } => format!("waits for {on}"),
    }
}

fn time(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 90.0 => format!("{seconds:.0} s"),
        seconds if seconds < 5400.0 => format!("{:.0} min", seconds / 60.0),
        seconds => format!("{:.1} h", seconds / 3600.0),
    }
}

fn bytes(count: u64) -> String {
    match count {
        count if count < 1_000_000_000 => format!("{:.0} MB", (count as f64 / 1e6).max(1.0)),
        count => format!("{:.1} GB", count as f64 / 1e9),
    }
}

fn run_plan(arguments: &PipelineRun, context: &Context) -> Outcome<()> {
    let Planned { plan, root } = planned(&arguments.targets, context)?;
    if context.dry_run {
        let states = states(&plan, &root)?;
        return context
            .emit(&json!({"root": root, "states": states}), &(describe(&plan, &states) + "nothing was written"));
    }
    let supervision = Supervision {
        interrupt: signals::listen()?,
        interval: Some(arguments.checkpoint_every),
        ..Supervision::none()
    };
    let setting = RunSetting {
        root: &root,
        progress: &context.console,
        supervision: &supervision,
        downloader: &|| network::downloader(context),
        workers: arguments.workers,
        remake: arguments.remake,
    };
    if let Some(task) = &arguments.task {
        return run_one(&plan, task, &setting, context);
    }
    plan.write(&root)?;
    let outcome = run::run(&plan, &setting)?;
    let summary = summarise(&plan, &root, &outcome.failed)?;
    let page = root.join("report.html");
    summary.draw(&plan, &page)?;
    let text = format!(
        "{}\n{} stages done now, {} were done\nreport: {}",
        summary.to_text(),
        outcome.done_now,
        outcome.already_done,
        page.display()
    );
    context.emit(&json!({"outcome": outcome, "summary": summary, "report": page}), &text)?;
    failure(&summary)
}

/// The run fails when a language has failed, after all have had their turn.
fn failure(summary: &Summary) -> Outcome<()> {
    let failed: Vec<_> = summary.languages.iter().filter_map(|language| language.failed.as_ref()).collect();
    let Some(first) = failed.first() else { return Ok(()) };
    let others =
        if failed.len() > 1 { format!(", and {} more languages failed", failed.len() - 1) } else { String::new() };
    let failure = Failure::new(Kind::Failed, format!("{}: {}{others}", first.stage, first.reason));
    Err(failure.hint(first.hint.clone().unwrap_or_else(|| "see the table; the same command goes on".to_owned())))
}

fn run_one(plan: &Plan, task: &str, setting: &RunSetting<'_>, context: &Context) -> Outcome<()> {
    let by_number = task.parse::<usize>().ok().and_then(|number| plan.tasks.get(number));
    let stage = by_number.or_else(|| plan.stage(task)).ok_or_else(|| {
        let names = plan.tasks.iter().map(|stage| stage.id.as_str());
        let near = glossa_base::nearest::nearest(task, names).map(|name| format!("did you mean `{name}`?"));
        Failure::new(Kind::Usage, format!("the plan has no stage `{task}`"))
            .hint(near.unwrap_or_else(|| format!("write its name, or a number below {}", plan.tasks.len())))
    })?;
    let ran = run::run_stage(plan, stage, setting)?;
    let text = match ran {
        Ran::AlreadyDone => format!("{}: was done", stage.id),
        Ran::Now => format!("{}: done", stage.id),
    };
    context.emit(&json!({"stage": stage.id, "ran": ran}), &text)
}

fn status(arguments: &PipelineStatus, context: &Context) -> Outcome<()> {
    let Planned { plan, root } = read(&arguments.run)?;
    let states = states(&plan, &root)?;
    let width = states.iter().map(|state| state.stage.len()).max().unwrap_or(0);
    let mut text = String::new();
    for state in &states {
        let seconds = state.seconds.map_or_else(String::new, time);
        text.push_str(&format!("{:<width$}  {:>7}  {}\n", state.stage, seconds, tell(&state.state)));
    }
    let done = states.iter().filter(|state| state.state == State::Done).count();
    text.push_str(&format!("{done} of {} stages are done", states.len()));
    let jobs = if arguments.slurm { slurm::jobs(&root)? } else { Vec::new() };
    for job in &jobs {
        text.push_str(&format!("\n{job}"));
    }
    context.emit(&json!({"root": root, "states": states, "jobs": jobs}), &text)
}
