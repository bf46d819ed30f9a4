//! What `torch.save` wrote before it made zip archives: a magic number, a protocol, facts of the machine, the
//! value, the keys of the storages, each a pickle, and then the numbers.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::LONGEST_PICKLE;
use super::error::{Error, Fault};
use super::machine::{Policy, run};
use super::node::{Node, Pickled};
use super::survey::{Contents, Format, Layout, StateDictSurvey, Stored, contents, tensor_of};
use super::value::tree;
use crate::dtype::shown;

const MAGIC: i128 = 0x1950_a86a_20f9_469c_fc6c;
const PROTOCOL: i128 = 1001;

/// Whether a file begins with the magic number, in protocol 2 or later.
pub(super) fn begins(start: &[u8]) -> bool {
    let magic = MAGIC.to_le_bytes();
    let number = start.get(1..).unwrap_or_default().get(1..).unwrap_or_default();
    let number = number.strip_prefix(b"\x8a\x0a").unwrap_or_default();
    start.first() == Some(&0x80) && magic.get(..10).is_some_and(|magic| number.starts_with(magic))
}

pub(super) fn open(path: &Path, mut file: File) -> Result<(StateDictSurvey, Layout), Error> {
    let failed = |cause| Error::reading(path, cause);
    let length = file.metadata().map_err(failed)?.len();
    let mut bytes = Vec::new();
    (&mut file).take(LONGEST_PICKLE).read_to_end(&mut bytes).map_err(failed)?;
    let name = path.display().to_string();
    let after = |fault: Fault| fault.of(&name);
    let at = check_head(&bytes).map_err(after)?;
    let (pickled, at) = run(&bytes, at, Policy::Torch).map_err(after)?;
    let found = contents(&name, &pickled, Format::Legacy)?;
    drop(pickled);
    let (pickled, end) = run(&bytes, at, Policy::Plain).map_err(after)?;
    let keys = keys(&pickled).ok_or_else(|| Fault::malformed(at, "keys of storages are wanted").of(&name))?;
    drop(pickled);
    drop(bytes);
    let starts = find_storages(path, &mut file, end as u64, length, &keys, &found)?;
    Ok((found.survey, Layout::Legacy { file, starts }))
}

/// Checks what comes before the value; gives where that begins.
fn check_head(bytes: &[u8]) -> Result<usize, Fault> {
    let is_int =
        |pickled: &Pickled<'_>, wanted| matches!(pickled.node(pickled.root), Node::Int(found) if *found == wanted);
    let (pickled, at) = run(bytes, 0, Policy::Plain)?;
    if !is_int(&pickled, MAGIC) {
        return Err(Fault::malformed(0, "not the magic number of torch.save"));
    }
    let (pickled, next) = run(bytes, at, Policy::Plain)?;
    if !is_int(&pickled, PROTOCOL) {
        return Err(Fault::malformed(at, "not the protocol 1001 of torch.save"));
    }
    let (pickled, end) = run(bytes, next, Policy::Plain)?;
    let (facts, _) = tree(&pickled)?;
    if facts.get("little_endian").and_then(|value| value.as_bool()) != Some(true) {
        return Err(Fault::malformed(next, "numbers that are not written lowest byte first"));
    }
    Ok(end)
}

/// A list of strings.
fn keys(pickled: &Pickled<'_>) -> Option<Vec<String>> {
    let Node::List(items) = pickled.node(pickled.root) else { return None };
    items.iter().map(|item| pickled.text(*item).filter(|key| key.len() <= 256).map(str::to_owned)).collect()
}

/// Where each storage begins, behind its own count of elements.
fn find_storages(
    path: &Path,
    file: &mut File,
    from: u64,
    length: u64,
    keys: &[String],
    found: &Contents,
) -> Result<HashMap<String, u64>, Error> {
    let name = path.display().to_string();
    let (mut starts, mut at) = (HashMap::new(), from);
    for key in keys {
        let refuse = |reason: String| Error::tensor(&name, tensor_of(&found.survey.tensors, key), reason);
        let place = format!("the storage `{}`", shown(key));
        let stored = found.storages.get(key).ok_or_else(|| Error::not_torch(path, format!("no tensor has {place}")))?;
        let count = read_count(path, file, at)?;
        if count != stored.elements {
            return Err(refuse(format!("wants {} elements in {place}, which has {count}", stored.elements)));
        }
        let start = at.saturating_add(8);
        at = start.saturating_add(Stored::bytes(*stored));
        if at > length {
            return Err(refuse(format!("is cut off: {place} would end at byte {at} of {length}")));
        }
        if starts.insert(key.clone(), start).is_some() {
            return Err(refuse(format!("is in {place}, which stands in the file twice")));
        }
    }
    if at != length {
        return Err(Error::not_torch(path, format!("{} bytes follow the last storage", length.saturating_sub(at))));
    }
    match found.storages.keys().find(|key| !starts.contains_key(*key)) {
        Some(key) => {
            let tensor = tensor_of(&found.survey.tensors, key);
            Err(Error::tensor(&name, tensor, format!("is in the storage `{}`, which the file lacks", shown(key))))
        }
        None => Ok(starts),
    }
}

fn read_count(path: &Path, file: &mut File, at: u64) -> Result<u64, Error> {
    let mut count = [0; 8];
    file.seek(SeekFrom::Start(at)).map_err(|cause| Error::reading(path, cause))?;
    match file.read_exact(&mut count) {
        Ok(()) => Ok(u64::from_le_bytes(count)),
        Err(cause) if cause.kind() == std::io::ErrorKind::UnexpectedEof => {
            Err(Error::not_torch(path, format!("ends at byte {at}, where a storage is wanted")))
        }
        Err(cause) => Err(Error::reading(path, cause)),
    }
}
