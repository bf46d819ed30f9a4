//! Measures how fast a multistream dump is read: `dump_speed FILE.xml.bz2 [ROUNDS]`. In turn, ROUNDS
//! times: (a) every stream is unpacked on all cores and thrown away, which is the least that anybody
//! can do; (b) documents are made of it. Prints wall and processor times, their ratios, and the peak
//! memory. On a machine with other work the processor times are what to trust. Linux only, as it reads
//! `/proc`.
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bzip2::bufread::BzDecoder;
use glossa_corpora::{Options, Source, source};

/// Where streams begin, found anew here, so that it checks the library's own search.
fn starts(bytes: &[u8]) -> Vec<usize> {
    let found = memchr::memmem::find_iter(bytes, b"BZh").filter(|start| {
        let mark = bytes.get(start + 4..start + 10);
        mark == Some(b"1AY&SY".as_slice()) || mark == Some(b"\x17\x72\x45\x38\x50\x90".as_slice())
    });
    found.collect()
}

/// Unpacks all streams; gives the unpacked size.
fn unpack_all(bytes: &[u8], starts: &[usize]) -> usize {
    let (next, total) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || {
        let mut buffer = vec![0; 1 << 20];
        while let Some(start) = starts.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut decoder = BzDecoder::new(bytes.get(*start..).unwrap_or_default());
            while let Ok(read) = decoder.read(&mut buffer)
                && read > 0
            {
                total.fetch_add(read, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, std::num::NonZero::get) {
            scope.spawn(work);
        }
    });
    total.into_inner()
}

/// Seconds of the wall clock and of the processors.
#[derive(Clone, Copy)]
struct Clock {
    wall: Instant,
    processor: f64,
}

impl Clock {
    fn start() -> Self {
        let status = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let after_name = status.rsplit(')').next().unwrap_or_default();
        let ticks: f64 =
            after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
        Clock { wall: Instant::now(), processor: ticks / 100.0 }
    }

    fn elapsed(self) -> (f64, f64) {
        (self.wall.elapsed().as_secs_f64(), Clock::start().processor - self.processor)
    }
}

fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM unknown").to_owned()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let path = arguments.first().ok_or("usage: dump_speed FILE [ROUNDS]")?;
    let rounds = arguments.get(1).map_or(Ok(3), |text| text.parse::<usize>())?;
    let extract = || -> Result<(u64, usize, (f64, f64)), glossa_corpora::Error> {
        let begin = Clock::start();
        let (mut documents, mut size) = (0, 0);
        for document in source::documents(&[Source::new(path)], &Options::default())? {
            (documents, size) = (documents + 1, size + document?.text.len());
        }
        Ok((documents, size, begin.elapsed()))
    };
    let (documents, size, _) = extract()?;
    println!("{documents} documents, {size} bytes of text; extraction alone: {}", peak());
    let mut ratios = Vec::new();
    for _ in 0..rounds {
        let bytes = std::fs::read(path)?;
        let starts = starts(&bytes);
        let begin = Clock::start();
        let unpacked = unpack_all(&bytes, &starts);
        let least = begin.elapsed();
        drop(bytes);
        let (_, _, ours) = extract()?;
        println!(
            "{} streams, {:.0} MB: unpacking {:.2} s, processors {:.2} s; extraction {:.2} s, processors {:.2} s; ratios {:.3} and {:.3}",
            starts.len(),
            unpacked as f64 / 1e6,
            least.0,
            least.1,
            ours.0,
            ours.1,
            ours.0 / least.0,
            ours.1 / least.1
        );
        ratios.push((ours.0 / least.0, ours.1 / least.1));
    }
    let median = |pick: fn(&(f64, f64)) -> f64| {
        let mut values: Vec<f64> = ratios.iter().map(pick).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    };
    println!("median ratios: wall {:.3}, processors {:.3}; {}", median(|r| r.0), median(|r| r.1), peak());
    Ok(())
}
