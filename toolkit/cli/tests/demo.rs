//! `glossa demo` as its user runs it: the files, the figures, the commands that it names, and the
//! folders that it refuses.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn glossa(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_glossa")).args(arguments).output().unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// An empty folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

fn accuracy(outcome: &Value, name: &str) -> f64 {
    let systems = outcome["systems"].as_array().unwrap();
    let system = systems.iter().find(|system| system["name"] == name);
    system.unwrap_or_else(|| panic!("no {name}"))["accuracy"].as_f64().unwrap()
}

fn check_files(out: &Path, outcome: &Value) {
    let files = [
        "sample/text.txt",
        "sample/train.csv",
        "corpus/manifest.json",
        "tokenizer/spm.model",
        "language-model/model.safetensors",
        "finetuned/model.safetensors",
        "from-scratch/model.safetensors",
        "baseline-words/config.json",
        "baseline-pieces/config.json",
    ];
    let model = ["config.json", "model.safetensors", "spm.model", "README.md", "recipe.toml", "metrics.jsonl"];
    let missing = |path: &Path| !path.is_file();
    let missing: Vec<PathBuf> = files
        .iter()
        .map(|name| out.join(name))
        .chain(model.iter().map(|name| out.join("classifier").join(name)))
        .chain(["report", "predictions"].iter().map(|key| PathBuf::from(outcome[key].as_str().unwrap())))
        .filter(|path| missing(path))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    let report = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(report.contains("<svg") && !report.contains("<script") && !report.contains("http"));
    let predictions = std::fs::read_to_string(out.join("predictions.jsonl")).unwrap();
    let rows = predictions.lines().filter(|line| line.contains("\"gold\":")).count();
    assert_eq!(rows as u64, outcome["sample"]["test"].as_u64().unwrap());
}

/// The commands that the demo names work, and say what the demo said.
fn check_commands(outcome: &Value) {
    let stages = outcome["stages"].as_array().unwrap();
    let words = |command: &Value| -> Vec<String> {
        command.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    let commands: Vec<Vec<String>> =
        stages.iter().flat_map(|stage| stage["commands"].as_array().unwrap()).map(words).collect();
    assert!(commands.len() >= 12, "{commands:?}");
    for command in &commands {
        let mut arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        arguments.extend(["--json", "--quiet"]);
        let trains = matches!(arguments[1], "build" | "train" | "pretrain" | "finetune");
        arguments.extend(trains.then_some("--dry-run"));
        let said = json(&glossa(&arguments));
        match arguments[1] {
            "generate" => assert_eq!(said["text"], outcome["generated"]["text"]),
            "encode" => assert_eq!(said["texts"][0]["pieces"], outcome["segmented"][0]["pieces"]),
            "perplexity" => assert_eq!(said["by_piece"], outcome["perplexity"]["by_piece"]),
            "predict" if !arguments.contains(&"--input") => {
                assert_eq!(said["predictions"][0]["label"], outcome["guesses"][0]["label"]);
            }
            "score" => {
                let found = said["metrics"]["accuracy"].as_f64().unwrap();
                assert!((found - accuracy(outcome, "network, pretrained")).abs() < 1e-9);
            }
            _ => {}
        }
    }
}

#[test]
fn the_demo_shows_what_pretraining_is_worth() {
    let out = folder("demo").join("out");
    let place = out.to_str().unwrap();
    let outcome = json(&glossa(&["demo", "--out", place, "--json", "--quiet"]));
    check_files(&out, &outcome);
    let pretrained = accuracy(&outcome, "network, pretrained");
    for other in ["Naive Bayes SVM on words", "Naive Bayes SVM on pieces", "network from scratch"] {
        let other_accuracy = accuracy(&outcome, other);
        assert!(pretrained > other_accuracy + 0.03, "pretrained {pretrained}, {other} {other_accuracy}");
    }
    let losses: Vec<f64> = outcome["language_model"]["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["train_likelihood"].as_f64().unwrap())
        .collect();
    assert!(losses.last().unwrap() < losses.first().unwrap(), "{losses:?}");
    check_commands(&outcome);
    let again = glossa(&["demo", "--out", place, "--json", "--dry-run"]);
    assert_eq!(json(&again)["command"], "demo", "a former demo's folder may be replaced");
}

#[test]
fn foreign_folders_are_refused_before_any_work() {
    let check = |name: &str, prepare: &dyn Fn(&Path)| {
        let out = folder(name);
        prepare(&out);
        let count = || std::fs::read_dir(&out).unwrap().count();
        let before = count();
        let refused = glossa(&["demo", "--out", out.to_str().unwrap()]);
        let errors = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(3), "{errors}");
        assert!(errors.contains("hint: ") && refused.stdout.is_empty(), "{errors}");
        assert_eq!(count(), before);
    };
    check("demo-foreign", &|out| std::fs::write(out.join("thesis.txt"), "mine").unwrap());
    check("demo-other-command", &|out| {
        let manifest =
            r#"{"format":1,"stage":"corpus","tool_version":"0","seed":0,"config":{},"inputs":[],"outputs":[]}"#;
        std::fs::write(out.join("manifest.json"), manifest).unwrap();
    });
    check("demo-foreign-inside", &|out| {
        let manifest =
            r#"{"format":1,"stage":"demo","tool_version":"0","seed":0,"config":{},"inputs":[],"outputs":[]}"#;
        std::fs::write(out.join("manifest.json"), manifest).unwrap();
        std::fs::create_dir(out.join("corpus")).unwrap();
        std::fs::write(out.join("corpus/thesis.txt"), "mine").unwrap();
    });
}

#[test]
fn an_unknown_language_is_named() {
    let refused = glossa(&["demo", "--language", "tlh", "--out", folder("demo-tlh").to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("tlh"));
}
