//! What a word and a sentence are, for scores and statistics that must not depend on the tokenizer.

use icu_segmenter::WordSegmenter;
use icu_segmenter::options::WordBreakInvariantOptions;
use unicode_segmentation::UnicodeSegmentation;

/// The number of words of a text for word-level perplexity: its runs of characters between white
/// space, before any rule. Every tokenizer and rule set is divided by the same number.
pub fn count(text: &str) -> u64 {
    text.split_whitespace().count() as u64
}

/// The words of a text by the Unicode standard (UAX 29), without punctuation and spaces, for
/// word-based baselines. Japanese, Chinese and Thai come out character by character; for those,
/// [`segment_unspaced`] is the answer.
pub fn segment(text: &str) -> Vec<&str> {
    text.unicode_words().collect()
}

/// The words of a text that writes no spaces between them: Japanese and Chinese by a dictionary, Thai,
/// Khmer, Lao and Burmese by a small neural network, all others as [`segment`] has them.
pub fn segment_unspaced(text: &str) -> Vec<&str> {
    let segmenter = WordSegmenter::new_auto(WordBreakInvariantOptions::default());
    let mut start = 0;
    let mut words = Vec::new();
    for (end, kind) in segmenter.segment_str(text).iter_with_word_type() {
        if kind.is_word_like() {
            words.extend(text.get(start..end));
        }
        start = end;
    }
    words
}

/// The sentences of a text by the Unicode standard (UAX 29). An abbreviation such as "Dr." ends one.
pub fn sentences(text: &str) -> Vec<&str> {
    text.unicode_sentences().map(str::trim).filter(|sentence| !sentence.is_empty()).collect()
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

    #[test]
    fn words_without_spaces() {
        for (text, expected) in [
            ("こんにちは世界。", &["こんにちは", "世界"][..]),
            ("我们喜欢北京。", &["我们", "喜欢", "北京"]),
            ("ภาษาไทยง่าย", &["ภาษา", "ไทย", "ง่าย"]),
            ("plain words, too", &["plain", "words", "too"]),
            ("", &[]),
        ] {
            assert_eq!(segment_unspaced(text), expected);
        }
        for text in ["ខ្ញុំស្រឡាញ់ភាសាខ្មែរ", "ພາສາລາວ", "မြန်မာဘာသာ"]
        {
            let words = segment_unspaced(text);
            assert!(words.len() > 1 && words.concat() == text, "{words:?}");
        }
    }

    #[test]
    fn sentences_of_the_standard() {
        assert_eq!(sentences("One here. Two there! Three?  "), ["One here.", "Two there!", "Three?"]);
        assert_eq!(sentences("これは文です。次の文です。"), ["これは文です。", "次の文です。"]);
        assert!(sentences(" ").is_empty());
    }
}
