//! A language with every setting resolved.

use glossa_base::LanguageCode;
use serde::{Deserialize, Serialize};

use crate::Cleaning;
use crate::schema::{Corpus, Direction, Segmenter, Splitting, Task};

/// A language with every setting resolved.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Language {
    /// The code as Wikipedia writes it.
    pub code: LanguageCode,
    /// English name.
    pub name: String,
    /// The language's own name for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native_name: Option<String>,
    /// The code of ISO 639-3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iso_639_3: Option<String>,
    /// The language tag of BCP 47; the code where none is given.
    pub bcp_47: String,
    /// The script that most text is written in, as in ISO 15924, such as `Latn`.
    pub script: String,
    /// Other scripts that the language is written in.
    pub other_scripts: Vec<String>,
    /// Where a line begins.
    pub direction: Direction,
    /// Whether words are written with spaces between them.
    pub spaced: bool,
    /// What words are.
    pub segmenter: Segmenter,
    /// Share of the characters of the training text that the tokenizer must write, in (0, 1].
    pub character_coverage: f64,
    /// Pieces that a tokenizer needs at least; 0 for no bound.
    pub minimum_vocabulary: u32,
    /// whatlang's code of the language, where it knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whatlang: Option<String>,
    /// Published labelled sets that have the language.
    pub benchmarks: Vec<String>,
    /// What is particular about a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Fixes and filters of the corpus.
    pub cleaning: Cleaning,
    /// Where text comes from; together they make one corpus.
    pub corpora: Vec<Corpus>,
    /// How the corpus is read and split.
    pub split: Splitting,
    /// The preset of all recipes.
    pub preset: String,
    /// Single values of the recipe that differ from the preset's.
    pub recipe: toml::Table,
    /// Whether models are trained backward too.
    pub backward: bool,
    /// Classifiers of each task.
    pub seeds: u32,
    /// Labelled examples.
    pub tasks: Vec<Task>,
}

/// What cleaning, splitting and scoring must know of a language's writing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Writing {
    /// The code as Wikipedia writes it.
    pub code: LanguageCode,
    /// The scripts, the main one first.
    pub scripts: Vec<String>,
    /// Whether words are written with spaces between them.
    pub spaced: bool,
    /// What words are.
    pub segmenter: Segmenter,
    /// whatlang's code, where it knows the language.
    pub whatlang: Option<String>,
}

impl Writing {
    /// The main script, as in ISO 15924.
    pub fn script(&self) -> &str {
        self.scripts.first().map_or("", String::as_str)
    }
}

impl Language {
    /// What is known of its writing.
    pub fn writing(&self) -> Writing {
        Writing {
            code: self.code.clone(),
            scripts: std::iter::once(&self.script).chain(&self.other_scripts).cloned().collect(),
            spaced: self.spaced,
            segmenter: self.segmenter,
            whatlang: self.whatlang.clone(),
        }
    }
}
