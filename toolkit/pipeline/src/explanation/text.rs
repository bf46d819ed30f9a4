//! An explanation as plain text: the strongest words stand in brackets, so that it can be read without
//! colours.

use std::fmt::Write;

use super::{ExplainedText, Explanation, Word, side};
use crate::report::Side;

/// So many words in the table below a text.
const TABLE: usize = 10;
/// So many confused pairs.
const PAIRS: usize = 10;

impl Explanation {
    /// The explanation for a terminal.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        if let Some(labelled) = &self.labelled {
            text.push_str(&labelled.report.to_text());
            let _ = writeln!(text, "mean loss: {:.4}\n\nmost confused (gold -> predicted)", labelled.mean_loss);
            for pair in labelled.most_confused.iter().take(PAIRS) {
                let _ = writeln!(text, "{:>5}  {} -> {}", pair.count, plain(&pair.gold), plain(&pair.predicted));
            }
            if labelled.most_confused.is_empty() {
                text.push_str("    0  no label was taken for another\n");
            }
            let _ = writeln!(text, "\ntop losses\n");
        }
        let table = self.labelled.is_none();
        let texts: Vec<String> = self.texts.iter().map(|one| one.to_text(table)).collect();
        text.push_str(&texts.join("\n"));
        text.push_str(
            "\n[word +] speaks for the label, [word -] against it, [word ~] to neither side clearly; the strongest are \
             marked twice",
        );
        if let Some(page) = &self.page {
            let _ = write!(text, "\npage: {}", page.display());
        }
        text
    }
}

impl ExplainedText {
    fn to_text(&self, table: bool) -> String {
        let mut text = format!("{}\n ", plain(&self.verdict()));
        for word in self.words.iter().filter(|word| !word.special) {
            if word.spaced {
                text.push(' ');
            }
            text.push_str(&marked(word));
        }
        text.push('\n');
        if self.unexplained() > 0 {
            let _ = writeln!(text, "  (the text is long: {} words are not explained)", self.unexplained());
        }
        if table {
            text.push_str(&self.table());
        }
        text
    }

    fn table(&self) -> String {
        let words = self.strongest(TABLE);
        let width = words.iter().map(|(word, _)| plain(&word.word).chars().count()).max().unwrap_or(0).max(4);
        let mut table = format!("\n  {:<width$}  attention   push\n", "word");
        for (word, score) in words {
            let _ = writeln!(table, "  {:<width$}  {:>9.2}  {:>+5.2}", plain(&word.word), score.attention, score.push);
        }
        table
    }
}

/// A word with its sign: twice for the strongest ones, none for the weak ones.
fn marked(word: &Word) -> String {
    let text = plain(&word.word);
    let Some(score) = word.score else { return text };
    let sign = match side(score) {
        Side::For => "+",
        Side::Against => "-",
        Side::Unclear => "~",
    };
    match score.attention {
        strength if strength >= 0.6 => format!("[{text} {sign}{sign}]"),
        strength if strength >= 0.3 => format!("[{text} {sign}]"),
        _ => text,
    }
}

/// Text that cannot move the cursor of a terminal.
fn plain(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use glossa_recipes::explanation::Score;

    use super::*;

    #[test]
    fn strong_words_are_marked() {
        let check = |attention: f64, push: f64, expected: &str| {
            let score = Some(Score { attention, push });
            let word = Word { word: "a\u{1b}b".to_owned(), score, special: false, spaced: true, pieces: [0, 1] };
            assert_eq!(marked(&word), expected);
        };
        check(1.0, 0.5, "[a b ++]");
        check(0.7, -0.5, "[a b --]");
        check(0.4, -0.5, "[a b -]");
        check(1.0, 0.1, "[a b ~~]");
        check(0.1, 1.0, "a b");
    }
}
