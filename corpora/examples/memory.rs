//! Builds a corpus of so many megabytes of generated text and prints the peak memory:
//! `memory MEGABYTES FOLDER [WORDS]`, with so many words a document (12). Linux only, as it reads `/proc`.
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use glossa_base::Silent;
use glossa_base::seed::{Purpose, Stream};
use glossa_corpora::{Options, Source, build};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (megabytes, folder, words) = match arguments.as_slice() {
        [megabytes, folder] => (megabytes, folder, 12),
        [megabytes, folder, words] => (megabytes, folder, words.parse()?),
        _ => return Err("usage: memory MEGABYTES FOLDER [WORDS]".into()),
    };
    let folder = Path::new(folder);
    std::fs::create_dir_all(folder)?;
    let text = folder.join("generated.txt");
    generate(&text, megabytes.parse::<u64>()? << 20, words)?;
    let started = std::time::Instant::now();
    let summary = build(&[Source::new(&text)], &Options::default(), &folder.join("corpus"), &Silent)?;
    let seconds = started.elapsed().as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM unknown");
    println!(
        "{megabytes} MiB: {} documents, {} duplicates, {} near duplicates, {seconds:.1} s, {peak}",
        summary.read, summary.dropped.duplicates, summary.dropped.near_duplicates
    );
    Ok(())
}

/// Lines of generated words; of ten, the ninth repeats the fifth and the tenth does so without a word.
fn generate(path: &Path, bytes: u64, count: u64) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut written = 0;
    for line in 0.. {
        let source = match line % 10 {
            8 => line - 4,
            9 => line - 5,
            _ => line,
        };
        let stream = Stream::new(11, Purpose::Sample, 0, source);
        let mut words: Vec<String> = (0..count).map(|index| word(stream.below(index, 50_000))).collect();
        if line % 10 == 9 {
            words.truncate(words.len() - 1);
        }
        let text = words.join(" ");
        writeln!(file, "{text}")?;
        written += text.len() as u64 + 1;
        if written >= bytes {
            break;
        }
    }
    file.flush()
}

/// A word of letters for a number.
fn word(mut number: usize) -> String {
    let mut word = String::new();
    while word.len() < 2 || number > 0 {
        word.push(char::from(b'a' + (number % 26) as u8));
        number /= 26;
    }
    word
}
