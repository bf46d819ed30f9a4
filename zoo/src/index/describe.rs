//! What is said of a wrong key or value of an index: file, line, column and the nearest right key.

use glossa_base::nearest::nearest;
use serde::Deserialize;

use super::Error;

/// The format that a text claims, whatever else stands in it.
pub(super) fn format_of(text: &str) -> Option<u32> {
    #[derive(Deserialize)]
    struct Head {
        format: u32,
    }
    toml::from_str::<Head>(text).ok().map(|head| head.format)
}

/// A TOML error on one line.
pub(super) fn describe(error: &toml::de::Error, text: &str, place: &str) -> Error {
    let message = error.message().replace('\n', " ");
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let hint = match quoted.split_first() {
        Some((word, known)) if message.starts_with("unknown") => Some(meant(word, known)),
        Some((word, _)) if message.starts_with("missing field") => Some(format!("add the key `{word}`")),
        _ => None,
    };
    let start = error.span().map_or(0, |span| span.start);
    match at(text, start, place, message.clone()) {
        Error::Wrong { place, problem, .. } => Error::Wrong { place, problem, hint },
        other => other,
    }
}

/// An error at a place of the text, without a hint.
pub(super) fn at(text: &str, start: usize, place: &str, problem: String) -> Error {
    let before = text.get(..start).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Error::Wrong { place: format!("{place}:{line}:{column}"), problem, hint: None }
}

fn meant(word: &str, known: &[&str]) -> String {
    let list = || format!("known here: {}", known.join(", "));
    nearest(word, known.iter().copied()).map_or_else(list, |near| format!("did you mean `{near}`?"))
}
