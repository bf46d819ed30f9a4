//! Repeated characters (`xxrep 5 o`) and repeated words (`xxwrep 3 no`).
//!
//! The published rules are regular expressions with back-references, which need quadratic time on
//! some texts. Here a text is cut into units once and runs of equal units are counted.

use unicode_normalization::char::is_combining_mark;

use super::{REPEATED, REPEATED_WORD};

/// A run of at least `least` equal characters becomes ` xxrep count character `.
///
/// White space and combining marks are no repetitions, and a last character that carries a mark
/// is another character: it is left out of the run.
pub(super) fn characters(text: &str, least: usize) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        let mut count = 1;
        while rest.next_if_eq(&character).is_some() {
            count += 1;
        }
        let marked = usize::from(rest.peek().is_some_and(|&next| is_combining_mark(next)));
        let replaceable = !character.is_whitespace() && !is_combining_mark(character);
        if replaceable && count - marked >= least {
            result.push_str(&format!(" {REPEATED} {} {character} ", count - marked));
            count = marked;
        }
        result.extend(std::iter::repeat_n(character, count));
    }
    result
}

/// Letters, digits, the underscore, and the marks that belong to them.
fn in_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || is_combining_mark(character)
}

/// Cuts a text into words and what stands between them, in turn; the first word may be empty.
fn units(text: &str) -> Vec<(&str, &str)> {
    let mut units = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (word, after) = split(rest, in_word);
        let (separator, after) = split(after, |character| !in_word(character));
        units.push((word, separator));
        rest = after;
    }
    units
}

fn split(text: &str, inside: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|character| !inside(character)).unwrap_or(text.len()))
}

/// fastai v1: at least `least` equal words, each followed by the same separator, become
/// ` xxwrep count word separator `.
pub(super) fn words_with_separator(text: &str, least: usize) -> String {
    let units = units(text);
    let mut result = String::with_capacity(text.len());
    for run in units.chunk_by(|left, right| left == right) {
        let Some((word, separator)) = run.first() else { continue };
        if run.len() >= least && !word.is_empty() && !separator.is_empty() {
            result.push_str(&format!(" {REPEATED_WORD} {} {word}{separator} ", run.len()));
        } else {
            run.iter().for_each(|(word, separator)| result.extend([*word, *separator]));
        }
    }
    result
}

/// fastai v2: at least `least` equal words between white space become ` xxwrep count word `; the
/// last may be followed by anything that is no word, and the white space before the run goes.
pub(super) fn words(text: &str, least: usize) -> String {
    let units = units(text);
    let mut result = String::with_capacity(text.len());
    let mut rest = units.as_slice();
    while let Some((&(word, separator), after)) = rest.split_first() {
        let count = run_length(rest);
        let begins = result.chars().next_back().is_none_or(char::is_whitespace);
        if count >= least && begins && !word.is_empty() {
            drop_last(&mut result);
            let last = rest.get(count - 1).map_or("", |(_, separator)| separator);
            // The character after the run is kept, after the rule's own space.
            result.push_str(&format!(" {REPEATED_WORD} {count} {word} {last}"));
            rest = rest.get(count..).unwrap_or_default();
        } else {
            result.extend([word, separator]);
            rest = after;
        }
    }
    result
}

/// How many units from the first on have its word, with white space alone between them.
fn run_length(units: &[(&str, &str)]) -> usize {
    let Some((first, _)) = units.first() else { return 0 };
    let mut count = 0;
    for (word, separator) in units {
        if word != first {
            break;
        }
        count += 1;
        if separator.is_empty() || !separator.chars().all(char::is_whitespace) {
            break;
        }
    }
    count
}

fn drop_last(text: &mut String) {
    text.pop();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_characters() {
        let check = |text: &str, least: usize, expected: &str| assert_eq!(characters(text, least), expected);
        check("so good!!!!!!", 4, "so good xxrep 6 ! ");
        check("yaaay yaaaay", 4, "yaaay y xxrep 4 a y");
        check("zz", 3, "zz");
        check("zzz", 3, " xxrep 3 z ");
        check("a    b\n\n\n\n", 4, "a    b\n\n\n\n");
        check("😂😂😂😂", 4, " xxrep 4 😂 ");
        check("xxxX", 3, " xxrep 3 x X");
        // A decomposed é after four e is no fifth e, and a pile of accents is no repetition.
        check("eeeee\u{301}", 4, " xxrep 4 e e\u{301}");
        check("eeee\u{301}", 4, "eeee\u{301}");
        check("a\u{301}\u{301}\u{301}\u{301}", 4, "a\u{301}\u{301}\u{301}\u{301}");
    }

    #[test]
    fn repeated_words_with_their_separator() {
        let check = |text: &str, expected: &str| assert_eq!(words_with_separator(text, 4), expected);
        check("it was so so so so so so cold", "it was  xxwrep 6 so  cold");
        check("so so so so", "so so so so");
        check("no, no, no, no, yes", " xxwrep 4 no,  yes");
        check("a b a b a b a b ", "a b a b a b a b ");
        check("на на на на на", " xxwrep 4 на  на");
        check("", "");
        check("--- --- ---", "--- --- ---");
    }

    #[test]
    fn repeated_words_between_white_space() {
        let check = |text: &str, expected: &str| assert_eq!(words(text, 3), expected);
        check("he he", "he he");
        check("he he he", " xxwrep 3 he ");
        check("he he   he  he", " xxwrep 4 he ");
        check("he he he he ", " xxwrep 4 he  ");
        check("he he he he.", " xxwrep 4 he .");
        check("he he hem", "he he hem");
        check("she he he he she", "she xxwrep 3 he  she");
        check("(he he he", "(he he he");
        check("и и и", " xxwrep 3 и ");
    }
}
