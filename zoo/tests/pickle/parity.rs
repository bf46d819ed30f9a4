//! Real files of torch and fastai, where `scripts/pickle_parity.py` has made them.

use std::fs;
use std::path::{Path, PathBuf};

use glossa_zoo::pickle::{TensorFile, Value, check_state_dict, read_itos};
use serde_json::Value as Json;

fn cases(begin: &str, end: &str) -> Vec<PathBuf> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parity"));
    let Ok(entries) = fs::read_dir(folder) else {
        eprintln!("skipped: no zoo/tests/parity; make it with scripts/pickle_parity.py");
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    let fits = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with(begin) && name.ends_with(end)
    };
    let found: Vec<PathBuf> = paths.filter(fits).collect();
    assert!(!found.is_empty());
    found
}

fn json(path: &Path) -> Json {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Plain values as JSON has them.
fn plain(value: &Value) -> Json {
    match value {
        Value::Bool(value) => Json::from(*value),
        Value::Int(number) => Json::from(i64::try_from(*number).unwrap()),
        Value::Float(number) => Json::from(*number),
        Value::Text(text) => Json::from(text.as_str()),
        Value::Dict(pairs) => {
            pairs.iter().map(|(key, value)| (key.as_text().unwrap().to_owned(), plain(value))).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn tensors_are_those_that_torch_saved() {
    let mut read = 0;
    for path in cases("", ".pth") {
        let expected = json(&path.with_extension("json"));
        let mut file = TensorFile::open(&path).unwrap();
        for (key, value) in expected["plain"].as_object().unwrap() {
            assert_eq!(plain(file.survey().value.get(key).unwrap()), *value, "{}: {key}", path.display());
        }
        let tensors = expected["tensors"].as_array().unwrap();
        let is_part = path.ends_with("many.pth");
        assert!(is_part || file.survey().tensors.len() == tensors.len(), "{}", path.display());
        for tensor in tensors {
            let name = tensor["name"].as_str().unwrap();
            let found = file.survey().tensor(name).unwrap_or_else(|| panic!("{}: {name}", path.display())).clone();
            assert_eq!(found.dtype.name(), tensor["dtype"], "{}: {name}", path.display());
            assert_eq!(serde_json::json!(found.shape), tensor["shape"], "{}: {name}", path.display());
            let Some(values) = tensor["values"].as_array() else {
                assert!(file.read(name).is_err());
                continue;
            };
            let values: Vec<f32> = values.iter().map(|value| value.as_f64().unwrap_or(f64::INFINITY) as f32).collect();
            assert_eq!(file.read(name).unwrap(), values, "{}: {name}", path.display());
            read += 1;
        }
    }
    eprintln!("{read} tensors compared");
}

#[test]
fn many_tensors_are_read_in_little_time() {
    for path in cases("many", ".pth") {
        let start = std::time::Instant::now();
        let mut file = TensorFile::open(&path).unwrap();
        let opened = start.elapsed();
        let names: Vec<String> = file.survey().tensors.iter().map(|tensor| tensor.name.clone()).collect();
        names.iter().for_each(|name| assert_eq!(file.read(name).unwrap().len(), 64 * 64));
        eprintln!("{} tensors: opened in {opened:?}, read in {:?}", names.len(), start.elapsed());
    }
}

#[test]
fn vocabularies_are_those_that_python_wrote() {
    for path in cases("itos-", ".pkl") {
        let words = read_itos(&path).unwrap();
        if path.ends_with("itos-large.pkl") {
            assert_eq!((words.len(), words.last().map(String::as_str)), (60_000, Some("▁59999")));
            continue;
        }
        assert_eq!(serde_json::json!(words), json(&path.with_file_name("itos.json")), "{}", path.display());
    }
}

#[test]
fn fastai_keeps_its_optimizer_as_plain_values() {
    for path in cases("fastai2", ".pth") {
        let survey = check_state_dict(&path).unwrap();
        let hypers = survey.value.get("opt").and_then(|opt| opt.get("hypers")).and_then(Value::items).unwrap();
        let rates: Vec<Option<f64>> = hypers.iter().map(|hyper| hyper.get("lr").and_then(Value::as_float)).collect();
        assert_eq!(rates, [Some(0.25), Some(0.5)]);
    }
}
