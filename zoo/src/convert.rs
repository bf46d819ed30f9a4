//! Weights in another precision: f32, f16 and bf16 safetensors into each other. Tensors stream through a small
//! buffer; the file appears whole or not at all. Whole numbers, truth values and f64 stay as they are.
#![deny(clippy::indexing_slicing)]

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use glossa_base::Failure;
use glossa_base::atomic::{WholeFile, WholeFolder};
use glossa_base::download::Watch;
use glossa_base::manifest::{FileRecord, Manifest};
use half::{bf16, f16};
use serde::Serialize;
use serde_json::{Map, Value, json};
use thiserror::Error as ThisError;

use crate::dtype::Dtype;
use crate::layout;
use crate::shards::{self, SAFETENSORS_INDEX, TensorEntry, check_safetensors};

/// Elements that are converted at a time.
const BLOCK: usize = 1 << 16;
/// Files of a model folder that are not about its precision are copied; larger indices are none.
const LONGEST: u64 = 64 << 20;

/// Why weights were not converted.
#[derive(Debug, ThisError)]
pub enum Error {
    /// A precision that weights are not converted to.
    #[error("weights are not converted to {dtype}; known are f32, f16 and bf16")]
    Precision {
        /// Which.
        dtype: String,
    },
    /// The file or folder is refused.
    #[error(transparent)]
    Weights(#[from] shards::Error),
    /// A number that the other precision has no place for.
    #[error("{file}: the tensor `{tensor}` holds {value}, which is more than {dtype} can")]
    TooLarge {
        /// The file.
        file: String,
        /// The tensor.
        tensor: String,
        /// The number.
        value: f32,
        /// The precision.
        dtype: Dtype,
    },
    /// A folder without safetensors.
    #[error("{folder} has no safetensors to convert")]
    NoWeights {
        /// The folder.
        folder: String,
    },
    /// Stopped by a signal.
    #[error("stopped by a signal while converting {file}")]
    Stopped {
        /// The file.
        file: String,
    },
    /// A file that cannot be read or written.
    #[error("{0}")]
    File(Failure),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Weights(error) => error.into(),
            Error::File(failure) => failure,
            Error::Stopped { .. } => Failure::new(glossa_base::Kind::Stopped, error.to_string()).hint("run it again"),
            Error::TooLarge { .. } => {
                Failure::data(error.to_string()).hint("convert to bf16, which has the range of f32")
            }
            Error::NoWeights { .. } => Failure::data(error.to_string()).hint("import it first: glossa zoo import"),
            Error::Precision { .. } => Failure::data(error.to_string()).hint("write --to f32, --to f16 or --to bf16"),
        }
    }
}

/// What was converted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Converted {
    /// Tensors that have the new precision.
    pub tensors: usize,
    /// Tensors that are not floats of 16 or 32 bits, or had it already.
    pub kept: usize,
    /// Bytes of weights before.
    pub bytes_before: u64,
    /// Bytes of weights now.
    pub bytes: u64,
}

/// The precision of a name, such as `bf16`.
///
/// # Errors
/// Another one than f32, f16 and bf16.
pub fn precision(name: &str) -> Result<Dtype, Error> {
    let known = [("f32", Dtype::F32), ("f16", Dtype::F16), ("bf16", Dtype::BF16)];
    let found = known.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, dtype)| dtype).ok_or_else(|| Error::Precision { dtype: crate::dtype::shown(name) })
}

/// Converts one safetensors file. Rounding is to the nearest, ties to even.
///
/// # Errors
/// A file that is refused; a finite number that f16 has no place for; what [`Error`] says. Nothing is left then.
pub fn convert_file(from: &Path, to: &Path, dtype: Dtype, watch: Watch<'_>) -> Result<Converted, Error> {
    check_precision(dtype)?;
    let entries = check_safetensors(from)?;
    let metadata = metadata(from)?;
    let header = header(&entries, metadata, dtype);
    let mut output = WholeFile::create(to).map_err(Error::File)?;
    let failed = |cause| Error::File(Failure::io("write", to, cause));
    output.write_all(&(header.len() as u64).to_le_bytes()).and_then(|()| output.write_all(&header)).map_err(failed)?;
    let mut converted = Converted { bytes: 8 + header.len() as u64, ..Converted::default() };
    let total = entries.iter().map(|entry| entry.end - entry.begin).sum();
    watch.progress.start(&format!("converting to {dtype}"), Some(total), "bytes");
    let mut input = File::open(from).map_err(|cause| Error::File(Failure::io("read", from, cause)))?;
    for entry in &entries {
        let tensor = Tensor { file: from, entry, dtype, watch };
        converted.bytes += tensor.write(&mut input, &mut output, to)?;
        if wanted(entry, dtype) == entry.dtype { converted.kept += 1 } else { converted.tensors += 1 }
    }
    converted.bytes_before = fs::metadata(from).map_or(0, |found| found.len());
    output.commit().map_err(Error::File)?;
    watch.progress.finish(&format!("{} tensors", converted.tensors));
    Ok(converted)
}

/// Converts a model folder: its weights, in one file or in shards, `torch_dtype` of its configuration, and its
/// manifest; all else is copied.
///
/// # Errors
/// As of [`convert_file`]; a folder without safetensors.
pub fn convert_folder(from: &Path, to: &Path, dtype: Dtype, watch: Watch<'_>) -> Result<Converted, Error> {
    check_precision(dtype)?;
    let none = || Error::NoWeights { folder: from.display().to_string() };
    let weights = shards::weight_files(from).map_err(|error| match error {
        shards::Error::NoWeights { .. } => none(),
        other => Error::Weights(other),
    })?;
    if weights.iter().any(|path| path.extension().is_none_or(|ending| ending != "safetensors")) {
        return Err(none());
    }
    let folder = WholeFolder::create(to).map_err(Error::File)?;
    let mut sum = Converted::default();
    for path in &weights {
        let name = path.file_name().unwrap_or_default();
        let converted = convert_file(path, &folder.path().join(name), dtype, watch)?;
        sum.tensors += converted.tensors;
        sum.kept += converted.kept;
        sum.bytes_before += converted.bytes_before;
        sum.bytes += converted.bytes;
    }
    for name in others(from, &weights)? {
        copy(from, folder.path(), &name, dtype, sum.bytes)?;
    }
    manifest(from, dtype)?.write(folder.path()).map_err(Error::File)?;
    folder.commit().map_err(Error::File)?;
    Ok(sum)
}

fn check_precision(dtype: Dtype) -> Result<(), Error> {
    match dtype {
        Dtype::F32 | Dtype::F16 | Dtype::BF16 => Ok(()),
        other => Err(Error::Precision { dtype: other.to_string() }),
    }
}

/// The precision that a tensor comes to have.
fn wanted(entry: &TensorEntry, dtype: Dtype) -> Dtype {
    if matches!(entry.dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16) { dtype } else { entry.dtype }
}

/// The header of the new file, filled up with spaces so that the numbers begin at a multiple of eight.
fn header(entries: &[TensorEntry], metadata: Option<Value>, dtype: Dtype) -> Vec<u8> {
    let mut fields = Map::new();
    fields.extend(metadata.map(|metadata| ("__metadata__".to_owned(), metadata)));
    let mut at = 0;
    for entry in entries {
        let to = wanted(entry, dtype);
        let begin = at;
        at += (entry.end - entry.begin) / entry.dtype.bytes() * to.bytes();
        let field = json!({"dtype": to.name(), "shape": entry.shape, "data_offsets": [begin, at]});
        fields.insert(entry.name.clone(), field);
    }
    let mut bytes = Value::Object(fields).to_string().into_bytes();
    bytes.resize(bytes.len().next_multiple_of(8), b' ');
    bytes
}

/// The metadata of a file whose header was checked.
fn metadata(path: &Path) -> Result<Option<Value>, Error> {
    let read = || -> io::Result<Option<Value>> {
        let mut file = File::open(path)?;
        let mut count = [0; 8];
        file.read_exact(&mut count)?;
        let header: Value = serde_json::from_reader(io::BufReader::new(file.take(u64::from_le_bytes(count))))?;
        Ok(header.get("__metadata__").cloned())
    };
    read().map_err(|cause| Error::File(Failure::io("read", path, cause)))
}

/// One tensor on its way.
struct Tensor<'a> {
    file: &'a Path,
    entry: &'a TensorEntry,
    dtype: Dtype,
    watch: Watch<'a>,
}

impl Tensor<'_> {
    fn write(&self, input: &mut File, output: &mut WholeFile, to: &Path) -> Result<u64, Error> {
        let read_failed = |cause| Error::File(Failure::io("read", self.file, cause));
        input.seek(SeekFrom::Start(self.entry.begin)).map_err(read_failed)?;
        let size = usize::try_from(self.entry.dtype.bytes()).unwrap_or(8);
        let (mut left, mut written) = (self.entry.end - self.entry.begin, 0);
        let (mut block, mut made) = (vec![0; BLOCK * size], Vec::with_capacity(BLOCK * 4));
        while left > 0 {
            if self.watch.interrupt.requested() {
                return Err(Error::Stopped { file: self.file.display().to_string() });
            }
            let count = usize::try_from(left.min(block.len() as u64)).unwrap_or(block.len());
            let bytes = block.get_mut(..count).unwrap_or_default();
            input.read_exact(bytes).map_err(read_failed)?;
            made.clear();
            self.convert(bytes, &mut made)?;
            output.write_all(&made).map_err(|cause| Error::File(Failure::io("write", to, cause)))?;
            left -= count as u64;
            written += made.len() as u64;
            self.watch.progress.advance(count as u64);
        }
        Ok(written)
    }

    fn convert(&self, bytes: &[u8], made: &mut Vec<u8>) -> Result<(), Error> {
        let (from, to) = (self.entry.dtype, wanted(self.entry, self.dtype));
        if from == to {
            made.extend_from_slice(bytes);
            return Ok(());
        }
        let single = from == Dtype::F32;
        let (singles, _) = bytes.as_chunks::<4>();
        let (halves, _) = bytes.as_chunks::<2>();
        let halves = halves.iter().map(|pair| match from {
            Dtype::F16 => f16::from_le_bytes(*pair).to_f32(),
            _ => bf16::from_le_bytes(*pair).to_f32(),
        });
        let values: &mut dyn Iterator<Item = f32> =
            if single { &mut singles.iter().map(|four| f32::from_le_bytes(*four)) } else { &mut halves.into_iter() };
        for value in values {
            match to {
                Dtype::F32 => made.extend_from_slice(&value.to_le_bytes()),
                Dtype::BF16 => made.extend_from_slice(&bf16::from_f32(value).to_le_bytes()),
                _ => made.extend_from_slice(&self.half(value)?.to_le_bytes()),
            }
        }
        Ok(())
    }

    /// A number that becomes infinite would make the model useless without a word.
    fn half(&self, value: f32) -> Result<f16, Error> {
        let half = f16::from_f32(value);
        if half.is_infinite() && value.is_finite() {
            let (file, tensor) = (self.file.display().to_string(), crate::dtype::shown(&self.entry.name));
            return Err(Error::TooLarge { file, tensor, value, dtype: self.dtype });
        }
        Ok(half)
    }
}

/// Names of the plain files that are not weights.
fn others(folder: &Path, weights: &[std::path::PathBuf]) -> Result<Vec<String>, Error> {
    let failed = |cause| Error::File(Failure::io("read", folder, cause));
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        // Weights of another precision beside the safetensors would be taken for the same model.
        let is_torch = name.starts_with("pytorch_model") && name.contains(".bin");
        if path.is_file() && !weights.contains(&path) && name != layout::MANIFEST && !is_torch && !name.is_empty() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Copies a file; configuration and index of shards tell the new precision and size.
fn copy(from: &Path, to: &Path, name: &str, dtype: Dtype, total: u64) -> Result<(), Error> {
    let (source, target) = (from.join(name), to.join(name));
    let changes = name == layout::CONFIG || name == SAFETENSORS_INDEX;
    let small = fs::metadata(&source).is_ok_and(|found| found.len() <= LONGEST);
    let parsed = || -> Option<Value> { serde_json::from_slice(&fs::read(&source).ok()?).ok() };
    let Some(mut value) = (changes && small).then(parsed).flatten() else {
        return fs::copy(&source, &target).map(drop).map_err(|cause| Error::File(Failure::io("write", &target, cause)));
    };
    let long = match dtype {
        Dtype::F16 => "float16",
        Dtype::BF16 => "bfloat16",
        _ => "float32",
    };
    for key in ["torch_dtype", "dtype"] {
        if let Some(slot) = value.get_mut(key).filter(|slot| slot.is_string()) {
            *slot = json!(long);
        }
    }
    if let Some(slot) = value.get_mut("metadata").and_then(|metadata| metadata.get_mut("total_size")) {
        *slot = json!(total);
    }
    let failed = |cause| Error::File(Failure::data(format!("cannot write {}", target.display())).because(cause));
    let bytes = serde_json::to_vec_pretty(&value).map_err(failed)?;
    glossa_base::atomic::write_file(&target, &bytes).map_err(Error::File)
}

/// The model's manifest goes on: what it was made from stays, and the conversion is noted.
fn manifest(from: &Path, dtype: Dtype) -> Result<Manifest, Error> {
    if !from.join(layout::MANIFEST).is_file() {
        return Ok(Manifest::new("convert", 0, json!({"dtype": dtype.name()})));
    }
    let mut manifest = Manifest::read(from).map_err(Error::File)?;
    let record = FileRecord::of(&from.join(layout::MANIFEST), layout::MANIFEST).map_err(Error::File)?;
    manifest.inputs.push(FileRecord { path: format!("{} before conversion", layout::MANIFEST), ..record });
    if let Value::Object(summary) = &mut manifest.summary {
        summary.insert("converted_to".to_owned(), json!(dtype.name()));
    } else if manifest.summary.is_null() {
        manifest.summary = json!({"converted_to": dtype.name()});
    }
    Ok(manifest)
}
