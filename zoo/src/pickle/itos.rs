//! The vocabulary of fastai, `itos.pkl`: the strings of the ids, from zero on.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::LONGEST_PICKLE;
use super::error::{Error, Fault};
use super::machine::{Policy, run};
use super::node::{Id, Node, Pickled};

/// Most bytes of all strings together: a pickle can name one string many times.
const TEXT: usize = 64 << 20;

/// Reads a vocabulary: a list or a tuple of strings, or a dictionary from the ids 0, 1, 2, ... in any order to
/// strings. Strings may stand there twice, as fastai's padding does.
///
/// # Errors
/// A file that cannot be read, is longer than [`LONGEST_PICKLE`], or holds anything else.
pub fn read_itos(path: &Path) -> Result<Vec<String>, Error> {
    let name = path.display().to_string();
    let bytes = read_whole(path, &name)?;
    vocabulary(&bytes).map_err(|fault| fault.of(&name))
}

fn read_whole(path: &Path, name: &str) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|cause| Error::reading(path, cause))?;
    file.take(LONGEST_PICKLE + 1).read_to_end(&mut bytes).map_err(|cause| Error::reading(path, cause))?;
    if bytes.len() as u64 > LONGEST_PICKLE {
        return Err(Fault::too_much(bytes.len(), format!("more than {LONGEST_PICKLE} bytes")).of(name));
    }
    Ok(bytes)
}

fn vocabulary(bytes: &[u8]) -> Result<Vec<String>, Fault> {
    let (pickled, end) = run(bytes, 0, Policy::Plain)?;
    if end != bytes.len() {
        return Err(Fault::malformed(end, "something follows the end of the pickle"));
    }
    let ids = match pickled.node(pickled.root) {
        Node::List(items) => items.clone(),
        Node::Tuple(items) => items.to_vec(),
        Node::Dict { pairs, .. } => in_order(&pickled, pairs)?,
        other => {
            let reason = format!("{} where a list of strings is wanted", other.kind());
            return Err(Fault::malformed(pickled.place(pickled.root), reason));
        }
    };
    let mut length = 0;
    ids.into_iter().map(|id| word(&pickled, id, &mut length)).collect()
}

/// The values of a dictionary by their keys, which must be the numbers from 0 on.
fn in_order(pickled: &Pickled<'_>, pairs: &[(Id, Id)]) -> Result<Vec<Id>, Fault> {
    let mut ordered: Vec<Option<Id>> = vec![None; pairs.len()];
    for (key, value) in pairs {
        let number = pickled.size(*key).and_then(|number| usize::try_from(number).ok());
        let slot = number.and_then(|number| ordered.get_mut(number)).filter(|slot| slot.is_none());
        let slot = slot.ok_or_else(|| {
            let reason = format!("keys that are not the ids 0 to {}, each once", pairs.len() - 1);
            Fault::malformed(pickled.place(*key), reason)
        })?;
        *slot = Some(*value);
    }
    Ok(ordered.into_iter().flatten().collect())
}

fn word(pickled: &Pickled<'_>, id: Id, length: &mut usize) -> Result<String, Fault> {
    let place = pickled.place(id);
    let Some(text) = pickled.text(id) else {
        return Err(Fault::malformed(place, format!("{} where a string is wanted", pickled.node(id).kind())));
    };
    *length = length.saturating_add(text.len());
    if *length > TEXT {
        return Err(Fault::too_much(place, format!("strings of more than {TEXT} bytes together")));
    }
    Ok(text.to_owned())
}
