//! LASER's published file (`laser2.pt`: sizes, state dict and dictionary together) and its SentencePiece model
//! (`laser2.spm`).

use std::path::Path;

use burn::module::Module;
use glossa_base::atomic::{WholeFolder, write_file};
use glossa_base::manifest::Manifest;
use glossa_base::{Failure, Outcome};
use glossa_nn::DeviceChoice;
use glossa_nn::laser::{self, Laser, LaserConfig};
use glossa_zoo::card::Card;
use glossa_zoo::layout::{CONFIG, ModelKind, TOKENIZER, WEIGHTS};
use glossa_zoo::pickle::{Value, check_state_dict};
use serde_json::json;

use super::{ImportOptions, Imported, with_ending, with_origin};
use crate::encoder_folder::TorchFiles;
use crate::stage::{finish_model, name_of};

pub(super) fn import(options: &ImportOptions<'_>) -> Outcome<Imported> {
    let lacks = |what: &str| {
        Failure::data(format!("{} has no {what}", options.from.display()))
            .hint("LASER is laser2.pt and laser2.spm in one folder")
    };
    let weights = with_ending(options.from, "pt", "laser2.pt")?.ok_or_else(|| lacks("laser2.pt"))?;
    let pieces = with_ending(options.from, "spm", "laser2.spm")?.ok_or_else(|| lacks("laser2.spm"))?;
    let survey = check_state_dict(&weights)?;
    let config = config(&survey.value, &weights)?;
    let dictionary = dictionary(&survey.value, &weights)?;
    let source = TorchFiles::within(std::slice::from_ref(&weights), "model.")?;
    let model = Laser::read(&config, &source, &DeviceChoice::Cpu.open()?)?;
    let folder = WholeFolder::create(options.out)?;
    model.save(&folder.path().join(WEIGHTS))?;
    let mut described =
        serde_json::to_value(&config).map_err(|cause| Failure::data("cannot write sizes").because(cause))?;
    if let Some(described) = described.as_object_mut() {
        described.insert("model_type".to_owned(), json!(laser::MODEL_TYPE));
    }
    let write = |name: &str, value: &serde_json::Value| -> Outcome<()> {
        let text = serde_json::to_vec(value).map_err(|cause| Failure::data("cannot write a file").because(cause))?;
        write_file(&folder.path().join(name), &text)
    };
    write(CONFIG, &described)?;
    write("dictionary.json", &dictionary)?;
    let bytes = std::fs::read(&pieces).map_err(|cause| Failure::io("read", &pieces, cause))?;
    write_file(&folder.path().join(TOKENIZER), &bytes)?;
    let architecture = format!("LASER, {} layers of {} both ways", config.num_layers, config.hidden_size);
    let parameters = model.num_params();
    let card = Card {
        parameters: Some(parameters as u64),
        how_to_use: Some(format!("glossa embed --model {}", name_of(options.out))),
        ..Card::new(&name_of(options.out), ModelKind::Encoder, &architecture)
    };
    let manifest = Manifest::new("import", 0, json!({"from": "laser"}));
    finish_model(folder, &with_origin(card, options), manifest, &[&weights, &pieces])?;
    let notes = vec!["texts are lowercased; Moses' punctuation rules, which LASER runs first, are not".to_owned()];
    Ok(Imported { folder: options.out.to_path_buf(), architecture, parameters, notes })
}

/// The sizes in `params`.
fn config(value: &Value, path: &Path) -> Outcome<LaserConfig> {
    let number = |key: &str| {
        let number = value.get("params").and_then(|params| params.get(key)).and_then(Value::as_int);
        number.and_then(|number| usize::try_from(number).ok()).ok_or_else(|| {
            Failure::data(format!("{} has no number params.{key}", path.display())).hint("give LASER2's laser2.pt")
        })
    };
    let config = LaserConfig {
        num_embeddings: number("num_embeddings")?,
        padding_idx: number("padding_idx").unwrap_or(1),
        embed_dim: number("embed_dim")?,
        hidden_size: number("hidden_size")?,
        num_layers: number("num_layers")?,
    };
    config.check()?;
    Ok(config)
}

/// The pieces and their ids, as `dictionary.json` holds them.
fn dictionary(value: &Value, path: &Path) -> Outcome<serde_json::Value> {
    let wrong = |what: &str| Failure::data(format!("{}: {what}", path.display())).hint("give LASER2's laser2.pt");
    let pairs = value.get("dictionary").and_then(Value::pairs).ok_or_else(|| wrong("it has no dictionary"))?;
    let mut pieces = serde_json::Map::new();
    for (piece, id) in pairs {
        let (Some(piece), Some(id)) = (piece.as_text(), id.as_int()) else {
            return Err(wrong("its dictionary is not of pieces and their ids"));
        };
        pieces.insert(piece.to_owned(), json!(id));
    }
    let special = |names: &[&str], usual: i64| {
        names.iter().find_map(|name| pieces.get(*name).and_then(serde_json::Value::as_i64)).unwrap_or(usual)
    };
    let (begin, padding) = (special(&["<s>"], 0), special(&["<pad>"], 1));
    let (end, unknown) = (special(&["</s>"], 2), special(&["<unk>"], 3));
    Ok(json!({
        "format": 1, "pieces": pieces, "begin": begin, "padding": padding, "end": end, "unknown": unknown, "lowercase": true,
    }))
}
