//! What may stand in a language file, and in the files that it inherits from. Every key may be missing;
//! what must be there is decided once all layers are laid over each other.

use glossa_base::LanguageCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Cleaning, Document, Error, FORMAT};

/// A language file as written: every key is optional but `format`, and what is missing is inherited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "glossa language file")]
pub struct File {
    /// Version of this format: 1.
    #[schemars(range(min = 1, max = 1))]
    pub format: u32,
    /// The code as Wikipedia writes it, such as eu or zh-yue.
    #[schemars(with = "Option<String>")]
    pub code: Option<LanguageCode>,
    /// English name.
    pub name: Option<String>,
    /// The language's own name for itself.
    pub native_name: Option<String>,
    /// The code of ISO 639-3, three letters.
    #[schemars(regex(pattern = "^[a-z]{3}$"))]
    pub iso_639_3: Option<String>,
    /// The language tag of BCP 47, such as zh-Hant or be-tarask.
    pub bcp_47: Option<String>,
    /// The script that most text is written in, as in ISO 15924, such as Latn.
    #[schemars(regex(pattern = "^[A-Z][a-z]{3}$"))]
    pub script: Option<String>,
    /// Other scripts that the language is written in.
    pub other_scripts: Option<Vec<String>>,
    /// Where a line begins.
    pub direction: Option<Direction>,
    /// Whether words are written with spaces between them.
    pub spaced: Option<bool>,
    /// What words are, for scores by word and for statistics.
    pub segmenter: Option<Segmenter>,
    /// Share of the characters of the training text that the tokenizer must write, above 0, at most 1.
    #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0.0))]
    pub character_coverage: Option<f64>,
    /// Pieces that a tokenizer needs at least, where there are many characters; 0 for no bound.
    #[schemars(range(max = 100_000))]
    pub minimum_vocabulary: Option<u32>,
    /// whatlang's code of the language, where it knows it.
    pub whatlang: Option<String>,
    /// Published labelled sets that have the language.
    pub benchmarks: Option<Vec<String>>,
    /// What is particular about a value.
    pub note: Option<String>,
    /// Fixes and filters of the corpus.
    pub cleaning: Option<Cleaning>,
    /// Where text comes from; together they make one corpus.
    pub corpus: Option<Vec<Corpus>>,
    /// How the corpus is split.
    pub split: Option<Splitting>,
    /// The preset of all recipes, such as tiny or multifit-paper.
    pub preset: Option<String>,
    /// Single values of the recipe that differ from the preset's, such as `pretrain.training.epochs`.
    #[schemars(with = "Option<std::collections::BTreeMap<String, serde_json::Value>>")]
    pub recipe: Option<toml::Table>,
    /// Whether language models and classifiers are trained backward too, and averaged.
    pub backward: Option<bool>,
    /// How many classifiers are trained for each task, each with a seed of its own.
    #[schemars(range(min = 1, max = 100))]
    pub seeds: Option<u32>,
    /// Labelled examples to learn and to be judged by.
    pub task: Option<Vec<Task>>,
}

/// Where a line begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// At the left.
    #[default]
    LeftToRight,
    /// At the right.
    RightToLeft,
}

/// What words are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Segmenter {
    /// What stands between white space.
    #[default]
    WhiteSpace,
    /// What the Unicode standard's rules find (UAX 29): syllables in Tibetan.
    Unicode,
    /// What a dictionary or a small network finds (ICU4X): Chinese, Japanese, Thai, Lao, Khmer, Burmese.
    Dictionary,
}

/// One source of text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Corpus {
    /// Which source.
    pub source: CorpusSource,
    /// Of Wikipedia: the dump's date, as YYYYMMDD; the newest complete one otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[0-9]{8}$"))]
    pub date: Option<String>,
    /// Of files: files and folders below the language file's folder, or below the folder of --data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// Of files: their kind, such as text, jsonl or dump; each file's name tells otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// The sources that a language file may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CorpusSource {
    /// The Wikipedia of the language's code.
    Wikipedia,
    /// Files on this machine.
    Files,
}

/// How a corpus is read and split.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Splitting {
    /// What is one document of plain text: `line`, or `block` for lines up to an empty one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documents: Option<Unit>,
    /// Field or column of the text, in JSON lines and tables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_column: Option<String>,
    /// Words to learn from at most; then valid and test have at most 200 thousand each.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub words: Option<u64>,
    /// Share of the documents for validation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1.0))]
    pub valid_share: Option<f64>,
    /// Share of the documents for testing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1.0))]
    pub test_share: Option<f64>,
}

/// What is one document of plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// A line.
    Line,
    /// Lines up to an empty one.
    Block,
}

/// Labelled examples to learn and to be judged by. Paths are below the language file's folder, or below
/// the folder of --data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// A name for folders and reports: small letters, digits and hyphens.
    #[schemars(regex(pattern = "^[a-z0-9][a-z0-9-]*$"))]
    pub name: String,
    /// Examples to learn from.
    pub train: String,
    /// Examples to choose the best epoch by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid: Option<String>,
    /// Examples to be scored on, once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<String>,
    /// Texts without labels, to write a submission for; the test file's otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub submit: Option<String>,
    /// The column of the text; found by its usual names otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_column: Option<String>,
    /// The column of the label; found by its usual names otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_column: Option<String>,
    /// The column of a second text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pair_column: Option<String>,
}

/// Reads a file of any layer, strictly.
///
/// # Errors
/// The first mistake, with line and column; for an unknown key also the nearest right one.
pub fn parse_file(document: Document<'_>) -> Result<File, Error> {
    let file: File = document.read()?;
    if file.format > FORMAT {
        return Err(Error::NewerFormat { file: document.file.to_owned(), found: file.format });
    }
    if file.format != FORMAT {
        return Err(document.invalid("format", format!("format {} does not exist, write {FORMAT}", file.format)));
    }
    crate::check::check(&file, document)?;
    Ok(file)
}

/// The JSON schema of a language file, for editors.
pub fn json_schema() -> String {
    let schema = schemars::schema_for!(File);
    serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
}
