//! The built-in files are whole and agree with their names; mistakes are named with their place.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::collections::BTreeSet;

use glossa_languages::{
    Cleaning, DEFAULT_CHARACTER_COVERAGE, Direction, Document, File, Layer, Limit, Segmenter, builtin,
    character_coverage, codes, find, json_schema, parse, parse_file, resolve_builtin, resolve_file,
};

#[test]
fn every_file_is_embedded_and_named_by_its_code() {
    let found: BTreeSet<String> = std::fs::read_dir(env!("CARGO_MANIFEST_DIR"))
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(".toml").map(str::to_owned))
        .filter(|name| name != "Cargo" && name != "defaults")
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
    let codes: Vec<_> = unspaced.iter().map(|language| language.code.as_str()).collect();
    let expected = "blk bo dz gan ja km lo mnw my rki shn tdd th wuu zh zh-classical zh-yue";
    assert_eq!(codes.join(" "), expected);
    let arabic = find(&"ar".parse().unwrap()).unwrap();
    assert_eq!((arabic.direction, arabic.segmenter), (Direction::RightToLeft, Segmenter::WhiteSpace));
    let japanese = find(&"ja".parse().unwrap()).unwrap();
    assert_eq!((japanese.segmenter, japanese.cleaning.script), (Segmenter::Dictionary, Limit::At(0.15)));
    assert_eq!(find(&"bo".parse().unwrap()).unwrap().segmenter, Segmenter::Unicode);
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
    assert!(language.spaced && language.tasks.is_empty() && language.native_name.is_none());
    assert_eq!((language.bcp_47.as_str(), language.preset.as_str(), language.seeds), ("gsw", "small", 1));
    assert_eq!(language.corpora.len(), 1, "Wikipedia, by default");
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
    check_refused(&replaced("Alemannic", " "), "x.toml:3:8: name is empty");
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
    check_refused(&format!("{GOOD}[cleaning]\ndigits = 3\n"), "x.toml:6:10: digits lies from 0 to 1");
    check_refused(&format!("{GOOD}[cleaning]\ndigits = true\n"), "x.toml:6:10:");
    check_refused(&format!("{GOOD}[cleaning]\ndigits = \"x\"\n"), "x.toml:6:10:");
    assert!(Cleaning::names().contains(&"near-duplicate-words".to_owned()));
}

#[test]
fn the_registry_is_sound() {
    let languages = builtin().unwrap();
    assert!(languages.len() >= 330, "{}", languages.len());
    let mut names = BTreeSet::new();
    for language in &languages {
        let code = &language.code;
        assert!(names.insert(language.name.clone()), "{code}: {} is there twice", language.name);
        assert!(language.native_name.as_ref().is_some_and(|name| !name.trim().is_empty()), "{code}");
        assert!(!language.other_scripts.contains(&language.script), "{code}");
        assert!(!language.benchmarks.iter().any(|name| name.contains(' ')), "{code}");
        assert!(language.iso_639_3.is_some() || language.note.is_some() || language.bcp_47.contains("-x-"), "{code}");
    }
    let tags: BTreeSet<_> = languages.iter().map(|language| &language.bcp_47).collect();
    assert_eq!(tags.len(), languages.len(), "a language tag is there twice");
    let whatlang = languages.iter().filter(|language| language.whatlang.is_some()).count();
    assert!((68..=71).contains(&whatlang), "{whatlang}");
}

#[test]
fn every_value_says_where_it_came_from() {
    let layer = |resolved: &glossa_languages::Resolved, key: &str| resolved.settings[key].origin.clone();
    let japanese = resolve_builtin(&"ja".parse().unwrap(), &["cleaning.digits=0.25".to_owned()]).unwrap();
    assert_eq!(layer(&japanese, "name").to_string(), "language (languages/ja.toml:3)");
    assert_eq!(layer(&japanese, "spaced").to_string(), "script (languages/scripts/Jpan.toml:3)");
    assert_eq!(layer(&japanese, "character_coverage").layer, Layer::Defaults);
    assert_eq!(layer(&japanese, "cleaning.digits").to_string(), "flag (--set cleaning.digits=0.25)");
    assert_eq!(japanese.language.cleaning.digits, Limit::At(0.25));
    let text = "format = 1\ncode = \"ja\"\npreset = \"tiny\"\n[recipe.pretrain.training]\nepochs = 3\n";
    let own = resolve_file(Document { text, file: "mine.toml" }, &["preset=ulmfit".to_owned()]).unwrap();
    assert_eq!(own.language.name, "Japanese");
    assert_eq!(layer(&own, "recipe.pretrain.training.epochs").to_string(), "your file (mine.toml:5)");
    assert_eq!((own.language.preset.as_str(), layer(&own, "preset").layer), ("ulmfit", Layer::Flag));
    for (flag, expected) in [
        ("preset", "`preset`: write KEY=VALUE"),
        ("prest=tiny", "--set prest=tiny:1:1: unknown key `prest`, did you mean `preset`?"),
        ("cleaning.digits=2", "--set cleaning.digits=2:1:19: digits lies from 0 to 1"),
        ("a b=1", "`a b=1`: the key is letters"),
    ] {
        let message = resolve_builtin(&"eu".parse().unwrap(), &[flag.to_owned()]).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}");
    }
}

const FULL: &str = r#"format = 1
code = "gsw"
name = "Swiss German"
native_name = "Schwiizerdütsch"
iso_639_3 = "gsw"
bcp_47 = "gsw"
script = "Latn"
other_scripts = ["Cyrl"]
direction = "left-to-right"
spaced = true
segmenter = "white-space"
character_coverage = 0.999
minimum_vocabulary = 100
whatlang = "deu"
benchmarks = ["none"]
note = "a note"
preset = "tiny"
backward = true
seeds = 3

[cleaning]
mojibake = true
hidden_characters = true
nfc = true
minimum_characters = 1
maximum_characters = false
minimum_words = 1
repeated_lines = 0.5
symbols = 0.7
digits = 0.5
script = 0.3
language = 0.95
among = []
near_duplicates = 0.8
near_duplicate_words = 50

[[corpus]]
source = "files"
paths = ["a.txt", "b"]
kind = "text"

[[corpus]]
source = "wikipedia"
date = "20260901"

[split]
documents = "line"
text_column = "text"
words = 1000
valid_share = 0.1
test_share = 0.1

[recipe.pretrain.training]
epochs = 2

[[task]]
name = "topics"
train = "train.tsv"
valid = "dev.tsv"
test = "test.tsv"
submit = "open.tsv"
text_column = "text"
label_column = "label"
pair_column = "other"
"#;

/// Three one-letter typos of a word: a letter less, one more, two changed places.
fn typos(word: &str) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    let middle = letters.len() / 2;
    let mut less = letters.clone();
    less.remove(middle);
    let mut more = letters.clone();
    more.insert(middle, 'x');
    let mut swapped = letters.clone();
    swapped.swap(middle - 1, middle);
    let texts = [less, more, swapped].map(|letters| letters.into_iter().collect::<String>());
    texts.into_iter().filter(|text| text != word).collect()
}

#[test]
fn every_mistyped_key_is_named_with_the_right_one() {
    assert_eq!(parse(FULL, "x.toml").unwrap().seeds, 3);
    let (mut cases, mut suggested) = (0, 0);
    for (number, line) in FULL.lines().enumerate() {
        let Some((key, _)) = line.split_once(" = ") else { continue };
        // What a recipe may hold is known to the crate of recipes, which checks its own keys so.
        if key == "epochs" {
            continue;
        }
        for typo in typos(key) {
            let lines = FULL
                .lines()
                .enumerate()
                .map(|(at, text)| if at == number { text.replacen(key, &typo, 1) } else { text.to_owned() });
            let text: Vec<String> = lines.collect();
            let message = parse(&text.join("\n"), "x.toml").unwrap_err().to_string();
            let place = format!("x.toml:{}:1: unknown key `{typo}`", number + 1);
            assert!(message.starts_with(&place), "{typo}: {message}");
            cases += 1;
            suggested += usize::from(message.ends_with(&format!("did you mean `{key}`?")));
        }
    }
    assert!(cases >= 120, "{cases}");
    assert!(suggested * 100 >= cases * 95, "{suggested} of {cases}");
}

#[test]
fn wrong_types_and_ranges_are_all_named() {
    let replaced = |from: &str, to: &str| FULL.replacen(from, to, 1);
    for (from, to, expected) in [
        ("seeds = 3", "seeds = 0", "x.toml:19:9: seeds lies from 1 to 100"),
        ("seeds = 3", "seeds = \"3\"", "x.toml:19:9: invalid type: string"),
        ("backward = true", "backward = 1", "x.toml:18:12: invalid type: integer `1`, expected a boolean"),
        ("spaced = true", "spaced = \"yes\"", "x.toml:10:10: invalid type"),
        ("\"Cyrl\"", "\"Zyxw\"", "x.toml:8:18: `Zyxw` is not a script"),
        (
            "script = \"Latn\"",
            "script = \"Latin\"",
            "x.toml:7:10: `Latin` is not a script of ISO 15924, such as Latn; did you mean `Latn`?",
        ),
        ("iso_639_3 = \"gsw\"", "iso_639_3 = \"gs\"", "x.toml:5:13: `gs` is not three small letters"),
        ("bcp_47 = \"gsw\"", "bcp_47 = \"Gsw\"", "x.toml:6:10: `Gsw` is not a language tag"),
        (
            "left-to-right",
            "left-to-rigth",
            "x.toml:9:13: unknown variant `left-to-rigth`, expected `left-to-right` or `right-to-left`; did you mean `left-to-right`?",
        ),
        ("white-space", "whitespace", "x.toml:11:13: unknown variant"),
        ("kind = \"text\"", "kind = \"txt\"", "x.toml:40:8: `txt` is no kind of files; did you mean `text`?"),
        ("paths = [\"a.txt\", \"b\"]", "paths = []", "x.toml:38:10: a corpus of files needs paths"),
        ("date = \"20260901\"", "date = \"2026\"", "x.toml:44:8: `2026` is no date"),
        ("words = 1000", "words = 0", "x.toml:49:9: words is at least 1"),
        ("valid_share = 0.1", "valid_share = 1.0", "x.toml:50:15: valid_share lies from 0"),
        ("valid_share = 0.1", "valid_share = 0.95", "x.toml:46:1: valid_share and test_share together"),
        ("name = \"topics\"", "name = \"../topics\"", "x.toml:57:8: `../topics` is no name"),
        ("near_duplicates = 0.8", "near_duplicates = 0.1", "x.toml:34:19: near_duplicates lies from 0.5 to 1"),
    ] {
        let text = replaced(from, to);
        assert_ne!(text, FULL, "{from}");
        check_refused(&text, expected);
    }
    let twice = FULL.to_owned() + "[[task]]\nname = \"topics\"\ntrain = \"x\"\n";
    check_refused(&twice, "x.toml:66:8: two tasks are named `topics`");
}

#[test]
fn no_path_leads_out_of_the_folder() {
    let hostile = ["/etc/passwd", "../up.txt", "a/../../b", "..", "C:\\x", "a\\b", "", "file:///x", "a/..", "a\u{0}b"];
    for path in hostile {
        let quoted = toml::Value::String(path.to_owned()).to_string();
        for (from, to) in
            [("\"b\"]", format!("{quoted}]")), ("\"train.tsv\"", quoted.clone()), ("\"open.tsv\"", quoted.clone())]
        {
            let message = parse(&FULL.replacen(from, &to, 1), "x.toml").unwrap_err().to_string();
            assert!(message.contains("leads out of its folder"), "{path}: {message}");
        }
    }
}

#[test]
fn the_schema_that_ships_is_that_of_the_code() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/language.schema.json");
    if std::env::var_os("GLOSSA_WRITE_SCHEMA").is_some() {
        std::fs::write(path, json_schema()).unwrap();
    }
    let shipped = std::fs::read_to_string(path).unwrap();
    assert!(shipped == json_schema(), "set GLOSSA_WRITE_SCHEMA=1 and run this test to write the schema anew");
    let schema: serde_json::Value = serde_json::from_str(&shipped).unwrap();
    let properties = schema["properties"].as_object().unwrap();
    for key in toml::from_str::<toml::Table>(FULL).unwrap().keys() {
        assert!(properties.contains_key(key), "{key}");
    }
    assert!(parse_file(Document { text: FULL, file: "x" }).is_ok_and(|file: File| file.task.is_some()));
}
