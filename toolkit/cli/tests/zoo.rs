//! The zoo from the outside: a model of our own is published, pulled by its id from a hub on this machine, used by
//! commands, verified, converted and removed; and what unusable ids and damaged files are told.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

#[path = "../../base/tests/support/server.rs"]
mod server;
mod support;

use glossa_base::hash::sha256_hex;
use serde_json::{Value, json};
use server::{Reply, Server};
use support::{Place, Ran, number, text};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const SECRET: &str = "hf_verysecret";

/// A hub that has the files of a folder as `owner/topics`.
fn hub(files: Vec<(String, Vec<u8>)>) -> Server {
    let siblings: Vec<Value> = files
        .iter()
        .map(|(name, bytes)| json!({"rfilename": name, "size": bytes.len(), "lfs": {"sha256": sha256_hex(bytes), "size": bytes.len()}}))
        .collect();
    let info = json!({"id": "owner/topics", "sha": COMMIT, "siblings": siblings}).to_string();
    Server::new(move |request, _| {
        let path = request.path.split('?').next().unwrap_or_default();
        if path.starts_with("/api/models/owner/topics") {
            return Reply::ok(info.clone()).with("content-type", "application/json");
        }
        let name = path.strip_prefix(&format!("/owner/topics/resolve/{COMMIT}/")).unwrap_or_default();
        match files.iter().find(|(file, _)| file == name) {
            Some((_, bytes)) => {
                let hash = sha256_hex(bytes);
                Reply::ranged(request, bytes, &format!("\"{hash}\""))
                    .with("x-linked-etag", format!("\"{hash}\""))
                    .with("x-repo-commit", COMMIT)
            }
            None => Reply::new(404, "").with("x-error-code", "RepoNotFound"),
        }
    })
}

/// Runs the command against a hub, with a cache of its own; no proxy or setting of this machine has a part in it.
fn run(place: &Place, endpoint: &str, arguments: &str) -> Ran {
    let cache = place.path("cache").display().to_string();
    let words: Vec<&str> = arguments.split_whitespace().collect();
    let environment = [
        ("HF_HUB_CACHE", cache.as_str()),
        ("HF_ENDPOINT", endpoint),
        ("HF_TOKEN", SECRET),
        ("HF_HUB_OFFLINE", ""),
        ("no_proxy", "127.0.0.1"),
        ("NO_PROXY", "127.0.0.1"),
    ];
    let ran = place.run_with(&words, &environment, b"");
    assert!(!ran.stdout.contains(SECRET) && !ran.stderr.contains(SECRET), "the token was printed: {ran:?}");
    ran
}

fn published() -> (Place, Server) {
    let place = Place::with_models();
    run(&place, "", "zoo push classifier ./out/topics --licence cc-by-sa-4.0 --name topics -q").done();
    let folder = std::fs::read_dir(place.path("out/topics")).unwrap().map(Result::unwrap);
    let files =
        folder.map(|entry| (entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path()).unwrap()));
    let server = hub(files.collect());
    (place, server)
}

#[test]
fn a_model_is_published_pulled_used_and_removed() {
    let (place, server) = published();
    let endpoint = server.url("");
    let card = String::from_utf8(place.read("out/topics/README.md")).unwrap();
    assert!(card.starts_with("---\n") && card.contains("license: cc-by-sa-4.0"), "{card}");
    let pulled = run(&place, &endpoint, "zoo pull owner/topics --json -q").done().json();
    assert!(number(&pulled, "/models/0/transferred") > 1000.0);
    assert!(text(&pulled, "/models/0/folder").contains(&format!("models--owner--topics/snapshots/{COMMIT}")));

    // By its id, wherever a command takes a model; with the commit and offline, without a connection.
    let own = run(&place, &endpoint, "classify predict --model classifier --input test.csv --json -q").done().stdout;
    let before = server.requests().len();
    for id in [format!("owner/topics@{COMMIT}"), "owner/topics".to_owned()] {
        let predict = format!("classify predict --model {id} --input test.csv --json -q --offline");
        assert_eq!(run(&place, &endpoint, &predict).done().stdout, own);
    }
    assert_eq!(server.requests().len(), before);

    let listed = run(&place, &endpoint, "zoo cache --json").done().json();
    assert_eq!(
        (text(&listed, "/models/0/id"), &listed["models"][0]["revisions"][0]["complete"]),
        ("owner/topics", &json!(true))
    );
    run(&place, &endpoint, "zoo verify owner/topics").done();
    let weights = std::fs::canonicalize(format!("{}/model.safetensors", text(&pulled, "/models/0/folder"))).unwrap();
    let mut bytes = std::fs::read(&weights).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&weights, &bytes).unwrap();
    let damaged = run(&place, &endpoint, "zoo verify owner/topics --drop -q");
    assert_eq!(damaged.code, Some(4), "{damaged:?}");
    assert!(damaged.stdout.contains(&sha256_hex(&bytes)) && damaged.stderr.contains("hint: "), "{damaged:?}");
    let again = run(&place, &endpoint, "zoo pull owner/topics --json -q").done().json();
    assert_eq!(number(&again, "/models/0/transferred"), bytes.len() as f64);
    run(&place, &endpoint, "zoo verify owner/topics").done();
    run(&place, &endpoint, "zoo remove owner/topics --dry-run").done();
    run(&place, &endpoint, "zoo remove owner/topics").done();
    assert_eq!(run(&place, &endpoint, "zoo cache --json").done().json()["models"], json!([]));
}

#[test]
fn archives_conversions_and_dry_runs() {
    let (place, _) = published();
    run(&place, "", "zoo push classifier topics.tar.zst --licence mit -q").done();
    let first = place.read("topics.tar.zst");
    run(&place, "", "zoo push classifier again.tar.zst --licence mit -q").done();
    assert!(first == place.read("again.tar.zst"), "the same folder makes the same archive");
    let pulled = run(&place, "", "zoo pull file:topics.tar.zst --json -q --offline").done().json();
    run(&place, "", &format!("classify predict --model {} hello -q", text(&pulled, "/models/0/folder"))).done();
    let planned = run(&place, "", "zoo push classifier owner/x --licence mit --dry-run").done().stdout;
    assert!(planned.contains("license: mit") && planned.contains("nothing was published"), "{planned}");
    let converted = run(&place, "", "zoo convert classifier --to bf16 --out half --json -q").done().json();
    assert!(number(&converted, "/bytes") < 0.6 * number(&converted, "/bytes_before"));
    run(&place, "", "zoo verify half -q").done();
    let listed = run(&place, "", "zoo list multifit --json").done().json();
    assert!(listed["models"].as_array().unwrap().len() >= 7);
    let shown = run(&place, "", "zoo list").done().stdout;
    assert!(shown.contains("glossa:de/multifit") && shown.contains("not-stated"), "{shown}");
}

#[test]
fn what_cannot_be_pulled_or_published_is_named() {
    let (place, server) = published();
    let endpoint = server.url("");
    let refused = |arguments: &str, code: i32, words: &[&str]| {
        run(&place, &endpoint, &format!("{arguments} -q")).refusal(code, words).unwrap();
    };
    refused("zoo pull glossa:de/multfit", 4, &["did you mean glossa:de/multifit"]);
    refused("zoo pull owner/nothing", 4, &["owner/nothing"]);
    refused("zoo pull ../../etc/passwd", 3, &[]);
    refused("zoo pull owner/topics --offline", 4, &["offline"]);
    refused("embed --model owner/nothing hello", 4, &["owner/nothing"]);
    refused("embed --model models/nothing/there hello", 3, &["models/nothing/there"]);
    refused("zoo push classifier owner/x", 3, &["licence"]);
    refused("zoo push classifier x.tar.zst --licence not-stated", 3, &["not-stated"]);
    refused("zoo push corpus/nothing x.tar.zst --licence mit", 3, &[]);
    refused("zoo convert classifier --to f12 --out x", 3, &["f12"]);
    refused("zoo list --index text.txt", 3, &["text.txt"]);
    refused("zoo remove owner/unknown", 3, &["owner/unknown"]);
    assert!(!place.path("x.tar.zst").exists() && !place.path("x").exists());
}
