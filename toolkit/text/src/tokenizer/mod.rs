//! A tokenizer: a SentencePiece model and the text rules that belong to it, in one folder.
//!
//! Ids come from the model's own vocabulary, never from constants, so that imported models work.

mod config;
mod sample;
mod spans;
mod train;

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use glossa_base::hash::sha256_hex;
use glossa_base::seed::Stream;
use glossa_base::{Progress, atomic};
use glossa_sentencepiece::Processor;
use serde::{Deserialize, Serialize};

use crate::{Error, Preset, rules};

pub use config::{CONFIG_FILE, FORMAT, MODEL_FILE, TokenizerConfig};
pub use spans::WordSpan;
pub use train::{TrainOptions, character_coverage_for};

/// How the pieces are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// A unigram language model over pieces (Kudo 2018).
    #[default]
    Unigram,
    /// Byte-pair encoding (Sennrich et al. 2016).
    Bpe,
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Algorithm::Unigram => "unigram",
            Algorithm::Bpe => "bpe",
        })
    }
}

impl FromStr for Algorithm {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "unigram" => Ok(Algorithm::Unigram),
            "bpe" => Ok(Algorithm::Bpe),
            other => Err(Error::UnknownAlgorithm(other.chars().take(40).collect())),
        }
    }
}

impl From<glossa_sentencepiece::Algorithm> for Algorithm {
    fn from(algorithm: glossa_sentencepiece::Algorithm) -> Self {
        match algorithm {
            glossa_sentencepiece::Algorithm::Unigram => Algorithm::Unigram,
            glossa_sentencepiece::Algorithm::Bpe => Algorithm::Bpe,
        }
    }
}

/// A tokenizer ready for use; threads may share it.
#[derive(Debug)]
pub struct Tokenizer {
    processor: Processor,
    model: Vec<u8>,
    config: TokenizerConfig,
    digest: String,
    begin: u32,
    padding: u32,
}

impl Tokenizer {
    /// Trains on documents as they come, before any rule. Memory is bounded by
    /// [`TrainOptions::max_bytes`], however large the corpus; the same documents and options give
    /// the same tokenizer.
    pub fn train(
        documents: impl Iterator<Item = String>,
        options: &TrainOptions,
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        let model = train::train(documents, options, progress)?;
        Self::from_model(model, options.rules, Some(options.character_coverage), options.language.clone())
    }

    /// A tokenizer of an existing `spm.model`, whose text goes through `rules`.
    pub fn from_model(
        model: Vec<u8>,
        rules: Preset,
        character_coverage: Option<f64>,
        language: Option<String>,
    ) -> Result<Self, Error> {
        let processor = Processor::from_bytes(&model)?;
        let config = TokenizerConfig {
            format: FORMAT,
            algorithm: processor.algorithm().into(),
            vocabulary_size: processor.vocabulary_size(),
            rules,
            character_coverage,
            language,
        };
        Ok(Self::assemble(processor, model, config))
    }

    fn assemble(processor: Processor, model: Vec<u8>, config: TokenizerConfig) -> Self {
        let first = |names: &[&str]| names.iter().find_map(|name| special(&processor, name));
        let begin = first(&[rules::BEGIN, "<s>", "[CLS]"]).unwrap_or(processor.unknown_id());
        let padding = first(&[rules::PADDING, "<pad>", "[PAD]"]).unwrap_or(begin);
        let digest = sha256_hex(&model);
        Tokenizer { processor, model, config, digest, begin, padding }
    }

    /// Writes `spm.model` and `tokenizer_config.json` into a folder that exists.
    pub fn save_into(&self, folder: &Path) -> Result<(), Error> {
        atomic::write_file(&folder.join(MODEL_FILE), &self.model).map_err(Error::Write)?;
        atomic::write_file(&folder.join(CONFIG_FILE), self.config.to_json().as_bytes()).map_err(Error::Write)
    }

    /// Reads what [`Tokenizer::save_into`] wrote. A folder without `tokenizer_config.json` is
    /// refused: text must go through the rules that the model was trained with.
    pub fn load(folder: &Path) -> Result<Self, Error> {
        let config = TokenizerConfig::read(&folder.join(CONFIG_FILE))?;
        let path = folder.join(MODEL_FILE);
        let damaged = |why: String| Error::Tokenizer { path: path.clone(), why };
        let model = std::fs::read(&path).map_err(|cause| Error::read(&path, cause))?;
        let processor = Processor::from_bytes(&model).map_err(|cause| damaged(cause.to_string()))?;
        let size = processor.vocabulary_size();
        if size != config.vocabulary_size {
            return Err(damaged(format!("it has {size} pieces, {CONFIG_FILE} says {}", config.vocabulary_size)));
        }
        Ok(Self::assemble(processor, model, config))
    }

    /// Applies the rules and gives the ids; the first is [`Tokenizer::begin_id`].
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, Error> {
        self.encode_raw(&self.config.rules.apply(text))
    }

    /// The ids of a text of several fields, each behind its mark.
    pub fn encode_fields(&self, fields: &[&str]) -> Result<Vec<u32>, Error> {
        self.encode_raw(&self.config.rules.apply_fields(fields))
    }

    /// The ids of a text that went through the rules already.
    pub fn encode_raw(&self, text: &str) -> Result<Vec<u32>, Error> {
        Ok(self.processor.encode_ids(text)?)
    }

    /// The pieces that [`Tokenizer::encode`] finds; the unknown piece stands for what has none.
    pub fn pieces(&self, text: &str) -> Result<Vec<String>, Error> {
        let ids = self.encode(text)?;
        Ok(ids.iter().filter_map(|&id| self.piece(id)).map(str::to_owned).collect())
    }

    /// Applies the rules and draws a random segmentation (subword regularisation, BPE-dropout),
    /// decided by the stream alone. What `alpha` means depends on the algorithm:
    /// [`Processor::sample_ids`].
    pub fn sample_encode(&self, text: &str, alpha: f32, stream: Stream) -> Result<Vec<u32>, Error> {
        let ruled = self.config.rules.apply(text);
        Ok(self.processor.sample_ids(&ruled, alpha, -1, stream.bits(0))?)
    }

    /// Ids as readable text: capitals and repetitions restored, special words gone. Ids outside
    /// the vocabulary are an error.
    pub fn decode(&self, ids: &[u32]) -> Result<String, Error> {
        let text = self.decode_raw(ids)?;
        Ok(if self.config.rules == Preset::None { without_begin(&text) } else { rules::undo(&text) })
    }

    /// Ids as the text that the model saw, special words included; unknown pieces are U+FFFD.
    pub fn decode_raw(&self, ids: &[u32]) -> Result<String, Error> {
        // U+2047 between spaces is SentencePiece's own sign for the unknown piece.
        Ok(self.processor.decode_ids(ids)?.replace(" \u{2047} ", "\u{fffd}"))
    }

    /// The number of pieces.
    pub fn vocabulary_size(&self) -> usize {
        self.processor.vocabulary_size()
    }

    /// The piece of an id, spaces written U+2581.
    pub fn piece(&self, id: u32) -> Option<&str> {
        self.processor.id_to_piece(id)
    }

    /// The id of a piece.
    pub fn id(&self, piece: &str) -> Option<u32> {
        self.processor.piece_to_id(piece)
    }

    /// The id of a special word such as `xxmaj`, with or without the U+2581 before it.
    pub fn special_id(&self, word: &str) -> Option<u32> {
        special(&self.processor, word)
    }

    /// The id that begins a document: `xxbos`, or what an imported model has in its place.
    pub fn begin_id(&self) -> u32 {
        self.begin
    }

    /// The id that pads batches: `xxpad`, or [`Tokenizer::begin_id`] where a model has none.
    pub fn pad_id(&self) -> u32 {
        self.padding
    }

    /// The id of SentencePiece's unknown piece (not that of `xxunk`).
    pub fn unknown_id(&self) -> u32 {
        self.processor.unknown_id()
    }

    /// Whether a piece begins a word: U+2581 stands first.
    pub fn starts_word(&self, id: u32) -> bool {
        self.piece(id).is_some_and(|piece| piece.starts_with('\u{2581}'))
    }

    /// SHA-256 of `spm.model`, in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The settings, as `tokenizer_config.json` has them.
    pub fn config(&self) -> &TokenizerConfig {
        &self.config
    }

    /// The rules that text goes through.
    pub fn rules(&self) -> Preset {
        self.config.rules
    }

    /// The bytes of `spm.model`.
    pub fn model_bytes(&self) -> &[u8] {
        &self.model
    }
}

fn special(processor: &Processor, word: &str) -> Option<u32> {
    processor.piece_to_id(&format!("\u{2581}{word}")).or_else(|| processor.piece_to_id(word))
}

fn without_begin(text: &str) -> String {
    match text.strip_prefix(rules::BEGIN) {
        Some(rest) if rest.is_empty() || rest.starts_with(' ') => rest.trim_start().to_owned(),
        _ => text.to_owned(),
    }
}
