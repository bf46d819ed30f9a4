//! Hugging Face folders: one safetensors file of whatever was sharded or pickled, with every tensor checked
//! against the configuration, and the tokenizer against the weights.

use burn::module::Module;
use glossa_base::atomic::WholeFolder;
use glossa_base::manifest::Manifest;
use glossa_base::{Failure, Outcome};
use glossa_nn::DeviceChoice;
use glossa_nn::transformer::TransformerConfig;
use glossa_zoo::card::Card;
use glossa_zoo::layout::{CONFIG, ModelKind};
use serde_json::json;

use super::{ImportOptions, Imported, with_origin};
use crate::encoder_folder::{self, Described, FolderKind};
use crate::stage::{finish_model, name_of};

/// Which of a folder's heads goes with the encoder.
enum Part {
    Masked,
    Classifier,
    Encoder,
}

fn part(described: &Described) -> Part {
    let names = described.json.get("architectures").and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
    let says = |ending: &str| names.iter().filter_map(serde_json::Value::as_str).any(|name| name.ends_with(ending));
    let modern = matches!(described.kind, FolderKind::Transformer(TransformerConfig::ModernBert(_)));
    match () {
        () if says("ForMaskedLM") && modern => Part::Masked,
        () if says("ForSequenceClassification") => Part::Classifier,
        () => Part::Encoder,
    }
}

pub(super) fn import(options: &ImportOptions<'_>) -> Outcome<Imported> {
    let (from, device) = (options.from, DeviceChoice::Cpu.open()?);
    let described = Described::read(from)?;
    let FolderKind::Transformer(config) = &described.kind else {
        return Err(
            Failure::data(format!("{} is a model folder of ours already", from.display())).hint("use it as it is")
        );
    };
    let tokenizer = encoder_folder::read_tokenizer(from, &described)?;
    let folder = WholeFolder::create(options.out)?;
    let write = |save: &dyn Fn(&std::path::Path) -> Outcome<()>| {
        encoder_folder::write(folder.path(), &described.json, &tokenizer, save)
    };
    let (kind, parameters, use_it) = match part(&described) {
        Part::Masked => {
            let (model, _) = encoder_folder::read_masked(from, &described, &device)?;
            write(&|path| model.save(path))?;
            (ModelKind::MaskedLanguageModel, model.num_params(), "glossa lm pretrain --from")
        }
        Part::Classifier => {
            let read = encoder_folder::read_classifier(from, &described, &device)?;
            write(&|path| read.model.save(path))?;
            (ModelKind::Classifier, read.model.num_params(), "glossa classify predict --model")
        }
        Part::Encoder => {
            let model = encoder_folder::read_transformer(from, &described, &device)?;
            write(&|path| model.save(path))?;
            (ModelKind::Encoder, model.num_params(), "glossa embed --model")
        }
    };
    let architecture = encoder_folder::architecture(config);
    let card = Card {
        parameters: Some(parameters as u64),
        how_to_use: Some(format!("{use_it} {}", name_of(options.out))),
        ..Card::new(&name_of(options.out), kind, &architecture)
    };
    let manifest = Manifest::new("import", 0, json!({"from": "huggingface"}));
    finish_model(folder, &with_origin(card, options), manifest, &[&from.join(CONFIG)])?;
    Ok(Imported { folder: options.out.to_path_buf(), architecture, parameters, notes: Vec::new() })
}
