//! Pickles without Python: the vocabularies of fastai, and the files of `torch.save`, read by a machine that
//! builds plain values only. Imports and calls are looked up in an exact list and modelled; nothing that a file
//! says is ever executed. It knows tensors as ranges of a file, not as those of a library.
#![deny(clippy::indexing_slicing)]

mod cursor;
mod error;
mod file;
mod globals;
mod itos;
mod legacy;
mod machine;
mod node;
mod survey;
mod text;
mod value;
mod zipped;

pub use self::error::Error;
pub use self::file::TensorFile;
pub use self::itos::read_itos;
pub use self::survey::{Format, StateDictSurvey, TorchTensor, check_state_dict};
pub use self::value::Value;

/// Longest pickle, in bytes, without the numbers of its tensors. That of LASER has three million.
pub const LONGEST_PICKLE: u64 = 32 << 20;
