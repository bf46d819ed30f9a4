//! What training offers beside the model: other kinds of labels, pairs, folds, a sweep of rates, logs that
//! other programs read, and every key of a recipe.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]
#![expect(clippy::print_stderr, reason = "a skipped check says so")]

mod support;

use std::fmt::Write as _;
use std::process::Command;

use serde_json::Value;
use support::{Place, number, rows, text};

const CLASSIFY: &str = "classify train --tokenizer tokenizer --preset tiny --set classify.training.epochs=4";

/// A place with a tokenizer, and tables made from the labelled sample: several labels a text, a number a
/// text, and pairs.
fn place() -> Place {
    let place = Place::with_tokenizer();
    let examples = rows(&place, "train.csv");
    let (mut several, mut numbers) = ("text,label\n".to_owned(), "text,label\n".to_owned());
    let mut pairs = "first,second,label\n".to_owned();
    for (index, (text, label)) in examples.iter().enumerate() {
        let (other, second) = &examples[(index * 7 + 3) % examples.len()];
        let mut labels = [label.as_str(), second.as_str()];
        labels.sort_unstable();
        let labels = if index % 10 == 0 { String::new() } else { labels.join(";") };
        writeln!(several, "\"{text} {other}\",{labels}").unwrap();
        writeln!(numbers, "\"{text}\",{}", 100.0 + label.len() as f64).unwrap();
        writeln!(pairs, "\"{text}\",\"{other}\",{}", label == second).unwrap();
    }
    place.write("several.csv", several);
    place.write("numbers.csv", numbers);
    place.write("pairs.csv", pairs);
    place
}

fn train(place: &Place, rest: &str) -> Value {
    place.run(&format!("{CLASSIFY} {rest} --json -q")).done().json()
}

fn predictions(place: &Place, rest: &str) -> Vec<Value> {
    let answer = place.run(&format!("classify predict {rest} --json -q")).done().json();
    answer["predictions"].as_array().unwrap().clone()
}

#[test]
fn several_labels_a_text() {
    let place = place();
    let files = "--train several.csv --valid several.csv --test several.csv";
    let outcome = train(&place, &format!("{files} --problem multi-label --label-delimiter ; --out several"));
    let f1 = number(&outcome, "/records/3/validation/f1");
    assert!((f1 - number(&outcome, "/scores/0/value")).abs() < 1e-9, "{outcome}");
    assert_eq!(text(&outcome, "/scores/0/metric"), "micro_f1");
    assert!(outcome["test"].is_null() && f1 > 0.2, "{outcome}");
    let found = predictions(&place, "--model several --input several.csv --label-delimiter ;");
    for row in &found {
        let likely = row["probabilities"].as_object().unwrap().iter().filter(|pair| pair.1.as_f64().unwrap() >= 0.5);
        let names: Vec<&str> = likely.map(|pair| pair.0.as_str()).collect();
        assert_eq!(text(row, "/label"), names.join(";"));
    }
    let config: Value = serde_json::from_slice(&place.read("several/config.json")).unwrap();
    assert_eq!(config["problem_type"], "multi_label_classification");
    place.refusal("classify explain --model several words", 3, &["one label a text"]).unwrap();
}

#[test]
fn a_number_a_text() {
    let place = place();
    let outcome = train(
        &place,
        "--train numbers.csv --valid numbers.csv --test numbers.csv --problem regression --out numbers --set \
         classify.training.epochs=10 --set classify.keep_best=true",
    );
    let best = |at: usize| number(&outcome, &format!("/records/{at}/validation/rmse"));
    let lowest = (0..10).map(best).fold(f64::INFINITY, f64::min);
    assert!((number(&outcome, "/scores/0/value") - lowest).abs() < 1e-6, "{outcome}");
    assert!(number(&outcome, "/scores/2/value") > 0.3, "no correlation: {outcome}");
    for row in predictions(&place, "--model numbers --input numbers.csv") {
        let value: f64 = text(&row, "/label").parse().unwrap();
        assert!((95.0..130.0).contains(&value), "{value} is not on the scale of the labels");
    }
    let wrong = format!("{CLASSIFY} --train train.csv --problem regression --out new");
    place.refusal(&wrong, 3, &["train.csv", "which is no number"]).unwrap();
}

#[test]
fn pairs_of_texts() {
    let place = place();
    let rest = "--train pairs.csv --test pairs.csv --text-column first --pair-column second --out pairs";
    assert_eq!(train(&place, rest)["labels"], serde_json::json!(["false", "true"]));
    let both = "--model pairs --input pairs.csv --text-column first --pair-column";
    let (one, other) = (predictions(&place, &format!("{both} second")), predictions(&place, &format!("{both} first")));
    assert_ne!(one, other, "the second text does not matter");
    place
        .refusal(
            "classify predict --model pairs --input pairs.csv --text-column first --pair-column secnd",
            3,
            &["secnd", "second"],
        )
        .unwrap();
}

#[test]
fn folds_share_the_training_file() {
    let place = place();
    let accuracy = |fold: &str| {
        let outcome = train(&place, &format!("--train train.csv --fold {fold} --out fold"));
        number(&outcome, "/records/3/validation/accuracy") * 40.0
    };
    for fold in ["1/5", "5/5"] {
        let right = accuracy(fold);
        assert!((right - right.round()).abs() < 1e-6, "200 texts make folds of 40: {right}");
    }
    for wrong in ["0/5", "6/5", "1/1", "a/b", "3"] {
        let ran = place.run(&format!("{CLASSIFY} --train train.csv --fold {wrong} --out new"));
        assert!(ran.code == Some(2) && ran.stderr.contains("is no fold"), "{ran:?}");
    }
}

#[test]
fn rates_are_tried_and_drawn() {
    let place = place();
    let pretrain = "lm pretrain --corpus corpus --tokenizer tokenizer --preset tiny --out lm";
    place.run(&format!("{pretrain} --set pretrain.training.epochs=0 -q")).done();
    for command in [
        pretrain.to_owned(),
        "lm finetune --model lm --texts train.csv --preset tiny --out tuned".to_owned(),
        format!("{CLASSIFY} --train train.csv --out classifier"),
    ] {
        let before = place.tree();
        let outcome = place.run(&format!("{command} --find-rate rates.html --json -q")).done().json();
        let rates: Vec<f64> = outcome["rates"].as_array().unwrap().iter().map(|rate| rate.as_f64().unwrap()).collect();
        assert!(rates.len() > 30 && rates.is_sorted(), "{outcome}");
        for name in ["valley", "slide", "minimum", "steep"] {
            assert!((1e-8..=10.0).contains(&number(&outcome, &format!("/suggestions/{name}"))), "{outcome}");
        }
        let page = String::from_utf8(place.read("rates.html")).unwrap();
        assert!(page.contains("<svg") && page.contains("valley") && !page.contains("<script"));
        std::fs::remove_file(place.path("rates.html")).unwrap();
        assert_eq!(place.tree(), before, "{command} wrote more than the page");
    }
}

#[test]
fn logs_have_every_step_and_epoch() {
    let place = place();
    let outcome = train(&place, "--train train.csv --valid valid.csv --out one --log log.jsonl --tensorboard board");
    train(&place, "--train train.csv --valid valid.csv --out two --log log.csv");
    let log = String::from_utf8(place.read("log.jsonl")).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let steps: Vec<&Value> = lines.iter().filter(|line| line["loss"].is_number()).collect();
    assert_eq!(steps.len() as f64, number(&outcome, "/records/3/step"));
    assert!(steps.iter().enumerate().all(|(index, line)| line["step"] == index + 1 && line["rate"].is_number()));
    let epochs: Vec<&Value> = lines.iter().filter(|line| line["phase"].is_string()).collect();
    assert_eq!(epochs.len(), 4);
    assert!(epochs.iter().zip(outcome["records"].as_array().unwrap()).all(|(one, other)| *one == other));
    let table = String::from_utf8(place.read("log.csv")).unwrap();
    assert!(table.starts_with("phase,epoch,step,train_loss,train_likelihood,valid_accuracy,valid_loss\n"));
    assert_eq!(table.lines().count(), 5);
    let ran = place.run(&format!("{CLASSIFY} --train train.csv --out new --log log.txt -q"));
    ran.refusal(3, &["log.txt", ".jsonl"]).unwrap();
    read_by_tensorboard(&place, steps.len());
}

/// TensorBoard's own reader finds every value, where it is installed (`GLOSSA_PYTHON` names a Python).
fn read_by_tensorboard(place: &Place, steps: usize) {
    let program = "from tensorboard.backend.event_processing.event_accumulator import EventAccumulator as E\n\
                   e = E('board'); e.Reload()\n\
                   print(len(e.Scalars('train/loss')), len(e.Scalars('valid/accuracy')), e.Scalars('train/rate')[-1].step)";
    let python = std::env::var("GLOSSA_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let run = |code: &str| Command::new(&python).args(["-c", code]).current_dir(place.path(".")).output();
    if !run("import tensorboard").is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: {python} has no tensorboard");
        return;
    }
    let output = run(program).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), format!("{steps} 4 {steps}"));
}

/// Each key changes what comes out, and none of them breaks anything.
#[test]
fn every_key_of_a_recipe_has_its_effect() {
    let place = place();
    let weights = |name: &str, keys: &str| {
        let sets: String = keys.split_whitespace().map(|key| format!(" --set classify.{key}")).collect();
        train(&place, &format!("--train train.csv --valid valid.csv --out {name}{sets}"));
        place.read(&format!("{name}/model.safetensors"))
    };
    let plain = weights("plain", "");
    let keys = [
        "training.accumulation=3",
        "training.weight_average=0.9",
        "training.precision=\"bf16\"",
        "training.precision=\"f16\"",
        "training.decay_vectors=false",
        "training.clip=0.01",
        "training.optimizer=\"lamb\"",
        "training.lookahead_steps=3",
        "unfreezing=\"at-once\"",
        "unfreezing=\"gradual-in-one-schedule\"",
        "balance=\"class-weights\"",
        "mixup=0.4",
        "label_noise=0.3",
        "patience=1 training.rate=1e-9",
        "keep_best=true training.rate=0.2",
    ];
    let mut seen = vec![plain];
    for (index, key) in keys.iter().enumerate() {
        let found = weights(&format!("changed-{index}"), key);
        assert!(!seen.contains(&found), "{key} changes nothing");
        seen.push(found);
    }
    for wrong in ["mixup=-1", "label_noise=2", "training.accumulation=0", "training.weight_average=1", "balance=\"x\""]
    {
        let command = format!("{CLASSIFY} --train train.csv --out new --set classify.{wrong}");
        place.refusal(&command, 3, &[wrong.split('=').next().unwrap().rsplit('.').next().unwrap()]).unwrap();
    }
}

#[test]
fn noise_on_labels_hurts_and_balance_helps() {
    let place = place();
    let accuracy = |rest: &str| {
        let rest = format!("--train train.csv --test test.csv --out c --set classify.training.epochs=12 {rest}");
        number(&train(&place, &rest), "/scores/0/value")
    };
    let (plain, noisy) = (accuracy(""), accuracy("--set classify.label_noise=0.9"));
    assert!(plain > noisy + 0.1, "{plain} {noisy}");
}
