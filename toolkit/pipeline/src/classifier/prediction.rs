//! Labels for texts from classifier folders.

use std::path::{Path, PathBuf};

use glossa_base::{Failure, Kind, Outcome, Progress};
use glossa_eval::Prediction;
use glossa_nn::DeviceChoice;
use glossa_zoo::layout::BASELINE;

use super::{Opened, baseline};
use crate::labels::Labels;
use crate::teacher;

/// Answers texts with classifier folders, neural or baseline, in the order of the texts. The answers of
/// several are averaged; `delimiter` stands between several labels of a text.
///
/// # Errors
/// A damaged folder, or folders whose labels differ.
pub fn predict(
    models: &[PathBuf],
    texts: &[String],
    delimiter: char,
    device: DeviceChoice,
    progress: &dyn Progress,
) -> Outcome<Vec<Prediction>> {
    let mut sum: Option<Answered> = None;
    for model in models {
        progress.start("predict", Some(texts.len() as u64), "texts");
        let one = answer(model, texts, delimiter, device, progress)?;
        progress.finish(&format!("{} texts", texts.len()));
        sum = Some(match sum {
            Some(sum) => sum.plus(&one)?,
            None => one,
        });
    }
    let Answered { model, labels, rows } =
        sum.ok_or_else(|| Failure::new(Kind::Usage, "no classifier to predict with").hint("give --model DIR"))?;
    let count = models.len() as f64;
    let means = |row: Vec<f64>| row.into_iter().map(|sum| sum / count).collect::<Vec<f64>>();
    let unusable = || Failure::data(format!("{} gives no usable answers", model.display()));
    rows.into_iter().map(|row| labels.prediction(&means(row)).ok_or_else(unusable)).collect()
}

/// What a classifier answers, or the sum over several.
pub(crate) struct Answered {
    model: PathBuf,
    pub(crate) labels: Labels,
    pub(crate) rows: Vec<Vec<f64>>,
}

/// What one classifier of any kind answers.
pub(crate) fn answer(
    model: &Path,
    texts: &[String],
    delimiter: char,
    device: DeviceChoice,
    progress: &dyn Progress,
) -> Outcome<Answered> {
    let (labels, rows) = if model.join(BASELINE).is_file() {
        let (names, rows) = baseline::answer(model, texts, progress)?;
        (Labels::single(names), rows)
    } else if teacher::HeadTeacher::is(model) {
        teacher::answer(model, texts, device, progress)?
    } else {
        let opened = Opened::read(model, &device.open()?)?;
        let tokens = opened.encode(texts.iter().map(String::as_str))?;
        let rows = glossa_recipes::predict(&opened.model, &tokens, opened.reading, progress)?;
        (Labels::named(opened.kept.labels, opened.kept.problem, delimiter), rows)
    };
    if rows.iter().flatten().all(|answer| answer.is_finite()) {
        return Ok(Answered { model: model.to_path_buf(), labels, rows });
    }
    Err(Failure::data(format!("{} gives no usable probabilities", model.display()))
        .hint("its weights are not numbers: train or fetch it again"))
}

impl Answered {
    /// Adds another classifier's answers, label by label.
    pub(crate) fn plus(mut self, other: &Answered) -> Outcome<Self> {
        let (labels, others) = (&self.labels.names, &other.labels.names);
        let place = |label: &String| others.iter().position(|other| other == label);
        let places: Option<Vec<usize>> = labels.iter().map(place).collect();
        let same = self.labels.problem() == other.labels.problem();
        let Some(places) = places.filter(|places| places.len() == others.len() && same) else {
            let (first, second) = (self.model.display(), other.model.display());
            let problem = format!("{first} and {second} have other labels: {labels:?}, {others:?}");
            return Err(Failure::data(problem).hint("average classifiers of the same task"));
        };
        for (sums, row) in self.rows.iter_mut().zip(&other.rows) {
            sums.iter_mut().zip(&places).for_each(|(sum, place)| *sum += row.get(*place).copied().unwrap_or(f64::NAN));
        }
        Ok(self)
    }
}
