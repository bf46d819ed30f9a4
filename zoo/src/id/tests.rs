//! Ids, good and hostile.

use super::*;

fn hub(owner: &str, name: &str, revision: Option<&str>) -> ModelId {
    ModelId::Hub { owner: owner.to_owned(), name: name.to_owned(), revision: revision.map(str::to_owned) }
}

#[test]
fn each_form_is_read() {
    let path = |text: &str| ModelId::Path(PathBuf::from(text));
    let commit = "0123456789abcdef0123456789abcdef01234567";
    for (text, expected) in [
        ("answerdotai/ModernBERT-base", hub("answerdotai", "ModernBERT-base", None)),
        ("a/b@main", hub("a", "b", Some("main"))),
        ("a/b@refs/pr/1", hub("a", "b", Some("refs/pr/1"))),
        (&format!("a/b@{commit}"), hub("a", "b", Some(commit))),
        ("glossa:pl/multifit", ModelId::Index("pl/multifit".to_owned())),
        ("https://example.org/m.tgz", ModelId::Url("https://example.org/m.tgz".to_owned())),
        ("http://127.0.0.1:80/m.tgz", ModelId::Url("http://127.0.0.1:80/m.tgz".to_owned())),
        ("file:models/m.tgz", path("models/m.tgz")),
        ("file:///models/a%20b", path("/models/a b")),
        ("file://localhost/models/a", path("/models/a")),
        ("./model", path("./model")),
        ("../model", path("../model")),
        ("/models/m", path("/models/m")),
        ("model", path("model")),
        ("a/b/c", path("a/b/c")),
        ("C:\\models\\m", path("C:\\models\\m")),
    ] {
        assert_eq!(ModelId::parse(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_read_is_shown_and_read_again() {
    for text in ["a/b", "a/b@main", "glossa:pl/multifit", "https://example.org/m.tgz", "./model"] {
        assert_eq!(ModelId::parse(text).unwrap().to_string(), text);
    }
    assert_eq!(ModelId::parse("https://example.org/m?signature=secret").unwrap().to_string(), "https://example.org/m");
}

#[test]
fn every_refusal_says_what_is_wrong() {
    type Check = fn(&Error) -> bool;
    let part: Check = |error| matches!(error, Error::Part { .. });
    let revision: Check = |error| matches!(error, Error::Revision { .. });
    let url: Check = |error| matches!(error, Error::Url { .. });
    let characters: Check = |error| matches!(error, Error::Characters { .. });
    let scheme: Check = |error| matches!(error, Error::Scheme { .. });
    let long = "x".repeat(97);
    let rows: Vec<(String, Check)> = [
        ("a/", part),
        ("a/b--c", part),
        ("a--b/c", part),
        ("a/b.git", part),
        ("a/-b", part),
        ("a/b.", part),
        ("a/con", part),
        ("nul/b", part),
        ("a/COM1.x", part),
        ("a/b c", part),
        ("a/ü", part),
        ("a/b..c", part),
        ("a/..@main", part),
        ("glossa.zoo/x", part),
        ("glossa.url/x", part),
        ("a/b:c", scheme),
        ("word@main", part),
        ("a/b/c@main", part),
        ("glossa:", part),
        ("glossa:../x", part),
        ("glossa:/x", part),
        ("glossa:a//b", part),
        ("glossa:Pl", part),
        ("glossa:a/b/c/d", part),
        ("glossa:a\\b", part),
        ("glossa:con", part),
        ("glossa:a..b", part),
        ("glossa:-a", part),
        ("a/b@", revision),
        ("a/b@../x", revision),
        ("a/b@/x", revision),
        ("a/b@x/", revision),
        ("a/b@x y", revision),
        ("a/b@x.lock", revision),
        ("a/b@.x", revision),
        ("a/b@x..y", revision),
        ("a/b@x@y", revision),
        ("a/b@con", revision),
        ("https://", url),
        ("https:x", url),
        ("https://me:secret@h/x", url),
        ("http://example.org/x", url),
        ("https://h/../x", url),
        ("https://h/%2e%2E/x", url),
        ("file://host/x", url),
        ("file:///a%2", url),
        ("file:///a%zz", url),
        ("http://127.0.0.1.example.org/x", url),
        ("a/b\0", characters),
        ("a/b\n", characters),
        ("a/\u{202e}b", characters),
        ("a/b@\u{2066}x", characters),
        ("\u{1b}[2Ja/b", characters),
        ("file:///a%00", characters),
        ("./a\0", characters),
        ("ftp:x", scheme),
        ("s3://x/y", scheme),
        ("http_:me:secret@h/x", scheme),
    ]
    .into_iter()
    .map(|(text, check)| (text.to_owned(), check))
    .chain([(format!("a/{long}"), part), (format!("{long}/a"), part), (format!("a/b@{}", "x".repeat(256)), revision)])
    .collect();
    for (text, check) in rows {
        let error = ModelId::parse(&text).unwrap_err();
        assert!(check(&error), "{text:?}: {error:?}");
        assert!(!error.to_string().contains("secret"), "{error}");
        assert!(!error.to_string().contains(['\0', '\n', '\u{202e}']), "{error}");
    }
    assert_eq!(ModelId::parse(""), Err(Error::Empty));
    assert_eq!(ModelId::parse("file:"), Err(Error::Empty));
    assert_eq!(ModelId::parse(&"x".repeat(5000)), Err(Error::TooLong { bytes: 5000 }));
}

#[test]
fn no_hostile_name_becomes_a_part_of_an_id() {
    for name in crate::names::tests::HOSTILE {
        for text in [format!("owner/{name}"), format!("{name}/name"), format!("a/b@{name}"), format!("glossa:{name}")] {
            match ModelId::parse(&text) {
                Err(_) => {}
                // A text with a dot, a slash or a backslash at its beginning is a path, which the person chose.
                Ok(id) => assert!(matches!(id, ModelId::Path(_)), "{text:?}: {id:?}"),
            }
        }
    }
}

#[test]
fn what_is_there_is_a_path() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().to_string_lossy().into_owned();
    assert_eq!(ModelId::parse_beside_files(&text), Ok(ModelId::Path(folder.path().to_path_buf())));
    assert_eq!(ModelId::parse_beside_files("not/there"), Ok(hub("not", "there", None)));
    assert!(ModelId::parse_beside_files("a\0").is_err());
}
