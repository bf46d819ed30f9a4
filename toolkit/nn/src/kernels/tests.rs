//! Each kernel against the same operation composed of plain tensor calls, values and gradients.

use burn::prelude::*;
use glossa_base::seed::{Purpose, Stream};

use super::*;

fn device() -> Device {
    Device::flex().autodiff()
}

fn values(name: u64, count: usize) -> Vec<f32> {
    let stream = Stream::new(5, Purpose::Weights, name, 0);
    (0..count as u64).map(|index| stream.uniform(index) * 2.0 - 1.0).collect()
}

fn input<const D: usize>(name: u64, shape: [usize; D]) -> Tensor<D> {
    let data = TensorData::new(values(name, shape.iter().product()), shape);
    Tensor::from_data(data, &device()).require_grad()
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

fn assert_close(what: &str, left: &[f32], right: &[f32]) {
    assert_eq!(left.len(), right.len(), "{what}");
    for (index, (left, right)) in left.iter().zip(right).enumerate() {
        assert!((left - right).abs() < 2e-5 * (1.0 + right.abs()), "{what}[{index}]: {left} and {right}");
    }
}

/// A scalar that weighs every output differently, so that no gradient can hide.
fn weigh<const D: usize>(output: Tensor<D>) -> Tensor<1> {
    let shape = output.dims();
    let weights = Tensor::<D>::from_data(TensorData::new(values(99, shape.iter().product()), shape), &output.device());
    (output * weights).sum()
}

const SHAPES: [[usize; 3]; 4] = [[1, 1, 1], [2, 5, 7], [3, 4, 16], [5, 9, 33]];

#[test]
fn linear_matches_autodiff() {
    for [rows, inputs, outputs] in [[1, 1, 1], [3, 5, 7], [65, 33, 17], [300, 40, 90]] {
        let (x, weight, bias) = (input(1, [rows, inputs]), input(2, [outputs, inputs]), input(3, [outputs]));
        let ours = linear(x.clone(), weight.clone(), bias.clone());
        let reference = composed::linear(x.clone(), weight.clone(), bias.clone());
        assert_close("linear", &numbers(ours.clone()), &numbers(reference.clone()));
        let (ours, reference) = (weigh(ours).backward(), weigh(reference).backward());
        assert_close("dx", &numbers(x.grad(&ours).unwrap()), &numbers(x.grad(&reference).unwrap()));
        assert_close("dw", &numbers(weight.grad(&ours).unwrap()), &numbers(weight.grad(&reference).unwrap()));
        assert_close("db", &numbers(bias.grad(&ours).unwrap()), &numbers(bias.grad(&reference).unwrap()));
    }
}

#[test]
fn qrnn_pool_matches_autodiff() {
    for [batch, time, hidden] in SHAPES {
        let (gates, first) = (input(1, [batch, time, 3 * hidden]), input(2, [batch, hidden]).detach());
        let (ours, cells) = qrnn_pool(gates.clone(), first.clone());
        let (reference, reference_cells) = composed::qrnn_pool(gates.clone(), first);
        assert_close("output", &numbers(ours.clone()), &numbers(reference.clone()));
        assert_close("cells", &numbers(cells), &numbers(reference_cells));
        let (ours, reference) = (weigh(ours).backward(), weigh(reference).backward());
        assert_close("dgates", &numbers(gates.grad(&ours).unwrap()), &numbers(gates.grad(&reference).unwrap()));
    }
}

#[test]
fn lstm_sequence_matches_autodiff() {
    for [batch, time, hidden] in SHAPES {
        let (gates, weight) = (input(1, [batch, time, 4 * hidden]), input(2, [4 * hidden, hidden]));
        let (output, cell) = (input(3, [batch, hidden]).detach(), input(4, [batch, hidden]).detach());
        let (ours, cells) = lstm_sequence(gates.clone(), weight.clone(), output.clone(), cell.clone());
        let (reference, reference_cells) = composed::lstm_sequence(gates.clone(), weight.clone(), output, cell);
        assert_close("output", &numbers(ours.clone()), &numbers(reference.clone()));
        assert_close("cells", &numbers(cells), &numbers(reference_cells));
        let (ours, reference) = (weigh(ours).backward(), weigh(reference).backward());
        assert_close("dgates", &numbers(gates.grad(&ours).unwrap()), &numbers(gates.grad(&reference).unwrap()));
        assert_close("dw", &numbers(weight.grad(&ours).unwrap()), &numbers(weight.grad(&reference).unwrap()));
    }
}

#[test]
fn decoder_loss_matches_autodiff() {
    for ([rows, width, vocabulary], smoothing) in
        [([1, 1, 2], 0.0), ([7, 5, 11], 0.1), ([300, 9, 37], 0.0), ([517, 8, 19], 0.3)]
    {
        let (hidden, weight, bias) = (input(1, [rows, width]), input(2, [vocabulary, width]), input(3, [vocabulary]));
        let ids: Vec<i32> = (0..rows).map(|row| ((row * 7 + 1) % vocabulary) as i32).collect();
        let targets = Tensor::<1, Int>::from_data(TensorData::new(ids, [rows]), &device());
        let (ours, statistics) = decoder_loss(hidden.clone(), weight.clone(), bias.clone(), targets.clone(), smoothing);
        let (reference, expected) =
            composed::decoder_loss(hidden.clone(), weight.clone(), bias.clone(), targets, smoothing);
        assert_close("loss", &numbers(ours.clone()), &numbers(reference.clone()));
        assert_close("statistics", &numbers(statistics), &numbers(expected));
        let (ours, reference) = ((ours * 3.0).sum().backward(), (reference * 3.0).sum().backward());
        assert_close("dh", &numbers(hidden.grad(&ours).unwrap()), &numbers(hidden.grad(&reference).unwrap()));
        assert_close("dw", &numbers(weight.grad(&ours).unwrap()), &numbers(weight.grad(&reference).unwrap()));
        assert_close("db", &numbers(bias.grad(&ours).unwrap()), &numbers(bias.grad(&reference).unwrap()));
    }
}

#[test]
fn embed_matches_autodiff() {
    let (table, scales) = (input(1, [6, 5]), input(2, [6]).detach());
    let ids = Tensor::<2, Int>::from_data([[0, 5, 5], [2, 0, 5]], &device());
    let ours = embed(table.clone(), ids.clone(), scales.clone());
    let reference = composed::embed(table.clone(), ids, scales);
    assert_close("embed", &numbers(ours.clone()), &numbers(reference.clone()));
    let (ours, reference) = (weigh(ours).backward(), weigh(reference).backward());
    assert_close("dtable", &numbers(table.grad(&ours).unwrap()), &numbers(table.grad(&reference).unwrap()));
}

#[test]
fn previous_steps_and_masks_match_autodiff() {
    for [batch, time, width] in SHAPES {
        let (x, before) = (input(1, [batch, time, width]), input(2, [batch, width]).detach());
        let pairs = [
            (with_previous(x.clone(), before.clone()), composed::with_previous(x.clone(), before.clone())),
            (mask_steps(x.clone(), before.clone()), composed::mask_steps(x.clone(), before)),
        ];
        for (ours, reference) in pairs {
            assert_close("value", &numbers(ours.clone()), &numbers(reference.clone()));
            let (ours, reference) = (weigh(ours).backward(), weigh(reference).backward());
            assert_close("dx", &numbers(x.grad(&ours).unwrap()), &numbers(x.grad(&reference).unwrap()));
        }
    }
}

#[test]
fn concat_pool_matches_autodiff() {
    let x = input(1, [3, 6, 5]);
    let spans = [[0, 6], [2, 3], [1, 5]];
    let (ours, reference) = (concat_pool(x.clone(), &spans), composed::concat_pool(x.clone(), &spans));
    assert_close("value", &numbers(ours.clone()), &numbers(reference.clone()));
    let (ours, reference) = (weigh(ours).backward(), weigh(reference).backward());
    assert_close("dx", &numbers(x.grad(&ours).unwrap()), &numbers(x.grad(&reference).unwrap()));
}
