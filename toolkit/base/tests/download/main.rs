//! Downloads against a server that misbehaves: the right bytes, or the right error, and never more
//! attempts than allowed.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

#[path = "../support/server.rs"]
mod server;

mod faults;
mod parts;
mod questions;
mod sendings;
mod shared;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use glossa_base::download::{
    Algorithm, Checksum, Clock, Downloader, Error, Fetched, Settings, SystemClock, Token, Wanted, Watch,
};
use glossa_base::{Interrupt, Silent};
use server::Server;

/// Small, one block, many blocks.
const SIZES: [usize; 3] = [1_000, 131_072, 3_000_000];

/// A clock on which waiting takes no time; it adds up what was waited.
#[derive(Clone, Default)]
struct FakeClock {
    waited: Arc<Mutex<Duration>>,
}

impl FakeClock {
    fn waited(&self) -> f64 {
        self.waited.lock().unwrap().as_secs_f64()
    }
}

/// Of RFC 9110.
const NOW: u64 = 784_111_777;

impl Clock for FakeClock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(NOW) + *self.waited.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) {
        *self.waited.lock().unwrap() += duration;
    }
}

/// Bytes that repeat nowhere soon.
fn content(size: usize) -> Vec<u8> {
    (0..size as u64).map(|index| glossa_base::seed::mix(index) as u8).collect()
}

/// A folder to fetch into, and what is fetched.
struct Place {
    folder: tempfile::TempDir,
    clock: FakeClock,
    /// Long, so that a busy machine is not taken for a silent server.
    stall: Duration,
}

impl Place {
    fn new() -> Self {
        Place { folder: tempfile::tempdir().unwrap(), clock: FakeClock::default(), stall: Duration::from_secs(20) }
    }

    fn target(&self) -> PathBuf {
        self.folder.path().join("file")
    }

    fn fetch(&self, wanted: &Wanted) -> Result<Fetched, Error> {
        self.fetch_until(wanted, &Interrupt::default())
    }

    fn fetch_until(&self, wanted: &Wanted, interrupt: &Interrupt) -> Result<Fetched, Error> {
        let settings = Settings { stall: self.stall, ..Settings::default() };
        let downloader = Downloader::new(settings).unwrap().with_clock(self.clock.clone());
        downloader.fetch(wanted, &self.target(), Watch { progress: &Silent, interrupt })
    }

    /// Names in the folder, hidden ones too.
    fn names(&self) -> Vec<String> {
        names(self.folder.path())
    }
}

/// Waits until the part of a process that works in the folder has so many bytes.
fn wait_for_part(folder: &Path, length: u64) {
    let bytes =
        |name: &String| std::fs::metadata(folder.join(name).join("part/bytes")).is_ok_and(|m| m.len() == length);
    while !names(folder).iter().any(bytes) {
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A file of a server with its true size and checksum.
fn wanted(server: &Server, whole: &[u8]) -> Wanted {
    Wanted { checksum: Some(sha256(whole)), bytes: Some(whole.len() as u64), ..bare(server) }
}

/// A file of which nothing is known.
fn bare(server: &Server) -> Wanted {
    Wanted::new(server.url("/file"), 1 << 30)
}

fn sha256(bytes: &[u8]) -> Checksum {
    Checksum::new(Algorithm::Sha256, &glossa_base::hash::sha256_hex(bytes)).unwrap()
}

/// The file is there, whole and alone.
fn check(place: &Place, whole: &[u8]) {
    assert!(std::fs::read(place.target()).unwrap() == whole, "other bytes");
    assert_eq!(place.names(), ["file"]);
}
