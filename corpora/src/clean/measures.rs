//! What the filters measure: shares of characters and of repeated lines. Each is one pass over the text.

use std::collections::HashSet;

use unicode_script::Script;

use super::scripts::script_of;

/// Fewer lines are too few to speak of repetition.
const LINES: usize = 4;

/// Shares of a text's characters, white space left out.
pub(super) struct Shares {
    /// Neither a letter, nor a mark of a script, nor a digit.
    pub(super) symbols: f64,
    /// Digits of any script.
    pub(super) digits: f64,
    /// Letters of the language's scripts among all letters; `None` without a letter or a script.
    pub(super) script: Option<f64>,
}

impl Shares {
    pub(super) fn of(text: &str, scripts: &[Script]) -> Self {
        let (mut all, mut symbols, mut digits, mut letters, mut own) = (0_u64, 0_u64, 0_u64, 0_u64, 0_u64);
        for character in text.chars().filter(|character| !character.is_whitespace()) {
            all += 1;
            match script_of(character) {
                Some(script) => {
                    letters += 1;
                    own += u64::from(scripts.contains(&script));
                    digits += u64::from(character.is_numeric());
                }
                None if character.is_numeric() => digits += 1,
                // The long vowel mark of Japanese belongs to two scripts, combining marks to all.
                None => symbols += u64::from(!character.is_alphanumeric() && !is_inherited(character)),
            }
        }
        let script = (letters > 0 && !scripts.is_empty()).then(|| share(own, letters));
        Shares { symbols: share(symbols, all), digits: share(digits, all), script }
    }
}

fn is_inherited(character: char) -> bool {
    use unicode_script::UnicodeScript;
    character.script() == Script::Inherited
}

/// Characters of lines that stood before, among all characters.
pub(super) fn repeated_lines(text: &str) -> f64 {
    if text.split('\n').nth(LINES - 1).is_none() {
        return 0.0;
    }
    let mut seen = HashSet::new();
    let repeated = text.split('\n').filter(|line| !seen.insert(*line)).map(str::len).sum::<usize>();
    share(repeated as u64, text.len() as u64)
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
