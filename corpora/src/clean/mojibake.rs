//! UTF-8 that was read as Latin-1 or Windows-1252, once or several times: found line by line and turned
//! back, where nothing else can have been meant. Other broken encodings are left alone: to guess wrong
//! would damage good text.
#![deny(clippy::indexing_slicing)]

/// What bytes 0x80 to 0x9F stand for in Windows-1252; where it has nothing, Latin-1's control characters.
const HIGH: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// How often a text may have been broken.
const DEEPEST: usize = 3;

/// The repaired text, or `None` where nothing is certainly broken.
pub(super) fn repair(text: &str) -> Option<String> {
    if !text.chars().any(is_lead) {
        return None;
    }
    // One line that is certainly broken speaks for the others of its document.
    if !text.split('\n').any(|line| is_certain(line) && turn_back(line).is_some()) {
        return None;
    }
    let lines: Vec<String> =
        text.split('\n').map(|line| repair_line(line).unwrap_or_else(|| line.to_owned())).collect();
    Some(lines.join("\n"))
}

fn repair_line(line: &str) -> Option<String> {
    let mut found = None;
    for _ in 0..DEEPEST {
        match turn_back(found.as_deref().unwrap_or(line)) {
            Some(better) => found = Some(better),
            None => break,
        }
    }
    found
}

/// The line as it was before one wrong reading, if it is UTF-8 in the bytes of Windows-1252.
fn turn_back(line: &str) -> Option<String> {
    if !line.chars().any(is_lead) {
        return None;
    }
    let bytes: Option<Vec<u8>> = line.chars().map(byte_of).collect();
    String::from_utf8(bytes?).ok()
}

/// Whether the sequences speak for themselves. One alone may be meant as it stands, as in "AMANHÃ…" or
/// "Â»": it counts where a small letter precedes it or it stands for three bytes; two or more count unless
/// all follow a capital.
fn is_certain(line: &str) -> bool {
    let (mut sequences, mut after_capital, mut strong) = (0, 0, false);
    let (mut previous, mut left) = (' ', 0);
    for character in line.chars() {
        if left > 0 {
            left -= 1;
        } else if is_lead(character) {
            sequences += 1;
            after_capital += usize::from(previous.is_ascii_uppercase());
            left = length(character) - 1;
            strong |= previous.is_ascii_lowercase() || left > 1;
        }
        previous = character;
    }
    strong || (sequences > 1 && after_capital < sequences)
}

/// Whether a character is the first byte of a sequence of UTF-8.
fn is_lead(character: char) -> bool {
    ('\u{c2}'..='\u{f4}').contains(&character)
}

/// How long a sequence with this first byte is.
fn length(lead: char) -> usize {
    match lead {
        '\u{f0}'.. => 4,
        '\u{e0}'.. => 3,
        _ => 2,
    }
}

/// The byte that Windows-1252 or Latin-1 writes a character with.
fn byte_of(character: char) -> Option<u8> {
    if let Some(place) = HIGH.iter().position(|high| *high == character) {
        return u8::try_from(0x80 + place).ok();
    }
    u8::try_from(u32::from(character)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Breaks a text as a reader does that takes UTF-8 for Windows-1252.
    fn broken(text: &str) -> String {
        let high = |byte: u8| usize::from(byte).checked_sub(0x80).and_then(|place| HIGH.get(place));
        let read = |byte: u8| high(byte).copied().unwrap_or(char::from(byte));
        text.bytes().map(read).collect()
    }

    #[test]
    fn broken_text_comes_back() {
        for text in [
            "Ça va très bien, merci.",
            "naïve café",
            "Příliš žluťoučký kůň",
            "Зелёная трава",
            "“Quoted” – and more…",
            "日本語のテキスト",
            "São Paulo é grande\nsegunda linha é boa",
            "it’s",
            "señor",
        ] {
            let once = broken(text);
            assert_eq!(repair(&once).as_deref(), Some(text), "{once}");
            assert_eq!(repair(&broken(&once)).as_deref(), Some(text), "twice: {text}");
        }
        assert_eq!(repair("Ð\u{9f}Ñ\u{80}Ð¸Ð²ÐµÑ\u{82}").as_deref(), Some("Привет"));
    }

    #[test]
    fn good_text_is_left_alone() {
        for text in [
            "",
            "plain",
            "Ça va très bien",
            "AMANHÃ…",
            "PÂINEÂ»",
            "“AMANHÃ” e “IRMÃ”",
            "NÃO À TOA",
            "Ã© alone",
            "Å, Ä och Ö",
            "Þórður Ð og ð",
            "Зелёная трава",
            "日本語",
            "mixed café and cafÃ©",
        ] {
            assert_eq!(repair(text), None, "{text}");
        }
    }
}
