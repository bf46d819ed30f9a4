//! Models by name: ids, the signed index, the cache on the disk, what is pulled from hubs and archives and what is
//! published there; and model folders themselves: the names of their files, the card, the check that a folder is
//! whole, the weight files of others judged before anything opens them. It runs no model, and makes no connection
//! but through `base::download`.
//!
//! [`Zoo`] is where to begin: [`Zoo::pull`] brings a [`ModelId`] to a folder, [`Zoo::push`] a folder to others.
//! Weight files of others: [`shards`] finds them and checks headers of safetensors and indices of shards;
//! [`pickle`] reads the vocabularies of fastai and the files of `torch.save` without executing anything of them.

pub mod cache;
pub mod card;
pub mod convert;
mod dtype;
pub mod environment;

mod hub;
pub mod id;
pub mod index;
pub mod layout;
mod names;
pub mod pickle;
pub mod pull;
pub mod push;
pub mod release;
pub mod shards;
pub mod verify;
mod yaml;

pub use card::{Card, Error, MetricRow};
pub use dtype::Dtype;
pub use id::ModelId;
pub use index::Index;
pub use layout::ModelKind;
pub use pull::{Options, Pulled, Zoo};
pub use verify::{Verified, verify};
