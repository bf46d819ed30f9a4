//! The main job from the outside: raw text to a scored classifier, by the commands that a user types.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use serde_json::Value;
use support::{Place, Ran, number, rows, text};

fn json(place: &Place, arguments: &str) -> Value {
    let ran = place.run(&format!("{arguments} --json"));
    ran.done().json()
}

const MODEL_FILES: [&str; 8] = [
    "README.md",
    "config.json",
    "manifest.json",
    "metrics.jsonl",
    "model.safetensors",
    "recipe.toml",
    "spm.model",
    "tokenizer_config.json",
];

/// A model folder holds these files, no others, and each says what it should.
fn check_model_folder(place: &Place, folder: &str, stage: &str, epochs: usize) {
    let mut names: Vec<String> = std::fs::read_dir(place.path(folder))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, MODEL_FILES);
    let file = |name: &str| place.read(&format!("{folder}/{name}"));
    let card = String::from_utf8(file("README.md")).unwrap();
    let (head, body) = card.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n")).unwrap();
    assert!(head.contains("library_name: glossa") && head.contains("pipeline_tag:"), "{head}");
    assert!(body.contains("glossa "), "{body}");
    let recipe = String::from_utf8(file("recipe.toml")).unwrap();
    assert!(recipe.contains("[pretrain.training]") && recipe.contains("name = \"tiny\""), "{recipe}");
    let metrics = String::from_utf8(file("metrics.jsonl")).unwrap();
    let records: Vec<Value> = metrics.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.len(), epochs, "{metrics}");
    assert!(records.iter().all(|record| number(record, "/train_loss").is_finite()));
    let manifest: Value = serde_json::from_slice(&file("manifest.json")).unwrap();
    assert_eq!(text(&manifest, "/stage"), stage);
    for output in manifest["outputs"].as_array().unwrap() {
        let path = place.path(folder).join(text(output, "/path"));
        assert_eq!(glossa_base::hash::sha256_file(&path).unwrap(), text(output, "/sha256"));
    }
    let config: Value = serde_json::from_slice(&file("config.json")).unwrap();
    assert_eq!(text(&config, "/tokenizer_sha256"), glossa_base::hash::sha256_hex(&file("spm.model")));
}

fn perplexity(place: &Place, model: &str) -> f64 {
    let outcome = json(place, &format!("lm perplexity --model {model} --corpus corpus"));
    let (piece, word) = (number(&outcome, "/by_piece"), number(&outcome, "/by_word"));
    assert!(piece.is_finite() && piece > 1.0 && word > piece, "{outcome}");
    assert!(number(&outcome, "/documents") > 10.0 && number(&outcome, "/bits_per_character") > 0.0, "{outcome}");
    piece
}

/// Language models before and after training, and what they write; the model is in `lm`.
fn language_models(place: &Place, cell: &str) {
    let pretrain = format!(
        "lm pretrain --corpus corpus --tokenizer tokenizer --preset tiny --set encoder.cell={cell} --seed 3 --device cpu"
    );
    json(place, &format!("{pretrain} --out untrained --set pretrain.training.epochs=0"));
    let outcome = json(place, &format!("{pretrain} --out lm"));
    assert_eq!(text(&outcome, "/folder"), "lm");
    assert_eq!(outcome["records"].as_array().unwrap().len(), 2);
    check_model_folder(place, "lm", "pretrain", 2);
    let (before, after) = (perplexity(place, "untrained"), perplexity(place, "lm"));
    assert!(after < 0.7 * before, "{cell}: {before} before, {after} after");
    let generate = |seed: u32| {
        let ran = place.run(&format!("lm generate --model lm --prompt The --length 20 --seed {seed} --json"));
        text(&ran.done().json(), "/text").to_owned()
    };
    assert_eq!(generate(1), generate(1));
    assert_ne!(generate(1), generate(2));
    assert!(generate(1).starts_with("The"), "{}", generate(1));
}

/// Labels of predictions in the order of the inputs.
fn labels(predictions: &Value) -> Vec<String> {
    predictions["predictions"].as_array().unwrap().iter().map(|row| text(row, "/label").to_owned()).collect()
}

fn predict(place: &Place, model: &str, texts: &[&str]) -> Value {
    let ran = place.run_words(&[&["classify", "predict", "--model", model, "--json"], texts].concat());
    ran.done().json()
}

/// Each text alone gets what it got among all others.
fn mates_do_not_matter(place: &Place, model: &str) {
    let examples = rows(place, "test.csv");
    let mut texts: Vec<&str> = examples.iter().take(7).map(|(text, _)| text.as_str()).collect();
    let long = texts.join(" ");
    texts.extend([long.as_str(), "x"]);
    let together = predict(place, model, &texts);
    let mut backwards = texts.clone();
    backwards.reverse();
    let reversed = predict(place, model, &backwards);
    for (index, one) in texts.iter().enumerate() {
        let alone = &predict(place, model, &[one])["predictions"][0]["probabilities"];
        let last = texts.len() - 1 - index;
        for among in [&together["predictions"][index], &reversed["predictions"][last]] {
            for (label, value) in among["probabilities"].as_object().unwrap() {
                let difference = (value.as_f64().unwrap() - number(alone, &format!("/{label}"))).abs();
                assert!(difference < 1e-6, "{model}, text {index}, {label}: {difference}");
            }
        }
    }
}

fn score(ran: &Value) -> f64 {
    let scores = ran["scores"].as_array().unwrap();
    let accuracy = scores.iter().find(|score| score["metric"] == "accuracy").unwrap();
    number(accuracy, "/value")
}

/// Predictions into a file and back as a score, which is the score of training.
fn predictions_and_score(place: &Place, model: &str, trained: &Value) -> f64 {
    let file = format!("{model}.jsonl");
    let written = json(place, &format!("classify predict --model {model} --input test.csv --labelled --out {file}"));
    assert_eq!(number(&written, "/count"), 100.0);
    let lines = String::from_utf8(place.read(&file)).unwrap();
    let gold: Vec<String> =
        lines.lines().skip(1).map(|line| text(&serde_json::from_str(line).unwrap(), "/gold").to_owned()).collect();
    let expected: Vec<String> = rows(place, "test.csv").into_iter().map(|(_, label)| label).collect();
    assert_eq!(gold, expected);
    let scored = json(place, &format!("eval score {file}"));
    let other = json(place, &format!("eval score {file} --gold test.csv"));
    assert_eq!(scored["scores"][0]["value"], other["scores"][0]["value"]);
    assert!((score(&scored) - score(&trained["test"])).abs() < 1e-12, "{scored} {trained}");
    score(&scored)
}

fn main_job(cell: &str) {
    let place = Place::with_texts();
    let corpus = json(&place, "corpus build text.txt --out corpus --valid-share 0.1 --test-share 0.1");
    let documents = |split: &str| number(&corpus, &format!("/summary/{split}/documents"));
    assert_eq!(documents("train") + documents("valid") + documents("test"), number(&corpus, "/summary/read"));
    let tokenizer = json(&place, "tokenizer train --corpus corpus --out tokenizer --preset tiny --language en");
    assert_eq!(number(&tokenizer, "/vocabulary_size"), 600.0);
    let statistics = json(&place, "tokenizer stats --tokenizer tokenizer --corpus corpus");
    assert!(number(&statistics, "/pieces_per_word") > 1.0, "{statistics}");
    language_models(&place, cell);
    json(&place, "lm finetune --model lm --texts train.csv --valid valid.csv --out tuned");
    check_model_folder(&place, "tuned", "finetune", 2);
    let training = "--set classify.training.epochs=20 --set classify.training.rate_divisor=1 --set classify.training.rate=0.01 --set classify.unfreezing=at-once";
    let trained = json(
        &place,
        &format!(
            "classify train --model tuned --train train.csv --valid valid.csv --test test.csv --out classifier {training}"
        ),
    );
    check_model_folder(&place, "classifier", "classify", 20);
    let accuracy = predictions_and_score(&place, "classifier", &trained);
    assert!(accuracy > 0.4, "five labels, and {accuracy} right");
    mates_do_not_matter(&place, "classifier");
}

#[test]
fn qrnn_from_raw_text_to_a_score() {
    main_job("qrnn");
}

#[test]
fn awd_lstm_from_raw_text_to_a_score() {
    main_job("awd-lstm");
}

#[test]
fn baselines_count_words_pieces_and_characters() {
    let place = Place::with_tokenizer();
    for method in ["naive-bayes", "nbsvm"] {
        for units in ["words", "pieces", "characters"] {
            let out = format!("{method}-{units}");
            let tokenizer = if units == "pieces" { "--tokenizer tokenizer" } else { "" };
            let trained = json(
                &place,
                &format!(
                    "classify train --method {method} --units {units} {tokenizer} --train train.csv --test test.csv --out {out}"
                ),
            );
            let accuracy = predictions_and_score(&place, &out, &trained);
            assert!(accuracy > 0.5, "{out}: {accuracy}");
            mates_do_not_matter(&place, &out);
        }
    }
}

#[test]
fn a_classifier_from_fresh_weights_needs_only_a_tokenizer() {
    let place = Place::with_tokenizer();
    let trained = json(
        &place,
        "classify train --tokenizer tokenizer --preset tiny --train train.csv --test test.csv --out classifier",
    );
    assert_eq!(trained["labels"].as_array().unwrap().len(), 5);
    check_model_folder(&place, "classifier", "classify", 8);
    predictions_and_score(&place, "classifier", &trained);
}

/// The probabilities of a text's labels by a classifier or several.
fn probabilities(place: &Place, models: &[&str]) -> Vec<f64> {
    let flags = models.iter().flat_map(|model| ["--model", model]).collect::<Vec<_>>();
    let words = [&["classify", "predict", "--json"], flags.as_slice(), &["A short text about rivers."]].concat();
    let answer = place.run_words(&words).done().json();
    answer["predictions"][0]["probabilities"]
        .as_object()
        .unwrap()
        .values()
        .map(|share| share.as_f64().unwrap())
        .collect()
}

#[test]
fn backward_models_read_from_the_end_and_are_averaged_with_forward_ones() {
    let place = Place::with_texts();
    json(&place, "corpus build text.txt --out corpus --valid-share 0.1 --test-share 0.1");
    json(&place, "tokenizer train --corpus corpus --out tokenizer --preset tiny");
    let pretrain = "lm pretrain --corpus corpus --tokenizer tokenizer --preset tiny --backward";
    json(&place, &format!("{pretrain} --out untrained --set pretrain.training.epochs=0"));
    json(&place, &format!("{pretrain} --out lm"));
    check_model_folder(&place, "lm", "pretrain", 2);
    let (before, after) = (perplexity(&place, "untrained"), perplexity(&place, "lm"));
    assert!(after < 0.7 * before, "{before} before, {after} after");
    let written = json(&place, "lm generate --model lm --prompt river --length 8");
    assert!(text(&written, "/text").ends_with("river"), "{written}");
    json(&place, "lm finetune --model lm --texts train.csv --out tuned");
    json(&place, "classify train --model tuned --train train.csv --out backward");
    json(&place, "classify train --tokenizer tokenizer --preset tiny --train train.csv --out forward");
    for (folder, expected) in [("lm", true), ("tuned", true), ("backward", true), ("forward", false)] {
        let config: Value = serde_json::from_slice(&place.read(&format!("{folder}/config.json"))).unwrap();
        assert_eq!(config["backward"], expected, "{folder}");
    }
    mates_do_not_matter(&place, "backward");
    let (one, other) = (probabilities(&place, &["backward"]), probabilities(&place, &["forward"]));
    assert_ne!(one, other);
    let both = probabilities(&place, &["backward", "forward"]);
    for ((one, other), both) in one.iter().zip(&other).zip(&both) {
        assert!(((one + other) / 2.0 - both).abs() < 1e-9);
    }
}

#[test]
fn a_sampled_decoder_learns_too() {
    let place = Place::with_texts();
    json(&place, "corpus build text.txt --out corpus --valid-share 0.1 --test-share 0.1");
    json(&place, "tokenizer train --corpus corpus --out tokenizer --preset tiny");
    let pretrain = "lm pretrain --corpus corpus --tokenizer tokenizer --preset tiny --set pretrain.sampled_pieces=150";
    json(&place, &format!("{pretrain} --out untrained --set pretrain.training.epochs=0"));
    json(&place, &format!("{pretrain} --out lm"));
    let (before, after) = (perplexity(&place, "untrained"), perplexity(&place, "lm"));
    assert!(after < 0.8 * before, "{before} before, {after} after");
    let ran = place.run(&format!("{pretrain}0 --out no"));
    assert!(ran.stderr.contains("a sample of 1500 from 600 pieces"), "{ran:?}");
}

#[test]
fn predictions_come_in_the_order_of_the_texts() {
    let place = Place::with_texts();
    place.run("classify train --method nbsvm --train train.csv --out model -q").done();
    // Training texts, which a linear model gets right, of mixed labels and lengths.
    let examples: Vec<_> = rows(&place, "train.csv").into_iter().take(30).collect();
    let texts: Vec<&str> = examples.iter().map(|(text, _)| text.as_str()).collect();
    let expected: Vec<&String> = examples.iter().map(|(_, label)| label).collect();
    let predicted = labels(&predict(&place, "model", &texts));
    assert_eq!(predicted.iter().collect::<Vec<_>>(), expected);
    let words = ["classify", "predict", "--model", "model"];
    let from_stdin: Ran = place.run_with(&words, &[], texts.join("\n").as_bytes()).done();
    let first = |line: &str| line.split('\t').next().unwrap().to_owned();
    assert_eq!(from_stdin.stdout.lines().map(first).collect::<Vec<_>>(), predicted);
}
