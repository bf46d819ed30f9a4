//! The normalisation table of SentencePiece inside `tokenizer.json`: what a file may make of one character is limited.
#![deny(clippy::indexing_slicing)]

/// Bytes that one character may become; NFKC needs 33 at most.
const LONGEST: usize = 128;

/// Checks the table, which is written in base 64: the size of a double array, the array, and the replacement texts,
/// each ended by a zero byte.
pub(super) fn check(text: &str) -> Result<(), String> {
    let damaged = || "its normalisation table is damaged".to_owned();
    let table = decoded(text).ok_or_else(damaged)?;
    let (size, rest) = table.split_first_chunk::<4>().ok_or_else(damaged)?;
    let (array, texts) = rest.split_at_checked(u32::from_le_bytes(*size) as usize).ok_or_else(damaged)?;
    if array.is_empty() || !array.len().is_multiple_of(4) {
        return Err(damaged());
    }
    if texts.split(|&byte| byte == 0).any(|text| text.len() > LONGEST) {
        return Err(format!("its normalisation makes more than {LONGEST} bytes of a character"));
    }
    Ok(())
}

/// Bytes of base 64 with padding.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let body = text.trim_end_matches('=');
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut held, mut bits) = (0u32, 0);
    for byte in body.bytes() {
        held = held << 6 | u32::from(digit(byte)?);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).ok()?);
        }
    }
    Some(bytes)
}

fn digit(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_64() {
        assert_eq!(decoded("aGVsbG8="), Some(b"hello".to_vec()));
        assert_eq!(decoded(""), Some(Vec::new()));
        assert_eq!(decoded("a*"), None);
    }

    #[test]
    fn tables() {
        assert!(check("AAAA").is_err());
        assert!(check("////////").is_err());
        // A size of 4, one unit, one empty text.
        assert_eq!(check("BAAAAAAAAAAA"), Ok(()));
        // One byte, `A`, 300 times: an array of 4 bytes and a text of more than 128.
        assert!(check(&format!("BAAAAAAAAA{}", "QUFB".repeat(100))).is_err());
    }
}
