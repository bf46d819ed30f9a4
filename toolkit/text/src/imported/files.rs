//! The files of a model folder that make up its tokenizer: which there are, their bytes, and the names that they give
//! to special pieces. Sizes are limited before anything is read.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use glossa_base::atomic;
use glossa_base::hash::sha256_hex;
use serde::Deserialize;

use crate::Error;

pub(super) const LIBRARY_FILE: &str = "tokenizer.json";
pub(super) const WORD_LIST: &str = "vocab.txt";
const FAIRSEQ_FILE: &str = "sentencepiece.bpe.model";
const LASER_FILE: &str = "spm.model";
const PIECE_MODELS: [&str; 4] = [FAIRSEQ_FILE, "spiece.model", LASER_FILE, "tokenizer.model"];
const DICTIONARY: &str = "dictionary.json";
const SETTINGS: &str = "tokenizer_config.json";
const NAMES: &str = "special_tokens_map.json";
const MODEL_SETTINGS: &str = "config.json";

/// The largest vocabulary file that is read, in bytes; mmBERT's has 34 MB.
const LARGEST: u64 = 64 << 20;
/// The largest settings file that is read, in bytes.
const LARGEST_SETTINGS: u64 = 4 << 20;

/// What is wrong with a file, before its path is known.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Damaged or out of bounds.
    Unsound(String),
    /// Sound, perhaps, and not read.
    Unsupported(String),
    /// Of a newer format: found and known.
    Newer(u64, u64),
}

impl Trouble {
    pub(super) fn at(self, path: PathBuf) -> Error {
        match self {
            Trouble::Unsound(why) => Error::Tokenizer { path, why },
            Trouble::Unsupported(why) => Error::UnsupportedTokenizer { path, why },
            Trouble::Newer(found, known) => Error::NewerFormat { path, found, known },
        }
    }
}

impl From<String> for Trouble {
    fn from(why: String) -> Self {
        Trouble::Unsound(why)
    }
}

/// The files of a tokenizer, as they were read.
pub(super) struct Files {
    /// The name of the file with the vocabulary.
    pub(super) main: String,
    names: Vec<String>,
    bytes: Vec<Vec<u8>>,
    /// What `tokenizer_config.json` says.
    pub(super) settings: Settings,
    /// What the files call the special pieces.
    pub(super) names_of_specials: SpecialNames,
    model_type: Option<String>,
}

/// The settings that are read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Settings {
    tokenizer_class: Option<String>,
    pub(super) do_lower_case: Option<bool>,
    pub(super) strip_accents: Option<bool>,
    pub(super) tokenize_chinese_chars: Option<bool>,
    #[serde(flatten)]
    names: SpecialFields,
}

/// Special pieces by their role; a name, or an object with the name as `content`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SpecialFields {
    cls_token: Option<Name>,
    bos_token: Option<Name>,
    sep_token: Option<Name>,
    eos_token: Option<Name>,
    pad_token: Option<Name>,
    mask_token: Option<Name>,
    unk_token: Option<Name>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Name {
    Plain(String),
    Full { content: String },
}

impl Name {
    fn text(self) -> String {
        match self {
            Name::Plain(text) | Name::Full { content: text } => text,
        }
    }
}

/// The part of the model's `config.json` that is read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ModelSettings {
    tokenizer_class: Option<String>,
    model_type: Option<String>,
}

/// Special pieces by their role, as the files name them.
#[derive(Debug, Clone, Default)]
pub(super) struct SpecialNames {
    pub(super) begin: Option<String>,
    pub(super) end: Option<String>,
    pub(super) padding: Option<String>,
    pub(super) mask: Option<String>,
    pub(super) unknown: Option<String>,
}

impl SpecialNames {
    fn of(fields: SpecialFields) -> Self {
        let name = |name: Option<Name>| name.map(Name::text);
        SpecialNames {
            begin: name(fields.cls_token).or(name(fields.bos_token)),
            end: name(fields.sep_token).or(name(fields.eos_token)),
            padding: name(fields.pad_token),
            mask: name(fields.mask_token),
            unknown: name(fields.unk_token),
        }
    }

    fn or(self, other: Self) -> Self {
        SpecialNames {
            begin: self.begin.or(other.begin),
            end: self.end.or(other.end),
            padding: self.padding.or(other.padding),
            mask: self.mask.or(other.mask),
            unknown: self.unknown.or(other.unknown),
        }
    }
}

impl Files {
    /// Finds and reads them.
    pub(super) fn open(folder: &Path) -> Result<Self, Error> {
        let candidates = || std::iter::once(LIBRARY_FILE).chain(PIECE_MODELS).chain([WORD_LIST]);
        let main = candidates().find(|name| folder.join(name).is_file()).ok_or_else(|| Error::NoTokenizer {
            folder: folder.to_path_buf(),
            looked_for: candidates().collect::<Vec<_>>().join(", "),
        })?;
        let mut files = Files {
            main: main.to_owned(),
            names: Vec::new(),
            bytes: Vec::new(),
            settings: Settings::default(),
            names_of_specials: SpecialNames::default(),
            model_type: None,
        };
        files.take(folder, main, LARGEST)?;
        if main == LASER_FILE && folder.join(DICTIONARY).is_file() {
            files.take(folder, DICTIONARY, LARGEST)?;
        }
        files.read_settings(folder)?;
        Ok(files)
    }

    fn read_settings(&mut self, folder: &Path) -> Result<(), Error> {
        let mut settings: Settings = self.take_settings(folder, SETTINGS)?;
        let map: SpecialFields = self.take_settings(folder, NAMES)?;
        self.names_of_specials = SpecialNames::of(std::mem::take(&mut settings.names)).or(SpecialNames::of(map));
        let path = folder.join(MODEL_SETTINGS);
        if path.is_file() {
            let model: ModelSettings = parsed(&path, &read_limited(&path, LARGEST_SETTINGS)?)?;
            settings.tokenizer_class = settings.tokenizer_class.or(model.tokenizer_class);
            self.model_type = model.model_type;
        }
        self.settings = settings;
        Ok(())
    }

    /// A settings file that may be absent.
    fn take_settings<T: Default + for<'a> Deserialize<'a>>(&mut self, folder: &Path, name: &str) -> Result<T, Error> {
        let path = folder.join(name);
        if !path.is_file() {
            return Ok(T::default());
        }
        self.take(folder, name, LARGEST_SETTINGS)?;
        parsed(&path, self.get(name).unwrap_or_default())
    }

    fn take(&mut self, folder: &Path, name: &str, limit: u64) -> Result<(), Error> {
        self.bytes.push(read_limited(&folder.join(name), limit)?);
        self.names.push(name.to_owned());
        Ok(())
    }

    fn get(&self, name: &str) -> Option<&[u8]> {
        let place = self.names.iter().position(|known| known == name)?;
        self.bytes.get(place).map(Vec::as_slice)
    }

    pub(super) fn main_bytes(&self) -> &[u8] {
        self.get(&self.main).unwrap_or_default()
    }

    /// LASER's dictionary.
    pub(super) fn dictionary(&self) -> Option<&[u8]> {
        self.get(DICTIONARY)
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether the folder says that its SentencePiece model has the ids of XLM-RoBERTa.
    pub(super) fn check_layout(&self) -> Result<(), Trouble> {
        let class = self.settings.tokenizer_class.as_deref();
        let is_fairseq = match class {
            Some(class) => class.trim_end_matches("Fast") == "XLMRobertaTokenizer",
            None => self.model_type.as_deref() == Some("xlm-roberta") || self.main == FAIRSEQ_FILE,
        };
        if is_fairseq {
            return Ok(());
        }
        Err(Trouble::Unsupported(match class {
            Some(class) => format!("a SentencePiece model with the ids of {class}; XLMRobertaTokenizer is read"),
            None => "a SentencePiece model, and nothing says which ids its model gives to the pieces".to_owned(),
        }))
    }

    pub(super) fn digest(&self) -> String {
        let mut all = Vec::new();
        for (name, bytes) in self.names.iter().zip(&self.bytes) {
            all.extend_from_slice(format!("{name} {}\n", sha256_hex(bytes)).as_bytes());
        }
        sha256_hex(&all)
    }

    pub(super) fn save_into(&self, folder: &Path) -> Result<(), Error> {
        let mut pairs = self.names.iter().zip(&self.bytes);
        pairs.try_for_each(|(name, bytes)| atomic::write_file(&folder.join(name), bytes).map_err(Error::Write))
    }
}

impl Settings {
    /// Whether a `vocab.txt` belongs to BERT's own tokenizer or to one of those that are like it.
    pub(super) fn check_word_piece(&self) -> Result<(), Trouble> {
        const ALIKE: [&str; 4] = ["BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer", "PreTrainedTokenizer"];
        match self.tokenizer_class.as_deref() {
            Some(class) if !ALIKE.contains(&class.trim_end_matches("Fast")) => {
                Err(Trouble::Unsupported(format!("a list of words for {class}; BertTokenizer is read")))
            }
            _ => Ok(()),
        }
    }
}

/// A JSON object with its names of pieces; damage names the place.
fn parsed<T: for<'a> Deserialize<'a>>(path: &Path, bytes: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|cause| Error::Tokenizer { path: path.to_path_buf(), why: cause.to_string() })
}

/// The bytes of a file that has at most `limit` of them.
fn read_limited(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let file = File::open(path).map_err(|cause| Error::read(path, cause))?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|cause| Error::read(path, cause))?;
    if bytes.len() as u64 > limit {
        let why = format!("it has more than {} MiB", limit >> 20);
        return Err(Error::Tokenizer { path: path.to_path_buf(), why });
    }
    Ok(bytes)
}

/// LASER's dictionary, a format of our own.
#[derive(Debug, Deserialize)]
pub(super) struct Dictionary {
    /// Version of this format.
    pub(super) format: u64,
    /// Each piece's id.
    pub(super) pieces: HashMap<String, u32>,
    pub(super) begin: u32,
    pub(super) padding: u32,
    pub(super) end: u32,
    pub(super) unknown: u32,
    /// Whether text is written small first.
    #[serde(default)]
    pub(super) lowercase: bool,
}
