//! The tokenizer of a model folder, whoever trained it: ours, with its text rules, or an imported one, with its
//! special ids around every text.

use std::path::Path;

use glossa_base::seed::Stream;

use crate::Error;
use crate::imported::ImportedTokenizer;
use crate::tokenizer::{CONFIG_FILE, MODEL_FILE, Tokenizer};

/// A tokenizer of either kind.
#[derive(Debug)]
pub enum ModelTokenizer {
    /// Trained by glossa.
    Ours(Tokenizer),
    /// Of somebody else's model.
    Imported(Box<ImportedTokenizer>),
}

impl ModelTokenizer {
    /// Reads the tokenizer of a folder: ours where `tokenizer_config.json` has a format of ours beside
    /// `spm.model`, else an imported one.
    ///
    /// # Errors
    /// No tokenizer, or a damaged one.
    pub fn load(folder: &Path) -> Result<Self, Error> {
        if is_ours(folder) {
            return Ok(ModelTokenizer::Ours(Tokenizer::load(folder)?));
        }
        Ok(ModelTokenizer::Imported(Box::new(ImportedTokenizer::load(folder)?)))
    }

    /// The ids of a text, of at most `most` (all of them for `None`): an imported tokenizer's special ids are
    /// always there, ours has one at the beginning. Two texts, marked as [`crate::labelled`] marks them, become
    /// a pair.
    ///
    /// # Errors
    /// A text that the tokenizer fails on.
    pub fn encode(&self, text: &str, most: Option<usize>) -> Result<Vec<u32>, Error> {
        let most = most.unwrap_or(usize::MAX);
        match self {
            ModelTokenizer::Ours(tokenizer) => {
                let mut ids = tokenizer.encode(text)?;
                ids.truncate(most);
                Ok(ids)
            }
            ModelTokenizer::Imported(tokenizer) => match pair(text) {
                Some((first, second)) => encode_pair(tokenizer, first, second, most),
                None => {
                    let mut bare = tokenizer.encode_bare(text)?;
                    bare.truncate(most.saturating_sub(tokenizer.special_count()));
                    Ok(tokenizer.wrap(&bare))
                }
            },
        }
    }

    /// As [`ModelTokenizer::encode`], in a random segmentation where the tokenizer is ours.
    ///
    /// # Errors
    /// A text that the tokenizer fails on.
    pub fn sample_encode(
        &self,
        text: &str,
        most: Option<usize>,
        alpha: f32,
        stream: Stream,
    ) -> Result<Vec<u32>, Error> {
        match self {
            ModelTokenizer::Ours(tokenizer) => {
                let mut ids = tokenizer.sample_encode(text, alpha, stream)?;
                ids.truncate(most.unwrap_or(usize::MAX));
                Ok(ids)
            }
            ModelTokenizer::Imported(_) => self.encode(text, most),
        }
    }

    /// The number of pieces, special ones included.
    pub fn vocabulary_size(&self) -> usize {
        match self {
            ModelTokenizer::Ours(tokenizer) => tokenizer.vocabulary_size(),
            ModelTokenizer::Imported(tokenizer) => tokenizer.vocabulary_size(),
        }
    }

    /// The id that begins a text, if there is one.
    pub fn begin_id(&self) -> Option<u32> {
        match self {
            ModelTokenizer::Ours(tokenizer) => Some(tokenizer.begin_id()),
            ModelTokenizer::Imported(tokenizer) => tokenizer.begin_id(),
        }
    }

    /// The id that ends a text, if there is one.
    pub fn end_id(&self) -> Option<u32> {
        match self {
            ModelTokenizer::Ours(_) => None,
            ModelTokenizer::Imported(tokenizer) => tokenizer.end_id(),
        }
    }

    /// The id that stands for nothing.
    pub fn pad_id(&self) -> u32 {
        match self {
            ModelTokenizer::Ours(tokenizer) => tokenizer.pad_id(),
            ModelTokenizer::Imported(tokenizer) => tokenizer.pad_id().unwrap_or_default(),
        }
    }

    /// The id that hides a piece, if there is one.
    pub fn mask_id(&self) -> Option<u32> {
        match self {
            ModelTokenizer::Ours(_) => None,
            ModelTokenizer::Imported(tokenizer) => tokenizer.mask_id(),
        }
    }

    /// What identifies it: SHA-256 of the files that define it.
    pub fn digest(&self) -> String {
        match self {
            ModelTokenizer::Ours(tokenizer) => tokenizer.digest().to_owned(),
            ModelTokenizer::Imported(tokenizer) => tokenizer.digest(),
        }
    }

    /// The code of the language that it was trained on, where it is known.
    pub fn language(&self) -> Option<&str> {
        match self {
            ModelTokenizer::Ours(tokenizer) => tokenizer.config().language.as_deref(),
            ModelTokenizer::Imported(_) => None,
        }
    }

    /// Writes its files into a folder that exists.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn save_into(&self, folder: &Path) -> Result<(), Error> {
        match self {
            ModelTokenizer::Ours(tokenizer) => tokenizer.save_into(folder),
            ModelTokenizer::Imported(tokenizer) => tokenizer.save_into(folder),
        }
    }

    /// Ours, if it is.
    pub fn ours(&self) -> Option<&Tokenizer> {
        match self {
            ModelTokenizer::Ours(tokenizer) => Some(tokenizer),
            ModelTokenizer::Imported(_) => None,
        }
    }
}

impl From<Tokenizer> for ModelTokenizer {
    fn from(tokenizer: Tokenizer) -> Self {
        ModelTokenizer::Ours(tokenizer)
    }
}

/// A folder without settings, or with damaged ones, beside an `spm.model` and nothing else is still ours: its
/// reader says what is wrong.
fn is_ours(folder: &Path) -> bool {
    if !folder.join(MODEL_FILE).is_file() || folder.join("dictionary.json").is_file() {
        return false;
    }
    let Ok(text) = std::fs::read(folder.join(CONFIG_FILE)) else { return !folder.join("config.json").is_file() };
    match serde_json::from_slice::<serde_json::Value>(&text) {
        Ok(settings) => settings.get("format").is_some() || settings.get("tokenizer_class").is_none(),
        Err(_) => true,
    }
}

/// The two texts of a pair.
fn pair(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix("xxfld 1 ")?.split_once(" xxfld 2 ")
}

/// A pair within a length: the longer part loses its last pieces first.
fn encode_pair(tokenizer: &ImportedTokenizer, first: &str, second: &str, most: usize) -> Result<Vec<u32>, Error> {
    let (ids, _) = tokenizer.encode_pair(first, second)?;
    if ids.len() <= most {
        return Ok(ids);
    }
    let (mut left, mut right) = (tokenizer.encode_bare(first)?, tokenizer.encode_bare(second)?);
    let specials = ids.len().saturating_sub(left.len() + right.len());
    let room = most.saturating_sub(specials);
    while left.len() + right.len() > room {
        if left.len() > right.len() {
            left.pop()
        } else {
            right.pop()
        };
    }
    Ok(join(&ids, &left, &right, tokenizer))
}

/// The special ids of a whole pair around shortened parts.
fn join(whole: &[u32], left: &[u32], right: &[u32], tokenizer: &ImportedTokenizer) -> Vec<u32> {
    let end = tokenizer.end_id();
    let mut ids = tokenizer.wrap(left);
    // XLM-RoBERTa ends the first part twice.
    let doubled = whole.windows(2).any(|pair| pair.iter().all(|id| Some(*id) == end));
    ids.extend(end.filter(|_| doubled));
    ids.extend(right);
    ids.extend(end);
    ids
}
