//! What a classifier's head is asked, and how its answer is judged: one class a text, any number of labels,
//! or a number. Soft labels, class weights and mixed examples come in as shares of each output.

use burn::prelude::*;
use burn::tensor::activation::{log_sigmoid, log_softmax};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::kernels::decoder_loss;

/// How well a model says what it should.
pub struct Likelihood {
    /// Mean cross-entropy with label smoothing, `[1]`.
    pub loss: Tensor<1>,
    /// `[2]`, detached: mean negative log-likelihood in nats, share of right first guesses.
    pub statistics: Tensor<1>,
}

/// What a head answers; the names are those of Hugging Face configurations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Problem {
    /// One of the labels.
    #[default]
    #[serde(rename = "single_label_classification")]
    SingleLabel,
    /// Any number of the labels.
    #[serde(rename = "multi_label_classification")]
    MultiLabel,
    /// A number.
    #[serde(rename = "regression")]
    Regression,
}

/// What the texts of a batch should be answered with.
#[derive(Debug, Clone, PartialEq)]
pub enum Targets {
    /// A class a text.
    Classes(Vec<usize>),
    /// The share of each class, text after text; each text's sum to one.
    Shares(Vec<Vec<f32>>),
    /// Whether a text has each label.
    Labels(Vec<Vec<bool>>),
    /// A number a text.
    Values(Vec<f32>),
}

/// Each example of a batch mixed with another one (mixup).
#[derive(Debug, Clone, PartialEq)]
pub struct Mix {
    /// The other one of each.
    pub partners: Vec<usize>,
    /// The share of its own.
    pub share: f32,
}

/// Mean and deviation of the numbers to be answered: a head learns them scaled to 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueScale {
    /// The mean.
    pub mean: f64,
    /// The standard deviation.
    pub deviation: f64,
}

impl Default for ValueScale {
    fn default() -> Self {
        ValueScale { mean: 0.0, deviation: 1.0 }
    }
}

impl ValueScale {
    /// The scale of some numbers; equal ones have the deviation 1.
    pub fn of(values: &[f32]) -> Self {
        let count = values.len().max(1) as f64;
        let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
        let variance = values.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / count;
        ValueScale { mean, deviation: if variance > 1e-24 { variance.sqrt() } else { 1.0 } }
    }

    /// Numbers as the head learns them.
    pub fn narrow(&self, targets: Targets) -> Targets {
        let narrow = |value: f32| ((f64::from(value) - self.mean) / self.deviation) as f32;
        match targets {
            Targets::Values(values) => Targets::Values(values.into_iter().map(narrow).collect()),
            other => other,
        }
    }

    /// An answer of the head on its scale.
    pub fn widen(&self, answer: f64) -> f64 {
        if *self == ValueScale::default() { answer } else { answer * self.deviation + self.mean }
    }
}

/// How far from the wanted class or shares a classifier's answer is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ClassLoss {
    /// Cross-entropy: a wrong label pulls without bound.
    #[default]
    CrossEntropy,
    /// `(1 - p^exponent) / exponent` of the wanted class (Zhang and Sabuncu 2018): towards 1 wrong labels pull
    /// less, towards 0 it is cross-entropy.
    Generalised {
        /// Above 0, at most 1; 0.7 in the paper.
        exponent: f64,
    },
    /// Cross-entropy and, `reverse` times, the cross-entropy of the wanted shares under the answer (Wang et al.
    /// 2019), with the logarithm of nothing taken as -4.
    Symmetric {
        /// How much the cross-entropy counts.
        forward: f64,
        /// How much the reverse counts.
        reverse: f64,
    },
}

/// Stands for the logarithm of a share of 0 in the reverse cross-entropy.
const LOG_OF_NOTHING: f64 = -4.0;

/// Targets and what surrounds them in training.
#[derive(Debug, Clone, Copy)]
pub struct Aim<'a> {
    /// The targets.
    pub targets: &'a Targets,
    /// How much each class counts; all alike without.
    pub class_weights: Option<&'a [f32]>,
    /// Mixed examples.
    pub mix: Option<&'a Mix>,
    /// Mass spread over all classes.
    pub smoothing: f32,
    /// How answers are judged, where there is one class a text.
    pub loss: ClassLoss,
}

impl<'a> Aim<'a> {
    /// Plain targets.
    pub fn at(targets: &'a Targets) -> Self {
        Aim { targets, class_weights: None, mix: None, smoothing: 0.0, loss: ClassLoss::CrossEntropy }
    }
}

impl Targets {
    /// Number of texts.
    pub fn len(&self) -> usize {
        match self {
            Targets::Classes(classes) => classes.len(),
            Targets::Shares(rows) => rows.len(),
            Targets::Labels(rows) => rows.len(),
            Targets::Values(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Those of some texts; what is not there is left out.
    pub fn select(&self, texts: &[usize]) -> Targets {
        fn pick<T: Clone>(all: &[T], texts: &[usize]) -> Vec<T> {
            texts.iter().filter_map(|&text| all.get(text).cloned()).collect()
        }
        match self {
            Targets::Classes(classes) => Targets::Classes(pick(classes, texts)),
            Targets::Shares(rows) => Targets::Shares(pick(rows, texts)),
            Targets::Labels(rows) => Targets::Labels(pick(rows, texts)),
            Targets::Values(values) => Targets::Values(pick(values, texts)),
        }
    }

    /// The wanted outputs, text after text.
    fn matrix(&self, outputs: usize) -> Vec<f32> {
        match self {
            Targets::Classes(classes) => {
                classes.iter().flat_map(|&class| (0..outputs).map(move |output| flag(output == class))).collect()
            }
            Targets::Shares(rows) => rows.concat(),
            Targets::Labels(rows) => rows.iter().flatten().map(|&label| flag(label)).collect(),
            Targets::Values(values) => values.clone(),
        }
    }

    /// Refuses targets that do not fit so many texts and outputs.
    fn check(&self, texts: usize, outputs: usize) -> Result<(), Error> {
        let fits = self.len() == texts
            && match self {
                Targets::Classes(classes) => classes.iter().all(|class| *class < outputs),
                Targets::Shares(rows) => {
                    rows.iter().all(|row| row.len() == outputs && row.iter().all(|share| (0.0..=1.0).contains(share)))
                }
                Targets::Labels(rows) => rows.iter().all(|row| row.len() == outputs),
                Targets::Values(values) => outputs == 1 && values.iter().all(|value| value.is_finite()),
            };
        if fits {
            return Ok(());
        }
        let wanted = format!("one for each of {texts} texts, within {outputs} outputs");
        Err(Error::Shape { tensor: "targets", found: vec![self.len()], wanted })
    }
}

fn flag(value: bool) -> f32 {
    if value { 1.0 } else { 0.0 }
}

/// The last layer of a head: `weight` `[outputs, hidden]`, `bias` `[outputs]`.
pub(crate) struct LastLayer {
    pub(crate) weight: Tensor<2>,
    pub(crate) bias: Tensor<1>,
}

/// How well `hidden` `[batch, hidden]` answers.
pub(crate) fn likelihood(hidden: Tensor<2>, layer: LastLayer, aim: &Aim<'_>) -> Result<Likelihood, Error> {
    let (texts, outputs) = (hidden.dims()[0], layer.bias.dims()[0]);
    aim.targets.check(texts, outputs)?;
    let plain = aim.loss == ClassLoss::CrossEntropy && aim.class_weights.is_none() && aim.mix.is_none();
    if let (Targets::Classes(classes), true) = (aim.targets, plain) {
        let classes: Vec<i32> = classes.iter().map(|&class| class as i32).collect();
        let targets = Tensor::from_data(TensorData::new(classes, [texts]), &hidden.device());
        let (loss, statistics) = decoder_loss(hidden, layer.weight, layer.bias, targets, aim.smoothing)?;
        return Ok(Likelihood { loss, statistics });
    }
    let device = hidden.device();
    let answers = hidden.matmul(layer.weight.transpose()) + layer.bias.unsqueeze();
    let wanted = Tensor::from_data(TensorData::new(aim.wanted(outputs)?, [texts, outputs]), &device);
    let weights = Tensor::from_data(TensorData::new(aim.row_weights(outputs), [texts, 1]), &device);
    Ok(match aim.targets {
        Targets::Classes(_) | Targets::Shares(_) => class_likelihood(answers, wanted, weights, aim),
        Targets::Labels(_) => binary_cross_entropy(answers, wanted),
        Targets::Values(_) => squared_error(answers, wanted),
    })
}

impl Aim<'_> {
    /// The wanted outputs after mixing, text after text.
    fn wanted(&self, outputs: usize) -> Result<Vec<f32>, Error> {
        let own = self.targets.matrix(outputs);
        let Some(mix) = self.mix else { return Ok(own) };
        let texts = self.targets.len();
        if mix.partners.len() != texts || mix.partners.iter().any(|partner| *partner >= texts) {
            return Err(Error::Shape {
                tensor: "partners",
                found: mix.partners.clone(),
                wanted: format!("{texts} texts"),
            });
        }
        let other = mix.partners.iter().flat_map(|partner| &own[partner * outputs..(partner + 1) * outputs]);
        Ok(own.iter().zip(other).map(|(own, other)| mix.share * own + (1.0 - mix.share) * other).collect())
    }

    /// How much each text counts: the mean weight of its classes.
    fn row_weights(&self, outputs: usize) -> Vec<f32> {
        let Some(weights) = self.class_weights else { return vec![1.0; self.targets.len()] };
        let rows = self.targets.matrix(outputs);
        rows.chunks(outputs).map(|row| row.iter().zip(weights).map(|(share, weight)| share * weight).sum()).collect()
    }
}

/// Mean over texts, weighted; `[2]` statistics: cross-entropy without smoothing and weights, and the share of texts
/// whose likeliest class is the wanted one.
fn class_likelihood(answers: Tensor<2>, wanted: Tensor<2>, weights: Tensor<2>, aim: &Aim<'_>) -> Likelihood {
    let outputs = answers.dims()[1];
    let logs = log_softmax(answers, 1);
    let right = logs.clone().detach().argmax(1).equal(wanted.clone().argmax(1)).float().mean();
    let plain = (logs.clone().detach() * wanted.clone()).sum_dim(1).mean().neg();
    let smoothed = wanted * (1.0 - aim.smoothing) + aim.smoothing / outputs as f32;
    let each = aim.loss.of(logs, smoothed) * weights.clone();
    Likelihood { loss: each.sum() / weights.sum(), statistics: Tensor::cat(vec![plain, right], 0) }
}

impl ClassLoss {
    /// The loss of each text, `[batch, 1]`, from the logarithms of its probabilities and the wanted shares.
    fn of(self, logs: Tensor<2>, wanted: Tensor<2>) -> Tensor<2> {
        let crossed = |logs: Tensor<2>, wanted: Tensor<2>| (logs * wanted).sum_dim(1).neg();
        match self {
            ClassLoss::CrossEntropy => crossed(logs, wanted),
            ClassLoss::Generalised { exponent } => {
                let missed = (logs * exponent).exp().neg() + 1.0;
                (missed * wanted).sum_dim(1) / exponent
            }
            ClassLoss::Symmetric { forward, reverse } => {
                let wanted_logs = wanted.clone().clamp_min(LOG_OF_NOTHING.exp()).log();
                crossed(logs.clone(), wanted) * forward + crossed(wanted_logs, logs.exp()) * reverse
            }
        }
    }

    /// Whether its numbers make sense.
    pub fn is_sound(self) -> bool {
        match self {
            ClassLoss::CrossEntropy => true,
            ClassLoss::Generalised { exponent } => exponent > 0.0 && exponent <= 1.0,
            ClassLoss::Symmetric { forward, reverse } => {
                (0.0..=100.0).contains(&forward) && (0.0..=100.0).contains(&reverse) && forward + reverse > 0.0
            }
        }
    }
}

/// Mean over texts and labels; statistics: the same, and the share of labels that are right.
fn binary_cross_entropy(answers: Tensor<2>, wanted: Tensor<2>) -> Likelihood {
    let guessed = answers.clone().detach().greater_elem(0.0);
    let right = guessed.equal(wanted.clone().greater_elem(0.5)).float().mean();
    let yes = log_sigmoid(answers.clone()) * wanted.clone();
    let no = log_sigmoid(answers.neg()) * (wanted.neg() + 1.0);
    let loss = (yes + no).mean().neg();
    Likelihood { statistics: Tensor::cat(vec![loss.clone().detach(), right], 0), loss }
}

/// Mean over texts; statistics: the same, and the mean absolute error.
fn squared_error(answers: Tensor<2>, wanted: Tensor<2>) -> Likelihood {
    let error = answers - wanted;
    let absolute = error.clone().detach().abs().mean();
    let loss = (error.clone() * error).mean();
    Likelihood { statistics: Tensor::cat(vec![loss.clone().detach(), absolute], 0), loss }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(outputs: usize) -> LastLayer {
        let device = Device::flex();
        let values: Vec<f32> = (0..outputs * 3).map(|index| (index as f32 * 0.7).sin()).collect();
        LastLayer {
            weight: Tensor::from_data(TensorData::new(values, [outputs, 3]), &device),
            bias: Tensor::from_data(TensorData::new(vec![0.1_f32; outputs], [outputs]), &device),
        }
    }

    fn hidden() -> Tensor<2> {
        let values: Vec<f32> = (0..12).map(|index| (index as f32 * 1.3).cos()).collect();
        Tensor::from_data(TensorData::new(values, [4, 3]), &Device::flex())
    }

    fn run(outputs: usize, aim: &Aim<'_>) -> (f32, Vec<f32>) {
        let found = likelihood(hidden(), layer(outputs), aim).unwrap();
        (found.loss.into_scalar(), found.statistics.into_data().try_to_vec().unwrap())
    }

    fn near(one: f32, other: f32) {
        assert!((one - other).abs() < 1e-5, "{one} {other}");
    }

    #[test]
    fn soft_shares_of_one_class_are_that_class() {
        let classes = Targets::Classes(vec![0, 2, 1, 2]);
        let shares =
            Targets::Shares(vec![vec![1.0, 0.0, 0.0], vec![0.0, 0.0, 1.0], vec![0.0, 1.0, 0.0], vec![0.0, 0.0, 1.0]]);
        for smoothing in [0.0, 0.1] {
            let (hard, soft) =
                (run(3, &Aim { smoothing, ..Aim::at(&classes) }), run(3, &Aim { smoothing, ..Aim::at(&shares) }));
            near(hard.0, soft.0);
            near(hard.1[0], soft.1[0]);
            near(hard.1[1], soft.1[1]);
        }
    }

    #[test]
    fn weights_count_as_repetition_does() {
        let classes = Targets::Classes(vec![0, 1, 1, 0]);
        let one = |text: usize| {
            let hidden = hidden().narrow(0, text, 1);
            likelihood(hidden, layer(2), &Aim::at(&classes.select(&[text]))).unwrap().loss.into_scalar::<f32>()
        };
        let weighted = run(2, &Aim { class_weights: Some(&[3.0, 1.0]), ..Aim::at(&classes) }).0;
        near(weighted, (3.0 * one(0) + one(1) + one(2) + 3.0 * one(3)) / 8.0);
    }

    #[test]
    fn a_mix_is_linear_in_both_targets() {
        let classes = Targets::Classes(vec![0, 1, 2, 2]);
        let mix = Mix { partners: vec![3, 2, 1, 0], share: 0.7 };
        let other = classes.select(&mix.partners);
        let mixed = run(3, &Aim { mix: Some(&mix), ..Aim::at(&classes) }).0;
        near(mixed, 0.7 * run(3, &Aim::at(&classes)).0 + 0.3 * run(3, &Aim::at(&other)).0);
    }

    #[test]
    fn labels_and_values_have_their_losses() {
        let labels = Targets::Labels(vec![vec![true, false], vec![true, true], vec![false, false], vec![false, true]]);
        let (answers, device) = (hidden(), Device::flex());
        let logits: Vec<f32> = (answers.clone().matmul(layer(2).weight.transpose())
            + Tensor::<1>::from_data([0.1, 0.1], &device).unsqueeze())
        .into_data()
        .try_to_vec()
        .unwrap();
        let wanted = [1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0_f32];
        let each = logits.iter().zip(wanted).map(|(x, y)| x.max(0.0) - x * y + (1.0 + (-x.abs()).exp()).ln());
        near(run(2, &Aim::at(&labels)).0, each.sum::<f32>() / 8.0);
        let values = Targets::Values(vec![0.5, -1.0, 2.0, 0.0]);
        let answers: Vec<f32> = (answers.matmul(layer(1).weight.transpose()) + 0.1).into_data().try_to_vec().unwrap();
        let each = answers.iter().zip([0.5, -1.0, 2.0, 0.0_f32]).map(|(x, y)| (x - y).powi(2));
        near(run(1, &Aim::at(&values)).0, each.sum::<f32>() / 4.0);
    }

    #[test]
    fn losses_for_wrong_labels_follow_their_formulas() {
        let rows = vec![vec![0.5, 0.5, 0.0], vec![0.0, 1.0, 0.0], vec![0.2, 0.3, 0.5], vec![1.0, 0.0, 0.0]];
        let shares = Targets::Shares(rows.clone());
        let answers = hidden().matmul(layer(3).weight.transpose()) + layer(3).bias.unsqueeze();
        let logs: Vec<f32> = log_softmax(answers, 1).into_data().try_to_vec().unwrap();
        let mean = |each: &dyn Fn(f32, f32) -> f32| {
            logs.iter().zip(rows.iter().flatten()).map(|(log, wanted)| each(*log, *wanted)).sum::<f32>() / 4.0
        };
        let loss = |loss| run(3, &Aim { loss, ..Aim::at(&shares) });
        let generalised = mean(&|log, wanted| wanted * (1.0 - (0.7 * log).exp()) / 0.7);
        near(loss(ClassLoss::Generalised { exponent: 0.7 }).0, generalised);
        let reverse = |log: f32, wanted: f32| -log.exp() * if wanted > 0.0 { wanted.ln() } else { -4.0 };
        let symmetric = mean(&|log, wanted| -0.5 * wanted * log + 2.0 * reverse(log, wanted));
        near(loss(ClassLoss::Symmetric { forward: 0.5, reverse: 2.0 }).0, symmetric);
        let crossed = loss(ClassLoss::CrossEntropy);
        // Its limit, up to half the exponent times the squared logarithms.
        let limit = loss(ClassLoss::Generalised { exponent: 1e-3 }).0;
        assert!((limit - crossed.0).abs() < 5e-3, "{limit} {}", crossed.0);
        near(loss(ClassLoss::Generalised { exponent: 0.7 }).1[0], crossed.1[0]);
    }

    #[test]
    fn targets_that_do_not_fit_are_refused() {
        let wrong = [
            Targets::Classes(vec![0, 1, 2]),
            Targets::Classes(vec![0, 1, 2, 3]),
            Targets::Shares(vec![vec![1.0, 0.0]; 4]),
            Targets::Shares(vec![vec![2.0, 0.0, 0.0]; 4]),
            Targets::Labels(vec![vec![true]; 4]),
            Targets::Values(vec![0.0; 4]),
        ];
        assert!(wrong.iter().all(|targets| likelihood(hidden(), layer(3), &Aim::at(targets)).is_err()));
        assert!(likelihood(hidden(), layer(1), &Aim::at(&Targets::Values(vec![f32::NAN; 4]))).is_err());
    }

    #[test]
    fn a_scale_goes_both_ways() {
        let scale = ValueScale::of(&[1.0, 3.0, 5.0]);
        let Targets::Values(narrow) = scale.narrow(Targets::Values(vec![5.0])) else { unreachable!() };
        assert!((scale.widen(f64::from(narrow[0])) - 5.0).abs() < 1e-6);
        assert_eq!(ValueScale::of(&[2.0, 2.0]).deviation, 1.0);
    }
}
