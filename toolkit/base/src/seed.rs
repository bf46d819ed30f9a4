//! Counter-based randomness: (seed, purpose, epoch, step) name a stream, and element `i` of a
//! stream is a pure function of the two. There is no state to save, and the number of threads
//! cannot matter.

/// What a stream is for. Two purposes never share numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// Initial weights.
    Weights = 1,
    /// Order of documents or examples in an epoch.
    Order = 2,
    /// Dropout masks of any kind.
    Dropout = 3,
    /// Sampled segmentations (subword regularisation).
    Segmentation = 4,
    /// Generated text.
    Generation = 5,
    /// Resampling in statistics.
    Bootstrap = 6,
    /// Text of the built-in sample.
    Sample = 7,
    /// Splits into parts.
    Split = 8,
    /// Shares and partners of mixup.
    Mixup = 9,
    /// Labels that are wrong on purpose.
    LabelNoise = 10,
    /// Examples that are drawn more than once or left out.
    Resampling = 11,
    /// Which pieces a masked language model must guess.
    Masking = 12,
}

/// SplitMix64's finaliser: every input bit moves every output bit (Steele et al. 2014).
#[inline]
pub fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// A stream of random numbers, addressed by index; cheap to copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream {
    key: u64,
}

impl Stream {
    /// The stream of a seed, a purpose, an epoch and a step.
    pub fn new(seed: u64, purpose: Purpose, epoch: u64, step: u64) -> Self {
        let key = [purpose as u64, epoch, step].into_iter().fold(mix(seed ^ GOLDEN), absorb);
        Stream { key }
    }

    /// A stream of its own for a part (a layer, a row, a document).
    #[inline]
    pub fn part(self, index: u64) -> Self {
        Stream { key: absorb(self.key, index ^ 0x5bf0_3635) }
    }

    /// What names the stream, for kernels that draw its elements on a device.
    pub fn key(self) -> u64 {
        self.key
    }

    /// Element `index`: 64 uniform bits.
    #[inline]
    pub fn bits(self, index: u64) -> u64 {
        mix(self.key.wrapping_add(index.wrapping_add(1).wrapping_mul(GOLDEN)))
    }

    /// Element `index` as a number in [0, 1) with 24 bits.
    #[inline]
    pub fn uniform(self, index: u64) -> f32 {
        (self.bits(index) >> 40) as f32 * (1.0 / 16_777_216.0)
    }

    /// Element `index` as an integer below `bound` (0 when the bound is 0).
    #[inline]
    pub fn below(self, index: u64, bound: usize) -> usize {
        ((u128::from(self.bits(index)) * bound as u128) >> 64) as usize
    }

    /// A random order of `0..length` (Fisher and Yates).
    pub fn permutation(self, length: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..length).collect();
        for last in (1..length).rev() {
            order.swap(last, self.below(last as u64, last + 1));
        }
        order
    }
}

fn absorb(key: u64, value: u64) -> u64 {
    mix(key.wrapping_add(GOLDEN) ^ mix(value.wrapping_add(GOLDEN)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_in_every_part_of_the_name() {
        let base = Stream::new(1, Purpose::Dropout, 2, 3);
        let others = [
            Stream::new(2, Purpose::Dropout, 2, 3),
            Stream::new(1, Purpose::Order, 2, 3),
            Stream::new(1, Purpose::Dropout, 3, 2),
            base.part(0),
            base.part(1),
        ];
        assert!(others.iter().all(|other| other.bits(0) != base.bits(0)));
    }

    #[test]
    fn uniform_numbers_fill_the_interval() {
        let stream = Stream::new(7, Purpose::Dropout, 0, 0);
        let mean = (0..100_000).map(|index| f64::from(stream.uniform(index))).sum::<f64>() / 1e5;
        assert!((mean - 0.5).abs() < 0.005, "{mean}");
        assert!((0..10_000).all(|index| (0.0..1.0).contains(&stream.uniform(index))));
    }

    #[test]
    fn a_permutation_holds_each_index_once() {
        let mut order = Stream::new(0, Purpose::Order, 0, 0).permutation(1000);
        assert_ne!(order, (0..1000).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..1000).collect::<Vec<_>>());
    }
}
