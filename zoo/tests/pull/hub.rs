//! What comes of a hub that behaves.

use super::*;

#[test]
fn a_model_lies_in_the_cache_as_hugging_face_has_it() {
    for tells_blobs in [true, false] {
        let (place, files) = (Place::new(), model());
        let hub = Hub::with(files.clone(), Manner { tells_blobs, ..Manner::default() });
        let pulled = pull(&place.zoo(&hub.endpoint()), "owner/name").unwrap();
        let hash = |name: &str| {
            let file = files.iter().find(|file| file.name == name).unwrap();
            if file.large { sha256_hex(&file.bytes) } else { git_hash(&file.bytes) }
        };
        let mut expected = vec![
            ".locks/glossa-pins.toml".to_owned(),
            ".locks/glossa-pins.toml.lock".to_owned(),
            format!("models--owner--name/.glossa/{COMMIT}.json"),
            "models--owner--name/refs/main".to_owned(),
        ];
        let needed = ["1_Pooling/config.json", "README.md", "config.json", "model.safetensors", "modules.json"];
        for name in needed {
            let (hash, up) = (hash(name), "../".repeat(2 + name.matches('/').count()));
            expected.push(format!(".locks/models--owner--name/{hash}.lock"));
            expected.push(format!("models--owner--name/blobs/{hash}"));
            expected.push(format!("models--owner--name/snapshots/{COMMIT}/{name} -> {up}blobs/{hash}"));
            let found = std::fs::read(pulled.folder.join(name)).unwrap();
            assert!(found == files.iter().find(|file| file.name == name).unwrap().bytes, "{name}");
        }
        expected.sort();
        assert_eq!(place.tree(), expected);
        let reference = std::fs::read_to_string(place.cache().join("models--owner--name/refs/main")).unwrap();
        assert_eq!(reference, COMMIT);
        assert_eq!((pulled.files, pulled.commit.as_deref()), (needed.len(), Some(COMMIT)));
        assert_eq!(pulled.transferred, pulled.bytes);
        assert!(pulled.notes.len() == 1 && pulled.notes[0].contains(COMMIT), "{:?}", pulled.notes);
    }
}

#[test]
fn the_token_goes_to_the_hub_alone_and_is_nowhere_else() {
    let (place, hub) = (Place::new(), Hub::new(model()));
    pull(&place.zoo(&hub.endpoint()), "owner/name").unwrap();
    let expected = format!("Bearer {SECRET}");
    assert!(hub.server.requests().iter().all(|request| request.header("authorization") == Some(&expected)));
    assert_eq!(hub.storage.requests().len(), 1);
    assert!(hub.storage.requests().iter().all(|request| request.header("authorization").is_none()));
    let holds = |path: &Path| std::fs::read(path).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(SECRET));
    assert!(!place.tree().iter().any(|name| holds(&place.cache().join(name.split(" -> ").next().unwrap()))));
    assert!(!format!("{:?}", place.options("http://127.0.0.1:1")).contains(SECRET));
}

#[test]
fn a_commit_that_is_there_makes_no_connection_and_a_branch_transfers_nothing() {
    let (place, hub) = (Place::new(), Hub::new(model()));
    let zoo = place.zoo(&hub.endpoint());
    pull(&zoo, &format!("owner/name@{COMMIT}")).unwrap();
    let before = hub.requests();
    let pulled = pull(&place.zoo(&hub.endpoint()), &format!("owner/name@{COMMIT}")).unwrap();
    assert_eq!((hub.requests(), pulled.transferred), (before, 0));
    let pulled = pull(&zoo, "owner/name@v1.0").unwrap();
    assert_eq!((hub.requests(), pulled.transferred), (before + 1, 0));
    pull(&zoo, "owner/name@refs/pr/1").unwrap();
    let (repository, commit) = zoo.cached(&ModelId::parse("owner/name@refs/pr/1").unwrap()).unwrap();
    assert_eq!((commit.as_deref(), repository.is_complete(COMMIT).unwrap()), (Some(COMMIT), Some(true)));
    let models = zoo.cache().list().unwrap();
    assert_eq!((models.len(), models[0].id.as_str()), (1, "owner/name"));
    let revision = &models[0].revisions[0];
    assert_eq!(
        (revision.refs.join(" "), revision.files, revision.complete),
        ("refs/pr/1 v1.0".to_owned(), 5, Some(true))
    );
}

#[test]
fn what_is_missing_of_a_snapshot_is_fetched_again_and_nothing_else() {
    let (place, hub) = (Place::new(), Hub::new(model()));
    let zoo = place.zoo(&hub.endpoint());
    let id = format!("owner/name@{COMMIT}");
    let pulled = pull(&zoo, &id).unwrap();
    for name in ["config.json", "model.safetensors"] {
        let blob = std::fs::canonicalize(pulled.folder.join(name)).unwrap();
        std::fs::remove_file(&blob).unwrap();
        let again = pull(&zoo, &id).unwrap();
        assert_eq!(again.transferred, std::fs::metadata(blob).unwrap().len(), "{name}");
    }
    std::fs::write(place.cache().join(format!("models--owner--name/.glossa/{COMMIT}.json")), "{").unwrap();
    assert_eq!(pull(&zoo, &id).unwrap().transferred, 0);
    std::fs::remove_file(pulled.folder.join("README.md")).unwrap();
    assert_eq!(pull(&zoo, &id).unwrap().transferred, 0);
    assert_eq!(std::fs::read_to_string(pulled.folder.join("README.md")).unwrap(), "# model");
}

#[test]
fn an_entry_of_the_index_pins_the_commit_of_a_branch() {
    let (place, hub) = (Place::new(), Hub::new(model()));
    let zoo = place.with_index(&hub.endpoint(), &index("my/model", "source.hub = \"owner/name\"", ""));
    let pulled = pull(&zoo, "glossa:my/model").unwrap();
    assert!(pulled.notes.len() == 1 && pulled.notes[0].contains("pinned"), "{:?}", pulled.notes);
    let before = hub.requests();
    let again = pull(&zoo, "glossa:my/model").unwrap();
    assert_eq!((hub.requests(), again.folder, again.notes.len()), (before, pulled.folder, 0));
    assert_eq!(zoo.cache().pinned().unwrap()["glossa:my/model"].hash, COMMIT);
}

#[test]
fn hashes_of_the_index_decide_before_anything_is_transferred() {
    let (place, files) = (Place::new(), model());
    let hub = Hub::new(files.clone());
    let source = format!("source = {{ hub = \"owner/name\", revision = \"{COMMIT}\" }}");
    let entry = |name: &str, hash: &str| {
        index("my/model", &source, &format!("[[model.file]]\nname = \"{name}\"\nsha256 = \"{hash}\"\n"))
    };
    let right = sha256_hex(&files.iter().find(|file| file.name == "config.json").unwrap().bytes);
    let wrong = "0".repeat(64);
    for name in ["model.safetensors", "config.json"] {
        let error = pull(&place.with_index(&hub.endpoint(), &entry(name, &wrong)), "glossa:my/model").unwrap_err();
        let Error::Mismatch { expected, found, file, .. } = &error else { panic!("{error}") };
        assert_eq!((expected, file.as_str()), (&wrong, name));
        assert!(error.to_string().contains(expected.as_str()) && error.to_string().contains(found.as_str()));
        assert!(!place.tree().iter().any(|path| path.contains(&format!("blobs/{}", found))), "it was kept");
    }
    assert_eq!(hub.storage.requests().len(), 0);
    assert!(!place.tree().iter().any(|path| path.ends_with(&git_hash(b"{}"))), "the wrong file was kept");
    pull(&place.with_index(&hub.endpoint(), &entry("config.json", &right)), "glossa:my/model").unwrap();
    // What is whole in the cache, but not what the index states, is looked up.
    let before = hub.requests();
    pull(&place.with_index(&hub.endpoint(), &entry("config.json", &right)), "glossa:my/model").unwrap();
    assert_eq!(hub.requests(), before);
    for entry in [entry("not.there", &right), entry("config.json", &wrong)] {
        let error = pull(&place.with_index(&hub.endpoint(), &entry), "glossa:my/model").unwrap_err();
        assert!(matches!(error, Error::Wrong { .. } | Error::Mismatch { .. }), "{error}");
    }
    let place = Place::new();
    let error = pull(&place.with_index(&hub.endpoint(), &entry("not.there", &right)), "glossa:my/model").unwrap_err();
    assert!(matches!(error, Error::Wrong { .. }), "{error}");
}

#[test]
fn removal_takes_only_blobs_that_nothing_shows() {
    let (place, hub) = (Place::new(), Hub::new(model()));
    let zoo = place.zoo(&hub.endpoint());
    let pulled = pull(&zoo, "owner/name").unwrap();
    let (repository, _) = zoo.cached(&ModelId::parse("owner/name").unwrap()).unwrap();
    // Another revision, as Python would have fetched it, that shares the weights.
    let other = repository.snapshot(OTHER);
    std::fs::create_dir_all(&other).unwrap();
    let link = std::fs::read_link(pulled.folder.join("model.safetensors")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(&link, other.join("model.safetensors")).unwrap();
    assert!(repository.remove(Some(&"f".repeat(40))).is_err());
    let removed = repository.remove(Some(COMMIT)).unwrap();
    assert_eq!((removed.revisions, removed.blobs), (1, 4));
    assert!(std::fs::metadata(other.join("model.safetensors")).is_ok());
    assert!(!place.tree().iter().any(|path| path.contains("refs/") || path.contains(COMMIT)), "{:?}", place.tree());
    std::fs::write(repository.folder().join("blobs").join("a".repeat(64)), "unused").unwrap();
    let cleaned = zoo.cache().clean().unwrap();
    assert_eq!((cleaned.blobs, cleaned.bytes), (1, 6));
    let removed = repository.remove(None).unwrap();
    assert_eq!((removed.revisions, removed.bytes), (1, 1_000_000));
    assert!(!repository.folder().exists());
    assert!(repository.remove(None).is_err());
}

#[test]
fn a_model_is_verified_and_removed_by_its_id() {
    let (place, hub) = (Place::new(), Hub::new(model()));
    let zoo = place.with_index(&hub.endpoint(), &index("my/model", "source.hub = \"owner/name\"", ""));
    let id = |text: &str| ModelId::parse(text).unwrap();
    let watch = Watch { progress: &Silent, interrupt: &Interrupt::default() };
    for text in ["owner/name", "glossa:my/model"] {
        assert!(zoo.verify(&id(text), watch).is_err() && zoo.remove(&id(text)).is_err(), "{text}");
    }
    pull(&zoo, "glossa:my/model").unwrap();
    for text in ["owner/name@0123456789abcdef0123456789abcdef01234567", "glossa:my/model"] {
        assert_eq!(zoo.verify(&id(text), watch).unwrap().files, 5, "{text}");
    }
    let error = zoo.verify(&id("owner/nmae"), watch).unwrap_err();
    assert!(error.to_string().contains("there is owner/name"), "{error}");
    assert!(zoo.remove(&id("owner/name@v1.0")).is_err());
    assert_eq!(zoo.remove(&id("glossa:my/model")).unwrap().revisions, 1);
    assert_eq!(zoo.cache().list().unwrap().len(), 0);
}
