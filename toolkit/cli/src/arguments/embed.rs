//! Arguments of `glossa embed`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum PoolingName {
    /// The mean of a text's vectors.
    Mean,
    /// The first one.
    Cls,
    /// Their maximum, number by number.
    Max,
}

#[derive(Args)]
pub(crate) struct Embed {
    /// A model folder: ours, or a published ModernBERT, BERT, XLM-RoBERTa or LASER.
    #[arg(long, value_name = "DIR")]
    pub(crate) model: PathBuf,
    /// Texts; without any and without --input, one a line of stdin.
    #[arg(value_name = "TEXT", conflicts_with = "input")]
    pub(crate) texts: Vec<String>,
    /// A table, or a text file with one text a line.
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// Column of the text in tables.
    #[arg(long, value_name = "NAME")]
    pub(crate) text_column: Option<String>,
    /// How the vectors of a text's tokens become one; by default the mean, for LASER the maximum.
    #[arg(long, value_enum)]
    pub(crate) pooling: Option<PoolingName>,
    /// What to put before every text: E5 wants "query: " or "passage: ".
    #[arg(long, default_value = "", value_name = "TEXT")]
    pub(crate) prefix: String,
    /// Most tokens of a window of a long text; by default as many as the model has positions for.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) window: Option<usize>,
    /// Make every vector one unit long.
    #[arg(long)]
    pub(crate) normalise: bool,
    /// Write the vectors to this file: .npy, .jsonl or .parquet.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}
