//! Pages on bootstrapping: of one run, and of several runs side by side, by language.

use std::path::{Path, PathBuf};

use glossa_base::atomic::write_file;
use glossa_base::{Failure, Outcome};
use glossa_eval::compare::{Comparison, Options, Run, System, compare, mean_and_spread};
use glossa_eval::{Report, ReportOptions, predictions};
use serde::Serialize;

use super::scoring::{INDEX, Index, SCORES, STUDENT, Scored, Standing};
use super::{BootstrapFiles, BootstrapOutcome, Student};
use crate::report::{Bar, Matrix, Page};
use crate::stage::name_of;

/// The page of a run.
pub(super) const PAGE: &str = "bootstrap.html";

/// Writes the page of a run.
pub(super) fn write(outcome: &BootstrapOutcome, files: BootstrapFiles<'_>, students: &[Student<'_>]) -> Outcome<()> {
    let lead = "Teachers guessed the labels of texts in a language without labels; students learned the guesses.";
    let mut page = Page::new("A classifier from a teacher's guesses", lead);
    for warning in &outcome.warnings {
        page.paragraph(&format!("Warning: {warning}."));
    }
    if let Some(scored) = &outcome.scored {
        standings(&mut page, &scored.standings);
        verdicts(&mut page, &scored.comparisons);
        differences(&mut page, scored);
    }
    page.section("What was learned");
    let mut facts = vec![
        ("Teachers", files.teachers.iter().map(|path| name_of(path)).collect::<Vec<_>>().join(", ")),
        ("Students start from", students.iter().map(|student| name_of(student.model)).collect::<Vec<_>>().join(", ")),
        ("Labels", outcome.labels.join(", ")),
        ("Texts without labels", outcome.target.texts.to_string()),
        ("Test texts among them", if outcome.target.transductive { "yes" } else { "no" }.to_owned()),
    ];
    if let Some(languages) = &outcome.target.languages {
        let others: u64 = languages.others.iter().map(|(_, count)| *count).sum();
        facts.push(("In other languages", format!("{others} of {} that are long enough to tell", languages.judged)));
    }
    page.facts(&facts);
    rounds(&mut page, outcome);
    if let Some(first) = students.first() {
        page.folded("Every setting", &first.recipe.to_toml());
    }
    write_file(&outcome.report, page.finish().as_bytes())
}

fn interval(report: &Report) -> String {
    let found = report.scores.first().and_then(|score| score.interval);
    found.map_or_else(String::new, |both| format!("{:.3} - {:.3}", both.low, both.high))
}

fn standings(page: &mut Page, standings: &[Standing]) {
    page.section("On the test set");
    let bar = |standing: &Standing| Bar {
        name: standing.name.clone(),
        value: standing.together.metrics.accuracy,
        interval: standing.together.scores.first().and_then(|score| score.interval).map(|both| (both.low, both.high)),
        strong: standing.name == STUDENT,
    };
    page.bars("Accuracy; of students the mean of all seeds' answers", &standings.iter().map(bar).collect::<Vec<_>>());
    let row = |standing: &Standing| {
        let seeds: Vec<String> = standing.seeds.iter().map(|value| format!("{value:.3}")).collect();
        let spread = standing.spread.map_or_else(String::new, |spread| format!("{spread:.3}"));
        let together = &standing.together;
        vec![
            standing.name.clone(),
            seeds.join(", "),
            format!("{:.3}", standing.mean),
            spread,
            format!("{:.3}", together.metrics.accuracy),
            interval(together),
            format!("{:.3}", together.metrics.macro_average.f1),
        ]
    };
    let head = ["", "each seed", "mean", "deviation", "together", "95 % interval", "macro F1"];
    page.table(&head, &standings.iter().map(row).collect::<Vec<_>>());
    if let Some(score) = standings.last().and_then(|standing| standing.together.scores.first()) {
        page.code(&score.signature);
    }
}

fn verdicts(page: &mut Page, comparisons: &[Comparison]) {
    for comparison in comparisons {
        page.paragraph(&comparison.words);
    }
}

fn differences(page: &mut Page, scored: &Scored) {
    for standing in &scored.standings {
        let confusion = &standing.together.confusion;
        page.section(&format!("What is taken for what: {}", standing.name));
        page.matrix(&Matrix {
            caption: "Texts by right and by predicted label",
            down: "right",
            across: "predicted",
            labels: &confusion.labels,
            counts: &confusion.counts,
        });
    }
    let Some(agreement) = &scored.agreement else { return };
    page.section("Where students and teacher differ");
    let mut facts = vec![
        ("Same answer", format!("{:.1} %", 100.0 * agreement.share)),
        ("Beyond chance (kappa)", format!("{:.3}", agreement.kappa)),
    ];
    if let Some(right) = agreement.right {
        facts.push(("Both right", right.both.to_string()));
        facts.push(("Only the teacher right", right.left_only.to_string()));
        facts.push(("Only the students right", right.right_only.to_string()));
        facts.push(("Neither right", right.neither.to_string()));
    }
    page.facts(&facts);
    let row = |one: &super::scoring::Differing| {
        (vec![one.gold.clone(), one.teacher.clone(), one.students.clone()], one.text.clone())
    };
    let rows: Vec<(Vec<String>, String)> = scored.differing.iter().map(row).collect();
    page.remarked_table(&["right", "teacher", "students"], &rows);
}

fn rounds(page: &mut Page, outcome: &BootstrapOutcome) {
    let row = |(number, round): (usize, &super::Round)| {
        let changed = round.changed.map_or_else(String::new, |share| format!("{:.1} %", 100.0 * share));
        vec![
            (number + 1).to_string(),
            round.guessed.to_string(),
            round.learned.to_string(),
            round.students.len().to_string(),
            changed,
        ]
    };
    let head = ["round", "texts", "guesses learned", "students", "guesses changed by them"];
    page.table(&head, &outcome.rounds.iter().enumerate().map(row).collect::<Vec<_>>());
}

/// Several runs side by side.
#[derive(Debug, Clone, Serialize)]
pub struct Gathered {
    /// A row a task: its name, and each system's name, mean and deviation over seeds, and 95 % interval.
    pub tasks: Vec<GatheredTask>,
    /// Students against teachers over all tasks together.
    pub comparisons: Vec<Comparison>,
    /// On how many tasks the students' mean is above the teacher's.
    pub won: usize,
}

/// One run among several.
#[derive(Debug, Clone, Serialize)]
pub struct GatheredTask {
    /// The task.
    pub task: String,
    /// The systems.
    pub systems: Vec<GatheredSystem>,
}

/// One system of a run.
#[derive(Debug, Clone, Serialize)]
pub struct GatheredSystem {
    /// What it is.
    pub name: String,
    /// Mean accuracy over seeds.
    pub mean: f64,
    /// Deviation over seeds.
    pub spread: Option<f64>,
    /// 95 % interval of the first seed's accuracy over texts.
    pub interval: Option<(f64, f64)>,
}

/// Reads the scores of several runs. Tasks whose texts are the same sentences in other languages are compared
/// jointly, sentence by sentence.
///
/// # Errors
/// A folder without scores, or damaged ones; runs with other systems or seeds.
pub fn gather(runs: &[PathBuf], seed: u64) -> Outcome<Gathered> {
    let mut systems: Vec<System> = Vec::new();
    let mut tasks = Vec::new();
    for run in runs {
        let folder = run.join(SCORES);
        let index = read_index(&folder)?;
        let mut row = GatheredTask { task: index.task.clone(), systems: Vec::new() };
        for (name, files) in &index.systems {
            let own: Vec<Run> = files
                .iter()
                .map(|(seed, file)| {
                    let predictions = predictions::read(&folder.join(file))?;
                    Ok(Run { task: index.task.clone(), seed: Some(*seed), predictions })
                })
                .collect::<Outcome<_>>()?;
            row.systems.push(gathered(name, &own)?);
            match systems.iter_mut().find(|system| system.name == *name) {
                Some(system) => system.runs.extend(own),
                None => systems.push(System { name: name.clone(), runs: own }),
            }
        }
        tasks.push(row);
    }
    let options = Options { seed, ..Options::default() };
    let students = systems.iter().find(|system| system.name == STUDENT);
    let teachers = systems.iter().filter(|system| system.name != STUDENT);
    let comparisons = match students {
        Some(students) => {
            teachers.map(|teacher| Ok(compare(students, teacher, &options)?)).collect::<Outcome<Vec<_>>>()?
        }
        None => Vec::new(),
    };
    let won = comparisons.first().map_or(0, |first| first.tasks.iter().filter(|task| task.difference > 0.0).count());
    Ok(Gathered { tasks, comparisons, won })
}

fn read_index(folder: &Path) -> Outcome<Index> {
    let path = folder.join(INDEX);
    let bytes = std::fs::read(&path).map_err(|cause| {
        Failure::io("read", &path, cause).hint("give folders of `glossa bootstrap` with --test; they hold scores/")
    })?;
    let damaged = |cause| Failure::data(format!("{} is damaged", path.display())).because(cause);
    let index: Index = serde_json::from_slice(&bytes).map_err(damaged)?;
    let inside = |name: &String| !name.contains(['/', '\\']) && !name.starts_with('.');
    if !index.systems.iter().flat_map(|(_, files)| files).all(|(_, name)| inside(name)) {
        return Err(Failure::data(format!("{} names files elsewhere", path.display())).hint("score the run again"));
    }
    Ok(index)
}

fn gathered(name: &str, runs: &[Run]) -> Outcome<GatheredSystem> {
    let reports: Vec<Report> =
        runs.iter().map(|run| Ok(Report::of(&run.predictions, &ReportOptions::default())?)).collect::<Outcome<_>>()?;
    let accuracies: Vec<f64> = reports.iter().map(|report| report.metrics.accuracy).collect();
    let (mean, spread) = mean_and_spread(&accuracies);
    let first = reports.first().and_then(|report| report.scores.first()).and_then(|score| score.interval);
    Ok(GatheredSystem { name: name.to_owned(), mean, spread, interval: first.map(|both| (both.low, both.high)) })
}

impl Gathered {
    /// A row a task: each system with its deviation.
    fn rows(&self) -> Vec<Vec<String>> {
        let cell = |system: &GatheredSystem| {
            let spread = system.spread.map_or_else(String::new, |spread| format!(" ± {spread:.3}"));
            format!("{:.3}{spread}", system.mean)
        };
        let row = |task: &GatheredTask| {
            std::iter::once(task.task.clone()).chain(task.systems.iter().map(cell)).collect::<Vec<String>>()
        };
        self.tasks.iter().map(row).collect()
    }

    fn head(&self) -> Vec<&str> {
        let systems = self.tasks.first().into_iter().flat_map(|task| &task.systems);
        std::iter::once("task").chain(systems.map(|system| system.name.as_str())).collect()
    }

    /// The table and the verdicts as text.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n", self.head().join("  |  "));
        for row in self.rows() {
            text.push_str(&row.join("  |  "));
            text.push('\n');
        }
        text.push_str(&format!("\nstudents ahead of the teacher on {} of {} tasks\n", self.won, self.tasks.len()));
        for comparison in &self.comparisons {
            text.push_str(&format!("{}\n", comparison.words));
        }
        text.trim_end().to_owned()
    }
}

/// Writes the page of several runs.
///
/// # Errors
/// What the disk says.
pub fn report(gathered: &Gathered, out: &Path) -> Outcome<()> {
    let lead = "Teachers and the students that learned their guesses, by language. Intervals are over texts; deviations \
                over seeds.";
    let mut page = Page::new("Teachers and students", lead);
    page.section("Accuracy");
    page.table(&gathered.head(), &gathered.rows());
    page.paragraph(&format!(
        "The students' mean is above the teacher's on {} of {} tasks.",
        gathered.won,
        gathered.tasks.len()
    ));
    verdicts(&mut page, &gathered.comparisons);
    page.section("By language");
    for task in &gathered.tasks {
        let bar = |system: &GatheredSystem| Bar {
            name: system.name.clone(),
            value: system.mean,
            interval: system.interval,
            strong: system.name == STUDENT,
        };
        page.bars(&task.task, &task.systems.iter().map(bar).collect::<Vec<_>>());
    }
    write_file(out, page.finish().as_bytes())
}
