//! The operations under automatic differentiation: each keeps what its backward needs. First order
//! only; the backward functions themselves cannot be differentiated.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::{FloatTensor, IntTensor};

use glossa_base::seed::Stream;

use super::backend::KernelOps;
use super::cpu::adam::AdamStep;
use super::cpu::linear::Activation;
use super::recording::{backward, constant, record, second_order};
use super::sequence::Steps;

backward!(KernelOps, Affine, 3, ([FloatTensor<B>; 3], Activation), |([x, weight, y], activation), grad| {
    let (x, weight, bias) = B::affine_backward(x, weight, y, grad, activation);
    [x, weight, bias]
});
backward!(
    KernelOps,
    Qrnn,
    3,
    ([FloatTensor<B>; 6], Steps),
    |([x, weight, previous, cell, cells, gates], steps), grad| {
        let (x, weight, bias) = B::qrnn_backward(x, weight, previous, cell, cells, gates, grad, steps);
        [x, weight, bias]
    }
);
backward!(KernelOps, Lstm, 4, ([FloatTensor<B>; 8], Steps), |(kept, steps), grad| {
    let [x, input, hidden, first_output, first_cell, output, cells, gates] = kept;
    let (x, input, hidden, bias) =
        B::lstm_backward(x, input, hidden, first_output, first_cell, output, cells, gates, grad, steps);
    [x, input, hidden, bias]
});
backward!(KernelOps, DecoderLoss, 3, [FloatTensor<B>; 3], |[hidden, weight, bias], grad| {
    [hidden, weight, bias].map(|gradient| B::scale(gradient, grad.clone()))
});
backward!(KernelOps, Embed, 1, (IntTensor<B>, FloatTensor<B>), |(ids, scales), grad| [B::embed_backward(
    ids, scales, grad
)]);
backward!(KernelOps, DropEntries, 1, (Stream, f32), |(stream, p), grad| [B::drop_entries(grad, stream, p)]);
backward!(KernelOps, MaskSteps, 1, FloatTensor<B>, |mask, grad| [B::mask_steps(grad, mask)]);
backward!(KernelOps, ConcatPool, 1, (FloatTensor<B>, IntTensor<B>), |(x, spans), grad| [B::concat_pool_backward(
    x, spans, grad
)]);

impl<B: KernelOps, C: CheckpointStrategy> KernelOps for Autodiff<B, C> {
    fn affine(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        let run = |x, weight, bias| (B::affine(x, weight, bias, activation), ());
        // The identity's backward needs no output, and the next operation may then reuse its memory.
        let keep = |y: &FloatTensor<B>, _: &(), x: FloatTensor<B>, weight, _| {
            let y = if activation == Activation::Identity { x.clone() } else { y.clone() };
            ([x, weight, y], activation)
        };
        record!(Affine, C, [x, weight, bias], run, keep).0
    }

    fn affine_backward(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: Activation,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        second_order()
    }

    fn qrnn(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        previous: FloatTensor<Self>,
        cell: FloatTensor<Self>,
        steps: Steps,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let (previous, cell) = (previous.into_primitive(), cell.into_primitive());
        let run = |x, weight, bias| {
            let (output, cells, gates) = B::qrnn(x, weight, bias, previous.clone(), cell.clone(), steps.clone());
            (output, (cells, gates))
        };
        let keep = |_: &FloatTensor<B>, rest: &(FloatTensor<B>, FloatTensor<B>), x, weight, _| {
            ([x, weight, previous.clone(), cell.clone(), rest.0.clone(), rest.1.clone()], steps.clone())
        };
        let (output, (cells, gates)) = record!(Qrnn, C, [x, weight, bias], run, keep);
        (output, constant::<B, C>(cells), constant::<B, C>(gates))
    }

    fn qrnn_backward(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: Steps,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        second_order()
    }

    fn lstm(
        x: FloatTensor<Self>,
        input: FloatTensor<Self>,
        hidden: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        first_output: FloatTensor<Self>,
        first_cell: FloatTensor<Self>,
        steps: Steps,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let (first_output, first_cell) = (first_output.into_primitive(), first_cell.into_primitive());
        let run = |x, input, hidden, bias| {
            let (first_output, first_cell) = (first_output.clone(), first_cell.clone());
            let (output, cells, gates) = B::lstm(x, input, hidden, bias, first_output, first_cell, steps.clone());
            (output, (cells, gates))
        };
        let keep = |output: &FloatTensor<B>, rest: &(FloatTensor<B>, FloatTensor<B>), x, input, hidden, _| {
            let (cells, gates) = rest.clone();
            let first = (first_output.clone(), first_cell.clone());
            ([x, input, hidden, first.0, first.1, output.clone(), cells, gates], steps.clone())
        };
        let (output, (cells, gates)) = record!(Lstm, C, [x, input, hidden, bias], run, keep);
        (output, constant::<B, C>(cells), constant::<B, C>(gates))
    }

    fn lstm_backward(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: Steps,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        second_order()
    }

    fn decoder_loss(
        hidden: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        targets: IntTensor<Self>,
        smoothing: f32,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        match DecoderLoss.prepare::<C>([hidden.node(), weight.node(), bias.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let (hidden, weight, bias) = (hidden.into_primitive(), weight.into_primitive(), bias.into_primitive());
                let (loss, statistics, hidden, weight, bias) =
                    B::decoder_loss_gradients(hidden, weight, bias, targets, smoothing);
                (prep.finish([hidden, weight, bias], loss), constant::<B, C>(statistics))
            }
            OpsKind::UnTracked(prep) => {
                let (hidden, weight, bias) = (hidden.into_primitive(), weight.into_primitive(), bias.into_primitive());
                let (loss, statistics) = B::decoder_loss(hidden, weight, bias, targets, smoothing);
                (prep.finish(loss), constant::<B, C>(statistics))
            }
        }
    }

    fn decoder_loss_gradients(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: IntTensor<Self>,
        _: f32,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        second_order()
    }

    fn scale(_: FloatTensor<Self>, _: FloatTensor<Self>) -> FloatTensor<Self> {
        second_order()
    }

    fn embed(table: FloatTensor<Self>, ids: IntTensor<Self>, scales: FloatTensor<Self>) -> FloatTensor<Self> {
        let scales = scales.into_primitive();
        let run = |table| (B::embed(table, ids.clone(), scales.clone()), ());
        record!(Embed, C, [table], run, |_: &_, _: &_, _| (ids.clone(), scales.clone())).0
    }

    fn embed_backward(_: IntTensor<Self>, _: FloatTensor<Self>, _: FloatTensor<Self>) -> FloatTensor<Self> {
        second_order()
    }

    fn drop_entries(values: FloatTensor<Self>, stream: Stream, p: f32) -> FloatTensor<Self> {
        let run = |values| (B::drop_entries(values, stream, p), ());
        record!(DropEntries, C, [values], run, |_: &_, _: &_, _| (stream, p)).0
    }

    fn adam_update(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: AdamStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        second_order()
    }

    fn mask_steps(x: FloatTensor<Self>, mask: FloatTensor<Self>) -> FloatTensor<Self> {
        let mask = mask.into_primitive();
        record!(MaskSteps, C, [x], |x| (B::mask_steps(x, mask.clone()), ()), |_: &_, _: &_, _| mask.clone()).0
    }

    fn concat_pool(x: FloatTensor<Self>, spans: IntTensor<Self>) -> FloatTensor<Self> {
        let run = |x| (B::concat_pool(x, spans.clone()), ());
        record!(ConcatPool, C, [x], run, |_: &_, _: &_, x| (x, spans.clone())).0
    }

    fn concat_pool_backward(_: FloatTensor<Self>, _: IntTensor<Self>, _: FloatTensor<Self>) -> FloatTensor<Self> {
        second_order()
    }
}
