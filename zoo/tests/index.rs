//! Indices that are fetched: signed by us, or refused.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

#[path = "../../toolkit/base/tests/support/server.rs"]
mod server;

use glossa_base::download::{self, Downloader, Settings, Watch};
use glossa_base::{Interrupt, Silent};
use glossa_zoo::environment::Places;
use glossa_zoo::index::{Error, Origin};
use glossa_zoo::{Index, Options};
use server::{Reply, Server};

const TEXT: &str = include_str!("../index.toml");
const SIGNATURE: &str = include_str!("../index.toml.minisig");

fn fetch(text: &str, signature: Option<&str>) -> Result<Index, Error> {
    let (text, signature) = (text.to_owned(), signature.map(str::to_owned));
    let server = Server::new(move |request, _| match (request.path.as_str(), &signature) {
        ("/index.toml", _) => Reply::ok(text.clone()),
        ("/index.toml.minisig", Some(signature)) => Reply::ok(signature.clone()),
        _ => Reply::new(404, ""),
    });
    let downloader = Downloader::new(Settings::default()).unwrap();
    let watch = Watch { progress: &Silent, interrupt: &Interrupt::default() };
    Index::fetch(&downloader, &server.url("/index.toml"), watch)
}

#[test]
fn a_fetched_index_is_ours_or_refused() {
    let index = fetch(TEXT, Some(SIGNATURE)).unwrap();
    assert!(!index.entries().is_empty() && index.entries().iter().all(|entry| entry.origin == Origin::Fetched));
    for (text, signature) in [
        (TEXT.replacen("mit", "mIt", 1), Some(SIGNATURE.to_owned())),
        (format!("{TEXT}\n"), Some(SIGNATURE.to_owned())),
        (TEXT.to_owned(), Some(String::new())),
        (TEXT.to_owned(), Some(SIGNATURE.replacen('A', "B", 1))),
        (TEXT.to_owned(), Some("x".repeat(3000))),
    ] {
        let found = fetch(&text, signature.as_deref());
        assert!(matches!(found, Err(Error::Signature { .. })), "{found:?}");
    }
    assert!(matches!(fetch(TEXT, None), Err(Error::Fetch(download::Error::NotFound { .. }))));
    let long = fetch(TEXT, Some(&"x".repeat(5000)));
    assert!(matches!(long, Err(Error::Fetch(download::Error::TooLarge { .. }))));
}

#[test]
fn a_persons_own_index_needs_no_signature_and_names_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    assert!(matches!(Index::read(&path), Err(Error::Read { .. })));
    std::fs::write(&path, TEXT).unwrap();
    assert!(Index::read(&path).unwrap().entries().iter().all(|entry| entry.origin == Origin::Own));
    // An index that the environment names lies over the built-in one.
    let own = TEXT.replacen("not-stated", "mit", 1).replacen("\"es/multifit\"", "\"my/own\"", 1);
    std::fs::write(&path, own).unwrap();
    let variables = [("HF_HOME", "cache"), ("GLOSSA_ZOO_INDEX", path.to_str().unwrap())];
    let index = Options::new(Places::resolve(variables).unwrap()).unwrap().index;
    assert_eq!(index.find("de/multifit").unwrap().licence, "mit");
    assert!(index.find("my/own").is_some() && index.find("es/multifit").unwrap().origin == Origin::BuiltIn);
    std::fs::write(&path, "format = 1\n[[model]]\nnmae = \"x\"\n").unwrap();
    let error = Index::read(&path).unwrap_err().to_string();
    assert!(error.contains("mine.toml:3:1: unknown field `nmae`"), "{error}");
    let error = Options::new(Places::resolve(variables).unwrap()).unwrap_err().to_string();
    assert!(error.contains("mine.toml:3:1: unknown field `nmae`"), "{error}");
}
