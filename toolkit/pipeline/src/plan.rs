//! The plan of a run: every stage with its arguments, inputs with hashes, output, resources and what it
//! waits for, as a file. A cluster runs it stage by stage; nothing else need be told.

mod estimate;
mod stages;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use glossa_base::atomic::write_file;
use glossa_base::manifest::FileRecord;
use glossa_base::{Failure, Outcome, TOOL_VERSION};
use glossa_corpora::{Options, SourceKind};
use glossa_recipes::Recipe;
use glossa_recipes::recipe::TokenizerRecipe;
use serde::{Deserialize, Serialize};

use crate::tokenizer::Written;

pub use estimate::Estimate;
pub use stages::{PlanSetting, plan};

/// The version of the plan's format.
pub const FORMAT: u32 = 1;

/// The plan's name in the folder of a run.
pub const FILE_NAME: &str = "plan.json";

/// The plan of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Version of this format.
    pub format: u32,
    /// Version of the tool that made it, which alone runs it.
    pub tool_version: String,
    /// Where to compute.
    pub device: String,
    /// The stages, each after those that it waits for.
    pub tasks: Vec<Stage>,
}

/// One stage of one language.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Its name, such as `eu/tokenizer`.
    pub id: String,
    /// The language's code.
    pub language: String,
    /// What is done, with all settings.
    pub work: Work,
    /// The seed of its randomness.
    pub seed: u64,
    /// Files from outside that it reads.
    pub inputs: Vec<FileRecord>,
    /// The stages that it waits for.
    pub after: Vec<String>,
    /// The folder or file that it makes, below the plan's folder.
    pub output: PathBuf,
    /// What it is likely to need.
    pub estimate: Estimate,
}

/// Which way a model reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From the beginning of a text.
    Forward,
    /// From its end.
    Backward,
}

impl Direction {
    /// Its name in folders.
    pub fn name(self) -> &'static str {
        match self {
            Direction::Forward => "forward",
            Direction::Backward => "backward",
        }
    }
}

/// A source of a corpus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorpusInput {
    /// File or folder.
    pub path: PathBuf,
    /// Its kind; the name tells otherwise.
    pub kind: Option<SourceKind>,
}

/// A labelled set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskFiles {
    /// The task's name.
    pub name: String,
    /// To learn from.
    pub train: PathBuf,
    /// To judge epochs by.
    pub valid: Option<PathBuf>,
    /// To be scored on.
    pub test: Option<PathBuf>,
    /// Texts to write a submission for.
    pub submit: Option<PathBuf>,
    /// The column of texts.
    pub text: Option<String>,
    /// The column of labels.
    pub label: Option<String>,
    /// The column of second texts.
    pub pair: Option<String>,
}

/// What a stage does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Work {
    /// Brings a Wikipedia's dump.
    Fetch {
        /// The dump's date; the newest complete one otherwise.
        date: Option<String>,
    },
    /// Builds the corpus.
    Corpus {
        /// How.
        options: Box<Options>,
        /// From which files, beside a fetched dump.
        sources: Vec<CorpusInput>,
    },
    /// Trains the tokenizer.
    Tokenizer {
        /// How.
        recipe: TokenizerRecipe,
        /// For which language.
        written: Written,
    },
    /// Turns the corpus into pieces.
    Tokens,
    /// Pretrains a language model.
    Pretrain {
        /// Which way it reads.
        direction: Direction,
        /// How.
        recipe: Box<Recipe>,
    },
    /// Measures a language model on the corpus's test split.
    Perplexity {
        /// Which one.
        direction: Direction,
    },
    /// Fine-tunes a language model on a task's texts.
    Finetune {
        /// Which way it reads.
        direction: Direction,
        /// How.
        recipe: Box<Recipe>,
        /// The texts.
        files: TaskFiles,
    },
    /// Trains a classifier.
    Classify {
        /// Which way it reads.
        direction: Direction,
        /// How.
        recipe: Box<Recipe>,
        /// The examples.
        files: TaskFiles,
    },
    /// Scores all classifiers of a task, those of a seed averaged.
    Score {
        /// The directions that are averaged.
        directions: Vec<Direction>,
        /// How many seeds there are.
        seeds: u32,
        /// The examples.
        files: TaskFiles,
    },
    /// Writes the labels that all classifiers of a task give together.
    Submission {
        /// The directions that are averaged.
        directions: Vec<Direction>,
        /// How many seeds there are.
        seeds: u32,
        /// The texts.
        files: TaskFiles,
    },
}

impl Work {
    /// The stage's kind, as in the plan.
    pub fn name(&self) -> &'static str {
        match self {
            Work::Fetch { .. } => "fetch",
            Work::Corpus { .. } => "corpus",
            Work::Tokenizer { .. } => "tokenizer",
            Work::Tokens => "tokens",
            Work::Pretrain { .. } => "pretrain",
            Work::Perplexity { .. } => "perplexity",
            Work::Finetune { .. } => "finetune",
            Work::Classify { .. } => "classify",
            Work::Score { .. } => "score",
            Work::Submission { .. } => "submission",
        }
    }

    /// The settings that its result depends on: of a recipe, only the sections that it reads.
    ///
    /// # Errors
    /// Never in practice: a number that JSON cannot hold.
    pub fn settings(&self) -> Outcome<BTreeMap<String, serde_json::Value>> {
        let mut value = crate::stage::json(self)?;
        let read: &[&str] = match self {
            Work::Pretrain { .. } => &["encoder", "pretrain"],
            Work::Finetune { .. } => &["finetune"],
            Work::Classify { .. } => &["classify"],
            _ => &["algorithm", "vocabulary_size", "rules", "sample_megabytes"],
        };
        if let Some(recipe) = value.get_mut("recipe").and_then(serde_json::Value::as_object_mut) {
            recipe.retain(|key, _| read.contains(&key.as_str()));
        }
        let mut settings = BTreeMap::new();
        flatten("", &value, &mut settings);
        Ok(settings)
    }
}

/// The values of a JSON object by their paths.
fn flatten(prefix: &str, value: &serde_json::Value, settings: &mut BTreeMap<String, serde_json::Value>) {
    match value {
        serde_json::Value::Object(fields) if !fields.is_empty() => {
            for (name, inner) in fields {
                let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                flatten(&key, inner, settings);
            }
        }
        _ => drop(settings.insert(prefix.to_owned(), value.clone())),
    }
}

impl Plan {
    /// Writes the plan into the folder of its run, whole.
    ///
    /// # Errors
    /// What the disk says.
    pub fn write(&self, root: &Path) -> Outcome<PathBuf> {
        let path = root.join(FILE_NAME);
        let text =
            serde_json::to_vec_pretty(self).map_err(|cause| Failure::data("cannot write the plan").because(cause))?;
        write_file(&path, &text)?;
        Ok(path)
    }

    /// Reads a plan.
    ///
    /// # Errors
    /// No plan, or one of another version of the format or of glossa.
    pub fn read(path: &Path) -> Outcome<Self> {
        let bytes = std::fs::read(path).map_err(|cause| Failure::io("read", path, cause))?;
        let refuse = |problem: String| {
            Err(Failure::data(format!("{} {problem}", path.display()))
                .hint("make it again with `glossa pipeline plan`; what is done stays done"))
        };
        let head: Head = match serde_json::from_slice(&bytes) {
            Ok(head) => head,
            Err(cause) => return refuse(format!("is no plan: {cause}")),
        };
        if head.format != FORMAT {
            return refuse(format!("has format {}, this glossa knows {FORMAT}", head.format));
        }
        if head.tool_version != TOOL_VERSION {
            return refuse(format!("was made by glossa {}, this is {TOOL_VERSION}", head.tool_version));
        }
        let plan: Plan = match serde_json::from_slice(&bytes) {
            Ok(plan) => plan,
            Err(cause) => return refuse(format!("is no plan: {cause}")),
        };
        match plan.check() {
            Ok(()) => Ok(plan),
            Err(problem) => refuse(problem),
        }
    }

    /// Refuses stages that wait for what does not come before them, and outputs outside of the folder.
    fn check(&self) -> Result<(), String> {
        let mut before = std::collections::BTreeSet::new();
        for stage in &self.tasks {
            if let Some(missing) = stage.after.iter().find(|id| !before.contains(id.as_str())) {
                return Err(format!("is no plan: {} waits for {missing}, which does not come before it", stage.id));
            }
            let plain = |part: std::path::Component<'_>| matches!(part, std::path::Component::Normal(_));
            if !stage.output.components().all(plain) || stage.output.as_os_str().is_empty() {
                return Err(format!("is no plan: the output of {} leads out of its folder", stage.id));
            }
            if !before.insert(stage.id.as_str()) {
                return Err(format!("is no plan: {} is there twice", stage.id));
            }
        }
        Ok(())
    }

    /// A stage by its name.
    pub fn stage(&self, id: &str) -> Option<&Stage> {
        self.tasks.iter().find(|stage| stage.id == id)
    }
}

#[derive(Deserialize)]
struct Head {
    format: u32,
    tool_version: String,
}
