//! Undoes what web pages and old corpora leave in a text: broken references, `<br />`, the marks
//! of WikiText, and HTML character references.

use unicode_normalization::char::compose;

use super::UNKNOWN;
use super::spaces::collapse;

/// Whose list of corrections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// fastai v1.
    V1,
    /// fastai v2.
    V2,
}

/// What both versions replace, in order. The references lack their `&` there: so do corpora that
/// were escaped twice, at the price of an `&` left over from whole ones.
const COMMON: [(&str, &str); 12] = [
    ("#39;", "'"),
    ("amp;", "&"),
    ("#146;", "'"),
    ("nbsp;", " "),
    ("#36;", "$"),
    ("\\n", "\n"),
    ("quot;", "'"),
    ("<br />", "\n"),
    ("\\\"", "\""),
    ("<unk>", UNKNOWN),
    (" @.@ ", "."),
    (" @-@ ", "-"),
];

/// Applies the corrections of a version.
pub(super) fn fix(text: &str, style: Style) -> String {
    let replace = |text: String, (from, to): &(&str, &str)| {
        if text.contains(from) { text.replace(from, to) } else { text }
    };
    let text = COMMON.iter().fold(text.to_owned(), replace);
    match style {
        Style::V1 => {
            let text = [(" @,@ ", ","), ("\\", " \\ ")].iter().fold(text, replace);
            collapse(&unescape(&text))
        }
        Style::V2 => unescape(&replace(text, &("...", " …"))),
    }
}

/// The longest reference that is looked for, in bytes after the `&`.
const LONGEST: usize = 12;

/// Replaces HTML character references: numbers, and the names of Latin letters and common signs.
/// Unknown names stay.
pub(super) fn unescape(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        result.push_str(before);
        match reference(after) {
            Some((character, remaining)) => {
                result.push(character);
                rest = remaining;
            }
            None => {
                result.push('&');
                rest = after;
            }
        }
    }
    result.push_str(rest);
    result
}

/// Reads `name;` or `#number;`.
fn reference(text: &str) -> Option<(char, &str)> {
    let end = text.bytes().take(LONGEST).position(|byte| byte == b';')?;
    let (name, rest) = text.split_at_checked(end)?;
    let character = match name.strip_prefix('#') {
        Some(number) => numbered(number)?,
        None => named(name)?,
    };
    Some((character, rest.get(1..)?))
}

fn numbered(number: &str) -> Option<char> {
    let code = match number.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16).ok()?,
        None => number.parse().ok()?,
    };
    // Control characters are no text; Windows code page 1252 was meant in 128..160.
    match code {
        0x80..=0x9f => WINDOWS.chars().nth(code as usize - 0x80),
        9 | 10 | 13 | 32..=126 | 160.. => char::from_u32(code),
        _ => None,
    }
}

/// Code page 1252 from 128 to 159; undefined places are replacement characters.
const WINDOWS: &str = "€\u{fffd}‚ƒ„…†‡ˆ‰Š‹Œ\u{fffd}Ž\u{fffd}\u{fffd}‘’“”•–—˜™š›œ\u{fffd}žŸ";

const SIGNS: [(&str, char); 70] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", '\u{a0}'),
    ("iexcl", '¡'),
    ("cent", '¢'),
    ("pound", '£'),
    ("curren", '¤'),
    ("yen", '¥'),
    ("brvbar", '¦'),
    ("sect", '§'),
    ("uml", '¨'),
    ("copy", '©'),
    ("ordf", 'ª'),
    ("laquo", '«'),
    ("not", '¬'),
    ("shy", '\u{ad}'),
    ("reg", '®'),
    ("macr", '¯'),
    ("deg", '°'),
    ("plusmn", '±'),
    ("sup2", '²'),
    ("sup3", '³'),
    ("acute", '´'),
    ("micro", 'µ'),
    ("para", '¶'),
    ("middot", '·'),
    ("cedil", '¸'),
    ("sup1", '¹'),
    ("ordm", 'º'),
    ("raquo", '»'),
    ("frac14", '¼'),
    ("frac12", '½'),
    ("frac34", '¾'),
    ("iquest", '¿'),
    ("times", '×'),
    ("divide", '÷'),
    ("AElig", 'Æ'),
    ("aelig", 'æ'),
    ("Oslash", 'Ø'),
    ("oslash", 'ø'),
    ("ETH", 'Ð'),
    ("eth", 'ð'),
    ("THORN", 'Þ'),
    ("thorn", 'þ'),
    ("szlig", 'ß'),
    ("OElig", 'Œ'),
    ("oelig", 'œ'),
    ("euro", '€'),
    ("hellip", '…'),
    ("ndash", '–'),
    ("mdash", '—'),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("sbquo", '‚'),
    ("ldquo", '“'),
    ("rdquo", '”'),
    ("bdquo", '„'),
    ("lsaquo", '‹'),
    ("rsaquo", '›'),
    ("bull", '•'),
    ("dagger", '†'),
    ("permil", '‰'),
    ("trade", '™'),
    ("larr", '←'),
    ("rarr", '→'),
    ("minus", '−'),
    ("thinsp", '\u{2009}'),
];

const ACCENTS: [(&str, char); 7] = [
    ("grave", '\u{300}'),
    ("acute", '\u{301}'),
    ("circ", '\u{302}'),
    ("tilde", '\u{303}'),
    ("uml", '\u{308}'),
    ("ring", '\u{30a}'),
    ("cedil", '\u{327}'),
];

/// Signs by their names, and letters by letter and accent: `eacute` is é.
fn named(name: &str) -> Option<char> {
    if let Some((_, character)) = SIGNS.iter().find(|(known, _)| *known == name) {
        return Some(*character);
    }
    if name == "scaron" || name == "Scaron" {
        return Some(if name == "scaron" { 'š' } else { 'Š' });
    }
    let mut characters = name.chars();
    let letter = characters.next().filter(char::is_ascii_alphabetic)?;
    let (_, accent) = ACCENTS.iter().find(|(accent, _)| *accent == characters.as_str())?;
    compose(letter, *accent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        let check = |text: &str, expected: &str| assert_eq!(unescape(text), expected);
        check("a &lt;b&gt; &amp; c", "a <b> & c");
        check("&#8217;&#x2019;&#146;", "’’’");
        check("&eacute;&Uuml;&ccedil;&ntilde;&szlig;", "éÜçñß");
        check("&unknown; &; & &#xd800; &#0; &#99999999999;", "&unknown; &; & &#xd800; &#0; &#99999999999;");
        check("AT&T &amp;amp;", "AT&T &amp;");
        check("&é;", "&é;");
        check("&aaaaaaaaaaé;", "&aaaaaaaaaaé;");
    }

    #[test]
    fn corrections_of_both_versions() {
        let check = |text: &str, style: Style, expected: &str| assert_eq!(fix(text, style), expected);
        check("Plain page&nbsp;words<br />", Style::V1, "Plain page& words\n");
        check("it#39;s 1 @.@ 5 @-@ 2 @,@ 0", Style::V1, "it's 1.5-2,0");
        check("a \\n b <unk> \\ c", Style::V1, "a \n b xxunk \\ c");
        check("well... 2 @,@ 0 \\", Style::V2, "well … 2 @,@ 0 \\");
        check("#36;5 quot;x\\\"", Style::V2, "$5 'x\"");
    }
}
