//! Archives that want to write elsewhere, or to fill the disk. Whatever they hold, nothing outside of the folder
//! changes.

use std::collections::BTreeMap;
use std::path::Path;

use glossa_base::atomic::WholeFolder;
use glossa_base::unpack::{Error, Limits, extract};

use crate::packers::{Zipped, checksum, closed, packed, tar, tar_entry, tar_header, zip};
use crate::{entries, entries_within};

/// Names that no folder may take, and why.
const NAMES: &[(&str, &str)] = &[
    ("../x", "leads out"),
    ("a/../../x", "leads out"),
    ("a/..", "leads out"),
    ("..", "leads out"),
    ("./../x", "leads out"),
    ("/x", "absolute"),
    ("//server/share/x", "absolute"),
    ("/../x", "absolute"),
    ("C:\\x", "backslash"),
    ("C:x", "drive"),
    ("c:/x", "drive"),
    ("a/D:x", "drive"),
    ("..\\x", "backslash"),
    ("a\\..\\..\\x", "backslash"),
    ("\\\\server\\x", "backslash"),
    ("a\nb", "control character"),
    ("a\u{1b}[2Jb", "control character"),
    ("a\u{7f}", "control character"),
    ("a\u{85}b", "control character"),
    ("gpj\u{202e}exe", "control character"),
    ("a\u{2066}b", "control character"),
    ("a\u{200f}b", "control character"),
    ("a.", "ends with a dot"),
    ("a ", "ends with a dot or a space"),
    ("a./b", "ends with a dot"),
    ("...", "ends with a dot"),
    (".", "an empty name"),
    ("./", "an empty name"),
];

fn tree(folder: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let contents = if path.is_dir() { Vec::new() } else { std::fs::read(&path).unwrap() };
        found.insert(path.display().to_string(), contents);
        if path.is_dir() {
            tree(&path, found);
        }
    }
}

/// Refused when it is read and when it is extracted, by name, and without a trace.
fn check_refused(name: &str, bytes: &[u8], expected: &str) {
    let refused = entries(name, bytes).err().map(|error| error.to_string()).unwrap_or_default();
    assert!(refused.starts_with(&format!("{name}: ")) && refused.contains(expected), "{refused:?}: {expected}");
    assert!(!refused.contains(char::is_control), "{refused:?}");

    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("deep")).unwrap();
    std::fs::write(root.path().join("canary"), "untouched").unwrap();
    let path = root.path().join("deep").join(name);
    std::fs::write(&path, bytes).unwrap();
    let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
    tree(root.path(), &mut before);
    let folder = WholeFolder::create(&root.path().join("deep/out")).unwrap();
    let failure = extract(&path, &folder, &Limits::default()).unwrap_err();
    assert!(failure.chain().contains(expected), "{}", failure.chain());
    drop(folder);
    tree(root.path(), &mut after);
    assert!(before == after, "{name}: {expected}");
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for (name, expected) in NAMES {
        // What ends with a slash is a folder in both formats, and that of `./` is the folder itself.
        if !name.ends_with('/') {
            check_refused("x.tar", &closed(tar_entry(name.as_bytes(), b'0', b"evil")), expected);
            check_refused("x.zip", &zip(&[Zipped::stored(name.as_bytes(), b"evil")]), expected);
        }
        let posix = format!("{} path={name}\n", name.len() + 9);
        if name.len() < 91 && !name.contains('\n') && !name.ends_with('/') {
            let posix = if posix.len() == name.len() + 9 { posix } else { format!("{} path={name}\n", posix.len()) };
            let entries = [tar_entry(b"x", b'x', posix.as_bytes()), tar_entry(b"good", b'0', b"evil")].concat();
            check_refused("x.tar", &closed(entries), expected);
        }
        let entries = [tar_entry(b"l", b'L', name.as_bytes()), tar_entry(b"good", b'0', b"evil")].concat();
        if !name.ends_with('/') {
            check_refused("x.tar", &closed(entries), expected);
        }
    }
    // Folders are made only for files, but their names count too.
    check_refused("x.tar", &closed(tar_entry(b"../x/", b'5', b"")), "leads out");
    check_refused("x.zip", &zip(&[Zipped::stored(b"../x/", b"")]), "leads out");
    check_refused("x.tar", &closed(tar_entry(b"a\xff", b'0', b"")), "not UTF-8");
    check_refused("x.zip", &zip(&[Zipped::stored(b"a\0b", b"")]), "control character");
    let long = "n".repeat(4096);
    let entries = [tar_entry(b"l", b'L', long.as_bytes()), tar_entry(b"x", b'0', b"")].concat();
    check_refused("x.tar", &closed(entries), "more than 1024 bytes");
    check_refused("x.zip", &zip(&[Zipped::stored(long.as_bytes(), b"")]), "more than 1024 bytes");
    check_refused("x.zip", &zip(&[Zipped::stored(&long.as_bytes()[..300], b"")]), "more than 255 bytes");
}

#[test]
fn only_plain_files_are_taken() {
    let kinds = [
        (b'1', "a hard link"),
        (b'2', "a symbolic link"),
        (b'3', "a device"),
        (b'4', "a device"),
        (b'6', "a pipe"),
        (b'S', "a sparse file"),
        (b'V', "an unknown kind"),
        (b'Z', "an unknown kind"),
    ];
    for (kind, expected) in kinds {
        // First a link out of the folder, then a file through it.
        let entries = [tar_entry(b"link", kind, b""), tar_entry(b"link/x", b'0', b"evil")].concat();
        check_refused("x.tar", &closed(entries), expected);
    }
    let sparse = [tar_entry(b"x", b'x', b"22 GNU.sparse.major=1\n"), tar_entry(b"a", b'0', b"")].concat();
    check_refused("x.tar", &closed(sparse), "a sparse file");
    for (mode, expected) in [(0o120_777, "symbolic link"), (0o020_644, "neither"), (0o010_644, "neither")] {
        check_refused("x.zip", &zip(&[Zipped { mode, ..Zipped::stored(b"link", b"../x") }]), expected);
    }
    check_refused("x.zip", &zip(&[Zipped { flags: 0x801, ..Zipped::stored(b"a", b"0123456789abc") }]), "encrypted");
    check_refused("x.zip", &zip(&[Zipped { method: 9, ..Zipped::stored(b"a", b"") }]), "method 9");
}

#[test]
fn no_two_names_may_be_one() {
    let rows = [
        ("a", "a"),
        ("a", "A"),
        ("a", "./a"),
        ("x/a", "X//A"),
        ("straße", "STRASSE"),
        ("é", "É"),
        ("a", "a/b"),
        ("a/b", "a"),
        ("a/b/c", "A/B"),
    ];
    for (first, second) in rows {
        check_refused("x.tar", &tar(&[(first, b"1"), (second, b"2")]), "stands in the archive twice");
        let both = [first, second].map(|name| Zipped::stored(name.as_bytes(), b"1"));
        let refused = entries("x.zip", &zip(&both)).unwrap_err();
        let found = matches!(refused, Error::Duplicate { .. }) || refused.to_string().contains("duplicate");
        assert!(found, "{refused}");
    }
    // One folder may be named many times.
    let folders = [tar_entry(b"a/", b'5', b""), tar_entry(b"a/b", b'0', b""), tar_entry(b"A/", b'5', b"")].concat();
    assert_eq!(entries("x.tar", &closed(folders)).unwrap().len(), 1);
}

#[test]
fn zip_that_lies_is_refused() {
    let zeros = vec![0; 100_000];
    let good = || Zipped::packed("a", &zeros, 8);
    let sum = checksum(&zeros);
    check_refused("x.zip", &zip(&[good().stating(99_999, sum)]), "a: more than the 99999 bytes");
    check_refused("x.zip", &zip(&[good().stating(100_001, sum)]), "a: fewer than the 100001 bytes");
    check_refused("x.zip", &zip(&[good().stating(u32::MAX - 1, sum)]), "a: fewer than");
    check_refused("x.zip", &zip(&[good().stating(100_000, sum ^ 1)]), "a: its checksum is wrong");
    check_refused("x.zip", &zip(&[Zipped::stored(b"a", b"text").stating(5, sum)]), "a: fewer than the 5 bytes");
    // Two entries with the same contents, as in the bombs of many names for one kernel.
    let (one, two) = (Zipped::packed("a", &zeros, 8), Zipped::packed("b", &zeros, 8));
    let single = zip(&[one]);
    let contents = &single[..single.len() - 22 - 47];
    let directory = [Zipped::packed("a", &zeros, 8).central(0), two.central(0)].concat();
    let end = crate::packers::zip_end(2, directory.len() as u32, contents.len() as u32);
    check_refused("x.zip", &[contents, &directory, &end].concat(), "inconsistency");
}

#[test]
fn tar_that_lies_is_refused() {
    check_refused("x.tar", &tar_header(b"a", b'0', 1 << 30), "a: ends too early");
    check_refused("x.tar", &tar_header(b"a", b'0', 1 << 37), "ends too early");
    check_refused("x.tar", &tar_header(b"a", b'0', (1 << 38) + 1), "bytes, more than");
    check_refused("x.tar", &tar_header(b"a", b'0', u64::MAX), "bytes, more than");
    check_refused("x.tar", &tar_header(b"name", b'L', 1 << 30), "an extension of a header with 1073741824 bytes");
    check_refused(
        "x.tar",
        &closed(tar_entry(b"x", b'x', b"9999 path=x\n")),
        "an extension of a header that is damaged",
    );
    check_refused("x.tar", &[tar(&[("a", b"1")]), tar(&[("b", b"2")])].concat(), "something follows");
    // Cut off exactly between two entries: nothing says so but the missing mark of the end.
    check_refused("x.tar", &tar_entry(b"a", b'0', b"whole"), "ends too early");
    check_refused("x.tar", b"", "ends too early");
    check_refused("x.zip", b"", "no readable zip archive");
    check_refused("x.tar", &[b'a'; 2000], "checksum is wrong");
    // Headers without entries count as well.
    let many = tar_entry(b"g", b'g', b"12 comment=\n").repeat(100);
    let few = Limits { entries: 50, ..Limits::default() };
    let refused = entries_within("x.tar.gz", &packed("gz", &closed(many)), &few).unwrap_err();
    assert!(matches!(refused, Error::TooMany { limit: 50, .. }), "{refused}");
}
