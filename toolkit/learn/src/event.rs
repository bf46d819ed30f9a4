//! When callbacks are called, and what they may stop (fastai's events and exceptions).

use serde::{Deserialize, Serialize};

/// A moment of training. Each scope begins with its `Before`, ends with its `After`, and has its
/// `AfterCancel` in between where a callback cut it short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The learner is there, before anything is trained.
    AfterCreate,
    /// A phase begins.
    BeforeFit,
    /// An epoch begins.
    BeforeEpoch,
    /// The epoch's training begins.
    BeforeTrain,
    /// A batch is there.
    BeforeBatch,
    /// The model has read it.
    AfterPred,
    /// Its loss is there.
    AfterLoss,
    /// The loss is final.
    BeforeBackward,
    /// The gradients are there.
    AfterBackward,
    /// The weights are about to change; the norm of the gradients is known.
    BeforeStep,
    /// The step was cut short.
    AfterCancelStep,
    /// The weights have changed.
    AfterStep,
    /// The batch was cut short.
    AfterCancelBatch,
    /// The batch is over.
    AfterBatch,
    /// The numbers of a step are known: on the CPU after each batch, on a GPU after many.
    AfterRead,
    /// The epoch's training was cut short.
    AfterCancelTrain,
    /// The epoch's training is over.
    AfterTrain,
    /// The model is about to be judged.
    BeforeValidate,
    /// Judging was cut short.
    AfterCancelValidate,
    /// The epoch's metrics are there.
    AfterValidate,
    /// The epoch was cut short.
    AfterCancelEpoch,
    /// The epoch is over.
    AfterEpoch,
    /// The phase was cut short.
    AfterCancelFit,
    /// The phase is over.
    AfterFit,
}

/// A stretch of training that a callback may cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The update of the weights.
    Step,
    /// A batch.
    Batch,
    /// The training of an epoch.
    Train,
    /// The validation of an epoch.
    Validate,
    /// An epoch.
    Epoch,
    /// A phase.
    Fit,
}

impl Scope {
    /// What it begins with.
    pub fn before(self) -> Event {
        match self {
            Scope::Step => Event::BeforeStep,
            Scope::Batch => Event::BeforeBatch,
            Scope::Train => Event::BeforeTrain,
            Scope::Validate => Event::BeforeValidate,
            Scope::Epoch => Event::BeforeEpoch,
            Scope::Fit => Event::BeforeFit,
        }
    }

    /// What follows where it was cut short.
    pub fn cancelled(self) -> Event {
        match self {
            Scope::Step => Event::AfterCancelStep,
            Scope::Batch => Event::AfterCancelBatch,
            Scope::Train => Event::AfterCancelTrain,
            Scope::Validate => Event::AfterCancelValidate,
            Scope::Epoch => Event::AfterCancelEpoch,
            Scope::Fit => Event::AfterCancelFit,
        }
    }

    /// What it ends with, cut short or not.
    pub fn after(self) -> Event {
        match self {
            Scope::Step => Event::AfterStep,
            Scope::Batch => Event::AfterBatch,
            Scope::Train => Event::AfterTrain,
            Scope::Validate => Event::AfterValidate,
            Scope::Epoch => Event::AfterEpoch,
            Scope::Fit => Event::AfterFit,
        }
    }
}

/// What a callback says at the end of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// Leave the innermost such scope; where there is none, training ends.
    Cancel(Scope),
}
