//! The signature of a document: for each of many hash functions, the smallest value over its shingles. Two
//! documents agree in as large a share of their values as they have of their shingles in common (Jaccard).

use glossa_base::seed::mix;

use super::{Likeness, Unit};

/// Bands that two documents may meet in.
pub(super) const BANDS: usize = 64;
/// Hashes that must agree for that.
const ROWS: usize = 3;
/// All hashes.
pub(super) const HASHES: usize = BANDS * ROWS;
/// Words of a shingle, or that a shingle of characters touches.
const WORDS: usize = 2;
/// A signature under construction or done.
pub(super) struct Signature([u32; HASHES]);

impl Signature {
    /// One key a band: equal where all its hashes are.
    pub(super) fn keys(&self) -> impl Iterator<Item = u32> {
        self.0.chunks_exact(ROWS).map(|rows| rows.iter().fold(0, |key, value| mix(key ^ u64::from(*value))) as u32)
    }

    /// The low byte of each hash.
    pub(super) fn bytes(&self) -> impl Iterator<Item = u8> {
        self.0.iter().map(|value| *value as u8)
    }
}

/// Makes signatures.
pub(super) struct Signer {
    likeness: Likeness,
    factors: [(u64, u64); HASHES],
    least_equal: usize,
}

impl Signer {
    pub(super) fn new(likeness: Likeness) -> Self {
        let number = |index: usize| mix(0x6e65_6172 + index as u64);
        let factors = std::array::from_fn(|index| (number(2 * index) | 1, number(2 * index + 1)));
        // Of two documents with the share k of their words in common, the share s = k^words of the shingles
        // is in both, and s / (2 - s) of those that either has. Of bytes that differ, 1 in 256 agrees.
        let shingles = likeness.share.powi(WORDS as i32);
        let jaccard = shingles / (2.0 - shingles);
        let agreeing = jaccard + (1.0 - jaccard) / 256.0;
        Signer { likeness, factors, least_equal: (agreeing * HASHES as f64).ceil() as usize }
    }

    /// The least number of equal bytes of two signatures that makes their documents nearly equal.
    pub(super) fn least_equal(&self) -> usize {
        self.least_equal
    }

    /// Whether likeness goes on from one document to the next.
    pub(super) fn joins_chains(&self) -> bool {
        self.likeness.chains
    }

    /// The signature of a text; `None` where it is too short.
    pub(super) fn sign(&self, text: &str) -> Option<Signature> {
        let characters = || text.chars().filter(|symbol| symbol.is_alphanumeric()).map(hash_character);
        let (units, length): (Vec<u64>, usize) = match self.likeness.unit {
            Unit::Words => (text.split_whitespace().filter_map(hash_word).collect(), WORDS),
            Unit::Characters(length) => (characters().collect(), length.max(1)),
        };
        if units.len() < self.likeness.shortest.max(length) {
            return None;
        }
        let mut signature = Signature([u32::MAX; HASHES]);
        for shingle in units.windows(length) {
            let shingle = shingle.iter().fold(0, |shingle, unit| mix(shingle ^ unit));
            for (value, (factor, summand)) in signature.0.iter_mut().zip(&self.factors) {
                let hash = (shingle.wrapping_mul(*factor).wrapping_add(*summand) >> 32) as u32;
                *value = hash.min(*value);
            }
        }
        Some(signature)
    }
}

/// The hash of a word without its case and its punctuation; `None` where nothing is left of it.
fn hash_word(word: &str) -> Option<u64> {
    let letters = word.chars().filter(|symbol| symbol.is_alphanumeric());
    let mut letters = letters.flat_map(char::to_lowercase).peekable();
    letters.peek()?;
    Some(letters.fold(1, |hash: u64, letter| mix(hash ^ u64::from(letter).rotate_left(24))))
}

fn hash_character(character: char) -> u64 {
    mix(u64::from(character) + 1)
}
