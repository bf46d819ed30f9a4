//! Reads a model's own bytes: its pieces, and whether the C++ library can be trusted with it.
//!
//! A model is a protocol buffer (`sentencepiece_model.proto`): field 1 a piece, repeated; 2 the
//! trainer's settings; 3 the normaliser's. The library accepts a file that was cut off between two
//! fields, and follows the normaliser's table without looking at its bounds: both are refused here.
#![deny(clippy::indexing_slicing)]

use std::collections::HashMap;

use crate::{Algorithm, Error};

/// What a piece is, as the model says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PieceKind {
    /// A piece that training found.
    Normal,
    /// The unknown piece.
    Unknown,
    /// A symbol that never comes from text, such as a sentence end.
    Control,
    /// A symbol that is never split.
    UserDefined,
    /// A piece that is not used.
    Unused,
    /// A byte, for characters without a piece.
    Byte,
}

/// A piece as the model stores it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Piece {
    pub(crate) text: String,
    pub(crate) score: f32,
    pub(crate) kind: PieceKind,
}

/// The vocabulary of a model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Vocabulary {
    pub(crate) pieces: Vec<Piece>,
    pub(crate) ids: HashMap<String, u32>,
    pub(crate) unknown: u32,
    pub(crate) algorithm: Algorithm,
}

/// Reads the pieces; refuses what is cut off, damaged or would lead the library astray.
pub(crate) fn read(bytes: &[u8]) -> Result<Vocabulary, Error> {
    let (mut pieces, mut algorithm, mut normaliser) = (Vec::new(), None, false);
    let mut fields = Fields { rest: bytes };
    while let Some((number, value)) = fields.next()? {
        match (number, value) {
            (1, Value::Bytes(piece)) => pieces.push(read_piece(piece)?),
            (2, Value::Bytes(settings)) => algorithm = Some(read_algorithm(settings)?),
            (3 | 5, Value::Bytes(inner)) => {
                check_normaliser(inner)?;
                normaliser |= number == 3;
            }
            (1..=3 | 5, _) => return Err(bad("a field has the wrong type")),
            _ => {}
        }
    }
    match algorithm {
        Some(algorithm) if normaliser => index(pieces, algorithm),
        _ => Err(bad("it has no settings at its end: cut off, or another kind of file")),
    }
}

/// Field 3 of the trainer's settings.
fn read_algorithm(bytes: &[u8]) -> Result<Algorithm, Error> {
    let mut algorithm = Algorithm::Unigram;
    let mut fields = Fields { rest: bytes };
    while let Some((number, value)) = fields.next()? {
        match (number, value) {
            (3, Value::Number(1)) => algorithm = Algorithm::Unigram,
            (3, Value::Number(2)) => algorithm = Algorithm::Bpe,
            (3, _) => return Err(bad("its pieces are whole words or characters; unigram and BPE are supported")),
            _ => {}
        }
    }
    Ok(algorithm)
}

fn index(pieces: Vec<Piece>, algorithm: Algorithm) -> Result<Vocabulary, Error> {
    let mut ids = HashMap::with_capacity(pieces.len());
    let mut unknown = None;
    for (id, piece) in pieces.iter().enumerate() {
        let id = u32::try_from(id).map_err(|_| bad("too many pieces"))?;
        if ids.insert(piece.text.clone(), id).is_some() {
            return Err(bad(&format!("the piece {:?} is there twice", piece.text)));
        }
        if piece.kind == PieceKind::Unknown && unknown.replace(id).is_some() {
            return Err(bad("it has two unknown pieces"));
        }
    }
    let unknown = unknown.ok_or_else(|| bad("it has no unknown piece"))?;
    Ok(Vocabulary { pieces, ids, unknown, algorithm })
}

/// A piece of a text: its id, and the bytes of the text that it stands for.
pub(crate) type Place = (u32, std::ops::Range<usize>);

/// Reads the message `SentencePieceText`: field 2 a piece, repeated; in it 2 the id, 4 and 5 its bytes.
pub(crate) fn read_places(message: &[u8]) -> Result<Vec<Place>, Error> {
    let (mut places, mut fields) = (Vec::new(), Fields { rest: message });
    while let Some((number, value)) = fields.next()? {
        if let (2, Value::Bytes(piece)) = (number, value) {
            places.push(read_place(piece)?);
        }
    }
    Ok(places)
}

fn read_place(bytes: &[u8]) -> Result<Place, Error> {
    let (mut id, mut begin, mut end) = (0, 0, 0);
    let mut fields = Fields { rest: bytes };
    while let Some((number, value)) = fields.next()? {
        match (number, value) {
            (2, Value::Number(found)) => id = found,
            (4, Value::Number(found)) => begin = found,
            (5, Value::Number(found)) => end = found,
            _ => {}
        }
    }
    let wide = |_| bad("a place does not fit into memory");
    Ok((u32::try_from(id).map_err(wide)?, usize::try_from(begin).map_err(wide)?..usize::try_from(end).map_err(wide)?))
}

fn read_piece(bytes: &[u8]) -> Result<Piece, Error> {
    let mut piece = Piece { text: String::new(), score: 0.0, kind: PieceKind::Normal };
    let mut fields = Fields { rest: bytes };
    while let Some((number, value)) = fields.next()? {
        match (number, value) {
            (1, Value::Bytes(text)) => {
                let text = std::str::from_utf8(text).map_err(|_| bad("a piece is not UTF-8"))?;
                piece.text = text.to_owned();
            }
            (2, Value::Four(word)) => piece.score = f32::from_bits(word),
            (3, Value::Number(kind)) => piece.kind = kind_of(kind)?,
            (1..=3, _) => return Err(bad("a field of a piece has the wrong type")),
            _ => {}
        }
    }
    if piece.text.is_empty() || piece.text.contains('\0') || !piece.score.is_finite() {
        return Err(bad("a piece is empty, or has no finite score"));
    }
    Ok(piece)
}

fn kind_of(number: u64) -> Result<PieceKind, Error> {
    Ok(match number {
        1 => PieceKind::Normal,
        2 => PieceKind::Unknown,
        3 => PieceKind::Control,
        4 => PieceKind::UserDefined,
        5 => PieceKind::Unused,
        6 => PieceKind::Byte,
        other => return Err(bad(&format!("a piece is of the unknown kind {other}"))),
    })
}

/// Field 2 of the normaliser is its table: the size of a double array in bytes, the array, and the
/// replacement texts, each ended by a zero byte.
fn check_normaliser(bytes: &[u8]) -> Result<(), Error> {
    let mut fields = Fields { rest: bytes };
    while let Some((number, value)) = fields.next()? {
        match (number, value) {
            (2, Value::Bytes(&[])) => {}
            (2, Value::Bytes(table)) => check_table(table).ok_or_else(|| bad("its normalisation table is damaged"))?,
            (2, _) => return Err(bad("a field of the normaliser has the wrong type")),
            _ => {}
        }
    }
    Ok(())
}

/// Every unit that a search can pass leads to a unit inside the array: a search steps from a unit
/// to `position ^ offset ^ byte`, so whole blocks of 256 units are within reach.
fn check_table(table: &[u8]) -> Option<()> {
    let (size, rest) = table.split_first_chunk::<4>()?;
    let (array, texts) = rest.split_at_checked(u32::from_le_bytes(*size) as usize)?;
    let units = array.len() / 4;
    let whole = !array.is_empty() && array.len().is_multiple_of(1024) && texts.last() == Some(&0);
    let leads_inside = |(position, chunk): (usize, &[u8; 4])| {
        let unit = u32::from_le_bytes(*chunk);
        let leaf = unit >> 31 == 1;
        let offset = (unit >> 10) << ((unit & (1 << 9)) >> 6);
        leaf || (position ^ offset as usize) < units
    };
    let (chunks, _) = array.as_chunks::<4>();
    (whole && chunks.iter().enumerate().all(leads_inside)).then_some(())
}

/// One value of the wire format.
enum Value<'a> {
    Number(u64),
    Four(u32),
    Eight,
    Bytes(&'a [u8]),
}

/// The fields of a message, in order.
struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn next(&mut self) -> Result<Option<(u64, Value<'a>)>, Error> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let field = self.field().ok_or_else(|| bad("a field is cut off or damaged"))?;
        Ok(Some(field))
    }

    fn field(&mut self) -> Option<(u64, Value<'a>)> {
        let tag = self.number()?;
        let value = match tag & 7 {
            0 => Value::Number(self.number()?),
            1 => self.take(8).map(|_| Value::Eight)?,
            2 => {
                let length = usize::try_from(self.number()?).ok()?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Four(u32::from_le_bytes(self.take(4)?.try_into().ok()?)),
            _ => return None,
        };
        (tag >> 3 != 0).then_some((tag >> 3, value))
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    /// A number in groups of seven bits, the lowest first.
    fn number(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
}

fn bad(why: &str) -> Error {
    Error::Model(why.to_owned())
}
