//! Numbers and strings as pickles write them.

/// An integer in two's complement, lowest byte first, of any length; `None` if it has more than 16 bytes.
pub(super) fn integer(bytes: &[u8]) -> Option<i128> {
    let is_negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut whole = if is_negative { [0xff; 16] } else { [0; 16] };
    whole.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(i128::from_le_bytes(whole))
}

/// `raw-unicode-escape`: `\uXXXX` and `\UXXXXXXXX` are characters, every other byte is one of Latin-1.
pub(super) fn raw_unicode(line: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((first, after)) = rest.split_first() {
        let digits = match (first, after.first()) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            _ => {
                text.push(char::from(*first));
                rest = after;
                continue;
            }
        };
        text.push(char::from_u32(hexadecimal(after.get(1..=digits)?)?)?);
        rest = after.get(digits + 1..)?;
    }
    Some(text)
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    let digits = std::str::from_utf8(digits).ok()?;
    if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) { u32::from_str_radix(digits, 16).ok() } else { None }
}

/// What Python 2 writes as `repr` of a string: in quotes, with escapes for bytes.
pub(super) fn quoted(line: &[u8]) -> Option<Vec<u8>> {
    let quote = *line.first().filter(|quote| matches!(quote, b'\'' | b'"'))?;
    let mut rest = line.get(1..)?.strip_suffix(&[quote])?;
    let mut bytes = Vec::with_capacity(rest.len());
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let (escape, after) = after.split_first()?;
        rest = after;
        bytes.push(match escape {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'\\' | b'\'' | b'"' => *escape,
            b'x' => {
                let value = hexadecimal(rest.get(..2)?)?;
                rest = rest.get(2..)?;
                u8::try_from(value).ok()?
            }
            _ => return None,
        });
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_have_a_sign_and_at_most_sixteen_bytes() {
        let cases: [(&[u8], Option<i128>); 6] = [
            (&[], Some(0)),
            (&[0xff], Some(-1)),
            (&[0xff, 0], Some(255)),
            (&[0, 0, 0, 0, 0, 0, 0, 0x80, 0], Some(1 << 63)),
            (&[0xff; 16], Some(-1)),
            (&[1; 17], None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(integer(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn escapes_are_undone() {
        let cases: [(&[u8], Option<&str>); 6] = [
            (b"abc", Some("abc")),
            (b"\\u2581the\\U0001f600", Some("\u{2581}the\u{1f600}")),
            (b"caf\xe9 \\n", Some("caf\u{e9} \\n")),
            (b"\\u12", None),
            (b"\\ud800", None),
            (b"\\u+123", None),
        ];
        for (line, expected) in cases {
            assert_eq!(raw_unicode(line).as_deref(), expected, "{line:?}");
        }
        let cases: [(&[u8], Option<&[u8]>); 7] = [
            (b"'a\\n\\x41\\''", Some(b"a\nA'")),
            (b"\"it's\"", Some(b"it's")),
            (b"''", Some(b"")),
            (b"'", None),
            (b"'a", None),
            (b"'\\x4'", None),
            (b"os.system", None),
        ];
        for (line, expected) in cases {
            assert_eq!(quoted(line).as_deref(), expected, "{line:?}");
        }
    }
}
