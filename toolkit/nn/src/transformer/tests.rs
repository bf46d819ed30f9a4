//! Transformers against Hugging Face's own (`scripts/encoder_parity.py` makes the cases), and what packing
//! promises.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::*;
use crate::MaskedLanguageModel;
use crate::laser::{Laser, LaserConfig};
use crate::published::{SafetensorsFiles, Slot};
use crate::target::Targets;

struct Case {
    config: serde_json::Value,
    model: SafetensorsFiles,
    numbers: SafetensorsFiles,
}

impl Case {
    fn new(name: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/parity").join(name);
        let open = |file: &str| SafetensorsFiles::open(&[folder.join(file)]).unwrap();
        let config = serde_json::from_slice(&std::fs::read(folder.join("config.json")).unwrap()).unwrap();
        Case { config, model: open("model.safetensors"), numbers: open("case.safetensors") }
    }

    fn config(&self) -> TransformerConfig {
        TransformerConfig::read(&self.config.to_string()).unwrap()
    }

    fn read(&self, name: &str) -> Vec<f32> {
        self.numbers.read(name).unwrap()
    }

    fn integers(&self, name: &str) -> Vec<u32> {
        self.read(name).into_iter().map(|value| value as u32).collect()
    }

    fn texts(&self) -> Vec<Vec<u32>> {
        let mut tokens = self.integers("tokens").into_iter();
        self.integers("lengths").into_iter().map(|length| tokens.by_ref().take(length as usize).collect()).collect()
    }

    fn tokens(&self, device: &Device) -> PackedTokens {
        let packed = PackedTokens::new(&self.texts(), 40, device).unwrap();
        if self.numbers.shapes().contains_key("types") {
            return packed.with_types(self.integers("types")).unwrap();
        }
        packed
    }

    fn classifier(&self, device: &Device) -> TransformerClassifier {
        TransformerClassifier::read(&self.config(), 3, &self.model, device).unwrap()
    }
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

fn check(what: &str, ours: &[f32], theirs: &[f32], limit: f32) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let largest = theirs.iter().fold(1.0_f32, |best, value| best.max(value.abs()));
    let error = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(error <= limit * largest, "{what}: {error} of {largest}");
}

/// Every gradient of the slots, stacked tensors taken apart, against those of the case.
fn check_gradients(case: &Case, name: &str, slots: &Slots<'_>, gradients: &burn::tensor::Gradients) {
    let mut seen = 0;
    for (names, slot) in slots {
        let gradient = match slot {
            Slot::Matrix(param) => numbers(param.val().grad(gradients).unwrap()),
            Slot::Vector(param) => numbers(param.val().grad(gradients).unwrap()),
        };
        for (part, name_of) in gradient.chunks(gradient.len() / names.len()).zip(names) {
            let theirs = case.read(&format!("gradient.{name_of}"));
            let largest = theirs.iter().fold(1e-3_f32, |best, value| best.max(value.abs()));
            let error = part.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(error <= 1e-3 * largest, "{name} {name_of}: {error} of {largest}");
            seen += 1;
        }
    }
    let theirs = case.numbers.shapes().keys().filter(|key| key.starts_with("gradient.")).count();
    assert_eq!(seen, theirs, "{name}");
}

#[test]
fn classifiers_are_those_of_transformers() {
    for name in ["first", "mean", "long", "bert", "xlm-roberta"] {
        let (case, device) = (Case::new(name), Device::flex().autodiff());
        let mut model = case.classifier(&device);
        let tokens = case.tokens(&device);
        check(name, &numbers(model.encoder.encode(&tokens, None).unwrap()), &case.read("hidden"), 1e-4);
        let texts = model.read_texts(&tokens, None).unwrap();
        check(name, &numbers(model.logits(texts.clone()).unwrap()), &case.read("logits"), 1e-4);
        let targets = Targets::Classes(case.read("labels").into_iter().map(|label| label as usize).collect());
        let likelihood = model.likelihood(texts, &Aim::at(&targets), None).unwrap();
        check(name, &numbers(likelihood.loss.clone()), &case.read("loss"), 1e-4);
        let gradients = likelihood.loss.backward();
        let (mut slots, config) = (Slots::new(), case.config());
        model.encoder.slots(config.prefix(), &mut slots);
        model.head.slots(&config, &mut slots);
        check_gradients(&case, name, &slots, &gradients);
    }
}

#[test]
fn masked_pieces_and_tokens_are_those_of_transformers() {
    let (case, device) = (Case::new("masked"), Device::flex().autodiff());
    let TransformerConfig::ModernBert(config) = case.config() else { panic!("another kind") };
    let mut model = MaskedLanguageModel::read_from(&config, &case.model, &device).unwrap();
    let tokens = case.tokens(&device);
    let places: Vec<u32> = (0..tokens.packing().token_count() as u32).collect();
    check("masked", &numbers(model.logits(&tokens, &places).unwrap()), &case.read("logits"), 1e-4);
    let hidden = model.read(&tokens, &places, None).unwrap();
    let likelihood = model.likelihood(hidden, &case.integers("labels"), 0.0).unwrap();
    check("masked", &numbers(likelihood.loss.clone()), &case.read("loss"), 1e-4);
    let gradients = likelihood.loss.backward();
    let mut slots = Slots::new();
    model.all_slots(&mut slots);
    check_gradients(&case, "masked", &slots, &gradients);

    let (case, device) = (Case::new("tokens"), Device::flex().autodiff());
    let mut model = case.classifier(&device);
    let rows = model.encoder.encode(&case.tokens(&device), None).unwrap();
    check("tokens", &numbers(model.logits(rows.clone()).unwrap()), &case.read("logits"), 1e-4);
    let targets = Targets::Classes(case.read("labels").into_iter().map(|label| label as usize).collect());
    let gradients = model.likelihood(rows, &Aim::at(&targets), None).unwrap().loss.backward();
    let (mut slots, config) = (Slots::new(), case.config());
    model.encoder.slots(config.prefix(), &mut slots);
    model.head.slots(&config, &mut slots);
    check_gradients(&case, "tokens", &slots, &gradients);
}

#[test]
fn laser_is_torchs_lstm_and_its_maximum() {
    let (case, device) = (Case::new("laser"), Device::flex());
    let config: LaserConfig = serde_json::from_value(case.config.clone()).unwrap();
    let model = Laser::read(&config, &case.model, &device).unwrap();
    check("laser", &numbers(model.pool(&case.tokens(&device)).unwrap()), &case.read("pooled"), 1e-5);
}

#[test]
fn batch_mates_do_not_change_a_text() {
    let (case, device) = (Case::new("mean"), Device::flex());
    let model = case.classifier(&device);
    let together = numbers(model.answers(&case.tokens(&device), Problem::SingleLabel).unwrap());
    for (index, text) in case.texts().iter().enumerate() {
        let alone = PackedTokens::new(&[text], 40, &device).unwrap();
        let alone = numbers(model.answers(&alone, Problem::SingleLabel).unwrap());
        check("alone", &alone, &together[index * 3..index * 3 + 3], 1e-6);
    }
}

#[test]
fn what_is_saved_is_read_again_under_published_names() {
    let folder = tempfile::tempdir().unwrap();
    let (path, device) = (folder.path().join("model.safetensors"), Device::flex());
    for name in ["first", "bert", "xlm-roberta"] {
        let case = Case::new(name);
        case.classifier(&device).save(&path).unwrap();
        let saved = SafetensorsFiles::open(std::slice::from_ref(&path)).unwrap();
        let tensors = |source: &SafetensorsFiles| -> BTreeMap<String, Vec<f32>> {
            source.shapes().into_keys().map(|key| (key.clone(), source.read(&key).unwrap())).collect()
        };
        assert_eq!(tensors(&saved), tensors(&case.model), "{name}");
        // The encoder alone, from a file with heads and from one without.
        let encoder = Transformer::read(&case.config(), &saved, &device).unwrap();
        encoder.save(&path).unwrap();
        let alone = SafetensorsFiles::open(std::slice::from_ref(&path)).unwrap();
        let again = Transformer::read(&case.config(), &alone, &device).unwrap();
        let tokens = case.tokens(&device);
        assert_eq!(numbers(encoder.encode(&tokens, None).unwrap()), numbers(again.encode(&tokens, None).unwrap()));
    }
}

#[test]
fn names_that_do_not_fit_are_listed() {
    let (case, device) = (Case::new("first"), Device::flex());
    let TransformerConfig::ModernBert(config) = case.config() else { panic!("another kind") };
    let read = |config: ModernBertConfig, outputs| {
        let config = TransformerConfig::ModernBert(config);
        TransformerClassifier::read(&config, outputs, &case.model, &device).map(|_| ()).unwrap_err().message
    };
    let more = read(ModernBertConfig { num_hidden_layers: 5, layer_types: None, ..config.clone() }, 3);
    assert!(more.contains("missing [\"model.layers.4.attn_norm.weight\""), "{more}");
    let fewer = read(ModernBertConfig { num_hidden_layers: 3, layer_types: None, ..config.clone() }, 3);
    assert!(fewer.contains("unexpected [\"model.layers.3.attn.Wo.weight\""), "{fewer}");
    let wider = read(config, 4);
    assert!(wider.contains("classifier.weight has [3, 16], not [4, 16]"), "{wider}");
}

#[test]
fn groups_go_from_the_embeddings_to_the_head() {
    let case = Case::new("first");
    let model = case.classifier(&Device::flex());
    assert_eq!(model.group_count(), 6);
    for (path, group) in [
        ("encoder.ModernBert.embedding", 0),
        ("encoder.ModernBert.embedding_norm.scale", 0),
        ("encoder.ModernBert.layers.0.inner_norm.scale", 1),
        ("encoder.ModernBert.layers.3.inner_output.weight", 4),
        ("encoder.ModernBert.final_norm.scale", 4),
        ("head.inner.weight", 5),
    ] {
        assert_eq!(model.group(path), group, "{path}");
    }
}

#[test]
fn what_cannot_be_read_is_refused() {
    let (case, device) = (Case::new("xlm-roberta"), Device::flex());
    let model = case.classifier(&device);
    let long = PackedTokens::new(&[vec![5; 63]], 40, &device).unwrap();
    assert!(matches!(model.encoder.encode(&long, None), Err(Error::TooLong { tokens: 63, most: 62 })));
    assert!(PackedTokens::new(&[vec![40]], 40, &device).is_err());
    assert!(PackedTokens::new(&[Vec::new()], 40, &device).is_err());
    let types = PackedTokens::new(&[vec![5, 6]], 40, &device).unwrap().with_types(vec![0, 1]).unwrap();
    assert!(model.encoder.encode(&types, None).is_err());
    for text in [
        "{}",
        r#"{"model_type": "gpt2"}"#,
        r#"{"model_type": "modernbert"}"#,
        r#"{"model_type": "bert", "vocab_size": -1}"#,
    ] {
        assert!(TransformerConfig::read(text).is_err(), "{text}");
    }
}
