//! Unpacking through its public surface: what is packed comes back, and what is hostile or damaged is refused
//! with its place named.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod archives;
mod damage;
mod hostile;
#[path = "../support/mutate.rs"]
mod mutate;
#[path = "../support/packers.rs"]
mod packers;
mod packings;

use std::io::{Cursor, Read};

use glossa_base::unpack::{Archive, Error, Limits};

/// Names and contents of an archive's entries, or what is wrong with it.
fn entries_within(name: &str, bytes: &[u8], limits: &Limits) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let mut found = Vec::new();
    for entry in Archive::new(name, Cursor::new(bytes.to_vec()), limits)? {
        let mut entry = entry?;
        let mut contents = Vec::new();
        let read = entry.read_to_end(&mut contents);
        read.map_err(|cause| Error::from_io(cause).unwrap())?;
        assert_eq!(contents.len() as u64, entry.size);
        found.push((entry.name, contents));
    }
    Ok(found)
}

fn entries(name: &str, bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, Error> {
    entries_within(name, bytes, &Limits::default())
}
