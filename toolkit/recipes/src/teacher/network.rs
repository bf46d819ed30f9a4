//! A small dense network on the CPU, in double precision: linear layers with tanh between them and a softmax
//! behind. Its gradient is written by hand and checked against differences. No hidden layer makes it logistic
//! regression.

use glossa_base::seed::Stream;

/// Layers of given widths; their weights and biases lie in one row of parameters.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Network {
    /// Widths from the input to the classes.
    pub(super) widths: Vec<usize>,
    /// Layer after layer: weights `[out, in]`, then biases `[out]`.
    pub(super) parameters: Vec<f64>,
}

/// What a row of vectors is multiplied with before each layer: 0 for what is dropped.
pub(super) type Masks = Vec<Vec<f64>>;

/// Parameters of a network.
pub(super) fn parameter_count(widths: &[usize]) -> usize {
    widths.windows(2).map(|pair| (pair[0] + 1) * pair[1]).sum()
}

impl Network {
    /// All zeros: where a convex problem starts.
    pub(super) fn zeros(widths: &[usize]) -> Self {
        Network { widths: widths.to_vec(), parameters: vec![0.0; parameter_count(widths)] }
    }

    /// Uniform within the inverse square root of each layer's inputs, as `torch.nn.Linear` starts.
    pub(super) fn random(widths: &[usize], stream: Stream) -> Self {
        let mut network = Network::zeros(widths);
        for (index, layer) in network.layers().into_iter().enumerate() {
            let (bound, stream) = (1.0 / (layer.inputs as f64).sqrt(), stream.part(index as u64));
            for (at, value) in network.parameters[layer.begin..layer.end()].iter_mut().enumerate() {
                *value = bound * (2.0 * f64::from(stream.uniform(at as u64)) - 1.0);
            }
        }
        network
    }

    fn layers(&self) -> Vec<Layer> {
        let mut begin = 0;
        let layer = |pair: &[usize]| {
            let layer = Layer { begin, inputs: pair[0], outputs: pair[1] };
            begin = layer.end();
            layer
        };
        self.widths.windows(2).map(layer).collect()
    }

    /// Which parameters are weights: biases are not pulled to zero.
    pub(super) fn is_weight(&self) -> Vec<bool> {
        let layer = |layer: Layer| (0..layer.end() - layer.begin).map(move |at| at < layer.inputs * layer.outputs);
        self.layers().into_iter().flat_map(layer).collect()
    }

    /// The probability of each class for a row.
    pub(super) fn probabilities(&self, row: &[f64]) -> Vec<f64> {
        let inputs = self.inputs(row, None);
        softmax(inputs.last().map_or(&[], Vec::as_slice))
    }

    /// What each layer reads, after masks, and last the scores of the classes.
    fn inputs(&self, row: &[f64], masks: Option<&Masks>) -> Vec<Vec<f64>> {
        let layers = self.layers();
        let mut inputs = vec![masked(row.to_vec(), masks, 0)];
        for (index, layer) in layers.iter().enumerate() {
            let input = &inputs[index];
            let mut output: Vec<f64> =
                (0..layer.outputs).map(|out| layer.score(&self.parameters, input, out)).collect();
            if index + 1 < layers.len() {
                output.iter_mut().for_each(|value| *value = value.tanh());
                output = masked(output, masks, index + 1);
            }
            inputs.push(output);
        }
        inputs
    }

    /// Adds the gradient of a row's cross-entropy with the wanted shares (which sum to one), and gives the
    /// cross-entropy. `d loss / d scores = probabilities - wanted`.
    pub(super) fn learn(&self, row: &[f64], wanted: &[f64], masks: Option<&Masks>, gradient: &mut [f64]) -> f64 {
        let inputs = self.inputs(row, masks);
        let probabilities = softmax(inputs.last().map_or(&[], Vec::as_slice));
        let mut pull: Vec<f64> = probabilities.iter().zip(wanted).map(|(guess, wanted)| guess - wanted).collect();
        for (index, layer) in self.layers().into_iter().enumerate().rev() {
            layer.add_gradient(&inputs[index], &pull, gradient);
            if index > 0 {
                pull = layer.pull_back(&self.parameters, &pull);
                pull = masked(pull, masks, index);
                for (pull, read) in pull.iter_mut().zip(&inputs[index]) {
                    // What was read is tanh times the mask; where the mask is 0, so is the pull.
                    let tanh = masks.and_then(|masks| masks.get(index)?.iter().find(|scale| **scale > 0.0));
                    let tanh = read / tanh.copied().unwrap_or(1.0);
                    *pull *= 1.0 - tanh * tanh;
                }
            }
        }
        cross_entropy(&probabilities, wanted)
    }
}

/// Negative log-likelihood of wanted shares, in nats.
pub(super) fn cross_entropy(probabilities: &[f64], wanted: &[f64]) -> f64 {
    let each = |(guess, wanted): (&f64, &f64)| if *wanted > 0.0 { -wanted * guess.max(1e-300).ln() } else { 0.0 };
    probabilities.iter().zip(wanted).map(each).sum()
}

fn masked(mut values: Vec<f64>, masks: Option<&Masks>, layer: usize) -> Vec<f64> {
    if let Some(mask) = masks.and_then(|masks| masks.get(layer)) {
        values.iter_mut().zip(mask).for_each(|(value, scale)| *value *= scale);
    }
    values
}

/// Probabilities that scores stand for.
pub(crate) fn softmax(scores: &[f64]) -> Vec<f64> {
    let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = scores.iter().map(|score| (score - highest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

/// Where a layer's parameters lie.
#[derive(Clone, Copy)]
struct Layer {
    begin: usize,
    inputs: usize,
    outputs: usize,
}

impl Layer {
    fn end(&self) -> usize {
        self.begin + (self.inputs + 1) * self.outputs
    }

    fn weights(&self, out: usize) -> std::ops::Range<usize> {
        self.begin + out * self.inputs..self.begin + (out + 1) * self.inputs
    }

    fn bias(&self, out: usize) -> usize {
        self.begin + self.inputs * self.outputs + out
    }

    fn score(&self, parameters: &[f64], input: &[f64], out: usize) -> f64 {
        let weights = &parameters[self.weights(out)];
        weights.iter().zip(input).map(|(weight, value)| weight * value).sum::<f64>() + parameters[self.bias(out)]
    }

    fn add_gradient(&self, input: &[f64], pull: &[f64], gradient: &mut [f64]) {
        for (out, pull) in pull.iter().enumerate() {
            let row = &mut gradient[self.weights(out)];
            row.iter_mut().zip(input).for_each(|(sum, value)| *sum += pull * value);
            gradient[self.bias(out)] += pull;
        }
    }

    fn pull_back(&self, parameters: &[f64], pull: &[f64]) -> Vec<f64> {
        let mut back = vec![0.0; self.inputs];
        for (out, pull) in pull.iter().enumerate() {
            let weights = &parameters[self.weights(out)];
            back.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += pull * weight);
        }
        back
    }
}

#[cfg(test)]
mod tests {
    use glossa_base::seed::Purpose;

    use super::*;

    /// The gradient against central differences, with and without hidden layers and masks.
    #[test]
    fn the_gradient_is_the_slope() {
        let stream = Stream::new(1, Purpose::Weights, 0, 0);
        for (widths, masks) in [
            (vec![4, 3], None),
            (vec![4, 5, 3, 2], None),
            (vec![4, 5, 2], Some(vec![vec![1.25, 0.0, 1.25, 1.25], vec![0.0, 1.25, 1.25, 0.0, 1.25]])),
        ] {
            let mut network = Network::random(&widths, stream);
            let row: Vec<f64> = (0..4).map(|at| f64::from(stream.uniform(900 + at)) - 0.3).collect();
            let wanted = if widths.last() == Some(&3) { vec![0.2, 0.7, 0.1] } else { vec![0.6, 0.4] };
            let mut gradient = vec![0.0; network.parameters.len()];
            network.learn(&row, &wanted, masks.as_ref(), &mut gradient);
            for at in 0..gradient.len() {
                let mut loss_at = |shift: f64| {
                    let kept = std::mem::replace(&mut network.parameters[at], 0.0);
                    network.parameters[at] = kept + shift;
                    let loss = network.learn(&row, &wanted, masks.as_ref(), &mut vec![0.0; gradient.len()]);
                    network.parameters[at] = kept;
                    loss
                };
                let slope = (loss_at(1e-5) - loss_at(-1e-5)) / 2e-5;
                assert!((slope - gradient[at]).abs() < 1e-9, "{widths:?} {at}: {slope} {}", gradient[at]);
            }
        }
    }

    #[test]
    fn probabilities_sum_to_one_at_any_height() {
        for scores in [[1e4, 1e4 - 1.0, -1e4], [0.0, 0.0, 0.0], [-700.0, -701.0, -702.0]] {
            assert!((softmax(&scores).iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
    }
}
