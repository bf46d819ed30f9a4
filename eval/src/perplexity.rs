//! Perplexity from a summed negative log-likelihood. It does not decide what a piece, a word or a
//! character is: whoever counts says so beside the figure, since figures over different units
//! cannot be compared.

use serde::{Deserialize, Serialize};

/// `exp(nats / count)`; nothing when the count is 0.
pub fn perplexity(nats: f64, count: u64) -> Option<f64> {
    (count > 0).then(|| (nats / count as f64).exp())
}

/// Bits for each of `count` units, `nats / (count ln 2)`; nothing when the count is 0.
pub fn bits(nats: f64, count: u64) -> Option<f64> {
    (count > 0).then(|| nats / (count as f64 * std::f64::consts::LN_2))
}

/// Words of a text as PolEval 2018 and MultiFiT count them for the perplexity by word: what stands between spaces,
/// and one more for the end of each sentence (line).
pub fn words_with_ends<'a>(sentences: impl IntoIterator<Item = &'a str>) -> u64 {
    sentences.into_iter().map(|sentence| sentence.split_whitespace().count() as u64 + 1).sum()
}

/// The likelihood of a text under a language model, with the sizes of the text in each unit.
/// Sums of parts are sums of the fields.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Likelihood {
    /// Summed negative log-likelihood of all predicted pieces, in nats.
    pub nats: f64,
    /// Predicted pieces (ends of documents included where the model predicts them).
    pub pieces: u64,
    /// Words of the text; for figures to compare with MultiFiT and PolEval, ends of sentences are
    /// counted too.
    pub words: u64,
    /// Characters (Unicode scalar values) of the text.
    pub characters: u64,
}

impl Likelihood {
    /// Perplexity by piece.
    pub fn by_piece(&self) -> Option<f64> {
        perplexity(self.nats, self.pieces)
    }

    /// Perplexity by word: the same likelihood, shared among the words.
    pub fn by_word(&self) -> Option<f64> {
        perplexity(self.nats, self.words)
    }

    /// Perplexity by character: the same likelihood, shared among the characters.
    pub fn by_character(&self) -> Option<f64> {
        perplexity(self.nats, self.characters)
    }

    /// Bits by byte of a text of so many bytes (of UTF-8); nothing when there are none. It favours no script as
    /// bits by character do, but a language whose characters take more bytes.
    pub fn bits_per_byte(&self, bytes: u64) -> Option<f64> {
        bits(self.nats, bytes)
    }

    /// Bits by character; comparable between tokenizers and, with care, languages.
    pub fn bits_per_character(&self) -> Option<f64> {
        bits(self.nats, self.characters)
    }

    /// The likelihood of two texts together.
    pub fn plus(self, other: Self) -> Self {
        Likelihood {
            nats: self.nats + other.nats,
            pieces: self.pieces + other.pieces,
            words: self.words + other.words,
            characters: self.characters + other.characters,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uniform_model_has_its_vocabulary_as_perplexity() {
        let pieces = 12;
        let half = Likelihood { nats: f64::from(pieces) * 8f64.ln(), pieces: 12, words: 4, characters: 18 };
        let whole = half.plus(half);
        assert!((whole.by_piece().unwrap() - 8.0).abs() < 1e-12);
        assert!((whole.by_word().unwrap() - 512.0).abs() < 1e-9);
        assert!((whole.bits_per_character().unwrap() - 2.0).abs() < 1e-12);
        assert!((whole.by_character().unwrap() - 4.0).abs() < 1e-12);
        assert!((whole.bits_per_byte(72).unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(whole.bits_per_byte(0), None);
    }

    #[test]
    fn ends_of_sentences_are_words() {
        assert_eq!(words_with_ends(["to jest zdanie .", "", "drugie"]), 5 + 1 + 2);
        // By the organisers' rule: 8 units, so that 8 ln 50 nats are a perplexity by word of 50.
        let whole = Likelihood { nats: 8.0 * 50f64.ln(), pieces: 13, words: 8, characters: 30 };
        assert!((whole.by_word().unwrap() - 50.0).abs() < 1e-9);
    }

    #[test]
    fn nothing_counted_gives_nothing() {
        let none = Likelihood::default();
        assert_eq!((none.by_piece(), none.by_word(), none.bits_per_character()), (None, None, None));
    }
}
