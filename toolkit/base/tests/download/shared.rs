//! Many at once fetch one file into one folder: all end with the right bytes, whatever locks do.

use super::*;
use server::Reply;

const TAG: &str = "\"one\"";
const CROWD: usize = 16;

/// Once in every run; `GLOSSA_TEST_REPEATS=20` before a release.
fn repeats() -> usize {
    std::env::var("GLOSSA_TEST_REPEATS").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Sixteen fetch at once; gives the number of requests for the whole.
fn crowd(locks: bool, server: &Server, whole: &[u8]) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("file");
    let before = server.requests().len();
    std::thread::scope(|scope| {
        for _ in 0..CROWD {
            scope.spawn(|| {
                let settings = Settings { locks, ..Settings::default() };
                let downloader = Downloader::new(settings).unwrap().with_clock(SystemClock);
                let watch = Watch { progress: &Silent, interrupt: &Interrupt::default() };
                let fetched = downloader.fetch(&wanted(server, whole), &target, watch).unwrap();
                assert_eq!(fetched.bytes, whole.len() as u64);
                assert!(std::fs::read(&target).unwrap() == whole, "other bytes");
            });
        }
    });
    assert_eq!(names(folder.path()), ["file"]);
    server.requests()[before..].iter().filter(|request| request.from().is_none()).count()
}

#[test]
fn with_locks_the_file_is_transferred_once() {
    let whole = content(1_000_000);
    let bytes = whole.clone();
    let server = Server::new(move |request, _| Reply::ranged(request, &bytes, TAG));
    for _ in 0..repeats() {
        assert_eq!(crowd(true, &server, &whole), 1);
    }
}

#[test]
fn without_locks_all_are_right_all_the_same() {
    let whole = content(1_000_000);
    let bytes = whole.clone();
    // Every third connection breaks in the middle.
    let server = Server::new(move |request, number| {
        let reply = Reply::ranged(request, &bytes, TAG);
        if number % 3 == 0 { reply.cut_after(300_000) } else { reply }
    });
    for _ in 0..repeats() {
        assert!((1..=4 * CROWD).contains(&crowd(false, &server, &whole)));
    }
}

/// Runs in a process of its own, for the tests below; does nothing on its own.
#[test]
fn fetch_in_a_process_of_its_own() {
    let variable = |name| std::env::var(name).ok();
    let (Some(url), Some(target)) = (variable("GLOSSA_TEST_URL"), variable("GLOSSA_TEST_TARGET")) else { return };
    let locks = variable("GLOSSA_TEST_LOCKS").is_none_or(|locks| locks != "none");
    let downloader = Downloader::new(Settings { locks, ..Settings::default() }).unwrap();
    let watch = Watch { progress: &Silent, interrupt: &Interrupt::default() };
    let checksum = variable("GLOSSA_TEST_SHA256").map(|text| Checksum::new(Algorithm::Sha256, &text).unwrap());
    let wanted = Wanted { checksum, ..Wanted::new(url, 1 << 30) };
    let fetched = downloader.fetch(&wanted, Path::new(&target), watch).unwrap();
    assert_eq!(glossa_base::hash::sha256_file(Path::new(&target)).unwrap(), fetched.sha256);
}

fn process(server: &Server, target: &Path) -> std::process::Command {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "shared::fetch_in_a_process_of_its_own"]);
    command.env("GLOSSA_TEST_URL", server.url("/file")).env("GLOSSA_TEST_TARGET", target);
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    command
}

/// Sixteen processes fetch at once; gives the number of requests for the whole.
fn processes(locks: &str, server: &Server, whole: &[u8]) -> usize {
    let (folder, before) = (tempfile::tempdir().unwrap(), server.requests().len());
    let target = folder.path().join("file");
    let start = |_| {
        let mut command = process(server, &target);
        command.env("GLOSSA_TEST_LOCKS", locks).env("GLOSSA_TEST_SHA256", glossa_base::hash::sha256_hex(whole));
        command.spawn().unwrap()
    };
    let children: Vec<_> = (0..CROWD).map(start).collect();
    let right =
        children.into_iter().filter_map(|mut child| child.wait().ok().filter(|status| status.success())).count();
    assert_eq!((right, names(folder.path())), (CROWD, vec!["file".to_owned()]));
    assert!(std::fs::read(&target).unwrap() == whole, "other bytes");
    server.requests()[before..].iter().filter(|request| request.from().is_none()).count()
}

#[test]
fn sixteen_processes_with_locks_transfer_once() {
    let whole = content(1_000_000);
    let bytes = whole.clone();
    let server = Server::new(move |request, _| Reply::ranged(request, &bytes, TAG));
    for _ in 0..repeats() {
        assert_eq!(processes("working", &server, &whole), 1);
    }
}

#[test]
fn sixteen_processes_where_locks_do_nothing_are_all_right() {
    let whole = content(1_000_000);
    let bytes = whole.clone();
    let server = Server::new(move |request, number| {
        let reply = Reply::ranged(request, &bytes, TAG);
        if number % 5 == 0 { reply.cut_after(300_000) } else { reply }
    });
    for _ in 0..repeats() {
        assert!((1..=4 * CROWD).contains(&processes("none", &server, &whole)));
    }
}

#[test]
fn when_the_process_with_the_lock_is_killed_others_go_on() {
    let (folder, whole) = (tempfile::tempdir().unwrap(), content(1_000_000));
    let (target, bytes) = (folder.path().join("file"), whole.clone());
    let server = Server::new(move |request, number| {
        let reply = Reply::ranged(request, &bytes, TAG);
        if number == 0 { reply.stall_after(400_000, Duration::from_secs(60)) } else { reply }
    });
    let mut child = process(&server, &target).spawn().unwrap();
    wait_for_part(folder.path(), 400_000);
    let waiting = std::thread::spawn({
        let (wanted, target) = (wanted(&server, &whole), target.clone());
        move || {
            let downloader = Downloader::new(Settings::default()).unwrap();
            let watch = Watch { progress: &Silent, interrupt: &Interrupt::default() };
            downloader.fetch(&wanted, &target, watch).unwrap()
        }
    });
    std::thread::sleep(Duration::from_millis(500));
    assert!(!waiting.is_finished());
    child.kill().unwrap();
    child.wait().unwrap();
    let since = std::time::Instant::now();
    let fetched = waiting.join().unwrap();
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
    assert_eq!(fetched.transferred, 600_000);
    assert!(std::fs::read(&target).unwrap() == whole, "other bytes");
    assert_eq!(names(folder.path()), ["file"]);
}

#[test]
fn a_living_process_whose_part_is_taken_ends_well_too() {
    let (folder, whole) = (tempfile::tempdir().unwrap(), content(1_000_000));
    let (target, bytes) = (folder.path().join("file"), whole.clone());
    let server = Server::new(move |request, number| {
        let reply = Reply::ranged(request, &bytes, TAG);
        if number == 0 { reply.stall_after(400_000, Duration::from_secs(3)) } else { reply }
    });
    let fetch = |clock: bool| {
        let downloader = Downloader::new(Settings { locks: false, ..Settings::default() }).unwrap();
        let downloader = if clock { downloader.with_clock(FakeClock::default()) } else { downloader };
        let watch = Watch { progress: &Silent, interrupt: &Interrupt::default() };
        downloader.fetch(&wanted(&server, &whole), &target, watch).unwrap()
    };
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| fetch(false));
        wait_for_part(folder.path(), 400_000);
        // By its clock, the part of the slow one does not grow for five seconds.
        let quick = fetch(true);
        assert_eq!(quick.transferred, 600_000);
        assert_eq!(slow.join().unwrap().sha256, quick.sha256);
    });
    assert!(std::fs::read(&target).unwrap() == whole, "other bytes");
    assert_eq!(names(folder.path()), ["file"]);
}
