//! A file of tweets' ids, one a line.
#![deny(clippy::indexing_slicing)]

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use glossa_base::hash::sha256_hex;

use super::Error;

/// A longer line is no id.
const LONGEST: u64 = 256;

/// Ids in the order of the file, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ids {
    pub(super) list: Vec<u64>,
    /// SHA-256 of the ids, one a line.
    pub(super) sha256: String,
}

impl Ids {
    /// Reads a file; empty lines are passed over.
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let bad = |reason: String| Error::BadIds { path: path.to_path_buf(), reason };
        let mut input = BufReader::new(File::open(path).map_err(|cause| bad(cause.to_string()))?);
        let (mut list, mut known, mut line, mut number) = (Vec::new(), HashSet::new(), Vec::new(), 0_u64);
        loop {
            (number, _) = (number + 1, line.clear());
            let read = (&mut input).take(LONGEST).read_until(b'\n', &mut line);
            if read.map_err(|cause| bad(cause.to_string()))? == 0 {
                break;
            }
            let text = std::str::from_utf8(&line).unwrap_or("\u{fffd}").trim_start_matches('\u{feff}').trim();
            if text.is_empty() {
                continue;
            }
            let id = parse(text).ok_or_else(|| bad(format!("line {number} is no id")))?;
            if known.insert(id) {
                list.push(id);
            }
        }
        if list.is_empty() {
            return Err(bad("there are none".to_owned()));
        }
        let lines: Vec<String> = list.iter().map(u64::to_string).collect();
        Ok(Ids { list, sha256: sha256_hex(lines.join("\n").as_bytes()) })
    }
}

/// An id of digits; it is not zero and X's own are below 2^63.
pub(super) fn parse(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|id| digits && (1..=i64::MAX as u64).contains(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_once_each_and_mistakes_are_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let read = |bytes: &[u8]| {
            std::fs::write(file.path(), bytes).unwrap();
            Ids::read(file.path())
        };
        let ids = read(b"\xef\xbb\xbf20\r\n\n 1271111223220809728 \n20\n0020\n7").unwrap();
        assert_eq!(ids.list, [20, 1_271_111_223_220_809_728, 7]);
        assert_eq!(read(b"20\n1271111223220809728\n7\n").unwrap(), ids);
        assert_ne!(read(b"20\n7\n").unwrap().sha256, ids.sha256);
        let long = [b"1\n".as_slice(), &[b'1'; 5000]].concat();
        for (bad, named) in [
            (b"1\nx\n".as_slice(), "line 2"),
            (b"-1", "line 1"),
            (b"0", "line 1"),
            (b"1,2", "line 1"),
            (b"1\n\n\xff\n", "line 3"),
            (b"9223372036854775808", "line 1"),
            (&long, "line 2"),
            (b"\n", "none"),
            (b"", "none"),
        ] {
            let error = read(bad).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
        assert!(matches!(Ids::read(Path::new("no such file")), Err(Error::BadIds { .. })));
    }
}
