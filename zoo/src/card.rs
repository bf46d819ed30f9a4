//! The card of a model folder (`README.md`): a YAML head that the Hugging Face hub reads, and a
//! page for people. It says what it is told and measures nothing.

mod head;

use glossa_base::{Failure, LanguageCode};
use serde::{Deserialize, Serialize};
use thiserror::Error as ErrorDerive;

use crate::layout::{self, ModelKind};
use crate::yaml;

pub(crate) use head::Head;

/// Why a card cannot be written.
#[derive(Debug, ErrorDerive, Clone, PartialEq)]
pub enum Error {
    /// A figure is infinite or not a number.
    #[error("the score `{name}` of the card is {value}")]
    NotFinite {
        /// Name of the figure.
        name: String,
        /// Its value.
        value: f64,
    },
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::data(error.to_string()).hint("the training diverged; train again with a lower learning rate")
    }
}

/// One measured figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricRow {
    /// Name of the metric, such as `accuracy` or `perplexity by word`.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// What it was measured on, such as `sib200/eus_Latn test`.
    pub dataset: String,
}

/// What a card says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// Title of the page and name of the model.
    pub name: String,
    /// Language of the model's text.
    pub language: Option<LanguageCode>,
    /// Identifier of the licence, such as `cc-by-sa-4.0`.
    pub license: Option<String>,
    /// What the model does.
    pub kind: ModelKind,
    /// Its architecture, such as `qrnn`.
    pub architecture: String,
    /// Number of trained parameters.
    pub parameters: Option<u64>,
    /// What it was trained on, in a sentence or two.
    pub corpus: Option<String>,
    /// Its scores.
    pub metrics: Vec<MetricRow>,
    /// The model that it started from.
    pub base_model: Option<String>,
    /// Labels of a classifier, in the order of its outputs.
    pub labels: Vec<String>,
    /// A command that uses the model.
    pub how_to_use: Option<String>,
    /// What it is for.
    #[serde(default)]
    pub intended_use: Option<String>,
    /// What it is not for, and where it fails.
    #[serde(default)]
    pub limits: Option<String>,
    /// Commands that make it again.
    #[serde(default)]
    pub reproduce: Option<String>,
    /// What it was made from: names and SHA-256.
    #[serde(default)]
    pub inputs: Vec<(String, String)>,
    /// Signatures of its scores.
    #[serde(default)]
    pub signatures: Vec<String>,
}

impl Card {
    /// A card that knows only what the model is.
    pub fn new(name: &str, kind: ModelKind, architecture: &str) -> Self {
        Card {
            name: name.to_owned(),
            language: None,
            license: None,
            kind,
            architecture: architecture.to_owned(),
            parameters: None,
            corpus: None,
            metrics: Vec::new(),
            base_model: None,
            labels: Vec::new(),
            how_to_use: None,
            intended_use: None,
            limits: None,
            reproduce: None,
            inputs: Vec::new(),
            signatures: Vec::new(),
        }
    }

    /// The card as Markdown with a YAML head.
    ///
    /// # Errors
    /// [`Error::NotFinite`]: YAML of the hub and readers have no use for such a score.
    pub fn to_markdown(&self) -> Result<String, Error> {
        if let Some(row) = self.metrics.iter().find(|row| !row.value.is_finite()) {
            return Err(Error::NotFinite { name: row.name.clone(), value: row.value });
        }
        Ok(format!("---\n{}---\n\n{}", self.head(), self.body()))
    }

    fn head(&self) -> String {
        let mut head = String::new();
        // The hub knows ISO 639; what follows a hyphen stays on the page.
        let language = self.language.as_ref().and_then(|code| code.as_str().split('-').next());
        let language = language.filter(|code| code.len() <= 3).map(str::to_owned);
        let license = self.license.as_ref().map(|license| license.to_lowercase());
        let fields = [("language", language), ("license", license), ("base_model", self.base_model.clone())];
        for (key, value) in fields {
            if let Some(value) = value {
                head.push_str(&format!("{key}: {}\n", yaml::string(&value)));
            }
        }
        head.push_str(&format!("library_name: {}\n", layout::LIBRARY));
        head.push_str(&format!("pipeline_tag: {}\n", self.kind.pipeline_tag()));
        head.push_str(&list("tags", &[layout::LIBRARY.to_owned(), self.architecture.clone()]));
        if !self.metrics.is_empty() {
            let mut names: Vec<String> = Vec::new();
            for name in self.metrics.iter().map(|row| identifier(&row.name)) {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            head.push_str(&list("metrics", &names));
            head.push_str(&self.model_index());
        }
        head
    }

    /// Scores in the hub's form, one result a data set.
    fn model_index(&self) -> String {
        let mut index = format!("model-index:\n- name: {}\n  results:\n", yaml::string(&self.name));
        let mut done: Vec<&str> = Vec::new();
        for dataset in self.metrics.iter().map(|row| row.dataset.as_str()) {
            if done.contains(&dataset) {
                continue;
            }
            done.push(dataset);
            let (tag, kind) = (self.kind.pipeline_tag(), yaml::string(&identifier(dataset)));
            index.push_str(&format!(
                "  - task:\n      type: {tag}\n    dataset:\n      name: {}\n",
                yaml::string(dataset)
            ));
            index.push_str(&format!("      type: {kind}\n    metrics:\n"));
            for row in self.metrics.iter().filter(|row| row.dataset == dataset) {
                let (kind, name) = (yaml::string(&identifier(&row.name)), yaml::string(&row.name));
                let value = yaml::number(row.value);
                index.push_str(&format!("    - type: {kind}\n      name: {name}\n      value: {value}\n"));
            }
        }
        index
    }

    fn body(&self) -> String {
        let mut body = format!("# {}\n\n{}\n", inline(&self.name), self.introduction());
        body.push_str(&section("Intended use", self.intended_use.as_deref().map(inline)));
        body.push_str(&section("Limits", self.limits.as_deref().map(inline)));
        body.push_str(&section("Data", self.data()));
        body.push_str(&section("Labels", items(&self.labels, inline)));
        body.push_str(&section("Scores", self.scores()));
        body.push_str(&section("Use", self.how_to_use.as_deref().map(fenced)));
        body.push_str(&section("How to reproduce", self.reproduce.as_deref().map(fenced)));
        // A card that is not published yet may have none; the head says it in any case.
        let publishes = self.intended_use.is_some() || self.limits.is_some() || self.reproduce.is_some();
        let license = self.license.as_ref().filter(|_| publishes).map(|license| code(&license.to_lowercase()));
        body.push_str(&section("Licence", license));
        let (recipe, manifest) = (layout::RECIPE, layout::MANIFEST);
        body.push_str(&format!("\nThe recipe is in `{recipe}`, the hashes of all files in `{manifest}`.\n"));
        body
    }

    fn data(&self) -> Option<String> {
        let mut text = self.corpus.as_deref().map(inline).unwrap_or_default();
        if !self.inputs.is_empty() {
            let rows = self.inputs.iter().map(|(name, hash)| format!("\n| {} | {} |", inline(name), code(hash)));
            let space = if text.is_empty() { "" } else { "\n\n" };
            text.push_str(&format!("{space}| made from | sha256 |\n|---|---|{}", rows.collect::<String>()));
        }
        Some(text).filter(|text| !text.is_empty())
    }

    fn scores(&self) -> Option<String> {
        if self.metrics.is_empty() {
            return None;
        }
        let row =
            |row: &MetricRow| format!("\n| {} | {:.4} | {} |", inline(&row.name), row.value, inline(&row.dataset));
        let rows: String = self.metrics.iter().map(row).collect();
        let signatures = items(&self.signatures, code).map(|list| format!("\n\nSignatures:\n\n{list}"));
        Some(format!("| metric | value | data |\n|---|---|---|{rows}{}", signatures.unwrap_or_default()))
    }

    fn introduction(&self) -> String {
        let language = self.language.as_ref().map(|code| format!(" for the language `{code}`")).unwrap_or_default();
        let mut text = format!("A {} ({}){language}", self.kind.words(), inline(&self.architecture));
        if let Some(parameters) = self.parameters {
            text.push_str(&format!(", {} parameters", grouped(parameters)));
        }
        text.push_str(&format!(", made with {} {}.", layout::LIBRARY, glossa_base::TOOL_VERSION));
        if let Some(base) = &self.base_model {
            text.push_str(&format!(" It started from {}.", inline(base)));
        }
        text
    }
}

fn list(key: &str, values: &[String]) -> String {
    let items: Vec<String> = values.iter().map(|value| format!("- {}\n", yaml::string(value))).collect();
    format!("{key}:\n{}", items.concat())
}

/// A name as the hub likes identifiers: lower case, joined by underscores.
fn identifier(name: &str) -> String {
    let words: Vec<&str> = name.split(|letter: char| letter.is_whitespace() || letter == ':').collect();
    words.join("_").to_lowercase()
}

/// Text of others on one line of a page: no table, tag or heading of theirs.
fn inline(text: &str) -> String {
    let mut line = String::new();
    for letter in text.chars() {
        match letter {
            '|' | '<' | '`' | '[' | ']' | '*' | '#' | '\\' => line.extend(['\\', letter]),
            letter if letter.is_control() => line.push(' '),
            letter => line.push(letter),
        }
    }
    line.trim().to_owned()
}

fn section(title: &str, text: Option<String>) -> String {
    text.map(|text| format!("\n## {title}\n\n{text}\n")).unwrap_or_default()
}

fn items(texts: &[String], shown: fn(&str) -> String) -> Option<String> {
    let lines: Vec<String> = texts.iter().map(|text| format!("- {}", shown(text))).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// A text as it is, on one line.
fn code(text: &str) -> String {
    let line: String =
        text.chars().map(|letter| if letter.is_control() || letter == '`' { ' ' } else { letter }).collect();
    format!("`{line}`")
}

fn fenced(command: &str) -> String {
    let fence = fence(command);
    format!("{fence}sh\n{}\n{fence}", command.trim_end())
}

/// A fence longer than any run of backticks in the text.
fn fence(text: &str) -> String {
    let longest = text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

/// 1234567 as 1,234,567.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&[u8]> = digits.as_bytes().rchunks(3).rev().collect();
    groups.iter().map(|group| String::from_utf8_lossy(group)).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests;
