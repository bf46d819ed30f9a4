//! Models of our own as releases: what a run of the pipeline made becomes archives that are the same bytes wherever
//! they are built, and entries of the index that know them. It trains nothing and fetches nothing.
#![deny(clippy::indexing_slicing)]

mod description;
mod entries;
mod error;
mod run;

use std::path::{Path, PathBuf};

use glossa_base::download::Watch;
use glossa_base::manifest::FileRecord;

pub use description::{Description, TextSource};
pub use entries::{index_of, updated};
pub use error::Error;
pub use run::find;

use crate::index::{Index, Source};
use crate::push::{self, Details};

/// A model of a run, ready to be packed.
#[derive(Debug, Clone, PartialEq)]
pub struct Release {
    /// Its name in the index, such as `eu/small`.
    pub name: String,
    /// The archive's name, such as `eu-small.tar.zst`.
    pub file: String,
    /// The model folder in the run.
    pub folder: PathBuf,
    /// The language's code.
    pub language: String,
    /// Such as `qrnn`.
    pub architecture: String,
    /// What its card says.
    pub details: Details,
    /// More about the licence: those of the texts.
    pub licence_note: String,
    /// Who made it, from what.
    pub provenance: String,
    /// What makes it again.
    pub recipe: String,
}

/// A release that was packed.
#[derive(Debug, Clone, PartialEq)]
pub struct Built {
    /// Of which model.
    pub release: Release,
    /// The archive's size.
    pub bytes: u64,
    /// The archive's hash.
    pub sha256: String,
    /// The files in it, sorted by name.
    pub files: Vec<FileRecord>,
}

/// How a release that was built compares with the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Agreement {
    /// The index has no release of this name.
    New,
    /// The same bytes.
    Same,
    /// Other bytes.
    Differs {
        /// The files in it that are not those of the index; empty where the archive alone is packed otherwise.
        files: Vec<String>,
    },
}

impl Release {
    /// Packs it into a folder of archives.
    ///
    /// # Errors
    /// A model folder that is damaged, and what stands in the way of writing.
    pub fn pack(self, archives: &Path, watch: Watch<'_>) -> Result<Built, Error> {
        let target = archives.join(&self.file);
        let (published, files) = push::pack(&self.folder, &target, &self.details, watch)?;
        let bytes = std::fs::metadata(&target).map_err(|cause| Error::Read { path: target, cause })?.len();
        Ok(Built { release: self, bytes, sha256: published.sha256.unwrap_or_default(), files })
    }
}

impl Built {
    /// Compares it with an index.
    pub fn compared(&self, index: &Index) -> Agreement {
        let Some(entry) = index.find(&self.release.name) else { return Agreement::New };
        if matches!(&entry.source, Source::Release { sha256, .. } if sha256.as_str() == self.sha256) {
            return Agreement::Same;
        }
        let same = |built: &&FileRecord| {
            entry.files.iter().any(|known| {
                known.name.as_str() == built.path
                    && known.sha256.as_ref().is_some_and(|hash| hash.as_str() == built.sha256)
            })
        };
        let mut files: Vec<String> =
            self.files.iter().filter(|built| !same(built)).map(|built| built.path.clone()).collect();
        let is_built = |name: &str| self.files.iter().any(|built| built.path == name);
        files.extend(
            entry.files.iter().map(|known| known.name.as_str()).filter(|name| !is_built(name)).map(str::to_owned),
        );
        Agreement::Differs { files }
    }
}
