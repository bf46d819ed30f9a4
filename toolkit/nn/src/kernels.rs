//! The operations that training time goes into, each with a hand-written backward, as functions
//! over tensors. On the CPU and, where they are built in, on GPUs they are fused kernels of our own; on another
//! device they are composed of plain tensor operations. `docs/gradients.md` derives every
//! backward; [`check`] compares each with differences and with automatic differentiation.
//!
//! Shapes are `[batch, time, width]` throughout. Sums have a fixed order: the number of threads
//! never changes a result. A shape that does not fit is an error that names the tensor.

mod autodiff;
mod backend;
pub mod check;
mod composed;
mod cpu;
pub mod floor;
#[cfg(feature = "gpu")]
mod gpu;
pub mod profile;
mod recording;
mod sequence;
mod shape;
mod transformer;

#[cfg(test)]
mod tests;

use burn::backend::Dispatch;
use burn::prelude::*;
use glossa_base::seed::Stream;

use backend::KernelOps;
use shape::{alike, expect, filled, takes};

use crate::Error;
use crate::device::{has_kernels, is_cpu};

pub use cpu::adam::{AdamStep, adam, squares};
pub use cpu::curve::Curve;
pub use cpu::linear::Activation;
pub use sequence::{Steps, Zoneout};
pub use transformer::{
    AttentionShape, Packing, Pooling, Rotation, attention, curve, gated, gather, layer_norm, product, product_onto,
};

pub(crate) use cpu::dropped::factors;

/// `a(x·Wᵀ + b)` over the last axis; weight `[outputs, inputs]` as PyTorch keeps it.
///
/// # Errors
/// Shapes that do not fit.
pub fn linear<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    activation: Activation,
) -> Result<Tensor<D>, Error> {
    let [outputs, inputs] = weight.dims();
    let mut shape = x.dims();
    filled("x", &shape)?;
    expect("weight", &[outputs, inputs], &[outputs, shape[D - 1]])?;
    expect("bias", &bias.dims(), &[outputs])?;
    alike(x.dtype(), &[("weight", weight.dtype()), ("bias", bias.dtype())])?;
    shape[D - 1] = outputs;
    let rows = x.reshape([-1, inputs as i32]);
    let y = if takes(&rows) {
        let (weight, bias) = (weight.into_dispatch(), bias.into_dispatch());
        Tensor::from_dispatch(Dispatch::affine(rows.into_dispatch(), weight, bias, activation))
    } else {
        composed::linear(rows, weight, bias, activation)
    };
    Ok(y.reshape(shape))
}

/// A QRNN layer's weight `[3·hidden, window·inputs]` (z, f, o; window 1 or 2) and bias `[3·hidden]`.
#[derive(Debug, Clone)]
pub struct QrnnWeights {
    /// `[3·hidden, window·inputs]`; of a window of 2 the second half reads the step before.
    pub weight: Tensor<2>,
    /// `[3·hidden]`.
    pub bias: Tensor<1>,
}

/// A QRNN layer over `x` `[batch, time, inputs]` (Bradbury et al. 2017, section 2): gates,
/// activations and fo-pooling. The state before is data: `previous` `[batch, inputs]`, the step
/// before the first, and `cell` `[batch, hidden]`. Gives outputs `[batch, time, hidden]` and the last
/// cells `[batch, hidden]`, detached.
///
/// # Errors
/// Shapes that do not fit.
pub fn qrnn(
    x: Tensor<3>,
    weights: QrnnWeights,
    previous: Tensor<2>,
    cell: Tensor<2>,
    steps: &Steps,
) -> Result<(Tensor<3>, Tensor<2>), Error> {
    let ([batch, time, inputs], [_, hidden], QrnnWeights { weight, bias }) = (x.dims(), cell.dims(), weights);
    filled("x", &[batch, time, inputs])?;
    filled("cell", &cell.dims())?;
    let window = if weight.dims()[1] == inputs { 1 } else { 2 };
    expect("weight", &weight.dims(), &[3 * hidden, window * inputs])?;
    expect("bias", &bias.dims(), &[3 * hidden])?;
    expect("previous", &previous.dims(), &[batch, inputs])?;
    expect("cell", &cell.dims(), &[batch, hidden])?;
    shape::lengths(steps.lengths(), batch, time)?;
    alike(x.dtype(), &[("weight", weight.dtype()), ("bias", bias.dtype())])?;
    let (previous, cell) = (previous.cast(x.dtype()), cell.cast(x.dtype()));
    let (output, cells) = if takes(&x) {
        let (output, cells, _) = Dispatch::qrnn(
            x.into_dispatch(),
            weight.into_dispatch(),
            bias.into_dispatch(),
            previous.into_dispatch(),
            cell.into_dispatch(),
            steps.clone(),
        );
        (Tensor::from_dispatch(output), Tensor::from_dispatch(cells))
    } else {
        composed::qrnn(x, QrnnWeights { weight, bias }, previous.detach(), cell.detach(), steps)
    };
    Ok((output, last_step(cells)))
}

/// An LSTM layer's weights; gates in PyTorch's order i, f, g, o, its two biases as their sum.
#[derive(Debug, Clone)]
pub struct LstmWeights {
    /// `[4·hidden, inputs]`.
    pub input: Tensor<2>,
    /// `[4·hidden, hidden]`.
    pub hidden: Tensor<2>,
    /// `[4·hidden]`.
    pub bias: Tensor<1>,
}

/// An LSTM layer over `x` `[batch, time, inputs]`. The state before, `output` and `cell` `[batch, hidden]`,
/// is data. Gives outputs `[batch, time, hidden]` and the last cells `[batch, hidden]`, detached.
///
/// # Errors
/// Shapes that do not fit.
pub fn lstm(
    x: Tensor<3>,
    weights: LstmWeights,
    output: Tensor<2>,
    cell: Tensor<2>,
    steps: &Steps,
) -> Result<(Tensor<3>, Tensor<2>), Error> {
    let ([batch, time, inputs], [_, hidden]) = (x.dims(), cell.dims());
    filled("x", &[batch, time, inputs])?;
    filled("cell", &cell.dims())?;
    expect("input weight", &weights.input.dims(), &[4 * hidden, inputs])?;
    expect("hidden weight", &weights.hidden.dims(), &[4 * hidden, hidden])?;
    expect("bias", &weights.bias.dims(), &[4 * hidden])?;
    expect("output", &output.dims(), &[batch, hidden])?;
    expect("cell", &cell.dims(), &[batch, hidden])?;
    shape::lengths(steps.lengths(), batch, time)?;
    let LstmWeights { input, hidden, bias } = &weights;
    let types = [("input weight", input.dtype()), ("hidden weight", hidden.dtype()), ("bias", bias.dtype())];
    alike(x.dtype(), &types)?;
    let (output, cell) = (output.cast(x.dtype()), cell.cast(x.dtype()));
    let (outputs, cells) = if takes(&x) {
        let (outputs, cells, _) = Dispatch::lstm(
            x.into_dispatch(),
            weights.input.into_dispatch(),
            weights.hidden.into_dispatch(),
            weights.bias.into_dispatch(),
            output.into_dispatch(),
            cell.into_dispatch(),
            steps.clone(),
        );
        (Tensor::from_dispatch(outputs), Tensor::from_dispatch(cells))
    } else {
        composed::lstm(x, weights, output.detach(), cell.detach(), steps)
    };
    Ok((outputs, last_step(cells)))
}

/// The last step of `[batch, time, width]`, detached.
pub(crate) fn last_step(x: Tensor<3>) -> Tensor<2> {
    let [batch, time, width] = x.dims();
    x.detach().narrow(1, time - 1, 1).reshape([batch, width])
}

/// Cross-entropy of the tied decoder over `hidden` `[rows, embedding]`, with label smoothing; never
/// holds all logits. `targets` `[rows]` must lie within the vocabulary. Gives the mean loss `[1]` and,
/// detached, `[2]`: mean negative log-likelihood (nats, without smoothing) and share of right first
/// guesses.
///
/// # Errors
/// Shapes that do not fit.
pub fn decoder_loss(
    hidden: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    targets: Tensor<1, Int>,
    smoothing: f32,
) -> Result<(Tensor<1>, Tensor<1>), Error> {
    let ([rows, width], [vocabulary, _]) = (hidden.dims(), weight.dims());
    filled("hidden", &[rows, width])?;
    filled("weight", &weight.dims())?;
    expect("weight", &weight.dims(), &[vocabulary, width])?;
    expect("bias", &bias.dims(), &[vocabulary])?;
    expect("targets", &targets.dims(), &[rows])?;
    alike(hidden.dtype(), &[("weight", weight.dtype()), ("bias", bias.dtype())])?;
    if !takes(&hidden) {
        return Ok(composed::decoder_loss(hidden, weight, bias, targets, smoothing));
    }
    let (loss, statistics) = Dispatch::decoder_loss(
        hidden.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        targets.into_dispatch(),
        smoothing,
    );
    Ok((Tensor::from_dispatch(loss), Tensor::from_dispatch(statistics)))
}

/// Rows `ids` `[batch, time]` of `table` `[vocabulary, width]`, each times its `scales` `[vocabulary]`,
/// which are data. Ids must lie within the vocabulary.
///
/// # Errors
/// Shapes that do not fit.
pub fn embed(table: Tensor<2>, ids: Tensor<2, Int>, scales: Tensor<1>) -> Result<Tensor<3>, Error> {
    filled("table", &table.dims())?;
    filled("ids", &ids.dims())?;
    expect("scales", &scales.dims(), &[table.dims()[0]])?;
    let scales = scales.cast(table.dtype());
    if !takes(&table) {
        return Ok(composed::embed(table, ids, scales));
    }
    Ok(Tensor::from_dispatch(Dispatch::embed(table.into_dispatch(), ids.into_dispatch(), scales.into_dispatch())))
}

/// A matrix with single entries dropped with probability `p`, the others divided by `1 - p` (weight
/// dropout, Merity et al. 2017, section 2). Entry `i` is decided by number `i` of the stream.
pub fn drop_entries(values: Tensor<2>, stream: Stream, p: f32) -> Tensor<2> {
    if p <= 0.0 {
        return values;
    }
    if !takes(&values) {
        return composed::drop_entries(values, stream, p);
    }
    Tensor::from_dispatch(Dispatch::drop_entries(values.into_dispatch(), stream, p))
}

/// Whether a step's gradients, moments and weights stay on this device: on a GPU with kernels of ours.
pub fn updates_on(device: &Device) -> bool {
    has_kernels(device) && !is_cpu(device)
}

/// Adam's update of a vector of weights where they are (Kingma and Ba 2015, algorithm 1): weights, mean gradient
/// and mean squared gradient afterwards. Vectors of one length, without autodiff; the moments in f32, as are the
/// `factors` `[2]` of gradient and rate, such as a clip, which the host need not know.
pub fn adam_update(
    weights: Tensor<1>,
    gradient: Tensor<1>,
    [mean, square]: [Tensor<1>; 2],
    factors: Tensor<1>,
    step: &AdamStep,
) -> (Tensor<1>, [Tensor<1>; 2]) {
    let (weights, mean, square) = Dispatch::adam_update(
        weights.into_dispatch(),
        gradient.into_dispatch(),
        mean.into_dispatch(),
        square.into_dispatch(),
        factors.into_dispatch(),
        *step,
    );
    (Tensor::from_dispatch(weights), [Tensor::from_dispatch(mean), Tensor::from_dispatch(square)])
}

/// Every step of `x` times the same `mask` `[batch, width]`, which is data.
///
/// # Errors
/// Shapes that do not fit.
pub fn mask_steps(x: Tensor<3>, mask: Tensor<2>) -> Result<Tensor<3>, Error> {
    let [batch, _, width] = x.dims();
    filled("x", &x.dims())?;
    expect("mask", &mask.dims(), &[batch, width])?;
    let mask = mask.cast(x.dtype());
    if !takes(&x) {
        return Ok(composed::mask_steps(x, mask.detach()));
    }
    Ok(Tensor::from_dispatch(Dispatch::mask_steps(x.into_dispatch(), mask.into_dispatch())))
}

/// Last step, maximum and mean of each row over its span `[start, end)`: `[batch, 3·width]` (Howard and
/// Ruder 2018, section 3.3). What lies outside a span has no influence.
///
/// # Errors
/// A span that is empty or leaves the time axis, or not one a row.
pub fn concat_pool(x: Tensor<3>, spans: &[[usize; 2]]) -> Result<Tensor<2>, Error> {
    let [batch, time, _] = x.dims();
    filled("x", &x.dims())?;
    shape::spans(spans, batch, time)?;
    if !takes(&x) {
        return Ok(composed::concat_pool(x, spans));
    }
    let flat: Vec<i32> = spans.iter().flatten().map(|&position| position as i32).collect();
    let spans: Tensor<2, Int> = Tensor::from_data(TensorData::new(flat, [spans.len(), 2]), &x.device());
    Ok(Tensor::from_dispatch(Dispatch::concat_pool(x.into_dispatch(), spans.into_dispatch())))
}
