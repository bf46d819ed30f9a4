//! Students: language models, fine-tuned on the target's texts, that learn the guesses; and what they guess in
//! their turn. Every folder that is there and fits is kept.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use glossa_base::atomic::WholeFolder;
use glossa_base::manifest::Manifest;
use glossa_base::seed::{Purpose, Stream};
use glossa_base::{Failure, Outcome};
use glossa_recipes::bootstrap::selection::average;
use glossa_recipes::bootstrap::{Threshold, harden, select};
use glossa_recipes::recipe::{BootstrapRecipe, PseudoLabelKind};
use glossa_text::labelled::{Columns, Example, SoftExample, read, write_soft};

use super::target::Target;
use super::teachers::Answers;
use super::{BootstrapFiles, BootstrapSetting, Student};
use crate::classifier::{self, LabelledFiles, Start};
use crate::labels::{LabelForm, Labels};
use crate::language_model::{self, TaskTexts};
use crate::setting::Setting;
use crate::stage::{input, json};

/// What rounds have in common.
pub(super) struct Lessons<'a> {
    pub(super) files: BootstrapFiles<'a>,
    pub(super) target: &'a Target,
    pub(super) labels: &'a [String],
    pub(super) recipe: &'a BootstrapRecipe,
    pub(super) setting: BootstrapSetting<'a>,
}

/// What a round's students learn from, as files.
pub(super) struct Lesson {
    train: PathBuf,
    valid: Option<PathBuf>,
}

impl Lessons<'_> {
    /// Selects guesses, adds gold and source, and writes the round's lesson; also how many guesses are learned.
    pub(super) fn write(
        &self,
        round: usize,
        guesses: &[Vec<f64>],
        agreed: Option<&[bool]>,
    ) -> Outcome<(Lesson, usize)> {
        let chosen = self.choose(guesses, agreed)?;
        let (held, learned): (Vec<usize>, Vec<usize>) = chosen.into_iter().partition(|text| self.is_held(*text));
        let train: Vec<SoftExample> =
            learned.iter().filter_map(|text| self.guess(*text, guesses)).chain(self.sure()?).collect();
        let valid: Vec<SoftExample> = held.iter().filter_map(|text| self.guess(*text, guesses)).collect();
        let out = self.setting.out.join(format!("lesson-{round}"));
        let folder = WholeFolder::create(&out)?;
        write_soft(&folder.path().join("train.jsonl"), &train)?;
        if !valid.is_empty() {
            write_soft(&folder.path().join("valid.jsonl"), &valid)?;
        }
        let mut manifest = Manifest::new("lesson", self.setting.seed, json(self.recipe)?);
        manifest.inputs =
            [self.files.gold, self.files.source].into_iter().flatten().map(input).collect::<Outcome<_>>()?;
        manifest.write(folder.path())?;
        folder.commit()?;
        let valid = (!valid.is_empty()).then(|| out.join("valid.jsonl"));
        Ok((Lesson { train: out.join("train.jsonl"), valid }, learned.len()))
    }

    fn choose(&self, guesses: &[Vec<f64>], agreed: Option<&[bool]>) -> Outcome<Vec<usize>> {
        let threshold = Threshold { share: self.recipe.share, confidence: self.recipe.confidence };
        let mut chosen = select(guesses, threshold);
        if let Some(agreed) = agreed.filter(|_| self.recipe.agreement) {
            chosen.retain(|text| agreed.get(*text).copied().unwrap_or(false));
        }
        if chosen.len() >= 2 {
            return Ok(chosen);
        }
        let highest = guesses.iter().flatten().copied().fold(0.0, f64::max);
        let problem = format!("{} of {} guesses are sure enough to learn from", chosen.len(), guesses.len());
        Err(Failure::data(problem).hint(format!(
            "the surest guess has {highest:.3}: lower bootstrap.confidence, raise bootstrap.share, or set \
             bootstrap.agreement=false"
        )))
    }

    /// Whether a text judges epochs instead of being learned from.
    fn is_held(&self, text: usize) -> bool {
        let stream = Stream::new(self.setting.seed, Purpose::Split, 0, 0);
        f64::from(stream.uniform(text as u64)) < self.recipe.valid_share
    }

    fn guess(&self, text: usize, guesses: &[Vec<f64>]) -> Option<SoftExample> {
        let row = guesses.get(text)?;
        let row = match self.recipe.labels {
            PseudoLabelKind::Hard => harden(row),
            PseudoLabelKind::Soft => row.clone(),
        };
        SoftExample::new(self.target.texts.get(text)?.clone(), self.named(&row))
    }

    fn named(&self, row: &[f64]) -> BTreeMap<String, f64> {
        self.labels.iter().cloned().zip(row.iter().copied()).collect()
    }

    /// Texts with labels that are known: few of the target, as often as the recipe says, and the source's.
    fn sure(&self) -> Outcome<Vec<SoftExample>> {
        let mut sure = Vec::new();
        for (path, copies) in [(self.files.gold, self.recipe.gold_copies), (self.files.source, 1)] {
            let Some(path) = path else { continue };
            let examples = read(path, self.files.columns)?;
            Labels::single(self.labels.to_vec()).targets(&examples, path)?;
            let one = |example: &Example| {
                let shares =
                    self.labels.iter().map(|label| (label.clone(), f64::from(u8::from(*label == example.label))));
                SoftExample::new(example.text.clone(), shares.collect())
            };
            let examples: Vec<SoftExample> = examples.iter().filter_map(one).collect();
            (0..copies).for_each(|_| sure.extend(examples.iter().cloned()));
        }
        Ok(sure)
    }
}

/// Where a student starts, after fine-tuning.
pub(super) struct Prepared<'a> {
    model: PathBuf,
    student: Student<'a>,
}

fn of_student<'a>(student: Student<'a>, out: &'a Path, seed: u64, setting: BootstrapSetting<'a>) -> Setting<'a> {
    let BootstrapSetting { device, progress, supervision, .. } = setting;
    Setting { recipe: student.recipe, device, seed, out, progress, supervision }
}

/// Fine-tunes language models on the target's texts, where that is wanted.
pub(super) fn prepare<'a>(
    students: &[Student<'a>],
    target: &Target,
    setting: BootstrapSetting<'a>,
) -> Outcome<Vec<Prepared<'a>>> {
    let texts = setting.out.join("finetuned-texts");
    let one = |(index, student): (usize, &Student<'a>)| {
        let kept = |model: &Path| Prepared { model: model.to_path_buf(), student: *student };
        if !setting.finetune || !language_model::is_language_model(student.model) {
            return Ok(kept(student.model));
        }
        let out = setting.out.join(format!("finetuned-{}", index + 1));
        let file = texts.join("texts.jsonl");
        write_texts(&texts, target, setting)?;
        let task = TaskTexts { train: std::slice::from_ref(&file), valid: None, column: None };
        language_model::finetune_once(student.model, &task, of_student(*student, &out, setting.seed, setting))?;
        Ok(kept(&out))
    };
    students.iter().enumerate().map(one).collect()
}

/// The target's texts in a table of their own: what is fine-tuned on cannot hold labels.
fn write_texts(out: &Path, target: &Target, setting: BootstrapSetting<'_>) -> Outcome<()> {
    let folder = WholeFolder::create(out)?;
    let mut lines = String::new();
    for text in &target.texts {
        lines.push_str(&serde_json::json!({"text": text}).to_string());
        lines.push('\n');
    }
    glossa_base::atomic::write_file(&folder.path().join("texts.jsonl"), lines.as_bytes())?;
    Manifest::new("texts", setting.seed, serde_json::Value::Null).write(folder.path())?;
    folder.commit()
}

/// Trains the students of a round, each start with each seed.
pub(super) fn train(
    starts: &[Prepared<'_>],
    lesson: &Lesson,
    round: usize,
    (recipe, setting): (&BootstrapRecipe, BootstrapSetting<'_>),
) -> Outcome<Vec<PathBuf>> {
    let place = setting.out.join(format!("students-{round}"));
    std::fs::create_dir_all(&place).map_err(|cause| Failure::io("make", &place, cause))?;
    let mut folders = Vec::new();
    for (index, start) in starts.iter().enumerate() {
        for seed in setting.seed..setting.seed + recipe.seeds as u64 {
            let out = place.join(folder_name(index, seed));
            train_one(start, lesson, of_student(start.student, &out, seed, setting))?;
            folders.push(out);
        }
    }
    Ok(folders)
}

/// A student's folder, by its start and seed.
pub(super) fn folder_name(start: usize, seed: u64) -> String {
    format!("student-{}-seed-{seed}", start + 1)
}

fn train_one(start: &Prepared<'_>, lesson: &Lesson, setting: Setting<'_>) -> Outcome<()> {
    let columns = Columns { text: Some("text".to_owned()), label: Some("label".to_owned()), ..Columns::default() };
    let files = LabelledFiles {
        train: &lesson.train,
        valid: lesson.valid.as_deref(),
        test: None,
        columns: &columns,
        form: LabelForm { soft: true, ..LabelForm::default() },
        fold: None,
    };
    classifier::train_once(&Start::LanguageModel(&start.model), &files, setting)
}

/// The mean of what students guess, with columns in the order of the labels.
pub(super) fn guess(
    folders: &[PathBuf],
    texts: &[String],
    labels: &[String],
    setting: BootstrapSetting<'_>,
) -> Outcome<Vec<Vec<f64>>> {
    let all: Vec<Vec<Vec<f64>>> =
        folders.iter().map(|folder| guess_one(folder, texts, labels, setting)).collect::<Outcome<_>>()?;
    Ok(average(&all))
}

/// What one student guesses.
pub(super) fn guess_one(
    folder: &Path,
    texts: &[String],
    labels: &[String],
    setting: BootstrapSetting<'_>,
) -> Outcome<Vec<Vec<f64>>> {
    let answered = classifier::answer(folder, texts, '|', setting.device, setting.progress)?;
    Answers { labels: answered.labels.names, rows: answered.rows }.in_order(labels, folder)
}
