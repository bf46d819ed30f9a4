//! Names of entries: they must stay inside a folder, on every system, and no two may mean the same file.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::Error;

/// The longest name, and the longest part of one, in bytes.
const LONGEST: usize = 1024;
const LONGEST_PART: usize = 255;

/// The names of an archive so far, by their hash: memory does not depend on their length.
pub(super) struct Names {
    archive: String,
    /// Whether each is a file; the folders that files lie in are there too.
    seen: HashMap<[u8; 16], bool>,
    limit: u64,
}

impl Names {
    pub(super) fn new(archive: &str, limit: u64) -> Self {
        Names { archive: archive.to_owned(), seen: HashMap::new(), limit }
    }

    /// Checks a name and remembers it; gives it with single slashes and without `.`, `a/b` for `./a//b`.
    pub(super) fn admit(&mut self, name: &[u8], is_file: bool) -> Result<String, Error> {
        let bad = |reason| Error::BadName { archive: self.archive.clone(), entry: shown(name), reason };
        let name = plain(name).map_err(bad)?;
        if name.is_empty() {
            // The folder itself, as `./` in tar.
            return if is_file { Err(bad("an empty name")) } else { Ok(name) };
        }
        let folded = name.to_uppercase().to_lowercase();
        for (end, _) in folded.match_indices('/') {
            self.remember(folded.get(..end).unwrap_or_default(), false, &name)?;
        }
        self.remember(&folded, is_file, &name)?;
        Ok(name)
    }

    fn remember(&mut self, folded: &str, is_file: bool, name: &str) -> Result<(), Error> {
        let mut key = [0; 16];
        key.iter_mut().zip(Sha256::digest(folded.as_bytes())).for_each(|(to, from)| *to = from);
        let former = self.seen.insert(key, is_file);
        if former == Some(true) || (former == Some(false) && is_file) {
            return Err(Error::Duplicate { archive: self.archive.clone(), entry: name.to_owned() });
        }
        if self.seen.len() as u64 > self.limit.saturating_mul(2) {
            return Err(Error::TooMany { archive: self.archive.clone(), limit: self.limit });
        }
        Ok(())
    }
}

/// A name as it is shown in messages.
pub(super) fn shown(name: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(name).chars().take(200).collect();
    text.escape_debug().to_string()
}

fn plain(name: &[u8]) -> Result<String, &'static str> {
    let name = std::str::from_utf8(name).map_err(|_| "a name that is not UTF-8")?;
    if name.len() > LONGEST {
        return Err("a name of more than 1024 bytes");
    }
    if name.starts_with('/') {
        return Err("an absolute path");
    }
    if name.chars().any(|character| character.is_control() || turns(character)) {
        return Err("a control character in its name");
    }
    if name.contains('\\') {
        return Err("a backslash in its name");
    }
    let parts = name.split('/').filter(|part| !part.is_empty() && *part != ".");
    let parts: Vec<&str> = parts.map(|part| checked(part).map(|()| part)).collect::<Result<_, _>>()?;
    Ok(parts.join("/"))
}

fn checked(part: &str) -> Result<(), &'static str> {
    let drive = |part: &str| matches!(part.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    match part {
        ".." => Err("a path that leads out of its folder"),
        _ if part.len() > LONGEST_PART => Err("a part of its name has more than 255 bytes"),
        _ if drive(part) => Err("a drive in its name"),
        // Windows leaves them out, so that two names would be one.
        _ if part.ends_with(['.', ' ']) => Err("a part of its name ends with a dot or a space"),
        _ => Ok(()),
    }
}

/// Characters that change the direction of writing, so that a name is not what it looks like.
fn turns(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
