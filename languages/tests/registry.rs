//! The built-in files are whole and agree with their names; mistakes are named with their place.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::collections::BTreeSet;

use glossa_languages::{Cleaning, DEFAULT_CHARACTER_COVERAGE, Limit, builtin, character_coverage, codes, find, parse};

#[test]
fn every_file_is_embedded_and_named_by_its_code() {
    let found: BTreeSet<String> = std::fs::read_dir(env!("CARGO_MANIFEST_DIR"))
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(".toml").map(str::to_owned))
        .filter(|name| name != "Cargo")
        .collect();
    let languages = builtin().unwrap();
    let listed: BTreeSet<String> = languages.iter().map(|language| language.code.to_string()).collect();
    assert_eq!(listed, found);
    assert_eq!(listed.len(), languages.len(), "a code is there twice");
    assert!(codes().eq(languages.iter().map(|language| language.code.as_str())), "a file's code differs from its name");
    assert!(codes().is_sorted());
}

#[test]
fn settings_are_resolved() {
    let basque = find(&"eu".parse().unwrap()).unwrap();
    assert_eq!((basque.name.as_str(), basque.script.as_str(), basque.spaced), ("Basque", "Latn", true));
    assert_eq!(basque.character_coverage, DEFAULT_CHARACTER_COVERAGE);
    assert_eq!(basque.corpora.len(), 1);
    assert!(find(&"tlh".parse().unwrap()).is_none());
    let unspaced: Vec<_> = builtin().unwrap().into_iter().filter(|language| !language.spaced).collect();
    assert_eq!(unspaced.iter().map(|language| language.code.as_str()).collect::<Vec<_>>(), ["ja", "th", "zh"]);
}

#[test]
fn coverage_of_multifit() {
    let high = "bg cs da de el en es et fi fr ga hr hu it lt lv mt nl pl pt ro sk sl sv";
    let found: Vec<_> = codes().filter(|code| character_coverage(code) == 0.99999).collect();
    assert_eq!(found.join(" "), high);
    for code in ["eu", "ja", "tlh", "not a code"] {
        assert_eq!(character_coverage(code), 0.9998, "{code}");
    }
}

const GOOD: &str = "format = 1\ncode = \"gsw\"\nname = \"Alemannic\"\nscript = \"Latn\"\n";

#[test]
fn the_smallest_file_inherits_the_rest() {
    let language = parse(GOOD, "gsw.toml").unwrap();
    assert_eq!(language.character_coverage, DEFAULT_CHARACTER_COVERAGE);
    assert!(language.spaced && language.corpora.is_empty() && language.native_name.is_none());
}

fn check_refused(text: &str, expected: &str) {
    let message = parse(text, "x.toml").unwrap_err().to_string();
    assert!(message.starts_with(expected), "{message:?} does not start with {expected:?}");
    assert!(!message.contains('\n'), "{message}");
}

#[test]
fn mistakes_are_named_with_their_place() {
    let replaced = |from: &str, to: &str| GOOD.replace(from, to);
    check_refused(&replaced("script", "scirpt"), "x.toml:4:1: unknown key `scirpt`, did you mean `script`?");
    check_refused(&format!("{GOOD}wibble = 1\n"), "x.toml:5:1: unknown key `wibble`");
    check_refused(
        &format!("{GOOD}[[corpus]]\nsuorce = \"wikipedia\"\n"),
        "x.toml:6:1: unknown key `suorce`, did you mean `source`?",
    );
    check_refused(&format!("{GOOD}[[corpus]]\nsource = \"wiki\"\n"), "x.toml:6:10: unknown variant `wiki`");
    check_refused(&replaced("name = \"Alemannic\"\n", ""), "x.toml:1:1: missing field `name`");
    check_refused(&replaced("Alemannic", " "), "x.toml:3:8: a name is empty");
    check_refused(&replaced("Latn", "latin"), "x.toml:4:10: `latin` is not a script");
    check_refused(&replaced("gsw", "GSW"), "x.toml:2:8: `GSW` is not a language code");
    check_refused(&format!("{GOOD}character_coverage = 1.5\n"), "x.toml:5:22: character_coverage lies above 0");
    check_refused(&format!("{GOOD}character_coverage = nan\n"), "x.toml:5:22: character_coverage lies above 0");
    check_refused(&replaced("format = 1", "format = 2"), "x.toml: format 2, this glossa knows 1");
    check_refused(&replaced("format = 1", "format = 0"), "x.toml:1:10: format 0 does not exist");
    check_refused(&format!("{GOOD}name = \"again\"\n"), "x.toml:5:1: ");
    check_refused("format = ", "x.toml:1:");
    check_refused("", "x.toml:1:1: missing field `format`");
}

#[test]
fn a_failure_carries_a_hint() {
    let failure = glossa_base::Failure::from(parse("formt = 1", "x.toml").unwrap_err());
    assert_eq!(failure.kind, glossa_base::Kind::Data);
    assert!(failure.hint.is_some());
}

#[test]
fn a_language_sets_its_own_thresholds() {
    let text = format!("{GOOD}[cleaning]\ndigits = 0.3\nlanguage = false\nminimum_words = 3\nmojibake = false\n");
    let cleaning = parse(&text, "gsw.toml").unwrap().cleaning;
    assert_eq!((cleaning.digits, cleaning.language, cleaning.mojibake), (Limit::At(0.3), Limit::Off, false));
    assert_eq!(cleaning.symbols, Cleaning::default().symbols);
    check_refused(
        &format!("{GOOD}[cleaning]\ndigit = 0.3\n"),
        "x.toml:6:1: unknown key `digit`, did you mean `digits`?",
    );
    check_refused(&format!("{GOOD}[cleaning]\ndigits = 3\n"), "x.toml:5:1: digits lies from 0 to 1");
    check_refused(&format!("{GOOD}[cleaning]\ndigits = true\n"), "x.toml:6:10:");
    check_refused(&format!("{GOOD}[cleaning]\ndigits = \"x\"\n"), "x.toml:6:10:");
    assert!(Cleaning::names().contains(&"near-duplicate-words".to_owned()));
}
