//! Logs that other programs read: a CSV of epochs, JSON lines of steps and epochs, and TensorBoard's
//! event files. After an interruption a log goes on from where the checkpoint was.

mod tensorboard;

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use glossa_base::{Failure, Outcome};
use serde_json::json;

use crate::Callback;
use crate::event::{Event, Flow};
use crate::objective::Objective;
use crate::reading::Reading;
use crate::snapshot::Snapshot;
use crate::training::{EpochRecord, Training};

/// How a log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A line an epoch, with a heading.
    Csv,
    /// A line a step and an epoch.
    Jsonl,
    /// Scalars of steps and epochs.
    TensorBoard,
}

/// Writes a log.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    form: Form,
    file: File,
    /// Bytes written.
    length: u64,
    begun: bool,
}

impl Log {
    /// A log at a path that ends in `.csv` or `.jsonl`; what was there is gone with the first line, unless
    /// training goes on from a checkpoint.
    ///
    /// # Errors
    /// Another ending, or a file that cannot be written.
    pub fn at(path: &Path) -> Outcome<Self> {
        let form = match path.extension().and_then(|extension| extension.to_str()) {
            Some("csv") => Form::Csv,
            Some("jsonl") => Form::Jsonl,
            _ => {
                let problem = format!("{} is no log that can be written", path.display());
                return Err(Failure::data(problem).hint("give a name that ends in .csv or .jsonl"));
            }
        };
        Self::open(path, form)
    }

    /// TensorBoard's event file in a folder.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn tensorboard(folder: &Path) -> Outcome<Self> {
        std::fs::create_dir_all(folder).map_err(|cause| Failure::io("create the folder", folder, cause))?;
        Self::open(&folder.join(tensorboard::FILE_NAME), Form::TensorBoard)
    }

    fn open(path: &Path, form: Form) -> Outcome<Self> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path);
        let file = file.map_err(|cause| Failure::io("write", path, cause))?;
        Ok(Log { path: path.to_path_buf(), form, file, length: 0, begun: false })
    }

    /// Cuts the file to a length and goes on there.
    fn go_to(&mut self, length: u64) -> Outcome<()> {
        use std::io::Seek;
        let failed = |cause| Failure::io("write", &self.path, cause);
        if self.file.metadata().map_err(failed)?.len() < length {
            let problem = format!("{} is shorter than when the checkpoint was written", self.path.display());
            return Err(Failure::data(problem).hint("put it back, or start over with --restart"));
        }
        self.file.set_len(length).map_err(failed)?;
        self.file.seek(std::io::SeekFrom::Start(length)).map_err(failed)?;
        (self.length, self.begun) = (length, true);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Outcome<()> {
        self.file.write_all(bytes).map_err(|cause| Failure::io("write", &self.path, cause))?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn begin(&mut self) -> Outcome<()> {
        self.go_to(0)?;
        match self.form {
            Form::TensorBoard => self.write(&tensorboard::heading()),
            Form::Csv | Form::Jsonl => Ok(()),
        }
    }

    fn step<O: Objective>(&mut self, training: &Training<'_, O>) -> Outcome<()> {
        let Some(reading) = training.reading else { return Ok(()) };
        let Reading { position, rate, momentum, loss, likelihood, gradient_norm: norm } = reading;
        let (step, epoch) = (position.total_steps + 1, position.epoch + 1);
        match self.form {
            Form::Csv => Ok(()),
            Form::Jsonl => {
                let line = json!({"step": step, "epoch": epoch, "loss": loss, "likelihood": likelihood, "rate": rate,
                    "momentum": momentum, "gradient_norm": norm});
                self.write(format!("{line}\n").as_bytes())
            }
            Form::TensorBoard => {
                let scalars = [
                    ("train/loss", loss),
                    ("train/rate", rate),
                    ("train/momentum", momentum),
                    ("train/gradient_norm", norm),
                ];
                self.write(&tensorboard::scalars(step, scalars))
            }
        }
    }

    fn epoch(&mut self, record: &EpochRecord) -> Outcome<()> {
        match self.form {
            Form::Csv => {
                let heading = if self.length == 0 { csv_heading(record) } else { String::new() };
                self.write((heading + &csv_line(record)).as_bytes())
            }
            Form::Jsonl => {
                let line = serde_json::to_string(record).map_err(|cause| Failure::data("cannot log").because(cause))?;
                self.write(format!("{line}\n").as_bytes())
            }
            Form::TensorBoard => {
                let valid: Vec<(String, f64)> =
                    record.validation.iter().map(|(name, value)| (format!("valid/{name}"), *value)).collect();
                self.write(&tensorboard::scalars(
                    record.step,
                    valid.iter().map(|(name, value)| (name.as_str(), *value)),
                ))
            }
        }
    }
}

fn csv_heading(record: &EpochRecord) -> String {
    let metrics: String = record.validation.keys().map(|name| format!(",valid_{name}")).collect();
    format!("phase,epoch,step,train_loss,train_likelihood{metrics}\n")
}

fn csv_line(record: &EpochRecord) -> String {
    let EpochRecord { phase, epoch, step, train_loss, train_likelihood, validation } = record;
    let metrics: String = validation.values().map(|value| format!(",{value}")).collect();
    let phase = phase.replace('"', "\"\"");
    format!("\"{phase}\",{epoch},{step},{train_loss},{train_likelihood}{metrics}\n")
}

impl<O: Objective> Callback<O> for Log {
    fn on(&mut self, event: Event, training: &mut Training<'_, O>) -> Outcome<Flow> {
        match event {
            Event::BeforeFit if !self.begun => self.begin()?,
            Event::AfterRead => self.step(training)?,
            Event::AfterEpoch => {
                if let Some(record) = training.records.last() {
                    self.epoch(record)?;
                }
            }
            _ => {}
        }
        Ok(Flow::Continue)
    }

    fn order(&self) -> i32 {
        50
    }

    fn save(&self) -> Outcome<Snapshot> {
        let mut snapshot = Snapshot::default();
        snapshot.put("length", self.length)?;
        Ok(snapshot)
    }

    fn restore(&mut self, snapshot: &Snapshot, _training: &Training<'_, O>) -> Outcome<()> {
        self.go_to(snapshot.get("length")?)
    }
}
