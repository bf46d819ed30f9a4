//! Good files that are cut off or changed: a typed error or a value, never a panic.

use std::path::Path;

use glossa_zoo::pickle::{Error, TensorFile, check_state_dict, read_itos};

use crate::mutate::mutated;
use crate::writer::{View, dict, f32s, int, legacy, pickle, text, torch, written};

const WORDS: &[u8] =
    b"\x80\x04\x95\x1a\0\0\0\0\0\0\0]\x94(\x8c\x05xxunk\x94\x8c\x05xxpad\x94\x8c\x02\xc3\xb1\x94h\x01e.";

fn files() -> [Vec<u8>; 2] {
    let state = |is_legacy| {
        let view = View::whole("FloatStorage", "0", &[2, 2]);
        let turned = View { strides: vec![1, 2], ..view.clone() };
        pickle(&dict(&[("weight", view.value(is_legacy)), ("turned", turned.value(is_legacy)), ("size", int(3))]))
    };
    let numbers = f32s(&[1.0, 2.0, 3.0, 4.0]);
    [torch(&state(false), &[("0", numbers.clone())]), legacy(&state(true), &[("0", 4, numbers)])]
}

/// Opens and reads whatever is there.
fn read_all(bytes: &[u8]) -> Result<usize, Error> {
    read_path(&written("x.pth", bytes).path)
}

fn read_path(path: &Path) -> Result<usize, Error> {
    let mut file = TensorFile::open(path)?;
    let names: Vec<String> = file.survey().tensors.iter().map(|tensor| tensor.name.clone()).collect();
    names.iter().map(|name| file.read(name).map(|numbers| numbers.len())).sum()
}

#[test]
fn a_cut_vocabulary_is_refused_at_every_byte() {
    let file = written("itos.pkl", WORDS);
    assert_eq!(read_itos(&file.path).unwrap(), ["xxunk", "xxpad", "ñ", "xxunk"]);
    for length in 0..WORDS.len() {
        let file = written("itos.pkl", &WORDS[..length]);
        let error = read_itos(&file.path).unwrap_err();
        assert!(matches!(&error, Error::Malformed { offset, .. } if *offset <= length as u64), "{length}: {error}");
    }
}

#[test]
fn a_cut_state_dict_is_refused_at_every_byte() {
    for bytes in files() {
        assert_eq!(read_all(&bytes).unwrap(), 8);
        for length in 0..bytes.len() {
            let error = read_all(&bytes[..length]).unwrap_err();
            assert!(error.to_string().contains("x.pth"), "{length}: {error}");
        }
    }
}

#[test]
fn no_changed_byte_is_a_panic() {
    let (mut refused, mut tried) = (0, 0);
    for at in 0..WORDS.len() {
        for value in 0..=255 {
            let mut changed = WORDS.to_vec();
            changed[at] = value;
            let file = written("itos.pkl", &changed);
            refused += usize::from(read_itos(&file.path).is_err());
            tried += 1;
        }
    }
    for bytes in files() {
        for at in 0..bytes.len() {
            for change in [0x01, 0x80, 0xff, 0x20] {
                let mut changed = bytes.clone();
                changed[at] ^= change;
                refused += usize::from(read_all(&changed).is_err());
                tried += 1;
            }
        }
    }
    assert!(refused > tried / 2, "{refused} of {tried} refused");
    eprintln!("{refused} of {tried} changed files refused");
}

#[test]
fn no_row_of_changes_is_a_panic() {
    let seeds = [files().to_vec(), vec![WORDS.to_vec()]].concat();
    let (mut refused, file) = (0, tempfile::NamedTempFile::new().unwrap());
    let tried = mutated(&seeds, |number, bytes| {
        std::fs::write(file.path(), &bytes).unwrap();
        let is_refused = if number == 2 { read_itos(file.path()).is_err() } else { read_path(file.path()).is_err() };
        refused += u64::from(is_refused);
    });
    assert!(refused > tried / 2, "{refused} of {tried} refused");
    eprintln!("{refused} of {tried} files with several changes refused");
}

#[test]
fn changed_numbers_are_found_by_the_checksum() {
    let [mut bytes, _] = files();
    let at = bytes.windows(16).position(|window| window == f32s(&[1.0, 2.0, 3.0, 4.0])).unwrap();
    bytes[at + 3] ^= 1;
    let file = written("x.pth", &bytes);
    assert!(check_state_dict(&file.path).is_ok());
    let error = read_all(&bytes).unwrap_err();
    assert!(matches!(error, Error::Archive(_)) && error.to_string().contains("checksum"), "{error}");
}

#[test]
fn a_missing_file_is_named() {
    let file = written("x.pth", &text("x"));
    let path = file.path.with_file_name("y.pth");
    for error in [read_itos(&path).unwrap_err(), check_state_dict(&path).unwrap_err()] {
        assert!(error.to_string().contains("cannot read") && error.to_string().contains("y.pth"));
    }
}
