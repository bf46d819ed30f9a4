//! `classify explain`: words with their part in a decision, and where a classifier goes wrong.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that fails fails its test")]

mod support;

use std::sync::OnceLock;

use serde_json::Value;
use support::{Place, Refusals, check, number, rows, text};

/// The made-up data with a trained `classifier`, one that reads backward, a `baseline` and a language
/// model; trained once for all tests.
fn place() -> &'static Place {
    static PLACE: OnceLock<Place> = OnceLock::new();
    PLACE.get_or_init(|| {
        let place = Place::with_tokenizer();
        let train = "classify train --tokenizer tokenizer --train train.csv --preset tiny \
                     --set classify.training.epochs=3 -q --out";
        place.run(&format!("{train} classifier")).done();
        place.run(&format!("{train} backward --backward")).done();
        place.run("classify train --method nbsvm --train train.csv --out baseline -q").done();
        place.run("lm pretrain --corpus corpus --tokenizer tokenizer --out lm --preset tiny --set pretrain.training.epochs=0 -q").done();
        place
    })
}

fn array<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().unwrap_or_else(|| panic!("no list {key}: {value}"))
}

/// Scores lie in their ranges, the largest is 1, and pieces belong to words.
fn check_scores(explained: &Value) {
    for key in ["words", "pieces"] {
        let scores: Vec<f64> = array(explained, key).iter().map(|word| number(word, "/attention")).collect();
        assert!(scores.iter().all(|score| (0.0..=1.0).contains(score)), "{scores:?}");
        assert!(scores.iter().any(|score| (score - 1.0).abs() < 1e-12), "{scores:?}");
        let pushes: Vec<f64> = array(explained, key).iter().map(|word| number(word, "/push")).collect();
        assert!(pushes.iter().all(|push| (-1.0..=1.0).contains(push)), "{pushes:?}");
        assert!(pushes.iter().any(|push| (push.abs() - 1.0).abs() < 1e-12), "{pushes:?}");
    }
    let mut next = 0;
    for word in array(explained, "words") {
        assert_eq!(number(word, "/pieces/0") as usize, next);
        next = number(word, "/pieces/1") as usize;
    }
    assert_eq!(next, array(explained, "pieces").len());
    assert!(number(explained, "/largest/word_gradient") > 0.0);
}

#[test]
fn texts_are_explained() {
    let (place, examples) = (place(), rows(place(), "test.csv"));
    let (one, two) = (examples[0].0.as_str(), examples[1].0.as_str());
    for model in ["classifier", "backward"] {
        let explained = place.run_words(&["classify", "explain", "--model", model, one, two, "--json", "-q"]).done();
        let explained = explained.json();
        let predicted = place.run_words(&["classify", "predict", "--model", model, one, two, "--json", "-q"]).done();
        let predicted = predicted.json();
        assert_eq!(explained["method"], "intrinsic-attention");
        for (index, original) in [one, two].into_iter().enumerate() {
            let (explained, predicted) = (&explained["texts"][index], &predicted["predictions"][index]);
            assert_eq!(text(explained, "/text"), original);
            assert_eq!(explained["label"], predicted["label"]);
            assert_eq!(explained["explained"], predicted["label"]);
            assert_eq!(explained["probabilities"], predicted["probabilities"]);
            check_scores(explained);
            // The words are the text again, in its order, whichever way the model reads. The rules forget
            // the capital of a single letter.
            let words: Vec<&str> = array(explained, "words")
                .iter()
                .filter(|word| word["special"] == false)
                .map(|word| text(word, "/word"))
                .collect();
            assert_eq!(words.join(" ").to_lowercase(), original.to_lowercase());
        }
    }
}

#[test]
fn neither_mates_nor_padding_change_a_score() {
    let (place, examples) = (place(), rows(place(), "test.csv"));
    let (short, long) = ("The sheep.", examples[0].0.as_str());
    let run = |texts: &[&str]| {
        let arguments = [&["classify", "explain", "--model", "classifier", "--json", "-q"], texts].concat();
        place.run_words(&arguments).done().json()
    };
    let (alone, together) = (run(&[short]), run(&[long, short, long]));
    for key in ["words", "pieces", "largest"] {
        assert_eq!(alone["texts"][0][key], together["texts"][1][key]);
    }
}

#[test]
fn another_label_and_lines_of_stdin() {
    let place = place();
    let labels = place.run("classify explain --model classifier --json -q --label").code;
    assert_eq!(labels, Some(2));
    let (line, label) = rows(place, "test.csv").swap_remove(0);
    let other = rows(place, "test.csv").into_iter().map(|row| row.1).find(|other| *other != label).unwrap();
    let arguments = ["classify", "explain", "--model", "classifier", "--label", &other, "--json", "-q"];
    let explained = place.run_with(&arguments, &[], format!("{line}\n").as_bytes()).done().json();
    let explained = &explained["texts"][0];
    assert_eq!(text(explained, "/explained"), other);
    assert_eq!(explained["probability"], explained["probabilities"][other.as_str()]);
    check_scores(explained);
}

#[test]
fn a_labelled_file_has_losses_and_confusions() {
    let place = place();
    let ran = place
        .run("classify explain --model classifier --input test.csv --top 5 --out page.html --json -q")
        .done()
        .json();
    let texts = array(&ran, "texts");
    assert_eq!(texts.len(), 5);
    let losses: Vec<f64> = texts.iter().map(|text| number(text, "/loss")).collect();
    assert!(losses.is_sorted_by(|left, right| left >= right), "{losses:?}");
    for explained in texts {
        let gold = text(explained, "/gold");
        let share = explained["probabilities"][gold].as_f64().unwrap();
        assert!((number(explained, "/loss") + share.ln()).abs() < 1e-9);
        check_scores(explained);
    }
    let confusion = &ran["labelled"]["report"]["confusion"];
    let counts: u64 = confusion["counts"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|row| row.as_array().unwrap())
        .map(|count| count.as_u64().unwrap())
        .sum();
    assert_eq!(counts, 100);
    let pairs: Vec<u64> =
        array(&ran["labelled"], "most_confused").iter().map(|pair| pair["count"].as_u64().unwrap()).collect();
    assert!(pairs.is_sorted_by(|left, right| left >= right) && pairs.iter().all(|count| *count > 0));
    let page = String::from_utf8(place.read("page.html")).unwrap();
    assert_eq!(page.matches("class=\"shaded\"").count(), 6);
    assert!(["http", "src=", "<script"].iter().all(|word| !page.contains(word)));
}

#[test]
fn the_text_is_for_people() {
    let (place, examples) = (place(), rows(place(), "test.csv"));
    let ran = place.run_words(&["classify", "explain", "--model", "classifier", &examples[0].0, "-q"]).done();
    for part in [" ++]", " --]"] {
        if ran.stdout.contains(part) {
            assert!(ran.stdout.contains("attention") && !ran.stdout.contains('\u{1b}'));
            return;
        }
    }
    panic!("no strong word: {ran:?}");
}

#[test]
fn what_cannot_be_explained_is_refused() {
    // A place of its own: the other tests write pages beside the models while this one compares files.
    let (made, place) = (place(), &Place::new());
    for folder in ["classifier", "backward", "baseline", "lm", "tokenizer", "corpus"] {
        place.copy_from(made, folder);
    }
    for file in ["train.csv", "valid.csv", "test.csv"] {
        place.write(file, made.read(file));
    }
    let label = rows(place, "test.csv").swap_remove(0).1;
    let near = format!("--model classifier x --label {label}x");
    let meant = format!("did you mean `{label}`");
    place.write("unknown.csv", format!("text,label\none,{label}\ntwo,zzz\n"));
    place.write("texts.txt", "one\ntwo\n");
    let mut refusals = Refusals::new(place);
    check(
        &mut refusals,
        "classify explain",
        &[
            (&near, &["--label", &meant]),
            ("--model classifier x --label zzzz", &["zzzz", &label]),
            ("--model none x", &["none"]),
            ("--model lm x", &["lm", "language model", "classifier"]),
            ("--model tokenizer x", &["tokenizer"]),
            ("--model baseline x", &["baseline"]),
            ("--model classifier --input none.csv", &["none.csv"]),
            ("--model classifier --input unknown.csv", &["unknown.csv", "zzz"]),
            ("--model classifier --input texts.txt", &["texts.txt"]),
            ("--model classifier --input test.csv --label-column lable", &["lable", "label"]),
            ("--model classifier --input test.csv --out test.csv/page.html", &["test.csv"]),
        ],
    );
    refusals.end();
    for texts in [&[" "][..], &["one", ""]] {
        let ran = place.run_words(&[&["classify", "explain", "--model", "classifier", "-q"], texts].concat());
        assert_eq!(ran.refusal(3, &["empty"]), Ok(()));
    }
    // No line on stdin.
    assert_eq!(place.run("classify explain --model classifier -q").refusal(3, &["no text"]), Ok(()));
    assert_eq!(place.run("classify explain --model classifier --input test.csv x -q").code, Some(2));
}

#[test]
fn a_dry_run_writes_nothing() {
    let place = Place::with_models();
    let before = place.tree();
    let ran = place.run("classify explain --model classifier --input test.csv --out page.html --dry-run --json").done();
    assert_eq!(text(&ran.json(), "/would_write"), "page.html");
    assert_eq!(before, place.tree());
}
