//! Arguments of `glossa zoo`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub(crate) enum ZooCommand {
    /// Names of the index: language, architecture, size, licence, scores.
    List(ZooList),
    /// Bring models to this machine; print their folders.
    Pull(ZooPull),
    /// Make a model folder of a published model: fastai and MultiFiT, LASER, Hugging Face.
    Import(ZooImport),
    /// Write a recurrent language model for PyTorch, with fastai's names.
    Export(ZooExport),
    /// Read and hash every file of a model again: of the cache by its id, or a folder against its manifest.
    Verify(ZooVerify),
    /// Take a model, or one revision of it, out of the cache.
    Remove(ZooRemove),
    /// What is in the cache.
    Cache(ZooCache),
    /// Publish a model folder: to a hub, a folder, or an archive.
    Push(Box<ZooPush>),
    /// Write a model folder with weights of another precision.
    Convert(ZooConvert),
}

/// Which index names are looked up in.
#[derive(Args)]
pub(crate) struct IndexArguments {
    /// An index of your own, whose entries replace the built-in ones.
    #[arg(long, value_name = "FILE")]
    pub(crate) index: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct ZooList {
    /// Only models with this word in their name, languages, architecture or licence.
    #[arg(value_name = "WORD")]
    pub(crate) word: Option<String>,
    #[command(flatten)]
    pub(crate) index: IndexArguments,
}

#[derive(Args)]
pub(crate) struct ZooPull {
    /// Ids: owner/name, owner/name@REVISION, glossa:NAME, https://..., file:PATH.
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
    #[command(flatten)]
    pub(crate) index: IndexArguments,
}

#[derive(Args)]
pub(crate) struct ZooImport {
    /// The folder of the published model, unpacked; or an id.
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
    /// An id, or a model folder.
    #[arg(value_name = "ID|DIR")]
    pub(crate) model: String,
    /// Remove damaged files of the cache, so that the next pull fetches them again.
    #[arg(long)]
    pub(crate) drop: bool,
    #[command(flatten)]
    pub(crate) index: IndexArguments,
}

#[derive(Args)]
pub(crate) struct ZooRemove {
    /// The id; with @REVISION that revision only.
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) index: IndexArguments,
}

#[derive(Args)]
pub(crate) struct ZooCache {
    /// Remove what nothing uses.
    #[arg(long)]
    pub(crate) clean: bool,
    /// Forget the pinned hashes of files whose address begins with this.
    #[arg(long, value_name = "START")]
    pub(crate) forget_pin: Option<String>,
}

#[derive(Args)]
pub(crate) struct ZooPush {
    /// The model folder.
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// owner/name of a hub, an archive (.tar.zst, .tar.gz) or a folder.
    #[arg(value_name = "TARGET")]
    pub(crate) target: String,
    /// The licence of the weights, such as cc-by-sa-4.0.
    #[arg(long, value_name = "NAME")]
    pub(crate) licence: Option<String>,
    /// The model's name on its card.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// The language's code.
    #[arg(long, value_name = "CODE")]
    pub(crate) language: Option<glossa_base::LanguageCode>,
    /// What it was trained on.
    #[arg(long, value_name = "TEXT")]
    pub(crate) data: Option<String>,
    /// What it is meant for.
    #[arg(long, value_name = "TEXT")]
    pub(crate) intended_use: Option<String>,
    /// What it cannot do.
    #[arg(long, value_name = "TEXT")]
    pub(crate) limits: Option<String>,
    /// How to make it again.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reproduce: Option<String>,
    /// A repository that is made is visible to its owner only.
    #[arg(long)]
    pub(crate) private: bool,
    /// What the commit says.
    #[arg(long, value_name = "TEXT")]
    pub(crate) message: Option<String>,
}

#[derive(Args)]
pub(crate) struct ZooConvert {
    /// The model folder.
    #[arg(value_name = "DIR")]
    pub(crate) model: PathBuf,
    /// The precision: f32, f16 or bf16.
    #[arg(long, value_name = "NAME")]
    pub(crate) to: String,
    /// The folder to write.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}
