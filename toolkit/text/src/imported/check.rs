//! Bounds on the small parts of a `tokenizer.json`: how many steps there are, how much longer they can make a text,
//! which regular expressions they run, and what a template puts around texts.
#![deny(clippy::indexing_slicing)]

use serde_json::Value;

use super::{charsmap, regular};

/// Steps of normalisation and pre-tokenization together, and as much for decoding.
const MOST_STEPS: usize = 48;
/// How many times longer the steps together may make a text.
const MOST_GROWTH: f64 = 128.0;
/// Entries of a template, and ids of one special piece.
const MOST_ENTRIES: usize = 64;
/// BERT has two types, XLNet three.
const HIGHEST_TYPE: u64 = 2;

/// Checks the steps that a text goes through, all parts of a chain together.
pub(super) fn steps<'a>(parts: impl IntoIterator<Item = &'a Value>) -> Result<(), String> {
    let mut chain = Chain { steps: 0, growth: 1.0 };
    for part in parts {
        chain.walk(part)?;
    }
    if chain.steps > MOST_STEPS {
        return Err(format!("it has {} steps; at most {MOST_STEPS} are run", chain.steps));
    }
    if chain.growth > MOST_GROWTH {
        return Err("its steps could make a text many times longer".to_owned());
    }
    Ok(())
}

struct Chain {
    steps: usize,
    growth: f64,
}

impl Chain {
    fn walk(&mut self, value: &Value) -> Result<(), String> {
        match value {
            Value::Array(values) => values.iter().try_for_each(|value| self.walk(value)),
            Value::Object(fields) => {
                if ["type", "pattern", "precompiled_charsmap", "prepend", "trim_offsets"]
                    .iter()
                    .any(|key| fields.contains_key(*key))
                {
                    self.step(value)?;
                }
                fields.values().try_for_each(|value| self.walk(value))
            }
            _ => Ok(()),
        }
    }

    fn step(&mut self, step: &Value) -> Result<(), String> {
        self.steps += 1;
        let text = |key: &str| step.get(key).and_then(Value::as_str);
        let pattern = |kind: &str| step.get("pattern").and_then(|pattern| pattern.get(kind)).and_then(Value::as_str);
        if let Some(expression) = pattern("Regex") {
            regular::check(expression)?;
        }
        let content = text("content").map_or(0, str::len);
        let prepended = text("prepend").map_or(0, str::len);
        let replaced = pattern("String").map_or(0, str::len);
        // An expression, or an empty text, may match between all characters.
        let growth = if replaced == 0 { content + 1 } else { content.div_ceil(replaced).max(1) };
        self.growth *= (if step.get("pattern").is_some() { growth } else { 1 }) as f64;
        // The library knows some steps by their fields alone, so the fields count.
        self.growth *= match text("type") {
            Some("ByteLevel") => 2.0,
            _ if step.get("trim_offsets").is_some() => 2.0,
            Some("NFD" | "NFKC" | "NFKD" | "Precompiled") => 1.2,
            _ => 1.0,
        };
        if prepended > 64 {
            return Err("it puts a long text before every text".to_owned());
        }
        step.get("precompiled_charsmap").map_or(Ok(()), |table| charsmap::check(table.as_str().unwrap_or_default()))
    }
}

/// Checks a post-processor: each text once, few special pieces, known types.
pub(super) fn post_processor(value: &Value) -> Result<(), String> {
    if value.get("single").is_some() || value.get("special_tokens").is_some() {
        template(value)?;
    }
    let inner = value.get("processors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if inner.len() > MOST_ENTRIES {
        return Err("it has too many post-processors".to_owned());
    }
    inner.iter().try_for_each(post_processor)
}

fn template(value: &Value) -> Result<(), String> {
    check_row(value.get("single"), &[("A", 1), ("B", 0)])?;
    check_row(value.get("pair"), &[("A", 1), ("B", 1)])?;
    let specials = value.get("special_tokens").and_then(Value::as_object).into_iter().flat_map(|map| map.values());
    let ids = |special: &Value| special.get("ids").and_then(Value::as_array).map_or(0, Vec::len);
    if specials.map(ids).max().unwrap_or(0) > MOST_ENTRIES {
        return Err("a special piece of its template has too many ids".to_owned());
    }
    Ok(())
}

/// One row of a template; rows as text (`[CLS] $A [SEP]`) are only in the library's own interface.
fn check_row(row: Option<&Value>, wanted: &[(&str, usize)]) -> Result<(), String> {
    let row = row.and_then(Value::as_array).ok_or("its template has no row for one or two texts")?;
    if row.len() > MOST_ENTRIES {
        return Err("its template is too long".to_owned());
    }
    let part = |entry: &Value, kind: &str, key: &str| entry.get(kind).and_then(|inner| inner.get(key)).cloned();
    for (name, count) in wanted {
        let is_text = |entry: &&Value| part(entry, "Sequence", "id").is_some_and(|id| id == **name);
        if row.iter().filter(is_text).count() != *count {
            return Err(format!("its template does not hold the text {name} as often as it should"));
        }
    }
    let kind = |entry: &Value| part(entry, "Sequence", "type_id").or(part(entry, "SpecialToken", "type_id"));
    if row.iter().filter_map(kind).any(|kind| kind.as_u64().is_none_or(|kind| kind > HIGHEST_TYPE)) {
        return Err(format!("its template has a type above {HIGHEST_TYPE}"));
    }
    Ok(())
}
