//! Our metrics against scikit-learn's on 200 random cases (`reference/make_metric_cases.py`).

use glossa_eval::metrics::Average;
use glossa_eval::score;
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    gold: String,
    predicted: String,
    scores: Vec<f64>,
}

fn labels(text: &str) -> Vec<String> {
    text.chars().map(String::from).collect()
}

#[test]
fn metrics_are_those_of_scikit_learn() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("reference/metric_cases.json")).unwrap();
    assert_eq!(cases.len(), 200);
    for case in cases {
        let metrics = score(&labels(&case.gold), &labels(&case.predicted)).unwrap();
        let mut found = vec![metrics.accuracy, metrics.matthews];
        for Average { precision, recall, f1 } in
            [metrics.macro_average, metrics.micro_average, metrics.weighted_average]
        {
            found.extend([precision, recall, f1]);
        }
        assert_eq!(found.len(), case.scores.len());
        for (place, (found, expected)) in found.iter().zip(&case.scores).enumerate() {
            assert!(
                (found - expected).abs() < 1e-9,
                "score {place}: {found}, not {expected}: {} {}",
                case.gold,
                case.predicted
            );
        }
    }
}
