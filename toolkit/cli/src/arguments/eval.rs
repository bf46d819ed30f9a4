//! Arguments of `glossa eval`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{CheckpointArguments, Method, RecipeArguments, UnitsName};

#[derive(Subcommand)]
pub(crate) enum EvalCommand {
    /// The tasks with their languages, metrics and licences.
    List(EvalList),
    /// Download what may be downloaded of a task, and check what is there.
    Fetch(EvalFetch),
    /// Train and score a system on a task, several seeds.
    Run(Box<EvalRun>),
    /// Score any system's predictions: in general, or by a task's official metrics.
    Score(EvalScore),
    /// Two systems on the same items: difference, interval, tests, a verdict in words.
    Compare(EvalCompare),
    /// Write the official file of answers.
    Submit(EvalSubmit),
    /// Check an official file of answers that was made elsewhere.
    Check(EvalCheck),
    /// The leaderboard: one page from a folder of results.
    Page(EvalPage),
}

#[derive(Args)]
pub(crate) struct EvalList {
    /// One task, such as haha-2019, with all that is known of it.
    #[arg(value_name = "TASK")]
    pub(crate) task: Option<String>,
}

/// A task and its official files.
#[derive(Args)]
pub(crate) struct TaskArguments {
    /// The task with its choices, such as sib200/eus_Latn or cls/de/books: see `eval list`.
    #[arg(value_name = "TASK")]
    pub(crate) task: String,
    /// The folder with the official files.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Take files with another number of items than the official ones: samples.
    #[arg(long)]
    pub(crate) any_size: bool,
}

#[derive(Args)]
pub(crate) struct EvalFetch {
    /// The task with its choices.
    #[arg(value_name = "TASK")]
    pub(crate) task: String,
    /// The folder for the official files.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
}

#[derive(Args)]
pub(crate) struct EvalRun {
    #[command(flatten)]
    pub(crate) task: TaskArguments,
    /// What classifies.
    #[arg(long, value_enum, default_value = "network")]
    pub(crate) method: Method,
    /// A language model or encoder to start from; of several, such as a forward and a backward one, the answers are
    /// averaged.
    #[arg(long, visible_alias = "backbone", value_name = "DIR")]
    pub(crate) model: Vec<PathBuf>,
    /// A tokenizer, for fresh weights or a baseline on pieces.
    #[arg(long, value_name = "DIR", conflicts_with = "model")]
    pub(crate) tokenizer: Option<PathBuf>,
    /// What a baseline counts.
    #[arg(long, value_enum, default_value = "words")]
    pub(crate) units: UnitsName,
    /// Do not fine-tune language models on the task's texts first.
    #[arg(long)]
    pub(crate) no_finetune: bool,
    /// Seeds, from --seed on; the mean is the headline.
    #[arg(long, default_value_t = 3, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(crate) seeds: u64,
    /// Train each seed so many times, each time without one of as many parts, and average the answers.
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    pub(crate) folds: usize,
    /// The split that is learned from, such as MLDoc's train-1000.
    #[arg(long, default_value = "train", value_name = "NAME")]
    pub(crate) train_split: String,
    /// How the answers of all seeds and folds become one.
    #[arg(long, value_enum, default_value = "mean")]
    pub(crate) combine: CombineName,
    /// The split that is scored.
    #[arg(long, default_value = "test", value_name = "NAME")]
    pub(crate) split: String,
    /// The system's name on leaderboards; by default its method or recipe.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// The folder of everything; what is there and fits is kept.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// The folder of results for `eval page`; by default `results` in --out.
    #[arg(long, value_name = "DIR")]
    pub(crate) results: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) recipe: RecipeArguments,
    #[command(flatten)]
    pub(crate) checkpoints: CheckpointArguments,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum CombineName {
    /// Their mean.
    Mean,
    /// Weighted by seed and direction, fitted on what folds hold out.
    Weights,
    /// The seed that is best on what folds hold out; labelled as such.
    BestSeed,
}

#[derive(Args)]
pub(crate) struct EvalScore {
    /// Predictions: .jsonl, .csv or .tsv with `label` and, unless --gold or --data is given, `gold`.
    #[arg(value_name = "FILE")]
    pub(crate) predictions: PathBuf,
    /// The gold labels, in the same order.
    #[arg(long, value_name = "FILE")]
    pub(crate) gold: Option<PathBuf>,
    /// Column of the label in the gold file.
    #[arg(long, value_name = "NAME")]
    pub(crate) label_column: Option<String>,
    /// Name of the task, for the signature; with --data its official metrics.
    #[arg(long, value_name = "NAME")]
    pub(crate) task: Option<String>,
    /// The folder with the task's official files: score by its own metrics.
    #[arg(long, value_name = "DIR", requires = "task", conflicts_with = "gold")]
    pub(crate) data: Option<PathBuf>,
    /// Take files with another number of items than the official ones.
    #[arg(long, requires = "data")]
    pub(crate) any_size: bool,
    /// Name of the split.
    #[arg(long, value_name = "NAME")]
    pub(crate) split: Option<String>,
}

#[derive(Args)]
pub(crate) struct EvalCompare {
    /// The predictions of one system, with gold labels; of several seeds, all of them, between commas.
    #[arg(value_name = "FILE", value_delimiter = ',', required = true)]
    pub(crate) left: Vec<PathBuf>,
    /// Those of the other.
    #[arg(long, value_name = "FILE", value_delimiter = ',', required = true)]
    pub(crate) with: Vec<PathBuf>,
    /// Names of the two.
    #[arg(long, value_name = "NAME", num_args = 2, value_names = ["LEFT", "RIGHT"])]
    pub(crate) names: Vec<String>,
    /// What to compare by: accuracy, macro_f1, weighted_f1, matthews, f1:LABEL, rmse, mae, pearson.
    #[arg(long, default_value = "accuracy", value_name = "METRIC")]
    pub(crate) metric: String,
    /// Resamples of each test.
    #[arg(long, default_value_t = 10_000, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    pub(crate) resamples: u32,
}

#[derive(Args)]
pub(crate) struct EvalSubmit {
    #[command(flatten)]
    pub(crate) task: TaskArguments,
    /// Predicted labels.
    #[arg(long, value_name = "FILE")]
    pub(crate) labels: Option<PathBuf>,
    /// Predicted numbers, which HAHA's file holds beside the labels.
    #[arg(long, value_name = "FILE")]
    pub(crate) numbers: Option<PathBuf>,
    /// The split that is answered.
    #[arg(long, default_value = "test", value_name = "NAME")]
    pub(crate) split: String,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[derive(Args)]
pub(crate) struct EvalCheck {
    #[command(flatten)]
    pub(crate) task: TaskArguments,
    /// The file of answers.
    #[arg(long, value_name = "FILE")]
    pub(crate) answers: PathBuf,
    /// The split that it answers.
    #[arg(long, default_value = "test", value_name = "NAME")]
    pub(crate) split: String,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum TableFormat {
    Text,
    Markdown,
    Latex,
    Html,
}

#[derive(Args)]
pub(crate) struct EvalPage {
    /// A folder of results: the files that `eval run` writes, and others of the same form.
    #[arg(value_name = "DIR")]
    pub(crate) results: PathBuf,
    /// The page to write (.html).
    #[arg(long, value_name = "FILE", required_unless_present = "against")]
    pub(crate) out: Option<PathBuf>,
    /// Instead of the page: the results of one task beside the published ones.
    #[arg(long, value_name = "TASK")]
    pub(crate) against: Option<String>,
    /// With --against: the form of the table.
    #[arg(long, value_enum, default_value = "text", requires = "against")]
    pub(crate) format: TableFormat,
    /// The page's title.
    #[arg(long, default_value = "Leaderboard", value_name = "TEXT")]
    pub(crate) title: String,
}
