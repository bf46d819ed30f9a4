//! Cuts `tokenizer.json` into its top-level values without building anything, so that each can be read with limits
//! of its own.
#![deny(clippy::indexing_slicing)]

use std::collections::HashMap;

/// Brackets in brackets; real files have five or so.
const DEEPEST: usize = 64;

/// The top-level values of a JSON object by key, each as its bytes. The values are not checked: their readers do that.
pub(super) fn sections(bytes: &[u8]) -> Result<HashMap<String, &[u8]>, String> {
    let mut scan = Scan { bytes, found: HashMap::new(), depth: 0, start: 0, key: None };
    let (mut in_string, mut escaped) = (false, false);
    for (place, &byte) in bytes.iter().enumerate() {
        if in_string {
            (in_string, escaped) = (escaped || byte != b'"', !escaped && byte == b'\\');
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => scan.open(place, byte)?,
            b'}' | b']' => scan.close(place)?,
            b':' if scan.depth == 1 => scan.colon(place)?,
            b',' if scan.depth == 1 => scan.end_value(place)?,
            _ => {}
        }
    }
    if in_string || scan.depth != 0 || scan.found.is_empty() {
        return Err("it is not a whole JSON object".to_owned());
    }
    Ok(scan.found)
}

struct Scan<'a> {
    bytes: &'a [u8],
    found: HashMap<String, &'a [u8]>,
    depth: usize,
    /// Where the present key or value begins.
    start: usize,
    key: Option<String>,
}

impl Scan<'_> {
    fn open(&mut self, place: usize, byte: u8) -> Result<(), String> {
        let first = self.depth == 0;
        if first && (byte != b'{' || !self.found.is_empty()) {
            return Err("it is not a JSON object".to_owned());
        }
        self.depth += 1;
        if first {
            self.start = place + 1;
        }
        if self.depth > DEEPEST { Err(format!("it is nested deeper than {DEEPEST}")) } else { Ok(()) }
    }

    fn close(&mut self, place: usize) -> Result<(), String> {
        self.depth = self.depth.checked_sub(1).ok_or("it closes a bracket that was not opened")?;
        if self.depth == 0 { self.end_value(place) } else { Ok(()) }
    }

    fn colon(&mut self, place: usize) -> Result<(), String> {
        let text = self.bytes.get(self.start..place).unwrap_or_default();
        let key = serde_json::from_slice(text).map_err(|cause| format!("a key is not a string: {cause}"))?;
        self.start = place + 1;
        if self.key.replace(key).is_some() { Err("two keys with one value".to_owned()) } else { Ok(()) }
    }

    fn end_value(&mut self, place: usize) -> Result<(), String> {
        let value = self.bytes.get(self.start..place).unwrap_or_default();
        self.start = place + 1;
        let key = self.key.take().ok_or("a value without a key")?;
        let text = format!("the key {:?} is there twice", key.chars().take(40).collect::<String>());
        if self.found.insert(key, value).is_some() { Err(text) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_by_key() {
        let found = sections(br#" {"a": 1, "b\"c" : {"x": [1, "],}"]} , "d":"\\"} "#).unwrap();
        assert_eq!(found.get("a").copied(), Some(&b" 1"[..]));
        assert_eq!(found.get("b\"c").copied(), Some(&br#" {"x": [1, "],}"]} "#[..]));
        assert_eq!(found.get("d").copied(), Some(&br#""\\""#[..]));
    }

    #[test]
    fn what_is_no_object() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(90), "]".repeat(90));
        for bad in [
            "",
            "[]",
            "{",
            "{}",
            "{}}",
            "{\"a\":1",
            "{\"a\":\"",
            "{a:1}",
            "{\"a\":1,\"a\":2}",
            "{\"a\":1}{\"b\":2}",
            "{1}",
            "]",
            &deep,
        ] {
            assert!(sections(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
