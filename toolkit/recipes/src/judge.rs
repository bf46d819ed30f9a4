//! How answers are judged while a classifier trains.

use glossa_learn::Metrics;
use glossa_nn::Targets;

/// The index of the largest probability; the first of equals.
pub fn best_class(probabilities: &[f64]) -> usize {
    let better = |best: usize, (index, value): (usize, &f64)| if *value > probabilities[best] { index } else { best };
    probabilities.iter().enumerate().fold(0, better)
}

/// Metrics of answers, text by text: `loss` and `accuracy` for classes; `loss`, `accuracy` and micro `f1`
/// for labels; `loss` (mean square), `rmse` and `mae` for numbers.
pub(crate) fn judge(answers: &[Vec<f64>], targets: &Targets) -> Metrics {
    let named = |pairs: &[(&str, f64)]| pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    match targets {
        Targets::Classes(classes) => named(&of_classes(answers, classes)),
        Targets::Shares(rows) => {
            let likeliest = |row: &Vec<f32>| best_class(&row.iter().map(|share| f64::from(*share)).collect::<Vec<_>>());
            named(&of_classes(answers, &rows.iter().map(likeliest).collect::<Vec<_>>()))
        }
        Targets::Labels(rows) => named(&of_labels(answers, rows)),
        Targets::Values(values) => named(&of_values(answers, values)),
    }
}

fn of_classes(answers: &[Vec<f64>], classes: &[usize]) -> [(&'static str, f64); 2] {
    let count = classes.len().max(1) as f64;
    let (mut loss, mut accuracy) = (0.0, 0.0);
    for (row, &class) in answers.iter().zip(classes) {
        let right = row.get(class).copied().unwrap_or(0.0);
        loss -= right.max(1e-12).ln() / count;
        accuracy += f64::from(u8::from(best_class(row) == class)) / count;
    }
    [("loss", loss), ("accuracy", accuracy)]
}

fn of_labels(answers: &[Vec<f64>], rows: &[Vec<bool>]) -> [(&'static str, f64); 3] {
    let pairs = || answers.iter().flatten().zip(rows.iter().flatten());
    let count = |test: &dyn Fn(bool, bool) -> bool| pairs().filter(|(p, gold)| test(**p >= 0.5, **gold)).count() as f64;
    let all = pairs().count().max(1) as f64;
    let loss: f64 = pairs().map(|(p, gold)| -if *gold { *p } else { 1.0 - *p }.max(1e-12).ln()).sum();
    let both = count(&|guess, gold| guess && gold);
    let either = count(&|guess, _| guess) + count(&|_, gold| gold);
    let f1 = if either > 0.0 { 2.0 * both / either } else { 1.0 };
    [("loss", loss / all), ("accuracy", count(&|guess, gold| guess == gold) / all), ("f1", f1)]
}

fn of_values(answers: &[Vec<f64>], values: &[f32]) -> [(&'static str, f64); 3] {
    let count = values.len().max(1) as f64;
    let errors = || answers.iter().flatten().zip(values).map(|(answer, gold)| answer - f64::from(*gold));
    let square = errors().map(|error| error * error).sum::<f64>() / count;
    [("loss", square), ("rmse", square.sqrt()), ("mae", errors().map(f64::abs).sum::<f64>() / count)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_numbers_have_their_metrics() {
        let answers = [vec![0.9, 0.2], vec![0.6, 0.7], vec![0.1, 0.4]];
        let labels = Targets::Labels(vec![vec![true, false], vec![false, true], vec![false, true]]);
        let metrics = judge(&answers, &labels);
        assert!((metrics["accuracy"] - 4.0 / 6.0).abs() < 1e-12);
        assert!((metrics["f1"] - 4.0 / 6.0).abs() < 1e-12);
        let values = judge(&[vec![1.0], vec![4.0]], &Targets::Values(vec![2.0, 2.0]));
        assert!((values["rmse"] - 2.5_f64.sqrt()).abs() < 1e-12 && (values["mae"] - 1.5).abs() < 1e-12);
    }
}
