//! Generated pieces back to readable text.

use super::{CAPITALISED, FIELD, NEW_LINE, REPEATED, REPEATED_WORD, UNKNOWN, UPPER};
use unicode_normalization::UnicodeNormalization;

/// The most copies that one `xxrep` or `xxwrep` gives: a model may write any number.
const MOST: usize = 1000;

/// Resolves the special words of all presets and closes the spaces that the rules opened:
/// `xxmaj it is xxrep 4 ! ` is `It is!!!!`. What the rules lost (an inner capital, a space before
/// `#` or `/`) stays lost; broken sequences lose their special word alone.
pub fn undo(text: &str) -> String {
    let mut writer = Writer::default();
    let mut words = text.split_whitespace().peekable();
    while let Some(word) = words.next() {
        match word {
            "xxbos" | "xxeos" | "xxpad" => {}
            FIELD => {
                words.next_if(|number| number.parse::<u32>().is_ok());
            }
            UNKNOWN | "<unk>" => writer.word("\u{fffd}"),
            NEW_LINE => writer.line(),
            CAPITALISED => writer.pending = Some(Pending::Capitalised),
            UPPER => writer.pending = Some(Pending::Upper),
            REPEATED | REPEATED_WORD => {
                let count = words.next_if(|number| number.parse::<usize>().is_ok()).and_then(|text| text.parse().ok());
                if let (Some(count), Some(repeated)) = (count, words.peek()) {
                    writer.repeat(repeated, word == REPEATED_WORD, usize::min(count, MOST));
                    words.next();
                }
            }
            other => writer.word(other),
        }
    }
    writer.text
}

/// What the next word becomes.
enum Pending {
    Capitalised,
    Upper,
}

#[derive(Default)]
struct Writer {
    text: String,
    pending: Option<Pending>,
    /// The next word follows without a space.
    glued: bool,
}

impl Writer {
    fn word(&mut self, word: &str) {
        let glues = matches!(word, "/" | "#");
        if word == "/" {
            self.glued = true;
        }
        let cased = match self.pending.take() {
            Some(Pending::Upper) => word.to_uppercase().nfc().collect(),
            Some(Pending::Capitalised) => capitalise(word),
            None => word.to_owned(),
        };
        self.space();
        self.text.push_str(&cased);
        self.glued = glues;
    }

    fn space(&mut self) {
        if !self.glued && !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push(' ');
        }
    }

    fn repeat(&mut self, unit: &str, word: bool, count: usize) {
        if word {
            (0..count).for_each(|_| self.word(unit));
        } else {
            // The rule cuts letters and punctuation out of a word more often than it finds them
            // alone; pictures stand alone.
            self.glued |= !unit.chars().all(is_picture);
            self.word(&unit.repeat(if unit.chars().nth(1).is_none() { count } else { 1 }));
        }
    }

    fn line(&mut self) {
        self.text.push('\n');
        self.glued = false;
    }
}

/// Arrows, symbols and emoji.
fn is_picture(character: char) -> bool {
    matches!(character, '\u{2190}'..='\u{2bff}' | '\u{1f000}'..)
}

/// The first letter in capitals, composed with its marks: `i̇stanbul` is `İstanbul`.
fn capitalise(word: &str) -> String {
    let mut characters = word.chars();
    let Some(first) = characters.next() else { return String::new() };
    first.to_uppercase().chain(characters).nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readable() {
        let check = |text: &str, expected: &str| assert_eq!(undo(text), expected);
        check("xxbos xxmaj hello xxup big world", "Hello BIG world");
        check("xxbos xxfld 1 title xxfld 2 body", "title body");
        check("so good xxrep 6 !", "so good!!!!!!");
        check("y xxrep 4 a y", "yaaaa y");
        check("xxmaj i\u{307}stanbul xxup οδος", "İstanbul ΟΔΟΣ");
        check("xxwrep 3 no xxmaj way", "no no no Way");
        check("# tag and / or", "#tag and/or");
        check("one xxnl two", "one\ntwo");
        check("xxup xxrep 3 a", "AAA");
        check("a xxunk b", "a \u{fffd} b");
        check("xxrep", "");
        check("xxrep x y", "x y");
        check("xxrep 5", "");
        check("xxmaj", "");
        assert!(undo("xxrep 999999999 a xxwrep 999999999 b").len() <= 4 * MOST);
    }
}
