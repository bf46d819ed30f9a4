//! Archives and packed files that were cut off, or of which a bit has turned: what is not refused is what was
//! packed, and what is refused is named.

use std::io::{Cursor, Read};

use glossa_base::unpack::{Error, Limits, unpacked};

use crate::packers::{PACKINGS, Zipped, packed, tar, tar_entry, text, zip};
use crate::{entries, entries_within};

const POINTS: usize = 200;

fn files() -> Vec<(String, Vec<u8>)> {
    (0..20).map(|number| (format!("folder/{number:02}.txt"), text(number, 3000))).collect()
}

/// Each format, with the end of what matters in it: tar ends with blocks of zeros.
fn archives() -> Vec<(String, Vec<u8>, usize)> {
    let files = files();
    let plain = tar(&files.iter().map(|(name, contents)| (name.as_str(), contents.as_slice())).collect::<Vec<_>>());
    let zipped = |method| zip(&files.iter().map(|(name, text)| Zipped::packed(name, text, method)).collect::<Vec<_>>());
    let mut archives = vec![("x.tar".to_owned(), plain.clone(), plain.len() - 1024)];
    let others = PACKINGS.map(|extension| (format!("x.tar.{extension}"), packed(extension, &plain)));
    let zips = [0, 8, 12, 93, 95].map(|method| ("x.zip".to_owned(), zipped(method)));
    archives.extend(others.into_iter().chain(zips).map(|(name, bytes)| (name, bytes.clone(), bytes.len())));
    archives
}

#[test]
fn archives_that_are_cut_off_are_refused() {
    let mut refused = 0;
    for (name, bytes, end) in archives() {
        for point in (0..POINTS).map(|step| step * end / POINTS) {
            let error = entries(&name, &bytes[..point]).expect_err(&format!("{name} of {point} bytes"));
            assert!(error.to_string().starts_with("x."), "{error}");
            refused += 1;
        }
    }
    assert_eq!(refused, 10 * POINTS);
}

#[test]
fn turned_bits_are_refused_or_change_nothing() {
    for (name, bytes, end) in archives() {
        let (mut refused, mut same) = (0, 0);
        for step in 0..POINTS {
            let bit = step * end * 8 / POINTS + step % 8;
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            match entries(&name, &damaged) {
                Err(error) => {
                    assert!(error.to_string().starts_with("x."), "{error}");
                    assert!(!matches!(error, Error::Read { .. }), "{error:?}");
                    refused += 1;
                }
                // tar has no checksum for contents; names and sizes are right all the same.
                Ok(found) if name == "x.tar" => assert_eq!(found.len(), 20),
                Ok(found) => {
                    assert!(found == files(), "{name}: bit {bit} changed what comes out");
                    same += 1;
                }
            }
        }
        assert!(name == "x.tar" || refused + same == POINTS);
        assert!(name == "x.tar" || refused > POINTS * 8 / 10, "{name}: {refused} refused");
    }
}

#[test]
fn packed_files_that_are_damaged_are_refused() {
    let long = text(9, 60_000);
    for extension in PACKINGS {
        let whole = packed(extension, &long);
        let read = |bytes: &[u8]| {
            let mut found = Vec::new();
            let mut input = unpacked(&format!("x.{extension}"), Cursor::new(bytes.to_vec()));
            let result = input.read_to_end(&mut found).map(|_| ());
            // Asked again after an error, it has another one, and no more bytes.
            result.is_err().then(|| assert!(input.read(&mut [0]).is_err()));
            result.map(|()| found)
        };
        for step in 1..=POINTS {
            let point = step * (whole.len() - 1) / POINTS;
            let kind = read(&whole[..point]).expect_err(&format!("{extension} of {point} bytes")).kind();
            assert!(matches!(kind, std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::InvalidData), "{kind}");
            let mut damaged = whole.clone();
            damaged[point] ^= 1 << (step % 8);
            if let Ok(found) = read(&damaged) {
                assert!(found == long, "{extension}: byte {point} changed what comes out");
            }
        }
    }
}

/// Small archives of every format, changed anywhere: entries within their limits come out, or typed errors.
#[test]
fn any_archive_gives_entries_or_an_error() {
    let files = [("a/b.txt", b"some text".as_slice()), ("c", b"more"), ("d/", b"")];
    let plain = tar(&files);
    let long =
        [tar_entry(b"l", b'L', &[b'n'; 300]), tar_entry(b"x", b'x', b"12 path=b\xc3\xa4\n"), plain.clone()].concat();
    let zips = [0, 8, 12, 93, 95].map(|method| zip(&files.map(|(name, text)| Zipped::packed(name, text, method))));
    let seeds: Vec<Vec<u8>> = [plain.clone(), long]
        .into_iter()
        .chain(PACKINGS.map(|extension| packed(extension, &plain)))
        .chain(zips)
        .collect();
    let cases = crate::mutate::mutated(&seeds, |number, bytes| {
        let limits = Limits { entries: 100, entry_bytes: 1 << 20, total_bytes: 1 << 20, ratio: 200 };
        if let Ok(found) = entries_within(if number < 6 { "x.tar" } else { "x.zip" }, &bytes, &limits) {
            assert!(found.iter().all(|(name, _)| !name.is_empty() && !name.contains("..") && !name.starts_with('/')));
        }
    });
    assert!(cases > 500, "{cases} cases");
}
