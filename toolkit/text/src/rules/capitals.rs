//! Capitals become words of their own: `Hello` is `xxmaj hello`, `HELLO` is `xxup hello`.

use super::{CAPITALISED, UPPER};

/// Which letters are capitals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    /// Those of every script.
    Unicode,
    /// A to Z.
    Ascii,
}

impl Case {
    fn is_upper(self, character: char) -> bool {
        match self {
            Case::Unicode => is_upper(character),
            Case::Ascii => character.is_ascii_uppercase(),
        }
    }

    fn is_lower(self, character: char) -> bool {
        match self {
            Case::Unicode => character.is_lowercase(),
            Case::Ascii => character.is_ascii_lowercase(),
        }
    }
}

/// Capital letters, and title-case letters such as ǅ.
fn is_upper(character: char) -> bool {
    character.is_uppercase() || (!character.is_lowercase() && character.to_lowercase().next() != Some(character))
}

/// fastai v1: words between white space; all capitals and longer than one character take `xxup`,
/// a capital before small letters alone takes `xxmaj`; all are lower-cased and joined by spaces.
pub(super) fn mark_tokens(text: &str) -> String {
    let mut result = String::with_capacity(text.len() + text.len() / 4);
    for word in text.split_whitespace() {
        if !result.is_empty() {
            result.push(' ');
        }
        push_marked(&mut result, word, token_mark(word));
    }
    result
}

fn token_mark(word: &str) -> Option<&'static str> {
    let mut characters = word.chars();
    let first = characters.next()?;
    let rest = characters.as_str();
    if rest.is_empty() {
        None
    } else if all_upper(word) {
        Some(UPPER)
    } else if is_upper(first) && all_lower(rest) {
        Some(CAPITALISED)
    } else {
        None
    }
}

/// At least one letter with case, and no small one.
fn all_upper(word: &str) -> bool {
    word.chars().any(is_upper) && !word.chars().any(char::is_lowercase)
}

/// At least one small letter, and no capital.
fn all_lower(word: &str) -> bool {
    word.chars().any(char::is_lowercase) && !word.chars().any(is_upper)
}

/// fastai v2: words that begin with a capital and are longer than one character take `xxup` where
/// no small letter follows, `xxmaj` where no capital follows; all text is lower-cased, white space
/// stays.
pub(super) fn mark_words(text: &str, case: Case) -> String {
    map_words(text, |word| {
        let mut characters = word.chars();
        let first = characters.next()?;
        let rest = characters.as_str();
        if rest.is_empty() || !case.is_upper(first) {
            None
        } else if !rest.chars().any(|character| case.is_lower(character)) {
            Some(UPPER)
        } else if !rest.chars().any(|character| case.is_upper(character)) {
            Some(CAPITALISED)
        } else {
            None
        }
    })
}

/// HAHA 2019: words in capitals of at least `least` characters take `xxup`; all text is lower-cased.
pub(super) fn mark_upper(text: &str, least: usize) -> String {
    map_words(text, |word| (all_upper(word) && word.chars().nth(least - 1).is_some()).then_some(UPPER))
}

/// Marks and lower-cases each word, keeping the white space between them.
fn map_words(text: &str, mark: impl Fn(&str) -> Option<&'static str>) -> String {
    let mut result = String::with_capacity(text.len() + text.len() / 4);
    for part in text.split_inclusive(char::is_whitespace) {
        let word = part.trim_end();
        let space = part.strip_prefix(word).unwrap_or_default();
        push_marked(&mut result, word, mark(word));
        result.push_str(space);
    }
    result
}

fn push_marked(result: &mut String, word: &str, mark: Option<&str>) {
    if let Some(mark) = mark {
        result.push_str(mark);
        result.push(' ');
    }
    // Word by word, so that a final sigma is the end of its own word.
    result.push_str(&word.to_lowercase());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens() {
        let check = |text: &str, expected: &str| assert_eq!(mark_tokens(text), expected);
        check("MARY Has a Lamb", "xxup mary xxmaj has a xxmaj lamb");
        check("I saw McDonald", "i saw mcdonald");
        check("Żółw ŻÓŁW żółw", "xxmaj żółw xxup żółw żółw");
        check("Привет МИР", "xxmaj привет xxup мир");
        check("ΟΔΟΣ Οδός", "xxup οδος xxmaj οδός");
        check("ǅep", "xxmaj ǆep");
        check("İstanbul", "xxmaj i\u{307}stanbul");
        check("Straße STRASSE", "xxmaj straße xxup strasse");
        check("E\u{301}tat E\u{301}", "xxmaj e\u{301}tat xxup e\u{301}");
        check("3D 42 ﷽ 漢字 😂", "xxup 3d 42 ﷽ 漢字 😂");
        check("\"Hello\" U.S.", "\"hello\" xxup u.s.");
        check("a\n b", "a b");
    }

    #[test]
    fn words_of_version_two() {
        let check = |text: &str, case: Case, expected: &str| assert_eq!(mark_words(text, case), expected);
        check("I'm SHOUTING Now A", Case::Unicode, "xxmaj i'm xxup shouting xxmaj now a");
        check("Żar ŻAR", Case::Unicode, "xxmaj żar xxup żar");
        check("Żar ŻAR Zar", Case::Ascii, "żar żar xxmaj zar");
        check("two  spaces\nLine", Case::Unicode, "two  spaces\nxxmaj line");
        check("eBay McDonald", Case::Unicode, "ebay mcdonald");
    }

    #[test]
    fn long_words_in_capitals() {
        assert_eq!(mark_upper("QUE TAL OK Juan", 3), "xxup que xxup tal ok juan");
        assert_eq!(mark_upper("¡¡¡ A!!", 3), "¡¡¡ xxup a!!");
    }
}
