//! Batches of texts of about the same length: shuffled, sorted within large pools, batches shuffled
//! again (fastai's sortish sampler).

use glossa_base::seed::{Purpose, Stream};

/// Batches in a pool that is sorted by length.
const POOL: usize = 50;

/// Indices of the texts of each batch of an epoch. A last batch of one text joins the one before it,
/// since batch norm cannot train on one.
pub fn training_batches(lengths: &[usize], size: usize, seed: u64, epoch: usize) -> Vec<Vec<usize>> {
    let size = size.max(2);
    let mut order = Stream::new(seed, Purpose::Order, epoch as u64, 0).permutation(lengths.len());
    let length = |index: &usize| std::cmp::Reverse(lengths.get(*index).copied().unwrap_or(0));
    for pool in order.chunks_mut(size * POOL) {
        pool.sort_by_key(length);
    }
    let mut batches: Vec<Vec<usize>> = order.chunks(size).map(<[usize]>::to_vec).collect();
    if batches.len() > 1 && batches.last().is_some_and(|batch| batch.len() == 1) {
        let single = batches.pop().unwrap_or_default();
        batches.last_mut().into_iter().for_each(|batch| batch.extend(&single));
    }
    let shuffled = Stream::new(seed, Purpose::Order, epoch as u64, 1).permutation(batches.len());
    shuffled.into_iter().map(|index| std::mem::take(&mut batches[index])).collect()
}

/// Indices by falling length, in batches: least padding, for evaluation; the caller puts results
/// back in the order of the indices.
pub fn evaluation_batches(lengths: &[usize], size: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(lengths[index]));
    order.chunks(size.max(1)).map(<[usize]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_once() {
        let lengths: Vec<usize> = (0..101).map(|index| (index * 37) % 53 + 1).collect();
        for size in [2, 10, 100, 200] {
            for batches in [training_batches(&lengths, size, 1, 0), evaluation_batches(&lengths, size)] {
                let mut all: Vec<usize> = batches.concat();
                all.sort_unstable();
                assert_eq!(all, (0..101).collect::<Vec<_>>());
            }
            assert!(training_batches(&lengths, size, 1, 0).iter().all(|batch| batch.len() > 1));
        }
        assert_ne!(training_batches(&lengths, 10, 1, 0), training_batches(&lengths, 10, 1, 1));
    }

    #[test]
    fn batches_hold_similar_lengths() {
        let lengths: Vec<usize> = (0..400).map(|index| (index * 37) % 200 + 1).collect();
        let padding = |batches: Vec<Vec<usize>>| -> usize {
            batches.iter().map(|batch| batch.iter().map(|&i| lengths[i]).max().unwrap_or(0) * batch.len()).sum()
        };
        let tokens: usize = lengths.iter().sum();
        assert!(padding(training_batches(&lengths, 8, 1, 0)) < tokens * 11 / 10);
    }
}
