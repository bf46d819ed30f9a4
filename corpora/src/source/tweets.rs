//! Tweets as archives hold them: objects of the v1.1 and v2 interfaces, one a line, and pages of v2 as
//! `twarc2` writes them. Each line gives no tweet, one, or many; what is not a tweet (notices of deleted
//! ones, limits) is left out. A line that cannot be read is named and left out: of millions that a stream
//! brought, one is often damaged.
#![deny(clippy::indexing_slicing)]

use std::collections::{HashMap, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::input::{Input, Lines, Place};
use super::{Entry, SourceKind};
use crate::{Document, Error};

/// What of tweets is read, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TweetOptions {
    /// Only tweets that carry this language (`lang`); those without one pass.
    pub language: Option<String>,
    /// Whether a retweet is left out; otherwise the tweet that it repeats is read in its place.
    pub skip_retweets: bool,
    /// Whether names of users and links become `@user` and `http`.
    pub mask: bool,
}

/// Tweets, if a file's first line is one, a page of them, or a notice as streams hold them. Of a line that is
/// too long to be looked at, only the beginning counts, as `twitter` writes it.
pub(crate) fn kind_of(line: &str) -> Option<SourceKind> {
    if line.starts_with("{\"__glossa\":{") {
        return Some(SourceKind::Tweets);
    }
    let object: Map<String, Value> = serde_json::from_str(line).ok()?;
    let texts = |object: &Map<String, Value>, names: &[&str]| names.iter().all(|name| text_in(object, name).is_some());
    let page = object.get("meta").is_some_and(|meta| meta.get("result_count").is_some());
    let inner = match object.get("data") {
        Some(Value::Array(tweets)) => tweets.first().and_then(Value::as_object),
        data => data.and_then(Value::as_object),
    };
    let inner = inner.is_some_and(|tweet| texts(tweet, &["id", "text"]));
    let second = texts(&object, &["id", "text"])
        && ["author_id", "edit_history_tweet_ids", "referenced_tweets"].iter().any(|name| object.contains_key(*name));
    let whole = ["text", "full_text"].iter().any(|name| text_in(&object, name).is_some());
    let first = whole && texts(&object, &["id_str"]) && object.get("user").is_some_and(Value::is_object);
    let notice = object.get("delete").is_some_and(|delete| delete.get("status").is_some());
    (page || inner || second || first || notice).then_some(SourceKind::Tweets)
}

/// A tweet's text as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Tweet {
    id: String,
    text: String,
    language: Option<String>,
    retweet: bool,
}

/// The tweets of a file.
pub(crate) struct Reader {
    lines: Lines,
    options: TweetOptions,
    waiting: VecDeque<Entry>,
    done: bool,
}

impl Reader {
    pub(crate) fn new(input: Input, place: &Place, options: &TweetOptions) -> Self {
        Reader { lines: Lines::new(input, place), options: options.clone(), waiting: VecDeque::new(), done: false }
    }

    fn read(&mut self) -> Result<Option<Entry>, Error> {
        while self.waiting.is_empty() {
            let found = match self.lines.next() {
                Ok(None) => return Ok(None),
                Ok(Some((_, line))) if line.trim().is_empty() => continue,
                Ok(Some((_, line))) => entries(line, &self.options),
                Err(error @ (Error::InvalidUtf8 { .. } | Error::TooLong { .. })) => {
                    return Ok(Some(Entry::BadLine(error.to_string())));
                }
                Err(error) => return Err(error),
            };
            match found {
                Ok(entries) => self.waiting.extend(entries),
                Err(reason) => return Ok(Some(Entry::BadLine(format!("{}: {reason}", self.lines.place())))),
            }
        }
        Ok(self.waiting.pop_front())
    }
}

impl Iterator for Reader {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let entry = self.read().transpose();
        self.done = !matches!(entry, Some(Ok(_)));
        entry
    }
}

/// What a line holds.
fn entries(line: &str, options: &TweetOptions) -> Result<Vec<Entry>, String> {
    let value: Value = serde_json::from_str(line).map_err(|cause| {
        let text = cause.to_string();
        let reason = text.split(" at line ").next().unwrap_or_default();
        format!("not JSON: {reason} (column {})", cause.column())
    })?;
    let Value::Object(object) = value else { return Err("not a JSON object".to_owned()) };
    Ok(tweets(&object).into_iter().map(|tweet| entry(tweet, options)).collect())
}

fn entry(tweet: Tweet, options: &TweetOptions) -> Entry {
    let other =
        options.language.as_ref().is_some_and(|wanted| tweet.language.as_ref().is_some_and(|lang| lang != wanted));
    match tweet {
        _ if other => Entry::OtherLanguage,
        Tweet { retweet: true, .. } if options.skip_retweets => Entry::Retweet,
        Tweet { id, text, .. } => {
            let text = if options.mask { masked(&text) } else { text };
            Entry::Document(Document { id, title: None, text })
        }
    }
}

/// The tweets of an object: a page of v2, a tweet of v2 within `data`, or a tweet.
fn tweets(object: &Map<String, Value>) -> Vec<Tweet> {
    let included = included(object);
    match object.get("data") {
        Some(Value::Array(tweets)) => {
            tweets.iter().filter_map(Value::as_object).filter_map(|tweet| second(tweet, &included)).collect()
        }
        Some(Value::Object(tweet)) => second(tweet, &included).into_iter().collect(),
        _ if object.contains_key("referenced_tweets") => second(object, &included).into_iter().collect(),
        _ => first(object).into_iter().collect(),
    }
}

/// The tweets that others of a page refer to.
fn included(object: &Map<String, Value>) -> HashMap<&str, &Map<String, Value>> {
    fn named(tweet: &Value) -> Option<(&str, &Map<String, Value>)> {
        let tweet = tweet.as_object()?;
        Some((tweet.get("id")?.as_str()?, tweet))
    }
    let tweets = object.get("includes").and_then(|includes| includes.get("tweets")).and_then(Value::as_array);
    tweets.into_iter().flatten().filter_map(named).collect()
}

/// A tweet of v2. A retweet's own text is cut: the tweet that it repeats is among those included.
fn second(tweet: &Map<String, Value>, included: &HashMap<&str, &Map<String, Value>>) -> Option<Tweet> {
    let referenced = tweet.get("referenced_tweets").and_then(Value::as_array);
    let repeated = referenced.into_iter().flatten().find(|reference| text_of(reference, "type") == Some("retweeted"));
    let original = repeated.and_then(|reference| included.get(text_of(reference, "id")?)).copied();
    let source = original.unwrap_or(tweet);
    let long = source.get("note_tweet").and_then(|note| text_of(note, "text"));
    let text = long.or_else(|| source.get("text").and_then(Value::as_str))?;
    plain(source, text, repeated.is_some())
}

/// A tweet of v1.1, or an unknown object that looks like one.
fn first(tweet: &Map<String, Value>) -> Option<Tweet> {
    let original = tweet.get("retweeted_status").and_then(Value::as_object);
    let source = original.unwrap_or(tweet);
    let extended = source.get("extended_tweet").and_then(|tweet| text_of(tweet, "full_text"));
    let text = extended.or_else(|| text_in(source, "full_text")).or_else(|| text_in(source, "text"))?;
    plain(source, text, original.is_some())
}

fn plain(source: &Map<String, Value>, text: &str, retweet: bool) -> Option<Tweet> {
    let named = |name| text_in(source, name).filter(|id| !id.is_empty());
    let id = named("id_str").or_else(|| named("id")).map(str::to_owned);
    let id = id.or_else(|| source.get("id").and_then(Value::as_u64).map(|id| id.to_string()))?;
    Some(Tweet { id, text: unescaped(text), language: text_in(source, "lang").map(str::to_owned), retweet })
}

fn text_in<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str)
}

fn text_of<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str)
}

/// The interfaces escape three characters, once.
fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// Words that name a user or are a link, replaced; what stands around them stays.
fn masked(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let begins = !shown.ends_with(|before: char| before.is_alphanumeric() || before == '_');
        let name = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let user = rest.strip_prefix(['@', '＠']).filter(|name_at| begins && name_at.starts_with(name));
        let link = ["http://", "https://"].iter().find_map(|scheme| rest.strip_prefix(scheme)).filter(|_| begins);
        if let Some(after) = user {
            shown.push_str("@user");
            rest = after.trim_start_matches(name);
        } else if let Some(after) = link {
            shown.push_str("http");
            rest = after.trim_start_matches(|character: char| !character.is_whitespace());
        } else {
            shown.push(character);
            rest = rest.get(character.len_utf8()..).unwrap_or_default();
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str, options: &TweetOptions) -> Vec<(String, String)> {
        let documents = entries(line, options).unwrap().into_iter().filter_map(|entry| match entry {
            Entry::Document(document) => Some((document.id, document.text)),
            _ => None,
        });
        documents.collect()
    }

    fn texts(line: &str) -> Vec<String> {
        found(line, &TweetOptions::default()).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn the_whole_text_is_read() {
        let rows = [
            (r#"{"id_str":"1","text":"cut…","extended_tweet":{"full_text":"whole &amp; long"}}"#, "whole & long"),
            (r#"{"id":2,"text":"cut…","full_text":"whole"}"#, "whole"),
            (r#"{"id_str":"3","text":"RT @a: cut…","retweeted_status":{"id_str":"9","full_text":"theirs"}}"#, "theirs"),
            (r#"{"data":{"id":"4","text":"cut…","note_tweet":{"text":"a long note"}}}"#, "a long note"),
            (r#"{"id":"5","text":"second","referenced_tweets":[{"type":"quoted","id":"1"}]}"#, "second"),
        ];
        for (line, text) in rows {
            assert_eq!(texts(line), [text], "{line}");
        }
    }

    #[test]
    fn pages_hold_many_and_know_what_is_repeated() {
        let page = r#"{"data":[{"id":"1","text":"one","lang":"eu"},
            {"id":"2","text":"RT @b: cut…","lang":"eu","referenced_tweets":[{"type":"retweeted","id":"7"}]},
            {"id":"3","text":"three","lang":"es"}],
            "includes":{"tweets":[{"id":"7","text":"theirs, whole","lang":"eu"}]},"meta":{"result_count":3}}"#;
        let page = page.replace('\n', " ");
        assert_eq!(texts(&page), ["one", "theirs, whole", "three"]);
        let basque = TweetOptions { language: Some("eu".to_owned()), ..TweetOptions::default() };
        assert_eq!(found(&page, &basque).len(), 2);
        let own = TweetOptions { skip_retweets: true, ..TweetOptions::default() };
        assert_eq!(found(&page, &own).iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["1", "3"]);
    }

    #[test]
    fn a_first_line_tells_tweets_from_other_objects() {
        for line in [
            r#"{"id_str":"1","text":"x","user":{}}"#,
            r#"{"id_str":"1","full_text":"x","user":{}}"#,
            r#"{"id":"1","text":"x","author_id":"2"}"#,
            r#"{"data":{"id":"1","text":"x"}}"#,
            r#"{"data":[{"id":"1","text":"x"}],"includes":{}}"#,
            r#"{"meta":{"result_count":0}}"#,
            r#"{"delete":{"status":{"id":1}}}"#,
            r#"{"__glossa":{"format":1},"data":[{"id":"1","te"#,
        ] {
            assert_eq!(kind_of(line), Some(SourceKind::Tweets), "{line}");
        }
        for line in
            ["", "{}", "[1]", r#"{"id":"1","text":"x"}"#, r#"{"text":"x","user":"y","id_str":"1"}"#, r#"{"data":[1]}"#]
        {
            assert_eq!(kind_of(line), None, "{line}");
        }
    }

    #[test]
    fn what_is_no_tweet_is_left_out() {
        for line in [
            r#"{"delete":{"status":{"id":1}}}"#,
            r#"{"limit":{"track":5}}"#,
            "{}",
            r#"{"data":[1,null,{}]}"#,
            r#"{"id_str":"","text":"no id"}"#,
        ] {
            assert!(entries(line, &TweetOptions::default()).unwrap().is_empty(), "{line}");
        }
        for line in ["[1]", "{", "nonsense", "\"text\""] {
            assert!(entries(line, &TweetOptions::default()).is_err(), "{line}");
        }
    }

    #[test]
    fn users_and_links_are_masked() {
        let rows = [
            ("@ana eta @Jon_2: kaixo", "@user eta @user: kaixo"),
            ("ikusi https://t.co/aB1?x=2 hemen", "ikusi http hemen"),
            ("nire posta a@b.eus da", "nire posta a@b.eus da"),
            ("(@ana)@", "(@user)@"),
            ("＠ana 日本@ana", "@user 日本@ana"),
        ];
        for (text, expected) in rows {
            assert_eq!(masked(text), expected);
        }
    }
}
