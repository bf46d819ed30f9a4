//! Bytes changed at random, from fixed seeds, for as long as `GLOSSA_FUZZ_SECONDS` says (by default two).
#![allow(dead_code, unreachable_pub, reason = "each test uses some of it")]

use std::time::{Duration, Instant};

use glossa_base::seed::{Purpose, Stream};

/// Changed copies of `seeds`, with their numbers, until the time is over.
pub fn mutated(seeds: &[Vec<u8>], mut check: impl FnMut(usize, Vec<u8>)) -> u64 {
    let seconds = std::env::var("GLOSSA_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    let end = Instant::now() + Duration::from_secs(seconds.unwrap_or(2));
    let mut step = 0;
    while Instant::now() < end {
        let (stream, mut counter) = (Stream::new(23, Purpose::Sample, 0, step), 0);
        let mut below = |bound: usize| {
            counter += 1;
            stream.below(counter, bound.max(1))
        };
        let number = below(seeds.len());
        let mut bytes = seeds[number].clone();
        for _ in 0..1 + below(8) {
            let at = below(bytes.len() + 1);
            let end = (at + below(40)).min(bytes.len());
            match below(6) {
                0 => drop(bytes.drain(at..end)),
                1 => {
                    let (again, place) = (bytes[at..end].to_vec(), below(bytes.len() + 1));
                    bytes.splice(place..place, again);
                }
                2 => bytes[at..end].fill([0, 0xff, 0x7f, 0x80][below(4)]),
                _ if at < bytes.len() => bytes[at] = below(256) as u8,
                _ => bytes.push(below(256) as u8),
            }
        }
        check(number, bytes);
        step += 1;
    }
    step
}
