//! The same operations op by op, in plain tensor calls: the reference that the tests compare with,
//! and the way on devices that have no kernel of ours yet.

use burn::prelude::*;
use burn::tensor::DType;
use burn::tensor::activation::{log_softmax, relu, sigmoid};
use glossa_base::seed::Stream;

use super::{Activation, AdamStep, LstmWeights, QrnnWeights, Steps, Zoneout, factors};

/// `a(x·Wᵀ + b)`.
pub(crate) fn linear(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>, activation: Activation) -> Tensor<2> {
    let y = x.matmul(weight.transpose()) + bias.unsqueeze();
    match activation {
        Activation::Identity => y,
        Activation::Relu => relu(y),
        Activation::Tanh => y.tanh(),
        Activation::Sigmoid => sigmoid(y),
    }
}

/// 1 where a row's step `t` exists, 0 elsewhere: `[batch, 1]`; nothing where all do.
fn existing(steps: &Steps, t: usize, place: (&Device, DType)) -> Option<Tensor<2>> {
    let flags: Vec<f32> = steps.lengths().iter().map(|&length| f32::from(u8::from(t < length))).collect();
    let rows = flags.len();
    (rows > 0).then(|| Tensor::from_data(TensorData::new(flags, [rows, 1]), place))
}

/// `new` where a step exists, else `old`.
fn choose(exists: Option<&Tensor<2>>, new: Tensor<2>, old: Tensor<2>) -> Tensor<2> {
    match exists {
        Some(exists) => new * exists.clone() + old * (exists.clone().neg() + 1.0),
        None => new,
    }
}

/// What zoneout multiplies the update gates by, `[batch, time, hidden]`.
fn zoned(f: Tensor<3>, zoneout: Zoneout) -> Tensor<3> {
    match zoneout {
        Zoneout::Off => f,
        Zoneout::Expected { p } => f * (1.0 - p),
        Zoneout::Sampled { stream, p } => {
            let shape = f.dims();
            let count = shape.iter().product::<usize>() as u64;
            let kept = (0..count).map(|index| f32::from(u8::from(stream.uniform(index) >= p))).collect::<Vec<f32>>();
            let kept = Tensor::from_data(TensorData::new(kept, shape), (&f.device(), f.dtype()));
            f * kept
        }
    }
}

/// Outputs and detached cells of a QRNN layer.
pub(crate) fn qrnn(
    x: Tensor<3>,
    weights: QrnnWeights,
    previous: Tensor<2>,
    first: Tensor<2>,
    steps: &Steps,
) -> (Tensor<3>, Tensor<3>) {
    let ([batch, time, inputs], hidden, device, dtype) = (x.dims(), first.dims()[1], x.device(), x.dtype());
    let source = if weights.weight.dims()[1] == inputs { x } else { with_previous(x, previous) };
    let wide = source.dims()[2];
    let gates = linear(source.reshape([batch * time, wide]), weights.weight, weights.bias, Activation::Identity);
    let gates: Tensor<3> = gates.reshape([batch, time, 3 * hidden]);
    let part = |index: usize| gates.clone().narrow(2, index * hidden, hidden);
    let (z, f, o) = (part(0).tanh(), zoned(sigmoid(part(1)), steps.zoneout), sigmoid(part(2)));
    let (mut cell, mut outputs, mut cells) = (first, Vec::with_capacity(time), Vec::with_capacity(time));
    for t in 0..time {
        let step = |x: &Tensor<3>| x.clone().narrow(1, t, 1).reshape([batch, hidden]);
        let (f, exists) = (step(&f), existing(steps, t, (&device, dtype)));
        let new = f.clone() * step(&z) + (f.neg() + 1.0) * cell.clone();
        cell = choose(exists.as_ref(), new, cell);
        outputs.push(choose(exists.as_ref(), step(&o) * cell.clone(), cell.zeros_like()));
        cells.push(cell.clone());
    }
    (Tensor::stack(outputs, 1), Tensor::stack::<3>(cells, 1).detach())
}

/// Outputs and detached cells of an LSTM layer.
pub(crate) fn lstm(
    x: Tensor<3>,
    weights: LstmWeights,
    first_output: Tensor<2>,
    first_cell: Tensor<2>,
    steps: &Steps,
) -> (Tensor<3>, Tensor<3>) {
    let ([batch, time, inputs], hidden, device, dtype) = (x.dims(), first_cell.dims()[1], x.device(), x.dtype());
    let gates = linear(x.reshape([batch * time, inputs]), weights.input, weights.bias, Activation::Identity);
    let gates: Tensor<3> = gates.reshape([batch, time, 4 * hidden]);
    let recurrent = weights.hidden.transpose();
    let (mut output, mut cell) = (first_output, first_cell);
    let (mut outputs, mut cells) = (Vec::with_capacity(time), Vec::with_capacity(time));
    for t in 0..time {
        let step = gates.clone().narrow(1, t, 1).reshape([batch, 4 * hidden]) + output.matmul(recurrent.clone());
        let part = |index: usize| step.clone().narrow(1, index * hidden, hidden);
        let exists = existing(steps, t, (&device, dtype));
        cell = choose(exists.as_ref(), sigmoid(part(1)) * cell.clone() + sigmoid(part(0)) * part(2).tanh(), cell);
        output = choose(exists.as_ref(), sigmoid(part(3)) * cell.clone().tanh(), cell.zeros_like());
        outputs.push(output.clone());
        cells.push(cell.clone());
    }
    (Tensor::stack(outputs, 1), Tensor::stack::<3>(cells, 1).detach())
}

/// A matrix with entries dropped.
pub(crate) fn drop_entries(values: Tensor<2>, stream: Stream, p: f32) -> Tensor<2> {
    let shape = values.dims();
    let mask = factors(shape[0] * shape[1], stream, p);
    let mask = Tensor::from_data(TensorData::new(mask, shape), (&values.device(), values.dtype()));
    values * mask
}

/// Adam's update.
pub(crate) fn adam_update(
    weights: Tensor<1>,
    gradient: Tensor<1>,
    [mean, square]: [Tensor<1>; 2],
    factors: Tensor<1>,
    step: &AdamStep,
) -> (Tensor<1>, [Tensor<1>; 2]) {
    let [gradients, rates] = [0, 1].map(|at| factors.clone().narrow(0, at, 1));
    let gradient = gradient * gradients * step.scale + weights.clone() * step.coupled;
    let mean = mean * step.first_beta + gradient.clone() * (1.0 - step.first_beta);
    let square = square * step.second_beta + gradient.clone() * gradient * (1.0 - step.second_beta);
    let length = (square.clone() * step.second_correction).sqrt() + step.epsilon;
    let kept = (rates.clone() * (1.0 - step.shrink)).neg() + 1.0;
    (weights * kept - mean.clone() / length * rates * step.rate, [mean, square])
}

/// Mean smoothed loss `[1]` and statistics `[2]`.
pub(crate) fn decoder_loss(
    hidden: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    targets: Tensor<1, Int>,
    smoothing: f32,
) -> (Tensor<1>, Tensor<1>) {
    let logits = log_softmax(linear(hidden, weight, bias, Activation::Identity).cast(DType::F32), 1);
    let rows = logits.dims()[0];
    let likelihood = logits.clone().gather(1, targets.clone().unsqueeze_dim(1)).mean().neg();
    let even = logits.clone().mean().neg();
    let right = logits.argmax(1).reshape([rows]).equal(targets).float().mean();
    let loss = likelihood.clone() * (1.0 - smoothing) + even * smoothing;
    (loss, Tensor::cat(vec![likelihood.detach(), right.detach()], 0))
}

/// Scaled rows of a table.
pub(crate) fn embed(table: Tensor<2>, ids: Tensor<2, Int>, scales: Tensor<1>) -> Tensor<3> {
    burn::tensor::module::embedding(table * scales.unsqueeze_dim(1), ids)
}

/// `[x_t, x_{t-1}]` along the features.
fn with_previous(x: Tensor<3>, before: Tensor<2>) -> Tensor<3> {
    let time = x.dims()[1];
    let first = before.unsqueeze_dim(1);
    let shifted = if time > 1 { Tensor::cat(vec![first, x.clone().narrow(1, 0, time - 1)], 1) } else { first };
    Tensor::cat(vec![x, shifted], 2)
}

/// Every step times one mask.
pub(crate) fn mask_steps(x: Tensor<3>, mask: Tensor<2>) -> Tensor<3> {
    x * mask.unsqueeze_dim(1)
}

/// Last, maximum and mean over spans.
pub(crate) fn concat_pool(x: Tensor<3>, spans: &[[usize; 2]]) -> Tensor<2> {
    let width = x.dims()[2];
    let rows = spans.iter().enumerate().map(|(row, &[start, end])| {
        let steps = x.clone().narrow(0, row, 1).narrow(1, start, end - start);
        let last = steps.clone().narrow(1, end - start - 1, 1).reshape([1, width]);
        let (largest, mean) = (steps.clone().max_dim(1).reshape([1, width]), steps.mean_dim(1).reshape([1, width]));
        Tensor::cat(vec![last, largest, mean], 1)
    });
    Tensor::cat(rows.collect(), 0)
}
