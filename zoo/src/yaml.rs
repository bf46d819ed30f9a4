//! Strings and numbers as YAML 1.2 scalars that no parser, of 1.1 either, takes for something else.

/// A string, plain where it cannot be misread, else in double quotes.
pub(crate) fn string(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

/// A finite number; YAML 1.1 needs the point to see a float.
pub(crate) fn number(value: f64) -> String {
    let text = format!("{value}");
    if text.contains('.') { text } else { format!("{text}.0") }
}

fn is_plain(text: &str) -> bool {
    // What YAML 1.1 or 1.2 reads as a truth value or as nothing; `no` is also Norwegian.
    const RESERVED: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'/' | b'.');
    text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && text.bytes().all(safe)
        && !RESERVED.contains(&text.to_lowercase().as_str())
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            letter if is_printable(letter) => quoted.push(letter),
            letter if u32::from(letter) <= 0xffff => quoted.push_str(&format!("\\u{:04x}", u32::from(letter))),
            letter => quoted.push_str(&format!("\\U{:08x}", u32::from(letter))),
        }
    }
    quoted.push('"');
    quoted
}

/// YAML 1.2, section 5.1, less what breaks lines or turns the direction of reading.
fn is_printable(letter: char) -> bool {
    let turns = matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let breaks = matches!(letter, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    !letter.is_control() && !turns && !breaks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_not_misread() {
        let cases = [
            ("eu", "eu"),
            ("cc-by-sa-4.0", "cc-by-sa-4.0"),
            ("text-classification", "text-classification"),
            ("no", "\"no\""),
            ("Yes", "\"Yes\""),
            ("", "\"\""),
            ("1e3", "\"1e3\""),
            ("a: b # c", "\"a: b # c\""),
            ("- x", "\"- x\""),
            ("a\"b\\c\nd\u{85}\u{2028}\u{e0001}", "\"a\\\"b\\\\c\\nd\\u0085\\u2028\u{e0001}\""),
            ("euskara: ñ", "\"euskara: ñ\""),
            ("\u{202e}x\u{0}", "\"\\u202ex\\u0000\""),
        ];
        for (text, expected) in cases {
            assert_eq!(string(text), expected);
        }
    }

    #[test]
    fn numbers_are_floats() {
        for (value, expected) in [(0.5, "0.5"), (1.0, "1.0"), (-3.0, "-3.0"), (0.1 + 0.2, "0.30000000000000004")] {
            assert_eq!(number(value), expected);
        }
    }
}
