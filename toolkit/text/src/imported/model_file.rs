//! The `model` of a `tokenizer.json`, read entry by entry into the library's own maps, with limits on their number.
#![deny(clippy::indexing_slicing)]

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use tokenizers::ModelWrapper;
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::models::unigram::Unigram;
use tokenizers::models::wordlevel::WordLevel;
use tokenizers::models::wordpiece::WordPiece;

use super::files::Trouble;

/// More entries than any vocabulary or list of merges that is known (XLM-V has 0.9 million pieces).
pub(super) const MOST_ENTRIES: usize = 1_000_000;
/// Ids are rows of a table of embeddings.
pub(super) const HIGHEST_ID: u32 = 4_000_000;
/// Bytes of one piece; the library keeps pieces in a tree that is as deep as the longest.
pub(super) const LONGEST_PIECE: usize = 1024;
/// Nodes of that tree, which take up to 350 bytes each; XLM-RoBERTa's pieces need 0.8 million.
const MOST_NODES: usize = 1_000_000;
/// WordPiece tries all parts of a word: time grows with the square of this. BERT has 100.
const LONGEST_WORD: usize = 200;

/// A model and the highest id of its vocabulary.
pub(super) struct Read {
    pub(super) model: ModelWrapper,
    pub(super) highest: Option<u32>,
    /// The name of the unknown piece, where the model has one.
    pub(super) unknown: Option<String>,
}

#[derive(Deserialize)]
struct ModelFile {
    #[serde(rename = "type")]
    kind: Option<String>,
    vocab: Pieces,
    #[serde(default)]
    merges: Option<Merges>,
    #[serde(default)]
    unk_token: Option<String>,
    #[serde(default)]
    unk_id: Option<usize>,
    #[serde(default)]
    continuing_subword_prefix: Option<String>,
    #[serde(default)]
    end_of_word_suffix: Option<String>,
    #[serde(default)]
    max_input_chars_per_word: Option<usize>,
    #[serde(default)]
    fuse_unk: Option<bool>,
    #[serde(default)]
    byte_fallback: Option<bool>,
    #[serde(default)]
    ignore_merges: Option<bool>,
}

/// Reads a model.
pub(super) fn read(bytes: &[u8]) -> Result<Read, Trouble> {
    let file: ModelFile = serde_json::from_slice(bytes).map_err(|cause| format!("its model: {cause}"))?;
    let highest = file.vocab.highest()?;
    let unknown = file.unknown_name();
    let kind = file.kind.clone().unwrap_or_else(|| file.likely_kind().to_owned());
    let model = match kind.as_str() {
        "BPE" => file.bpe()?,
        "WordPiece" => file.word_piece()?,
        "WordLevel" => file.word_level()?,
        "Unigram" => file.unigram()?,
        other => {
            let shown: String = other.chars().take(40).collect();
            return Err(Trouble::Unsupported(format!("a model of the type {shown:?}")));
        }
    };
    Ok(Read { model, highest, unknown })
}

impl ModelFile {
    /// Old files do not say.
    fn likely_kind(&self) -> &'static str {
        match (&self.vocab, &self.merges, self.max_input_chars_per_word) {
            (Pieces::Scored(_), ..) => "Unigram",
            (_, Some(_), _) => "BPE",
            (_, None, Some(_)) => "WordPiece",
            _ => "WordLevel",
        }
    }

    fn unknown_name(&self) -> Option<String> {
        match &self.vocab {
            Pieces::Scored(pieces) => pieces.get(self.unk_id?).map(|(piece, _)| piece.clone()),
            Pieces::Numbered(_) => self.unk_token.clone(),
        }
    }

    fn bpe(self) -> Result<ModelWrapper, Trouble> {
        if self.continuing_subword_prefix.is_some_and(|prefix| !prefix.is_empty()) {
            return Err(Trouble::Unsupported("BPE with marks before the parts of a word".to_owned()));
        }
        let merges = self.merges.ok_or_else(|| "its model has no merges".to_owned())?.0;
        let mut builder = BPE::builder().vocab_and_merges(self.vocab.numbered()?, merges);
        if let Some(unknown) = self.unk_token {
            builder = builder.unk_token(unknown);
        }
        if let Some(suffix) = self.end_of_word_suffix {
            builder = builder.end_of_word_suffix(suffix);
        }
        let builder = builder.fuse_unk(self.fuse_unk == Some(true)).byte_fallback(self.byte_fallback == Some(true));
        let built = builder.ignore_merges(self.ignore_merges == Some(true)).build();
        Ok(built.map_err(|cause| format!("its model: {cause}"))?.into())
    }

    fn word_piece(self) -> Result<ModelWrapper, Trouble> {
        let longest = self.max_input_chars_per_word.unwrap_or(100);
        if longest > LONGEST_WORD {
            return Err(format!("words of up to {longest} characters; at most {LONGEST_WORD} are read").into());
        }
        let prefix = self.continuing_subword_prefix.unwrap_or_else(|| "##".to_owned());
        if prefix.len() > 16 {
            return Err("its mark before the parts of a word is too long".to_owned().into());
        }
        let builder = WordPiece::builder().vocab(self.vocab.numbered()?).max_input_chars_per_word(longest);
        let builder = builder.continuing_subword_prefix(prefix);
        let unknown = self.unk_token.ok_or_else(|| "its model names no unknown piece".to_owned())?;
        Ok(builder.unk_token(unknown).build().map_err(|cause| format!("its model: {cause}"))?.into())
    }

    fn word_level(self) -> Result<ModelWrapper, Trouble> {
        let unknown = self.unk_token.ok_or_else(|| "its model names no unknown piece".to_owned())?;
        let built = WordLevel::builder().vocab(self.vocab.numbered()?).unk_token(unknown).build();
        Ok(built.map_err(|cause| format!("its model: {cause}"))?.into())
    }

    fn unigram(self) -> Result<ModelWrapper, Trouble> {
        let Pieces::Scored(pieces) = self.vocab else {
            return Err("its model is Unigram without scores".to_owned().into());
        };
        check_tree(&pieces)?;
        let built = Unigram::from(pieces, self.unk_id, self.byte_fallback == Some(true));
        Ok(built.map_err(|cause| format!("its model: {cause}"))?.into())
    }
}

/// Whether the library's tree of pieces fits into memory.
fn check_tree(pieces: &[(String, f64)]) -> Result<(), String> {
    let mut sorted: Vec<&[u8]> = pieces.iter().map(|(piece, _)| piece.as_bytes()).collect();
    sorted.sort_unstable();
    let (mut nodes, mut last): (usize, &[u8]) = (0, &[]);
    for piece in sorted {
        nodes += piece.len() - piece.iter().zip(last).take_while(|(one, other)| one == other).count();
        last = piece;
    }
    if nodes > MOST_NODES {
        Err(format!("its pieces are too long: {nodes} bytes after what they share"))
    } else {
        Ok(())
    }
}

/// A vocabulary: pieces with ids, or pieces with scores, whose places are their ids.
enum Pieces {
    Numbered(Vocab),
    Scored(Vec<(String, f64)>),
}

impl Pieces {
    fn numbered(self) -> Result<Vocab, String> {
        match self {
            Pieces::Numbered(vocab) => Ok(vocab),
            Pieces::Scored(_) => Err("its pieces have scores where they need ids".to_owned()),
        }
    }

    /// The highest id; two pieces with one id are an error, since one of them could not be read back.
    fn highest(&self) -> Result<Option<u32>, String> {
        let vocab = match self {
            Pieces::Scored(pieces) => {
                return Ok(u32::try_from(pieces.len()).ok().and_then(|count| count.checked_sub(1)));
            }
            Pieces::Numbered(vocab) => vocab,
        };
        let mut ids: Vec<u32> = vocab.values().copied().collect();
        ids.sort_unstable();
        if let Some(twice) = ids.windows(2).find(|pair| pair.first() == pair.last()) {
            return Err(format!("two pieces have the id {}", twice.first().copied().unwrap_or_default()));
        }
        Ok(ids.last().copied())
    }
}

impl<'de> Deserialize<'de> for Pieces {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Pieces;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("pieces with ids, or a list of pieces with scores")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Pieces, A::Error> {
                let mut vocab = Vocab::default();
                while let Some((piece, id)) = entries.next_entry::<String, u32>()? {
                    check_entry(&piece, vocab.len()).map_err(A::Error::custom)?;
                    if id > HIGHEST_ID {
                        return Err(A::Error::custom(format!("id {id} is higher than {HIGHEST_ID}")));
                    }
                    if vocab.insert(piece, id).is_some() {
                        return Err(A::Error::custom("a piece is there twice"));
                    }
                }
                Ok(Pieces::Numbered(vocab))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Pieces, A::Error> {
                let mut pieces = Vec::new();
                while let Some((piece, score)) = entries.next_element::<(String, f64)>()? {
                    check_entry(&piece, pieces.len()).map_err(A::Error::custom)?;
                    pieces.push((piece, score));
                }
                Ok(Pieces::Scored(pieces))
            }
        }
        deserializer.deserialize_any(Entries)
    }
}

fn check_entry(piece: &str, before: usize) -> Result<(), String> {
    if before >= MOST_ENTRIES {
        return Err(format!("more than {MOST_ENTRIES} pieces"));
    }
    if piece.len() > LONGEST_PIECE { Err(format!("a piece of {} bytes", piece.len())) } else { Ok(()) }
}

/// Pairs of pieces; old files have each pair as one text with a space.
struct Merges(Vec<(String, String)>);

#[derive(Deserialize)]
#[serde(untagged)]
enum Merge {
    Pair(String, String),
    Joined(String),
}

impl<'de> Deserialize<'de> for Merges {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Merges;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of merges")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Merges, A::Error> {
                let mut merges = Vec::new();
                while let Some(merge) = entries.next_element::<Merge>()? {
                    if merges.len() >= MOST_ENTRIES {
                        return Err(A::Error::custom(format!("more than {MOST_ENTRIES} merges")));
                    }
                    merges.extend(pair(merge).map_err(A::Error::custom)?);
                }
                Ok(Merges(merges))
            }
        }
        deserializer.deserialize_seq(Entries)
    }
}

/// The two parts; none for the line of a version, which old lists begin with.
fn pair(merge: Merge) -> Result<Option<(String, String)>, String> {
    let joined = match merge {
        Merge::Pair(left, right) => return Ok(Some((left, right))),
        Merge::Joined(joined) if joined.starts_with("#version") => return Ok(None),
        Merge::Joined(joined) => joined,
    };
    match joined.split_once(' ') {
        Some((left, right)) if !right.contains(' ') => Ok(Some((left.to_owned(), right.to_owned()))),
        _ => Err(format!("the merge {:?} is not two pieces", joined.chars().take(40).collect::<String>())),
    }
}
