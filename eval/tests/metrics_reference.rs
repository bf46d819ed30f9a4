//! Our metrics against scikit-learn's and scipy's on 1,000 random and 30 edge cases, where a Python has them
//! (`GLOSSA_PYTHON` names one; `metrics_reference.py` makes the cases).
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::process::Command;

use glossa_eval::metrics::Average;
use glossa_eval::{Confusion, Prediction, calibration, compare, numbers};
use serde::Deserialize;

type Scores = Vec<Option<f64>>;

#[derive(Deserialize)]
struct Case {
    labels: (String, String, Scores),
    numbers: (Vec<f64>, Vec<f64>, Scores),
    probabilities: (Vec<usize>, Vec<Vec<f64>>, Scores),
}

fn of_labels(gold: &str, predicted: &str) -> Vec<f64> {
    let labels = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
    let confusion = Confusion::new(&labels(gold), &labels(predicted)).unwrap();
    let metrics = confusion.metrics();
    let mut found = vec![metrics.accuracy, metrics.matthews];
    let one = confusion.of_label("a");
    let one = Average { precision: one.precision, recall: one.recall, f1: one.f1 };
    let averages = [metrics.macro_average, metrics.micro_average, metrics.weighted_average];
    for Average { precision, recall, f1 } in averages.into_iter().chain([one, confusion.micro_over(&["a", "b"])]) {
        found.extend([precision, recall, f1]);
    }
    found.push(compare::agreement(&labels(gold), &labels(predicted)).unwrap().kappa);
    found
}

fn of_numbers(gold: &[f64], predicted: &[f64]) -> Vec<f64> {
    let found = numbers::score(gold, predicted).unwrap();
    vec![found.rmse, found.mae, found.pearson, found.spearman]
}

fn of_probabilities(gold: &[usize], rows: &[Vec<f64>]) -> Vec<f64> {
    let labels: Vec<String> = (0..rows[0].len()).map(|label| label.to_string()).collect();
    let prediction = |(gold, row): (&usize, &Vec<f64>)| {
        let prediction = Prediction::from_probabilities(&labels, row).unwrap();
        Prediction { gold: Some(gold.to_string()), ..prediction }
    };
    let predictions: Vec<Prediction> = gold.iter().zip(rows).map(prediction).collect();
    let found = calibration::score(&predictions, calibration::BINS).unwrap();
    vec![found.expected_error, found.brier]
}

/// Within 1e-9, relative where the numbers are large; `None` is not a number.
fn check(what: &str, case: usize, found: &[f64], expected: &Scores) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        let same = match expected {
            Some(expected) => (found - expected).abs() < 1e-9 * expected.abs().max(1.0),
            None => found.is_nan(),
        };
        assert!(same, "{what} of case {case}, score {place}: {found}, not {expected:?}");
    }
}

#[test]
fn metrics_are_those_of_scikit_learn_and_scipy() {
    let python = std::env::var("GLOSSA_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/metrics_reference.py");
    if !Command::new(&python).args(["-c", "import sklearn, scipy"]).output().is_ok_and(|run| run.status.success()) {
        eprintln!("skipped: no Python with scikit-learn and scipy (set GLOSSA_PYTHON)");
        return;
    }
    let run = Command::new(&python).arg(script).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let cases: Vec<Case> = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(cases.len(), 1030);
    for (index, case) in cases.iter().enumerate() {
        check("labels", index, &of_labels(&case.labels.0, &case.labels.1), &case.labels.2);
        check("numbers", index, &of_numbers(&case.numbers.0, &case.numbers.1), &case.numbers.2);
        check(
            "probabilities",
            index,
            &of_probabilities(&case.probabilities.0, &case.probabilities.1),
            &case.probabilities.2,
        );
    }
}
