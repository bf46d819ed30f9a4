//! Which word a piece belongs to, from the bytes that both stand for.

use std::ops::Range;

/// The ids of words, special ids around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// The ids, in order.
    pub ids: Vec<u32>,
    /// For each id its word, from 0; none for special ids and for pieces outside of all words.
    pub word_of: Vec<Option<usize>>,
}

impl Words {
    /// For each of `count` words the place of its first piece in [`Words::ids`]; none where it has no piece.
    pub fn first_pieces(&self, count: usize) -> Vec<Option<usize>> {
        let mut first = vec![None; count];
        for (place, word) in self.word_of.iter().enumerate() {
            if let Some(slot) = word.and_then(|word| first.get_mut(word)) {
                slot.get_or_insert(place);
            }
        }
        first
    }
}

/// A piece of a running text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedPiece {
    /// Its id.
    pub id: u32,
    /// The bytes of the text that it stands for, on character boundaries. Spaces before a word may be in it, and it
    /// may be empty; pieces that are parts of one character share its bytes.
    pub range: Range<usize>,
    /// The word that it belongs to, from 0; none for white space behind the last word.
    pub word: Option<usize>,
}

/// The words with a space before each but the first, and where each stands.
pub(super) fn joined(words: &[&str]) -> (String, Vec<Range<usize>>) {
    let mut text = String::with_capacity(words.iter().map(|word| word.len() + 1).sum());
    let mut ranges = Vec::with_capacity(words.len());
    for word in words {
        if !text.is_empty() && !word.is_empty() {
            text.push(' ');
        }
        ranges.push(text.len()..text.len() + word.len());
        text.push_str(word);
    }
    (text, ranges)
}

/// What white space separates.
pub(super) fn words(text: &str) -> Vec<Range<usize>> {
    let (mut words, mut begin) = (Vec::new(), None);
    for (place, character) in text.char_indices() {
        match (character.is_whitespace(), begin) {
            (true, Some(start)) => {
                words.push(start..place);
                begin = None;
            }
            (false, None) => begin = Some(place),
            _ => {}
        }
    }
    words.extend(begin.map(|start| start..text.len()));
    words
}

/// The word that a piece belongs to: the one that holds its first byte that is not white space. A piece of white
/// space alone, or of nothing, belongs to the word that it stands in or else before.
pub(super) fn word_at(text: &str, words: &[Range<usize>], piece: &Range<usize>) -> Option<usize> {
    let covered = text.get(piece.clone()).unwrap_or_default();
    let visible = covered.trim_start();
    let place = if visible.is_empty() { piece.start } else { piece.end - visible.len() };
    let next = words.partition_point(|word| word.end <= place);
    let word = words.get(next)?;
    (visible.is_empty() || word.start < piece.end).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_text() {
        let check = |text: &str, expected: &[&str]| {
            let found: Vec<&str> = words(text).into_iter().map(|range| &text[range]).collect();
            assert_eq!(found, expected, "{text:?}");
        };
        check("", &[]);
        check(" \n", &[]);
        check("a", &["a"]);
        check("  né\u{a0}b\u{3000}漢字. ", &["né", "b", "漢字."]);
    }

    #[test]
    fn joined_words_stand_where_they_say() {
        let words = ["né", "", "New York", "漢"];
        let (text, ranges) = joined(&words);
        assert_eq!(text, "né New York 漢");
        for (word, range) in words.iter().zip(ranges) {
            assert_eq!(&text[range], *word);
        }
        assert_eq!(joined(&["", "a"]), ("a".to_owned(), vec![0..0, 0..1]));
    }

    #[test]
    fn a_piece_has_the_word_of_its_first_visible_byte() {
        let text = "ab  cd.e f ";
        let words = [0..2, 4..6, 6..7, 9..10];
        let check = |piece: Range<usize>, expected: Option<usize>| {
            assert_eq!(word_at(text, &words, &piece), expected, "{piece:?}");
        };
        check(0..0, Some(0));
        check(0..1, Some(0));
        check(1..2, Some(0));
        check(1..1, Some(0));
        check(2..3, Some(1));
        check(2..5, Some(1));
        check(3..6, Some(1));
        check(5..7, Some(1));
        check(6..7, Some(2));
        check(7..8, None);
        check(8..10, Some(3));
        check(10..11, None);
        check(11..11, None);
        check(90..95, None);
    }

    #[test]
    fn first_pieces_of_words() {
        let words = Words { ids: vec![9; 6], word_of: vec![None, Some(0), Some(0), Some(2), Some(2), None] };
        assert_eq!(words.first_pieces(4), [Some(1), None, Some(3), None]);
    }
}
