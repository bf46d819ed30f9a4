//! Building a corpus from local files.

use std::path::{Path, PathBuf};

use glossa_base::{Outcome, Progress};
use glossa_corpora::{Options, Source, SourceKind, Summary};

use crate::stage::check_output;

/// Builds a corpus folder.
///
/// # Errors
/// A file that cannot be read as what it is, or nothing left after cleaning.
pub fn build(
    inputs: &[PathBuf],
    kind: Option<SourceKind>,
    options: &Options,
    out: &Path,
    progress: &dyn Progress,
) -> Outcome<Summary> {
    check_output(out)?;
    let sources: Vec<Source> = inputs.iter().map(|path| Source { path: path.clone(), kind }).collect();
    glossa_corpora::build(&sources, options, out, progress)
}
