//! Ranges: what a language file's values must be, each mistake with its place.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use glossa_base::nearest::nearest;
use unicode_script::Script;

use crate::schema::{Corpus, CorpusSource, File, Task};
use crate::{Document, Error};

/// Refuses values out of their range.
///
/// # Errors
/// The first, with file, line and column.
pub(crate) fn check(file: &File, document: Document<'_>) -> Result<(), Error> {
    let result = names(file)
        .and_then(|()| codes(file))
        .and_then(|()| scripts(file))
        .and_then(|()| numbers(file))
        .and_then(|()| cleaning(file))
        .and_then(|()| corpora(file))
        .and_then(|()| tasks(file));
    result.map_err(|(key, reason)| document.invalid(&key, reason))
}

type Found = Result<(), (String, String)>;

fn wrong<T>(key: impl Into<String>, reason: impl Into<String>) -> Result<T, (String, String)> {
    Err((key.into(), reason.into()))
}

fn names(file: &File) -> Found {
    let texts = [
        ("name", &file.name),
        ("native_name", &file.native_name),
        ("note", &file.note),
        ("preset", &file.preset),
        ("whatlang", &file.whatlang),
    ];
    for (key, text) in texts {
        if text.as_ref().is_some_and(|text| text.trim().is_empty()) {
            return wrong(key, format!("{key} is empty"));
        }
    }
    Ok(())
}

fn codes(file: &File) -> Found {
    let letters = |code: &String| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_lowercase());
    if let Some(code) = file.iso_639_3.as_ref().filter(|code| !letters(code)) {
        return wrong("iso_639_3", format!("`{code}` is not three small letters, such as eus"));
    }
    if let Some(tag) = file.bcp_47.as_ref().filter(|tag| !is_language_tag(tag)) {
        return wrong("bcp_47", format!("`{tag}` is not a language tag, such as eu or zh-Hant"));
    }
    Ok(())
}

/// Whether a text has the form of a language tag: parts of up to eight letters and digits.
pub(crate) fn is_language_tag(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let sound = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let language = |part: &str| (2..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_lowercase());
    parts.next().is_some_and(language) && parts.all(sound)
}

/// Scripts of ISO 15924 that stand for several, or for one of several writings of one.
const COMBINED: [&str; 5] = ["Jpan", "Hans", "Hant", "Hanb", "Kore"];

/// Whether a code names a script that letters have.
pub(crate) fn is_script(code: &str) -> bool {
    let shape = code.len() == 4
        && code.bytes().enumerate().all(|(index, byte)| match index {
            0 => byte.is_ascii_uppercase(),
            _ => byte.is_ascii_lowercase(),
        });
    shape && (COMBINED.contains(&code) || Script::from_short_name(code).is_some())
}

/// The scripts that files are likely to mean.
const USUAL: [&str; 12] =
    ["Latn", "Cyrl", "Arab", "Deva", "Grek", "Hebr", "Hani", "Hans", "Hant", "Jpan", "Kore", "Thai"];

fn scripts(file: &File) -> Found {
    let others = file.other_scripts.iter().flatten().enumerate();
    let all = file.script.iter().map(|code| ("script".to_owned(), code));
    for (key, code) in all.chain(others.map(|(index, code)| (format!("other_scripts.{index}"), code))) {
        if !is_script(code) {
            let meant = nearest(code, USUAL).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            return wrong(key, format!("`{code}` is not a script of ISO 15924, such as Latn{meant}"));
        }
    }
    Ok(())
}

fn numbers(file: &File) -> Found {
    if file.character_coverage.is_some_and(|share| !(share > 0.0 && share <= 1.0)) {
        return wrong("character_coverage", "character_coverage lies above 0 and not above 1");
    }
    if file.minimum_vocabulary.is_some_and(|pieces| pieces > 100_000) {
        return wrong("minimum_vocabulary", "minimum_vocabulary lies from 0 to 100000");
    }
    if file.seeds.is_some_and(|seeds| !(1..=100).contains(&seeds)) {
        return wrong("seeds", "seeds lies from 1 to 100");
    }
    let Some(split) = &file.split else { return Ok(()) };
    if split.words == Some(0) {
        return wrong("split.words", "words is at least 1");
    }
    for (key, share) in [("valid_share", split.valid_share), ("test_share", split.test_share)] {
        if share.is_some_and(|share| !(0.0..1.0).contains(&share)) {
            return wrong(format!("split.{key}"), format!("{key} lies from 0 to below 1"));
        }
    }
    if split.valid_share.unwrap_or(0.0) + split.test_share.unwrap_or(0.0) >= 1.0 {
        return wrong("split", "valid_share and test_share together lie below 1");
    }
    if split.text_column.as_deref() == Some("") {
        return wrong("split.text_column", "text_column is empty");
    }
    Ok(())
}

fn cleaning(file: &File) -> Found {
    let check = |cleaning: &crate::Cleaning| {
        cleaning
            .check()
            .map_err(|reason| (format!("cleaning.{}", reason.split(' ').next().unwrap_or_default()), reason))
    };
    file.cleaning.as_ref().map_or(Ok(()), check)
}

/// The kinds of files that a corpus may be read from.
pub const KINDS: [&str; 9] = ["text", "jsonl", "csv", "tsv", "dump", "cirrus", "wikiextractor", "tweets", "parquet"];

fn corpora(file: &File) -> Found {
    for (index, corpus) in file.corpus.iter().flatten().enumerate() {
        let key = |name: &str| format!("corpus.{index}.{name}");
        let Corpus { source, date, paths, kind } = corpus;
        match source {
            CorpusSource::Files if paths.is_empty() => {
                return wrong(key("source"), "a corpus of files needs paths, such as paths = [\"text.txt\"]");
            }
            CorpusSource::Files if date.is_some() => return wrong(key("date"), "files have no date"),
            CorpusSource::Wikipedia if !paths.is_empty() => {
                return wrong(key("paths"), "Wikipedia has no paths; write source = \"files\" for files");
            }
            CorpusSource::Wikipedia if kind.is_some() => return wrong(key("kind"), "Wikipedia has no kind"),
            _ => {}
        }
        let digits = |date: &String| date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit());
        if let Some(date) = date.as_ref().filter(|date| !digits(date)) {
            return wrong(key("date"), format!("`{date}` is no date, such as 20260901"));
        }
        if let Some(kind) = kind.as_ref().filter(|kind| !KINDS.contains(&kind.as_str())) {
            let meant = nearest(kind, KINDS).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            return wrong(key("kind"), format!("`{kind}` is no kind of files{meant}"));
        }
        for (place, path) in paths.iter().enumerate() {
            stays_within(path).or_else(|reason| wrong(format!("{}.{place}", key("paths")), reason))?;
        }
    }
    Ok(())
}

fn tasks(file: &File) -> Found {
    let mut seen = BTreeSet::new();
    for (index, task) in file.task.iter().flatten().enumerate() {
        let key = |name: &str| format!("task.{index}.{name}");
        let Task { name, train, valid, test, submit, .. } = task;
        let sound = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || name.starts_with('-') || name.len() > 64 || !name.bytes().all(sound) {
            return wrong(key("name"), format!("`{name}` is no name: small letters, digits and hyphens"));
        }
        if !seen.insert(name) {
            return wrong(key("name"), format!("two tasks are named `{name}`"));
        }
        let paths =
            [("train", Some(train)), ("valid", valid.as_ref()), ("test", test.as_ref()), ("submit", submit.as_ref())];
        for (field, path) in paths {
            path.map_or(Ok(()), |path| stays_within(path).or_else(|reason| wrong(key(field), reason)))?;
        }
    }
    Ok(())
}

/// Refuses a path that leads out of its folder: a file from elsewhere names nothing outside of it.
fn stays_within(path: &str) -> Result<(), String> {
    let plain = |component: Component<'_>| matches!(component, Component::Normal(_) | Component::CurDir);
    let hostile = path.contains(['\\', '\0', ':']) || path.is_empty();
    if hostile || !Path::new(path).components().all(plain) {
        return Err(format!(
            "`{}` leads out of its folder; paths are relative, without `..`, and --data DIR names another folder",
            path.escape_debug()
        ));
    }
    Ok(())
}
