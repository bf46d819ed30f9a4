//! Sums of features over classes, and what Naive Bayes makes of them.

use super::features::Row;

/// How much of each feature each class holds.
pub(super) struct ClassSums {
    /// `sums[class][feature]`.
    sums: Vec<Vec<f64>>,
    documents: Vec<usize>,
}

impl ClassSums {
    /// Adds up the rows of each class.
    pub(super) fn of(rows: &[Row], classes: &[usize], class_count: usize, feature_count: usize) -> Self {
        let mut sums = vec![vec![0.0; feature_count]; class_count];
        let mut documents = vec![0; class_count];
        for (row, &class) in rows.iter().zip(classes) {
            documents[class] += 1;
            row.iter().for_each(|&(feature, value)| sums[class][feature as usize] += f64::from(value));
        }
        ClassSums { sums, documents }
    }

    /// ln P(feature | class) with `alpha` added to every sum.
    pub(super) fn log_likelihoods(&self, class: usize, alpha: f64) -> Vec<f32> {
        smoothed(&self.sums[class], alpha).into_iter().map(|value| value as f32).collect()
    }

    /// ln P(class), by the share of documents.
    pub(super) fn log_prior(&self, class: usize) -> f64 {
        let all: usize = self.documents.iter().sum();
        (self.documents[class] as f64 / all as f64).ln()
    }

    /// ln P(feature | class) / P(feature | not class): the r of Wang & Manning 2012, equation 2.
    pub(super) fn log_ratios(&self, class: usize, alpha: f64) -> Vec<f32> {
        let mut rest = vec![0.0; self.sums[class].len()];
        for (_, sums) in self.sums.iter().enumerate().filter(|(other, _)| *other != class) {
            rest.iter_mut().zip(sums).for_each(|(sum, value)| *sum += value);
        }
        let inside = smoothed(&self.sums[class], alpha);
        inside.iter().zip(smoothed(&rest, alpha)).map(|(inside, rest)| (inside - rest) as f32).collect()
    }
}

fn smoothed(sums: &[f64], alpha: f64) -> Vec<f64> {
    let whole = (sums.iter().sum::<f64>() + alpha * sums.len() as f64).ln();
    sums.iter().map(|sum| (sum + alpha).ln() - whole).collect()
}
