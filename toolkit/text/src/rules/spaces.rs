//! Spaces around chosen characters, and single spaces everywhere.

/// Puts a space on either side of each of `marks`.
pub(super) fn around(text: &str, marks: &[char]) -> String {
    let mut spaced = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if marks.contains(&character) {
            spaced.extend([' ', character, ' ']);
        } else {
            spaced.push(character);
        }
    }
    spaced
}

/// Runs of spaces become one; other white space stays.
pub(super) fn collapse(text: &str) -> String {
    let mut single = String::with_capacity(text.len());
    for character in text.chars() {
        if character != ' ' || !single.ends_with(' ') {
            single.push(character);
        }
    }
    single
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_stand_apart() {
        assert_eq!(around("a/b#c", &['/', '#']), "a / b # c");
        assert_eq!(around("#a #b", &['/', '#']), " # a  # b");
        assert_eq!(around("ab", &['/']), "ab");
    }

    #[test]
    fn one_space_is_enough() {
        assert_eq!(collapse("a   b  \n  c "), "a b \n c ");
    }
}
