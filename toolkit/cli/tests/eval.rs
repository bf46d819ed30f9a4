//! `glossa eval` from the outside, on small files of our own in official formats: list, run, score, compare, submit,
//! check, page; and on the real SIB-200 and NusaX, where they are there.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a helper that fails fails its test, and says why it skips"
)]

#[path = "../../../eval/tests/tasks/fixture.rs"]
mod fixture;
mod support;

use std::path::{Path, PathBuf};

use glossa_eval::submission::Form;
use glossa_eval::task::{Answer, all};
use serde_json::Value;
use support::{Place, Refusals, number, rows, text};

fn json(place: &Place, arguments: &str) -> Value {
    place.run(&format!("{arguments} --json -q")).done().json()
}

/// PolEval 2019, task 6-1: texts and tags in files of their own.
fn poleval(place: &Place, train: usize, test: usize) {
    let rows: Vec<(String, String)> = [rows(place, "train.csv"), rows(place, "test.csv")].concat();
    let tag = |label: &str| if label == "music" { "1" } else { "0" };
    let part = |from: usize, count: usize| {
        let rows = || rows.iter().skip(from).take(count);
        let texts: String = rows().map(|(text, _)| format!("{text}\n")).collect();
        (texts, rows().map(|(_, label)| format!("{}\n", tag(label))).collect::<String>())
    };
    let shown = place.run("eval list poleval-2019-6-1 --json").done().json();
    for (split, (texts, tags)) in [("train", part(0, train)), ("test", part(train, test))] {
        let splits = shown["split"].as_array().unwrap();
        let found = splits.iter().find(|one| one["name"] == split).unwrap();
        place.write(&format!("poleval/{}", text(found, "/file")), texts);
        place.write(&format!("poleval/{}", text(found, "/tags")), tags);
    }
}

#[test]
fn a_shared_task_from_its_files_to_a_submission() {
    let place = Place::with_tokenizer();
    poleval(&place, 200, 100);
    let task = "poleval-2019-6-1 --data poleval --any-size";
    place.run("eval fetch poleval-2019-6-1 --data poleval --offline -q").refusal(4, &[]).unwrap();
    let outcome =
        json(&place, &format!("eval run {task} --method naive-bayes --seeds 1 --out bayes --results results"));
    assert!(number(&outcome, "/mean") > 0.3, "{}", outcome["mean"]);
    assert_eq!(text(&outcome, "/metric"), "f1:1");
    let network = format!(
        "eval run {task} --tokenizer tokenizer --preset tiny --set classify.training.epochs=2 --seeds 2 --out fresh --results results"
    );
    let outcome = json(&place, &network);
    assert_eq!(outcome["scores"]["seeds"].as_array().unwrap().len(), 2);
    for part in ["|data:", "|recipe:", "|model:", "|tokenizer:", "|seeds:0+1|"] {
        let signature = text(&outcome, "/scores/scores/0/signature");
        assert!(signature.contains(part), "{part} {signature}");
    }
    let modified = |name: &str| std::fs::metadata(place.path(name)).unwrap().modified().unwrap();
    let before = modified("fresh/fresh-seed-1/model.safetensors");
    assert_eq!(json(&place, &network)["scores"], outcome["scores"]);
    assert_eq!(modified("fresh/fresh-seed-1/model.safetensors"), before);
    let folds = json(&place, &format!("{network} --folds 2 --name folds").replace("--out fresh", "--out folds"));
    assert!(place.path("folds/fresh-seed-1-fold-2/config.json").is_file());
    assert!(number(&folds, "/mean").is_finite());

    for (combine, words) in [("weights", "weights fitted on what folds"), ("best-seed", "best of 2 seeds by f1:1")] {
        let more = format!("--folds 2 --combine {combine} --name {combine}");
        let combined =
            json(&place, &format!("{network} {more}").replace("--out fresh --results results", "--out folds"));
        assert!(text(&combined, "/combined").contains(words), "{}", combined["combined"]);
    }
    place.run(&format!("{network} --combine weights -q")).refusal(2, &["--folds"]).unwrap();

    // Any system's predictions, by the task's rules.
    let scored = json(&place, &format!("eval score bayes/predictions.jsonl --task {}", task));
    let own = json(&place, &format!("eval run {task} --method naive-bayes --seeds 1 --out bayes --results results"));
    assert_eq!(scored["scores"][0]["value"], own["together"]["scores"][0]["value"]);
    let compared = json(
        &place,
        "eval compare bayes/predictions.jsonl --with fresh/predictions-seed-0.jsonl,fresh/predictions-seed-1.jsonl --metric f1:1 --names bayes fresh",
    );
    assert!(text(&compared, "/comparison/words").contains("bayes"), "{}", compared["comparison"]["words"]);

    // The official file, and one with mistakes.
    json(&place, &format!("eval submit {task} --labels bayes/predictions.jsonl --out answers.txt"));
    let answers = String::from_utf8(place.read("answers.txt")).unwrap();
    assert!(answers.lines().count() == 100 && answers.lines().all(|line| line == "0" || line == "1"));
    place.run(&format!("eval check {task} --answers answers.txt -q")).done();
    place.write("wrong.txt", answers.replacen("0\n", "2\n", 1).replacen("0\n", "0\r\n", 1));
    let checked = place.run(&format!("eval check {task} --answers wrong.txt -q"));
    assert_eq!(checked.code, Some(3), "{checked:?}");
    assert!(checked.stdout.contains("line ") && checked.stderr.contains("mistakes"), "{checked:?}");

    let page = json(&place, "eval page results --out board.html --title Board");
    assert_eq!(page["entries"].as_array().unwrap().len(), 3);
    let html = String::from_utf8(place.read("board.html")).unwrap();
    assert!(html.contains("naive-bayes on words") && html.contains("folds") && !html.contains("http-equiv=\"refresh"));
    let table = place.run("eval page results --against poleval-2019-6-1 --format markdown").done().stdout;
    assert!(table.contains("| naive-bayes on words"), "{table}");
}

/// Every task from small files in its official format to scores and, where there is one, the official file.
#[test]
fn every_task_runs_from_end_to_end() {
    let place = Place::with_models();
    for task in all().unwrap() {
        let chosen = fixture::chosen(&task.name);
        let data = format!("data/{}", task.name);
        for split in &chosen.task.split {
            fixture::write(&place.path(&data), &chosen, split, 56);
        }
        let common = format!("{} --data {data} --any-size", chosen.name());
        let system = match task.answer {
            Answer::Label => "--method naive-bayes",
            Answer::Number => "--tokenizer tokenizer --preset tiny --set classify.training.epochs=1",
            Answer::LanguageModel => "--model lm",
        };
        let (out, train) =
            (format!("runs/{}", task.name), task.split.iter().find(|split| split.name.starts_with("train")));
        let train = train.map_or_else(String::new, |split| format!("--train-split {}", split.name));
        let command = format!("eval run {common} {system} {train} --seeds 1 --out {out} --results results");
        let outcome = json(&place, &command);
        assert!(number(&outcome, "/mean").is_finite(), "{}", task.name);
        if task.answer == Answer::LanguageModel {
            continue;
        }
        let scored = format!("eval score {out}/predictions.jsonl --task {} --data {data} --any-size", chosen.name());
        let (scored, together) = (json(&place, &scored), &outcome["together"]);
        for at in 0..task.metrics.len() {
            assert_eq!(scored["scores"][at]["value"], together["scores"][at]["value"], "{}", task.name);
        }
    }
    for task in all().unwrap().into_iter().filter(|task| task.submission != Form::Figure) {
        let (chosen, data) = (fixture::chosen(&task.name), format!("data/{}", task.name));
        let common = format!("{} --data {data} --any-size", chosen.name());
        let other = |name: &str| format!("--{name} runs/{}/predictions.jsonl", task.name);
        let answers = match (task.submission, task.name.strip_suffix("-funniness")) {
            (Form::Haha, Some(labels)) => format!("--labels runs/{labels}/predictions.jsonl {}", other("numbers")),
            (Form::Haha, None) => {
                format!("{} --numbers runs/{}-funniness/predictions.jsonl", other("labels"), task.name)
            }
            _ if task.answer == Answer::Number => other("numbers"),
            _ => other("labels"),
        };
        place.run(&format!("eval submit {common} {answers} --out {}.answers -q", task.name)).done();
        let checked = place.run(&format!("eval check {common} --answers {}.answers -q", task.name));
        // Fixtures are easy: a file with every answer right is taken for the gold labels.
        assert!(checked.code == Some(0) || checked.stdout.contains("are the gold ones"), "{checked:?}");
    }
    let page = json(&place, "eval page results --out board.html");
    assert!(page["entries"].as_array().unwrap().len() >= 20);
}

#[test]
fn a_language_model_is_scored_as_poleval_2018_counts() {
    let place = Place::with_models();
    let lines: String = rows(&place, "test.csv").iter().map(|(text, _)| format!("{text}\n")).collect();
    let shown = place.run("eval list poleval-2018-3 --json").done().json();
    let splits = shown["split"].as_array().unwrap();
    let test = splits.iter().find(|one| one["name"] == "test").unwrap();
    place.write(&format!("poleval/{}", text(test, "/file")), &lines);
    let outcome = json(&place, "eval run poleval-2018-3 --data poleval --any-size --model lm --out run");
    place.write("lines.txt", &lines);
    let measured = json(&place, "lm perplexity --model lm --input lines.txt");
    assert!((number(&outcome, "/mean") / number(&measured, "/by_word") - 1.0).abs() < 1e-9);
    place
        .run("eval run poleval-2018-3 --data poleval --any-size --method naive-bayes --out x -q")
        .refusal(2, &["language model", "--model"])
        .unwrap();
}

#[test]
fn what_cannot_be_scored_is_named() {
    let place = Place::with_tokenizer();
    poleval(&place, 200, 100);
    place.write("short.jsonl", "{\"label\":\"0\"}\n");
    place.write("strange.jsonl", "{\"label\":\"7\"}\n".repeat(100));
    let task = "poleval-2019-6-1 --data poleval";
    let mut refusals = Refusals::new(&place);
    refusals.case("eval run poleval-2019-6 --data poleval --out x --method nbsvm", 3, &["did you mean"]);
    refusals.case("eval run cls/de --data poleval --out x --method nbsvm", 3, &["domain"]);
    refusals.case(&format!("eval submit {task} --labels short.jsonl --out x"), 3, &["100"]);
    refusals.case(&format!("eval submit {task} --any-size --labels short.jsonl --out x"), 3, &["1 predictions"]);
    refusals.case("eval score strange.jsonl --task poleval-2019-6-1 --data poleval --any-size", 3, &["`7`"]);
    refusals.case("eval compare short.jsonl --with strange.jsonl", 3, &[]);
    refusals.case("eval compare short.jsonl --with strange.jsonl --metric f2", 3, &["f2"]);
    refusals.case(&format!("eval submit {task} --any-size --out x"), 3, &[]);
    refusals.end();
}

fn data() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/labelled");
    if folder.is_dir() {
        return Some(folder.canonicalize().unwrap());
    }
    eprintln!("skipped: the labelled sets are not beside the checkout");
    None
}

#[test]
fn real_sib200_and_nusax() {
    let Some(data) = data() else { return };
    let place = Place::new();
    for (task, folder, least) in [("sib200/eus_Latn", "sib200", 0.7), ("nusax/indonesian", "nusax-senti", 0.65)] {
        let folder = data.join(folder).display().to_string();
        let out = task.replace('/', "-");
        let command =
            format!("eval run {task} --data {folder} --method nbsvm --units characters --seeds 1 --out {out}");
        let outcome = json(&place, &command);
        assert!(number(&outcome, "/mean") > least, "{task}: {}", outcome["mean"]);
    }
}
