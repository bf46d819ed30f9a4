//! Without a network: what is whole is found, what is not is told, and nobody is asked.

use super::*;

#[test]
fn offline_makes_no_connection_at_all() {
    let (place, hub) = (Place::new(), Hub::new(model()));
    let source = format!("source.archive = \"{}\"", hub.server.url("/x.tgz"));
    let mut options = place.options(&hub.endpoint());
    options.download.offline = true;
    options.index = Index::parse(&index("my/model", &source, ""), "index", Origin::Own).unwrap();
    let zoo = Zoo::new(options).unwrap();
    let ids = [
        "owner/name".to_owned(),
        format!("owner/name@{COMMIT}"),
        "owner/name@v1.0".to_owned(),
        "glossa:my/model".to_owned(),
        hub.server.url("/x.tgz"),
        hub.server.url("/folder/"),
    ];
    for id in &ids {
        let error = pull(&zoo, id).unwrap_err();
        assert!(matches!(error, Error::Offline { .. }), "{id}: {error}");
    }
    pull(&place.zoo(&hub.endpoint()), "owner/name").unwrap();
    let before = hub.requests();
    for id in &ids[..2] {
        assert_eq!(pull(&zoo, id).unwrap().transferred, 0, "{id}");
    }
    let error = pull(&zoo, &ids[2]).unwrap_err();
    assert!(matches!(error, Error::Offline { .. }), "{error}");
    assert_eq!(hub.requests(), before);
    assert_eq!(glossa_base::Failure::from(error).kind.exit_code(), 4);
}

#[test]
fn half_a_snapshot_is_no_model() {
    let (place, hub) = (Place::new(), Hub::new(model()));
    let pulled = pull(&place.zoo(&hub.endpoint()), "owner/name").unwrap();
    let zoo = place.offline(&hub.endpoint());
    let weights = std::fs::canonicalize(pulled.folder.join("model.safetensors")).unwrap();
    std::fs::write(&weights, "short").unwrap();
    let error = pull(&zoo, "owner/name").unwrap_err();
    assert!(matches!(&error, Error::Offline { missing, .. } if missing.contains("model.safetensors")), "{error}");
}

#[test]
fn a_snapshot_of_another_tool_is_taken_where_it_looks_whole() {
    let place = Place::new();
    let repository = Place::offline(&place, "http://127.0.0.1:1").cache().repository("owner", "name");
    let snapshot = repository.snapshot(COMMIT);
    std::fs::create_dir_all(&snapshot).unwrap();
    std::fs::create_dir_all(repository.folder().join("refs")).unwrap();
    std::fs::write(repository.folder().join("refs/main"), COMMIT).unwrap();
    let zoo = place.offline("http://127.0.0.1:1");
    assert!(matches!(pull(&zoo, "owner/name"), Err(Error::Offline { .. })));
    std::fs::write(snapshot.join("config.json"), "{}").unwrap();
    assert!(matches!(pull(&zoo, "owner/name"), Err(Error::Offline { .. })));
    let header = br#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    let weights = [&(header.len() as u64).to_le_bytes()[..], header, &[0; 4]].concat();
    std::fs::write(snapshot.join("model.safetensors"), &weights[..weights.len() - 1]).unwrap();
    assert!(matches!(pull(&zoo, "owner/name"), Err(Error::Offline { .. })));
    std::fs::write(snapshot.join("model.safetensors"), weights).unwrap();
    assert_eq!(pull(&zoo, "owner/name").unwrap().folder, snapshot);
}
