//! Near duplicates by MinHash (Broder 1997) and banded locality-sensitive hashing: documents that have most
//! of their shingles in common with an earlier one. It sees one document at a time and keeps one byte a hash
//! in memory; the keys of the bands lie on the disk and are read back band by band. Nothing here depends on
//! threads or chance.

mod cluster;
mod signature;

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::duplicates::{Bits, read_whole};

pub(crate) use cluster::Clusters;
use signature::{BANDS, HASHES, Signer};

/// What a shingle is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Words: for languages that write spaces.
    Words,
    /// So many letters and digits, of about two words: for languages that write none.
    Characters(usize),
}

/// When two documents are nearly equal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Likeness {
    pub(crate) unit: Unit,
    /// The share of the words, in order, that both have.
    pub(crate) share: f64,
    /// Documents with fewer words, or so many letters, are left out.
    pub(crate) shortest: usize,
    /// Whether documents that are like a third one belong together even if they are not alike.
    pub(crate) chains: bool,
}

/// A document is compared with so many others of a band's group at most: a bound on the time that a corpus
/// of one template can take.
const COMPARED: usize = 256;

/// Takes in documents in their order, then finds which are nearly equal.
pub(crate) struct Sketches {
    signer: Signer,
    paths: Vec<PathBuf>,
    bands: Vec<BufWriter<File>>,
    /// The low byte of each hash of each document.
    bytes: Vec<u8>,
    ordinals: Vec<u64>,
}

impl Sketches {
    /// The keys of the bands are files in `folder`.
    pub(crate) fn new(folder: &Path, likeness: Likeness) -> io::Result<Self> {
        let paths: Vec<PathBuf> = (0..BANDS).map(|index| folder.join(format!("band-{index:02}"))).collect();
        let create = |path: &PathBuf| Ok(BufWriter::with_capacity(1 << 12, File::create(path)?));
        let bands = paths.iter().map(create).collect::<io::Result<_>>()?;
        Ok(Sketches { signer: Signer::new(likeness), paths, bands, bytes: Vec::new(), ordinals: Vec::new() })
    }

    /// Takes in a document, if it is long enough; ordinals rise.
    pub(crate) fn add(&mut self, ordinal: u64, text: &str) -> io::Result<()> {
        // Documents are numbered with 32 bits below; beyond four thousand million, none is compared.
        if self.ordinals.len() >= u32::MAX as usize {
            return Ok(());
        }
        let Some(signature) = self.signer.sign(text) else { return Ok(()) };
        for (band, key) in self.bands.iter_mut().zip(signature.keys()) {
            band.write_all(&key.to_le_bytes())?;
        }
        self.bytes.extend(signature.bytes());
        self.ordinals.push(ordinal);
        Ok(())
    }

    /// Groups the documents that are nearly equal; those in `without` take no part.
    pub(crate) fn resolve(mut self, without: &Bits) -> io::Result<Clusters> {
        for band in std::mem::take(&mut self.bands) {
            band.into_inner().map_err(io::IntoInnerError::into_error)?;
        }
        let mut clusters = Clusters::new(std::mem::take(&mut self.ordinals));
        for path in std::mem::take(&mut self.paths) {
            let keys = self.read_band(&path, without, &clusters)?;
            for group in keys.chunk_by(|left, right| left.0 == right.0) {
                self.compare(group, &mut clusters);
            }
            std::fs::remove_file(&path)?;
        }
        Ok(clusters)
    }

    /// The keys of a band with the numbers of their documents, sorted.
    fn read_band(&self, path: &Path, without: &Bits, clusters: &Clusters) -> io::Result<Vec<(u32, u32)>> {
        let mut reader = BufReader::with_capacity(1 << 16, File::open(path)?);
        let (mut keys, mut record, mut number) = (Vec::new(), [0; 4], 0_u32);
        while read_whole(&mut reader, &mut record)? {
            if !without.is_set(clusters.ordinal(number)) {
                keys.push((u32::from_le_bytes(record), number));
            }
            number += 1;
        }
        keys.sort_unstable();
        Ok(keys)
    }

    /// Joins the documents of a group that are nearly equal; each is compared with the first of the group.
    fn compare(&self, group: &[(u32, u32)], clusters: &mut Clusters) {
        for (place, &(_, number)) in group.iter().enumerate().skip(1) {
            for &(_, other) in group.iter().take(place.min(COMPARED)) {
                let (root, own) = (clusters.root(other), clusters.root(number));
                if root != own && self.joins((other, root), (number, own)) {
                    clusters.join(root, own);
                }
            }
        }
    }

    /// Whether two documents, each with the first of its kind, make their kinds one. Those that are kept
    /// must be alike themselves, or a chain of small differences would drop what is like nothing that
    /// stays; where all stay, any likeness counts, as none may straddle two splits.
    fn joins(&self, left: (u32, u32), right: (u32, u32)) -> bool {
        let firsts = self.is_like(left.1, right.1);
        firsts || (self.signer.joins_chains() && self.is_like(left.0, right.0))
    }

    fn is_like(&self, left: u32, right: u32) -> bool {
        let bytes = |number: u32| {
            let start = number as usize * HASHES;
            self.bytes.get(start..start + HASHES).unwrap_or_default()
        };
        let equal = bytes(left).iter().zip(bytes(right)).filter(|(left, right)| left == right).count();
        equal >= self.signer.least_equal()
    }
}
