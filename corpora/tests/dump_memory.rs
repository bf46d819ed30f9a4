//! A page of 1 GiB and a stream that unpacks to far more than it weighs must not be held: in a process
//! of its own, so that its peak memory is that of this alone.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::io::Write;

use glossa_base::Silent;
use glossa_corpora::{Options, Source, build};

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap().to_owned();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

fn page(id: u32) -> String {
    format!("<page><title>T{id}</title><ns>0</ns><id>{id}</id><revision><text>text {id}</text></revision></page>")
}

#[test]
fn a_text_of_1_gib_is_not_held() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.xml.bz2");
    let begin = "<page><title>Long</title><ns>0</ns><id>2</id><revision><text>";
    let filler = packed(&b"spam ".repeat((32 << 20) / 5));
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(&packed(format!("<mediawiki>{}{begin}", page(1)).as_bytes())).unwrap();
    for _ in 0..32 {
        file.write_all(&filler).unwrap();
    }
    file.write_all(&packed(format!("</text></revision></page>{}</mediawiki>", page(3)).as_bytes())).unwrap();
    drop(file);
    let options = Options { valid_share: 0.0, test_share: 0.0, ..Options::default() };
    let summary = build(&[Source::new(&path)], &options, &folder.path().join("corpus"), &Silent).unwrap();
    assert_eq!((summary.train.documents, summary.dropped.bad_pages, summary.bad_streams), (2, 1, 0));
    let peak = peak_megabytes();
    assert!(peak < 256, "{peak} MB");
}
