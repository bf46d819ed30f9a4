//! One model of an index, as it is written and as it is checked.

use std::ops::Range;

use glossa_base::download;
use glossa_base::unpack::is_archive;
use serde::{Deserialize, Serialize};

use super::Origin;
use crate::id::{self, is_commit};
use crate::names;

/// A licence that is not known. Such a model may be fetched, but not published again.
pub const NOT_STATED: &str = "not-stated";

/// A model of the index.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// Its name, such as `de/multifit`.
    pub name: String,
    /// Codes of its languages; `mul` for very many.
    pub languages: Vec<String>,
    /// Such as `qrnn` or `modernbert`.
    pub architecture: String,
    /// Where it is.
    pub source: Source,
    /// Its files, where they are known. Of an archive these are all files in it, of a hub those that are pinned.
    pub files: Vec<FileEntry>,
    /// Identifier of the licence (SPDX, in small letters), or `not-stated`.
    pub licence: String,
    /// More about the licence.
    pub licence_note: Option<String>,
    /// Who made it, from what.
    pub provenance: String,
    /// What makes it again, where that is known: a command or the name of a recipe.
    pub recipe: Option<String>,
    /// What it reaches.
    pub scores: Vec<ScoreEntry>,
    /// Who vouches for this entry.
    pub origin: Origin,
}

impl Entry {
    /// Bytes of all its files, or of its archive, where they are known.
    pub fn bytes(&self) -> Option<u64> {
        if let Source::Archive { bytes: Some(bytes), .. } | Source::Release { bytes, .. } = &self.source {
            return Some(*bytes);
        }
        let sizes: Option<Vec<u64>> = self.files.iter().map(|file| file.bytes).collect();
        sizes.filter(|sizes| !sizes.is_empty()).map(|sizes| sizes.into_iter().fold(0, u64::saturating_add))
    }

    /// Whether a hash of every file is stated; else the first pull pins what it finds.
    pub fn is_pinned(&self) -> bool {
        let archive = matches!(&self.source, Source::Archive { sha256: Some(_), .. } | Source::Release { .. });
        archive || (!self.files.is_empty() && self.files.iter().all(|file| file.sha256.is_some()))
    }
}

/// Where a model is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A repository of a hub.
    Hub {
        /// `owner/name`.
        id: String,
        /// The commit; without one, the first pull pins that of `main`.
        revision: Option<String>,
    },
    /// One archive with all files.
    Archive {
        /// Its address.
        url: String,
        /// Its size in bytes, where it is known.
        bytes: Option<u64>,
        /// Its hash, where it is known; without one, the first pull pins it.
        sha256: Option<Hash>,
    },
    /// A release file of the index itself: an archive that anybody can build again bit for bit. It is looked for in
    /// the person's own folder or host of releases, then where the index says that its releases are.
    Release {
        /// Its name, such as `eu-small.tar.zst`.
        file: String,
        /// The address of the index's releases, with a slash at the end; none where no host has them.
        base: Option<String>,
        /// Its size in bytes.
        bytes: u64,
        /// Its hash.
        sha256: Hash,
    },
    /// A folder on the web: its files are those of the entry.
    Folder {
        /// Its address, with a slash at the end.
        url: String,
    },
}

/// A file of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Its name in the model folder.
    pub name: FileName,
    /// Its size in bytes, where it is known.
    pub bytes: Option<u64>,
    /// Its hash, where it is known; without one, the first pull pins it.
    pub sha256: Option<Hash>,
}

/// A score with all that it depends on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreEntry {
    /// What it was measured on, such as `mldoc/de test`.
    pub task: String,
    /// Such as `accuracy`.
    pub metric: String,
    /// The value.
    pub value: f64,
    /// All that the value depends on, in one line.
    pub signature: String,
}

/// SHA-256 in lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hash(String);

impl Hash {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Hash {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() == 64 && text.bytes().all(digit) {
            return Ok(Hash(text));
        }
        Err("a sha256 is 64 digits of lower-case hexadecimal".to_owned())
    }
}

impl From<Hash> for String {
    fn from(hash: Hash) -> String {
        hash.0
    }
}

/// The name of a file in a model folder, checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileName(String);

impl FileName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for FileName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match names::file(&text) {
            Ok(()) => Ok(FileName(text)),
            Err(reason) => Err(format!("the file name `{}` {reason}", crate::dtype::shown(&text))),
        }
    }
}

impl From<FileName> for String {
    fn from(name: FileName) -> String {
        name.0
    }
}

/// An entry as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    name: toml::Spanned<String>,
    languages: Vec<String>,
    architecture: String,
    source: WrittenSource,
    licence: String,
    licence_note: Option<String>,
    provenance: String,
    recipe: Option<String>,
    #[serde(default)]
    file: Vec<FileEntry>,
    #[serde(default)]
    score: Vec<ScoreEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSource {
    hub: Option<String>,
    revision: Option<String>,
    archive: Option<String>,
    release: Option<String>,
    bytes: Option<u64>,
    sha256: Option<Hash>,
    folder: Option<String>,
}

impl Written {
    /// Where it stands in the text.
    pub(super) fn place(&self) -> Range<usize> {
        self.name.span()
    }

    /// Checks what one key alone does not tell; `releases` is where the index's release files are.
    pub(super) fn checked(self, origin: Origin, releases: Option<&str>) -> Result<Entry, String> {
        let Written { name, languages, architecture, source, licence, licence_note, provenance, recipe, file, score } =
            self;
        let name = name.into_inner();
        let wrong = |what: String| format!("the model `{}`: {what}", crate::dtype::shown(&name));
        id::index_name(&name).map_err(|reason| wrong(format!("the name {reason}")))?;
        let texts = [&architecture, &licence, &provenance].into_iter().chain(&languages);
        let texts = texts.chain(&licence_note).chain(&recipe);
        let of_scores = score.iter().flat_map(|score| [&score.task, &score.metric, &score.signature]);
        for text in texts.chain(of_scores) {
            names::text(text).map_err(|reason| wrong(format!("a text {reason}")))?;
        }
        if licence.is_empty() || provenance.is_empty() {
            return Err(wrong(format!("licence and provenance are needed; write `{NOT_STATED}` where none is stated")));
        }
        if let Some(score) = score.iter().find(|score| !score.value.is_finite()) {
            return Err(wrong(format!("the score of {} is no number", score.task)));
        }
        if let Some(twice) = twice(&file) {
            return Err(wrong(format!("the file `{twice}` stands there twice (case does not count)")));
        }
        let source = source.checked(!file.is_empty(), releases).map_err(wrong)?;
        let (files, scores) = (file, score);
        Ok(Entry {
            name,
            languages,
            architecture,
            source,
            files,
            licence,
            licence_note,
            provenance,
            recipe,
            scores,
            origin,
        })
    }
}

/// A name that stands there twice.
fn twice(files: &[FileEntry]) -> Option<String> {
    let mut seen: Vec<String> = files.iter().map(|file| file.name.as_str().to_lowercase()).collect();
    seen.sort();
    seen.windows(2).find_map(|pair| match pair {
        [one, two] if one == two => Some(one.clone()),
        _ => None,
    })
}

impl WrittenSource {
    fn checked(&self, has_files: bool, releases: Option<&str>) -> Result<Source, String> {
        let Self { hub, revision, archive, release, bytes, sha256, folder } = self;
        let of_archive = bytes.is_some() || sha256.is_some();
        match (hub, archive, release, folder) {
            (Some(id), None, None, None) if !of_archive => {
                id::hub_name(id).map_err(|error| error.to_string())?;
                if revision.as_ref().is_some_and(|revision| !is_commit(revision)) {
                    return Err("the revision of an index is a commit, 40 digits of hexadecimal".to_owned());
                }
                Ok(Source::Hub { id: id.clone(), revision: revision.clone() })
            }
            (None, Some(url), None, None) if revision.is_none() => {
                address(url)?;
                Ok(Source::Archive { url: url.clone(), bytes: *bytes, sha256: sha256.clone() })
            }
            (None, None, Some(file), None) if revision.is_none() => {
                let (Some(bytes), Some(sha256)) = (*bytes, sha256.clone()) else {
                    return Err("a release has `bytes` and `sha256`".to_owned());
                };
                names::part(file).map_err(|reason| format!("the release {reason}"))?;
                if !is_archive(file) {
                    return Err("a release is an archive, such as `name.tar.zst`".to_owned());
                }
                Ok(Source::Release { file: file.clone(), base: releases.map(str::to_owned), bytes, sha256 })
            }
            (None, None, None, Some(url)) if revision.is_none() && !of_archive => {
                address(url)?;
                if !url.ends_with('/') || !has_files {
                    return Err("a source that is a folder ends with `/`, and its files are listed".to_owned());
                }
                Ok(Source::Folder { url: url.clone() })
            }
            _ => Err("the source is one of `hub` (with `revision`), `archive` and `release` (with `bytes` and \
                      `sha256`) and `folder`"
                .to_owned()),
        }
    }
}

/// Says what is wrong with the address of releases.
pub(super) fn base(url: &str) -> Result<(), String> {
    address(url)?;
    if url.ends_with('/') { Ok(()) } else { Err("the address of releases ends with `/`".to_owned()) }
}

fn address(url: &str) -> Result<(), String> {
    download::check_url(url).map_err(|error| error.to_string())?;
    match id::ModelId::parse(url) {
        Ok(id::ModelId::Url(_)) => Ok(()),
        Ok(_) => Err("the source is no URL".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
