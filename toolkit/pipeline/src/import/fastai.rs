//! fastai's language models: `lm_best.pth` (or another `.pth`), `itos.pkl`, `spm.model`. The order of the pieces
//! is the one of `itos.pkl`; ours is the tokenizer's, so the rows move to where the tokenizer has their pieces.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use burn::module::Module;
use glossa_base::atomic::{WholeFolder, write_file};
use glossa_base::manifest::Manifest;
use glossa_base::{Failure, Outcome};
use glossa_nn::fastai::Fastai;
use glossa_nn::{Cell, DeviceChoice, LanguageModel, ModelConfig};
use glossa_recipes::recipe::Architecture;
use glossa_recipes::{Recipe, model_folder};
use glossa_text::{Preset, Tokenizer};
use glossa_zoo::card::Card;
use glossa_zoo::layout::ModelKind;
use glossa_zoo::pickle::read_itos;
use serde_json::json;

use super::{ImportOptions, Imported, find, with_ending, with_origin};
use crate::encoder_folder::TorchFiles;
use crate::language_model::architecture;
use crate::stage::{finish_model, name_of};

/// What SentencePiece writes for a space.
const SPACE: char = '\u{2581}';

pub(super) fn import(options: &ImportOptions<'_>) -> Outcome<Imported> {
    let from = options.from;
    let itos_path = from.join("itos.pkl");
    let weights = with_ending(from, "pth", "lm_best.pth")?.ok_or_else(|| {
        Failure::data(format!("{} has no .pth file beside itos.pkl", from.display()))
            .hint("the weights of a fastai language model are usually named lm_best.pth")
    })?;
    let piece_model = find(from, &["spm.model", "tokenizer.model"]).ok_or_else(|| {
        Failure::data(format!("{} has no spm.model", from.display()))
            .hint("vocabularies of whole words are not read here: give a model over SentencePiece's pieces")
    })?;
    let itos = read_itos(&itos_path)?;
    let torch = TorchFiles::open(std::slice::from_ref(&weights))?;
    let file = Fastai::new(&torch)?;
    let encoder = file.config()?;
    if encoder.vocabulary_size != itos.len() {
        let (rows, words) = (encoder.vocabulary_size, itos.len());
        return Err(Failure::data(format!(
            "{} has {rows} rows, {} has {words} pieces",
            weights.display(),
            itos_path.display()
        ))
        .hint("weights and vocabulary belong to different models"));
    }
    let bytes = std::fs::read(&piece_model).map_err(|cause| Failure::io("read", &piece_model, cause))?;
    let tokenizer = Tokenizer::from_model(bytes, Preset::FastaiV1, None, options.language.clone())?;
    let mut notes = Vec::new();
    if !file.has_decoder() {
        notes.push("the file holds an encoder alone: the decoder's bias is zero".to_owned());
    }
    let order = order(&itos, &tokenizer, &itos_path, &mut notes)?;
    let model = file.read(&DeviceChoice::Cpu.open()?)?.reordered(&order)?;
    let encoder = glossa_nn::EncoderConfig { vocabulary_size: order.len(), ..encoder };
    let config = ModelConfig { backward: options.backward, ..ModelConfig::language_model(encoder, tokenizer.digest()) };
    write(options, &model, &config, tokenizer, [&weights, &itos_path, &piece_model])?;
    let architecture = architecture(&config.encoder, config.backward);
    Ok(Imported { folder: options.out.to_path_buf(), architecture, parameters: model.num_params(), notes })
}

/// For each piece of the tokenizer the row that the vocabulary has for it: under its own name, without the sign
/// of a space (fastai's special words), or that of what is unknown.
fn order(itos: &[String], tokenizer: &Tokenizer, place: &Path, notes: &mut Vec<String>) -> Outcome<Vec<u32>> {
    let mut rows: HashMap<&str, u32> = HashMap::new();
    for (row, piece) in itos.iter().enumerate() {
        // Padding at the end repeats names: the first one is meant.
        rows.entry(piece.as_str()).or_insert(row as u32);
    }
    let unknown = ["xxunk", "<unk>", "\u{2581}xxunk"].iter().find_map(|name| rows.get(name).copied()).unwrap_or(0);
    let (mut order, mut missing) = (Vec::new(), Vec::new());
    for id in 0..tokenizer.vocabulary_size() as u32 {
        let piece = tokenizer.piece(id).unwrap_or_default();
        let row = rows.get(piece).or_else(|| rows.get(piece.trim_start_matches(SPACE)));
        if row.is_none() && id != tokenizer.unknown_id() {
            missing.push(piece.to_owned());
        }
        order.push(row.copied().unwrap_or(unknown));
    }
    let (count, size) = (missing.len(), order.len());
    missing.truncate(8);
    if count * 20 > size {
        let problem = format!("{} lacks {count} of the {size} pieces of spm.model: {missing:?} …", place.display());
        return Err(Failure::data(problem).hint("vocabulary and tokenizer belong to different models"));
    }
    if count > 0 {
        notes.push(format!("{count} pieces of the tokenizer stand for what is unknown: {}", missing.join(" ")));
    }
    Ok(order)
}

fn write(
    options: &ImportOptions<'_>,
    model: &LanguageModel,
    config: &ModelConfig,
    tokenizer: Tokenizer,
    inputs: [&Path; 3],
) -> Outcome<()> {
    let (recipe, rules) = (recipe(config, &tokenizer)?, tokenizer.rules().name());
    let folder = WholeFolder::create(options.out)?;
    model_folder::write(folder.path(), model, config, &tokenizer.into())?;
    model_folder::write_course(folder.path(), &recipe, &[])?;
    let card = Card {
        parameters: Some(model.num_params() as u64),
        how_to_use: Some(format!("glossa classify train --model {} --train FILE ...", name_of(options.out))),
        ..Card::new(&name_of(options.out), ModelKind::LanguageModel, &architecture(&config.encoder, config.backward))
    };
    let manifest = Manifest::new("import", 0, json!({"from": "fastai", "rules": rules}));
    finish_model(folder, &with_origin(card, options), manifest, &inputs)
}

/// The recipe that such models were trained by, with this one's sizes.
fn recipe(config: &ModelConfig, tokenizer: &Tokenizer) -> Outcome<Recipe> {
    let (preset, cell) = match config.encoder.cell {
        Cell::Qrnn => ("multifit-paper", Architecture::Qrnn),
        Cell::AwdLstm => ("ulmfit", Architecture::AwdLstm),
    };
    let mut recipe = Recipe::preset(preset)?;
    recipe.encoder.cell = cell;
    recipe.encoder.embedding_size = config.encoder.embedding_size;
    recipe.encoder.hidden_size = config.encoder.hidden_size;
    recipe.encoder.layer_count = config.encoder.layer_count;
    recipe.tokenizer.vocabulary_size = config.encoder.vocabulary_size;
    recipe.tokenizer.algorithm = tokenizer.config().algorithm;
    recipe.tokenizer.rules = tokenizer.rules();
    Ok(recipe)
}

pub(super) fn export(
    model: &LanguageModel,
    config: &ModelConfig,
    tokenizer: &Tokenizer,
    out: &Path,
) -> Outcome<PathBuf> {
    let folder = WholeFolder::create(out)?;
    model.save_for_fastai(&folder.path().join("model.safetensors"))?;
    let pieces: Vec<&str> =
        (0..tokenizer.vocabulary_size() as u32).map(|id| tokenizer.piece(id).unwrap_or_default()).collect();
    let encoder = &config.encoder;
    let sizes = json!({
        "format": 1, "cell": encoder.cell, "backward": config.backward, "vocabulary_size": encoder.vocabulary_size,
        "embedding_size": encoder.embedding_size, "hidden_size": encoder.hidden_size, "layer_count": encoder.layer_count,
    });
    for (name, value) in [("itos.json", json!(pieces)), ("sizes.json", sizes)] {
        let text =
            serde_json::to_vec_pretty(&value).map_err(|cause| Failure::data("cannot write sizes").because(cause))?;
        write_file(&folder.path().join(name), &text)?;
    }
    write_file(&folder.path().join("spm.model"), tokenizer.model_bytes())?;
    Manifest::new("export", 0, json!({"layout": "fastai"})).write(folder.path())?;
    folder.commit()?;
    Ok(out.to_path_buf())
}
