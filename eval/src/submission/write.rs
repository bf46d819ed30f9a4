//! Writes the official file of answers, whole or not at all, and has it checked before it appears.

use std::io::Write;
use std::path::Path;

use glossa_base::Outcome;
use glossa_base::atomic::write_file;
use serde::Serialize;
use zip::write::SimpleFileOptions;

use super::{FUNNINESS, Form, HAHA, check};
use crate::task::{Answer, Chosen, Example, matched};
use crate::{Error, Prediction};

/// What is handed in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Answers<'a> {
    /// Predicted labels.
    pub labels: Option<&'a [Prediction]>,
    /// Predicted numbers, which HAHA's file holds beside the labels.
    pub numbers: Option<&'a [Prediction]>,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Written {
    /// Number of answers.
    pub rows: u64,
    /// How many numbers were moved into the official range.
    pub clipped: u64,
}

/// Writes the official file for the items of a test set, in their order.
///
/// # Errors
/// [`Error::Submission`] where answers are missing, the task has no file of answers, or the file does not pass
/// the check; [`Error::Row`] for predictions that do not fit the items; what the disk says.
pub fn write(path: &Path, chosen: &Chosen, examples: &[Example], answers: &Answers<'_>) -> Outcome<Written> {
    let mut clipped = 0;
    let text = match chosen.task.submission {
        Form::Tags => labels(examples, answers)?.into_iter().map(|label| format!("{label}\n")).collect(),
        Form::Table => table(chosen, examples, answers)?,
        Form::GermevalCoarse | Form::GermevalFine => germeval(chosen.task.submission, examples, answers)?,
        Form::Haha => haha(examples, answers, &mut clipped)?,
        Form::Figure => {
            let problem = format!("the task {} takes a figure, no file of answers", chosen.name());
            return Err(Error::Submission { problem }.into());
        }
    };
    // What is known to be gold is no reason here: whoever predicts everything right may hand it in.
    let without_gold: Vec<Example> = examples.iter().map(|one| Example { gold: None, ..one.clone() }).collect();
    let checked = check::of_text(text.as_bytes(), chosen, &without_gold);
    if let Some(problem) = checked.problems.first() {
        return Err(Error::Submission { problem: format!("line {}: {}", problem.line, problem.what) }.into());
    }
    let bytes = if chosen.task.submission == Form::Haha { zipped(path, &text)? } else { text.into_bytes() };
    write_file(path, &bytes)?;
    Ok(Written { rows: examples.len() as u64, clipped })
}

/// The predicted labels in the order of the items.
fn labels(examples: &[Example], answers: &Answers<'_>) -> Result<Vec<String>, Error> {
    let Some(labels) = answers.labels else {
        return Err(Error::Submission { problem: "there are no predicted labels".to_owned() });
    };
    Ok(matched(examples, labels)?.into_iter().map(|row| row.label).collect())
}

fn numbers(examples: &[Example], answers: &Answers<'_>) -> Result<Vec<f64>, Error> {
    let Some(numbers) = answers.numbers else {
        let problem = "the file holds funniness too: there are no predicted numbers".to_owned();
        return Err(Error::Submission { problem });
    };
    // Gold numbers stand in another column than these examples' own: only ids and order are matched.
    let plain: Vec<Example> = examples.iter().map(|one| Example { gold: None, ..one.clone() }).collect();
    let number = |(row, prediction): (usize, Prediction)| {
        let number = prediction.label.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        number.ok_or(Error::NotFinite { row: row + 1 })
    };
    matched(&plain, numbers)?.into_iter().enumerate().map(number).collect()
}

fn table(chosen: &Chosen, examples: &[Example], answers: &Answers<'_>) -> Result<String, Error> {
    let of_numbers = chosen.task.answer == Answer::Number;
    let labels = if of_numbers {
        numbers(examples, answers)?.iter().map(f64::to_string).collect()
    } else {
        labels(examples, answers)?
    };
    let rows = examples.iter().zip(labels).map(|(example, label)| format!("{}\t{label}\n", example.id));
    Ok(std::iter::once("id\tlabel\n".to_owned()).chain(rows).collect())
}

fn germeval(form: Form, examples: &[Example], answers: &Answers<'_>) -> Result<String, Error> {
    let row = |(example, label): (&Example, String)| {
        let (coarse, fine) = match form {
            Form::GermevalFine => {
                let coarse = if label == "OTHER" { "OTHER" } else { "OFFENSE" };
                (coarse.to_owned(), label)
            }
            // The organisers' script looks at one column only; the other must be there.
            _ => (label, "OTHER".to_owned()),
        };
        format!("{}\t{coarse}\t{fine}\n", example.text.replace(['\t', '\n', '\r'], " "))
    };
    Ok(examples.iter().zip(labels(examples, answers)?).map(row).collect())
}

fn haha(examples: &[Example], answers: &Answers<'_>, clipped: &mut u64) -> Result<String, Error> {
    let labels = match answers.labels {
        Some(labels) => {
            let plain: Vec<Example> = examples.iter().map(|one| Example { gold: None, ..one.clone() }).collect();
            matched(&plain, labels)?.into_iter().map(|row| row.label).collect::<Vec<String>>()
        }
        None => return Err(Error::Submission { problem: "there are no predicted labels of humour".to_owned() }),
    };
    let mut text = format!("{HAHA}\n");
    for ((example, label), number) in examples.iter().zip(labels).zip(numbers(examples, answers)?) {
        let inside = number.clamp(FUNNINESS[0], FUNNINESS[1]);
        *clipped += u64::from(inside != number);
        text.push_str(&format!("{},{label},{inside}\n", example.id));
    }
    Ok(text)
}

/// One stored file, named after the archive, with no time of its own: the same answers give the same bytes.
fn zipped(path: &Path, text: &str) -> Outcome<Vec<u8>> {
    let failed =
        |cause: &dyn std::fmt::Display| Error::Submission { problem: format!("cannot pack the archive: {cause}") };
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    archive.start_file(format!("{name}.csv"), options).map_err(|cause| failed(&cause))?;
    archive.write_all(text.as_bytes()).map_err(|cause| failed(&cause))?;
    Ok(archive.finish().map_err(|cause| failed(&cause))?.into_inner())
}
