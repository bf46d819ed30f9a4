//! The header of a safetensors file: eight bytes of length, a JSON object, and the numbers, which the entries of
//! the object must cover from end to end, each byte once.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use serde::de::{Error as _, MapAccess};

use super::error::Error;
use super::json::{Entries, Ignored, Numbers, Slot};
use crate::dtype::{Dtype, elements, shown};

/// Longest header, as the format has it.
const LONGEST: u64 = 100_000_000;

/// A tensor of a safetensors file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorEntry {
    /// Its name, unique in the file.
    pub name: String,
    /// Its elements.
    pub dtype: Dtype,
    /// Its sizes.
    pub shape: Vec<u64>,
    /// Its first byte in the file.
    pub begin: u64,
    /// The byte behind its last one.
    pub end: u64,
}

/// What stands in the header under a name.
enum Written {
    Metadata,
    Tensor(Tensor),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tensor {
    dtype: String,
    shape: Numbers,
    data_offsets: [u64; 2],
}

impl Slot for Written {
    fn read<'de, A: MapAccess<'de>>(key: &str, map: &mut A) -> Result<Self, A::Error> {
        if key == "__metadata__" {
            return map.next_value::<Entries<Ignored>>().map(|_| Written::Metadata);
        }
        let tensor: Tensor = map.next_value()?;
        if tensor.dtype.len() > 16 {
            return Err(A::Error::custom("a type of elements with more than 16 letters"));
        }
        Ok(Written::Tensor(tensor))
    }
}

/// Reads and checks the header of a safetensors file. The tensors come in the order of their bytes.
///
/// # Errors
/// A file that cannot be read; a header that is longer than the file or 100 MB or no object of tensors; a name
/// that stands twice; a type of elements that is not known; bytes that are not those of the shape, overlap,
/// leave a gap, or are not those of the file.
pub fn check_safetensors(path: &Path) -> Result<Vec<TensorEntry>, Error> {
    let failed = |cause| Error::reading(path, cause);
    let refuse = |reason: String| Error::Header { file: path.display().to_string(), reason };
    let mut file = File::open(path).map_err(failed)?;
    let found = file.metadata().map_err(failed)?;
    let length = found.len();
    if !found.is_file() || length < 8 {
        return Err(refuse(format!("no safetensors file: it has {length} bytes and no header")));
    }
    let mut count = [0; 8];
    file.read_exact(&mut count).map_err(failed)?;
    let count = u64::from_le_bytes(count);
    if count > LONGEST || count > length - 8 {
        return Err(refuse(format!("a header of {count} bytes is announced in a file of {length}")));
    }
    // No more than the file has.
    let mut bytes = Vec::with_capacity(usize::try_from(count).unwrap_or(0));
    file.take(count).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.first() != Some(&b'{') || bytes.len() as u64 != count {
        return Err(refuse("the header is no JSON object".to_owned()));
    }
    let header: Entries<Written> =
        serde_json::from_slice(&bytes).map_err(|cause| refuse(format!("the header: {cause}")))?;
    drop(bytes);
    tensors(path, header, 8 + count, length)
}

fn tensors(path: &Path, header: Entries<Written>, from: u64, length: u64) -> Result<Vec<TensorEntry>, Error> {
    let file = path.display().to_string();
    let mut entries = Vec::with_capacity(header.0.len());
    for (name, slot) in header.0 {
        let Written::Tensor(Tensor { dtype, shape: Numbers(shape), data_offsets: [begin, end] }) = slot else {
            continue;
        };
        let refuse = |reason| Error::Tensor { file: file.clone(), tensor: shown(&name), reason };
        let Some(dtype) = Dtype::of_safetensors(&dtype) else {
            return Err(refuse(format!("has elements of `{}`, which is not known", shown(&dtype))));
        };
        let wanted = elements(&shape).and_then(|count| count.checked_mul(dtype.bytes()));
        if wanted.is_none() || end.checked_sub(begin) != wanted {
            return Err(refuse(format!("of {dtype} and shape {shape:?} does not fill the bytes {begin} to {end}")));
        }
        entries.push(TensorEntry { name, dtype, shape, begin, end });
    }
    entries.sort_by_key(|entry| (entry.begin, entry.end));
    let mut at = 0;
    for entry in &mut entries {
        let refuse = |reason| Error::Tensor { file: file.clone(), tensor: shown(&entry.name), reason };
        if entry.begin != at {
            return Err(refuse(format!("begins at byte {} of the numbers, the one before ends at {at}", entry.begin)));
        }
        at = entry.end;
        if at > length - from {
            return Err(refuse(format!("ends at byte {at} of the numbers, the file has {}: cut off?", length - from)));
        }
        (entry.begin, entry.end) = (entry.begin + from, entry.end + from);
    }
    if at != length - from {
        return Err(Error::Header { file, reason: format!("{} bytes belong to no tensor", length - from - at) });
    }
    Ok(entries)
}
