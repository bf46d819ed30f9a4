//! Tensors of published model files: matched by name, never by position. What a file lacks, what it has
//! beyond, and what has another shape are told with their names.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use burn::module::Param;
use burn::prelude::*;
use glossa_base::{Failure, Outcome, atomic};
use safetensors::tensor::{Dtype, Metadata, TensorView};

use crate::Error;

/// A parameter that tensors of a file fill.
pub(crate) enum Slot<'a> {
    /// Rows by columns.
    Matrix(&'a mut Param<Tensor<2>>),
    /// A row of numbers.
    Vector(&'a mut Param<Tensor<1>>),
}

/// Names of tensors, stacked along the first axis where there are several, and what they fill.
pub(crate) type Slots<'a> = Vec<(Vec<String>, Slot<'a>)>;

impl Slot<'_> {
    fn shape(&self) -> Vec<usize> {
        match self {
            Slot::Matrix(param) => param.dims().to_vec(),
            Slot::Vector(param) => param.dims().to_vec(),
        }
    }

    fn fill(&mut self, values: Vec<f32>) {
        let shape = self.shape();
        match self {
            Slot::Matrix(param) => **param = filled(param, values, shape),
            Slot::Vector(param) => **param = filled(param, values, shape),
        }
    }

    fn values(&self) -> Vec<f32> {
        let data = match self {
            Slot::Matrix(param) => param.val().into_data(),
            Slot::Vector(param) => param.val().into_data(),
        };
        data.iter::<f32>().collect()
    }
}

fn filled<const D: usize>(param: &Param<Tensor<D>>, values: Vec<f32>, shape: Vec<usize>) -> Param<Tensor<D>> {
    Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), &param.val().device()))
}

/// Named tensors of a file or several.
pub trait TensorSource {
    /// What it is, for errors.
    fn place(&self) -> String;
    /// The names and shapes of all tensors.
    fn shapes(&self) -> BTreeMap<String, Vec<usize>>;
    /// The numbers of a tensor, row after row.
    ///
    /// # Errors
    /// A name that is not there, or a file that cannot be read.
    fn read(&self, name: &str) -> Outcome<Vec<f32>>;
}

/// Fills parameters. What is in the source beyond them must pass `aside`.
pub(crate) fn fill(mut slots: Slots<'_>, source: &dyn TensorSource, aside: &dyn Fn(&str) -> bool) -> Outcome<()> {
    let shapes = source.shapes();
    check(&slots, &shapes, source, aside)?;
    for (names, slot) in &mut slots {
        let mut values = Vec::with_capacity(slot.shape().iter().product());
        for name in names.iter() {
            let tensor = source.read(name)?;
            if !tensor.iter().all(|value| value.is_finite()) {
                let (path, shape) = (source.place(), shapes.get(name).cloned().unwrap_or_default());
                return Err(Error::NotFinite { path, tensor: name.clone(), shape }.into());
            }
            values.extend(tensor);
        }
        slot.fill(values);
    }
    Ok(())
}

fn check(
    slots: &Slots<'_>,
    shapes: &BTreeMap<String, Vec<usize>>,
    source: &dyn TensorSource,
    aside: &dyn Fn(&str) -> bool,
) -> Result<(), Error> {
    let (mut missing, mut wrong, mut wanted) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (names, slot) in slots {
        let mut shape = slot.shape();
        if let Some(first) = shape.first_mut() {
            *first /= names.len().max(1);
        }
        for name in names {
            wanted.insert(name.as_str());
            match shapes.get(name) {
                None => missing.push(name.clone()),
                Some(found) if *found != shape => wrong.push(format!("{name} has {found:?}, not {shape:?}")),
                Some(_) => {}
            }
        }
    }
    let beyond = |name: &&String| !wanted.contains(name.as_str()) && !aside(name);
    let unexpected: Vec<String> = shapes.keys().filter(beyond).cloned().collect();
    if missing.is_empty() && unexpected.is_empty() && wrong.is_empty() {
        return Ok(());
    }
    let few = |names: Vec<String>| shorten(names);
    Err(Error::Mismatch { path: source.place(), missing: few(missing), unexpected: few(unexpected), wrong: few(wrong) })
}

/// Fills larger parameters with smaller ones laid into them from the centre and repeated outwards; `source`
/// names the smaller tensor of each larger one, and how many maps are stacked in it, each tiled on its own.
/// What has no source keeps its values.
pub(crate) fn tile(small: &Slots<'_>, large: Slots<'_>, source: &dyn Fn(&str) -> (String, usize)) -> Result<(), Error> {
    let by_name: BTreeMap<&String, &Slot<'_>> =
        small.iter().filter_map(|(names, slot)| Some((names.first()?, slot))).collect();
    for (names, mut slot) in large {
        let (wanted, stacked) = names.first().map(|name| source(name)).unwrap_or_default();
        let Some(from) = by_name.get(&wanted) else { continue };
        let (from_shape, shape, values) = (from.shape(), slot.shape(), from.values());
        let centre = |at: usize, from: usize, to: usize| (at + from - (to - from) / 2 % from) % from;
        let filled = match (from_shape.as_slice(), shape.as_slice()) {
            ([rows, columns], [wide_rows, wide_columns]) => {
                let (part, wide_part) = (rows / stacked.max(1), wide_rows / stacked.max(1));
                let row = |row: usize| (row / wide_part * part + centre(row % wide_part, part, wide_part)) * columns;
                let whole = (0..*wide_rows).flat_map(|at| {
                    (0..*wide_columns).map(move |column| (row(at), centre(column, *columns, *wide_columns)))
                });
                whole.map(|(start, column)| values.get(start + column).copied().unwrap_or_default()).collect()
            }
            ([length], [wide]) => {
                (0..*wide).map(|at| values.get(centre(at, *length, *wide)).copied().unwrap_or_default()).collect()
            }
            _ => {
                return Err(Error::Shape { tensor: "a grown tensor", found: from_shape, wanted: format!("{shape:?}") });
            }
        };
        slot.fill(filled);
    }
    Ok(())
}

/// The first names of a long list, and how many more there are.
fn shorten(mut names: Vec<String>) -> Vec<String> {
    const SHOWN: usize = 12;
    if names.len() > SHOWN {
        let rest = names.len() - SHOWN;
        names.truncate(SHOWN);
        names.push(format!("and {rest} more"));
    }
    names
}

/// Writes parameters as a safetensors file of 32-bit numbers, whole or not at all.
///
/// # Errors
/// A file that cannot be written.
pub(crate) fn save(slots: &Slots<'_>, path: &Path) -> Outcome<()> {
    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    for (names, slot) in slots {
        let (values, mut shape) = (slot.values(), slot.shape());
        if let Some(first) = shape.first_mut() {
            *first /= names.len().max(1);
        }
        let size: usize = shape.iter().product();
        for (name, part) in names.iter().zip(values.chunks(size.max(1))) {
            let bytes = part.iter().flat_map(|value| value.to_le_bytes()).collect();
            tensors.push((name.clone(), shape.clone(), bytes));
        }
    }
    let unusable = |reason: String| Error::Weights { path: path.display().to_string(), reason };
    let views: Result<Vec<(String, TensorView<'_>)>, _> = tensors
        .iter()
        .map(|(name, shape, bytes)| Ok((name.clone(), TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
        .collect();
    let views = views.map_err(|cause: safetensors::SafeTensorError| unusable(cause.to_string()))?;
    let format = std::collections::HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let bytes = safetensors::serialize(views, Some(format)).map_err(|cause| unusable(cause.to_string()))?;
    atomic::write_file(path, &bytes)
}

/// The largest header of a safetensors file: the format's own limit.
const LARGEST_HEADER: u64 = 100_000_000;

/// The tensors of one safetensors file or of the shards of a model.
pub struct SafetensorsFiles {
    files: Vec<(PathBuf, u64, Metadata)>,
}

impl SafetensorsFiles {
    /// Reads the headers; no tensor yet.
    ///
    /// # Errors
    /// A file that is damaged, or a name in two of them.
    pub fn open(paths: &[PathBuf]) -> Outcome<Self> {
        let files = paths.iter().map(|path| header(path)).collect::<Outcome<Vec<_>>>()?;
        let mut names = BTreeSet::new();
        for (path, _, metadata) in &files {
            for name in metadata.tensors().into_keys() {
                if !names.insert(name.clone()) {
                    return Err(unusable(path, format!("the tensor {name} stands in two files")).into());
                }
            }
        }
        Ok(SafetensorsFiles { files })
    }
}

fn unusable(path: &Path, reason: String) -> Error {
    Error::Weights { path: path.display().to_string(), reason }
}

/// The path, where its tensors begin, and its header.
fn header(path: &Path) -> Outcome<(PathBuf, u64, Metadata)> {
    let failed = |cause| Failure::io("read", path, cause);
    let mut file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(|_| unusable(path, format!("{size} bytes are no safetensors file")))?;
    let length = u64::from_le_bytes(length);
    if length > LARGEST_HEADER || length > size.saturating_sub(8) {
        return Err(unusable(path, format!("a header of {length} bytes in a file of {size}")).into());
    }
    let mut bytes = Vec::with_capacity(length as usize);
    file.take(length).read_to_end(&mut bytes).map_err(failed)?;
    let metadata: Metadata =
        serde_json::from_slice(&bytes).map_err(|cause| unusable(path, format!("its header is damaged: {cause}")))?;
    let end = metadata.tensors().values().map(|info| info.data_offsets.1 as u64).max().unwrap_or_default();
    if 8 + length + end != size {
        let problem = format!("its tensors end at byte {}, the file at {size}", 8 + length + end);
        return Err(unusable(path, problem).into());
    }
    Ok((path.to_path_buf(), 8 + length, metadata))
}

impl TensorSource for SafetensorsFiles {
    fn place(&self) -> String {
        self.files.iter().map(|(path, ..)| path.display().to_string()).collect::<Vec<_>>().join(", ")
    }

    fn shapes(&self) -> BTreeMap<String, Vec<usize>> {
        let tensors = self.files.iter().flat_map(|(_, _, metadata)| metadata.tensors());
        tensors.map(|(name, info)| (name, info.shape.clone())).collect()
    }

    fn read(&self, name: &str) -> Outcome<Vec<f32>> {
        let found = self.files.iter().find_map(|(path, begin, metadata)| Some((path, begin, metadata.info(name)?)));
        let Some((path, begin, info)) = found else {
            return Err(unusable(Path::new(&self.place()), format!("no tensor {name}")).into());
        };
        let failed = |cause| Failure::io("read", path, cause);
        let mut file = File::open(path).map_err(failed)?;
        file.seek(SeekFrom::Start(begin + info.data_offsets.0 as u64)).map_err(failed)?;
        let length = info.data_offsets.1 - info.data_offsets.0;
        let mut bytes = Vec::with_capacity(length);
        file.take(length as u64).read_to_end(&mut bytes).map_err(failed)?;
        let kind = format!("{name} holds {:?}, which is no number that weights are made of", info.dtype);
        Ok(numbers(&bytes, info.dtype).ok_or_else(|| unusable(path, kind))?)
    }
}

/// Little-endian numbers as `f32`.
fn numbers(bytes: &[u8], kind: Dtype) -> Option<Vec<f32>> {
    fn each<const N: usize>(bytes: &[u8], one: impl Fn([u8; N]) -> f32) -> Vec<f32> {
        bytes.as_chunks::<N>().0.iter().map(|chunk| one(*chunk)).collect()
    }
    Some(match kind {
        Dtype::F32 => each(bytes, f32::from_le_bytes),
        Dtype::F64 => each(bytes, |chunk| f64::from_le_bytes(chunk) as f32),
        Dtype::F16 => each(bytes, |chunk| half::f16::from_le_bytes(chunk).to_f32()),
        Dtype::BF16 => each(bytes, |chunk| half::bf16::from_le_bytes(chunk).to_f32()),
        Dtype::I64 => each(bytes, |chunk| i64::from_le_bytes(chunk) as f32),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_shards_stack() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        let device = Device::flex();
        let mut matrix = Param::from_tensor(Tensor::<2>::from_floats([[1.0, 2.0], [3.0, 4.0]], &device));
        save(&vec![(vec!["q".into(), "k".into()], Slot::Matrix(&mut matrix))], &path).unwrap();
        let source = SafetensorsFiles::open(&[path]).unwrap();
        assert_eq!(source.shapes()["q"], [1, 2]);
        let mut other = Param::from_tensor(Tensor::<2>::zeros([2, 2], &device));
        fill(vec![(vec!["k".into(), "q".into()], Slot::Matrix(&mut other))], &source, &|_| false).unwrap();
        assert_eq!(other.val().into_data().try_to_vec::<f32>().unwrap(), [3.0, 4.0, 1.0, 2.0]);
        let mut three = Param::from_tensor(Tensor::<1>::zeros([3], &device));
        let failure = fill(vec![(vec!["q".into()], Slot::Vector(&mut three))], &source, &|_| false).unwrap_err();
        assert!(failure.message.contains("q has [1, 2]") && failure.message.contains("\"k\""), "{}", failure.message);
        let failure = fill(vec![(vec!["v".into()], Slot::Vector(&mut three))], &source, &|_| true).unwrap_err();
        assert!(failure.message.contains("missing [\"v\"]"), "{}", failure.message);
    }

    #[test]
    fn damaged_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        let mut vector = Param::from_tensor(Tensor::<1>::zeros([300], &Device::flex()));
        save(&vec![(vec!["x".into()], Slot::Vector(&mut vector))], &path).unwrap();
        let good = std::fs::read(&path).unwrap();
        let header = u64::from_le_bytes(good[..8].try_into().unwrap()) as usize + 8;
        let mut damaged: Vec<Vec<u8>> = [0, 4, 8, 20, header, header + 1, good.len() - 1]
            .into_iter()
            .map(|length| good[..length].to_vec())
            .collect();
        damaged.push([u64::MAX.to_le_bytes().as_slice(), &good[8..]].concat());
        damaged.push([&good, b"more".as_slice()].concat());
        for lie in ["[301]", "[18446744073709551615]", "[-1]", "[300,0]"] {
            let text = String::from_utf8_lossy(&good[8..header]).replace("[300]", lie);
            damaged.push([&(text.len() as u64).to_le_bytes(), text.as_bytes(), &good[header..]].concat());
        }
        for (index, bytes) in damaged.iter().enumerate() {
            std::fs::write(&path, bytes).unwrap();
            assert!(SafetensorsFiles::open(std::slice::from_ref(&path)).is_err(), "{index}");
        }
    }
}
