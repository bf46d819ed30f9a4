//! N-grams of units as numbered features, and documents as sparse rows. Everything is kept sorted
//! and searched by bisection: no order depends on a hash.

use serde::{Deserialize, Serialize};

use super::Weighting;

/// The longest n-gram.
pub(super) const LONGEST: usize = 3;

/// A document: feature numbers in rising order, with their values.
pub(super) type Row = Vec<(u32, f32)>;

/// An n-gram of unit numbers; the places after its end hold [`NONE`].
type Gram = [u32; LONGEST];

const NONE: u32 = u32::MAX;

/// The features of a training set. A unit is feature number of its place; n-grams follow, by length.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Features {
    /// Units in the order of their code points.
    units: Vec<String>,
    /// Bigrams, then trigrams, in rising order: pairs, then triples of unit numbers.
    grams: Vec<Vec<u32>>,
    weighting: Weighting,
    /// For each feature its inverse document frequency; empty unless the weighting needs it.
    inverse_frequencies: Vec<f32>,
}

impl Features {
    /// The features that occur in at least `minimum_count` documents.
    pub(super) fn learn(documents: &[Vec<String>], n_gram: usize, minimum_count: usize, weighting: Weighting) -> Self {
        let (units, mut frequencies) =
            frequent(documents.iter().flat_map(|document| distinct(document.iter())), minimum_count);
        let units: Vec<String> = units.into_iter().cloned().collect();
        let mut features = Features { units, grams: Vec::new(), weighting, inverse_frequencies: Vec::new() };
        let numbered: Vec<Vec<u32>> = documents.iter().map(|document| features.numbers(document)).collect();
        for length in 2..=n_gram {
            let occurrences = numbered.iter().flat_map(|document| distinct(grams(document, length)));
            let (found, counts) = frequent(occurrences, minimum_count);
            features.grams.push(found.iter().flat_map(|gram| gram.iter().copied().take(length)).collect());
            frequencies.extend(counts);
        }
        if weighting == Weighting::TfIdf {
            let all = 1.0 + documents.len() as f64;
            let inverse = |&count: &usize| (1.0 + (all / (1.0 + count as f64)).ln()) as f32;
            features.inverse_frequencies = frequencies.iter().map(inverse).collect();
        }
        features
    }

    /// Number of features.
    pub(super) fn count(&self) -> usize {
        let grams = self.grams.iter().zip(2..).map(|(flat, length)| flat.len() / length);
        self.units.len() + grams.sum::<usize>()
    }

    /// A document as a row; what is not a feature is passed over.
    pub(super) fn row(&self, document: &[String]) -> Row {
        let numbers = self.numbers(document);
        let mut found: Vec<u32> = numbers.iter().copied().filter(|&number| number != NONE).collect();
        let mut offset = self.units.len();
        for (flat, length) in self.grams.iter().zip(2..) {
            let places = grams(&numbers, length).filter_map(|gram| place(flat, length, &gram));
            found.extend(places.map(|place| (offset + place) as u32));
            offset += flat.len() / length;
        }
        found.sort_unstable();
        self.weighted(&found)
    }

    /// Whether what was read from a file can be used without a check at every step.
    pub(super) fn is_sound(&self) -> bool {
        let sorted = |flat: &[u32], length: usize| flat.chunks_exact(length).is_sorted();
        let lengths =
            self.grams.len() < LONGEST && self.grams.iter().zip(2..).all(|(flat, length)| flat.len() % length == 0);
        let inverse = if self.weighting == Weighting::TfIdf { self.count() } else { 0 };
        lengths
            && self.units.is_sorted()
            && self.grams.iter().zip(2..).all(|(flat, length)| sorted(flat, length))
            && self.inverse_frequencies.len() == inverse
            && self.inverse_frequencies.iter().all(|value| value.is_finite())
    }

    fn numbers(&self, document: &[String]) -> Vec<u32> {
        let number = |unit: &String| self.units.binary_search(unit).map_or(NONE, |place| place as u32);
        document.iter().map(number).collect()
    }

    fn weighted(&self, sorted: &[u32]) -> Row {
        let runs = sorted.chunk_by(|left, right| left == right);
        let counted = runs.filter_map(|run| run.first().map(|&feature| (feature, run.len() as f32)));
        match self.weighting {
            Weighting::Count => counted.collect(),
            Weighting::Binary => counted.map(|(feature, _)| (feature, 1.0)).collect(),
            Weighting::TfIdf => self.scaled(counted),
        }
    }

    fn scaled(&self, counted: impl Iterator<Item = (u32, f32)>) -> Row {
        let inverse = |feature: u32| self.inverse_frequencies.get(feature as usize).copied().unwrap_or(0.0);
        let mut row: Row = counted.map(|(feature, count)| (feature, (1.0 + count.ln()) * inverse(feature))).collect();
        let length = row.iter().map(|(_, value)| value * value).sum::<f32>().sqrt();
        if length > 0.0 {
            row.iter_mut().for_each(|(_, value)| *value /= length);
        }
        row
    }
}

/// The n-grams of a document that consist of known units.
fn grams(numbers: &[u32], length: usize) -> impl Iterator<Item = Gram> {
    numbers.windows(length).filter(|window| !window.contains(&NONE)).map(|window| {
        let mut gram = [NONE; LONGEST];
        gram.iter_mut().zip(window).for_each(|(place, number)| *place = *number);
        gram
    })
}

/// Where a gram stands among grams of one length.
fn place(flat: &[u32], length: usize, gram: &Gram) -> Option<usize> {
    let wanted = gram.get(..length)?;
    let (mut low, mut high) = (0, flat.len() / length);
    while low < high {
        let middle = (low + high) / 2;
        match flat.get(middle * length..(middle + 1) * length)?.cmp(wanted) {
            std::cmp::Ordering::Equal => return Some(middle),
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
        }
    }
    None
}

fn distinct<T: Ord>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values.dedup();
    values
}

/// The values that occur often enough, in rising order, with their counts.
fn frequent<T: Ord + Copy>(values: impl Iterator<Item = T>, minimum_count: usize) -> (Vec<T>, Vec<usize>) {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    let runs = values.chunk_by(|left, right| left == right).filter(|run| run.len() >= minimum_count);
    runs.filter_map(|run| Some((*run.first()?, run.len()))).unzip()
}
