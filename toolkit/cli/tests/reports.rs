//! The pages beside what the commands make: what they say, that they stand alone, and that the seed decides
//! all of them but the times.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use glossa_base::hash::sha256_file;
use support::{Place, text};

const PRETRAIN: &str = "lm pretrain --corpus corpus --tokenizer tokenizer --preset tiny --out lm -q --seed 3";
const CLASSIFY: &str = "classify train --model lm --train train.csv --valid valid.csv --test test.csv --preset tiny \
                        --set classify.training.epochs=3 --out classifier/ -q";

fn page(place: &Place, name: &str) -> String {
    let page = String::from_utf8(place.read(name)).unwrap();
    for word in ["http", "src=", "href", "url(", "@import", "<script", "NaN"] {
        assert!(!page.contains(word), "{name}: {word}");
    }
    assert!(page.contains("prefers-color-scheme: dark") && page.contains("name=\"viewport\""));
    page
}

fn check_words(page: &str, words: &[&str]) {
    let missing: Vec<&&str> = words.iter().filter(|word| !page.contains(**word)).collect();
    assert!(missing.is_empty(), "{missing:?} in {page}");
}

/// The page without the section on the time.
fn timeless(page: &str) -> String {
    let (before, rest) = page.split_once("<h2>Where the time went</h2>").unwrap();
    let (_, after) = rest.split_once("</section>").unwrap();
    before.to_owned() + after
}

#[test]
fn every_training_leaves_a_page() {
    let place = Place::with_tokenizer();
    let said = place.run(&format!("{PRETRAIN} --json")).done().json();
    assert_eq!(text(&said, "/report"), "lm.report.html");
    let pretrained = page(&place, "lm.report.html");
    let hashes = ["corpus", "tokenizer"].map(|input| sha256_file(&place.path(input).join("manifest.json")).unwrap());
    check_words(&pretrained, &["<h1>lm</h1>", "[pretrain.training]", "warm_up = 0.3", &hashes[0], &hashes[1]]);
    check_words(&pretrained, &["Loss by step", "Learning rate", "Momentum", "Perplexity", "the loop itself"]);
    let again = place.run(PRETRAIN).done();
    assert!(again.stdout.contains("report: lm.report.html"), "{again:?}");
    assert!(timeless(&pretrained) == timeless(&page(&place, "lm.report.html")), "the seed does not decide the page");

    // A folder given with a slash at its end has its page beside it, too.
    let said = place.run(&format!("{CLASSIFY} --json")).done().json();
    assert_eq!(text(&said, "/report"), "classifier.report.html");
    let classifier = page(&place, "classifier.report.html");
    let hashes = ["train.csv", "valid.csv", "test.csv"].map(|input| sha256_file(&place.path(input)).unwrap());
    check_words(&classifier, &["<h1>classifier</h1>", "[classify.training]", &hashes[0], &hashes[1], &hashes[2]]);
    check_words(&classifier, &["Confusion matrix", "in the validation set", "The 20 texts with the highest loss"]);

    let baseline = "classify train --method nbsvm --train train.csv --test test.csv --out baseline -q";
    place.run(baseline).done();
    check_words(&page(&place, "baseline.report.html"), &["Confusion matrix", "in the test set", "Nbsvm"]);
}

#[test]
fn a_training_that_diverged_leaves_a_page() {
    let place = Place::with_tokenizer();
    // Out of any range that can be known before.
    let failed = place.run(&format!("{PRETRAIN} --set pretrain.training.rate=1e30 --set pretrain.training.clip=0"));
    failed.refusal(1, &["the report is lm.report.html"]).unwrap();
    check_words(&page(&place, "lm.report.html"), &["lm (stopped)", "1. ", "at a rate of 4.00", "What to do"]);
    place.run(&format!("{PRETRAIN} --restart --set pretrain.training.epochs=0")).done();
    let settings = "--set classify.training.rate=1e10 --set classify.training.clip=0 --set classify.unfreezing=at-once";
    let failed = place.run(&format!("{CLASSIFY} {settings}"));
    failed
        .refusal(1, &["diverged", "the report is classifier.report.html"])
        .unwrap_or_else(|problem| panic!("{problem}"));
    assert!(!place.path("classifier").exists());
    let stopped = page(&place, "classifier.report.html");
    check_words(
        &stopped,
        &["classifier (stopped)", "4. ", "was not finite in epoch 1", "What to do", "[classify.training]"],
    );
}

#[test]
fn recipes_are_shown_and_drawn() {
    let place = Place::new();
    let shown = place.run("recipe show --preset tiny --set classify.training.epochs=5").done();
    place.write("my.toml", &shown.stdout);
    let read = place.run("recipe show --recipe my.toml").done();
    assert_eq!(shown.stdout, read.stdout);
    let json = place.run("recipe show --recipe my.toml --json").done().json();
    assert_eq!(json["classify"]["training"]["epochs"], 5);
    let drawn = place.run("recipe draw --recipe my.toml --out schedules.html --json").done().json();
    assert_eq!(text(&drawn, "/file"), "schedules.html");
    let drawing = page(&place, "schedules.html");
    check_words(&drawing, &["Pretraining", "Fine-tuning", "Classification", "first group that learns", "one-cycle"]);
    let before = place.tree();
    place.run("recipe draw --preset ulmfit --out other.html --dry-run").done();
    assert_eq!(place.tree(), before);
    place.refusal("recipe draw --preset tinny --out other.html", 3, &["tiny"]).unwrap();
}
