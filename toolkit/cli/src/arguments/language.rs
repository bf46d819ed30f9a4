//! What `glossa language` takes.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub(crate) enum LanguageCommand {
    /// The built-in languages.
    List(LanguageList),
    /// What is known of a language, and where each value comes from.
    Show(LanguageShow),
    /// Write a file for a new language.
    New(LanguageNew),
    /// Check language files: every mistake with file, line and column.
    Check(LanguageCheck),
    /// The JSON schema of language files, for editors.
    Schema,
}

#[derive(Args)]
pub(crate) struct LanguageList {
    /// Only languages in this script, such as Cyrl.
    #[arg(long, value_name = "SCRIPT")]
    pub(crate) script: Option<String>,
    /// Only languages that a labelled set has, such as sib-200.
    #[arg(long, value_name = "NAME")]
    pub(crate) benchmark: Option<String>,
    /// Only languages that write no spaces between words.
    #[arg(long)]
    pub(crate) unspaced: bool,
    /// Only languages that are written from right to left.
    #[arg(long)]
    pub(crate) right_to_left: bool,
    /// Only languages whose code or name holds this.
    #[arg(value_name = "TEXT")]
    pub(crate) search: Option<String>,
}

#[derive(Args)]
pub(crate) struct LanguageShow {
    /// The language's code, or a language file.
    #[arg(value_name = "CODE|FILE")]
    pub(crate) target: String,
    /// Every value, with the file and line that it comes from.
    #[arg(long)]
    pub(crate) resolved: bool,
    /// Set a value, such as preset=tiny or recipe.pretrain.training.epochs=3; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) flags: Vec<String>,
}

#[derive(Args)]
pub(crate) struct LanguageNew {
    /// The language's code, such as gsw.
    #[arg(value_name = "CODE")]
    pub(crate) code: String,
    /// The file to write; CODE.toml otherwise.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// English name; the code otherwise.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Script, as in ISO 15924.
    #[arg(long, default_value = "Latn", value_name = "SCRIPT")]
    pub(crate) script: String,
    /// A file or folder of text, relative to the language file; may be repeated. Wikipedia without it.
    #[arg(long = "text", value_name = "PATH")]
    pub(crate) texts: Vec<String>,
    /// A table of labelled texts to learn from, relative to the language file.
    #[arg(long, value_name = "PATH")]
    pub(crate) train: Option<String>,
    /// A table of labelled texts to be scored on.
    #[arg(long, value_name = "PATH", requires = "train")]
    pub(crate) test: Option<String>,
    /// Name of the task of these tables.
    #[arg(long, default_value = "task", value_name = "NAME")]
    pub(crate) task: String,
    /// Write over a file that is there.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Args)]
pub(crate) struct LanguageCheck {
    /// Language files, or folders of them.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}
