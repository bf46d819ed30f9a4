//! Measures scoring: `score_speed [PREDICTIONS] [RESAMPLES] [ITEMS]`, by default one million predictions, and 10,000
//! resamples of 4,000 items. Prints the times in seconds: reading, scoring with the interval's resamples apart, the
//! bootstrap of one system, and the comparison of two (paired bootstrap and randomisation).
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::time::Instant;

use glossa_base::Outcome;
use glossa_base::seed::{Purpose, Stream};
use glossa_eval::compare::{Metric, Options, System, compare};
use glossa_eval::{Confusion, Prediction, bootstrap, predictions};

const LABELS: [&str; 7] = ["science", "travel", "politics", "sports", "health", "entertainment", "geography"];

/// Answers of a system that is right three times of four.
fn answers(count: usize, seed: u64) -> Vec<Prediction> {
    let (truth, luck) = (Stream::new(0, Purpose::Sample, 0, 0), Stream::new(seed, Purpose::Sample, 1, 0));
    let row = |item: usize| {
        let gold = truth.below(item as u64, LABELS.len());
        let right = luck.uniform(item as u64) < 0.75;
        let label = if right { gold } else { luck.part(1).below(item as u64, LABELS.len()) };
        let name = |label: usize| LABELS.get(label).copied().unwrap_or_default().to_owned();
        Prediction {
            id: Some(format!("{item:07}")),
            gold: Some(name(gold)),
            label: name(label),
            ..Prediction::default()
        }
    };
    (0..count).map(row).collect()
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    println!("{what}: {:.3} s", start.elapsed().as_secs_f64());
    result
}

fn main() -> Outcome<()> {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let number = |place: usize, usual: usize| numbers.get(place).copied().unwrap_or(usual);
    let (count, resamples, items) = (number(0, 1_000_000), number(1, bootstrap::RESAMPLES * 10), number(2, 4_000));

    let rows = answers(count, 1);
    let path = std::env::temp_dir().join(format!("glossa-score-speed-{}.jsonl", std::process::id()));
    predictions::write(&path, &rows)?;
    let read = timed(&format!("read {count} predictions (JSONL)"), || predictions::read(&path));
    let removed = std::fs::remove_file(&path);
    let (gold, predicted) = predictions::labels(&read?)?;
    let metrics =
        timed(&format!("score {count} predictions"), || Confusion::new(&gold, &predicted).map(|one| one.metrics()))?;
    println!("accuracy {:.4}, macro F1 {:.4}", metrics.accuracy, metrics.macro_average.f1);

    let (left, right) = (answers(items, 2), answers(items, 3));
    let (gold, predicted) = predictions::labels(&left)?;
    let confusion = Confusion::new(&gold, &predicted)?;
    timed(&format!("bootstrap {resamples} x {items}"), || bootstrap::intervals(&confusion, resamples, 0));
    let options = Options { metric: Metric::MacroF1, resamples, seed: 0 };
    let (left, right) = (System::of("left", left), System::of("right", right));
    let found = timed(&format!("compare {resamples} x {items}, both tests"), || compare(&left, &right, &options))?;
    println!("{}", found.words);
    removed.map_err(|cause| glossa_base::Failure::io("remove", &path, cause))
}
