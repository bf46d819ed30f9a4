//! The index that is built in, and ones that are wrong.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use super::*;

const GOOD: &str = r#"format = 1

[[model]]
name = "a/b"
languages = ["eu"]
architecture = "qrnn"
source.hub = "owner/name"
licence = "mit"
provenance = "test"

[[model.file]]
name = "config.json"
bytes = 2
"#;

fn parse(text: &str) -> Result<Index, Error> {
    Index::parse(text, "x.toml", Origin::Own)
}

#[test]
fn the_built_in_index_is_signed_and_whole() {
    let index = Index::built_in().unwrap();
    let names: Vec<&str> = index.entries().iter().map(|entry| entry.name.as_str()).collect();
    for code in ["de", "es", "fr", "it", "ja", "ru", "zh"] {
        assert!(names.contains(&format!("{code}/multifit").as_str()), "{names:?}");
    }
    for repository in [
        "answerdotai/ModernBERT-base",
        "jhu-clsp/mmBERT-base",
        "intfloat/multilingual-e5-small",
        "sentence-transformers/LaBSE",
    ] {
        assert!(index.find_hub(repository).is_some(), "{repository}");
    }
    assert!(names.contains(&"laser2"));
    assert!(index.entries().iter().all(|entry| entry.origin == Origin::BuiltIn));
}

#[test]
fn one_changed_byte_breaks_the_signature() {
    let signed = |text: &[u8], signature: &str| Index::signed(text, signature, "x", Origin::BuiltIn).map(drop);
    signed(BUILT_IN.as_bytes(), BUILT_IN_SIGNATURE).unwrap();
    for place in (0..BUILT_IN.len()).step_by(97) {
        let mut changed = BUILT_IN.as_bytes().to_vec();
        changed[place] ^= 1;
        assert!(matches!(signed(&changed, BUILT_IN_SIGNATURE), Err(Error::Signature { .. })), "{place}");
    }
    for signature in ["", "untrusted comment: x\nRUQ=\n", &BUILT_IN_SIGNATURE.replacen("glossa zoo", "glossa Zoo", 9)] {
        assert!(matches!(signed(BUILT_IN.as_bytes(), signature), Err(Error::Signature { .. })), "{signature}");
    }
}

#[test]
fn the_signature_of_another_key_does_not_hold() {
    let pair = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    let text = BUILT_IN.as_bytes();
    let signature = minisign::sign(None, &pair.sk, std::io::Cursor::new(text), None, None).unwrap().to_string();
    verify_signature(&pair.pk.to_box().unwrap().to_string(), text, &signature).unwrap();
    assert!(matches!(Index::signed(text, &signature, "x", Origin::Fetched), Err(Error::Signature { .. })));
}

#[test]
fn mistakes_are_named_with_line_column_and_what_was_meant() {
    let sha = "0".repeat(64);
    for (from, to, place, expected, hint) in [
        ("licence", "license", "x.toml:8:1", "unknown field `license`", "did you mean `licence`?"),
        ("format = 1\n", "fromat = 1\n", "x.toml:1:1", "unknown field `fromat`", "did you mean `format`?"),
        ("source.hub", "source.hubb", "x.toml:7:8", "unknown field `hubb`", "did you mean `hub`?"),
        ("bytes = 2", "byte = 2", "x.toml:13:1", "unknown field `byte`", "did you mean `bytes`?"),
        ("licence = \"mit\"\n", "", "x.toml:3:1", "missing field `licence`", "add the key `licence`"),
        ("bytes = 2", "bytes = -2", "x.toml:13:9", "invalid value", ""),
        ("bytes = 2", "sha256 = \"12\"", "x.toml:13:10", "64 digits", ""),
        ("bytes = 2", &format!("sha256 = \"{sha}\"\nsha256 = \"{sha}\""), "x.toml:14:1", "duplicate key", ""),
        ("config.json", "../config.json", "x.toml:12:8", "leads out of its folder", ""),
        ("\"a/b\"", "\"A/b\"", "x.toml:4:8", "has other characters", ""),
        (
            "source.hub = \"owner/name\"",
            "source.hub = \"o/n\"\nsource.revision = \"main\"",
            "x.toml:4:8",
            "is a commit",
            "",
        ),
        ("owner/name", "owner", "x.toml:4:8", "no owner and name", ""),
        (
            "source.hub = \"owner/name\"",
            "source.archive = \"http://example.org/x.tgz\"",
            "x.toml:4:8",
            "not encrypted",
            "",
        ),
        ("source.hub = \"owner/name\"", "source.folder = \"https://example.org/x\"", "x.toml:4:8", "ends with `/`", ""),
        ("source.hub = \"owner/name\"", "source = {}", "x.toml:4:8", "the source is one of", ""),
        ("provenance = \"test\"", "provenance = \"\\u202E\"", "x.toml:4:8", "turns the direction", ""),
        ("bytes = 2", "bytes = 2\n[[model.file]]\nname = \"CONFIG.json\"", "x.toml:4:8", "stands there twice", ""),
        ("format = 1", "format =", "x.toml:1:9", "", ""),
        ("format = 1", "format = 1\nreleases = \"https://example.org/x\"", "x.toml:2:12", "ends with `/`", ""),
        ("format = 1", "format = 1\nreleases = \"http://example.org/x/\"", "x.toml:2:12", "not encrypted", ""),
        ("source.hub = \"owner/name\"", "source.release = \"m.tar.zst\"", "x.toml:4:8", "has `bytes` and `sha256`", ""),
        (
            "source.hub = \"owner/name\"",
            &format!("source = {{ release = \"../m.tar\", bytes = 1, sha256 = \"{sha}\" }}"),
            "x.toml:4:8",
            "leads out of its folder",
            "",
        ),
        (
            "source.hub = \"owner/name\"",
            &format!("source = {{ release = \"m.bin\", bytes = 1, sha256 = \"{sha}\" }}"),
            "x.toml:4:8",
            "is an archive",
            "",
        ),
        (
            "source.hub = \"owner/name\"",
            &format!("source = {{ release = \"m.tar\", hub = \"o/n\", bytes = 1, sha256 = \"{sha}\" }}"),
            "x.toml:4:8",
            "the source is one of",
            "",
        ),
    ] {
        let text = GOOD.replacen(from, to, 1);
        match parse(&text) {
            Err(Error::Wrong { place: found, problem, hint: meant }) => {
                assert_eq!(found, place, "{text}\n{problem}");
                assert!(problem.contains(expected), "{problem}");
                assert!(hint.is_empty() || meant.as_deref() == Some(hint), "{meant:?}");
            }
            other => panic!("{to}: {other:?}"),
        }
    }
    let twice = format!("{GOOD}{}", GOOD.replacen("format = 1\n", "", 1));
    assert!(matches!(parse(&twice), Err(Error::Wrong { problem, .. }) if problem.contains("twice")));
}

#[test]
fn a_newer_format_is_told_before_its_keys() {
    let text = GOOD.replacen("format = 1", "format = 2\nnew_key = 1", 1);
    assert!(matches!(parse(&text), Err(Error::Format { found: 2, .. })));
}

#[test]
fn hostile_file_names_are_refused() {
    for name in crate::names::tests::HOSTILE {
        let written = toml::Value::String(name.to_owned()).to_string();
        let text = GOOD.replacen("\"config.json\"", &written, 1);
        assert!(matches!(parse(&text), Err(Error::Wrong { .. })), "{name:?}");
    }
}

#[test]
fn a_persons_own_index_lies_over_the_other_entry_by_entry() {
    let own = parse(&GOOD.replacen("a/b", "de/multifit", 1)).unwrap().under(parse(GOOD).unwrap());
    let both = Index::built_in().unwrap().under(own);
    let entry = both.find("de/multifit").unwrap();
    assert_eq!((entry.origin, entry.licence.as_str()), (Origin::Own, "mit"));
    assert_eq!(both.find("es/multifit").unwrap().origin, Origin::BuiltIn);
    assert!(both.find("a/b").is_some());
    assert_eq!(both.nearest("de/multfit"), Some("de/multifit"));
    assert_eq!(both.nearest("qqqq"), None);
}

#[test]
fn changed_bytes_never_panic() {
    let text = BUILT_IN.as_bytes();
    for step in 0..2_000_usize {
        let stream = glossa_base::seed::Stream::new(5, glossa_base::seed::Purpose::Sample, 0, step as u64);
        let mut changed = text[..stream.below(1, text.len())].to_vec();
        for change in 0..4 {
            if !changed.is_empty() {
                let at = stream.below(10 + change, changed.len());
                changed[at] = stream.below(20 + change, 256) as u8;
            }
        }
        drop(parse(&String::from_utf8_lossy(&changed)));
    }
}
