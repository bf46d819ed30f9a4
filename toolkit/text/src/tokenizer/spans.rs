//! Pieces joined to the words that a person reads, for showing numbers of pieces. A word of the rules
//! goes to the word that it marks: `xxmaj`, `hel`, `lo` are `Hello`. This is not a way to get the text
//! back: [`Tokenizer::decode`] is.

use std::ops::Range;

use super::Tokenizer;
use crate::{Error, rules};

/// A word of a tokenized text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WordSpan {
    /// Its pieces, those of its marks among them.
    pub pieces: Range<usize>,
    /// As a person reads it, with capitals and repetitions; a special word that marks none, such as
    /// `xxbos`, by its name.
    pub text: String,
    /// Whether it is such a special word, which the text does not hold.
    pub special: bool,
    /// Whether a space stands before it.
    pub spaced: bool,
}

/// What SentencePiece writes for a space.
const SPACE: char = '\u{2581}';

impl Tokenizer {
    /// The words of a text's pieces: each begins at a piece with U+2581, or at any piece of a script
    /// without spaces (Chinese, Japanese, Thai and their neighbours).
    ///
    /// # Errors
    /// Ids outside the vocabulary.
    pub fn words(&self, ids: &[u32]) -> Result<Vec<WordSpan>, Error> {
        let pieces: Vec<&str> = ids.iter().map(|&id| self.piece(id).unwrap_or_default()).collect();
        joined(&pieces).into_iter().map(|span| self.word(ids, &pieces, span)).collect()
    }

    fn word(&self, ids: &[u32], pieces: &[&str], span: Range<usize>) -> Result<WordSpan, Error> {
        let (ids, names) =
            (ids.get(span.clone()).unwrap_or_default(), pieces.get(span.clone()).unwrap_or_default().concat());
        let text = self.decode(ids)?.trim().to_owned();
        let special = text.is_empty();
        let spaced = special || names.starts_with(SPACE);
        let text = if special { names.replace(SPACE, " ").trim().to_owned() } else { text };
        Ok(WordSpan { pieces: span, text, special, spaced })
    }
}

/// The pieces of each word, marks with what they mark.
fn joined(pieces: &[&str]) -> Vec<Range<usize>> {
    let mut words: Vec<Range<usize>> = Vec::new();
    let mut wanted = 0;
    for span in unmarked(pieces) {
        let name = pieces.get(span.clone()).unwrap_or_default().concat();
        match words.last_mut() {
            Some(last) if wanted > 0 => {
                last.end = span.end;
                wanted -= 1;
            }
            _ => words.push(span),
        }
        wanted += marked(name.trim_start_matches(SPACE));
    }
    words
}

/// How many words behind it a special word belongs to: `xxrep 4 a` is three words.
fn marked(name: &str) -> usize {
    match name {
        rules::CAPITALISED | rules::UPPER | rules::FIELD => 1,
        rules::REPEATED | rules::REPEATED_WORD => 2,
        _ => 0,
    }
}

/// The pieces of each word, every special word on its own.
fn unmarked(pieces: &[&str]) -> Vec<Range<usize>> {
    let mut words: Vec<Range<usize>> = Vec::new();
    // A space alone belongs to what follows; after a special word nothing can be glued to it.
    let (mut bare, mut closed) = (false, true);
    for (index, piece) in pieces.iter().enumerate() {
        let name = piece.trim_start_matches(SPACE);
        let begins = closed || special(name) || (!bare && (piece.starts_with(SPACE) || stands_alone(name)));
        match words.last_mut() {
            Some(last) if !begins || bare => last.end = index + 1,
            _ => words.push(index..index + 1),
        }
        bare = name.is_empty();
        closed = special(name);
    }
    words
}

fn special(name: &str) -> bool {
    let all = [
        rules::BEGIN,
        rules::FIELD,
        rules::PADDING,
        rules::UNKNOWN,
        rules::CAPITALISED,
        rules::UPPER,
        rules::REPEATED,
        rules::REPEATED_WORD,
        rules::NEW_LINE,
        "xxeos",
    ];
    all.contains(&name)
}

/// Whether a piece is of a script that writes no spaces between words.
fn stands_alone(name: &str) -> bool {
    let first = name.chars().next().unwrap_or(' ');
    matches!(
        first,
        '\u{0e00}'..='\u{0eff}' // Thai, Lao
        | '\u{1000}'..='\u{109f}' // Burmese
        | '\u{1780}'..='\u{17ff}' // Khmer
        | '\u{2e80}'..='\u{9fff}' // Han, kana and their signs
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_joined_to_words() {
        let check = |text: &str, expected: &[&str]| {
            let pieces: Vec<&str> = text.split(' ').collect();
            let words: Vec<String> = joined(&pieces).into_iter().map(|span| pieces[span].join(" ")).collect();
            assert_eq!(words, expected, "{text}");
        };
        check("▁xxbos ▁hel lo ▁you", &["▁xxbos", "▁hel lo", "▁you"]);
        check("▁xxbos ▁xxmaj ▁hel lo , ▁you", &["▁xxbos", "▁xxmaj ▁hel lo ,", "▁you"]);
        check("▁so ▁xxrep ▁4 ▁! ▁good", &["▁so", "▁xxrep ▁4 ▁!", "▁good"]);
        check("▁xxup ▁xxrep ▁3 ▁a ▁b", &["▁xxup ▁xxrep ▁3 ▁a", "▁b"]);
        check("▁xxwrep ▁3 ▁no ▁way", &["▁xxwrep ▁3 ▁no", "▁way"]);
        check("▁xxbos ▁xxfld ▁1 ▁a", &["▁xxbos", "▁xxfld ▁1", "▁a"]);
        // Models whose special words have no space, and spaces of their own.
        check("xxbos ▁ xxmaj ▁hel lo", &["xxbos", "▁ xxmaj ▁hel lo"]);
        check("▁ ▁a ▁ , b", &["▁ ▁a", "▁ , b"]);
        check("▁天気 が いい ▁abc", &["▁天気", "が", "いい", "▁abc"]);
        check("lo ▁a", &["lo", "▁a"]);
        check("▁xxmaj", &["▁xxmaj"]);
        assert!(joined(&[]).is_empty());
    }
}
