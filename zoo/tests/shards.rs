//! Headers of safetensors and indices of shards: good ones are read, and what lies is refused with its file and
//! tensor named, before a tensor is loaded.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

#[path = "pickle/writer.rs"]
mod writer;

use std::path::Path;
use std::time::{Duration, Instant};

use glossa_zoo::Dtype;
use glossa_zoo::shards::{Error, check_safetensors, weight_files};
use writer::{View, dict, f32s, int, pickle, torch, written};

/// A file with this header and so many bytes of numbers.
fn file(header: &str, numbers: usize) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![1; numbers]].concat()
}

fn tensor(name: &str, dtype: &str, shape: &str, begin: u64, end: u64) -> String {
    format!(r#""{name}":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{begin},{end}]}}"#)
}

fn header(tensors: &[String]) -> String {
    format!("{{{}}}", tensors.join(","))
}

#[test]
fn good_headers_are_read_in_the_order_of_their_bytes() {
    let tensors = [
        r#""__metadata__":{"format":"pt"}"#.to_owned(),
        tensor("b", "F16", "[3]", 8, 14),
        tensor("a", "F32", "[1,2]", 0, 8),
        tensor("none", "I64", "[0,5]", 14, 14),
        tensor("scalar", "BF16", "[]", 14, 16),
    ];
    let padded = format!("{}   ", header(&tensors));
    let from = 8 + padded.len() as u64;
    let written = written("model.safetensors", &file(&padded, 16));
    let found = check_safetensors(&written.path).unwrap();
    let shown: Vec<_> =
        found.iter().map(|one| (one.name.as_str(), one.dtype, one.begin - from, one.end - from)).collect();
    let expected = [
        ("a", Dtype::F32, 0, 8),
        ("b", Dtype::F16, 8, 14),
        ("none", Dtype::I64, 14, 14),
        ("scalar", Dtype::BF16, 14, 16),
    ];
    assert_eq!(shown, expected);
    assert_eq!(found[2].shape, [0, 5]);
    let empty = writer::written("model.safetensors", &file("{}", 0));
    assert!(check_safetensors(&empty.path).unwrap().is_empty());
}

fn check(bytes: &[u8], expected: &str) {
    let start = Instant::now();
    let written = written("model.safetensors", bytes);
    let error = check_safetensors(&written.path).unwrap_err().to_string();
    assert!(error.contains("model.safetensors: ") && error.contains(expected), "expected `{expected}`: {error}");
    assert!(error.len() < 600 && start.elapsed() < Duration::from_secs(2), "{expected}");
}

#[test]
fn headers_that_lie_are_refused() {
    let one = |dtype: &str, shape: &str, begin, end| file(&header(&[tensor("w", dtype, shape, begin, end)]), 8);
    let two = |first: (u64, u64), second: (u64, u64)| {
        let tensors = [tensor("a", "U8", "[4]", first.0, first.1), tensor("b", "U8", "[4]", second.0, second.1)];
        file(&header(&tensors), 8)
    };
    let max = u64::MAX;
    let cases = [
        (one("F32", "[2]", 0, 9), "`w` of F32 and shape [2] does not fill the bytes 0 to 9"),
        (one("F32", "[3]", 0, 8), "does not fill"),
        (one("F32", "[2]", 8, 0), "does not fill"),
        (one("F32", "[2]", max, 7), "does not fill"),
        (one("F32", "[4294967296,4294967296,2]", 0, 8), "does not fill"),
        (one("F64", "[2305843009213693952]", 0, 0), "does not fill"),
        (one("F32", "[4]", 0, 16), "`w` ends at byte 16 of the numbers, the file has 8"),
        (one("U8", "[18446744073709551615]", 0, max), "`w` ends at byte"),
        (one("F32", "[1]", 4, 8), "`w` begins at byte 4 of the numbers, the one before ends at 0"),
        (one("F32", "[1]", 0, 4), "4 bytes belong to no tensor"),
        (one("F4", "[2]", 0, 8), "elements of `F4`, which is not known"),
        (one(&"F".repeat(1000), "[2]", 0, 8), "more than 16 letters"),
        (one("F32", "[-2]", 0, 8), "`w`: invalid value"),
        (one("F32", "[2.0]", 0, 8), "`w`: invalid type"),
        (one("F32", "[1e3]", 0, 8), "`w`: invalid type"),
        (one("F32", "[99999999999999999999]", 0, 8), "`w`: "),
        (one("F32", "2", 0, 8), "`w`: invalid type"),
        (one("F32", &format!("[{}1]", "1,".repeat(1_000_000)), 0, 8), "more than 16 numbers"),
        (two((0, 4), (3, 7)), "`b` begins at byte 3"),
        (two((0, 4), (0, 4)), "begins at byte 0 of the numbers, the one before ends at 4"),
        (two((0, 4), (5, 9)), "`b` begins at byte 5"),
        (file(&header(&[tensor("a", "U8", "[4]", 0, 4), tensor("a", "U8", "[4]", 4, 8)]), 8), "`a` stands there twice"),
        (file(r#"{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}}"#, 1), "`w`: "),
        (file(r#"{"w":{"dtype":"U8","shape":[1]}}"#, 1), "missing field"),
        (file(r#"{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"run":"x"}}"#, 1), "unknown field"),
        (file(r#"{"w":[1]}"#, 1), "`w`: "),
        (file(r#"{"__metadata__":{"a":1}}"#, 0), "`__metadata__`: "),
        (file(r#"{"__metadata__":{"a":"b","a":"c"}}"#, 0), "`a` stands there twice"),
        (file(&format!(r#"{{"{}":1}}"#, "n".repeat(5000)), 0), "more than 4096 bytes"),
        (file("[]", 0), "no JSON object"),
        (file(" {}", 0), "no JSON object"),
        (file("", 0), "no JSON object"),
        (file("{\"w\":", 0), "the header: "),
        (file("{}{}", 0), "the header: "),
        (file(&"{\"a\":".repeat(100_000), 0), "the header: "),
        (file("{\"\\ud800\":1}", 0), "the header: "),
        ([&5_u64.to_le_bytes()[..], b"{}"].concat(), "a header of 5 bytes is announced in a file of 10"),
        ([&max.to_le_bytes()[..], b"{}"].concat(), "is announced"),
        ([&100_000_001_u64.to_le_bytes()[..], b"{}"].concat(), "is announced"),
        (b"PK\x03\x04".to_vec(), "it has 4 bytes and no header"),
        (Vec::new(), "it has 0 bytes and no header"),
    ];
    for (bytes, expected) in cases {
        check(&bytes, expected);
    }
    let invalid = file("{}", 0).into_iter().chain([0]).collect::<Vec<u8>>();
    check(&invalid, "1 bytes belong to no tensor");
    let many: Vec<String> =
        (0..210_000).map(|number| tensor(&number.to_string(), "U8", "[]", number, number + 1)).collect();
    check(&file(&header(&many), 210_000), "more than 200000 entries");
}

#[test]
fn a_cut_file_is_refused_at_every_byte() {
    let whole = file(&header(&[tensor("a", "F32", "[1]", 0, 4), tensor("b", "U8", "[2]", 4, 6)]), 6);
    for length in 0..whole.len() {
        let written = written("model.safetensors", &whole[..length]);
        assert!(check_safetensors(&written.path).is_err(), "{length}");
    }
    for at in 0..whole.len() {
        for change in [0x01, 0x02, 0x20, 0x80, 0xff] {
            let mut changed = whole.clone();
            changed[at] ^= change;
            // Whatever it says, it ends.
            let _ = check_safetensors(&written("model.safetensors", &changed).path);
        }
    }
}

/// A folder with these files.
fn folder(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    files.iter().for_each(|(name, bytes)| std::fs::write(folder.path().join(name), bytes).unwrap());
    folder
}

fn shard(names: &[&str]) -> Vec<u8> {
    let place = |at: usize| (4 * at as u64, 4 * at as u64 + 4);
    let tensors: Vec<String> =
        names.iter().enumerate().map(|(at, name)| tensor(name, "F32", "[1]", place(at).0, place(at).1)).collect();
    file(&header(&tensors), 4 * names.len())
}

fn torch_shard(name: &str) -> Vec<u8> {
    let view = View::whole("FloatStorage", "0", &[1]);
    torch(&pickle(&dict(&[(name, view.value(false)), ("step", int(1))])), &[("0", f32s(&[1.0]))])
}

fn names(folder: &Path) -> Result<Vec<String>, Error> {
    let files = weight_files(folder)?;
    Ok(files.iter().map(|path| path.strip_prefix(folder).unwrap().to_string_lossy().into_owned()).collect())
}

#[test]
fn weights_are_found_by_their_names() {
    let index =
        br#"{"metadata":{"total_size":12},"weight_map":{"c":"2.safetensors","a":"1.safetensors","b":"1.safetensors"}}"#;
    let torch_index = br#"{"weight_map":{"a":"1.bin","b":"2.bin"}}"#;
    let shards = [
        ("model.safetensors.index.json", index.to_vec()),
        ("1.safetensors", shard(&["a", "b"])),
        ("2.safetensors", shard(&["c"])),
    ];
    let torch_shards = [
        ("pytorch_model.bin.index.json", torch_index.to_vec()),
        ("1.bin", torch_shard("a")),
        ("2.bin", torch_shard("b")),
    ];
    let one = [("model.safetensors", shard(&["a"]))];
    let torch_one = [("pytorch_model.bin", torch_shard("a"))];
    let cases: [(Vec<_>, &[&str]); 5] = [
        (one.to_vec(), &["model.safetensors"]),
        (shards.to_vec(), &["1.safetensors", "2.safetensors"]),
        (torch_one.to_vec(), &["pytorch_model.bin"]),
        (torch_shards.to_vec(), &["1.bin", "2.bin"]),
        ([&shards[..], &torch_shards, &torch_one, &one].concat(), &["model.safetensors"]),
    ];
    for (files, expected) in cases {
        assert_eq!(names(folder(&files).path()).unwrap(), expected);
    }
}

#[test]
fn a_folder_without_weights_says_what_was_looked_for() {
    let empty = folder(&[("config.json", b"{}".to_vec())]);
    let failure = glossa_base::Failure::from(names(empty.path()).unwrap_err());
    let expected = "no weights; looked for model.safetensors, model.safetensors.index.json, pytorch_model.bin, \
                    pytorch_model.bin.index.json";
    assert!(failure.message.ends_with(expected), "{}", failure.message);
}

#[test]
fn an_index_that_lies_is_refused() {
    let cases = [
        (r#"{"weight_map":{"a":"1.safetensors"}}"#, "elsewhere or not at all: b"),
        (
            r#"{"weight_map":{"a":"1.safetensors","b":"1.safetensors","x":"1.safetensors"}}"#,
            "1.safetensors lacks tensors: x",
        ),
        (r#"{"weight_map":{"a":"1.safetensors","b":"2.safetensors"}}"#, "1.safetensors has tensors"),
        (r#"{"weight_map":{"a":"1.safetensors","a":"1.safetensors"}}"#, "`a` stands there twice"),
        (r#"{"weight_map":{"a":"3.safetensors"}}"#, "names 3.safetensors, which is not there"),
        (r#"{"weight_map":{"a":"../1.safetensors"}}"#, "no file of the folder"),
        (r#"{"weight_map":{"a":"/etc/passwd"}}"#, "no file of the folder"),
        (r#"{"weight_map":{"a":"a/../1.safetensors"}}"#, "no file of the folder"),
        (r#"{"weight_map":{"a":"C:1.safetensors"}}"#, "no file of the folder"),
        (r#"{"weight_map":{"a":"..\\1.safetensors"}}"#, "no file of the folder"),
        (r#"{"weight_map":{"a":".."}}"#, "no file of the folder"),
        (r#"{"weight_map":{"a":""}}"#, "no file of the folder"),
        (r#"{"weight_map":{"a":"folder"}}"#, "names folder, which is not there"),
        (r#"{"weight_map":{"a":7}}"#, "no index of weights: `a`"),
        (r#"{"weight_map":{}}"#, "names no tensor"),
        (r#"{"weight_map":[]}"#, "no index of weights"),
        (r#"{}"#, "missing field"),
        (r#""#, "no index of weights"),
        (
            r#"{"metadata":{"total_size":9},"weight_map":{"a":"1.safetensors","b":"1.safetensors"}}"#,
            "states 9 bytes in all, the files have 8",
        ),
        (r#"{"metadata":{"total_size":-8},"weight_map":{"a":"1.safetensors","b":"1.safetensors"}}"#, "states -8 bytes"),
    ];
    for (index, expected) in cases {
        let index = ("model.safetensors.index.json", index.as_bytes().to_vec());
        let folder = folder(&[index, ("1.safetensors", shard(&["a", "b"])), ("2.safetensors", shard(&["b"]))]);
        std::fs::create_dir(folder.path().join("folder")).unwrap();
        let error = names(folder.path()).unwrap_err().to_string();
        assert!(error.contains("index.json: ") && error.contains(expected), "expected `{expected}`: {error}");
    }
    let twice = br#"{"weight_map":{"a":"1.safetensors","b":"2.safetensors"}}"#.to_vec();
    let files = [
        ("model.safetensors.index.json", twice),
        ("1.safetensors", shard(&["a", "b"])),
        ("2.safetensors", shard(&["b"])),
    ];
    let error = names(folder(&files).path()).unwrap_err();
    assert!(
        matches!(&error, Error::Names { shard, tensors, .. } if shard == "1.safetensors" && tensors == "b"),
        "{error}"
    );
    let hostile = [("pytorch_model.bin", torch(b"\x80\x02cos\nsystem\n.", &[]))];
    let error = names(folder(&hostile).path()).unwrap_err();
    assert!(matches!(error, Error::Torch(_)) && error.to_string().contains("os.system"), "{error}");
}
