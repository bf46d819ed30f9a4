//! Texts with the share of every label: what a teacher thinks of them. A file of JSON lines that is also a plain
//! table of texts and labels: `{"text":"...","label":"sports","probabilities":{"sports":0.8,"travel":0.2}}`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use glossa_base::atomic::WholeFile;
use glossa_base::{Failure, Outcome};
use serde::{Deserialize, Serialize};

use super::table;
use crate::Error;

/// A text with the share of each label.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SoftExample {
    /// The text.
    pub text: String,
    /// The likeliest label.
    pub label: String,
    /// The share of each label; they sum to one.
    pub probabilities: BTreeMap<String, f64>,
}

impl SoftExample {
    /// A text with shares, which are scaled to sum to one; nothing where they cannot be.
    pub fn new(text: String, shares: BTreeMap<String, f64>) -> Option<Self> {
        let sum: f64 = shares.values().sum();
        let sound = sum.is_finite() && sum > 0.0 && shares.values().all(|share| *share >= 0.0);
        let mut likeliest: Option<(&String, f64)> = None;
        for (label, share) in &shares {
            if likeliest.is_none_or(|(_, highest)| *share > highest) {
                likeliest = Some((label, *share));
            }
        }
        let label = likeliest.filter(|_| sound)?.0.clone();
        Some(SoftExample {
            text,
            label,
            probabilities: shares.into_iter().map(|(name, share)| (name, share / sum)).collect(),
        })
    }
}

/// As a row stands in the file; other keys are passed over.
#[derive(Deserialize)]
struct Row {
    text: String,
    probabilities: BTreeMap<String, f64>,
}

/// How far from one the shares of a text may sum.
const TOLERANCE: f64 = 1e-3;

/// Reads texts with shares (`.jsonl`).
///
/// # Errors
/// Another ending, no rows, or a row whose shares are missing or do not sum to one, by line.
pub fn read_soft(path: &Path) -> Result<Vec<SoftExample>, Error> {
    if table::extension(path) != "jsonl" {
        return Err(Error::row(path, 1, "labels with shares are read from .jsonl"));
    }
    let bytes = table::read_bytes(path)?;
    let mut examples = Vec::new();
    for line in table::lines(path, bytes.strip_prefix(table::MARK).unwrap_or(&bytes)) {
        let (number, line) = line?;
        if line.trim().is_empty() {
            continue;
        }
        let row: Row = serde_json::from_str(line)
            .map_err(|cause| Error::row(path, number, format!("no text with `probabilities`: {cause}")))?;
        let sum: f64 = row.probabilities.values().sum();
        let example = SoftExample::new(row.text, row.probabilities).filter(|_| (sum - 1.0).abs() <= TOLERANCE);
        let refused = || Error::row(path, number, format!("the probabilities sum to {sum}, not to 1"));
        examples.push(example.ok_or_else(refused)?);
    }
    if examples.is_empty() { Err(Error::EmptyTable(path.to_path_buf())) } else { Ok(examples) }
}

/// Writes texts with shares, whole or not at all.
///
/// # Errors
/// What the disk says.
pub fn write_soft(path: &Path, examples: &[SoftExample]) -> Outcome<()> {
    let mut file = WholeFile::create(path)?;
    for example in examples {
        serde_json::to_writer(&mut file, example)
            .map_err(std::io::Error::from)
            .and_then(|()| file.write_all(b"\n"))
            .map_err(|cause| Failure::io("write", path, cause))?;
    }
    file.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(pairs: &[(&str, f64)]) -> BTreeMap<String, f64> {
        pairs.iter().map(|(name, share)| ((*name).to_owned(), *share)).collect()
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.jsonl");
        let examples: Vec<SoftExample> = [("á\n\"", [0.25, 0.75]), ("b", [0.5, 0.5])]
            .map(|(text, [one, other])| SoftExample::new(text.to_owned(), shares(&[("a", one), ("b", other)])).unwrap())
            .to_vec();
        let labels: Vec<&str> = examples.iter().map(|example| example.label.as_str()).collect();
        assert_eq!(labels, ["b", "a"]);
        write_soft(&path, &examples).unwrap();
        assert_eq!(read_soft(&path).unwrap(), examples);
        let plain = super::super::read(&path, &Default::default()).unwrap();
        assert_eq!(plain.first().unwrap().label, "b");
    }

    #[test]
    fn a_bad_row_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.jsonl");
        for (row, expected) in [
            ("{\"text\":\"a\"}", "probabilities"),
            ("{\"text\":\"a\",\"probabilities\":{}}", "sum to"),
            ("{\"text\":\"a\",\"probabilities\":{\"a\":0.7}}", "sum to 0.7"),
            ("{\"text\":\"a\",\"probabilities\":{\"a\":2,\"b\":-1}}", "sum to"),
            ("[]", "probabilities"),
        ] {
            std::fs::write(&path, format!("{{\"text\":\"a\",\"probabilities\":{{\"a\":1}}}}\n{row}\n")).unwrap();
            let message = read_soft(&path).unwrap_err().to_string();
            assert!(message.contains(":2") && message.contains(expected), "{row}: {message}");
        }
        assert!(SoftExample::new(String::new(), shares(&[("a", f64::NAN)])).is_none());
    }
}
