//! Processes that are killed, and disks that are full: never half a model, and the next pull ends well.

use std::process::{Command, Stdio};
use std::time::Instant;

use super::*;

/// Pulls in a process of its own (see `shared`), started by a shell line.
fn process(hub: &Hub, place: &Place, line: &str) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(line).arg("sh").arg(std::env::current_exe().unwrap());
    command.env("GLOSSA_TEST_ENDPOINT", hub.endpoint()).env("GLOSSA_TEST_CACHE", place.cache());
    command
}

/// What a snapshot shows is whole, always.
fn check_shown(place: &Place) {
    for path in place.tree().iter().filter(|path| path.contains("snapshots/")) {
        let name = path.split(" -> ").next().unwrap();
        let bytes = std::fs::read(place.cache().join(name)).unwrap();
        let files = model();
        let file = files.iter().find(|file| name.ends_with(&format!("{COMMIT}/{}", file.name))).unwrap();
        assert!(bytes == file.bytes, "{name}");
    }
}

#[test]
fn a_pull_that_is_killed_anywhere_goes_on() {
    let storage = |request: &Request, number: usize, bytes: &[u8]| {
        let reply = Reply::ranged(request, bytes, "\"storage\"");
        if number.is_multiple_of(2) {
            reply.stall_after(100_000 * (number % 9), Duration::from_millis(300))
        } else {
            reply
        }
    };
    let hub = Hub::with(model(), Manner { storage: Arc::new(storage), ..Manner::default() });
    for round in 0..8 {
        let place = Place::new();
        for kill in 0..3_u64 {
            let line = "exec \"$1\" --exact shared::pull_in_a_process_of_its_own";
            let mut child = process(&hub, &place, line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(20 + glossa_base::seed::mix(round * 3 + kill) % 250));
            // It may have ended.
            let _ = child.kill();
            child.wait().unwrap();
            check_shown(&place);
        }
        let zoo = place.zoo(&hub.endpoint());
        let pulled = pull(&zoo, "owner/name").unwrap();
        assert_eq!(pulled.files, 5);
        check_shown(&place);
        zoo.cache().clean().unwrap();
        let leftovers: Vec<String> = place.tree().into_iter().filter(|path| path.contains("/.glossa-")).collect();
        assert_eq!(leftovers, Vec::<String>::new());
        assert_eq!(pull(&zoo, &format!("owner/name@{COMMIT}")).unwrap().transferred, 0);
    }
}

#[test]
fn when_the_holder_of_the_lock_is_killed_others_go_on() {
    let storage = |request: &Request, number: usize, bytes: &[u8]| {
        let reply = Reply::ranged(request, bytes, "\"storage\"");
        if number == 0 { reply.stall_after(400_000, Duration::from_secs(12)) } else { reply }
    };
    let hub = Hub::with(model(), Manner { storage: Arc::new(storage), ..Manner::default() });
    let place = Place::new();
    let line = "exec \"$1\" --exact shared::pull_in_a_process_of_its_own";
    let mut child = process(&hub, &place, line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while hub.storage.requests().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(10), "the first process asks for nothing");
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| pull(&place.zoo(&hub.endpoint()), "owner/name").unwrap());
        std::thread::sleep(Duration::from_millis(500));
        assert!(!waiting.is_finished());
        assert_eq!(hub.storage.requests().len(), 1, "the second process waits");
        child.kill().unwrap();
        child.wait().unwrap();
        let killed = Instant::now();
        assert_eq!(waiting.join().unwrap().files, 5);
        assert!(killed.elapsed() < Duration::from_secs(10), "{:?}", killed.elapsed());
    });
    check_shown(&place);
}

#[cfg(unix)]
#[test]
fn where_no_more_can_be_written_it_is_told_with_numbers_and_nothing_is_shown() {
    let hub = Hub::new(model());
    for blocks in [0, 1, 2, 10, 50, 100, 500, 900, 1500, 1900] {
        let place = Place::new();
        // Files may have so many blocks of 512 bytes; the signal for more is ignored, so that the write fails.
        let line = format!(
            "trap '' XFSZ; ulimit -f {blocks}; exec \"$1\" --exact shared::pull_in_a_process_of_its_own --nocapture"
        );
        let output = process(&hub, &place, &line).output().unwrap();
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(!output.status.success(), "{blocks}: {text}");
        assert!(text.contains("NoSpace") && text.contains("models--owner--name"), "{blocks}: {text}");
        assert!(!text.contains("needed: None"), "{blocks}: {text}");
        assert!(!place.tree().iter().any(|path| path.contains("snapshots/")), "{blocks}");
        assert_eq!(pull(&place.zoo(&hub.endpoint()), "owner/name").unwrap().files, 5, "{blocks}");
        check_shown(&place);
    }
}
