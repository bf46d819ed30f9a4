//! What can go wrong with text, tokenizers, token files and tables, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use glossa_base::Failure;
use thiserror::Error;

/// A failure of this crate.
#[derive(Debug, Error)]
pub enum Error {
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file could not be written.
    #[error("{0}")]
    Write(#[source] Failure),
    /// No such preset of rules.
    #[error("`{name}` is not a preset of text rules")]
    UnknownRules {
        /// What was asked for.
        name: String,
        /// The preset with the nearest name.
        nearest: Option<&'static str>,
    },
    /// No such training algorithm.
    #[error("`{0}` is not a tokenizer algorithm")]
    UnknownAlgorithm(String),
    /// The text has too few different pieces for the vocabulary asked for.
    #[error("a vocabulary of {asked} is too large for this text; {largest} works")]
    VocabularyTooLarge {
        /// The size asked for.
        asked: usize,
        /// The largest size found to work, by training with it.
        largest: usize,
    },
    /// The special pieces and single characters need more room.
    #[error("a vocabulary of {asked} is too small for this text, which needs {smallest}")]
    VocabularyTooSmall {
        /// The size asked for.
        asked: usize,
        /// The number of special pieces and required characters.
        smallest: usize,
    },
    /// There is nothing to train on.
    #[error("there is no text to train a tokenizer on")]
    NoText,
    /// SentencePiece refused.
    #[error("the tokenizer library refused")]
    Library(#[source] glossa_sentencepiece::Error),
    /// A tokenizer folder is incomplete or damaged.
    #[error("{} is not a sound tokenizer: {why}", path.display())]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A folder without a tokenizer that can be read.
    #[error("{} has no tokenizer; looked for {looked_for}", folder.display())]
    NoTokenizer {
        /// The folder.
        folder: PathBuf,
        /// The files looked for.
        looked_for: String,
    },
    /// A tokenizer of a kind that is not read.
    #[error("{} is a tokenizer of a kind that is not read: {why}", path.display())]
    UnsupportedTokenizer {
        /// The file.
        path: PathBuf,
        /// What is not read.
        why: String,
    },
    /// An imported tokenizer failed on a text or on ids.
    #[error("the tokenizer {} failed: {why}", tokenizer.display())]
    Imported {
        /// The tokenizer's folder.
        tokenizer: PathBuf,
        /// What happened.
        why: String,
    },
    /// A file of a newer format than this tool knows.
    #[error("{} has format {found}, this glossa knows {known}", path.display())]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The newest known format.
        known: u64,
    },
    /// A token file is cut off or damaged.
    #[error("{} is not a sound token file: {why}", path.display())]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A token outside the vocabulary was to be written.
    #[error("token {token} is not below the vocabulary size {vocabulary_size}")]
    TokenOutOfRange {
        /// The token.
        token: u32,
        /// The vocabulary size.
        vocabulary_size: usize,
    },
    /// A table of a kind that is not read.
    #[error("{} is not a table that can be read", .0.display())]
    UnknownTable(PathBuf),
    /// A table without rows.
    #[error("{} has no rows", .0.display())]
    EmptyTable(PathBuf),
    /// A row that cannot be read.
    #[error("{}:{line}: {why}", path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// A table without the column that is needed.
    #[error("{} has no column {wanted}; its columns are {}", path.display(), present.join(", "))]
    UnknownColumn {
        /// The file.
        path: PathBuf,
        /// The column, or the names tried.
        wanted: String,
        /// The column with the nearest name.
        nearest: Option<String>,
        /// The columns that are there.
        present: Vec<String>,
        /// The flag that names the column.
        flag: &'static str,
    },
}

impl Error {
    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        Error::Read { path: path.to_path_buf(), source }
    }

    pub(crate) fn row(path: &Path, line: u64, why: impl Into<String>) -> Self {
        Error::Row { path: path.to_path_buf(), line, why: why.into() }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Error::Read { .. } => "check the path and its permissions".to_owned(),
            Error::UnknownRules { nearest: Some(nearest), .. } => format!("did you mean {nearest}?"),
            Error::UnknownRules { .. } => format!("use one of {}", crate::Preset::names().join(", ")),
            Error::UnknownAlgorithm(_) => "use unigram or bpe".to_owned(),
            Error::VocabularyTooLarge { largest, .. } => format!("use --vocabulary-size {largest}, or more text"),
            Error::VocabularyTooSmall { smallest, .. } => {
                format!("use a --vocabulary-size well above {smallest}, or a lower character coverage")
            }
            Error::NoText => "check the input: it has no letters or digits".to_owned(),
            Error::Tokenizer { .. } => "train the tokenizer again, or fetch it again".to_owned(),
            Error::NoTokenizer { .. } => "fetch the model's tokenizer files into that folder".to_owned(),
            Error::UnsupportedTokenizer { .. } => {
                "save the tokenizer as tokenizer.json (transformers: `save_pretrained` of a fast tokenizer)".to_owned()
            }
            Error::Imported { .. } => {
                "check the text; if it is ordinary, the tokenizer's files are damaged: fetch them again".to_owned()
            }
            Error::NewerFormat { .. } => "use a newer glossa".to_owned(),
            Error::TokenFile { .. } => "encode the text again".to_owned(),
            Error::TokenOutOfRange { .. } => "encode with the tokenizer that the file was started for".to_owned(),
            Error::UnknownTable(_) => {
                "use .csv, .tsv or .jsonl (or .txt, one text a line, where no labels are needed)".to_owned()
            }
            Error::EmptyTable(_) => "give at least one row below the header".to_owned(),
            Error::Row { .. } => "correct that line".to_owned(),
            Error::UnknownColumn { nearest: Some(nearest), flag, .. } => format!("did you mean {flag} {nearest}?"),
            Error::UnknownColumn { flag, .. } => format!("name the column with {flag}"),
            Error::Write(_) | Error::Library(_) => return None,
        })
    }
}

impl From<glossa_sentencepiece::Error> for Error {
    fn from(error: glossa_sentencepiece::Error) -> Self {
        use glossa_sentencepiece::Error as Inner;
        match error {
            Inner::VocabularyTooLarge { asked, largest } => Error::VocabularyTooLarge { asked, largest },
            Inner::VocabularyTooSmall { asked, smallest } => Error::VocabularyTooSmall { asked, smallest },
            Inner::NoText => Error::NoText,
            other => Error::Library(other),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let hint = error.hint();
        let failure = match error {
            Error::Write(failure) => return failure,
            Error::Read { path, source } => Failure::io("read", &path, source),
            Error::Library(cause) => Failure::data("the tokenizer library refused").because(cause),
            other => Failure::data(other.to_string()),
        };
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
