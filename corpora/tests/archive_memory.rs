//! A large archive is read in memory that does not grow with it: in a process of its own, so that its peak memory
//! is that of this alone.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

#[path = "../../toolkit/base/tests/support/packers.rs"]
mod packers;

use std::io::Write;

use glossa_corpora::{Options, Source, SourceKind, source};
use packers::{packed, tar_entry};

fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap().to_owned();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[test]
fn a_large_archive_is_not_held() {
    const ENTRIES: usize = 64;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tar");
    let filler = String::from_utf8(packers::text(1, 100)).unwrap().replace('\n', " ");
    let line = |id| format!("{{\"id_str\":\"{id}\",\"text\":\"{filler} {id}\",\"lang\":\"eu\"}}\n");
    let minute = packed("bz2", (0..30_000).map(line).collect::<String>().as_bytes());
    let mut file = std::fs::File::create(&path).unwrap();
    for number in 0..ENTRIES {
        file.write_all(&tar_entry(format!("{number:02}.json.bz2").as_bytes(), b'0', &minute)).unwrap();
    }
    file.write_all(&[0; 1024]).unwrap();
    drop((file, minute));
    let before = peak_megabytes();
    let source = Source { path, kind: Some(SourceKind::Tweets) };
    let bytes: usize =
        source::documents(&[source], &Options::default()).unwrap().map(|tweet| tweet.unwrap().text.len()).sum();
    assert!(bytes > 200_000_000, "{bytes}");
    let grown = peak_megabytes() - before;
    eprintln!("{bytes} bytes of text; peak memory {before} MB before and {grown} MB more");
    assert!(grown < 16, "{grown} MB");
}
