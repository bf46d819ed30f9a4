//! The weight files of a model folder as others publish it: one file, or several and an index that says which
//! tensor is in which. Headers and indices are checked as a whole; no tensor is read. Tensors are found by their
//! names, never by their places.
#![deny(clippy::indexing_slicing)]

mod error;
mod header;
mod index;
mod json;

use std::path::{Path, PathBuf};

pub use self::error::Error;
pub use self::header::{TensorEntry, check_safetensors};

/// The safetensors file of a model in one piece.
pub const SAFETENSORS: &str = crate::layout::WEIGHTS;
/// The index of a model in several safetensors files.
pub const SAFETENSORS_INDEX: &str = "model.safetensors.index.json";
/// The file of `torch.save` of a model in one piece.
pub const TORCH: &str = "pytorch_model.bin";
/// The index of a model in several files of `torch.save`.
pub const TORCH_INDEX: &str = "pytorch_model.bin.index.json";

/// The weight files of a folder, all checked: `model.safetensors`, else the files of its index, else
/// `pytorch_model.bin`, else the files of that one's index. The files of an index come in the order of their
/// names, each once.
///
/// # Errors
/// A folder without any of them; an index that is none, names files outside the folder or that are not there,
/// or tensors that are not in their files, or leaves out tensors that are; a file that is refused.
pub fn weight_files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let at = |name: &str| Some(folder.join(name)).filter(|path| path.is_file());
    if let Some(path) = at(SAFETENSORS) {
        check_safetensors(&path)?;
        return Ok(vec![path]);
    }
    if let Some(path) = at(SAFETENSORS_INDEX) {
        return index::files(folder, &path);
    }
    if let Some(path) = at(TORCH) {
        crate::pickle::check_state_dict(&path)?;
        return Ok(vec![path]);
    }
    match at(TORCH_INDEX) {
        Some(path) => index::files(folder, &path),
        None => Err(Error::NoWeights {
            folder: folder.display().to_string(),
            looked_for: [SAFETENSORS, SAFETENSORS_INDEX, TORCH, TORCH_INDEX].join(", "),
        }),
    }
}
