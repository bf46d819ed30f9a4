//! Archives as they should be.

use std::io::{Cursor, Write};

use glossa_base::atomic::WholeFolder;
use glossa_base::hash;
use glossa_base::unpack::{Archive, Limits, extract, is_archive};

use crate::packers::{PACKINGS, Zipped, closed, packed, tar, tar_entry, text, zip};
use crate::{entries, entries_within};

fn names(found: &[(String, Vec<u8>)]) -> Vec<&str> {
    found.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn tar_gives_its_own_order() {
    let (long, empty) = (text(1, 5000), Vec::new());
    let archive = tar(&[("b.txt", &long), ("./a/c.txt", b"c"), ("a//d.txt", &empty)]);
    let mut names = vec!["x.tar".to_owned(), "x".to_owned(), "x.tgz".to_owned()];
    names.extend(PACKINGS.map(|extension| format!("x.tar.{extension}")));
    for name in names {
        let extension = name.rsplit('.').next().unwrap().replace("tgz", "gz");
        let bytes = if PACKINGS.contains(&&*extension) { packed(&extension, &archive) } else { archive.clone() };
        let found = entries(&name, &bytes).unwrap();
        let expected = [("b.txt", &long), ("a/c.txt", &b"c".to_vec()), ("a/d.txt", &empty)];
        assert!(found == expected.map(|(name, contents)| (name.to_owned(), contents.clone())), "{name}");
    }
}

#[test]
fn tar_of_other_programs() {
    let long = format!("{}/{}.txt", "folder".repeat(20), "n".repeat(200));
    // A folder, its old form, the long name of GNU, what POSIX says, and a comment on all of it.
    let posix = |key: &str, value: &str| {
        let length = key.len() + value.len() + 5;
        format!("{} {key}={value}\n", if length < 100 { length } else { length + 1 }).into_bytes()
    };
    let parts = [
        tar_entry(b"pax_global_header", b'g', &posix("comment", "anything")),
        tar_entry(b"folder/", b'5', b""),
        tar_entry(b"old/", b'0', b""),
        tar_entry(b"././@LongLink", b'L', format!("{long}\0").as_bytes()),
        tar_entry(b"cut", b'0', b"one"),
        tar_entry(b"PaxHeaders/x", b'x', &posix("path", "posix/ä.txt")),
        tar_entry(b"posix", b'0', b"two"),
        tar_entry(b"seven", b'7', b"three"),
    ];
    let found = entries("x.tar", &closed(parts.concat())).unwrap();
    assert_eq!(names(&found), [long.as_str(), "posix/ä.txt", "seven"]);
    assert_eq!(found[1].1, b"two");

    let mut builder = ::tar::Builder::new(Vec::new());
    for name in ["short", long.as_str()] {
        let mut header = ::tar::Header::new_ustar();
        header.set_size(4);
        header.set_mode(0o755);
        builder.append_data(&mut header, name, b"text".as_slice()).unwrap();
    }
    assert_eq!(names(&entries("x.tar", &builder.into_inner().unwrap()).unwrap()), ["short", long.as_str()]);
}

#[test]
fn zip_is_sorted_by_name() {
    let long = text(2, 200_000);
    let methods = [("z", 0), ("b/deflate", 8), ("b/bzip2", 12), ("a", 93), ("ö", 95)];
    let made: Vec<Zipped> = methods.iter().map(|(name, method)| Zipped::packed(name, &long, *method)).collect();
    let folder = Zipped { mode: 0o040_755, ..Zipped::stored(b"b/", b"") };
    let bytes = zip(&made.into_iter().chain([folder]).collect::<Vec<_>>());
    let found = entries("x.zip", &bytes).unwrap();
    assert_eq!(names(&found), ["a", "b/bzip2", "b/deflate", "z", "ö"]);
    assert!(found.iter().all(|(_, contents)| *contents == long));
    assert_eq!(entries("without-a-name", &bytes).unwrap().len(), 5);
    assert!(entries("x.zip", &zip(&[])).unwrap().is_empty());
}

/// As programs write it that do not know sizes beforehand, with sizes after the contents.
#[test]
fn zip_that_was_written_as_a_stream() {
    let mut writer = ::zip::ZipWriter::new_stream(Vec::new());
    let options = ::zip::write::SimpleFileOptions::default();
    for name in ["b.txt", "a.txt"] {
        writer.start_file(name, options.compression_method(::zip::CompressionMethod::Deflated)).unwrap();
        writer.write_all(name.as_bytes()).unwrap();
    }
    let bytes = writer.finish().unwrap().into_inner();
    let found = entries("x.zip", &bytes).unwrap();
    assert_eq!(found, ["a.txt", "b.txt"].map(|name| (name.to_owned(), name.as_bytes().to_vec())));
}

#[test]
fn entries_may_be_left_unread_and_may_be_packed() {
    let long = text(3, 100_000);
    for extension in PACKINGS {
        let inner = packed(extension, &long);
        let name = format!("a.txt.{extension}");
        let as_zip = zip(&[Zipped::stored(name.as_bytes(), &inner), Zipped::stored(b"b", b"b")]);
        for bytes in [tar(&[(&name, &inner), ("b", b"b")]), as_zip] {
            let mut archive = Archive::new("x", Cursor::new(bytes), &Limits::default()).unwrap();
            let contents = std::io::read_to_string(archive.next().unwrap().unwrap().unpacked()).unwrap();
            assert!(contents.as_bytes() == long, "{extension}");
            assert_eq!(archive.next().unwrap().unwrap().name, "b");
            assert!(archive.next().is_none());
        }
    }
}

#[test]
fn names_of_archives() {
    for name in ["a.zip", "a.tar", "a.TAR.GZ", "a.tgz", "a.tar.zst", "a.tbz2", "a.txz", "a.tar.bz2"] {
        assert!(is_archive(name), "{name}");
    }
    for name in ["a.gz", "tar", "zip", "a.tar.txt", "a.jsonl.gz", "a.target"] {
        assert!(!is_archive(name), "{name}");
    }
}

#[test]
fn limits_hold_for_entries_and_for_all() {
    let files = [("a", b"12345".as_slice()), ("b", b"1234567"), ("c", b"1")];
    let as_zip = zip(&files.map(|(name, contents)| Zipped::stored(name.as_bytes(), contents)));
    for bytes in [tar(&files), as_zip] {
        let check = |limits: Limits, expected: &str| match entries_within("x.ar", &bytes, &limits) {
            Ok(found) => assert_eq!(found.len(), 3, "{expected}"),
            Err(error) => assert_eq!(error.to_string(), format!("x.ar: {expected}")),
        };
        let all = Limits { entries: 3, entry_bytes: 7, total_bytes: 13, ratio: 1 };
        check(all, "");
        check(Limits { entries: 2, ..all }, "more than 2 entries");
        check(Limits { entry_bytes: 6, ..all }, "b: 7 bytes, more than 6");
        check(Limits { total_bytes: 12, ..all }, "c: with it the entries have more than 12 bytes together");
    }
}

#[test]
fn extracted_files_are_recorded() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("x.tar.zst");
    std::fs::write(&path, packed("zst", &tar(&[("a/b", b"one"), ("c", b"two")]))).unwrap();
    let folder = WholeFolder::create(&root.path().join("out")).unwrap();
    let records = extract(&path, &folder, &Limits::default()).unwrap();
    assert_eq!(records.iter().map(|record| record.path.as_str()).collect::<Vec<_>>(), ["a/b", "c"]);
    assert_eq!((records[0].bytes, records[0].sha256.clone()), (3, hash::sha256_hex(b"one")));
    folder.commit().unwrap();
    assert_eq!(std::fs::read(root.path().join("out/a/b")).unwrap(), b"one");

    let folder = WholeFolder::create(&root.path().join("small")).unwrap();
    let small = Limits { total_bytes: 4, ..Limits::default() };
    let failure = extract(&path, &folder, &small).unwrap_err();
    assert!(failure.message.ends_with("x.tar.zst: c: with it the entries have more than 4 bytes together"));
    assert!(failure.hint.is_some());
    drop(folder);
    assert!(!root.path().join("small").exists());
}
