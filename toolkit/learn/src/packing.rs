//! Batches of whole sequences for models that read packed texts: documents are cut into sequences, and
//! sequences are packed greedily, each where the least room remains (ModernBERT's training; Krell et al.
//! 2021).

use crate::stream::TokenSource;

/// Sequences that wait for a place: as many as ModernBERT's packer looks at.
const WAITING: usize = 5120;

/// A part of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sequence {
    /// The document.
    pub document: usize,
    /// Its first token there.
    pub start: usize,
    /// Number of tokens.
    pub length: usize,
}

/// The sequences of all documents, of at most `longest` tokens; parts of a long document are about equal.
pub fn sequences(source: &dyn TokenSource, longest: usize) -> Vec<Sequence> {
    let longest = longest.max(1);
    let cut = |document: usize| {
        let tokens = source.document_length(document);
        let parts = tokens.div_ceil(longest);
        (0..parts).map(move |part| {
            let (start, end) = (part * tokens / parts, (part + 1) * tokens / parts);
            Sequence { document, start, length: end - start }
        })
    };
    (0..source.document_count()).flat_map(cut).collect()
}

/// Batches of indices of sequences with these lengths, taken in `order`. A batch has rows of `row` tokens, as
/// many as `rows_at` says for the share of all tokens that came before it; each sequence goes to the row with
/// the least room that it fits into, or waits for the next batch. Every sequence comes once.
pub fn packed(lengths: &[usize], order: &[usize], row: usize, rows_at: &dyn Fn(f64) -> usize) -> Vec<Vec<usize>> {
    let total: usize = lengths.iter().sum();
    let (mut batches, mut done) = (Vec::new(), 0);
    let mut waiting: Vec<usize> = Vec::new();
    let mut coming = order.iter().copied();
    loop {
        waiting.extend(coming.by_ref().take(WAITING - waiting.len()));
        if waiting.is_empty() {
            return batches;
        }
        let rows = rows_at(done as f64 / total.max(1) as f64).max(1);
        let batch = fill(&mut waiting, lengths, vec![row; rows]);
        done += batch.iter().map(|&index| length(lengths, index)).sum::<usize>();
        batches.push(batch);
    }
}

fn length(lengths: &[usize], index: usize) -> usize {
    lengths.get(index).copied().unwrap_or_default()
}

/// One batch: takes what fits out of those that wait. What is longer than a row gets one of its own.
fn fill(waiting: &mut Vec<usize>, lengths: &[usize], mut room: Vec<usize>) -> Vec<usize> {
    let (mut batch, mut left) = (Vec::new(), Vec::new());
    for index in waiting.drain(..) {
        let wanted = length(lengths, index);
        let tightest = room.iter_mut().filter(|room| **room >= wanted).min_by_key(|room| **room);
        match tightest {
            Some(room) => {
                *room -= wanted;
                batch.push(index);
            }
            None => left.push(index),
        }
    }
    if batch.is_empty() && !left.is_empty() {
        batch.push(left.remove(0));
    }
    *waiting = left;
    batch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_cut_into_equal_parts() {
        let source: Vec<Vec<u32>> = vec![vec![0; 5], vec![], vec![0; 23]];
        let parts: Vec<(usize, usize, usize)> =
            sequences(&source, 10).into_iter().map(|s| (s.document, s.start, s.length)).collect();
        assert_eq!(parts, [(0, 0, 5), (2, 0, 7), (2, 7, 8), (2, 15, 8)]);
    }

    #[test]
    fn every_sequence_comes_once_and_rows_are_full() {
        let lengths: Vec<usize> = (0..20_000).map(|index| (index * 37) % 61 + 1).collect();
        let order: Vec<usize> = (0..lengths.len()).rev().collect();
        let batches = packed(&lengths, &order, 64, &|_| 16);
        let mut all: Vec<usize> = batches.concat();
        all.sort_unstable();
        assert_eq!(all, (0..lengths.len()).collect::<Vec<_>>());
        let tokens = |batch: &Vec<usize>| batch.iter().map(|&index| lengths[index]).sum::<usize>();
        assert!(batches.iter().all(|batch| tokens(batch) <= 16 * 64));
        let share = lengths.iter().sum::<usize>() as f64 / (batches.len() * 16 * 64) as f64;
        assert!(share > 0.95, "{share}");
    }

    #[test]
    fn batches_grow_and_long_sequences_stand_alone() {
        let lengths = vec![8; 1000];
        let order: Vec<usize> = (0..1000).collect();
        let batches = packed(&lengths, &order, 8, &|done| if done < 0.5 { 2 } else { 10 });
        assert_eq!((batches[0].len(), batches[batches.len() - 1].len()), (2, 10));
        assert_eq!(batches.len(), 250 + 50);
        assert_eq!(packed(&[9, 3], &[0, 1], 4, &|_| 1), [vec![1], vec![0]]);
        assert!(packed(&[], &[], 4, &|_| 1).is_empty());
    }
}
