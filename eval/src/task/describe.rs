//! What is said of a wrong task file: file, line, column and the nearest right key.

use glossa_base::nearest::nearest;

use crate::Error;

/// A TOML error on one line.
pub(super) fn describe(error: &toml::de::Error, text: &str, place: &str) -> Error {
    let start = error.span().map_or(0, |span| span.start);
    let message = error.message().replace('\n', " ");
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let (mut at, mut meant) = (start, None);
    if let Some((word, known)) = quoted.split_first() {
        if message.starts_with("unknown") {
            let near = nearest(word, known.iter().copied());
            let all = || format!("known here: {}", known.join(", "));
            meant = Some(near.map_or_else(all, |near| format!("did you mean `{near}`?")));
        } else if message.starts_with("missing field") {
            let near = keys_from(text, start).find(|(_, key)| nearest(key, [*word]).is_some());
            if let Some((place, _)) = near {
                (at, meant) = (place, Some(format!("did you mean `{word}`?")));
            }
        }
    }
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let place = if error.span().is_some() { format!("{place}:{line}:{column}") } else { place.to_owned() };
    Error::Task { place, problem: message, meant }
}

/// The keys of the section that begins at a place, each with where it stands.
fn keys_from(text: &str, start: usize) -> impl Iterator<Item = (usize, &str)> {
    let rest = text.get(start..).unwrap_or_default();
    let end = rest.get(1..).and_then(|rest| rest.find("\n[")).map_or(rest.len(), |end| end + 1);
    let section = rest.get(..end).unwrap_or_default();
    let mut place = start;
    section.split_inclusive('\n').filter_map(move |line| {
        let here = place;
        place += line.len();
        let key = line.split_once('=').map(|(key, _)| key.trim())?;
        let plain = key.chars().all(|symbol| symbol.is_ascii_alphanumeric() || symbol == '_');
        (plain && !key.is_empty()).then(|| (here + line.len() - line.trim_start().len(), key))
    })
}
