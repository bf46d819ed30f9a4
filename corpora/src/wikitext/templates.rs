//! The few templates that only format their arguments, or stand for a character. Names of the English
//! Wikipedia, which many wikis share; every other template is left out.
#![deny(clippy::indexing_slicing, clippy::string_slice)]

/// Longest name that is looked up, in bytes.
const LONGEST_NAME: usize = 40;

/// The text of a template, given what is between its braces; `None` leaves it out.
pub(super) fn text_of(inner: &str) -> Option<String> {
    let head: String = inner.chars().take(LONGEST_NAME).take_while(|&symbol| symbol != '|').collect();
    let name = head.trim().to_lowercase().replace('_', " ");
    if let Some(number) = name.strip_prefix("formatnum:") {
        return Some(number.to_owned());
    }
    let first = || argument(inner, 1);
    match name.as_str() {
        "nowrap" | "nobr" | "nobold" | "noitalic" | "small" | "smaller" | "big" | "larger" | "em" | "strong"
        | "abbr" | "tooltip" | "nihongo" | "math" | "mvar" | "val" | "sub" | "sup" | "flag" | "flagcountry"
        | "angle" | "angbr" | "not a typo" | "typo" | "sic" | "visible anchor" | "vanchor" | "smallcaps" | "sc"
        | "as written" | "ship" | "uss" | "hms" | "main page" | "section link" | "ill" | "interlanguage link"
        | "unichar" => first(),
        "lang" | "transl" | "tlit" | "transliteration" | "script" => argument(inner, 2).or_else(first),
        _ if name.starts_with("lang-") => first(),
        "quote" | "blockquote" | "cquote" | "quotation" | "bquote" | "rquote" => {
            named(inner, &["text", "quote"]).or_else(first).map(|text| format!("\n{text}\n"))
        }
        "convert" | "cvt" => convert(inner),
        "frac" | "sfrac" => Some(format!("{}/{}", first()?, argument(inner, 2)?)),
        "circa" | "c." => Some(format!("c. {}", first().unwrap_or_default())),
        "as of" => Some(format!("As of {}", first()?)),
        "ndash" | "en dash" => Some("–".to_owned()),
        "snd" | "spnd" | "spaced ndash" | "spaced en dash" | "dash" => Some(" – ".to_owned()),
        "mdash" | "em dash" => Some("—".to_owned()),
        "nbsp" | "space" | "spaces" | "nnbsp" | "thinsp" | "·" | "•" => Some(" ".to_owned()),
        "'" => Some("'".to_owned()),
        "'s" => Some("'s".to_owned()),
        "=" => Some("=".to_owned()),
        "pi" => Some("π".to_owned()),
        _ => None,
    }
}

/// `{{convert|10|km|mi}}` reads "10 km", `{{convert|10|to|20|km}}` "10 to 20 km".
fn convert(inner: &str) -> Option<String> {
    let wanted = match argument(inner, 2)?.as_str() {
        "to" | "-" | "–" | "and" | "by" | "x" | "or" => 4,
        _ => 2,
    };
    let parts: Option<Vec<String>> = (1..=wanted).map(|index| argument(inner, index)).collect();
    Some(parts?.join(" "))
}

/// Positional argument `wanted`, from 1, trimmed; `None` where it is missing or empty.
fn argument(inner: &str, wanted: usize) -> Option<String> {
    let mut position = 0;
    for part in parts(inner).skip(1) {
        let text = match name_of(part) {
            None => {
                position += 1;
                if position != wanted {
                    continue;
                }
                part
            }
            Some((name, text)) if name.parse() == Ok(wanted) => text,
            Some(_) => continue,
        };
        return Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    }
    None
}

/// The argument of the first of some names.
fn named(inner: &str, names: &[&str]) -> Option<String> {
    let found = parts(inner).skip(1).filter_map(name_of).find(|(name, _)| names.contains(name));
    found.map(|(_, text)| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Name and text of `name=text`; the name has neither markup nor a space, as those of the table above.
fn name_of(part: &str) -> Option<(&str, &str)> {
    let (name, text) = part.split_once('=')?;
    let name = name.trim();
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)).then_some((name, text))
}

/// The parts between bars, those within links not counted.
fn parts(inner: &str) -> impl Iterator<Item = &str> {
    let mut links = 0_usize;
    let mut former = ' ';
    inner.split(move |symbol: char| {
        match (former, symbol) {
            ('[', '[') => links += 1,
            (']', ']') => links = links.saturating_sub(1),
            _ => {}
        }
        former = if matches!((former, symbol), ('[', '[') | (']', ']')) { ' ' } else { symbol };
        symbol == '|' && links == 0
    })
}
