//! The official files of answers: written from predictions, and checked by a reader of its own that shares no code
//! with the writer, so that a mistake of one is seen by the other. It hands nothing in.

mod check;
mod write;

pub use check::{Checked, Problem, check};
pub use write::{Answers, Written, write};

use serde::{Deserialize, Serialize};

/// The official file of answers of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// One label a line, in the order of the test set (PolEval 2019).
    Tags,
    /// A zip archive with one CSV file of the columns `id,is_humor,funniness_average` (HAHA).
    Haha,
    /// The text, the coarse and the fine label, with tabs between; the coarse one counts (GermEval 2018, task 1).
    GermevalCoarse,
    /// The same; the fine label counts (GermEval 2018, task 2).
    GermevalFine,
    /// No shared task: a table of `id` and `label` with a tab between.
    Table,
    /// No file of answers: a figure is reported.
    Figure,
}

/// The columns of HAHA's file.
const HAHA: &str = "id,is_humor,funniness_average";

/// The range of HAHA's funniness.
const FUNNINESS: [f64; 2] = [0.0, 5.0];
