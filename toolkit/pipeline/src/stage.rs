//! What all stages share: a folder under construction and its manifest.

use std::path::{Path, PathBuf};

use glossa_base::atomic::WholeFolder;
use glossa_base::hash::sha256_hex;
use glossa_base::manifest::{FILE_NAME, FileRecord, Manifest};
use glossa_base::{Failure, Outcome};
use glossa_zoo::Card;
use glossa_zoo::layout::CONFIG;
use glossa_zoo::shards::weight_files;
use serde::Serialize;

/// A value as JSON for a manifest or report.
pub(crate) fn json<T: Serialize>(value: &T) -> Outcome<serde_json::Value> {
    serde_json::to_value(value).map_err(|cause| Failure::data("cannot describe a stage").because(cause))
}

/// What a stage was made from: a file by its hash, a folder by its manifest's, a published model, which has no
/// manifest, by those of its configuration and weights.
pub(crate) fn input(path: &Path) -> Outcome<FileRecord> {
    if path.is_dir() && !path.join(FILE_NAME).is_file() && path.join(CONFIG).is_file() {
        return published(path);
    }
    let file = if path.is_dir() { path.join(FILE_NAME) } else { path.to_path_buf() };
    if path.is_dir() && !file.is_file() {
        return Err(Failure::data(format!("{} is no folder of ours: it has no {FILE_NAME}", path.display()))
            .hint("give the folder that a glossa command wrote with --out"));
    }
    FileRecord::of(&file, &path.display().to_string())
}

/// A published model's folder as one record.
fn published(folder: &Path) -> Outcome<FileRecord> {
    let mut files = vec![folder.join(CONFIG)];
    files.extend(weight_files(folder)?);
    let records: Vec<FileRecord> =
        files.iter().map(|file| FileRecord::of(file, &name_of(file))).collect::<Outcome<_>>()?;
    let lines: String = records.iter().map(|record| format!("{} {}\n", record.sha256, record.path)).collect();
    let bytes = records.iter().map(|record| record.bytes).sum();
    Ok(FileRecord { path: folder.display().to_string(), bytes, sha256: sha256_hex(lines.as_bytes()) })
}

/// Refuses early what could not be written late: an output that holds foreign files.
pub(crate) fn check_output(out: &Path) -> Outcome<()> {
    let occupied = out.is_dir()
        && !out.join(FILE_NAME).is_file()
        && std::fs::read_dir(out).map_err(|cause| Failure::io("read", out, cause))?.next().is_some();
    if out.is_file() || occupied {
        return Err(Failure::data(format!("{} holds files that glossa did not write", out.display()))
            .hint("choose another --out, or empty that folder yourself"));
    }
    Ok(())
}

/// Writes the card and the manifest of a model folder and puts it in its place.
pub(crate) fn finish_model(folder: WholeFolder, card: &Card, mut manifest: Manifest, inputs: &[&Path]) -> Outcome<()> {
    let text = card.to_markdown().map_err(Failure::from)?;
    glossa_base::atomic::write_file(&folder.path().join(glossa_zoo::layout::CARD), text.as_bytes())?;
    manifest.inputs = inputs.iter().map(|path| input(path)).collect::<Outcome<_>>()?;
    manifest.write(folder.path())?;
    folder.commit()
}

/// A path beside a folder: its name with something after it, also where the folder is given as `name/`.
pub(crate) fn beside(folder: &Path, suffix: &str) -> PathBuf {
    let with_suffix = |path: &Path| {
        let mut name = path.file_name()?.to_owned();
        name.push(suffix);
        Some(path.with_file_name(name))
    };
    // `.` and `..` have no name of their own.
    let whole = || folder.canonicalize().ok().and_then(|whole| with_suffix(&whole));
    with_suffix(folder).or_else(whole).unwrap_or_else(|| folder.join(suffix))
}

/// Whether a folder holds, whole, what a stage with this manifest makes: the same stage, settings, seed, version and
/// inputs.
pub(crate) fn is_done(folder: &Path, wanted: &Manifest) -> bool {
    let content = |records: &[FileRecord]| -> Vec<(u64, String)> {
        records.iter().map(|record| (record.bytes, record.sha256.clone())).collect()
    };
    let Ok(found) = Manifest::read(folder) else { return false };
    found.stage == wanted.stage
        && found.tool_version == wanted.tool_version
        && found.seed == wanted.seed
        // Both read from text: a number may differ in its last bit then.
        && found.config == reread(&wanted.config)
        && content(&found.inputs) == content(&wanted.inputs)
        && found.verify(folder).is_ok()
}

fn reread(value: &serde_json::Value) -> serde_json::Value {
    serde_json::from_str(&value.to_string()).unwrap_or_default()
}

/// The last part of a path, as a name.
pub(crate) fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(|| "model".to_owned(), |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beside_is_never_within() {
        let check = |folder: &str, expected: &str| {
            assert_eq!(beside(Path::new(folder), ".x"), Path::new(expected));
        };
        check("lm", "lm.x");
        check("lm/", "lm.x");
        check("a/lm.1/", "a/lm.1.x");
        assert!(!beside(Path::new("."), ".x").starts_with("."));
    }
}
