//! The kernels on any device, values and gradients. On the CPU the reference is the same operation composed of
//! plain tensor calls under automatic differentiation; on another device it is the CPU's kernels.

mod transformer;

use burn::prelude::*;
use burn::tensor::DType;
use glossa_base::seed::{Purpose, Stream};
use half::{bf16, f16};

use super::numbers::{distance, values};
use super::{Check, Reference};
use crate::Error;
use crate::device::is_cpu;
use crate::kernels::*;

/// Batch, time, inputs and hidden units.
const RECURRENT: [[usize; 4]; 4] = [[1, 1, 1, 1], [2, 5, 3, 7], [3, 4, 5, 16], [5, 9, 7, 33]];
/// Rows for several groups of cubes, and for several rounds in each, of an LSTM whose weights stay on the chip.
const RESIDENT: [[usize; 4]; 2] = [[37, 4, 6, 50], [150, 3, 5, 20]];

/// One way to compute: where, in which type, and whether by our kernels or by plain tensor calls.
struct Way {
    device: Device,
    number: DType,
    plain: bool,
    /// The type that inputs are rounded to, alike in both ways.
    rounding: DType,
}

/// What an operation gave: its values, and the gradients of its inputs.
struct Trial {
    values: Vec<f64>,
    gradients: Vec<(&'static str, Option<Vec<f64>>)>,
}

/// A way to read one input's gradient from a backward pass.
type Reader<'a> = Box<dyn Fn(&burn::tensor::Gradients) -> Option<Vec<f64>> + 'a>;

fn reader<const D: usize>(input: &Tensor<D>) -> Reader<'_> {
    Box::new(move |gradients| input.grad(gradients).map(numbers))
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter::<f32>().map(f64::from).collect()
}

impl Trial {
    /// Weighs every output differently, so that no gradient can hide.
    fn new<const D: usize>(output: Tensor<D>, inputs: Vec<(&'static str, Reader<'_>)>) -> Self {
        let (shape, device) = (output.dims(), output.device());
        let weights: Vec<f32> = values(99, shape.iter().product()).into_iter().map(|value| value as f32).collect();
        let weights = Tensor::<D>::from_data(TensorData::new(weights, shape), (&device, DType::F32));
        let values = numbers(output.clone());
        let gradients = (output.cast(DType::F32) * weights).sum().backward();
        Trial { values, gradients: inputs.into_iter().map(|(of, read)| (of, read(&gradients))).collect() }
    }
}

impl Way {
    fn constant<const D: usize>(&self, name: u64, shape: [usize; D]) -> Tensor<D> {
        self.tensor(values(name, shape.iter().product()), shape)
    }

    /// An input that is far from zero, to either side: what is added to it keeps its sign.
    fn far<const D: usize>(&self, name: u64, shape: [usize; D]) -> Tensor<D> {
        let far = |(index, value): (usize, f64)| if index % 2 == 0 { 16.0 + value } else { value - 16.0 };
        self.tensor(values(name, shape.iter().product()).into_iter().enumerate().map(far).collect(), shape)
            .require_grad()
    }

    fn tensor<const D: usize>(&self, values: Vec<f64>, shape: [usize; D]) -> Tensor<D> {
        let rounded = |value: f64| match self.rounding {
            DType::BF16 => bf16::from_f64(value).to_f32(),
            DType::F16 => f16::from_f64(value).to_f32(),
            _ => value as f32,
        };
        let data: Vec<f32> = values.into_iter().map(rounded).collect();
        Tensor::from_data(TensorData::new(data, shape), (&self.device, self.number))
    }

    fn input<const D: usize>(&self, name: u64, shape: [usize; D]) -> Tensor<D> {
        self.constant(name, shape).require_grad()
    }

    fn ids<const D: usize>(&self, ids: Vec<i32>, shape: [usize; D]) -> Tensor<D, Int> {
        Tensor::from_data(TensorData::new(ids, shape), &self.device)
    }
}

/// Compares two ways and collects what it finds.
struct Comparison {
    ours: Way,
    theirs: Way,
    reference: Reference,
    limit: f64,
    checks: Vec<Check>,
}

impl Comparison {
    /// Runs an operation both ways.
    fn compare(
        &mut self,
        operation: &'static str,
        sizes: &str,
        run: impl Fn(&Way) -> Result<Trial, Error>,
    ) -> Result<(), Error> {
        let (ours, theirs) = (run(&self.ours)?, run(&self.theirs)?);
        let mut note = |of, error| {
            let (sizes, reference, limit) = (sizes.to_owned(), self.reference, self.limit);
            let number = self.ours.number.name();
            self.checks.push(Check { operation, sizes, of, number, reference, error, limit });
        };
        note("output", distance(&ours.values, &theirs.values));
        for ((of, ours), (_, theirs)) in ours.gradients.iter().zip(&theirs.gradients) {
            let error = match (ours, theirs) {
                (Some(ours), Some(theirs)) => distance(ours, theirs),
                _ => f64::NAN,
            };
            note(of, error);
        }
        Ok(())
    }

    fn linear(&mut self) -> Result<(), Error> {
        let activations = [Activation::Identity, Activation::Relu, Activation::Tanh, Activation::Sigmoid];
        for ([rows, inputs, outputs], activation) in [[3, 5, 7], [65, 33, 17], [300, 40, 90]]
            .into_iter()
            .flat_map(|sizes| activations.map(|activation| (sizes, activation)))
        {
            let sizes = format!("{rows} rows, {inputs} to {outputs}, {activation:?}");
            self.compare("linear", &sizes, |way| {
                let (x, weight) = (way.input(1, [rows, inputs]), way.input(2, [outputs, inputs]));
                // A number of sixteen bits near zero may round to the other side of where ReLU bends.
                let bias = if activation == Activation::Relu { way.far(3, [outputs]) } else { way.input(3, [outputs]) };
                let run = if way.plain { plain_linear } else { linear };
                let output = run(x.clone(), weight.clone(), bias.clone(), activation)?;
                Ok(Trial::new(output, vec![("x", reader(&x)), ("weight", reader(&weight)), ("bias", reader(&bias))]))
            })?;
        }
        Ok(())
    }

    fn qrnn(&mut self) -> Result<(), Error> {
        let stream = Stream::new(3, Purpose::Dropout, 0, 0);
        for ([batch, time, inputs, hidden], window) in RECURRENT.into_iter().flat_map(|sizes| [(sizes, 1), (sizes, 2)])
        {
            let lengths = (window == 2).then(|| (0..batch).map(|row| (time + row) / 2).collect());
            let zoneout = if window == 2 { Zoneout::Sampled { stream, p: 0.3 } } else { Zoneout::Expected { p: 0.1 } };
            let steps = Steps { lengths, zoneout };
            self.compare("QRNN", &format!("{batch}x{time}, to {hidden}, window {window}"), |way| {
                let (x, weight) = (way.input(1, [batch, time, inputs]), way.input(2, [3 * hidden, window * inputs]));
                let (bias, previous, cell) =
                    (way.input(3, [3 * hidden]), way.constant(4, [batch, inputs]), way.constant(5, [batch, hidden]));
                let weights = QrnnWeights { weight: weight.clone(), bias: bias.clone() };
                let output = if way.plain {
                    composed::qrnn(x.clone(), weights, previous, cell, &steps).0
                } else {
                    qrnn(x.clone(), weights, previous, cell, &steps)?.0
                };
                Ok(Trial::new(output, vec![("x", reader(&x)), ("weight", reader(&weight)), ("bias", reader(&bias))]))
            })?;
        }
        Ok(())
    }

    fn lstm(&mut self) -> Result<(), Error> {
        for ([batch, time, inputs, hidden], padded) in
            RECURRENT.into_iter().chain(RESIDENT).flat_map(|sizes| [(sizes, false), (sizes, true)])
        {
            let lengths = padded.then(|| (0..batch).map(|row| 1 + (time + row) / 2 % time).collect());
            let steps = Steps { lengths, ..Steps::default() };
            let sizes = format!("{batch}x{time}, to {hidden}{}", if padded { ", padded" } else { "" });
            self.compare("LSTM", &sizes, |way| {
                let (x, input) = (way.input(1, [batch, time, inputs]), way.input(2, [4 * hidden, inputs]));
                let (recurrent, bias) = (way.input(3, [4 * hidden, hidden]), way.input(4, [4 * hidden]));
                let (first, cell) = (way.constant(5, [batch, hidden]), way.constant(6, [batch, hidden]));
                let weights = LstmWeights { input: input.clone(), hidden: recurrent.clone(), bias: bias.clone() };
                let output = if way.plain {
                    composed::lstm(x.clone(), weights, first, cell, &steps).0
                } else {
                    lstm(x.clone(), weights, first, cell, &steps)?.0
                };
                let inputs = vec![
                    ("x", reader(&x)),
                    ("input weight", reader(&input)),
                    ("hidden weight", reader(&recurrent)),
                    ("bias", reader(&bias)),
                ];
                Ok(Trial::new(output, inputs))
            })?;
        }
        Ok(())
    }

    fn decoder(&mut self) -> Result<(), Error> {
        for ([rows, width, vocabulary], smoothing) in
            [([1, 1, 2], 0.0), ([7, 5, 11], 0.1), ([300, 9, 37], 0.0), ([517, 8, 19], 0.3), ([33, 16, 700], 0.1)]
        {
            let sizes = format!("{rows} rows, {width} wide, {vocabulary} pieces, smoothing {smoothing}");
            self.compare("decoder and loss", &sizes, |way| {
                let (hidden, weight, bias) =
                    (way.input(1, [rows, width]), way.input(2, [vocabulary, width]), way.input(3, [vocabulary]));
                let targets = way.ids((0..rows).map(|row| ((row * 7 + 1) % vocabulary) as i32).collect(), [rows]);
                let (h, w, b) = (hidden.clone(), weight.clone(), bias.clone());
                let (loss, statistics) = if way.plain {
                    composed::decoder_loss(h, w, b, targets, smoothing)
                } else {
                    decoder_loss(h, w, b, targets, smoothing)?
                };
                let inputs = vec![("hidden", reader(&hidden)), ("weight", reader(&weight)), ("bias", reader(&bias))];
                let mut trial = Trial::new(loss, inputs);
                trial.values.extend(numbers(statistics));
                Ok(trial)
            })?;
        }
        Ok(())
    }

    fn small(&mut self) -> Result<(), Error> {
        for [batch, time, width] in [[1, 1, 1], [3, 6, 5], [2, 7, 33]] {
            let sizes = format!("{batch}x{time}, {width} wide");
            self.compare("step masks", &sizes, |way| {
                let (x, mask) = (way.input(1, [batch, time, width]), way.constant(2, [batch, width]));
                let y = if way.plain { composed::mask_steps(x.clone(), mask) } else { mask_steps(x.clone(), mask)? };
                Ok(Trial::new(y, vec![("x", reader(&x))]))
            })?;
            let spans: Vec<[usize; 2]> = (0..batch).map(|row| [row.min(time - 1), time]).collect();
            self.compare("concat pooling", &sizes, |way| {
                let x = way.input(1, [batch, time, width]);
                let y =
                    if way.plain { composed::concat_pool(x.clone(), &spans) } else { concat_pool(x.clone(), &spans)? };
                Ok(Trial::new(y, vec![("x", reader(&x))]))
            })?;
            self.compare("weight dropout", &sizes, |way| {
                let (x, stream) = (way.input(1, [time, width]), Stream::new(3, Purpose::Dropout, 0, 0));
                let run = if way.plain { composed::drop_entries } else { drop_entries };
                Ok(Trial::new(run(x.clone(), stream, 0.3), vec![("x", reader(&x))]))
            })?;
            self.compare("embedding", &sizes, |way| {
                let (table, scales) = (way.input(1, [6, width]), way.constant(2, [6]));
                let ids = way.ids((0..batch * time).map(|step| (step * 3 % 5) as i32).collect(), [batch, time]);
                let y = if way.plain {
                    composed::embed(table.clone(), ids, scales)
                } else {
                    embed(table.clone(), ids, scales)?
                };
                Ok(Trial::new(y, vec![("table", reader(&table))]))
            })?;
        }
        Ok(())
    }
}

impl Comparison {
    /// An update has no gradient: weights and moments afterwards.
    fn adam(&mut self) -> Result<(), Error> {
        let step = AdamStep {
            scale: 0.7,
            first_beta: 0.9,
            second_beta: 0.99,
            rate: 0.01,
            second_correction: 3.0,
            epsilon: 1e-6,
            coupled: 0.02,
            shrink: 0.999,
        };
        for length in [1, 1000] {
            self.compare("Adam", &format!("{length} weights"), |way| {
                let vector = |name| way.constant(name, [length]).inner();
                let moment = |name| vector(name).cast(DType::F32);
                let run = if way.plain { composed::adam_update } else { adam_update };
                let moments = [moment(3), moment(4).abs()];
                let factors = way.constant(5, [2]).inner().cast(DType::F32);
                let (weights, [mean, square]) = run(vector(1), vector(2), moments, factors, &step);
                let values = [weights, mean, square].into_iter().flat_map(numbers).collect();
                Ok(Trial { values, gradients: Vec::new() })
            })?;
        }
        Ok(())
    }
}

fn plain_linear(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>, activation: Activation) -> Result<Tensor<2>, Error> {
    Ok(composed::linear(x, weight, bias, activation))
}

/// Every kernel on a device, in a type of numbers.
pub(super) fn run(device: &Device, number: DType) -> Result<Vec<Check>, Error> {
    let (cpu, device) = (Device::flex().autodiff(), device.clone().autodiff());
    let on_cpu = is_cpu(&device);
    let mut comparison = Comparison {
        ours: Way { device, number, plain: false, rounding: number },
        theirs: Way { device: cpu, number: DType::F32, plain: on_cpu, rounding: number },
        reference: if on_cpu { Reference::Autodiff } else { Reference::Processor },
        limit: match (on_cpu, number) {
            (true, _) => 2e-5,
            (false, DType::F32) => 1e-4,
            (false, _) => 2e-2,
        },
        checks: Vec::new(),
    };
    comparison.linear()?;
    comparison.qrnn()?;
    comparison.lstm()?;
    comparison.decoder()?;
    comparison.small()?;
    comparison.adam()?;
    comparison.transformer()?;
    Ok(comparison.checks)
}
