//! The fixes: what changes a text without judging it. They take linear time on any input.

use glossa_languages::Cleaning;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::mojibake;
use crate::summary::Step;

/// Which fixes are on. White space is always brought in order, as a corpus has one paragraph a line.
#[derive(Clone, Copy)]
pub(crate) struct Fixes {
    mojibake: bool,
    hidden_characters: bool,
    nfc: bool,
}

/// A text before and after a fix that changed it.
pub(crate) struct Change {
    pub(crate) step: Step,
    pub(crate) before: String,
    pub(crate) after: String,
}

/// Cleans a text with every fix on: broken encodings repaired, hidden characters removed, white space
/// collapsed within each line, empty lines removed, NFC. Joiners (U+200C, U+200D) stay: several scripts
/// need them.
pub fn clean(text: &str) -> String {
    Fixes::of(&Cleaning::default()).apply(text).0
}

impl Fixes {
    pub(crate) fn of(settings: &Cleaning) -> Self {
        Fixes { mojibake: settings.mojibake, hidden_characters: settings.hidden_characters, nfc: settings.nfc }
    }

    /// The fixed text, and each fix that changed it, save white space, which is hardly ever news.
    pub(crate) fn apply(self, text: &str) -> (String, Vec<Change>) {
        let mut changes = Vec::new();
        let mut change = |step, before: &str, after: &str| {
            changes.push(Change { step, before: before.to_owned(), after: after.to_owned() });
        };
        let repaired = if self.mojibake { mojibake::repair(text) } else { None };
        if let Some(repaired) = &repaired {
            change(Step::Mojibake, text, repaired);
        }
        let text = repaired.as_deref().unwrap_or(text);
        let spaced = self.rewrite(text);
        if self.hidden_characters && text.chars().any(is_hidden) {
            change(Step::HiddenCharacters, text, &spaced);
        }
        if !self.nfc || is_nfc_quick(spaced.chars()) == IsNormalized::Yes {
            return (spaced, changes);
        }
        let composed: String = spaced.nfc().collect();
        if composed != spaced {
            change(Step::Nfc, &spaced, &composed);
        }
        (composed, changes)
    }

    /// White space collapsed within lines, empty lines removed, hidden characters left out.
    fn rewrite(self, text: &str) -> String {
        let mut cleaned = String::with_capacity(text.len());
        for line in text.split(['\n', '\u{85}', '\u{2028}', '\u{2029}']) {
            let before = cleaned.len();
            for word in line.split_whitespace() {
                self.push_word(&mut cleaned, word, before);
            }
            if cleaned.len() > before {
                cleaned.push('\n');
            }
        }
        cleaned.truncate(cleaned.trim_end().len());
        cleaned
    }

    /// Appends a word's visible characters, after a space unless it opens the line at `line_start`.
    fn push_word(self, cleaned: &mut String, word: &str, line_start: usize) {
        let mut visible = word.chars().filter(|&symbol| !(self.hidden_characters && is_hidden(symbol))).peekable();
        if visible.peek().is_none() {
            return;
        }
        if cleaned.len() > line_start {
            cleaned.push(' ');
        }
        cleaned.extend(visible);
    }
}

/// Control characters (white space is none of them here), the soft hyphen, the byte order mark and the two
/// non-characters beside it, and the marks that change the direction of writing.
fn is_hidden(symbol: char) -> bool {
    match symbol {
        '\u{ad}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => true,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        _ => symbol.is_control() && !symbol.is_whitespace(),
    }
}
