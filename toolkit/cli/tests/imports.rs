//! Models of others made into model folders, and back: what they compute is what torch computed
//! (`scripts/import_parity.py` made the cases).
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use glossa_nn::Tokens;
use glossa_recipes::model_folder;
use serde_json::Value;
use support::{Place, Refusals, number, text};

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import").join(name)
}

/// A copy of a case in the place, so that it may be damaged.
fn copy(place: &Place, name: &str) {
    for entry in std::fs::read_dir(case(name)).unwrap().map(Result::unwrap) {
        place.write(&format!("{name}/{}", entry.file_name().to_str().unwrap()), std::fs::read(entry.path()).unwrap());
    }
}

fn expected(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(case(name).join("expected.json")).unwrap()).unwrap()
}

/// The logits after the case's prompt, each with its piece.
fn logits(folder: &Path, prompt: &str) -> Vec<(String, f64)> {
    let device = Device::flex();
    let (model, config) = model_folder::read_language_model(folder, &device).unwrap();
    let tokenizer = model_folder::read_tokenizer(folder, &config).unwrap();
    let ids = tokenizer.encode(prompt).unwrap();
    let tokens = Tokens::new(&ids, [1, ids.len()], tokenizer.vocabulary_size(), &device).unwrap();
    let values: Vec<f32> = model.next(&tokens, None).unwrap().0.into_data().try_to_vec().unwrap();
    let name = |id: usize| tokenizer.piece(id as u32).unwrap().to_owned();
    values.into_iter().enumerate().map(|(id, value)| (name(id), f64::from(value))).collect()
}

fn check_language_model(name: &str) {
    let place = Place::new();
    copy(&place, name);
    let outcome = place.run(&format!("zoo import {name} --out lm --language en --json -q")).done().json();
    assert!(number(&outcome, "/parameters") > 100.0, "{outcome}");
    let expected = expected(name);
    let wanted = expected["logits"].as_object().unwrap();
    let mut compared = 0;
    for (piece, value) in logits(&place.path("lm"), text(&expected, "/prompt")) {
        // Special words have no sign of a space in fastai's vocabulary.
        let Some(theirs) = wanted.get(&piece).or_else(|| wanted.get(piece.trim_start_matches('\u{2581}'))) else {
            continue;
        };
        assert!((value - theirs.as_f64().unwrap()).abs() < 1e-4, "{name} {piece}: {value}, {theirs}");
        compared += 1;
    }
    assert!(compared + 1 >= wanted.len(), "{name}: {compared} of {}", wanted.len());
    place.run("zoo verify lm").done();
    let said = place.run("lm generate --model lm --prompt river --length 5 -q").done();
    assert!(!said.stdout.is_empty());
}

#[test]
fn fastai_and_multifit_language_models() {
    ["multifit", "multifit-old", "ulmfit"].into_iter().for_each(check_language_model);
}

#[test]
fn laser_with_its_dictionary() {
    let place = Place::new();
    copy(&place, "laser");
    place.run("zoo import laser --out encoder -q").done();
    let expected = expected("laser");
    for (index, sentence) in expected["texts"].as_array().unwrap().iter().enumerate() {
        let vectors =
            place.run_words(&["embed", "--model", "encoder", "--json", "-q", sentence.as_str().unwrap()]).done().json();
        let (ours, theirs) =
            (vectors["embeddings"][0].as_array().unwrap(), expected["vectors"][index].as_array().unwrap());
        assert_eq!(ours.len(), theirs.len());
        for (ours, theirs) in ours.iter().zip(theirs) {
            assert!((ours.as_f64().unwrap() - theirs.as_f64().unwrap()).abs() < 1e-4, "{sentence}");
        }
    }
    place.run("zoo verify encoder").done();
    assert!(place.run("embed --model encoder --pooling mean x -q").refusal(2, &["maximum"]).is_ok());
}

/// PyTorch computes the same from what is exported, where it is installed (`GLOSSA_PYTHON` names a Python).
#[test]
fn exported_models_are_loaded_by_pytorch() {
    let place = Place::new();
    for name in ["multifit", "ulmfit"] {
        copy(&place, name);
        place.run(&format!("zoo import {name} --out lm -q")).done();
        place.run("zoo export --model lm --out exported -q").done();
        let itos: Vec<String> = serde_json::from_slice(&place.read("exported/itos.json")).unwrap();
        let python = std::env::var("GLOSSA_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let loader = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/load_exported.py");
        let ran = std::process::Command::new(python)
            .arg(loader)
            .arg(place.path("exported"))
            .args(["2", "10", "11", "12"])
            .output();
        let Ok(output) = ran.map_err(|_| ()).and_then(|ran| if ran.status.success() { Ok(ran) } else { Err(()) })
        else {
            eprintln!("skipped: no Python with torch and safetensors (set GLOSSA_PYTHON)");
            return;
        };
        let theirs: Vec<f64> = serde_json::from_slice(&output.stdout).unwrap();
        let device = Device::flex();
        let (model, _) = model_folder::read_language_model(&place.path("lm"), &device).unwrap();
        let tokens = Tokens::new(&[2, 10, 11, 12], [1, 4], itos.len(), &device).unwrap();
        let ours: Vec<f32> = model.next(&tokens, None).unwrap().0.into_data().try_to_vec().unwrap();
        assert_eq!(ours.len(), theirs.len());
        assert!(ours.iter().zip(&theirs).all(|(ours, theirs)| (f64::from(*ours) - theirs).abs() < 1e-4), "{name}");
        let _ = std::fs::remove_dir_all(place.path("exported"));
        let _ = std::fs::remove_dir_all(place.path("lm"));
    }
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let place = Place::new();
    ["multifit", "ulmfit", "laser"].into_iter().for_each(|name| copy(&place, name));
    let import = |name: &str| format!("zoo import {name} --out lm");
    place.copy("multifit", "other-words");
    place.write("other-words/itos.pkl", b"\x80\x02]q\x00(X\x01\x00\x00\x00aq\x01X\x01\x00\x00\x00bq\x02e.");
    place.copy("multifit", "evil-words");
    place.write("evil-words/itos.pkl", b"cos\nsystem\n(S'touch owned'\ntR.");
    place.copy("multifit", "evil-weights");
    // As torch.save wrote before zip: the magic number, the protocol, the system, and then the state.
    let magic = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.".as_slice();
    let system = b"\x80\x02}(X\x10\x00\x00\x00protocol_versionM\xe9\x03X\r\x00\x00\x00little_endian\x88u.".as_slice();
    let evil = [magic, system, b"\x80\x02cos\nsystem\n(X\x0b\x00\x00\x00touch ownedtR."].concat();
    place.write("evil-weights/lm_best.pth", evil);
    place.copy("multifit", "cut");
    let whole = place.read("multifit/lm_best.pth");
    place.write("cut/lm_best.pth", &whole[..whole.len() / 2]);
    place.copy("multifit", "no-pieces");
    std::fs::remove_file(place.path("no-pieces/spm.model")).unwrap();
    place.copy("multifit", "two");
    std::fs::rename(place.path("two/lm_best.pth"), place.path("two/a.pth")).unwrap();
    place.write("two/b.pth", b"x");
    place.copy("ulmfit", "mixed");
    place.write("mixed/lm_best.pth", place.read("laser/laser2.pt"));
    place.write("empty/readme.txt", b"nothing");
    let mut refusals = Refusals::new(&place);
    for (name, words) in [
        ("other-words", ["rows", "2 pieces"]),
        ("evil-words", ["os.system", "nothing of it was executed"]),
        ("evil-weights", ["os.system", "nothing of it was executed"]),
        ("cut", ["lm_best.pth", ""]),
        ("no-pieces", ["spm.model", ""]),
        ("two", ["a.pth", "b.pth"]),
        ("mixed", ["encoder.weight", "fastai"]),
        ("empty", ["no model that is known", "itos.pkl"]),
        ("nowhere", ["nowhere", "folder"]),
    ] {
        refusals.case(&import(name), 3, &words);
    }
    refusals.end();
    assert!(!place.path("owned").exists());
}
