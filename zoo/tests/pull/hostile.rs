//! Names that would leave the cache, by ids, indices, hubs, manifests and archives: nothing outside is touched.

use super::*;

const NAMES: [&str; 30] = [
    "..",
    "../x",
    "../../x",
    "a/../../x",
    "/x",
    "//x",
    "/etc/passwd",
    "a//b",
    "a/",
    "./x",
    "..\\x",
    "..\\..\\x",
    "a\\b",
    "\\x",
    "C:\\x",
    "C:/x",
    "c:x",
    "x\0y",
    "x\ny",
    "x\ry",
    "\u{1b}[2J",
    "x\u{202e}y",
    "con",
    "nul.json",
    "a/aux",
    "com1.bin",
    "x.",
    "x ",
    "x?y",
    ".glossa-left-x",
];

/// Those of them that stay in their folder, but not on every system.
const NOT_PORTABLE: [&str; 7] = ["con", "nul.json", "a/aux", "com1.bin", "x.", "x ", "x?y"];

/// Everything beside the cache, to be compared before and after.
fn outside(place: &Place) -> Vec<String> {
    let mut found = Vec::new();
    walk(place.folder.path(), "", &mut found);
    found.retain(|path| !path.starts_with("hub/"));
    found.sort();
    found
}

#[test]
fn names_of_a_hub_are_refused() {
    for name in NAMES {
        for with_blobs in [true, false] {
            let (place, file) = (Place::new(), small(name, "evil"));
            let hub = Hub::with(
                vec![small("config.json", "{}"), file],
                Manner { tells_blobs: with_blobs, ..Manner::default() },
            );
            let before = outside(&place);
            let found = pull(&place.zoo(&hub.endpoint()), "owner/name");
            if NOT_PORTABLE.contains(&name) {
                // No file of a model is called so: it stays where it is.
                assert_eq!(found.unwrap().files, 1, "{name:?}");
                assert_eq!(
                    (outside(&place), place.tree().iter().filter(|path| path.contains("->")).count()),
                    (before, 1)
                );
                continue;
            }
            let error = found.unwrap_err();
            assert!(matches!(error, Error::Hostile { .. }), "{name:?}: {error}");
            assert!(!error.to_string().contains(['\0', '\n', '\u{1b}', '\u{202e}']), "{error}");
            assert_eq!(outside(&place), before);
            assert!(!place.tree().iter().any(|path| path.contains("snapshots/")), "{name:?}");
        }
    }
}

#[test]
fn names_of_a_manifest_are_refused() {
    for name in NAMES {
        let manifest = serde_json::json!({"format": 1, "stage": "x", "tool_version": "1", "seed": 0, "config": null,
            "inputs": [], "outputs": [{"path": name, "bytes": 4, "sha256": sha256_hex(b"evil")}]});
        let server = Server::new(move |request, _| match request.path.as_str() {
            "/m/manifest.json" => Reply::ok(manifest.to_string()),
            _ => Reply::ok("evil"),
        });
        let place = Place::new();
        let error = pull(&place.zoo("http://127.0.0.1:1"), &server.url("/m/")).unwrap_err();
        assert!(matches!(error, Error::Hostile { .. }), "{name:?}: {error}");
        assert_eq!((outside(&place).len(), server.requests().len()), (0, 1));
    }
}

#[test]
fn names_of_an_archive_are_refused() {
    for name in NAMES.iter().filter(|name| !matches!(**name, "a//b" | "./x" | "a/")) {
        let mut header = tar::Header::new_ustar();
        header.set_size(4);
        header.set_mode(0o644);
        // Past the checks of the writer.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        // What stands behind a NUL is not seen: the name ends there.
        if name.contains('\0') {
            continue;
        }
        let mut builder = tar::Builder::new(Vec::new());
        builder.append(&header, &b"evil"[..]).unwrap();
        let bytes = builder.into_inner().unwrap();
        let server = Server::new(move |_, _| Reply::ok(bytes.clone()));
        let place = Place::new();
        let found = pull(&place.zoo("http://127.0.0.1:1"), &server.url("/m.tar"));
        // A leading `..` or device is refused by one of the two checks.
        assert!(matches!(found, Err(Error::Archive(_) | Error::Hostile { .. })), "{name:?}: {found:?}");
        assert_eq!(outside(&place).len(), 0, "{name:?}");
        assert!(!place.tree().iter().any(|path| path.contains("snapshots/")), "{name:?}");
    }
}

#[test]
fn a_ref_and_a_record_of_others_lead_nowhere() {
    let (place, hub) = (Place::new(), Hub::new(model()));
    let zoo = place.zoo(&hub.endpoint());
    pull(&zoo, "owner/name").unwrap();
    let offline = place.offline(&hub.endpoint());
    let path = place.cache().join("models--owner--name/refs/main");
    for text in ["../../../x", "", "main", &"f".repeat(41), &"x".repeat(10_000)] {
        std::fs::write(&path, text).unwrap();
        let error = pull(&offline, "owner/name").unwrap_err();
        assert!(matches!(error, Error::Cache(glossa_zoo::cache::Error::Damaged { .. })), "{error}");
    }
    std::fs::write(&path, COMMIT).unwrap();
    let record = place.cache().join(format!("models--owner--name/.glossa/{COMMIT}.json"));
    let text = std::fs::read_to_string(&record).unwrap().replace("config.json", "../../../../x");
    std::fs::write(&record, text).unwrap();
    assert!(matches!(pull(&offline, "owner/name"), Err(Error::Offline { .. })));
}
