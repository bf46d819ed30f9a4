//! The official score of predictions on a task: which row belongs to which item, which items count, and the task's
//! own metrics with intervals.

use std::collections::HashMap;

use serde::Serialize;

use super::read::check_answer;
use super::{Answer, Chosen, Example, TaskMetric};
use crate::report::{ReportOptions, Score, signature};
use crate::{Confusion, Error, Interval, Prediction, compare, numbers};

/// The official scores of one set of predictions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskReport {
    /// Version of this format, 1.
    pub format: u32,
    /// The task with its choices.
    pub task: String,
    /// The official metrics, the one that decides first.
    pub scores: Vec<Score>,
    /// Number of items.
    pub items: u64,
    /// Number of items that count.
    pub counted: u64,
    /// What was predicted for what, where the answers are labels.
    pub confusion: Option<Confusion>,
}

/// Puts each prediction to its item and gives it the item's gold label: by id where all predictions have one, by
/// order otherwise.
///
/// # Errors
/// [`Error::Row`] for an id that is unknown, missing or there twice, for another number of rows, and for a row whose
/// own gold label is not the item's (which is of another split, or a changed file).
pub fn matched(examples: &[Example], predictions: &[Prediction]) -> Result<Vec<Prediction>, Error> {
    let with_ids = !predictions.is_empty() && predictions.iter().all(|row| row.id.is_some());
    let order = if with_ids { by_id(examples, predictions)? } else { by_order(examples, predictions)? };
    let mut rows = Vec::with_capacity(examples.len());
    for (example, row) in examples.iter().zip(order) {
        let Some(prediction) = predictions.get(row) else { continue };
        if let (Some(stated), Some(gold)) = (&prediction.gold, &example.gold)
            && stated != gold
        {
            let reason = format!("its gold label is {stated}, but that of the item `{}` is {gold}", example.id);
            return Err(Error::Row { row: row + 1, reason });
        }
        rows.push(Prediction { id: Some(example.id.clone()), gold: example.gold.clone(), ..prediction.clone() });
    }
    Ok(rows)
}

fn by_order(examples: &[Example], predictions: &[Prediction]) -> Result<Vec<usize>, Error> {
    if examples.len() != predictions.len() {
        let row = examples.len().min(predictions.len()) + 1;
        let reason = format!("{} predictions without ids for {} items", predictions.len(), examples.len());
        return Err(Error::Row { row, reason });
    }
    Ok((0..predictions.len()).collect())
}

fn by_id(examples: &[Example], predictions: &[Prediction]) -> Result<Vec<usize>, Error> {
    let mut rows: HashMap<&str, usize> = HashMap::with_capacity(predictions.len());
    for (row, id) in predictions.iter().filter_map(|row| row.id.as_deref()).enumerate() {
        if let Some(first) = rows.insert(id, row) {
            return Err(Error::Row { row: row + 1, reason: format!("the id `{id}` was there in row {}", first + 1) });
        }
    }
    let mut order = Vec::with_capacity(examples.len());
    for example in examples {
        match rows.remove(example.id.as_str()) {
            Some(row) => order.push(row),
            None => {
                let reason = format!("no prediction for the item `{}`", example.id);
                return Err(Error::Row { row: predictions.len(), reason });
            }
        }
    }
    match rows.into_iter().min_by_key(|(_, row)| *row) {
        Some((id, row)) => Err(Error::Row { row: row + 1, reason: format!("there is no item `{id}` in this split") }),
        None => Ok(order),
    }
}

/// Each metric with its value, and what labels were predicted for what.
type Values = (Vec<(TaskMetric, f64)>, Option<Confusion>);

impl Chosen {
    /// Scores predictions by the task's official metrics. `options` gives what the signature says beyond the task's
    /// name, and the resamples of the intervals, which every metric that can be resampled has.
    ///
    /// # Errors
    /// [`Error::Row`] as [`matched`], and for an answer that the task does not know; [`Error::NoGold`];
    /// [`Error::NoAnswers`] for a task that asks for a likelihood; [`Error::Empty`] where no item counts.
    pub fn score(
        &self,
        examples: &[Example],
        predictions: &[Prediction],
        options: &ReportOptions,
    ) -> Result<TaskReport, Error> {
        if self.task.answer == Answer::LanguageModel {
            return Err(Error::NoAnswers { task: self.name() });
        }
        let counted = self.counted(examples, predictions)?;
        if counted.is_empty() {
            return Err(Error::Empty);
        }
        let options = ReportOptions { task: Some(self.name()), ..options.clone() };
        let (values, confusion) = self.values(&counted)?;
        let mut scores = Vec::new();
        for (metric, value) in values {
            let interval = interval(&metric, &counted, &options)?;
            let name = metric.to_string();
            let signature = signature(&name, counted.len() as u64, &options).to_string();
            scores.push(Score { metric: name, value, interval, signature });
        }
        Ok(TaskReport {
            format: 1,
            task: self.name(),
            scores,
            items: examples.len() as u64,
            counted: counted.len() as u64,
            confusion,
        })
    }

    /// The rows that count in the score, with their gold labels, in the order of the items: what systems are compared
    /// on.
    ///
    /// # Errors
    /// [`Error::Row`] as [`matched`], and for an answer that the task does not know.
    pub fn counted(&self, examples: &[Example], predictions: &[Prediction]) -> Result<Vec<Prediction>, Error> {
        for (row, prediction) in predictions.iter().enumerate() {
            // A number out of range is an answer, if a poor one; a label out of the set is a mistake.
            let number = prediction.label.trim().parse::<f64>().is_ok_and(f64::is_finite);
            if !(number && self.task.answer == Answer::Number) {
                check_answer(&self.task, &prediction.label).map_err(|reason| Error::Row { row: row + 1, reason })?;
            }
        }
        let rows = matched(examples, predictions)?.into_iter().zip(examples);
        Ok(rows.filter(|(_, example)| example.counted).map(|(row, _)| row).collect())
    }

    fn values(&self, rows: &[Prediction]) -> Result<Values, Error> {
        let (gold, predicted) = crate::predictions::labels(rows)?;
        if self.task.answer == Answer::Number {
            let scores = numbers::score(&parsed(&gold)?, &parsed(&predicted)?)?;
            let value = |metric: &TaskMetric| Some((metric.clone(), metric.of_numbers(&scores)?));
            return Ok((self.task.metrics.iter().filter_map(value).collect(), None));
        }
        let confusion = Confusion::new(&gold, &predicted)?;
        let value = |metric: &TaskMetric| Some((metric.clone(), metric.of_labels(&confusion, &self.task.labels)?));
        Ok((self.task.metrics.iter().filter_map(value).collect(), Some(confusion)))
    }
}

fn parsed(numbers: &[String]) -> Result<Vec<f64>, Error> {
    let number = |(row, text): (usize, &String)| text.trim().parse().map_err(|_| Error::NotFinite { row: row + 1 });
    numbers.iter().enumerate().map(number).collect()
}

fn interval(metric: &TaskMetric, rows: &[Prediction], options: &ReportOptions) -> Result<Option<Interval>, Error> {
    match metric.comparable() {
        Some(metric) if options.resamples > 0 => {
            let options = compare::Options { metric, resamples: options.resamples, seed: options.seed };
            compare::interval_of(rows, &options).map(Some)
        }
        _ => Ok(None),
    }
}

impl TaskReport {
    /// The scores as text.
    pub fn to_text(&self) -> String {
        let mut rows = vec![["score", "value", "95 % interval"].map(str::to_owned).to_vec()];
        for score in &self.scores {
            let interval = score.interval.map(|both| format!("{:.4} - {:.4}", both.low, both.high));
            rows.push(vec![score.metric.clone(), format!("{:.4}", score.value), interval.unwrap_or_default()]);
        }
        let counted = match self.counted == self.items {
            true => format!("{} items", self.items),
            false => format!("{} of {} items count", self.counted, self.items),
        };
        let signature = self.scores.first().map(|score| score.signature.as_str()).unwrap_or_default();
        format!("{}\n{counted}\nsignature: {signature}\n", crate::report::table(&rows))
    }
}
