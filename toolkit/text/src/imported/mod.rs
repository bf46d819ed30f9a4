//! Tokenizers of imported encoders (BERT, XLM-RoBERTa, E5, LaBSE, ModernBERT, mmBERT, LASER), as their model
//! folders hold them.
//!
//! Special ids come from the files, except for XLM-RoBERTa's four, which its SentencePiece file does not hold.
//! Text that spells a special piece (`[SEP]`, `</s>`) is ordinary text: only this module's own calls put special ids
//! into a sequence. Truncation, padding and BPE-dropout that a file asks for are not done.
//!
//! It does not run glossa's text rules, and it trains nothing: that is [`crate::Tokenizer`].

mod align;
mod charsmap;
mod check;
mod contain;
mod files;
mod library;
mod model_file;
mod piece_model;
mod regular;
mod sections;
mod word_piece;

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::Error;

pub use align::{PlacedPiece, Words};
use files::{Files, Trouble};
use library::Library;
use piece_model::PieceModel;

/// The tokenizer of an imported model; threads may share it.
pub struct ImportedTokenizer {
    engine: Engine,
    specials: Specials,
    files: Files,
    folder: PathBuf,
    size: usize,
}

/// Who finds the pieces.
enum Engine {
    Library(Box<Library>),
    PieceModel(Box<PieceModel>),
}

/// The special ids of a model: those put around a text, and those with a meaning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Specials {
    pub(crate) before: Vec<u32>,
    pub(crate) after: Vec<u32>,
    pub(crate) begin: Option<u32>,
    pub(crate) end: Option<u32>,
    pub(crate) padding: Option<u32>,
    pub(crate) mask: Option<u32>,
    pub(crate) unknown: Option<u32>,
}

/// An id, and the bytes of the text that its piece stands for.
pub(crate) type Place = (u32, Range<usize>);

impl fmt::Debug for ImportedTokenizer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("ImportedTokenizer");
        shown.field("folder", &self.folder).field("size", &self.size).field("specials", &self.specials);
        shown.finish_non_exhaustive()
    }
}

impl ImportedTokenizer {
    /// Reads the tokenizer of a model folder: `tokenizer.json`; else a SentencePiece model, read as LASER does
    /// where `dictionary.json` is beside `spm.model`, or else as XLM-RoBERTa does where the folder says that it is
    /// one; else a `vocab.txt` of BERT.
    ///
    /// # Errors
    /// None of these files; files that are damaged, too large, or of a kind that is not read.
    pub fn load(folder: &Path) -> Result<Self, Error> {
        let mut files = Files::open(folder)?;
        let main = files.main.clone();
        let (engine, specials, size) = read(&mut files).map_err(|trouble| trouble.at(folder.join(main)))?;
        let folder = folder.to_path_buf();
        Ok(ImportedTokenizer { engine, specials, files, folder, size })
    }

    /// The ids of a text, the model's special ids around them. A text is never cut.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, Error> {
        Ok(self.wrap(&self.encode_bare(text)?))
    }

    /// The ids of a text without special ids.
    pub fn encode_bare(&self, text: &str) -> Result<Vec<u32>, Error> {
        let found = match &self.engine {
            Engine::Library(library) => library.ids(text),
            Engine::PieceModel(model) => model.ids(text),
        };
        found.map_err(|why| self.failed(why))
    }

    /// The ids of two texts as the model takes a pair, and for each id which of its types it has (0 or 1; 0 for all
    /// in models that do not tell them apart).
    pub fn encode_pair(&self, first: &str, second: &str) -> Result<(Vec<u32>, Vec<u32>), Error> {
        let found = match &self.engine {
            Engine::Library(library) => library.pair(first, second),
            Engine::PieceModel(model) => model.pair(first, second),
        };
        found.map_err(|why| self.failed(why))
    }

    /// The special ids around ids that have none, such as a window of a long text.
    pub fn wrap(&self, bare: &[u32]) -> Vec<u32> {
        [&self.specials.before, bare, &self.specials.after].concat()
    }

    /// How many ids [`ImportedTokenizer::wrap`] adds.
    pub fn special_count(&self) -> usize {
        self.specials.before.len() + self.specials.after.len()
    }

    /// The ids of a row of words, special ids around them, for tasks that label words. Each word has the pieces that
    /// it has in running text, where a space stands before every word but the first. A word that the model does not
    /// see (empty, or of characters that it drops) has no piece.
    pub fn encode_words(&self, words: &[&str]) -> Result<Words, Error> {
        let (text, ranges) = align::joined(words);
        self.encode_spans(&text, &ranges)
    }

    /// The ids of a text, special ids around them, and for each the word that it belongs to; words are ranges of
    /// bytes of the text, in order. For text whose spaces must stay as they are, or that has none.
    pub fn encode_spans(&self, text: &str, words: &[Range<usize>]) -> Result<Words, Error> {
        let places = self.places(text)?;
        let outside = |ids: &[u32]| vec![None; ids.len()];
        let found = places.iter().map(|(_, range)| align::word_at(text, words, range)).collect();
        let word_of = [outside(&self.specials.before), found, outside(&self.specials.after)].concat();
        let bare: Vec<u32> = places.into_iter().map(|(id, _)| id).collect();
        Ok(Words { ids: self.wrap(&bare), word_of })
    }

    /// The pieces of a running text without special ids, each with the bytes that it stands for and the word that it
    /// belongs to; words are what white space separates, from 0.
    pub fn word_pieces(&self, text: &str) -> Result<Vec<PlacedPiece>, Error> {
        let words = align::words(text);
        let placed = |(id, range): Place| PlacedPiece { id, word: align::word_at(text, &words, &range), range };
        Ok(self.places(text)?.into_iter().map(placed).collect())
    }

    /// Ids as text, special ids left out.
    ///
    /// # Errors
    /// Ids outside the vocabulary.
    pub fn decode(&self, ids: &[u32]) -> Result<String, Error> {
        if let Some(id) = ids.iter().find(|&&id| id as usize >= self.size) {
            return Err(self.failed(format!("id {id} is not below its vocabulary size {}", self.size)));
        }
        let text = match &self.engine {
            Engine::Library(library) => library.decode(ids),
            Engine::PieceModel(model) => model.decode(ids),
        };
        text.map_err(|why| self.failed(why))
    }

    /// The piece of an id as the files spell it.
    pub fn piece(&self, id: u32) -> Option<String> {
        match &self.engine {
            Engine::Library(library) => library.piece(id),
            Engine::PieceModel(model) => model.piece(id),
        }
    }

    /// The id of a piece as the files spell it.
    pub fn id(&self, piece: &str) -> Option<u32> {
        match &self.engine {
            Engine::Library(library) => library.id(piece),
            Engine::PieceModel(model) => model.id(piece),
        }
    }

    /// One more than the highest id: the rows that a model's table of embeddings needs at least. Not every id below
    /// needs to have a piece.
    pub fn vocabulary_size(&self) -> usize {
        self.size
    }

    /// The id that begins a sequence (`[CLS]`, `<s>`), where the model has one.
    pub fn begin_id(&self) -> Option<u32> {
        self.specials.begin
    }

    /// The id that ends a sequence (`[SEP]`, `</s>`), where the model has one.
    pub fn end_id(&self) -> Option<u32> {
        self.specials.end
    }

    /// The id that fills batches up, where the model has one.
    pub fn pad_id(&self) -> Option<u32> {
        self.specials.padding
    }

    /// The id that stands for a hidden piece in masked language modelling, where the model has one.
    pub fn mask_id(&self) -> Option<u32> {
        self.specials.mask
    }

    /// The id of what has no piece, where the model has one.
    pub fn unknown_id(&self) -> Option<u32> {
        self.specials.unknown
    }

    /// SHA-256 over the files that define it and the way they are read, in hexadecimal.
    pub fn digest(&self) -> String {
        self.files.digest()
    }

    /// The names of its files. The model's own `config.json` is not among them, although it may have said how to
    /// read a SentencePiece model.
    pub fn files(&self) -> &[String] {
        self.files.names()
    }

    /// Writes its files, byte for byte as they were read, into a folder that exists.
    pub fn save_into(&self, folder: &Path) -> Result<(), Error> {
        self.files.save_into(folder)
    }

    fn places(&self, text: &str) -> Result<Vec<Place>, Error> {
        let found = match &self.engine {
            Engine::Library(library) => library.places(text),
            Engine::PieceModel(model) => model.places(text),
        };
        found.map_err(|why| self.failed(why))
    }

    fn failed(&self, why: String) -> Error {
        Error::Imported { tokenizer: self.folder.clone(), why }
    }
}

/// Reads the main file with what belongs to it.
fn read(files: &mut Files) -> Result<(Engine, Specials, usize), Trouble> {
    let bytes = files.main_bytes();
    let (library, specials, size) = match files.main.as_str() {
        files::LIBRARY_FILE => library::read(bytes, &files.names_of_specials)?,
        files::WORD_LIST => {
            let library = word_piece::read(bytes, &files.settings, &files.names_of_specials)?;
            library::finish(library, &files.names_of_specials)?
        }
        _ => {
            let model = match files.dictionary() {
                Some(dictionary) => PieceModel::with_dictionary(bytes, dictionary)?,
                None => {
                    files.check_layout()?;
                    PieceModel::fairseq(bytes)?
                }
            };
            let (specials, size) = (model.specials(), model.size());
            return Ok((Engine::PieceModel(Box::new(model)), specials, size));
        }
    };
    Ok((Engine::Library(Box::new(library)), specials, size))
}
