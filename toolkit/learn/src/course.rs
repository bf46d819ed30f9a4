//! How a training went: what a report is made of, also of a training that did not come to its end.

use glossa_base::Failure;

use crate::history::History;
use crate::training::{Clock, EpochRecord};

/// Epochs, steps, time and trouble.
#[derive(Debug, Clone, Default)]
pub struct Course {
    /// A line an epoch.
    pub records: Vec<EpochRecord>,
    /// What the steps came to.
    pub history: History,
    /// Where the time went, since the last interruption.
    pub clock: Clock,
    /// What was not finite, where, and at which rate, once for each time that training left the numbers.
    pub attempts: Vec<String>,
}

/// A training that did not come to its end.
#[derive(Debug)]
pub struct Unfinished {
    /// What stopped it.
    pub failure: Failure,
    /// How it went until then; empty where it did not begin.
    pub course: Box<Course>,
}

impl<E: Into<Failure>> From<E> for Unfinished {
    fn from(error: E) -> Self {
        Unfinished { failure: error.into(), course: Box::default() }
    }
}
