//! `glossa pipeline`: from a language file to a submission; what is done is not done again, what changed is,
//! and nothing else.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;

use serde_json::Value;
use support::{Place, Refusals, number, text};

/// Settings that make every stage take a second at most.
const QUICK: &str = "--set preset=tiny --set recipe.tokenizer.vocabulary_size=200 --set recipe.pretrain.training.epochs=1 \
     --set recipe.encoder.hidden_size=32 --set recipe.encoder.embedding_size=16 --set split.valid_share=0.1 \
     --set split.test_share=0.1";

/// A place with a language file beside its texts.
fn place() -> Place {
    let place = Place::with_texts();
    place.run("language new xx --name Example --text text.txt --train train.csv --test test.csv --task topics").done();
    place
}

/// The states of a run, by stage.
fn states(place: &Place, run: &str) -> BTreeMap<String, String> {
    let value = place.run(&format!("pipeline status {run} --json")).done().json();
    let states = value["states"].as_array().unwrap();
    states
        .iter()
        .map(|state| (state["stage"].as_str().unwrap().to_owned(), state["state"].as_str().unwrap().to_owned()))
        .collect()
}

fn run(place: &Place, arguments: &str) -> Value {
    place.run(&format!("pipeline run {arguments} {QUICK} --json -q")).done().json()
}

fn done_now(value: &Value) -> f64 {
    number(value, "/outcome/done_now")
}

#[test]
fn a_language_goes_from_its_file_to_a_submission() {
    let place = place();
    let plan = place.run(&format!("pipeline plan xx.toml --out run --set backward=true --set seeds=2 {QUICK}")).done();
    assert!(plan.stdout.contains("17 stages, 17 to do"), "{}", plan.stdout);
    let first = run(&place, "xx.toml --out run --set backward=true --set seeds=2");
    assert_eq!(done_now(&first), 17.0);
    assert!(number(&first, "/summary/languages/0/perplexity_by_word") > 1.0);
    assert!(number(&first, "/summary/languages/0/tasks/0/accuracy") > 0.2);
    assert_eq!(number(&first, "/summary/languages/0/tasks/0/seeds"), 2.0);
    for file in
        ["tokenizer/spm.model", "language-model-backward/model.safetensors", "topics/classifier-forward-1/README.md"]
    {
        assert!(place.path(&format!("run/xx/{file}")).is_file(), "{file}");
    }
    let submission = String::from_utf8(place.read("run/xx/topics/submission.tsv")).unwrap();
    assert!(submission.starts_with("id\tlabel\n0\t") && submission.lines().count() == 101, "{submission}");
    assert!(String::from_utf8(place.read("run/report.html")).unwrap().contains("topics"));
    let before = place.tree();
    let again = run(&place, "xx.toml --out run --set backward=true --set seeds=2");
    assert_eq!((done_now(&again), number(&again, "/outcome/already_done")), (0.0, 17.0));
    let changed: Vec<_> = place.tree().into_iter().filter(|(path, hash)| before.get(path) != Some(hash)).collect();
    assert!(changed.is_empty(), "{changed:?}");
}

#[test]
fn a_change_makes_again_what_depends_on_it_and_nothing_else() {
    let place = place();
    assert_eq!(done_now(&run(&place, "xx.toml --out run")), 9.0);
    let plan = |flags: &str| {
        place.run(&format!("pipeline plan xx.toml --out run {QUICK} {flags}")).done();
        let states = states(&place, "run");
        let left: Vec<String> =
            states.into_iter().filter(|(_, state)| state != "done").map(|(stage, _)| stage).collect();
        left.join(" ").replace("xx/", "")
    };
    assert_eq!(plan(""), "");
    assert_eq!(
        plan("--set recipe.classify.training.rate=0.0031"),
        "topics/classifier-forward-0 topics/score topics/submission.tsv"
    );
    let finetuned = "topics/classifier-forward-0 topics/language-model-forward-0 topics/score topics/submission.tsv";
    assert_eq!(plan("--set recipe.finetune.training.rate=0.0031"), finetuned);
    let pretrained = format!("language-model-forward perplexity-forward.json {finetuned}");
    assert_eq!(plan("--set recipe.pretrain.training.rate=0.0031"), pretrained);
    assert_eq!(
        plan("--set recipe.tokenizer.vocabulary_size=250"),
        format!("language-model-forward perplexity-forward.json tokenizer tokens {finetuned}")
    );
    assert_eq!(plan("--set cleaning.digits=0.4").split(' ').count(), 9);
    let status = place.run("pipeline status run").done().stdout;
    assert!(status.contains("stale: options.cleaning.digits is 0.4 and was 0.5"), "{status}");
    // A filter that drops nothing gives the same corpus, and what stands on it stays.
    let rerun = run(&place, "xx.toml --out run --set cleaning.digits=0.4");
    assert_eq!(done_now(&rerun), 2.0, "the corpus, and the tokens that lie in it: {rerun}");
    // Other text makes everything again but what reads the labelled set alone.
    place.write("text.txt", String::from_utf8(place.read("text.txt")).unwrap() + "\nOne more sentence of plain text.");
    assert_eq!(done_now(&run(&place, "xx.toml --out run --set cleaning.digits=0.4")), 9.0);
}

#[test]
fn what_was_changed_by_hand_is_noticed() {
    let place = place();
    run(&place, "xx.toml --out run");
    let shard = "run/xx/corpus/train-00000.jsonl";
    let original = place.read(shard);
    place.write(shard, [original.clone(), b"{\"id\":\"new\",\"text\":\"by hand\"}\n".to_vec()].concat());
    assert_eq!(states(&place, "run")["xx/corpus"], "edited");
    let refused = place.run("pipeline run run/plan.json -q");
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.stderr.contains("was changed after it was made") && refused.stderr.contains("--remake"),
        "{refused:?}"
    );
    let remade = place.run("pipeline run run/plan.json --remake --json -q").done().json();
    assert_eq!(done_now(&remade), 2.0);
    assert_eq!(place.read(shard), original);
    std::fs::remove_file(place.path("run/xx/topics/submission.tsv")).unwrap();
    std::fs::remove_dir_all(place.path("run/xx/tokenizer")).unwrap();
    assert_eq!(states(&place, "run")["xx/tokenizer"], "missing");
    let again = place.run("pipeline run run/plan.json --json -q").done().json();
    assert_eq!(done_now(&again), 2.0, "the same tokenizer comes back: {again}");
}

#[test]
fn one_languages_failure_stops_no_other() {
    let place = place();
    place.write("little.txt", "a\n");
    place.run("language new yy --name Little --text little.txt").done();
    place.run("language new zz --name Other --text text.txt").done();
    let arguments: Vec<String> =
        format!("pipeline run yy.toml xx.toml zz.toml --out run --workers 2 {QUICK} --json -q")
            .split_whitespace()
            .map(str::to_owned)
            .collect();
    let ran = place.run_words(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let value = ran.json();
    let rows = value["summary"]["languages"].as_array().unwrap();
    assert_eq!(rows.len(), 3);
    assert!(rows[0]["failed"]["stage"].as_str().unwrap().starts_with("yy/"), "{value}");
    assert!(rows[1]["failed"].is_null() && rows[2]["failed"].is_null(), "{value}");
    assert_eq!(rows[1]["done"][0], rows[1]["done"][1]);
    assert!(ran.stderr.contains("error: yy/"), "{ran:?}");
    let page = String::from_utf8(place.read("run/report.html")).unwrap();
    assert!(page.contains("yy failed"), "the reason is on the page");
    // With one worker, everything comes out in the same bytes.
    run(&place, "xx.toml zz.toml --out alone");
    for file in ["xx/topics/classifier-forward-0/model.safetensors", "zz/language-model-forward/model.safetensors"] {
        assert!(place.read(&format!("run/{file}")) == place.read(&format!("alone/{file}")), "{file}");
    }
}

#[test]
fn a_plan_is_run_stage_by_stage() {
    let place = place();
    place.run(&format!("pipeline plan xx.toml --out run {QUICK}")).done();
    let early = place.run("pipeline run run/plan.json --task xx/tokenizer -q");
    assert!(early.refusal(3, &["xx/tokenizer waits for xx/corpus"]).is_ok(), "{early:?}");
    for number in 0..9 {
        let ran = place.run(&format!("pipeline run run/plan.json --task {number} --json -q")).done().json();
        assert_eq!(text(&ran, "/ran"), "now");
        let again = place.run(&format!("pipeline run run/plan.json --task {number} --json -q")).done().json();
        assert_eq!(text(&again, "/ran"), "already-done");
    }
    assert!(states(&place, "run").values().all(|state| state == "done"));
    run(&place, "xx.toml --out whole");
    for file in ["topics/submission.tsv", "topics/classifier-forward-0/model.safetensors"] {
        assert!(place.read(&format!("run/xx/{file}")) == place.read(&format!("whole/xx/{file}")), "{file}");
    }
}

#[test]
fn bad_plans_and_targets_are_refused() {
    let place = place();
    place.run(&format!("pipeline plan xx.toml --out run {QUICK}")).done();
    let plan = String::from_utf8(place.read("run/plan.json")).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let variant = |name: &str, from: &str, to: &str| {
        assert!(plan.contains(from), "{from}");
        place.write(&format!("{name}/plan.json"), plan.replacen(from, to, 1));
    };
    variant("newer", "\"format\": 1", "\"format\": 2");
    variant("other", &format!("\"tool_version\": \"{version}\""), "\"tool_version\": \"99.0.0\"");
    variant("escape", "\"output\": \"xx/corpus\"", "\"output\": \"../corpus\"");
    variant("order", "\"xx/corpus\"\n", "\"xx/topics/score\"\n");
    variant("key", "\"seed\": 0", "\"sed\": 0");
    place.write("cut/plan.json", &plan.as_bytes()[..plan.len() / 2]);
    place.write("both/a.toml", place.read("xx.toml"));
    place.write("both/b.toml", place.read("xx.toml"));
    let mut refusals = Refusals::new(&place);
    for (name, words) in [
        ("newer", &["has format 2, this glossa knows 1"][..]),
        ("other", &["made by glossa 99.0.0", "pipeline plan"]),
        ("escape", &["leads out of its folder"]),
        ("order", &["does not come before it"]),
        ("key", &["is no plan"]),
        ("cut", &["is no plan"]),
    ] {
        refusals.case(&format!("pipeline run {name}/plan.json"), 3, words);
        refusals.case(&format!("pipeline status {name}"), 3, words);
    }
    refusals.case("pipeline run both --out z", 3, &["`xx` is asked for twice"]);
    refusals.case("pipeline run xx.toml", 2, &["--out DIR"]);
    refusals.case("pipeline run --out z", 2, &["--all"]);
    refusals.case("pipeline run qqq --out z", 3, &["`qqq`"]);
    refusals.case("pipeline run xx.toml --out z --data nowhere", 3, &["is not there", "--data"]);
    refusals.case("pipeline run run/plan.json --task xx/tokeniser", 2, &["`xx/tokenizer`"]);
    refusals.case("pipeline run run/plan.json --task 99", 2, &["below 9"]);
    refusals.case("pipeline status nowhere", 3, &["nowhere"]);
    refusals.end();
    place.write("text.txt", "another text altogether\n");
    let changed = place.run("pipeline run run/plan.json --task 0 -q");
    assert!(changed.refusal(3, &["has changed since the plan was made"]).is_ok(), "{changed:?}");
}

#[test]
fn planning_all_built_in_languages_needs_no_network() {
    let place = Place::new();
    let ran = place.run("pipeline plan --all --out all --offline --json").done().json();
    let languages: std::collections::BTreeSet<&str> =
        ran["plan"]["tasks"].as_array().unwrap().iter().map(|task| task["language"].as_str().unwrap()).collect();
    assert!(languages.len() >= 330);
    let offline = place.run("pipeline run all/plan.json --task eu/dump --offline -q");
    assert!(offline.refusal(4, &["--offline"]).is_ok(), "{offline:?}");
}

#[cfg(unix)]
#[test]
fn a_stopped_run_goes_on_to_the_same_bytes() {
    let place = place();
    let slow = "--set recipe.pretrain.training.epochs=8 --checkpoint-every 10";
    let arguments = format!("pipeline run xx.toml --out run {QUICK} {slow} -q");
    let words: Vec<&str> = arguments.split_whitespace().collect();
    let mut child = place.command(&words).spawn().unwrap();
    let training = place.path("run/xx/language-model-forward.training");
    let started = std::time::Instant::now();
    while !training.is_dir() || std::fs::read_dir(&training).unwrap().next().is_none() {
        assert!(started.elapsed().as_secs() < 60, "no training began");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(75));
    assert_eq!(states(&place, "run")["xx/language-model-forward"], "missing");
    assert!(training.is_dir(), "the checkpoint stays");
    place.run(&arguments).done();
    assert!(!training.is_dir());
    place.run(&arguments.replace("--out run", "--out whole")).done();
    for file in ["language-model-forward/model.safetensors", "topics/classifier-forward-0/model.safetensors"] {
        assert!(place.read(&format!("run/xx/{file}")) == place.read(&format!("whole/xx/{file}")), "{file}");
    }
    // A checkpoint of other settings is of no use, and does not stand in the way.
    let mut child = place
        .command(&arguments.replace("--out run", "--out other").split_whitespace().collect::<Vec<_>>())
        .spawn()
        .unwrap();
    let training = place.path("run/xx/language-model-forward.training");
    let other = place.path("other/xx/language-model-forward.training");
    while !other.is_dir() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    place.run(&format!("pipeline run xx.toml --out other {QUICK} -q")).done();
    assert!(!training.is_dir() && !other.is_dir());
}
