//! How an operation with a hand-written backward is recorded: two macros for the implementations under
//! automatic differentiation.

/// Declares an operation's backward: its kept state, and the gradients in the order of its parents.
macro_rules! backward {
    ($ops:ident, $name:ident, $parents:literal, $state:ty, |$kept:pat_param, $grad:ident| $gradients:expr) => {
        #[derive(Debug)]
        struct $name;

        impl<B: $ops> Backward<B, $parents> for $name {
            type State = $state;

            fn backward(self, ops: Ops<Self::State, $parents>, grads: &mut Gradients, _: &mut Checkpointer) {
                let $grad = grads.consume::<B>(&ops.node);
                let $kept = ops.state;
                let gradients: [FloatTensor<B>; $parents] = $gradients;
                for (parent, gradient) in ops.parents.into_iter().zip(gradients) {
                    if let Some(parent) = parent {
                        grads.register::<B>(parent.id, gradient);
                    }
                }
            }
        }
    };
}

/// Runs an operation with one tracked output; `$keep` is evaluated only when gradients are wanted.
macro_rules! record {
    ($op:ident, $strategy:ty, [$($parent:ident),+], $output:expr, $keep:expr) => {{
        match $op.prepare::<$strategy>([$($parent.node()),+]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                $(let $parent = $parent.into_primitive();)+
                let (output, rest) = $output($($parent.clone()),+);
                let kept = $keep(&output, &rest, $($parent),+);
                (prep.finish(kept, output), rest)
            }
            OpsKind::UnTracked(prep) => {
                let (output, rest) = $output($($parent.into_primitive()),+);
                (prep.finish(output), rest)
            }
        }
    }};
}

pub(super) use {backward, record};

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Backend};

/// A tensor that no gradient flows through.
pub(super) fn constant<B: Backend, C: CheckpointStrategy>(tensor: FloatTensor<B>) -> FloatTensor<Autodiff<B, C>> {
    <Autodiff<B, C> as AutodiffBackend>::from_inner(tensor)
}

/// Second-order gradients are not offered; nothing in the toolkit asks for them.
#[expect(clippy::panic, reason = "reached only by asking for second-order gradients, which no public function does")]
pub(super) fn second_order() -> ! {
    panic!("the kernels have first-order gradients only")
}
