//! Writes pickles, and files of `torch.save` in both formats, opcode by opcode.
#![allow(dead_code, unreachable_pub, reason = "each test uses some of it")]

use std::io::Write;
use std::path::PathBuf;

/// A folder that vanishes, and a file in it.
pub(crate) struct Written {
    _folder: tempfile::TempDir,
    pub(crate) path: PathBuf,
}

pub(crate) fn written(name: &str, bytes: &[u8]) -> Written {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    Written { _folder: folder, path }
}

/// Bytes one after the other.
pub(crate) fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// A string of protocol 2.
pub(crate) fn text(text: &str) -> Vec<u8> {
    join(&[b"X", &(text.len() as u32).to_le_bytes(), text.as_bytes()])
}

pub(crate) fn int(number: i32) -> Vec<u8> {
    join(&[b"J", &number.to_le_bytes()])
}

pub(crate) fn global(module: &str, name: &str) -> Vec<u8> {
    format!("c{module}\n{name}\n").into_bytes()
}

/// A tuple of values that are written already.
pub(crate) fn tuple(parts: &[Vec<u8>]) -> Vec<u8> {
    join(&[b"(", &parts.concat(), b"t"])
}

pub(crate) fn sizes(sizes: &[i32]) -> Vec<u8> {
    tuple(&sizes.iter().map(|size| int(*size)).collect::<Vec<_>>())
}

/// A dictionary of values that are written already.
pub(crate) fn dict(pairs: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let pairs: Vec<u8> = pairs.iter().flat_map(|(key, value)| join(&[&text(key), value])).collect();
    join(&[b"}(", &pairs, b"u"])
}

/// The value as a pickle of its own.
pub(crate) fn pickle(value: &[u8]) -> Vec<u8> {
    join(&[b"\x80\x02", value, b"."])
}

/// A view of a storage.
#[derive(Clone)]
pub(crate) struct View {
    pub(crate) class: &'static str,
    pub(crate) key: &'static str,
    pub(crate) elements: i32,
    pub(crate) offset: i32,
    pub(crate) shape: Vec<i32>,
    pub(crate) strides: Vec<i32>,
}

impl View {
    /// A contiguous tensor that is its whole storage.
    pub(crate) fn whole(class: &'static str, key: &'static str, shape: &[i32]) -> Self {
        let mut strides: Vec<i32> = shape
            .iter()
            .rev()
            .scan(1, |step, size| {
                let stride = *step;
                *step *= size;
                Some(stride)
            })
            .collect();
        strides.reverse();
        let elements = shape.iter().product();
        View { class, key, elements, offset: 0, shape: shape.to_vec(), strides }
    }

    pub(crate) fn storage(&self, legacy: bool) -> Vec<u8> {
        let mut parts =
            vec![text("storage"), global("torch", self.class), text(self.key), text("cpu"), int(self.elements)];
        if legacy {
            parts.push(b"N".to_vec());
        }
        join(&[&tuple(&parts), b"Q"])
    }

    pub(crate) fn value(&self, legacy: bool) -> Vec<u8> {
        let hooks = join(&[&global("collections", "OrderedDict"), b")R"]);
        let arguments = tuple(&[
            self.storage(legacy),
            int(self.offset),
            sizes(&self.shape),
            sizes(&self.strides),
            b"\x89".to_vec(),
            hooks,
        ]);
        join(&[&global("torch._utils", "_rebuild_tensor_v2"), &arguments, b"R"])
    }
}

/// The legacy format around a value, with its storages in order: key, elements, bytes.
pub(crate) fn legacy(value: &[u8], storages: &[(&str, u64, Vec<u8>)]) -> Vec<u8> {
    let magic = [0x6c_u8, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
    let facts = dict(&[("protocol_version", int(1001)), ("little_endian", b"\x88".to_vec())]);
    let keys: Vec<u8> = storages.iter().flat_map(|(key, _, _)| text(key)).collect();
    let numbers: Vec<u8> = storages.iter().flat_map(|(_, count, bytes)| join(&[&count.to_le_bytes(), bytes])).collect();
    join(&[
        &pickle(&join(&[b"\x8a\x0a", &magic])),
        &pickle(b"M\xe9\x03"),
        &pickle(&facts),
        value,
        &pickle(&join(&[b"](", &keys, b"e"])),
        &numbers,
    ])
}

/// An entry of a zip archive.
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) method: u16,
    pub(crate) packed: Vec<u8>,
    pub(crate) size: u32,
    pub(crate) checksum: u32,
}

impl Entry {
    pub(crate) fn stored(name: &str, bytes: &[u8]) -> Self {
        let mut checksum = flate2::Crc::new();
        checksum.update(bytes);
        let (size, checksum) = (bytes.len() as u32, checksum.sum());
        Entry { name: name.to_owned(), method: 0, packed: bytes.to_vec(), size, checksum }
    }

    pub(crate) fn deflated(name: &str, bytes: &[u8]) -> Self {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        Entry { method: 8, packed: encoder.finish().unwrap(), ..Entry::stored(name, bytes) }
    }

    fn fields(&self) -> Vec<u8> {
        let packed = self.packed.len() as u32;
        let lengths = [self.checksum.to_le_bytes(), packed.to_le_bytes(), self.size.to_le_bytes()].concat();
        let name = (self.name.len() as u16).to_le_bytes();
        join(&[&[20, 0, 0, 8], &self.method.to_le_bytes(), &[0; 4], &lengths, &name, &[0; 2]])
    }
}

pub(crate) fn zip(entries: &[Entry]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let at = (bytes.len() as u32).to_le_bytes();
        directory.extend(join(&[b"PK\x01\x02\x14\0", &entry.fields(), &[0; 10], &at, entry.name.as_bytes()]));
        bytes.extend(join(&[b"PK\x03\x04", &entry.fields(), entry.name.as_bytes(), &entry.packed]));
    }
    let (at, length) = ((bytes.len() as u32).to_le_bytes(), (directory.len() as u32).to_le_bytes());
    let count = (entries.len() as u16).to_le_bytes();
    join(&[&bytes, &directory, b"PK\x05\x06\0\0\0\0", &count, &count, &length, &at, &[0; 2]])
}

/// The zip format around a pickle.
pub(crate) fn torch(pickle: &[u8], storages: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut entries = vec![
        Entry::stored("archive/data.pkl", pickle),
        Entry::stored("archive/byteorder", b"little"),
        Entry::stored("archive/version", b"3\n"),
    ];
    entries.extend(storages.iter().map(|(key, bytes)| Entry::stored(&format!("archive/data/{key}"), bytes)));
    zip(&entries)
}

pub(crate) fn f32s(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}
