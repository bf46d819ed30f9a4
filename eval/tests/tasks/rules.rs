//! The official rules of PolEval 2019 and HAHA on cases computed by hand, and predictions that fit no item.

use glossa_eval::Prediction;
use glossa_eval::task::{Example, matched};

use crate::fixture::chosen;
use crate::quick;

fn examples(gold: &str) -> Vec<Example> {
    let example = |(item, gold): (usize, &str)| Example {
        id: (item + 1).to_string(),
        text: format!("t{item}"),
        gold: Some(gold.trim_end_matches('!').to_owned()),
        counted: !gold.ends_with('!'),
        line: item as u64 + 1,
    };
    gold.split_whitespace().enumerate().map(example).collect()
}

fn predictions(labels: &str) -> Vec<Prediction> {
    labels.split_whitespace().map(|label| Prediction { label: label.to_owned(), ..Prediction::default() }).collect()
}

fn check(task: &str, gold: &str, predicted: &str, expected: &[(&str, f64)]) {
    let report = chosen(task).score(&examples(gold), &predictions(predicted), &quick()).unwrap();
    for (metric, value) in expected {
        let found = report.scores.iter().find(|score| score.metric == *metric).unwrap().value;
        assert!((found - value).abs() < 1e-12, "{task}: {metric} is {found}, not {value}");
    }
}

#[test]
fn poleval_looks_at_the_harmful_class() {
    // Of 4 harmful tweets 2 are found, with 1 false alarm: P 2/3, R 1/2, F 4/7; 5 of 8 right.
    let expected = [("precision:1", 2.0 / 3.0), ("recall:1", 0.5), ("f1:1", 4.0 / 7.0), ("accuracy", 5.0 / 8.0)];
    check("poleval-2019-6-1", "1 1 1 1 0 0 0 0", "1 1 0 0 1 0 0 0", &expected);
    // Nothing found: a rate over nothing is 0.
    check(
        "poleval-2019-6-1",
        "1 0",
        "0 0",
        &[("precision:1", 0.0), ("recall:1", 0.0), ("f1:1", 0.0), ("accuracy", 0.5)],
    );
}

#[test]
fn poleval_counts_all_three_classes_in_the_micro_average() {
    // Right: three of class 0, none of 1, one of 2. Micro: 4 of 6, which is the accuracy.
    // Precisions 3/4, 0 and 1/2, recalls 1, 0 and 1/2: macroF is the harmonic mean of their means, no mean of F1.
    let (precision, recall) = (1.25 / 3.0, 1.5 / 3.0);
    let expected = [("micro_f1", 4.0 / 6.0), ("f1_of_averages", 2.0 * precision * recall / (precision + recall))];
    check("poleval-2019-6-2", "0 0 0 1 2 2", "0 0 0 2 2 0", &expected);
}

#[test]
fn haha_counts_errors_of_humorous_tweets_only() {
    // Gold 2 and 4 count, with errors 1 and -2: the root of (1 + 4) / 2. What is not funny does not, however wrong.
    let expected = [("rmse", 2.5_f64.sqrt()), ("mae", 1.5)];
    check("haha-2019-funniness", "2 0! 4 0!", "3 5 2 4.5", &expected);
    // An answer out of range is scored as it is; the file of answers would have it clipped.
    check("haha-2019-funniness", "2 4", "-1 4", &[("rmse", 4.5_f64.sqrt())]);
    check(
        "haha-2019",
        "1 1 0 0",
        "1 0 1 0",
        &[("f1:1", 0.5), ("precision:1", 0.5), ("recall:1", 0.5), ("accuracy", 0.5)],
    );
    let report =
        chosen("haha-2019-funniness").score(&examples("2 0! 4 0!"), &predictions("3 5 2 4.5"), &quick()).unwrap();
    assert_eq!((report.items, report.counted), (4, 2));
    assert!(report.to_text().contains("2 of 4 items count"), "{}", report.to_text());
}

#[test]
fn rows_that_fit_no_item_are_named() {
    let with_ids = |ids: &str| -> Vec<Prediction> {
        ids.split_whitespace()
            .map(|id| Prediction { id: Some(id.to_owned()), label: "0".to_owned(), ..Default::default() })
            .collect()
    };
    let gold = |rows: Vec<Prediction>, gold: &str| -> Vec<Prediction> {
        rows.into_iter().map(|row| Prediction { gold: Some(gold.to_owned()), ..row }).collect()
    };
    let cases: [(Vec<Prediction>, &str); 8] = [
        (predictions("0 1"), "prediction 3: 2 predictions without ids for 3 items"),
        (predictions("0 1 0 1"), "prediction 4: 4 predictions without ids for 3 items"),
        (with_ids("1 2 2"), "prediction 3: the id `2` was there in row 2"),
        (with_ids("1 3 4"), "prediction 3: no prediction for the item `2`"),
        (with_ids("1 2 3 9"), "prediction 4: there is no item `9` in this split"),
        (gold(with_ids("3 2 1"), "1"), "prediction 3: its gold label is 1, but that of the item `1` is 0"),
        (predictions("0 2 0"), "prediction 2: `2` is none of the labels 0, 1"),
        (Vec::new(), "prediction 1: 0 predictions without ids"),
    ];
    for (rows, expected) in cases {
        let message = chosen("poleval-2019-6-1").score(&examples("0 1 0"), &rows, &quick()).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message} does not start with {expected}");
    }
    let turned = matched(&examples("0 1 0"), &with_ids("3 1 2")).unwrap();
    assert_eq!(turned.iter().map(|row| row.id.clone().unwrap()).collect::<String>(), "123");
    let message =
        chosen("haha-2019-funniness").score(&examples("2"), &predictions("x"), &quick()).unwrap_err().to_string();
    assert!(message.contains("`x` is no finite number"), "{message}");
    let message = chosen("poleval-2018-3").score(&examples("0"), &predictions("0"), &quick()).unwrap_err().to_string();
    assert!(message.contains("asks for the likelihood"), "{message}");
}

#[test]
fn several_seeds_are_reported_by_their_mean() {
    let chosen = chosen("poleval-2019-6-1");
    let examples = examples("1 1 0 0 1 0 1 0");
    let runs =
        [(7, predictions("1 1 0 0 1 0 1 0")), (3, predictions("1 0 0 0 0 0 0 1")), (5, predictions("1 1 1 1 1 1 1 1"))];
    let report = chosen.score_seeds(&examples, &runs, &quick()).unwrap();
    assert_eq!(report.seeds, [3, 5, 7]);
    let accuracy = report.scores.iter().find(|score| score.metric == "accuracy").unwrap();
    assert_eq!(accuracy.values, [0.5, 0.5, 1.0]);
    assert!((accuracy.mean - 2.0 / 3.0).abs() < 1e-12);
    assert!((accuracy.spread.unwrap() - (0.25_f64 / 3.0).sqrt()).abs() < 1e-12);
    let interval = accuracy.interval.unwrap();
    assert!(interval.low < accuracy.mean && accuracy.mean < interval.high, "{interval:?}");
    assert!(accuracy.signature.contains("|seeds:3+5+7|"), "{}", accuracy.signature);
    assert!(report.to_text().contains("0.5000 0.5000 1.0000"), "{}", report.to_text());
    let entry = glossa_eval::page::Entry::of_seeds("s", &chosen, "test", &report).unwrap();
    assert_eq!((entry.seeds, entry.metric.as_str(), entry.language.as_str()), (3, "f1:1", "all"));
    let twice = [(7, predictions("1 1 0 0 1 0 1 0")), (7, predictions("1 1 0 0 1 0 1 0"))];
    let message = chosen.score_seeds(&examples, &twice, &quick()).unwrap_err().to_string();
    assert_eq!(message, "seed 7: its predictions are there twice");
    assert!(chosen.score_seeds(&examples, &[], &quick()).is_err());
}
