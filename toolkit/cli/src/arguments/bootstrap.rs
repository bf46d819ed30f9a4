//! Arguments of `glossa bootstrap` and `glossa teacher`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use glossa_base::LanguageCode;
use glossa_learn::Interval;

use super::{PoolingName, RecipeArguments, interval};

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Bootstrap {
    #[command(subcommand)]
    pub(crate) command: Option<BootstrapCommand>,
    #[command(flatten)]
    pub(crate) run: BootstrapRun,
}

#[derive(Subcommand)]
pub(crate) enum BootstrapCommand {
    /// Draw how many wrong labels a student bears, with pretraining and without.
    Noise(Box<BootstrapNoise>),
    /// Put several runs side by side, by language.
    Report(BootstrapReport),
}

/// How an encoder makes a teacher's vectors, and what its head learns from.
#[derive(Args)]
pub(crate) struct TeacherArguments {
    /// The cross-lingual encoder of a teacher that is trained first: E5, LaBSE, XLM-RoBERTa, mBERT, LASER, ours.
    #[arg(long, value_name = "DIR", requires = "source")]
    pub(crate) encoder: Option<PathBuf>,
    /// Labelled texts of the source language.
    #[arg(long, value_name = "FILE")]
    pub(crate) source: Option<PathBuf>,
    /// Labelled texts of the source language that choose the teacher's temperature, and the epoch of an MLP.
    #[arg(long, value_name = "FILE", requires = "encoder")]
    pub(crate) source_valid: Option<PathBuf>,
    /// What to put before every text for the encoder: E5 wants "query: ".
    #[arg(long, default_value = "", value_name = "TEXT")]
    pub(crate) prefix: String,
    /// How the vectors of a text's tokens become one; by default the mean, for LASER the maximum.
    #[arg(long, value_enum)]
    pub(crate) pooling: Option<PoolingName>,
    /// Make every vector one unit long.
    #[arg(long)]
    pub(crate) normalise: bool,
    /// Embed each sentence of a text, and take their mean (LASER).
    #[arg(long)]
    pub(crate) sentences: bool,
    /// Column of the text in tables.
    #[arg(long, value_name = "NAME")]
    pub(crate) text_column: Option<String>,
    /// Column of the label in tables.
    #[arg(long, value_name = "NAME")]
    pub(crate) label_column: Option<String>,
}

/// When checkpoints are written.
#[derive(Args)]
pub(crate) struct CheckpointArguments {
    /// Write a checkpoint every so often: 200 (steps), 30s, 5m, 2h, or never. The same command goes on from it.
    #[arg(long, default_value = "5m", value_name = "INTERVAL", value_parser = interval)]
    pub(crate) checkpoint_every: Interval,
}

#[derive(Args)]
pub(crate) struct BootstrapRun {
    /// A teacher: a folder of `teacher train`, any classifier's folder, or a file of predictions for the unlabelled
    /// texts in their order; of several, the guesses are averaged.
    #[arg(long, value_name = "PATH")]
    pub(crate) teacher: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) own: TeacherArguments,
    /// What students start from: a language model of the target language, or an encoder; of several, such as a
    /// forward and a backward one, the answers are averaged.
    #[arg(long, value_name = "DIR", required = true)]
    pub(crate) student: Vec<PathBuf>,
    /// Texts of the target language: tables (their labels are not read) or .txt; may be repeated.
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) unlabelled: Vec<PathBuf>,
    /// A few labelled texts of the target language, learned beside the guesses.
    #[arg(long, value_name = "FILE")]
    pub(crate) gold: Option<PathBuf>,
    /// Students learn the source's labelled texts too: for students that read both languages.
    #[arg(long, requires = "source")]
    pub(crate) learn_source: bool,
    /// Labelled texts of the target language to score teachers and students on, once they are trained.
    #[arg(long, value_name = "FILE")]
    pub(crate) test: Option<PathBuf>,
    /// Learn from the test's texts, without their labels, too; the signature says so.
    #[arg(long, requires = "test")]
    pub(crate) transductive: bool,
    /// The target language's code: texts in others are counted.
    #[arg(long, value_name = "CODE")]
    pub(crate) language: Option<LanguageCode>,
    /// Name of the task in signatures and reports; by default the language.
    #[arg(long, value_name = "NAME")]
    pub(crate) task: Option<String>,
    /// Do not fine-tune language models on the unlabelled texts first.
    #[arg(long)]
    pub(crate) no_finetune: bool,
    /// The folder of everything; what is there and fits is kept.
    #[arg(long, value_name = "DIR", required = true)]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) recipe: RecipeArguments,
    #[command(flatten)]
    pub(crate) checkpoints: CheckpointArguments,
}

#[derive(Args)]
pub(crate) struct BootstrapNoise {
    /// A language model: students start from it, and from fresh weights with its tokenizer.
    #[arg(long, value_name = "DIR")]
    pub(crate) model: PathBuf,
    /// Labelled texts, of whose labels a share is made wrong.
    #[arg(long, value_name = "FILE")]
    pub(crate) train: PathBuf,
    /// Labelled texts to score on.
    #[arg(long, value_name = "FILE")]
    pub(crate) test: PathBuf,
    /// Shares of wrong labels.
    #[arg(long, value_name = "SHARES", value_delimiter = ',', default_value = "0,0.1,0.2,0.3,0.4,0.5,0.6")]
    pub(crate) levels: Vec<f64>,
    /// Column of the text.
    #[arg(long, value_name = "NAME")]
    pub(crate) text_column: Option<String>,
    /// Column of the label.
    #[arg(long, value_name = "NAME")]
    pub(crate) label_column: Option<String>,
    /// The folder of everything; what is trained already is kept.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) recipe: RecipeArguments,
    #[command(flatten)]
    pub(crate) checkpoints: CheckpointArguments,
}

#[derive(Args)]
pub(crate) struct BootstrapReport {
    /// Folders of `glossa bootstrap --test`.
    #[arg(value_name = "DIR", required = true)]
    pub(crate) runs: Vec<PathBuf>,
    /// The page to write (.html).
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[derive(Subcommand)]
pub(crate) enum TeacherCommand {
    /// Train a head on a cross-lingual encoder's sentence vectors.
    Train(TeacherTrain),
    /// Go on training an encoder on parallel texts, so that a language that it does not know gets a teacher.
    Adapt(TeacherAdapt),
}

#[derive(Args)]
pub(crate) struct TeacherAdapt {
    /// The encoder: E5, LaBSE, XLM-RoBERTa, mBERT, a ModernBERT.
    #[arg(long, value_name = "DIR")]
    pub(crate) encoder: PathBuf,
    /// Texts: a table or .txt.
    #[arg(long, value_name = "FILE")]
    pub(crate) left: PathBuf,
    /// Their translations.
    #[arg(long, value_name = "FILE")]
    pub(crate) right: PathBuf,
    /// Texts to judge epochs by.
    #[arg(long, value_name = "FILE", requires = "valid_right")]
    pub(crate) valid_left: Option<PathBuf>,
    /// Their translations.
    #[arg(long, value_name = "FILE", requires = "valid_left")]
    pub(crate) valid_right: Option<PathBuf>,
    /// The column that says which texts belong together; without, they stand in the same order.
    #[arg(long, value_name = "NAME")]
    pub(crate) key: Option<String>,
    /// Column of the text in tables.
    #[arg(long, value_name = "NAME")]
    pub(crate) text_column: Option<String>,
    /// What to put before every text: E5 wants "query: ".
    #[arg(long, default_value = "", value_name = "TEXT")]
    pub(crate) prefix: String,
    /// How the vectors of a text's tokens become one; by default the mean.
    #[arg(long, value_enum)]
    pub(crate) pooling: Option<PoolingName>,
    /// The encoder's folder to write.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) recipe: RecipeArguments,
    #[command(flatten)]
    pub(crate) checkpoints: CheckpointArguments,
}

#[derive(Args)]
pub(crate) struct TeacherTrain {
    #[command(flatten)]
    pub(crate) own: TeacherArguments,
    /// The teacher's folder to write; the encoder stays where it is.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) recipe: RecipeArguments,
}
