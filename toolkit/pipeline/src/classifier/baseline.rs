//! The baselines that keep us honest, as model folders: Naive Bayes and NBSVM on words, pieces or characters.

use std::path::Path;

use glossa_base::atomic::{WholeFolder, write_file};
use glossa_base::manifest::Manifest;
use glossa_base::{Failure, Kind, Outcome, Progress};
use glossa_nn::{DeviceChoice, Problem, Targets};
use glossa_recipes::Course;
use glossa_recipes::baseline::{Baseline, BaselineOptions};
use glossa_text::labelled::Example;
use glossa_text::tokenizer::Tokenizer;
use glossa_zoo::layout::BASELINE;
use serde::{Deserialize, Serialize};

use super::{ClassifierOutcome, LabelledFiles, card, read_sets};
use crate::stage::{check_output, finish_model};
use crate::training_report::Subject;

/// What the baseline counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Units {
    /// Lower-cased words.
    Words,
    /// Pieces of a tokenizer.
    Pieces,
    /// Three to five characters within a word.
    Characters,
}

/// A baseline as it lies in a model folder.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredBaseline {
    format: u32,
    units: Units,
    labels: Vec<String>,
    model: Baseline,
}

const BASELINE_FORMAT: u32 = 1;

/// The units of a text.
fn units(text: &str, kind: Units, tokenizer: Option<&Tokenizer>) -> Outcome<Vec<String>> {
    let lowered = text.to_lowercase();
    let words = glossa_text::words::segment(&lowered).into_iter();
    match (kind, tokenizer) {
        (Units::Pieces, Some(tokenizer)) => Ok(tokenizer.pieces(text)?),
        (Units::Pieces, None) => {
            Err(Failure::data("the baseline on pieces needs a tokenizer")
                .hint("give --tokenizer DIR, or --units words"))
        }
        (Units::Words, _) => Ok(words.map(str::to_owned).collect()),
        (Units::Characters, _) => Ok(words.flat_map(character_grams).collect()),
    }
}

fn character_grams(word: &str) -> Vec<String> {
    let padded: Vec<char> = std::iter::once('_').chain(word.chars()).chain(std::iter::once('_')).collect();
    (3..=5)
        .flat_map(|size| padded.windows(size).map(|window| window.iter().collect::<String>()).collect::<Vec<_>>())
        .collect()
}

/// Where a baseline is trained and what it counts.
#[derive(Clone, Copy)]
pub struct BaselineSetting<'a> {
    /// What it counts.
    pub units: Units,
    /// Which model, with its numbers.
    pub options: &'a BaselineOptions,
    /// The tokenizer, for pieces.
    pub tokenizer: Option<&'a Path>,
    /// Where the folder appears.
    pub out: &'a Path,
}

/// Trains a Naive Bayes or NBSVM baseline and writes its model folder.
///
/// # Errors
/// Unreadable or unlearnable labels.
pub fn train_baseline(files: &LabelledFiles<'_>, setting: BaselineSetting<'_>) -> Outcome<ClassifierOutcome> {
    check_output(setting.out)?;
    if files.form.problem != Problem::SingleLabel {
        return Err(Failure::data("a baseline learns one label a text").hint("use --method network"));
    }
    let sets = read_sets(files, setting.options.seed)?;
    let tokenizer = setting.tokenizer.map(Tokenizer::load).transpose()?;
    let documents = sets
        .train
        .iter()
        .map(|example| units(&example.text, setting.units, tokenizer.as_ref()))
        .collect::<Outcome<Vec<_>>>()?;
    let Targets::Classes(classes) = &sets.targets else {
        return Err(Failure::new(Kind::Usage, "a baseline learns one label a text").hint("leave --soft-labels out"));
    };
    let labels = sets.labels.names.clone();
    let model = Baseline::train(&documents, classes, labels.len(), setting.options)?;
    let predict = |example: &Example| -> Outcome<Vec<f64>> {
        Ok(model.predict(&units(&example.text, setting.units, tokenizer.as_ref())?))
    };
    let probabilities = |set: &Option<Vec<Example>>| -> Outcome<Option<Vec<Vec<f64>>>> {
        set.as_ref().map(|examples| examples.iter().map(predict).collect()).transpose()
    };
    let (valid, tested) = (probabilities(&sets.valid)?, probabilities(&sets.test)?);
    let (test, scores) = sets.score(tested.as_deref(), files, setting.options.seed)?;
    let folder = WholeFolder::create(setting.out)?;
    let stored = StoredBaseline { format: BASELINE_FORMAT, units: setting.units, labels: labels.clone(), model };
    let bytes =
        serde_json::to_vec(&stored).map_err(|cause| Failure::data("cannot write the baseline").because(cause))?;
    write_file(&folder.path().join(BASELINE), &bytes)?;
    let config = serde_json::json!({"format": BASELINE_FORMAT, "model_type": "glossa-baseline", "architectures": ["GlossaBaseline"], "options": setting.options, "units": setting.units});
    write_file(&folder.path().join("config.json"), config.to_string().as_bytes())?;
    if let Some(tokenizer) = &tokenizer {
        tokenizer.save_into(folder.path())?;
    }
    let architecture = format!("{:?} on {:?}", setting.options.method, setting.units);
    let card = card(setting.out, &architecture, &labels, &scores, files);
    let mut inputs = vec![files.train];
    inputs.extend(files.valid);
    inputs.extend(files.test);
    let subject = Subject {
        what: "a classifier, a baseline on labelled texts",
        out: setting.out,
        architecture,
        seed: setting.options.seed,
        device: DeviceChoice::Cpu,
        settings: format!("{config:#}"),
        inputs,
    };
    finish_model(folder, &card, Manifest::new("baseline", setting.options.seed, config), &subject.inputs)?;
    let judged = sets.judged(valid.as_deref(), tested.as_deref(), Problem::SingleLabel);
    let report = subject.write(&Course::default(), None, judged.as_ref())?;
    let folder = setting.out.to_path_buf();
    Ok(ClassifierOutcome { folder, labels, records: Vec::new(), test, scores, report })
}

/// The labels of a baseline folder, and the probability of each for each text.
pub(super) fn answer(model: &Path, texts: &[String], progress: &dyn Progress) -> Outcome<(Vec<String>, Vec<Vec<f64>>)> {
    let path = model.join(BASELINE);
    let bytes = std::fs::read(&path).map_err(|cause| Failure::io("read", &path, cause))?;
    let damaged =
        |cause| Failure::data(format!("{} is damaged", path.display())).because(cause).hint("train the baseline again");
    let stored: StoredBaseline = serde_json::from_slice(&bytes).map_err(damaged)?;
    if stored.format > BASELINE_FORMAT || stored.labels.len() != stored.model.class_count() {
        return Err(Failure::data(format!(
            "{} has format {} or labels that do not fit",
            path.display(),
            stored.format
        ))
        .hint("use a newer glossa, or train the baseline again"));
    }
    let tokenizer = match stored.units {
        Units::Pieces => Some(Tokenizer::load(model)?),
        Units::Words | Units::Characters => None,
    };
    let mut probabilities = Vec::with_capacity(texts.len());
    for text in texts {
        probabilities.push(stored.model.predict(&units(text, stored.units, tokenizer.as_ref())?));
        progress.advance(1);
    }
    Ok((stored.labels, probabilities))
}
