//! The kernels in `f32` on any device, against the same operations composed of plain tensor calls under
//! automatic differentiation: values and gradients.

mod transformer;

use burn::prelude::*;
use glossa_base::seed::{Purpose, Stream};

use super::numbers::{distance, values};
use super::{Check, Reference};
use crate::Error;
use crate::kernels::*;

const LIMIT: f64 = 2e-5;

/// Batch, time, inputs and hidden units.
const RECURRENT: [[usize; 4]; 4] = [[1, 1, 1, 1], [2, 5, 3, 7], [3, 4, 5, 16], [5, 9, 7, 33]];

/// Compares pairs of results and collects what it finds.
struct Comparison {
    device: Device,
    checks: Vec<Check>,
}

/// What an operation gave: its weighed output as a scalar, and its values.
struct Outcome {
    scalar: Tensor<1>,
    values: Vec<f64>,
}

impl Outcome {
    /// Weighs every output differently, so that no gradient can hide.
    fn new<const D: usize>(output: Tensor<D>) -> Self {
        let shape = output.dims();
        let weights: Vec<f32> = values(99, shape.iter().product()).into_iter().map(|value| value as f32).collect();
        let weights = Tensor::<D>::from_data(TensorData::new(weights, shape), &output.device());
        Outcome { values: numbers(output.clone()), scalar: (output * weights).sum() }
    }
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter::<f32>().map(f64::from).collect()
}

/// A way to read one input's gradient from a backward pass.
type Reader<'a> = Box<dyn Fn(&burn::tensor::Gradients) -> Option<Vec<f64>> + 'a>;

fn reader<const D: usize>(input: &Tensor<D>) -> Reader<'_> {
    Box::new(move |gradients| input.grad(gradients).map(numbers))
}

impl Comparison {
    fn constant<const D: usize>(&self, name: u64, shape: [usize; D]) -> Tensor<D> {
        let data: Vec<f32> = values(name, shape.iter().product()).into_iter().map(|value| value as f32).collect();
        Tensor::from_data(TensorData::new(data, shape), &self.device)
    }

    fn input<const D: usize>(&self, name: u64, shape: [usize; D]) -> Tensor<D> {
        self.constant(name, shape).require_grad()
    }

    fn compare(
        &mut self,
        operation: &'static str,
        sizes: &str,
        [ours, reference]: [Outcome; 2],
        inputs: Vec<(&'static str, Reader<'_>)>,
    ) {
        let mut note = |of, error| {
            let sizes = sizes.to_owned();
            self.checks.push(Check { operation, sizes, of, reference: Reference::Autodiff, error, limit: LIMIT });
        };
        note("output", distance(&ours.values, &reference.values));
        let (ours, reference) = (ours.scalar.backward(), reference.scalar.backward());
        for (of, read) in inputs {
            let error = match (read(&ours), read(&reference)) {
                (Some(ours), Some(reference)) => distance(&ours, &reference),
                _ => f64::NAN,
            };
            note(of, error);
        }
    }

    fn linear(&mut self) -> Result<(), Error> {
        let activations = [Activation::Identity, Activation::Relu, Activation::Tanh, Activation::Sigmoid];
        for ([rows, inputs, outputs], activation) in [[3, 5, 7], [65, 33, 17], [300, 40, 90]]
            .into_iter()
            .flat_map(|sizes| activations.map(|activation| (sizes, activation)))
        {
            let (x, weight, bias) =
                (self.input(1, [rows, inputs]), self.input(2, [outputs, inputs]), self.input(3, [outputs]));
            let ours = linear(x.clone(), weight.clone(), bias.clone(), activation)?;
            let reference = composed::linear(x.clone(), weight.clone(), bias.clone(), activation);
            let inputs = vec![("x", reader(&x)), ("weight", reader(&weight)), ("bias", reader(&bias))];
            let sizes = format!("{rows} rows, {} to {outputs}, {activation:?}", x.dims()[1]);
            self.compare("linear", &sizes, [Outcome::new(ours), Outcome::new(reference)], inputs);
        }
        Ok(())
    }

    fn qrnn(&mut self) -> Result<(), Error> {
        let stream = Stream::new(3, Purpose::Dropout, 0, 0);
        for ([batch, time, inputs, hidden], window) in RECURRENT.into_iter().flat_map(|sizes| [(sizes, 1), (sizes, 2)])
        {
            let lengths = (window == 2).then(|| (0..batch).map(|row| (time + row) / 2).collect());
            let zoneout = if window == 2 { Zoneout::Sampled { stream, p: 0.3 } } else { Zoneout::Off };
            let steps = Steps { lengths, zoneout };
            let (x, weight) = (self.input(1, [batch, time, inputs]), self.input(2, [3 * hidden, window * inputs]));
            let (bias, previous, cell) =
                (self.input(3, [3 * hidden]), self.constant(4, [batch, inputs]), self.constant(5, [batch, hidden]));
            let weights = QrnnWeights { weight: weight.clone(), bias: bias.clone() };
            let (ours, _) = qrnn(x.clone(), weights.clone(), previous.clone(), cell.clone(), &steps)?;
            let (reference, _) = composed::qrnn(x.clone(), weights, previous, cell, &steps);
            let inputs = vec![("x", reader(&x)), ("weight", reader(&weight)), ("bias", reader(&bias))];
            let sizes = format!("{batch}x{time}, to {hidden}, window {window}");
            self.compare("QRNN", &sizes, [Outcome::new(ours), Outcome::new(reference)], inputs);
        }
        Ok(())
    }

    fn lstm(&mut self) -> Result<(), Error> {
        for ([batch, time, inputs, hidden], padded) in
            RECURRENT.into_iter().flat_map(|sizes| [(sizes, false), (sizes, true)])
        {
            let lengths = padded.then(|| (0..batch).map(|row| (time + row) / 2).collect());
            let steps = Steps { lengths, ..Steps::default() };
            let (x, input) = (self.input(1, [batch, time, inputs]), self.input(2, [4 * hidden, inputs]));
            let (recurrent, bias) = (self.input(3, [4 * hidden, hidden]), self.input(4, [4 * hidden]));
            let (output, cell) = (self.constant(5, [batch, hidden]), self.constant(6, [batch, hidden]));
            let weights = LstmWeights { input: input.clone(), hidden: recurrent.clone(), bias: bias.clone() };
            let (ours, _) = lstm(x.clone(), weights.clone(), output.clone(), cell.clone(), &steps)?;
            let (reference, _) = composed::lstm(x.clone(), weights, output, cell, &steps);
            let inputs = vec![
                ("x", reader(&x)),
                ("input weight", reader(&input)),
                ("hidden weight", reader(&recurrent)),
                ("bias", reader(&bias)),
            ];
            let sizes = format!("{batch}x{time}, to {hidden}{}", if padded { ", padded" } else { "" });
            self.compare("LSTM", &sizes, [Outcome::new(ours), Outcome::new(reference)], inputs);
        }
        Ok(())
    }

    fn decoder(&mut self) -> Result<(), Error> {
        for ([rows, width, vocabulary], smoothing) in
            [([1, 1, 2], 0.0), ([7, 5, 11], 0.1), ([300, 9, 37], 0.0), ([517, 8, 19], 0.3)]
        {
            let (hidden, weight, bias) =
                (self.input(1, [rows, width]), self.input(2, [vocabulary, width]), self.input(3, [vocabulary]));
            let ids: Vec<i32> = (0..rows).map(|row| ((row * 7 + 1) % vocabulary) as i32).collect();
            let targets = Tensor::<1, Int>::from_data(TensorData::new(ids, [rows]), &self.device);
            let (ours, _) = decoder_loss(hidden.clone(), weight.clone(), bias.clone(), targets.clone(), smoothing)?;
            let (reference, _) =
                composed::decoder_loss(hidden.clone(), weight.clone(), bias.clone(), targets, smoothing);
            let inputs = vec![("hidden", reader(&hidden)), ("weight", reader(&weight)), ("bias", reader(&bias))];
            let sizes = format!("{rows} rows, {width} wide, {vocabulary} pieces, smoothing {smoothing}");
            self.compare("decoder and loss", &sizes, [Outcome::new(ours), Outcome::new(reference)], inputs);
        }
        Ok(())
    }

    fn small(&mut self) -> Result<(), Error> {
        for [batch, time, width] in [[1, 1, 1], [3, 6, 5], [2, 7, 33]] {
            let sizes = format!("{batch}x{time}, {width} wide");
            let (x, mask) = (self.input(1, [batch, time, width]), self.constant(2, [batch, width]));
            let pair = [mask_steps(x.clone(), mask.clone())?, composed::mask_steps(x.clone(), mask)];
            self.compare("step masks", &sizes, pair.map(Outcome::new), vec![("x", reader(&x))]);

            let spans: Vec<[usize; 2]> = (0..batch).map(|row| [row.min(time - 1), time]).collect();
            let pair = [concat_pool(x.clone(), &spans)?, composed::concat_pool(x.clone(), &spans)];
            self.compare("concat pooling", &sizes, pair.map(Outcome::new), vec![("x", reader(&x))]);

            let (values, stream) = (self.input(1, [time, width]), Stream::new(3, Purpose::Dropout, 0, 0));
            let pair = [drop_entries(values.clone(), stream, 0.3), composed::drop_entries(values.clone(), stream, 0.3)];
            self.compare("weight dropout", &sizes, pair.map(Outcome::new), vec![("x", reader(&values))]);

            let (table, scales) = (self.input(1, [6, width]), self.constant(2, [6]));
            let ids: Vec<i32> = (0..batch * time).map(|step| (step * 3 % 5) as i32).collect();
            let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [batch, time]), &self.device);
            let pair =
                [embed(table.clone(), ids.clone(), scales.clone())?, composed::embed(table.clone(), ids, scales)];
            self.compare("embedding", &sizes, pair.map(Outcome::new), vec![("table", reader(&table))]);
        }
        Ok(())
    }
}

/// Every kernel on a device.
pub(super) fn run(device: &Device) -> Result<Vec<Check>, Error> {
    let mut comparison = Comparison { device: device.clone().autodiff(), checks: Vec::new() };
    comparison.linear()?;
    comparison.qrnn()?;
    comparison.lstm()?;
    comparison.decoder()?;
    comparison.small()?;
    comparison.transformer()?;
    Ok(comparison.checks)
}
