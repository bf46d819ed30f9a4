//! The only place of bootstrapping that reads gold labels of the target: scores of teachers and students on a test
//! set, after all students are trained.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use glossa_base::atomic::{WholeFolder, write_file};
use glossa_base::hash::{sha256_file, sha256_hex};
use glossa_base::manifest::Manifest;
use glossa_base::{Failure, Outcome};
use glossa_eval::compare::{Agreement, Comparison, Options, Run, System, agreement_of, compare};
use glossa_eval::ensemble::{self, Direction, Member};
use glossa_eval::report::Provenance;
use glossa_eval::{Prediction, Report, ReportOptions, predictions};
use glossa_recipes::bootstrap::selection::average;
use glossa_recipes::recipe::BootstrapRecipe;
use glossa_text::labelled::{Example, read};
use serde::{Deserialize, Serialize};

use super::target::Target;
use super::teachers::{self, Answers, Others};
use super::{BootstrapFiles, BootstrapSetting, students};
use crate::provenance;
use crate::stage::{input, json, name_of};

/// The folder of scores in that of a bootstrapping.
pub(super) const SCORES: &str = "scores";
/// What it holds for `bootstrap report`.
pub(super) const INDEX: &str = "scores.json";
const FORMAT: u32 = 1;

/// The name of the students among systems.
pub(super) const STUDENT: &str = "student";

/// Texts that are shown where teacher and students differ.
const SHOWN: usize = 40;

/// One system's accuracy.
#[derive(Debug, Clone, Serialize)]
pub struct Standing {
    /// What it is.
    pub name: String,
    /// Accuracy of each seed.
    pub seeds: Vec<f64>,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation, where there are several.
    pub spread: Option<f64>,
    /// Of all seeds' answers together.
    pub together: Report,
}

/// A text on which the first teacher and the students differ.
#[derive(Debug, Clone, Serialize)]
pub struct Differing {
    /// The text.
    pub text: String,
    /// The right label.
    pub gold: String,
    /// What the teacher says.
    pub teacher: String,
    /// What the students say together.
    pub students: String,
}

/// Teachers and students on the test set.
#[derive(Debug, Clone, Serialize)]
pub struct Scored {
    /// The task's name.
    pub task: String,
    /// The teacher as it is, the teacher adapted to the target's texts, the students; the first two where a
    /// teacher can be asked.
    pub standings: Vec<Standing>,
    /// Students against each teacher.
    pub comparisons: Vec<Comparison>,
    /// How far the students agree with the first teacher.
    pub agreement: Option<Agreement>,
    /// Where they differ.
    pub differing: Vec<Differing>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// The files of a run's predictions, for reports over several runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Index {
    pub(super) format: u32,
    pub(super) task: String,
    /// Names of systems, and for each the files of its seeds.
    pub(super) systems: Vec<(String, Vec<(u64, String)>)>,
}

/// A system's predictions by seed.
struct Answered {
    name: String,
    runs: Vec<(u64, Vec<Prediction>)>,
    /// The mean over seeds.
    together: Vec<Prediction>,
    /// The recipe, where it was trained here.
    recipe: Option<String>,
    /// The models, where they were trained here.
    folders: Vec<PathBuf>,
}

impl Answered {
    fn new(name: &str, runs: Vec<(u64, Vec<Prediction>)>) -> Outcome<Self> {
        let member = |(seed, predictions): &(u64, Vec<Prediction>)| Member {
            fold: 0,
            seed: *seed,
            direction: Direction::Forward,
            predictions: predictions.clone(),
        };
        let together = ensemble::average(&runs.iter().map(member).collect::<Vec<_>>())?;
        Ok(Answered { name: name.to_owned(), runs, together, recipe: None, folders: Vec::new() })
    }
}

/// Scores everything; nothing without a test set.
pub(super) fn score(
    files: BootstrapFiles<'_>,
    target: &Target,
    labels: &[String],
    folders: &[PathBuf],
    (recipe, setting): (&BootstrapRecipe, BootstrapSetting<'_>),
) -> Outcome<Option<Scored>> {
    let Some(path) = files.test else { return Ok(None) };
    let gold = read(path, files.columns)?;
    let warnings = check_labels(&gold, labels, path)?;
    let texts: Vec<String> = gold.iter().map(|example| example.text.clone()).collect();
    let mut systems = Vec::new();
    if let Some(Others { plain, centred }) = teachers::guess_others(files, &texts, target, (recipe, setting))? {
        let named = [("teacher", Some(plain)), ("teacher, centred on the target's texts", centred)];
        for (name, answers) in named {
            let Some(Answers { labels, rows }) = answers else { continue };
            systems.push(Answered::new(name, vec![(setting.seed, predictions_of(&gold, &labels, &rows))])?);
        }
    }
    systems.push(answer(&gold, labels, folders, (recipe, setting))?);
    let scored = weigh(&systems, &gold, (files, setting), warnings)?;
    keep(&scored, &systems, path, setting)?;
    Ok(Some(scored))
}

/// Gold labels that no teacher knows are an error; labels that never come are worth a word.
fn check_labels(gold: &[Example], labels: &[String], path: &Path) -> Outcome<Vec<String>> {
    let found: std::collections::BTreeSet<&str> = gold.iter().map(|example| example.label.as_str()).collect();
    let strange: Vec<&str> = found.iter().copied().filter(|label| !labels.iter().any(|known| known == label)).collect();
    if !strange.is_empty() {
        let problem = format!("{} has the labels {strange:?}, which no teacher knows: {labels:?}", path.display());
        return Err(Failure::data(problem)
            .hint("give source and target the same labels, and run again: students that are trained are kept"));
    }
    let missing: Vec<&str> = labels.iter().map(String::as_str).filter(|label| !found.contains(label)).collect();
    Ok(if missing.is_empty() {
        Vec::new()
    } else {
        vec![format!("{} has no text with the labels {}", path.display(), missing.join(", "))]
    })
}

fn predictions_of(gold: &[Example], labels: &[String], rows: &[Vec<f64>]) -> Vec<Prediction> {
    let one = |(number, (example, row)): (usize, (&Example, &Vec<f64>))| {
        let guess = Prediction::from_probabilities(labels, row)?;
        Some(Prediction { id: Some((number + 1).to_string()), gold: Some(example.label.clone()), ..guess })
    };
    gold.iter().zip(rows).enumerate().filter_map(one).collect()
}

/// What students of each seed say: of several starts the mean.
fn answer(
    gold: &[Example],
    labels: &[String],
    folders: &[PathBuf],
    (recipe, setting): (&BootstrapRecipe, BootstrapSetting<'_>),
) -> Outcome<Answered> {
    let texts: Vec<String> = gold.iter().map(|example| example.text.clone()).collect();
    let mut runs = Vec::new();
    for seed in setting.seed..setting.seed + recipe.seeds as u64 {
        let ending = format!("-seed-{seed}");
        let own = folders.iter().filter(|folder| name_of(folder).ends_with(&ending));
        let rows: Vec<Vec<Vec<f64>>> =
            own.map(|folder| students::guess_one(folder, &texts, labels, setting)).collect::<Outcome<_>>()?;
        runs.push((seed, predictions_of(gold, labels, &average(&rows))));
    }
    let recipe = Some(sha256_hex(json(recipe)?.to_string().as_bytes()));
    Ok(Answered { recipe, folders: folders.to_vec(), ..Answered::new(STUDENT, runs)? })
}

fn weigh(
    systems: &[Answered],
    gold: &[Example],
    (files, setting): (BootstrapFiles<'_>, BootstrapSetting<'_>),
    warnings: Vec<String>,
) -> Outcome<Scored> {
    let test = files.test.map(name_of).unwrap_or_default();
    let task = files.task.map_or_else(|| files.language.map_or(test, ToString::to_string), str::to_owned);
    // Learning from the test's texts is allowed, never hidden.
    let note = if files.transductive { "+transductive" } else { "" };
    let few = if files.gold.is_some() { "+few-shot" } else { "" };
    let data = files.test.map(sha256_file).transpose()?;
    let standing = |system: &Answered| -> Outcome<Standing> {
        let seeds = system.runs.iter().map(|(seed, _)| *seed).collect();
        let (model, tokenizer) = provenance::hashes(&system.folders)?;
        let options = ReportOptions {
            task: Some(task.clone()),
            split: Some(format!("test{note}{few}")),
            seed: setting.seed,
            provenance: Provenance { data: data.clone(), recipe: system.recipe.clone(), model, tokenizer, seeds },
            ..ReportOptions::default()
        };
        let accuracy = |(_, run): &(u64, Vec<Prediction>)| -> Outcome<f64> {
            Ok(Report::of(run, &ReportOptions { resamples: 0, ..options.clone() })?.metrics.accuracy)
        };
        let seeds: Vec<f64> = system.runs.iter().map(accuracy).collect::<Outcome<_>>()?;
        let (mean, spread) = glossa_eval::compare::mean_and_spread(&seeds);
        Ok(Standing {
            name: system.name.clone(),
            seeds,
            mean,
            spread,
            together: Report::of(&system.together, &options)?,
        })
    };
    let standings: Vec<Standing> = systems.iter().map(standing).collect::<Outcome<_>>()?;
    let as_system = |answered: &Answered| {
        let run = |(seed, predictions): &(u64, Vec<Prediction>)| Run {
            task: task.clone(),
            seed: Some(*seed),
            predictions: predictions.clone(),
        };
        System { name: answered.name.clone(), runs: answered.runs.iter().map(run).collect() }
    };
    let Some((students, teachers)) = systems.split_last() else {
        return Err(Failure::data("there is nothing to score"));
    };
    let options = Options { seed: setting.seed, ..Options::default() };
    let against = |teacher: &Answered| Ok(compare(&as_system(students), &as_system(teacher), &options)?);
    let (agreement, differing) = match teachers.first() {
        Some(teacher) => {
            let (teacher, students) = (&teacher.together, &students.together);
            (Some(agreement_of(teacher, students)?), differing(gold, teacher, students))
        }
        None => (None, Vec::new()),
    };
    let comparisons = teachers.iter().map(against).collect::<Outcome<_>>()?;
    Ok(Scored { task: task.clone(), standings, comparisons, agreement, differing, warnings })
}

fn differing(gold: &[Example], teacher: &[Prediction], students: &[Prediction]) -> Vec<Differing> {
    let rows = gold.iter().zip(teacher.iter().zip(students));
    let differ = rows.filter(|(_, (teacher, students))| teacher.label != students.label);
    let row = |(example, (teacher, students)): (&Example, (&Prediction, &Prediction))| Differing {
        text: example.text.clone(),
        gold: example.label.clone(),
        teacher: teacher.label.clone(),
        students: students.label.clone(),
    };
    differ.take(SHOWN).map(row).collect()
}

/// Writes predictions and scores.
fn keep(scored: &Scored, systems: &[Answered], test: &Path, setting: BootstrapSetting<'_>) -> Outcome<()> {
    let folder = WholeFolder::create(&setting.out.join(SCORES))?;
    let mut index = Index { format: FORMAT, task: scored.task.clone(), systems: Vec::new() };
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for system in systems {
        let kind = if system.name == STUDENT { STUDENT } else { "teacher" };
        let number = names.entry(kind).and_modify(|number| *number += 1).or_insert(1);
        let mut files = Vec::new();
        for (seed, run) in &system.runs {
            let name = format!("{kind}-{number}-seed-{seed}.jsonl");
            predictions::write(&folder.path().join(&name), run)?;
            files.push((*seed, name));
        }
        index.systems.push((system.name.clone(), files));
    }
    let write =
        |name: &str, value: serde_json::Value| write_file(&folder.path().join(name), format!("{value:#}\n").as_bytes());
    write(INDEX, json(&index)?)?;
    write("report.json", json(scored)?)?;
    let mut manifest = Manifest::new("bootstrap-scores", setting.seed, serde_json::Value::Null);
    manifest.inputs = vec![input(test)?];
    manifest.write(folder.path())?;
    folder.commit()
}
