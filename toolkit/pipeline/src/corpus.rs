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
    let sources: Vec<Source> = inputs.iter().map(|path| Source { path: path.clone(), kind }).collect();
    build_from(&sources, options, out, progress)
}

/// Builds a corpus folder from sources each of which may have its kind.
pub(crate) fn build_from(
    sources: &[Source],
    options: &Options,
    out: &Path,
    progress: &dyn Progress,
) -> Outcome<Summary> {
    check_output(out)?;
    let missing: Vec<&Path> = out.ancestors().skip(1).take_while(|folder| !folder.exists()).collect();
    let built = glossa_corpora::build(sources, options, out, progress);
    if built.is_err() {
        // Parents made for nothing go away again, the deepest first; one that is in use stays.
        missing.iter().take_while(|folder| std::fs::remove_dir(folder).is_ok()).for_each(drop);
    }
    built
}
