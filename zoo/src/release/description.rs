//! What a person says of the models of a run: the end of their names, how they are made again, and the licences of
//! their texts, which no run can know.

use std::path::Path;

use serde::Deserialize;

use super::Error;

/// The version of the description's format.
const FORMAT: u32 = 1;
/// The licence of models whose texts are all under it.
const FREE: &str = "cc0-1.0";
/// The licence of all other models: that of the texts that ask for the most.
const SHARE_ALIKE: &str = "cc-by-sa-4.0";

/// What is said of all models of a run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    format: u32,
    /// The end of the models' names: that of the preset.
    pub preset: String,
    /// The command that makes them again.
    pub recipe: String,
    /// Who made them.
    pub maker: String,
    /// Where their texts are from.
    #[serde(rename = "text")]
    pub texts: Vec<TextSource>,
}

/// A folder of texts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextSource {
    /// Below the folder of data, such as `lm/common-voice-cc0`.
    pub folder: String,
    /// Identifier of the texts' licence (SPDX, in small letters).
    pub licence: String,
    /// What they are, and whose.
    pub words: String,
}

impl Description {
    /// Reads a description.
    ///
    /// # Errors
    /// A file that cannot be read or is none.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|cause| Error::Read { path: path.to_path_buf(), cause })?;
        let wrong = |reason: String| Error::Wrong { path: path.to_path_buf(), reason };
        let description: Description = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        if description.format != FORMAT {
            return Err(wrong(format!("has format {}, this glossa knows {FORMAT}", description.format)));
        }
        Ok(description)
    }

    /// The sources of some files, each once, in the description's order.
    pub(super) fn sources(&self, files: &[&str]) -> Result<Vec<&TextSource>, Error> {
        let is_of = |source: &TextSource, file: &str| {
            file.strip_prefix(source.folder.as_str()).is_some_and(|rest| rest.starts_with('/'))
        };
        if let Some(file) = files.iter().find(|file| !self.texts.iter().any(|source| is_of(source, file))) {
            return Err(Error::NoLicence { file: (*file).to_owned() });
        }
        Ok(self.texts.iter().filter(|source| files.iter().any(|file| is_of(source, file))).collect())
    }
}

/// The licence of a model from texts of these sources.
pub(super) fn licence(sources: &[&TextSource]) -> &'static str {
    if sources.iter().all(|source| source.licence == FREE) { FREE } else { SHARE_ALIKE }
}

/// The sources with their licences, in a line.
pub(super) fn listed(sources: &[&TextSource]) -> String {
    let each: Vec<String> = sources.iter().map(|source| format!("{} ({})", source.words, source.licence)).collect();
    each.join("; ")
}
