//! A SentencePiece model whose pieces have the ids of another table: XLM-RoBERTa's (fairseq's), or LASER's dictionary.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use glossa_sentencepiece::Processor;

use super::files::{Dictionary, Trouble};
use super::model_file::HIGHEST_ID;
use super::{Place, Specials};

/// The version of `dictionary.json` that is read.
const DICTIONARY_FORMAT: u64 = 1;

/// XLM-RoBERTa's first ids; piece `i` of the SentencePiece model is `i + 1`, and `<mask>` comes last.
const FAIRSEQ: [&str; 4] = ["<s>", "<pad>", "</s>", "<unk>"];
const MASK: &str = "<mask>";

/// A model with its table of ids.
pub(super) struct PieceModel {
    processor: Processor,
    ids: Ids,
    lowercase: bool,
}

enum Ids {
    Fairseq,
    Dictionary(Box<Table>),
}

/// LASER's pieces by name and by id.
struct Table {
    ids: HashMap<String, u32>,
    pieces: Vec<Option<String>>,
    begin: u32,
    padding: u32,
    end: u32,
    unknown: u32,
}

impl PieceModel {
    /// XLM-RoBERTa's ids.
    pub(super) fn fairseq(bytes: &[u8]) -> Result<Self, Trouble> {
        let processor = Processor::from_bytes(bytes).map_err(|cause| cause.to_string())?;
        let first = [0, 1, 2].map(|id| processor.id_to_piece(id));
        if processor.unknown_id() != 0 || first != [Some("<unk>"), Some("<s>"), Some("</s>")] {
            let shown = first.map(Option::unwrap_or_default).join(" ");
            return Err(Trouble::Unsupported(format!("its first pieces are {shown}, XLM-RoBERTa's <unk> <s> </s>")));
        }
        Ok(PieceModel { processor, ids: Ids::Fairseq, lowercase: false })
    }

    /// The ids of a `dictionary.json`.
    pub(super) fn with_dictionary(bytes: &[u8], dictionary: &[u8]) -> Result<Self, Trouble> {
        let processor = Processor::from_bytes(bytes).map_err(|cause| cause.to_string())?;
        let read: Dictionary =
            serde_json::from_slice(dictionary).map_err(|cause| format!("its dictionary: {cause}"))?;
        if read.format > DICTIONARY_FORMAT {
            return Err(Trouble::Newer(read.format, DICTIONARY_FORMAT));
        }
        let lowercase = read.lowercase;
        Ok(PieceModel { processor, ids: Ids::Dictionary(Box::new(Table::of(read)?)), lowercase })
    }

    pub(super) fn specials(&self) -> Specials {
        match &self.ids {
            Ids::Fairseq => Specials {
                before: vec![0],
                after: vec![2],
                begin: Some(0),
                end: Some(2),
                padding: Some(1),
                mask: self.id(MASK),
                unknown: Some(3),
            },
            Ids::Dictionary(table) => Specials {
                before: Vec::new(),
                after: vec![table.end],
                begin: Some(table.begin),
                end: Some(table.end),
                padding: Some(table.padding),
                mask: None,
                unknown: Some(table.unknown),
            },
        }
    }

    pub(super) fn size(&self) -> usize {
        match &self.ids {
            Ids::Fairseq => self.processor.vocabulary_size() + 2,
            Ids::Dictionary(table) => table.pieces.len(),
        }
    }

    pub(super) fn places(&self, text: &str) -> Result<Vec<Place>, String> {
        if !self.lowercase {
            return self.found(text);
        }
        let small = Lowered::of(text);
        let places = self.found(&small.text)?;
        Ok(places.into_iter().map(|(id, range)| (id, small.original(&range))).collect())
    }

    /// The ids alone, without the work for places.
    pub(super) fn ids(&self, text: &str) -> Result<Vec<u32>, String> {
        let small = if self.lowercase { Cow::Owned(text.to_lowercase()) } else { Cow::Borrowed(text) };
        let ids = self.processor.encode_ids(&small).map_err(|cause| cause.to_string())?;
        Ok(ids.into_iter().map(|id| self.outer(id)).collect())
    }

    fn found(&self, text: &str) -> Result<Vec<Place>, String> {
        let places = self.processor.encode_places(text).map_err(|cause| cause.to_string())?;
        Ok(places.into_iter().map(|(id, range)| (self.outer(id), range)).collect())
    }

    /// XLM-RoBERTa puts two ends between the texts, LASER one; neither has types.
    pub(super) fn pair(&self, first: &str, second: &str) -> Result<(Vec<u32>, Vec<u32>), String> {
        let specials = self.specials();
        let mut ids = specials.before;
        ids.extend(self.ids(first)?);
        ids.extend(&specials.after);
        if matches!(self.ids, Ids::Fairseq) {
            ids.extend(&specials.after);
        }
        ids.extend(self.ids(second)?);
        ids.extend(&specials.after);
        let types = vec![0; ids.len()];
        Ok((ids, types))
    }

    /// Special ids are left out; unknown pieces are U+FFFD.
    pub(super) fn decode(&self, ids: &[u32]) -> Result<String, String> {
        let inner: Vec<u32> = ids.iter().filter_map(|&id| self.inner(id)).collect();
        let text = self.processor.decode_ids(&inner).map_err(|cause| cause.to_string())?;
        Ok(text.replace(" \u{2047} ", "\u{fffd}"))
    }

    pub(super) fn piece(&self, id: u32) -> Option<String> {
        match &self.ids {
            Ids::Dictionary(table) => table.pieces.get(id as usize)?.clone(),
            Ids::Fairseq if id as usize + 1 == self.size() => Some(MASK.to_owned()),
            Ids::Fairseq => match FAIRSEQ.get(id as usize) {
                Some(piece) => Some((*piece).to_owned()),
                None => self.processor.id_to_piece(id - 1).map(str::to_owned),
            },
        }
    }

    pub(super) fn id(&self, piece: &str) -> Option<u32> {
        match &self.ids {
            Ids::Dictionary(table) => table.ids.get(piece).copied(),
            Ids::Fairseq => {
                let special = FAIRSEQ.iter().position(|special| *special == piece);
                let last = || if piece == MASK { Some(self.size() - 1) } else { None };
                let special = special.or_else(last).and_then(|id| u32::try_from(id).ok());
                special.or_else(|| self.processor.piece_to_id(piece).map(|id| id + 1))
            }
        }
    }

    /// The model's id of a SentencePiece id.
    fn outer(&self, id: u32) -> u32 {
        match &self.ids {
            Ids::Fairseq if id == self.processor.unknown_id() => 3,
            Ids::Fairseq => id + 1,
            Ids::Dictionary(table) => {
                let known = self.processor.id_to_piece(id).and_then(|piece| table.ids.get(piece));
                known.copied().unwrap_or(table.unknown)
            }
        }
    }

    /// The SentencePiece id of a model's id; none for special ids.
    fn inner(&self, id: u32) -> Option<u32> {
        let specials = self.specials();
        if specials.unknown == Some(id) {
            return Some(self.processor.unknown_id());
        }
        if [specials.begin, specials.end, specials.padding, specials.mask].contains(&Some(id)) {
            return None;
        }
        match &self.ids {
            Ids::Fairseq => id.checked_sub(1),
            Ids::Dictionary(_) => self.processor.piece_to_id(&self.piece(id)?),
        }
    }
}

impl Table {
    fn of(read: Dictionary) -> Result<Self, String> {
        let specials = [read.begin, read.padding, read.end, read.unknown];
        let highest = read.pieces.values().chain(&specials).max().copied().unwrap_or_default();
        if highest > HIGHEST_ID {
            return Err(format!("its dictionary has the id {highest}, higher than {HIGHEST_ID}"));
        }
        let mut pieces: Vec<Option<String>> = vec![None; highest as usize + 1];
        for (piece, &id) in &read.pieces {
            if pieces.get_mut(id as usize).and_then(|slot| slot.replace(piece.clone())).is_some() {
                return Err(format!("its dictionary has two pieces with the id {id}"));
            }
        }
        let Dictionary { pieces: ids, begin, padding, end, unknown, .. } = read;
        Ok(Table { ids, pieces, begin, padding, end, unknown })
    }
}

/// A text in small letters, and where each of its characters came from.
struct Lowered {
    text: String,
    /// The ends of each character, in the small text and in the original.
    ends: Vec<(usize, usize)>,
}

impl Lowered {
    fn of(text: &str) -> Self {
        let (mut small, mut ends) = (0, Vec::with_capacity(text.len()));
        for (place, character) in text.char_indices() {
            // A sigma at a word's end becomes another letter of the same length, so lengths are right.
            small += character.to_lowercase().map(char::len_utf8).sum::<usize>();
            ends.push((small, place + character.len_utf8()));
        }
        Lowered { text: text.to_lowercase(), ends }
    }

    /// The original characters of a range of the small text.
    fn original(&self, range: &Range<usize>) -> Range<usize> {
        let end_of = |count: usize| count.checked_sub(1).and_then(|last| self.ends.get(last)).map_or(0, |end| end.1);
        let begin = end_of(self.ends.partition_point(|end| end.0 <= range.start));
        if range.is_empty() {
            return begin..begin;
        }
        let last = self.ends.partition_point(|end| end.0 < range.end);
        begin..end_of(last + 1).max(begin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_letters_know_where_they_came_from() {
        let text = "Aİ ΣΑΣ ǅb";
        let small = Lowered::of(text);
        assert_eq!(small.text, text.to_lowercase());
        assert_eq!(small.ends.last(), Some(&(small.text.len(), text.len())));
        assert_eq!(small.original(&(0..1)), 0..1);
        assert_eq!(&text[small.original(&(1..4))], "İ");
        assert_eq!(&text[small.original(&(1..2))], "İ");
        assert_eq!(small.original(&(0..small.text.len())), 0..text.len());
        assert_eq!(small.original(&(0..0)), 0..0);
    }
}
