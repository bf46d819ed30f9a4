//! Weights as safetensors: names matched, never positions; a missing, unexpected or misshapen tensor
//! is an error that lists names. Tensors are stored as PyTorch would store them.

use std::path::Path;

use burn::module::{Module, ModuleVisitor, Param};
use burn::prelude::*;
use burn::store::{ApplyResult, ModuleSnapshot, SafetensorsStore};
use glossa_base::{Failure, Outcome, atomic};

use crate::Error;

/// The largest weight file that is read: 16 GiB.
const LARGEST: u64 = 1 << 34;

/// Writes a module's tensors to a safetensors file, whole or not at all.
pub fn save<M: Module>(module: &M, path: &Path) -> Outcome<()> {
    let unusable = |reason: String| Error::Weights { path: path.display().to_string(), reason };
    let mut store =
        SafetensorsStore::from_bytes(None).skip_enum_variants(true).clear_metadata().metadata("format", "glossa-1");
    module.save_into(&mut store).map_err(|cause| unusable(cause.to_string()))?;
    let bytes = store.get_bytes().map_err(|cause| unusable(cause.to_string()))?;
    atomic::write_file(path, &bytes)
}

/// Fills a module from a safetensors file; every tensor must be there and fit.
pub fn load<M: Module>(module: &mut M, path: &Path) -> Outcome<()> {
    let result = read_into(module, path)?;
    check(path, names(&result, &|_| true), result.unused.clone(), &result)?;
    Ok(check_numbers(module, path)?)
}

/// Fills a module, where only the tensors whose name passes `wanted` must be in the file; what the
/// file has beyond is left aside.
pub fn load_part<M: Module>(module: &mut M, path: &Path, wanted: &dyn Fn(&str) -> bool) -> Outcome<()> {
    let result = read_into(module, path)?;
    check(path, names(&result, wanted), Vec::new(), &result)?;
    Ok(check_numbers(module, path)?)
}

fn read_into<M: Module>(module: &mut M, path: &Path) -> Outcome<ApplyResult> {
    let size = std::fs::metadata(path).map_err(|cause| Failure::io("read", path, cause))?.len();
    let unusable = |reason: String| Error::Weights { path: path.display().to_string(), reason };
    if size > LARGEST {
        return Err(unusable(format!("{size} bytes are more than {LARGEST}")).into());
    }
    let bytes = std::fs::read(path).map_err(|cause| Failure::io("read", path, cause))?;
    let mut store =
        SafetensorsStore::from_bytes(Some(bytes)).skip_enum_variants(true).allow_partial(true).validate(false);
    Ok(module.load_from(&mut store).map_err(|cause| unusable(cause.to_string()))?)
}

fn names(result: &ApplyResult, wanted: &dyn Fn(&str) -> bool) -> Vec<String> {
    result.missing.iter().map(|(name, _)| name.clone()).filter(|name| wanted(name)).collect()
}

fn check(path: &Path, missing: Vec<String>, unexpected: Vec<String>, result: &ApplyResult) -> Result<(), Error> {
    let wrong: Vec<String> = result.errors.iter().map(ToString::to_string).collect();
    if missing.is_empty() && unexpected.is_empty() && wrong.is_empty() {
        return Ok(());
    }
    Err(Error::Mismatch { path: path.display().to_string(), missing, unexpected, wrong })
}

/// Weights that are no numbers would answer everything with nonsense.
fn check_numbers<M: Module>(module: &M, path: &Path) -> Result<(), Error> {
    let mut search = Unsound::default();
    module.visit(&mut search);
    let path = path.display().to_string();
    search.found.map_or(Ok(()), |(tensor, shape)| Err(Error::NotFinite { path, tensor, shape }))
}

/// Looks for the first tensor with a value that is no number.
#[derive(Default)]
struct Unsound {
    place: Vec<String>,
    found: Option<(String, Vec<usize>)>,
}

impl ModuleVisitor for Unsound {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.place.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.place.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let data = param.val().into_data();
        let sound = data.as_slice::<f32>().is_ok_and(|values| values.iter().all(|value| value.is_finite()));
        if !sound && self.found.is_none() {
            self.found = Some((self.place.join("."), param.val().dims().to_vec()));
        }
    }
}
