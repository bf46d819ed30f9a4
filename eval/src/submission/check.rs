//! Reads an official file of answers byte by byte and names every mistake by its line. It does not use the writer's
//! code, nor a library for CSV: what organisers' scripts split at commas and line ends is split so here.
#![deny(clippy::indexing_slicing)]

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use glossa_base::unpack::{Archive, Limits};
use glossa_base::{Failure, Outcome};
use serde::Serialize;

use super::{FUNNINESS, Form, HAHA};
use crate::task::{Answer, Chosen, Example, parsed};
use crate::{Error, Prediction};

/// The largest file of answers, in bytes.
const FILE_LIMIT: u64 = 1 << 28;

/// So many mistakes are listed.
const SHOWN: usize = 100;

/// So many answers that are all gold are no accident.
const ALL_GOLD: usize = 20;

/// A mistake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The line, from 1; 0 for the file as a whole.
    pub line: u64,
    /// What is wrong with it.
    pub what: String,
}

/// What a file of answers holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Checked {
    /// Number of answers.
    pub rows: u64,
    /// The mistakes, at most 100 of them.
    pub problems: Vec<Problem>,
    /// Number of all mistakes.
    pub mistakes: u64,
    /// The answers in the order of the file, with ids; to be scored only when there is no mistake.
    #[serde(skip)]
    pub answers: Vec<Prediction>,
    /// HAHA's second column of answers.
    #[serde(skip)]
    pub numbers: Vec<Prediction>,
}

impl Checked {
    fn wrong(&mut self, line: u64, what: impl Into<String>) {
        self.mistakes += 1;
        if self.problems.len() < SHOWN {
            self.problems.push(Problem { line, what: what.into() });
        }
    }

    /// A row that is no answer keeps its place, so that others keep their lines.
    fn unreadable(&mut self) {
        self.answers.push(Prediction::default());
        self.numbers.push(Prediction::default());
    }

    /// The answers, where there is no mistake.
    ///
    /// # Errors
    /// [`Error::Submission`] with the first mistake.
    pub fn sound(self) -> Result<Self, Error> {
        match self.problems.first() {
            None => Ok(self),
            Some(Problem { line, what }) => {
                let more = if self.mistakes > 1 { format!(" ({} mistakes)", self.mistakes) } else { String::new() };
                Err(Error::Submission { problem: format!("line {line}: {what}{more}") })
            }
        }
    }

    /// The mistakes as text.
    pub fn to_text(&self) -> String {
        let lines = self.problems.iter().map(|problem| format!("line {}: {}\n", problem.line, problem.what));
        let verdict = match self.mistakes {
            0 => format!("{} answers, no mistake found\n", self.rows),
            mistakes => format!("{} answers, {mistakes} mistakes\n", self.rows),
        };
        lines.chain([verdict]).collect()
    }
}

/// Checks a file of answers against the items of the test set.
///
/// # Errors
/// A file that cannot be opened, is too large, or is no zip archive where one is asked for. Mistakes within the file
/// are no errors: they are what the result tells.
pub fn check(path: &Path, chosen: &Chosen, examples: &[Example]) -> Outcome<Checked> {
    let bytes = if chosen.task.submission == Form::Haha { unzipped(path)? } else { plain(path)? };
    Ok(of_text(&bytes, chosen, examples))
}

fn plain(path: &Path) -> Outcome<Vec<u8>> {
    let failed = |cause| Failure::io("read", path, cause);
    read_all(path, File::open(path).map_err(failed)?)
}

fn read_all(path: &Path, input: impl Read) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(FILE_LIMIT + 1).read_to_end(&mut bytes).map_err(|cause| Failure::io("read", path, cause))?;
    if bytes.len() as u64 > FILE_LIMIT {
        let problem = format!("{}: more than {FILE_LIMIT} bytes are no file of answers", path.display());
        return Err(Error::Submission { problem }.into());
    }
    Ok(bytes)
}

fn unzipped(path: &Path) -> Outcome<Vec<u8>> {
    let limits = Limits { entries: 100, entry_bytes: FILE_LIMIT, total_bytes: FILE_LIMIT, ..Limits::default() };
    let wrong = |what: &str| Error::Submission { problem: format!("{}: {what}", path.display()) };
    let mut start = [0; 2];
    let read = File::open(path)
        .and_then(|mut file| file.read(&mut start))
        .map_err(|cause| Failure::io("read", path, cause))?;
    if read < 2 || start != *b"PK" {
        return Err(wrong("no zip archive: the organisers take a zip archive with one CSV file").into());
    }
    // The archive tells its kind by its name, which may be another here.
    let mut entries = Archive::open(path, &limits)?;
    let Some(first) = entries.next().transpose()? else { return Err(wrong("the archive is empty").into()) };
    if !first.name.to_lowercase().ends_with(".csv") {
        return Err(wrong(&format!("the archive holds `{}`, no .csv file", first.name)).into());
    }
    let bytes = read_all(path, first)?;
    match entries.next() {
        None => Ok(bytes),
        Some(_) => Err(wrong("the archive holds more than one file").into()),
    }
}

/// Checks the bytes of a file of answers (of HAHA: of the CSV file in the archive).
pub(super) fn of_text(bytes: &[u8], chosen: &Chosen, examples: &[Example]) -> Checked {
    let mut checked = Checked::default();
    let lines = lines(bytes, &mut checked);
    match chosen.task.submission {
        Form::Tags => tags(&lines, chosen, &mut checked),
        Form::Haha => haha(&lines, chosen, &mut checked),
        Form::Table => table(&lines, chosen, &mut checked),
        Form::GermevalCoarse => germeval(&lines, chosen, examples, 1, &mut checked),
        Form::GermevalFine => germeval(&lines, chosen, examples, 2, &mut checked),
        Form::Figure => checked.wrong(0, "the task takes a figure, no file of answers"),
    }
    checked.rows = checked.answers.len() as u64;
    if checked.rows != examples.len() as u64 {
        let line = lines.len() as u64;
        checked.wrong(line, format!("{} answers, but the test set has {} items", checked.rows, examples.len()));
    }
    if matches!(chosen.task.submission, Form::Haha | Form::Table) {
        ids(&lines, examples, &mut checked);
    }
    all_gold(examples, &mut checked);
    checked
}

/// Lines without their ends; what is wrong with encoding and ends is told once each.
fn lines(bytes: &[u8], checked: &mut Checked) -> Vec<String> {
    let bytes = match bytes.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) => {
            checked.wrong(1, "a byte order mark at the start; save the file as UTF-8 without one");
            rest
        }
        None => bytes,
    };
    if !bytes.is_empty() && !bytes.ends_with(b"\n") {
        let last = bytes.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        checked.wrong(last, "the last line has no end");
    }
    let mut lines = Vec::new();
    let (mut windows, mut encoding) = (false, false);
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let split = body.split(|byte| *byte == b'\n').filter(|_| !body.is_empty());
    for (place, line) in split.enumerate() {
        let line = match line.strip_suffix(b"\r") {
            Some(rest) => {
                if !std::mem::replace(&mut windows, true) {
                    checked.wrong(place as u64 + 1, "the line ends as on Windows (CR LF); use LF");
                }
                rest
            }
            None => line,
        };
        if let Err(cause) = std::str::from_utf8(line)
            && !std::mem::replace(&mut encoding, true)
        {
            checked.wrong(place as u64 + 1, format!("not UTF-8: {cause}"));
        }
        lines.push(String::from_utf8_lossy(line).into_owned());
    }
    lines
}

/// An answer, or why it is none.
fn answer(text: &str, line: u64, chosen: &Chosen, checked: &mut Checked) {
    if !chosen.task.labels.iter().any(|label| label == text) {
        let shown: String = text.chars().take(40).collect();
        let known = chosen.task.labels.join(", ");
        checked.wrong(line, format!("`{shown}` is none of the labels {known}{}", other_task(text, chosen)));
    }
}

/// A task with the same kind of file that knows the label.
fn other_task(label: &str, chosen: &Chosen) -> String {
    let knows = |task: &crate::task::Task| {
        let sister = task.home == chosen.task.home && task.name != chosen.task.name;
        sister && task.labels.iter().any(|one| one == label)
    };
    let tasks = parsed().unwrap_or_default();
    let found = tasks.iter().find(|task| knows(task));
    found.map(|task| format!("; it is one of {}: is this the file for that task?", task.name)).unwrap_or_default()
}

fn tags(lines: &[String], chosen: &Chosen, checked: &mut Checked) {
    for (place, line) in lines.iter().enumerate() {
        let number = place as u64 + 1;
        if line.is_empty() {
            checked.wrong(number, "the line is empty");
        } else if line.trim() != line || line.contains(['\t', ',']) {
            checked.wrong(number, "more than a tag: one tag a line, nothing else");
        } else {
            answer(line, number, chosen, checked);
        }
        checked.answers.push(Prediction { label: line.clone(), ..Prediction::default() });
    }
}

/// The first line must be the header; a file with the columns of gold data is told apart.
fn header(lines: &[String], expected: &str, checked: &mut Checked) {
    let found = lines.first().map(String::as_str).unwrap_or_default();
    if found == expected {
        return;
    }
    let cells: Vec<&str> = found.split([',', '\t']).map(str::trim).collect();
    let of_gold = ["text", "votes_no", "votes_1", "gold", "category", "tweet"];
    if cells.iter().any(|cell| of_gold.contains(cell)) {
        checked.wrong(1, format!("the columns `{found}` are those of the data, not of answers"));
    } else {
        let shown: String = found.chars().take(80).collect();
        checked.wrong(1, format!("the header is `{shown}`, not `{}`", expected.replace('\t', "<tab>")));
    }
}

fn haha(lines: &[String], chosen: &Chosen, checked: &mut Checked) {
    header(lines, HAHA, checked);
    for (place, line) in lines.iter().enumerate().skip(1) {
        let number = place as u64 + 1;
        let cells: Vec<&str> = line.split(',').collect();
        let [id, humor, funniness] = cells.as_slice() else {
            checked.wrong(number, format!("{} columns, not 3", cells.len()));
            checked.unreadable();
            continue;
        };
        if !matches!(*humor, "0" | "1") {
            checked.wrong(number, format!("is_humor is `{humor}`, not 0 or 1"));
        }
        match funniness.parse::<f64>() {
            Ok(value) if (FUNNINESS[0]..=FUNNINESS[1]).contains(&value) => {}
            Ok(value) => checked.wrong(number, format!("funniness_average is {value}, not within 0 and 5")),
            Err(_) => checked.wrong(number, format!("funniness_average is `{funniness}`, no number")),
        }
        let row =
            |label: &str| Prediction { id: Some((*id).to_owned()), label: label.to_owned(), ..Prediction::default() };
        let (humor, funniness) = (row(humor), row(funniness));
        let (answers, numbers) = match chosen.task.answer {
            Answer::Number => (funniness, humor),
            _ => (humor, funniness),
        };
        checked.answers.push(answers);
        checked.numbers.push(numbers);
    }
}

fn table(lines: &[String], chosen: &Chosen, checked: &mut Checked) {
    header(lines, "id\tlabel", checked);
    for (place, line) in lines.iter().enumerate().skip(1) {
        let number = place as u64 + 1;
        let cells: Vec<&str> = line.split('\t').collect();
        let [id, label] = cells.as_slice() else {
            checked.wrong(number, format!("{} columns, not 2", cells.len()));
            checked.unreadable();
            continue;
        };
        match chosen.task.answer {
            Answer::Number if label.parse::<f64>().is_ok_and(f64::is_finite) => {}
            Answer::Number => checked.wrong(number, format!("`{label}` is no number")),
            _ => answer(label, number, chosen, checked),
        }
        let row = Prediction { id: Some((*id).to_owned()), label: (*label).to_owned(), ..Prediction::default() };
        checked.answers.push(row);
    }
}

fn germeval(lines: &[String], chosen: &Chosen, examples: &[Example], column: usize, checked: &mut Checked) {
    for (place, line) in lines.iter().enumerate() {
        let number = place as u64 + 1;
        let cells: Vec<&str> = line.split('\t').collect();
        let (true, Some(label)) = (cells.len() == 3, cells.get(column)) else {
            checked.wrong(number, format!("{} columns, not 3", cells.len()));
            checked.unreadable();
            continue;
        };
        answer(label, number, chosen, checked);
        let text = cells.first().map(|cell| cell.trim()).unwrap_or_default();
        let official = examples.get(place).map(|example| example.text.replace(['\t', '\n', '\r'], " "));
        if official.as_deref().is_some_and(|official| official.trim() != text) {
            checked.wrong(number, format!("the text is not that of item {}", place + 1));
        }
        checked.answers.push(Prediction { label: (*label).to_owned(), ..Prediction::default() });
    }
}

/// Ids: each once, known, all there, in the order of the test set.
fn ids(lines: &[String], examples: &[Example], checked: &mut Checked) {
    let known: HashMap<&str, usize> = examples.iter().enumerate().map(|(at, one)| (one.id.as_str(), at)).collect();
    let mut seen: HashMap<String, u64> = HashMap::new();
    let mut in_order = true;
    let answered: Vec<Option<String>> = checked.answers.iter().map(|row| row.id.clone()).collect();
    for (row, id) in answered.into_iter().enumerate() {
        let Some(id) = id else { continue };
        let line = row as u64 + 2;
        if let Some(first) = seen.insert(id.clone(), line) {
            checked.wrong(line, format!("the id `{id}` was there before, in line {first}"));
        }
        match known.get(id.as_str()) {
            None => checked.wrong(line, format!("the test set has no id `{id}`")),
            Some(place) if *place != row && std::mem::replace(&mut in_order, false) => {
                let expected = examples.get(row).map(|one| one.id.as_str()).unwrap_or_default();
                checked.wrong(line, format!("`{id}` is not in the order of the test set, which has `{expected}` here"));
            }
            Some(_) => {}
        }
    }
    for example in examples.iter().filter(|example| !seen.contains_key(&example.id)) {
        checked.wrong(lines.len() as u64, format!("no answer for the id `{}`", example.id));
    }
}

/// Answers that are gold one and all are the gold file, or a system that has seen it.
fn all_gold(examples: &[Example], checked: &mut Checked) {
    let pairs = || examples.iter().zip(&checked.answers).filter(|(example, _)| example.counted);
    let right = pairs().filter(|(example, row)| example.gold.as_deref() == Some(row.label.as_str())).count();
    if right >= ALL_GOLD && right == pairs().count() {
        checked.wrong(0, format!("all {right} answers are the gold ones: is this the file of gold labels?"));
    }
}
