//! Between the labels of a table and the targets of a head: one label a text, several, or a number; and back
//! from answers to predictions and scores.

use std::collections::BTreeSet;
use std::path::Path;

use glossa_base::nearest::nearest;
use glossa_base::{Failure, Outcome};
use glossa_eval::{Prediction, Report, ReportOptions, Score, answers};
use glossa_nn::{Problem, Targets, ValueScale};
use glossa_recipes::best_class;
use glossa_text::labelled::{Example, SoftExample};

/// What a table's label column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabelForm {
    /// One label, several, or a number.
    pub problem: Problem,
    /// What stands between several.
    pub delimiter: char,
    /// Whether the training file has the share of every label (`probabilities`), to learn all of them.
    pub soft: bool,
}

impl Default for LabelForm {
    fn default() -> Self {
        LabelForm { problem: Problem::SingleLabel, delimiter: '|', soft: false }
    }
}

/// The only name among the labels of a regression.
const VALUE: &str = "value";

/// The labels of a task.
#[derive(Debug, Clone)]
pub(crate) struct Labels {
    /// Their names, in the order of the head's outputs.
    pub(crate) names: Vec<String>,
    form: LabelForm,
}

fn split(label: &str, delimiter: char) -> impl Iterator<Item = &str> {
    label.split(delimiter).map(str::trim).filter(|name| !name.is_empty())
}

impl Labels {
    /// The labels of a training set.
    pub(crate) fn of(train: &[Example], form: LabelForm, place: &Path) -> Outcome<Self> {
        let names: BTreeSet<&str> = match form.problem {
            Problem::SingleLabel => train.iter().map(|example| example.label.as_str()).collect(),
            Problem::MultiLabel => train.iter().flat_map(|example| split(&example.label, form.delimiter)).collect(),
            Problem::Regression => [VALUE].into(),
        };
        let least = if form.problem == Problem::SingleLabel { 2 } else { 1 };
        if names.len() < least {
            let problem = format!("{} has only the labels {names:?}", place.display());
            return Err(glossa_recipes::Error::Labels(problem).into());
        }
        Ok(Labels { names: names.into_iter().map(str::to_owned).collect(), form })
    }

    /// The labels of texts with shares: all that have one.
    pub(crate) fn of_shares(train: &[SoftExample], place: &Path) -> Outcome<Self> {
        let names: BTreeSet<&str> =
            train.iter().flat_map(|example| example.probabilities.keys().map(String::as_str)).collect();
        if names.len() < 2 {
            let problem = format!("{} has only the labels {names:?}", place.display());
            return Err(glossa_recipes::Error::Labels(problem).into());
        }
        Ok(Labels::single(names.into_iter().map(str::to_owned).collect()))
    }

    /// The share of each label, text by text.
    pub(crate) fn shares(&self, examples: &[SoftExample]) -> Targets {
        let share =
            |example: &SoftExample, name: &String| example.probabilities.get(name).copied().unwrap_or(0.0) as f32;
        let row = |example: &SoftExample| self.names.iter().map(|name| share(example, name)).collect();
        Targets::Shares(examples.iter().map(row).collect())
    }

    /// The labels of a classifier.
    pub(crate) fn named(names: Vec<String>, problem: Problem, delimiter: char) -> Self {
        Labels { names, form: LabelForm { problem, delimiter, soft: false } }
    }

    /// Labels of which a text has one.
    pub(crate) fn single(names: Vec<String>) -> Self {
        Labels { names, form: LabelForm::default() }
    }

    /// One label, several, or a number.
    pub(crate) fn problem(&self) -> Problem {
        self.form.problem
    }

    fn position(&self, name: &str, place: &Path) -> Outcome<usize> {
        self.names.iter().position(|known| known == name).ok_or_else(|| {
            let near = nearest(name, self.names.iter().map(String::as_str));
            let near = near.map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
            let problem = format!("{} has the label `{name}`, which the training set lacks{near}", place.display());
            Failure::from(glossa_recipes::Error::Labels(problem))
        })
    }

    /// What a head should answer for each example.
    pub(crate) fn targets(&self, examples: &[Example], place: &Path) -> Outcome<Targets> {
        let set = |example: &Example| {
            let mut flags = vec![false; self.names.len()];
            for name in split(&example.label, self.form.delimiter) {
                let at = self.position(name, place)?;
                flags.get_mut(at).into_iter().for_each(|flag| *flag = true);
            }
            Ok(flags)
        };
        let class = |example: &Example| self.position(&example.label, place);
        Ok(match self.form.problem {
            Problem::SingleLabel => Targets::Classes(examples.iter().map(class).collect::<Outcome<_>>()?),
            Problem::MultiLabel => Targets::Labels(examples.iter().map(set).collect::<Outcome<_>>()?),
            Problem::Regression => {
                let value = |example: &Example| number(&example.label, place).map(|value| value as f32);
                Targets::Values(examples.iter().map(value).collect::<Outcome<_>>()?)
            }
        })
    }

    /// The scale of the numbers to be answered.
    pub(crate) fn scale(targets: &Targets) -> ValueScale {
        match targets {
            Targets::Values(values) => ValueScale::of(values),
            _ => ValueScale::default(),
        }
    }

    /// The label that an answer stands for.
    fn label(&self, answer: &[f64]) -> String {
        match self.form.problem {
            Problem::SingleLabel => self.names.get(best_class(answer)).cloned().unwrap_or_default(),
            Problem::MultiLabel => {
                let likely = self.names.iter().zip(answer).filter(|(_, share)| **share >= 0.5);
                let names: Vec<&str> = likely.map(|(name, _)| name.as_str()).collect();
                names.join(&self.form.delimiter.to_string())
            }
            Problem::Regression => answer.first().map_or_else(String::new, f64::to_string),
        }
    }

    /// An answer as a prediction; nothing for an answer without outputs.
    pub(crate) fn prediction(&self, answer: &[f64]) -> Option<Prediction> {
        match self.form.problem {
            Problem::SingleLabel => Prediction::from_probabilities(&self.names, answer),
            Problem::MultiLabel => Some(Prediction {
                probabilities: self.names.iter().cloned().zip(answer.iter().copied()).collect(),
                label: self.label(answer),
                ..Prediction::default()
            }),
            Problem::Regression => {
                answer.first().map(|_| Prediction { label: self.label(answer), ..Prediction::default() })
            }
        }
    }

    /// Scores answers: a whole report where there is one label a text, scores alone elsewhere.
    pub(crate) fn score(
        &self,
        test: &[Example],
        predicted: &[Vec<f64>],
        (place, seed): (&Path, u64),
    ) -> Outcome<(Option<Report>, Vec<Score>)> {
        let options = ReportOptions { split: Some("test".to_owned()), seed, ..ReportOptions::default() };
        match self.form.problem {
            Problem::SingleLabel => {
                let gold: Vec<String> = test.iter().map(|example| example.label.clone()).collect();
                let predicted: Vec<String> = predicted.iter().map(|answer| self.label(answer)).collect();
                let report = Report::new(&gold, &predicted, &options)?;
                Ok((Some(report.clone()), report.scores))
            }
            Problem::MultiLabel => {
                let set = |label: &str| split(label, self.form.delimiter).map(str::to_owned).collect();
                let gold: Vec<BTreeSet<String>> = test.iter().map(|example| set(&example.label)).collect();
                let predicted: Vec<BTreeSet<String>> =
                    predicted.iter().map(|answer| set(&self.label(answer))).collect();
                Ok((None, answers::of_label_sets(&gold, &predicted, &options)?))
            }
            Problem::Regression => {
                let gold: Vec<f64> =
                    test.iter().map(|example| number(&example.label, place)).collect::<Outcome<_>>()?;
                let predicted: Vec<f64> = predicted.iter().flatten().copied().collect();
                Ok((None, answers::of_numbers(&gold, &predicted, &options)?))
            }
        }
    }
}

fn number(label: &str, place: &Path) -> Outcome<f64> {
    label.trim().parse().ok().filter(|value: &f64| value.is_finite() && value.abs() < 1e30).ok_or_else(|| {
        let problem = format!("{} has the label `{label}`, which is no number", place.display());
        Failure::data(problem).hint("a regression learns numbers; --problem single-label learns names")
    })
}

/// The examples of a fold, `number` of `count` from 1, to judge by, and the others to learn from.
pub(crate) fn fold(examples: Vec<Example>, (number, count): (usize, usize), seed: u64) -> (Vec<Example>, Vec<Example>) {
    let names: BTreeSet<&str> = examples.iter().map(|example| example.label.as_str()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let class = |example: &Example| names.binary_search(&example.label.as_str()).unwrap_or(0);
    let classes: Vec<usize> = examples.iter().map(class).collect();
    let folds = glossa_learn::sampling::folds(&classes, count, seed);
    let held: BTreeSet<usize> = folds.get(number.wrapping_sub(1)).into_iter().flatten().copied().collect();
    let (mut valid, mut train) = (Vec::new(), Vec::new());
    for (index, example) in examples.into_iter().enumerate() {
        if held.contains(&index) { valid.push(example) } else { train.push(example) }
    }
    (train, valid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examples(labels: &[&str]) -> Vec<Example> {
        labels.iter().map(|label| Example { text: "t".to_owned(), label: (*label).to_owned() }).collect()
    }

    fn labels(train: &[&str], problem: Problem) -> Outcome<Labels> {
        Labels::of(&examples(train), LabelForm { problem, delimiter: ';', soft: false }, Path::new("x.csv"))
    }

    #[test]
    fn several_labels_go_both_ways() {
        let labels = labels(&["b; a", "", "c"], Problem::MultiLabel).unwrap();
        assert_eq!(labels.names, ["a", "b", "c"]);
        let targets = labels.targets(&examples(&["c;a", ""]), Path::new("x.csv")).unwrap();
        assert_eq!(targets, Targets::Labels(vec![vec![true, false, true], vec![false; 3]]));
        assert_eq!(labels.prediction(&[0.9, 0.1, 0.5]).unwrap().label, "a;c");
        assert!(labels.targets(&examples(&["d"]), Path::new("x.csv")).unwrap_err().message.contains("`d`"));
    }

    #[test]
    fn numbers_go_both_ways() {
        let labels = labels(&["1.5", "-2"], Problem::Regression).unwrap();
        let targets = labels.targets(&examples(&["1.5", " -2 "]), Path::new("x.csv")).unwrap();
        assert_eq!(targets, Targets::Values(vec![1.5, -2.0]));
        assert_eq!(labels.prediction(&[2.5]).unwrap().label, "2.5");
        for wrong in ["one", "nan", "inf", ""] {
            assert!(labels.targets(&examples(&[wrong]), Path::new("x.csv")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn folds_part_the_examples() {
        let all: Vec<&str> = ["a", "b", "a", "b", "a", "b", "a", "b"].to_vec();
        let (train, valid) = fold(examples(&all), (2, 4), 1);
        assert_eq!((train.len(), valid.len()), (6, 2));
        assert_ne!(valid[0].label, valid[1].label);
        assert!(labels(&["a", "a"], Problem::SingleLabel).is_err());
    }
}
