//! What the user sees while work goes on: bars with rate and time left on a terminal, one plain line
//! every ten seconds elsewhere. All of it goes to stderr; results go to stdout.
#![expect(clippy::print_stderr, reason = "this is the one place that prints")]

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use glossa_base::{Failure, Kind, Progress};
use indicatif::{ProgressBar, ProgressStyle};

/// Between two plain lines.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

struct Task {
    name: String,
    unit: String,
    total: Option<u64>,
    done: u64,
    state: String,
    started: Instant,
    last_line: Instant,
    bar: Option<ProgressBar>,
}

/// The terminal, or what stands for it.
pub(crate) struct Console {
    quiet: bool,
    bars: bool,
    task: Mutex<Option<Task>>,
}

impl Console {
    pub(crate) fn new(quiet: bool) -> Self {
        let bars = !quiet && std::io::stderr().is_terminal() && std::env::var_os("NO_PROGRESS").is_none();
        Console { quiet, bars, task: Mutex::new(None) }
    }

    /// Takes the bar off the screen.
    pub(crate) fn clear(&self) {
        self.with(|task| {
            if let Some(bar) = task.take().and_then(|task| task.bar) {
                bar.finish_and_clear();
            }
        });
    }

    fn with(&self, change: impl FnOnce(&mut Option<Task>)) {
        if let Ok(mut task) = self.task.lock() {
            change(&mut task);
        }
    }

    fn say(&self, line: &str) {
        if !self.quiet {
            eprintln!("{line}");
        }
    }

    fn bar(&self, name: &str, total: Option<u64>, unit: &str) -> Option<ProgressBar> {
        if !self.bars {
            return None;
        }
        let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        let template = match total {
            Some(_) => format!("{{prefix}} [{{bar:28}}] {{pos}}/{{len}} {unit}, {{per_sec}}, {{eta}} left  {{msg}}"),
            None => format!("{{prefix}} {{spinner}} {{pos}} {unit}, {{per_sec}}  {{msg}}"),
        };
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(name.to_owned());
        Some(bar)
    }
}

impl Task {
    fn plain_line(&self) -> String {
        let seconds = self.started.elapsed().as_secs_f64();
        let rate = self.done as f64 / seconds.max(1e-9);
        let (name, unit, done) = (&self.name, &self.unit, self.done);
        let state = if self.state.is_empty() { String::new() } else { format!(", {}", self.state) };
        match self.total {
            Some(total) if rate > 0.0 => {
                let left = (total.saturating_sub(done) as f64 / rate).ceil();
                format!("{name}: {done}/{total} {unit}, {rate:.1}/s, {left:.0} s left{state}")
            }
            _ => format!("{name}: {done} {unit}, {rate:.1}/s{state}"),
        }
    }
}

impl Progress for Console {
    fn start(&self, task: &str, total: Option<u64>, unit: &str) {
        self.clear();
        let bar = self.bar(task, total, unit);
        let now = Instant::now();
        let (name, unit) = (task.to_owned(), unit.to_owned());
        let fresh = Task { name, unit, total, done: 0, state: String::new(), started: now, last_line: now, bar };
        self.with(|task| *task = Some(fresh));
    }

    fn advance(&self, units: u64) {
        let mut line = None;
        self.with(|task| {
            let Some(task) = task else { return };
            task.done += units;
            if let Some(bar) = &task.bar {
                bar.inc(units);
            } else if task.last_line.elapsed() >= PLAIN_EVERY {
                task.last_line = Instant::now();
                line = Some(task.plain_line());
            }
        });
        line.into_iter().for_each(|line| self.say(&line));
    }

    fn state(&self, text: &str) {
        self.with(|task| {
            let Some(task) = task else { return };
            task.state = text.to_owned();
            task.bar.iter().for_each(|bar| bar.set_message(text.to_owned()));
        });
    }

    fn finish(&self, summary: &str) {
        let mut name = None;
        self.with(|task| {
            let Some(task) = task.take() else { return };
            task.bar.iter().for_each(ProgressBar::finish_and_clear);
            name = Some(task.name);
        });
        match name {
            Some(name) => self.say(&format!("{name}: {summary}")),
            None => self.say(summary),
        }
    }

    fn line(&self, text: &str) {
        self.say(text);
    }
}

/// Prints a result; a reader that went away is no failure.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ =
        out.write_all(text.as_bytes()).and_then(|()| if text.ends_with('\n') { Ok(()) } else { out.write_all(b"\n") });
    let _ = out.flush();
}

/// Prints a failure, its causes on one line, and what to do; gives its exit code.
pub(crate) fn fail(failure: &Failure) -> ExitCode {
    report(failure);
    ExitCode::from(failure.kind.exit_code())
}

/// Prints a failure, its causes on one line, and what to do.
pub(crate) fn report(failure: &Failure) {
    eprintln!("error: {}", failure.chain());
    eprintln!("hint: {}", failure.hint.as_deref().unwrap_or_else(|| usual_hint(failure.kind)));
}

/// What to do where the failure itself does not say.
fn usual_hint(kind: Kind) -> &'static str {
    match kind {
        Kind::Failed => "`glossa doctor` says what this machine has and lacks",
        Kind::Memory => "use smaller batches",
        Kind::Usage => "--help says what the command takes",
        Kind::Data => "check that this is what the command takes (see --help); nothing was written",
        Kind::Network => "check the connection and run the command again",
        Kind::Stopped => "run the same command again to go on",
    }
}
