//! Every figure of a demo, and the lines that say it to people.

use std::path::PathBuf;

use glossa_base::{Failure, Outcome};
use glossa_corpora::Summary;
use glossa_learn::EpochRecord;
use serde::Serialize;

use crate::classifier::ClassifierOutcome;
use crate::language_model::{LanguageModelOutcome, PerplexityOutcome};
use crate::tokenizer::TokenizerStatistics;

/// One stage: what it does, how to call it, what came of it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Stage {
    /// From 1.
    pub number: usize,
    /// Its name.
    pub title: String,
    /// What it does and why.
    pub why: String,
    /// The same by public commands: the words after `glossa`.
    pub commands: Vec<Vec<String>>,
    /// What came of it, line by line.
    pub results: Vec<String>,
    /// How long it took.
    pub seconds: f64,
}

impl Stage {
    /// The commands as one types them in a shell.
    pub fn command_lines(&self) -> Vec<String> {
        let line =
            |words: &Vec<String>| words.iter().fold("glossa".to_owned(), |line, word| line + " " + &quoted(word));
        self.commands.iter().map(line).collect()
    }
}

fn quoted(word: &str) -> String {
    let plain = |character: char| character.is_alphanumeric() || "-_./=,:".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// What the sample consists of.
#[derive(Debug, Clone, Serialize)]
pub struct SampleCounts {
    /// Documents without labels.
    pub documents: usize,
    /// Their words.
    pub words: u64,
    /// The labels of the task.
    pub labels: Vec<String>,
    /// Sentences to learn from.
    pub train: usize,
    /// Sentences to judge epochs by.
    pub valid: usize,
    /// Sentences to score on.
    pub test: usize,
}

/// A text and its pieces.
#[derive(Debug, Clone, Serialize)]
pub struct Segmented {
    /// The text.
    pub text: String,
    /// Its pieces in order.
    pub pieces: Vec<String>,
}

/// One way to classify and how well it does on the test set.
#[derive(Debug, Clone, Serialize)]
pub struct System {
    /// What it is.
    pub name: String,
    /// Its model folder.
    pub folder: PathBuf,
    /// Share of right labels.
    pub accuracy: f64,
    /// Ends of the 95 % bootstrap interval of the accuracy.
    pub interval: Option<(f64, f64)>,
    /// Mean F1 of the labels.
    pub macro_f1: f64,
}

impl System {
    pub(super) fn of(name: &str, outcome: &ClassifierOutcome) -> Outcome<Self> {
        let report = outcome.test.as_ref().ok_or_else(|| Failure::data("a classifier was not scored"))?;
        let score = report.scores.iter().find(|score| score.metric == "accuracy");
        Ok(System {
            name: name.to_owned(),
            folder: outcome.folder.clone(),
            accuracy: report.metrics.accuracy,
            interval: score.and_then(|score| score.interval).map(|interval| (interval.low, interval.high)),
            macro_f1: report.metrics.macro_average.f1,
        })
    }

    fn accuracy_text(&self) -> String {
        let interval =
            self.interval.map(|(low, high)| format!(" (95 % interval {:.1} to {:.1})", 100.0 * low, 100.0 * high));
        format!("{:.1} % right{}", 100.0 * self.accuracy, interval.unwrap_or_default())
    }
}

/// A prediction beside the right label.
#[derive(Debug, Clone, Serialize)]
pub struct Guess {
    /// The text.
    pub text: String,
    /// The right label.
    pub gold: String,
    /// The predicted label.
    pub label: String,
    /// Its probability.
    pub probability: f64,
}

impl Guess {
    pub(super) fn line(&self) -> String {
        let verdict = if self.label == self.gold { String::new() } else { format!(" (it is {})", self.gold) };
        format!("{:>3.0} %  {:<12}  {}{verdict}", 100.0 * self.probability, self.label, self.text)
    }
}

/// Everything that a demo came to.
#[derive(Debug, Clone, Serialize)]
pub struct DemoOutcome {
    /// The folder of everything.
    pub folder: PathBuf,
    /// Code of the sample's language.
    pub language: String,
    /// Its English name.
    pub language_name: String,
    /// The seed of everything.
    pub seed: u64,
    /// The preset of all stages.
    pub preset: String,
    /// How long all stages took.
    pub seconds: f64,
    /// The sample.
    pub sample: SampleCounts,
    /// The corpus.
    pub corpus: Summary,
    /// The tokenizer on the corpus's validation split.
    pub tokenizer: TokenizerStatistics,
    /// Examples of what the tokenizer does.
    pub segmented: Vec<Segmented>,
    /// The pretrained language model.
    pub language_model: LanguageModelOutcome,
    /// Its perplexity on the corpus's test split.
    pub perplexity: PerplexityOutcome,
    /// What it wrote.
    pub generated: Segmented,
    /// The fine-tuned language model.
    pub finetuned: LanguageModelOutcome,
    /// Epochs of the classifier from random weights.
    pub from_scratch_records: Vec<EpochRecord>,
    /// Epochs of the classifier from the language model.
    pub classifier_records: Vec<EpochRecord>,
    /// The classifiers on the test set; the pretrained one last.
    pub systems: Vec<System>,
    /// Predictions of the pretrained one on sentences that are in no file of the sample.
    pub guesses: Vec<Guess>,
    /// The model folder to go on with.
    pub model: PathBuf,
    /// Its predictions on the test set.
    pub predictions: PathBuf,
    /// The report.
    pub report: PathBuf,
    /// The stages in order.
    pub stages: Vec<Stage>,
}

pub(super) fn score_line(name: &str, outcome: &ClassifierOutcome) -> Outcome<String> {
    Ok(format!("{name}: {}", System::of(name, outcome)?.accuracy_text()))
}

pub(super) fn language_model_results(
    model: &LanguageModelOutcome,
    judged: &PerplexityOutcome,
    vocabulary: usize,
) -> Vec<String> {
    let epochs = model.records.len();
    let falls = match (model.records.first(), model.records.last()) {
        (Some(first), Some(last)) if epochs > 1 => {
            format!(
                ", training loss {:.2} in the first epoch and {:.2} in the last",
                first.train_likelihood, last.train_likelihood
            )
        }
        _ => String::new(),
    };
    vec![
        format!("{:.2} million weights, {epochs} epochs{falls}", model.parameters as f64 / 1e6),
        format!(
            "On the test split it hesitates between {:.1} pieces on average (its perplexity), of {vocabulary}; \
             {:.0} % of its first guesses are right",
            judged.by_piece.unwrap_or(f64::NAN),
            100.0 * judged.accuracy
        ),
    ]
}

pub(super) fn finetuned_results(outcome: &LanguageModelOutcome) -> Vec<String> {
    let perplexity = |record: &EpochRecord| record.validation.get("perplexity").copied();
    let values: Vec<String> =
        outcome.records.iter().filter_map(perplexity).map(|value| format!("{value:.1}")).collect();
    vec![format!("perplexity on valid.csv, epoch by epoch: {}", values.join(", "))]
}

/// How the pretrained classifier compares with the others, a line a system.
pub(super) fn comparison(systems: &[System]) -> Vec<String> {
    let line = |system: &System| format!("{:<26} {}", system.name, system.accuracy_text());
    systems.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_survive_a_shell() {
        let check = |word: &str, expected: &str| {
            let stage = Stage { commands: vec![vec![word.to_owned()]], ..Stage::default() };
            assert_eq!(stage.command_lines(), [format!("glossa {expected}")]);
        };
        check("--out", "--out");
        check("demo/a b", "'demo/a b'");
        check("It's $x", "'It'\\''s $x'");
        check("", "''");
    }
}
