//! Entries of the index for releases that were built, as text, and that text in its place in an index.

use glossa_base::manifest::FileRecord;

use super::{Built, Error};
use crate::index::{FORMAT, ScoreEntry};

/// What stands before and behind the entries that are written.
const BEGIN: &str = "# Models of our own: written by `make zoo WRITE=1`, not by hand.\n";
const END: &str = "# End of what `make zoo` writes.\n";

/// An index of releases alone.
pub fn index_of(built: &[Built]) -> String {
    format!("format = {FORMAT}\n\n{}", joined(built.iter().map(entry).collect()))
}

/// The text of an index with these releases in it; one of the same name is replaced, all else stays.
///
/// # Errors
/// [`Error::Markers`]: it cannot be told where they belong.
pub fn updated(index: &str, built: &[Built]) -> Result<String, Error> {
    let (before, old, after) = match (index.split_once(BEGIN), index.contains(END)) {
        (Some((before, rest)), true) => {
            let (old, after) = rest.split_once(END).ok_or(Error::Markers)?;
            (before.trim_end(), old, after)
        }
        (None, false) => (index.trim_end(), "", ""),
        _ => return Err(Error::Markers),
    };
    let is_new = |old: &str| built.iter().any(|built| old.contains(&format!("\n{}\n", name_line(&built.release.name))));
    let kept = old.split(HEAD).skip(1).map(|entry| format!("{HEAD}{}\n", entry.trim_end()));
    let mut all: Vec<String> = kept.filter(|entry| !is_new(entry)).collect();
    all.extend(built.iter().map(entry));
    all.sort();
    Ok(format!("{before}\n\n{BEGIN}\n{}\n{END}{after}", joined(all)))
}

const HEAD: &str = "[[model]]\n";

fn joined(mut entries: Vec<String>) -> String {
    entries.sort();
    entries.join("\n")
}

fn name_line(name: &str) -> String {
    line("name", name)
}

fn line(key: &str, value: &str) -> String {
    format!("{key} = {}", toml::Value::String(value.to_owned()))
}

fn entry(built: &Built) -> String {
    let release = &built.release;
    let licence = release.details.licence.as_deref().unwrap_or(crate::index::NOT_STATED);
    let mut lines = vec![
        name_line(&release.name),
        format!("languages = [{}]", toml::Value::String(release.language.clone())),
        line("architecture", &release.architecture),
        line("source.release", &release.file),
        format!("source.bytes = {}", built.bytes),
        line("source.sha256", &built.sha256),
        line("licence", licence),
        line("licence_note", &release.licence_note),
        line("provenance", &release.provenance),
        line("recipe", &release.recipe),
    ];
    lines.extend(built.files.iter().map(file));
    lines.extend(release.details.scores.iter().map(score));
    format!("{HEAD}{}\n", lines.join("\n"))
}

fn file(file: &FileRecord) -> String {
    let head = "\n[[model.file]]";
    format!("{head}\n{}\nbytes = {}\n{}", line("name", &file.path), file.bytes, line("sha256", &file.sha256))
}

fn score(score: &ScoreEntry) -> String {
    // A float keeps its point, which TOML needs.
    let (task, metric) = (line("task", &score.task), line("metric", &score.metric));
    let value = toml::Value::Float(score.value);
    format!("\n[[model.score]]\n{task}\n{metric}\nvalue = {value}\n{}", line("signature", &score.signature))
}
