//! The operations of `backend` on a GPU: tensors made contiguous, then the kernels beside this file.

use burn::backend::ops::FloatTensorOps;
use burn::tensor::FloatDType;
use burn_cubecl::CubeBackend;
use burn_cubecl::tensor::CubeTensor;
use glossa_base::seed::Stream;

use super::decoder::Decoder;
use super::tensor::{contiguous, reshape};
use super::{adam, embedding, linear, lstm, qrnn, steps as step_operations};
use crate::kernels::backend::KernelOps;
use crate::kernels::cpu::adam::AdamStep;
use crate::kernels::cpu::linear::Activation;
use crate::kernels::sequence::Steps;

fn decoder(hidden: CubeTensor, weight: CubeTensor, bias: CubeTensor, targets: CubeTensor, smoothing: f32) -> Decoder {
    contiguous!(hidden, weight, bias, targets);
    Decoder { hidden, weight, bias, targets, smoothing }
}

impl KernelOps for CubeBackend {
    fn affine(x: CubeTensor, weight: CubeTensor, bias: CubeTensor, activation: Activation) -> CubeTensor {
        contiguous!(x, weight, bias);
        linear::forward(x, weight, bias, activation)
    }

    fn affine_backward(
        x: CubeTensor,
        weight: CubeTensor,
        y: CubeTensor,
        grad: CubeTensor,
        activation: Activation,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        contiguous!(x, weight, y, grad);
        linear::backward([x, weight, y, grad], activation)
    }

    fn qrnn(
        x: CubeTensor,
        weight: CubeTensor,
        bias: CubeTensor,
        previous: CubeTensor,
        cell: CubeTensor,
        steps: Steps,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        contiguous!(x, weight, bias, previous, cell);
        qrnn::forward([x, weight, bias, previous, cell], &steps)
    }

    fn qrnn_backward(
        x: CubeTensor,
        weight: CubeTensor,
        previous: CubeTensor,
        cell: CubeTensor,
        cells: CubeTensor,
        gates: CubeTensor,
        grad: CubeTensor,
        steps: Steps,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        contiguous!(x, weight, previous, cell, cells, gates, grad);
        qrnn::backward([x, weight, previous, cell, cells, gates, grad], &steps)
    }

    fn lstm(
        x: CubeTensor,
        weight_input: CubeTensor,
        weight_hidden: CubeTensor,
        bias: CubeTensor,
        output: CubeTensor,
        cell: CubeTensor,
        steps: Steps,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        contiguous!(x, weight_input, weight_hidden, bias, output, cell);
        lstm::forward([x, weight_input, weight_hidden, bias, output, cell], &steps)
    }

    fn lstm_backward(
        x: CubeTensor,
        input: CubeTensor,
        recurrent: CubeTensor,
        first_output: CubeTensor,
        first_cell: CubeTensor,
        output: CubeTensor,
        cells: CubeTensor,
        gates: CubeTensor,
        grad: CubeTensor,
        steps: Steps,
    ) -> (CubeTensor, CubeTensor, CubeTensor, CubeTensor) {
        contiguous!(x, input, recurrent, first_output, first_cell, output, cells, gates, grad);
        let kept = lstm::Kept { x, input, recurrent, first_output, first_cell, output, cells, gates };
        lstm::backward(kept, grad, &steps)
    }

    fn decoder_loss(
        hidden: CubeTensor,
        weight: CubeTensor,
        bias: CubeTensor,
        targets: CubeTensor,
        smoothing: f32,
    ) -> (CubeTensor, CubeTensor) {
        decoder(hidden, weight, bias, targets, smoothing).loss()
    }

    fn decoder_loss_gradients(
        hidden: CubeTensor,
        weight: CubeTensor,
        bias: CubeTensor,
        targets: CubeTensor,
        smoothing: f32,
    ) -> (CubeTensor, CubeTensor, CubeTensor, CubeTensor, CubeTensor) {
        let (loss, statistics, [hidden, weight, bias]) = decoder(hidden, weight, bias, targets, smoothing).gradients();
        (loss, statistics, hidden, weight, bias)
    }

    fn scale(tensor: CubeTensor, factor: CubeTensor) -> CubeTensor {
        // The factor stays on the device: looking at it would make the host wait.
        let factor = CubeBackend::float_cast(factor, FloatDType::from(tensor.dtype));
        let factor = if tensor.meta.num_dims() == 2 { reshape(factor, [1, 1]) } else { factor };
        CubeBackend::float_mul(tensor, factor)
    }

    fn embed(table: CubeTensor, ids: CubeTensor, scales: CubeTensor) -> CubeTensor {
        contiguous!(table, ids, scales);
        embedding::embed(table, ids, scales)
    }

    fn embed_backward(ids: CubeTensor, scales: CubeTensor, grad: CubeTensor) -> CubeTensor {
        contiguous!(ids, scales, grad);
        embedding::embed_backward(ids, scales, grad)
    }

    fn drop_entries(values: CubeTensor, stream: Stream, p: f32) -> CubeTensor {
        contiguous!(values);
        step_operations::drop_entries(values, stream, p)
    }

    fn adam_update(
        weights: CubeTensor,
        gradient: CubeTensor,
        mean: CubeTensor,
        square: CubeTensor,
        factors: CubeTensor,
        step: AdamStep,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        contiguous!(weights, gradient, mean, square, factors);
        adam::update([weights, gradient, mean, square, factors], &step)
    }

    fn mask_steps(x: CubeTensor, mask: CubeTensor) -> CubeTensor {
        contiguous!(x, mask);
        step_operations::mask_steps(x, mask)
    }

    fn concat_pool(x: CubeTensor, spans: CubeTensor) -> CubeTensor {
        contiguous!(x, spans);
        step_operations::concat_pool(x, spans)
    }

    fn concat_pool_backward(x: CubeTensor, spans: CubeTensor, grad: CubeTensor) -> CubeTensor {
        contiguous!(x, spans, grad);
        step_operations::concat_pool_backward(x, spans, grad)
    }
}
