//! The cache of models, in the layout of Hugging Face's own, so that Python's tools see the same files:
//!
//! - `models--OWNER--NAME/blobs/HASH`: a file by the hash that the hub has of it (SHA-256, or git's).
//! - `models--OWNER--NAME/snapshots/COMMIT/FILE`: a relative link to such a blob, or a copy where links are refused.
//! - `models--OWNER--NAME/refs/BRANCH`: the commit that a branch or tag was when it was last looked up.
//! - `.locks/models--OWNER--NAME/HASH.lock`: who fetches a blob holds it.
//!
//! Ours alone, and passed over by others: `models--OWNER--NAME/.glossa/COMMIT.json`, which says what belongs to a
//! snapshot, and `.locks/glossa-pins.toml`, the hashes that a first pull has pinned. It makes no connections.
#![deny(clippy::indexing_slicing)]

mod error;
mod links;
mod list;
mod lock;
mod pins;
mod record;
mod remove;
mod repository;
mod verify;

use std::path::{Path, PathBuf};

pub use error::Error;
pub use list::{CachedModel, CachedRevision};
pub(crate) use lock::Lock;
pub use pins::Pin;
pub(crate) use record::is_blob;
pub use record::{FileState, Record};
pub use remove::Removed;
pub use repository::Repository;
pub use verify::{Damage, VerifiedModel};

/// A cache of models in a folder. Nothing is made before something is fetched.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// The cache in a folder, such as [`crate::environment::Places::cache`].
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Cache { root: root.into() }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What there is, or would be, of a model.
    pub fn repository(&self, owner: &str, name: &str) -> Repository {
        Repository::new(&self.root, owner, name)
    }
}

#[cfg(test)]
mod tests;
