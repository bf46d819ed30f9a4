//! What every command has in common: help, version, dry runs, machine-readable results, stdin.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{Place, Refusals, text};

/// Every command with its own options.
const COMMANDS: [(&str, &[&str]); 16] = [
    ("demo", &["--out", "--language"]),
    (
        "corpus build",
        &[
            "--out",
            "--kind",
            "--documents",
            "--text-column",
            "--language",
            "--filter",
            "--minimum-characters",
            "--minimum-words",
            "--keep-duplicates",
            "--keep-near-duplicates",
            "--size",
            "--valid-share",
            "--test-share",
        ],
    ),
    ("corpus stats", &["--corpus", "--out"]),
    (
        "tokenizer train",
        &[
            "--corpus",
            "--out",
            "--language",
            "--vocabulary-size",
            "--algorithm",
            "--rules",
            "--preset",
            "--recipe",
            "--set",
        ],
    ),
    ("tokenizer encode", &["--tokenizer", "--sample"]),
    ("tokenizer decode", &["--tokenizer"]),
    ("tokenizer stats", &["--tokenizer", "--corpus", "--split"]),
    ("lm pretrain", &["--corpus", "--tokenizer", "--out", "--preset", "--recipe", "--set"]),
    ("lm finetune", &["--model", "--texts", "--valid", "--text-column", "--out", "--preset", "--recipe", "--set"]),
    ("lm perplexity", &["--model", "--corpus", "--split", "--input", "--text-column"]),
    ("lm generate", &["--model", "--prompt", "--length", "--temperature", "--top-k", "--top-p"]),
    (
        "classify train",
        &[
            "--method",
            "--model",
            "--tokenizer",
            "--train",
            "--valid",
            "--test",
            "--text-column",
            "--label-column",
            "--units",
            "--n-gram",
            "--out",
            "--preset",
            "--recipe",
            "--set",
        ],
    ),
    ("classify predict", &["--model", "--input", "--labelled", "--text-column", "--label-column", "--out"]),
    ("eval score", &["--gold", "--label-column", "--task", "--split"]),
    ("recipe show", &["--preset", "--recipe", "--set"]),
    ("recipe draw", &["--out", "--preset", "--recipe", "--set"]),
];

/// What every command takes.
const COMMON: [&str; 6] = ["--json", "--seed", "--device", "--offline", "--quiet", "--dry-run"];

#[test]
fn every_command_explains_every_option() {
    let place = Place::new();
    let main = place.run("--help").done();
    for (command, options) in COMMANDS.iter().copied().chain([("doctor", ["--gradients"].as_slice())]) {
        let help = place.run(&format!("{command} --help")).done();
        assert_eq!(help.stderr, "");
        for option in options.iter().chain(&COMMON) {
            let line =
                help.stdout.lines().position(|line| line.trim_start().trim_start_matches("-q, ").starts_with(option));
            let line = line.unwrap_or_else(|| panic!("{option} is missing: {help:?}"));
            // The explanation stands beside the option or below it.
            let lines: Vec<&str> = help.stdout.lines().skip(line).take(2).collect();
            assert!(lines.join(" ").split_whitespace().count() > 3, "{command} {option} says nothing: {lines:?}");
        }
        let (group, rest) = command.split_once(' ').unwrap_or((command, ""));
        assert!(main.stdout.contains(&format!("\n  {group} ")), "{group}: {main:?}");
        if !rest.is_empty() {
            let of_group = place.run(&format!("{group} --help")).done();
            assert!(of_group.stdout.contains(&format!("\n  {rest} ")), "{command}: {of_group:?}");
        }
    }
    assert!(main.stdout.contains("glossa demo"));
}

#[test]
fn version_is_the_crates() {
    let ran = Place::new().run("--version").done();
    assert_eq!(ran.stdout, format!("glossa {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn usage_errors_exit_2() {
    let place = Place::new();
    let cases = [
        ("", "Usage"),
        ("frobnicate", "frobnicate"),
        ("lm", "Usage"),
        ("lm pretrian", "pretrain"),
        ("lm pretrain", "--corpus"),
        ("corpus build --out x", "FILE"),
        ("lm generate --model m --lenght 3", "--length"),
        ("lm generate --model m --length many", "many"),
        ("doctor --seed -1", "-1"),
        ("lm perplexity --model m", "--corpus"),
        ("lm perplexity --model m --corpus c --input i", "--input"),
        ("lm pretrain --corpus c --tokenizer t --out o --preset tiny --recipe r", "--recipe"),
        ("classify predict --model m --labelled text", "--input"),
        ("classify train --train t --out o --method svm", "nbsvm"),
    ];
    for (command, word) in cases {
        let ran = place.run(command);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains(word) && ran.stdout.is_empty(), "{word} is missing: {ran:?}");
    }
}

#[test]
fn a_dry_run_writes_nothing() {
    let place = Place::with_models();
    let before = place.tree();
    let mut refusals = Refusals::new(&place);
    for command in [
        "demo --out new",
        "corpus build text.txt --out new",
        "tokenizer train --corpus corpus --preset tiny --out new",
        "lm pretrain --corpus corpus --tokenizer tokenizer --preset tiny --out new",
        "lm finetune --model lm --texts train.csv --out new",
        "classify train --model lm --train train.csv --out new",
        "classify train --method nbsvm --train train.csv --out new",
        "classify predict --model classifier --input test.csv --out new.jsonl",
    ] {
        let plain = place.run(&format!("{command} --dry-run")).done();
        assert!(plain.stdout.contains("would write new") && plain.stdout.contains("nothing was written"), "{plain:?}");
        let value = place.run(&format!("{command} --dry-run --json")).done().json();
        assert!(text(&value, "/would_write").starts_with("new"), "{value}");
        assert!(place.tree() == before, "{command} wrote something");
    }
    for command in [
        "lm pretrain --corpus none --tokenizer tokenizer --preset tiny --out new",
        "lm finetune --model lm --texts none --out new",
        "corpus build none --out new",
        "classify train --model lm --train none --out new",
        "classify train --model none --train train.csv --out new",
    ] {
        refusals.case(&format!("{command} --dry-run"), 3, &["none"]);
    }
    refusals.end();
}

#[test]
fn doctor_checks_every_gradient() {
    let place = Place::new();
    let value = place.run("doctor --gradients --device cpu --json").done().json();
    let rows = value["gradients"].as_array().unwrap();
    for operation in ["linear", "QRNN", "LSTM", "decoder and loss", "embedding", "weight dropout", "concat pooling"] {
        for reference in ["central differences, f64", "full Jacobian, f64", "op-by-op autodiff, f32"] {
            let row = rows.iter().find(|row| row["operation"] == operation && row["reference"] == reference).unwrap();
            assert_eq!(row["passed"], true, "{row}");
            assert!(row["largest_error"].as_f64().unwrap() <= row["limit"].as_f64().unwrap(), "{row}");
        }
    }
    let table = place.run("doctor --gradients --device cpu").done();
    assert_eq!(table.stdout.lines().count(), rows.len() + 1, "{}", table.stdout);
}

#[test]
fn doctor_finds_the_same_for_people_and_programs() {
    let place = Place::new();
    let plain = place.run("doctor").done();
    let value = place.run("doctor --json").done().json();
    let findings = value["findings"].as_array().unwrap();
    for name in ["glossa", "cpu", "cuda", "memory", "temporary", "cache", "languages", "presets"] {
        let finding = findings.iter().find(|finding| finding["name"] == name).unwrap();
        assert!(!text(finding, "/value").is_empty());
        assert!(plain.stdout.lines().any(|line| line.starts_with(name)), "{name}: {plain:?}");
    }
    assert!(plain.stdout.contains("multifit-paper") && plain.stdout.contains(env!("CARGO_PKG_VERSION")));
    // No home, no temporary folder: still an answer.
    let bare = place.run_with(&["doctor"], &[("HOME", ""), ("TMPDIR", "/nowhere"), ("HF_HOME", "")], b"").done();
    assert!(bare.stdout.contains("TMPDIR"), "{bare:?}");
}

#[test]
fn tokens_from_arguments_and_stdin_and_back() {
    let place = Place::with_tokenizer();
    let sentences = ["The story begins with a summer.", "Kate would NEVER sleep.", "one two two"];
    let encode = ["tokenizer", "encode", "--tokenizer", "tokenizer", "--json"];
    let from_arguments = place.run_words(&[encode.as_slice(), &sentences].concat()).done().json();
    let from_stdin = place.run_with(&encode, &[], sentences.join("\n").as_bytes()).done().json();
    assert_eq!(from_arguments, from_stdin);
    let rows = from_arguments["texts"].as_array().unwrap();
    assert_eq!(rows.len(), sentences.len());
    let ids = |row: &Value| -> Vec<String> { row["ids"].as_array().unwrap().iter().map(Value::to_string).collect() };
    let decode = ["tokenizer", "decode", "--tokenizer", "tokenizer", "--json"];
    let lines: Vec<String> = rows.iter().map(|row| ids(row).join(" ")).collect();
    let all = place.run_with(&decode, &[], lines.join("\n").as_bytes()).done().json();
    for (index, (row, sentence)) in rows.iter().zip(sentences).enumerate() {
        assert_eq!(text(row, "/text"), sentence);
        assert_eq!(row["pieces"].as_array().unwrap().len(), ids(row).len());
        assert_eq!(all["texts"][index], sentence);
        let ids = ids(row);
        let one = place.run_words(&[decode.to_vec(), ids.iter().map(String::as_str).collect()].concat()).done().json();
        assert_eq!(one["texts"][0], sentence);
    }
    let plain = place.run_words(&[&encode[..4], &sentences].concat()).done();
    assert_eq!(plain.stdout.lines().count(), sentences.len());
    assert!(plain.stdout.contains('\u{2581}'));
}

#[test]
fn sampled_segmentations_depend_on_the_seed() {
    let place = Place::with_tokenizer();
    let sample = |seed: &str| {
        let words = ["tokenizer", "encode", "--tokenizer", "tokenizer", "--sample", "0.1", "--seed", seed];
        place
            .run_words(&[words.as_slice(), &["The story begins with the avalanche and the trumpet."]].concat())
            .done()
            .stdout
    };
    assert_eq!(sample("1"), sample("1"));
    let distinct: std::collections::BTreeSet<String> = ["1", "2", "3", "4", "5"].map(sample).into_iter().collect();
    assert!(distinct.len() > 1, "{distinct:?}");
}

#[test]
fn nothing_to_read_is_no_text() {
    let place = Place::with_models();
    for command in ["tokenizer encode --tokenizer tokenizer", "classify predict --model classifier"] {
        let value = place.run(&format!("{command} --json")).done().json();
        assert_eq!(value.as_object().unwrap().values().next().unwrap().as_array().unwrap().len(), 0);
    }
    // An empty text is a text: it has a begin mark and a label.
    let value = place.run_words(&["classify", "predict", "--model", "classifier", "--json", ""]).done().json();
    assert!(!text(&value, "/predictions/0/label").is_empty());
}

#[test]
fn quiet_says_nothing_but_the_result() {
    let place = Place::with_texts();
    let loud = place.run("corpus build text.txt --out loud").done();
    assert!(!loud.stderr.is_empty());
    let quiet = place.run("corpus build text.txt --out quiet -q").done();
    assert_eq!(quiet.stderr, "");
    assert_eq!(loud.stdout.replace("loud", "quiet"), quiet.stdout);
}

/// A reader that goes away, such as `head`, ends the command without a word.
#[test]
fn a_closed_stdout_is_no_panic() {
    let place = Place::with_tokenizer();
    let input = "The story begins with a summer.\n".repeat(20_000);
    for arguments in [
        vec!["tokenizer", "encode", "--tokenizer", "tokenizer"],
        vec!["tokenizer", "encode", "--tokenizer", "tokenizer", "--json"],
        vec!["--help"],
        vec!["doctor"],
    ] {
        let mut child = place.command(&arguments).spawn().unwrap();
        drop(child.stdout.take());
        let mut stdin = child.stdin.take().unwrap();
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let mut errors = String::new();
        child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        let status = child.wait().unwrap();
        assert!(!errors.contains("panicked") && status.code().is_some(), "{arguments:?}: {status} {errors}");
    }
}

/// The shortest of a few runs, so that a busy machine does not decide.
fn shortest(place: &Place, arguments: &str) -> Duration {
    let time = |_| {
        let started = Instant::now();
        place.run(arguments).done();
        started.elapsed()
    };
    (0..5).map(time).min().unwrap()
}

#[test]
fn help_and_a_prediction_come_at_once() {
    let place = Place::with_tokenizer();
    let help = shortest(&place, "--help");
    assert!(help < Duration::from_millis(50), "--help took {help:?}");
    let train = "classify train --tokenizer tokenizer --preset small --train train.csv --out classifier -q";
    place.run(&format!("{train} --set classify.training.epochs=0")).done();
    let predict = shortest(&place, "classify predict --model classifier sentence");
    assert!(predict < Duration::from_secs(1), "a prediction took {predict:?}");
}
