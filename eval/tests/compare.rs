//! Comparisons of two systems: known distributions, seeds, parallel tasks, and what cannot be compared.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::time::Instant;

use glossa_base::seed::{Purpose, Stream};
use glossa_eval::Prediction;
use glossa_eval::compare::{Comparison, Metric, Options, Run, System, Verdict, compare};

fn row(id: Option<usize>, gold: &str, label: &str) -> Prediction {
    Prediction {
        id: id.map(|id| format!("{id:05}")),
        gold: Some(gold.to_owned()),
        label: label.to_owned(),
        ..Prediction::default()
    }
}

/// Answers to `count` items of three classes; right where `right` says so.
fn answers(count: usize, right: impl Fn(usize) -> bool) -> Vec<Prediction> {
    let label = |item: usize| ["a", "b", "c"][item % 3];
    (0..count).map(|item| row(Some(item), label(item), label(item + usize::from(!right(item))))).collect()
}

fn run(task: &str, seed: u64, predictions: Vec<Prediction>) -> Run {
    Run { task: task.to_owned(), seed: Some(seed), predictions }
}

fn system(name: &str, runs: Vec<Run>) -> System {
    System { name: name.to_owned(), runs }
}

fn options(metric: &str) -> Options {
    Options { metric: metric.parse().unwrap(), ..Options::default() }
}

fn random(seed: u64, item: usize) -> f64 {
    f64::from(Stream::new(seed, Purpose::Sample, 0, 0).uniform(item as u64))
}

#[test]
fn differences_of_accuracy_have_their_known_distribution() {
    // Of 400 items 60 go to the left alone and 36 to the right alone.
    let left = answers(400, |item| item < 300);
    let right = answers(400, |item| item < 240 || (300..336).contains(&item));
    let found = compare(&System::of("l", left), &System::of("r", right), &options("accuracy")).unwrap();
    assert!((found.difference - 0.06).abs() < 1e-12);
    // The variance of an item's difference is 96/400 - 0.06^2.
    let half = 1.96 * ((0.24 - 0.0036_f64) / 400.0).sqrt();
    assert!((found.interval.low - (0.06 - half)).abs() < 0.004, "{found:?}");
    assert!((found.interval.high - (0.06 + half)).abs() < 0.004, "{found:?}");
    // Swapping is a sign test of 60 against 36 (McNemar, exact): p = 0.0184.
    assert!((found.randomisation_p.unwrap() - 0.0184).abs() < 0.005, "{:?}", found.randomisation_p);
    assert_eq!(found.verdict, Verdict::LeftBetter);
    assert!(found.words.starts_with("l is better than r: accuracy 0.7500 against 0.6900"), "{}", found.words);
    assert!(found.words.contains("One training run each"), "{}", found.words);
}

#[test]
fn the_same_answers_do_not_differ() {
    for metric in ["accuracy", "macro_f1", "weighted_f1", "matthews", "f1:a"] {
        let one = || System::of("x", answers(60, |item| item % 4 != 0));
        let found = compare(&one(), &one(), &options(metric)).unwrap();
        assert_eq!((found.difference, found.bootstrap_p, found.randomisation_p), (0.0, 1.0, Some(1.0)), "{metric}");
        assert_eq!((found.interval.low, found.interval.high, found.verdict), (0.0, 0.0, Verdict::NotShown));
    }
}

#[test]
fn scores_are_those_of_the_report() {
    let (left, right) = (answers(300, |item| random(1, item) < 0.8), answers(300, |item| random(2, item) < 0.6));
    let report = |rows: &[Prediction]| glossa_eval::Report::of(rows, &Default::default()).unwrap().metrics;
    let (one, other) = (report(&left), report(&right));
    let values: [(&str, f64, f64); 5] = [
        ("accuracy", one.accuracy, other.accuracy),
        ("macro_f1", one.macro_average.f1, other.macro_average.f1),
        ("weighted_f1", one.weighted_average.f1, other.weighted_average.f1),
        ("matthews", one.matthews, other.matthews),
        ("f1:b", one.classes[1].f1, other.classes[1].f1),
    ];
    for (metric, one, other) in values {
        let (left, right) = (System::of("l", left.clone()), System::of("r", right.clone()));
        let found = compare(&left, &right, &Options { resamples: 200, ..options(metric) }).unwrap();
        assert!((found.left.score - one).abs() < 1e-12 && (found.right.score - other).abs() < 1e-12, "{metric}");
    }
}

#[test]
fn errors_of_numbers_are_better_when_lower() {
    let numbers = |shift: f64| {
        let number = |item: usize| 1000.0 + 4.0 * random(3, item);
        let noise = |item: usize| shift * (random(4, item) - 0.5);
        (0..200).map(|item| row(None, &number(item).to_string(), &(number(item) + noise(item)).to_string())).collect()
    };
    let (good, bad) = (System::of("good", numbers(0.5)), System::of("bad", numbers(4.0)));
    for metric in ["rmse", "mae"] {
        let found = compare(&good, &bad, &options(metric)).unwrap();
        assert!(found.difference < 0.0 && found.verdict == Verdict::LeftBetter, "{found:?}");
    }
    let found = compare(&good, &bad, &options("pearson")).unwrap();
    assert!(found.difference > 0.0 && found.verdict == Verdict::LeftBetter, "{found:?}");
    let gold: Vec<f64> =
        good.runs[0].predictions.iter().map(|row| row.gold.as_ref().unwrap().parse().unwrap()).collect();
    let said: Vec<f64> = good.runs[0].predictions.iter().map(|row| row.label.parse().unwrap()).collect();
    assert!((found.left.score - glossa_eval::numbers::pearson(&gold, &said)).abs() < 1e-9);
}

fn width(found: &Comparison) -> f64 {
    found.interval.high - found.interval.low
}

#[test]
fn parallel_sentences_are_drawn_jointly() {
    // Four languages whose systems fail on the very same sentences: they tell no more than one language does.
    let tasks = ["eng", "fra", "deu", "pol"];
    let make = |name: &str, seed: u64, shift: usize| {
        let answer = |task: &&str| {
            let mut rows = answers(204, |item| random(seed, item) < 0.7);
            rows.iter_mut().for_each(|row| row.id = row.id.take().map(|id| format!("{}{id}", "x".repeat(shift))));
            run(task, 0, rows)
        };
        system(name, tasks.iter().map(answer).collect())
    };
    let joint = compare(&make("l", 5, 0), &make("r", 6, 0), &options("accuracy")).unwrap();
    assert!(joint.joint && joint.units == 204 && joint.tasks.len() == 4, "{joint:?}");
    let one = compare(
        &System::of("l", answers(204, |item| random(5, item) < 0.7)),
        &System::of("r", answers(204, |item| random(6, item) < 0.7)),
        &options("accuracy"),
    )
    .unwrap();
    assert!((width(&joint) - width(&one)).abs() < 0.01, "{} {}", width(&joint), width(&one));
    // The same answers under ids of their own are drawn apart, and the interval is half as wide.
    let apart = |mut system: System| {
        for (place, run) in system.runs.iter_mut().enumerate() {
            run.predictions.iter_mut().for_each(|row| row.id = row.id.take().map(|id| format!("{place}-{id}")));
        }
        system
    };
    let apart = compare(&apart(make("l", 5, 0)), &apart(make("r", 6, 0)), &options("accuracy")).unwrap();
    assert!(!apart.joint && apart.units == 4 * 204);
    assert!((width(&apart) / width(&joint) - 0.5).abs() < 0.06, "{} {}", width(&apart), width(&joint));
}

#[test]
fn several_seeds_widen_the_interval_and_have_a_test_of_their_own() {
    let make = |name: &str, share: &[f64], from: u64| {
        let runs = share
            .iter()
            .enumerate()
            .map(|(seed, &share)| run("t", seed as u64, answers(300, |item| random(from + seed as u64, item) < share)));
        system(name, runs.collect())
    };
    let (left, right) = (make("l", &[0.9, 0.89, 0.91, 0.9], 10), make("r", &[0.6, 0.62, 0.61, 0.6], 20));
    let found = compare(&left, &right, &options("macro_f1")).unwrap();
    assert_eq!((found.left.seeds.len(), found.verdict), (4, Verdict::LeftBetter));
    assert!((found.seeds.unwrap().p - 2.0 / 70.0).abs() < 1e-12, "{:?}", found.seeds);
    assert!(found.left.spread.unwrap() > 0.0 && found.to_text().contains("spread"));
    // Seeds that differ much make the interval wider than the items alone would.
    let wild = make("w", &[0.95, 0.3, 0.95, 0.3], 10);
    let tame = make("t", &[0.62, 0.63, 0.62, 0.63], 10);
    let (wild, tame) = (compare(&wild, &right, &options("accuracy")), compare(&tame, &right, &options("accuracy")));
    assert!(width(&wild.unwrap()) > 3.0 * width(&tame.unwrap()));
    // Answers of four and three runs cannot be swapped.
    let three = make("r", &[0.6, 0.62, 0.61], 20);
    let found = compare(&left, &three, &options("accuracy")).unwrap();
    assert_eq!((found.randomisation_p, found.verdict), (None, Verdict::LeftBetter));
}

#[test]
fn neither_order_nor_threads_but_the_seed_decides() {
    let (left, right) = (answers(150, |item| random(1, item) < 0.8), answers(150, |item| random(2, item) < 0.7));
    let mut turned = right.clone();
    turned.reverse();
    let with = |right: &[Prediction], seed: u64| {
        let right = System::of("r", right.to_vec());
        compare(&System::of("l", left.clone()), &right, &Options { seed, ..options("macro_f1") }).unwrap()
    };
    assert_eq!(with(&right, 1), with(&turned, 1));
    assert_ne!(with(&right, 1).interval, with(&right, 2).interval);
    let json = serde_json::to_value(with(&right, 1)).unwrap();
    assert_eq!((json["format"].as_u64(), json["metric"].as_str()), (Some(1), Some("macro_f1")));
}

#[test]
fn what_cannot_be_compared_is_named() {
    let good = || answers(3, |_| true);
    let changed = |change: fn(&mut Vec<Prediction>)| {
        let mut rows = good();
        change(&mut rows);
        rows
    };
    let cases: [(Vec<Prediction>, &str, &str); 7] = [
        (changed(|rows| drop(rows.pop())), "accuracy", "r: 2 items, but 3 in the first run"),
        (changed(|rows| rows[1].id = Some("7".to_owned())), "accuracy", "r: the item `00001` is missing"),
        (
            changed(|rows| rows[2].gold = Some("a".to_owned())),
            "accuracy",
            "r: the gold label of the item `00002` is a, but c",
        ),
        (changed(|rows| rows[2].gold = None), "accuracy", "r: the gold label of the item `00002` is none"),
        (Vec::new(), "accuracy", "r: 0 items"),
        (good(), "rmse", "row 1: not a finite number"),
        (good(), "f2", "no metric `f2`"),
    ];
    for (rows, metric, expected) in cases {
        let found = metric.parse::<Metric>().and_then(|metric| {
            compare(&System::of("l", good()), &System::of("r", rows), &Options { metric, ..Options::default() })
        });
        let message = found.unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message} does not start with {expected}");
    }
    let two = system("l", vec![run("x", 0, good()), run("y", 0, good())]);
    let message = compare(&two, &system("r", vec![run("x", 0, good())]), &options("accuracy")).unwrap_err().to_string();
    assert!(message.contains("r, task y: it has no run of this task"), "{message}");
    let uneven = system("r", vec![run("x", 0, good()), run("x", 1, good()), run("y", 0, good())]);
    let message = compare(&two, &uneven, &options("accuracy")).unwrap_err().to_string();
    assert!(message.contains("r, task y: 1 runs, but 2 of another task"), "{message}");
}

#[test]
fn ten_thousand_resamples_of_four_thousand_items_take_under_a_second() {
    let (left, right) = (answers(4000, |item| random(1, item) < 0.8), answers(4000, |item| random(2, item) < 0.79));
    let start = Instant::now();
    compare(&System::of("l", left), &System::of("r", right), &options("macro_f1")).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    eprintln!("paired bootstrap and randomisation, 10,000 x 4,000: {seconds:.2} s");
    // Typically 0.2 s; the bound leaves room for a busy machine.
    assert!(seconds < 4.0, "{seconds} s");
}
