//! Training with the settings of the published systems.

use glossa_base::Progress;
use glossa_base::seed::{Purpose, Stream};
use glossa_sentencepiece::{Error as Refusal, TrainArguments};

use super::Algorithm;
use super::sample::Sample;
use crate::{Error, Preset};

/// Sentences longer than this many bytes would be skipped by the trainer; ours are cut before.
const MAX_SENTENCE_LENGTH: usize = 20_480;

/// Sums inside the trainer are taken by thread: a fixed number gives the same model everywhere.
const THREADS: usize = 16;

/// How often a smaller vocabulary is tried to find one that works.
const ATTEMPTS: usize = 12;

/// Languages for which fastai and MultiFiT cover almost every character.
const EUROPEAN: [&str; 24] = [
    "bg", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "ga", "hr", "hu", "it", "lt", "lv", "mt", "nl", "pl",
    "pt", "ro", "sk", "sl", "sv",
];

/// The character coverage of fastai and MultiFiT for a language: 0.99999 for 24 European
/// languages, 0.9998 for the others.
pub fn character_coverage_for(language: &str) -> f64 {
    if EUROPEAN.contains(&language) { 0.99999 } else { 0.9998 }
}

/// How a tokenizer is trained.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainOptions {
    /// How the pieces are found.
    pub algorithm: Algorithm,
    /// The number of pieces, special ones included.
    pub vocabulary_size: usize,
    /// The rules that text goes through, now and later.
    pub rules: Preset,
    /// The share of characters that become pieces of their own (0.98 to 1); the rest is unknown.
    pub character_coverage: f64,
    /// The code of the language, for the record.
    pub language: Option<String>,
    /// The most sentences to train on; a random sample is taken of more.
    pub max_sentences: usize,
    /// The most bytes of text to train on. A unigram model needs about 20 bytes of memory for each.
    pub max_bytes: usize,
    /// The seed of the sample.
    pub seed: u64,
}

impl Default for TrainOptions {
    fn default() -> Self {
        TrainOptions {
            algorithm: Algorithm::Unigram,
            vocabulary_size: 15_000,
            rules: Preset::FastaiV1,
            character_coverage: 0.9998,
            language: None,
            max_sentences: 1_000_000,
            max_bytes: 64 << 20,
            seed: 0,
        }
    }
}

impl TrainOptions {
    /// The published flags: special words behind U+2581, the unknown piece after them, no other
    /// control symbols.
    fn arguments(&self) -> TrainArguments {
        let symbols: Vec<String> = self.rules.special_pieces().iter().map(|name| format!("\u{2581}{name}")).collect();
        TrainArguments {
            algorithm: match self.algorithm {
                Algorithm::Unigram => glossa_sentencepiece::Algorithm::Unigram,
                Algorithm::Bpe => glossa_sentencepiece::Algorithm::Bpe,
            },
            vocabulary_size: self.vocabulary_size,
            character_coverage: self.character_coverage,
            unknown_piece: self.rules.unknown_piece().to_owned(),
            unknown_id: symbols.len(),
            symbols,
            max_sentence_length: MAX_SENTENCE_LENGTH,
            threads: THREADS,
        }
    }
}

/// Reads all documents, trains on a sample of them, and gives the bytes of the model.
pub(super) fn train(
    documents: impl Iterator<Item = String>,
    options: &TrainOptions,
    progress: &dyn Progress,
) -> Result<Vec<u8>, Error> {
    let sentences = collect(documents, options, progress);
    let bytes: usize = sentences.iter().map(String::len).sum();
    progress.start("training the tokenizer", None, "sentences");
    progress.state(&format!("{} sentences, {bytes} bytes", sentences.len()));
    let model = train_on(&options.arguments(), &sentences)?;
    progress.finish(&format!("{} pieces from {} sentences", options.vocabulary_size, sentences.len()));
    Ok(model)
}

fn collect(documents: impl Iterator<Item = String>, options: &TrainOptions, progress: &dyn Progress) -> Vec<String> {
    let stream = Stream::new(options.seed, Purpose::Split, 0, 0);
    let mut sample = Sample::new(stream, options.max_sentences.max(1), options.max_bytes.max(1));
    progress.start("reading text", None, "documents");
    for document in documents {
        let ruled = options.rules.apply(&document);
        sentences(&ruled).for_each(|sentence| sample.push(sentence));
        progress.advance(1);
    }
    progress.finish(&format!("{} sentences read", sample.seen()));
    sample.into_sentences()
}

/// The lines of a text, long ones cut where there is white space, or between two characters.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| Cut { rest: line.trim() }).filter(|sentence| !sentence.is_empty())
}

struct Cut<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Cut<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        let end = self.rest.floor_char_boundary(MAX_SENTENCE_LENGTH);
        let (head, tail) = self.rest.split_at_checked(end)?;
        let (sentence, rest) = match head.rfind(char::is_whitespace) {
            Some(space) if !tail.is_empty() && space > 0 => self.rest.split_at_checked(space)?,
            _ => (head, tail),
        };
        self.rest = rest.trim_start();
        Some(sentence.trim_end())
    }
}

/// Trains; where the vocabulary is too large, finds one that is not by training with it.
fn train_on(arguments: &TrainArguments, sentences: &[String]) -> Result<Vec<u8>, Error> {
    let attempt = |arguments: &TrainArguments| glossa_sentencepiece::train(arguments, &mut sentences.iter().cloned());
    let asked = arguments.vocabulary_size;
    match attempt(arguments) {
        Err(Refusal::VocabularyTooLarge { largest, .. }) => {
            Err(Error::VocabularyTooLarge { asked, largest: working_size(arguments, largest, attempt)? })
        }
        other => Ok(other?),
    }
}

/// The trainer says how many pieces it reached, but with that size it prunes further and may reach
/// fewer again.
fn working_size(
    arguments: &TrainArguments,
    reached: usize,
    attempt: impl Fn(&TrainArguments) -> Result<Vec<u8>, Refusal>,
) -> Result<usize, Error> {
    let mut arguments = TrainArguments { vocabulary_size: reached, ..arguments.clone() };
    for _ in 0..ATTEMPTS {
        match attempt(&arguments) {
            Err(Refusal::VocabularyTooLarge { largest, .. }) if largest < arguments.vocabulary_size => {
                arguments.vocabulary_size = largest;
            }
            other => return other.map(|_| arguments.vocabulary_size).map_err(Error::from),
        }
    }
    Err(Error::NoText)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_cut_at_white_space() {
        let line = "word ".repeat(10_000);
        let parts: Vec<&str> = sentences(&line).collect();
        assert!(parts.len() > 2 && parts.iter().all(|part| part.len() <= MAX_SENTENCE_LENGTH));
        assert_eq!(parts.join(" "), line.trim_end());
        let line = "語".repeat(20_000);
        let parts: Vec<&str> = sentences(&line).collect();
        assert!(parts.iter().all(|part| part.len() <= MAX_SENTENCE_LENGTH));
        assert_eq!(parts.concat(), line);
        assert_eq!(sentences("a\n\nb \r\n c").collect::<Vec<_>>(), ["a", "b", "c"]);
    }
}
