//! What is in a file of `torch.save`, before any number of it is read.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::error::Error;
use super::node::{Node, Pickled};
use super::value::{Value, tree};
use super::{legacy, zipped};
use crate::dtype::{Dtype, elements};

/// How `torch.save` wrote the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A zip archive with `data.pkl`, since torch 1.6.
    Zip,
    /// Pickles and numbers after each other.
    Legacy,
}

/// A tensor of a file: a view of one of its storages, which holds all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TorchTensor {
    /// The keys that lead to it, with dots between them, such as `model.0.encoder.weight`; unique in the file.
    pub name: String,
    /// Its elements.
    pub dtype: Dtype,
    /// Its sizes.
    pub shape: Vec<u64>,
    /// Elements of the storage between neighbours, by dimension.
    pub strides: Vec<u64>,
    /// Its first element in the storage.
    pub offset: u64,
    /// The key of the storage; several tensors may share one.
    pub storage: String,
}

impl TorchTensor {
    /// How many elements it has.
    pub fn elements(&self) -> u64 {
        elements(&self.shape).unwrap_or(0)
    }

    /// Whether its elements lie next to each other in the order of its sizes, the last one fastest.
    pub fn is_contiguous(&self) -> bool {
        let mut expected = 1_u64;
        self.shape.iter().zip(&self.strides).rev().all(|(size, stride)| {
            let fits = *size == 1 || *stride == expected;
            expected = expected.saturating_mul(*size);
            fits
        })
    }
}

/// What a file of `torch.save` holds: tensors and plain values, and nothing else.
#[derive(Debug, Clone, PartialEq)]
pub struct StateDictSurvey {
    /// How it is written.
    pub format: Format,
    /// Its tensors, in the order of the file.
    pub tensors: Vec<TorchTensor>,
    /// The whole of it; tensors stand there as places in `tensors`.
    pub value: Value,
}

impl StateDictSurvey {
    /// The tensor of this name.
    pub fn tensor(&self, name: &str) -> Option<&TorchTensor> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }
}

/// Says whether a `.pth`, `.pt` or `.bin` file holds nothing but tensors and plain values, and which.
///
/// # Errors
/// A file that cannot be read or that `torch.save` did not write; one that would import, call or ask for anything
/// but what tensors need; one with tensors that its storages do not hold; one that is damaged.
pub fn check_state_dict(path: &Path) -> Result<StateDictSurvey, Error> {
    open(path).map(|(survey, _)| survey)
}

/// Where the numbers are.
#[derive(Debug)]
pub(super) enum Layout {
    /// In entries `root/data/key`.
    Zip { root: String },
    /// From a byte of the file on, by key.
    Legacy { file: File, starts: HashMap<String, u64> },
}

pub(super) fn open(path: &Path) -> Result<(StateDictSurvey, Layout), Error> {
    let failed = |cause| Error::reading(path, cause);
    let mut file = File::open(path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(Error::not_torch(path, "it is no regular file"));
    }
    let mut start = Vec::new();
    (&mut file).take(16).read_to_end(&mut start).map_err(failed)?;
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    if start.starts_with(b"PK\x03\x04") {
        zipped::open(path)
    } else if legacy::begins(&start) {
        legacy::open(path, file)
    } else {
        Err(Error::not_torch(path, "it begins neither as a zip archive nor as torch.save wrote before"))
    }
}

/// A storage that tensors refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) dtype: Dtype,
    pub(super) elements: u64,
}

impl Stored {
    pub(super) fn bytes(self) -> u64 {
        self.elements.saturating_mul(self.dtype.bytes())
    }
}

/// Everything that a pickle says.
pub(super) struct Contents {
    pub(super) survey: StateDictSurvey,
    pub(super) storages: HashMap<String, Stored>,
}

/// Tensors and values of a pickle; `file` is what errors call it.
pub(super) fn contents(file: &str, pickled: &Pickled<'_>, format: Format) -> Result<Contents, Error> {
    let (value, views) = tree(pickled).map_err(|fault| fault.of(file))?;
    let (mut tensors, mut names, mut storages) = (Vec::new(), HashSet::new(), HashMap::new());
    for (name, view) in views {
        let Node::Storage(storage) = pickled.node(view.storage) else { continue };
        let stored = Stored { dtype: storage.dtype, elements: storage.elements };
        if *storages.entry(storage.key.to_string()).or_insert(stored) != stored {
            return Err(Error::tensor(file, &name, "is in a storage that is described in two ways"));
        }
        if !names.insert(name.clone()) {
            return Err(Error::tensor(file, &name, "stands in the file twice"));
        }
        tensors.push(TorchTensor {
            name,
            dtype: storage.dtype,
            shape: view.shape.clone(),
            strides: view.strides.clone(),
            offset: view.offset,
            storage: storage.key.to_string(),
        });
    }
    Ok(Contents { survey: StateDictSurvey { format, tensors, value }, storages })
}

/// The first tensor of a storage, to be named in messages.
pub(super) fn tensor_of<'a>(tensors: &'a [TorchTensor], key: &str) -> &'a str {
    tensors.iter().find(|tensor| tensor.storage == key).map_or("", |tensor| &tensor.name)
}
