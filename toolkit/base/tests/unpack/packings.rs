//! Single packed files.

use std::io::{self, Cursor, Read};

use glossa_base::unpack::{Packing, unpacked, without_packing};

use crate::packers::{PACKINGS, checksum, packed, text};

fn read(name: &str, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut found = Vec::new();
    unpacked(name, Cursor::new(bytes.to_vec())).read_to_end(&mut found).map(|_| found)
}

#[test]
fn what_was_packed_comes_back() {
    let long = text(1, 300_000);
    for extension in PACKINGS {
        let (left, right) = long.split_at(123_456);
        let streams = [packed(extension, left), packed(extension, right)].concat();
        for name in [format!("x.txt.{extension}"), format!("x.{}", extension.to_uppercase()), "x".to_owned()] {
            assert!(read(&name, &packed(extension, &long)).unwrap() == long, "{name}");
            assert!(read(&name, &streams).unwrap() == long, "{name}, two streams");
            assert!(read(&name, &packed(extension, b"")).unwrap().is_empty(), "{name}, nothing");
        }
        let twice = packed("gz", &packed(extension, b"text"));
        assert_eq!(read("x", &twice).unwrap(), packed(extension, b"text"), "one layer is taken off");
    }
    assert_eq!(read("x.txt", b"plain").unwrap(), b"plain");
    assert_eq!(read("x", b"").unwrap(), b"");
}

#[test]
fn names_tell_the_packing() {
    let rows = [
        ("x.txt.gz", Some(Packing::Gzip), "x.txt"),
        ("X.BZ2", Some(Packing::Bzip2), "X"),
        ("x.zst", Some(Packing::Zstd), "x"),
        ("é.xz", Some(Packing::Xz), "é"),
        ("gz", None, "gz"),
        ("x.gzip", None, "x.gzip"),
        ("", None, ""),
    ];
    for (name, packing, inner) in rows {
        assert_eq!((Packing::of_name(name), without_packing(name)), (packing, inner));
    }
}

#[test]
fn a_wrong_file_is_damage() {
    for extension in PACKINGS {
        let kind = read(&format!("x.{extension}"), b"no such file at all, and long enough").unwrap_err().kind();
        assert!(matches!(kind, io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof), "{extension}: {kind}");
    }
}

/// Files that ask for gigabytes to look back: the memory is never reserved.
#[test]
fn what_asks_for_much_memory_is_refused() {
    // Windows of 2^31 bytes, then a block of one byte, repeated.
    let zstd = [b"\x28\xb5\x2f\xfd\x00\xa8".as_slice(), &[0x03, 0x00, 0x10, b'a']].concat();
    let sum = |bytes: &[u8]| [bytes, &checksum(bytes).to_le_bytes()].concat();
    // One filter, LZMA2, with a dictionary of 4 GiB.
    let xz = [b"\xfd7zXZ\0".as_slice(), &sum(&[0, 1]), &sum(&[2, 0, 0x21, 1, 40, 0, 0, 0]), &[0; 64]].concat();
    for (name, bytes, word) in [("x.zst", zstd, "memory"), ("x.xz", xz, "mem_limit")] {
        let cause = read(name, &bytes).unwrap_err();
        assert!(cause.to_string().contains(word), "{name}: {cause}");
        assert_eq!(cause.kind(), io::ErrorKind::InvalidData);
    }
}
