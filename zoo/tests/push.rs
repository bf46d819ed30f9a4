//! Model folders published as folders, archives and to a hub on this machine, and what is refused.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking, in its helpers too")]

#[path = "../../toolkit/base/tests/support/server.rs"]
mod server;

use std::path::{Path, PathBuf};

use glossa_base::download::{Settings, Token, Watch};
use glossa_base::hash::sha256_hex;
use glossa_base::manifest::{FileRecord, Manifest};
use glossa_base::{Failure, Interrupt, Silent};
use glossa_zoo::card::{Card, MetricRow};
use glossa_zoo::index::ScoreEntry;
use glossa_zoo::push::{Details, Error, FORBIDDEN, Published, Target};
use glossa_zoo::{Index, ModelId, ModelKind, Options, Zoo};
use server::{Reply, Request, Server};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const SECRET: &str = "hf_verysecret";

/// A model folder as a training leaves it, and a place for others.
struct Place {
    root: tempfile::TempDir,
}

impl Place {
    fn new(license: Option<&str>) -> Self {
        let place = Place { root: tempfile::tempdir().unwrap() };
        let folder = place.model();
        std::fs::create_dir(&folder).unwrap();
        let header = br#"{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}"#;
        let weights = [&(header.len() as u64).to_le_bytes()[..], header, &[7; 24]].concat();
        let config = r#"{"architecture": "qrnn", "labels": ["bad", "good"]}"#;
        for (name, bytes) in
            [("config.json", config.as_bytes()), ("model.safetensors", &weights), ("recipe.toml", b"x = 1")]
        {
            std::fs::write(folder.join(name), bytes).unwrap();
        }
        let row = MetricRow { name: "accuracy".to_owned(), value: 0.5, dataset: "mine test".to_owned() };
        let card = Card {
            language: Some("eu".parse().unwrap()),
            license: license.map(str::to_owned),
            metrics: vec![row],
            ..Card::new("model", ModelKind::Classifier, "qrnn")
        };
        std::fs::write(folder.join("README.md"), card.to_markdown().unwrap()).unwrap();
        let mut manifest = Manifest::new("classify", 7, serde_json::json!({"k": 1}));
        manifest.inputs =
            vec![FileRecord { path: "corpus/train.tsv".to_owned(), bytes: 3, sha256: sha256_hex(b"abc") }];
        manifest.write(&folder).unwrap();
        // Nobody vouches for it, so it stays at home.
        std::fs::write(folder.join("notes.txt"), "private").unwrap();
        place
    }

    fn model(&self) -> PathBuf {
        self.root.path().join("model")
    }

    fn zoo(&self, endpoint: &str, token: Option<&str>) -> Zoo {
        let (cache, endpoint) = (self.root.path().join("cache"), endpoint.to_owned());
        let (token, download) = (token.map(|token| Token::new(token).unwrap()), Settings::default());
        Zoo::new(Options { cache, endpoint, token, index: Index::empty(), download, releases: None }).unwrap()
    }

    fn push(&self, target: &str, details: &Details) -> Result<Published, Error> {
        push(&self.zoo("http://127.0.0.1:1", None), &self.model(), &self.at(target), details)
    }

    fn at(&self, name: &str) -> String {
        self.root.path().join(name).to_string_lossy().into_owned()
    }
}

fn push(zoo: &Zoo, folder: &Path, target: &str, details: &Details) -> Result<Published, Error> {
    let target = Target::parse(target, true)?;
    zoo.push(folder, &target, details, Watch { progress: &Silent, interrupt: &Interrupt::default() })
}

fn details() -> Details {
    let score = |metric: &str, value| ScoreEntry {
        task: "mldoc/eu test".to_owned(),
        metric: metric.to_owned(),
        value,
        signature: format!("{metric}|task:mldoc|seed:0"),
    };
    Details { licence: Some("CC-BY-SA-4.0".to_owned()), scores: vec![score("accuracy", 0.75)], ..Details::default() }
}

const FILES: [&str; 5] = ["README.md", "config.json", "manifest.json", "model.safetensors", "recipe.toml"];

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_folder_is_published_with_a_card_and_is_whole() {
    let place = Place::new(None);
    for _ in 0..2 {
        let published = place.push("out", &details()).unwrap();
        assert_eq!(published.files, FILES.len());
    }
    let out = place.root.path().join("out");
    assert_eq!(names(&out), FILES);
    let verified = glossa_zoo::verify(&out).unwrap();
    assert_eq!((verified.files, verified.unlisted.len()), (4, 0));
    let card = std::fs::read_to_string(out.join("README.md")).unwrap();
    for expected in [
        "language: eu\nlicense: cc-by-sa-4.0\n",
        "pipeline_tag: text-classification\n",
        "model-index:\n- name: model\n",
        "value: 0.75\n",
        "value: 0.5\n",
        "## Intended use",
        "## Limits",
        "## How to reproduce",
        "6 parameters",
        "- good\n",
        "`accuracy|task:mldoc|seed:0`",
        &format!("| corpus/train.tsv | `{}` |", sha256_hex(b"abc")),
    ] {
        assert!(card.contains(expected), "{expected}\n{card}");
    }
    assert_eq!(glossa_zoo::push::card(&place.model(), &details()).unwrap(), card);
    // What was published can be published again.
    push(&place.zoo("http://127.0.0.1:1", None), &out, &place.at("again"), &Details::default()).unwrap();
}

#[test]
fn folders_of_this_machine_are_not_published() {
    let place = Place::new(Some("mit"));
    let of = |path: &str| FileRecord { path: path.to_owned(), bytes: 3, sha256: sha256_hex(b"abc") };
    let given = ["/home/me/secret/train.tsv", "../up/b.tsv", "C:\\me\\c.tsv", "corpus/d.tsv", "/home/me/corpus/"];
    let mut manifest = Manifest::read(&place.model()).unwrap();
    manifest.inputs = given.map(of).to_vec();
    manifest.write(&place.model()).unwrap();
    place.push("out", &Details::default()).unwrap();
    let published = Manifest::read(&place.root.path().join("out")).unwrap();
    let names: Vec<&str> = published.inputs.iter().map(|input| input.path.as_str()).collect();
    assert_eq!(names, ["train.tsv", "b.tsv", "c.tsv", "corpus/d.tsv", "corpus"]);
    let card = std::fs::read_to_string(place.root.path().join("out/README.md")).unwrap();
    assert!(!card.contains("secret") && card.contains("| train.tsv |"), "{card}");
    // Whoever knows better says so.
    let inputs = Some(vec![of("lm/texts.txt")]);
    place.push("said", &Details { inputs, base: Some("glossa:eu/x".to_owned()), ..Details::default() }).unwrap();
    assert_eq!(Manifest::read(&place.root.path().join("said")).unwrap().inputs, [of("lm/texts.txt")]);
    let card = std::fs::read_to_string(place.root.path().join("said/README.md")).unwrap();
    assert!(card.contains("base_model: \"glossa:eu/x\"") && card.contains("value: 0.5"), "{card}");
}

#[test]
fn an_archive_is_the_same_whenever_it_is_made_and_can_be_pulled() {
    let place = Place::new(Some("mit"));
    for name in ["m.tar.zst", "m.tar.gz", "m.tgz", "m.tar"] {
        let first = place.push(name, &Details::default()).unwrap();
        let bytes = std::fs::read(place.at(name)).unwrap();
        assert_eq!(first.sha256.as_deref(), Some(sha256_hex(&bytes).as_str()));
        std::thread::sleep(std::time::Duration::from_millis(5));
        for file in FILES {
            let path = place.model().join(file);
            std::fs::write(&path, std::fs::read(&path).unwrap()).unwrap();
        }
        assert_eq!(place.push(name, &Details::default()).unwrap(), first, "{name}");
        let watch = Watch { progress: &Silent, interrupt: &Interrupt::default() };
        let zoo = place.zoo("http://127.0.0.1:1", None);
        let pulled = zoo.pull(&ModelId::parse(&place.at(name)).unwrap(), watch).unwrap();
        assert_eq!(names(&pulled.folder), FILES, "{name}");
    }
    for bad in ["m.tar.xz", "m.zip", "m.tar.bz2"] {
        assert!(matches!(place.push(bad, &Details::default()), Err(Error::Target { .. })), "{bad}");
    }
}

#[test]
fn without_licence_or_manifest_nothing_goes() {
    let place = Place::new(None);
    let with = |licence: &str| Details { licence: Some(licence.to_owned()), ..Details::default() };
    for target in ["out", "out.tar.gz"] {
        assert!(matches!(place.push(target, &Details::default()), Err(Error::NoLicence { .. })));
        for licence in FORBIDDEN {
            let error = place.push(target, &with(&licence.to_uppercase())).unwrap_err();
            assert!(matches!(&error, Error::Forbidden { .. }), "{error}");
            assert_eq!(Failure::from(error).kind.exit_code(), 3);
        }
        for licence in ["", "a b", "mit\nx: y", &"x".repeat(65)] {
            let error = place.push(target, &with(licence)).unwrap_err();
            assert!(matches!(error, Error::BadLicence { .. } | Error::NoLicence { .. }), "{licence:?}");
        }
    }
    std::fs::write(place.model().join("config.json"), "[]").unwrap();
    assert!(matches!(place.push("out", &with("mit")), Err(Error::Model(_))));
    std::fs::remove_file(place.model().join("manifest.json")).unwrap();
    assert!(matches!(place.push("out", &with("mit")), Err(Error::NoManifest { .. })));
    assert_eq!(names(place.root.path()), ["model"]);
    for target in ["glossa:x", "https://example.org/x", "a/b@main"] {
        let error = Target::parse(target, false).unwrap_err();
        assert!(matches!(error, Error::Target { .. }), "{target}: {error}");
    }
}

/// A hub that takes models, and its storage on another host.
fn hub(has_weights: bool) -> (Server, std::sync::Arc<Server>) {
    let storage = std::sync::Arc::new(Server::new(|_, _| Reply::ok("")));
    let there = std::sync::Arc::clone(&storage);
    let answer = move |request: &Request, _: usize| match request.path.as_str() {
        "/api/repos/create" => Reply::new(409, r#"{"error": "You already created this model repo"}"#),
        "/api/models/owner/name/preupload/main" => {
            let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
            let files = body["files"].as_array().unwrap().iter().map(|file| {
                let large = file["path"].as_str().unwrap().ends_with(".safetensors");
                serde_json::json!({"path": file["path"], "uploadMode": if large { "lfs" } else { "regular" }})
            });
            Reply::ok(serde_json::json!({"files": files.collect::<Vec<_>>()}).to_string())
        }
        "/owner/name.git/info/lfs/objects/batch" => {
            let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
            let mut object = body["objects"][0].clone();
            if !has_weights {
                let home = request.header("host").unwrap();
                object["actions"] = serde_json::json!({
                    "upload": {"href": there.url("/bucket?signature=x")},
                    "verify": {"href": format!("http://{home}/verify")}
                });
            }
            Reply::ok(serde_json::json!({"transfer": "basic", "objects": [object]}).to_string())
        }
        "/verify" => Reply::ok("{}"),
        "/api/models/owner/name/commit/main" => {
            Reply::ok(serde_json::json!({"commitUrl": "x", "commitOid": COMMIT}).to_string())
        }
        _ => Reply::new(404, ""),
    };
    (Server::new(answer), storage)
}

#[test]
fn a_hub_gets_one_commit_and_its_storage_the_weights() {
    for has_weights in [false, true] {
        let (place, (server, storage)) = (Place::new(Some("mit")), hub(has_weights));
        let zoo = place.zoo(&server.url(""), Some(SECRET));
        let published = push(&zoo, &place.model(), "owner/name", &Details::default()).unwrap();
        assert_eq!(published.commit.as_deref(), Some(COMMIT));
        let weights = std::fs::read(place.model().join("model.safetensors")).unwrap();
        assert_eq!(published.sent, if has_weights { 0 } else { weights.len() as u64 });
        let stored = storage.requests();
        assert_eq!(stored.len(), usize::from(!has_weights));
        for request in stored {
            assert_eq!((request.method.as_str(), &request.body), ("PUT", &weights));
            assert_eq!(request.header("authorization"), None, "the token left its hub");
        }
        let requests = server.requests();
        let bearer = format!("Bearer {SECRET}");
        assert!(requests.iter().all(|request| request.header("authorization") == Some(&bearer)));
        let last = requests.last().unwrap();
        assert_eq!(last.header("content-type"), Some("application/x-ndjson"));
        let lines: Vec<serde_json::Value> =
            String::from_utf8_lossy(&last.body).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[0]["key"], "header");
        let paths: Vec<&str> = lines[1..].iter().map(|line| line["value"]["path"].as_str().unwrap()).collect();
        assert_eq!(paths, FILES);
        let large: Vec<&serde_json::Value> = lines.iter().filter(|line| line["key"] == "lfsFile").collect();
        assert_eq!((large.len(), &large[0]["value"]["oid"]), (1, &serde_json::json!(sha256_hex(&weights))));
        let recipe = lines.iter().find(|line| line["value"]["path"] == "recipe.toml").unwrap();
        assert_eq!((&recipe["value"]["content"], &recipe["value"]["encoding"]), (&"eCA9IDE=".into(), &"base64".into()));
        let body: serde_json::Value = serde_json::from_slice(&requests[0].body).unwrap();
        assert_eq!((&body["organization"], &body["visibility"]), (&"owner".into(), &"private".into()));
    }
}

/// A hub that wants large files in parts of five bytes, with places as `places` changes them.
fn hub_of_parts(places: fn(&mut serde_json::Value)) -> (Server, std::sync::Arc<Server>) {
    let storage = std::sync::Arc::new(Server::new(|request, _| {
        Reply::ok("").with("ETag", format!("\"{}\"", sha256_hex(&request.body)))
    }));
    let there = std::sync::Arc::clone(&storage);
    let answer = move |request: &Request, _: usize| match request.path.as_str() {
        "/api/repos/create" => Reply::ok("{}"),
        "/api/models/owner/name/preupload/main" => {
            let file = serde_json::json!({"path": "model.safetensors", "uploadMode": "lfs"});
            Reply::ok(serde_json::json!({"files": [file]}).to_string())
        }
        "/owner/name.git/info/lfs/objects/batch" => {
            let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
            assert!(body["transfers"].as_array().unwrap().contains(&"multipart".into()), "{body}");
            let mut object = body["objects"][0].clone();
            let mut header = serde_json::json!({"chunk_size": "5"});
            for number in 1..=object["size"].as_u64().unwrap().div_ceil(5) {
                header[format!("{number:05}")] = there.url(&format!("/part{number}")).into();
            }
            places(&mut header);
            let home = request.header("host").unwrap();
            object["actions"] =
                serde_json::json!({"upload": {"href": format!("http://{home}/complete?s=x"), "header": header}});
            Reply::ok(serde_json::json!({"transfer": "multipart", "objects": [object]}).to_string())
        }
        "/complete?s=x" => Reply::ok("{}"),
        _ => Reply::ok(serde_json::json!({"commitOid": COMMIT}).to_string()),
    };
    (Server::new(answer), storage)
}

#[test]
fn a_file_goes_in_parts_where_the_hub_wants_it() {
    let (place, (server, storage)) = (Place::new(Some("mit")), hub_of_parts(|_| ()));
    let published = push(&place.zoo(&server.url(""), Some(SECRET)), &place.model(), "owner/name", &Details::default());
    let weights = std::fs::read(place.model().join("model.safetensors")).unwrap();
    assert_eq!(published.unwrap().sent, weights.len() as u64);
    let stored = storage.requests();
    let parts: Vec<&[u8]> = weights.chunks(5).collect();
    assert!(parts.len() > 9, "the numbers have two digits");
    assert_eq!(stored.len(), parts.len());
    for (index, (request, part)) in stored.iter().zip(&parts).enumerate() {
        assert_eq!((request.path.as_str(), &*request.body), (&*format!("/part{}", index + 1), *part));
        assert_eq!((request.method.as_str(), request.header("authorization")), ("PUT", None));
    }
    let requests = server.requests();
    let complete = requests.iter().find(|request| request.path.starts_with("/complete")).unwrap();
    let body: serde_json::Value = serde_json::from_slice(&complete.body).unwrap();
    let named: Vec<_> = (1..)
        .zip(&parts)
        .map(|(number, part)| serde_json::json!({"partNumber": number, "etag": format!("\"{}\"", sha256_hex(part))}))
        .collect();
    assert_eq!(body, serde_json::json!({"oid": sha256_hex(&weights), "parts": named}));
    assert_eq!((complete.method.as_str(), complete.header("authorization")), ("POST", None));
    assert!(requests.last().unwrap().path.ends_with("/commit/main"));
}

#[test]
fn parts_that_do_not_make_the_file_are_refused_before_anything_is_sent() {
    let wrong: [fn(&mut serde_json::Value); 6] = [
        |header| header["chunk_size"] = "0".into(),
        |header| header["chunk_size"] = "many".into(),
        |header| header["chunk_size"] = 6.into(),
        |header| header["00000"] = "http://127.0.0.1:1/".into(),
        |header| header["99999"] = "http://127.0.0.1:1/".into(),
        |header| header["00001"] = serde_json::Value::Null,
    ];
    for places in wrong {
        let (place, (server, storage)) = (Place::new(Some("mit")), hub_of_parts(places));
        let zoo = place.zoo(&server.url(""), Some(SECRET));
        let error = push(&zoo, &place.model(), "owner/name", &Details::default()).unwrap_err();
        assert!(matches!(&error, Error::Answer { .. }), "{error}");
        assert_eq!(storage.requests().len(), 0);
        assert!(!server.requests().iter().any(|request| request.path.contains("commit")));
    }
}

#[test]
fn a_hub_that_refuses_is_told_and_the_token_never() {
    let place = Place::new(Some("mit"));
    let error = push(&place.zoo("http://127.0.0.1:1", None), &place.model(), "owner/name", &Details::default());
    assert!(matches!(error, Err(Error::NoToken)));
    for (status, body, shown) in [
        (401, format!(r#"{{"error": "{SECRET} is no token"}}"#), "(token) is no token"),
        (403, r#"{"error": "no right\n\u001b[2J"}"#.to_owned(), "no right"),
        (402, "<html>".to_owned(), "402"),
    ] {
        let server = Server::new(move |_, _| Reply::new(status, body.clone()));
        let error = push(&place.zoo(&server.url(""), Some(SECRET)), &place.model(), "owner/name", &Details::default());
        let error = error.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(matches!(error, Error::Refused { .. }) && text.contains(shown), "{text}");
        assert!(!text.contains(SECRET) && !error.to_string().contains(['\n', '\u{1b}']), "{text}");
        assert_eq!((server.requests().len(), Failure::from(error).kind.exit_code()), (1, 4));
    }
    // A licence is asked for before the hub is.
    let (place, server) = (Place::new(None), Server::new(|_, _| Reply::ok("{}")));
    let error = push(&place.zoo(&server.url(""), Some(SECRET)), &place.model(), "owner/name", &Details::default());
    assert!(matches!(error, Err(Error::NoLicence { .. })));
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_hub_that_answers_nonsense_is_told() {
    let place = Place::new(Some("mit"));
    for body in ["", "[]", "{}", r#"{"files": 1}"#, r#"{"files": [], "commitOid": "main"}"#] {
        let server = Server::new(move |_, _| Reply::ok(body));
        let error = push(&place.zoo(&server.url(""), Some(SECRET)), &place.model(), "owner/name", &Details::default());
        assert!(matches!(error, Err(Error::Answer { .. })), "{body}: {error:?}");
    }
}
