//! Closes the holes that templates leave in a line: `( ; born 1950)`, `()`, ` ,`, `, ,`, double blanks.
#![deny(clippy::indexing_slicing, clippy::string_slice)]

/// Appends a line without holes to `out`. What needs no change is copied in runs.
pub(super) fn close(line: &str, out: &mut String) {
    if is_whole(line.as_bytes()) {
        out.push_str(line);
    } else {
        carefully(line, out);
    }
}

/// As [`close`], character by character.
fn carefully(line: &str, out: &mut String) {
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

/// Whether no hole can be in a line, by pairs of neighbours, without a branch for each: most lines are whole,
/// and blanks are too many and too irregular to be guessed.
fn is_whole(line: &[u8]) -> bool {
    let class = |table: &[u8; 256], byte: u8| table.get(usize::from(byte)).copied().unwrap_or(u8::MAX);
    let Some((&first, rest)) = line.split_first() else { return true };
    let mut found = class(&PAIRS.1, first);
    let mut before = class(&PAIRS.0, first);
    for byte in rest {
        found |= before & class(&PAIRS.1, *byte);
        before = class(&PAIRS.0, *byte);
    }
    found == 0
}

/// Classes of the first and of the second byte of pairs that may be holes: those that share a bit.
const PAIRS: ([u8; 256], [u8; 256]) = {
    let pairs: [(&[u8], &[u8]); 8] = [
        (b" ", b" ),."),
        (b"(\x88", b" ),;"),
        (b",", b","),
        (b"\xc2", b"\x85\xa0"),
        (b"\xe1", b"\x9a"),
        (b"\xe2", b"\x80\x81"),
        (b"\xe3\xef", b"\x80\xbc"),
        (&[], b"\t\x0b\x0c\r"),
    ];
    let mut tables = ([0x80; 256], [0; 256]);
    let mut bit = 0;
    while bit < pairs.len() {
        // Both tables have a place for every byte.
        #[expect(clippy::indexing_slicing, reason = "checked when compiled")]
        {
            let (mut firsts, mut seconds) = pairs[bit];
            while let [first, more @ ..] = firsts {
                tables.0[*first as usize] |= 1 << bit;
                firsts = more;
            }
            while let [second, more @ ..] = seconds {
                tables.1[*second as usize] |= 1 << bit;
                seconds = more;
            }
        }
        bit += 1;
    }
    tables
};

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_lines_are_left_alone_by_the_careful_way_too() {
        let symbols =
            [" ", "a", "(", ")", ",", ";", ".", "\t", "\u{a0}", "（", "）", "、", "，", "；", "\u{2009}", "ж"];
        let mut wholes = 0;
        for index in 0..symbols.len().pow(4) {
            let digit = |place: u32| index / symbols.len().pow(place) % symbols.len();
            let line: String = (0..4).filter_map(|place| symbols.get(digit(place)).copied()).collect();
            let (mut quick, mut careful) = (String::new(), String::new());
            close(&line, &mut quick);
            carefully(&line, &mut careful);
            assert_eq!(quick, careful, "{line:?}");
            wholes += usize::from(is_whole(line.as_bytes()));
        }
        assert!(wholes > 500, "{wholes}");
    }
}
