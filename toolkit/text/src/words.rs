//! What a word is, for scores that must not depend on the tokenizer.

use unicode_segmentation::UnicodeSegmentation;

/// The number of words of a text for word-level perplexity: its runs of characters between white
/// space, before any rule. Every tokenizer and rule set is divided by the same number.
pub fn count(text: &str) -> u64 {
    text.split_whitespace().count() as u64
}

/// The words of a text by the Unicode standard (UAX 29), without punctuation and spaces, for
/// word-based baselines. Japanese, Chinese and Thai come out character by character.
pub fn segment(text: &str) -> Vec<&str> {
    text.unicode_words().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_between_white_space() {
        for (text, expected) in [("", 0), (" \n\t", 0), ("one", 1), (" a\u{a0}b\nc ", 3), ("don't, stop", 2)] {
            assert_eq!(count(text), expected, "{text:?}");
        }
    }

    #[test]
    fn words_of_the_standard() {
        assert_eq!(segment("It can't cost 3.50!"), ["It", "can't", "cost", "3.50"]);
        assert_eq!(segment("Ça va? Très bien."), ["Ça", "va", "Très", "bien"]);
        assert!(segment(" ... ").is_empty());
    }
}
