//! Activation regularisation (AR) and temporal activation regularisation (TAR), Merity et al. 2017,
//! section 4.5.

use burn::tensor::{DType, Tensor};
use glossa_base::Outcome;
use glossa_nn::classifier::Pooled;
use glossa_nn::encoder::Encoded;

use crate::Callback;
use crate::event::{Event, Flow};
use crate::objective::Objective;
use crate::training::Training;

/// What an encoder gave, within a prediction.
pub trait Activations {
    /// `[batch, time, width]`, after the output dropout.
    fn dropped(&self) -> &Tensor<3>;
    /// The same before it.
    fn raw(&self) -> &Tensor<3>;
}

impl<S> Activations for Encoded<S> {
    fn dropped(&self) -> &Tensor<3> {
        &self.dropped
    }

    fn raw(&self) -> &Tensor<3> {
        &self.raw
    }
}

/// Only what was pooled is regularised, without an output dropout.
impl Activations for Pooled {
    fn dropped(&self) -> &Tensor<3> {
        &self.outputs
    }

    fn raw(&self) -> &Tensor<3> {
        &self.outputs
    }
}

/// Adds `activation · mean(dropped²)` and `temporal · mean((raw_t - raw_{t-1})²)` to the loss.
#[derive(Debug, Clone, Copy)]
pub struct ActivationRegularisation {
    /// AR's weight.
    pub activation: f64,
    /// TAR's weight.
    pub temporal: f64,
}

impl ActivationRegularisation {
    /// The two, unless both are off.
    pub fn new(activation: f64, temporal: f64) -> Option<Self> {
        (activation > 0.0 || temporal > 0.0).then_some(ActivationRegularisation { activation, temporal })
    }

    fn regularise(&self, loss: Tensor<1>, activations: &impl Activations) -> Tensor<1> {
        let mut total = loss;
        if self.activation > 0.0 {
            let dropped = activations.dropped().clone().cast(DType::F32);
            total = total + (dropped.clone() * dropped.clone()).mean() * self.activation;
        }
        let time = activations.raw().dims()[1];
        if self.temporal > 0.0 && time > 1 {
            let raw = activations.raw().clone().cast(DType::F32);
            let change = raw.clone().narrow(1, 1, time - 1) - raw.clone().narrow(1, 0, time - 1);
            total = total + (change.clone() * change).mean() * self.temporal;
        }
        total
    }
}

impl<O: Objective<Prediction: Activations>> Callback<O> for ActivationRegularisation {
    fn on(&mut self, event: Event, training: &mut Training<'_, O>) -> Outcome<Flow> {
        if let (Event::AfterLoss, Some(loss), Some(prediction)) = (event, &mut training.loss, &training.prediction) {
            loss.total = self.regularise(loss.total.clone(), prediction);
        }
        Ok(Flow::Continue)
    }
}
