//! What can go wrong, as values: the library's messages are read once, here.

use thiserror::Error;

/// A failure of SentencePiece or of what it was given.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// The bytes are not a whole, sound model.
    #[error("not a SentencePiece model: {0}")]
    Model(String),
    /// The text has too few different pieces; `largest` is what the trainer reached.
    #[error("a vocabulary of {asked} is too large for this text, which gives at most {largest} pieces")]
    VocabularyTooLarge {
        /// The size asked for.
        asked: usize,
        /// The number of pieces that the trainer reached.
        largest: usize,
    },
    /// The special pieces and single characters alone need more room.
    #[error("a vocabulary of {asked} is too small: this text needs at least {smallest} pieces")]
    VocabularyTooSmall {
        /// The size asked for.
        asked: usize,
        /// The number of special pieces and required characters.
        smallest: usize,
    },
    /// No sentence with a letter or digit, special pieces excepted.
    #[error("there is no text to train on")]
    NoText,
    /// More text than the trainer's 32-bit suffix array holds.
    #[error("more than {limit} bytes of text to train on")]
    TooMuchText {
        /// The largest number of bytes that is accepted.
        limit: usize,
    },
    /// An argument that SentencePiece does not take.
    #[error("{0}")]
    Argument(String),
    /// A text longer than the library's 32-bit positions.
    #[error("a text of {0} bytes is too long to segment at once")]
    TextTooLong(usize),
    /// An id outside the vocabulary.
    #[error("id {id} is not below the vocabulary size {size}")]
    UnknownId {
        /// The id.
        id: u32,
        /// The vocabulary size.
        size: usize,
    },
    /// Any other refusal, in the library's words.
    #[error("SentencePiece: {0}")]
    Library(String),
}

impl Error {
    /// Reads the library's message of a failed training.
    pub(crate) fn of_training(message: &str, asked: usize) -> Self {
        if let Some(largest) = number_after(message, "Please set it to a value <= ") {
            return Error::VocabularyTooLarge { asked, largest };
        }
        if message.contains("smaller than required_chars")
            && let Some(smallest) = number_after(message, " vs ")
        {
            return Error::VocabularyTooSmall { asked, smallest };
        }
        Error::Library(without_source(message))
    }
}

/// The number that follows `mark`, such as `24` in `value <= 24.`.
fn number_after(message: &str, mark: &str) -> Option<usize> {
    let (_, rest) = message.split_once(mark)?;
    let digits = rest.find(|character: char| !character.is_ascii_digit()).map_or(rest, |end| rest.split_at(end).0);
    digits.parse().ok()
}

/// Drops the path of the C++ source and the condition: `Internal: /a/b.cc(3) [x] Why` gives `Why`.
pub(crate) fn without_source(message: &str) -> String {
    match message.split_once("] ") {
        Some((place, why)) if place.contains(".cc(") && !why.trim().is_empty() => why.trim().to_owned(),
        _ => match message.split_once(" [") {
            Some((place, condition)) if place.contains(".cc(") => format!("refused: [{}", condition.trim()),
            _ => message.trim().to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_the_trainer() {
        let place = "Internal: /somewhere/trainer_interface.cc(664) [(a) == (b)] ";
        let check = |message: &str, expected: Error| {
            assert_eq!(Error::of_training(&format!("{place}{message}"), 99), expected);
        };
        let large = Error::VocabularyTooLarge { asked: 99, largest: 24 };
        check("Vocabulary size too high (99). Please set it to a value <= 24.", large);
        let small = Error::VocabularyTooSmall { asked: 99, smallest: 120 };
        check("Vocabulary size is smaller than required_chars. 99 vs 120. Increase vocab_size", small);
        check("Something else", Error::Library("Something else".into()));
        check("", Error::Library("refused: [(a) == (b)]".into()));
    }
}
