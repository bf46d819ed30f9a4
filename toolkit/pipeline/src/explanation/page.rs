//! An explanation as a page: words shaded by their part in the decision.

use super::{ExplainedText, Explanation, Labelled, Word, side};
use crate::report::{Page, ShadedWord, Side};
use crate::stage::name_of;

const TABLE: usize = 10;
const PAIRS: usize = 20;
/// A confusion matrix of more labels is too wide to read.
const LABELS: usize = 20;

/// The whole page.
pub(super) fn page(explanation: &Explanation) -> String {
    let name = name_of(&explanation.model);
    let lead = match &explanation.labelled {
        Some(labelled) => format!(
            "Where the classifier {name} goes wrong on the {} texts of {}, and which words moved it.",
            labelled.report.metrics.count,
            name_of(&labelled.file)
        ),
        None => format!("Which words moved the classifier {name} to its labels."),
    };
    let mut page = Page::new(&format!("glossa explain: {name}"), &lead);
    if let Some(labelled) = &explanation.labelled {
        overview(&mut page, labelled);
    }
    page.section("How to read the shades").shaded(&legend());
    page.paragraph(
        "The stronger the shade, the more the probability of the label hangs on the word. Blue words with a whole line \
         speak for the label, orange words with a broken line against it, grey words with a dotted line to neither \
         side clearly. Small letters are marks of the text rules.",
    );
    page.note(
        "Strength is intrinsic attention: the gradient of the probability with respect to the word's embeddings, \
         absolute, summed, as a share of the largest in the text. The colour is the sign of gradient times embedding, \
         grey where that is less than a fifth of the largest. Both say what this model reacts to at this very text; \
         what would happen without the word can be another thing.",
    );
    if explanation.labelled.is_some() {
        page.section("Top losses");
        page.paragraph("The texts whose right label the classifier thought least likely, worst first.");
    }
    for (index, text) in explanation.texts.iter().enumerate() {
        one(&mut page, index + 1, text, explanation.labelled.is_some());
    }
    page.finish()
}

fn overview(page: &mut Page, labelled: &Labelled) {
    let row = |score: &glossa_eval::Score| {
        let interval = score.interval.map(|both| format!("{:.3} - {:.3}", both.low, both.high)).unwrap_or_default();
        vec![score.metric.clone(), format!("{:.3}", score.value), interval]
    };
    let mut rows: Vec<Vec<String>> = labelled.report.scores.iter().map(row).collect();
    rows.push(vec!["mean loss".to_owned(), format!("{:.3}", labelled.mean_loss), String::new()]);
    page.section("Scores").table(&["score", "value", "95 % interval"], &rows);
    confused(page, labelled);
    let confusion = &labelled.report.confusion;
    page.section("Confusion matrix");
    if confusion.labels.len() > LABELS {
        page.paragraph(&format!("{} labels are too many for a table; --json has the matrix.", confusion.labels.len()));
        return;
    }
    page.note("Rows: right labels. Columns: predicted labels.");
    let head: Vec<&str> = std::iter::once("").chain(confusion.labels.iter().map(String::as_str)).collect();
    let row = |(label, counts): (&String, &Vec<u64>)| {
        std::iter::once(label.clone()).chain(counts.iter().map(u64::to_string)).collect::<Vec<String>>()
    };
    let rows: Vec<Vec<String>> = confusion.labels.iter().zip(&confusion.counts).map(row).collect();
    page.table(&head, &rows);
}

fn confused(page: &mut Page, labelled: &Labelled) {
    page.section("Most confused");
    if labelled.most_confused.is_empty() {
        page.paragraph("No label was taken for another.");
        return;
    }
    let row = |pair: &glossa_eval::Confused| vec![pair.gold.clone(), pair.predicted.clone(), pair.count.to_string()];
    let rows: Vec<Vec<String>> = labelled.most_confused.iter().take(PAIRS).map(row).collect();
    page.table(&["right label", "taken for", "times"], &rows);
    let more = labelled.most_confused.len().saturating_sub(PAIRS);
    if more > 0 {
        page.note(&format!("And {more} more pairs."));
    }
}

fn one(page: &mut Page, number: usize, text: &ExplainedText, short: bool) {
    page.section(&format!("{number}. {}", text.verdict()));
    page.shaded(&text.words.iter().map(shaded).collect::<Vec<_>>());
    if text.unexplained() > 0 {
        page.note(&format!("The text is long: {} words are not explained.", text.unexplained()));
    }
    if short {
        return;
    }
    let row = |(word, score): (&Word, glossa_recipes::explanation::Score)| {
        vec![word.word.clone(), format!("{:.2}", score.attention), format!("{:.2}", score.push)]
    };
    let rows: Vec<Vec<String>> = text.strongest(TABLE).into_iter().map(row).collect();
    page.table(&["word", "attention", "push"], &rows);
}

fn shaded(word: &Word) -> ShadedWord {
    let (strength, side, remark) = match word.score {
        Some(score) => {
            let remark = format!("attention {:.2}, push {:+.2}", score.attention, score.push);
            (score.attention, side(score), remark)
        }
        None => (0.0, Side::Unclear, String::new()),
    };
    ShadedWord { text: word.word.clone(), strength, side, dim: word.special, spaced: word.spaced, remark }
}

/// Words that say what their own shade means.
fn legend() -> Vec<ShadedWord> {
    let word = |text: &str, strength: f64, side: Side| ShadedWord {
        text: text.to_owned(),
        strength,
        side,
        dim: false,
        spaced: true,
        remark: String::new(),
    };
    vec![
        word("strongly for", 1.0, Side::For),
        word("for", 0.5, Side::For),
        word("a little for", 0.15, Side::For),
        word("without weight", 0.0, Side::Unclear),
        word("a little against", 0.15, Side::Against),
        word("against", 0.5, Side::Against),
        word("strongly against", 1.0, Side::Against),
        word("strongly, to neither side", 1.0, Side::Unclear),
    ]
}
