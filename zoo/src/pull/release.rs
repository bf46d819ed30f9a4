//! Release files of the index: archives that the index knows to the last bit, and that each person may have built.
//! Whose copy it is does not matter: the hash decides.

use std::path::PathBuf;

use glossa_base::download::Watch;

use super::archive::Known;
use super::{Error, MAIN, Pulled, Zoo};
use crate::cache::Repository;
use crate::environment::Releases;

/// A release file and where the index has it.
pub(super) struct Release<'a> {
    pub(super) file: &'a str,
    pub(super) base: Option<&'a str>,
    pub(super) known: Known<'a>,
}

impl Zoo {
    /// From the cache, else from the person's own folder or host, else from where the index says.
    pub(super) fn pull_release(
        &self,
        id: &str,
        repository: &Repository,
        release: &Release<'_>,
        watch: Watch<'_>,
    ) -> Result<Pulled, Error> {
        let Release { file, base, known } = release;
        let commit: String = known.sha256.iter().flat_map(|hash| hash.chars()).take(40).collect();
        if let Some(pulled) = self.there(id, repository, &commit, false, &|record| record.has(known.files))? {
            // Another edition of it may have been the last one that was fetched.
            if repository.resolve(MAIN)?.as_ref() != Some(&commit) {
                repository.set_ref(MAIN, &commit)?;
            }
            return Ok(pulled);
        }
        let web = |base: &str| self.pull_archive(id, repository, &format!("{base}{file}"), known, watch);
        let folder: Option<PathBuf> = match &self.options.releases {
            Some(Releases::Folder(folder)) if folder.join(file).is_file() => {
                return self.unpack_known(id, repository, &folder.join(file), known, watch);
            }
            Some(Releases::Folder(folder)) => Some(folder.clone()),
            Some(Releases::Web(base)) => return web(base),
            None => None,
        };
        match base {
            Some(base) => web(base),
            None => Err(Error::NoRelease { id: id.to_owned(), file: (*file).to_owned(), folder }),
        }
    }
}
