//! Publishes a model folder: as a folder, as an archive that is the same byte for byte whenever it is made, or at a
//! hub. Only files that the manifest lists go, with a card that says where they are from; without a licence that
//! allows it nothing goes.
#![deny(clippy::indexing_slicing)]

mod archive;
mod error;
mod hub;
mod prepare;

use std::path::{Path, PathBuf};

use glossa_base::LanguageCode;
use glossa_base::download::Watch;
use glossa_base::manifest::FileRecord;
use glossa_base::unpack::is_archive;
use serde::Serialize;

pub use error::Error;
pub use prepare::{FORBIDDEN, card};

use crate::Zoo;
use crate::id::{self, ModelId};
use crate::index::ScoreEntry;
use prepare::Prepared;

/// Where a model is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A folder; one that stands there is replaced if we wrote it.
    Folder(PathBuf),
    /// An archive: `.tar.zst`, `.tar.gz`, `.tgz` or `.tar`.
    Archive(PathBuf),
    /// A repository of the hub; it is made if it is not there.
    Hub {
        /// Who owns it.
        owner: String,
        /// Its name.
        name: String,
        /// Whether only the owner sees it, where it is made now.
        private: bool,
    },
}

impl Target {
    /// Reads where to publish: `owner/name` is the hub's, a name with the ending of an archive is one, a path a
    /// folder.
    ///
    /// # Errors
    /// A text that is neither; a revision, an index's name or a URL, which nothing can be published under.
    pub fn parse(text: &str, private: bool) -> Result<Self, Error> {
        if is_archive(text) && !text.contains("://") {
            return Ok(Target::Archive(PathBuf::from(text)));
        }
        match ModelId::parse(text)? {
            ModelId::Hub { owner, name, revision: None } => Ok(Target::Hub { owner, name, private }),
            ModelId::Path(path) => Ok(Target::Folder(path)),
            _ => Err(Error::Target { target: crate::dtype::shown(text) }),
        }
    }
}

/// What a publication says of a model; what is left out is taken from the model's own card, recipe and manifest.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Details {
    /// Title; by default the hub's name, or that of the folder.
    pub name: Option<String>,
    /// The id that it is pulled by; by default the hub's, or else the title.
    pub id: Option<String>,
    /// Identifier of the licence, such as `cc-by-sa-4.0`.
    pub licence: Option<String>,
    /// Language of its texts.
    pub language: Option<LanguageCode>,
    /// What it was trained on, in a sentence or two.
    pub data: Option<String>,
    /// What it is for.
    pub intended_use: Option<String>,
    /// What it is not for, and where it fails.
    pub limits: Option<String>,
    /// Commands that make it again.
    pub reproduce: Option<String>,
    /// Scores beside those of its card; one of the same metric and task replaces it.
    pub scores: Vec<ScoreEntry>,
    /// Whether these scores stand alone, without those of its card.
    pub only_these_scores: bool,
    /// The model that it started from; by default what its card says.
    pub base: Option<String>,
    /// What it was made from, where names and hashes of the manifest hold on one machine only.
    pub inputs: Option<Vec<FileRecord>>,
    /// The message of the commit at a hub.
    pub message: Option<String>,
}

/// What was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Published {
    /// Where it is now.
    pub place: String,
    /// How many files, card and manifest among them.
    pub files: usize,
    /// Their size.
    pub bytes: u64,
    /// Of an archive.
    pub sha256: Option<String>,
    /// At a hub.
    pub commit: Option<String>,
    /// Bytes of large files that the hub did not have yet.
    pub sent: u64,
}

impl Zoo {
    /// Publishes a model folder. Nothing is sent or written before folder, licence and card were checked.
    ///
    /// # Errors
    /// [`Error`] says what stands in the way.
    pub fn push(
        &self,
        folder: &Path,
        target: &Target,
        details: &Details,
        watch: Watch<'_>,
    ) -> Result<Published, Error> {
        match target {
            Target::Folder(path) => to_folder(folder, path, details),
            Target::Archive(path) => pack(folder, path, details, watch).map(|(published, _)| published),
            Target::Hub { owner, name, private } => {
                if self.token().is_none() {
                    return Err(Error::NoToken);
                }
                let id = format!("{owner}/{name}");
                id::hub_name(&id)?;
                let (title, id) =
                    (details.name.clone().or_else(|| Some(name.clone())), details.id.clone().or(Some(id)));
                let details = &Details { name: title, id, ..details.clone() };
                hub::push(self, &Prepared::new(folder, details)?, (owner, name, *private), details, watch)
            }
        }
    }
}

/// Packs a model folder as an archive; gives its files too.
pub(crate) fn pack(
    folder: &Path,
    target: &Path,
    details: &Details,
    watch: Watch<'_>,
) -> Result<(Published, Vec<FileRecord>), Error> {
    archive::write(folder, target, details, watch)
}

fn to_folder(folder: &Path, target: &Path, details: &Details) -> Result<Published, Error> {
    let prepared = Prepared::new(folder, details)?;
    let made = glossa_base::atomic::WholeFolder::create(target).map_err(Error::Write)?;
    for file in prepared.files() {
        prepared.copy(file, &made.path().join(&file.path))?;
    }
    made.commit().map_err(Error::Write)?;
    Ok(prepared.published(target.display().to_string()))
}
