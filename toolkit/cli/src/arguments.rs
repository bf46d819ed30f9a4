//! The command line.

mod bootstrap;
mod corpus;
mod embed;
mod eval;
mod language;
mod pipeline;
mod zoo;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use glossa_learn::Interval;

pub(crate) use bootstrap::{
    Bootstrap, BootstrapCommand, BootstrapNoise, BootstrapReport, BootstrapRun, CheckpointArguments, TeacherAdapt,
    TeacherArguments, TeacherCommand, TeacherTrain,
};
pub(crate) use corpus::{
    CorpusBuild, CorpusCommand, CorpusStats, FetchCommand, FetchTweets, FetchWikipedia, Kind, Unit,
};

pub(crate) use embed::{Embed, PoolingName};
pub(crate) use eval::{
    CombineName, EvalCheck, EvalCommand, EvalCompare, EvalFetch, EvalList, EvalPage, EvalRun, EvalScore, EvalSubmit,
    TableFormat, TaskArguments,
};
pub(crate) use language::{LanguageCheck, LanguageCommand, LanguageList, LanguageNew, LanguageShow};
pub(crate) use pipeline::{
    Engine, PipelineCommand, PipelinePlan, PipelineRun, PipelineStatus, PipelineSubmit, Targets,
};

pub(crate) use zoo::{
    IndexArguments, ZooCache, ZooCommand, ZooConvert, ZooExport, ZooImport, ZooList, ZooPull, ZooPush, ZooRemove,
    ZooVerify,
};

/// From a language's raw text to a working text classifier.
#[derive(Parser)]
#[command(name = "glossa", version, max_term_width = 100, after_help = "Start with: glossa demo")]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Args)]
pub(crate) struct Common {
    /// Print one JSON object on stdout; everything else goes to stderr.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Seed of all randomness; the same seed gives the same bytes on the CPU.
    #[arg(long, global = true, default_value_t = 0, value_name = "NUMBER")]
    pub(crate) seed: u64,
    /// Where to compute: cpu, cuda, cuda:N, wgpu, wgpu:N or auto.
    #[arg(long, global = true, default_value = "auto", value_name = "DEVICE")]
    pub(crate) device: String,
    /// Make no connection; what is there already is used.
    #[arg(long, global = true)]
    pub(crate) offline: bool,
    /// No progress.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Say what would be written, and write nothing.
    #[arg(long, global = true)]
    pub(crate) dry_run: bool,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// The whole pipeline on a built-in sample, explained step by step.
    Demo(DemoArguments),
    /// Languages: what is known of them, and files for new ones.
    #[command(subcommand)]
    Language(LanguageCommand),
    /// From a language file to scored models: plan, run, and see what is done.
    #[command(subcommand)]
    Pipeline(PipelineCommand),
    /// Fetch texts, and build a corpus from files.
    #[command(subcommand)]
    Corpus(CorpusCommand),
    /// Train and use subword tokenizers.
    #[command(subcommand)]
    Tokenizer(TokenizerCommand),
    /// Pretrain, fine-tune and use language models.
    #[command(subcommand)]
    Lm(LmCommand),
    /// Train and use text classifiers.
    #[command(subcommand)]
    Classify(ClassifyCommand),
    /// A classifier without labels: teachers guess, students of the target language learn the guesses.
    Bootstrap(Box<Bootstrap>),
    /// Cross-lingual teachers.
    #[command(subcommand)]
    Teacher(TeacherCommand),
    /// Sentence vectors from any encoder.
    Embed(Embed),
    /// Benchmarks: tasks, scores, comparisons, submissions, the leaderboard.
    #[command(subcommand)]
    Eval(EvalCommand),
    /// Models by their names: list, pull, verify, publish, convert; models of others: import, export.
    #[command(subcommand)]
    Zoo(ZooCommand),
    /// Show and draw recipes.
    #[command(subcommand)]
    Recipe(RecipeCommand),
    /// Devices, versions, caches, and what is missing.
    Doctor(DoctorArguments),
}

#[derive(Args)]
pub(crate) struct DemoArguments {
    /// Folder for everything that the demo makes.
    #[arg(long, default_value = "glossa-demo", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Language of the sample: en or eu.
    #[arg(long, default_value = "en", value_name = "CODE")]
    pub(crate) language: String,
}

#[derive(Args)]
pub(crate) struct DoctorArguments {
    /// Check every hand-written gradient on the device in use and print a table.
    #[arg(long)]
    pub(crate) gradients: bool,
}

/// How a training is watched and interrupted.
#[derive(Args)]
pub(crate) struct TrainingArguments {
    /// Write a checkpoint every so often: 200 (steps), 30s, 5m, 2h, or never. The same command goes on from it.
    #[arg(long, default_value = "5m", value_name = "INTERVAL", value_parser = interval)]
    pub(crate) checkpoint_every: Interval,
    /// Begin anew, even where a checkpoint is.
    #[arg(long)]
    pub(crate) restart: bool,
    /// Do not train: try rates from 1e-7 to 10, say which are good, and draw them in this file (.html).
    #[arg(long, value_name = "FILE")]
    pub(crate) find_rate: Option<PathBuf>,
    /// Log to this file: .jsonl for every step and epoch, .csv for epochs.
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
    /// Write TensorBoard's event file into this folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) tensorboard: Option<PathBuf>,
}

/// A number of words: 2m, 500k or 1000000.
fn size(text: &str) -> Result<u64, String> {
    let lowered = text.to_lowercase();
    let (number, unit) = match lowered.split_at_checked(lowered.len().saturating_sub(1)) {
        Some((number, "k")) => (number, 1_000),
        Some((number, "m")) => (number, 1_000_000),
        _ => (lowered.as_str(), 1),
    };
    let words = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).filter(|words| *words > 0);
    words.ok_or_else(|| format!("`{text}` is no size: write 2m, 100m, or another number of words such as 500k"))
}

/// A part of a training file, such as 2/5.
fn fold(text: &str) -> Result<(usize, usize), String> {
    let parts = text.split_once('/').and_then(|(number, count)| Some((number.parse().ok()?, count.parse().ok()?)));
    parts
        .filter(|(number, count)| (1..=*count).contains(number) && (2..=1000).contains(count))
        .ok_or_else(|| format!("`{text}` is no fold: write 2/5 for the second of five"))
}

fn interval(text: &str) -> Result<Interval, String> {
    let wrong = || format!("`{text}` is no interval: write steps such as 200, or a time such as 30s, 5m or 2h");
    let time = |number: &str, seconds: f64| match number.parse::<f64>() {
        Ok(count) if count >= 0.0 && count * seconds < 1e9 => {
            Ok(Interval::Time(Duration::from_secs_f64(count * seconds)))
        }
        _ => Err(wrong()),
    };
    match (text, text.split_at_checked(text.len().saturating_sub(1))) {
        ("never", _) => Ok(Interval::Never),
        (_, Some((number, "s"))) => time(number, 1.0),
        (_, Some((number, "m"))) => time(number, 60.0),
        (_, Some((number, "h"))) => time(number, 3600.0),
        _ => text.parse().ok().filter(|steps| *steps > 0).map(Interval::Steps).ok_or_else(wrong),
    }
}

/// Where the numbers of a run come from.
#[derive(Args)]
pub(crate) struct RecipeArguments {
    /// Built-in recipe, such as tiny, small, multifit-paper or ulmfit: docs/recipes.md has all.
    #[arg(long, value_name = "NAME", conflicts_with = "recipe")]
    pub(crate) preset: Option<String>,
    /// A recipe file.
    #[arg(long, value_name = "FILE")]
    pub(crate) recipe: Option<PathBuf>,
    /// Override one value, such as pretrain.training.epochs=5; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) overrides: Vec<String>,
}

#[derive(Subcommand)]
pub(crate) enum TokenizerCommand {
    /// Train SentencePiece on a corpus.
    Train(TokenizerTrain),
    /// Text to pieces.
    Encode(TokenizerEncode),
    /// Piece ids to text.
    Decode(TokenizerDecode),
    /// Pieces a word, unknown pieces, use of the vocabulary.
    Stats(TokenizerStats),
}

#[derive(Args)]
pub(crate) struct TokenizerTrain {
    /// The corpus folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) corpus: PathBuf,
    /// The tokenizer folder to write.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// The language's code, such as eu; it decides the character coverage.
    #[arg(long, value_name = "CODE")]
    pub(crate) language: Option<String>,
    /// Pieces of the vocabulary; overrides the recipe.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) vocabulary_size: Option<usize>,
    /// unigram or bpe; overrides the recipe.
    #[arg(long, value_name = "NAME")]
    pub(crate) algorithm: Option<String>,
    /// Text rules: fastai-v1, fastai-v2, haha-2019 or none; overrides the recipe.
    #[arg(long, value_name = "NAME")]
    pub(crate) rules: Option<String>,
    #[command(flatten)]
    pub(crate) recipe: RecipeArguments,
}

#[derive(Args)]
pub(crate) struct TokenizerEncode {
    /// A tokenizer or model folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) tokenizer: PathBuf,
    /// Texts; without any, lines of stdin.
    #[arg(value_name = "TEXT")]
    pub(crate) texts: Vec<String>,
    /// Sample a segmentation with this smoothing (subword regularisation), such as 0.1.
    #[arg(long, value_name = "ALPHA")]
    pub(crate) sample: Option<f32>,
}

#[derive(Args)]
pub(crate) struct TokenizerDecode {
    /// A tokenizer or model folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) tokenizer: PathBuf,
    /// Piece ids; without any, lines of ids on stdin.
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<u32>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum SplitName {
    Train,
    Valid,
    Test,
}

#[derive(Args)]
pub(crate) struct TokenizerStats {
    /// A tokenizer or model folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) tokenizer: PathBuf,
    /// The corpus folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) corpus: PathBuf,
    /// Split of the corpus.
    #[arg(long, value_enum, default_value = "valid")]
    pub(crate) split: SplitName,
}

#[derive(Subcommand)]
pub(crate) enum LmCommand {
    /// Train a language model from nothing on a corpus.
    Pretrain(LmPretrain),
    /// Go on training a language model on a task's texts.
    Finetune(LmFinetune),
    /// Perplexity by piece and by word.
    Perplexity(LmPerplexity),
    /// Write on from a prompt.
    Generate(LmGenerate),
}

#[derive(Args)]
pub(crate) struct LmPretrain {
    /// The corpus folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) corpus: PathBuf,
    /// The tokenizer folder.
    #[arg(long, value_name = "DIR", required_unless_present = "from", conflicts_with = "from")]
    pub(crate) tokenizer: Option<PathBuf>,
    /// A masked language model to go on from, with its tokenizer; a smaller one is laid into the recipe's sizes.
    #[arg(long, value_name = "DIR")]
    pub(crate) from: Option<PathBuf>,
    /// The model folder to write.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Read every document from its end to its beginning.
    #[arg(long)]
    pub(crate) backward: bool,
    #[command(flatten)]
    pub(crate) recipe: RecipeArguments,
    #[command(flatten)]
    pub(crate) training: TrainingArguments,
}

#[derive(Args)]
pub(crate) struct LmFinetune {
    /// The language model's folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) model: PathBuf,
    /// Texts of the task: tables or .txt; may be repeated.
    #[arg(long, required = true, value_name = "FILE")]
    pub(crate) texts: Vec<PathBuf>,
    /// Texts to judge by.
    #[arg(long, value_name = "FILE")]
    pub(crate) valid: Option<PathBuf>,
    /// Column of the text in tables.
    #[arg(long, value_name = "NAME")]
    pub(crate) text_column: Option<String>,
    /// The model folder to write.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) recipe: RecipeArguments,
    #[command(flatten)]
    pub(crate) training: TrainingArguments,
}

#[derive(Args)]
pub(crate) struct LmPerplexity {
    /// The language model's folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) model: PathBuf,
    /// A corpus folder.
    #[arg(long, value_name = "DIR", required_unless_present = "input", conflicts_with = "input")]
    pub(crate) corpus: Option<PathBuf>,
    /// Split of the corpus.
    #[arg(long, value_enum, default_value = "test")]
    pub(crate) split: SplitName,
    /// A table or text file instead of a corpus.
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// Column of the text in tables.
    #[arg(long, value_name = "NAME")]
    pub(crate) text_column: Option<String>,
}

#[derive(Args)]
pub(crate) struct LmGenerate {
    /// The language model's folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) model: PathBuf,
    /// The beginning of the text.
    #[arg(long, default_value = "", value_name = "TEXT")]
    pub(crate) prompt: String,
    /// Pieces to write at most.
    #[arg(long, default_value_t = 60, value_name = "NUMBER")]
    pub(crate) length: usize,
    /// Below 1 safer, above 1 wilder, 0 the likeliest piece always.
    #[arg(long, default_value_t = 0.8, value_name = "NUMBER")]
    pub(crate) temperature: f64,
    /// Only so many likeliest pieces; 0 for all.
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    pub(crate) top_k: usize,
    /// Only the likeliest pieces with this share of the mass.
    #[arg(long, default_value_t = 0.95, value_name = "SHARE")]
    pub(crate) top_p: f64,
}

#[derive(Subcommand)]
pub(crate) enum ClassifyCommand {
    /// Train a classifier from a language model, from nothing, or a baseline.
    Train(Box<ClassifyTrain>),
    /// Label texts.
    Predict(ClassifyPredict),
    /// Show which words moved a classifier, and where it goes wrong.
    Explain(ClassifyExplain),
}

#[derive(Clone, Copy, ValueEnum, PartialEq, Eq)]
pub(crate) enum Method {
    /// An encoder with a head.
    Network,
    /// Multinomial Naive Bayes.
    NaiveBayes,
    /// Naive Bayes features with a linear classifier.
    Nbsvm,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum ProblemName {
    SingleLabel,
    MultiLabel,
    Regression,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum UnitsName {
    Words,
    Pieces,
    Characters,
}

#[derive(Args)]
pub(crate) struct ClassifyTrain {
    /// How to classify.
    #[arg(long, value_enum, default_value = "network")]
    pub(crate) method: Method,
    /// The language model or encoder to start from: ours, ModernBERT, BERT or XLM-RoBERTa.
    #[arg(long, visible_alias = "backbone", value_name = "DIR", conflicts_with = "tokenizer")]
    pub(crate) model: Option<PathBuf>,
    /// A tokenizer, to start from fresh weights; or for a baseline on pieces.
    #[arg(long, value_name = "DIR")]
    pub(crate) tokenizer: Option<PathBuf>,
    /// With --tokenizer: read every text from its end (with --model, as the language model does).
    #[arg(long, conflicts_with = "model")]
    pub(crate) backward: bool,
    /// Labelled texts to learn from: .csv, .tsv or .jsonl.
    #[arg(long, value_name = "FILE")]
    pub(crate) train: PathBuf,
    /// Labelled texts to judge epochs by.
    #[arg(long, value_name = "FILE")]
    pub(crate) valid: Option<PathBuf>,
    /// Labelled texts to score the result on.
    #[arg(long, value_name = "FILE")]
    pub(crate) test: Option<PathBuf>,
    /// Column of the text; by default text, sentence, review or tweet.
    #[arg(long, value_name = "NAME")]
    pub(crate) text_column: Option<String>,
    /// Column of the label; by default label, category, class or sentiment.
    #[arg(long, value_name = "NAME")]
    pub(crate) label_column: Option<String>,
    /// Column of second texts, where texts come in pairs.
    #[arg(long, value_name = "NAME")]
    pub(crate) pair_column: Option<String>,
    /// What a label is: one of several names, any number of them, or a number.
    #[arg(long, value_enum, default_value = "single-label")]
    pub(crate) problem: ProblemName,
    /// What stands between several labels of a text.
    #[arg(long, default_value_t = '|', value_name = "CHARACTER")]
    pub(crate) label_delimiter: char,
    /// The training file (.jsonl) has the share of every label under `probabilities`, as pseudo-labels do: learn
    /// all of them.
    #[arg(long)]
    pub(crate) soft_labels: bool,
    /// Judge by one of so many parts of the training file, such as 2/5, and learn from the others.
    #[arg(long, value_name = "I/K", value_parser = fold, conflicts_with = "valid")]
    pub(crate) fold: Option<(usize, usize)>,
    /// What a baseline counts.
    #[arg(long, value_enum, default_value = "words")]
    pub(crate) units: UnitsName,
    /// Longest run of units that a baseline counts, 1 to 3.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) n_gram: Option<usize>,
    /// The model folder to write.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) recipe: RecipeArguments,
    #[command(flatten)]
    pub(crate) training: TrainingArguments,
}

#[derive(Args)]
pub(crate) struct ClassifyPredict {
    /// The classifier's folder; of several, the probabilities are averaged.
    #[arg(long, required = true, value_name = "DIR")]
    pub(crate) model: Vec<PathBuf>,
    /// Texts; without any and without --input, lines of stdin.
    #[arg(value_name = "TEXT", conflicts_with = "input")]
    pub(crate) texts: Vec<String>,
    /// A table or .txt of texts.
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// The table has labels: keep them beside the predictions, for `eval score`.
    #[arg(long, requires = "input")]
    pub(crate) labelled: bool,
    /// Column of the text.
    #[arg(long, value_name = "NAME")]
    pub(crate) text_column: Option<String>,
    /// Column of the label.
    #[arg(long, value_name = "NAME")]
    pub(crate) label_column: Option<String>,
    /// Column of second texts, where texts come in pairs.
    #[arg(long, value_name = "NAME", requires = "input")]
    pub(crate) pair_column: Option<String>,
    /// What stands between several labels of a text.
    #[arg(long, default_value_t = '|', value_name = "CHARACTER")]
    pub(crate) label_delimiter: char,
    /// Write the predictions to this file (.jsonl) instead of printing them.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct ClassifyExplain {
    /// The classifier's folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) model: PathBuf,
    /// Texts; without any and without --input, lines of stdin.
    #[arg(value_name = "TEXT", conflicts_with = "input")]
    pub(crate) texts: Vec<String>,
    /// Labelled texts, .csv, .tsv or .jsonl: show the top losses and what is confused.
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// Column of the text.
    #[arg(long, value_name = "NAME")]
    pub(crate) text_column: Option<String>,
    /// Column of the label.
    #[arg(long, value_name = "NAME")]
    pub(crate) label_column: Option<String>,
    /// The label to explain; by default the predicted one of each text.
    #[arg(long, value_name = "NAME")]
    pub(crate) label: Option<String>,
    /// With --input: so many texts with the largest losses.
    #[arg(long, default_value_t = 20, value_name = "NUMBER")]
    pub(crate) top: usize,
    /// Write a page with shaded words to this file too (.html).
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(crate) enum RecipeCommand {
    /// Print a recipe with every setting, as TOML.
    Show(RecipeArguments),
    /// Draw how rate and momentum move through the phases of a recipe.
    Draw(RecipeDraw),
}

#[derive(Args)]
pub(crate) struct RecipeDraw {
    /// The page to write (.html).
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) recipe: RecipeArguments,
}
