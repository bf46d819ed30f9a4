//! Teachers: a cross-lingual encoder with a head on its sentence vectors, trained on the source language and kept
//! as a folder. The encoder stays where it is; the folder names it and its hash.

mod adapt;

use std::path::{Path, PathBuf};

use glossa_base::atomic::{WholeFolder, write_file};
use glossa_base::manifest::Manifest;
use glossa_base::{Failure, Outcome, Progress};
use glossa_eval::{Prediction, Report, ReportOptions, calibration};
use glossa_nn::kernels::Pooling;
use glossa_nn::{DeviceChoice, Problem, Targets};
use glossa_recipes::bootstrap::{soften, temperature};
use glossa_recipes::recipe::BootstrapRecipe;
use glossa_recipes::teacher::{Lesson, Rows, Standard, TeacherHead};
use glossa_text::labelled::{Columns, Example, read};
use serde::{Deserialize, Serialize};

use crate::embedding::{EmbedOptions, TextEncoder};
use crate::labels::Labels;
use crate::stage::{check_output, input, is_done};
use crate::{LabelForm, Setting};

pub use adapt::{AdaptFiles, AdaptOutcome, ParallelFiles, adapt};

/// The file of a teacher's folder.
pub const TEACHER: &str = "teacher.json";

const FORMAT: u32 = 1;

/// What a teacher learns from.
#[derive(Clone, Copy)]
pub struct TeacherFiles<'a> {
    /// The folder of the encoder.
    pub encoder: &'a Path,
    /// How texts become vectors.
    pub embedding: &'a EmbedOptions,
    /// Whether each sentence of a text gets a vector of its own, and their mean is the text's (LASER).
    pub sentences: bool,
    /// Labelled texts of the source language.
    pub train: &'a Path,
    /// Labelled texts by which the temperature, and an MLP's epoch, are chosen.
    pub valid: Option<&'a Path>,
    /// Columns of both.
    pub columns: &'a Columns,
}

/// What training a teacher came to.
#[derive(Debug, Clone, Serialize)]
pub struct TeacherOutcome {
    /// The teacher's folder.
    pub folder: PathBuf,
    /// The labels it knows.
    pub labels: Vec<String>,
    /// What its guesses are softened by.
    pub temperature: f64,
    /// On the source's validation set, where there is one.
    pub valid: Option<Report>,
    /// Expected calibration error there, before the temperature and after.
    pub calibration_error: Option<[f64; 2]>,
}

/// A teacher as its folder has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format: u32,
    encoder: PathBuf,
    encoder_sha256: String,
    prefix: String,
    pooling: Option<String>,
    window: Option<usize>,
    normalise: bool,
    sentences: bool,
    labels: Vec<String>,
    /// The share of each label among the texts that it learned from.
    shares: Vec<f64>,
    temperature: f64,
    head: TeacherHead,
}

const POOLINGS: [(&str, Pooling); 3] = [("mean", Pooling::Mean), ("cls", Pooling::First), ("max", Pooling::Maximum)];

/// Vectors of texts, one a text.
struct Embedder<'a> {
    encoder: &'a TextEncoder,
    options: &'a EmbedOptions,
    sentences: bool,
}

impl Embedder<'_> {
    fn rows(&self, texts: &[String], progress: &dyn Progress) -> Outcome<Rows> {
        if !self.sentences {
            let vectors = self.encoder.embed(texts, self.options, progress)?;
            return Ok(Rows { width: vectors.width(), values: vectors.values().to_vec() });
        }
        let sentences = |text: &String| -> Vec<String> {
            let parts: Vec<String> = glossa_text::words::sentences(text).into_iter().map(str::to_owned).collect();
            if parts.is_empty() { vec![text.clone()] } else { parts }
        };
        let parts: Vec<Vec<String>> = texts.iter().map(sentences).collect();
        let all: Vec<String> = parts.iter().flatten().cloned().collect();
        let vectors = self.encoder.embed(&all, self.options, progress)?;
        let (mut rows, mut values) = (vectors.rows(), Vec::with_capacity(texts.len() * vectors.width()));
        for part in &parts {
            let mut mean = vec![0.0_f32; vectors.width()];
            for row in rows.by_ref().take(part.len()) {
                mean.iter_mut().zip(row).for_each(|(sum, value)| *sum += value / part.len() as f32);
            }
            values.extend(mean);
        }
        Ok(Rows { width: vectors.width(), values })
    }
}

fn texts(examples: &[Example]) -> Vec<String> {
    examples.iter().map(|example| example.text.clone()).collect()
}

/// One-hot shares of the examples' labels.
fn wanted(labels: &Labels, examples: &[Example], place: &Path) -> Outcome<(Vec<Vec<f64>>, Vec<usize>)> {
    let Targets::Classes(classes) = labels.targets(examples, place)? else {
        return Err(Failure::data("a teacher learns one label a text"));
    };
    let row = |&class: &usize| (0..labels.names.len()).map(|at| if at == class { 1.0 } else { 0.0 }).collect();
    Ok((classes.iter().map(row).collect(), classes))
}

/// A set of the source: vectors, wanted shares, and classes.
struct SourceSet {
    rows: Rows,
    wanted: Vec<Vec<f64>>,
    classes: Vec<usize>,
}

impl SourceSet {
    fn lesson(&self) -> Lesson<'_> {
        Lesson { rows: &self.rows, wanted: &self.wanted }
    }
}

/// Trains a teacher's head on the source language and writes its folder.
///
/// # Errors
/// Damaged folders, unreadable or unlearnable labels.
pub fn train(files: TeacherFiles<'_>, setting: Setting<'_>) -> Outcome<TeacherOutcome> {
    check_output(setting.out)?;
    let recipe = &setting.recipe.bootstrap;
    let examples = read(files.train, files.columns)?;
    let labels = Labels::of(&examples, LabelForm::default(), files.train)?;
    let encoder = TextEncoder::read(files.encoder, setting.device)?;
    let embedder = Embedder { encoder: &encoder, options: files.embedding, sentences: files.sentences };
    let set = |examples: &[Example], place: &Path| -> Outcome<SourceSet> {
        let (wanted, classes) = wanted(&labels, examples, place)?;
        Ok(SourceSet { rows: embedder.rows(&texts(examples), setting.progress)?, wanted, classes })
    };
    let learned = set(&examples, files.train)?;
    let valid = files.valid.map(|path| set(&read(path, files.columns)?, path)).transpose()?;
    let head = TeacherHead::train(
        &recipe.head,
        learned.lesson(),
        valid.as_ref().map(SourceSet::lesson),
        setting.seed,
        setting.progress,
    )?;
    let judged = valid.as_ref().map(|valid| Judged::new(&head, valid, &labels, recipe, setting.seed)).transpose()?;
    let stored = Stored {
        format: FORMAT,
        encoder: std::fs::canonicalize(files.encoder).map_err(|cause| Failure::io("read", files.encoder, cause))?,
        encoder_sha256: input(files.encoder)?.sha256,
        prefix: files.embedding.prefix.clone(),
        pooling: files.embedding.pooling.and_then(name_of_pooling),
        window: files.embedding.window,
        normalise: files.embedding.normalise,
        sentences: files.sentences,
        shares: glossa_recipes::bootstrap::prior::mean_shares(&learned.wanted),
        temperature: judged.as_ref().map_or_else(|| fixed(recipe), |judged| judged.temperature),
        labels: labels.names.clone(),
        head,
    };
    write(&stored, files, setting)?;
    Ok(TeacherOutcome {
        folder: setting.out.to_path_buf(),
        labels: stored.labels,
        temperature: stored.temperature,
        calibration_error: judged.as_ref().map(|judged| judged.errors),
        valid: judged.map(|judged| judged.report),
    })
}

fn name_of_pooling(pooling: Pooling) -> Option<String> {
    POOLINGS.iter().find(|(_, known)| *known == pooling).map(|(name, _)| (*name).to_owned())
}

/// The temperature that a recipe fixes; 1 where it wants a calibrated one and there is nothing to calibrate by.
fn fixed(recipe: &BootstrapRecipe) -> f64 {
    if recipe.temperature > 0.0 { recipe.temperature } else { 1.0 }
}

/// A head on the source's validation set.
struct Judged {
    temperature: f64,
    errors: [f64; 2],
    report: Report,
}

impl Judged {
    fn new(
        head: &TeacherHead,
        valid: &SourceSet,
        labels: &Labels,
        recipe: &BootstrapRecipe,
        seed: u64,
    ) -> Outcome<Self> {
        let guesses = head.predict(&valid.rows, None);
        let fitted = if recipe.temperature > 0.0 { recipe.temperature } else { temperature(&guesses, &valid.classes) };
        let predictions = |temperature: f64| -> Vec<Prediction> {
            let rows = guesses.iter().zip(&valid.classes);
            let one = |(row, class): (&Vec<f64>, &usize)| {
                let guess = Prediction::from_probabilities(&labels.names, &soften(row, temperature))?;
                Some(Prediction { gold: labels.names.get(*class).cloned(), ..guess })
            };
            rows.filter_map(one).collect()
        };
        let error = |temperature: f64| -> Outcome<f64> {
            Ok(calibration::score(&predictions(temperature), calibration::BINS)?.expected_error)
        };
        let options = ReportOptions { split: Some("valid".to_owned()), seed, ..ReportOptions::default() };
        let report = Report::of(&predictions(fitted), &options)?;
        Ok(Judged { temperature: fitted, errors: [error(1.0)?, error(fitted)?], report })
    }
}

fn write(stored: &Stored, files: TeacherFiles<'_>, setting: Setting<'_>) -> Outcome<()> {
    let folder = WholeFolder::create(setting.out)?;
    let bytes = serde_json::to_vec(stored).map_err(|cause| Failure::data("cannot write the teacher").because(cause))?;
    write_file(&folder.path().join(TEACHER), &bytes)?;
    manifest(files, setting)?.write(folder.path())?;
    folder.commit()
}

fn manifest(files: TeacherFiles<'_>, setting: Setting<'_>) -> Outcome<Manifest> {
    let BootstrapRecipe { head, temperature, .. } = &setting.recipe.bootstrap;
    let EmbedOptions { pooling, prefix, window, normalise } = files.embedding;
    let config = serde_json::json!({"head": head, "temperature": temperature, "prefix": prefix, "window": window,
        "pooling": pooling.and_then(name_of_pooling), "normalise": normalise, "sentences": files.sentences,
        "text_column": files.columns.text, "label_column": files.columns.label});
    let mut manifest = Manifest::new("teacher", setting.seed, config);
    let inputs = [Some(files.encoder), Some(files.train), files.valid];
    manifest.inputs = inputs.into_iter().flatten().map(input).collect::<Outcome<_>>()?;
    Ok(manifest)
}

/// Trains a teacher unless its folder is there and fits.
pub(crate) fn train_once(files: TeacherFiles<'_>, setting: Setting<'_>) -> Outcome<()> {
    if is_done(setting.out, &manifest(files, setting)?) {
        return Ok(());
    }
    train(files, setting).map(drop)
}

/// A teacher's folder, read, with its encoder.
pub(crate) struct HeadTeacher {
    encoder: TextEncoder,
    options: EmbedOptions,
    stored: Stored,
}

/// Texts of the target language as a teacher sees them.
pub(crate) struct Seen {
    rows: Rows,
}

impl HeadTeacher {
    /// Whether a folder holds a teacher.
    pub(crate) fn is(folder: &Path) -> bool {
        folder.join(TEACHER).is_file()
    }

    /// Reads the folder and the encoder that it names.
    ///
    /// # Errors
    /// A damaged folder, or an encoder that is not there or another one.
    pub(crate) fn open(folder: &Path, device: DeviceChoice) -> Outcome<Self> {
        let path = folder.join(TEACHER);
        let bytes = std::fs::read(&path).map_err(|cause| Failure::io("read", &path, cause))?;
        let damaged = || Failure::data(format!("{} is damaged", path.display())).hint("train the teacher again");
        let stored: Stored = serde_json::from_slice(&bytes).map_err(|cause| damaged().because(cause))?;
        let fits = stored.labels.len() == stored.head.class_count() && stored.labels.len() == stored.shares.len();
        if stored.format > FORMAT || !fits || !stored.head.is_sound() || stored.temperature <= 0.0 {
            return Err(damaged());
        }
        let encoder = input(&stored.encoder)
            .map_err(|cause| cause.hint(format!("the teacher {} reads it: put it back", folder.display())))?;
        if encoder.sha256 != stored.encoder_sha256 {
            let problem = format!("{} is not the encoder that {} was trained on", encoder.path, folder.display());
            return Err(Failure::data(problem).hint("train the teacher again"));
        }
        let pooling = stored.pooling.as_deref().and_then(|name| POOLINGS.iter().find(|(known, _)| *known == name));
        let options = EmbedOptions {
            pooling: pooling.map(|(_, pooling)| *pooling),
            prefix: stored.prefix.clone(),
            window: stored.window,
            normalise: stored.normalise,
        };
        let encoder = TextEncoder::read(&stored.encoder, device)?;
        if encoder.width() != stored.head.width() {
            return Err(damaged());
        }
        Ok(HeadTeacher { encoder, options, stored })
    }

    /// The labels it knows.
    pub(crate) fn labels(&self) -> &[String] {
        &self.stored.labels
    }

    /// The share of each label among the texts that it learned from.
    pub(crate) fn shares(&self) -> &[f64] {
        &self.stored.shares
    }

    /// Of the pieces of some texts, the share that the encoder does not know.
    pub(crate) fn unknown_share(&self, texts: &[String]) -> Outcome<f64> {
        self.encoder.unknown_share(texts)
    }

    /// Texts as vectors.
    pub(crate) fn see(&self, texts: &[String], progress: &dyn Progress) -> Outcome<Seen> {
        let embedder = Embedder { encoder: &self.encoder, options: &self.options, sentences: self.stored.sentences };
        Ok(Seen { rows: embedder.rows(texts, progress)? })
    }

    /// The share of each label for each text, at the calibrated temperature. `centre` are texts of the target by
    /// which vectors are standardised instead of the source's.
    pub(crate) fn guess(&self, seen: &Seen, centre: Option<&Seen>) -> Vec<Vec<f64>> {
        let standard = centre.map(|centre| Standard::of(&centre.rows));
        let guesses = self.stored.head.predict(&seen.rows, standard.as_ref());
        guesses.iter().map(|row| soften(row, self.stored.temperature)).collect()
    }
}

/// Answers of a teacher's folder, as a classifier's: the labels, and the share of each for each text.
pub(crate) fn answer(
    folder: &Path,
    texts: &[String],
    device: DeviceChoice,
    progress: &dyn Progress,
) -> Outcome<(Labels, Vec<Vec<f64>>)> {
    let teacher = HeadTeacher::open(folder, device)?;
    let guesses = teacher.guess(&teacher.see(texts, progress)?, None);
    Ok((Labels::named(teacher.labels().to_vec(), Problem::SingleLabel, '|'), guesses))
}
