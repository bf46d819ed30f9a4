//! Which regular expressions of a file are run: those whose time cannot explode.
//!
//! Expressions without look-around, back references and atomic groups run in linear time. The others backtrack, so
//! in them a repetition inside a repetition (`(a+)+`) is refused.
#![deny(clippy::indexing_slicing)]

const LONGEST: usize = 4096;
const DEEPEST: usize = 24;

/// Says why an expression is not run.
pub(super) fn check(pattern: &str) -> Result<(), String> {
    if pattern.len() > LONGEST {
        return Err(format!("a regular expression of {} bytes", pattern.len()));
    }
    let found = scan(pattern)?;
    if found.backtracks && found.nested {
        return Err("a regular expression with a repetition inside a repetition, which could take forever".to_owned());
    }
    if found.backtracks && found.repetitions > 24 {
        return Err("a regular expression with too many repetitions that backtrack".to_owned());
    }
    Ok(())
}

#[derive(Default)]
struct Found {
    backtracks: bool,
    nested: bool,
    repetitions: usize,
}

/// Reads groups, classes and quantifiers; everything else is a character.
fn scan(pattern: &str) -> Result<Found, String> {
    let mut found = Found { backtracks: may_backtrack(pattern), ..Found::default() };
    // For each open group: whether it holds a repetition. The first is the whole expression.
    let mut groups = vec![false];
    let (mut class, mut closed) = (0usize, None);
    let mut rest = pattern;
    while let Some(character) = rest.chars().next() {
        let mut taken = character.len_utf8();
        let after_group = closed.take();
        match character {
            '\\' => taken += rest.chars().nth(1).map_or(0, char::len_utf8),
            '[' => class += 1,
            ']' => class = class.saturating_sub(1),
            _ if class > 0 => {}
            '(' => {
                // The question mark of `(?:` is no quantifier.
                taken += usize::from(rest.starts_with("(?"));
                groups.push(false);
                if groups.len() > DEEPEST {
                    return Err("a regular expression with too many groups in groups".to_owned());
                }
            }
            ')' => closed = Some(groups.pop().unwrap_or_default()),
            '*' | '+' | '?' | '{' => {
                let (length, repeats, varies) = quantifier(rest);
                taken = length;
                found.nested |= repeats && after_group == Some(true);
                found.repetitions += usize::from(varies);
                if let (true, Some(group)) = (varies, groups.last_mut()) {
                    *group = true;
                }
            }
            _ => {}
        }
        // What is in a group is in the group around it too.
        if let (Some(true), Some(group)) = (closed, groups.last_mut()) {
            *group = true;
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    Ok(found)
}

/// A quantifier's length with the mark behind it, whether it can repeat more than once, and whether how often varies.
fn quantifier(rest: &str) -> (usize, bool, bool) {
    let (length, repeats, varies) = match rest.chars().next() {
        Some('{') => {
            let end = rest.find('}').map_or(rest.len(), |end| end + 1);
            let inside = rest.get(..end).unwrap_or_default();
            (end, true, inside.contains(','))
        }
        Some('?') => (1, false, true),
        _ => (1, true, true),
    };
    let mark = matches!(rest.get(length..).and_then(|behind| behind.chars().next()), Some('?' | '+'));
    (length + usize::from(mark), repeats, varies)
}

/// Whether it has what only backtracking can match.
fn may_backtrack(pattern: &str) -> bool {
    let marks =
        ["(?=", "(?!", "(?<=", "(?<!", "(?>", "(?(", "(?P=", "(?&", "\\k", "\\g", "\\G", "\\K", "++", "*+", "?+", "}+"];
    let reference = |pair: &[u8]| matches!(pair, [b'\\', b'1'..=b'9']);
    marks.iter().any(|mark| pattern.contains(mark)) || pattern.as_bytes().windows(2).any(reference)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_of_real_tokenizers_are_run() {
        for pattern in [
            r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            r"[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
            r" ?[^(\s|[.,!?…。，、।۔،])]+",
            " {2,}",
            r"(a+)+$",
            r"\d{1,3}(?=(?:\d{3})*\b)",
        ] {
            assert_eq!(check(pattern), Ok(()), "{pattern}");
        }
    }

    #[test]
    fn expressions_that_could_take_forever_are_not() {
        let deep = format!("{}a{}", "(".repeat(60), ")".repeat(60));
        for pattern in
            [r"(a+)+(?!b)", r"((a*)b?)*\1", r"(?:\w|\w\w?)+(?=!)", r"(x{1,9}){1,9}(?<!y)", &deep, &"a".repeat(9999)]
        {
            assert!(check(pattern).is_err(), "{pattern}");
        }
    }
}
