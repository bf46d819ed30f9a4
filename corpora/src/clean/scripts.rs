//! Scripts: which one a letter belongs to, and which ones the code of a language file stands for.

use glossa_languages::Writing;
use unicode_script::{Script, UnicodeScript};

/// All scripts that a language is written in.
pub(super) fn of_language(language: &Writing) -> Vec<Script> {
    language.scripts.iter().flat_map(|code| of(code)).collect()
}

/// The scripts of a code of ISO 15924, those that are made of several taken apart; empty for a code that
/// no letter has.
fn of(code: &str) -> Vec<Script> {
    match code {
        "Jpan" => vec![Script::Han, Script::Hiragana, Script::Katakana],
        "Hans" | "Hant" => vec![Script::Han],
        "Hanb" => vec![Script::Han, Script::Bopomofo],
        "Kore" => vec![Script::Hangul, Script::Han],
        _ => Script::from_short_name(code)
            .filter(|script| !matches!(script, Script::Common | Script::Inherited | Script::Unknown))
            .into_iter()
            .collect(),
    }
}

/// The script of a letter; `None` for what all scripts share, such as digits, symbols and combining marks.
pub(crate) fn script_of(character: char) -> Option<Script> {
    if character.is_ascii() {
        return character.is_ascii_alphabetic().then_some(Script::Latin);
    }
    Some(character.script()).filter(|script| !matches!(script, Script::Common | Script::Inherited | Script::Unknown))
}
