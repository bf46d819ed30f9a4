//! Values put over a recipe's own, and what is said of a wrong key or value: file, line, column and the nearest
//! right key.

use glossa_base::nearest::nearest;

use crate::Error;

/// A value that is put over a recipe's own.
#[derive(Debug, Clone)]
pub struct Override {
    /// The key, such as `pretrain.training.epochs`.
    pub key: String,
    /// The value.
    pub value: toml::Value,
    /// What errors name: a file with its line, or a flag.
    pub place: String,
}

impl Override {
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let place = format!("--set {text}");
        let Some((key, value)) = text.split_once('=') else {
            let hint = Some("write --set section.key=value".to_owned());
            return Err(Error::Recipe { place, problem: "it has no `=`".to_owned(), hint });
        };
        let parsed = toml::from_str::<toml::Table>(&format!("value = {value}"))
            .ok()
            .and_then(|mut table| table.remove("value"))
            .unwrap_or_else(|| toml::Value::String(value.to_owned()));
        Ok(Override { key: key.to_owned(), value: parsed, place })
    }

    pub(super) fn apply(&self, table: &mut toml::Table) -> Result<(), Error> {
        let wrong = |problem: String, hint| Error::Recipe { place: self.place.clone(), problem, hint };
        let mut keys: Vec<&str> = self.key.split('.').map(str::trim).collect();
        let last = keys.pop().unwrap_or_default();
        let mut here = table;
        for key in keys {
            let known: Vec<String> = here.keys().cloned().collect();
            here = match here.get_mut(key) {
                Some(toml::Value::Table(inner)) => inner,
                _ => return Err(wrong(format!("there is no section `{key}`"), meant(key, &known))),
            };
        }
        match here.get_mut(last) {
            Some(slot) => *slot = like(slot, self.value.clone()),
            None => {
                let known: Vec<String> = here.keys().cloned().collect();
                return Err(wrong(format!("there is no key `{last}`"), meant(last, &known)));
            }
        }
        Ok(())
    }
}

/// `1` is a fine value for a key that holds `1.0`.
fn like(slot: &toml::Value, value: toml::Value) -> toml::Value {
    match (slot, &value) {
        (toml::Value::Float(_), toml::Value::Integer(integer)) => toml::Value::Float(*integer as f64),
        _ => value,
    }
}

fn meant(word: &str, known: &[String]) -> Option<String> {
    let list = known.join(", ");
    Some(
        nearest(word, known.iter().map(String::as_str))
            .map_or(format!("known here: {list}"), |near| format!("did you mean `{near}`?")),
    )
}

/// A TOML error on one line: file, line, column, what, and the nearest right key.
pub(super) fn describe(error: &toml::de::Error, text: &str, place: &str) -> Error {
    let start = error.span().map_or(0, |span| span.start);
    let message = error.message().to_owned();
    let quoted: Vec<String> = message.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    let (mut at, mut hint) = (start, None);
    if let Some((word, known)) = quoted.split_first() {
        if message.starts_with("unknown") {
            hint = meant(word, known);
            // The reader names the whole table of a schedule; the key stands within it.
            at = keys_of_section(text, start).find(|(_, key)| key == word).map_or(start, |(place, _)| place);
        } else if message.starts_with("missing field") {
            let near = keys_of_section(text, start).find(|(_, key)| nearest(key, [word.as_str()]).is_some());
            if let Some((place, _)) = near {
                (at, hint) = (place, Some(format!("did you mean `{word}`?")));
            }
        }
    }
    let position = text.get(..at).filter(|_| error.span().is_some()).map(|before| {
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        format!(":{line}:{column}")
    });
    let place = format!("{place}{}", position.unwrap_or_default());
    Error::Recipe { place, problem: message.replace('\n', " "), hint }
}

/// The keys of the section that begins at a place, each with where it stands: those before `=`, on lines of
/// their own or between the braces of one line.
fn keys_of_section(text: &str, start: usize) -> impl Iterator<Item = (usize, &str)> {
    let rest = text.get(start..).unwrap_or_default();
    let end = rest.get(1..).and_then(|rest| rest.find("\n[")).map_or(rest.len(), |end| end + 1);
    let section = rest.get(..end).unwrap_or_default();
    let key = move |equals: usize| {
        let before = section.get(..equals)?.trim_end();
        let is_key = |symbol: char| symbol.is_ascii_alphanumeric() || symbol == '_' || symbol == '-';
        let key = before.get(before.trim_end_matches(is_key).len()..)?;
        (!key.is_empty()).then(|| (start + before.len() - key.len(), key))
    };
    section.match_indices('=').filter_map(move |(equals, _)| key(equals))
}
