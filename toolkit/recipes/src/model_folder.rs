//! Reading and writing the model's part of a model folder: `config.json`, `model.safetensors`,
//! `recipe.toml`, `metrics.jsonl`, and the tokenizer's files. The card and the manifest are written
//! by the pipeline.

use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;
use glossa_base::{Failure, Outcome, atomic};
use glossa_learn::EpochRecord;
use glossa_nn::recurrent::Recurrent;
use glossa_nn::{Classifier, LanguageModel, ModelConfig, weights};
use glossa_text::ModelTokenizer;
use glossa_text::tokenizer::Tokenizer;

use crate::Error;
use crate::recipe::Recipe;

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";
const RECIPE: &str = "recipe.toml";
const METRICS: &str = "metrics.jsonl";

/// The largest `config.json` or `recipe.toml` that is read.
const LARGEST_TEXT: u64 = 1 << 24;

/// Writes a recurrent model and its tokenizer into a folder under construction.
///
/// # Errors
/// A file that cannot be written.
pub fn write<M: Module>(folder: &Path, model: &M, config: &ModelConfig, tokenizer: &ModelTokenizer) -> Outcome<()> {
    weights::save(model, &folder.join(WEIGHTS))?;
    let json = |cause: serde_json::Error| Failure::data("cannot write the configuration").because(cause);
    atomic::write_file(&folder.join(CONFIG), &serde_json::to_vec_pretty(config).map_err(json)?)?;
    tokenizer.save_into(folder)?;
    Ok(())
}

/// Writes how a model was made: its recipe and its history.
///
/// # Errors
/// A file that cannot be written.
pub fn write_course(folder: &Path, recipe: &Recipe, records: &[EpochRecord]) -> Outcome<()> {
    let json = |cause: serde_json::Error| Failure::data("cannot write the history").because(cause);
    atomic::write_file(&folder.join(RECIPE), recipe.to_toml().as_bytes())?;
    let mut lines = Vec::new();
    for record in records {
        serde_json::to_writer(&mut lines, record).map_err(json)?;
        lines.push(b'\n');
    }
    atomic::write_file(&folder.join(METRICS), &lines)
}

/// Whether a folder keeps the recipe that made it: ours do, published ones do not.
pub fn has_recipe(folder: &Path) -> bool {
    folder.join(RECIPE).is_file()
}

fn read_text(path: &Path) -> Outcome<String> {
    let size = std::fs::metadata(path).map_err(|cause| Failure::io("read", path, cause))?.len();
    if size > LARGEST_TEXT {
        return Err(Error::ModelFolder {
            path: path.display().to_string(),
            problem: format!("{size} bytes are too many"),
        }
        .into());
    }
    std::fs::read_to_string(path).map_err(|cause| Failure::io("read", path, cause))
}

/// Reads the configuration of a model folder.
///
/// # Errors
/// A missing, damaged or newer `config.json`.
pub fn read_config(folder: &Path) -> Outcome<ModelConfig> {
    let path = folder.join(CONFIG);
    let wrong = |problem: String| Error::ModelFolder { path: path.display().to_string(), problem };
    let config: ModelConfig = serde_json::from_str(&read_text(&path)?).map_err(|error| wrong(error.to_string()))?;
    config.check().map_err(|error| wrong(error.to_string()))?;
    Ok(config)
}

/// Reads the recipe of a model folder.
///
/// # Errors
/// A missing or damaged `recipe.toml`.
pub fn read_recipe(folder: &Path) -> Outcome<Recipe> {
    let path = folder.join(RECIPE);
    Ok(Recipe::parse(&read_text(&path)?, &path.display().to_string())?)
}

/// Reads the tokenizer of a model folder and checks that it is the model's.
///
/// # Errors
/// A missing or damaged tokenizer, or another one.
pub fn read_tokenizer(folder: &Path, config: &ModelConfig) -> Outcome<Tokenizer> {
    let tokenizer = Tokenizer::load(folder)?;
    if tokenizer.digest() != config.tokenizer_sha256 {
        return Err(Error::OtherTokenizer { what: folder.join("spm.model").display().to_string() }.into());
    }
    Ok(tokenizer)
}

/// Reads a language model.
///
/// # Errors
/// A folder that is damaged or holds something else.
pub fn read_language_model(folder: &Path, device: &Device) -> Outcome<(LanguageModel, ModelConfig)> {
    let config = read_config(folder)?;
    if config.is_classifier() {
        let path = folder.display().to_string();
        return Err(Error::WrongKind { path, found: "a classifier", wanted: "a language model" }.into());
    }
    let mut model = LanguageModel::new(&config.encoder, 0, device);
    weights::load(&mut model, &folder.join(WEIGHTS))?;
    Ok((model, config))
}

/// Reads a classifier.
///
/// # Errors
/// A folder that is damaged or holds something else.
pub fn read_classifier(folder: &Path, device: &Device) -> Outcome<(Classifier, ModelConfig)> {
    let config = read_config(folder)?;
    if !config.is_classifier() {
        let path = folder.display().to_string();
        return Err(Error::WrongKind { path, found: "a language model", wanted: "a classifier" }.into());
    }
    let mut model = Classifier::fresh(&config.encoder, config.head_size, config.labels.len(), 0, device);
    weights::load(&mut model, &folder.join(WEIGHTS))?;
    Ok((model, config))
}

/// The encoder of a language model, to put a head on.
///
/// # Errors
/// As [`read_language_model`].
pub fn read_encoder(folder: &Path, device: &Device) -> Outcome<(Recurrent, ModelConfig)> {
    let (model, config) = read_language_model(folder, device)?;
    Ok((model.encoder, config))
}
