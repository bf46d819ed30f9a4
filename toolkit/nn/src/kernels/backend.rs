//! The operations as an extension of burn's backends: the CPU implementation calls `cpu`, the
//! autodiff one records each operation with its hand-written backward. Shapes were checked by
//! `kernels` before anything arrives here.
#![expect(clippy::type_complexity, reason = "burn's dispatch takes tuples of tensors and no named type of them")]
#![expect(clippy::too_many_arguments, reason = "burn's dispatch takes tensors as arguments and no structs of them")]

use burn::backend::flex::FlexTensor;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, Flex, TensorMetadata, backend_extension};
use burn::tensor::{DType, TensorData};
use glossa_base::seed::Stream;

use super::cpu::adam::{self, AdamStep};
use super::cpu::linear::Activation;
use super::cpu::recurrent::{Run, Sizes};
use super::cpu::{decoder, dropped, embedding, linear, lstm, pool, qrnn, steps};
use super::profile::timed;
use super::sequence::Steps;

/// Operations with hand-written gradients; shapes as in `kernels`.
#[backend_extension(Autodiff, Flex, Cube: cfg(feature = "gpu"))]
pub(super) trait KernelOps: Backend {
    /// `a(x·Wᵀ + b)`.
    fn affine(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self>;
    /// Gradients of x, weight and bias; `y` is what `affine` gave.
    fn affine_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        y: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        activation: Activation,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
    /// Outputs, cells and activated gates of a QRNN layer.
    fn qrnn(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        previous: FloatTensor<Self>,
        cell: FloatTensor<Self>,
        steps: Steps,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
    /// Gradients of x, weight and bias.
    fn qrnn_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        previous: FloatTensor<Self>,
        cell: FloatTensor<Self>,
        cells: FloatTensor<Self>,
        gates: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        steps: Steps,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
    /// Outputs, cells and activated gates of an LSTM layer.
    fn lstm(
        x: FloatTensor<Self>,
        weight_input: FloatTensor<Self>,
        weight_hidden: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        output: FloatTensor<Self>,
        cell: FloatTensor<Self>,
        steps: Steps,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
    /// Gradients of x, the two weights and the bias.
    fn lstm_backward(
        x: FloatTensor<Self>,
        weight_input: FloatTensor<Self>,
        weight_hidden: FloatTensor<Self>,
        first_output: FloatTensor<Self>,
        first_cell: FloatTensor<Self>,
        output: FloatTensor<Self>,
        cells: FloatTensor<Self>,
        gates: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        steps: Steps,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
    /// Mean smoothed loss `[1]` and statistics `[2]`: mean negative log-likelihood, share right.
    fn decoder_loss(
        hidden: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        targets: IntTensor<Self>,
        smoothing: f32,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);
    /// As `decoder_loss`, with the gradients of hidden, weight and bias.
    fn decoder_loss_gradients(
        hidden: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        targets: IntTensor<Self>,
        smoothing: f32,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
    /// A tensor times a factor `[1]`: nothing to do for the usual factor, one.
    fn scale(tensor: FloatTensor<Self>, factor: FloatTensor<Self>) -> FloatTensor<Self>;
    /// Scaled rows of a table.
    fn embed(table: FloatTensor<Self>, ids: IntTensor<Self>, scales: FloatTensor<Self>) -> FloatTensor<Self>;
    /// Gradient of the table.
    fn embed_backward(ids: IntTensor<Self>, scales: FloatTensor<Self>, grad: FloatTensor<Self>) -> FloatTensor<Self>;
    /// A matrix with single entries dropped; its own backward.
    fn drop_entries(values: FloatTensor<Self>, stream: Stream, p: f32) -> FloatTensor<Self>;
    /// Adam's update, gradient and rate times factors `[2]`: weights, mean gradient, mean squared gradient.
    fn adam_update(
        weights: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        square: FloatTensor<Self>,
        factors: FloatTensor<Self>,
        step: AdamStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
    /// Every step times one mask.
    fn mask_steps(x: FloatTensor<Self>, mask: FloatTensor<Self>) -> FloatTensor<Self>;
    /// Last, maximum and mean over spans.
    fn concat_pool(x: FloatTensor<Self>, spans: IntTensor<Self>) -> FloatTensor<Self>;
    /// Gradient of x.
    fn concat_pool_backward(x: FloatTensor<Self>, spans: IntTensor<Self>, grad: FloatTensor<Self>)
    -> FloatTensor<Self>;
}

pub(super) fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape.to_vec()))
}

pub(super) fn shape<const D: usize>(tensor: &FlexTensor) -> [usize; D] {
    std::array::from_fn(|axis| tensor.shape()[axis])
}

pub(super) fn integers(tensor: &FlexTensor) -> Vec<usize> {
    let tensor = tensor.to_contiguous();
    let positive = |value: i64| usize::try_from(value).unwrap_or(usize::MAX);
    match tensor.dtype() {
        DType::I64 => tensor.storage::<i64>().iter().map(|value| positive(*value)).collect(),
        _ => tensor.storage::<i32>().iter().map(|value| positive(i64::from(*value))).collect(),
    }
}

/// Binds contiguous copies (no copy where they are contiguous already).
macro_rules! contiguous {
    ($($tensor:ident),+) => { $(let $tensor = $tensor.to_contiguous();)+ };
}
pub(super) use contiguous;

/// The sizes of a recurrent layer, from its input and its cell.
fn sizes(x: &FlexTensor, cell: &FlexTensor) -> Sizes {
    let ([batch, time, inputs], [_, hidden]) = (shape(x), shape(cell));
    Sizes { batch, time, inputs, hidden }
}

/// A QRNN layer over contiguous tensors; its backward reads no bias.
fn qrnn_layer<'a>(
    [x, weight, previous, cell]: [&'a FlexTensor; 4],
    bias: &'a [f32],
    steps: &'a Steps,
) -> qrnn::Layer<'a, f32> {
    qrnn::Layer {
        x: x.storage(),
        weight: weight.storage(),
        bias,
        previous: previous.storage(),
        cell: cell.storage(),
        sizes: sizes(x, cell),
        zoneout: steps.zoneout,
        lengths: steps.lengths(),
    }
}

/// An LSTM layer over contiguous tensors; its backward reads no bias.
fn lstm_layer<'a>(
    [x, weight_input, weight_hidden, output, cell]: [&'a FlexTensor; 5],
    bias: &'a [f32],
    steps: &'a Steps,
) -> lstm::Layer<'a, f32> {
    lstm::Layer {
        x: x.storage(),
        weight_input: weight_input.storage(),
        weight_hidden: weight_hidden.storage(),
        bias,
        output: output.storage(),
        cell: cell.storage(),
        sizes: sizes(x, cell),
        lengths: steps.lengths(),
    }
}

/// Outputs, cells and gates of a recurrent layer.
fn run_tensors(run: Run<f32>, sizes: Sizes) -> (FlexTensor, FlexTensor, FlexTensor) {
    let Sizes { batch, time, hidden, .. } = sizes;
    let wide = run.gates.len() / sizes.steps();
    (
        tensor(run.output, [batch, time, hidden]),
        tensor(run.cells, [batch, time, hidden]),
        tensor(run.gates, [batch, time, wide]),
    )
}

type Stored = (FlexTensor, FlexTensor, FlexTensor, Vec<usize>);

fn decoder_view<'a>(stored: &'a Stored, smoothing: f32) -> decoder::Decoder<'a, f32> {
    let (hidden, weight, bias, targets) = stored;
    decoder::Decoder {
        hidden: hidden.storage(),
        weight: weight.storage(),
        bias: bias.storage(),
        targets,
        embedding: hidden.shape()[1],
        smoothing,
    }
}

fn store(hidden: &FlexTensor, weight: &FlexTensor, bias: &FlexTensor, targets: &FlexTensor) -> Stored {
    (hidden.to_contiguous(), weight.to_contiguous(), bias.to_contiguous(), integers(targets))
}

fn loss_tensors(loss: decoder::Loss) -> (FlexTensor, FlexTensor) {
    (tensor(vec![loss.smoothed as f32], [1]), tensor(vec![loss.likelihood as f32, loss.right as f32], [2]))
}

impl KernelOps for Flex {
    fn affine(x: FlexTensor, weight: FlexTensor, bias: FlexTensor, activation: Activation) -> FlexTensor {
        contiguous!(x, weight, bias);
        let [outputs, inputs] = shape(&weight);
        let y = timed("linear", || linear::forward(x.storage(), weight.storage(), bias.storage(), inputs, activation));
        tensor(y, [x.shape()[0], outputs])
    }

    fn affine_backward(
        x: FlexTensor,
        weight: FlexTensor,
        y: FlexTensor,
        grad: FlexTensor,
        activation: Activation,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        contiguous!(x, weight, y, grad);
        let ([rows, inputs], [outputs, _]) = (shape(&x), shape(&weight));
        let gradients = timed("linear, backward", || {
            linear::backward(x.storage(), weight.storage(), y.storage(), grad.storage::<f32>(), inputs, activation)
        });
        (
            tensor(gradients.x, [rows, inputs]),
            tensor(gradients.weight, [outputs, inputs]),
            tensor(gradients.bias, [outputs]),
        )
    }

    fn qrnn(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        previous: FlexTensor,
        cell: FlexTensor,
        steps: Steps,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        contiguous!(x, weight, bias, previous, cell);
        let layer = qrnn_layer([&x, &weight, &previous, &cell], bias.storage(), &steps);
        run_tensors(timed("QRNN layer", || layer.forward()), layer.sizes)
    }

    fn qrnn_backward(
        x: FlexTensor,
        weight: FlexTensor,
        previous: FlexTensor,
        cell: FlexTensor,
        cells: FlexTensor,
        mut gates: FlexTensor,
        grad: FlexTensor,
        steps: Steps,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        contiguous!(x, weight, previous, cell, cells, grad);
        let layer = qrnn_layer([&x, &weight, &previous, &cell], &[], &steps);
        let gradients =
            timed("QRNN layer, backward", || layer.backward(gates.storage_mut(), cells.storage(), grad.storage()));
        (
            tensor(gradients.x, shape::<3>(&x)),
            tensor(gradients.weight, shape::<2>(&weight)),
            tensor(gradients.bias, [3 * layer.sizes.hidden]),
        )
    }

    fn lstm(
        x: FlexTensor,
        weight_input: FlexTensor,
        weight_hidden: FlexTensor,
        bias: FlexTensor,
        output: FlexTensor,
        cell: FlexTensor,
        steps: Steps,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        contiguous!(x, weight_input, weight_hidden, bias, output, cell);
        let layer = lstm_layer([&x, &weight_input, &weight_hidden, &output, &cell], bias.storage(), &steps);
        run_tensors(timed("LSTM layer", || layer.forward()), layer.sizes)
    }

    fn lstm_backward(
        x: FlexTensor,
        weight_input: FlexTensor,
        weight_hidden: FlexTensor,
        first_output: FlexTensor,
        first_cell: FlexTensor,
        output: FlexTensor,
        cells: FlexTensor,
        mut gates: FlexTensor,
        grad: FlexTensor,
        steps: Steps,
    ) -> (FlexTensor, FlexTensor, FlexTensor, FlexTensor) {
        contiguous!(x, weight_input, weight_hidden, first_output, first_cell, output, cells, grad);
        let layer = lstm_layer([&x, &weight_input, &weight_hidden, &first_output, &first_cell], &[], &steps);
        let gradients = timed("LSTM layer, backward", || {
            layer.backward(gates.storage_mut(), cells.storage(), output.storage(), grad.storage())
        });
        (
            tensor(gradients.x, shape::<3>(&x)),
            tensor(gradients.weight_input, shape::<2>(&weight_input)),
            tensor(gradients.weight_hidden, shape::<2>(&weight_hidden)),
            tensor(gradients.bias, [4 * layer.sizes.hidden]),
        )
    }

    fn decoder_loss(
        hidden: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        targets: FlexTensor,
        smoothing: f32,
    ) -> (FlexTensor, FlexTensor) {
        let stored = store(&hidden, &weight, &bias, &targets);
        loss_tensors(timed("decoder and loss", || decoder_view(&stored, smoothing).loss()))
    }

    fn decoder_loss_gradients(
        hidden: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        targets: FlexTensor,
        smoothing: f32,
    ) -> (FlexTensor, FlexTensor, FlexTensor, FlexTensor, FlexTensor) {
        let stored = store(&hidden, &weight, &bias, &targets);
        let (loss, gradients) = timed("decoder and loss, backward", || decoder_view(&stored, smoothing).gradients());
        let (loss, statistics) = loss_tensors(loss);
        (
            loss,
            statistics,
            tensor(gradients.hidden, shape::<2>(&hidden)),
            tensor(gradients.weight, shape::<2>(&weight)),
            tensor(gradients.bias, shape::<1>(&bias)),
        )
    }

    fn scale(mut tensor: FlexTensor, factor: FlexTensor) -> FlexTensor {
        let factor = factor.storage::<f32>().first().copied().unwrap_or(1.0);
        if factor != 1.0 {
            tensor.storage_mut::<f32>().iter_mut().for_each(|value| *value *= factor);
        }
        tensor
    }

    fn embed(table: FlexTensor, ids: FlexTensor, scales: FlexTensor) -> FlexTensor {
        contiguous!(table, scales);
        let ([_, width], [batch, time]) = (shape(&table), shape(&ids));
        let ids = integers(&ids);
        let rows = timed("embedding", || embedding::embed(table.storage::<f32>(), &ids, scales.storage(), width));
        tensor(rows, [batch, time, width])
    }

    fn embed_backward(ids: FlexTensor, scales: FlexTensor, grad: FlexTensor) -> FlexTensor {
        contiguous!(scales, grad);
        let (width, rows) = (grad.shape()[2], scales.shape()[0]);
        let ids = integers(&ids);
        let table = timed("embedding, backward", || {
            embedding::embed_backward(&ids, scales.storage::<f32>(), grad.storage(), width)
        });
        tensor(table, [rows, width])
    }

    fn drop_entries(values: FlexTensor, stream: Stream, p: f32) -> FlexTensor {
        contiguous!(values);
        let dropped = timed("weight dropout", || dropped::drop(values.storage::<f32>(), stream, p));
        tensor(dropped, shape::<2>(&values))
    }

    fn adam_update(
        weights: FlexTensor,
        gradient: FlexTensor,
        mean: FlexTensor,
        square: FlexTensor,
        factors: FlexTensor,
        step: AdamStep,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        contiguous!(gradient);
        let factor = |at: usize| factors.storage::<f32>().get(at).map_or(1.0, |factor| f64::from(*factor));
        let (scale, rate, shrink) =
            (step.scale * factor(0), step.rate * factor(1), 1.0 - factor(1) * (1.0 - step.shrink));
        let step = AdamStep { scale, rate, shrink, ..step };
        let (mut weights, mut mean, mut square) =
            (weights.to_contiguous(), mean.to_contiguous(), square.to_contiguous());
        let (first, second) = (mean.storage_mut(), square.storage_mut());
        adam::adam(weights.storage_mut(), gradient.storage(), first, second, &step);
        (weights, mean, square)
    }

    fn mask_steps(x: FlexTensor, mask: FlexTensor) -> FlexTensor {
        contiguous!(x, mask);
        let [batch, time, width] = shape(&x);
        let masked = timed("step masks", || steps::mask_steps(x.storage::<f32>(), mask.storage(), time, width));
        tensor(masked, [batch, time, width])
    }

    fn concat_pool(x: FlexTensor, spans: FlexTensor) -> FlexTensor {
        contiguous!(x);
        let [batch, time, width] = shape(&x);
        let pooled = timed("pooling", || pool::concat_pool(x.storage::<f32>(), &integers(&spans), time, width));
        tensor(pooled, [batch, 3 * width])
    }

    fn concat_pool_backward(x: FlexTensor, spans: FlexTensor, grad: FlexTensor) -> FlexTensor {
        contiguous!(x, grad);
        let [batch, time, width] = shape(&x);
        let spans = integers(&spans);
        let grad_x = timed("pooling, backward", || {
            pool::concat_pool_backward(x.storage::<f32>(), &spans, grad.storage(), time, width)
        });
        tensor(grad_x, [batch, time, width])
    }
}
