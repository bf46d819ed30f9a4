//! The examples of official files: which reader a layout has, what must hold of every row, and lines with limits.
//! A byte order mark and Windows line ends are passed over here; the checker names them.
#![deny(clippy::indexing_slicing)]

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use glossa_base::nearest::nearest;
use glossa_base::{Failure, Outcome, hash};

use super::{Answer, Chosen, Layout, Split, cls, mldoc, table};
use crate::Error;

/// The longest line that is read, in bytes.
pub(super) const LINE_LIMIT: u64 = 1 << 24;

/// The longest file that is read, in bytes.
pub(super) const FILE_LIMIT: u64 = 1 << 34;

/// One item of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The official id, or the number of the item from 1.
    pub id: String,
    /// The text.
    pub text: String,
    /// The gold label or number, where the split has one.
    pub gold: Option<String>,
    /// Does it count in the score?
    pub counted: bool,
    /// The line of its file, from 1; of the item where each has a file of its own.
    pub line: u64,
}

/// Must a split have its official number of items?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sizes {
    /// Yes: another number is another split, or a file cut short.
    Official,
    /// No: a sample, or a fixture.
    Any,
}

impl Chosen {
    /// Reads a split from the folder that holds the task's official files.
    ///
    /// # Errors
    /// [`Error::Malformed`] with file and line for the first bad row: a label out of the set, a duplicated id, a
    /// number out of range, broken encoding; [`Error::Size`] for another number of items than the official one;
    /// [`Error::UnknownTask`] for an unknown split; what the disk says.
    pub fn read(&self, folder: &Path, split: &str, sizes: Sizes) -> Outcome<Vec<Example>> {
        let split = self.split(split)?;
        let path = self.file(folder, split);
        let mut rows = Rows { task: self, split, path: path.clone(), examples: Vec::new(), ids: HashMap::new() };
        match self.task.reader.layout {
            Layout::Csv => table::read(&path, b',', &mut rows)?,
            Layout::Tsv => table::read(&path, b'\t', &mut rows)?,
            Layout::Mldoc => mldoc::read(&path, &mut rows)?,
            Layout::ClsXml => cls::read_xml(&path, &mut rows)?,
            Layout::ClsProcessed => cls::read_processed(&path, &mut rows)?,
            Layout::TextAndTags => text_and_tags(folder, &mut rows)?,
            Layout::Lines => each_line(&path, Encoding::Utf8, |line, text| rows.push(line, None, text, None, true))?,
            Layout::Folders => folders(&path, &mut rows)?,
            Layout::Trec => each_line(&path, Encoding::Latin1, |line, text| trec(line, &text, &mut rows))?,
            Layout::Fasttext => each_line(&path, Encoding::Utf8, |line, text| fasttext(line, &text, &mut rows))?,
        }
        let found = rows.examples.len() as u64;
        match self.items(split) {
            Some(items) if sizes == Sizes::Official && items != found => {
                Err(self.wrong_size(&path, split, found).into())
            }
            _ => Ok(rows.examples),
        }
    }

    /// SHA-256 over the files of a split, in a fixed order: what a signature calls the task's data.
    ///
    /// # Errors
    /// What the disk says.
    pub fn data_hash(&self, folder: &Path, split: &str) -> Outcome<String> {
        let split = self.split(split)?;
        let files = std::iter::once(self.file(folder, split)).chain(self.tags(folder, split));
        let digests = files.map(|path| if path.is_dir() { hash_of_folder(&path) } else { hash::sha256_file(&path) });
        let digests = digests.collect::<Outcome<Vec<String>>>()?;
        match digests.as_slice() {
            [one] => Ok(one.clone()),
            several => Ok(hash::sha256_hex(several.join("\n").as_bytes())),
        }
    }

    fn wrong_size(&self, path: &Path, split: &Split, found: u64) -> Error {
        let other = self.task.split.iter().find(|other| other.name != split.name && self.items(other) == Some(found));
        Error::Size {
            path: path.to_owned(),
            split: split.name.clone(),
            found,
            official: self.items(split).unwrap_or(0),
            other: other.map(|other| other.name.clone()),
        }
    }
}

fn hash_of_folder(folder: &Path) -> Outcome<String> {
    let mut digests = Vec::new();
    for path in sorted(folder)? {
        let digest = if path.is_dir() { hash_of_folder(&path)? } else { hash::sha256_file(&path)? };
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        digests.push(format!("{digest} {name}"));
    }
    Ok(hash::sha256_hex(digests.join("\n").as_bytes()))
}

/// What was read, with what must hold between rows.
pub(super) struct Rows<'a> {
    pub(super) task: &'a Chosen,
    pub(super) split: &'a Split,
    pub(super) path: PathBuf,
    examples: Vec<Example>,
    ids: HashMap<String, u64>,
}

impl Rows<'_> {
    pub(super) fn malformed(&self, line: u64, reason: impl Into<String>) -> Error {
        Error::Malformed { path: self.path.clone(), line, reason: reason.into() }
    }

    /// Takes a row, if it may be one.
    pub(super) fn push(
        &mut self,
        line: u64,
        id: Option<String>,
        text: String,
        gold: Option<String>,
        counted: bool,
    ) -> Outcome<()> {
        let id = id.unwrap_or_else(|| (self.examples.len() + 1).to_string());
        if id.is_empty() {
            return Err(self.malformed(line, "the id is empty").into());
        }
        if let Some(first) = self.ids.insert(id.clone(), line) {
            return Err(self.malformed(line, format!("the id `{id}` was there before, in line {first}")).into());
        }
        let gold = if self.split.unlabelled { None } else { gold };
        let gold = gold.map(|gold| self.task.task.reader.rename.get(&gold).cloned().unwrap_or(gold));
        if counted && let Some(gold) = &gold {
            check_answer(&self.task.task, gold).map_err(|reason| self.malformed(line, reason))?;
        }
        self.examples.push(Example { id, text, gold, counted, line });
        Ok(())
    }
}

/// Why an answer is none of the task.
pub(crate) fn check_answer(task: &super::Task, answer: &str) -> Result<(), String> {
    match task.answer {
        Answer::Label if !task.labels.iter().any(|label| label == answer) => {
            let known = || task.labels.iter().map(String::as_str);
            let meant = nearest(answer, known()).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            let all = known().collect::<Vec<_>>().join(", ");
            let shown: String = answer.chars().take(40).collect();
            Err(format!("`{shown}` is none of the labels {all}{meant}"))
        }
        Answer::Number => check_number(task, answer),
        _ => Ok(()),
    }
}

fn check_number(task: &super::Task, answer: &str) -> Result<(), String> {
    let Some(number) = answer.trim().parse::<f64>().ok().filter(|number| number.is_finite()) else {
        return Err(format!("`{}` is no finite number", answer.chars().take(40).collect::<String>()));
    };
    match task.range {
        Some([low, high]) if !(low..=high).contains(&number) => Err(format!("{number} is not within {low} and {high}")),
        _ => Ok(()),
    }
}

fn text_and_tags(folder: &Path, rows: &mut Rows<'_>) -> Outcome<()> {
    let mut texts = Vec::new();
    each_line(&rows.path.clone(), Encoding::Utf8, |_, text| {
        texts.push(text);
        Ok(())
    })?;
    let mut tags = Vec::new();
    if let Some(path) = rows.task.tags(folder, rows.split).filter(|_| !rows.split.unlabelled) {
        each_line(&path, Encoding::Utf8, |_, tag| {
            tags.push(tag.trim().to_owned());
            Ok(())
        })?;
        if tags.len() != texts.len() {
            let reason = format!("{} texts, but {} lines in {}", texts.len(), tags.len(), path.display());
            return Err(rows.malformed(texts.len().min(tags.len()) as u64 + 1, reason).into());
        }
    }
    let mut tags = tags.into_iter();
    for (place, text) in texts.into_iter().enumerate() {
        rows.push(place as u64 + 1, None, text, tags.next(), true)?;
    }
    Ok(())
}

fn trec(line: u64, text: &str, rows: &mut Rows<'_>) -> Outcome<()> {
    let Some((label, question)) = text.split_once(' ').and_then(|(tag, text)| Some((tag.split_once(':')?.0, text)))
    else {
        return Err(rows.malformed(line, "no `LABEL:detail` before the question").into());
    };
    rows.push(line, None, question.to_owned(), Some(label.to_owned()), true)
}

fn fasttext(line: u64, text: &str, rows: &mut Rows<'_>) -> Outcome<()> {
    let Some((label, text)) = text.strip_prefix("__label__").and_then(|rest| rest.split_once(' ')) else {
        return Err(rows.malformed(line, "no `__label__` at its start").into());
    };
    rows.push(line, None, text.trim_start_matches([',', ' ']).to_owned(), Some(label.to_owned()), true)
}

fn sorted(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let failed = |cause| Failure::io("read", folder, cause);
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    let mut paths =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    paths.sort();
    Ok(paths)
}

/// A folder for each label, or for an unlabelled split the texts themselves.
fn folders(folder: &Path, rows: &mut Rows<'_>) -> Outcome<()> {
    let labels = if rows.split.unlabelled { vec![String::new()] } else { rows.task.task.labels.clone() };
    let mut number = 0;
    for label in labels {
        for path in
            sorted(&folder.join(&label))?.into_iter().filter(|path| path.extension().is_some_and(|end| end == "txt"))
        {
            number += 1;
            rows.path.clone_from(&path);
            let mut text = String::new();
            each_line(&path, Encoding::Utf8, |_, line| {
                text.push_str(&line);
                text.push('\n');
                Ok(())
            })?;
            text.pop();
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let id = if label.is_empty() { name.into_owned() } else { format!("{label}/{name}") };
            rows.push(number, Some(id), text, (!label.is_empty()).then(|| label.clone()), true)?;
        }
    }
    Ok(())
}

/// How bytes become text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    Latin1,
}

/// Calls back with each line and its number from 1, without line end and byte order mark.
pub(super) fn each_line(
    path: &Path,
    encoding: Encoding,
    mut take: impl FnMut(u64, String) -> Outcome<()>,
) -> Outcome<()> {
    let file = File::open(path).map_err(|cause| Failure::io("read", path, cause))?;
    let mut reader = BufReader::with_capacity(1 << 16, file.take(FILE_LIMIT));
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        let read = reader.by_ref().take(LINE_LIMIT).read_until(b'\n', &mut bytes);
        if read.map_err(|cause| Failure::io("read", path, cause))? == 0 {
            break;
        }
        let malformed = |reason: String| Error::Malformed { path: path.to_owned(), line: number, reason };
        if bytes.len() as u64 == LINE_LIMIT && bytes.last() != Some(&b'\n') {
            return Err(malformed(format!("the line is longer than {LINE_LIMIT} bytes")).into());
        }
        while let Some(b'\n' | b'\r') = bytes.last() {
            bytes.pop();
        }
        let text = match encoding {
            Encoding::Utf8 => {
                std::str::from_utf8(&bytes).map_err(|cause| malformed(format!("not UTF-8: {cause}")))?.to_owned()
            }
            Encoding::Latin1 => bytes.iter().copied().map(char::from).collect(),
        };
        let text = if number == 1 { text.trim_start_matches('\u{feff}').to_owned() } else { text };
        take(number, text)?;
    }
    Ok(())
}
