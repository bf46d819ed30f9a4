//! Training a tokenizer on a corpus, and figures about one.

use std::path::Path;

use glossa_base::atomic::WholeFolder;
use glossa_base::manifest::Manifest;
use glossa_base::{Failure, Outcome, Progress};
use glossa_corpora::{Split, read_split};
use glossa_recipes::recipe::TokenizerRecipe;
use glossa_text::tokenizer::{Tokenizer, TrainOptions};
use serde::{Deserialize, Serialize};

use crate::stage::{check_output, input, json};
use crate::words;

/// What a tokenizer does to a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct TokenizerStatistics {
    /// Documents.
    pub documents: u64,
    /// Words between white space.
    pub words: u64,
    /// Characters.
    pub characters: u64,
    /// Pieces.
    pub pieces: u64,
    /// Pieces that stand for something unknown.
    pub unknown: u64,
    /// Pieces of the vocabulary that occur.
    pub used: u64,
    /// Pieces of the vocabulary.
    pub vocabulary_size: u64,
}

impl TokenizerStatistics {
    /// Pieces a word.
    pub fn pieces_per_word(&self) -> f64 {
        self.pieces as f64 / self.words.max(1) as f64
    }

    /// Characters a piece.
    pub fn characters_per_piece(&self) -> f64 {
        self.characters as f64 / self.pieces.max(1) as f64
    }
}

/// What a tokenizer must know of its language.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// The code.
    pub code: Option<String>,
    /// Share of the characters of the training text that must have a piece, in (0, 1].
    pub character_coverage: f64,
}

impl Written {
    /// What the registry knows of a code; the default coverage for other codes and none.
    pub fn of_code(code: Option<&str>) -> Self {
        let character_coverage = glossa_languages::character_coverage(code.unwrap_or_default());
        Written { code: code.map(str::to_owned), character_coverage }
    }
}

/// The documents of a split as texts; the first failure ends them and is kept.
pub(crate) struct Texts<'a> {
    documents: glossa_corpora::Documents,
    failure: &'a mut Option<glossa_corpora::Error>,
}

impl<'a> Texts<'a> {
    pub(crate) fn open(corpus: &Path, split: Split, failure: &'a mut Option<glossa_corpora::Error>) -> Outcome<Self> {
        Ok(Texts { documents: read_split(corpus, split)?, failure })
    }
}

impl Iterator for Texts<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        match self.documents.next()? {
            Ok(document) => Some(document.text),
            Err(error) => {
                *self.failure = Some(error);
                None
            }
        }
    }
}

/// Trains a tokenizer on the training split of a corpus and writes its folder.
///
/// # Errors
/// A damaged corpus, or a vocabulary larger than the text supports.
pub fn train(
    corpus: &Path,
    recipe: &TokenizerRecipe,
    language: &Written,
    seed: u64,
    out: &Path,
    progress: &dyn Progress,
) -> Outcome<Tokenizer> {
    check_output(out)?;
    let options = TrainOptions {
        algorithm: recipe.algorithm,
        vocabulary_size: recipe.vocabulary_size,
        rules: recipe.rules,
        character_coverage: language.character_coverage,
        language: language.code.clone(),
        max_bytes: recipe.sample_megabytes.saturating_mul(1_000_000),
        seed,
        ..TrainOptions::default()
    };
    let mut failure = None;
    let trained = Tokenizer::train(Texts::open(corpus, Split::Train, &mut failure)?, &options, progress);
    if let Some(failure) = failure {
        return Err(failure.into());
    }
    let tokenizer = trained?;
    let folder = WholeFolder::create(out)?;
    tokenizer.save_into(folder.path())?;
    let mut manifest = Manifest::new("tokenizer", seed, json(tokenizer.config())?);
    manifest.inputs = vec![input(corpus)?];
    manifest.write(folder.path())?;
    folder.commit()?;
    Ok(tokenizer)
}

/// Counts what a tokenizer makes of texts.
///
/// # Errors
/// A text that cannot be encoded.
pub fn statistics(tokenizer: &Tokenizer, texts: impl Iterator<Item = String>) -> Outcome<TokenizerStatistics> {
    let segmenter = words::segmenter_of_language(tokenizer.config().language.as_deref());
    let mut statistics =
        TokenizerStatistics { vocabulary_size: tokenizer.vocabulary_size() as u64, ..Default::default() };
    let mut seen = vec![false; tokenizer.vocabulary_size()];
    for text in texts {
        let ids = tokenizer.encode(&text)?;
        statistics.documents += 1;
        statistics.words += words::count(&text, segmenter);
        statistics.characters += text.chars().count() as u64;
        statistics.pieces += ids.len() as u64;
        statistics.unknown += ids.iter().filter(|id| **id == tokenizer.unknown_id()).count() as u64;
        for id in ids {
            seen.get_mut(id as usize).into_iter().for_each(|seen| *seen = true);
        }
    }
    statistics.used = seen.iter().filter(|seen| **seen).count() as u64;
    Ok(statistics)
}

/// Counts what a tokenizer makes of a corpus split.
///
/// # Errors
/// A damaged corpus.
pub fn corpus_statistics(tokenizer: &Tokenizer, corpus: &Path, split: Split) -> Outcome<TokenizerStatistics> {
    let mut failure = None;
    let counted = statistics(tokenizer, Texts::open(corpus, split, &mut failure)?);
    failure.map_or(counted, |failure| Err(Failure::from(failure)))
}
