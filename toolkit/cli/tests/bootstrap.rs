//! Bootstrapping from the outside: a teacher on sentence vectors, guesses, students, scores; that gold labels of the
//! target are read last; what is kept and what is made again; and what unusable input is told.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::OnceLock;

use glossa_base::hash::sha256_file;
use serde_json::Value;
use support::{Place, Refusals, number, rows, text};

/// The made-up data with a language model `lm`, which is also the teacher's encoder; the training set plays the
/// source language, the texts of `target.csv` the unlabelled target.
fn place() -> Place {
    static MADE: OnceLock<Place> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let place = Place::with_tokenizer();
        let pretrain = "lm pretrain --corpus corpus --tokenizer tokenizer --preset modernbert-tiny -q --device cpu \
                        --set encoder.layer_count=2 --set pretrain.training.epochs=3";
        place.run(&format!("{pretrain} --out lm")).done();
        place
    });
    let place = Place::new();
    for folder in ["lm", "tokenizer"] {
        place.copy_from(made, folder);
    }
    for file in ["train.csv", "valid.csv", "test.csv", "text.txt"] {
        place.write(file, made.read(file));
    }
    // The target's table has labels, all of them wrong: nothing may read them.
    let target: String = rows(made, "train.csv").iter().map(|(text, _)| format!("\"{text}\",nonsense\n")).collect();
    place.write("target.csv", format!("text,label\n{target}"));
    place
}

const TEACHER: &str = "--encoder lm --source train.csv --source-valid valid.csv";
const STUDENT: &str = "--student lm --unlabelled target.csv --set bootstrap.seeds=2 --set classify.training.epochs=12 \
                       --set finetune.training.epochs=1 --set classify.training.rate=0.003 --seed 5 --device cpu";

fn run(place: &Place, more: &str) -> Value {
    place.run(&format!("bootstrap {TEACHER} {STUDENT} {more} --json -q")).done().json()
}

/// Hashes of everything that was learned, by name.
fn learned(place: &Place, out: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut visit = |folder: &Path| {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.path().is_file() && !name.ends_with(".html") && name != "README.md" && name != "manifest.json" {
                let place = entry.path().strip_prefix(place.path(out)).unwrap().display().to_string();
                found.insert(place, sha256_file(&entry.path()).unwrap());
            }
        }
    };
    for folder in ["teacher", "guesses-1", "lesson-1", "students-1/student-1-seed-5", "students-1/student-1-seed-6"] {
        visit(&place.path(out).join(folder));
    }
    found
}

#[test]
fn a_student_learns_what_a_teacher_guesses() {
    let place = place();
    let outcome = run(&place, "--test test.csv --out run");
    let standings = outcome["scored"]["standings"].as_array().unwrap();
    let names: Vec<&str> = standings.iter().map(|standing| standing["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["teacher", "teacher, centred on the target's texts", "student"]);
    assert!(number(&outcome, "/scored/standings/0/mean") > 0.4, "{}", standings[0]["mean"]);
    assert!(number(&outcome, "/scored/standings/2/mean") > 0.35, "{}", standings[2]["mean"]);
    assert_eq!(standings[2]["seeds"].as_array().unwrap().len(), 2);
    let signature = text(&outcome, "/scored/standings/2/together/scores/0/signature");
    assert!(signature.contains("task:test.csv|split:test|data:"), "{signature}");
    for part in ["|recipe:", "|model:", "|tokenizer:", "|seeds:5+6|n:100"] {
        assert!(signature.contains(part), "{part} {signature}");
    }
    assert_eq!(outcome["scored"]["comparisons"].as_array().unwrap().len(), 2);
    let page = String::from_utf8(place.read("run/bootstrap.html")).unwrap();
    for words in ["Where students and teacher differ", "What is taken for what: student", "kappa"] {
        assert!(page.contains(words), "{words}");
    }
    // A teacher's folder and a student's predict as any classifier does.
    for model in ["run/teacher", "run/students-1/student-1-seed-5"] {
        place
            .run(&format!(
                "classify predict --model {model} --input test.csv --labelled --out {}.jsonl -q",
                model.replace('/', "-")
            ))
            .done();
    }
    let teacher = place.run("eval score run-teacher.jsonl --json").done().json();
    assert!((number(&teacher, "/metrics/accuracy") - number(&outcome, "/scored/standings/0/mean")).abs() < 1e-12);

    // Nothing is made again; a student that is lost or damaged is, and alike.
    let before = learned(&place, "run");
    let modified = |name: &str| std::fs::metadata(place.path(name)).unwrap().modified().unwrap();
    let kept = modified("run/students-1/student-1-seed-6/model.safetensors");
    let lost = "run/students-1/student-1-seed-5/model.safetensors";
    let mut bytes = place.read(lost);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    place.write(lost, bytes);
    let again = run(&place, "--test test.csv --out run");
    assert!(learned(&place, "run") == before);
    assert_eq!(modified("run/students-1/student-1-seed-6/model.safetensors"), kept);
    assert_eq!(again["scored"]["standings"], outcome["scored"]["standings"]);

    // Two runs side by side.
    run(&place, "--test test.csv --out other --task other");
    let gathered = place.run("bootstrap report run other --out both.html --json").done().json();
    assert_eq!(gathered["tasks"].as_array().unwrap().len(), 2);
    assert!(String::from_utf8(place.read("both.html")).unwrap().contains("By language"));
}

/// The test set is a pipe into which gold labels are written only once every student is trained: a program that
/// opened it earlier would wait for ever. And another test set changes nothing that is learned.
#[test]
#[cfg(unix)]
fn gold_labels_are_read_after_everything_is_learned() {
    let place = place();
    let pipe = place.path("gold.csv");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let command = format!("bootstrap {TEACHER} {STUDENT} --test gold.csv --out run --json -q");
    let child = place.command(&command.split_whitespace().collect::<Vec<_>>()).spawn().unwrap();
    let last = place.path("run/students-1/student-1-seed-6/manifest.json");
    while !last.is_file() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let before = learned(&place, "run");
    let gold = place.read("test.csv");
    let mut writer = std::fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    // Whoever opens the file from now on, such as for its hash, finds a plain one.
    std::fs::remove_file(&pipe).unwrap();
    place.write("gold.csv", &gold);
    writer.write_all(&gold).unwrap();
    drop(writer);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(learned(&place, "run"), before);

    let labels: Vec<(String, String)> = rows(&place, "test.csv");
    let first = labels[0].1.clone();
    let wrong: String = labels.iter().map(|(text, _)| format!("\"{text}\",{first}\n")).collect();
    place.write("wrong.csv", format!("text,label\n{wrong}"));
    run(&place, "--test wrong.csv --out other");
    assert_eq!(learned(&place, "other"), before);
    run(&place, "--out none");
    assert_eq!(learned(&place, "none"), before);
}

#[test]
fn methods_change_what_is_learned() {
    let place = place();
    run(&place, "--out plain");
    let plain = learned(&place, "plain");
    let lesson = |out: &str| -> Vec<Value> {
        let text = String::from_utf8(place.read(&format!("{out}/lesson-1/train.jsonl"))).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let whole = lesson("plain");
    for (out, setting) in [
        ("hard", "--set bootstrap.labels=hard"),
        ("share", "--set bootstrap.share=0.5"),
        ("source-prior", "--set bootstrap.prior=source"),
        ("estimate", "--set bootstrap.prior=estimate"),
        ("uncentred", "--set bootstrap.centre=false"),
        ("hot", "--set bootstrap.temperature=4"),
        ("gold", "--gold valid.csv"),
        ("learn-source", "--learn-source"),
        ("transductive", "--test test.csv --transductive"),
    ] {
        run(&place, &format!("{setting} --out {out} --set bootstrap.seeds=1 --set classify.training.epochs=0"));
        let changed = lesson(out);
        assert_ne!(changed, whole, "{out}");
        match out {
            "hard" => assert!(changed.iter().all(|row| row["probabilities"].to_string().contains("1.0"))),
            "share" => assert!(changed.len() < whole.len() * 6 / 10 && changed.len() > whole.len() * 4 / 10),
            "gold" => assert_eq!(changed.len(), whole.len() + 5 * 40),
            "learn-source" => assert_eq!(changed.len(), whole.len() + 200),
            "transductive" => assert!(changed.len() > whole.len() + 70),
            _ => assert_eq!(changed.len(), whole.len()),
        }
    }
    let scores: Value = serde_json::from_slice(&place.read("transductive/scores/report.json")).unwrap();
    assert!(text(&scores, "/standings/2/together/scores/0/signature").contains("split:test+transductive"));

    // Two teachers of which one is a file, and only what they agree on; rounds end when nothing changes any more.
    let guesses: String =
        rows(&place, "train.csv").iter().map(|(_, label)| format!("{{\"label\":\"{label}\"}}\n")).collect();
    place.write("guesses.jsonl", guesses);
    let agreed = run(&place, "--teacher guesses.jsonl --set bootstrap.agreement=true --out agreed");
    assert!(number(&agreed, "/rounds/0/learned") < whole.len() as f64);
    let rounds = run(&place, "--set bootstrap.rounds=5 --set bootstrap.least_change=0.9 --out rounds");
    assert_eq!(rounds["rounds"].as_array().unwrap().len(), 1);
    let rounds = run(&place, "--set bootstrap.rounds=2 --set bootstrap.least_change=0 --out more-rounds");
    assert_eq!(rounds["rounds"].as_array().unwrap().len(), 2);
    assert!(place.path("more-rounds/students-2/student-1-seed-6/model.safetensors").is_file());
    assert_eq!(learned(&place, "plain"), plain);
}

#[test]
fn losses_for_wrong_labels_and_a_laser_head() {
    let place = place();
    for loss in ["{kind=\"generalised\",exponent=0.7}", "{kind=\"symmetric\",forward=0.5,reverse=1.0}"] {
        let command =
            format!("bootstrap {TEACHER} {STUDENT} --set classify.loss={loss} --out run --test test.csv --json -q");
        let outcome = place.run(&command).done().json();
        let mean = number(&outcome, "/scored/standings/2/mean");
        assert!(mean > 0.35, "{mean}");
    }
    let head = "{kind=\"mlp\",hidden=[10,8],dropout=0.2,rate=0.01,batch_size=12,epochs=150}";
    let train = format!("teacher train {TEACHER} --set bootstrap.head={head} --sentences --out laser -q --json");
    let outcome = place.run(&train).done().json();
    let accuracy = number(&outcome, "/valid/metrics/accuracy");
    assert!(accuracy > 0.25, "{accuracy}");
    let errors = &outcome["calibration_error"];
    assert!(errors[1].as_f64().unwrap() <= errors[0].as_f64().unwrap() + 0.05, "{errors}");
    let once = place.read("laser/teacher.json");
    place.run(&train).done();
    assert_eq!(place.read("laser/teacher.json"), once);
}

#[test]
fn the_noise_study_draws_what_it_measured() {
    let place = place();
    let command = "bootstrap noise --model lm --train train.csv --test test.csv --levels 0,0.6 --out noise -q --json \
                   --set bootstrap.seeds=1 --set classify.training.epochs=20 --set classify.training.rate=0.003 --device cpu";
    let outcome = place.run(command).done().json();
    let rows = outcome["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 4);
    assert!(number(&rows[0], "/mean") > number(&rows[1], "/mean"), "{outcome}");
    for name in ["pretrained-noise-0", "pretrained-noise-0.6", "fresh-noise-0", "fresh-noise-0.6"] {
        assert!(place.path(&format!("noise/{name}-seed-0.test.jsonl")).is_file(), "{name}");
    }
    let page = String::from_utf8(place.read("noise/noise.html")).unwrap();
    assert!(page.contains("fresh weights") && page.contains("<svg"));
    assert_eq!(place.run(command).done().json(), outcome);
}

#[test]
fn an_encoder_learns_to_find_translations() {
    let place = Place::with_tokenizer();
    let pretrain =
        "lm pretrain --corpus corpus --tokenizer tokenizer --preset modernbert-tiny --set encoder.layer_count=2";
    place.run(&format!("{pretrain} --set pretrain.training.epochs=1 --out encoder -q --device cpu")).done();
    // A language of the same words in upper case, and backwards.
    let lines: Vec<String> = rows(&place, "train.csv").into_iter().map(|(text, _)| text).take(96).collect();
    let other = |text: &String| text.split(' ').rev().map(str::to_uppercase).collect::<Vec<_>>().join(" ");
    let table = |texts: Vec<String>, reversed: bool| {
        let mut rows: Vec<String> = texts.iter().enumerate().map(|(at, text)| format!("{at}\t{text}\n")).collect();
        if reversed {
            rows.reverse();
        }
        format!("key\ttext\n{}", rows.concat())
    };
    place.write("left.tsv", table(lines.clone(), false));
    place.write("right.tsv", table(lines.iter().map(other).collect(), true));
    place.write("fewer.tsv", table(lines.iter().take(90).map(other).collect(), false));
    let adapt = "teacher adapt --encoder encoder --left left.tsv --key key --valid-left left.tsv --valid-right right.tsv \
                 --set adapt.training.rate=0.002 --set adapt.training.batch_size=16 --seed 3 --json -q --device cpu";
    let accuracy = |outcome: &Value| {
        outcome["records"].as_array().unwrap().last().map_or(0.0, |record| number(record, "/validation/accuracy"))
    };
    let before = place
        .run(&format!(
            "{adapt} --right right.tsv --set adapt.training.epochs=1 --set adapt.training.rate=1e-9 --out same"
        ))
        .done()
        .json();
    let after =
        place.run(&format!("{adapt} --right right.tsv --set adapt.training.epochs=8 --out adapted")).done().json();
    assert!(accuracy(&after) > accuracy(&before) + 0.1, "{} {}", accuracy(&before), accuracy(&after));
    place.run("embed --model adapted hello -q").done();
    place.run("teacher train --encoder adapted --source train.csv --out teacher -q").done();
    let fewer =
        place.run(&format!("{adapt} --right fewer.tsv --set adapt.training.epochs=0 --out fewer")).done().json();
    assert_eq!((number(&fewer, "/pairs"), number(&fewer, "/unmatched")), (90.0, 6.0));
    let mut refusals = Refusals::new(&place);
    let adapt = "teacher adapt --encoder encoder --out no --left left.tsv";
    refusals.case(&format!("{adapt} --right fewer.tsv"), 3, &["96", "90", "--key"]);
    refusals.case(&format!("{adapt} --right right.tsv --key number"), 3, &["number"]);
    refusals.case(&format!("{adapt} --right right.tsv --set adapt.temperature=0"), 3, &["adapt.temperature"]);
    refusals.case(&format!("{adapt} --right right.tsv --set adapt.frozen_groups=9"), 3, &["frozen_groups", "3 groups"]);
    refusals.end();
}

#[test]
fn unusable_input_is_named() {
    let place = place();
    place.run(&format!("teacher train {TEACHER} --out teacher -q")).done();
    place.write("few.jsonl", "{\"label\":\"a\"}\n");
    place.write("one.csv", "text,label\nx,a\n");
    place.write("other-labels.csv", "text,label\nx,strange\ny,strange\n");
    place.write("odd.csv", "text,label\nx,a\ny,b\n");
    place.run("classify train --method naive-bayes --train odd.csv --out odd -q").done();
    place.write("kept/mine.txt", "x");
    place.copy("teacher", "damaged");
    place.write("damaged/teacher.json", &place.read("teacher/teacher.json")[..200]);
    let base = format!("bootstrap --teacher teacher {STUDENT}");
    let mut refusals = Refusals::new(&place);
    refusals.case(&format!("{base} --out kept"), 3, &["mine.txt"]);
    refusals.end();
    for (command, word) in [
        ("bootstrap --out x", "--student"),
        ("bootstrap --student lm --encoder lm", "--source"),
        ("bootstrap --transductive", "--test"),
    ] {
        let ran = place.run(command);
        assert!(ran.code == Some(2) && ran.stderr.contains(word), "{}", ran.stderr);
    }
    // These have begun when they find out: what is done is kept.
    let refused = |more: &str, words: &[&str]| {
        let _ = std::fs::remove_dir_all(place.path("x"));
        place.run(&format!("{base} --out x {more} -q")).refusal(3, words).unwrap();
    };
    refused("--set bootstrap.confidence=1", &["sure enough", "bootstrap.confidence"]);
    refused("--teacher odd", &["other labels", "same labels"]);
    refused("--teacher few.jsonl", &["1 predictions for 200 texts"]);
    refused("--teacher damaged", &["damaged", "train the teacher again"]);
    refused("--gold other-labels.csv", &["strange"]);
    refused("--set classify.frozen_groups=40", &["frozen_groups", "head"]);
    refused("--set classify.label_noise=0.5", &["label_noise"]);
    refused("--set classify.training.epochs=0 --test other-labels.csv", &["strange", "are kept"]);
    place.run(&format!("{base} --out x --test missing.csv -q")).refusal(3, &["missing.csv"]).unwrap();

    // An encoder that is not the one that the head was trained on.
    let config = String::from_utf8(place.read("lm/manifest.json")).unwrap();
    place.write("lm/manifest.json", format!("{config}\n"));
    refused("", &["not the encoder"]);
}

#[test]
fn warnings_say_what_is_odd_about_the_texts() {
    let place = place();
    // Nothing of this is in the tokenizer's vocabulary, and it is not German.
    let greek = "Το τρένο για την Αθήνα είχε πάλι καθυστέρηση σήμερα το πρωί";
    let french =
        "Le train pour Lyon avait encore du retard ce matin parce qu'un arbre était tombé sur les rails près de Dijon.";
    place.write("greek.txt", format!("{greek}\n").repeat(6));
    place.write("french.txt", format!("{french} {french}\n").repeat(6));
    let outcome = run(
        &place,
        "--unlabelled greek.txt --unlabelled french.txt --language de --out odd --set bootstrap.seeds=1 --set classify.training.epochs=0",
    );
    assert_eq!(number(&outcome, "/target/texts"), 212.0);
    let warnings: Vec<String> = outcome["warnings"].as_array().unwrap().iter().map(ToString::to_string).collect();
    assert!(
        warnings.iter().any(|warning| warning.contains("another language") && warning.contains("French")),
        "{warnings:?}"
    );
    place.write("only-greek.txt", format!("{greek}\n").repeat(6));
    let outcome = place
        .run(
            "bootstrap --encoder lm --source train.csv --student lm --unlabelled only-greek.txt --out greek --json -q \
              --set bootstrap.seeds=1 --set classify.training.epochs=0 --set finetune.training.epochs=0",
        )
        .done()
        .json();
    let warnings = outcome["warnings"].to_string();
    assert!(warnings.contains("does not know") && warnings.contains("no text is guessed to be"), "{warnings}");
}
