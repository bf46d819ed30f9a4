//! A teacher's head: from a cross-lingual encoder's sentence vectors to the shares of classes. Logistic regression,
//! or LASER's multi-layer perceptron (Schwenk and Li 2018, and their published code). It sees vectors; making them
//! from text is the pipeline's.

mod descent;
mod network;

use glossa_base::seed::{Purpose, Stream};
use glossa_base::{Outcome, Progress};
use serde::{Deserialize, Serialize};

use crate::Error;
use network::{Masks, Network, cross_entropy, parameter_count};

pub(crate) use network::softmax;

/// Vectors of one width, row after row.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// Numbers of a row.
    pub width: usize,
    /// Row after row.
    pub values: Vec<f32>,
}

impl Rows {
    /// Number of rows.
    pub fn count(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    /// The rows in their order.
    pub fn iter(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.width.max(1))
    }
}

/// Mean and deviation of each column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standard {
    mean: Vec<f64>,
    deviation: Vec<f64>,
}

/// Added to deviations, so that a column that never varies stays finite.
const LEAST_DEVIATION: f64 = 1e-9;

impl Standard {
    /// Of some rows.
    pub fn of(rows: &Rows) -> Self {
        let count = rows.count().max(1) as f64;
        let mut mean = vec![0.0; rows.width];
        for row in rows.iter() {
            mean.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value) / count);
        }
        let mut variance = vec![0.0; rows.width];
        for row in rows.iter() {
            let columns = variance.iter_mut().zip(row).zip(&mean);
            columns.for_each(|((sum, value), mean)| *sum += (f64::from(*value) - mean).powi(2) / count);
        }
        let deviation = variance.into_iter().map(|variance| variance.sqrt() + LEAST_DEVIATION).collect();
        Standard { mean, deviation }
    }

    fn apply(&self, row: &[f32]) -> Vec<f64> {
        let columns = row.iter().zip(self.mean.iter().zip(&self.deviation));
        columns.map(|(value, (mean, deviation))| (f64::from(*value) - mean) / deviation).collect()
    }
}

/// How a head is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum HeadRecipe {
    /// Multinomial logistic regression on standardised vectors, solved to the end.
    Logistic {
        /// Half the mean loss's pull of the weights to zero (L2).
        penalty: f64,
    },
    /// LASER's head for classification: tanh layers on the vectors as they are, Adam without decay, the best
    /// epoch on the source's validation set.
    Mlp {
        /// Hidden units of each layer.
        hidden: Vec<usize>,
        /// Share that is dropped before the first layer and after each hidden one.
        dropout: f64,
        /// Adam's rate.
        rate: f64,
        /// Texts of a batch.
        batch_size: usize,
        /// Passes over the texts.
        epochs: usize,
    },
}

impl Default for HeadRecipe {
    fn default() -> Self {
        HeadRecipe::Logistic { penalty: 3e-3 }
    }
}

impl HeadRecipe {
    /// What is wrong with it.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        match self {
            HeadRecipe::Logistic { penalty } if !(penalty.is_finite() && *penalty > 0.0) => {
                Some("bootstrap.head.penalty must be above 0")
            }
            HeadRecipe::Mlp { hidden, .. } if hidden.iter().any(|units| !(1..=4096).contains(units)) => {
                Some("bootstrap.head.hidden must be numbers from 1 to 4096")
            }
            HeadRecipe::Mlp { dropout, .. } if !(0.0..1.0).contains(dropout) => {
                Some("bootstrap.head.dropout must be in [0, 1)")
            }
            HeadRecipe::Mlp { rate, batch_size, epochs, .. } if !(*rate > 0.0 && *batch_size > 0 && *epochs > 0) => {
                Some("bootstrap.head: rate, batch_size and epochs must be above 0")
            }
            _ => None,
        }
    }
}

/// A trained head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeacherHead {
    standard: Option<Standard>,
    widths: Vec<usize>,
    parameters: Vec<f64>,
}

/// Vectors and the wanted shares of each class.
#[derive(Clone, Copy)]
pub struct Lesson<'a> {
    /// The vectors.
    pub rows: &'a Rows,
    /// A row of shares a vector; each sums to one.
    pub wanted: &'a [Vec<f64>],
}

impl TeacherHead {
    /// Trains a head. `valid` chooses the epoch of an MLP; without it, the last one stays.
    ///
    /// # Errors
    /// No rows, or another number of wanted rows.
    pub fn train(
        recipe: &HeadRecipe,
        lesson: Lesson<'_>,
        valid: Option<Lesson<'_>>,
        seed: u64,
        progress: &dyn Progress,
    ) -> Outcome<Self> {
        let classes = lesson.wanted.first().map_or(0, Vec::len);
        if classes < 2 || lesson.rows.count() != lesson.wanted.len() {
            let problem = format!("{} vectors with {} labels", lesson.rows.count(), lesson.wanted.len());
            return Err(Error::Labels(problem).into());
        }
        match recipe {
            HeadRecipe::Logistic { penalty } => Ok(logistic(lesson, classes, *penalty)),
            HeadRecipe::Mlp { hidden, dropout, rate, batch_size, epochs } => {
                let widths: Vec<usize> =
                    std::iter::once(lesson.rows.width).chain(hidden.iter().copied()).chain([classes]).collect();
                let network = Network::random(&widths, Stream::new(seed, Purpose::Weights, 0, 0));
                let course = Perceptron { lesson, dropout: *dropout, batch: *batch_size, rate: *rate, seed };
                let best = course.train(network, *epochs, valid, progress);
                Ok(TeacherHead { standard: None, widths: best.widths, parameters: best.parameters })
            }
        }
    }

    /// Numbers of a vector that it reads.
    pub fn width(&self) -> usize {
        self.widths.first().copied().unwrap_or(0)
    }

    /// Classes that it knows.
    pub fn class_count(&self) -> usize {
        self.widths.last().copied().unwrap_or(0)
    }

    /// Whether its numbers fit each other and are finite: what a file says is not believed.
    pub fn is_sound(&self) -> bool {
        let small = self.widths.len() >= 2 && self.widths.iter().all(|width| (1..=1 << 16).contains(width));
        let standard = self.standard.as_ref().is_none_or(|standard| {
            let (mean, deviation) = (&standard.mean, &standard.deviation);
            mean.len() == self.width() && deviation.len() == self.width() && deviation.iter().all(|value| *value > 0.0)
        });
        let finite = self.parameters.iter().all(|value| value.is_finite());
        small && standard && finite && self.parameters.len() == parameter_count(&self.widths)
    }

    /// The share of each class for each vector. `standard` stands in for the source's where the target's vectors
    /// lie elsewhere: a multilingual encoder keeps something of the language in every vector.
    pub fn predict(&self, rows: &Rows, standard: Option<&Standard>) -> Vec<Vec<f64>> {
        let network = Network { widths: self.widths.clone(), parameters: self.parameters.clone() };
        let standard = self.standard.as_ref().map(|own| standard.unwrap_or(own));
        rows.iter().map(|row| network.probabilities(&read(row, standard))).collect()
    }
}

fn read(row: &[f32], standard: Option<&Standard>) -> Vec<f64> {
    match standard {
        Some(standard) => standard.apply(row),
        None => row.iter().copied().map(f64::from).collect(),
    }
}

/// Mean cross-entropy and half the penalty times the squared weights, at their lowest.
fn logistic(lesson: Lesson<'_>, classes: usize, penalty: f64) -> TeacherHead {
    let standard = Standard::of(lesson.rows);
    let rows: Vec<Vec<f64>> = lesson.rows.iter().map(|row| standard.apply(row)).collect();
    let network = Network::zeros(&[lesson.rows.width, classes]);
    let (pulled, share) = (network.is_weight(), 1.0 / rows.len() as f64);
    let function = |parameters: &[f64]| {
        let network = Network { widths: network.widths.clone(), parameters: parameters.to_vec() };
        let mut gradient = vec![0.0; parameters.len()];
        let losses =
            rows.iter().zip(lesson.wanted).map(|(row, wanted)| network.learn(row, wanted, None, &mut gradient));
        let mut value = losses.sum::<f64>() * share;
        for ((slope, parameter), pulled) in gradient.iter_mut().zip(parameters).zip(&pulled) {
            let pull = if *pulled { penalty * parameter } else { 0.0 };
            *slope = *slope * share + pull;
            value += pull * parameter / 2.0;
        }
        (value, gradient)
    };
    let parameters = descent::minimise(network.parameters.clone(), 1e-6, function);
    TeacherHead { standard: Some(standard), widths: network.widths, parameters }
}

/// Training of an MLP.
struct Perceptron<'a> {
    lesson: Lesson<'a>,
    dropout: f64,
    batch: usize,
    rate: f64,
    seed: u64,
}

/// Adam's decays and epsilon, PyTorch's.
const BETAS: [f64; 2] = [0.9, 0.999];
const EPSILON: f64 = 1e-8;

impl Perceptron<'_> {
    /// The best epoch on `valid`, the later one of equals; without it, the last one.
    fn train(
        &self,
        mut network: Network,
        epochs: usize,
        valid: Option<Lesson<'_>>,
        progress: &dyn Progress,
    ) -> Network {
        let (mut moments, mut best, mut highest) = (Moments::new(&network), network.clone(), 0);
        progress.start("teacher", Some(epochs as u64), "epochs");
        for epoch in 0..epochs {
            self.epoch(&mut network, &mut moments, epoch as u64);
            let right = valid.map_or(0, |valid| right_guesses(&network, valid));
            if right >= highest {
                (best, highest) = (network.clone(), right);
            }
            progress.advance(1);
        }
        progress.finish("teacher");
        best
    }

    fn epoch(&self, network: &mut Network, moments: &mut Moments, epoch: u64) {
        let rows: Vec<&[f32]> = self.lesson.rows.iter().collect();
        let order = Stream::new(self.seed, Purpose::Order, epoch, 0).permutation(rows.len());
        for batch in order.chunks(self.batch) {
            let mut gradient = vec![0.0; network.parameters.len()];
            for &at in batch {
                let masks = self.masks(&network.widths, Stream::new(self.seed, Purpose::Dropout, epoch, at as u64));
                network.learn(&read(rows[at], None), &self.lesson.wanted[at], Some(&masks), &mut gradient);
            }
            gradient.iter_mut().for_each(|slope| *slope /= batch.len() as f64);
            moments.step(&mut network.parameters, &gradient, self.rate);
        }
    }

    fn masks(&self, widths: &[usize], stream: Stream) -> Masks {
        let kept = 1.0 / (1.0 - self.dropout);
        let mask = |(layer, width): (usize, &usize)| {
            let stream = stream.part(layer as u64);
            let scale = |at| if f64::from(stream.uniform(at)) < self.dropout { 0.0 } else { kept };
            (0..*width as u64).map(scale).collect()
        };
        widths.iter().take(widths.len() - 1).enumerate().map(mask).collect()
    }
}

fn right_guesses(network: &Network, valid: Lesson<'_>) -> usize {
    let pairs = valid.rows.iter().zip(valid.wanted);
    let right = |(row, wanted): &(&[f32], &Vec<f64>)| {
        crate::best_class(&network.probabilities(&read(row, None))) == crate::best_class(wanted)
    };
    pairs.filter(right).count()
}

/// Adam's averages (Kingma and Ba 2015).
struct Moments {
    first: Vec<f64>,
    second: Vec<f64>,
    steps: i32,
}

impl Moments {
    fn new(network: &Network) -> Self {
        let zeros = vec![0.0; network.parameters.len()];
        Moments { first: zeros.clone(), second: zeros, steps: 0 }
    }

    fn step(&mut self, parameters: &mut [f64], gradient: &[f64], rate: f64) {
        self.steps += 1;
        let [first, second] = BETAS.map(|beta| 1.0 - beta.powi(self.steps));
        let moments = self.first.iter_mut().zip(&mut self.second);
        for ((parameter, slope), (mean, square)) in parameters.iter_mut().zip(gradient).zip(moments) {
            *mean = BETAS[0] * *mean + (1.0 - BETAS[0]) * slope;
            *square = BETAS[1] * *square + (1.0 - BETAS[1]) * slope * slope;
            *parameter -= rate * (*mean / first) / ((*square / second).sqrt() + EPSILON);
        }
    }
}

/// Mean negative log-likelihood of wanted shares, in nats.
pub fn mean_loss(predicted: &[Vec<f64>], wanted: &[Vec<f64>]) -> f64 {
    let pairs = predicted.iter().zip(wanted);
    pairs.map(|(guess, wanted)| cross_entropy(guess, wanted)).sum::<f64>() / predicted.len().max(1) as f64
}
