//! One document, and the cleaning that every text gets, whatever its source.

use serde::{Deserialize, Serialize};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// One text of a corpus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// What identifies it in its source: a page id, the source's own `id`, or `file-stem:line`. The
    /// split depends on it.
    pub id: String,
    /// Title, where the source has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The text, one paragraph a line.
    pub text: String,
}

/// Cleans a text for storage: NFC, control characters and soft hyphens removed, white space collapsed
/// within each line, empty lines removed. Joiners (U+200C, U+200D) stay: several scripts need them.
pub fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for line in text.split(['\n', '\u{85}', '\u{2028}', '\u{2029}']) {
        let before = cleaned.len();
        for word in line.split_whitespace() {
            push_word(&mut cleaned, word, before);
        }
        if cleaned.len() > before {
            cleaned.push('\n');
        }
    }
    cleaned.truncate(cleaned.trim_end().len());
    match is_nfc_quick(cleaned.chars()) {
        IsNormalized::Yes => cleaned,
        _ => cleaned.nfc().collect(),
    }
}

/// Appends a word's visible characters, after a space unless it opens the line at `line_start`.
fn push_word(cleaned: &mut String, word: &str, line_start: usize) {
    let mut visible = word.chars().filter(|&symbol| !is_noise(symbol)).peekable();
    if visible.peek().is_none() {
        return;
    }
    if cleaned.len() > line_start {
        cleaned.push(' ');
    }
    cleaned.extend(visible);
}

/// Control characters, the soft hyphen, the byte order mark, and the two non-characters beside it.
fn is_noise(symbol: char) -> bool {
    symbol.is_control() || matches!(symbol, '\u{ad}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}
