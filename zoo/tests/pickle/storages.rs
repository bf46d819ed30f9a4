//! Files of `torch.save` whose tensors and storages do not fit, and archives that torch would not write.

use std::time::{Duration, Instant};

use glossa_zoo::pickle::{TensorFile, check_state_dict};

use crate::writer::{Entry, View, dict, f32s, int, join, legacy, pickle, torch, written, zip};

fn check(bytes: &[u8], expected: &str) {
    let start = Instant::now();
    let file = written("x.pth", bytes);
    let error = check_state_dict(&file.path).unwrap_err().to_string();
    assert!(error.contains("x.pth") && error.contains(expected), "expected `{expected}`: {error}");
    assert!(start.elapsed() < Duration::from_secs(2), "{expected}");
}

fn one(view: &View, is_legacy: bool) -> Vec<u8> {
    pickle(&dict(&[("weight", view.value(is_legacy))]))
}

fn numbers() -> Vec<u8> {
    f32s(&[1.0, 2.0, 3.0, 4.0])
}

#[test]
fn views_lie_in_their_storages() {
    let whole = View::whole("FloatStorage", "0", &[2, 2]);
    let views = [
        View { offset: 1, ..whole.clone() },
        View { offset: i32::MAX, ..whole.clone() },
        View { shape: vec![2, 3], ..whole.clone() },
        View { strides: vec![4, 1], ..whole.clone() },
        View { shape: vec![i32::MAX, i32::MAX, 2, 2], strides: vec![0; 4], ..whole.clone() },
        View { shape: vec![1 << 20, 1 << 20], strides: vec![0, 0], ..whole.clone() },
        View { strides: vec![i32::MAX, i32::MAX], ..whole.clone() },
        View { shape: vec![5], strides: vec![0], ..whole.clone() },
    ];
    for view in views {
        check(&torch(&one(&view, false), &[("0", numbers())]), "does not lie in its storage of 4 elements");
    }
    let odd = [
        View { strides: vec![1], ..whole.clone() },
        View { offset: -1, ..whole.clone() },
        View { shape: vec![-2, -2], ..whole.clone() },
        View { strides: vec![-1, -1], ..whole.clone() },
        View { shape: vec![1; 17], strides: vec![1; 17], ..whole.clone() },
    ];
    for view in odd {
        check(&torch(&one(&view, false), &[("0", numbers())]), "byte ");
    }
    let vast = View { shape: vec![i32::MAX; 4], strides: vec![0; 4], ..whole };
    check(&torch(&one(&vast, false), &[("0", numbers())]), "is too large to exist");
}

#[test]
fn an_empty_tensor_of_endless_sizes_is_read_as_nothing() {
    let view = View { shape: vec![i32::MAX, 0], strides: vec![1, 1], ..View::whole("FloatStorage", "0", &[4]) };
    let file = written("x.pth", &torch(&one(&view, false), &[("0", numbers())]));
    assert!(TensorFile::open(&file.path).unwrap().read("weight").unwrap().is_empty());
}

#[test]
fn storages_are_there_and_whole() {
    let view = View::whole("FloatStorage", "0", &[2, 2]);
    let value = one(&view, false);
    check(&torch(&value, &[]), "`weight` is in the storage `0`, which the archive lacks");
    check(&torch(&value, &[("0", numbers()[..15].to_vec())]), "`weight` needs a storage of 16 bytes, `0` has 15");
    check(&torch(&value, &[("1", numbers())]), "the archive lacks");
    let outside = View { key: "../data.pkl", ..view.clone() };
    check(&torch(&one(&outside, false), &[("0", numbers())]), "the archive lacks");
    let twice = View { elements: 5, ..view.clone() };
    let twice = pickle(&dict(&[("a", view.value(false)), ("b", twice.value(false))]));
    check(&torch(&twice, &[("0", numbers())]), "`b` is in a storage that is described in two ways");
    let nested = dict(&[("b", view.value(false))]);
    let same = pickle(&dict(&[("a.b", view.value(false)), ("a", nested)]));
    check(&torch(&same, &[("0", numbers())]), "`a.b` stands in the file twice");
}

#[test]
fn archives_are_those_that_torch_writes() {
    let value = one(&View::whole("FloatStorage", "0", &[2, 2]), false);
    let with = |name: &str, bytes: &[u8]| {
        let more = Entry::stored(name, bytes);
        zip(&[Entry::stored("a/data.pkl", &value), Entry::stored("a/data/0", &numbers()), more])
    };
    assert!(check_state_dict(&written("x.pth", &with("a/version", b"3")).path).is_ok());
    check(&with("../a/x", b""), "leads out of its folder");
    check(&with("/a/x", b""), "an absolute path");
    check(&with("a/../../x", b""), "leads out of its folder");
    check(&with("b/x", b""), "has the folders `a` and `b`");
    check(&with("x", b""), "has the folders");
    check(&with("a/data/0", &numbers()), "duplicate");
    check(&with("a/DATA/0", &numbers()), "twice");
    check(&with("a/byteorder", b"big"), "lowest byte first");
    check(&zip(&[Entry::stored("data.pkl", &value)]), "has no folder");
    check(&zip(&[Entry::stored("a/data/0", &numbers())]), "has no data.pkl");
    let other = Entry { method: 12, ..Entry::stored("a/x", b"BZh9") };
    check(&zip(&[Entry::stored("a/data.pkl", &value), other]), "packed by method 12");
    let packed = Entry { method: 99, ..Entry::stored("a/data.pkl", &value) };
    check(&zip(&[packed]), "method 99");
    check(&with("a/data.pkl2", b"")[..200], "x.pth");
    check(&torch(&join(&[&value, b"N."]), &[("0", numbers())]), "something follows the end of the pickle");
}

#[test]
fn bombs_of_deflate_are_refused() {
    let zeros = vec![0; 40 << 20];
    check(&zip(&[Entry::deflated("a/data.pkl", &zeros)]), "more than 33554432");
    let lying = Entry { size: 1000, ..Entry::deflated("a/data.pkl", &zeros) };
    check(&zip(&[lying]), "more than the 1000 bytes");
    let view = View::whole("FloatStorage", "0", &[100 << 18]);
    let storage = Entry::deflated("a/data/0", &vec![0; 100 << 20]);
    let file = written("x.pth", &zip(&[Entry::stored("a/data.pkl", &one(&view, false)), storage]));
    let error = TensorFile::open(&file.path).unwrap().read("weight").unwrap_err().to_string();
    assert!(error.contains("more than 200 times"), "{error}");
    let lying = Entry { size: u32::MAX - 1, ..Entry::deflated("a/data/0", b"abc") };
    let view = View::whole("FloatStorage", "0", &[1 << 29]);
    let file = written("x.pth", &zip(&[Entry::stored("a/data.pkl", &one(&view, false)), lying]));
    assert!(TensorFile::open(&file.path).unwrap().read("weight").is_err());
}

#[test]
fn legacy_files_are_whole() {
    let view = View::whole("FloatStorage", "0", &[2, 2]);
    let value = one(&view, true);
    let good = legacy(&value, &[("0", 4, numbers())]);
    assert!(check_state_dict(&written("x.pth", &good).path).is_ok());
    check(&legacy(&value, &[]), "`weight` is in the storage `0`, which the file lacks");
    check(&legacy(&value, &[("0", 5, numbers())]), "wants 4 elements in the storage `0`, which has 5");
    check(&legacy(&value, &[("0", u64::MAX, numbers())]), "which has 18446744073709551615");
    check(&legacy(&value, &[("0", 4, numbers()[..15].to_vec())]), "is cut off");
    check(&legacy(&value, &[("0", 4, numbers()), ("0", 4, numbers())]), "stands in the file twice");
    check(&legacy(&value, &[("0", 4, numbers()), ("1", 4, numbers())]), "no tensor has the storage `1`");
    check(&join(&[&good, b"more"]), "4 bytes follow the last storage");
    let vast = View::whole("FloatStorage", "0", &[i32::MAX]);
    let bytes = legacy(&one(&vast, true), &[("0", i32::MAX as u64, numbers())]);
    check(&bytes, "is cut off");
    check(&good[..10], "begins neither");
    check(&pickle(&int(1)), "begins neither");
    check(b"", "begins neither");
    check(&good[..14], "byte 14");
}
