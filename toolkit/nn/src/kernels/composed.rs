//! The same operations op by op, in plain tensor calls: the reference that the tests compare with,
//! and the way on devices that have no kernel of ours yet.

use burn::prelude::*;
use burn::tensor::activation::{log_softmax, sigmoid};

/// `x·Wᵀ + b`.
pub(crate) fn linear(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<2> {
    x.matmul(weight.transpose()) + bias.unsqueeze()
}

/// Outputs and cells of fo-pooling.
pub(crate) fn qrnn_pool(gates: Tensor<3>, first: Tensor<2>) -> (Tensor<3>, Tensor<3>) {
    let [batch, time, wide] = gates.dims();
    let hidden = wide / 3;
    let part = |index: usize| gates.clone().narrow(2, index * hidden, hidden);
    let (z, f, o) = (part(0).tanh(), sigmoid(part(1)), sigmoid(part(2)));
    let (mut cell, mut cells) = (first, Vec::with_capacity(time));
    for t in 0..time {
        let step = |x: &Tensor<3>| x.clone().narrow(1, t, 1).reshape([batch, hidden]);
        let f = step(&f);
        cell = f.clone() * step(&z) + (f.neg() + 1.0) * cell;
        cells.push(cell.clone());
    }
    let cells: Tensor<3> = Tensor::stack(cells, 1);
    (o * cells.clone(), cells)
}

/// Outputs and cells of an LSTM; gates in the order i, f, g, o.
pub(crate) fn lstm_sequence(
    gates: Tensor<3>,
    weight: Tensor<2>,
    first_output: Tensor<2>,
    first_cell: Tensor<2>,
) -> (Tensor<3>, Tensor<3>) {
    let [batch, time, wide] = gates.dims();
    let hidden = wide / 4;
    let (mut output, mut cell) = (first_output, first_cell);
    let (mut outputs, mut cells) = (Vec::with_capacity(time), Vec::with_capacity(time));
    for t in 0..time {
        let step = gates.clone().narrow(1, t, 1).reshape([batch, wide]) + output.matmul(weight.clone().transpose());
        let part = |index: usize| step.clone().narrow(1, index * hidden, hidden);
        cell = sigmoid(part(1)) * cell + sigmoid(part(0)) * part(2).tanh();
        output = sigmoid(part(3)) * cell.clone().tanh();
        outputs.push(output.clone());
        cells.push(cell.clone());
    }
    (Tensor::stack(outputs, 1), Tensor::stack(cells, 1))
}

/// Mean smoothed loss `[1]` and statistics `[2]`.
pub(crate) fn decoder_loss(
    hidden: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    targets: Tensor<1, Int>,
    smoothing: f32,
) -> (Tensor<1>, Tensor<1>) {
    let logits = log_softmax(linear(hidden, weight, bias), 1);
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
pub(crate) fn with_previous(x: Tensor<3>, before: Tensor<2>) -> Tensor<3> {
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
