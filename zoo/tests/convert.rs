//! Weights in other precisions: every value as `half` rounds it, whole or not at all.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::path::Path;

use glossa_base::download::Watch;
use glossa_base::manifest::Manifest;
use glossa_base::{Interrupt, Silent};
use glossa_zoo::Dtype;
use glossa_zoo::convert::{Converted, Error, convert_file, convert_folder, precision};
use glossa_zoo::shards::check_safetensors;
use half::{bf16, f16};
use serde_json::json;

/// A safetensors file: a float tensor, whole numbers, nothing, and metadata.
fn weights(dtype: &str, values: &[u8], count: usize) -> Vec<u8> {
    let end = values.len();
    let header = json!({
        "__metadata__": {"format": "pt", "note": "x"},
        "a": {"dtype": dtype, "shape": [count], "data_offsets": [0, end]},
        "ids": {"dtype": "I64", "shape": [2], "data_offsets": [end, end + 16]},
        "none": {"dtype": dtype, "shape": [0, 3], "data_offsets": [end + 16, end + 16]},
    })
    .to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), values, &[5; 16]].concat()
}

fn convert(from: &Path, to: &Path, dtype: Dtype) -> Result<Converted, Error> {
    convert_file(from, to, dtype, Watch { progress: &Silent, interrupt: &Interrupt::default() })
}

/// The bytes of a tensor.
fn tensor(path: &Path, name: &str) -> Vec<u8> {
    let entries = check_safetensors(path).unwrap();
    let entry = entries.iter().find(|entry| entry.name == name).unwrap();
    let (begin, end) = (usize::try_from(entry.begin).unwrap(), usize::try_from(entry.end).unwrap());
    std::fs::read(path).unwrap().get(begin..end).unwrap().to_vec()
}

/// Values of every size, more than one block of them.
fn values() -> Vec<f32> {
    let some = (0..200_000_u64).map(|index| {
        let bits = glossa_base::seed::mix(index) as u32;
        let value = f32::from_bits(bits);
        if value.abs() < 65_000.0 { value } else { (bits % 1000) as f32 / 7.0 }
    });
    some.chain([0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, 65_504.0, 1e-8, f32::MIN_POSITIVE]).collect()
}

#[test]
fn every_value_is_rounded_as_the_standard_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let values = values();
    let singles: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let halves: Vec<u8> = values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect();
    let brains: Vec<u8> = values.iter().flat_map(|value| bf16::from_f32(*value).to_le_bytes()).collect();
    let from_halves: Vec<u8> = values.iter().flat_map(|value| f16::from_f32(*value).to_f32().to_le_bytes()).collect();
    let from_brains: Vec<u8> = values.iter().flat_map(|value| bf16::from_f32(*value).to_f32().to_le_bytes()).collect();
    for (from, bytes, to, expected) in [
        ("F32", &singles, Dtype::F16, &halves),
        ("F32", &singles, Dtype::BF16, &brains),
        ("F32", &singles, Dtype::F32, &singles),
        ("F16", &halves, Dtype::F32, &from_halves),
        ("BF16", &brains, Dtype::F32, &from_brains),
        ("BF16", &brains, Dtype::BF16, &brains),
    ] {
        std::fs::write(at("from"), weights(from, bytes, values.len())).unwrap();
        let converted = convert(&at("from"), &at("to"), to).unwrap();
        assert!(tensor(&at("to"), "a") == *expected, "{from} to {to}");
        assert_eq!(tensor(&at("to"), "ids"), [5; 16]);
        let changed = if from == to.name() { 0 } else { 2 };
        assert_eq!((converted.tensors, converted.kept), (changed, 3 - changed));
        assert_eq!(converted.bytes, std::fs::metadata(at("to")).unwrap().len());
        let whole = std::fs::read(at("to")).unwrap();
        assert!(String::from_utf8_lossy(&whole).contains(r#""__metadata__":{"format":"pt","note":"x"}"#));
    }
}

#[test]
fn what_has_no_place_is_told_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let large: Vec<u8> = [1.0_f32, 65_520.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::write(at("from"), weights("F32", &large, 2)).unwrap();
    let error = convert(&at("from"), &at("to"), Dtype::F16).unwrap_err();
    assert!(matches!(&error, Error::TooLarge { tensor, value, .. } if tensor == "a" && *value == 65_520.0), "{error}");
    convert(&at("from"), &at("bf16"), Dtype::BF16).unwrap();
    let whole = std::fs::read(at("from")).unwrap();
    for end in [0, 7, 8, 60, whole.len() - 1] {
        std::fs::write(at("cut"), whole.get(..end).unwrap()).unwrap();
        assert!(matches!(convert(&at("cut"), &at("to"), Dtype::BF16), Err(Error::Weights(_))), "{end}");
    }
    assert!(matches!(convert(&at("from"), &at("to"), Dtype::I8), Err(Error::Precision { .. })));
    assert!(!at("to").exists());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
    for (name, expected) in
        [("f32", Some(Dtype::F32)), ("BF16", Some(Dtype::BF16)), ("f16", Some(Dtype::F16)), ("f64", None)]
    {
        assert_eq!(precision(name).ok(), expected, "{name}");
    }
}

#[test]
fn a_folder_keeps_all_else_and_stays_whole() {
    let root = tempfile::tempdir().unwrap();
    let (from, to) = (root.path().join("from"), root.path().join("to"));
    std::fs::create_dir(&from).unwrap();
    let ones: Vec<u8> = [1.0_f32; 4].iter().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::write(from.join("model.safetensors"), weights("F32", &ones, 4)).unwrap();
    std::fs::write(from.join("config.json"), r#"{"torch_dtype": "float32", "a": 1.0}"#).unwrap();
    std::fs::write(from.join("README.md"), "# card").unwrap();
    std::fs::write(from.join("pytorch_model.bin"), "old").unwrap();
    Manifest::new("classify", 3, json!({"k": 1})).write(&from).unwrap();
    let watch = Watch { progress: &Silent, interrupt: &Interrupt::default() };
    convert_folder(&from, &to, Dtype::BF16, watch).unwrap();
    let config: serde_json::Value = serde_json::from_slice(&std::fs::read(to.join("config.json")).unwrap()).unwrap();
    assert_eq!(config, json!({"torch_dtype": "bfloat16", "a": 1.0}));
    assert_eq!(glossa_zoo::verify(&to).unwrap().files, 3);
    let manifest = Manifest::read(&to).unwrap();
    assert_eq!((manifest.stage.as_str(), manifest.seed, manifest.inputs.len()), ("classify", 3, 1));
    assert_eq!(manifest.summary, json!({"converted_to": "BF16"}));
    assert!(!to.join("pytorch_model.bin").exists());
    let empty = root.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    assert!(matches!(convert_folder(&empty, &to, Dtype::F16, watch), Err(Error::NoWeights { .. })));
}
