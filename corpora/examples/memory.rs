//! Builds a corpus of so many megabytes of generated text and prints the peak memory:
//! `memory MEGABYTES FOLDER`. Linux only, as it reads `/proc`.
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use glossa_base::Silent;
use glossa_base::seed::{Purpose, Stream};
use glossa_corpora::{Options, Source, build};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [megabytes, folder] = arguments.as_slice() else { return Err("usage: memory MEGABYTES FOLDER".into()) };
    let folder = Path::new(folder);
    std::fs::create_dir_all(folder)?;
    let text = folder.join("generated.txt");
    generate(&text, megabytes.parse::<u64>()? << 20)?;
    let started = std::time::Instant::now();
    let summary = build(&[Source::new(&text)], &Options::default(), &folder.join("corpus"), &Silent)?;
    let seconds = started.elapsed().as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM unknown");
    println!(
        "{megabytes} MiB: {} documents, {} duplicates, {seconds:.1} s, {peak}",
        summary.read, summary.dropped.duplicates
    );
    Ok(())
}

/// Lines of 12 generated words; every tenth line repeats the fifth before it.
fn generate(path: &Path, bytes: u64) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut written = 0;
    for line in 0.. {
        let source = if line % 10 == 9 { line - 5 } else { line };
        let stream = Stream::new(11, Purpose::Sample, 0, source);
        let words: Vec<String> = (0..12).map(|index| format!("w{}", stream.below(index, 50_000))).collect();
        let text = words.join(" ");
        writeln!(file, "{text}")?;
        written += text.len() as u64 + 1;
        if written >= bytes {
            break;
        }
    }
    file.flush()
}
