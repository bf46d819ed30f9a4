//! The operations as an extension of burn's backends: the CPU implementation calls `cpu`, the
//! autodiff one records each operation with its hand-written backward.
#![expect(clippy::type_complexity, reason = "burn's dispatch takes tuples of tensors and no named type of them")]

use burn::backend::flex::FlexTensor;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, Flex, TensorMetadata, backend_extension};
use burn::tensor::{DType, TensorData};

use super::cpu::{decoder, lstm, plain, qrnn};

/// Operations with hand-written gradients; shapes as in `kernels`.
#[backend_extension(Autodiff, Flex)]
pub(super) trait SequenceOps: Backend {
    /// `x·Wᵀ + b`.
    fn affine(x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self>;
    /// Gradients of `affine` with regard to x, weight and bias.
    fn affine_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        grad: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
    /// Outputs, cells and activated gates of fo-pooling.
    fn qrnn_pool(
        gates: FloatTensor<Self>,
        first: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
    /// Gradient of the gates.
    fn qrnn_pool_backward(
        activated: FloatTensor<Self>,
        cells: FloatTensor<Self>,
        first: FloatTensor<Self>,
        grad: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
    /// Outputs, cells and activated gates of an LSTM.
    fn lstm_sequence(
        gates: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        first_output: FloatTensor<Self>,
        first_cell: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
    /// Gradients of the input projection and of the recurrent weight.
    fn lstm_sequence_backward(
        output: FloatTensor<Self>,
        cells: FloatTensor<Self>,
        activated: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        first_output: FloatTensor<Self>,
        first_cell: FloatTensor<Self>,
        grad: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);
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
    /// Scaled rows of a table.
    fn embed(table: FloatTensor<Self>, ids: IntTensor<Self>, scales: FloatTensor<Self>) -> FloatTensor<Self>;
    /// Gradient of the table.
    fn embed_backward(ids: IntTensor<Self>, scales: FloatTensor<Self>, grad: FloatTensor<Self>) -> FloatTensor<Self>;
    /// Each step beside the one before.
    fn with_previous(x: FloatTensor<Self>, before: FloatTensor<Self>) -> FloatTensor<Self>;
    /// Gradient of x.
    fn with_previous_backward(grad: FloatTensor<Self>) -> FloatTensor<Self>;
    /// Every step times one mask.
    fn mask_steps(x: FloatTensor<Self>, mask: FloatTensor<Self>) -> FloatTensor<Self>;
    /// Last, maximum and mean over spans.
    fn concat_pool(x: FloatTensor<Self>, spans: IntTensor<Self>) -> FloatTensor<Self>;
    /// Gradient of x.
    fn concat_pool_backward(x: FloatTensor<Self>, spans: IntTensor<Self>, grad: FloatTensor<Self>)
    -> FloatTensor<Self>;
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape.to_vec()))
}

fn integers(tensor: &FlexTensor) -> Vec<usize> {
    let tensor = tensor.to_contiguous();
    let positive = |value: i64| usize::try_from(value).unwrap_or(usize::MAX);
    match tensor.dtype() {
        DType::I64 => tensor.storage::<i64>().iter().map(|value| positive(*value)).collect(),
        _ => tensor.storage::<i32>().iter().map(|value| positive(i64::from(*value))).collect(),
    }
}

fn sizes(cells: &FlexTensor) -> qrnn::Sizes {
    let shape = cells.shape();
    qrnn::Sizes { batch: shape[0], time: shape[1], hidden: shape[2] }
}

type Stored = (FlexTensor, FlexTensor, FlexTensor, Vec<usize>);

fn decoder_view<'a>(stored: &'a Stored, smoothing: f32) -> decoder::Decoder<'a> {
    let (hidden, weight, bias, targets) = stored;
    decoder::Decoder {
        hidden: hidden.storage::<f32>(),
        weight: weight.storage::<f32>(),
        bias: bias.storage::<f32>(),
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

impl SequenceOps for Flex {
    fn affine(x: FlexTensor, weight: FlexTensor, bias: FlexTensor) -> FlexTensor {
        let (x, weight, bias) = (x.to_contiguous(), weight.to_contiguous(), bias.to_contiguous());
        let inputs = weight.shape()[1];
        let y = plain::linear(x.storage(), weight.storage(), bias.storage(), inputs);
        tensor(y, [x.shape()[0], weight.shape()[0]])
    }

    fn affine_backward(x: FlexTensor, weight: FlexTensor, grad: FlexTensor) -> (FlexTensor, FlexTensor, FlexTensor) {
        let (x, weight, grad) = (x.to_contiguous(), weight.to_contiguous(), grad.to_contiguous());
        let [rows, inputs, outputs] = [x.shape()[0], weight.shape()[1], weight.shape()[0]];
        let (grad_x, grad_weight, grad_bias) =
            plain::linear_backward(x.storage(), weight.storage(), grad.storage(), inputs);
        (tensor(grad_x, [rows, inputs]), tensor(grad_weight, [outputs, inputs]), tensor(grad_bias, [outputs]))
    }

    fn qrnn_pool(gates: FlexTensor, first: FlexTensor) -> (FlexTensor, FlexTensor, FlexTensor) {
        let (gates, first) = (gates.to_contiguous(), first.to_contiguous());
        let shape = gates.shape();
        let sizes = qrnn::Sizes { batch: shape[0], time: shape[1], hidden: shape[2] / 3 };
        let pooled = qrnn::forward(gates.storage(), first.storage(), sizes);
        let (inner, wide) = ([shape[0], shape[1], shape[2] / 3], [shape[0], shape[1], shape[2]]);
        (tensor(pooled.output, inner), tensor(pooled.cells, inner), tensor(pooled.activated, wide))
    }

    fn qrnn_pool_backward(activated: FlexTensor, cells: FlexTensor, first: FlexTensor, grad: FlexTensor) -> FlexTensor {
        let (cells, first, grad) = (cells.to_contiguous(), first.to_contiguous(), grad.to_contiguous());
        let sizes = sizes(&cells);
        let gates = qrnn::backward(activated.storage(), cells.storage(), first.storage(), grad.storage(), sizes);
        tensor(gates, [sizes.batch, sizes.time, 3 * sizes.hidden])
    }

    fn lstm_sequence(
        gates: FlexTensor,
        weight: FlexTensor,
        first_output: FlexTensor,
        first_cell: FlexTensor,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let (gates, weight) = (gates.to_contiguous(), weight.to_contiguous());
        let (first_output, first_cell) = (first_output.to_contiguous(), first_cell.to_contiguous());
        let shape = gates.shape();
        let sizes = qrnn::Sizes { batch: shape[0], time: shape[1], hidden: shape[2] / 4 };
        let first = lstm::First { output: first_output.storage(), cell: first_cell.storage() };
        let run = lstm::forward(gates.storage::<f32>().to_vec(), weight.storage(), first, sizes);
        let inner = [sizes.batch, sizes.time, sizes.hidden];
        (tensor(run.output, inner), tensor(run.cells, inner), tensor(run.activated, [shape[0], shape[1], shape[2]]))
    }

    fn lstm_sequence_backward(
        output: FlexTensor,
        cells: FlexTensor,
        activated: FlexTensor,
        weight: FlexTensor,
        first_output: FlexTensor,
        first_cell: FlexTensor,
        grad: FlexTensor,
    ) -> (FlexTensor, FlexTensor) {
        let (weight, grad) = (weight.to_contiguous(), grad.to_contiguous());
        let (first_output, first_cell) = (first_output.to_contiguous(), first_cell.to_contiguous());
        let sizes = sizes(&cells);
        let kept = lstm::Kept {
            output: output.storage(),
            cells: cells.storage(),
            activated: activated.storage(),
            weight: weight.storage(),
            first: lstm::First { output: first_output.storage(), cell: first_cell.storage() },
        };
        let (gates, weight) = lstm::backward(kept, grad.storage(), sizes);
        (tensor(gates, [sizes.batch, sizes.time, 4 * sizes.hidden]), tensor(weight, [4 * sizes.hidden, sizes.hidden]))
    }

    fn decoder_loss(
        hidden: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        targets: FlexTensor,
        smoothing: f32,
    ) -> (FlexTensor, FlexTensor) {
        loss_tensors(decoder_view(&store(&hidden, &weight, &bias, &targets), smoothing).loss())
    }

    fn decoder_loss_gradients(
        hidden: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        targets: FlexTensor,
        smoothing: f32,
    ) -> (FlexTensor, FlexTensor, FlexTensor, FlexTensor, FlexTensor) {
        let stored = store(&hidden, &weight, &bias, &targets);
        let (loss, gradients) = decoder_view(&stored, smoothing).gradients();
        let (loss, statistics) = loss_tensors(loss);
        let (rows, width, vocabulary) = (hidden.shape()[0], hidden.shape()[1], bias.shape()[0]);
        (
            loss,
            statistics,
            tensor(gradients.hidden, [rows, width]),
            tensor(gradients.weight, [vocabulary, width]),
            tensor(gradients.bias, [vocabulary]),
        )
    }

    fn embed(table: FlexTensor, ids: FlexTensor, scales: FlexTensor) -> FlexTensor {
        let (table, scales) = (table.to_contiguous(), scales.to_contiguous());
        let width = table.shape()[1];
        let rows = plain::embed(table.storage(), &integers(&ids), scales.storage(), width);
        tensor(rows, [ids.shape()[0], ids.shape()[1], width])
    }

    fn embed_backward(ids: FlexTensor, scales: FlexTensor, grad: FlexTensor) -> FlexTensor {
        let (scales, grad) = (scales.to_contiguous(), grad.to_contiguous());
        let width = grad.shape()[2];
        tensor(
            plain::embed_backward(&integers(&ids), scales.storage(), grad.storage(), width),
            [scales.shape()[0], width],
        )
    }

    fn with_previous(x: FlexTensor, before: FlexTensor) -> FlexTensor {
        let (x, before) = (x.to_contiguous(), before.to_contiguous());
        let [batch, time, width] = [x.shape()[0], x.shape()[1], x.shape()[2]];
        tensor(plain::with_previous(x.storage(), before.storage(), time, width), [batch, time, 2 * width])
    }

    fn with_previous_backward(grad: FlexTensor) -> FlexTensor {
        let grad = grad.to_contiguous();
        let [batch, time, width] = [grad.shape()[0], grad.shape()[1], grad.shape()[2] / 2];
        tensor(plain::with_previous_backward(grad.storage(), time, width), [batch, time, width])
    }

    fn mask_steps(x: FlexTensor, mask: FlexTensor) -> FlexTensor {
        let (x, mask) = (x.to_contiguous(), mask.to_contiguous());
        let [batch, time, width] = [x.shape()[0], x.shape()[1], x.shape()[2]];
        tensor(plain::mask_steps(x.storage(), mask.storage(), time, width), [batch, time, width])
    }

    fn concat_pool(x: FlexTensor, spans: FlexTensor) -> FlexTensor {
        let x = x.to_contiguous();
        let [batch, time, width] = [x.shape()[0], x.shape()[1], x.shape()[2]];
        tensor(plain::concat_pool(x.storage(), &integers(&spans), time, width), [batch, 3 * width])
    }

    fn concat_pool_backward(x: FlexTensor, spans: FlexTensor, grad: FlexTensor) -> FlexTensor {
        let (x, grad) = (x.to_contiguous(), grad.to_contiguous());
        let [batch, time, width] = [x.shape()[0], x.shape()[1], x.shape()[2]];
        let grad_x = plain::concat_pool_backward(x.storage(), &integers(&spans), grad.storage(), time, width);
        tensor(grad_x, [batch, time, width])
    }
}
