//! Running a plan: each stage once, in order, several languages beside each other; what one language fails
//! at stops none of the others.

mod hashes;
mod marker;
mod state;
mod summary;
mod voice;
mod work;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use glossa_base::download::Downloader;
use glossa_base::{Failure, Kind, Outcome, Progress};
use serde::Serialize;

use crate::plan::{Plan, Stage};
use crate::setting::Supervision;
use marker::{Begun, Marker};
use voice::Voice;

pub use hashes::Hashes;
pub use state::{StageState, State, states};
pub use summary::{LanguageSummary, Summary, TaskSummary, summarise};

/// What a run is told.
pub struct RunSetting<'a> {
    /// The folder of the plan, below which everything is written.
    pub root: &'a Path,
    /// Who listens.
    pub progress: &'a dyn Progress,
    /// How trainings are watched and interrupted.
    pub supervision: &'a Supervision,
    /// How to reach the network, for the stages that fetch.
    pub downloader: &'a (dyn Fn() -> Outcome<Downloader> + Sync),
    /// Languages that are worked on at once.
    pub workers: usize,
    /// Whether what was changed by hand is made again.
    pub remake: bool,
}

/// What became of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ran {
    /// It was done before.
    AlreadyDone,
    /// It was done now.
    Now,
}

/// What one language failed at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// The stage.
    pub stage: String,
    /// The reason, on one line.
    pub reason: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// What became of a run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RunOutcome {
    /// Stages that were done before.
    pub already_done: usize,
    /// Stages that were done now.
    pub done_now: usize,
    /// What failed, a language once at most for each chain of stages.
    pub failed: Vec<Failed>,
}

/// Runs one stage of a plan, if it is not done.
///
/// # Errors
/// A stage that it waits for is not done; an output that was changed by hand; an input that is another one
/// than planned; whatever the stage itself fails at.
pub fn run_stage(plan: &Plan, stage: &Stage, setting: &RunSetting<'_>) -> Outcome<Ran> {
    let mut hashes = Hashes::open(setting.root);
    check_inputs(stage, &mut hashes)?;
    let state = state::of(plan, stage, setting.root)?;
    hashes.keep()?;
    match state {
        State::Done => return Ok(Ran::AlreadyDone),
        State::Waiting { on } => {
            return Err(Failure::data(format!("{} waits for {on}, which is not done", stage.id))
                .hint("run that stage first, or the whole plan"));
        }
        State::Edited { file } if !setting.remake => {
            return Err(Failure::data(format!("{}: {file} was changed after it was made", stage.id))
                .hint("put it back, or let --remake make it again; a changed copy belongs into a folder of its own"));
        }
        State::Missing | State::Stale { .. } | State::Edited { .. } => {}
    }
    perform(plan, stage, setting)?;
    Ok(Ran::Now)
}

fn perform(plan: &Plan, stage: &Stage, setting: &RunSetting<'_>) -> Outcome<()> {
    let started = Instant::now();
    Marker::remove(setting.root, &stage.id)?;
    let sources = marker::sources(plan, stage, setting.root)?;
    let begun = Begun::of(stage, &sources)?;
    // Checkpoints of another beginning are of no use to this one.
    let restart = setting.supervision.restart || !begun.is_written(setting.root, &stage.id);
    begun.write(setting.root, &stage.id)?;
    let supervision = Supervision { restart, ..setting.supervision.clone() };
    setting.progress.line(&format!("{}: begins", stage.id));
    let made = work::Worker { plan, stage, setting, supervision: &supervision }.work()?;
    let seconds = started.elapsed().as_secs_f64();
    Marker::of(stage, sources, &made, setting.root, seconds)?.write(setting.root, &stage.id)?;
    setting.progress.line(&format!("{}: done in {seconds:.1} s", stage.id));
    Ok(())
}

/// Refuses inputs that are others than planned.
fn check_inputs(stage: &Stage, hashes: &mut Hashes) -> Outcome<()> {
    for input in &stage.inputs {
        let now = hashes.record(Path::new(&input.path))?;
        if now.sha256 != input.sha256 {
            return Err(Failure::data(format!("{}: {} has changed since the plan was made", stage.id, input.path))
                .hint("plan again; what does not depend on it stays done"));
        }
    }
    Ok(())
}

/// Runs every stage of a plan, language by language, `workers` of them at once.
///
/// # Errors
/// Only a stop, as by a signal; what languages fail at is in the outcome.
pub fn run(plan: &Plan, setting: &RunSetting<'_>) -> Outcome<RunOutcome> {
    let mut languages: Vec<&str> = Vec::new();
    for stage in &plan.tasks {
        if !languages.contains(&stage.language.as_str()) {
            languages.push(&stage.language);
        }
    }
    languages.reverse();
    let (queue, outcome) = (Mutex::new(languages), Mutex::new((RunOutcome::default(), None)));
    let next = || queue.lock().ok().and_then(|mut queue| queue.pop());
    let work = || {
        while let Some(language) = next() {
            if let Err(stopped) = run_language(plan, language, setting, &outcome)
                && let (Ok(mut outcome), Ok(mut queue)) = (outcome.lock(), queue.lock())
            {
                queue.clear();
                outcome.1.get_or_insert(stopped);
            }
        }
    };
    std::thread::scope(|scope| {
        (1..setting.workers.max(1)).for_each(|_| drop(scope.spawn(work)));
        work();
    });
    let (outcome, stopped) = outcome.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    stopped.map_or(Ok(outcome), Err)
}

/// Runs the stages of one language; those after a failed one are left out. Fails only when it is stopped.
fn run_language(
    plan: &Plan,
    language: &str,
    setting: &RunSetting<'_>,
    outcome: &Mutex<(RunOutcome, Option<Failure>)>,
) -> Outcome<()> {
    let voice = Voice { progress: setting.progress, alone: setting.workers <= 1, language };
    let setting = &RunSetting { progress: &voice, ..*setting };
    let mut left_out: BTreeSet<&str> = BTreeSet::new();
    for stage in plan.tasks.iter().filter(|stage| stage.language == language) {
        if stage.after.iter().any(|id| left_out.contains(id.as_str())) {
            left_out.insert(&stage.id);
            continue;
        }
        let ran = contained(plan, stage, setting);
        let Ok(mut outcome) = outcome.lock() else { return Ok(()) };
        match ran {
            Ok(Ran::AlreadyDone) => outcome.0.already_done += 1,
            Ok(Ran::Now) => outcome.0.done_now += 1,
            Err(failure) if failure.kind == Kind::Stopped => return Err(failure),
            Err(failure) => {
                left_out.insert(&stage.id);
                let (reason, hint) = (failure.to_string(), failure.hint.clone());
                voice.line(&format!("{}: failed: {reason}", stage.id));
                outcome.0.failed.push(Failed { stage: stage.id.clone(), reason, hint });
            }
        }
    }
    Ok(())
}

/// A mistake of ours in one language must not take the others with it.
fn contained(plan: &Plan, stage: &Stage, setting: &RunSetting<'_>) -> Outcome<Ran> {
    let ran = catch_unwind(AssertUnwindSafe(|| run_stage(plan, stage, setting)));
    ran.unwrap_or_else(|cause| {
        let text = cause.downcast_ref::<String>().map(String::as_str).or_else(|| cause.downcast_ref::<&str>().copied());
        let reason = format!("an internal error: {}", text.unwrap_or("unknown").replace('\n', " "));
        Err(Failure::new(Kind::Failed, reason).hint("this is a mistake of glossa; please report it"))
    })
}
