//! A random sample of sentences of bounded size, from a stream of unknown length.
//!
//! Every sentence has a random number, a function of the seed and its place alone; those with the
//! lowest numbers are kept. Memory is bounded, and the sample does not depend on anything but the
//! sentences and the seed.

use std::collections::BinaryHeap;

use glossa_base::seed::Stream;

/// Sentences so far, the one with the highest number first.
pub(super) struct Sample {
    stream: Stream,
    kept: BinaryHeap<(u64, u64, String)>,
    bytes: usize,
    seen: u64,
    /// Numbers from here on were dropped once, and are dropped since.
    threshold: u64,
    max_sentences: usize,
    max_bytes: usize,
}

impl Sample {
    pub(super) fn new(stream: Stream, max_sentences: usize, max_bytes: usize) -> Self {
        let kept = BinaryHeap::new();
        Sample { stream, kept, bytes: 0, seen: 0, threshold: u64::MAX, max_sentences, max_bytes }
    }

    /// Offers a sentence.
    pub(super) fn push(&mut self, sentence: &str) {
        let (number, place) = (self.stream.bits(self.seen), self.seen);
        self.seen += 1;
        if number >= self.threshold {
            return;
        }
        self.bytes += sentence.len();
        self.kept.push((number, place, sentence.to_owned()));
        while self.kept.len() > self.max_sentences || (self.bytes > self.max_bytes && self.kept.len() > 1) {
            let Some((number, _, dropped)) = self.kept.pop() else { break };
            self.threshold = number;
            self.bytes -= dropped.len();
        }
    }

    /// How many sentences were offered.
    pub(super) fn seen(&self) -> u64 {
        self.seen
    }

    /// The sample, in the order of the text.
    pub(super) fn into_sentences(self) -> Vec<String> {
        let mut kept: Vec<_> = self.kept.into_iter().map(|(_, place, sentence)| (place, sentence)).collect();
        kept.sort_unstable_by_key(|(place, _)| *place);
        kept.into_iter().map(|(_, sentence)| sentence).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glossa_base::seed::Purpose;

    fn sample(count: usize, max_sentences: usize, max_bytes: usize) -> Vec<usize> {
        let mut sample = Sample::new(Stream::new(1, Purpose::Split, 0, 0), max_sentences, max_bytes);
        (0..count).for_each(|row| sample.push(&format!("{row:06}")));
        sample.into_sentences().iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn bounds_hold_and_order_stays() {
        assert_eq!(sample(5, 10, 1000), [0, 1, 2, 3, 4]);
        let rows = sample(10_000, 100, 1_000_000);
        assert_eq!((rows.len(), rows.is_sorted()), (100, true));
        assert_eq!(sample(10_000, 1_000_000, 600).len(), 100);
        assert_eq!(sample(10_000, 1_000_000, 600), rows);
    }

    #[test]
    fn every_place_is_as_likely() {
        let rows = sample(10_000, 2000, usize::MAX);
        let mean = rows.iter().sum::<usize>() as f64 / rows.len() as f64;
        assert!((mean - 5000.0).abs() < 250.0, "{mean}");
    }
}
