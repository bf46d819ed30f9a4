//! Checksums as servers publish them, and the digests of a whole file in one reading.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::Error;
use super::block::Block;
use crate::hash::hex;

/// A published checksum. MD5 and SHA-1 find damage, not malice: take SHA-256 where there is a choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    algorithm: Algorithm,
    hexadecimal: String,
}

/// What a checksum is computed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// MD5, of old lists.
    Md5,
    /// SHA-1, the best that Wikimedia publishes.
    Sha1,
    /// SHA-256.
    Sha256,
    /// What git names a file by: SHA-1 of `blob`, the size and the bytes. Hubs that stand on git publish it.
    GitBlob,
}

impl Algorithm {
    /// Its name in messages and files.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Md5 => "md5",
            Algorithm::Sha1 => "sha1",
            Algorithm::Sha256 => "sha256",
            Algorithm::GitBlob => "git-sha1",
        }
    }

    fn digits(self) -> usize {
        match self {
            Algorithm::Md5 => 32,
            Algorithm::Sha1 | Algorithm::GitBlob => 40,
            Algorithm::Sha256 => 64,
        }
    }
}

impl Checksum {
    /// Reads a checksum in hexadecimal.
    ///
    /// # Errors
    /// [`Error::BadChecksum`]: other characters, or too few or many.
    pub fn new(algorithm: Algorithm, text: &str) -> Result<Self, Error> {
        let hexadecimal = text.trim().to_ascii_lowercase();
        if hexadecimal.len() == algorithm.digits() && hexadecimal.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(Checksum { algorithm, hexadecimal });
        }
        Err(Error::BadChecksum { kind: algorithm.name(), text: super::cut(text) })
    }

    /// What it is computed by.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The checksum in lower-case hexadecimal.
    pub fn hexadecimal(&self) -> &str {
        &self.hexadecimal
    }

    /// The same checksum of a file on the disk, read as a whole.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn of_file(&self, path: &Path) -> io::Result<String> {
        let digests = Digests::of_file(&mut File::open(path)?, Some(self), &mut |_| Ok(()))?;
        Ok(digests.of(self.algorithm).to_owned())
    }

    /// Fails where the digests of a file are not these.
    pub(super) fn check(&self, url: &str, digests: &Digests) -> Result<(), Error> {
        let found = digests.of(self.algorithm);
        if found == self.hexadecimal {
            return Ok(());
        }
        let (kind, expected) = (self.algorithm.name(), self.hexadecimal.clone());
        Err(Error::Checksum { url: url.to_owned(), kind, expected, found: found.to_owned() })
    }
}

/// Hears of bytes that were read.
pub(super) type Tell<'a> = &'a mut dyn FnMut(u64) -> io::Result<()>;

/// What one reading of a file gives.
#[derive(Debug)]
pub(super) struct Digests {
    pub(super) bytes: u64,
    pub(super) sha256: String,
    /// By the published algorithm, where that is another one.
    other: String,
}

impl Digests {
    /// Reads a file from its beginning; `tell` hears of every block and may stop it.
    pub(super) fn of_file(file: &mut File, published: Option<&Checksum>, tell: Tell<'_>) -> io::Result<Self> {
        file.rewind()?;
        match published.map(Checksum::algorithm) {
            Some(Algorithm::Md5) => read(file, Some(Md5::new()), tell),
            Some(Algorithm::Sha1) => read(file, Some(Sha1::new()), tell),
            Some(Algorithm::GitBlob) => {
                let length = file.metadata()?.len();
                read(file, Some(Sha1::new_with_prefix(format!("blob {length}\0"))), tell)
            }
            Some(Algorithm::Sha256) | None => read(file, None::<Md5>, tell),
        }
    }

    fn of(&self, algorithm: Algorithm) -> &str {
        if algorithm == Algorithm::Sha256 { &self.sha256 } else { &self.other }
    }
}

/// Blocks that wait for a digest at most.
const WAITING: usize = 16;

/// The digests of bytes as they come, so that a file that came in one piece is not read again. A thread of its own
/// counts them: writing does not wait for that.
pub(super) struct Running {
    sender: SyncSender<Block>,
    thread: JoinHandle<Digests>,
}

struct Counter {
    sha256: Sha256,
    other: Option<Other>,
    bytes: u64,
}

enum Other {
    Md5(Md5),
    Sha1(Sha1),
}

impl Running {
    /// Of no bytes yet; `None` where the algorithm needs a size that is not known, or there is no thread to be had.
    pub(super) fn new(published: Option<&Checksum>, bytes: Option<u64>) -> Option<Self> {
        let other = match published.map(Checksum::algorithm) {
            Some(Algorithm::Md5) => Some(Other::Md5(Md5::new())),
            Some(Algorithm::Sha1) => Some(Other::Sha1(Sha1::new())),
            Some(Algorithm::GitBlob) => Some(Other::Sha1(Sha1::new_with_prefix(format!("blob {}\0", bytes?)))),
            Some(Algorithm::Sha256) | None => None,
        };
        let mut counter = Counter { sha256: Sha256::new(), other, bytes: 0 };
        let (sender, receiver) = sync_channel::<Block>(WAITING);
        let count = move || {
            receiver.iter().for_each(|block| counter.update(&block));
            counter.finish()
        };
        let thread = std::thread::Builder::new().name("glossa-digest".to_owned()).spawn(count).ok()?;
        Some(Running { sender, thread })
    }

    /// Adds bytes that follow those before.
    pub(super) fn update(&mut self, block: Block) {
        // A thread that is gone gives no digests in the end: the file is read again.
        let _ = self.sender.send(block);
    }

    /// The digests, unless something went wrong with them.
    pub(super) fn finish(self) -> Option<Digests> {
        drop(self.sender);
        self.thread.join().ok()
    }
}

impl Counter {
    fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        match &mut self.other {
            Some(Other::Md5(other)) => other.update(bytes),
            Some(Other::Sha1(other)) => other.update(bytes),
            None => {}
        }
        self.bytes += bytes.len() as u64;
    }

    fn finish(self) -> Digests {
        let other = match self.other {
            Some(Other::Md5(other)) => hex(&other.finalize()),
            Some(Other::Sha1(other)) => hex(&other.finalize()),
            None => String::new(),
        };
        Digests { bytes: self.bytes, sha256: hex(&self.sha256.finalize()), other }
    }
}

fn read<D: Digest>(file: &mut File, mut other: Option<D>, tell: Tell<'_>) -> io::Result<Digests> {
    let (mut sha256, mut bytes) = (Sha256::new(), 0);
    let mut block = vec![0; 1 << 18];
    loop {
        let read = match file.read(&mut block) {
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        let Some(found) = block.get(..read).filter(|found| !found.is_empty()) else { break };
        sha256.update(found);
        other.iter_mut().for_each(|other| other.update(found));
        bytes += found.len() as u64;
        tell(found.len() as u64)?;
    }
    let other = other.map(|other| hex(&other.finalize())).unwrap_or_default();
    Ok(Digests { bytes, sha256: hex(&sha256.finalize()), other })
}

#[cfg(test)]
mod tests {
    use super::super::block::Pool;
    use super::*;

    #[test]
    fn digests_of_bytes_as_they_come_are_those_of_the_file() {
        use std::io::Write;
        let bytes = [7; 1000];
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        for algorithm in [Algorithm::Md5, Algorithm::Sha1, Algorithm::Sha256, Algorithm::GitBlob] {
            let checksum = Checksum::new(algorithm, &"0".repeat(algorithm.digits())).unwrap();
            let whole = Digests::of_file(&mut file, Some(&checksum), &mut |_| Ok(())).unwrap();
            let mut running = Running::new(Some(&checksum), Some(1000)).unwrap();
            let pool = Pool::default();
            for part in bytes.chunks(33) {
                let mut block = pool.take();
                block.room()[..part.len()].copy_from_slice(part);
                running.update(block.filled(part.len()));
            }
            let found = running.finish().unwrap();
            assert_eq!((found.bytes, &found.sha256, &found.other), (whole.bytes, &whole.sha256, &whole.other));
            assert_eq!(Running::new(Some(&checksum), None).is_none(), algorithm == Algorithm::GitBlob);
        }
    }

    #[test]
    fn checksums_are_read_and_compared() {
        let mut file = tempfile::tempfile().unwrap();
        for (algorithm, text) in [
            (Algorithm::Md5, "D41D8CD98F00B204E9800998ECF8427E"),
            (Algorithm::Sha1, "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
            (Algorithm::Sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (Algorithm::GitBlob, "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"),
        ] {
            let checksum = Checksum::new(algorithm, text).unwrap();
            let digests = Digests::of_file(&mut file, Some(&checksum), &mut |_| Ok(())).unwrap();
            checksum.check("u", &digests).unwrap();
            let other = Checksum::new(algorithm, &text.replace('9', "8")).unwrap();
            assert!(matches!(other.check("u", &digests), Err(Error::Checksum { .. })));
            for bad in ["", "zz", &text[1..], &format!("{text}0"), &text.replace('4', "g")] {
                assert!(matches!(Checksum::new(algorithm, bad), Err(Error::BadChecksum { .. })), "{bad}");
            }
        }
    }
}
