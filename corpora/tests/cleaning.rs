//! Fixes, filters, sizes and provenance of a build, by its public surface.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;

use glossa_base::manifest::Manifest;
use glossa_base::seed::{Purpose, Stream};
use glossa_base::{Outcome, Progress, Silent};
use glossa_corpora::{
    HELD_OUT_SHARE, HELD_OUT_WORDS, Options, Source, Split, Summary, build, clean, read_split, statistics,
};
use glossa_languages::{Cleaning, Segmenter};

/// Keeps the lines that a build says.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Progress for Heard {
    fn start(&self, _task: &str, _total: Option<u64>, _unit: &str) {}
    fn advance(&self, _units: u64) {}
    fn state(&self, _text: &str) {}
    fn finish(&self, _summary: &str) {}
    fn line(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Place(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    fn out(&self) -> PathBuf {
        self.0.path().join("corpus")
    }

    fn build(&self, name: &str, options: &Options) -> Outcome<Summary> {
        build(&[Source::new(self.0.path().join(name))], options, &self.out(), &Silent)
    }

    fn documents(&self, split: Split) -> BTreeMap<String, String> {
        let documents = read_split(&self.out(), split).unwrap().map(Result::unwrap);
        documents.map(|document| (document.id, document.text)).collect()
    }
}

fn options(language: Option<&str>, filters: &str) -> Options {
    let base = language.map_or_else(Options::default, |code| Options::for_language(code).unwrap());
    let mut options = Options { valid_share: 0.0, test_share: 0.0, ..base };
    for (name, value) in filters.split_whitespace().map(|filter| filter.split_once('=').unwrap()) {
        options.cleaning.set(name, value).unwrap();
    }
    options
}

const ENGLISH: &str = "This is a sentence of plain English, long enough to be told from any other language at all, \
    with words that only English has and that nobody would take for anything else.";
const POLISH: &str = "To jest zwykłe polskie zdanie, dostatecznie długie, żeby odróżnić je od zdań w każdym innym \
    języku, nawet pokrewnym, takim jak czeski.";

/// What becomes of one document: its text, or the reason to drop it.
fn check(language: Option<&str>, filters: &str, text: &str, expected: Result<&str, &str>) {
    let place = Place::new();
    let other = match language {
        Some("ru") => "Ещё один документ, чтобы был корпус",
        Some("ja") => "もう一つの文書です、コーパスのために",
        Some("th") => "อีกเอกสารหนึ่งที่นี่",
        _ => "kept so that there is a corpus",
    };
    let rows = [text, other].map(|text| serde_json::json!({"text": text}).to_string());
    place.write("a.jsonl", &rows.join("\n"));
    let summary = place.build("a.jsonl", &options(language, filters)).unwrap();
    let reason = summary.dropped.reasons().into_iter().find(|(_, count)| *count > 0).map(|(name, _)| name);
    match expected {
        Ok(cleaned) => {
            assert_eq!(reason, None, "{text}");
            assert_eq!(place.documents(Split::Train)["a:1"], cleaned);
        }
        Err(expected) => {
            assert_eq!(reason, Some(expected), "{text}");
            assert_eq!(summary.examples[expected][0].id, "a:1");
        }
    }
}

#[test]
fn each_filter_drops_what_it_should() {
    let code = "{ [] } <=> += -- ** // %% && || ;; ::";
    check(None, "", code, Err("symbols"));
    check(None, "symbols=off", code, Ok(code));
    check(None, "", "12 345 678 910 a", Err("digits"));
    check(None, "digits=off", "12 345 678 910 a", Ok("12 345 678 910 a"));
    check(None, "", "— Co?!", Ok("— Co?!"));
    check(None, "minimum-words=3", "two words", Err("too short"));
    check(None, "minimum-characters=10", "nine char", Err("too short"));
    check(None, "maximum-characters=30", "thirty characters are not enough", Err("too long"));
    let refrain = "once only\nand again and again\nand again and again\nand again and again\nand again and again";
    check(None, "", refrain, Err("repeated lines"));
    check(None, "repeated-lines=0.9", refrain, Ok(refrain));
    check(Some("ru"), "", "Only Latin letters stand here", Err("script"));
    check(Some("ru"), "", "Открыть Facebook.", Ok("Открыть Facebook."));
    check(Some("ru"), "script=off", "Only Latin", Ok("Only Latin"));
    check(Some("ja"), "", "PlayStation 3 の Final Fantasy", Err("script"));
    check(
        Some("ja"),
        "",
        "ファイナルファンタジーはPlayStationのゲーム",
        Ok("ファイナルファンタジーはPlayStationのゲーム"),
    );
    check(Some("pl"), "", ENGLISH, Err("language"));
    check(Some("pl"), "language=off", ENGLISH, Ok(ENGLISH));
    check(Some("pl"), "", POLISH, Ok(POLISH));
    check(Some("eu"), "", ENGLISH, Ok(ENGLISH));
    check(Some("th"), "minimum-words=5", "ภาษาไทยง่าย", Ok("ภาษาไทยง่าย"));
    check(None, "", "VoilÃ  le cafÃ© dÃ©jÃ\u{a0} prÃªt", Ok("VoilÃ le cafÃ© dÃ©jÃ prÃªt"));
    check(None, "", "le cafÃ© est prÃªt", Ok("le café est prêt"));
    check(None, "mojibake=off", "le cafÃ© est prÃªt", Ok("le cafÃ© est prÃªt"));
    check(None, "", "a\u{202e}b\u{200f} c\u{7}", Ok("ab c"));
    check(None, "hidden-characters=off nfc=off", "a\u{202e} e\u{301}", Ok("a\u{202e} e\u{301}"));
}

#[test]
fn what_is_not_known_is_said() {
    let place = Place::new();
    place.write("a.txt", "bat\nbi\nhiru\n");
    let summary = place.build("a.txt", &options(Some("eu"), "")).unwrap();
    assert_eq!(summary.remarks, ["the filter `language` is off: whatlang does not know eu"]);
    let failure = Options::for_language("eus").unwrap_err().to_string();
    assert!(failure.contains("no language file for `eus`"));
    let manifest = Manifest::read(&place.out()).unwrap();
    assert_eq!(manifest.config["language"]["code"], "eu");
    assert_eq!(manifest.config["cleaning"]["maximum_characters"], false);
    assert_eq!(manifest.summary["remarks"][0], summary.remarks[0]);
}

#[test]
fn wrong_filters_name_the_right_ones() {
    let mut cleaning = Cleaning::default();
    for (name, value, expected) in [
        ("digit", "0.3", "did you mean `digits`?"),
        ("near-duplicate", "0.9", "did you mean `near-duplicate"),
        ("digits", "much", "filter `digits`: give a number, on or off"),
        ("digits", "2", "digits lies from 0 to 1"),
        ("digits", "on", "a number or false is wanted"),
        ("minimum-words", "1.5", "minimum_words is a whole number"),
        ("mojibake", "0.5", "filter `mojibake`"),
        ("near-duplicates", "0.1", "near_duplicates lies from 0.5 to 1"),
    ] {
        let message = cleaning.set(name, value).unwrap_err().to_string();
        assert!(message.contains(expected), "{message} does not contain {expected}");
    }
    assert_eq!(cleaning, Cleaning::default());
    cleaning.set("among", "en, pl").unwrap();
    assert_eq!(cleaning.among, ["en", "pl"]);
    let unknown = Options {
        language: Options::for_language("pl").unwrap().language,
        cleaning: {
            cleaning.set("among", "eu").unwrap();
            cleaning
        },
        ..Options::default()
    };
    assert!(unknown.check().unwrap_err().to_string().contains("whatlang does not know `eu`"));
}

/// Documents of ten invented words each.
fn sentences(count: u64) -> String {
    let stream = Stream::new(5, Purpose::Sample, 0, 0);
    let word = |line: u64, place: u64| format!("w{}", stream.below(line * 10 + place, 1 << 20));
    let sentence = |line| (0..9).map(|place| word(line, place)).collect::<Vec<_>>().join(" ");
    (0..count).map(|line| format!("{} {line}x\n", sentence(line))).collect()
}

#[test]
fn a_smaller_size_is_a_part_of_a_larger_one() {
    let place = Place::new();
    let sized = |size| Options {
        size: Some(size),
        valid_share: HELD_OUT_SHARE,
        test_share: HELD_OUT_SHARE,
        ..options(None, "near-duplicates=off digits=off")
    };
    let of = |text: &str, size| {
        place.write("a.txt", text);
        let summary = place.build("a.txt", &sized(size)).unwrap();
        (summary, Split::ALL.map(|split| place.documents(split).into_keys().collect::<Vec<_>>()))
    };
    let text = sentences(300_000);
    let (small, small_ids) = of(&text, 20_000);
    let (large, large_ids) = of(&text, 100_000);
    assert!((20_000..20_010).contains(&small.train.words) && (100_000..100_010).contains(&large.train.words));
    for (counts, ids) in [(small.valid, 1), (small.test, 2)] {
        assert!((HELD_OUT_WORDS..HELD_OUT_WORDS + 10).contains(&counts.words), "{counts:?}");
        assert_eq!(small_ids[ids], large_ids[ids]);
    }
    assert!(small_ids[0].iter().all(|id| large_ids[0].binary_search(id).is_ok()));
    assert_eq!(small.dropped.beyond_size, 300_000 - small_ids.iter().map(Vec::len).sum::<usize>() as u64);

    // More documents move none from one split to another.
    let (_, more_ids) = of(&sentences(330_000), 100_000);
    for (split, ids) in more_ids.iter().enumerate() {
        let elsewhere = (0..3).filter(|other| *other != split);
        for other in elsewhere {
            assert!(ids.iter().all(|id| large_ids[other].binary_search(id).is_err()));
        }
    }
    let common = more_ids[0].iter().filter(|id| large_ids[0].binary_search(id).is_ok()).count();
    assert!(common > 8_500, "{common} of {}", more_ids[0].len());
    let (all, _) = of(&sentences(1000), 1_000_000);
    assert_eq!(all.dropped.total(), 0);
}

#[test]
fn where_it_comes_from_is_kept() {
    let place = Place::new();
    place.write("eu/a.txt", "one text\nanother text\n");
    let source = "format = 1\nurl = \"https://example.org/eu.txt\"\ndate = \"2024-01-01\"\nlicence = \"CC0-1.0\"\n";
    place.write("eu/source.toml", source);
    let summary = place.build("eu", &options(None, "")).unwrap();
    assert_eq!((summary.read, summary.sources.len()), (2, 1));
    assert_eq!(summary.sources[0].provenance.licence.as_deref(), Some("CC0-1.0"));
    assert!(summary.sources[0].inputs[0].ends_with("a.txt"));
    let manifest = Manifest::read(&place.out()).unwrap();
    assert_eq!(manifest.summary["sources"][0]["url"], "https://example.org/eu.txt");
    std::fs::remove_file(place.0.path().join("eu/source.toml")).unwrap();
    place.write("eu/source.json", "{\"format\": 1, \"fetched\": \"2024-02-02\"}");
    assert_eq!(
        place.build("eu", &options(None, "")).unwrap().sources[0].provenance.fetched.as_deref(),
        Some("2024-02-02")
    );
    for (text, expected) in [
        ("{\"format\": 2}", "source.json: format 2, this glossa knows 1"),
        ("{}", "missing field `format`"),
        ("\u{1}", "source.json"),
        ("{\"format\": 1, \"url\": 3}", "source.json"),
    ] {
        place.write("eu/source.json", text);
        let failure = place.build("eu", &options(None, "")).unwrap_err();
        assert!(failure.message.contains(expected), "{}", failure.message);
    }
    let files = "[{\"name\": \"a.txt\", \"url\": \"https://example.org\", \"sha256\": \"00\"}, {\"name\": \"b.txt\"}]";
    place.write("eu/source.json", &format!("{{\"format\": 1, \"wiki\": \"euwiki\", \"files\": {files}}}"));
    let heard = Heard::default();
    build(&[Source::new(place.0.path().join("eu"))], &options(None, ""), &place.out(), &heard).unwrap();
    assert!(heard.0.lock().unwrap().iter().any(|line| line.contains("a.txt is not the file")));
    let manifest = Manifest::read(&place.out()).unwrap();
    assert_eq!(manifest.summary["sources"][0]["files"].as_array().unwrap().len(), 1);
    place.write("eu/source.json", &" ".repeat((16 << 20) + 1));
    assert!(place.build("eu", &options(None, "")).is_err());
}

#[test]
fn statistics_count_what_is_there() {
    let place = Place::new();
    place.write("a.txt", "Ein Wort und ein Text\nмир\nein\nein\n\u{feff}vier Worte sind hier\n123456\n");
    place.build("a.txt", &options(None, "")).unwrap();
    let segment = |text: &str, _: Segmenter| text.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let found = statistics(&place.out(), &segment, &Silent).unwrap();
    let lengths: Vec<_> = found.lengths.iter().map(|bin| (bin.from, bin.documents)).collect();
    assert_eq!(lengths, [(1, 2), (4, 2)]);
    assert_eq!((found.words[0].word.as_str(), found.words[0].count), ("ein", 3));
    assert_eq!((found.scripts[0].script.as_str(), found.scripts[1].letters), ("Latin", 3));
    assert_eq!((found.summary.dropped.duplicates, found.summary.dropped.digits), (1, 1));
    assert_eq!(found.summary.examples["digits"][0].why, "share 1.00");
    assert!(!found.words_are_approximate);
    std::fs::remove_file(place.out().join("manifest.json")).unwrap();
    assert!(statistics(&place.out(), &segment, &Silent).is_err());
}

#[test]
fn nothing_breaks_on_odd_text() {
    let odd = ["\u{0}", "Ã", "Ã\u{a0}", "\u{fffd}\u{10ffff}", "\u{202e}", "ÃƒÆ’Ã†â€™", "\n\n", "e\u{301}\u{301}"];
    for text in odd {
        let cleaned = clean(&text.repeat(300));
        assert_eq!(clean(&cleaned), cleaned, "{text:?}");
    }
}
