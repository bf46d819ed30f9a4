//! Pickles that would run code, fill memory or never end: each is refused as a vocabulary and within both formats
//! of `torch.save`, in less than two seconds, in little memory, and nothing of it happens.

use std::time::{Duration, Instant};

use glossa_zoo::pickle::{Error, check_state_dict, read_itos};

use crate::attacks::Refused::{self, Forbidden, Malformed, TooMuch};
use crate::attacks::{bombs, calls, misuses};
use crate::writer::{global, join, legacy, pickle, text, torch, tuple, written};

fn kind(error: &Error) -> Option<Refused> {
    Some(match error {
        Error::Forbidden { .. } => Forbidden,
        Error::Malformed { .. } => Malformed,
        Error::TooMuch { .. } => TooMuch,
        _ => return None,
    })
}

const VOCABULARY: &str = "as a vocabulary";

fn check(name: &str, refused: Refused, route: &str, read: impl FnOnce() -> Result<(), Error>) {
    let start = Instant::now();
    let result = read();
    let taken = start.elapsed();
    let Err(error) = result else { panic!("{name} was read {route}") };
    let shown = error.to_string();
    let found = kind(&error);
    // What is no list of strings needs no measuring to be refused as a vocabulary.
    let is_no_list = route == VOCABULARY && refused == TooMuch && found == Some(Malformed);
    assert!(found == Some(refused) || is_no_list, "{name} {route}: {shown}");
    assert!(shown.contains("byte ") && shown.len() < 600 && !shown.contains('\n'), "{name} {route}: {shown}");
    assert!(taken < Duration::from_secs(2), "{name} {route}: {taken:?}");
}

fn check_torch(name: &str, refused: Refused, bytes: &[u8]) {
    for (route, packed) in [("in a zip archive", torch(bytes, &[])), ("in the legacy format", legacy(bytes, &[]))] {
        let file = written("x.pth", &packed);
        check(name, refused, route, || check_state_dict(&file.path).map(drop));
    }
}

#[test]
fn every_hostile_pickle_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let canary = folder.path().join("canary");
    let cases = [calls(&canary), bombs()].concat();
    let start = Instant::now();
    for (name, refused, bytes) in &cases {
        let file = written("itos.pkl", bytes);
        check(name, *refused, VOCABULARY, || read_itos(&file.path).map(drop));
        check_torch(name, *refused, bytes);
    }
    let misused = misuses();
    misused.iter().for_each(|(name, refused, bytes)| check_torch(name, *refused, bytes));
    assert!(cases.len() + misused.len() >= 100 && !canary.exists());
    eprintln!("{} pickles refused in {:?}", cases.len() + misused.len(), start.elapsed());
}

#[test]
fn an_import_is_named() {
    let bytes = pickle(&join(&[&global("os", "system"), &tuple(&[text("true")]), b"R"]));
    let file = written("lm_best.pth", &torch(&bytes, &[]));
    let failure = glossa_base::Failure::from(check_state_dict(&file.path).unwrap_err());
    let expected = "lm_best.pth: archive/data.pkl: byte 2: the pickle imports `os.system`; nothing of it was executed";
    assert!(failure.message.ends_with(expected), "{}", failure.message);
    assert!(failure.hint.unwrap().contains("do not load this file with Python"));
}
