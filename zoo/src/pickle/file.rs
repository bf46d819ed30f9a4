//! The numbers of tensors, one tensor at a time.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use glossa_base::nearest;

use super::error::Error;
use super::globals::span;
use super::survey::{Layout, StateDictSurvey, TorchTensor, open};
use super::zipped;
use crate::dtype::Dtype;

/// Bytes that are read at once; a multiple of every element.
const BLOCK: usize = 1 << 16;

/// A checked file of `torch.save` whose tensors can be read.
#[derive(Debug)]
pub struct TensorFile {
    path: PathBuf,
    survey: StateDictSurvey,
    layout: Layout,
}

impl TensorFile {
    /// Opens a file.
    ///
    /// # Errors
    /// As of [`super::check_state_dict`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let (survey, layout) = open(path)?;
        Ok(TensorFile { path: path.to_path_buf(), survey, layout })
    }

    /// What is in it.
    pub fn survey(&self) -> &StateDictSurvey {
        &self.survey
    }

    /// The elements of a tensor in the order of its sizes, the last one fastest, whatever its strides are. F16,
    /// BF16, F32 and F64 are read; F64 is rounded.
    ///
    /// # Errors
    /// A name that is not in the file, a tensor of other numbers, and a file that cannot be read or is damaged.
    pub fn read(&mut self, name: &str) -> Result<Vec<f32>, Error> {
        let Some(tensor) = self.survey.tensor(name) else { return Err(self.missing(name)) };
        let file = self.path.display().to_string();
        let convert = converter(tensor.dtype)
            .ok_or_else(|| Error::tensor(&file, name, format!("has elements of {}, no floats", tensor.dtype)))?;
        let wanted = span(&tensor.shape, &tensor.strides).unwrap_or(0);
        let elements = match &mut self.layout {
            Layout::Zip { root } => {
                let Some(mut entry) = zipped::storage(&self.path, root, &tensor.storage)? else {
                    return Err(Error::tensor(&file, name, "has lost its storage; did the file change?"));
                };
                let elements = Range::of(tensor, wanted).read(&mut entry, convert);
                // Read to the end, where the checksum is looked at.
                elements.and_then(|elements| io::copy(&mut entry, &mut io::sink()).map(|_| elements))
            }
            Layout::Legacy { file, starts } => {
                let start = starts.get(&tensor.storage).copied().unwrap_or(u64::MAX);
                read_legacy(file, start, tensor, wanted, convert)
            }
        };
        let elements = elements.map_err(|cause| zipped::reading(&self.path, cause))?;
        if tensor.is_contiguous() { Ok(elements) } else { Ok(gather(&elements, &tensor.shape, &tensor.strides)) }
    }

    fn missing(&self, name: &str) -> Error {
        let names: Vec<&str> = self.survey.tensors.iter().map(|tensor| tensor.name.as_str()).collect();
        let nearest = nearest::nearest(name, names).map(crate::dtype::shown);
        Error::Missing { file: self.path.display().to_string(), name: crate::dtype::shown(name), nearest }
    }
}

type Convert = fn(&[u8], &mut Vec<f32>);

fn converter(dtype: Dtype) -> Option<Convert> {
    Some(match dtype {
        Dtype::F32 => |bytes, to| to.extend(bytes.as_chunks().0.iter().map(|raw| f32::from_le_bytes(*raw))),
        Dtype::F64 => |bytes, to| to.extend(bytes.as_chunks().0.iter().map(|raw| f64::from_le_bytes(*raw) as f32)),
        Dtype::F16 => {
            |bytes, to| to.extend(bytes.as_chunks().0.iter().map(|raw| half::f16::from_le_bytes(*raw).to_f32()))
        }
        Dtype::BF16 => {
            |bytes, to| to.extend(bytes.as_chunks().0.iter().map(|raw| half::bf16::from_le_bytes(*raw).to_f32()))
        }
        _ => return None,
    })
}

fn read_legacy(
    file: &mut File,
    start: u64,
    tensor: &TorchTensor,
    wanted: u64,
    convert: Convert,
) -> io::Result<Vec<f32>> {
    let range = Range::of(tensor, wanted);
    file.seek(SeekFrom::Start(start.saturating_add(range.skipped)))?;
    Range { skipped: 0, ..range }.read(file, convert)
}

/// Bytes of a storage.
struct Range {
    skipped: u64,
    wanted: u64,
    elements: u64,
}

impl Range {
    fn of(tensor: &TorchTensor, elements: u64) -> Self {
        let bytes = tensor.dtype.bytes();
        Range { skipped: tensor.offset.saturating_mul(bytes), wanted: elements.saturating_mul(bytes), elements }
    }

    /// Room is taken as bytes come, so that a size that lies costs nothing.
    fn read(&self, input: &mut impl Read, convert: Convert) -> io::Result<Vec<f32>> {
        let skipped = io::copy(&mut input.take(self.skipped), &mut io::sink())?;
        let mut elements = Vec::with_capacity(usize::try_from(self.elements).unwrap_or(0).min(1 << 20));
        let (mut block, mut left) = (Vec::with_capacity(BLOCK), self.wanted);
        while left > 0 {
            block.clear();
            let read = input.take(left.min(BLOCK as u64)).read_to_end(&mut block)? as u64;
            if read < left.min(BLOCK as u64) || skipped < self.skipped {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            convert(&block, &mut elements);
            left -= read;
        }
        Ok(elements)
    }
}

/// The elements in the order of the sizes, from those in the order of the storage.
fn gather(elements: &[f32], shape: &[u64], strides: &[u64]) -> Vec<f32> {
    let small = |number: &u64| usize::try_from(*number).unwrap_or(0);
    let steps: Vec<(usize, usize)> = shape.iter().map(small).zip(strides.iter().map(small)).collect();
    let mut gathered = Vec::with_capacity(elements.len());
    // Without elements, the other sizes may be anything.
    if !elements.is_empty() {
        visit(elements, &steps, 0, &mut gathered);
    }
    gathered
}

fn visit(elements: &[f32], steps: &[(usize, usize)], at: usize, to: &mut Vec<f32>) {
    match steps {
        [] => to.extend(elements.get(at)),
        [(size, stride), inner @ ..] => (0..*size).for_each(|step| visit(elements, inner, at + step * stride, to)),
    }
}
