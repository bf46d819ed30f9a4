//! Names that come from outside and become paths in a cache: what is wrong with them on any system.
#![deny(clippy::indexing_slicing)]

/// The longest name of a file with its folders, and the longest part of one, in bytes.
const LONGEST: usize = 1024;
const LONGEST_PART: usize = 255;

/// Says what is wrong with the name of a file in a model folder, such as `1_Pooling/config.json`: it must stay in
/// its folder and mean the same file on every system.
pub(crate) fn file(name: &str) -> Result<(), &'static str> {
    inside(name)?;
    name.split('/').try_for_each(portable)
}

/// Says whether a name leads out of its folder, or hides what it is: nobody writes that by mistake.
pub(crate) fn inside(name: &str) -> Result<(), &'static str> {
    if name.len() > LONGEST {
        return Err("is longer than 1024 bytes");
    }
    text(name)?;
    if name.starts_with('/') {
        return Err("is an absolute path");
    }
    if name.contains('\\') {
        return Err("has a backslash");
    }
    if matches!(name.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic()) {
        return Err("begins with a drive");
    }
    name.split('/').try_for_each(|part| match part {
        "" => Err("has an empty part"),
        "." | ".." => Err("leads out of its folder"),
        _ if part.starts_with(glossa_base::atomic::TEMPORARY) => Err("is a name for files under construction"),
        _ => Ok(()),
    })
}

/// Says what is wrong with one part of a name, between slashes.
pub(crate) fn part(part: &str) -> Result<(), &'static str> {
    inside(part)?;
    if part.contains('/') { Err("has a slash") } else { portable(part) }
}

/// Says whether some system refuses a part of a name, or takes it for another.
fn portable(part: &str) -> Result<(), &'static str> {
    match part {
        _ if part.len() > LONGEST_PART => Err("has a part of more than 255 bytes"),
        _ if part.ends_with(['.', ' ']) => Err("has a part that ends with a dot or a space"),
        _ if part.contains([':', '*', '?', '"', '<', '>', '|']) => Err("has a character that Windows refuses"),
        _ if is_device(part) => Err("is the name of a device on Windows"),
        _ => Ok(()),
    }
}

/// What no name and no id may hold: control characters, and those that turn the direction of reading.
pub(crate) fn text(text: &str) -> Result<(), &'static str> {
    if text.chars().any(char::is_control) {
        return Err("has a control character");
    }
    if text.chars().any(turns) {
        return Err("has a character that turns the direction of reading");
    }
    Ok(())
}

fn turns(letter: char) -> bool {
    matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `con`, `con.txt`, `COM1` and the like.
fn is_device(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let numbered =
        |prefix: &str| stem.strip_prefix(prefix).is_some_and(|rest| matches!(rest.as_bytes(), [b'0'..=b'9']));
    matches!(stem.as_str(), "con" | "prn" | "aux" | "nul") || numbered("com") || numbered("lpt")
}

#[cfg(test)]
pub(crate) mod tests {
    /// Names that must be refused wherever they come from.
    pub(crate) const HOSTILE: [&str; 34] = [
        "",
        ".",
        "..",
        "../x",
        "a/../x",
        "a/../../x",
        "/etc/passwd",
        "//host/x",
        "a//b",
        "a/",
        "./a",
        "a/./b",
        "..\\x",
        "a\\b",
        "\\\\host\\x",
        "C:\\x",
        "c:x",
        "C:/x",
        "a\0b",
        "a\nb",
        "a\rb",
        "\u{1b}[2J",
        "a\u{202e}b",
        "\u{2066}a",
        "con",
        "NUL.txt",
        "a/aux.json",
        "com1",
        "lpt9.bin",
        "a.",
        "a ",
        "a?",
        "a|b",
        ".glossa-left-x",
    ];

    #[test]
    fn hostile_names_are_refused_and_others_are_not() {
        for name in HOSTILE {
            assert!(super::file(name).is_err(), "{name:?}");
        }
        assert!(super::file(&"x".repeat(256)).is_err());
        assert!(super::file(&"x/".repeat(600)).is_err());
        for name in ["config.json", "1_Pooling/config.json", ".gitattributes", "a..b", "console", "com10", "モデル"]
        {
            assert_eq!(super::file(name), Ok(()), "{name}");
        }
    }
}
