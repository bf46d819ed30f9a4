//! Activation regularisation (AR) and temporal activation regularisation (TAR), Merity et al. 2017,
//! section 4.5.

use burn::prelude::*;

use crate::recipe::Training;

/// Adds `alpha · mean(dropped²)` and `beta · mean((raw_t - raw_{t-1})²)` to a loss.
pub(crate) fn activations(loss: Tensor<1>, training: &Training, dropped: Tensor<3>, raw: Tensor<3>) -> Tensor<1> {
    let mut total = loss;
    if training.activation_regularisation > 0.0 {
        total = total + (dropped.clone() * dropped).mean() * training.activation_regularisation;
    }
    let time = raw.dims()[1];
    if training.temporal_regularisation > 0.0 && time > 1 {
        let change = raw.clone().narrow(1, 1, time - 1) - raw.narrow(1, 0, time - 1);
        total = total + (change.clone() * change).mean() * training.temporal_regularisation;
    }
    total
}
