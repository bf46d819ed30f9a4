//! Closes the holes that templates leave in a line: `( ; born 1950)`, `()`, ` ,`, `, ,`, double blanks.
#![deny(clippy::indexing_slicing, clippy::string_slice)]

/// Appends a line without holes to `out`. What needs no change is copied in runs.
pub(super) fn close(line: &str, out: &mut String) {
    let from = out.len();
    let bytes = line.as_bytes();
    let (mut run, mut at) = (0, 0);
    while let Some(&byte) = bytes.get(at) {
        let before = if at > run { bytes.get(at - 1).copied() } else { None };
        if !IS_MARK.get(usize::from(byte)).copied().unwrap_or(true) || is_harmless(byte, before, bytes, at) {
            at += 1;
            continue;
        }
        out.push_str(line.get(run..at).unwrap_or(""));
        let mut symbols = line.get(at..).unwrap_or("").chars();
        let Some(symbol) = symbols.next() else { break };
        take(symbol, symbols.next(), from, out);
        at += symbol.len_utf8();
        run = at;
    }
    out.push_str(line.get(run..).unwrap_or(""));
}

/// Bytes that may begin a character which holes consist of.
const IS_MARK: [bool; 256] = {
    let mut table = [false; 256];
    let marks: &[u8] = b" \t\x0b\x0c\r,;.)\xc2\xe1\xe2\xe3\xef";
    let mut rest = marks;
    while let [mark, more @ ..] = rest {
        // The table has a place for every byte.
        #[expect(clippy::indexing_slicing, reason = "checked when compiled")]
        {
            table[*mark as usize] = true;
        }
        rest = more;
    }
    table
};

/// Whether a mark stays as it is, judged by the byte before it in the same run.
fn is_harmless(byte: u8, before: Option<u8>, bytes: &[u8], at: usize) -> bool {
    // The last byte of a wide opening parenthesis.
    const WIDE: u8 = 0x88;
    let Some(before) = before else { return false };
    match byte {
        b' ' | b')' => !matches!(before, b' ' | b'(' | WIDE),
        b',' => !matches!(before, b' ' | b'(' | b',' | WIDE),
        b';' => !matches!(before, b'(' | WIDE),
        b'.' => before != b' ',
        0xc2.. => !is_wide_mark(bytes.get(at..).unwrap_or_default()),
        _ => false,
    }
}

/// White space beyond ASCII, and punctuation as wide as an ideograph.
fn is_wide_mark(bytes: &[u8]) -> bool {
    match bytes {
        [0xc2, second, ..] => matches!(second, 0x85 | 0xa0),
        [0xe1, 0x9a, ..] | [0xe2, 0x80 | 0x81, ..] => true,
        [0xe3, 0x80, third, ..] => matches!(third, 0x80 | 0x81),
        [0xef, 0xbc, third, ..] => matches!(third, 0x89 | 0x8c | 0x9b),
        _ => false,
    }
}

/// Appends one character of a line that begins at `from`.
fn take(symbol: char, next: Option<char>, from: usize, out: &mut String) {
    let opens = out.len() == from || out.ends_with(['(', '（']);
    match symbol {
        symbol if symbol.is_whitespace() => {
            if !opens && !out.ends_with(' ') {
                out.push(' ');
            }
        }
        ',' | ';' | '，' | '；' | '、' if opens => {}
        ')' | '）' => close_parenthesis(symbol, from, out),
        ',' => {
            trim_blank(out);
            if !out.ends_with(',') {
                out.push(',');
            }
        }
        '.' => {
            if next.is_none_or(char::is_whitespace) {
                trim_blank(out);
            }
            out.push('.');
        }
        _ => out.push(symbol),
    }
}

fn close_parenthesis(symbol: char, from: usize, out: &mut String) {
    if out.ends_with(' ') {
        trim_blank(out);
        if out.ends_with([',', ';']) {
            out.pop();
        }
    }
    if out.len() > from && out.ends_with(['(', '（']) {
        out.pop();
        return;
    }
    out.push(symbol);
}

fn trim_blank(out: &mut String) {
    if out.ends_with(' ') {
        out.pop();
    }
}
