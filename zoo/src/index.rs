//! The index of the zoo: which models there are under names of ours, where they are, and what is known of them.
//! One index is built in and signed; a person's own lies over it, entry by entry. It fetches no model.
#![deny(clippy::indexing_slicing)]

mod describe;
mod entry;
mod error;
mod signature;

use std::path::Path;

use glossa_base::download::{Downloader, Watch};
use glossa_base::nearest::nearest;
use serde::Deserialize;

pub use entry::{Entry, FileEntry, FileName, Hash, NOT_STATED, ScoreEntry, Source};
pub use error::Error;
pub use signature::{PUBLIC_KEY, verify_signature};

/// The version of the index's format.
pub const FORMAT: u32 = 1;
/// What the file with the signature of an index is called, behind the index's own name.
pub const SIGNATURE_ENDING: &str = ".minisig";

/// Larger files are no index.
const LONGEST: u64 = 16 << 20;
const BUILT_IN: &str = include_str!("../index.toml");
const BUILT_IN_SIGNATURE: &str = include_str!("../index.toml.minisig");

/// Who vouches for an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The index that is built in, signed.
    BuiltIn,
    /// A person's own file.
    Own,
    /// An index that was fetched, signed.
    Fetched,
}

/// Entries by name.
#[derive(Debug, Clone, Default)]
pub struct Index {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: toml::Spanned<u32>,
    /// Where release files of this index are; none where no host has them.
    releases: Option<toml::Spanned<String>>,
    #[serde(default)]
    model: Vec<entry::Written>,
}

impl Index {
    /// No entries.
    pub fn empty() -> Self {
        Index::default()
    }

    /// The index that is built in.
    ///
    /// # Errors
    /// It does not carry its signature: whoever built the program changed the index and did not sign it again.
    pub fn built_in() -> Result<Self, Error> {
        Index::signed(BUILT_IN.as_bytes(), BUILT_IN_SIGNATURE, "the index that is built in", Origin::BuiltIn)
    }

    /// A person's own index, which needs no signature.
    ///
    /// # Errors
    /// A file that cannot be read or is no index; the message has line, column and the nearest right key.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let place = path.display().to_string();
        let failed = |cause| Error::Read { path: path.to_path_buf(), cause };
        if std::fs::metadata(path).map_err(failed)?.len() > LONGEST {
            return Err(Error::TooLarge { place, limit: LONGEST });
        }
        let text = std::fs::read_to_string(path).map_err(failed)?;
        Index::parse(&text, &place, Origin::Own)
    }

    /// An index from the web, which must carry a signature of ours beside it (`URL.minisig`).
    ///
    /// # Errors
    /// What stands in the way of it; a signature that is missing or another's; a text that is no index.
    pub fn fetch(downloader: &Downloader, url: &str, watch: Watch<'_>) -> Result<Self, Error> {
        let place = Path::new("the index");
        let bytes = downloader.read(url, LONGEST, place, watch)?;
        let signature = downloader.read(&format!("{url}{SIGNATURE_ENDING}"), 4096, place, watch)?;
        Index::signed(&bytes, &String::from_utf8_lossy(&signature), url, Origin::Fetched)
    }

    /// An index whose signature is checked before anything of it is read.
    ///
    /// # Errors
    /// [`Error::Signature`], and what is wrong with the text.
    pub fn signed(bytes: &[u8], signature: &str, place: &str, origin: Origin) -> Result<Self, Error> {
        verify_signature(PUBLIC_KEY, bytes, signature)
            .map_err(|reason| Error::Signature { place: place.to_owned(), reason })?;
        let text = std::str::from_utf8(bytes).map_err(|_| Error::NotText { place: place.to_owned() })?;
        Index::parse(text, place, origin)
    }

    /// Reads the text of an index; `place` is what errors call it.
    ///
    /// # Errors
    /// What is wrong, with line and column.
    pub fn parse(text: &str, place: &str, origin: Origin) -> Result<Self, Error> {
        // A newer format may have keys that are unknown here; that is told first.
        if let Some(found) = describe::format_of(text).filter(|found| *found != FORMAT) {
            return Err(Error::Format { place: place.to_owned(), found });
        }
        let document: Document = toml::from_str(text).map_err(|error| describe::describe(&error, text, place))?;
        let found = *document.format.get_ref();
        if found != FORMAT {
            return Err(Error::Format { place: place.to_owned(), found });
        }
        if let Some(releases) = &document.releases {
            entry::base(releases.get_ref())
                .map_err(|reason| describe::at(text, releases.span().start, place, format!("releases: {reason}")))?;
        }
        let releases = document.releases.map(toml::Spanned::into_inner);
        let mut index = Index::default();
        for written in document.model {
            let (span, checked) = (written.place(), written.checked(origin, releases.as_deref()));
            let wrong = |problem: String| describe::at(text, span.start, place, problem);
            let entry = checked.map_err(wrong)?;
            if index.find(&entry.name).is_some() {
                return Err(wrong(format!("the model `{}` stands there twice", entry.name)));
            }
            index.entries.push(entry);
        }
        Ok(index)
    }

    /// This index with another one over it: entries of the same name are the other one's.
    pub fn under(mut self, other: Index) -> Self {
        for entry in other.entries {
            match self.entries.iter_mut().find(|own| own.name == entry.name) {
                Some(own) => *own = entry,
                None => self.entries.push(entry),
            }
        }
        self
    }

    /// All entries, in the order of the file.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of a name, such as `de/multifit`.
    pub fn find(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// The entry that stands for a hub's repository, such as `answerdotai/ModernBERT-base`.
    pub fn find_hub(&self, repository: &str) -> Option<&Entry> {
        let is_it = |entry: &&Entry| matches!(&entry.source, Source::Hub { id, .. } if id == repository);
        self.entries.iter().find(is_it)
    }

    /// The name that was probably meant.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        nearest(name, self.entries.iter().map(|entry| entry.name.as_str()))
    }
}

#[cfg(test)]
mod tests;
