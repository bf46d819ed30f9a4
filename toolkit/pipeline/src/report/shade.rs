//! Words with a shade behind each: the stronger the shade, the more the word matters; blue speaks for
//! something, orange against it, grey for neither side. A line below the stronger words (whole, broken,
//! dotted) says the same without colour.

use std::fmt::Write;

use super::escape;

/// Words from here on are underlined.
const STRONG: f64 = 0.3;
/// How dark a word of strength 1 is: what stands on it must stay readable.
const DARKEST: f64 = 0.62;

/// What a word speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// For what the text is shaded by.
    For,
    /// Against it.
    Against,
    /// It matters, but not clearly to one side.
    Unclear,
}

impl Side {
    fn class(self) -> &'static str {
        match self {
            Side::For => "to",
            Side::Against => "away",
            Side::Unclear => "both",
        }
    }
}

/// A word of a shaded text.
pub struct ShadedWord {
    /// The word.
    pub text: String,
    /// From 0, no shade, to 1.
    pub strength: f64,
    /// What it speaks for.
    pub side: Side,
    /// Whether it is not part of the text itself.
    pub dim: bool,
    /// Whether a space stands before it.
    pub spaced: bool,
    /// What is said when the reader points at it.
    pub remark: String,
}

/// A paragraph of shaded words; right-to-left where the text is.
pub(super) fn paragraph(words: &[ShadedWord]) -> String {
    let mut html = "<p class=\"shaded\" dir=\"auto\">".to_owned();
    for (index, word) in words.iter().enumerate() {
        if index > 0 && word.spaced {
            html.push(' ');
        }
        html.push_str(&span(word));
    }
    html.push_str("</p>\n");
    html
}

fn span(word: &ShadedWord) -> String {
    let strength = if word.strength.is_finite() { word.strength.clamp(0.0, 1.0) } else { 0.0 };
    let mut classes = vec![word.side.class()];
    if strength >= STRONG {
        classes.push("strong");
    }
    if word.dim {
        classes.push("dim");
    }
    let mut html = format!("<span class=\"{}\" style=\"--s:{:.2}\"", classes.join(" "), DARKEST * strength);
    if !word.remark.is_empty() {
        let _ = write!(html, " title=\"{}\"", escape(&word.remark));
    }
    let _ = write!(html, ">{}</span>", escape(&word.text));
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str, strength: f64) -> ShadedWord {
        let (text, remark) = (text.to_owned(), "a \"b\"".to_owned());
        let side = if strength > 0.5 { Side::Against } else { Side::For };
        ShadedWord { text, strength, side, dim: false, spaced: true, remark }
    }

    #[test]
    fn strength_is_a_shade_and_a_line() {
        let html = paragraph(&[word("<a>", 0.1), word("b", 1.0), ShadedWord { spaced: false, ..word("c", f64::NAN) }]);
        assert!(html.contains("<span class=\"to\" style=\"--s:0.06\" title=\"a &quot;b&quot;\">&lt;a&gt;</span> <"));
        assert!(html.contains("<span class=\"away strong\" style=\"--s:0.62\""));
        assert!(html.contains("</span><span class=\"to\" style=\"--s:0.00\""), "{html}");
    }
}
