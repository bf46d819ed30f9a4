//! Which labels are taken for which: a confusion matrix read as a list, worst first.

use serde::Serialize;

use crate::metrics::Confusion;

/// How often one label was taken for another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Confused {
    /// The right label.
    pub gold: String,
    /// What it was taken for.
    pub predicted: String,
    /// How often.
    pub count: u64,
}

impl Confusion {
    /// The pairs that were confused at least `minimum` times, the most frequent first, then by name
    /// (fastai's `most_confused`).
    pub fn most_confused(&self, minimum: u64) -> Vec<Confused> {
        let mut pairs = Vec::new();
        for (gold, counts) in self.labels.iter().zip(&self.counts) {
            for (predicted, &count) in self.labels.iter().zip(counts) {
                if gold != predicted && count >= minimum.max(1) {
                    pairs.push(Confused { gold: gold.clone(), predicted: predicted.clone(), count });
                }
            }
        }
        // The labels are in order and the sort is stable: equals stay in the order of their names.
        pairs.sort_by_key(|pair| std::cmp::Reverse(pair.count));
        pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn confusion(gold: &str, predicted: &str) -> Confusion {
        let labels = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<String>>();
        Confusion::new(&labels(gold), &labels(predicted)).unwrap()
    }

    #[test]
    fn the_most_confused_come_first() {
        let confusion = confusion("a a a b b c c c", "a b b a c b b a");
        let check = |minimum: u64, expected: &[(&str, &str, u64)]| {
            let found = confusion.most_confused(minimum);
            let found: Vec<_> =
                found.iter().map(|pair| (pair.gold.as_str(), pair.predicted.as_str(), pair.count)).collect();
            assert_eq!(found, expected);
        };
        check(1, &[("a", "b", 2), ("c", "b", 2), ("b", "a", 1), ("b", "c", 1), ("c", "a", 1)]);
        check(0, &[("a", "b", 2), ("c", "b", 2), ("b", "a", 1), ("b", "c", 1), ("c", "a", 1)]);
        check(2, &[("a", "b", 2), ("c", "b", 2)]);
        check(3, &[]);
    }

    #[test]
    fn without_mistakes_nothing_is_confused() {
        assert!(confusion("a b", "a b").most_confused(1).is_empty());
    }
}
