//! One document, whatever its source.

use serde::{Deserialize, Serialize};

/// One text of a corpus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// What identifies it in its source: a page id, the source's own `id`, or `file-stem:line`. The
    /// split depends on it.
    pub id: String,
    /// Title, where the source has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The text, one paragraph a line.
    pub text: String,
}
