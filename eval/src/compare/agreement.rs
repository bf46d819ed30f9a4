//! How far two systems agree, whoever is right, and where they differ.

use serde::Serialize;

use crate::confused::Confused;
use crate::{Confusion, Error, Prediction};

/// The agreement of two systems.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Agreement {
    /// Number of items.
    pub count: u64,
    /// Share of items with the same label.
    pub share: f64,
    /// Cohen's kappa: agreement beyond what the two distributions of labels give by chance, 1 for the same answers
    /// (also where all are one label).
    pub kappa: f64,
    /// The left system's labels (as rows, `gold`) against the right one's (as columns, `predicted`).
    pub confusion: Confusion,
    /// Where they differ, the most frequent pair first: `gold` is what the left system says, `predicted` the right.
    pub differences: Vec<Confused>,
    /// Who is right, where gold labels are there.
    pub right: Option<Right>,
}

/// Who is right on how many items.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Right {
    /// Both.
    pub both: u64,
    /// The left system only.
    pub left_only: u64,
    /// The right system only.
    pub right_only: u64,
    /// Neither.
    pub neither: u64,
}

/// Agreement of two rows of labels.
///
/// # Errors
/// [`Error::CountsDiffer`], [`Error::Empty`] and [`Error::TooManyLabels`].
pub fn agreement(left: &[String], right: &[String]) -> Result<Agreement, Error> {
    let confusion = Confusion::new(left, right)?;
    let metrics = confusion.metrics();
    let count = metrics.count as f64;
    let chance: f64 =
        metrics.classes.iter().map(|class| class.support as f64 / count * (class.predicted as f64 / count)).sum();
    let share = metrics.accuracy;
    let kappa = if share == 1.0 { 1.0 } else { (share - chance) / (1.0 - chance) };
    let differences = confusion.most_confused(1);
    Ok(Agreement { count: metrics.count, share, kappa, confusion, differences, right: None })
}

/// Agreement of two sets of predictions: matched by id where all rows have one, by order otherwise.
///
/// # Errors
/// As [`agreement`], and [`Error::NotComparable`] where ids or gold labels differ.
pub fn agreement_of(left: &[Prediction], right: &[Prediction]) -> Result<Agreement, Error> {
    let with_ids = left.iter().chain(right).all(|row| row.id.is_some());
    let (left, right) = (super::items::in_order(left, with_ids), super::items::in_order(right, with_ids));
    super::items::check_rows(&left, &right, "the right system")?;
    let labels = |rows: &[&Prediction]| rows.iter().map(|row| row.label.clone()).collect::<Vec<_>>();
    let found = agreement(&labels(&left), &labels(&right))?;
    let mut who = Right::default();
    for (left, right) in left.iter().zip(&right) {
        let Some(gold) = &left.gold else { return Ok(found) };
        match (left.label == *gold, right.label == *gold) {
            (true, true) => who.both += 1,
            (true, false) => who.left_only += 1,
            (false, true) => who.right_only += 1,
            (false, false) => who.neither += 1,
        }
    }
    Ok(Agreement { right: Some(who), ..found })
}

impl Agreement {
    /// The agreement as text, with at most `rows` of the differences.
    pub fn to_text(&self, rows: usize) -> String {
        let mut text = format!(
            "they agree on {:.2} % of {} items (Cohen's kappa {:.4})\n",
            100.0 * self.share,
            self.count,
            self.kappa
        );
        if let Some(right) = self.right {
            text.push_str(&format!(
                "both right {}, left only {}, right only {}, neither {}\n",
                right.both, right.left_only, right.right_only, right.neither
            ));
        }
        let mut table = vec![["left says", "right says", "items"].map(str::to_owned).to_vec()];
        for pair in self.differences.iter().take(rows) {
            table.push(vec![pair.gold.clone(), pair.predicted.clone(), pair.count.to_string()]);
        }
        if table.len() > 1 {
            text.push_str(&crate::report::table(&table));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<Prediction> {
        // id, gold and label as `1ab`.
        let row = |word: &str| {
            let letters: Vec<String> = word.chars().map(String::from).collect();
            Prediction {
                id: Some(letters[0].clone()),
                gold: Some(letters[1].clone()),
                label: letters[2].clone(),
                ..Default::default()
            }
        };
        text.split_whitespace().map(row).collect()
    }

    #[test]
    fn by_hand() {
        let found = agreement_of(&rows("1aa 2aa 3bb 4ba"), &rows("4bb 3bb 2aa 1ab")).unwrap();
        // Left: a a b a, right: b a b b; they agree on 2 of 4; chance (3*1 + 1*3) / 16.
        assert!((found.share - 0.5).abs() < 1e-12 && (found.kappa - (0.5 - 0.375) / 0.625).abs() < 1e-12, "{found:?}");
        assert_eq!(found.right, Some(Right { both: 2, left_only: 1, right_only: 1, neither: 0 }));
        assert_eq!(found.differences.len(), 1);
        assert_eq!(found.differences[0].count, 2);
        assert!(found.to_text(5).contains("both right 2, left only 1, right only 1, neither 0"));
    }

    #[test]
    fn other_items_are_refused() {
        let message = agreement_of(&rows("1aa 2aa"), &rows("1aa 3aa")).unwrap_err().to_string();
        assert!(message.contains("the item `2` is missing"), "{message}");
        let message = agreement_of(&rows("1aa"), &rows("1ba")).unwrap_err().to_string();
        assert!(message.contains("gold label of the item `1` is b, but a"), "{message}");
    }

    #[test]
    fn one_label_only_is_full_agreement() {
        let one = ["x".to_owned(), "x".to_owned()];
        assert_eq!(agreement(&one, &one).unwrap().kappa, 1.0);
    }
}
