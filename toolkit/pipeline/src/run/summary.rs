//! What a run has come to: a row a language, as a table for the terminal and as a page.

use std::path::Path;

use glossa_base::atomic::write_file;
use glossa_base::{Outcome, TOOL_VERSION};
use serde::Serialize;
use serde_json::Value;

use super::marker::Marker;
use super::{Failed, State, states};
use crate::plan::{Plan, Work};
use crate::report::Page;

/// A row a language.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// The languages in the order of the plan.
    pub languages: Vec<LanguageSummary>,
}

/// What one language has come to.
#[derive(Debug, Clone, Default, Serialize)]
pub struct LanguageSummary {
    /// The code.
    pub language: String,
    /// Documents to learn from.
    pub documents: Option<u64>,
    /// Words to learn from, between white space.
    pub words: Option<u64>,
    /// Pieces of the vocabulary.
    pub vocabulary: Option<u64>,
    /// Pieces a word on the test split, by the language's own segmenter.
    pub pieces_per_word: Option<f64>,
    /// Perplexity by piece of the forward model on the test split.
    pub perplexity_by_piece: Option<f64>,
    /// Whether the model is a masked one, whose perplexity compares with masked ones only.
    pub masked: bool,
    /// Perplexity by word.
    pub perplexity_by_word: Option<f64>,
    /// Bits a character.
    pub bits_per_character: Option<f64>,
    /// The tasks.
    pub tasks: Vec<TaskSummary>,
    /// Seconds of all stages that are done.
    pub seconds: f64,
    /// Stages that are done, of how many.
    pub done: (usize, usize),
    /// What it failed at.
    pub failed: Option<Failed>,
}

/// What a task has come to.
#[derive(Debug, Clone, Serialize)]
pub struct TaskSummary {
    /// The task's name.
    pub name: String,
    /// Accuracy on the test set, the mean over the seeds.
    pub accuracy: f64,
    /// Standard deviation over the seeds, where there are several.
    pub deviation: Option<f64>,
    /// Classifiers.
    pub seeds: u64,
}

/// Reads what a run has left.
///
/// # Errors
/// A file that cannot be read.
pub fn summarise(plan: &Plan, root: &Path, failed: &[Failed]) -> Outcome<Summary> {
    let mut languages: Vec<LanguageSummary> = Vec::new();
    for (stage, state) in plan.tasks.iter().zip(states(plan, root)?) {
        if languages.last().is_none_or(|last| last.language != stage.language) {
            let prefix = format!("{}/", stage.language);
            let failed = failed.iter().find(|failed| failed.stage.starts_with(&prefix)).cloned();
            languages.push(LanguageSummary { language: stage.language.clone(), failed, ..Default::default() });
        }
        let Some(row) = languages.last_mut() else { continue };
        row.done.1 += 1;
        if state.state == State::Done {
            row.done.0 += 1;
            if let Some(marker) = Marker::read(root, &stage.id)? {
                row.add(&stage.work, &marker);
            }
        }
    }
    Ok(Summary { languages })
}

impl LanguageSummary {
    fn add(&mut self, work: &Work, marker: &Marker) {
        self.seconds += marker.seconds;
        let at = |path: &str| marker.summary.pointer(path);
        let whole = |path: &str| at(path).and_then(Value::as_u64);
        let number = |path: &str| at(path).and_then(Value::as_f64);
        match work {
            Work::Corpus { .. } => {
                (self.documents, self.words) = (whole("/train/documents"), whole("/train/words"));
            }
            Work::Tokenizer { .. } => self.vocabulary = whole("/vocabulary_size"),
            Work::Tokens => {
                let (pieces, words) = (number("/pieces"), number("/words"));
                self.pieces_per_word = pieces.zip(words).map(|(pieces, words)| pieces / words.max(1.0));
            }
            Work::Perplexity { direction: crate::plan::Direction::Forward } => {
                self.perplexity_by_piece = number("/by_piece");
                self.masked = at("/masked").and_then(Value::as_bool).unwrap_or(false);
                if !self.masked {
                    self.perplexity_by_word = number("/by_word");
                    self.bits_per_character = number("/bits_per_character");
                }
            }
            Work::Score { files, seeds, .. } => self.tasks.push(TaskSummary {
                name: files.name.clone(),
                accuracy: number("/accuracy").unwrap_or(f64::NAN),
                deviation: number("/accuracy_deviation"),
                seeds: u64::from(*seeds),
            }),
            _ => {}
        }
    }

    fn cells(&self) -> Vec<String> {
        let count = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
        let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
        let tasks: Vec<String> = self.tasks.iter().map(TaskSummary::cell).collect();
        let state = match &self.failed {
            Some(failed) => format!("failed at {}: {}", failed.stage, failed.reason),
            None if self.done.0 == self.done.1 => "done".to_owned(),
            None => format!("{} of {} stages", self.done.0, self.done.1),
        };
        vec![
            self.language.clone(),
            count(self.documents),
            count(self.words),
            count(self.vocabulary),
            number(self.pieces_per_word),
            number(self.perplexity_by_piece) + if self.masked { " (masked)" } else { "" },
            number(self.perplexity_by_word),
            number(self.bits_per_character),
            if tasks.is_empty() { "-".to_owned() } else { tasks.join(", ") },
            format!("{:.0}", self.seconds),
            state,
        ]
    }
}

impl TaskSummary {
    fn cell(&self) -> String {
        let deviation = self.deviation.map_or_else(String::new, |deviation| format!(" ± {deviation:.3}"));
        format!("{} {:.3}{deviation}", self.name, self.accuracy)
    }
}

const HEAD: [&str; 11] = [
    "language",
    "documents",
    "words",
    "vocabulary",
    "pieces a word",
    "perplexity",
    "by word",
    "bits a character",
    "accuracy",
    "seconds",
    "state",
];

impl Summary {
    /// The table for a terminal.
    pub fn to_text(&self) -> String {
        let rows: Vec<Vec<String>> = self.languages.iter().map(LanguageSummary::cells).collect();
        let head: Vec<String> = HEAD.iter().map(|name| (*name).to_owned()).collect();
        let width = |column: usize| {
            let cells = std::iter::once(&head).chain(&rows).filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        std::iter::once(&head).chain(&rows).map(line).collect::<Vec<_>>().join("\n")
    }

    /// Writes the page of a run.
    ///
    /// # Errors
    /// What the disk says.
    pub fn draw(&self, plan: &Plan, path: &Path) -> Outcome<()> {
        let lead =
            format!("{} languages, {} stages, by glossa {TOOL_VERSION}.", self.languages.len(), plan.tasks.len());
        let mut page = Page::new("A run of the pipeline", &lead);
        page.section("Languages");
        let rows: Vec<Vec<String>> = self.languages.iter().map(LanguageSummary::cells).collect();
        page.table(&HEAD, &rows);
        page.note(
            "Perplexity, by piece and by word, and bits a character are of the forward language model on the test split. A word is what the language's segmenter finds; a document's end counts as one. Perplexities by piece of two vocabularies cannot be compared. Words to learn from are counted between white space; where a language writes none, each letter or digit counts as one. Accuracy is on the task's test set, the mean over seeds with its standard deviation.",
        );
        for language in self.languages.iter() {
            if let Some(failed) = &language.failed {
                page.section(&format!("{} failed", language.language));
                page.paragraph(&format!("At {}: {}", failed.stage, failed.reason));
                if let Some(hint) = &failed.hint {
                    page.note(hint);
                }
            }
        }
        write_file(path, page.finish().as_bytes())
    }
}
