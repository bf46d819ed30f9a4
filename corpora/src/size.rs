//! A corpus of a given size: of each split, the documents whose hash is smallest, until their words are
//! enough. So the smaller corpus is a part of the larger one, and added documents move none from one split
//! to another. Its memory does not grow with the corpus.

use crate::shards::Split;

/// Words that a corpus of a given size has at most for validation, and as many for testing (MultiFiT's).
pub const HELD_OUT_WORDS: u64 = 200_000;

/// Share of the documents for validation, and as many for testing, where a size is asked for: MultiFiT's
/// 200 thousand words each beside two million.
pub const HELD_OUT_SHARE: f64 = 1.0 / 12.0;

/// Bits of the hash that the first reading counts by.
const COUNTED_BITS: u32 = 16;

/// A document's place in the order of hashes, and its words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weighed {
    pub(crate) split: Split,
    pub(crate) order: u64,
    pub(crate) words: u64,
}

/// The last hash that each split still takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cuts([u64; 3]);

impl Cuts {
    /// Everything is taken.
    pub(crate) const NONE: Cuts = Cuts([u64::MAX; 3]);

    /// Whether a document is beyond the size.
    pub(crate) fn exclude(self, split: Split, order: u64) -> bool {
        order > self.0[split as usize]
    }

    /// The cuts that leave `size` words to learn from and [`HELD_OUT_WORDS`] in the other splits, the
    /// document that reaches them included. `documents` is called twice and gives the same both times.
    pub(crate) fn find<E, I: Iterator<Item = Result<Weighed, E>>>(
        size: u64,
        mut documents: impl FnMut() -> Result<I, E>,
    ) -> Result<Cuts, E> {
        let wanted = [size, HELD_OUT_WORDS, HELD_OUT_WORDS];
        let mut counts = [(); 3].map(|()| vec![0_u64; 1 << COUNTED_BITS]);
        for document in documents()? {
            let document = document?;
            counts[document.split as usize][place(document.order)] += document.words;
        }
        let crossings: [_; 3] = std::array::from_fn(|split| crossing(&counts[split], wanted[split]));
        let mut nearest: [Vec<(u64, u64)>; 3] = Default::default();
        for document in documents()? {
            let document = document?;
            let split = document.split as usize;
            if crossings[split].is_some_and(|(found, _)| found == place(document.order)) {
                nearest[split].push((document.order, document.words));
            }
        }
        let cuts = std::array::from_fn(|split| match crossings[split] {
            None => u64::MAX,
            Some((_, left)) => cut(&mut nearest[split], left),
        });
        Ok(Cuts(cuts))
    }
}

fn place(order: u64) -> usize {
    (order >> (64 - COUNTED_BITS)) as usize
}

/// The place where the words become enough, and how many of them are still missing before it.
fn crossing(counts: &[u64], wanted: u64) -> Option<(usize, u64)> {
    let mut left = wanted;
    for (place, words) in counts.iter().enumerate() {
        if *words >= left {
            return Some((place, left));
        }
        left -= words;
    }
    None
}

/// The hash of the document with which the words are enough.
fn cut(documents: &mut [(u64, u64)], mut left: u64) -> u64 {
    documents.sort_unstable();
    for (order, words) in documents {
        if *words >= left {
            return *order;
        }
        left -= *words;
    }
    u64::MAX
}
