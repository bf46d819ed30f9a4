//! Exact duplicates in bounded memory: (fingerprint, ordinal) records are spilled into bucket files,
//! then each bucket is resolved by itself; what is left is one bit a document.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

const BUCKETS: usize = 64;
/// Fingerprints that one pass over a bucket holds in memory.
const HELD: u64 = 1 << 21;
const RECORD: usize = 16;

/// Collects the fingerprints of documents in their order.
pub(crate) struct Collector {
    paths: Vec<PathBuf>,
    buckets: Vec<BufWriter<File>>,
    written: Vec<u64>,
    documents: u64,
}

impl Collector {
    /// Buckets are files in `folder`.
    pub(crate) fn new(folder: &Path) -> io::Result<Self> {
        let paths: Vec<PathBuf> = (0..BUCKETS).map(|index| folder.join(format!("bucket-{index:02}"))).collect();
        let create = |path: &PathBuf| Ok(BufWriter::with_capacity(1 << 13, File::create(path)?));
        let buckets = paths.iter().map(create).collect::<io::Result<_>>()?;
        Ok(Collector { paths, buckets, written: vec![0; BUCKETS], documents: 0 })
    }

    /// Takes in the fingerprint of the next document.
    pub(crate) fn add(&mut self, fingerprint: u64) -> io::Result<()> {
        let index = (fingerprint % BUCKETS as u64) as usize;
        self.buckets[index].write_all(&fingerprint.to_le_bytes())?;
        self.buckets[index].write_all(&self.documents.to_le_bytes())?;
        self.written[index] += 1;
        self.documents += 1;
        Ok(())
    }

    /// Marks every document whose fingerprint an earlier one has.
    pub(crate) fn resolve(self) -> io::Result<Bits> {
        let mut repeated = Bits::new(self.documents);
        for (bucket, (path, records)) in self.buckets.into_iter().zip(self.paths.iter().zip(self.written)) {
            bucket.into_inner().map_err(io::IntoInnerError::into_error)?;
            let passes = records.div_ceil(HELD);
            for pass in 0..passes {
                resolve_pass(path, pass, passes, &mut repeated)?;
            }
            std::fs::remove_file(path)?;
        }
        Ok(repeated)
    }
}

/// One reading of a bucket, for the fingerprints whose turn it is.
fn resolve_pass(path: &Path, pass: u64, passes: u64, repeated: &mut Bits) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(1 << 16, File::open(path)?);
    let mut seen: HashSet<u64> = HashSet::new();
    let mut record = [0; RECORD];
    while read_whole(&mut reader, &mut record)? {
        let (fingerprint, ordinal) = record.split_at(RECORD / 2);
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        let (fingerprint, ordinal) = (number(fingerprint), number(ordinal));
        if (fingerprint >> 32) % passes == pass && !seen.insert(fingerprint) {
            repeated.set(ordinal);
        }
    }
    Ok(())
}

/// Fills `record`, or tells that the file is at its end.
pub(crate) fn read_whole(reader: &mut impl Read, record: &mut [u8]) -> io::Result<bool> {
    let mut filled = 0;
    while filled < record.len() {
        match reader.read(&mut record[filled..])? {
            0 if filled == 0 => return Ok(false),
            0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
            read => filled += read,
        }
    }
    Ok(true)
}

/// One bit a document.
pub(crate) struct Bits(Vec<u64>);

impl Bits {
    pub(crate) fn new(length: u64) -> Self {
        Bits(vec![0; length.div_ceil(64) as usize])
    }

    fn set(&mut self, index: u64) {
        if let Some(word) = self.0.get_mut((index / 64) as usize) {
            *word |= 1 << (index % 64);
        }
    }

    /// Whether a bit is set; beyond the end none is.
    pub(crate) fn is_set(&self, index: u64) -> bool {
        self.0.get((index / 64) as usize).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_ones_are_marked() {
        let folder = tempfile::tempdir().unwrap();
        let mut collector = Collector::new(folder.path()).unwrap();
        let values: Vec<u64> = (0..5000).map(|index| glossa_base::seed::mix(index % 1700)).collect();
        for value in &values {
            collector.add(*value).unwrap();
        }
        let repeated = collector.resolve().unwrap();
        for index in 0..5000 {
            assert_eq!(repeated.is_set(index), index >= 1700, "{index}");
        }
        assert!(!repeated.is_set(1 << 40));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn passes_share_a_bucket_without_missing_any() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bucket");
        let mut bytes = Vec::new();
        for ordinal in 0..3000_u64 {
            bytes.extend(glossa_base::seed::mix(ordinal % 1000).to_le_bytes());
            bytes.extend(ordinal.to_le_bytes());
        }
        std::fs::write(&path, bytes).unwrap();
        let mut repeated = Bits::new(3000);
        for pass in 0..7 {
            resolve_pass(&path, pass, 7, &mut repeated).unwrap();
        }
        assert!((0..3000).all(|index| repeated.is_set(index) == (index >= 1000)));
    }
}
