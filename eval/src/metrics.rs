//! Accuracy, precision, recall, F1 and Matthews' correlation from a confusion matrix, defined as
//! scikit-learn defines them with `zero_division=0`. A rate over nothing is 0, never NaN.

use std::collections::HashMap;

use serde::Serialize;

use crate::Error;

/// The most different labels that are scored. A matrix is square: row numbers or texts that were
/// taken for labels must end in an error, not in a full memory.
pub const LABEL_LIMIT: usize = 2000;

/// How often each label was given to each gold label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Confusion {
    /// All labels, gold or predicted, in the order of their code points.
    pub labels: Vec<String>,
    /// `counts[gold][predicted]`, square, in the order of `labels`.
    pub counts: Vec<Vec<u64>>,
}

/// The scores of one class against the rest.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ClassScore {
    /// The class.
    pub label: String,
    /// Right predictions of the class / all predictions of it.
    pub precision: f64,
    /// Right predictions of the class / its gold labels.
    pub recall: f64,
    /// Harmonic mean of precision and recall.
    pub f1: f64,
    /// Gold labels of the class.
    pub support: u64,
    /// Predictions of the class.
    pub predicted: u64,
}

/// Precision, recall and F1, averaged over classes in one of three ways.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Average {
    /// Averaged precision.
    pub precision: f64,
    /// Averaged recall.
    pub recall: f64,
    /// Averaged F1.
    pub f1: f64,
}

/// All metrics of one set of predictions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metrics {
    /// Number of scored items.
    pub count: u64,
    /// Right predictions / all.
    pub accuracy: f64,
    /// Mean over classes.
    pub macro_average: Average,
    /// Over all decisions together; with one label an item this is the accuracy, thrice.
    pub micro_average: Average,
    /// Mean over classes, weighted by support.
    pub weighted_average: Average,
    /// Matthews' correlation coefficient for many classes (Gorodkin 2004), in [-1, 1].
    pub matthews: f64,
    /// Each class, in the order of the confusion matrix.
    pub classes: Vec<ClassScore>,
    /// Labels that were predicted but are never gold; they count as classes with recall 0.
    pub never_gold: Vec<String>,
}

/// Scores predicted labels against gold labels, item by item.
///
/// # Errors
/// [`Error::CountsDiffer`], [`Error::Empty`] and [`Error::TooManyLabels`].
pub fn score(gold: &[String], predicted: &[String]) -> Result<Metrics, Error> {
    Ok(Confusion::new(gold, predicted)?.metrics())
}

impl Confusion {
    /// Counts gold and predicted labels, item by item.
    ///
    /// # Errors
    /// [`Error::CountsDiffer`], [`Error::Empty`] and [`Error::TooManyLabels`].
    pub fn new(gold: &[String], predicted: &[String]) -> Result<Self, Error> {
        if gold.len() != predicted.len() {
            return Err(Error::CountsDiffer { gold: gold.len(), predicted: predicted.len() });
        }
        if gold.is_empty() {
            return Err(Error::Empty);
        }
        // Each label is looked up once an item, in the order of their first appearance; they are sorted at the end.
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut pairs = Vec::with_capacity(gold.len());
        for (gold, predicted) in gold.iter().zip(predicted) {
            let mut place = |label| {
                let next = places.len();
                *places.entry(label).or_insert(next)
            };
            pairs.push((place(gold.as_str()), place(predicted.as_str())));
        }
        if places.len() > LABEL_LIMIT {
            return Err(Error::TooManyLabels { count: places.len() });
        }
        let mut labels: Vec<(&str, usize)> = places.into_iter().collect();
        labels.sort_unstable();
        let mut sorted = vec![0; labels.len()];
        labels.iter().enumerate().for_each(|(place, (_, first))| sorted[*first] = place);
        let mut counts = vec![vec![0; labels.len()]; labels.len()];
        for (gold, predicted) in pairs {
            counts[sorted[gold]][sorted[predicted]] += 1;
        }
        Ok(Confusion { labels: labels.into_iter().map(|(label, _)| label.to_owned()).collect(), counts })
    }

    /// The scores of one label against all others, with it as the positive one. A label that is neither gold nor
    /// predicted has rates and counts of 0.
    pub fn of_label(&self, label: &str) -> ClassScore {
        let margins = Margins::of(self.counts.iter().map(Vec::as_slice));
        let nothing = ClassScore { label: label.to_owned(), ..ClassScore::default() };
        self.labels.iter().position(|one| one == label).map_or(nothing, |at| margins.class(at, label))
    }

    /// Micro average over the decisions for some labels only, such as all but the one for "none of these": right
    /// predictions of them / predictions of them, and / gold labels of them.
    pub fn micro_over(&self, labels: &[&str]) -> Average {
        let scores: Vec<ClassScore> = labels.iter().map(|label| self.of_label(label)).collect();
        let predicted: u64 = scores.iter().map(|one| one.predicted).sum();
        let gold: u64 = scores.iter().map(|one| one.support).sum();
        let place = |label: &str| self.labels.iter().position(|one| one == label);
        let cell = |at: usize| self.counts.get(at).and_then(|row| row.get(at)).copied().unwrap_or(0);
        let right: u64 = labels.iter().filter_map(|label| place(label)).map(cell).sum();
        Average {
            precision: ratio(right, predicted),
            recall: ratio(right, gold),
            f1: ratio(2 * right, gold + predicted),
        }
    }

    /// Number of items.
    pub fn total(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    /// All metrics of this matrix.
    pub fn metrics(&self) -> Metrics {
        let margins = Margins::of(self.counts.iter().map(Vec::as_slice));
        let classes: Vec<ClassScore> =
            self.labels.iter().enumerate().map(|(at, name)| margins.class(at, name)).collect();
        let accuracy = ratio(margins.right.iter().sum(), margins.total);
        Metrics {
            count: margins.total,
            accuracy,
            macro_average: average(&classes, |_| 1),
            micro_average: Average { precision: accuracy, recall: accuracy, f1: accuracy },
            weighted_average: average(&classes, |class| class.support),
            matthews: margins.matthews(),
            never_gold: classes.iter().filter(|class| class.support == 0).map(|class| class.label.clone()).collect(),
            classes,
        }
    }
}

/// Row sums, column sums and diagonal of a confusion matrix: all that the metrics need.
#[derive(Debug, Default)]
pub(crate) struct Margins {
    total: u64,
    gold: Vec<u64>,
    predicted: Vec<u64>,
    right: Vec<u64>,
}

impl Margins {
    /// The margins of a square matrix, row by row.
    pub(crate) fn of<'a>(rows: impl IntoIterator<Item = &'a [u64]>) -> Self {
        let mut margins = Margins::default();
        for (row_index, row) in rows.into_iter().enumerate() {
            margins.predicted.resize(row.len(), 0);
            margins.gold.push(row.iter().sum());
            margins.right.push(row.get(row_index).copied().unwrap_or(0));
            margins.predicted.iter_mut().zip(row).for_each(|(sum, count)| *sum += count);
        }
        margins.total = margins.gold.iter().sum();
        margins
    }

    /// The margins of nothing, for so many labels.
    pub(crate) fn empty(labels: usize) -> Self {
        Margins { total: 0, gold: vec![0; labels], predicted: vec![0; labels], right: vec![0; labels] }
    }

    /// Counts `weight` items with a gold and a predicted label, both below the number of labels.
    pub(crate) fn add(&mut self, gold: usize, predicted: usize, weight: u64) {
        self.total += weight;
        self.gold[gold] += weight;
        self.predicted[predicted] += weight;
        if gold == predicted {
            self.right[gold] += weight;
        }
    }

    /// Mean F1 of the classes, weighted by gold labels.
    pub(crate) fn weighted_f1(&self) -> f64 {
        let sum: f64 = (0..self.gold.len()).map(|at| self.f1(at) * self.gold[at] as f64).sum();
        if self.total == 0 { 0.0 } else { sum / self.total as f64 }
    }

    pub(crate) fn accuracy(&self) -> f64 {
        ratio(self.right.iter().sum(), self.total)
    }

    /// Mean F1 of the classes that are gold or predicted at least once.
    pub(crate) fn macro_f1(&self) -> f64 {
        let present = (0..self.gold.len()).filter(|&at| self.gold[at] + self.predicted[at] > 0);
        let (sum, count) = present.fold((0.0, 0u32), |(sum, count), at| (sum + self.f1(at), count + 1));
        if count == 0 { 0.0 } else { sum / f64::from(count) }
    }

    /// F1 = 2 right / (gold + predicted), which is the harmonic mean where both rates exist.
    pub(crate) fn f1(&self, at: usize) -> f64 {
        ratio(2 * self.right[at], self.gold[at] + self.predicted[at])
    }

    fn class(&self, at: usize, label: &str) -> ClassScore {
        ClassScore {
            label: label.to_owned(),
            precision: ratio(self.right[at], self.predicted[at]),
            recall: ratio(self.right[at], self.gold[at]),
            f1: self.f1(at),
            support: self.gold[at],
            predicted: self.predicted[at],
        }
    }

    /// Covariances in whole numbers: exact up to the last division.
    pub(crate) fn matthews(&self) -> f64 {
        let product = |left: &[u64], right: &[u64]| -> i128 {
            left.iter().zip(right).map(|(&left, &right)| i128::from(left) * i128::from(right)).sum()
        };
        let total = i128::from(self.total);
        let right: i128 = self.right.iter().map(|&count| i128::from(count)).sum();
        let both = right * total - product(&self.gold, &self.predicted);
        let gold = total * total - product(&self.gold, &self.gold);
        let predicted = total * total - product(&self.predicted, &self.predicted);
        if gold == 0 || predicted == 0 {
            return 0.0;
        }
        both as f64 / ((gold as f64).sqrt() * (predicted as f64).sqrt())
    }
}

/// A rate over nothing is 0, as `zero_division=0` has it.
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn average(classes: &[ClassScore], weight: impl Fn(&ClassScore) -> u64) -> Average {
    let whole: u64 = classes.iter().map(&weight).sum();
    let mean = |value: fn(&ClassScore) -> f64| -> f64 {
        classes.iter().map(|class| value(class) * weight(class) as f64).sum::<f64>() / whole.max(1) as f64
    };
    Average { precision: mean(|class| class.precision), recall: mean(|class| class.recall), f1: mean(|class| class.f1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn close(left: f64, right: f64) {
        assert!((left - right).abs() < 1e-9, "{left} is not {right}");
    }

    #[test]
    fn a_case_by_hand() {
        // a: 2 right of 3 gold and 3 predicted; b: 1 of 2 and 2; c: never right, 1 gold, 1 predicted.
        let metrics = score(&labels("a a a b b c"), &labels("a a b b c a")).unwrap();
        close(metrics.accuracy, 0.5);
        close(metrics.classes[0].f1, 2.0 / 3.0);
        close(metrics.classes[1].precision, 0.5);
        close(metrics.macro_average.f1, (2.0 / 3.0 + 0.5) / 3.0);
        close(metrics.weighted_average.f1, (2.0 + 1.0) / 6.0);
        close(metrics.micro_average.recall, 0.5);
        // both = 3*6 - (9+4+1) = 4, gold = predicted = 36 - 14 = 22.
        close(metrics.matthews, 4.0 / 22.0);
        assert!(metrics.never_gold.is_empty());
    }

    #[test]
    fn labels_that_are_only_gold_or_only_predicted() {
        let metrics = score(&labels("x x y"), &labels("x z x")).unwrap();
        close(metrics.macro_average.f1, 0.5 / 3.0);
        close(metrics.classes[1].recall, 0.0);
        assert_eq!(metrics.never_gold, labels("z"));
        assert_eq!(metrics.classes[2].support, 0);
    }

    #[test]
    fn one_label_against_the_rest() {
        let confusion = Confusion::new(&labels("1 1 0 0 2"), &labels("1 0 1 0 0")).unwrap();
        let one = confusion.of_label("1");
        close(one.precision, 0.5);
        close(one.f1, 0.5);
        assert_eq!(confusion.of_label("x"), ClassScore { label: "x".to_owned(), ..ClassScore::default() });
        // Of 1 and 2: one right, two predicted, three gold.
        let micro = confusion.micro_over(&["1", "2"]);
        close(micro.precision, 0.5);
        close(micro.recall, 1.0 / 3.0);
        close(micro.f1, 0.4);
    }

    #[test]
    fn one_label_has_no_correlation() {
        let metrics = score(&labels("x x"), &labels("x x")).unwrap();
        close(metrics.matthews, 0.0);
        close(metrics.macro_average.f1, 1.0);
    }

    #[test]
    fn what_cannot_be_scored() {
        assert_eq!(score(&[], &[]), Err(Error::Empty));
        let numbers: Vec<String> = (0..=LABEL_LIMIT).map(|number| number.to_string()).collect();
        assert_eq!(score(&numbers, &numbers), Err(Error::TooManyLabels { count: LABEL_LIMIT + 1 }));
        assert_eq!(score(&labels("a"), &[]), Err(Error::CountsDiffer { gold: 1, predicted: 0 }));
    }
}
