//! Hubs that misbehave: the right error, which says what to do, and nothing wrong in the cache.

use super::*;
use glossa_base::{Failure, Kind, download};

fn error(zoo: &Zoo, id: &str) -> Error {
    pull(zoo, id).unwrap_err()
}

/// No file of a model is in the cache.
fn is_empty(place: &Place) -> bool {
    !place.tree().iter().any(|path| path.contains("snapshots/") || path.contains("blobs/"))
}

#[test]
fn an_unknown_id_names_the_nearest() {
    for codes in [true, false] {
        let (place, hub) = (Place::new(), Hub::with(model(), Manner { codes, ..Manner::default() }));
        let zoo = place.with_index(&hub.endpoint(), &index("eu/multifit", "source.hub = \"owner/name\"", ""));
        for (id, expected) in [
            ("owner/nmae", Some("owner/name")),
            ("eu/multfit", Some("glossa:eu/multifit")),
            ("zzzz/qqqq", None),
            ("glossa:eu/multifti", Some("glossa:eu/multifit")),
        ] {
            let error = error(&zoo, id);
            assert!(matches!(&error, Error::Unknown { near, .. } if near.as_deref() == expected), "{id}: {error}");
            assert_eq!(Failure::from(error).kind, Kind::Network);
        }
        assert!(is_empty(&place));
    }
}

#[test]
fn an_unknown_revision_names_the_nearest() {
    for codes in [true, false] {
        let (place, hub) = (Place::new(), Hub::with(model(), Manner { codes, ..Manner::default() }));
        for (revision, expected) in [("mian", Some("main")), ("v1.1", Some("v1.0")), (OTHER, None)] {
            let error = error(&place.zoo(&hub.endpoint()), &format!("owner/name@{revision}"));
            assert!(
                matches!(&error, Error::Revision { near, .. } if near.as_deref() == expected),
                "{revision}: {error}"
            );
        }
        assert!(is_empty(&place));
    }
}

#[test]
fn each_refusal_of_a_hub_is_told_apart() {
    type Check = fn(&Error) -> bool;
    let rows: [(u16, &str, Check); 6] = [
        (403, "GatedRepo", |error| matches!(error, Error::Refused { gated: true, .. })),
        (401, "GatedRepo", |error| matches!(error, Error::Refused { gated: true, .. })),
        (401, "RepoNotFound", |error| matches!(error, Error::Unknown { .. })),
        (403, "", |error| matches!(error, Error::Refused { gated: false, token: true, .. })),
        (418, "", |error| matches!(error, Error::Status { status: 418, .. })),
        (503, "", |error| matches!(error, Error::Download(download::Error::Busy { status: 503, .. }))),
    ];
    for (status, code, check) in rows {
        let server = Server::new(move |_, _| Reply::new(status, "").with("X-Error-Code", code));
        let place = Place::new();
        let error = error(&place.zoo(&server.url("")), "owner/name");
        assert!(check(&error), "{status} {code}: {error:?}");
        assert!(!format!("{error} {error:?}").contains(SECRET));
        assert!(server.requests().len() <= 5);
    }
}

#[test]
fn answers_that_are_none_are_refused() {
    let commit = r#""sha":"0123456789abcdef0123456789abcdef01234567""#;
    for body in
        ["", "[]", "{}", "nothing", r#"{"sha":"main","siblings":[]}"#, &format!(r#"{{{commit},"siblings":[{{}}]}}"#)]
    {
        let body = body.to_owned();
        let server = Server::new(move |_, _| Reply::ok(body.clone()));
        let error = error(&Place::new().zoo(&server.url("")), "owner/name");
        assert!(matches!(error, Error::Answer { .. }), "{error:?}");
    }
    // Another commit than the one that was asked for.
    let server = Server::new(move |_, _| Reply::ok(listing(&model(), true)));
    let found = error(&Place::new().zoo(&server.url("")), &format!("owner/name@{OTHER}"));
    assert!(matches!(found, Error::Answer { .. }), "{found:?}");
    let hub = Hub::new(vec![small("train.py", "x")]);
    let found = error(&Place::new().zoo(&hub.endpoint()), "owner/name");
    assert!(matches!(found, Error::NoFiles { .. }), "{found:?}");
}

#[test]
fn a_cut_transfer_goes_on_where_it_stopped() {
    let place = Place::new();
    let storage = |request: &Request, number: usize, bytes: &[u8]| {
        let reply = Reply::ranged(request, bytes, "\"storage\"");
        if number < 3 { reply.cut_after(200_000) } else { reply }
    };
    let hub = Hub::with(model(), Manner { storage: Arc::new(storage), ..Manner::default() });
    let pulled = pull(&place.zoo(&hub.endpoint()), "owner/name").unwrap();
    assert!(std::fs::read(pulled.folder.join("model.safetensors")).unwrap() == content(1_000_000));
    let from: Vec<_> = hub.storage.requests().iter().map(Request::from).collect();
    assert_eq!(from, [None, Some(200_000), Some(400_000), Some(600_000)]);
    assert_eq!(pulled.transferred, pulled.bytes);
}

#[test]
fn a_later_pull_goes_on_where_an_earlier_one_gave_up() {
    let place = Place::new();
    let storage = |request: &Request, number: usize, bytes: &[u8]| match number {
        0 => Reply::ranged(request, bytes, "\"storage\"").cut_after(500_000),
        1..5 => Reply::new(503, ""),
        _ => Reply::ranged(request, bytes, "\"storage\""),
    };
    let hub = Hub::with(model(), Manner { storage: Arc::new(storage), ..Manner::default() });
    let zoo = place.zoo(&hub.endpoint());
    let found = error(&zoo, "owner/name");
    assert!(matches!(found, Error::Download(download::Error::Busy { .. })), "{found}");
    assert!(!place.tree().iter().any(|path| path.contains("snapshots/")), "half a model");
    assert_eq!(zoo.cache().list().unwrap()[0].revisions.len(), 0);
    let pulled = pull(&zoo, "owner/name").unwrap();
    assert_eq!(hub.storage.requests().last().unwrap().from(), Some(500_000));
    assert!(std::fs::read(pulled.folder.join("model.safetensors")).unwrap() == content(1_000_000));
}

#[test]
fn bytes_that_are_not_those_of_the_hash_are_not_kept() {
    let storage = |request: &Request, _: usize, bytes: &[u8]| {
        let mut changed = bytes.to_vec();
        changed[77] ^= 1;
        Reply::ranged(request, &changed, "\"storage\"")
    };
    let (place, files) = (Place::new(), model());
    let hub = Hub::with(files.clone(), Manner { storage: Arc::new(storage), ..Manner::default() });
    let found = error(&place.zoo(&hub.endpoint()), "owner/name");
    let Error::Download(download::Error::Checksum { expected, found: other, .. }) = &found else { panic!("{found}") };
    assert_eq!(*expected, sha256_hex(&content(1_000_000)));
    assert!(found.to_string().contains(other.as_str()));
    assert!(!place.tree().iter().any(|path| path.contains(expected.as_str()) && path.contains("blobs/")));
    assert_eq!(Failure::from(found).kind, Kind::Network);
}

#[test]
fn a_small_file_is_checked_by_the_hash_of_git() {
    let server = {
        let files = model();
        Server::new(move |request, _| match request.path.contains("/resolve/") {
            true => Reply::ok("{]"),
            false => Reply::ok(listing(&files, true)),
        })
    };
    let found = error(&Place::new().zoo(&server.url("")), "owner/name");
    let is_it = matches!(
        &found,
        Error::Download(download::Error::Checksum { kind: "git-sha1", .. } | download::Error::Length { .. })
    );
    assert!(is_it, "{found:?}");
}

#[test]
fn no_room_and_no_permission_are_told_with_numbers() {
    let huge =
        r#"{"rfilename":"config.json","size":1152921504606846976,"blobId":"0123456789abcdef0123456789abcdef01234567"}"#;
    let body = format!(r#"{{"sha":"{COMMIT}","siblings":[{huge}]}}"#);
    let (place, server) = (Place::new(), Server::new(move |_, _| Reply::ok(body.clone())));
    let found = error(&place.zoo(&server.url("")), "owner/name");
    let Error::NoSpace { needed, free, cause: None, .. } = &found else { panic!("{found}") };
    let needed = needed.unwrap();
    assert_eq!((needed, server.requests().len()), (1 << 60, 1));
    let text = found.to_string();
    assert!(text.contains(&needed.to_string()) && text.contains(&free.unwrap().to_string()), "{text}");
    assert_eq!(Failure::from(found).kind, Kind::Data);
    // A cache below a file cannot be made; who may not write is told (root may write anything).
    let (place, hub) = (Place::new(), Hub::new(model()));
    std::fs::write(place.cache(), "a file").unwrap();
    let found = Failure::from(error(&place.zoo(&hub.endpoint()), "owner/name"));
    assert!(found.chain().contains("hub"), "{}", found.chain());
}

#[test]
fn a_pinned_file_that_changed_is_refused_with_both_hashes() {
    let place = Place::new();
    let number = Arc::new(Mutex::new(0_u8));
    let now = Arc::clone(&number);
    let server = Server::new(move |request, _| match request.path.as_str() {
        "/m/laser2.pt" => Reply::ok(vec![*now.lock().unwrap(); 1000]),
        _ => Reply::new(404, ""),
    });
    let source = format!("source.folder = \"{}\"", server.url("/m/"));
    let zoo =
        place.with_index("http://127.0.0.1:1", &index("laser", &source, "[[model.file]]\nname = \"laser2.pt\"\n"));
    let pulled = pull(&zoo, "glossa:laser").unwrap();
    assert!(pulled.notes[0].contains("laser2.pt") && pulled.notes[0].contains("pinned"), "{:?}", pulled.notes);
    assert!(server.requests().iter().all(|request| request.header("authorization").is_none()));
    let before = server.requests().len();
    assert_eq!(pull(&zoo, "glossa:laser").unwrap().transferred, 0);
    assert_eq!(server.requests().len(), before);
    zoo.cached(&ModelId::parse("glossa:laser").unwrap()).unwrap().0.remove(None).unwrap();
    *number.lock().unwrap() = 1;
    let found = error(&zoo, "glossa:laser");
    let Error::Mismatch { expected, found: other, .. } = &found else { panic!("{found}") };
    assert_eq!((expected, other), (&sha256_hex(&[0; 1000]), &sha256_hex(&[1; 1000])));
    assert!(is_empty(&place), "{:?}", place.tree());
    assert_eq!(zoo.cache().forget_pins(&server.url("/m/")).unwrap(), 1);
    pull(&zoo, "glossa:laser").unwrap();
}

#[test]
fn a_hub_that_wants_fewer_questions_is_waited_for() {
    let files = model();
    let server = Server::new(move |request, number| match request.path.contains("/api/") {
        true if number < 3 => Reply::new(429, "").with("Retry-After", "70"),
        true => Reply::ok(listing(&files[1..3], true)),
        false => Reply::ok(files.iter().find(|file| request.path.ends_with(&file.name)).unwrap().bytes.clone()),
    });
    let (place, clock) = (Place::new(), NoWait::default());
    let zoo = Zoo::new(place.options(&server.url(""))).unwrap().with_clock(clock.clone());
    assert_eq!(pull(&zoo, "owner/name").unwrap().files, 2);
    let waited = clock.0.lock().unwrap().as_secs();
    assert!((210..=240).contains(&waited), "{waited}");
    let busy = Server::new(|_, _| Reply::new(429, ""));
    let found = error(&place.zoo(&busy.url("")), "owner/other");
    assert!(matches!(found, Error::Status { status: 429, .. }), "{found}");
    assert_eq!(busy.requests().len(), 5);
}

#[test]
fn changed_lists_of_a_hub_never_panic_and_never_leave_the_cache() {
    let text = listing(&model(), true).into_bytes();
    for step in 0..200_u64 {
        let stream = glossa_base::seed::Stream::new(11, glossa_base::seed::Purpose::Sample, 0, step);
        let mut changed = text.clone();
        for change in 0..1 + step % 6 {
            let at = stream.below(2 * change, changed.len());
            changed[at] = stream.below(2 * change + 1, 256) as u8;
        }
        let files = model();
        let server = Server::new(move |request, _| match request.path.contains("/api/") {
            true => Reply::ok(changed.clone()),
            false => files
                .iter()
                .find(|file| request.path.ends_with(&file.name))
                .map_or_else(|| Reply::new(404, ""), |file| Reply::ok(file.bytes.clone())),
        });
        let place = Place::new();
        drop(pull(&place.zoo(&server.url("")), "owner/name"));
        let beside = std::fs::read_dir(place.folder.path())
            .unwrap()
            .filter(|entry| entry.as_ref().is_ok_and(|entry| entry.file_name() != "hub"));
        assert_eq!(beside.count(), 0);
    }
}
