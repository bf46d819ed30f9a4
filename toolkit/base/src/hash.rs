//! Hashes: SHA-256 of bytes and files for manifests, and a fast stable 64-bit fingerprint for
//! splits and duplicates (not for security).

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::{Failure, Outcome};

/// SHA-256 of some bytes, in lower-case hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-256 of a file, read in blocks, in lower-case hexadecimal.
pub fn sha256_file(path: &Path) -> Outcome<String> {
    let failed = |cause: io::Error| Failure::io("read", path, cause);
    let mut file = File::open(path).map_err(failed)?;
    let mut hasher = Sha256::new();
    let mut block = vec![0u8; 1 << 16];
    loop {
        let read = file.read(&mut block).map_err(failed)?;
        match block.get(..read) {
            Some([]) | None => break,
            Some(bytes) => hasher.update(bytes),
        }
    }
    Ok(hex(&hasher.finalize()))
}

/// A stable 64-bit fingerprint (FNV-1a, then a strong finaliser). The same on every machine and in
/// every release: splits depend on it.
pub fn fingerprint(bytes: &[u8]) -> u64 {
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    for &byte in bytes {
        state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    crate::seed::mix(state)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_digests() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256_hex(b""), empty);
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(sha256_file(file.path()).unwrap(), empty);
    }

    #[test]
    fn fingerprints_never_change() {
        assert_ne!(fingerprint(b"a"), fingerprint(b"b"));
        assert_eq!(fingerprint(b"glossa"), fingerprint(b"glossa"));
        assert_eq!(fingerprint(b""), crate::seed::mix(0xcbf2_9ce4_8422_2325));
    }
}
