//! Published models made into model folders: fastai's language models (MultiFiT, ULMFiT) with their
//! vocabulary, LASER's file, and Hugging Face folders. Names are matched, never positions; pickles are read,
//! never executed; what was made is checked before it appears. And the way back, for PyTorch.

mod fastai;
mod huggingface;
mod laser;

use std::path::{Path, PathBuf};

use glossa_base::{Failure, Outcome};
use glossa_nn::DeviceChoice;
use glossa_recipes::model_folder;
use glossa_zoo::Card;
use serde::Serialize;

use crate::encoder_folder::{Described, FolderKind};
use crate::stage::check_output;

/// What to import.
#[derive(Debug, Clone)]
pub struct ImportOptions<'a> {
    /// A folder of a published model.
    pub from: &'a Path,
    /// Where the model folder appears.
    pub out: &'a Path,
    /// The language of the model, for its card.
    pub language: Option<String>,
    /// Whether a language model reads from the end.
    pub backward: bool,
    /// The licence of the weights, for the card.
    pub licence: Option<String>,
}

/// What came of it.
#[derive(Debug, Clone, Serialize)]
pub struct Imported {
    /// The model folder.
    pub folder: PathBuf,
    /// What it is, in words.
    pub architecture: String,
    /// Weights.
    pub parameters: usize,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// Makes a model folder of a published model.
///
/// # Errors
/// A folder of no known kind; damaged, hostile or incomplete files; tensors, vocabulary and tokenizer that do
/// not belong together.
pub fn import(options: &ImportOptions<'_>) -> Outcome<Imported> {
    check_output(options.out)?;
    let from = options.from;
    if !from.is_dir() {
        return Err(Failure::data(format!("{} is no folder", from.display()))
            .hint("give the unpacked folder: weights, vocabulary and tokenizer together"));
    }
    if from.join("config.json").is_file() {
        return huggingface::import(options);
    }
    if find(from, &["itos.pkl"]).is_some() {
        return fastai::import(options);
    }
    if with_ending(from, "pt", "laser2.pt")?.is_some() {
        return laser::import(options);
    }
    Err(Failure::data(format!("{} holds no model that is known here", from.display())).hint(
        "known are Hugging Face folders (config.json), fastai language models (itos.pkl, *.pth, spm.model) and LASER (laser2.pt, laser2.spm)",
    ))
}

/// The first of some names that a folder has.
fn find(folder: &Path, names: &[&str]) -> Option<PathBuf> {
    names.iter().map(|name| folder.join(name)).find(|path| path.is_file())
}

/// The only file with an ending, or the preferred one.
fn with_ending(folder: &Path, ending: &str, preferred: &str) -> Outcome<Option<PathBuf>> {
    if folder.join(preferred).is_file() {
        return Ok(Some(folder.join(preferred)));
    }
    let entries = std::fs::read_dir(folder).map_err(|cause| Failure::io("read", folder, cause))?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.is_file() && path.extension().is_some_and(|own| own == ending))
        .collect();
    found.sort();
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        several => {
            let names: Vec<String> = several.iter().map(|path| path.display().to_string()).collect();
            Err(Failure::data(format!("which of these is the model? {}", names.join(", ")))
                .hint(format!("leave one of them in the folder, or name it {preferred}")))
        }
    }
}

/// The card of an imported model.
fn with_origin(card: Card, options: &ImportOptions<'_>) -> Card {
    let language = options.language.as_deref().and_then(|code| code.parse().ok());
    Card {
        language: language.or(card.language.clone()),
        license: options.licence.clone().or(card.license.clone()),
        base_model: Some(crate::stage::name_of(options.from)),
        ..card
    }
}

/// Writes a recurrent language model as a folder for PyTorch: `model.safetensors` with fastai's names, the
/// pieces in the order of their ids (`itos.json`), and `spm.model`.
///
/// # Errors
/// A folder that holds no recurrent language model, or files that cannot be written.
pub fn export(model: &Path, out: &Path) -> Outcome<PathBuf> {
    check_output(out)?;
    if Described::read(model)?.kind != FolderKind::Recurrent {
        return Err(Failure::data(format!("{} is in the layout of transformers already", model.display()))
            .hint("load it with transformers' from_pretrained"));
    }
    let device = DeviceChoice::Cpu.open()?;
    let (language_model, config) = model_folder::read_language_model(model, &device)?;
    let tokenizer = model_folder::read_tokenizer(model, &config)?;
    fastai::export(&language_model, &config, &tokenizer, out)
}
