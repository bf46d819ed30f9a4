//! Decompression bombs must neither fill memory nor the disk: in a process of its own, so that its peak memory
//! is that of this alone.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

#[path = "support/packers.rs"]
mod packers;

use std::fs::File;
use std::io::{Cursor, Read, Write};
use std::path::Path;

use glossa_base::atomic::WholeFolder;
use glossa_base::unpack::{Archive, Error, Limits, extract, unpacked};
use packers::{PACKINGS, Zipped, packed, tar_header, zip_end};

const MEGABYTES: usize = 1024;

fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap().to_owned();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

/// A tar archive with one file of zeros, packed in streams of 16 MiB.
fn bomb(extension: &str, path: &Path) {
    let stream = packed(extension, &vec![0; 16 << 20]);
    let mut file = File::create(path).unwrap();
    file.write_all(&packed(extension, &tar_header(b"zeros", b'0', (MEGABYTES as u64) << 20))).unwrap();
    (0..MEGABYTES / 16).for_each(|_| file.write_all(&stream).unwrap());
    file.write_all(&packed(extension, &[0; 1024])).unwrap();
    assert!(file.metadata().unwrap().len() < 8 << 20);
}

fn deflated_zeros() -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    let zeros = vec![0; 1 << 20];
    (0..MEGABYTES).for_each(|_| encoder.write_all(&zeros).unwrap());
    encoder.finish().unwrap()
}

/// The end of an archive with more entries than the older form can count.
fn zip64_end(entries: u64, directory: u32) -> Vec<u8> {
    let (entries, directory) = (entries.to_le_bytes(), u64::from(directory).to_le_bytes());
    let end =
        [&b"PK\x06\x06"[..], &44_u64.to_le_bytes(), &[45, 0, 45, 0], &[0; 8], &entries, &entries, &directory, &[0; 8]];
    let locator = [&b"PK\x06\x07"[..], &[0; 4], &directory, &[1, 0, 0, 0]];
    [end.concat(), locator.concat(), zip_end(u16::MAX, u32::MAX, u32::MAX)].concat()
}

fn disk_used(folder: &Path) -> u64 {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

fn check(path: &Path) {
    let name = path.display().to_string();
    // As a stream.
    if !name.ends_with(".zip") {
        let mut input = unpacked(&name, File::open(path).unwrap());
        let cause = std::io::copy(&mut input, &mut std::io::sink()).unwrap_err();
        assert!(matches!(Error::from_io(cause), Ok(Error::Bomb { ratio: 200, .. })), "{name}");
    }
    // As an archive, into a folder, which has taken no more than what is harmless.
    let out = path.with_extension("out");
    let folder = WholeFolder::create(&out).unwrap();
    let failure = extract(path, &folder, &Limits::default()).unwrap_err();
    assert!(failure.message.contains(&name) && failure.message.contains("decompression bomb"), "{}", failure.message);
    let used = disk_used(folder.path());
    assert!(used <= (64 << 20) + (1 << 20), "{name}: {used} bytes on the disk");
    // With the size that a manifest states.
    let folder = WholeFolder::create(&out).unwrap();
    let stated = Limits { total_bytes: 1 << 20, ..Limits::default() };
    let failure = extract(path, &folder, &stated).unwrap_err();
    assert!(failure.message.contains("zeros"), "{}", failure.message);
    assert_eq!(disk_used(folder.path()), 0);
}

#[test]
fn bombs_are_refused_in_little_memory() {
    let root = tempfile::tempdir().unwrap();
    for extension in PACKINGS {
        let path = root.path().join(format!("x.tar.{extension}"));
        bomb(extension, &path);
        check(&path);
        // Within an archive, as a packed entry.
        let inner = std::fs::read(&path).unwrap();
        let name = format!("zeros.{extension}");
        let entry = [tar_header(name.as_bytes(), b'0', inner.len() as u64), inner].concat();
        let archive = Archive::new("outer.tar", Cursor::new(packers::closed(entry)), &Limits::default());
        let mut entry = archive.unwrap().next().unwrap().unwrap().unpacked();
        let cause = entry.read_to_end(&mut Vec::new()).unwrap_err();
        let place = Error::from_io(cause).unwrap().to_string();
        assert!(place.starts_with(&format!("outer.tar: {name}: unpacks to more than 200 times")), "{place}");
    }
    let contents = deflated_zeros();
    let entry = Zipped { method: 8, contents, ..Zipped::stored(b"zeros", b"") }.stating((MEGABYTES << 20) as u32, 0);
    let path = root.path().join("x.zip");
    std::fs::write(&path, packers::zip(&[entry])).unwrap();
    check(&path);

    eprintln!("peak memory of packed bombs: {} MB", peak_megabytes());

    // A directory of a million names, for nothing.
    let path = root.path().join("many.zip");
    let mut file = std::io::BufWriter::new(File::create(&path).unwrap());
    let mut length = 0;
    for number in 0..1_000_000 {
        let header = Zipped::stored(format!("{number:x}").as_bytes(), b"").central(0);
        file.write_all(&header).unwrap();
        length += header.len() as u32;
    }
    file.write_all(&zip64_end(1_000_000, length)).unwrap();
    drop(file);
    let refused = Archive::open(&path, &Limits::default()).err().unwrap().to_string();
    assert!(refused.contains("many.zip: ") && refused.contains("longer than so many entries need"), "{refused}");

    let peak = peak_megabytes();
    eprintln!("peak memory: {peak} MB");
    assert!(peak < 256, "{peak} MB");
}
