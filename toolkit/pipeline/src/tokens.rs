//! The token files of a corpus, made once for each tokenizer and kept inside the corpus folder, where
//! a rebuilt corpus takes them away.

use std::path::{Path, PathBuf};

use glossa_base::atomic::WholeFolder;
use glossa_base::manifest::Manifest;
use glossa_base::{Failure, Outcome, Progress};
use glossa_corpora::{Split, read_split};
use glossa_learn::stream::TokenSource;
use glossa_text::ModelTokenizer;
use glossa_text::token_file::{TokenFile, TokenWriter};

use crate::stage::{input, json};
use crate::words;

const STAGE: &str = "tokens";

/// Token files of a corpus's splits.
pub struct TokenFolder {
    path: PathBuf,
}

/// A memory-mapped token file as documents to train on.
pub(crate) struct Mapped(pub(crate) TokenFile);

impl TokenSource for Mapped {
    fn document_count(&self) -> usize {
        self.0.document_count()
    }

    fn document_length(&self, index: usize) -> usize {
        self.0.document_range(index).map_or(0, |range| range.len())
    }

    fn copy_document(&self, index: usize, tokens: &mut Vec<u32>) {
        if !self.0.copy_document(index, tokens) {
            tokens.clear();
        }
    }
}

fn file_name(split: Split) -> String {
    format!("{}.tokens", split.name())
}

impl TokenFolder {
    /// The token files of a corpus for a tokenizer: those that are there, or new ones.
    ///
    /// # Errors
    /// A damaged corpus, or a corpus folder that cannot be written.
    pub fn of(corpus: &Path, tokenizer: &ModelTokenizer, progress: &dyn Progress) -> Outcome<Self> {
        let digest = tokenizer.digest();
        let short = digest.get(..12).unwrap_or("tokens");
        let path = corpus.join(format!("tokens-{short}"));
        let folder = TokenFolder { path };
        if !folder.is_current(corpus)? {
            folder.make(corpus, tokenizer, progress)?;
        }
        Ok(folder)
    }

    /// Whether the files are there, whole, and made from this corpus.
    fn is_current(&self, corpus: &Path) -> Outcome<bool> {
        let Ok(manifest) = Manifest::read(&self.path) else { return Ok(false) };
        let source = input(corpus)?;
        let same = manifest.inputs.iter().any(|record| record.sha256 == source.sha256);
        let counted = manifest.config.get("segmenter") == Some(&json(&words::segmenter_of_corpus(corpus)?)?);
        Ok(manifest.stage == STAGE && same && counted && manifest.verify(&self.path).is_ok())
    }

    fn make(&self, corpus: &Path, tokenizer: &ModelTokenizer, progress: &dyn Progress) -> Outcome<()> {
        // A folder that is no corpus is refused before anything is made in it.
        drop(read_split(corpus, Split::Train)?);
        let segmenter = words::segmenter_of_corpus(corpus)?;
        let (folder, digest) = (WholeFolder::create(&self.path)?, tokenizer.digest());
        for split in [Split::Train, Split::Valid, Split::Test] {
            progress.start(&format!("tokenize {}", split.name()), None, "documents");
            let mut writer =
                TokenWriter::create(&folder.path().join(file_name(split)), tokenizer.vocabulary_size(), &digest)?;
            for document in read_split(corpus, split)? {
                let text = document.map_err(Failure::from)?.text;
                writer.push(&tokenizer.encode(&text, None)?, words::count(&text, segmenter))?;
                progress.advance(1);
            }
            writer.finish()?;
        }
        progress.finish("tokenized");
        let mut manifest = Manifest::new(STAGE, 0, serde_json::json!({"tokenizer": digest, "segmenter": segmenter}));
        manifest.inputs = vec![input(corpus)?];
        manifest.write(folder.path())?;
        folder.commit()
    }

    /// Where the files lie.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a split's file; `None` where the split has fewer than two tokens.
    pub(crate) fn open(&self, split: Split) -> Outcome<Option<Mapped>> {
        let file = TokenFile::open(&self.path.join(file_name(split)))?;
        Ok((file.token_count() > 1).then_some(Mapped(file)))
    }
}

/// Tokens of texts in memory, each with its pieces.
pub(crate) fn encode_all(tokenizer: &ModelTokenizer, texts: impl Iterator<Item = String>) -> Outcome<Vec<Vec<u32>>> {
    texts.map(|text| tokenizer.encode(&text, None).map_err(Failure::from)).collect()
}
