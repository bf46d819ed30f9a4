//! Packs files and archives for tests, hostile ones too: none of it is stored.
#![allow(dead_code, unreachable_pub, reason = "each test uses some of it")]

use std::io::Write;

pub const PACKINGS: [&str; 4] = ["gz", "bz2", "zst", "xz"];

/// Packs in one stream.
pub fn packed(extension: &str, bytes: &[u8]) -> Vec<u8> {
    match extension {
        "gz" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        "bz2" => {
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        "zst" => {
            let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
            encoder.include_checksum(true).unwrap();
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        _ => {
            let options = lzma_rust2::XzOptions::with_preset(1);
            let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
    }
}

/// A tar header with any name and any kind, then the contents.
pub fn tar_entry(name: &[u8], kind: u8, contents: &[u8]) -> Vec<u8> {
    let mut header = tar_header(name, kind, contents.len() as u64);
    header.extend(contents);
    header.resize(header.len().next_multiple_of(512), 0);
    header
}

/// A tar header with any name, kind and size.
pub fn tar_header(name: &[u8], kind: u8, size: u64) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_entry_type(tar::EntryType::new(kind));
    header.as_mut_bytes()[157..160].copy_from_slice(b"to\0");
    header.set_cksum();
    header.as_bytes().to_vec()
}

/// A tar archive of plain files.
pub fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let entries = files.iter().map(|(name, contents)| tar_entry(name.as_bytes(), b'0', contents));
    closed(entries.collect::<Vec<_>>().concat())
}

/// The same with the mark of its end.
pub fn closed(mut entries: Vec<u8>) -> Vec<u8> {
    entries.resize(entries.len() + 1024, 0);
    entries
}

/// An entry of a zip archive, of which everything may be a lie.
pub struct Zipped {
    pub name: Vec<u8>,
    pub contents: Vec<u8>,
    /// The unpacked size that is stated.
    pub size: u32,
    pub checksum: u32,
    pub method: u16,
    pub mode: u32,
    pub flags: u16,
}

impl Zipped {
    /// A plain file that is stored as it is.
    pub fn stored(name: &[u8], contents: &[u8]) -> Self {
        let (size, checksum) = (contents.len() as u32, checksum(contents));
        let (name, contents) = (name.to_vec(), contents.to_vec());
        Zipped { name, contents, size, checksum, method: 0, mode: 0o100_644, flags: 0x800 }
    }

    /// A plain file that is packed in a given way.
    pub fn packed(name: &str, contents: &[u8], method: u16) -> Self {
        let bytes = match method {
            8 => {
                let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(contents).unwrap();
                encoder.finish().unwrap()
            }
            12 => packed("bz2", contents),
            93 => packed("zst", contents),
            95 => packed("xz", contents),
            _ => contents.to_vec(),
        };
        Zipped { contents: bytes, method, ..Zipped::stored(name.as_bytes(), contents) }
            .stating(contents.len() as u32, checksum(contents))
    }

    pub fn stating(self, size: u32, checksum: u32) -> Self {
        Zipped { size, checksum, ..self }
    }

    /// What both headers have in common, from the version on.
    fn common(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in [20, self.flags, self.method, 0, 0x21] {
            bytes.extend(u16::to_le_bytes(number));
        }
        for number in [self.checksum, self.contents.len() as u32, self.size] {
            bytes.extend(u32::to_le_bytes(number));
        }
        bytes.extend(u16::to_le_bytes(self.name.len() as u16));
        bytes.extend([0, 0]);
        bytes
    }

    /// The header in the directory.
    pub fn central(&self, at: u32) -> Vec<u8> {
        let start = [b"PK\x01\x02".as_slice(), &[20, 3]].concat();
        let end = [[0; 6].as_slice(), &(self.mode << 16).to_le_bytes(), &at.to_le_bytes()].concat();
        [start, self.common(), end, self.name.clone()].concat()
    }
}

pub fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// A zip archive.
pub fn zip(entries: &[Zipped]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        directory.extend(entry.central(bytes.len() as u32));
        bytes.extend([b"PK\x03\x04".as_slice(), &entry.common(), &entry.name, &entry.contents].concat());
    }
    let end = zip_end(entries.len() as u16, directory.len() as u32, bytes.len() as u32);
    [bytes, directory, end].concat()
}

/// What a zip archive ends with.
pub fn zip_end(entries: u16, directory: u32, at: u32) -> Vec<u8> {
    let [count, size, at] = [&entries.to_le_bytes()[..], &directory.to_le_bytes(), &at.to_le_bytes()];
    [b"PK\x05\x06", &[0; 4][..], count, count, size, at, &[0; 2]].concat()
}

/// Text that does not pack to nothing.
pub fn text(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let mut letter = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        b"abcdefghij klmnop qrs tuvwxyz\n.,"[(state >> 59) as usize]
    };
    (0..length).map(|_| letter()).collect()
}
