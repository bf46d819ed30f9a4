//! MLDoc as its own script writes it: a label, a tab, and the text as a byte string of Python (`b'...'` with `\xNN` for
//! every byte beyond ASCII), since the script encodes before it formats. Text without the quirk is taken as it is.
#![deny(clippy::indexing_slicing)]

use std::path::Path;

use glossa_base::Outcome;

use super::read::{Encoding, Rows, each_line};

/// Reads lines of label, tab and text.
pub(super) fn read(path: &Path, rows: &mut Rows<'_>) -> Outcome<()> {
    each_line(path, Encoding::Utf8, |line, text| {
        let Some((label, text)) = text.split_once('\t') else {
            return Err(rows.malformed(line, "no tab between label and text").into());
        };
        let text = match literal(text) {
            Some(body) => decoded(body).map_err(|reason| rows.malformed(line, reason))?,
            None => text.to_owned(),
        };
        rows.push(line, None, text, Some(label.to_owned()), true)
    })
}

/// What stands between the quotes of a byte string.
fn literal(text: &str) -> Option<&str> {
    let body = |quote: char| text.strip_prefix('b')?.strip_prefix(quote)?.strip_suffix(quote);
    body('\'').or_else(|| body('"'))
}

/// The text that the bytes of a byte string spell.
fn decoded(body: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(body.len());
    let mut letters = body.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            let mut buffer = [0; 4];
            bytes.extend_from_slice(letter.encode_utf8(&mut buffer).as_bytes());
            continue;
        }
        bytes.push(match letters.next() {
            Some('n') => b'\n',
            Some('t') => b'\t',
            Some('r') => b'\r',
            Some(plain @ ('\\' | '\'' | '"')) => plain as u8,
            Some('x') => {
                let digits: String = letters.by_ref().take(2).collect();
                let value = u8::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 2);
                value.ok_or_else(|| format!("`\\x{digits}` is no byte"))?
            }
            other => return Err(format!("`\\{}` is no escape of a byte string", other.unwrap_or(' '))),
        });
    }
    String::from_utf8(bytes).map_err(|cause| format!("the byte string is not UTF-8: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_strings_are_decoded() {
        let check = |text: &str, expected: Result<&str, &str>| match (literal(text).map(decoded), expected) {
            (Some(Ok(found)), Ok(expected)) => assert_eq!(found, expected),
            (Some(Err(found)), Err(expected)) => assert!(found.contains(expected), "{found}"),
            (found, expected) => panic!("{text}: {found:?}, not {expected:?}"),
        };
        check(r"b'caf\xc3\xa9 \xe6\x97\xa5'", Ok("café 日"));
        check(r#"b"it's""#, Ok("it's"));
        check(r#"b'say \'x\' \\ "y" \n\t'"#, Ok("say 'x' \\ \"y\" \n\t"));
        check(r"b'\xc3'", Err("not UTF-8"));
        check(r"b'\xg1'", Err("`\\xg1` is no byte"));
        check(r"b'\u00e9'", Err("`\\u` is no escape"));
        check(r"b'\'", Err("no escape"));
        assert_eq!(literal("b'open"), None);
        assert_eq!(literal("plain"), None);
    }
}
