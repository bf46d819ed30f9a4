//! Training from an iterator, with no copy on disk.
//!
//! SentencePiece ends the whole process where an inner check fails, so what would fail there is
//! refused here before the trainer sees it: a source without a letter, and more text than its
//! suffix array can index.

use std::any::Any;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::Error;
use crate::foreign::{self, Bytes, SentenceSource};

/// The most bytes of text that one training takes.
const LIMIT: usize = 1 << 30;

/// The character that stands for unknown ones inside the trainer; it skips sentences that hold it.
const RESERVED: char = '\u{2585}';

/// Letters to Unicode, but blank: the normaliser may leave nothing of them.
const FILLERS: [char; 4] = ['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}'];

/// How pieces are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// A unigram language model over pieces, pruned (Kudo 2018).
    Unigram,
    /// Byte-pair encoding: the most frequent pair is merged (Sennrich et al. 2016).
    Bpe,
}

/// What the trainer is told; everything else is SentencePiece's default (nmt_nfkc, dummy prefix).
#[derive(Debug, Clone, PartialEq)]
pub struct TrainArguments {
    /// How pieces are found.
    pub algorithm: Algorithm,
    /// The number of pieces, special ones and the unknown piece included.
    pub vocabulary_size: usize,
    /// The share of characters that become pieces of their own, 0.98 to 1.
    pub character_coverage: f64,
    /// Pieces that are never split, in the order of their ids; no spaces or commas.
    pub symbols: Vec<String>,
    /// The name of the unknown piece.
    pub unknown_piece: String,
    /// Its id.
    pub unknown_id: usize,
    /// Longer sentences (in bytes) are skipped.
    pub max_sentence_length: usize,
    /// Threads; sums are taken by thread, so another number can give another model.
    pub threads: usize,
}

impl Default for TrainArguments {
    fn default() -> Self {
        TrainArguments {
            algorithm: Algorithm::Unigram,
            vocabulary_size: 8000,
            character_coverage: 0.9995,
            symbols: Vec::new(),
            unknown_piece: "<unk>".to_owned(),
            unknown_id: 0,
            max_sentence_length: 4192,
            threads: 16,
        }
    }
}

impl TrainArguments {
    /// The command line that SentencePiece reads.
    fn command_line(&self) -> Result<String, Error> {
        self.check()?;
        let algorithm = match self.algorithm {
            Algorithm::Unigram => "unigram",
            Algorithm::Bpe => "bpe",
        };
        let mut line = format!(
            "--model_type={algorithm} --vocab_size={} --character_coverage={} --unk_id={} --unk_piece={} \
             --pad_id=-1 --bos_id=-1 --eos_id=-1 --max_sentence_length={} --num_threads={} --hard_vocab_limit=true",
            self.vocabulary_size,
            self.character_coverage,
            self.unknown_id,
            self.unknown_piece,
            self.max_sentence_length,
            self.threads
        );
        if !self.symbols.is_empty() {
            line.push_str(" --user_defined_symbols=");
            line.push_str(&self.symbols.join(","));
        }
        Ok(line)
    }

    fn check(&self) -> Result<(), Error> {
        let refuse = |why: String| Err(Error::Argument(why));
        if !(0.98..=1.0).contains(&self.character_coverage) {
            return refuse(format!("the character coverage {} is not within 0.98 and 1", self.character_coverage));
        }
        if !(1..=1024).contains(&self.threads) {
            return refuse(format!("{} threads are not within 1 and 1024", self.threads));
        }
        if !(10..=LIMIT).contains(&self.max_sentence_length) {
            return refuse(format!("a sentence length of {} is not within 10 and {LIMIT}", self.max_sentence_length));
        }
        if self.vocabulary_size > i32::MAX as usize {
            return refuse(format!("a vocabulary of {} is beyond any use", self.vocabulary_size));
        }
        let smallest = self.symbols.len().max(self.unknown_id) + 2;
        if self.vocabulary_size < smallest {
            return Err(Error::VocabularyTooSmall { asked: self.vocabulary_size, smallest });
        }
        let mut names: Vec<&str> = self.symbols.iter().map(String::as_str).chain([&*self.unknown_piece]).collect();
        names.sort_unstable();
        let broken = |name: &str| name.is_empty() || name.contains([' ', ',', '"', '\0', '\n', '\t', '\r']);
        if let Some(name) = names.iter().find(|name| broken(name)) {
            return refuse(format!("{name:?} cannot be the name of a piece"));
        }
        match names.windows(2).find(|pair| pair.first() == pair.last()) {
            Some(pair) => refuse(format!("two pieces have one name: {}", pair.join(", "))),
            None => Ok(()),
        }
    }
}

/// Trains a model and gives its bytes, the content of an `spm.model`. The same arguments and
/// sentences give the same bytes.
///
/// A panic of the iterator goes on after the trainer has been left in order.
pub fn train(arguments: &TrainArguments, sentences: &mut dyn Iterator<Item = String>) -> Result<Vec<u8>, Error> {
    let line = arguments.command_line()?;
    let mut source = Source::new(arguments, sentences);
    let (mut model, mut error) = (Bytes::default(), Bytes::default());
    let callback = SentenceSource { next: next_sentence, user: std::ptr::from_mut(&mut source).cast() };
    // SAFETY: the line, the source and both sinks outlive the call, which keeps none of them, and
    // nothing else touches them meanwhile; the trainer asks for sentences on this thread only.
    let code = unsafe { foreign::glossa_spm_train(line.as_ptr(), line.len(), callback, model.sink(), error.sink()) };
    if let Some(payload) = source.panic.take() {
        resume_unwind(payload);
    }
    match (source.problem.take(), code) {
        (Some(problem), _) => Err(problem),
        (None, 0) => Ok(model.0),
        (None, _) => Err(Error::of_training(&error.text(), arguments.vocabulary_size)),
    }
}

/// The iterator with what must be known about it when it ends.
struct Source<'a> {
    sentences: &'a mut dyn Iterator<Item = String>,
    current: String,
    symbols: Vec<&'a str>,
    max_sentence_length: usize,
    bytes: usize,
    useful: bool,
    problem: Option<Error>,
    panic: Option<Box<dyn Any + Send>>,
}

impl<'a> Source<'a> {
    fn new(arguments: &'a TrainArguments, sentences: &'a mut dyn Iterator<Item = String>) -> Self {
        let symbols = arguments.symbols.iter().map(|symbol| symbol.trim_start_matches('\u{2581}')).collect();
        Source {
            sentences,
            current: String::new(),
            symbols,
            max_sentence_length: arguments.max_sentence_length,
            bytes: 0,
            useful: false,
            problem: None,
            panic: None,
        }
    }

    /// Moves to the next sentence; false at the end.
    fn advance(&mut self) -> Result<bool, Error> {
        let Some(sentence) = self.sentences.next() else {
            return if self.useful { Ok(false) } else { Err(Error::NoText) };
        };
        self.bytes = self.bytes.saturating_add(sentence.len());
        if self.bytes > LIMIT {
            return Err(Error::TooMuchText { limit: LIMIT });
        }
        self.useful = self.useful || self.is_useful(&sentence);
        self.current = sentence;
        Ok(true)
    }

    /// Whether at least one character will be left when the trainer has removed what it removes.
    fn is_useful(&self, sentence: &str) -> bool {
        let taken = sentence.len() <= self.max_sentence_length && !sentence.contains(RESERVED);
        taken && sentence.split_whitespace().any(|word| self.is_useful_word(word))
    }

    fn is_useful_word(&self, word: &str) -> bool {
        word.chars().any(|character| character.is_alphanumeric() && !FILLERS.contains(&character))
            && !self.symbols.iter().any(|symbol| !symbol.is_empty() && word.contains(symbol))
    }
}

extern "C" fn next_sentence(user: *mut c_void, data: *mut *const u8, length: *mut usize) -> i32 {
    // SAFETY: `user` is the `Source` that `train` borrows mutably for the whole foreign call.
    let source = unsafe { &mut *user.cast::<Source<'_>>() };
    match catch_unwind(AssertUnwindSafe(|| source.advance())) {
        Ok(Ok(true)) => {
            // SAFETY: C++ passes the addresses of two local variables; `current` lives, unmoved and
            // unchanged, until the next call, before which C++ has copied it.
            unsafe {
                *data = source.current.as_ptr();
                *length = source.current.len();
            }
            1
        }
        Ok(Ok(false)) => 0,
        Ok(Err(problem)) => {
            source.problem = Some(problem);
            -1
        }
        Err(payload) => {
            source.panic = Some(payload);
            -1
        }
    }
}
