//! What teachers guess of the target's texts, and of the test set's when it is scored: the mean over teachers,
//! corrected for the shares of classes.

use std::path::{Path, PathBuf};

use glossa_base::atomic::{WholeFolder, write_file};
use glossa_base::manifest::Manifest;
use glossa_base::{Failure, Kind, Outcome, Progress};
use glossa_eval::{Prediction, predictions};
use glossa_nn::{DeviceChoice, Problem};
use glossa_recipes::best_class;
use glossa_recipes::bootstrap::selection::{agreed, average};
use glossa_recipes::bootstrap::{soften, with_prior};
use glossa_recipes::recipe::{BootstrapRecipe, PriorKind};
use serde::{Deserialize, Serialize};

use super::target::Target;
use super::{BootstrapFiles, BootstrapSetting};
use crate::classifier;
use crate::stage::{input, is_done, json};
use crate::teacher::{HeadTeacher, Seen};

/// Above this share of unknown pieces a person is warned.
const UNKNOWN_SHARE: f64 = 0.2;

const FILE: &str = "guesses.json";
const FORMAT: u32 = 1;

/// What teachers guess.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Guessed {
    format: u32,
    /// The labels in order.
    pub(super) labels: Vec<String>,
    /// The share of each label, text by text.
    pub(super) guesses: Vec<Vec<f64>>,
    /// Whether all teachers say the same, where there are several.
    pub(super) agreed: Option<Vec<bool>>,
    /// What a person should know.
    pub(super) warnings: Vec<String>,
}

/// Guesses of all teachers for the target's texts; kept in a folder.
pub(super) fn guess(
    files: BootstrapFiles<'_>,
    target: &Target,
    recipe: &BootstrapRecipe,
    setting: BootstrapSetting<'_>,
) -> Outcome<Guessed> {
    if files.teachers.is_empty() {
        return Err(Failure::new(Kind::Usage, "there is no teacher")
            .hint("give --teacher: a folder of `teacher train`, a classifier's folder, or a file of predictions"));
    }
    let out = setting.out.join("guesses-1");
    let manifest = manifest(files, recipe, setting)?;
    if !is_done(&out, &manifest) {
        let guessed = ask(files, target, recipe, setting)?;
        let folder = WholeFolder::create(&out)?;
        write_file(&folder.path().join(FILE), json(&guessed)?.to_string().as_bytes())?;
        manifest.write(folder.path())?;
        folder.commit()?;
    }
    // Always from the file: a number that was written and read may differ in its last bit.
    let path = out.join(FILE);
    let bytes = std::fs::read(&path).map_err(|cause| Failure::io("read", &path, cause))?;
    let guessed: Guessed = serde_json::from_slice(&bytes).map_err(|cause| {
        Failure::data(format!("{} is damaged", path.display())).because(cause).hint("remove its folder, and run again")
    })?;
    if guessed.guesses.len() != target.texts.len() {
        return Err(Failure::data(format!("{} has guesses for other texts", path.display()))
            .hint("remove its folder, and run again"));
    }
    Ok(guessed)
}

fn manifest(files: BootstrapFiles<'_>, recipe: &BootstrapRecipe, setting: BootstrapSetting<'_>) -> Outcome<Manifest> {
    let BootstrapRecipe { centre, temperature, prior, .. } = recipe;
    let config = serde_json::json!({"centre": centre, "temperature": temperature, "prior": prior,
        "text_column": files.columns.text, "transductive": files.transductive});
    let mut manifest = Manifest::new("guesses", setting.seed, config);
    let paths = files.teachers.iter().chain(files.unlabelled).map(PathBuf::as_path);
    let paths = paths.chain(files.test.filter(|_| files.transductive));
    manifest.inputs = paths.map(input).collect::<Outcome<_>>()?;
    Ok(manifest)
}

fn ask(
    files: BootstrapFiles<'_>,
    target: &Target,
    recipe: &BootstrapRecipe,
    setting: BootstrapSetting<'_>,
) -> Outcome<Guessed> {
    let mut warnings = Vec::new();
    let (mut labels, mut all, mut shares) = (Vec::new(), Vec::new(), None);
    for path in files.teachers {
        let answers = if path.is_file() {
            of_file(path, target.texts.len())?
        } else {
            let teacher = Teacher::open(path, setting.device)?;
            warnings.extend(teacher.warning(&target.texts)?);
            shares = shares.or(teacher.shares());
            teacher.answer(&target.texts, recipe, setting.progress)?
        };
        if labels.is_empty() {
            labels = answers.labels.clone();
        }
        all.push(answers.in_order(&labels, path)?);
    }
    let agreed = (all.len() > 1).then(|| agreed(&all));
    let known = shares.unwrap_or_else(|| vec![1.0 / labels.len().max(1) as f64; labels.len()]);
    let guesses = with_prior(average(&all), recipe.prior, &known);
    warnings.extend(never_guessed(&labels, &guesses));
    for warning in &warnings {
        setting.progress.line(&format!("warning: {warning}"));
    }
    Ok(Guessed { format: FORMAT, labels, guesses, agreed, warnings })
}

fn never_guessed(labels: &[String], guesses: &[Vec<f64>]) -> Option<String> {
    let mut counts = vec![0_usize; labels.len()];
    for row in guesses {
        counts.get_mut(best_class(row)).into_iter().for_each(|count| *count += 1);
    }
    let never: Vec<&str> =
        labels.iter().zip(&counts).filter(|(_, count)| **count == 0).map(|(label, _)| label.as_str()).collect();
    (!never.is_empty()).then(|| {
        format!(
            "no text is guessed to be {}: students cannot learn it; give texts that have it, soft labels, or \
             --set bootstrap.prior=source",
            never.join(", ")
        )
    })
}

/// Guesses under the names of their labels.
#[derive(Clone)]
pub(super) struct Answers {
    pub(super) labels: Vec<String>,
    pub(super) rows: Vec<Vec<f64>>,
}

impl Answers {
    /// The rows with their columns in the order of some labels.
    pub(super) fn in_order(&self, labels: &[String], place: &Path) -> Outcome<Vec<Vec<f64>>> {
        let column = |label: &String| self.labels.iter().position(|own| own == label);
        let columns: Option<Vec<usize>> = labels.iter().map(column).collect();
        let Some(columns) = columns.filter(|columns| columns.len() == self.labels.len()) else {
            let problem = format!("{} has other labels: {:?} instead of {labels:?}", place.display(), self.labels);
            return Err(Failure::data(problem).hint("all teachers must know the same labels"));
        };
        let row = |row: &Vec<f64>| columns.iter().filter_map(|column| row.get(*column).copied()).collect();
        Ok(self.rows.iter().map(row).collect())
    }
}

/// Predictions of any system, one a text.
fn of_file(path: &Path, count: usize) -> Outcome<Answers> {
    let found = predictions::read(path)?;
    if found.len() != count {
        let problem = format!("{} has {} predictions for {count} texts", path.display(), found.len());
        return Err(Failure::data(problem).hint("one prediction a text, in the order of the unlabelled files"));
    }
    Ok(shares_of(&found))
}

/// The shares of predictions; one without probabilities is sure of its label.
fn shares_of(found: &[Prediction]) -> Answers {
    let names = |row: &Prediction| -> Vec<String> {
        std::iter::once(row.label.clone()).chain(row.probabilities.keys().cloned()).collect()
    };
    let labels: std::collections::BTreeSet<String> = found.iter().flat_map(names).collect();
    let share = |row: &Prediction, label: &String| match row.probabilities.get(label) {
        Some(share) => *share,
        None if row.probabilities.is_empty() && row.label == *label => 1.0,
        None => 0.0,
    };
    let rows = found.iter().map(|row| labels.iter().map(|label| share(row, label)).collect()).collect();
    Answers { labels: labels.into_iter().collect(), rows }
}

/// A teacher that can be asked.
enum Teacher {
    /// A head on vectors.
    Head(Box<HeadTeacher>),
    /// A classifier of any kind.
    Classifier(PathBuf, DeviceChoice),
}

impl Teacher {
    fn open(path: &Path, device: DeviceChoice) -> Outcome<Self> {
        if HeadTeacher::is(path) {
            return Ok(Teacher::Head(Box::new(HeadTeacher::open(path, device)?)));
        }
        Ok(Teacher::Classifier(path.to_path_buf(), device))
    }

    fn warning(&self, texts: &[String]) -> Outcome<Option<String>> {
        let Teacher::Head(head) = self else { return Ok(None) };
        let share = head.unknown_share(texts)?;
        Ok((share > UNKNOWN_SHARE).then(|| {
            format!(
                "the teacher's encoder does not know {:.0} % of the pieces of these texts: its guesses are worth \
                 little; choose an encoder that was trained on this script",
                100.0 * share
            )
        }))
    }

    fn shares(&self) -> Option<Vec<f64>> {
        match self {
            Teacher::Head(head) => Some(head.shares().to_vec()),
            Teacher::Classifier(..) => None,
        }
    }

    /// Guesses for the target's own texts, by which vectors are centred where the recipe wants it.
    fn answer(&self, texts: &[String], recipe: &BootstrapRecipe, progress: &dyn Progress) -> Outcome<Answers> {
        match self {
            Teacher::Head(head) => {
                let seen = head.see(texts, progress)?;
                Ok(head_answers(head, &seen, recipe.centre.then_some(&seen)))
            }
            Teacher::Classifier(path, device) => classified(path, texts, *device, recipe, progress),
        }
    }

    /// Guesses for other texts: as the teacher is, and where `centre` has the target's texts, centred on them.
    fn answer_others(
        &self,
        texts: &[String],
        centre: Option<&[String]>,
        recipe: &BootstrapRecipe,
        progress: &dyn Progress,
    ) -> Outcome<(Answers, Option<Answers>)> {
        match self {
            Teacher::Head(head) => {
                let seen = head.see(texts, progress)?;
                let centre = centre.map(|texts| head.see(texts, progress)).transpose()?;
                let centred = centre.map(|centre| head_answers(head, &seen, Some(&centre)));
                Ok((head_answers(head, &seen, None), centred))
            }
            Teacher::Classifier(path, device) => {
                let answers = classified(path, texts, *device, recipe, progress)?;
                Ok((answers.clone(), centre.map(|_| answers)))
            }
        }
    }
}

fn head_answers(head: &HeadTeacher, seen: &Seen, centre: Option<&Seen>) -> Answers {
    Answers { labels: head.labels().to_vec(), rows: head.guess(seen, centre) }
}

fn classified(
    path: &Path,
    texts: &[String],
    device: DeviceChoice,
    recipe: &BootstrapRecipe,
    progress: &dyn Progress,
) -> Outcome<Answers> {
    let answered = classifier::answer(path, texts, '|', device, progress)?;
    if answered.labels.problem() != Problem::SingleLabel {
        let problem = format!("{} does not give one label a text", path.display());
        return Err(Failure::data(problem).hint("teach with a classifier of one label a text"));
    }
    let temperature = if recipe.temperature > 0.0 { recipe.temperature } else { 1.0 };
    let rows = answered.rows.iter().map(|row| soften(row, temperature)).collect();
    Ok(Answers { labels: answered.labels.names, rows })
}

/// What all teachers guess together of other texts than the unlabelled ones.
pub(super) struct Others {
    /// As they are.
    pub(super) plain: Answers,
    /// Centred on the target's texts, as students were taught; nothing where that changes nothing.
    pub(super) centred: Option<Answers>,
}

/// The mean of all teachers, each opened and asked once; nothing where one is a file.
pub(super) fn guess_others(
    files: BootstrapFiles<'_>,
    texts: &[String],
    target: &Target,
    (recipe, setting): (&BootstrapRecipe, BootstrapSetting<'_>),
) -> Outcome<Option<Others>> {
    let heads = files.teachers.iter().any(|path| HeadTeacher::is(path));
    let adapts = recipe.centre && heads && recipe.prior == PriorKind::Keep;
    let centre = adapts.then_some(target.texts.as_slice());
    let (mut labels, mut plain, mut centred) = (Vec::new(), Vec::new(), Vec::new());
    for path in files.teachers {
        if path.is_file() {
            return Ok(None);
        }
        let (own, other) =
            Teacher::open(path, setting.device)?.answer_others(texts, centre, recipe, setting.progress)?;
        if labels.is_empty() {
            labels = own.labels.clone();
        }
        plain.push(own.in_order(&labels, path)?);
        centred.extend(other.map(|other| other.in_order(&labels, path)).transpose()?);
    }
    let mean = |all: &[Vec<Vec<f64>>]| Answers { labels: labels.clone(), rows: average(all) };
    Ok(Some(Others { plain: mean(&plain), centred: adapts.then(|| mean(&centred)) }))
}
