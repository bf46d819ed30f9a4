//! Many at once pull one model into one cache.

use super::*;

const CROWD: usize = 16;

/// Once in every run; `GLOSSA_TEST_REPEATS=20` before a release.
fn repeats() -> usize {
    std::env::var("GLOSSA_TEST_REPEATS").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Sixteen threads, each with a zoo of its own; gives the number of whole transfers of the weights.
fn crowd(place: &Place, hub: &Hub, locks: bool, id: &str) -> usize {
    let whole = content(1_000_000);
    std::thread::scope(|scope| {
        for _ in 0..CROWD {
            scope.spawn(|| {
                let mut options = place.options(&hub.endpoint());
                options.download.locks = locks;
                let pulled = pull(&Zoo::new(options).unwrap(), id).unwrap();
                assert!(std::fs::read(pulled.folder.join("model.safetensors")).unwrap() == whole, "other bytes");
            });
        }
    });
    let under_construction = |path: &String| path.contains("/.glossa-") || path.contains("fetch-");
    assert!(!place.tree().iter().any(under_construction), "{:?}", place.tree());
    hub.storage.requests().iter().filter(|request| request.from().is_none()).count()
}

#[test]
fn with_locks_the_weights_are_transferred_once() {
    for _ in 0..repeats() {
        let (place, hub) = (Place::new(), Hub::new(model()));
        assert_eq!(crowd(&place, &hub, true, "owner/name"), 1);
    }
}

#[test]
fn without_locks_all_are_right_all_the_same() {
    for _ in 0..repeats() {
        let storage = |request: &Request, number: usize, bytes: &[u8]| {
            let reply = Reply::ranged(request, bytes, "\"storage\"");
            if number.is_multiple_of(5) { reply.cut_after(300_000) } else { reply }
        };
        let hub = Hub::with(model(), Manner { storage: Arc::new(storage), ..Manner::default() });
        assert!((1..=4 * CROWD).contains(&crowd(&Place::new(), &hub, false, "owner/name")));
    }
}

/// Runs in a process of its own, for the test below; does nothing on its own.
#[test]
fn pull_in_a_process_of_its_own() {
    let variable = |name| std::env::var(name).ok();
    let (Some(endpoint), Some(cache)) = (variable("GLOSSA_TEST_ENDPOINT"), variable("GLOSSA_TEST_CACHE")) else {
        return;
    };
    let options = Options { cache: cache.into(), ..Place::new().options(&endpoint) };
    let pulled = pull(&Zoo::new(options).unwrap(), "owner/name").unwrap();
    assert!(std::fs::read(pulled.folder.join("model.safetensors")).unwrap() == content(1_000_000));
}

#[test]
fn sixteen_processes_transfer_once() {
    for _ in 0..repeats() {
        let (place, hub) = (Place::new(), Hub::new(model()));
        let start = |_| {
            let mut command = std::process::Command::new(std::env::current_exe().unwrap());
            command.args(["--exact", "shared::pull_in_a_process_of_its_own"]);
            command.env("GLOSSA_TEST_ENDPOINT", hub.endpoint()).env("GLOSSA_TEST_CACHE", place.cache());
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
            command.spawn().unwrap()
        };
        let children: Vec<_> = (0..CROWD).map(start).collect();
        let right = children.into_iter().filter_map(|mut child| child.wait().ok().filter(|status| status.success()));
        assert_eq!(right.count(), CROWD);
        assert_eq!(hub.storage.requests().len(), 1);
    }
}

#[test]
fn an_archive_is_transferred_once_and_right_without_locks_too() {
    for locks in [true, false] {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(1_000_000);
        header.set_mode(0o644);
        builder.append_data(&mut header, "model.safetensors", &content(1_000_000)[..]).unwrap();
        let bytes = builder.into_inner().unwrap();
        let server = Server::new(move |request, _| Reply::ranged(request, &bytes, "\"one\""));
        let (place, hub) = (Place::new(), Hub::new(model()));
        crowd(&place, &hub, locks, &server.url("/m.tar"));
        let transfers = server.requests().iter().filter(|request| request.from().is_none()).count();
        assert!(if locks { transfers == 1 } else { transfers >= 1 }, "{locks}: {transfers}");
    }
}

/// Python's tools hold the same lock, for as long as they bring bytes.
#[test]
fn who_holds_the_lock_of_a_blob_is_waited_for() {
    let (place, hub) = (Place::new(), Hub::new(model()));
    let hash = sha256_hex(&content(1_000_000));
    let path = place.cache().join(format!(".locks/models--owner--name/{hash}.lock"));
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let held = std::fs::File::create(&path).unwrap();
    held.lock().unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| pull(&place.zoo(&hub.endpoint()), "owner/name").unwrap());
        std::thread::sleep(Duration::from_millis(700));
        assert!(!waiting.is_finished());
        assert_eq!(hub.storage.requests().len(), 0);
        held.unlock().unwrap();
        assert_eq!(waiting.join().unwrap().files, 5);
    });
    // Where there can be no locks, nothing waits.
    let place = Place::new();
    std::fs::create_dir_all(place.cache().join(".locks")).unwrap();
    std::fs::write(place.cache().join(".locks/models--owner--name"), "no folder").unwrap();
    assert_eq!(pull(&place.zoo(&hub.endpoint()), "owner/name").unwrap().files, 5);
}
