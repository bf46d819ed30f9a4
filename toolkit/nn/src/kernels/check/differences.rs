//! The kernels in `f64` against central differences. An operation is a function of several inputs; a
//! random weight for each output makes it a scalar, whose gradient the backward claims to give.

mod transformer;

use glossa_base::seed::{Purpose, Stream};

use super::numbers::{distance, dot, values};
use super::{Check, Reference};
use crate::kernels::cpu::decoder::Decoder;
use crate::kernels::cpu::linear::Activation;
use crate::kernels::cpu::qrnn::Zoneout;
use crate::kernels::cpu::recurrent::Sizes;
use crate::kernels::cpu::{dropped, embedding, linear, lstm, pool, qrnn, steps};

/// Step of a central difference: its error is of the order of its square, rounding's of its inverse.
const STEP: f64 = 1e-5;
const LIMIT: f64 = 1e-6;

/// Directions that each input is moved along.
const DIRECTIONS: u64 = 4;

/// Inputs up to this many entries get the full Jacobian as well.
const SMALL: usize = 64;

/// Inputs by name.
type Inputs = Vec<(&'static str, Vec<f64>)>;

type Forward<'a> = dyn Fn(&[Vec<f64>]) -> Vec<f64> + 'a;
type Backward<'a> = dyn Fn(&[Vec<f64>], &[f64]) -> Vec<Vec<f64>> + 'a;

/// One operation with its sizes and inputs.
struct Case<'a> {
    operation: &'static str,
    sizes: String,
    inputs: Inputs,
    /// Outputs for inputs.
    forward: &'a Forward<'a>,
    /// Gradients of the inputs for inputs and the gradient of the outputs.
    backward: &'a Backward<'a>,
}

impl Case<'_> {
    fn check(&self) -> Vec<Check> {
        let inputs: Vec<Vec<f64>> = self.inputs.iter().map(|(_, values)| values.clone()).collect();
        let weights = values(99, (self.forward)(&inputs).len());
        let gradients = (self.backward)(&inputs, &weights);
        let mut checks = Vec::new();
        for (index, (of, input)) in self.inputs.iter().enumerate() {
            let error = self.along_directions(&inputs, index, &weights, &gradients[index]);
            checks.push(self.outcome(of, Reference::Differences, error));
            if input.len() <= SMALL {
                let error = self.jacobian(&inputs, index);
                checks.push(self.outcome(of, Reference::Jacobian, error));
            }
        }
        checks
    }

    fn outcome(&self, of: &'static str, reference: Reference, error: f64) -> Check {
        Check {
            operation: self.operation,
            sizes: self.sizes.clone(),
            of,
            number: "f64",
            reference,
            error,
            limit: LIMIT,
        }
    }

    /// `(f(x + h·d) - f(x - h·d)) / 2h`, output by output.
    fn difference(&self, inputs: &[Vec<f64>], index: usize, direction: &[f64]) -> Vec<f64> {
        let moved = |sign: f64| {
            let mut inputs = inputs.to_vec();
            inputs[index].iter_mut().zip(direction).for_each(|(value, step)| *value += sign * STEP * step);
            (self.forward)(&inputs)
        };
        moved(1.0).iter().zip(moved(-1.0)).map(|(up, down)| (up - down) / (2.0 * STEP)).collect()
    }

    /// The slopes of the weighed outputs along random directions, against the gradient's.
    fn along_directions(&self, inputs: &[Vec<f64>], index: usize, weights: &[f64], gradient: &[f64]) -> f64 {
        let mut claimed = Vec::new();
        let mut measured = Vec::new();
        for direction in 0..DIRECTIONS {
            let direction = values(200 + direction, inputs[index].len());
            claimed.push(dot(gradient, &direction));
            measured.push(dot(weights, &self.difference(inputs, index, &direction)));
        }
        distance(&claimed, &measured)
    }

    /// Every row of the Jacobian: the backward of one output at a time, against differences.
    fn jacobian(&self, inputs: &[Vec<f64>], index: usize) -> f64 {
        let (count, outputs) = (inputs[index].len(), (self.forward)(inputs).len());
        let unit = |size: usize, at: usize| (0..size).map(|i| if i == at { 1.0 } else { 0.0 }).collect::<Vec<f64>>();
        let columns: Vec<Vec<f64>> =
            (0..count).map(|entry| self.difference(inputs, index, &unit(count, entry))).collect();
        let row = |output: usize| {
            let claimed = (self.backward)(inputs, &unit(outputs, output)).swap_remove(index);
            let measured: Vec<f64> = columns.iter().map(|column| column[output]).collect();
            distance(&claimed, &measured)
        };
        (0..outputs).map(row).fold(0.0, f64::max)
    }
}

/// Every kernel, several shapes each, odd ones among them.
pub(super) fn run() -> Vec<Check> {
    let recurrent = [linear_cases(), qrnn_cases(), lstm_cases(), decoder_cases(), small_cases()];
    recurrent.into_iter().chain([transformer::cases()]).flatten().collect()
}

fn linear_cases() -> Vec<Check> {
    let mut checks = Vec::new();
    let activations = [Activation::Identity, Activation::Relu, Activation::Tanh, Activation::Sigmoid];
    for ([rows, inputs, outputs], activation) in [[1, 1, 1], [3, 5, 7], [17, 9, 33], [65, 33, 17]]
        .into_iter()
        .flat_map(|sizes| activations.map(|activation| (sizes, activation)))
    {
        let forward = |i: &[Vec<f64>]| linear::forward(&i[0], &i[1], &i[2], inputs, activation);
        let backward = |i: &[Vec<f64>], grad: &[f64]| {
            let y = forward(i);
            let gradients = linear::backward(&i[0], &i[1], &y, grad, inputs, activation);
            vec![gradients.x, gradients.weight, gradients.bias]
        };
        let inputs = vec![
            ("x", values(1, rows * inputs)),
            ("weight", values(2, outputs * inputs)),
            ("bias", values(3, outputs)),
        ];
        let sizes = format!("{rows} rows, {} to {outputs}, {activation:?}", inputs[0].1.len() / rows);
        checks.extend(Case { operation: "linear", sizes, inputs, forward: &forward, backward: &backward }.check());
    }
    checks
}

/// Batch, time, inputs and hidden units of the recurrent checks.
const RECURRENT: [[usize; 4]; 4] = [[1, 1, 1, 1], [2, 5, 3, 7], [3, 4, 5, 2], [2, 9, 7, 33]];

/// What a recurrent layer has besides its inputs.
struct Setting {
    sizes: Sizes,
    previous: Vec<f64>,
    output: Vec<f64>,
    cell: Vec<f64>,
    zoneout: Zoneout,
    lengths: Vec<usize>,
}

impl Setting {
    /// Padded rows end at different steps.
    fn new([batch, time, inputs, hidden]: [usize; 4], padded: bool, zoneout: Zoneout) -> Self {
        Setting {
            sizes: Sizes { batch, time, inputs, hidden },
            previous: values(5, batch * inputs),
            output: values(6, batch * hidden),
            cell: values(7, batch * hidden),
            zoneout,
            lengths: if padded { (0..batch).map(|row| (time + row) / 2).collect() } else { Vec::new() },
        }
    }
}

fn qrnn_layer<'a>(setting: &'a Setting, i: &'a [Vec<f64>]) -> qrnn::Layer<'a, f64> {
    qrnn::Layer {
        x: &i[0],
        weight: &i[1],
        bias: &i[2],
        previous: &setting.previous,
        cell: &setting.cell,
        sizes: setting.sizes,
        zoneout: setting.zoneout,
        lengths: &setting.lengths,
    }
}

fn lstm_layer<'a>(setting: &'a Setting, i: &'a [Vec<f64>]) -> lstm::Layer<'a, f64> {
    lstm::Layer {
        x: &i[0],
        weight_input: &i[1],
        weight_hidden: &i[2],
        bias: &i[3],
        output: &setting.output,
        cell: &setting.cell,
        sizes: setting.sizes,
        lengths: &setting.lengths,
    }
}

fn zoneouts() -> [Zoneout; 3] {
    let stream = Stream::new(3, Purpose::Dropout, 0, 0);
    [Zoneout::Off, Zoneout::Sampled { stream, p: 0.3 }, Zoneout::Expected { p: 0.3 }]
}

fn qrnn_cases() -> Vec<Check> {
    let mut checks = Vec::new();
    for [batch, time, inputs, hidden] in RECURRENT {
        for (window, padded, zoneout) in [(1, false), (2, false), (2, true)]
            .into_iter()
            .flat_map(|(window, padded)| zoneouts().map(|zoneout| (window, padded, zoneout)))
        {
            let setting = Setting::new([batch, time, inputs, hidden], padded, zoneout);
            let forward = |i: &[Vec<f64>]| qrnn_layer(&setting, i).forward().output;
            let backward = |i: &[Vec<f64>], grad: &[f64]| {
                let mut run = qrnn_layer(&setting, i).forward();
                let gradients = qrnn_layer(&setting, i).backward(&mut run.gates, &run.cells, grad);
                vec![gradients.x, gradients.weight, gradients.bias]
            };
            let inputs = vec![
                ("x", values(1, batch * time * inputs)),
                ("weight", values(2, 3 * hidden * window * inputs)),
                ("bias", values(3, 3 * hidden)),
            ];
            let zoneout = match zoneout {
                Zoneout::Off => "",
                Zoneout::Sampled { .. } => ", zoneout",
                Zoneout::Expected { .. } => ", mean zoneout",
            };
            let sizes = format!(
                "{batch}x{time}, to {hidden}, window {window}{zoneout}{}",
                if padded { ", padded" } else { "" }
            );
            checks.extend(Case { operation: "QRNN", sizes, inputs, forward: &forward, backward: &backward }.check());
        }
    }
    checks
}

fn lstm_cases() -> Vec<Check> {
    let mut checks = Vec::new();
    for ([batch, time, inputs, hidden], padded) in
        RECURRENT.into_iter().flat_map(|sizes| [(sizes, false), (sizes, true)])
    {
        let setting = Setting::new([batch, time, inputs, hidden], padded, Zoneout::Off);
        let forward = |i: &[Vec<f64>]| lstm_layer(&setting, i).forward().output;
        let backward = |i: &[Vec<f64>], grad: &[f64]| {
            let mut run = lstm_layer(&setting, i).forward();
            let gradients = lstm_layer(&setting, i).backward(&mut run.gates, &run.cells, &run.output, grad);
            vec![gradients.x, gradients.weight_input, gradients.weight_hidden, gradients.bias]
        };
        let inputs = vec![
            ("x", values(1, batch * time * inputs)),
            ("input weight", values(2, 4 * hidden * inputs)),
            ("hidden weight", values(3, 4 * hidden * hidden)),
            ("bias", values(4, 4 * hidden)),
        ];
        let sizes = format!("{batch}x{time}, to {hidden}{}", if padded { ", padded" } else { "" });
        checks.extend(Case { operation: "LSTM", sizes, inputs, forward: &forward, backward: &backward }.check());
    }
    checks
}

fn decoder_cases() -> Vec<Check> {
    let mut checks = Vec::new();
    for ([rows, width, vocabulary], smoothing) in
        [([1, 1, 2], 0.0), ([7, 5, 11], 0.125), ([40, 9, 37], 0.0), ([300, 3, 19], 0.25)]
    {
        let targets: Vec<usize> = (0..rows).map(|row| (row * 7 + 1) % vocabulary).collect();
        fn decoder<'a>(i: &'a [Vec<f64>], targets: &'a [usize], width: usize, smoothing: f32) -> Decoder<'a, f64> {
            Decoder { hidden: &i[0], weight: &i[1], bias: &i[2], targets, embedding: width, smoothing }
        }
        let forward = |i: &[Vec<f64>]| vec![decoder(i, &targets, width, smoothing).loss().smoothed];
        let backward = |i: &[Vec<f64>], grad: &[f64]| {
            let (_, gradients) = decoder(i, &targets, width, smoothing).gradients();
            let scaled = |gradient: Vec<f64>| gradient.into_iter().map(|value| value * grad[0]).collect();
            [gradients.hidden, gradients.weight, gradients.bias].map(scaled).to_vec()
        };
        let inputs = vec![
            ("hidden", values(1, rows * width)),
            ("weight", values(2, vocabulary * width)),
            ("bias", values(3, vocabulary)),
        ];
        let sizes = format!("{rows} rows, {width} wide, {vocabulary} pieces, smoothing {smoothing}");
        let operation = "decoder and loss";
        checks.extend(Case { operation, sizes, inputs, forward: &forward, backward: &backward }.check());
    }
    checks
}

fn small_cases() -> Vec<Check> {
    let mut checks = Vec::new();
    for [batch, time, width] in [[1, 1, 1], [2, 5, 7], [3, 4, 16]] {
        let sizes = format!("{batch}x{time}, {width} wide");
        let x = || vec![("x", values(1, batch * time * width))];
        let mask = values(4, batch * width);
        let forward = |i: &[Vec<f64>]| steps::mask_steps(&i[0], &mask, time, width);
        let backward = |_: &[Vec<f64>], grad: &[f64]| vec![steps::mask_steps(grad, &mask, time, width)];
        let case =
            Case { operation: "step masks", sizes: sizes.clone(), inputs: x(), forward: &forward, backward: &backward };
        checks.extend(case.check());

        let stream = Stream::new(3, Purpose::Dropout, 0, 0);
        let forward = |i: &[Vec<f64>]| dropped::drop(&i[0], stream, 0.3);
        let backward = |_: &[Vec<f64>], grad: &[f64]| vec![dropped::drop(grad, stream, 0.3)];
        let operation = "weight dropout";
        checks.extend(
            Case { operation, sizes: sizes.clone(), inputs: x(), forward: &forward, backward: &backward }.check(),
        );

        let spans: Vec<usize> = (0..batch).flat_map(|row| [row.min(time - 1), time]).collect();
        let forward = |i: &[Vec<f64>]| pool::concat_pool(&i[0], &spans, time, width);
        let backward =
            |i: &[Vec<f64>], grad: &[f64]| vec![pool::concat_pool_backward(&i[0], &spans, grad, time, width)];
        let operation = "concat pooling";
        checks.extend(
            Case { operation, sizes: sizes.clone(), inputs: x(), forward: &forward, backward: &backward }.check(),
        );

        let (ids, scales): (Vec<usize>, _) = ((0..batch * time).map(|step| step * 3 % 5).collect(), values(7, 5));
        let forward = |i: &[Vec<f64>]| embedding::embed(&i[0], &ids, &scales, width);
        let backward = |_: &[Vec<f64>], grad: &[f64]| vec![embedding::embed_backward(&ids, &scales, grad, width)];
        let inputs = vec![("table", values(1, 5 * width))];
        checks.extend(Case { operation: "embedding", sizes, inputs, forward: &forward, backward: &backward }.check());
    }
    checks
}
