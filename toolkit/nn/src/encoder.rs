//! What every encoder offers: token ids in, one vector a token out, with carried state.

use burn::prelude::*;

use crate::dropout::Noise;

/// The output of an encoder.
pub struct Encoded<S> {
    /// One vector a token, `[batch, time, width]`, before the output dropout.
    pub raw: Tensor<3>,
    /// The same after the output dropout; the same tensor where there is no noise.
    pub dropped: Tensor<3>,
    /// The state after the last token, detached.
    pub state: S,
}

/// An encoder of token ids.
pub trait Encoder {
    /// What it carries from one chunk of a text to the next.
    type State: Clone;

    /// Encodes `tokens` `[batch, time]`, going on from `state`; `noise` is present only in training.
    fn encode(&self, tokens: Tensor<2, Int>, state: Option<&Self::State>, noise: Option<Noise>)
    -> Encoded<Self::State>;

    /// Width of a token's vector.
    fn width(&self) -> usize;
}
