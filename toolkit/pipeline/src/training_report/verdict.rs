//! The part of a classifier's report that tells what it gets wrong: the confusion matrix and the texts with
//! the highest losses. The predictions are its caller's.

use glossa_eval::Confusion;
use glossa_recipes::best_class;
use glossa_text::labelled::Example;

use crate::report::{Matrix, Page};

/// Texts that are shown.
const WORST: usize = 20;
/// Characters of a text that are shown.
const SHOWN: usize = 280;
/// A matrix of more labels is not readable; its largest wrong cells are listed instead.
const LARGEST_MATRIX: usize = 30;

/// What a classifier makes of labelled texts.
pub(crate) struct Judged<'a> {
    /// What they are for: `validation` or `test`.
    pub(crate) set: &'a str,
    /// The texts.
    pub(crate) examples: &'a [Example],
    /// Labels in the order of the probabilities.
    pub(crate) labels: &'a [String],
    /// A row a text.
    pub(crate) probabilities: &'a [Vec<f64>],
}

/// A text with what was made of it.
struct Guess<'a> {
    text: &'a str,
    gold: &'a str,
    predicted: &'a str,
    probability: f64,
}

impl<'a> Judged<'a> {
    fn guesses(&self) -> Vec<Guess<'a>> {
        let labels = self.labels;
        let label = |class: usize| labels.get(class).map_or("", String::as_str);
        let guess = |(example, row): (&'a Example, &Vec<f64>)| {
            let right = labels.iter().position(|label| *label == example.label);
            Guess {
                text: &example.text,
                gold: &example.label,
                predicted: label(best_class(row)),
                probability: right.and_then(|class| row.get(class)).copied().unwrap_or(0.0),
            }
        };
        self.examples.iter().zip(self.probabilities).map(guess).collect()
    }
}

pub(super) fn verdict(page: &mut Page, judged: &Judged<'_>) {
    let mut guesses = judged.guesses();
    page.section(&format!("What it gets wrong in the {} set", judged.set));
    confusion(page, &guesses);
    guesses.sort_by(|one, other| one.probability.total_cmp(&other.probability));
    let count = guesses.len().min(WORST);
    page.section(&format!("The {count} texts with the highest loss"));
    page.note(
        "Its chance is the probability that the right label was given; its loss is the negative logarithm of that.",
    );
    let row = |guess: &Guess<'_>| {
        let loss = -guess.probability.max(1e-12).ln();
        let cells = vec![
            guess.gold.to_owned(),
            guess.predicted.to_owned(),
            format!("{:.4}", guess.probability),
            format!("{loss:.2}"),
        ];
        (cells, shortened(guess.text))
    };
    let rows: Vec<(Vec<String>, String)> = guesses.iter().take(WORST).map(row).collect();
    page.remarked_table(&["right label", "predicted", "chance", "loss"], &rows);
}

fn confusion(page: &mut Page, guesses: &[Guess<'_>]) {
    let gold: Vec<String> = guesses.iter().map(|guess| guess.gold.to_owned()).collect();
    let predicted: Vec<String> = guesses.iter().map(|guess| guess.predicted.to_owned()).collect();
    let Ok(confusion) = Confusion::new(&gold, &predicted) else { return };
    let right: u64 = (0..).zip(&confusion.counts).filter_map(|(index, row): (usize, _)| row.get(index)).sum();
    let total = confusion.total();
    page.paragraph(&format!("{right} of {total} are right: {:.1} %.", 100.0 * right as f64 / total.max(1) as f64));
    if confusion.labels.len() > LARGEST_MATRIX {
        return mistakes(page, &confusion);
    }
    page.matrix(&Matrix {
        caption: "Confusion matrix: a row a right label, a column a predicted one. The stronger the colour, the larger \
                  the share of the row; the diagonal is right.",
        down: "right",
        across: "predicted",
        labels: &confusion.labels,
        counts: &confusion.counts,
    });
}

/// The most frequent confusions, where there are too many labels for a matrix.
fn mistakes(page: &mut Page, confusion: &Confusion) {
    let pairs = confusion.labels.iter().zip(&confusion.counts).flat_map(|(gold, row)| {
        confusion.labels.iter().zip(row).map(move |(predicted, count)| (*count, gold, predicted))
    });
    let mut pairs: Vec<_> = pairs.filter(|(count, gold, predicted)| *count > 0 && gold != predicted).collect();
    // Sorting keeps the order of equals, which is that of the labels.
    pairs.sort_by_key(|(count, ..)| std::cmp::Reverse(*count));
    let row = |(count, gold, predicted): &(u64, &String, &String)| {
        vec![(*gold).clone(), (*predicted).clone(), count.to_string()]
    };
    let rows: Vec<Vec<String>> = pairs.iter().take(LARGEST_MATRIX).map(row).collect();
    page.paragraph("The most frequent confusions:").table(&["right label", "predicted", "texts"], &rows);
}

/// A text on one line, cut where it is long.
fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(labels: usize, rows: &[(usize, Vec<f64>)]) -> String {
        let labels: Vec<String> = (0..labels).map(|label| format!("label-{label}")).collect();
        let example =
            |(class, _): &(usize, Vec<f64>)| Example { text: format!("text {class}"), label: labels[*class].clone() };
        let examples: Vec<Example> = rows.iter().map(example).collect();
        let probabilities: Vec<Vec<f64>> = rows.iter().map(|row| row.1.clone()).collect();
        let mut page = Page::new("a", "b");
        verdict(
            &mut page,
            &Judged { set: "test", examples: &examples, labels: &labels, probabilities: &probabilities },
        );
        page.finish()
    }

    #[test]
    fn the_worst_come_first() {
        let html = page(2, &[(0, vec![0.9, 0.1]), (1, vec![0.8, 0.2]), (0, vec![0.6, 0.4])]);
        assert!(html.contains("2 of 3 are right: 66.7 %.") && html.contains("Confusion matrix"));
        let place = |text: &str| html.find(text).unwrap();
        assert!(place("0.2000") < place("0.6000") && place("0.6000") < place("0.9000"));
    }

    #[test]
    fn many_labels_make_a_list() {
        let rows: Vec<(usize, Vec<f64>)> = (0..40).map(|class| (class, vec![1.0; 40])).collect();
        let html = page(40, &rows);
        assert!(!html.contains("Confusion matrix") && html.contains("<td>label-1</td><td>label-0</td>"));
    }

    #[test]
    fn long_texts_are_cut_between_letters() {
        let cut = shortened(&"ñ \n".repeat(400));
        assert_eq!(cut.chars().count(), SHOWN + 1);
        assert!(cut.ends_with('…') && !cut.contains('\n'));
        assert_eq!(shortened("short"), "short");
    }
}
