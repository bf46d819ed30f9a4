//! Tasks as data: what `eval/tasks/*.toml` say of a benchmark or shared task, and the examples of its official files.
//! A task names no model and no recipe's settings; nothing here trains.

mod against;
mod builtin;
mod chosen;
mod cls;
mod describe;
mod fetch;
mod files;
mod form;
mod listing;
mod metric;
mod mldoc;
mod read;
mod score;
mod seeds;
mod table;

pub use against::{Ours, against_published};
pub(crate) use builtin::parsed;
pub use builtin::{all, find};
pub use chosen::Chosen;
pub use files::{DataReport, FileReport, FileState};
pub use form::{Answer, Column, Counted, Dimension, Fetch, Layout, Published, Reader, Split, Task, Unit};
pub use listing::listing;
pub use metric::TaskMetric;
pub use read::{Example, Sizes};
pub use score::{TaskReport, matched};
pub use seeds::{SeedsReport, SeedsScore};

/// The version of the task files.
pub const FORMAT: u32 = 1;
