//! Arguments of `glossa zoo`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub(crate) enum ZooCommand {
    /// Make a model folder of a published model: fastai and MultiFiT, LASER, Hugging Face.
    Import(ZooImport),
    /// Write a recurrent language model for PyTorch, with fastai's names.
    Export(ZooExport),
    /// Check a model folder against its manifest.
    Verify(ZooVerify),
}

#[derive(Args)]
pub(crate) struct ZooImport {
    /// The folder of the published model, unpacked.
    #[arg(value_name = "DIR")]
    pub(crate) from: PathBuf,
    /// The model folder to write.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Code of its language, for the card.
    #[arg(long, value_name = "CODE")]
    pub(crate) language: Option<String>,
    /// Licence of the weights, for the card.
    #[arg(long, value_name = "NAME")]
    pub(crate) licence: Option<String>,
    /// The language model reads texts from their end.
    #[arg(long)]
    pub(crate) backward: bool,
}

#[derive(Args)]
pub(crate) struct ZooExport {
    /// The model folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) model: PathBuf,
    /// The folder to write.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

#[derive(Args)]
pub(crate) struct ZooVerify {
    /// The model folder.
    #[arg(value_name = "DIR")]
    pub(crate) model: PathBuf,
}
