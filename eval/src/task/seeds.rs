//! The official scores of several training seeds: the mean is the figure to publish, with its spread and an interval.
//! The best seed has no place here; `ensemble::select` chooses one, on held-out items, and says so.

use serde::Serialize;

use super::{Chosen, Example};
use crate::compare::{self, Run, System};
use crate::report::{Provenance, ReportOptions, signature};
use crate::{Error, Interval, Prediction};

/// One metric over several seeds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeedsScore {
    /// Name of the metric.
    pub metric: String,
    /// Mean over the seeds.
    pub mean: f64,
    /// Standard deviation over the seeds (with n - 1); nothing with one.
    pub spread: Option<f64>,
    /// 95 % bootstrap interval of the mean: items and seeds are drawn again.
    pub interval: Option<Interval>,
    /// The value of each seed, in their order.
    pub values: Vec<f64>,
    /// What decides it.
    pub signature: String,
}

/// The official scores of several seeds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeedsReport {
    /// Version of this format, 1.
    pub format: u32,
    /// The task with its choices.
    pub task: String,
    /// The seeds, in order.
    pub seeds: Vec<u64>,
    /// Number of items that count.
    pub counted: u64,
    /// The official metrics, the one that decides first.
    pub scores: Vec<SeedsScore>,
}

impl Chosen {
    /// Scores the predictions of several seeds by the task's official metrics.
    ///
    /// # Errors
    /// As [`Chosen::score`] for each seed; [`Error::Empty`] without any, [`Error::NotComparable`] for a seed that is
    /// there twice.
    pub fn score_seeds(
        &self,
        examples: &[Example],
        runs: &[(u64, Vec<Prediction>)],
        options: &ReportOptions,
    ) -> Result<SeedsReport, Error> {
        let mut runs: Vec<&(u64, Vec<Prediction>)> = runs.iter().collect();
        runs.sort_by_key(|(seed, _)| *seed);
        if let Some(pair) = runs.windows(2).find(|pair| pair.first().map(|one| one.0) == pair.last().map(|one| one.0)) {
            let seed = pair.first().map(|one| one.0).unwrap_or_default();
            let problem = "its predictions are there twice".to_owned();
            return Err(Error::NotComparable { place: format!("seed {seed}"), problem });
        }
        let plain = ReportOptions { resamples: 0, ..options.clone() };
        let reports = runs.iter().map(|(_, rows)| self.score(examples, rows, &plain)).collect::<Result<Vec<_>, _>>()?;
        let first = reports.first().ok_or(Error::Empty)?;
        let seeds: Vec<u64> = runs.iter().map(|(seed, _)| *seed).collect();
        let provenance = Provenance { seeds: seeds.clone(), ..options.provenance.clone() };
        let options = ReportOptions { task: Some(self.name()), provenance, ..options.clone() };
        let system = self.system(examples, &runs)?;
        let mut scores = Vec::new();
        for (place, metric) in self.task.metrics.iter().enumerate() {
            let of_metric = |report: &super::TaskReport| report.scores.get(place).map(|score| score.value);
            let values: Vec<f64> = reports.iter().filter_map(of_metric).collect();
            let interval = match metric.comparable().filter(|_| options.resamples > 0) {
                Some(metric) => {
                    let options = compare::Options { metric, resamples: options.resamples, seed: options.seed };
                    Some(compare::interval_of_system(&system, &options)?)
                }
                None => None,
            };
            scores.push(SeedsScore {
                metric: metric.to_string(),
                mean: compare::mean(&values),
                spread: compare::spread(&values),
                interval,
                values,
                signature: signature(&metric.to_string(), first.counted, &options).to_string(),
            });
        }
        Ok(SeedsReport { format: 1, task: self.name(), seeds, counted: first.counted, scores })
    }

    fn system(&self, examples: &[Example], runs: &[&(u64, Vec<Prediction>)]) -> Result<System, Error> {
        let run = |(seed, rows): &&(u64, Vec<Prediction>)| {
            Ok(Run { task: self.name(), seed: Some(*seed), predictions: self.counted(examples, rows)? })
        };
        Ok(System { name: self.name(), runs: runs.iter().map(run).collect::<Result<Vec<_>, Error>>()? })
    }
}

impl SeedsReport {
    /// The scores as text.
    pub fn to_text(&self) -> String {
        let mut rows = vec![["score", "mean", "± seeds", "95 % interval", "seeds"].map(str::to_owned).to_vec()];
        for score in &self.scores {
            let interval = score.interval.map(|both| format!("{:.4} - {:.4}", both.low, both.high));
            let spread = score.spread.map(|spread| format!("{spread:.4}"));
            let values: Vec<String> = score.values.iter().map(|value| format!("{value:.4}")).collect();
            let mean = format!("{:.4}", score.mean);
            let words = [spread.unwrap_or_default(), interval.unwrap_or_default(), values.join(" ")];
            rows.push([vec![score.metric.clone(), mean], words.to_vec()].concat());
        }
        let signature = self.scores.first().map(|score| score.signature.as_str()).unwrap_or_default();
        format!("{}\n{} items count\nsignature: {signature}\n", crate::report::table(&rows), self.counted)
    }
}
