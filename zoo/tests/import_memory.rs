//! Hostile pickles and headers take little memory and time: in a process of its own, so that its peak memory is that of this alone.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]
#![expect(clippy::print_stderr, reason = "it shows what it measured")]

#[path = "pickle/attacks.rs"]
mod attacks;
#[path = "pickle/writer.rs"]
mod writer;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use glossa_zoo::pickle::{check_state_dict, read_itos};
use glossa_zoo::shards::check_safetensors;

fn megabytes(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap().to_owned();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

/// Largest memory and longest time so far, with their names.
#[derive(Default, Debug)]
struct Worst {
    memory: (u64, String),
    seconds: (f64, String),
}

impl Worst {
    fn measure(&mut self, name: String, read: impl FnOnce()) {
        // Begins to look for the peak anew.
        let is_reset = fs::write("/proc/self/clear_refs", "5").is_ok();
        let start = Instant::now();
        read();
        let (seconds, peak) = (start.elapsed().as_secs_f64(), megabytes("VmHWM"));
        assert!(seconds < 2.0, "{name}: {seconds} s");
        assert!(peak < 300 || !is_reset, "{name}: {peak} MB");
        if peak > self.memory.0 {
            self.memory = (peak, name.clone());
        }
        if seconds > self.seconds.0 {
            self.seconds = (seconds, name);
        }
    }
}

/// One after the other: the memory of two tests at once would be that of neither.
#[test]
fn hostile_files_take_little_memory() {
    headers();
    pickles();
}

fn pickles() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let cases = [attacks::calls(Path::new("canary")), attacks::bombs(), attacks::misuses()].concat();
    let names: Vec<String> = cases.iter().map(|(name, ..)| name.clone()).collect();
    // They lie on the disk meanwhile, so that what is measured is what reads them.
    cases.into_iter().enumerate().for_each(|(number, (_, _, bytes))| {
        fs::write(path(&format!("{number}.pkl")), bytes).unwrap();
    });
    let mut worst = Worst::default();
    for (number, name) in names.iter().enumerate() {
        let pickle = path(&format!("{number}.pkl"));
        worst.measure(format!("{name}, as a vocabulary"), || assert!(read_itos(&pickle).is_err()));
        let file = path("x.pth");
        fs::write(&file, writer::torch(&fs::read(&pickle).unwrap(), &[])).unwrap();
        worst.measure(format!("{name}, in a zip archive"), || assert!(check_state_dict(&file).is_err()));
        fs::write(&file, writer::legacy(&fs::read(&pickle).unwrap(), &[])).unwrap();
        worst.measure(format!("{name}, in the legacy format"), || assert!(check_state_dict(&file).is_err()));
    }
    for (name, bytes) in attacks::largest() {
        let file = path("x.pth");
        fs::write(&file, writer::torch(&bytes, &[])).unwrap();
        drop(bytes);
        worst.measure(format!("{name}, which are read"), || drop(check_state_dict(&file).unwrap()));
    }
    eprintln!("{} pickles: {worst:?}", names.len());
}

type Header = (&'static str, fn() -> String);

const LONG: usize = 99_000_000;

/// A header with one tensor.
fn tensor(dtype: &str, shape: &str) -> String {
    format!(r#"{{"w":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[0,1]}}}}"#)
}

fn metadata(entries: &str) -> String {
    format!(r#"{{"__metadata__":{{{entries}}}}}x"#)
}

/// Headers of nearly the largest size that the format allows, and what is wrong with them.
const HEADERS: [Header; 8] = [
    ("a long metadata", || metadata(&format!(r#""a":"{}""#, "a".repeat(LONG)))),
    ("an escaped metadata", || metadata(&format!(r#""a":"{}""#, "\\u0061".repeat(LONG / 6)))),
    ("many metadata", || metadata(&r#""a":"b","#.repeat(LONG / 8))),
    ("a long name", || format!(r#"{{"{}":1}}"#, "a".repeat(LONG))),
    ("many sizes", || tensor("U8", &format!("[{}1]", "1,".repeat(LONG / 2)))),
    ("a long number", || tensor("U8", &format!("[{}]", "1".repeat(LONG)))),
    ("a long type", || tensor(&"a".repeat(LONG), "[]")),
    ("nothing", || format!("{{{}", " ".repeat(LONG))),
];

fn headers() {
    let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
    let mut worst = Worst::default();
    for (name, make) in HEADERS {
        let header = make();
        let mut file = fs::File::create(&path).unwrap();
        file.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
        file.write_all(header.as_bytes()).unwrap();
        drop((header, file));
        worst.measure(name.to_owned(), || assert!(check_safetensors(&path).is_err()));
    }
    eprintln!("headers: {worst:?}");
}
