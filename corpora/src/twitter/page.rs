//! One answer of X: a page of tweets, with where the next one is, or with what was not found. Only what
//! fetching needs is understood of it; the rest is kept as it is.
#![deny(clippy::indexing_slicing)]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ids;

/// The version of the note in a page's file.
const FORMAT: u32 = 1;
/// A longer token leads nowhere.
const LONGEST_TOKEN: usize = 4096;

/// A page of tweets.
#[derive(Debug)]
pub(super) struct Page {
    object: Map<String, Value>,
    /// Of its tweets.
    pub(super) ids: Vec<u64>,
    /// Of the next page.
    pub(super) next_token: Option<String>,
}

/// What a page was asked for; it stands in its file, before everything else.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    /// Version of this note.
    pub(super) format: u32,
    /// The token that it was asked with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<String>,
    /// Only tweets after this one were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) since_id: Option<u64>,
    /// The ids that were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) ids: Vec<u64>,
}

/// A line of a page's file.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(rename = "__glossa")]
    note: &'a Note,
    #[serde(flatten)]
    page: &'a Map<String, Value>,
}

impl Note {
    pub(super) fn new() -> Self {
        Note { format: FORMAT, ..Note::default() }
    }
}

impl Page {
    /// Reads an answer: of a search, which says how many tweets it found, or of ids, which says something of
    /// each.
    pub(super) fn parse(bytes: &[u8], search: bool) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(bytes).map_err(|cause| not_json(bytes, &cause))?;
        let Value::Object(object) = value else { return Err("it is JSON, but no object".to_owned()) };
        Page::of(object, search)
    }

    fn of(object: Map<String, Value>, search: bool) -> Result<Self, String> {
        let meta = object.get("meta").and_then(Value::as_object);
        if search && meta.is_none_or(|meta| meta.get("result_count").and_then(Value::as_u64).is_none()) {
            return Err("it has no `meta.result_count`".to_owned());
        }
        if !search && !object.contains_key("data") && !object.contains_key("errors") {
            return Err("it has neither `data` nor `errors`".to_owned());
        }
        let ids = match object.get("data") {
            None => Vec::new(),
            Some(Value::Array(tweets)) => tweets.iter().map(id_of).collect::<Option<_>>().ok_or("a tweet has no id")?,
            Some(_) => return Err("its `data` is no list".to_owned()),
        };
        let next_token = match meta.and_then(|meta| meta.get("next_token")) {
            None | Some(Value::Null) => None,
            Some(Value::String(token)) if (1..=LONGEST_TOKEN).contains(&token.len()) => Some(token.clone()),
            Some(_) => return Err("its `next_token` is no such token".to_owned()),
        };
        Ok(Page { ids, next_token: next_token.filter(|_| search), object })
    }

    /// How many tweets it holds, as they are paid for.
    pub(super) fn tweets(&self) -> u64 {
        self.ids.len() as u64
    }

    /// Itself as a line, after a note of what was asked.
    pub(super) fn line(&self, note: &Note) -> Result<String, serde_json::Error> {
        let mut line = serde_json::to_string(&Line { note, page: &self.object })?;
        line.push('\n');
        Ok(line)
    }

    /// Reads such a line.
    pub(super) fn of_line(bytes: &[u8], search: bool) -> Result<(Note, Self), String> {
        let mut object: Map<String, Value> = serde_json::from_slice(bytes).map_err(|cause| cause.to_string())?;
        let note = object.remove("__glossa").ok_or("it has no note of what was asked")?;
        let note: Note = serde_json::from_value(note).map_err(|cause| cause.to_string())?;
        if note.format != FORMAT {
            return Err(format!("format {}, this glossa knows {FORMAT}", note.format));
        }
        Ok((note, Page::of(object, search)?))
    }

    /// Of the ids that were asked for, those without a tweet: why, in a word, and what X says of it.
    pub(super) fn missing(&self, asked: &[u64]) -> Vec<(u64, &'static str, String)> {
        let problems = self.object.get("errors").and_then(Value::as_array).into_iter().flatten();
        let said: BTreeMap<u64, (&'static str, String)> = problems.rev().filter_map(problem).collect();
        let found: std::collections::HashSet<u64> = self.ids.iter().copied().collect();
        let missing = asked.iter().filter(|id| !found.contains(id));
        missing
            .map(|id| {
                let (reason, detail) = said.get(id).cloned().unwrap_or(("unexplained", String::new()));
                (*id, reason, detail)
            })
            .collect()
    }
}

fn id_of(tweet: &Value) -> Option<u64> {
    ids::parse(tweet.get("id")?.as_str()?)
}

/// The id, the reason and the words of an error that says why a tweet was not given.
fn problem(error: &Value) -> Option<(u64, (&'static str, String))> {
    let text = |name: &str| error.get(name).and_then(Value::as_str);
    if text("resource_type").is_some_and(|kind| kind != "tweet") {
        return None;
    }
    let id = [text("value"), text("resource_id")].into_iter().flatten().find_map(ids::parse)?;
    let detail = clean(text("detail").or_else(|| text("title")).unwrap_or_default());
    let kind = text("type").and_then(|kind| kind.rsplit('/').next()).unwrap_or_default();
    let reason = match kind {
        _ if detail.to_lowercase().contains("suspended") => "suspended",
        "resource-not-found" => "deleted",
        "not-authorized-for-resource" => "protected",
        _ => "other",
    };
    Some((id, (reason, detail)))
}

/// A server's words on one line, of a length for a message.
pub(super) fn clean(text: &str) -> String {
    let plain = text.chars().map(|character| if character.is_control() { ' ' } else { character });
    let words: String = plain.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = words.chars().take(300).collect();
    if short.len() < words.len() { format!("{short}…") } else { short }
}

fn not_json(bytes: &[u8], cause: &serde_json::Error) -> String {
    let start = clean(&String::from_utf8_lossy(bytes.get(..60).unwrap_or(bytes)));
    match bytes {
        [] => "it is empty".to_owned(),
        _ if start.starts_with('<') => format!("it is a page for browsers, `{start}`"),
        _ if cause.is_eof() => "it is JSON that is cut off".to_owned(),
        _ => format!("it is no JSON, `{start}`: {cause}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_read_and_written() {
        let text =
            r#"{"data":[{"id":"7","text":"kaixo\n€"},{"id":"5"}],"meta":{"result_count":2,"next_token":"b2"},"x":1.5}"#;
        let page = Page::parse(text.as_bytes(), true).unwrap();
        assert_eq!((page.ids.as_slice(), page.next_token.as_deref()), ([7, 5].as_slice(), Some("b2")));
        let note = Note { after: Some("b1".to_owned()), since_id: Some(3), ..Note::new() };
        let line = page.line(&note).unwrap();
        assert!(line.starts_with("{\"__glossa\":{\"format\":1,") && line.matches('\n').count() == 1, "{line}");
        let (read, again) = Page::of_line(line.as_bytes(), true).unwrap();
        assert_eq!((read, &again.object), (note, &page.object));
    }

    #[test]
    fn what_is_no_page_is_refused() {
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        let long = format!(r#"{{"meta":{{"result_count":0,"next_token":"{}"}}}}"#, "x".repeat(5000));
        for (text, reason) in [
            ("", "empty"),
            ("<!DOCTYPE html><html>", "browsers"),
            ("  \n<html>", "browsers"),
            ("nothing", "no JSON"),
            (r#"{"data":[{"id":"1"#, "cut off"),
            ("[]", "no object"),
            ("{}", "result_count"),
            (r#"{"data":[]}"#, "result_count"),
            (r#"{"meta":{"result_count":"x"}}"#, "result_count"),
            (r#"{"meta":{"result_count":1},"data":{}}"#, "no list"),
            (r#"{"meta":{"result_count":1},"data":[{}]}"#, "no id"),
            (r#"{"meta":{"result_count":1},"data":[{"id":"../x"}]}"#, "no id"),
            (r#"{"meta":{"result_count":1,"next_token":""}}"#, "next_token"),
            (r#"{"meta":{"result_count":1,"next_token":7}}"#, "next_token"),
            (&long, "next_token"),
            (&deep, "no JSON"),
        ] {
            let error = Page::parse(text.as_bytes(), true).unwrap_err();
            assert!(error.contains(reason) && error.len() < 600, "{reason}: {error}");
        }
        assert!(Page::parse(b"{\"meta\":{}}", false).is_err() && Page::parse(b"{\"errors\":[]}", false).is_ok());
        assert!(Page::parse(b"{\"data\":[{\"id\":\"1\xff\"}]}", false).is_err());
    }

    #[test]
    fn ids_without_a_tweet_have_their_reasons() {
        let problem = |id: &str, kind: &str, detail: &str| {
            serde_json::json!({"value": id, "resource_type": "tweet", "parameter": "ids", "detail": detail,
                "type": format!("https://api.twitter.com/2/problems/{kind}")})
        };
        let user = serde_json::json!({"value": "5", "resource_type": "user", "detail": "no such user"});
        let page = serde_json::json!({"data": [{"id": "1"}], "errors": [
            problem("2", "resource-not-found", "Could not find tweet with ids: [2]."),
            problem("3", "not-authorized-for-resource", "Sorry,\nyou are not authorized"),
            problem("4", "resource-not-found", "User has been suspended: [x]."),
            problem("6", "something-new", ""),
            user, 7,
        ]});
        let page = Page::parse(page.to_string().as_bytes(), false).unwrap();
        let missing = page.missing(&[1, 2, 3, 4, 5, 6]);
        let reasons: Vec<(u64, &str)> = missing.iter().map(|(id, reason, _)| (*id, *reason)).collect();
        assert_eq!(reasons, [(2, "deleted"), (3, "protected"), (4, "suspended"), (5, "unexplained"), (6, "other")]);
        assert!(missing.iter().any(|(id, _, said)| *id == 3 && said == "Sorry, you are not authorized"));
    }
}
