//! Bootstrapping a classifier for a language without labels: teachers guess the labels of its texts, students learn
//! the guesses, and students may teach the next round. Gold labels are read after all of that, in `scoring` alone:
//! what comes before is given texts and no way to labels.

mod noise;
mod page;
mod scoring;
mod students;
mod target;
mod teachers;

use std::path::{Path, PathBuf};

use glossa_base::{Failure, Kind, LanguageCode, Outcome, Progress};
use glossa_nn::DeviceChoice;
use glossa_recipes::Recipe;
use glossa_recipes::bootstrap::changed;
use glossa_text::labelled::Columns;
use serde::Serialize;

use crate::teacher::{self, TeacherFiles};
use crate::{Setting, Supervision};

pub use noise::{NoiseFiles, NoiseOutcome, noise};
pub use page::{gather, report};
pub use scoring::{Scored, Standing};

use students::Lessons;
use target::Target;

/// What bootstrapping reads.
#[derive(Clone, Copy)]
pub struct BootstrapFiles<'a> {
    /// Teachers' folders, classifiers' folders, or files of predictions for the unlabelled texts in their order.
    pub teachers: &'a [PathBuf],
    /// A teacher that is trained first.
    pub own_teacher: Option<TeacherFiles<'a>>,
    /// Texts of the target language; of tables the column of texts alone is read.
    pub unlabelled: &'a [PathBuf],
    /// Labelled texts of the target, few, that count more than guesses.
    pub gold: Option<&'a Path>,
    /// Labelled texts of the source language that students learn too, for students that read both languages.
    pub source: Option<&'a Path>,
    /// What students and teachers are scored on.
    pub test: Option<&'a Path>,
    /// Whether the test's texts are learned from as unlabelled ones.
    pub transductive: bool,
    /// Columns of all tables.
    pub columns: &'a Columns,
    /// The target language, by which texts in others are counted.
    pub language: Option<&'a LanguageCode>,
    /// Name of the task in signatures.
    pub task: Option<&'a str>,
}

/// What students start from.
#[derive(Clone, Copy)]
pub struct Student<'a> {
    /// A language model or encoder.
    pub model: &'a Path,
    /// How it is trained.
    pub recipe: &'a Recipe,
}

/// How bootstrapping runs.
#[derive(Clone, Copy)]
pub struct BootstrapSetting<'a> {
    /// Where everything appears; what is there and fits is not made again.
    pub out: &'a Path,
    /// Where to compute.
    pub device: DeviceChoice,
    /// The first seed.
    pub seed: u64,
    /// Whether language models are fine-tuned on the unlabelled texts first.
    pub finetune: bool,
    /// Who listens.
    pub progress: &'a dyn Progress,
    /// How trainings are watched and interrupted.
    pub supervision: &'a Supervision,
}

/// A round of students.
#[derive(Debug, Clone, Serialize)]
pub struct Round {
    /// Texts with a guess.
    pub guessed: usize,
    /// Texts that were learned from, copies and source not counted.
    pub learned: usize,
    /// Of the guesses, the share that differs from the round before.
    pub changed: Option<f64>,
    /// The students' folders.
    pub students: Vec<PathBuf>,
}

/// What bootstrapping came to.
#[derive(Debug, Clone, Serialize)]
pub struct BootstrapOutcome {
    /// The folder of everything.
    pub folder: PathBuf,
    /// The labels.
    pub labels: Vec<String>,
    /// What is known of the target's texts.
    pub target: target::TargetFacts,
    /// The rounds.
    pub rounds: Vec<Round>,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// Teachers and students on the test set.
    pub scored: Option<Scored>,
    /// The page.
    pub report: PathBuf,
}

/// Bootstraps students, and scores them and their teachers.
///
/// # Errors
/// Unreadable files, labels that do not fit, a selection that leaves nothing, a training that fails.
pub fn bootstrap(
    files: BootstrapFiles<'_>,
    students: &[Student<'_>],
    setting: BootstrapSetting<'_>,
) -> Outcome<BootstrapOutcome> {
    let Some(first) = students.first() else {
        return Err(Failure::new(Kind::Usage, "no student to teach").hint("give --student DIR: a language model"));
    };
    check_folder(setting.out)?;
    if let Some(test) = files.test {
        // That it is there is all that is asked of it before everything is learned.
        std::fs::metadata(test).map_err(|cause| Failure::io("read", test, cause))?;
    }
    let recipe = &first.recipe.bootstrap;
    let mut teachers = files.teachers.to_vec();
    if let Some(own) = files.own_teacher {
        let out = setting.out.join("teacher");
        let BootstrapSetting { device, seed, progress, supervision, .. } = setting;
        teacher::train_once(own, Setting { recipe: first.recipe, device, seed, out: &out, progress, supervision })?;
        teachers.push(out);
    }
    let files = BootstrapFiles { teachers: &teachers, ..files };
    let target = Target::read(files)?;
    let guessed = teachers::guess(files, &target, recipe, setting)?;
    let mut warnings = [target.warnings(), guessed.warnings].concat();
    let lessons = Lessons { files, target: &target, labels: &guessed.labels, recipe, setting };
    let starts = students::prepare(students, &target, setting)?;
    let (mut guesses, mut rounds) = (guessed.guesses, Vec::new());
    for round in 1..=recipe.rounds {
        let (lesson, learned) = lessons.write(round, &guesses, guessed.agreed.as_deref().filter(|_| round == 1))?;
        let folders = students::train(&starts, &lesson, round, (recipe, setting))?;
        rounds.push(Round { guessed: guesses.len(), learned, changed: None, students: folders.clone() });
        if round == recipe.rounds {
            break;
        }
        let next = students::guess(&folders, &target.texts, &guessed.labels, setting)?;
        let share = changed(&guesses, &next);
        if let Some(round) = rounds.last_mut() {
            round.changed = Some(share);
        }
        setting.progress.line(&format!("round {round}: {:.1} % of the guesses changed", 100.0 * share));
        if share < recipe.least_change {
            break;
        }
        guesses = next;
    }
    let last = rounds.last().map(|round| round.students.clone()).unwrap_or_default();
    let scored = scoring::score(files, &target, &guessed.labels, &last, (recipe, setting))?;
    if let Some(scored) = &scored {
        warnings.extend(scored.warnings.clone());
    }
    let mut outcome = BootstrapOutcome {
        folder: setting.out.to_path_buf(),
        labels: guessed.labels,
        target: target.facts,
        rounds,
        warnings,
        scored,
        report: setting.out.join(page::PAGE),
    };
    outcome.warnings.dedup();
    page::write(&outcome, files, students)?;
    Ok(outcome)
}

/// Refuses a folder of something else.
fn check_folder(out: &Path) -> Outcome<()> {
    let ours = |name: &str| {
        ["teacher", "guesses-", "lesson-", "students-", "finetuned-", "bootstrap", "scores", "."]
            .iter()
            .any(|known| name.starts_with(known))
    };
    if !out.is_dir() {
        return std::fs::create_dir_all(out).map_err(|cause| Failure::io("make", out, cause));
    }
    for entry in std::fs::read_dir(out).map_err(|cause| Failure::io("read", out, cause))? {
        let name = entry.map_err(|cause| Failure::io("read", out, cause))?.file_name();
        if !ours(&name.to_string_lossy()) {
            let problem = format!("{} holds {}, which no bootstrapping made", out.display(), name.to_string_lossy());
            return Err(Failure::data(problem).hint("choose another --out, or empty that folder yourself"));
        }
    }
    Ok(())
}
