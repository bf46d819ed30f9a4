//! The zip archives of `torch.save`: one folder with `data.pkl`, and a file `data/KEY` for each storage.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use glossa_base::unpack::{self, Archive, Entry, Limits};
use zip::ZipArchive;

use super::LONGEST_PICKLE;
use super::error::{Error, Fault};
use super::machine::{Policy, run};
use super::survey::{Contents, Format, Layout, StateDictSurvey, contents, tensor_of};
use crate::dtype::shown;

/// Of files of the largest models that are saved in one.
const LIMITS: Limits = Limits { entries: 50_000, entry_bytes: 1 << 37, total_bytes: 1 << 39, ratio: 200 };

pub(super) fn open(path: &Path) -> Result<(StateDictSurvey, Layout), Error> {
    let archive = Archive::open(path, &LIMITS)?;
    check_methods(path)?;
    let mut small = HashMap::new();
    let mut sizes = HashMap::new();
    let mut root: Option<String> = None;
    for entry in archive {
        let entry = entry?;
        let (folder, name) = entry.name.split_once('/').unwrap_or(("", &entry.name));
        match &root {
            Some(root) if root != folder => {
                let reason = format!("has the folders `{}` and `{}`; torch.save makes one", shown(root), shown(folder));
                return Err(Error::not_torch(path, reason));
            }
            _ => root = Some(folder.to_owned()),
        }
        let name = name.to_owned();
        sizes.insert(name.clone(), entry.size);
        if matches!(name.as_str(), "data.pkl" | "byteorder") {
            let bytes = read_small(path, entry)?;
            small.insert(name, bytes);
        }
    }
    let root = root.filter(|root| !root.is_empty());
    let root = root.ok_or_else(|| Error::not_torch(path, "has no folder, as torch.save makes one"))?;
    if small.get("byteorder").is_some_and(|order| order != b"little") {
        return Err(Error::not_torch(path, "its numbers are not written lowest byte first"));
    }
    let bytes = small.get("data.pkl").ok_or_else(|| Error::not_torch(path, "has no data.pkl in its folder"))?;
    let file = format!("{}: {root}/data.pkl", path.display());
    let (pickled, end) = run(bytes, 0, Policy::Torch).map_err(|fault| fault.of(&file))?;
    if end != bytes.len() {
        return Err(Fault::malformed(end, "something follows the end of the pickle").of(&file));
    }
    let found = contents(&file, &pickled, Format::Zip)?;
    check_storages(path, &found, &sizes)?;
    Ok((found.survey, Layout::Zip { root }))
}

/// torch knows entries that are stored or deflated; base knows more.
fn check_methods(path: &Path) -> Result<(), Error> {
    let file = File::open(path).map_err(|cause| Error::reading(path, cause))?;
    let unreadable = |cause| Error::not_torch(path, format!("no readable zip archive: {cause}"));
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(unreadable)?;
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(unreadable)?;
        #[expect(deprecated, reason = "which named methods there are depends on the features that others enable")]
        let method = entry.compression().to_u16();
        if !matches!(method, 0 | 8) {
            return Err(Error::not_torch(path, format!("has an entry packed by method {method}, torch knows 0 and 8")));
        }
    }
    Ok(())
}

fn read_small(path: &Path, entry: Entry) -> Result<Vec<u8>, Error> {
    if entry.size > LONGEST_PICKLE {
        let file = format!("{}: {}", path.display(), entry.name);
        return Err(Fault::too_much(0, format!("{} bytes, more than {LONGEST_PICKLE}", entry.size)).of(&file));
    }
    let mut bytes = Vec::new();
    let mut bounded = entry.take(LONGEST_PICKLE + 1);
    bounded.read_to_end(&mut bytes).map_err(|cause| reading(path, cause))?;
    Ok(bytes)
}

/// What a failed read of an entry means.
pub(super) fn reading(path: &Path, cause: std::io::Error) -> Error {
    match unpack::Error::from_io(cause) {
        Ok(error) => Error::Archive(error),
        Err(cause) => Error::reading(path, cause),
    }
}

fn check_storages(path: &Path, found: &Contents, sizes: &HashMap<String, u64>) -> Result<(), Error> {
    let file = path.display().to_string();
    for (key, stored) in &found.storages {
        let wanted = stored.bytes();
        let reason = match sizes.get(&format!("data/{key}")) {
            Some(size) if *size >= wanted => continue,
            Some(size) => format!("needs a storage of {wanted} bytes, `{}` has {size}", shown(key)),
            None => format!("is in the storage `{}`, which the archive lacks", shown(key)),
        };
        return Err(Error::tensor(&file, tensor_of(&found.survey.tensors, key), reason));
    }
    Ok(())
}

/// The bytes of a storage.
pub(super) fn storage(path: &Path, root: &str, key: &str) -> Result<Option<Entry>, Error> {
    let wanted = format!("{root}/data/{key}");
    for entry in Archive::open(path, &LIMITS)? {
        let entry = entry?;
        if entry.name == wanted {
            return Ok(Some(entry));
        }
    }
    Ok(None)
}
