//! The operations that training time goes into, each with a hand-written backward, as functions
//! over tensors. On the CPU they are fused kernels of our own; on another device they are composed
//! of plain tensor operations until it has kernels too (part 10).
//!
//! Shapes are `[batch, time, width]` throughout. Sums have a fixed order: the number of threads
//! never changes a result.

mod autodiff;
mod backend;
mod composed;
mod cpu;

#[cfg(test)]
mod tests;

use burn::backend::Dispatch;
use burn::prelude::*;

use backend::SequenceOps;

use crate::device::is_cpu;

/// `x·Wᵀ + b` over the last axis; weight `[outputs, inputs]` as PyTorch keeps it.
pub fn linear<const D: usize>(x: Tensor<D>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<D> {
    let mut shape = x.dims();
    let inputs = shape[D - 1];
    shape[D - 1] = bias.dims()[0];
    let rows = x.reshape([-1, inputs as i32]);
    let y = if is_cpu(&rows.device()) {
        Tensor::from_dispatch(Dispatch::affine(rows.into_dispatch(), weight.into_dispatch(), bias.into_dispatch()))
    } else {
        composed::linear(rows, weight, bias)
    };
    y.reshape(shape)
}

/// fo-pooling of `gates` `[batch, time, 3·hidden]` (z, f, o before activation) from the cell `first`
/// `[batch, hidden]`, which is data. Gives outputs and cells `[batch, time, hidden]`; the cells are
/// detached.
pub fn qrnn_pool(gates: Tensor<3>, first: Tensor<2>) -> (Tensor<3>, Tensor<3>) {
    if !is_cpu(&gates.device()) {
        let (output, cells) = composed::qrnn_pool(gates, first.detach());
        return (output, cells.detach());
    }
    let (output, cells, _) = Dispatch::qrnn_pool(gates.into_dispatch(), first.into_dispatch());
    (Tensor::from_dispatch(output), Tensor::from_dispatch(cells))
}

/// An LSTM from its input projection `gates` `[batch, time, 4·hidden]` (i, f, g, o), its recurrent
/// `weight` `[4·hidden, hidden]` and the state before, which is data. Gives outputs and detached
/// cells.
pub fn lstm_sequence(
    gates: Tensor<3>,
    weight: Tensor<2>,
    first_output: Tensor<2>,
    first_cell: Tensor<2>,
) -> (Tensor<3>, Tensor<3>) {
    if !is_cpu(&gates.device()) {
        let (output, cells) = composed::lstm_sequence(gates, weight, first_output.detach(), first_cell.detach());
        return (output, cells.detach());
    }
    let (output, cells, _) = Dispatch::lstm_sequence(
        gates.into_dispatch(),
        weight.into_dispatch(),
        first_output.into_dispatch(),
        first_cell.into_dispatch(),
    );
    (Tensor::from_dispatch(output), Tensor::from_dispatch(cells))
}

/// Cross-entropy of the tied decoder over `hidden` `[rows, embedding]`, with label smoothing; never
/// holds all logits. Gives the mean loss `[1]` and, detached, `[2]`: mean negative log-likelihood
/// (nats, without smoothing) and share of right first guesses.
pub fn decoder_loss(
    hidden: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    targets: Tensor<1, Int>,
    smoothing: f32,
) -> (Tensor<1>, Tensor<1>) {
    if !is_cpu(&hidden.device()) {
        return composed::decoder_loss(hidden, weight, bias, targets, smoothing);
    }
    let (loss, statistics) = Dispatch::decoder_loss(
        hidden.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        targets.into_dispatch(),
        smoothing,
    );
    (Tensor::from_dispatch(loss), Tensor::from_dispatch(statistics))
}

/// Rows `ids` `[batch, time]` of `table` `[vocabulary, width]`, each times its `scales` `[vocabulary]`.
pub fn embed(table: Tensor<2>, ids: Tensor<2, Int>, scales: Tensor<1>) -> Tensor<3> {
    if !is_cpu(&table.device()) {
        return composed::embed(table, ids, scales);
    }
    Tensor::from_dispatch(Dispatch::embed(table.into_dispatch(), ids.into_dispatch(), scales.into_dispatch()))
}

/// `[x_t, x_{t-1}]` along the features `[batch, time, 2·width]`; `before` `[batch, width]`, the step
/// before the first, is data.
pub fn with_previous(x: Tensor<3>, before: Tensor<2>) -> Tensor<3> {
    if !is_cpu(&x.device()) {
        return composed::with_previous(x, before.detach());
    }
    Tensor::from_dispatch(Dispatch::with_previous(x.into_dispatch(), before.into_dispatch()))
}

/// Every step of `x` times the same `mask` `[batch, width]`, which is data.
pub fn mask_steps(x: Tensor<3>, mask: Tensor<2>) -> Tensor<3> {
    if !is_cpu(&x.device()) {
        return composed::mask_steps(x, mask.detach());
    }
    Tensor::from_dispatch(Dispatch::mask_steps(x.into_dispatch(), mask.into_dispatch()))
}

/// Last step, maximum and mean of each row over its span `[start, end)`: `[batch, 3·width]`. What lies
/// outside a span has no influence. Spans must not be empty and must lie within the time axis.
pub fn concat_pool(x: Tensor<3>, spans: &[[usize; 2]]) -> Tensor<2> {
    debug_assert!(spans.iter().all(|[start, end]| start < end && *end <= x.dims()[1]));
    if !is_cpu(&x.device()) {
        return composed::concat_pool(x, spans);
    }
    let flat: Vec<i32> = spans.iter().flatten().map(|&position| position as i32).collect();
    let spans: Tensor<2, Int> = Tensor::from_data(TensorData::new(flat, [spans.len(), 2]), &x.device());
    Tensor::from_dispatch(Dispatch::concat_pool(x.into_dispatch(), spans.into_dispatch()))
}
