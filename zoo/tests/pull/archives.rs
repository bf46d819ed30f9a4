//! Archives and folders from the web and from this machine.

use super::*;
use glossa_base::manifest::Manifest;

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn tgz(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, &tar(files)).unwrap();
    encoder.finish().unwrap()
}

const FILES: [(&str, &[u8]); 3] = [("m/itos.pkl", b"i"), ("m/lm_best.pth", b"weights"), ("m/spm.model", b"s")];

fn serve(bytes: Vec<u8>) -> Server {
    Server::new(move |request, _| match request.path.split('?').next() {
        Some("/m.tgz") => Reply::ranged(request, &bytes, "\"one\""),
        _ => Reply::new(404, ""),
    })
}

#[test]
fn an_archive_becomes_a_model_folder_and_is_pinned() {
    let (place, bytes) = (Place::new(), tgz(&FILES));
    let server = serve(bytes.clone());
    let zoo = place.zoo("http://127.0.0.1:1");
    let url = server.url("/m.tgz?signature=x");
    let pulled = pull(&zoo, &url).unwrap();
    assert_eq!(std::fs::read(pulled.folder.join("lm_best.pth")).unwrap(), b"weights");
    assert_eq!((pulled.files, pulled.transferred), (3, bytes.len() as u64));
    assert_eq!(pulled.commit.as_deref(), Some(&sha256_hex(&bytes)[..40]));
    assert!(pulled.notes[0].contains("pinned") && !pulled.id.contains("signature"), "{pulled:?}");
    let before = server.requests().len();
    assert_eq!(pull(&zoo, &url).unwrap().transferred, 0);
    assert_eq!(server.requests().len(), before);
    assert!(!place.tree().iter().any(|path| path.contains("fetch-") || path.ends_with(".tgz")), "{:?}", place.tree());
    // The same address with other bytes.
    let (repository, commit) = zoo.cached(&ModelId::parse(&url).unwrap()).unwrap();
    let verified = repository.verify(&commit.unwrap(), Watch { progress: &Silent, interrupt: &Interrupt::default() });
    assert_eq!((verified.as_ref().unwrap().files, verified.unwrap().damaged.len()), (3, 0));
    let pins = zoo.cache().pinned().unwrap();
    assert_eq!(pins[&server.url("/m.tgz")].hash, sha256_hex(&bytes));
}

#[test]
fn a_pinned_archive_that_changed_is_refused() {
    let place = Place::new();
    let bytes = Arc::new(Mutex::new(tgz(&FILES)));
    let now = Arc::clone(&bytes);
    let server = Server::new(move |request, _| Reply::ranged(request, &now.lock().unwrap(), "\"one\""));
    let zoo = place.zoo("http://127.0.0.1:1");
    let first = pull(&zoo, &server.url("/m.tgz")).unwrap();
    zoo.cached(&ModelId::parse(&server.url("/m.tgz")).unwrap()).unwrap().0.remove(None).unwrap();
    *bytes.lock().unwrap() = tgz(&FILES[..2]);
    let error = pull(&zoo, &server.url("/m.tgz")).unwrap_err();
    let Error::Mismatch { expected, by, .. } = &error else { panic!("{error:?}") };
    assert_eq!((&expected[..40], *by), (first.commit.as_deref().unwrap(), "the first pull"));
    assert!(
        !place.tree().iter().any(|path| path.contains("snapshots/") || path.contains("fetch-")),
        "{:?}",
        place.tree()
    );
}

#[test]
fn what_the_index_says_of_an_archive_must_hold() {
    let bytes = tgz(&FILES);
    let server = serve(bytes.clone());
    let file = |name: &str, bytes: u64, hash: &str| {
        format!("[[model.file]]\nname = \"{name}\"\nbytes = {bytes}\nsha256 = \"{hash}\"\n")
    };
    let right = [
        file("itos.pkl", 1, &sha256_hex(b"i")),
        file("lm_best.pth", 7, &sha256_hex(b"weights")),
        file("spm.model", 1, &sha256_hex(b"s")),
    ];
    let archive = |more: &str| format!("source = {{ archive = \"{}\"{more} }}", server.url("/m.tgz"));
    let hash = sha256_hex(&bytes);
    let known = format!(", bytes = {}, sha256 = \"{hash}\"", bytes.len());
    type Check = fn(&Result<Pulled, Error>) -> bool;
    let good: Check = |found| matches!(found, Ok(pulled) if pulled.notes.is_empty());
    let pinned: Check = |found| matches!(found, Ok(pulled) if pulled.notes.len() == 1);
    let mismatch: Check = |found| matches!(found, Err(Error::Mismatch { .. }));
    let wrong: Check = |found| matches!(found, Err(Error::Wrong { .. }));
    let too_large: Check = |found| matches!(found, Err(Error::Archive(_)));
    let length: Check = |found| matches!(found, Err(Error::Download(glossa_base::download::Error::Length { .. })));
    for (source, files, check) in [
        (archive(&known), right.concat(), good),
        (archive(""), right.concat(), pinned),
        (archive(&known), String::new(), good),
        (archive(&known.replace(&hash, &"0".repeat(64))), right.concat(), mismatch),
        (archive(&format!(", bytes = {}", bytes.len() + 1)), right.concat(), length),
        (archive(&known), right.concat().replace(&sha256_hex(b"weights"), &"0".repeat(64)), mismatch),
        (archive(&known), right[1..].concat(), too_large),
        (archive(&known), format!("{}{}", right.concat(), file("more", 1, &hash)), wrong),
        (archive(&known), right.concat().replace("bytes = 7", "bytes = 6"), too_large),
        (archive(&known), right.concat().replace("bytes = 7", "bytes = 8"), wrong),
    ] {
        let place = Place::new();
        let zoo = place.with_index("http://127.0.0.1:1", &index("eu/m", &source, &files));
        let found = pull(&zoo, "glossa:eu/m");
        assert!(check(&found), "{source}\n{files}\n{found:?}");
        let kept = place.tree().iter().any(|path| path.contains("snapshots/"));
        assert_eq!(kept, found.is_ok());
        let models = zoo.cache().list().unwrap();
        assert!(found.is_err() || models[0].id == "glossa:eu/m", "{models:?}");
    }
}

#[test]
fn a_bomb_stops_at_what_the_index_allows() {
    let bomb = tgz(&[("x", &vec![0; 50_000_000])]);
    let server = serve(bomb);
    let place = Place::new();
    let source = format!("source.archive = \"{}\"", server.url("/m.tgz"));
    let files = "[[model.file]]\nname = \"x\"\nbytes = 1000\n";
    let zoo = place.with_index("http://127.0.0.1:1", &index("eu/m", &source, files));
    let error = pull(&zoo, "glossa:eu/m").unwrap_err();
    assert!(matches!(&error, Error::Archive(failure) if failure.message.contains("more than 1000")), "{error}");
    assert!(
        !place.tree().iter().any(|path| path.contains("models--") && !path.ends_with(".lock")),
        "{:?}",
        place.tree()
    );
}

#[test]
fn an_archive_of_this_machine_is_unpacked_once() {
    let place = Place::new();
    let path = place.folder.path().join("my model.tgz");
    std::fs::write(&path, tgz(&FILES)).unwrap();
    let zoo = place.offline("http://127.0.0.1:1");
    for id in [path.to_string_lossy().into_owned(), format!("file://{}", path.display())] {
        let pulled = pull(&zoo, &id).unwrap();
        assert_eq!(std::fs::read(pulled.folder.join("spm.model")).unwrap(), b"s");
    }
    let first = pull(&zoo, &path.to_string_lossy()).unwrap();
    std::fs::write(&path, tgz(&FILES[..1])).unwrap();
    let second = pull(&zoo, &path.to_string_lossy()).unwrap();
    assert!(second.folder != first.folder && second.files == 1, "{second:?}");
    let missing = place.folder.path().join("no.tgz");
    assert!(matches!(pull(&zoo, &missing.to_string_lossy()), Err(Error::NoPath { .. })));
    let folder = place.folder.path().to_string_lossy().into_owned();
    assert_eq!(pull(&zoo, &folder).unwrap().folder, place.folder.path());
}

#[test]
fn a_model_folder_on_the_web_comes_with_its_manifest() {
    let made = tempfile::tempdir().unwrap();
    std::fs::write(made.path().join("config.json"), "{}").unwrap();
    std::fs::write(made.path().join("model.safetensors"), "weights").unwrap();
    Manifest::new("classifier", 0, serde_json::Value::Null).write(made.path()).unwrap();
    let root = made.path().to_path_buf();
    let server =
        Server::new(move |request, _| match std::fs::read(root.join(request.path.trim_start_matches("/m/"))) {
            Ok(bytes) => Reply::ok(bytes),
            Err(_) => Reply::new(404, ""),
        });
    let (place, url) = (Place::new(), server.url("/m"));
    let zoo = place.zoo("http://127.0.0.1:1");
    let pulled = pull(&zoo, &url).unwrap();
    assert_eq!(std::fs::read(pulled.folder.join("model.safetensors")).unwrap(), b"weights");
    assert_eq!((pulled.files, server.requests().len()), (3, 4));
    assert_eq!(pull(&zoo, &url).unwrap().transferred, 0);
    assert_eq!(server.requests().len(), 4);
    std::fs::write(made.path().join("model.safetensors"), "Weights").unwrap();
    let place = Place::new();
    let error = pull(&place.zoo("http://127.0.0.1:1"), &url).unwrap_err();
    assert!(matches!(error, Error::Mismatch { .. }), "{error}");
}

#[test]
fn a_changed_entry_of_the_index_is_fetched_anew() {
    let (first, second) = (tgz(&FILES), tgz(&FILES[..2]));
    let (one, two) = (first.clone(), second.clone());
    let server = Server::new(move |request, _| match request.path.as_str() {
        "/one.tgz" => Reply::ok(one.clone()),
        _ => Reply::ok(two.clone()),
    });
    let (place, hash) = (Place::new(), |bytes: &[u8]| format!(", sha256 = \"{}\"", sha256_hex(bytes)));
    for (name, more, files, requests) in [
        ("one.tgz", String::new(), 3, 1),
        ("one.tgz", hash(&first), 3, 1),
        ("two.tgz", String::new(), 2, 2),
        ("two.tgz", hash(&second), 2, 2),
        ("one.tgz", hash(&first), 3, 3),
    ] {
        let source = format!("source = {{ archive = \"{}\"{more} }}", server.url(&format!("/{name}")));
        let zoo = place.with_index("http://127.0.0.1:1", &index("eu/m", &source, ""));
        let pulled = pull(&zoo, "glossa:eu/m").unwrap();
        assert_eq!((pulled.files, server.requests().len()), (files, requests), "{name} {more}");
    }
}
