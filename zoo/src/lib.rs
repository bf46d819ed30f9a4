//! Model folders as they are published: the names of their files, the card, and the check that a
//! folder is whole. It opens no weights, runs no model and knows nothing about the network.

pub mod card;
pub mod layout;
pub mod verify;
mod yaml;

pub use card::{Card, Error, MetricRow};
pub use layout::ModelKind;
pub use verify::{Verified, verify};
