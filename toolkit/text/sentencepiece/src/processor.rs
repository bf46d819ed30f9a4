//! A loaded model: text to ids and back.

use std::ffi::c_void;
use std::ops::Range;
use std::ptr::NonNull;

use crate::foreign::{self, Bytes, Ids};
use crate::model::{self, Piece, PieceKind, Vocabulary};
use crate::{Algorithm, Error};

/// A model, ready to encode and decode; it may be shared by threads.
pub struct Processor {
    handle: NonNull<c_void>,
    vocabulary: Vocabulary,
}

// SAFETY: the C++ object belongs to this value alone and has no tie to the thread that made it.
unsafe impl Send for Processor {}

// SAFETY: only `const` functions of the C++ object are called after it was opened; they change
// nothing in it, and the random generator that sampling uses is the calling thread's own.
unsafe impl Sync for Processor {}

impl Drop for Processor {
    fn drop(&mut self) {
        // SAFETY: the handle came from `glossa_spm_open` and is closed once, here.
        unsafe { foreign::glossa_spm_close(self.handle.as_ptr()) }
    }
}

impl std::fmt::Debug for Processor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Processor").field("vocabulary_size", &self.vocabulary_size()).finish_non_exhaustive()
    }
}

impl Processor {
    /// Opens the bytes of an `spm.model`; damaged or cut-off bytes are an error.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let vocabulary = model::read(bytes)?;
        let mut error = Bytes::default();
        // SAFETY: bytes and sink outlive the call, which keeps neither.
        let opened = unsafe { foreign::glossa_spm_open(bytes.as_ptr(), bytes.len(), error.sink()) };
        let handle = NonNull::new(opened).ok_or_else(|| Error::Model(crate::error::without_source(&error.text())))?;
        let processor = Processor { handle, vocabulary };
        // SAFETY: the handle was opened above.
        let size = unsafe { foreign::glossa_spm_size(processor.handle.as_ptr()) };
        if usize::try_from(size) != Ok(processor.vocabulary_size()) {
            return Err(Error::Model("its vocabulary reads differently in C++".to_owned()));
        }
        Ok(processor)
    }

    /// The ids of the best segmentation.
    pub fn encode_ids(&self, text: &str) -> Result<Vec<u32>, Error> {
        check_length(text)?;
        let (mut ids, mut error) = (Ids::default(), Bytes::default());
        // SAFETY: the handle is open; text and sinks outlive the call, which keeps none of them.
        let code = unsafe {
            let handle = self.handle.as_ptr();
            foreign::glossa_spm_encode(handle, text.as_ptr(), text.len(), ids.sink(), error.sink())
        };
        finish(code, ids, error)
    }

    /// The best segmentation, each id with the bytes of `text` that its piece stands for. Ranges are in order, lie
    /// on character boundaries, and may be empty or shared where the normalisation adds or joins characters.
    pub fn encode_places(&self, text: &str) -> Result<Vec<(u32, Range<usize>)>, Error> {
        check_length(text)?;
        let (mut message, mut error) = (Bytes::default(), Bytes::default());
        // SAFETY: as in `encode_ids`.
        let code = unsafe {
            let handle = self.handle.as_ptr();
            foreign::glossa_spm_encode_places(handle, text.as_ptr(), text.len(), message.sink(), error.sink())
        };
        if code != 0 {
            return Err(library(error));
        }
        if message.0.is_empty() && !text.is_empty() {
            return Err(Error::Library("the text could not be segmented".to_owned()));
        }
        let places = model::read_places(&message.0)?;
        Ok(places.into_iter().map(|(id, range)| (id, on_boundaries(text, range))).collect())
    }

    /// The ids of a random segmentation. The seed alone decides which: neither the thread nor
    /// earlier calls matter.
    ///
    /// A unigram model draws from all segmentations (`n_best` 0 or below) or from the `n_best`
    /// likeliest (at most 512), with probabilities raised to the power `alpha`: 0 makes them equal,
    /// and a large alpha gives the best one. A BPE model leaves out each merge with probability
    /// `alpha` (BPE-dropout): 0 gives the best segmentation. `n_best` means nothing to it.
    pub fn sample_ids(&self, text: &str, alpha: f32, n_best: i32, seed: u64) -> Result<Vec<u32>, Error> {
        check_length(text)?;
        if !alpha.is_finite() || alpha < 0.0 || n_best > 512 {
            return Err(Error::Argument(format!("cannot sample with alpha {alpha} among {n_best}")));
        }
        let n_best = if n_best <= 0 { -1 } else { n_best };
        let (mut ids, mut error) = (Ids::default(), Bytes::default());
        // SAFETY: as in `encode_ids`.
        let code = unsafe {
            let (handle, ids, error) = (self.handle.as_ptr(), ids.sink(), error.sink());
            foreign::glossa_spm_sample(handle, text.as_ptr(), text.len(), n_best, alpha, seed, ids, error)
        };
        finish(code, ids, error)
    }

    /// The text of some ids; the unknown piece reads ` ⁇ `.
    pub fn decode_ids(&self, ids: &[u32]) -> Result<String, Error> {
        let size = self.vocabulary_size();
        let known =
            |&id: &u32| if (id as usize) < size { Ok(id.cast_signed()) } else { Err(Error::UnknownId { id, size }) };
        let ids: Vec<i32> = ids.iter().map(known).collect::<Result<_, _>>()?;
        let (mut text, mut error) = (Bytes::default(), Bytes::default());
        // SAFETY: as in `encode_ids`; each id is a piece of the vocabulary.
        let code = unsafe {
            let handle = self.handle.as_ptr();
            foreign::glossa_spm_decode(handle, ids.as_ptr(), ids.len(), text.sink(), error.sink())
        };
        if code == 0 { Ok(text.text()) } else { Err(library(error)) }
    }

    /// The number of pieces.
    pub fn vocabulary_size(&self) -> usize {
        self.vocabulary.pieces.len()
    }

    /// The piece of an id, spaces written U+2581.
    pub fn id_to_piece(&self, id: u32) -> Option<&str> {
        self.piece(id).map(|piece| piece.text.as_str())
    }

    /// The id of a piece; none where the vocabulary lacks it.
    pub fn piece_to_id(&self, piece: &str) -> Option<u32> {
        self.vocabulary.ids.get(piece).copied()
    }

    /// The score of a piece: a logarithm of its probability (unigram), or its negated rank (BPE).
    pub fn score(&self, id: u32) -> Option<f32> {
        self.piece(id).map(|piece| piece.score)
    }

    /// What kind of piece it is.
    pub fn kind(&self, id: u32) -> Option<PieceKind> {
        self.piece(id).map(|piece| piece.kind)
    }

    /// The id of the unknown piece.
    pub fn unknown_id(&self) -> u32 {
        self.vocabulary.unknown
    }

    /// How the model was trained; it decides what sampling means.
    pub fn algorithm(&self) -> Algorithm {
        self.vocabulary.algorithm
    }

    fn piece(&self, id: u32) -> Option<&Piece> {
        self.vocabulary.pieces.get(id as usize)
    }
}

/// Positions are 32-bit in C++, and normalisation can lengthen a text (at most 18-fold by NFKC).
fn check_length(text: &str) -> Result<(), Error> {
    if text.len() > i32::MAX as usize / 18 { Err(Error::TextTooLong(text.len())) } else { Ok(()) }
}

/// The range inside the text, widened to whole characters: byte pieces may begin inside of one.
fn on_boundaries(text: &str, range: Range<usize>) -> Range<usize> {
    let begin = text.floor_char_boundary(range.start);
    begin..text.ceil_char_boundary(range.end).max(begin)
}

fn finish(code: i32, ids: Ids, error: Bytes) -> Result<Vec<u32>, Error> {
    if code == 0 { Ok(ids.0) } else { Err(library(error)) }
}

fn library(error: Bytes) -> Error {
    Error::Library(crate::error::without_source(&error.text()))
}
